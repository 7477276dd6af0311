"""The strip of the Latent page: its modes, its buttons, and what it passes on."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from explorer.latent_messages import Encoded, MapItems
from explorer.messages import OpenedModel
from explorer.ui import theme
from explorer.ui.attributes_mode import AttributesMode
from explorer.ui.codes_mode import CodesMode
from explorer.ui.interpolation_mode import InterpolationMode
from explorer.ui.latent_strip import LatentStrip
from explorer.ui.samples_mode import SamplesMode
from explorer.ui.strip_mode import StripMode
from explorer.ui.traversal_mode import TraversalMode
from tests.gui.strip import StripPage, fake_model, shown_page

Z = np.array([0.1, 0.7, -0.3, 1.1], np.float32)
ALL = ("traversal", "interpolation", "samples", "attributes", "saved")


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[StripPage]:
    yield from shown_page(qtbot)


class ClassesMode(StripMode):
    """A mode that fits models that are told a class; it notes what it is told."""

    key, title, tip = "classes", "classes", "of a test"

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    @classmethod
    def fits(cls, model: OpenedModel) -> bool:
        return model.classes > 0

    def set_items(self, items: MapItems) -> None:
        self.told.append("items")

    def take_encoded(self, encoded: Encoded) -> None:
        self.told.append("encoded")

    def come_up(self) -> None:
        self.told.append("up")

    def go_down(self) -> None:
        self.told.append("down")
        super().go_down()


def test_without_a_model_nothing_can_be_pressed_and_it_says_why(page: StripPage, qtbot: QtBot) -> None:
    for key in ALL:
        page.strip.choose(key)
        mode = page.strip.mode
        assert not mode.bar.isEnabled() and not page.strip.animate.isEnabled() and not page.strip.export.isEnabled()
    page.strip.second(Z)
    page.strip.selected(np.arange(3))
    page.strip.save_place()
    qtbot.keyClick(page.strip, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert not page.asked and not page.went and not page.problems


def test_each_mode_comes_up_with_its_controls_at_the_present_place(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model(), Z)
    page.strip.choose("samples")
    page.go(Z + 1)
    for key in ALL:
        qtbot.mouseClick(page.strip.buttons.buttons[key], Qt.MouseButton.LeftButton)
        assert page.strip.mode is page.strip.modes[key] and page.strip.mode.isVisible()
        assert [other for other, mode in page.strip.modes.items() if mode.bar.isVisible()] == [key]
        assert page.strip.mode.z is not None and np.array_equal(page.strip.mode.z, Z + 1)
        assert page.strip.export.menu() is page.strip.mode.exports
        assert page.strip.mode.heading == page.strip.title.text() != ""


def test_only_the_mode_that_is_shown_asks(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model(), Z)
    page.strip.second(Z + 1)
    page.strip.choose("saved")
    page.asked.clear()
    for number in range(10):
        page.go(Z * number)
        qtbot.wait(10)
    qtbot.wait(150)
    assert not page.asked


def test_modes_that_do_not_fit_have_no_button(qtbot: QtBot, page: StripPage) -> None:
    own = ClassesMode()
    strip = LatentStrip([TraversalMode(), own, SamplesMode()])
    qtbot.addWidget(strip)
    strip.resize(1300, 240)
    strip.show()
    conditional, flat = fake_model("conditional", classes=3), fake_model()
    strip.set_model(conditional, ["z"] * 4)
    strip.choose("classes")
    assert strip.buttons.buttons["classes"].isVisible() and own.told == ["up"]
    strip.set_model(conditional, ["z"] * 4)
    assert strip.mode is own, "the mode stays where it fits"
    strip.set_model(flat, ["z"] * 4)
    assert strip.mode.key == "traversal" and not strip.buttons.buttons["classes"].isVisible() and own.model is None
    assert strip.box.findData("classes") < 0
    keys = []
    for _ in range(3):
        strip.show_next()
        keys.append(strip.mode.key)
    assert keys == ["samples", "traversal", "samples"]
    strip.show_previous()
    assert strip.mode.key == "traversal"
    assert strip.shutdown()


def test_items_and_encoded_images_reach_the_modes(qtbot: QtBot, page: StripPage) -> None:
    own = ClassesMode()
    strip = LatentStrip([TraversalMode(), own])
    qtbot.addWidget(strip)
    strip.set_model(fake_model("conditional", classes=3), ["z"] * 4)
    none = np.zeros((0, 8, 8, 1), np.uint8)
    strip.set_items(MapItems(1, none, none, np.zeros((0, 4), np.float32)))
    assert own.told == ["items"]
    strip.set_model(None, [])
    strip.set_items(MapItems(1, none, none, np.zeros((0, 4), np.float32)))
    assert own.told == ["items"]


class SecondMode(StripMode):
    """A mode that takes a second place itself."""

    key, title, tip = "own", "own", "of a test"

    def take_second(self, z: object) -> None:
        self.second = z


def test_a_mode_that_takes_a_second_place_itself_stays(qtbot: QtBot, page: StripPage) -> None:
    own = SecondMode()
    strip = LatentStrip([TraversalMode(), InterpolationMode(), own])
    qtbot.addWidget(strip)
    strip.set_model(fake_model(), ["z"] * 4)
    strip.choose("own")
    strip.set_place(Z, 0)
    strip.second(Z + 1)
    assert strip.mode is own and np.array_equal(own.second, Z + 1)
    between = strip.modes["interpolation"]
    assert isinstance(between, InterpolationMode) and between.a is not None and np.array_equal(between.a, Z)
    strip.choose("traversal")
    strip.second(Z + 2)
    assert strip.mode is between
    assert strip.shutdown()


def test_the_map_marks_a_second_place_only_where_the_mode_uses_it(qtbot: QtBot) -> None:
    strip = LatentStrip([TraversalMode(), InterpolationMode(), SecondMode()])
    qtbot.addWidget(strip)
    marked: list[object] = []
    strip.second_moved.connect(marked.append)
    strip.set_model(fake_model(), ["z"] * 4)
    strip.set_place(Z, 0)
    assert strip.mode.key == "traversal" and not strip.mode.uses_second
    strip.second(Z + 1)
    assert strip.mode.key == "interpolation" and np.array_equal(marked[-1], Z + 1)
    strip.choose("traversal")
    assert marked[-1] is None
    strip.choose("own")
    assert strip.mode.uses_second and np.array_equal(marked[-1], Z + 1)
    strip.choose("interpolation")
    between = strip.modes["interpolation"]
    assert isinstance(between, InterpolationMode) and np.array_equal(marked[-1], Z + 1)
    between.swap.click()
    assert np.array_equal(marked[-1], Z)
    strip.choose("traversal")
    strip.choose("interpolation")
    assert np.array_equal(marked[-1], Z)
    strip.set_model(fake_model(), ["z"] * 4)
    assert marked[-1] is None
    assert strip.shutdown()


def test_the_keys_change_the_mode_and_swing(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model(), Z)
    page.activateWindow()
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.waitUntil(page.strip.animate.isEnabled)
    qtbot.keyClick(page.strip.mode, Qt.Key.Key_Return, control)
    assert page.strip.mode.swinging and "❚❚" in page.strip.animate.text()
    qtbot.keyClick(page.strip.mode, Qt.Key.Key_PageDown, control)
    assert page.strip.mode.key == "interpolation" and not page.strip.modes["traversal"].swinging
    assert not page.strip.animate.isChecked() and "▶" in page.strip.animate.text()
    qtbot.keyClick(page.strip.mode, Qt.Key.Key_PageUp, control)
    qtbot.keyClick(page.strip.mode, Qt.Key.Key_PageUp, control)
    assert page.strip.mode.key == "saved" and page.strip.buttons.key == "saved"


def test_a_new_model_ends_the_swing_and_an_old_answer_is_dropped(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model(), Z)
    page.strip.second(Z + 1)
    page.strip.animate.click()
    old = page.asked[-1]
    page.open(fake_model(kl=(1.0, 0.5), name="other"))
    mode = page.strip.mode
    assert isinstance(mode, InterpolationMode) and not mode.swinging
    page.answer(old)
    assert mode.shown is None


@pytest.mark.parametrize(("width", "boxed"), [(1340, False), (980, True), (760, True)])
def test_everything_has_room(page: StripPage, qtbot: QtBot, width: int, boxed: bool) -> None:
    page.open(fake_model("conditional", classes=3), Z)
    page.resize(width, 200)
    for key in ALL:
        page.strip.choose(key)
        qtbot.waitUntil(lambda: page.strip.box.isVisible() == boxed)
        qtbot.waitUntil(lambda: page.strip.export.geometry().right() <= page.strip.width())
        wanted = page.strip.mode.bar.minimumSizeHint().width()
        qtbot.waitUntil(lambda wanted=wanted: page.strip.mode.bar.width() >= wanted)
    assert page.width() == width, "nothing asks for more room than there is"


def test_wide_controls_take_a_row_of_their_own_and_the_buttons_stay(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model(), Z)
    strip = page.strip
    page.resize(1150, 300)
    attributes = strip.modes["attributes"]
    assert isinstance(attributes, AttributesMode)
    attributes.list.box.setMinimumWidth(450)
    for key in ("traversal", "attributes", "saved"):
        strip.choose(key)
        qtbot.waitUntil(lambda: strip.buttons.isVisible() and not strip.box.isVisible())
        own_row = strip.body.indexOf(strip._bars) >= 0
        assert own_row == (key == "attributes") and strip.mode.bar.isVisibleTo(strip)


def test_nothing_in_the_title_row_moves_when_it_swings(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model(), Z)
    qtbot.waitUntil(page.strip.animate.isEnabled)
    before = page.strip.buttons.geometry(), page.strip.animate.geometry()
    for _ in range(2):
        qtbot.mouseClick(page.strip.animate, Qt.MouseButton.LeftButton)
        QApplication.processEvents()
        assert (page.strip.buttons.geometry(), page.strip.animate.geometry()) == before
    assert page.strip.animate.width() >= page.strip.animate.sizeHint().width()


def test_the_keys_stay_in_the_strip_when_the_mode_changes(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model(), Z)
    page.activateWindow()
    mode = page.strip.mode
    assert isinstance(mode, TraversalMode)
    for widget in (mode.rows, mode.extent):
        page.strip.choose("traversal")
        widget.setFocus()
        qtbot.waitUntil(widget.hasFocus)
        qtbot.mouseClick(page.strip.buttons.buttons["saved"], Qt.MouseButton.LeftButton)
        focus = QApplication.focusWidget()
        saved = page.strip.modes["saved"]
        assert focus is not None and (saved.isAncestorOf(focus) or saved.bar.isAncestorOf(focus))


def test_a_vq_vae_opens_on_its_codes(qtbot: QtBot, page: StripPage) -> None:
    strip = LatentStrip([TraversalMode(), SamplesMode(), CodesMode()])
    qtbot.addWidget(strip)
    vq, vae = fake_model("vq"), fake_model()
    strip.set_model(vae, ["z"] * 4)
    assert strip.mode.key == "traversal"
    strip.set_model(vq, ["z"] * 4)
    assert strip.mode.key == "codes" and strip.box.currentData() == "codes"
    strip.choose("traversal")
    strip.set_model(vq, ["z"] * 4)
    assert strip.mode.key == "traversal", "who goes on to another one keeps what is shown"
    strip.choose("samples")
    strip.set_model(vae, ["z"] * 4)
    strip.set_model(vq, ["z"] * 4)
    assert strip.mode.key == "samples"
    assert strip.shutdown()


def test_choosing_by_the_box(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model(), Z)
    page.resize(900, 200)
    qtbot.waitUntil(page.strip.box.isVisible)
    page.strip.box.setFocus()
    qtbot.keyClick(page.strip.box, Qt.Key.Key_Down)
    assert page.strip.mode.key == "interpolation"
    page.strip.second(Z + 1)
    page.strip.choose("saved")
    assert page.strip.box.currentText() == "saved"


def test_films_are_told_and_can_be_ended(page: StripPage, qtbot: QtBot, tmp_path: Path) -> None:
    page.open(fake_model(), Z)
    page.strip.second(Z + 1)
    said: list[object] = []
    page.strip.status.connect(said.append)
    page.strip.job.connect(said.append)
    page.strip.mode.films.save("interpolation", tmp_path / "film.gif")
    qtbot.waitUntil(lambda: said[-1] is None)
    assert f"saved {tmp_path / 'film.gif'}" in said and (tmp_path / "film.gif").is_file()
    page.strip.mode.films.save("interpolation", tmp_path / "no" / "film.gif")
    assert "no folder" in page.problems[-1].text
    page.strip.mode.films.save("interpolation", tmp_path / "again.zip")
    page.strip.cancel_job()
    qtbot.waitUntil(lambda: not page.strip.mode.films.saving)


def test_tab_goes_as_one_reads(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model(), Z)
    page.strip.second(Z + 1)
    page.activateWindow()
    mode = page.strip.mode
    assert isinstance(mode, InterpolationMode)
    mode.take_a.setFocus()
    passed = []
    for _ in range(14):
        focused = page.focusWidget()
        assert focused is not None
        passed.append(focused)
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    order = (mode.take_a, mode.take_b, mode.follow, page.strip.animate, page.strip.export, mode.rows)
    places = [passed.index(widget) for widget in order]
    assert places == sorted(places)


def test_both_themes_and_every_control_says_what_it_is(page: StripPage, qtbot: QtBot) -> None:
    from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QComboBox, QLineEdit

    page.open(fake_model("conditional", classes=3), Z)
    for name in ("light", "dark"):
        theme.current().apply(name)
        for key in ALL:
            page.strip.choose(key)
            page.strip.grab()
    for kind in (QAbstractButton, QComboBox, QLineEdit, QAbstractSlider):
        for widget in page.strip.findChildren(kind):
            if widget.objectName().startswith("qt_") or "ScrollBar" in type(widget).__name__:
                continue
            assert widget.toolTip(), f"{type(widget).__name__} {widget.accessibleName()} says nothing"
            assert widget.accessibleName(), f"{type(widget).__name__} {widget.toolTip()} has no name"


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_done_the_strip_shows_the_last_place(page: StripPage, qtbot: QtBot, seed: int) -> None:
    random = np.random.default_rng(seed)
    models = [
        fake_model(), fake_model("conditional", classes=3, name="told"), fake_model("autoencoder", name="plain"),
        fake_model("hierarchical", kl=(0.5, 2.0, 1.0, 0.7, 0.2), levels=(3, 2), name="ladder"),
    ]  # fmt: skip
    page.open(models[0], Z)

    def place() -> np.ndarray:
        return random.standard_normal(page.model.latent_size).astype(np.float32)

    def press() -> None:
        keys = (
            Qt.Key.Key_Left,
            Qt.Key.Key_Down,
            Qt.Key.Key_Return,
            Qt.Key.Key_Delete,
            Qt.Key.Key_F2,
            Qt.Key.Key_Escape,
        )
        target = page.strip.mode.focusWidget() or page.strip.mode
        qtbot.keyClick(target, keys[random.integers(len(keys))])

    def select() -> None:
        page.strip.selected(random.integers(0, 300, random.integers(0, 40)))

    doings = (
        lambda: page.open(models[random.integers(len(models))]),
        *[lambda: page.go(place(), int(random.integers(max(1, page.model.classes))))] * 6,
        *[lambda: page.strip.choose(ALL[random.integers(len(ALL))])] * 4,
        lambda: page.strip.second(place()), lambda: page.strip.second(None), select, select,
        page.strip.animate.click, page.strip.animate.click, page.strip.save_place,
        lambda: page.resize(int(random.integers(760, 1500)), int(random.integers(150, 500))),
        *[press] * 4, lambda: qtbot.wait(5), lambda: page.strip.set_model(None, [], "opening …"),
    )  # fmt: skip
    for _ in range(250):
        doings[random.integers(len(doings))]()
        if page.strip.model is None:
            page.open(models[random.integers(len(models))])
    page.strip.choose("traversal")
    page.strip.mode.animate(False)
    last = place()
    page.go(last)
    mode = page.strip.mode
    assert isinstance(mode, TraversalMode)
    qtbot.waitUntil(lambda: mode.shown is not None and np.array_equal(mode.shown.about.z, last))
    assert mode.rows.pixels.shape[0] == len(mode.rows.names) > 0
    assert not page.problems

"""Attribute vectors in the strip: mean minus mean, a slider that comes back exactly, a list that is kept."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.animations import film_bytes
from explorer.saved_points import SavedPoints
from explorer.ui.attributes_mode import AttributesMode, along
from explorer.walks import attribute
from tests.gui.strip import StripPage, choose, fake_model, pictures_of, shown_page

Z = np.array([0.1, 0.7, -0.3, 1.1], np.float32)


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[StripPage]:
    yield from shown_page(qtbot)


@pytest.fixture
def mode(page: StripPage) -> AttributesMode:
    """Return the mode, shown, a model open at Z, nothing chosen yet."""
    page.open(fake_model(), Z)
    page.strip.choose("attributes")
    shown = page.strip.mode
    assert isinstance(shown, AttributesMode)
    return shown


def direction(page: StripPage, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    latents = page.model.latents
    assert latents is not None
    return attribute(latents.means, first, second)


def classes(page: StripPage, label: int) -> np.ndarray:
    assert page.model.latents is not None
    return np.flatnonzero(page.model.latents.labels == label)


def pick_classes(page: StripPage, mode: AttributesMode, qtbot: QtBot, first: int = 2, second: int = 0) -> np.ndarray:
    """Choose class ``first`` as A and ``second`` as B; return the direction."""
    choose(mode.first.box, first)
    choose(mode.second.box, second)
    wanted = direction(page, classes(page, first), classes(page, second))
    qtbot.waitUntil(lambda: mode.shown is not None and np.array_equal(mode.shown.about.direction, wanted))
    return wanted


def test_nothing_is_asked_before_both_sets_are_there(page: StripPage, mode: AttributesMode) -> None:
    assert "lasso" in mode.rows.hint and not mode.amount.isVisible() and not mode.first.take.isEnabled()
    assert not any(len(request.z) == 11 for request in page.asked)
    choose(mode.first.box, "rest")
    assert mode.list.direction is None, "all the rest of all the rest is nothing"


def test_a_lasso_is_a_and_the_rest_is_b(page: StripPage, mode: AttributesMode, qtbot: QtBot) -> None:
    chosen = np.array([5, 1, 17, 5])
    page.strip.selected(chosen)
    wanted = direction(page, np.unique(chosen), np.setdiff1d(np.arange(300), chosen))
    qtbot.waitUntil(lambda: mode.shown is not None)
    assert mode.list.direction is not None and np.array_equal(mode.list.direction, wanted)
    assert mode.first.box.currentText() == "selection · 3"
    other = np.arange(20, 30)
    page.strip.selected(other)
    assert mode.first.box.currentText() == "selection · 3", "a new selection is taken when it is asked for"
    qtbot.mouseClick(mode.second.take, Qt.MouseButton.LeftButton)
    assert np.array_equal(mode.list.direction, direction(page, np.unique(chosen), other))


def test_a_direction_of_selections_is_called_after_their_classes(
    page: StripPage, mode: AttributesMode, qtbot: QtBot
) -> None:
    labels = np.arange(300) % 3
    page.strip.selected(np.flatnonzero(labels == 1)[:9])
    mixed = np.concatenate([np.flatnonzero(labels == 2)[:7], np.flatnonzero(labels == 0)[:3]])
    page.strip.selected(mixed)
    qtbot.mouseClick(mode.second.take, Qt.MouseButton.LeftButton)
    assert mode.list.name == "selected class 1 − mostly class 2"
    page.strip.selected(np.arange(30))  # ten of each
    qtbot.mouseClick(mode.second.take, Qt.MouseButton.LeftButton)
    assert mode.list.name == "selected class 1 − 30 items of 3 classes"


def test_the_strip_is_z_plus_t_a(page: StripPage, mode: AttributesMode, qtbot: QtBot) -> None:
    a = pick_classes(page, mode, qtbot)
    assert mode.shown is not None
    amounts = np.linspace(-2, 2, 11)
    assert np.allclose(mode.shown.z, Z + amounts[:, None] * a, atol=1e-6)
    assert mode.shown.z[5].tobytes() == Z.tobytes() and mode.rows.marks == (5,)
    assert np.array_equal(mode.rows.pixels[0], pictures_of(mode.shown.z, (0,)))
    left, right = (mode.rows.plan.cell(0, column).center().x() for column in (0, 10))  # type: ignore[union-attr]
    slider = mode.amount
    assert slider.x() + slider._x(-2.0) == pytest.approx(left, abs=1.5), "each value is under its picture"
    assert slider.x() + slider._x(2.0) == pytest.approx(right, abs=1.5)


def test_the_slider_moves_live_and_returns_bit_by_bit(page: StripPage, mode: AttributesMode, qtbot: QtBot) -> None:
    a = pick_classes(page, mode, qtbot)
    requests = len(page.asked)
    random = np.random.default_rng(0)
    for value in random.uniform(-2, 2, 200):
        mode.amount.setValue(float(value))
        assert np.allclose(page.z, Z + round(float(mode.amount.value()), 6) * a, atol=1e-6)
    assert mode.base is not None and mode.base.tobytes() == Z.tobytes()
    mode.amount.setValue(0.0)
    assert page.z.tobytes() == Z.tobytes()
    mode.amount.setValue(1.3)
    qtbot.mouseClick(mode.zero, Qt.MouseButton.LeftButton)
    assert page.z.tobytes() == Z.tobytes() and mode.amount.value() == 0
    mode.amount.setValue(-0.7)
    qtbot.mouseClick(mode.amount, Qt.MouseButton.RightButton)
    assert page.z.tobytes() == Z.tobytes()
    qtbot.wait(100)
    assert len(page.asked) == requests, "its own moves leave the strip as it is"


def test_a_drag_is_one_move(page: StripPage, mode: AttributesMode, qtbot: QtBot) -> None:
    pick_classes(page, mode, qtbot)
    slider = mode.amount
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=slider.rect().center())
    for value in (0.3, 0.6, 0.9):
        slider.setValue(value)
    assert page.released == 0 and len(page.went) >= 3
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton)
    assert page.released == 1
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert page.released == 2 and slider.value() == pytest.approx(0.95)


def test_another_place_is_a_new_start(page: StripPage, mode: AttributesMode, qtbot: QtBot) -> None:
    a = pick_classes(page, mode, qtbot)
    mode.amount.setValue(1.0)
    moved = page.z.copy()
    page.go(np.ones(4, np.float32))  # such as by undo, or a click in the map
    assert mode.amount.value() == 0 and mode.base is not None and np.array_equal(mode.base, np.ones(4))
    qtbot.waitUntil(lambda: mode.shown is not None and np.array_equal(mode.shown.about.base, np.ones(4)))
    mode.amount.setValue(1.0)
    assert np.allclose(page.z, 1 + a, atol=1e-6)
    pick_classes(page, mode, qtbot, 1, 0)
    assert mode.amount.value() == 0 and mode.base is not None and np.allclose(mode.base, 1 + a, atol=1e-6)
    assert not np.array_equal(moved, mode.base)


def test_a_page_that_keeps_a_dimension_does_not_stop_the_drag(
    page: StripPage, mode: AttributesMode, qtbot: QtBot
) -> None:
    pick_classes(page, mode, qtbot)

    def go_but_keep(z: np.ndarray) -> None:
        kept = z.copy()
        kept[0] = Z[0]
        page.go(kept)

    page.strip.went.disconnect(page._go)
    page.strip.went.connect(go_but_keep)
    for value in (0.5, 1.0, 1.5, 0.0):
        mode.amount.setValue(value)
        assert mode.amount.value() == pytest.approx(value)
    assert page.z.tobytes() == Z.tobytes()


def test_a_click_goes_to_the_cell(page: StripPage, mode: AttributesMode, qtbot: QtBot) -> None:
    pick_classes(page, mode, qtbot)
    assert mode.rows.plan is not None and mode.shown is not None
    at = mode.rows.plan.cell(0, 9).center().toPoint()
    qtbot.mouseClick(mode.rows, Qt.MouseButton.LeftButton, pos=at)
    assert page.z.tobytes() == mode.shown.z[9].tobytes() and page.released == 1
    assert mode.amount.value() == pytest.approx(1.6) and mode.rows.marks == (9,)
    mode.rows.setFocus()
    qtbot.keyClick(mode.rows, Qt.Key.Key_Left)
    assert page.z.tobytes() == mode.shown.z[8].tobytes()


def test_directions_are_kept_named_and_used_again(page: StripPage, mode: AttributesMode, qtbot: QtBot) -> None:
    a = pick_classes(page, mode, qtbot)
    mode.amount.setValue(0.8)
    moved = page.z.copy()
    qtbot.mouseClick(mode.list.keep, Qt.MouseButton.LeftButton)
    assert mode.list.field.isVisible()
    mode.list.field.setText("slant")
    qtbot.keyClick(mode.list.field, Qt.Key.Key_Return)
    assert mode.list.name == "slant" and mode.list.box.currentText() == "slant"
    assert mode.amount.value() == pytest.approx(0.8) and np.array_equal(page.z, moved), "only its name is another one"
    assert "slant" in page.strip.title.text()
    page.open(fake_model(), Z)
    assert [mode.list.box.itemText(index) for index in range(mode.list.box.count())] == ["A − B", "slant"]
    choose(mode.list.box, mode.list.box.itemData(1))
    qtbot.waitUntil(lambda: mode.shown is not None)
    assert mode.shown is not None and np.array_equal(mode.shown.about.direction, a)
    assert mode.shown.about.note == "mean of 100 − mean of 100 items"
    mode.list.box.setFocus()
    qtbot.keyClick(mode.list.box, Qt.Key.Key_F2)
    assert mode.list.field.isVisible()
    qtbot.keyClicks(mode.list.field, "tilt")
    qtbot.keyClick(mode.list.field, Qt.Key.Key_Escape)
    assert mode.list.name == "slant"
    qtbot.keyClick(mode.list.box, Qt.Key.Key_Delete)
    assert mode.list.direction is None and "lasso" in mode.rows.hint
    qtbot.mouseClick(mode.list.back, Qt.MouseButton.LeftButton)
    assert mode.list.name == "slant" and mode.list.direction is not None
    page.open(fake_model(name="another"), Z)
    assert mode.list.box.count() == 1, "another model has directions of its own"
    assert not page.problems


def test_what_another_window_kept_is_there(page: StripPage, mode: AttributesMode, qtbot: QtBot) -> None:
    page.strip.choose("saved")
    theirs = SavedPoints(str(page.model.provenance["weights_sha256"]), 4)
    kept = theirs.add_direction("theirs", np.ones(4, np.float32))
    page.strip.choose("attributes")
    choose(mode.list.box, kept.key)
    qtbot.waitUntil(lambda: mode.shown is not None)
    page.strip.choose("saved")
    theirs.remove(kept.key)
    page.strip.choose("attributes")
    assert mode.list.direction is None and mode.shown is None


def test_along_is_exact_at_zero_and_right_elsewhere() -> None:
    base, a = np.array([1e-30, 1e8, 0.1], np.float32), np.array([1.0, 3.0, 0.3], np.float32)
    assert along(base, a, 0.0).tobytes() == base.tobytes() and along(base, a, 0.0) is not base
    assert np.array_equal(along(base, a, 2.0), (base.astype(np.float64) + 2 * a.astype(np.float64)).astype(np.float32))


def test_the_swing_leaves_the_place(page: StripPage, mode: AttributesMode, qtbot: QtBot) -> None:
    pick_classes(page, mode, qtbot)
    mode.animate(True)
    qtbot.waitUntil(lambda: mode.rows.step >= 2)
    assert not mode.amount.isVisible() and not page.went
    mode.animate(False)
    assert mode.amount.isVisible() and mode.rows.step == -1


@pytest.mark.parametrize("family", ["autoencoder", "vq", "conditional"])
def test_other_families(page: StripPage, qtbot: QtBot, family: str) -> None:
    page.open(fake_model(family, classes=3 if family == "conditional" else 0), Z)
    page.strip.choose("attributes")
    mode = page.strip.mode
    assert isinstance(mode, AttributesMode)
    pick_classes(page, mode, qtbot)
    page.go(Z, 2)
    if family == "conditional":
        qtbot.waitUntil(lambda: page.asked[-1].labels == (2,))


def test_exports_read_back_as_shown(page: StripPage, mode: AttributesMode, qtbot: QtBot, tmp_path: Path) -> None:
    a = pick_classes(page, mode, qtbot)
    mode.exports.save("attribute", tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as read:
        assert np.array_equal(np.asarray(read)[::8, ::8][:, 9 * 3 : 9 * 3 + 8], mode.rows.pixels[0, 3, ..., 0])
    told = images.read_provenance(tmp_path / "a.png")
    assert told["attribute"] == "class 2 − class 0" and np.array(told["direction"], np.float32).tobytes() == a.tobytes()
    assert told["amounts"][:2] == [-2.0, -1.6] and np.array(told["z"], np.float32).tobytes() == Z.tobytes()
    mode.exports.save("attribute-z", tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    assert rows[0][0] == "direction" and np.array(rows[0][2:], np.float32).tobytes() == a.tobytes()
    assert mode.shown is not None
    assert np.array([row[2:] for row in rows[1:]], np.float32).tobytes() == mode.shown.z.tobytes()
    (tmp_path / "a.gif").write_bytes(film_bytes(".gif", mode._reel()))
    with Image.open(tmp_path / "a.gif") as read:
        assert read.n_frames == 20
    assert not page.problems

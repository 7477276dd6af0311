"""The window as a whole: navigation, themes, cards, devices, errors."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QSlider, QWidget
from pytestqt.qtbot import QtBot

from explorer import runs
from explorer.messages import Failure
from explorer.ui import theme
from explorer.ui.latent_page import LatentPage
from explorer.ui.main_window import PAGES, MainWindow
from explorer.ui.models_page import ModelsPage
from explorer.workers.warm_up import WarmUp

Until = Callable[[Callable[[], bool]], None]


def test_pages_by_mouse_and_by_key(window: MainWindow, qtbot: QtBot) -> None:
    for index, key in enumerate(PAGES):
        qtbot.mouseClick(window._buttons[key], Qt.MouseButton.LeftButton)
        assert window.stack.currentWidget() is window.page(key)
        qtbot.keyClick(window, Qt.Key(Qt.Key.Key_1 + len(PAGES) - 1 - index), Qt.KeyboardModifier.ControlModifier)
        assert window.stack.currentWidget() is window.page(list(PAGES)[-1 - index])


def test_every_control_has_a_tooltip(window: MainWindow) -> None:
    for key in PAGES:
        window.show_page(key)
    for kind in (QAbstractButton, QComboBox, QLineEdit, QSlider):
        for control in window.findChildren(kind):
            assert isinstance(control, QWidget)
            if isinstance(control, QAbstractButton) and control.property("role") == "link" and not control.text():
                continue
            ours = control.objectName() not in {"qt_spinbox_lineedit"} and not _inside_foreign(control)
            if ours:
                where = f"{type(control).__name__} {control.objectName()!r} {getattr(control, 'text', str)()!r}"
                assert control.toolTip(), f"no tooltip: {where}"


def _inside_foreign(control: QWidget) -> bool:
    parent = control.parentWidget()
    while parent is not None:
        if type(parent).__module__.startswith("pyqtgraph"):
            return True
        parent = parent.parentWidget()
    return isinstance(control.parentWidget(), QComboBox | QLineEdit)


def test_the_status_bar_forgets_what_was_done(window: MainWindow, qtbot: QtBot) -> None:
    latent = window.page("latent")
    latent.status.emit("saved this place as point 1")
    assert window.status.text() == "saved this place as point 1" and window.bottom._fade.isActive()
    assert 5000 <= window.bottom._fade.interval() <= 10_000
    window.bottom._fade.setInterval(10)
    latent.status.emit("saved this place as point 2")
    qtbot.waitUntil(lambda: not window.status.text())
    window.bottom._fade.setInterval(60_000)
    latent.status.emit("saved this place as point 3")
    latent.subject.emit("model: another")
    assert not window.status.text() and not window.bottom._fade.isActive(), "it was of the model before"
    latent.status.emit("saved this place as point 4")
    latent.subject.emit("model: another")
    assert window.status.text(), "the same model has only been named again"


def test_both_themes_colour_the_window(window: MainWindow, qtbot: QtBot) -> None:
    for key in PAGES:
        window.show_page(key)
    seen = []
    for name in ("light", "dark"):
        theme.current().apply(name)
        picture = window.grab().toImage()
        seen.append(picture.pixelColor(picture.width() // 2, 4))
        assert seen[-1] == QColor(theme.colors().chrome)
    assert seen[0] != seen[1]
    qtbot.mouseClick(window.theme_button, Qt.MouseButton.LeftButton)
    assert theme.current().name == "light"
    theme.current().apply("dark")


@pytest.mark.parametrize("colors", [theme.DARK, theme.LIGHT])
def test_text_is_readable(colors: theme.Colors) -> None:
    """WCAG contrast: 4.5 for text, 3 for marks and for the classes of the scatter."""

    def luminance(color: str) -> float:
        parts = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    def contrast(one: str, other: str) -> float:
        high, low = sorted((luminance(one), luminance(other)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for back in (colors.window, colors.panel, colors.chrome, colors.field):
        assert contrast(colors.text, back) >= 7
        assert contrast(colors.muted, back) >= 4.5
    assert contrast(colors.on_accent, colors.accent) >= 4.5
    for mark in (colors.accent, colors.second, colors.good, colors.bad):
        assert contrast(mark, colors.panel) >= 3
    for mark in colors.classes:
        assert contrast(mark, colors.panel) >= 2, mark


def test_cards_search_and_open(window: MainWindow, qtbot: QtBot, until: Until) -> None:
    page = window.show_page("models")
    assert isinstance(page, ModelsPage)
    names = {shown.card.name for shown in page.cards}
    assert names == {folder.name for folder in runs.folders()} >= {"digits-vae-2d", "digits-ddpm"}
    qtbot.keyClicks(page.search, "digits-beta")
    assert [shown.card.name for shown in page.cards] == ["digits-beta-vae"]
    page.search.setText("zzz")
    assert not page.cards
    page.search.clear()
    page.kind.choose("diffusion")
    assert {shown.card.family for shown in page.cards} == {"ddpm"} and len(page.cards) > 1
    page.kind.choose("latent")
    card = next(shown for shown in page.cards if shown.card.name == "digits-vae-2d")
    qtbot.mouseClick(card, Qt.MouseButton.LeftButton)
    assert page.chosen is not None and page.chosen.name == "digits-vae-2d"
    qtbot.mouseDClick(card, Qt.MouseButton.LeftButton)
    latent = window.page("latent")
    assert isinstance(latent, LatentPage) and window.stack.currentWidget() is latent
    until(lambda: latent.decoded is not None)


def test_the_preview_can_be_taken_home(window: MainWindow, tmp_path: Path, problems: list[Failure]) -> None:
    page = window.show_page("models")
    assert isinstance(page, ModelsPage)
    page.choose(runs.card(runs.find("digits-ddpm")))
    page.export.save("digits-ddpm-samples", tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes() == (runs.find("digits-ddpm") / runs.PREVIEW).read_bytes()
    assert not problems


def test_cards_by_keyboard(window: MainWindow, qtbot: QtBot, until: Until) -> None:
    page = window.show_page("models")
    assert isinstance(page, ModelsPage)
    card = next(shown for shown in page.cards if shown.card.name == "digits-beta-vae")
    qtbot.keyClick(card, Qt.Key.Key_Space)
    assert page.chosen is not None and page.chosen.name == "digits-beta-vae"
    qtbot.keyClick(card, Qt.Key.Key_Return)
    latent = window.page("latent")
    assert isinstance(latent, LatentPage)
    until(lambda: latent.decoded is not None)


def test_a_damaged_run_is_a_card_that_says_so(home: Path, window: MainWindow) -> None:
    broken = home / "runs" / "broken"
    broken.mkdir(parents=True)
    (broken / runs.RECORD).write_text("{")
    page = window.page("models")
    assert isinstance(page, ModelsPage)
    page.refresh()
    shown = next(card for card in page.cards if card.card.name == "broken")
    page.choose(shown.card)
    assert not page.open_button.isEnabled()
    page._open(shown.card)
    assert window.stack.currentWidget() is page


def test_a_problem_is_told_with_details_and_dismissed(window: MainWindow, qtbot: QtBot) -> None:
    window.messages.tell(Failure("it broke; mend it so", "Traceback …"))
    assert window.messages.isVisible() and window.messages.text.text() == "it broke; mend it so"
    qtbot.mouseClick(window.messages._toggle, Qt.MouseButton.LeftButton)
    assert window.messages._details.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.messages.isVisible()


def test_warm_up_names_the_device(window: MainWindow, until: Until) -> None:
    window.warm_up.start()
    until(lambda: window.report is not None)
    assert window.report is not None and window.report.label in window.device.text()


def test_a_machine_without_torch_says_so(window: MainWindow, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_self: WarmUp) -> None:
        raise ImportError("no torch here")

    monkeypatch.setattr(WarmUp, "work", missing)
    window.warm_up.start()
    until(lambda: window.device.text() == "no torch")
    assert "no torch here" in window.messages.text.text()


def test_a_problem_goes_with_its_page_and_comes_back(window: MainWindow, qtbot: QtBot) -> None:
    window.show_page("train").problem.emit(Failure("no room; make some"))
    assert window.messages.isVisible()
    window.show_page("models")
    assert not window.messages.isVisible()
    window.page("models").problem.emit(Failure(""))  # what another has told is not taken back
    window.show_page("train")
    assert window.messages.isVisible() and window.messages.text.text() == "no room; make some"
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    window.show_page("models")
    window.show_page("train")
    assert not window.messages.isVisible(), "dismissed is dismissed"


def test_a_problem_that_is_over_does_not_come_back(window: MainWindow) -> None:
    train = window.show_page("train")
    train.problem.emit(Failure("no room; make some"))
    window.show_page("models")
    train.problem.emit(Failure(""))
    window.show_page("train")
    assert not window.messages.isVisible()


def test_a_problem_told_from_behind_is_seen_at_once_and_stays(window: MainWindow) -> None:
    train = window.show_page("train")
    window.show_page("models")
    train.problem.emit(Failure("training ended; look"))
    assert window.messages.isVisible()
    window.show_page("latent")
    window.show_page("train")
    assert window.messages.isVisible()
    train.problem.emit(Failure(""))
    assert not window.messages.isVisible()

"""Who has the keys on the Diffusion page, what goes on playing, and what its words and fields look like."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLabel, QStyle, QStyleOptionFrame
from pytestqt.qtbot import QtBot

from explorer.inference import session
from explorer.messages import Frames, StepCoefficients
from explorer.ui import theme
from explorer.ui.app import make_application
from explorer.ui.diffusion_page import DiffusionPage
from explorer.ui.main_window import MainWindow
from explorer.ui.seed_field import LARGEST_SEED, SeedField
from explorer.ui.step_panel import in_words
from tests.gui.diffusion import Trained, Until, choose, opened

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(window: MainWindow, until: Until, trained: Trained) -> DiffusionPage:
    return opened(window, until, trained("digits-ddpm"))


def press_space(window: MainWindow, qtbot: QtBot) -> None:
    """Press Space as the window gives it to whatever has the keys."""
    qtbot.keyClick(window.focusWidget() or window, Qt.Key.Key_Space)


# ---- the keys ------------------------------------------------------------------------------------------------------


def test_space_plays_as_soon_as_a_model_is_open(
    window: MainWindow, until: Until, trained: Trained, qtbot: QtBot
) -> None:
    models = window.show_page("models")
    models.setFocus()
    page = opened(window, until, trained("digits-ddpm"))
    player, look = page.reverse.player, theme.current().name
    assert window.focusWidget() is player.slider
    press_space(window, qtbot)
    assert player.playing and theme.current().name == look
    press_space(window, qtbot)
    assert not player.playing


def test_space_after_sample_plays_and_cancels_nothing(
    page: DiffusionPage, window: MainWindow, qtbot: QtBot, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled: list[bool] = []
    monkeypatch.setattr(page.reverse, "cancel", lambda: cancelled.append(True))
    page.controls.run.setFocus()
    qtbot.mouseClick(page.controls.run, LEFT)
    assert window.focusWidget() in (page.reverse.player, page.reverse.player.slider)
    press_space(window, qtbot)
    until(lambda: page.reverse.film.complete and not page.reverse.running)
    assert not cancelled and window.focusWidget() is page.reverse.player.slider


def test_the_keys_go_with_the_mode(page: DiffusionPage, window: MainWindow, qtbot: QtBot, until: Until) -> None:
    buttons = page.controls.mode.buttons
    assert all(made.focusPolicy() == Qt.FocusPolicy.TabFocus for made in (*buttons.values(), window.theme_button))
    buttons["reverse"].setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.mouseClick(buttons["forward"], LEFT)
    assert not buttons["reverse"].hasFocus()
    until(lambda: page.forward.noised is not None)
    assert window.focusWidget() is page.forward.player.slider
    press_space(window, qtbot)
    assert page.forward.player.playing
    qtbot.mouseClick(buttons["back"], LEFT)
    assert window.focusWidget() is page, "there is no player: Space presses nothing"
    window.show_page("models")
    window.show_page("diffusion")
    assert window.focusWidget() is page
    qtbot.mouseClick(buttons["reverse"], LEFT)
    assert window.focusWidget() is page.reverse.player.slider


def test_what_is_hidden_or_disabled_leaves_the_keys_to_the_page(page: DiffusionPage, window: MainWindow) -> None:
    line = page.reverse.seed.line
    line.setFocus()
    page.reverse.bar.hide()
    assert window.focusWidget() is page
    page.reverse.bar.show()
    line.setFocus()
    line.setEnabled(False)
    assert window.focusWidget() is page
    line.setEnabled(True)
    line.setFocus()
    window.focusNextPrevChild(True)
    assert window.focusWidget() not in (line, page), "Tab goes on as ever"


# ---- playing on ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["digits-ddpm", "points-ddpm"])
def test_another_sampler_goes_on_playing_or_stands_still_as_before(
    window: MainWindow, until: Until, trained: Trained, preset: str
) -> None:
    reverse = opened(window, until, trained(preset)).reverse
    player = reverse.player
    player.speed.choose("¼×")
    player.go_to(4)
    player.start()
    at = reverse.t
    reverse.sampling.sampler.choose("ddim")
    until(lambda: reverse.film.complete and not reverse.running)
    assert player.playing and reverse.t <= at, "on from where it was"
    player.go_to(5)
    at = reverse.t
    player.pause()
    choose(reverse.sampling.steps, 10)
    until(lambda: reverse.film.complete and not reverse.running)
    assert not player.playing and reverse.t in (at, at - 1)


def test_two_changes_at_once_keep_where_it_was_and_that_it_played(page: DiffusionPage, until: Until) -> None:
    reverse, player = page.reverse, page.reverse.player
    player.speed.choose("¼×")
    player.go_to(12)
    player.start()
    at = reverse.t
    reverse.sampling.sampler.choose("ddim")
    reverse.sampling.sampler.choose("ddpm")
    until(lambda: reverse.film.complete and not reverse.running)
    assert player.playing and at - 2 <= reverse.t <= at


def test_while_it_catches_up_the_button_tells_whether_it_plays(
    page: DiffusionPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frames come as the worker sends them, some at a time."""
    reverse, player = page.reverse, page.reverse.player
    frames, all_t = list(reverse.frames), tuple(reverse.film.t)
    monkeypatch.setattr(reverse, "ask", lambda _request, number: setattr(reverse, "request", number))

    def send(first: int, last: int) -> None:
        reverse._got_frames(Frames(reverse.request, tuple(frames[first:last]), last == len(frames), all_t))

    for by_hand in (False, True):
        player.go_to(12)
        player.start()
        reverse._setting_changed()
        send(0, 3)
        assert player.playing and player.position == 2, "on the way to where it was"
        if by_hand:
            player.pause()
            send(3, 8)
            assert player.position == 2 and not player.playing, "it was paused by hand since"
            player.start()
            send(8, len(frames))
            assert player.position < 12, "and played by hand"
        else:
            send(3, 8)
            assert player.position == 7
            send(8, len(frames))
            assert player.playing and player.position == 12
    player.pause()
    reverse._setting_changed()
    send(0, 3)
    assert not player.playing
    reverse.end()
    assert player.position == 2


# ---- words and fields ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", ["dark", "light"])
def test_the_largest_seed_can_be_read(qtbot: QtBot, look: theme.ThemeName) -> None:
    make_application(look)
    field = SeedField()
    qtbot.addWidget(field)
    field.show()
    qtbot.waitExposed(field)
    field.set_seed(LARGEST_SEED)
    option = QStyleOptionFrame()
    field.line.initStyleOption(option)
    room = field.line.style().subElementRect(QStyle.SubElement.SE_LineEditContents, option, field.line).width()
    assert field.line.fontMetrics().horizontalAdvance(str(LARGEST_SEED)) + 4 < room


def test_no_symbol_is_written_as_in_a_source_of_tex(page: DiffusionPage) -> None:
    shown = [each.text() for kind in (QLabel, QAbstractButton) for each in page.findChildren(kind)]
    assert not [text for text in shown if re.search(r"[A-Za-zᾱβεα]_[\w{]", text)]


@pytest.mark.parametrize("points", [False, True])
@pytest.mark.parametrize("sigma", [0.0, 0.3])
def test_the_step_is_told_in_sentences(points: bool, sigma: float) -> None:
    said = [in_words(bar, StepCoefficients(5, 0.1, 0.9, sigma), points=points) for bar in (0.01, 0.2, 0.7, 0.99)]
    assert len(set(said)) == 4
    for text in said:
        assert "_" not in text and "the large" not in text and text.endswith(".") and text[0] in "xTx̂"
        assert ("image" in text) is not points or "point" in text or "overall" in text


def test_the_race_names_only_lanes_that_run(page: DiffusionPage) -> None:
    race = page.race
    for wanted in (2, 4, 3):
        race._set_lanes(tuple(race.asked[0] for _ in range(wanted)))
        named = {text.split()[1] for text, _ in race.away.legend_entries()}
        shown = {key for key, entry in race.away.legend.labels.items() if not entry.isHidden()}
        assert named == shown == set("BCD"[: wanted - 1])


# ---- without the data ----------------------------------------------------------------------------------------------


def test_without_the_data_it_says_that_it_shows_samples(
    window: MainWindow, until: Until, trained: Trained, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = trained("digits-ddpm")
    assert not session.ModelSession.open(folder, "cpu").gallery().own
    missing: Callable[[object], bool] = lambda _data: False  # noqa: E731
    monkeypatch.setattr(session, "here", missing)
    assert session.ModelSession.open(folder, "cpu").gallery().own
    page = opened(window, until, folder)
    page.controls.mode.choose("forward")
    forward, back = page.forward, page.back
    until(lambda: forward.noised is not None)
    assert forward.images.said.text().startswith("sample 0 of the model")
    assert forward.source.told == {"source": "samples of the model"}
    assert "samples of the model" in forward.images.browse.toolTip() and "samples" in forward.view.items.toolTip()
    assert back.whose.text() == "samples of the model"

"""The Train page over a run that another process writes, and over what an ended one left behind."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from explorer import metrics, runs
from explorer.config import parse_turns
from explorer.messages import Failure
from explorer.training_messages import Knobs, TrainingStarted, Turned
from explorer.ui.main_window import MainWindow
from explorer.ui.train_page import TrainPage
from explorer.ui.training_status import TrainingStatus

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def elsewhere(new_run: Callable[..., Path]) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """Yield a run and the other process that trains it without end."""
    folder = new_run("points-vae", "training.epochs=1000000", "training.log_every=5")
    code = "import sys, pathlib, explorer.training.loop as l\nfor _ in l.train(pathlib.Path(sys.argv[1])): pass"
    command = [sys.executable, "-c", code, str(folder)]
    process = subprocess.Popen(command)
    yield folder, process
    process.kill()
    process.wait()


def drawn(page: TrainPage) -> int:
    return len(page.views.curves._series["train", "elbo"])


@pytest.mark.slow
def test_a_run_of_another_process_is_followed(
    window: MainWindow, qtbot: QtBot, until: Until, problems: list[Failure],
    elsewhere: tuple[Path, subprocess.Popen[bytes]],
) -> None:  # fmt: skip
    folder, process = elsewhere
    until((folder / metrics.METRICS).is_file)
    window.show_training(str(folder))
    page = window.page("train")
    assert isinstance(page, TrainPage)
    until(lambda: "another process trains it" in page.state.line.text())
    assert page.live.start.text() == "Start", "it is not this window's to resume"
    before = drawn(page)
    until(lambda: drawn(page) > before)
    process.send_signal(signal.SIGKILL)
    process.wait()
    until(lambda: not page.reader.reading)
    assert not problems and drawn(page) > before
    shutil.rmtree(folder)


@pytest.mark.slow
def test_a_run_that_vanishes_is_said(
    window: MainWindow, until: Until, problems: list[Failure], elsewhere: tuple[Path, subprocess.Popen[bytes]]
) -> None:
    folder, process = elsewhere
    until((folder / metrics.METRICS).is_file)
    window.show_training(str(folder))
    page = window.page("train")
    assert isinstance(page, TrainPage)
    until(lambda: drawn(page) > 0)
    process.kill()
    process.wait()
    shutil.rmtree(folder)
    until(lambda: not page.reader.reading)
    assert "gone" in problems[0].text and drawn(page) > 0, "what was read of it stays"
    page.form.set_value("data.items", "600")
    assert page.live.start.isEnabled() and not page.now.explore_button.isEnabled()


def test_turns_are_replayed(window: MainWindow, qtbot: QtBot, until: Until, new_run: Callable[..., Path]) -> None:
    from explorer.training.loop import train

    folder = new_run("points-vae", 'training.turns="3 beta=20; 5 beta=2 rate=0.5"')
    for _ in train(folder):
        pass
    window.show_training(str(folder))
    page = window.page("train")
    assert isinstance(page, TrainPage)
    until(lambda: not page.reader.reading)
    assert page.live.replay.isVisible() and page.live.replay.text() == "Replay its 2 turns"
    page.form.set_value("training.turns", "")
    qtbot.mouseClick(page.live.replay, Qt.MouseButton.LeftButton)
    again = page.form.config().training.turns
    assert [(t.step, t.beta, t.rate) for t in parse_turns(again)] == [(3, 20, 1), (5, 2, 0.5)]
    assert page.views.turns == [Turned(t.step, t.epoch, t.knobs) for t in metrics.turns(folder)]
    assert page.views.turns[-1].knobs == Knobs(2.0, 0.5)
    assert not runs.card(folder).problem


def test_where_a_training_goes_on_is_said(qtbot: QtBot) -> None:
    status = TrainingStatus()
    qtbot.addWidget(status)
    begun = TrainingStarted("run", "cpu", "float32", 500, 1000, 10, "00000500", ("00000600",))
    status.started(begun)
    assert "step 500" in status.line.text() and "step 600 was damaged" in status.line.text()
    assert status.bar.value() == 500

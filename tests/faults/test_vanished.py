"""A run folder disappears: while another process trains it, while this one does, and before it is asked for."""

from collections.abc import Callable
from pathlib import Path
from shutil import rmtree

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from explorer import paths, runs
from explorer.messages import Failure
from explorer.settings import load_settings
from explorer.training import storage
from explorer.training.loop import train
from explorer.training_messages import Progress
from explorer.ui.main_window import MainWindow
from explorer.ui.models_page import ModelsPage
from explorer.ui.train_page import TrainPage
from tests.faults.children import Child

Until = Callable[[Callable[[], bool]], None]


def train_slowly(say: Callable[[object], None], folder: Path) -> None:
    """Train until killed, and say every measured step."""
    for message in train(folder):
        if isinstance(message, Progress):
            say(message.measurement.step)


@pytest.fixture
def page(window: MainWindow) -> TrainPage:
    made = window.show_page("train")
    assert isinstance(made, TrainPage)
    return made


def drawn(page: TrainPage) -> int:
    found = page.views.curves.elbo._curves["train"].getData()[0]
    return 0 if found is None else len(found)


def train_here(page: TrainPage, qtbot: QtBot, until: Until, epochs: int) -> Path:
    """Train a small model in the window until its first measurement; return its folder."""
    page.form.set_config(load_settings("digits-vae"))
    for address, text in {"model.hidden_units": "16", "training.device": "cpu", "training.epochs": str(epochs)}.items():
        page.form.set_value(address, text)
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: page.progress is not None)
    assert page.folder is not None
    return page.folder


def test_while_another_process_trains_it(
    page: TrainPage, new_run: Callable[..., Path], qtbot: QtBot, until: Until, problems: list[Failure]
) -> None:
    folder = new_run("points-vae", "training.epochs=100000", "training.log_every=1")
    other = Child(train_slowly, folder)
    other.hear()
    page.show_run(folder)
    until(lambda: drawn(page) > 3)
    assert page.reader.reading and not problems
    other.kill()
    rmtree(folder)
    until(lambda: bool(problems))
    assert str(folder) in problems[0].text and "gone" in problems[0].text
    until(lambda: not page.reader.reading)
    assert "cannot be read any more" in page.state.line.text() and drawn(page) > 3, "what was read stays"
    assert not page.now.explore_button.isEnabled() and page.live.start.text() == "Start"
    mine = train_here(page, qtbot, until, 1)
    until(lambda: not page.running)
    assert runs.read_record(mine)["status"] == "finished" and len(problems) == 1, "and the page goes on"


def test_while_it_is_trained_here(
    page: TrainPage, qtbot: QtBot, until: Until, problems: list[Failure], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_AGAIN", 0.2)
    folder = train_here(page, qtbot, until, 100_000)
    folder.rename(folder.with_name("away"))
    until(lambda: bool(problems))
    assert str(folder) in problems[0].text and page.running
    folder.with_name("away").rename(folder)
    until(lambda: len(problems) > 1)
    assert not problems[1].text, "it is back, and training goes on"
    folder.rename(folder.with_name("trash"))
    until(lambda: len(problems) > 2)
    qtbot.mouseClick(page.live.stop, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)
    assert str(folder) in problems[-1].text
    rmtree(folder.with_name("trash"))
    mine = train_here(page, qtbot, until, 2)
    until(lambda: not page.running)
    assert mine.is_dir() and "finished" in page.state.line.text()


def test_after_it_was_read(
    page: TrainPage, window: MainWindow, qtbot: QtBot, until: Until, problems: list[Failure]
) -> None:
    folder = train_here(page, qtbot, until, 100_000)
    page.cancel_job()
    until(lambda: not page.running)
    assert page.live.start.text() == "Resume"
    rmtree(folder)
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: bool(problems) and not page.running)
    assert str(folder) in problems[0].text
    qtbot.mouseClick(page.now.explore_button, Qt.MouseButton.LeftButton)
    until(lambda: len(problems) > 1)
    assert str(folder) in problems[1].text
    window.show_training(str(folder))
    assert str(folder) in problems[2].text and "there is no run folder" in problems[2].text
    models = window.page("models")
    assert isinstance(models, ModelsPage)
    models.refresh()
    assert not list(paths.library().glob("*/run.json"))

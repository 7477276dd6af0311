"""Two instances of the app on one library: each trains its own runs, no run is written by two, a killed one is free."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from explorer import library, locks, metrics, runs
from explorer.errors import RunError
from explorer.inference.session import ModelSession
from explorer.messages import Failure
from explorer.settings import load_settings, with_settings
from explorer.training.loop import train
from explorer.training_messages import Progress, TrainingEnded
from explorer.ui.main_window import MainWindow
from explorer.ui.train_page import TrainPage
from tests.conftest import TINY
from tests.faults.children import Child, barrier

Say = Callable[[object], None]
ROUNDS = 20


def make_runs(say: Say, home: Path, name: str, together: object) -> None:
    """Make runs of one title, each at the moment at which the other process makes one."""
    os.environ["VDX_HOME"] = str(home)
    config = with_settings(load_settings("points-vae"), ['title="Both"'])
    for number in range(ROUNDS):
        together.wait(60)
        say((str(runs.create(config, command=f"{name} {number}")), f"{name} {number}"))


def test_runs_made_at_the_same_moment_have_folders_of_their_own(home: Path) -> None:
    together = barrier(2)
    children = [Child(make_runs, home, name, together) for name in ("one", "two")]
    said = [pair for child in children for pair in child.end()]
    folders = {folder for folder, _ in said}
    assert len(said) == len(folders) == 2 * ROUNDS
    assert all(runs.read_record(Path(folder))["command"] == command for folder, command in said)
    assert {str(folder) for folder in (home / "runs").iterdir()} == folders


def make_one(say: Say, folder: Path, name: str, together: object) -> None:
    """Make a run in a folder that was asked for, at the same moment as another process."""
    config = with_settings(load_settings("points-vae"), TINY["points-vae"])
    together.wait(60)
    try:
        runs.create(config, folder, command=name)
        say(name)
    except RunError as error:
        say(str(error))


def test_of_two_that_want_one_folder_one_gets_it(tmp_path: Path) -> None:
    for attempt in range(ROUNDS):
        folder, together = tmp_path / str(attempt), barrier(2)
        children = {name: Child(make_one, folder, name, together) for name in ("one", "two")}
        said = {name: child.end()[0] for name, child in children.items()}
        [winner] = [name for name in said if said[name] == name]
        [loser] = set(said) - {winner}
        assert "not empty" in said[loser] or "being trained by another" in said[loser]
        assert runs.read_record(folder)["command"] == winner


def train_until_killed(say: Say, folder: Path) -> None:
    """Train and say every measured step."""
    for message in train(folder, resume=bool(runs.checkpoint_folders(folder))):
        if isinstance(message, Progress):
            say(message.measurement.step)


@pytest.fixture
def taken(new_run: Callable[..., Path]) -> Path:
    """Return a run after one step, with a long way to go."""
    folder = new_run("points-vae", "training.epochs=100000", "training.log_every=1")
    list(train(folder, should_stop=lambda: True))
    return folder


def test_a_run_that_is_trained_is_refused_and_free_after_kill_9(taken: Path) -> None:
    first = Child(train_until_killed, taken)
    first.hear()
    assert locks.is_written(taken) and runs.card(taken).status == "training"
    [saved] = runs.checkpoint_folders(taken)
    content = {path: path.read_bytes() for path in saved.iterdir()}
    for resume in (True, False):
        with pytest.raises(RunError, match=r"being trained by another.*stop it there first") as caught:
            list(train(taken, resume=resume))
        assert str(taken) in str(caught.value)
    with pytest.raises(RunError, match="being trained"):
        library.remove(taken)
    assert {path: path.read_bytes() for path in saved.iterdir()} == content, "the second has changed nothing"
    ModelSession.open(taken, "cpu")
    assert not runs.card(taken).problem, "but it can look"
    library.annotate(taken, "seen by the second")
    told = first.kill()
    measured = [found.step for found in metrics.measurements(taken) if found.split == "train"]
    assert measured == list(range(1, measured[-1] + 1)) and measured[-1] >= max([2, *told])
    assert not locks.is_written(taken) and runs.card(taken).status == "interrupted" and runs.card(taken).resumable
    ended = list(train(taken, resume=True, should_stop=lambda: True))[-1]
    assert isinstance(ended, TrainingEnded) and ended.step == 2
    assert runs.read_record(taken)["note"] == "seen by the second"


def try_to_train(say: Say, folder: Path, together: object) -> None:
    """Train, at the same moment as others, and say the first step or the error; then wait to be killed."""
    together.wait(60)
    try:
        for message in train(folder, resume=True):
            if isinstance(message, Progress):
                say(message.measurement.step)
    except RunError as error:
        say(str(error))


def test_of_four_that_want_to_train_a_run_one_does(taken: Path) -> None:
    together = barrier(4)
    children = [Child(try_to_train, taken, together) for _ in range(4)]
    first = [child.hear() for child in children]
    assert sorted(isinstance(said, str) for said in first) == [False, True, True, True]
    assert all("being trained" in said for said in first if isinstance(said, str))
    for child in children:
        child.kill()
    measured = [found.step for found in metrics.measurements(taken) if found.split == "train"]
    assert measured == list(range(1, measured[-1] + 1)), "one hand has written them"


def test_the_window_says_who_trains_it_and_goes_on(
    taken: Path,
    window: MainWindow,
    qtbot: QtBot,
    until: Callable[[Callable[[], bool]], None],
    problems: list[Failure],
) -> None:
    page = window.show_page("train")
    assert isinstance(page, TrainPage)
    page.show_run(taken)
    until(lambda: not page.reader.reading)
    assert page.live.start.text() == "Resume"
    other = Child(train_until_killed, taken)
    other.hear()
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: bool(problems) and not page.running)
    assert "being trained by another" in problems[0].text
    other.kill()
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: page.progress is not None)
    page.cancel_job()
    until(lambda: not page.running)
    assert len(problems) == 1 and runs.read_record(taken)["status"] == "stopped"

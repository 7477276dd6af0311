"""A full disk, a folder that cannot be written: what was saved stands, it is said, and training waits and goes on."""

import ctypes
import os
import resource
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest
import torch
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from explorer import files, metrics, runs
from explorer.errors import ExplorerError, RunError
from explorer.inference.session import ModelSession
from explorer.messages import Failure
from explorer.settings import load_settings
from explorer.training import storage
from explorer.training.loop import train
from explorer.training_messages import Progress, StorageTrouble, TrainingEnded
from explorer.ui.main_window import MainWindow
from explorer.ui.train_page import TrainPage
from tests.faults.children import Child

Say = Callable[[object], None]
SMALL = ["training.log_every=1", "training.batch_size=60", "training.snapshots=0"]  # 20 steps
ROOMS = [0, 1000, 4000, 10_000]  # bytes that a file can have: for no measurement, no weights, no optimizer, no state


def opens(folder: Path) -> None:
    """Fail unless a run opens with finite weights and its newest checkpoint is whole."""
    session = ModelSession.open(folder, "cpu")
    assert all(bool(torch.isfinite(weight).all()) for weight in session.model.state_dict().values())
    newest = runs.checkpoint_folders(folder)[0]
    for name in files.read_json(newest / files.MANIFEST)["sha256"]:
        files.read_verified(newest, name)


def train_in_trouble(
    say: Say, folder: Path, begin: Callable[[Path], object], end: Callable[[Path], object], patient: bool
) -> None:
    """Go on with a run; after its fifth step trouble begins, and it ends once it was told. Say what is told."""
    storage._AGAIN = storage._AGAIN_ONCE = 0.01
    real = runs.read_config

    def impatient(place: Path) -> object:
        config = real(place)
        return config.model_copy(update={"training": config.training.model_copy(update={"checkpoint_seconds": 0.0})})

    runs.read_config = impatient
    saved = {path: path.read_bytes() for path in runs.checkpoint_folders(folder)[0].iterdir()}
    try:
        for message in train(folder, resume=True, patient=patient):
            if isinstance(message, Progress) and message.measurement.step == 5:
                begin(folder)
            if isinstance(message, StorageTrouble):
                if message.text:
                    opens(folder)
                    old = [path for path in saved if path.is_file()]
                    assert all(path.read_bytes() == saved[path] for path in old)
                if patient:
                    end(folder)
                say(message.text)
            if isinstance(message, TrainingEnded):
                say((message.reason, message.step))
    except ExplorerError as error:
        say((type(error).__name__, str(error)))


def fill(room: int) -> None:
    """Let no file grow beyond so many bytes, as on a full disk; Python ignores SIGXFSZ, so that it is an error."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


class Full:
    """The begin of the trouble; a class, because a lambda cannot be sent to a process."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self, _folder: Path) -> None:
        fill(self.room)


def free(_folder: Path) -> None:
    """End the trouble of a full disk."""
    fill(resource.getrlimit(resource.RLIMIT_FSIZE)[1])


def take_away(folder: Path) -> None:
    """Let the folder be read only, for one who is not root."""
    header, no_capabilities = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if os.geteuid() == 0:
        assert ctypes.CDLL(None).capset(header, no_capabilities) == 0
    for place in (folder, folder / runs.CHECKPOINTS):
        place.chmod(0o500)
    for path in folder.iterdir():
        if path.is_file():
            path.chmod(0o400)


def give_back(folder: Path) -> None:
    """Let the folder be written again."""
    for place in (folder, folder / runs.CHECKPOINTS):
        place.chmod(0o700)
    for path in folder.iterdir():
        if path.is_file():
            path.chmod(0o600)


TROUBLES = {f"{room} bytes": (Full(room), free) for room in ROOMS} | {"mode 0500": (take_away, give_back)}


@pytest.fixture
def run(new_run: Callable[..., Path]) -> Path:
    """Return a run after one step."""
    folder = new_run("points-vae", *SMALL)
    list(train(folder, should_stop=lambda: True))
    return folder


@pytest.mark.skipif(os.name == "nt", reason="resource limits and modes")
@pytest.mark.parametrize("trouble", TROUBLES)
def test_training_waits_and_goes_on(run: Path, tmp_path: Path, trouble: str) -> None:
    whole = tmp_path / "whole"
    copytree(run, whole)
    list(train(whole, resume=True))
    begin, end = TROUBLES[trouble]
    *told, ended = Child(train_in_trouble, run, begin, end, True).end()
    assert len(told) >= 2 and str(run) in told[0] and "free some space" in told[0] and told[-1] == ""
    assert ended == ("finished", 20)
    assert (run / runs.WEIGHTS).read_bytes() == (whole / runs.WEIGHTS).read_bytes()
    steps = [found.step for found in metrics.measurements(run) if found.split == "train"]
    assert steps == list(range(1, 21)), "and every measurement is there, once"
    assert not list(run.rglob("*.partial")) and runs.read_record(run)["status"] == "finished"


@pytest.mark.skipif(os.name == "nt", reason="resource limits and modes")
@pytest.mark.parametrize("trouble", TROUBLES)
def test_where_nobody_can_be_asked_it_ends_with_what_was_saved(run: Path, trouble: str) -> None:
    begin, end = TROUBLES[trouble]
    *told, (kind, text) = Child(train_in_trouble, run, begin, end, False).end()
    assert told and kind == "RunError" and str(run) in text and "free some space" in text
    give_back(run)
    opens(run)
    ended = list(train(run, resume=True))[-1]
    assert isinstance(ended, TrainingEnded) and ended.reason == "finished"
    steps = [found.step for found in metrics.measurements(run) if found.split == "train"]
    assert steps == list(range(1, 21))


def begin_where_it_cannot(say: Say, folder: Path) -> None:
    """Try to make, to train and to look at a run in a folder that can only be read."""
    config = runs.read_config(folder)
    take_away(folder)
    opens(folder)
    say(runs.card(folder).problem)
    for attempt in (
        lambda: runs.create(config, folder / "new"),
        lambda: list(train(folder, resume=True)),
        lambda: list(train(folder)),
    ):
        try:
            attempt()
            say("no error")
        except RunError as error:
            say(str(error))


@pytest.mark.skipif(os.name == "nt", reason="modes")
def test_a_read_only_folder_can_be_looked_at_and_not_trained(run: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    problem, *said = Child(begin_where_it_cannot, run).end()
    assert not problem and len(said) == 3
    assert all(str(run) in text and "choose" in text for text in said)
    give_back(run)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_folder_below_a_file(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"file/run cannot be made.*choose"):
        runs.create(runs.read_config(run), tmp_path / "file" / "run")
    for path in runs.checkpoint_folders(run):
        path.rename(tmp_path / path.name)
    (run / runs.CHECKPOINTS).rmdir()
    (run / runs.CHECKPOINTS).write_text("")
    with pytest.raises(RunError, match=r"checkpoints.*cannot be made.*free some space or change its permissions"):
        list(train(run))


def test_the_window_waits_says_so_and_goes_on(
    window: MainWindow,
    qtbot: QtBot,
    until: Callable[[Callable[[], bool]], None],
    problems: list[Failure],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = window.show_page("train")
    assert isinstance(page, TrainPage)
    page.form.set_config(load_settings("digits-vae"))
    for address, text in {
        "model.hidden_units": "16", "training.device": "cpu", "training.epochs": "4", "training.log_every": "1",
    }.items():  # fmt: skip
        page.form.set_value(address, text)
    monkeypatch.setattr(storage, "_AGAIN", 0.2)
    full = [False]
    real = metrics.append

    def append(folder: Path, measurement: object) -> None:
        full[0] = full[0] or measurement.step == 30
        if full[0] and not page.property("freed"):
            raise RunError(f"{folder / metrics.METRICS} cannot be written (No space left on device); free some space")
        real(folder, measurement)

    monkeypatch.setattr(metrics, "append", append)
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: bool(problems))
    assert "No space left" in problems[0].text and window.messages.isVisible()
    assert page.running and "waiting" in page.state.line.text()
    page.setProperty("freed", True)
    until(lambda: not page.running)
    assert "finished" in page.state.line.text() and [bool(failure.text) for failure in problems] == [True, False]
    assert not window.messages.isVisible(), "the trouble is over"
    assert page.folder is not None
    steps = [found.step for found in metrics.measurements(page.folder) if found.split == "train"]
    assert steps == list(range(1, 97))

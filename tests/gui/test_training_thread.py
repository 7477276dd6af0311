"""The thread that trains for the window: what it says when something is wrong with the disk."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from explorer import locks, runs
from explorer.messages import Failure
from explorer.training_messages import StorageTrouble, TrainingStarted
from explorer.workers.training_thread import TrainingThread


@pytest.fixture
def started(qtbot: QtBot, new_run: Callable[..., Path]) -> tuple[TrainingThread, Path, list[object], list[Failure]]:
    """Return a thread that goes on with a run that has a checkpoint, its folder, what it says and how it fails."""
    from explorer.training.loop import train

    folder = new_run("digits-vae", "training.epochs=100000", "training.log_every=1")
    list(train(folder, should_stop=lambda: True))
    thread, said, failures = TrainingThread(folder), [], []
    thread.happened.connect(said.extend)
    thread.failed.connect(failures.append)
    return thread, folder, said, failures


def test_a_full_disk_is_said_at_once_and_stop_ends_the_waiting(
    qtbot: QtBot, started: tuple[TrainingThread, Path, list[object], list[Failure]], monkeypatch: pytest.MonkeyPatch
) -> None:
    thread, folder, said, failures = started
    kept = sorted(path.name for path in (folder / runs.CHECKPOINTS).iterdir())
    real, full = Path.open, False

    def open_(self: Path, mode: str = "r", *rest: object, **options: object) -> object:
        if full and not mode.startswith("r") and folder in self.parents:
            raise OSError(28, "No space left on device")
        return real(self, mode, *rest, **options)

    monkeypatch.setattr(Path, "open", open_)
    thread.start()
    qtbot.waitUntil(lambda: any(isinstance(message, TrainingStarted) for message in said), timeout=20_000)
    full = True
    qtbot.waitUntil(lambda: isinstance(said[-1], StorageTrouble), timeout=20_000)
    assert "No space left" in said[-1].text and thread.isRunning() and not failures
    assert thread.stop()
    qtbot.waitUntil(lambda: bool(failures), timeout=5000)
    assert "No space left" in failures[0].text and not locks.is_written(folder)
    assert sorted(path.name for path in (folder / runs.CHECKPOINTS).iterdir()) == kept


def test_a_run_that_somebody_else_trains_is_refused(
    qtbot: QtBot, started: tuple[TrainingThread, Path, list[object], list[Failure]]
) -> None:
    thread, folder, said, failures = started
    with locks.writing(folder):
        thread.start()
        qtbot.waitUntil(lambda: bool(failures), timeout=20_000)
    assert "is being trained" in failures[0].text and not said
    assert thread.stop()

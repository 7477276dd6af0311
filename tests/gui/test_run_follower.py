"""A run that is read from its folder while somebody else writes it."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QObject, Slot
from pytestqt.qtbot import QtBot

from explorer import files, locks, metrics, runs, snapshots
from explorer.messages import Failure
from explorer.training_messages import Followed, Knobs, Measurement, Pictures, Snapshot, Turned
from explorer.workers.run_follower import RunFollower

Until = Callable[[Callable[[], bool]], None]
Runs = Callable[..., Path]


class Receiver(QObject):
    """Takes what a follower tells, as the Train page does: forgets all before it is told anew."""

    def __init__(self, follower: RunFollower) -> None:
        super().__init__()
        self.follower = follower
        self.takes = True
        self.batches: list[tuple[object, ...]] = []
        self.shown: list[object] = []
        self.anew = 0
        self.failures: list[Failure] = []
        follower.happened.connect(self.receive)
        follower.failed.connect(self.fail)

    @Slot(object)
    def receive(self, messages: tuple[object, ...]) -> None:
        """Take a tuple."""
        self.batches.append(messages)
        for message in messages:
            if isinstance(message, Followed) and message.anew:
                self.anew += 1
                self.shown = []
            else:
                self.shown.append(message)
        if self.takes:
            self.follower.taken()

    @Slot(object)
    def fail(self, failure: Failure) -> None:
        """Take note."""
        self.failures.append(failure)

    def of(self, kind: type) -> list[object]:
        """Return the messages of a kind."""
        return [message for message in self.shown if isinstance(message, kind)]

    @property
    def state(self) -> Followed:
        """Return how the run stands."""
        last = self.of(Followed)[-1]
        assert isinstance(last, Followed)
        return last


@pytest.fixture
def follow(qtbot: QtBot) -> Iterator[Callable[[Path], Receiver]]:
    """Return a maker of receivers of what a follower of a folder tells."""
    made: list[RunFollower] = []

    def start(folder: Path) -> Receiver:
        made.append(RunFollower(folder))
        receiver = Receiver(made[-1])
        made[-1].start()
        return receiver

    yield start
    for follower in made:
        assert follower.stop(5000)


def measurement(step: int) -> Measurement:
    return Measurement(step, step / 24, 0.1 * step, "train", {"elbo": -30.0 + step / 100})


def snapshot(step: int) -> Snapshot:
    empty = np.zeros((0, 8, 8, 1), np.uint8)
    return Snapshot(step, step / 24, np.zeros((3, 2), np.float32), np.arange(3), empty + 1, empty)


def begun(folder: Path) -> None:
    runs.update_record(folder, status="training")


def test_a_finished_run_is_told_whole_and_the_thread_ends(follow: Callable[[Path], Receiver], until: Until) -> None:
    folder = runs.find("digits-beta-vae")
    told = follow(folder)
    until(told.follower.isFinished)
    until(lambda: bool(told.batches) and told.state.read == 1.0)
    assert told.of(Measurement) == list(metrics.measurements(folder)) and not told.failures
    [pictures] = told.of(Pictures)
    assert isinstance(pictures, Pictures) and pictures.samples.shape == (64, 8, 8, 1)
    epochs = runs.read_config(folder).training.epochs
    assert told.state.step == told.state.total_steps == told.of(Measurement)[-1].step  # type: ignore[attr-defined]
    assert told.state.total_steps % epochs == 0 and not told.state.writing
    assert isinstance(told.batches[0][0], Pictures), "something to look at while the curves are read"


def test_what_is_appended_follows_until_nobody_writes(
    follow: Callable[[Path], Receiver], new_run: Runs, until: Until
) -> None:
    folder = new_run("digits-vae")
    begun(folder)
    metrics.append(folder, measurement(1))
    with locks.writing(folder):
        told = follow(folder)
        until(lambda: told.of(Measurement) == [measurement(1)] and told.state.writing)
        assert (told.state.step, told.state.total_steps) == (1, 48), "2 epochs of 24 steps"
        metrics.append(folder, measurement(2))
        metrics.append_turn(folder, Turned(2, 2 / 24, Knobs(20.0, 1.0)))
        with (folder / metrics.METRICS).open("a") as file:
            file.write('{"event":"resumed","step":2}\n{"step":3,"epo')
        until(lambda: len(told.of(Turned)) == 1)
        assert told.of(Measurement) == [measurement(1), measurement(2)]
        snapshots.write(folder, snapshot(24))
        until(lambda: len(told.of(Snapshot)) == 1)
        metrics.append(folder, measurement(5))  # the torn line becomes one that cannot be read
        metrics.append(folder, measurement(6))
    until(told.follower.isFinished)
    until(lambda: not told.state.writing)
    assert told.of(Measurement)[-1] == measurement(6) and not told.anew and not told.failures


def test_a_run_that_goes_back_is_told_anew(follow: Callable[[Path], Receiver], new_run: Runs, until: Until) -> None:
    folder = new_run("digits-vae")
    begun(folder)
    for step in (1, 2, 3):
        metrics.append(folder, measurement(step))
    snapshots.write(folder, snapshot(1))
    with locks.writing(folder):
        told = follow(folder)
        until(lambda: len(told.of(Snapshot)) == 1)
        metrics.cut(folder, 1)
        metrics.append(folder, measurement(2))
        until(lambda: told.of(Measurement) == [measurement(1), measurement(2)] and told.anew == 1)
        until(lambda: len(told.of(Snapshot)) == 1)


def test_pictures_and_snapshots_that_change_are_told_again(
    follow: Callable[[Path], Receiver], new_run: Runs, until: Until
) -> None:
    folder = new_run("digits-vae")
    begun(folder)
    shown = np.zeros((4, 8, 8, 1), np.uint8)

    def publish(value: int) -> None:
        files.write_atomically(
            folder / runs.PICTURES, files.as_npz(originals=shown, reconstructions=shown, samples=shown + value)
        )
        files.write_manifest(folder, [runs.PICTURES])

    with locks.writing(folder):
        publish(1)
        told = follow(folder)
        until(lambda: len(told.of(Pictures)) == 1)
        publish(2)
        until(lambda: told.of(Pictures)[-1].samples.max() == 2)  # type: ignore[attr-defined]
        snapshots.write(folder, snapshot(10))
        until(lambda: len(told.of(Snapshot)) == 1)
        snapshots.path(folder, 20).write_bytes(b"damaged")
        snapshots.write(folder, snapshot(30))
        until(lambda: len(told.of(Snapshot)) == 2)
        snapshots.write(folder, snapshot(10))
        until(lambda: [one.step for one in told.of(Snapshot)] == [10, 30, 10])  # type: ignore[attr-defined]
    assert not told.failures


def test_a_folder_that_disappears_is_told(follow: Callable[[Path], Receiver], new_run: Runs, until: Until) -> None:
    folder = new_run("digits-vae")
    begun(folder)
    metrics.append(folder, measurement(1))
    with locks.writing(folder):
        told = follow(folder)
        until(lambda: bool(told.of(Measurement)))
        shutil.rmtree(folder)
        until(lambda: bool(told.failures))
    until(told.follower.isFinished)
    assert f"{folder} is gone" in told.failures[0].text and len(told.failures) == 1
    assert told.of(Measurement) == [measurement(1)] and not told.anew, "what was shown stays"


@pytest.mark.parametrize("record", [None, "{", '{"schema_version": 99}'])
def test_a_folder_that_is_no_run_is_told(
    follow: Callable[[Path], Receiver], until: Until, tmp_path: Path, record: str | None
) -> None:
    folder = tmp_path / "some"
    folder.mkdir()
    if record is not None:
        (folder / runs.RECORD).write_text(record)
    told = follow(folder)
    until(lambda: bool(told.failures))
    until(told.follower.isFinished)
    assert not told.batches and not list(folder.glob("*.lock"))


def test_few_tuples_wait_however_long_the_run(
    follow: Callable[[Path], Receiver], new_run: Runs, qtbot: QtBot, until: Until
) -> None:
    folder = new_run("digits-vae")
    runs.update_record(folder, status="finished")
    for step in range(1, 7001):
        metrics.append(folder, measurement(step))
    told = follow(folder)
    told.takes = False
    until(lambda: len(told.batches) == 4)
    qtbot.wait(300)
    assert len(told.batches) == 4 and all(len(batch) <= 1001 for batch in told.batches)
    read = told.state.read
    assert 0 < read < 1 and not told.follower.isFinished()
    told.takes = True
    for _ in range(4):
        told.follower.taken()
    until(told.follower.isFinished)
    until(lambda: told.state.read == 1.0)
    assert told.of(Measurement) == [measurement(step) for step in range(1, 7001)]


def test_it_stops_when_asked_whatever_it_does(follow: Callable[[Path], Receiver], new_run: Runs, until: Until) -> None:
    folder = new_run("digits-vae")
    begun(folder)
    for step in range(1, 6001):
        metrics.append(folder, measurement(step))
    with locks.writing(folder):
        waiting, stuck = follow(folder), follow(folder)
        stuck.takes = False
        until(lambda: bool(waiting.batches) and waiting.state.read == 1.0 and len(stuck.batches) == 4)
        for told in (waiting, stuck):
            assert told.follower.stop(5000)


def test_nothing_is_written_by_looking(follow: Callable[[Path], Receiver], new_run: Runs, until: Until) -> None:
    folder = new_run("digits-vae")
    runs.update_record(folder, status="finished")
    metrics.append(folder, measurement(1))

    def listing() -> list[tuple[str, int, int]]:
        return sorted((str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in folder.rglob("*"))

    before = listing()
    told = follow(folder)
    until(told.follower.isFinished)
    assert listing() == before


def test_a_run_that_is_about_to_begin_is_waited_for(
    follow: Callable[[Path], Receiver], new_run: Runs, until: Until
) -> None:
    folder = new_run("digits-vae")
    told = follow(folder)
    until(lambda: bool(told.batches))
    assert not told.state.writing and not told.follower.isFinished()
    with locks.writing(folder):
        begun(folder)
        metrics.append(folder, measurement(1))
        until(lambda: told.of(Measurement) == [measurement(1)] and told.state.writing)
    until(told.follower.isFinished)


def test_lines_that_a_thread_tears_are_all_told(
    follow: Callable[[Path], Receiver], new_run: Runs, until: Until
) -> None:
    folder = new_run("digits-vae")
    begun(folder)
    for step in range(1, 61):
        metrics.append(folder, measurement(step))
    whole = (folder / metrics.METRICS).read_bytes()
    (folder / metrics.METRICS).unlink()

    def write() -> None:
        with locks.writing(folder), (folder / metrics.METRICS).open("ab", buffering=0) as file:
            for at in range(0, len(whole), 97):
                file.write(whole[at : at + 97])
                time.sleep(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    until(lambda: locks.is_written(folder))
    told = follow(folder)
    until(lambda: len(told.of(Measurement)) == 60)
    writer.join()
    assert told.of(Measurement) == [measurement(step) for step in range(1, 61)] and not told.anew


@pytest.mark.slow
def test_a_training_of_another_process_is_followed_to_its_end(
    follow: Callable[[Path], Receiver], tmp_path: Path, until: Until
) -> None:
    folder = tmp_path / "elsewhere"
    command = ["train", "digits-vae", "--out", str(folder), "--set", "training.epochs=40", "--set",
               "model.hidden_units=16", "--device", "cpu"]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "explorer", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        until(lambda: (folder / runs.RECORD).is_file() or process.poll() is not None)
        told = follow(folder)
        until(told.follower.isFinished)
        until(lambda: bool(told.batches) and not told.state.writing and told.state.read == 1.0)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, errors.decode()[-500:]
    assert told.of(Measurement) == list(metrics.measurements(folder)) and not told.failures
    assert told.state.step == told.state.total_steps == 960
    assert len(told.of(Pictures)) >= 1

"""A disk that is full for a while: training says so, waits, and goes on; or it ends and keeps what it had."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from explorer import metrics, runs
from explorer.errors import RunError
from explorer.training import clock as clocks
from explorer.training import storage
from explorer.training.clock import Clock
from explorer.training.loop import train
from explorer.training.storage import Storage
from explorer.training_messages import Measurement, Progress, StorageTrouble, TrainingEnded

NewRun = Callable[..., Path]
EPOCHS = ("training.batch_size=250", "training.log_every=1", "training.epochs=2", "training.tensorboard=off")


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_AGAIN", "_AGAIN_ONCE", "_LOOK"):
        monkeypatch.setattr(storage, name, 0.01)


class Disk:
    """Fails to write so many times."""

    def __init__(self, times: int) -> None:
        self.left, self.written = times, 0

    def write(self) -> None:
        if self.left:
            self.left -= 1
            raise RunError("the disk is full; free some space")
        self.written += 1


def test_what_works_says_nothing() -> None:
    disk = Disk(0)
    assert list(Storage(lambda: False, True, Clock()).write(disk.write)) == [] and disk.written == 1


def test_trouble_is_told_once_and_so_is_its_end() -> None:
    disk, clock = Disk(5), Clock()
    told = list(Storage(lambda: False, True, clock).write(disk.write))
    assert told == [StorageTrouble("the disk is full; free some space"), StorageTrouble("")] and disk.written == 1


class Time:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_the_wait_is_no_training_time(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time()
    for module in (storage, clocks):
        monkeypatch.setattr(module, "time", time)
    disk, clock = Disk(5), Clock()
    time.sleep(1)
    list(Storage(lambda: False, True, clock).write(disk.write))
    assert time.now >= 1 + 5 * 0.01 and clock.here == pytest.approx(1)


def test_who_asks_to_stop_gets_the_error() -> None:
    disk = Disk(10**9)
    found = Storage(lambda: disk.left < 10**9 - 3, True, Clock()).write(disk.write)
    assert next(found).text
    with pytest.raises(RunError, match="free some space"):
        next(found)


@pytest.mark.parametrize("patient", [True, False])
def test_the_last_writing_is_tried_again_though_stop_was_asked_for(patient: bool) -> None:
    disk, ending = Disk(2 if patient else 1), Storage(lambda: True, patient, Clock())
    ending.ending = True
    assert list(ending.write(disk.write)) == [StorageTrouble("the disk is full; free some space"), StorageTrouble("")]
    disk.left = 3
    with pytest.raises(RunError, match="free some space"):
        list(ending.write(disk.write))
    assert disk.left == (0 if patient else 1), "so many tries, and no more"


def test_where_nobody_can_be_asked_a_second_failure_is_the_end() -> None:
    disk = Disk(2)
    with pytest.raises(RunError, match="free some space"):
        list(Storage(lambda: False, False, Clock()).write(disk.write))
    disk = Disk(1)
    assert len(list(Storage(lambda: False, False, Clock()).write(disk.write))) == 2 and disk.written == 1


# ---- a whole training on a disk that fills up ----


PLACES: dict[str, Callable[[Path, Path], bool]] = {
    "curves": lambda path, folder: path == folder / metrics.METRICS,
    "checkpoints": lambda path, folder: folder / runs.CHECKPOINTS in path.parents,
    "folder": lambda path, folder: path.parent == folder and path.name != metrics.METRICS,
    "everywhere": lambda path, folder: folder in path.parents,
}


def full(monkeypatch: pytest.MonkeyPatch, folder: Path, place: str) -> Callable[[bool], None]:
    """Let every writing at a place of a run folder fail while the returned function was last called with True."""
    full_now = False
    real = Path.open

    def open_(self: Path, mode: str = "r", *arguments: object, **options: object) -> object:
        if full_now and not mode.startswith("r") and PLACES[place](self, folder):
            raise OSError(28, "No space left on device")
        return real(self, mode, *arguments, **options)

    def turn(on: bool) -> None:
        nonlocal full_now
        full_now = on

    monkeypatch.setattr(Path, "open", open_)
    return turn


def until_trouble(messages: Iterator[object]) -> tuple[list[object], StorageTrouble]:
    before: list[object] = []
    for message in messages:
        if isinstance(message, StorageTrouble):
            return before, message
        before.append(message)
    raise AssertionError("there was no trouble")


@pytest.mark.parametrize("place", PLACES)
def test_training_waits_for_the_disk_and_ends_as_if_nothing_was(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    plain = new_run("digits-vae", *EPOCHS)
    list(train(plain))
    folder = new_run("digits-vae", *EPOCHS)
    turn = full(monkeypatch, folder, place)
    messages = train(folder, patient=True)
    next(messages)
    turn(True)
    before, trouble = until_trouble(messages)
    assert "No space left" in trouble.text and "free some space" in trouble.text
    turn(False)
    after = list(messages)
    assert after[0] == StorageTrouble("")
    assert isinstance(after[-1], TrainingEnded) and after[-1].reason == "finished"
    assert (folder / runs.WEIGHTS).read_bytes() == (plain / runs.WEIGHTS).read_bytes()
    told = [message.measurement for message in [*before, *after] if isinstance(message, Progress)]
    assert told == list(metrics.measurements(folder)) and len(told) == len(list(metrics.measurements(plain)))


@pytest.mark.parametrize("patient", [True, False])
def test_what_was_saved_stands(new_run: NewRun, monkeypatch: pytest.MonkeyPatch, patient: bool) -> None:
    folder = new_run("digits-vae", *EPOCHS)
    list(train(folder, should_stop=lambda: True))
    kept = {path.name: path.read_bytes() for path in runs.checkpoint_folders(folder)[0].iterdir()}
    turn = full(monkeypatch, folder, "checkpoints")
    stopped = False
    messages = train(folder, resume=True, patient=patient, should_stop=lambda: stopped)
    next(messages)
    turn(True)
    until_trouble(messages)
    stopped = patient
    with pytest.raises(RunError, match="No space left"):
        list(messages)
    turn(False)
    assert {path.name: path.read_bytes() for path in runs.checkpoint_folders(folder)[0].iterdir()} == kept
    assert [path.name for path in (folder / runs.CHECKPOINTS).iterdir()] == ["00000001"], "no half of a checkpoint"
    last = list(train(folder, resume=True))[-1]
    assert isinstance(last, TrainingEnded) and last.step == 12


def test_stop_on_a_disk_that_is_full_for_a_moment_loses_nothing(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_run("digits-vae", *EPOCHS)
    turn, stopped = full(monkeypatch, folder, "checkpoints"), False
    messages = train(folder, patient=True, should_stop=lambda: stopped)
    next(messages)
    stopped = True
    turn(True)
    until_trouble(messages)
    turn(False)
    last = list(messages)[-1]
    assert isinstance(last, TrainingEnded) and last.reason == "stopped"
    assert [int(place.name) for place in runs.checkpoint_folders(folder)] == [last.step] == [1]


def test_a_generator_that_is_closed_in_trouble_does_not_wait_for_ever(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_run("digits-vae", *EPOCHS)
    turn = full(monkeypatch, folder, "curves")
    messages = train(folder, patient=True)
    next(messages)
    turn(True)
    until_trouble(messages)
    turn(False)
    messages.close()
    assert runs.checkpoint_folders(folder) and not runs.card(folder).problem
    turn(True)
    with pytest.raises(RunError, match="No space left"):
        list(train(folder, resume=True))


def test_a_line_that_was_torn_by_a_full_disk_spoils_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measurement(step: int) -> Measurement:
        return Measurement(step, step / 10, 0.5, "train", {"elbo": -1.5})

    metrics.append(tmp_path, measurement(1))
    real = Path.open

    def torn(self: Path, *arguments: object, **options: object) -> object:
        file = real(self, *arguments, **options)
        if arguments[:1] == ("a",):
            file.write('{"step":2,')
            file.close()
            raise OSError(28, "No space left on device")
        return file

    with monkeypatch.context() as full_disk, pytest.raises(RunError, match="No space left"):
        full_disk.setattr(Path, "open", torn)
        metrics.append(tmp_path, measurement(2))
    metrics.append(tmp_path, measurement(3))
    assert [one.step for one in metrics.measurements(tmp_path)] == [1, 3]

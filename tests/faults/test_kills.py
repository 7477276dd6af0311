"""A training that is killed at any moment: the library opens, nothing saved is lost, and it ends as if nothing was."""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch

from explorer import files, metrics, runs, snapshots
from explorer.inference.session import ModelSession
from explorer.settings import load_settings, with_settings
from explorer.training import loop
from explorer.training.loop import train
from explorer.training_messages import Progress, TrainingEnded
from tests.conftest import TINY
from tests.faults.children import Child

KILLS = 100
STEPS = 5  # of an epoch: 600 points in batches of 128
Say = Callable[[object], None]


def save_after_every_step() -> None:
    """Let the clock ask for a checkpoint after every step, which settings do not allow."""
    real = runs.read_config

    def impatient(folder: Path) -> object:
        config = real(folder)
        return config.model_copy(
            update={"training": config.training.model_copy(update={"checkpoint_seconds": 0.0, "log_every": 1})}
        )

    loop.runs.read_config = impatient


def train_stop_and_go_on(say: Say, folder: Path, seed: int) -> None:
    """Train, stop, publish and go on, again and again; say the step of every checkpoint once it is written."""
    save_after_every_step()
    real = loop.checkpoints.save

    def save(trainer: object, *rest: object) -> Path:
        place = real(trainer, *rest)
        say(trainer.step)
        return place

    loop.checkpoints.save = save
    lengths = random.Random(seed)
    while True:
        left = lengths.randrange(1, 8)

        def enough() -> bool:
            nonlocal left
            left -= 1
            return left <= 0

        resume = bool(runs.checkpoint_folders(folder))
        last = list(train(folder, resume=resume, should_stop=enough))[-1]
        if last.reason == "finished":
            return


def new_run(folder: Path, preset: str, *changes: str) -> Path:
    return runs.create(with_settings(load_settings(preset), [*TINY[preset], "training.log_every=1", *changes]), folder)


def whole(place: Path) -> None:
    """Fail unless every file of a folder is what its manifest says."""
    for name in files.read_json(place / files.MANIFEST)["sha256"]:
        files.read_verified(place, name)


def leftovers(folder: Path) -> set[Path]:
    """Return what a kill left half-written."""
    half = {path for path in (folder / runs.CHECKPOINTS).glob("*") if not (path / files.MANIFEST).is_file()}
    return half | set(folder.glob(".*.partial"))


def age_partials(folder: Path) -> None:
    """Let time pass: a half-written file that is young may be somebody's who still writes it."""
    for path in folder.rglob(".*.partial"):
        os.utime(path, (1, 1))


def test_a_hundred_kills_lose_nothing(home: Path, tmp_path: Path) -> None:
    folder = new_run(home / "runs" / "victim", "points-vae", "training.epochs=100000")
    moments = random.Random(5)
    newest = torn = 0
    for kill in range(KILLS):
        child = Child(train_stop_and_go_on, folder, kill)
        if kill % 4:  # else while it starts: it reads, cuts the measurements, writes down how it starts
            for _ in range(moments.randrange(1, 5)):
                child.hear()
        time.sleep(moments.uniform(0, 0.06))
        done = max([newest, *child.kill()])
        assert folder in runs.folders()
        found = runs.checkpoint_folders(folder)
        torn += bool(leftovers(folder))
        if done:
            whole(found[0])
            assert int(found[0].name) >= done, f"kill {kill}: a checkpoint that was written is not there"
            assert not runs.card(folder).problem
            session = ModelSession.open(folder, "cpu")
            assert all(bool(torch.isfinite(weight).all()) for weight in session.model.state_dict().values())
        newest = int(found[0].name) if found else 0
    print(f"{torn} of {KILLS} kills hit the writing; {newest} steps saved")  # noqa: T201 - luck decides both
    age_partials(folder)

    epochs = newest // STEPS + 1
    config = with_settings(runs.read_config(folder), [f"training.epochs={epochs}"])
    runs.update_record(folder, config=config.model_dump(mode="json"))
    ended = list(train(folder, resume=True))[-1]
    assert isinstance(ended, TrainingEnded) and ended.reason == "finished" and ended.step == epochs * STEPS
    assert not leftovers(folder) and not list(folder.rglob("*.partial")), "swept"
    whole(folder)
    never_killed = new_run(tmp_path / "never killed", "points-vae", f"training.epochs={epochs}")
    list(train(never_killed))
    assert (folder / runs.WEIGHTS).read_bytes() == (never_killed / runs.WEIGHTS).read_bytes()
    measured = [found.step for found in metrics.measurements(folder) if found.split == "train"]
    assert measured == list(range(1, ended.step + 1)), "every step once"


class Fate:
    """Counts what is done to the files of a folder, and kills this process at one of these deeds."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder, self.number = str(folder), number
        self.count = 0
        sys.addaudithook(self._watch)
        self._real_open = Path.open
        fate = self
        Path.open = lambda path, mode="r", *rest, **options: fate._opened(path, mode, *rest, **options)

    def is_now(self) -> bool:
        """Count a deed and return whether it is the last."""
        self.count += 1
        return self.count == self.number

    def kill(self) -> None:
        """End this process as a power cut would."""
        os.kill(os.getpid(), signal.SIGKILL)

    def _watch(self, event: str, arguments: tuple[object, ...]) -> None:
        changes = event in {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (changes or writes) and str(arguments[0]).startswith(self.folder) and self.is_now():
            self.kill()

    def _opened(self, path: Path, mode: str = "r", *rest: object, **options: object) -> object:
        file = self._real_open(path, mode, *rest, **options)
        return Torn(file, self) if not mode.startswith("r") and str(path).startswith(self.folder) else file


class Torn:
    """A file of whose last write only half arrives."""

    def __init__(self, file: Any, fate: Fate) -> None:
        self._file, self._fate = file, fate

    def write(self, content: Any) -> int:
        """Write, unless it is the last deed."""
        if self._fate.is_now():
            self._file.write(content[: len(content) // 2])
            self._file.flush()
            self._fate.kill()
        return self._file.write(content)

    def __enter__(self) -> "Torn":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def die_at_deed(say: Say, folder: Path, number: int) -> None:
    """Go on with a run for two steps, and die at a deed in its folder; say how many there were, if it was none."""
    save_after_every_step()
    asked: list[int] = []

    def second() -> bool:
        asked.append(1)
        return len(asked) == 2

    fate = Fate(folder, number)
    list(train(folder, resume=True, should_stop=second))
    say(fate.count)


def tell_steps(say: Say, folder: Path) -> None:
    """Train and say every measured step, until killed."""
    for message in train(folder):
        if isinstance(message, Progress):
            say(message.measurement.step)


def test_before_the_first_checkpoint_it_begins_again(tmp_path: Path) -> None:
    folder, never_killed = (new_run(tmp_path / name, "points-vae", "training.epochs=40") for name in ("one", "two"))
    child = Child(tell_steps, folder)
    while child.hear() < 7:
        pass
    child.kill()
    assert not runs.checkpoint_folders(folder) and len(list(metrics.measurements(folder))) >= 7
    assert "before its first checkpoint" in runs.card(folder).problem
    for place in (folder, never_killed):
        list(train(place))
    assert (folder / runs.WEIGHTS).read_bytes() == (never_killed / runs.WEIGHTS).read_bytes()
    measured = [[found.step for found in metrics.measurements(place)] for place in (folder, never_killed)]
    assert measured[0] == measured[1] == sorted(measured[1])
    assert snapshots.steps(folder) == snapshots.steps(never_killed)


def test_forsaken_halves_are_swept_and_young_ones_left(tmp_path: Path) -> None:
    folder = new_run(tmp_path / "run", "points-vae")
    list(train(folder, should_stop=lambda: True))
    half = runs.checkpoint_folder(folder, 99)
    half.mkdir()
    old, young = folder / ".1-1.partial", folder / ".2-2.partial"
    for path in (half / "model.safetensors", old, young):
        path.write_bytes(b"torn")
    os.utime(old, (1, 1))
    list(train(folder, resume=True, should_stop=lambda: True))
    assert not half.exists() and not old.exists() and young.exists()
    assert [int(place.name) for place in runs.checkpoint_folders(folder)] == [2, 1]


@pytest.mark.slow
def test_a_kill_at_any_deed_loses_nothing(tmp_path: Path) -> None:
    """Before every file that is opened, moved or removed, and in the middle of every write."""
    origin = new_run(tmp_path / "origin", "points-ddpm", "training.epochs=100000")
    list(train(origin, should_stop=lambda: True))
    number = 0
    while True:
        number += 1
        folder = tmp_path / "copy" / str(number)
        copytree(origin, folder)
        child = Child(die_at_deed, folder, number)
        said = child.rest()
        child.process.join(60)
        if said:
            assert child.process.exitcode == 0 and said[0] == number - 1
            break
        assert child.process.exitcode == -signal.SIGKILL
        found = runs.checkpoint_folders(folder)
        whole(found[0])
        assert not runs.card(folder).problem
        ModelSession.open(folder, "cpu")
        age_partials(folder)
        last = list(train(folder, resume=True, should_stop=lambda: True))[-1]
        assert last.step == int(found[0].name) + 1
        assert not leftovers(folder)
        whole(folder)
        assert [m.step for m in metrics.measurements(folder) if m.split == "train"] == list(range(1, last.step + 1))
    assert number > 50, "two checkpoints and a published model are more deeds than that"

"""The time machine's files: they come back as written, nothing hostile gets in, and how few of them are kept."""

import io
import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import files, runs, snapshots
from explorer.data.catalog import load
from explorer.errors import RunError
from explorer.inference.session import ModelSession
from explorer.training import time_machine
from explorer.training.loop import train
from explorer.training_messages import Pictures, Snapshot, TrainingEnded

NewRun = Callable[..., Path]


def snapshot(step: int = 120, channels: int = 1) -> Snapshot:
    chance = np.random.default_rng(step)
    return Snapshot(
        step,
        step / 24,
        chance.normal(size=(7, 3)).astype(np.float32),
        chance.integers(0, 10, 7),
        chance.integers(0, 256, (4, 5, 6, channels), np.uint8),
        chance.integers(0, 256, (6, 5, 6, channels), np.uint8),
        (2, 0),
    )


def arrays_of(one: Snapshot) -> dict[str, np.ndarray]:
    names = ("step", "epoch", "means", "labels", "samples", "traversal", "dimensions")
    arrays = {name: np.asarray(getattr(one, name)) for name in names}
    return arrays | {"means": one.means.astype(np.float16)}


@pytest.mark.parametrize("channels", [1, 3])
def test_a_snapshot_comes_back(tmp_path: Path, channels: int) -> None:
    written = snapshot(channels=channels)
    snapshots.write(tmp_path, written)
    assert [path.name for path in (tmp_path / snapshots.SNAPSHOTS).iterdir()] == ["00000120.npz"]
    found = snapshots.read(tmp_path, 120)
    assert (found.step, found.epoch, found.dimensions) == (120, 5.0, (2, 0))
    assert found.means.dtype == np.float32 and np.allclose(found.means, written.means, atol=2e-3)
    for name in ("labels", "samples", "traversal"):
        there, here = getattr(found, name), getattr(written, name)
        assert there.dtype == here.dtype and np.array_equal(there, here), name


def test_a_diffusion_models_snapshot_has_samples_only(tmp_path: Path) -> None:
    samples = np.zeros((16, 8, 8, 1), np.uint8)
    none = Snapshot(0, 0.0, np.zeros((0, 0), np.float32), np.zeros(0, np.int64), samples, samples[:0])
    snapshots.write(tmp_path, none)
    found = snapshots.read(tmp_path, 0)
    assert found.means.shape == (0, 0) and found.traversal.shape == (0, 8, 8, 1) and found.dimensions == ()


def test_means_that_are_out_of_range_can_be_written(tmp_path: Path) -> None:
    wild = snapshot()
    wild.means[0] = (np.nan, 1e9, -np.inf)
    snapshots.write(tmp_path, wild)
    assert snapshots.read(tmp_path, 120).means[0].tolist() == [0, 65504, -65504]


def packed(arrays: dict[str, np.ndarray], **change: np.ndarray | None) -> bytes:
    return files.as_npz(**{name: array for name, array in {**arrays, **change}.items() if array is not None})


def repacked(change: Callable[[str, bytes], bytes], method: int = zipfile.ZIP_DEFLATED, extra: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed(GOOD))) as old, zipfile.ZipFile(buffer, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
        if extra:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a name that is there already
                new.writestr(extra, b"")
    return buffer.getvalue()


def pickled() -> np.ndarray:
    return np.array([{"a": 1}] * 7, dtype=object)


def lying(shape: bytes) -> Callable[[str, bytes], bytes]:
    """Return a change that has the header of the labels speak of another shape."""
    return lambda _, content: content.replace(b"(7,), }" + b" " * (len(shape) - 4), shape + b", }")


GOOD = arrays_of(snapshot())
BAD: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "no archive": lambda: b"PK" + b"\0" * 100,
    "a member is missing": lambda: packed(GOOD, labels=None),
    "one more": lambda: packed(GOOD, more=np.zeros(1)),
    "the same twice": lambda: repacked(lambda _, content: content, extra="step.npy"),
    "a path as a name": lambda: repacked(lambda _, content: content, extra="../../x.npy"),
    "pickled objects": lambda: packed(GOOD, labels=pickled()),
    "float64 means": lambda: packed(GOOD, means=GOOD["means"].astype(np.float64)),
    "float labels": lambda: packed(GOOD, labels=GOOD["labels"].astype(np.float32)),
    "big-endian labels": lambda: packed(GOOD, labels=GOOD["labels"].astype(">i8")),
    "flat means": lambda: packed(GOOD, means=GOOD["means"].ravel()),
    "means of other items": lambda: packed(GOOD, means=GOOD["means"][:3]),
    "means that are no numbers": lambda: packed(GOOD, means=GOOD["means"] * np.float16(np.nan)),
    "two channels": lambda: packed(GOOD, samples=np.zeros((4, 5, 6, 2), np.uint8)),
    "pictures without a size": lambda: packed(GOOD, samples=np.zeros((4, 0, 6, 1), np.uint8)),
    "half a row": lambda: packed(GOOD, traversal=GOOD["traversal"][:5]),
    "rows of nothing": lambda: packed(GOOD, dimensions=np.zeros(0, np.int64)),
    "a dimension that is not there": lambda: packed(GOOD, dimensions=np.array([0, 3])),
    "a negative dimension": lambda: packed(GOOD, dimensions=np.array([0, -1])),
    "another step": lambda: packed(GOOD, step=np.asarray(121)),
    "an endless epoch": lambda: packed(GOOD, epoch=np.asarray(np.inf)),
    "a huge shape": lambda: repacked(lying(b"(999999999,)")),
    "a shape that overflows": lambda: repacked(lying(b"(4611686018427387904,)")),
    "half an array": lambda: repacked(lambda _, content: content[: len(content) // 2]),
    "no arrays": lambda: repacked(lambda *_: b"x" * 100),
    "another compression": lambda: repacked(lambda _, content: content, zipfile.ZIP_BZIP2),
    "a bomb": lambda: repacked(lambda name, content: content + b"\0" * 65_000_000 * (name == "means.npy")),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_hostile_files_are_refused(tmp_path: Path, kind: str) -> None:
    place = snapshots.path(tmp_path, 120)
    place.parent.mkdir()
    place.write_bytes(repacked(lambda _, content: content))
    assert snapshots.read(tmp_path, 120).step == 120
    place.write_bytes(BAD[kind]())
    with pytest.raises(RunError, match=r"00000120\.npz"):
        snapshots.read(tmp_path, 120)


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    place = snapshots.path(tmp_path, 3)
    place.parent.mkdir()
    for make in (lambda: None, place.mkdir, lambda: os.mkfifo(place), lambda: place.symlink_to("nowhere")):
        make()
        with pytest.raises(RunError, match="no plain file"):
            snapshots.read(tmp_path, 3)
        if place.is_dir():
            place.rmdir()
        else:
            place.unlink(missing_ok=True)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    snapshots.write(tmp_path, snapshot())
    place = snapshots.path(tmp_path, 120)
    whole = place.read_bytes()
    for length in range(0, len(whole), 7):
        place.write_bytes(whole[:length])
        with pytest.raises(RunError, match="damaged"):
            snapshots.read(tmp_path, 120)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, where: int, change: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "changed"
    place = snapshots.path(folder, 120)
    place.parent.mkdir(parents=True, exist_ok=True)
    content = bytearray(packed(GOOD))
    content[where % len(content)] ^= change
    place.write_bytes(bytes(content))
    try:
        found = snapshots.read(folder, 120)
    except RunError:
        return
    assert all(np.array_equal(array, GOOD[name]) for name, array in arrays_of(found).items())


def make(folder: Path, steps: list[int]) -> None:
    (folder / snapshots.SNAPSHOTS).mkdir(exist_ok=True)
    for step in steps:
        snapshots.path(folder, step).write_bytes(b"")


def test_steps_are_those_of_snapshots_only(tmp_path: Path) -> None:
    assert snapshots.steps(tmp_path) == []
    make(tmp_path, [200, 7, 123456789])
    for name in (".00000001.npz.partial", "x.npz", "12.npz", "0000000x.npz", "00000009.txt"):
        (tmp_path / snapshots.SNAPSHOTS / name).write_text("")
    assert snapshots.steps(tmp_path) == [7, 200, 123456789]


def test_cut_forgets_what_comes_after(tmp_path: Path) -> None:
    make(tmp_path, [0, 10, 20, 30])
    snapshots.cut(tmp_path, 20)
    assert snapshots.steps(tmp_path) == [0, 10, 20]
    snapshots.cut(tmp_path, 5)
    assert snapshots.steps(tmp_path) == [0]


@given(st.sets(st.integers(0, 10_000), max_size=60), st.integers(0, 20))
def test_thinning_keeps_the_ends_and_is_even(
    tmp_path_factory: pytest.TempPathFactory, steps: set[int], most: int
) -> None:
    folder = tmp_path_factory.mktemp("thin")
    make(folder, sorted(steps))
    snapshots.thin(folder, most)
    left, before = snapshots.steps(folder), sorted(steps)
    assert len(left) <= max(2, most) and set(left) <= steps
    assert left[:1] == before[:1] and left[-1:] == before[-1:]
    if len(before) <= max(2, most):
        assert left == before
    else:
        assert len(left) >= max(2, most) // 2
        gaps = np.diff([before.index(step) for step in left])
        assert len(set(gaps[:-1].tolist())) <= 1, "as many are left out everywhere, but before the last"


# ---- taken while a model trains ----


def told(folder: Path, **options: object) -> list[Snapshot]:
    return [message for message in train(folder, **options) if isinstance(message, Snapshot)]


def same(one: Snapshot, other: Snapshot) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in vars(one))


EPOCHS = ("training.batch_size=250", "training.epochs=4")  # 6 steps an epoch


def test_one_before_the_first_step_one_after_every_epoch_and_one_at_the_end(new_run: NewRun) -> None:
    folder = new_run("digits-vae", *EPOCHS)
    found = told(folder)
    assert [one.step for one in found] == snapshots.steps(folder) == [0, 6, 12, 18, 24]
    assert [one.epoch for one in found] == [0, 1, 2, 3, 4]
    assert all(same(one, snapshots.read(folder, one.step)) for one in found), "what is told is what is written"


def test_they_show_the_model_as_it_was(new_run: NewRun) -> None:
    folder = new_run("digits-vae", *EPOCHS)
    told(folder)
    last = snapshots.read(folder, 24)
    session = ModelSession.open(folder, "cpu")
    published = session.latents()
    assert np.array_equal(last.means, published.means[:2000]) and np.array_equal(last.labels, published.labels[:2000])
    assert last.dimensions == published.order() and last.traversal.shape == (18, 8, 8, 1)
    z = np.zeros((2, 9, 2), np.float32)
    for row, dimension in enumerate(last.dimensions):
        z[row, :, dimension] = np.linspace(-3, 3, 9)
    pixels = session.decode(z.reshape(-1, 2)).astype(int)
    assert np.abs(pixels - last.traversal).max() <= 1
    pictures = runs.read_pictures(folder)
    assert pictures is not None and np.array_equal(last.samples, pictures.samples[:16])
    first = snapshots.read(folder, 0)
    assert np.array_equal(first.labels, last.labels) and not np.array_equal(first.means, last.means)
    assert np.array_equal(last.labels, load("digits").split("train")[1][:2000])


@pytest.mark.parametrize(
    ("preset", "latents", "rows"),
    [
        ("digits-conditional", True, 5), ("digits-ladder", True, 5), ("digits-autoencoder", True, 2),
        ("digits-vq", True, 5), ("points-vae", True, 2), ("points-ddpm", False, 0), ("digits-ddpm", False, 0),
    ],
)  # fmt: skip
def test_every_family_has_them(new_run: NewRun, preset: str, latents: bool, rows: int) -> None:
    folder = new_run(preset, "training.epochs=1", "training.batch_size=250")
    first, last = told(folder)
    for one in (first, last):
        assert bool(one.means.size) is latents and len(one.means) == len(one.labels)
        assert len(one.traversal) == 9 * rows and len(set(one.dimensions)) == len(one.dimensions) == rows
        assert one.samples.ndim == 4 and len(one.samples) == (1 if preset.startswith("points") else 16)
    assert not np.array_equal(first.samples, last.samples)


def test_they_can_be_turned_off(new_run: NewRun) -> None:
    folder = new_run("digits-vae", *EPOCHS, "training.snapshots=false")
    assert told(folder) == [] and not (folder / snapshots.SNAPSHOTS).exists()


def test_a_run_that_stops_and_goes_on_has_those_of_the_whole(new_run: NewRun) -> None:
    whole, parts = new_run("digits-vae", *EPOCHS), new_run("digits-vae", *EPOCHS)
    told(whole)
    for stop in (4, 8, 12, 23, 10**9):
        before = int(runs.checkpoint_folders(parts)[0].name) if stop > 4 else 0
        asked = [before]

        def enough(stop: int = stop, asked: list[int] = asked) -> bool:
            asked[0] += 1
            return asked[0] >= stop

        told(parts, resume=before > 0, should_stop=enough)
        if stop < 24:
            assert snapshots.steps(parts)[-1] == stop, "and one of where it stopped, meanwhile"
    assert snapshots.steps(parts) == snapshots.steps(whole)
    assert all(same(snapshots.read(parts, step), snapshots.read(whole, step)) for step in (0, 6, 12, 18, 24))


def test_snapshots_of_steps_that_are_taken_again_are_forgotten(new_run: NewRun) -> None:
    folder = new_run("digits-vae", *EPOCHS)
    told(folder, should_stop=lambda: True)
    make(folder, [12, 18])  # a kill came before their checkpoint
    told(folder, resume=True, should_stop=lambda: True)
    assert snapshots.steps(folder) == [0, 2]


def test_of_many_epochs_every_second_is_kept(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_machine, "MOST", 8)
    many = ("training.batch_size=1500", "data.items=64", "training.epochs=41")  # a step an epoch
    folder, parts = new_run("digits-vae", *many), new_run("digits-vae", *many)
    told(folder)
    assert snapshots.steps(folder) == [0, 8, 16, 24, 32, 40, 41]
    asked = 0

    def enough() -> bool:
        nonlocal asked
        asked += 1
        return asked == 21

    told(parts, should_stop=enough)
    assert snapshots.steps(parts) == [0, 4, 8, 12, 16, 20, 21]
    told(parts, resume=True)
    assert snapshots.steps(parts) == snapshots.steps(folder), "what is on the disk says how it goes on"


def test_they_take_no_more_time_than_they_may(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_machine, "_GRACE", 0.0)
    monkeypatch.setattr(time_machine, "_SHARE", 1e-9)
    folder = new_run("digits-vae", *EPOCHS)
    told(folder)
    assert snapshots.steps(folder) == [0, 24], "the first and the last are there in any case"


def test_a_full_disk_ends_no_training(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = Path.open

    def full(self: Path, *arguments: object, **options: object) -> object:
        if self.parent.name == snapshots.SNAPSHOTS and arguments[:1] == ("wb",):
            self.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        return real(self, *arguments, **options)

    folder = new_run("digits-vae", *EPOCHS)
    monkeypatch.setattr(Path, "open", full)
    messages = list(train(folder))
    assert isinstance(messages[-1], TrainingEnded) and messages[-1].reason == "finished"
    assert not any(isinstance(message, Snapshot) for message in messages)
    assert any(isinstance(message, Pictures) for message in messages)
    assert not list((folder / snapshots.SNAPSHOTS).iterdir()), "no half of a file is left"
    assert "no snapshot of step 6" in caplog.text and "No space left" in caplog.text


def test_looking_back_changes_nothing_that_is_trained(new_run: NewRun) -> None:
    made = []
    for wanted in ("true", "false"):
        folder = new_run("digits-vq", "training.batch_size=500", f"training.snapshots={wanted}")
        told(folder)
        made.append(((folder / runs.WEIGHTS).read_bytes(), torch.get_rng_state().tolist()))
    assert made[0] == made[1]

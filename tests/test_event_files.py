"""TensorBoard's event files, read back with TensorBoard."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")

from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from explorer import images, metrics
from explorer.training.clock import Clock
from explorer.training.event_files import FOLDER, EventFiles
from explorer.training.loop import train
from explorer.training_messages import Knobs, Measurement, Pictures, TrainingEnded

NewRun = Callable[..., Path]
EPOCHS = ("training.batch_size=250", "training.log_every=1", "training.epochs=2")


def read(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder / FOLDER), size_guidance={"scalars": 0, "images": 0})
    return found.Reload()


def curve(found: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in found.Scalars(tag)]


def expected(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return the curves of ``metrics.jsonl`` by the names that they have in TensorBoard."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for one in metrics.measurements(folder):
        named = {f"{one.split}/{name}": value for name, value in one.values.items()}
        if one.split == "test":
            named |= {f"kl_per_dimension/z{k}": value for k, value in enumerate(one.kl_per_dimension)}
        for name, value in named.items():
            curves.setdefault(name, []).append((one.step, float(np.float32(value))))
    return curves


def test_scalars_are_those_of_the_curves(new_run: NewRun) -> None:
    folder = new_run("digits-vae", *EPOCHS)
    list(train(folder))
    found = read(folder)
    for tag, points in expected(folder).items():
        assert curve(found, tag) == points, tag
    assert "test/elbo" in found.Tags()["scalars"] and "kl_per_dimension/z1" in found.Tags()["scalars"]
    times = [event.wall_time for event in found.Scalars("train/elbo")]
    assert times == sorted(times) and abs(times[-1] - (folder / metrics.METRICS).stat().st_mtime) < 60


def test_knobs_are_scalars_too(new_run: NewRun) -> None:
    folder = new_run("digits-vae", *EPOCHS, 'training.turns="3 beta=20 rate=0.5"')
    list(train(folder))
    found = read(folder)
    assert curve(found, "knobs/beta") == [(step, 1.0 if step <= 3 else 20.0) for step in range(1, 13)]
    assert curve(found, "knobs/rate") == [(step, 1.0 if step <= 3 else 0.5) for step in range(1, 13)]
    folder = new_run("points-ddpm", *EPOCHS)
    list(train(folder))
    assert "knobs/beta" not in read(folder).Tags()["scalars"], "a diffusion model has none"


def test_pictures_are_images(new_run: NewRun) -> None:
    folder = new_run("digits-vae", *EPOCHS)
    made = [message for message in train(folder) if isinstance(message, Pictures)]
    found = read(folder)
    for tag, name in (("samples", "samples"), ("reconstructions", "reconstructions")):
        last = found.Images(tag)[-1]
        shown = np.asarray(Image.open(io.BytesIO(last.encoded_image_string)))
        assert last.step == made[-1].step == 12 and shown.shape == (last.height, last.width)
        assert np.array_equal(shown, images.tile(getattr(made[-1], name))[..., 0])


def test_the_loss_of_a_diffusion_model_by_t(new_run: NewRun) -> None:
    folder = new_run("points-ddpm", *EPOCHS, "model.timesteps=25")
    list(train(folder))
    found = read(folder)
    tags = [tag for tag in found.Tags()["scalars"] if tag.startswith("loss_by_t/")]
    ranges = sorted(tuple(map(int, tag.split("/")[1].split("-"))) for tag in tags)
    assert len(ranges) == 10 and [t for low, high in ranges for t in range(low, high + 1)] == list(range(1, 26))
    last = [one for one in metrics.measurements(folder) if one.split == "test"][-1]
    written = [curve(found, f"loss_by_t/{low}-{high}")[-1] for low, high in ranges]
    assert written == [(last.step, float(np.float32(value))) for value in last.per_t]
    assert curve(found, "test/bound")[-1] == (last.step, float(np.float32(last.values["bound"])))


def test_a_resumed_run_has_every_step_once(new_run: NewRun) -> None:
    folder = new_run("digits-vae", *EPOCHS)
    asked: list[int] = []

    def enough() -> bool:
        asked.append(1)
        return len(asked) == 5

    list(train(folder, should_stop=enough))
    lost = EventFiles(folder, 5, Clock())  # written by a training that was killed before its next checkpoint
    for step in range(6, 10):
        lost.measurement(Measurement(step, 1.0, 1.0, "train", {"elbo": -1e6}), Knobs())
    lost.flush()
    for stop in (8, 10**9):
        list(train(folder, resume=True, should_stop=lambda stop=stop: len(asked) >= stop or asked.append(1)))
    found = read(folder)
    for tag, points in expected(folder).items():
        assert curve(found, tag) == points, tag
    assert [step for step, _ in curve(found, "train/elbo")] == list(range(1, 13))


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("tensorboard.compat.proto")]:
        monkeypatch.delitem(sys.modules, name)


def test_they_can_be_turned_off(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    forget(monkeypatch)
    folder = new_run("digits-vae", *EPOCHS, "training.tensorboard=off")
    list(train(folder))
    assert not (folder / FOLDER).exists() and "tensorboard.compat.proto" not in sys.modules, "nothing is imported, too"


@pytest.mark.parametrize("broken", [None, TypeError])
def test_without_tensorboard_there_are_none(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, broken: type[Exception] | None
) -> None:
    forget(monkeypatch)
    if broken is None:
        monkeypatch.setitem(sys.modules, "tensorboard", None)
        monkeypatch.setitem(sys.modules, "tensorboard.compat.proto", None)
    else:
        real = __import__

        def failing(name: str, *rest: object) -> object:
            if name.startswith("tensorboard"):
                raise broken("Descriptors cannot be created directly.")
            return real(name, *rest)

        monkeypatch.setattr("builtins.__import__", failing)
    folder = new_run("digits-vae", *EPOCHS)
    assert isinstance(list(train(folder))[-1], TrainingEnded)
    assert not (folder / FOLDER).exists()


@pytest.mark.parametrize("moment", ["at the beginning", "later"])
def test_a_folder_that_cannot_be_written_ends_no_training(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, moment: str
) -> None:
    folder = new_run("digits-vae", *EPOCHS)
    messages = train(folder)
    if moment == "later":
        next(messages)
        for path in (folder / FOLDER).iterdir():
            path.unlink()
        (folder / FOLDER).rmdir()
    (folder / FOLDER).write_text("in the way")
    last = list(messages)[-1]
    assert isinstance(last, TrainingEnded) and last.reason == "finished"
    assert caplog.text.count("event files for TensorBoard") == 1


def test_nothing_is_open_between_two_writings(new_run: NewRun, tmp_path: Path) -> None:
    events = EventFiles(tmp_path, 0, Clock())
    for step in range(1, 4):
        events.measurement(Measurement(step, 1.0, 1.0, "train", {"elbo": -1.0}), Knobs())
    events.flush()
    for path in (tmp_path / FOLDER).iterdir():
        path.rename(tmp_path / "elsewhere")  # which Windows refuses for a file that is open
    events.measurement(Measurement(4, 1.0, 1.0, "train", {"elbo": -1.0}), Knobs())
    events.flush()

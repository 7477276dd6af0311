"""The training loop, a generator: the window, the command line, notebooks and tests differ only in who iterates it."""

import math
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from explorer import metrics, runs
from explorer.config import ACTIVE_NATS, DiffusionConfig, RunConfig, parse_turns
from explorer.data.batches import batches, binarized, steps_per_epoch, to_tensor, to_unit
from explorer.data.catalog import Dataset, load
from explorer.errors import TrainingError
from explorer.messages import Knobs, Measurement, Pictures, Progress, Split, TrainingEnded, TrainingStarted, Turned
from explorer.models import devices
from explorer.models.build import Model, parameter_count
from explorer.models.latent import LatentModel
from explorer.training import checkpoints
from explorer.training.objectives import Average
from explorer.training.publish import make_pictures, publish
from explorer.training.trainer import Trainer

Message = TrainingStarted | Progress | Pictures | Turned | TrainingEnded
_TEST_ITEMS = 2048
_TEST_EVERY = 25  # training images per test image between two looks at the test split: < 2 % of the work
_PICTURE_SHARE = 0.005
_PAUSE = 0.01  # seconds; a shorter answer is no pause
_SETTLING_ITEMS = 2000


def _never() -> bool:
    return False


def _untouched() -> Knobs | None:
    return None


def train(
    folder: Path,
    *,
    should_stop: Callable[[], bool] = _never,
    knobs: Callable[[], Knobs | None] = _untouched,
    resume: bool = False,
) -> Iterator[Message]:
    """Train the run of a folder to its last epoch, and yield what happens.

    Each measurement is in ``metrics.jsonl`` before it is yielded. However the loop ends (finished, stopped, generator
    closed), a checkpoint and the model as the explorer opens it are written first; a loss that is no number ends it
    with the last finite checkpoint in place.

    Args:
        folder: a run made by ``runs.create``.
        should_stop: asked after every step; while it waits, training is paused.
        knobs: asked before every step; what it returns stays until it returns something else, None changes nothing.
            Every turn is an event in ``metrics.jsonl``, and ``training.turns`` replays them.
        resume: go on from the newest valid checkpoint instead of from the start.

    Raises:
        RunError, DataError, DeviceError, ConfigError: what is missing or wrong, before anything is trained.
        TrainingError: the loss is no number any more, or the device has no memory left.
    """
    try:
        yield from _Loop(folder, resume).run(should_stop, knobs)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(folder) from error
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):
            raise
        raise _out_of_memory(folder) from error


def _out_of_memory(folder: Path) -> TrainingError:
    settings = runs.read_config(folder).training
    smaller = max(1, settings.batch_size // 2)
    return TrainingError(f"{settings.device} has no memory left; try training.batch_size={smaller} or a smaller model")


def _rounded(value: float) -> float:
    """Return a number as exact as float32, at a third of the length in ``metrics.jsonl``."""
    return float(f"{value:.7g}")


class _Loop:
    """The loop's state between two yields."""

    def __init__(self, folder: Path, resume: bool) -> None:
        self.folder = folder
        config = runs.read_config(folder)
        self.settings = config.training
        self.device = devices.resolve(self.settings.device)
        self.data: Dataset = load(config.data)
        self.images, self.labels = self._to_device("train", config)
        self.test, self.test_labels = self._to_device("test", config)
        self.per_epoch = steps_per_epoch(len(self.images), self.settings.batch_size)
        self.trainer = Trainer(config, self.device, self.per_epoch)
        self.told = self.trainer.model.classes > 0
        self.total = self.per_epoch * self.settings.epochs
        self.turns = parse_turns(self.settings.turns)
        self.before = 0.0
        self.tested_at_step = -(10**9)
        self.latest: dict[str, float] = {}
        if resume:
            self.before = checkpoints.restore(self.trainer, folder)
            metrics.cut(folder, self.trainer.step)
            self._remember_tests()
        else:
            size = self.settings.batch_size
            self.trainer.choose_precision(self.images[:size], self.labels[:size] if self.told else None)
        self.first_step = self.trainer.step
        self.began = time.monotonic()
        self.saved_at = self.began
        self.picture_seconds = 0.0
        self.seen = 0
        self.average = Average()

    def _to_device(self, split: Split, config: RunConfig) -> tuple[Tensor, Tensor]:
        values, labels = self.data.split(split)
        images = to_tensor(values, self.device)
        model = config.model
        if not isinstance(model, DiffusionConfig) and (model.likelihood, model.binarization) == ("bernoulli", "static"):
            images = binarized(images, split)
        return images, torch.from_numpy(labels).to(self.device)

    # ---- one interval of the training curves ----

    def _step(self, chosen: Tensor) -> None:
        with devices.lock(self.device):
            result = self.trainer.train_step(self.images[chosen], self.labels[chosen] if self.told else None)
        self.average.add(result, len(chosen))
        self.seen += len(chosen)

    def _remember_tests(self) -> None:
        for measurement in metrics.measurements(self.folder):
            if measurement.split == "test":
                self._note_test(measurement)

    def _note_test(self, measurement: Measurement) -> None:
        self.tested_at_step = measurement.step
        self.latest = {f"test_{name}": value for name, value in measurement.values.items()}
        if measurement.kl_per_dimension and "perplexity" not in measurement.values:
            self.latest["active_dimensions"] = sum(kl >= ACTIVE_NATS for kl in measurement.kl_per_dimension)

    def _measured(self, split: Split, average: Average) -> Measurement:
        values, kl_per_dimension = average.values()
        if not all(math.isfinite(value) for value in values.values()):
            runs.update_record(self.folder, status="failed")
            raise TrainingError(
                f"the loss is no number after step {self.trainer.step}; what was saved before stands: "
                f"lower training.learning_rate (now {self.settings.learning_rate:g}) or set training.gradient_clip=1"
            )
        measurement = Measurement(
            step=self.trainer.step,
            epoch=round(self.trainer.step / self.per_epoch, 6),
            seconds=round(self._seconds(), 3),
            split=split,
            values={name: _rounded(value) for name, value in values.items()},
            kl_per_dimension=tuple(map(_rounded, kl_per_dimension)),
        )
        metrics.append(self.folder, measurement)
        return measurement

    def _progress(self, measurement: Measurement) -> Progress:
        done = self.trainer.step - self.first_step
        elapsed = max(time.monotonic() - self.began, 1e-9)
        rate = done / elapsed
        return Progress(
            measurement=measurement,
            total_steps=self.total,
            total_epochs=self.settings.epochs,
            images_per_second=self.seen / elapsed,
            seconds_left=(self.total - self.trainer.step) / rate if rate > 0 else math.inf,
        )

    def _seconds(self) -> float:
        return self.before + time.monotonic() - self.began

    # ---- the whole ----

    def _turn(self, wanted: Knobs | None) -> Iterator[Turned]:
        """Turn the knobs to what is wanted now, or to what the run's settings say for this step."""
        planned = [turn for turn in self.turns if turn.step == self.trainer.step]
        if wanted is None and planned:
            wanted = Knobs(planned[-1].beta, planned[-1].rate)
        if wanted is None or wanted == self.trainer.knobs:
            return
        self.trainer.knobs = wanted
        turned = Turned(self.trainer.step, round(self.trainer.step / self.per_epoch, 6), wanted)
        metrics.append_turn(self.folder, turned)
        yield turned

    def _asked_to_stop(self, should_stop: Callable[[], bool]) -> bool:
        """Return the answer; the time it took to answer is no training time."""
        asked = time.monotonic()
        stopped = should_stop()
        waited = time.monotonic() - asked
        if waited > _PAUSE:
            self.began += waited
        return stopped

    def run(self, should_stop: Callable[[], bool], knobs: Callable[[], Knobs | None]) -> Iterator[Message]:
        trainer = self.trainer
        self._record_start()
        yield TrainingStarted(
            str(self.folder),
            str(self.device),
            trainer.precision,
            trainer.step,
            self.total,
            parameter_count(trainer.model),
        )
        stopped = False
        try:
            while trainer.step < self.total and not stopped:
                epoch, first = divmod(trainer.step, self.per_epoch)
                for chosen in batches(
                    len(self.images), self.settings.batch_size, self.settings.seed, epoch, first, self.device
                ):
                    yield from self._turn(knobs())
                    self._step(chosen)
                    stopped = self._asked_to_stop(should_stop)
                    if trainer.step % self.settings.log_every == 0 or stopped:
                        yield self._log_training()
                    if time.monotonic() - self.saved_at > self.settings.checkpoint_seconds:
                        self._checkpoint()
                    if stopped:
                        break
                else:
                    yield from self._after_epoch()
        except GeneratorExit:
            self._finish("stopped")
            raise
        yield from self._finish("stopped" if stopped else "finished")

    def _log_training(self) -> Progress:
        measurement = self._measured("train", self.average)
        self.average = Average()
        return self._progress(measurement)

    def _log_test(self) -> Progress:
        with devices.lock(self.device):
            labels = self.test_labels[:_TEST_ITEMS] if self.told else None
            average = self.trainer.evaluate(self.test[:_TEST_ITEMS], labels)
        measurement = self._measured("test", average)
        self._note_test(measurement)
        return self._progress(measurement)

    def _after_epoch(self) -> Iterator[Message]:
        seen = (self.trainer.step - self.tested_at_step) * self.settings.batch_size
        if seen >= _TEST_EVERY * min(len(self.test), _TEST_ITEMS):
            yield self._log_test()
        if self._is_finite() and self.picture_seconds <= _PICTURE_SHARE * (time.monotonic() - self.began):
            began = time.monotonic()
            with devices.lock(self.device):
                pictures = make_pictures(self._settled(), self.data, self.trainer.step, self.device, samples=16)
                self.trainer.model.train()
            self.picture_seconds += time.monotonic() - began
            yield pictures

    def _settled(self) -> Model:
        """Return the model that pictures are drawn with, ready for them."""
        model = self.trainer.sampled.eval()
        if isinstance(model, LatentModel):
            model.settle(to_unit(to_tensor(self.data.values[:_SETTLING_ITEMS], self.device)))
        return model

    def _is_finite(self) -> bool:
        if not self.average.items:
            return True
        return all(map(math.isfinite, self.average.values()[0].values()))

    def _checkpoint(self) -> None:
        if not self._is_finite():
            return  # the next point of the curve will end this run; what stands is better than what would be saved
        with devices.lock(self.device):
            self._settled()
            self.trainer.model.train()
        checkpoints.save(self.trainer, self.folder, self._seconds())
        self.saved_at = time.monotonic()

    def _finish(self, reason: str) -> Iterator[Message]:
        """Save all there is to save; a list, so that it happens when called and not when iterated."""
        messages: list[Message] = []
        if not self._is_finite():
            self._measured("train", self.average)  # says so and ends the run: what is saved already is better
        with devices.lock(self.device):
            model = self._settled()
        checkpoints.save(self.trainer, self.folder, self._seconds())
        if self.tested_at_step != self.trainer.step:
            messages.append(self._log_test())
        with devices.lock(self.device):
            messages.append(publish(self.folder, model.eval(), self.data, self.trainer.step, self.device))
            self.trainer.model.train()
        figures = {**self.latest, "epochs": self.trainer.step / self.per_epoch, "seconds": round(self._seconds(), 1)}
        runs.update_record(self.folder, metrics=figures, status=reason)
        messages.append(
            TrainingEnded(
                str(self.folder), "finished" if reason == "finished" else "stopped", self.trainer.step, figures
            )
        )
        return iter(messages)

    def _record_start(self) -> None:
        runs.update_record(
            self.folder,
            status="training",
            parameters=parameter_count(self.trainer.model),
            device=devices.label(self.device),
            precision=self.trainer.precision,
            data_sha256=self.data.fingerprint(),
            versions={"python": platform.python_version(), "torch": torch.__version__},
        )

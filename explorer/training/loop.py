"""The training loop, a generator: the window, the command line, notebooks and tests differ only in who iterates it."""

import contextlib
import math
import platform
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Literal, NoReturn

import torch
from torch import Tensor

from explorer import locks, metrics, runs
from explorer.data.batches import batches, steps_per_epoch
from explorer.data.catalog import Dataset, load
from explorer.errors import RunError, TrainingError
from explorer.models import devices
from explorer.models.build import parameter_count
from explorer.training import checkpoints
from explorer.training.clock import Clock
from explorer.training.distributed import ALONE, Alone
from explorer.training.event_files import EventFiles
from explorer.training.looking import Looks, is_finite, items_of
from explorer.training.objectives import Average
from explorer.training.storage import Storage
from explorer.training_messages import (
    Knobs,
    Measurement,
    Pictures,
    Progress,
    Snapshot,
    StorageTrouble,
    TrainingEnded,
    TrainingStarted,
    Turned,
)

Message = TrainingStarted | Progress | Pictures | Snapshot | Turned | StorageTrouble | TrainingEnded
_PAUSE = 0.01  # seconds; a shorter answer is no pause


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
    patient: bool = False,
    closely: Callable[[], bool] = _never,
    team: Alone = ALONE,
) -> Generator[Message, None, None]:
    """Train the run of a folder to its last epoch, and yield what happens.

    Each measurement is in ``metrics.jsonl`` before it is yielded. However the loop ends (finished, stopped, generator
    closed), a checkpoint and the model as the explorer opens it are written first; a generator that is closed does so
    in a hurry, with the newest pictures it has made. A loss that is no number ends it with the last finite checkpoint
    in place.

    Args:
        folder: a run made by ``runs.create``.
        should_stop: asked after every step; while it waits, training is paused.
        knobs: asked before every step; what it returns stays until it returns something else, None changes nothing.
            Every turn is an event in ``metrics.jsonl``, and ``training.turns`` replays them.
        resume: go on from the newest valid checkpoint instead of from the start.
        patient: where the folder cannot be written (a full disk), yield a ``StorageTrouble`` and try again every few
            seconds, for ever or until ``should_stop``; else try a second time only.
        closely: asked after every step: whether to measure this one by itself, for who takes single steps; of one
            process only.
        team: the processes that train; this one is the first of them.

    Raises:
        RunError, DataError, DeviceError, ConfigError: what is missing or wrong, before anything is trained.
        RunError: the folder can no longer be written; what was saved before stands.
        TrainingError: the loss is no number any more, or the device has no memory left.
    """
    try:
        with locks.writing(folder):
            yield from _Loop(folder, resume, should_stop, patient, team).run(knobs, closely)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(folder) from error
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):
            raise
        raise _out_of_memory(folder) from error


def _out_of_memory(folder: Path) -> TrainingError:
    settings = runs.read_config(folder).training
    with contextlib.suppress(RunError):
        runs.update_record(folder, status="failed")
    smaller = f"training.batch_size={settings.batch_size // 2} or " if settings.batch_size > 1 else ""
    return TrainingError(f"{settings.device} has no memory left; try {smaller}a smaller model")


class _Loop:
    """The loop's state between two yields."""

    def __init__(
        self, folder: Path, resume: bool, should_stop: Callable[[], bool], patient: bool, team: Alone = ALONE
    ) -> None:
        self.folder, self.team = folder, team
        self.should_stop = should_stop
        config = runs.read_config(folder)
        if not resume and runs.checkpoint_folders(folder):
            raise RunError(f"{folder} has checkpoints; go on with --resume (resume=True) or choose another folder")
        self.settings = config.training
        self.device = team.device(self.settings.device)
        self.data: Dataset = load(config.data)
        if resume:
            self.data.check_fingerprint(runs.read_record(folder).get("data_sha256"))
        self.images, self.labels = items_of(self.data, "train", config, self.device)
        self.per_epoch = steps_per_epoch(len(self.images), self.settings.batch_size)
        self.trainer = team.trainer(config, self.device, self.per_epoch)
        self.told = self.trainer.model.classes > 0
        self.total = self.per_epoch * self.settings.epochs
        self.restored = checkpoints.restore(self.trainer, folder) if resume else None
        # An attempt may have been killed before it saved, and after a turn that the checkpoint knows nothing of.
        metrics.cut(folder, self.trainer.step if resume else -1, self.trainer.knobs)
        if not resume:
            size = self.settings.batch_size
            self.trainer.choose_precision(self.images[:size], self.labels[:size] if self.told else None)
        team.connect(self.trainer, self.data)
        self.first_step = self.trainer.step
        self.clock = Clock(self.restored.seconds if self.restored is not None else 0.0)
        self.looks = Looks(folder, config, self.trainer, self.data, self.clock)
        self.storage = Storage(should_stop, patient, self.clock)
        self.events = EventFiles(
            folder, self.trainer.step, self.clock, getattr(config.model, "timesteps", 0),
            wanted=self.settings.tensorboard == "auto",
        )  # fmt: skip
        self.saved_at = time.monotonic()
        self.seen = 0
        self.average = Average()

    # ---- one interval of the training curves ----

    def _step(self, chosen: Tensor) -> None:
        with devices.lock(self.device):
            result = self.trainer.train_step(self.images[chosen], self.labels[chosen] if self.told else None)
        self.average.add(result, len(chosen))
        self.seen += len(chosen)

    def _tell(self, measurement: Measurement) -> Iterator[Progress | StorageTrouble]:
        """Write a measurement down and tell it; one that is no number ends the training."""
        if not all(map(math.isfinite, measurement.values.values())):
            self._fail()
        yield from self.storage.write(lambda: metrics.append(self.folder, measurement))
        self.events.measurement(measurement, self.looks.knobs)
        done = self.trainer.step - self.first_step
        elapsed = max(self.clock.here, 1e-9)
        rate = done / elapsed
        yield Progress(
            measurement=measurement,
            total_steps=self.total,
            total_epochs=self.settings.epochs,
            images_per_second=self.seen / elapsed,
            seconds_left=(self.total - self.trainer.step) / rate if rate > 0 else math.inf,
            memory=devices.memory(self.device),
        )

    def _is_finite(self) -> bool:
        """Return whether all losses since the last point of the curves are numbers, and the weights after them."""
        return is_finite(self.average) and self.trainer.is_finite()

    def _fail(self) -> NoReturn:
        with contextlib.suppress(RunError):
            runs.update_record(self.folder, status="failed")
        raise TrainingError(
            f"the loss is no number after step {self.trainer.step}; what was saved before stands: "
            f"lower training.learning_rate (now {self.settings.learning_rate:g}) or set training.gradient_clip=1"
        )

    def _tell_training(self) -> Iterator[Progress | StorageTrouble]:
        measurement = self.looks.measured("train", self.average)
        self.average = Average()
        yield from self._tell(measurement)

    # ---- the whole ----

    def _turn(self, wanted: Knobs | None) -> Iterator[Turned | StorageTrouble]:
        if self.trainer.turn(wanted):
            turned = Turned(self.trainer.step, self.looks.epoch, self.trainer.knobs)
            yield from self.storage.write(lambda: metrics.append_turn(self.folder, turned))
            yield turned

    def _asked_to_stop(self) -> bool:
        """Return the answer; the time it took to answer is no training time."""
        asked = time.monotonic()
        stopped = self.should_stop()
        waited = time.monotonic() - asked
        if waited > _PAUSE:
            self.clock.leave_out(waited)
        return stopped

    def run(self, knobs: Callable[[], Knobs | None], closely: Callable[[], bool]) -> Iterator[Message]:
        """Train, and yield what happens."""
        trainer = self.trainer
        self.should_stop, knobs = self.team.together(self.should_stop, knobs)
        self._record_start()
        yield self._started()
        stopped = False
        try:
            yield from self.looks.begin()
            while trainer.step < self.total and not stopped:
                epoch, first = divmod(trainer.step, self.per_epoch)
                for chosen in batches(
                    len(self.images), self.settings.batch_size, self.settings.seed, epoch, first, self.device
                ):
                    yield from self._turn(knobs())
                    self._step(chosen)
                    if closely():
                        yield from self._tell_training()
                    stopped = self._asked_to_stop()
                    if (trainer.step % self.settings.log_every == 0 or stopped) and self.average.items:
                        self.team.merge(self.average)
                        yield from self._tell_training()
                    if time.monotonic() - self.saved_at > self.settings.checkpoint_seconds:
                        yield from self._checkpoint()
                    if stopped:
                        break
                else:
                    if trainer.step < self.total:
                        yield from self._after_epoch()
        except GeneratorExit:
            self.storage.patient = False  # nobody listens any more
            deque(self._finish("stopped", in_a_hurry=True), maxlen=0)
            raise
        yield from self._finish("stopped" if stopped else "finished")

    def _after_epoch(self) -> Iterator[Message]:
        if self.looks.test_is_due:
            yield from self._tell(self.looks.test())
            self.events.flush()
        if self._is_finite():
            yield from self._show(self.looks.after_epoch())

    def _show(self, made: list[Pictures | Snapshot], *, last: bool = False) -> Iterator[Pictures | Snapshot]:
        for message in made:
            if isinstance(message, Pictures):
                self.events.pictures(message, last=last)
            yield message

    def _checkpoint(self) -> Iterator[StorageTrouble]:
        if not self._is_finite():
            self._fail()  # what stands is better than what would be saved
        yield from self._save()
        self.events.flush()
        self.saved_at = time.monotonic()

    def _save(self) -> Iterator[StorageTrouble]:
        if self.trainer.step == 0:
            return  # nothing is learned, and the optimizer has no moments yet: such a run is begun anew
        self.looks.settle()
        yield from self.storage.write(lambda: checkpoints.save(self.trainer, self.folder, self.clock.whole))

    def _finish(self, reason: Literal["finished", "stopped"], *, in_a_hurry: bool = False) -> Iterator[Message]:
        """Save all there is to save, and tell it; in a hurry without looking at the model once more."""
        if not self._is_finite():
            self._fail()  # what is saved already is better
        self.storage.ending = True
        yield from self._save()
        if self.looks.tested_at != self.trainer.step and not in_a_hurry:
            yield from self._tell(self.looks.test(final=True))
        made: list[Pictures | Snapshot] = []
        yield from self.storage.write(lambda: made.extend(self.looks.publish(in_a_hurry)))
        yield from self._show(made, last=True)
        self.events.flush()
        seconds, epochs = round(self.clock.whole, 1), self.trainer.step / self.per_epoch
        figures = {**self.looks.figures, "epochs": epochs, "seconds": seconds}
        yield from self.storage.write(lambda: runs.update_record(self.folder, metrics=figures, status=reason))
        yield TrainingEnded(str(self.folder), reason, self.trainer.step, figures)

    def _started(self) -> TrainingStarted:
        trainer, restored = self.trainer, self.restored
        return TrainingStarted(
            str(self.folder),
            str(self.device),
            trainer.precision,
            trainer.step,
            self.total,
            parameter_count(trainer.model),
            restored.name if restored is not None else "",
            restored.passed_over if restored is not None else (),
            trainer.knobs,
        )

    def _record_start(self) -> None:
        runs.update_record(
            self.folder,
            status="training",
            parameters=parameter_count(self.trainer.model),
            device=self.team.label(self.device),
            precision=self.trainer.precision,
            data_sha256=self.data.fingerprint(),
            versions={"python": platform.python_version(), "torch": torch.__version__},
        )

"""What a training looks at between its steps: the test split, what the model makes now, and the time machine.

Looking changes no weight that is trained and no random state: a run that looks more often ends with the same bits.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from explorer import metrics
from explorer.config import DdpmConfig, DiffusionConfig, RunConfig
from explorer.data.batches import binarized, to_tensor, to_unit
from explorer.data.catalog import Dataset
from explorer.messages import Split
from explorer.models import devices
from explorer.models.build import Model
from explorer.models.diffusion import Diffusion
from explorer.models.latent import LatentModel
from explorer.training.clock import Clock, Share
from explorer.training.diffusion_looks import DiffusionLooks
from explorer.training.objectives import Average
from explorer.training.publish import make_pictures, publish
from explorer.training.time_machine import SAMPLES, TimeMachine
from explorer.training.trainer import Trainer
from explorer.training_messages import Knobs, Measurement, Pictures, Snapshot

_TEST_ITEMS = 2048
_TEST_EVERY = 25  # training images per test image between two looks at the test split: < 2 % of the work
_PICTURE_SHARE = 0.005  # of the training time
_BOUND_SHARE = 0.01
_SETTLING_ITEMS = 2000


def items_of(data: Dataset, split: Split, config: RunConfig, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return items (items, C, H, W) and classes (items,) of a split on a device, as the model is shown them."""
    values, labels = data.split(split)
    images = to_tensor(values, device)
    model = config.model
    if not isinstance(model, DiffusionConfig) and (model.likelihood, model.binarization) == ("bernoulli", "static"):
        images = binarized(images, split)
    return images, torch.from_numpy(labels).to(device)


def is_finite(average: Average) -> bool:
    """Return whether all figures of an average are numbers; of nothing, they are."""
    return not average.items or all(map(math.isfinite, average.values()[0].values()))


def _rounded(value: float) -> float:
    """Return a number as exact as float32, at a third of the length in ``metrics.jsonl``."""
    return float(f"{value:.7g}")


class Looks:
    """Looks at a model while it trains.

    Args:
        folder: the run's.
        config: its settings.
        trainer: what trains.
        data: the data set.
        clock: of the training.

    Attributes:
        tested_at: the step of the last look at the test split.
        figures: what it found, as ``run.json`` has it.
    """

    def __init__(self, folder: Path, config: RunConfig, trainer: Trainer, data: Dataset, clock: Clock) -> None:
        self._folder, self._trainer, self._data, self._clock = folder, trainer, data, clock
        self._batch_size = config.training.batch_size
        test, labels = items_of(data, "test", config, trainer.device)
        self._test = test[:_TEST_ITEMS]
        self._labels = labels[:_TEST_ITEMS] if trainer.model.classes else None
        self._pictures = Share(clock, _PICTURE_SHARE)
        self._time_machine = TimeMachine(folder, trainer, data, clock, config.training.snapshots)
        self._bound = Share(clock, _BOUND_SHARE)
        self._diffusion: DiffusionLooks | None = None
        if isinstance(trainer.model, Diffusion) and isinstance(config.model, DdpmConfig):
            self._diffusion = DiffusionLooks(
                self._test, self._labels, trainer.model.schedule.timesteps, config.model.loss == "bound"
            )
        self._newest: Pictures | None = None
        self.tested_at = -(10**9)
        self.figures: dict[str, float] = {}
        if trainer.step:
            for measurement in metrics.measurements(folder):
                if measurement.split == "test":
                    self._note_test(measurement)

    def _note_test(self, measurement: Measurement) -> None:
        self.tested_at = measurement.step
        self.figures = metrics.figures_of(measurement)

    @property
    def epoch(self) -> float:
        """Return the passes over the data so far."""
        return round(self._trainer.step / self._trainer.per_epoch, 6)

    @property
    def knobs(self) -> Knobs:
        """Return β as it is now, after its warm-up, None where the model has none, and the factor of the rate."""
        beta = self._trainer.pressure().beta if hasattr(self._trainer.config.model, "beta") else None
        return Knobs(beta, self._trainer.knobs.rate)

    def measured(self, split: Split, average: Average) -> Measurement:
        """Return an average as the measurement of this moment."""
        return self._measurement(split, *average.values())

    def _measurement(
        self, split: Split, values: Mapping[str, float], kl: tuple[float, ...] = (), per_t: tuple[float, ...] = ()
    ) -> Measurement:
        return Measurement(
            step=self._trainer.step,
            epoch=self.epoch,
            seconds=round(self._clock.whole, 3),
            split=split,
            values={name: _rounded(value) for name, value in values.items()},
            kl_per_dimension=tuple(map(_rounded, kl)),
            per_t=tuple(map(_rounded, per_t)),
        )

    @property
    def test_is_due(self) -> bool:
        """Return whether so much was trained since the last look at the test split that another costs little."""
        return (self._trainer.step - self.tested_at) * self._batch_size >= _TEST_EVERY * len(self._test)

    def test(self, *, final: bool = False) -> Measurement:
        """Look at the test split; at the bound of a diffusion model now and then, and when the look is ``final``."""
        with devices.lock(self._trainer.device):
            if self._diffusion is None:
                measurement = self.measured("test", self._trainer.evaluate(self._test, self._labels))
            else:
                measurement = self._test_diffusion(self._diffusion, final)
        self._note_test(measurement)
        return measurement

    def _test_diffusion(self, looks: DiffusionLooks, final: bool) -> Measurement:
        model = self._trainer.sampled.eval()
        assert isinstance(model, Diffusion)
        values, per_t = looks.losses(model, self._trainer.precision)
        if final or self._bound.left_for_another:
            with self._bound.spending():
                values |= looks.bound(model)
        self._trainer.model.train()
        return self._measurement("test", values, per_t=per_t)

    def settled(self) -> Model:
        """Return the model that pictures are drawn with, ready for them."""
        model = self._trainer.sampled.eval()
        if isinstance(model, LatentModel):
            model.settle(to_unit(to_tensor(self._data.values[:_SETTLING_ITEMS], self._trainer.device)))
        return model

    def settle(self) -> None:
        """Bring the model's units up to date, as a checkpoint has them, and go on training."""
        with devices.lock(self._trainer.device):
            self.settled()
            self._trainer.model.train()

    def begin(self) -> list[Snapshot]:
        """Take the snapshot before the first step."""
        if self._trainer.step or not self._time_machine.is_wanted:
            return []
        with self._time_machine.share.spending():
            return self._made(with_snapshot=True)[1]

    def after_epoch(self) -> list[Pictures | Snapshot]:
        """Make pictures and a snapshot, as often as their shares of the time allow; both cost little more than one."""
        with_snapshot = self._time_machine.is_due
        if not with_snapshot and not self._pictures.left:
            return []
        with (self._time_machine.share if with_snapshot else self._pictures).spending():
            pictures, snapshots = self._made(with_snapshot)
        return [pictures, *snapshots]

    def _made(self, with_snapshot: bool) -> tuple[Pictures, list[Snapshot]]:
        with devices.lock(self._trainer.device):
            model = self.settled()
            pictures = make_pictures(model, self._data, self._trainer.step, self._trainer.device, samples=SAMPLES)
            self._newest = pictures
            snapshots = self._time_machine.take(model, pictures.samples, self.epoch) if with_snapshot else []
            self._trainer.model.train()
        return pictures, snapshots

    def publish(self, in_a_hurry: bool = False) -> list[Pictures | Snapshot]:
        """Write what the explorer opens, and the last snapshot; in a hurry with the newest pictures there are.

        Raises:
            RunError: the disk is full or the folder is not writable.
        """
        with devices.lock(self._trainer.device):
            model = self.settled()
            known = self._newest if in_a_hurry else None
            pictures = publish(self._folder, model, self._data, self._trainer.step, self._trainer.device, known)
            wanted = self._time_machine.is_wanted and known is None
            snapshots = self._time_machine.take(model, pictures.samples, self.epoch) if wanted else []
            self._trainer.model.train()
        return [pictures, *snapshots]

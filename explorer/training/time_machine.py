"""The time machine while a model trains: when a snapshot is due, what is in it, and how few are kept."""

import math
from pathlib import Path

import numpy as np
import torch

from explorer import images, snapshots
from explorer.data.catalog import Dataset
from explorer.errors import RunError
from explorer.logs import log
from explorer.messages import Pixels
from explorer.models.build import Model
from explorer.models.latent import LatentModel
from explorer.models.posterior import latent_map
from explorer.models.prior import prior_labels
from explorer.training.clock import Clock, Share
from explorer.training.trainer import Trainer
from explorer.training_messages import Snapshot

MOST = 128
_SHARE, _GRACE = 0.02, 3.0  # of the training time, and seconds besides: a short run has one for every epoch
_PROBES = 2000
_DIMENSIONS, _STEPS, _EXTENT = 5, 9, 3.0
SAMPLES = 16


class TimeMachine:
    """Takes snapshots of a model while it trains, one after an epoch at most.

    When there are more than ``MOST`` every second one goes, and from then on only every second epoch has one, and so
    on: what is on the disk says how it goes on, so that a resumed run keeps those that the whole one would have.

    Args:
        folder: the run's.
        trainer: what trains.
        data: the data set.
        clock: of the training.
        wanted: whether to take any.

    Attributes:
        share: of the time that snapshots may take.
    """

    def __init__(self, folder: Path, trainer: Trainer, data: Dataset, clock: Clock, wanted: bool) -> None:
        self._folder, self._trainer, self._data, self._wanted = folder, trainer, data, wanted
        self.share = Share(clock, _SHARE, _GRACE)
        self._background: Pixels | None = None
        # Those of a stop within an epoch, too: a run that was never stopped would not have them.
        snapshots.cut(folder, trainer.step - trainer.step % trainer.per_epoch if trainer.step else -1)
        self._every = self._kept_every()
        last = max(snapshots.steps(folder), default=0)
        if last // trainer.per_epoch % self._every:
            snapshots.cut(folder, last - 1)

    def _kept_every(self) -> int:
        """Return how many epochs lie between two snapshots on the disk, as thinning has left them: a power of two."""
        epochs = [step // self._trainer.per_epoch for step in snapshots.steps(self._folder)[1:-1]]
        common = math.gcd(*epochs) if len(epochs) >= MOST // 4 else 1
        return common & -common

    @property
    def is_due(self) -> bool:
        """Return whether there shall be a snapshot of this moment, the end of an epoch."""
        epoch = self._trainer.step // self._trainer.per_epoch
        return self._wanted and epoch % self._every == 0 and self.share.left

    @property
    def is_wanted(self) -> bool:
        """Return whether there shall be a snapshot of this moment, the beginning or end of training."""
        return self._wanted and self._trainer.step not in snapshots.steps(self._folder)

    def take(self, model: Model, samples: Pixels, epoch: float) -> list[Snapshot]:
        """Write a snapshot of the model, settled and in eval mode, and return it; nothing where the disk is full.

        Args:
            model: what pictures are drawn with.
            samples: what it draws on a fixed seed.
            epoch: passes over the data so far.
        """
        snapshot = self._of(model, samples[:SAMPLES], epoch)
        try:
            snapshots.write(self._folder, snapshot)
        except RunError as error:
            log.warning("no snapshot of step %d: %s", snapshot.step, error)
            return []
        if len(snapshots.steps(self._folder)) > MOST:
            snapshots.thin(self._folder, MOST)
            self._every *= 2
        return [snapshot]

    def _of(self, model: Model, samples: Pixels, epoch: float) -> Snapshot:
        step = self._trainer.step
        if not isinstance(model, LatentModel):
            nothing = np.zeros((0, *samples.shape[1:]), np.uint8)
            return Snapshot(step, epoch, np.zeros((0, 0), np.float32), np.zeros(0, np.int64), samples, nothing)
        found = latent_map(model, self._data, self._trainer.device, _PROBES)
        dimensions = found.order()[:_DIMENSIONS]
        means = snapshots.halved(found.means).astype(np.float32)  # as they are read again
        return Snapshot(step, epoch, means, found.labels, samples, self._traversal(model, dimensions), dimensions)

    @torch.inference_mode()
    def _traversal(self, model: LatentModel, dimensions: tuple[int, ...]) -> Pixels:
        """Return the pictures of z = 0 with one dimension moved, a row for each, of class 0 where there are classes."""
        device = self._trainer.device
        z = torch.zeros(len(dimensions), _STEPS, model.latent_size, device=device)
        for row, dimension in zip(z, dimensions, strict=True):
            row[:, dimension] = torch.linspace(-_EXTENT, _EXTENT, _STEPS, device=device)
        labels = prior_labels(model, len(dimensions) * _STEPS, device, label=0)
        values = model.picture(z.flatten(0, 1), labels).float().cpu().numpy().transpose(0, 2, 3, 1)
        if values.shape[1:] != (1, 1, 2):
            return images.from_unit(values)
        if self._background is None:
            self._background = images.of_points(self._data.values.astype(np.float32).reshape(-1, 2))
        return images.of_each_point(values.reshape(-1, 2), self._background)

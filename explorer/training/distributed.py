"""DistributedDataParallel: one training on several processes, with the losses of one process.

Rank 0 runs ``loop.train`` and writes; the others take the same steps beside it (``assist``). Every rank knows the whole
batch, works on its rows of it, and draws the noise for all of it.
"""

import dataclasses
import inspect
import json
import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from explorer.config import RunConfig
from explorer.data.batches import batches, steps_per_epoch
from explorer.data.catalog import Dataset, load
from explorer.data.seeds import derived_seed
from explorer.errors import ExplorerError, TrainingError
from explorer.models import devices
from explorer.training.draws import Draws, Shard, ShardDraws
from explorer.training.looking import items_of
from explorer.training.objectives import Average, Terms
from explorer.training.ranks import Ranks, connected
from explorer.training.trainer import Trainer
from explorer.training_messages import Knobs

_NEW_NAME, _OLD_NAME = "forward_sync_buffers", "broadcast_buffers"  # since torch 2.13, and before
_SYNCED = _NEW_NAME if _NEW_NAME in inspect.signature(DistributedDataParallel).parameters else _OLD_NAME
_OPTIONS: dict[str, Any] = {
    _SYNCED: False,  # buffers are the same on all ranks as it is: codebooks move by sums over all
    "gradient_as_bucket_view": True,
}
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what Adam keeps for each weight

Stop = Callable[[], bool]
Turns = Callable[[], Knobs | None]


class Alone:
    """A training in one process: nothing to share."""

    count = 1

    def device(self, wanted: str) -> torch.device:
        """Return the device of this process; DeviceError where there is none."""
        return devices.resolve(wanted)

    def label(self, device: torch.device) -> str:
        """Return the names of all devices for people."""
        return devices.label(device) if self.count == 1 else f"{self.count} × {devices.label(device)}"

    def trainer(self, config: RunConfig, device: torch.device, per_epoch: int) -> Trainer:
        """Return a trainer of whole batches."""
        return Trainer(config, device, per_epoch)

    def connect(self, trainer: Trainer, data: Dataset) -> None:
        """Bring the trainers of all ranks to where the first one stands."""

    def together(self, should_stop: Stop, knobs: Turns) -> tuple[Stop, Turns]:
        """Return the two questions as one answer of all ranks."""
        return should_stop, knobs

    def merge(self, average: Average) -> None:
        """Make one average of those of all ranks."""


ALONE = Alone()


class Together(Alone):
    """A training on several processes.

    Args:
        ranks: the processes.
    """

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks
        self.count = ranks.count

    def device(self, wanted: str) -> torch.device:
        """Return the device of this process; DeviceError where there is none of its own."""
        return self.ranks.device(wanted)

    def trainer(self, config: RunConfig, device: torch.device, per_epoch: int) -> Trainer:
        """Return this rank's trainer; ConfigError or DeviceError where the training cannot be shared."""
        self.ranks.check(config.training)
        return RankTrainer(config, device, per_epoch, self.ranks)

    def connect(self, trainer: Trainer, data: Dataset) -> None:
        """Bring the trainers of all ranks to where that of rank 0 stands; ExplorerError if a rank has a problem."""
        assert isinstance(trainer, RankTrainer)
        self.ranks.agree(device=trainer.device.type, data=data.fingerprint())
        trainer.connect()

    def together(self, should_stop: Stop, knobs: Turns) -> tuple[Stop, Turns]:
        """Return the two questions as one answer of all ranks: anybody stops all, rank 0 turns the knobs of all."""
        agreement = _Agreement(self.ranks.rank, should_stop, knobs)
        return agreement.should_stop, agreement.knobs

    def merge(self, average: Average) -> None:
        """Make one average of those of all ranks."""
        average.sum_over(self.ranks.summed)


class _Agreement:
    """One answer of all ranks after every step. It arrives a step late: nobody waits while the message travels."""

    def __init__(self, rank: int, should_stop: Stop, knobs: Turns) -> None:
        self._rank, self._asked, self._wanted = rank, should_stop, knobs
        self._message = torch.zeros(4, dtype=torch.float64)
        self._travels: Any = None
        self._knobs: Knobs | None = None

    def knobs(self) -> Knobs | None:
        return self._knobs

    def should_stop(self) -> bool:
        if self._travels is not None:
            with connected():
                self._travels.wait()
            stops, turned, beta, rate = self._message.tolist()
            if stops:
                return True
            if turned:
                self._knobs = Knobs(None if beta < 0 else beta, rate)
        knobs = self._wanted() if self._rank == 0 else None
        beta = -1.0 if knobs is None or knobs.beta is None else knobs.beta
        self._message = torch.tensor(
            [float(self._asked()), float(knobs is not None), *((beta, knobs.rate) if knobs else (0.0, 0.0))],
            dtype=torch.float64,
        )
        with connected():
            self._travels = dist.all_reduce(self._message, async_op=True)
        return False


class _Objective(nn.Module):
    """What DistributedDataParallel wraps: from the items of a rank to their terms."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__()
        self.model = trainer.model
        self._trainer = trainer

    def forward(self, values: Tensor, labels: Tensor | None, draws: Draws) -> Terms:
        return self._trainer.forward(self.model, values, labels, draws, self._trainer.precision)


class RankTrainer(Trainer):
    """One rank's trainer: it is given whole batches and works on its rows of them.

    Args:
        config: the run's settings.
        device: of this process.
        per_epoch: steps in an epoch.
        ranks: the processes.
    """

    def __init__(self, config: RunConfig, device: torch.device, per_epoch: int, ranks: Ranks) -> None:
        super().__init__(config, device, per_epoch)
        self.ranks = ranks
        self._objective: nn.Module | None = None

    def connect(self) -> None:
        """Take weights, moments, noise, step and knobs of rank 0, and share gradients from now on."""
        if self.device.type == "cuda":
            self.ranks.use_cuda()
        state = {
            "step": self.step, "precision": self.precision, "knobs": dataclasses.asdict(self.knobs),
            "averaged": self.ema.updates if self.ema is not None else 0, "moments": len(self.optimizer.state) > 0,
        }  # fmt: skip
        told = json.loads(self.ranks.share(json.dumps(state)))
        self.step, self.precision, self.knobs = told["step"], told["precision"], Knobs(**told["knobs"])
        for model in (self.model, *([self.ema.model] if self.ema is not None else [])):
            for tensor in model.state_dict().values():
                self.ranks.copy(tensor)
        if self.ema is not None:
            self.ema.updates = told["averaged"]
        if told["moments"]:
            self._copy_moments()
        noise = self.generator.get_state()
        self.ranks.copy(noise)
        self.generator.set_state(noise)
        if self.ranks.rank:  # dropout: the same on all ranks would be less of it
            torch.manual_seed(derived_seed(self.config.training.seed, self.step, self.ranks.rank))
        # Of a 1×1 kernel it says so whatever is done, and the copy that it warns of is small.
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        with connected():
            self._objective = DistributedDataParallel(_Objective(self), process_group=self.ranks.cuda, **_OPTIONS)

    def _copy_moments(self) -> None:
        if not self.optimizer.state:
            entries = {
                index: {
                    name: torch.zeros(()) if name == "step" else torch.zeros_like(weight, device="cpu")
                    for name in _MOMENTS
                }
                for index, weight in enumerate(self.parameters)
            }
            self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": entries})
        for weight in self.parameters:
            for name in _MOMENTS:
                self.ranks.copy(self.optimizer.state[weight][name])

    def train_step(self, values: Tensor, labels: Tensor | None = None) -> Terms:
        """Take one optimizer step on a batch, whole as all ranks have it, and return the terms of this rank's part."""
        assert self._objective is not None, "connect comes first"
        self._set_rate()
        shard = Shard.of(len(values), self.ranks.rank, self.ranks.count)
        draws = ShardDraws(self.generator, shard, self.ranks.summed)
        with connected():
            found: Terms = self._objective(shard.rows(values), None if labels is None else shard.rows(labels), draws)
            result = found.part(shard.count, len(values))
            self._learn(result.loss * self.ranks.count)  # what comes of the ranks' gradients is their mean
        return result


def assist(team: Together, config: RunConfig, should_stop: Stop) -> None:
    """Take the steps that ``loop.train`` takes on rank 0, and nothing else, until it ends.

    Args:
        team: the processes; this one is not the first.
        config: the settings of the run.
        should_stop: asked after every step; it stops all ranks.

    Raises:
        ExplorerError: this process cannot train; the first one says why.
        TrainingError: its device has no memory left.
        LostRankError: another process has ended.
    """
    try:
        _assist(team, config, should_stop)
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and "can't allocate memory" not in str(error):
            raise
        raise TrainingError(
            f"rank {team.ranks.rank}: {config.training.device} has no memory left; try a smaller training.batch_size"
        ) from error


def _assist(team: Together, config: RunConfig, should_stop: Stop) -> None:
    settings = config.training
    try:
        device = team.device(settings.device)
        data = load(config.data)
        images, labels = items_of(data, "train", config, device)
        trainer = team.trainer(config, device, steps_per_epoch(len(images), settings.batch_size))
    except ExplorerError as error:
        team.ranks.agree(error)
        raise
    team.connect(trainer, data)
    stop, knobs = team.together(should_stop, lambda: None)
    average, total = Average(), trainer.per_epoch * settings.epochs
    while trainer.step < total:
        epoch, first = divmod(trainer.step, trainer.per_epoch)
        for chosen in batches(len(images), settings.batch_size, settings.seed, epoch, first, device):
            trainer.turn(knobs())
            result = trainer.train_step(images[chosen], labels[chosen] if trainer.model.classes else None)
            average.add(result, len(chosen))
            stopped = stop()
            if stopped or trainer.step % settings.log_every == 0:
                team.merge(average)
                average = Average()
            if stopped:
                return

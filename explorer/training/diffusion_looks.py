"""How a diffusion model does on the test split while it trains: its loss by t, and now and then the whole bound."""

import contextlib
import math

import torch
from torch import Tensor

from explorer.data.batches import to_signed
from explorer.data.seeds import derived_seed
from explorer.models import devices
from explorer.models.bound import bound_nats, strata, training_losses
from explorer.models.diffusion import Diffusion

_PARTS = 10
_AT_ONCE = 512
_BOUND_ITEMS, _BOUND_POINTS = 64, 512
_BOUND_TIMES = 10  # of the t above 1, each item is looked at so many
_SEEDS = {"t": (1234567, 1), "loss": (1234567, 2), "bound": (1234567, 3)}  # always the same noise


def _generator(name: str) -> torch.Generator:
    return torch.Generator().manual_seed(derived_seed(*_SEEDS[name]))


class DiffusionLooks:
    """Looks at a diffusion model: the same items, t and noise each time, so that only the model makes a difference.

    Args:
        values: test items, bytes or points, (items, C, H, W), on the device of the model.
        labels: their classes (items,), or None.
        timesteps: T.
        weighted: whether it is the bound that is minimized.
    """

    def __init__(self, values: Tensor, labels: Tensor | None, timesteps: int, weighted: bool) -> None:
        self._values, self._labels, self._weighted = values, labels, weighted
        items, generator = len(values), _generator("t")
        # A stratum of (0, 1) for each item: uniform over 1..T, with far less chance in it than independent draws.
        shares = (torch.randperm(items, generator=generator) + torch.rand(items, generator=generator)) / items
        self._t = 1 + (shares * timesteps).long().clamp(max=timesteps - 1)
        self._parts = max(1, min(_PARTS, timesteps, items // 4))  # each has some items, then
        self._part_of = (self._t - 1) * self._parts // timesteps

    @torch.no_grad()
    def losses(self, model: Diffusion, precision: str) -> tuple[dict[str, float], tuple[float, ...]]:
        """Return the losses, named as in ``messages.Measurement``, and the loss by t."""
        device, generator = self._values.device, _generator("loss")
        context = contextlib.nullcontext() if precision == "float32" else devices.autocast(device)
        objectives, errors = [], []
        for first in range(0, len(self._values), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            x0 = to_signed(self._values[part])
            noise = torch.randn(x0.shape, generator=generator).to(x0)
            labels = None if self._labels is None else self._labels[part]
            with context:
                found = training_losses(model, x0, self._t[part].to(device), noise, labels, self._weighted)
            objectives.append(found[0].cpu().double())  # in this order: MPS has no float64
            errors.append(found[1].cpu().double())
        minimized, error = torch.cat(objectives), torch.cat(errors)
        values = {"loss": float(error.mean())}
        if found[0] is not found[1]:
            values["objective"] = float(minimized.mean())
        sums = torch.zeros(self._parts, dtype=error.dtype).index_add_(0, self._part_of, error)
        return values, tuple((sums / self._part_of.bincount(minlength=self._parts)).tolist())

    @torch.inference_mode()
    def bound(self, model: Diffusion) -> dict[str, float]:
        """Return the bound in nats per item, as ``vdx evaluate`` estimates it but on few items, and its error.

        Nothing where it is no number, which a network that has learned little may give.
        """
        count = _BOUND_POINTS if model.points else _BOUND_ITEMS
        labels = None if self._labels is None else self._labels[:count]
        parts = [range(1, 2), *strata(model.schedule.timesteps, _BOUND_TIMES)]
        nats = bound_nats(model, to_signed(self._values[:count]), labels, parts, _generator("bound")).cpu().double()
        found = {"bound": float(nats.mean())}
        if len(nats) > 1:
            found["bound_error"] = float(nats.std()) / math.sqrt(len(nats))
        return found if all(map(math.isfinite, found.values())) else {}

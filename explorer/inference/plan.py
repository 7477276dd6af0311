"""What an evaluation is asked for, whether it can be, and what it collects."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.config import DataConfig
from explorer.data.catalog import CATALOG, Dataset, load
from explorer.errors import DataError, RunError
from explorer.figures import Figure
from explorer.inference.disentanglement import varying
from explorer.inference.session import ModelSession
from explorer.messages import Split
from explorer.models.latent import LatentModel

Items = NDArray[Any]


@dataclass(frozen=True)
class Plan:
    """What to evaluate on.

    Attributes:
        data: the data set.
        split: which of its splits.
        limit: how many items at most; 0 for all.
        iwae: importance samples K of a model with a latent space; 0 for none.
        seed: of all noise.
        mig: whether the mutual information gap is insisted on.
        times: at how many t of 2..T each item is looked at, of a diffusion model; 0 for all of them.
    """

    data: DataConfig
    split: Split = "test"
    limit: int = 0
    iwae: int = 50
    seed: int = 0
    mig: bool = False
    times: int = 20


@dataclass
class Collected:
    """Per-item arrays of every batch so far."""

    columns: dict[str, list[Tensor]] = field(default_factory=dict)

    def add(self, **values: Tensor) -> None:
        """Take note of a batch's values, (items,) or (items, columns) each."""
        for name, value in values.items():
            self.columns.setdefault(name, []).append(value.detach().float().cpu())

    def whole(self, name: str) -> NDArray[np.float64]:
        """Return the values of all items."""
        return torch.cat(self.columns[name]).double().numpy()


def check(session: ModelSession, plan: Plan) -> Dataset:
    """Return the data set of a plan after seeing that it fits the model.

    Raises:
        RunError: MIG of a model without a latent space.
        DataError: items of another shape or another number of classes, unknown factors, or data that is not there.
    """
    model, entry = session.model, CATALOG[plan.data.name]
    if plan.mig and not isinstance(model, LatentModel):
        raise RunError(f"{session.card.name} has no latent space, which MIG needs; leave out --mig")
    if entry.kind != "none" and entry.shape != model.shape:
        raise DataError(
            f"{plan.data.name} has items of shape {entry.shape}, and {session.card.name} was made for {model.shape}; "
            f"evaluate it on {session.card.dataset}"
        )
    if model.classes and entry.classes != model.classes:
        raise DataError(
            f"{plan.data.name} has {entry.classes} classes, and {session.card.name} was told {model.classes}; "
            f"evaluate on {session.card.dataset}"
        )
    data = load(plan.data)
    if plan.mig and not varying(first_of(data.factors_of(plan.split), plan)):
        raise DataError(f"{plan.data.name} has no factors known to vary, which MIG needs; choose a model of sprites")
    return data


def first_of(items: Items, plan: Plan) -> Items:
    """Return as many of the items as the plan looks at."""
    return items[: plan.limit] if plan.limit else items


def figure(values: NDArray[np.float64], unit: str, meaning: str) -> Figure:
    """Return the mean of per-item values with its standard error."""
    error = float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else None
    return Figure(float(values.mean()), unit, meaning, error)

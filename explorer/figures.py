"""What an evaluation found: figures with units, meanings and errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from explorer.messages import Split


@dataclass(frozen=True)
class Figure:
    """One figure of an evaluation: an average over items, with its standard error where it has one."""

    value: float
    unit: str
    meaning: str
    error: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """The figures of a model on a split; ``kl_per_dimension`` and ``kl_per_level`` are nats per item, averaged.

    Of a diffusion model ``per_t`` has named curves with a value for each of the ``t``, None where there is none. A
    value is the average over as many ``steps`` around that t; the distance alone is that of t itself.
    """

    model: str
    family: str
    data: str
    split: Split
    items: int
    iwae_samples: int
    seed: int
    figures: Mapping[str, Figure]
    kl_per_dimension: tuple[float, ...] = ()
    kl_per_level: tuple[float, ...] = ()
    t: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()
    per_t: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)

"""What a training tells, across threads and from its run folder: measurements, pictures, snapshots, how it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from explorer.messages import Floats, Pixels, Split


@dataclass(frozen=True)
class Measurement:
    """One line of metrics.jsonl: averages over the images seen since the last line, or over the test split.

    ``values`` for a VAE, in nats per item: ``elbo`` (β = 1, always), ``reconstruction`` = E_q[ln p(x|z)], ``kl`` and
    ``objective``, what is minimized: −reconstruction + β·KL, or what the family has instead. An autoencoder has
    ``reconstruction`` and ``objective`` only; a VQ-VAE's ``kl`` is −ln p(k) of its codes, and it has ``perplexity`` (of
    the codes used) and ``commitment`` besides. For a DDPM: ``loss``, the mean squared error per value of what the
    network predicts, and ``objective`` where something else is minimized; now and then on the test split ``bound``, the
    variational bound in nats per item, with its standard error ``bound_error``. ``per_t`` is the loss of the test split
    in as many equal parts of 1..T, small t first.
    """

    step: int
    epoch: float
    seconds: float
    split: Split
    values: Mapping[str, float]
    kl_per_dimension: tuple[float, ...] = ()
    per_t: tuple[float, ...] = ()


def headline(values: Mapping[str, float]) -> str:
    """Return the name of the one figure that stands for all: the ELBO, else the loss, else the reconstruction."""
    return next((name for name in ("elbo", "loss") if name in values), "reconstruction")


# What the network of a diffusion model predicts: the difference that its loss squares, and what it is, in words.
PREDICTED = {
    "mean": ("μ̃ − μ", "posterior mean"),
    "x0": ("x₀ − x̂₀", "clean item"),
    "eps": ("ε − ε̂", "noise"),
    "v": ("v − v̂", "v"),
}


def squared_error(predicts: str) -> str:
    """Return what the loss of a diffusion model is of, such as "‖ε − ε̂‖²" of one that predicts "eps"."""
    return f"‖{PREDICTED[predicts][0]}‖²" if predicts in PREDICTED else "loss"


@dataclass(frozen=True)
class Progress:
    """How far training is; ``memory`` is what the device holds for it in bytes, of a CPU the whole process."""

    measurement: Measurement
    total_steps: int
    total_epochs: int
    images_per_second: float
    seconds_left: float
    memory: int = 0


@dataclass(frozen=True)
class Knobs:
    """What may be turned while a model trains: β in place of the run's (None leaves it), and a factor of its rate."""

    beta: float | None = None
    rate: float = 1.0


@dataclass(frozen=True)
class Turned:
    """The knobs stand so from ``step`` steps on; an event line of metrics.jsonl."""

    step: int
    epoch: float
    knobs: Knobs


@dataclass(frozen=True)
class Pictures:
    """What the model makes now. ``originals`` and ``reconstructions`` are empty for a DDPM."""

    step: int
    originals: Pixels
    reconstructions: Pixels
    samples: Pixels


@dataclass(frozen=True)
class Snapshot:
    """What a model was after ``step`` steps: the time machine shows many of them, on fixed axes.

    The same items, noise and latents in every snapshot of a run, so that what changes is the model.

    Attributes:
        step: steps taken.
        epoch: passes over the data, a fraction within one.
        means: μ(x) of the probe items, (items, latent); (0, 0) of a diffusion model.
        labels: classes of the probe items, (items,).
        samples: what the model draws on a fixed seed.
        traversal: decoded rows, one dimension moved from −3 to 3 in each; (0, H, W, C) where there is none.
        dimensions: which dimension each row of ``traversal`` moves.
    """

    step: int
    epoch: float
    means: Floats
    labels: NDArray[np.int64]
    samples: Pixels
    traversal: Pixels
    dimensions: tuple[int, ...] = ()


@dataclass(frozen=True)
class Followed:
    """How a run that is read from its folder stands.

    ``writing`` says whether some process trains it now; ``step`` and ``total_steps`` how far it is, ``total_steps`` 0
    where that is not known. ``read`` is the share of its measurements that was read so far, 0 to 1. ``anew``: the run
    went back to an earlier step, so what was told before no longer holds and everything is told again.
    """

    folder: str
    writing: bool
    step: int
    total_steps: int
    read: float
    anew: bool = False


@dataclass(frozen=True)
class TrainingStarted:
    """Training has begun, or begun again at ``step``.

    ``resumed_from`` is the name of the checkpoint it goes on from, "" for a new run; ``passed_over`` are the names of
    newer ones that were damaged, newest first. ``knobs`` is how they stand.
    """

    folder: str
    device: str
    precision: str
    step: int
    total_steps: int
    parameters: int
    resumed_from: str = ""
    passed_over: tuple[str, ...] = ()
    knobs: Knobs = Knobs()


@dataclass(frozen=True)
class StorageTrouble:
    """The run folder cannot be written and training waits until it can; ``text`` says what and the remedy.

    An empty ``text`` says that the trouble is over and training goes on.
    """

    text: str


@dataclass(frozen=True)
class TrainingEnded:
    """Training has ended and the model is saved."""

    folder: str
    reason: Literal["finished", "stopped"]
    step: int
    metrics: Mapping[str, float]

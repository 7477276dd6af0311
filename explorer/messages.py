"""What crosses a thread: frozen dataclasses that hold plain values and NumPy arrays only.

Pictures are uint8 arrays of shape (items, height, width, channels), channels 1 (grey) or 3 (RGB).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # pydantic is not needed to open the window
    from explorer.config import Sampling

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Values = Pixels | Floats
Split = Literal["train", "test"]
Status = Literal["", "training", "interrupted", "stopped", "finished", "failed"]


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


@dataclass(frozen=True)
class Failure:
    """Something went wrong; ``text`` says what and the remedy, ``details`` is the traceback.

    Without words it is over, and what was said before no longer holds.
    """

    text: str
    details: str = ""


@dataclass(frozen=True)
class DeviceReport:
    """The devices of this machine; ``chosen`` is what auto takes."""

    chosen: str
    label: str
    available: tuple[str, ...]


@dataclass(frozen=True)
class ModelCard:
    """What is known about a run folder without loading its weights.

    ``config`` is empty where the record cannot be read. ``status`` is "training" while some process trains it,
    "interrupted" where one was killed at it, else how its last training ended; "" where there was none. ``resumable``
    says whether there is a checkpoint to go on from and something left to train.
    """

    name: str
    title: str
    family: str
    label: str
    dataset: str
    path: str
    bundled: bool
    metrics: Mapping[str, float]
    config: Mapping[str, Any]
    created: str
    parameters: int
    problem: str = ""
    status: Status = ""
    resumable: bool = False
    note: str = ""

    @property
    def latent(self) -> bool:
        """Return whether the model has a latent space to walk in; the others have a denoising chain."""
        return has_latents(self.family)


def has_latents(family: str) -> bool:
    """Return whether models of a family have a latent space."""
    return family not in {"ddpm", "imported", ""}


@dataclass(frozen=True)
class LatentMap:
    """Means of q(z|x) of a split: ``means`` (items, latent), ``labels`` (items,), average KL in nats (latent,).

    ``kl_per_dimension`` is empty, (0,), where the encoder is deterministic: an autoencoder, a VQ-VAE.
    """

    means: Floats
    labels: NDArray[np.int64]
    kl_per_dimension: Floats
    split: Split

    def order(self) -> tuple[int, ...]:
        """Return the dimensions, the most informative first; as they are where there is no KL."""
        size = self.means.shape[1]
        if not len(self.kl_per_dimension):
            return tuple(range(size))
        return tuple(int(k) for k in np.argsort(-self.kl_per_dimension, kind="stable"))


@dataclass(frozen=True)
class Schedule:
    """ᾱ_t and β_t for t = 0..T in float64; ᾱ_0 = 1 and β_0 = 0."""

    alpha_bar: NDArray[np.float64]
    beta: NDArray[np.float64]


@dataclass(frozen=True)
class OpenedModel:
    """A model that is ready; exactly one of ``latents`` and ``schedule`` is there, as the family has it.

    ``levels`` are the sizes of a hierarchy of latents, one number for a flat model; ``classes`` is 0 for a model that
    is not told any; ``points`` says whether items are points and their pictures dots. ``guidable`` says whether a
    diffusion model can be asked without a class, ``clips`` whether its x̂₀ is usually kept in [−1, 1].
    """

    request: int
    card: ModelCard
    image_shape: tuple[int, int, int]
    latent_size: int
    device: str
    provenance: Mapping[str, Any]
    latents: LatentMap | None = None
    schedule: Schedule | None = None
    levels: tuple[int, ...] = ()
    classes: int = 0
    points: bool = False
    guidable: bool = False
    clips: bool = True


@dataclass(frozen=True)
class DenoiseRequest:
    """Draw ``count`` images by the reverse chain from noise seeded by ``seed``, as ``sampling`` says or as is usual.

    With ``start`` > 0 the way forward and back: the test image number ``image`` is noised to t = ``start``, with
    different noise for each of ``count``, and denoised from there. With ``invert`` the way up is DDIM inversion
    instead of noise. With ``towards`` the first item's noise turns into the noise of that seed, along a great circle.
    """

    request: int
    count: int
    seed: int
    sampling: "Sampling | None" = None
    image: int = 0
    start: int = 0
    invert: bool = False
    towards: int | None = None


@dataclass(frozen=True)
class StepCoefficients:
    """x_s = x0·x̂₀ + x_t·x_t + sigma·z, z ~ N(0, I): the numbers of one step from t to s = ``to``.

    Where the variance is learned ``sigma`` is the root mean square of σ over all values.
    """

    x0: float
    x_t: float
    sigma: float
    to: int


@dataclass(frozen=True)
class Frame:
    """The chain at one t: x_t, the network's guesses there, and the step that follows. At t = 0 there is no step.

    Pixels are shown values: x_t and x̂₀ clipped to [−1, 1], ε̂ to [−3, 3]. Of points ``points`` has the coordinates of
    x_t, x̂₀ and ε̂, (3, points, 2).
    """

    request: int
    t: int
    x_t: Pixels
    x0_hat: Pixels
    eps_hat: Pixels
    step: StepCoefficients | None
    points: Floats | None = None


@dataclass(frozen=True)
class Frames:
    """Frames that were computed since the last message; ``done`` after the frame of t = 0.

    ``t`` are the steps of the whole chain that are kept, falling to 0: every ``every``-th one and the last.
    """

    request: int
    frames: tuple[Frame, ...]
    done: bool
    t: tuple[int, ...]
    every: int = 1


@dataclass(frozen=True)
class NoiseRequest:
    """Noise the test image number ``index`` with the noise seeded by ``seed``."""

    request: int
    index: int
    seed: int


@dataclass(frozen=True)
class Noised:
    """The forward process of one image: ``x_t`` has one picture for each t = 0..T, ``eps`` is the noise used."""

    request: int
    index: int
    seed: int
    x_t: Pixels
    eps: Pixels


@dataclass(frozen=True)
class Step:
    """``done`` of ``total`` parts of long work."""

    done: int
    total: int


@dataclass(frozen=True)
class Gallery:
    """The first test images, to choose from, and their classes."""

    pixels: Pixels
    labels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

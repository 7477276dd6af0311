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
    diffusion model can be asked without a class, ``clips`` whether its x̂₀ is usually kept in [−1, 1]. ``class_names``
    are what the classes of its data are called where that is not their numbers.
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
    class_names: tuple[str, ...] = ()


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
class Step:
    """``done`` of ``total`` parts of long work."""

    done: int
    total: int


@dataclass(frozen=True)
class Gallery:
    """The first test images, to choose from, and their classes; ``own`` where the data are not on this machine.

    Then they are samples of the model itself.
    """

    pixels: Pixels
    labels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    own: bool = False

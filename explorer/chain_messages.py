"""What crosses the thread of the Diffusion page beside chains: the forward process, races, ways back, the bound."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from explorer.figures import Evaluation
from explorer.messages import Failure, Floats, Frame, Pixels, Schedule, Values

if TYPE_CHECKING:  # pydantic is not needed to open the window
    from explorer.config import Sampling

# Of frames that are kept: 512 MB at most, all together.
CHAIN_BYTES = 256 << 20
RACE_BYTES = 128 << 20
BETWEEN_BYTES = 64 << 20
NOISED_BYTES = 64 << 20
MOST_LANES = 4


@dataclass(frozen=True)
class RequestFailure(Failure):
    """A request that could not be answered; ``request`` is its number, 0 where that is not known."""

    request: int = 0


# ---- forward -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NoiseRequest:
    """Noise an item at once and step by step, with noise seeded by ``seed``.

    It is the test image number ``index``, or the one of ``values`` (1, height, width, channels) uint8. Points go all at
    once: the first test points, or ``values`` (points, 1, 1, 2) float32.
    """

    request: int
    index: int
    seed: int
    values: Values | None = None


@dataclass(frozen=True)
class Noised:
    """An item on its way to noise: at once by ``jump``, and step by step as far as that is computed.

    They are numbers in the model's range, not pictures: an image (height, width, channels) in [−1, 1], or points
    (points, 2).

    Attributes:
        request, index, seed: what was asked.
        x0: the item.
        eps: ε of the jump, one for every t and every schedule.
        chain: x_t = √α_t x_{t−1} + √β_t ε_t at each of ``t``, with fresh noise in each step; (frames, *x0.shape).
        t: rising from 0 to ``total`` = T: every ``every``-th step and the last, of those computed so far.
    """

    request: int
    index: int
    seed: int
    x0: Floats
    eps: Floats
    chain: NDArray[np.float16]
    t: tuple[int, ...]
    total: int
    every: int = 1

    def jump(self, alpha_bar: float) -> Floats:
        """Return x_t = √ᾱ_t x_0 + √(1−ᾱ_t) ε, a draw from q(x_t|x_0); Ho et al. 2020, eq. 4."""
        return np.float32(alpha_bar**0.5) * self.x0 + np.float32((1 - alpha_bar) ** 0.5) * self.eps

    def place(self, t: int) -> int:
        """Return the place of the last frame of the chain that is not after t."""
        return bisect_right(self.t, t) - 1

    @property
    def done(self) -> bool:
        """Return whether the chain has arrived at T."""
        return self.t[-1] == self.total


@dataclass(frozen=True)
class Schedules:
    """What the schedule of the model opened by ``request`` is called, and others for its number of steps."""

    request: int
    own: str
    others: Mapping[str, Schedule]


@dataclass(frozen=True)
class BrowseRequest:
    """Show ``count`` test images, from the ``first``-th on, of class ``label`` or of all."""

    request: int
    first: int
    count: int
    label: int | None = None


@dataclass(frozen=True)
class Browsed:
    """Test images that were asked for: their numbers (images,), pictures and classes.

    ``fitting`` are those of the class that was asked for, ``total`` all; ``classes`` are those that there are.
    """

    request: BrowseRequest
    indices: NDArray[np.int64]
    pixels: Pixels
    labels: NDArray[np.int64]
    fitting: int
    total: int
    classes: tuple[int, ...]


# ---- race ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rival:
    """A diffusion model of the same shape, by its run folder; ``data`` is its data set, the rest as in OpenedModel."""

    path: str
    title: str
    data: str
    predicts: str
    timesteps: int
    classes: int
    guidable: bool
    clips: bool
    points: bool


@dataclass(frozen=True)
class Rivals:
    """The models that can race against the one that was opened by ``request``, itself first."""

    request: int
    rivals: tuple[Rival, ...]


@dataclass(frozen=True)
class Lane:
    """One runner: the run folder of a model, and how it is sampled."""

    model: str
    sampling: "Sampling"


@dataclass(frozen=True)
class RaceRequest:
    """Run up to four lanes from the same starting noise, the noisiest one first; ``count`` items each."""

    request: int
    lanes: tuple[Lane, ...]
    count: int
    seed: int


@dataclass(frozen=True)
class LaneChain:
    """The frames that are kept of a lane: their t falling to 0, ᾱ_t there, and network calls for one item so far.

    A guided step asks the network twice. ``every`` as in Frames.
    """

    t: tuple[int, ...]
    levels: tuple[float, ...]
    calls: tuple[int, ...]
    every: int = 1


@dataclass(frozen=True)
class LaneFrame:
    """A frame of lane number ``lane``, and the seconds that the lane has computed so far."""

    lane: int
    frame: Frame
    seconds: float


@dataclass(frozen=True)
class RaceFrames:
    """Frames of any lane computed since the last message; ``chains`` are all lanes', ``done`` when all have arrived."""

    request: int
    frames: tuple[LaneFrame, ...]
    chains: tuple[LaneChain, ...]
    done: bool


# ---- forward and back ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReturnRequest:
    """Noise a test image to each t of ``starts`` and denoise it from there ``count`` times with different noise.

    With ``invert`` the way up is DDIM inversion. Points all go at once, each with noise of its own.
    """

    request: int
    image: int
    starts: tuple[int, ...]
    count: int
    seed: int
    sampling: "Sampling"
    invert: bool = False


@dataclass(frozen=True)
class Returned:
    """Where one row of a ReturnRequest is.

    Attributes:
        row: number of the start.
        t: where its chain is now, 0 at the end; ``rising`` while it is still inverted.
        noised: x_t at the start, (items, height, width, channels); empty while it rises.
        shown: x̂₀ on the way, the sample at the end.
        distance: root mean square difference of the samples to the image, per value of [−1, 1]; of points how far each
            has landed from where it was. NaN on the way.
        spread: the same between two of the samples; NaN on the way, for one sample and for points.
        chance: the same between the image and other test images, or two points: that of a sample that knows nothing.
        done, total: steps of all rows.
    """

    request: int
    row: int
    t: int
    rising: bool
    noised: Pixels
    shown: Pixels
    distance: float
    spread: float
    chance: float
    done: int
    total: int


# ---- the bound -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BoundRequest:
    """Evaluate the bound of the open model per t, when no chain is computed."""

    request: int


@dataclass(frozen=True)
class StopBound:
    """Stop evaluating the bound; nothing is kept of it."""


@dataclass(frozen=True)
class BoundStep:
    """``share`` of the evaluation is done, 0 to 1."""

    request: int
    share: float


@dataclass(frozen=True)
class BoundFound:
    """The bound, evaluated now or before: see ``Evaluation.per_t``; ``request`` is 0 if it came with the model."""

    request: int
    evaluation: Evaluation


# ---- points --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DataPoints:
    """What the model of points opened by ``request`` has learned from: training points (points, 2), a cloud of them.

    None where they are not on this machine, or cannot be read; ``problem`` says why.
    """

    request: int
    points: Floats
    problem: str = ""


@dataclass(frozen=True)
class FieldRequest:
    """The score of the open model of points at t >= 1, on columns × columns places of −extent..extent both ways.

    Class and guidance are those of ``sampling``.
    """

    request: int
    t: int
    sampling: "Sampling"
    extent: float = 3.0
    columns: int = 16


@dataclass(frozen=True)
class Field:
    """The score ∇ ln q(x_t) at t, as a network has learned it and as it is for the training points.

    Attributes:
        request, t: which.
        label: the class that it is of; None where it is of all data together.
        places: where, (places, 2), rows from below.
        learned: −ε̂/√(1−ᾱ_t) there, (places, 2).
        exact: that of the training points noised to t, (places, 2); (0, 2) where they are not known.
        error: √E‖learned − exact‖² over x_t ~ q(x_t), the root of the Fisher divergence; NaN where not known.
        size: √E‖exact‖² over the same, to hold the error against.
        grid_error, grid_size: the same over the places, many of which are where no data are.
    """

    request: int
    t: int
    places: Floats
    learned: Floats
    exact: Floats
    error: float
    size: float
    grid_error: float
    grid_size: float
    label: int | None = None


@dataclass(frozen=True)
class DistanceRequest:
    """How far clouds (frames, points, 2) of a chain are from the data noised to the same t, for each of ``t``."""

    request: int
    t: tuple[int, ...]
    clouds: Floats
    sampling: "Sampling"


@dataclass(frozen=True)
class Distances:
    """Sliced 2-Wasserstein distances at each of ``t``, of the clouds to the data, and of other data to the data."""

    request: int
    t: tuple[int, ...]
    distance: tuple[float, ...]
    floor: tuple[float, ...]

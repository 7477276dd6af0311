"""What crosses the thread of the Diffusion page beside chains: races, ways forward and back, the bound, failures."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from explorer.figures import Evaluation
from explorer.messages import Failure, Frame, Pixels

if TYPE_CHECKING:  # pydantic is not needed to open the window
    from explorer.config import Sampling

# Of frames that are kept; with the forward process, which has one picture for each t, it is 512 MB at most.
CHAIN_BYTES = 256 << 20
RACE_BYTES = 128 << 20
BETWEEN_BYTES = 64 << 20
MOST_LANES = 4


@dataclass(frozen=True)
class RequestFailure(Failure):
    """A request that could not be answered; ``request`` is its number, 0 where that is not known."""

    request: int = 0


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

"""The forward process of one item: at once by the closed form, step by step, and under other schedules."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from explorer import images, runs
from explorer.chain_messages import NOISED_BYTES, Browsed, BrowseRequest, Noised, NoiseRequest, Schedules
from explorer.config import ImportedConfig
from explorer.data.batches import to_signed, to_tensor
from explorer.errors import ConfigError, DataError, RunError
from explorer.inference import chains, trajectories
from explorer.messages import Floats, Schedule, Values
from explorer.models.noise import NoiseSource
from explorer.models.schedules import cosine_schedule, linear_schedule, sigmoid_schedule

if TYPE_CHECKING:
    from explorer.inference.session import ModelSession

_FARTHEST = 6e4  # a little less than the largest float16
_KNOWN = {"linear": linear_schedule, "cosine": cosine_schedule, "sigmoid": sigmoid_schedule}


class Noising:
    """The way of one item (or of all points) to noise, one step of q(x_t|x_{t−1}) at a time.

    ε of the jump is the first noise of the seed, as on the way forward and back; the steps take those after it. Every
    n-th step is kept, and the last, such that all takes at most ``NOISED_BYTES``.

    Raises:
        DataError: there is no image of that number.
        RunError: an item of another shape than the model's, or a model without a chain.
    """

    def __init__(self, session: "ModelSession", request: NoiseRequest) -> None:
        model = session.diffusion()
        self._request, self._schedule = request, model.schedule
        self._x_t = to_signed(to_tensor(_chosen(session, request)))
        self._noise = NoiseSource(request.seed, len(self._x_t))
        self._x0, self._eps = _plain(self._x_t), _plain(self._noise.draw(self._x_t.shape[1:]))
        total = self.total = model.schedule.timesteps
        left = NOISED_BYTES - self._x0.nbytes - self._eps.nbytes
        self._every = chains.thinning(total + 1, self._x0.size * 2, left)
        self._t = chains.kept(total + 1, self._every)
        self._chain = np.empty((len(self._t), *self._x0.shape), np.float16)
        self._chain[0] = _half(self._x0)
        self._signal, self._added = (1 - model.schedule.beta).sqrt().tolist(), model.schedule.beta.sqrt().tolist()
        self.t = 0
        self._kept = 1

    @property
    def done(self) -> bool:
        """Return whether it has arrived at T."""
        return self.t == self.total

    def step(self) -> None:
        """Draw x_t = √α_t x_{t−1} + √β_t ε_t for the next t, with fresh ε_t; Ho et al. 2020, eq. 2."""
        self.t += 1
        fresh = self._noise.draw(self._x_t.shape[1:])
        self._x_t = self._signal[self.t] * self._x_t + self._added[self.t] * fresh
        if self.t == self._t[self._kept]:
            self._chain[self._kept] = _half(_plain(self._x_t))
            self._kept += 1

    def so_far(self) -> Noised:
        """Return what is known now; arrays of an unfinished chain are copied."""
        chain = self._chain if self.done else self._chain[: self._kept].copy()
        asked = self._request
        return Noised(
            asked.request, asked.index, asked.seed, self._x0, self._eps, chain, tuple(self._t[: self._kept]),
            self.total, self._every,
        )  # fmt: skip


def noised(session: "ModelSession", request: NoiseRequest) -> Noised:
    """Return the whole forward process of a request; errors as of ``Noising``."""
    noising = Noising(session, request)
    while not noising.done:
        noising.step()
    return noising.so_far()


def _chosen(session: "ModelSession", request: NoiseRequest) -> Values:
    """Return the items of a request, (items, height, width, channels): one image, or a cloud of points."""
    if request.values is None:
        values = session.test_items()[0]
        return values[: images.CLOUD] if session.points else trajectories.item(values, request.index)
    channels, height, width = session.diffusion().shape
    given, wanted = request.values, np.float32 if session.points else np.uint8
    if given.shape[1:] != (height, width, channels) or given.dtype != wanted or not len(given):
        shape = (height, width, channels)
        raise RunError(f"{session.card.name} noises items of shape {shape}, not {given.shape[1:]}; choose another")
    if session.points:  # a poor model may have thrown some far out
        cloud: Floats = np.clip(np.nan_to_num(given[: images.CLOUD]), -_FARTHEST, _FARTHEST).astype(np.float32)
        return cloud
    return given[:1]


def _plain(values: Tensor) -> Floats:
    """Return a batch (items, C, H, W) as (height, width, channels) of its one item, or as points (points, 2)."""
    array: Floats = np.ascontiguousarray(values.numpy().transpose(0, 2, 3, 1))
    return array.reshape(-1, 2) if array.shape[1:] == (1, 1, 2) else array[0]


def _half(values: Floats) -> NDArray[np.float16]:
    """Return values as float16; points that a poor model has thrown far out stay finite."""
    return np.clip(values, -_FARTHEST, _FARTHEST).astype(np.float16)


def schedules(session: "ModelSession", request: int) -> Schedules:
    """Return what the model's own schedule is called, and the others that there are for as many steps.

    One that cannot be, such as one that leaves nothing of the signal, is left out.
    """
    config = runs.read_config(session.folder).model
    own = str(getattr(config, "schedule", "own"))
    total = session.diffusion().schedule.timesteps
    others = {}
    for name, make in _KNOWN.items():
        if name == own and not isinstance(config, ImportedConfig):
            continue
        try:
            made = make(total)
        except ConfigError:
            continue
        others[name] = Schedule(made.alpha_bar.numpy(), made.beta.numpy())
    return Schedules(request, own, others)


def browsed(session: "ModelSession", request: BrowseRequest) -> Browsed:
    """Return test images of a class, or of all, in the order of the data set.

    Raises:
        DataError: the items are points, which are not told apart.
        RunError: as ``test_items``.
    """
    if session.points:
        raise DataError(f"{session.card.name} is of points, which are noised all at once; there is none to choose")
    values, labels = session.test_items()
    fitting: NDArray[np.int64] = np.arange(len(values))
    if request.label is not None:
        fitting = np.flatnonzero(labels == request.label)
    shown = fitting[max(0, request.first) : max(0, request.first) + request.count]
    classes = tuple(int(label) for label in np.unique(labels))
    pixels = values[shown].astype(np.uint8, copy=False)
    return Browsed(request, shown, pixels, labels[shown], len(fitting), len(values), classes)

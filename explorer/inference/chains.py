"""What is asked of chains beside one of them: how many frames can be kept, races, ways forward and back."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from explorer import images, runs
from explorer.chain_messages import (
    MOST_LANES,
    RACE_BYTES,
    Lane,
    LaneChain,
    LaneFrame,
    RaceRequest,
    Returned,
    ReturnRequest,
    Rival,
)
from explorer.config import DdpmConfig, ImportedConfig
from explorer.data.batches import to_signed, to_tensor
from explorer.data.catalog import CATALOG
from explorer.errors import ConfigError, ExplorerError, RunError
from explorer.inference import trajectories
from explorer.inference.session import ModelSession
from explorer.messages import DenoiseRequest, Frame, Pixels, Values
from explorer.models import devices
from explorer.models.imported import item_shape
from explorer.models.noise import NoiseSource
from explorer.models.samplers import ChainState, ddim_inversion, noised

_OTHERS = 500  # test images that one is compared with
_NONE: Pixels = np.zeros((0, 1, 1, 1), np.uint8)


# ---- frames that are kept ------------------------------------------------------------------------------------------


def frame_bytes(session: ModelSession, count: int) -> int:
    """Return the bytes of one frame of ``count`` items: three pictures each, or three clouds and their pictures."""
    if session.points:
        return 3 * (math.prod(session.image_shape) + 2 * 4 * count)
    return 3 * count * math.prod(session.image_shape)


def thinning(frames: int, bytes_each: int, most_bytes: int) -> int:
    """Return n such that every n-th of ``frames`` frames, and the last, take at most ``most_bytes``; 1 keeps all."""
    fit = max(2, most_bytes // max(1, bytes_each))
    return max(1, -(-(frames - 1) // (fit - 1)))


def kept(frames: int, every: int) -> list[int]:
    """Return the places of the frames that are kept: every ``every``-th and the last."""
    places = list(range(0, frames, every))
    return places if places[-1] == frames - 1 else [*places, frames - 1]


# ---- race ----------------------------------------------------------------------------------------------------------


def rivals(session: ModelSession) -> tuple[Rival, ...]:
    """Return the models on this machine that make items of the same shape, the open one first."""
    own, found = session.folder.resolve(), []
    for folder in [session.folder, *(folder for folder in runs.folders() if folder.resolve() != own)]:
        card = runs.card(folder)
        if card.latent or card.problem:
            continue
        try:
            config = runs.read_config(folder)
            model, entry = config.model, CATALOG[config.data.name]
            if not isinstance(model, DdpmConfig | ImportedConfig):
                continue
            shape = item_shape(model) if isinstance(model, ImportedConfig) else entry.shape
        except ExplorerError:  # damaged: it cannot run, and its card says why
            continue
        if shape != session.model.shape:
            continue
        classes = entry.classes if model.told == "class" else 0
        found.append(
            Rival(
                str(folder), card.title, card.dataset, model.predicts, model.timesteps, classes,
                guidable=classes > 0 and getattr(model, "class_dropout", 0.0) > 0,
                clips=getattr(model, "clip", True) or session.points,
                points=session.points,
            )
        )  # fmt: skip
    return tuple(found)


class Race:
    """The lanes of a request, computed one frame at a time: always the lane that is noisiest.

    Attributes:
        chains: what is kept of each lane.

    Raises:
        ConfigError: no lane, too many, or one that its model cannot be sampled by.
        RunError: a model that cannot be opened, or of another shape.
    """

    def __init__(self, request: RaceRequest, session_of: Callable[[str], ModelSession]) -> None:
        if not 1 <= len(request.lanes) <= MOST_LANES:
            raise ConfigError(f"a race has 1 to {MOST_LANES} lanes, not {len(request.lanes)}")
        sessions = [session_of(lane.model) for lane in request.lanes]
        self._lanes = [_Lane(request, lane, session) for lane, session in zip(request.lanes, sessions, strict=True)]
        odd = next((session for session in sessions if session.model.shape != sessions[0].model.shape), None)
        if odd is not None:
            raise RunError(f"{odd.card.name} makes items of another shape than {sessions[0].card.name}; choose another")
        self.chains = tuple(lane.chain for lane in self._lanes)

    def __iter__(self) -> Iterator[LaneFrame]:
        """Yield the frames that are kept; every frame that is not is skipped without a word."""
        running = list(range(len(self._lanes)))
        while running:
            number = min(running, key=lambda which: self._lanes[which].level)
            frame = self._lanes[number].advance()
            if frame is None:
                running.remove(number)
            else:
                yield LaneFrame(number, frame, self._lanes[number].seconds)


class _Lane:
    """One chain of a race: ``level`` is ᾱ_t where it is, −1 before it starts."""

    def __init__(self, race: RaceRequest, lane: Lane, session: ModelSession) -> None:
        request = DenoiseRequest(race.request, race.count, race.seed, lane.sampling)
        steps = [*session.chain_steps(request), 0]
        bar = session.schedule().alpha_bar
        each = RACE_BYTES // len(race.lanes)
        every = thinning(len(steps), frame_bytes(session, race.count), each)
        places = kept(len(steps), every)
        guided = session.model.classes > 0 and lane.sampling.guidance not in {0.0, 1.0}
        asked = [min(place + 1, len(steps) - 1) * (2 if guided else 1) for place in places]
        self.chain = LaneChain(
            tuple(steps[place] for place in places), tuple(float(bar[steps[place]]) for place in places),
            tuple(asked), every,
        )  # fmt: skip
        self.level, self.seconds = -1.0, 0.0
        self._levels = [float(bar[t]) for t in steps]
        self._kept, self._place = set(places), 0
        self._frames = session.denoise(request)

    def advance(self) -> Frame | None:
        """Compute on to the next frame that is kept, and return it; None at the end."""
        began = time.perf_counter()
        for frame in self._frames:
            place, self._place = self._place, self._place + 1
            if place in self._kept:
                self.level, self.seconds = self._levels[place], self.seconds + time.perf_counter() - began
                return frame
        return None


# ---- forward and back ----------------------------------------------------------------------------------------------


def returns(session: ModelSession, request: ReturnRequest) -> Iterator[Returned]:
    """Yield where each row is after every step, the rows one after the other.

    Raises:
        ConfigError: a start outside 1..T, or the model cannot be sampled so.
        DataError: there is no image of that number.
    """
    rows = [_Row(session, request, number) for number in range(len(request.starts))]
    total, done = sum(row.steps for row in rows), 0
    chance = _chance(session, request)
    for number, row in enumerate(rows):
        for t, rising, noisy, shown, distance, spread in row.walk():
            done += 1
            yield Returned(request.request, number, t, rising, noisy, shown, distance, spread, chance, done, total)


class _Row:
    """One start t of a way forward and back."""

    def __init__(self, session: ModelSession, request: ReturnRequest, number: int) -> None:
        count = images.CLOUD if session.points else request.count
        start, image = request.starts[number], 0 if session.points else request.image
        asked = DenoiseRequest(request.request, count, request.seed, request.sampling, image, start, request.invert)
        self._session, self._request = session, session.settled(asked)
        self._steps = session.chain_steps(self._request)
        # States of the way up, a last one where it turns, and those of the way down.
        self.steps = len(self._steps) + 1 + (len(self._steps) + 1 if request.invert else 0)
        if start < 1:
            raise ConfigError(f"the way back cannot start at t = {start}; choose 1 or more")

    def walk(self) -> Iterator[tuple[int, bool, Pixels, Pixels, float, float]]:
        """Yield t, whether it rises, x_t at the start, what to show, and at the end how far the samples are."""
        session, request = self._session, self._request
        model = session.diffusion()
        with devices.lock(session.device):
            x0 = self._items()
            denoise = trajectories.denoiser(model, request, session.device)
            noise = NoiseSource(request.seed, request.count)
        noisy = _NONE
        if request.invert:
            rising = ddim_inversion(replace(denoise, clip=False), x0, self._steps)
            x_t = x0
            for state, frame in self._shown(rising):
                x_t = state
                yield frame.t, True, _NONE, frame.x_t, math.nan, math.nan
        else:
            with devices.lock(session.device):
                x_t = noised(model, x0, request.start, noise)
        with devices.lock(session.device):
            falling = trajectories.descent(denoise, x_t, noise, self._steps, request.sampling)
        for state, frame in self._shown(falling):
            noisy = noisy if len(noisy) else frame.x_t
            if frame.t:
                yield frame.t, False, noisy, frame.x0_hat, math.nan, math.nan
                continue
            with devices.lock(session.device):
                distance, spread = _distances(state, x0)
            yield 0, False, noisy, frame.x_t, distance, spread

    def _shown(self, states: Iterator[ChainState]) -> Iterator[tuple[Tensor, Frame]]:
        while True:
            with devices.lock(self._session.device):
                state = next(states, None)
                if state is None:
                    return
                frame = trajectories.shown(state, self._request.request)
            yield state.x_t, frame

    def _items(self) -> Tensor:
        values: NDArray[np.generic] = self._session.test_items()[0]
        chosen: Values
        if self._session.points:
            chosen = np.resize(values, (self._request.count, *values.shape[1:]))
        else:
            chosen = trajectories.item(values, self._request.image)
        return to_signed(to_tensor(chosen, self._session.device)).expand(self._request.count, -1, -1, -1)


def _chance(session: ModelSession, request: ReturnRequest) -> float:
    """Return the root mean square difference between the image and other test items, or between two points."""
    values = session.test_items()[0]
    if session.points:
        points = np.asarray(values, np.float64).reshape(-1, 2)
        return float(np.sqrt(2 * points.var(axis=0).sum()))  # E‖a − b‖² of two that are independent
    chosen = trajectories.item(values, request.image)
    others = np.delete(values, request.image, axis=0)[:_OTHERS].astype(np.float64)
    return float(np.sqrt(np.square((others - chosen) / 127.5).mean())) if len(others) else math.nan


def _distances(samples: Tensor, x0: Tensor) -> tuple[float, float]:
    """Return the root mean square difference of samples (items, C, H, W) to x_0, and that between two of them.

    Of points the first is that between where each was and where it is, and there is no second: each is one of its own.
    """
    away = (samples - x0).square()
    if samples.shape[1:] == (2, 1, 1):
        return float(away.flatten(1).sum(1).mean().sqrt()), math.nan
    if len(samples) < 2:
        return float(away.mean().sqrt()), math.nan
    # The mean square difference of two different ones of n is twice their variance, with n − 1 below.
    return float(away.mean().sqrt()), float((2 * samples.var(0)).mean().sqrt())

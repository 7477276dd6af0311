"""Long work of a session, one small part at a time, so that requests are answered between two of them."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from explorer.chain_messages import (
    BETWEEN_BYTES,
    CHAIN_BYTES,
    BoundFound,
    BoundRequest,
    BoundStep,
    LaneFrame,
    Noised,
    NoiseRequest,
    RaceFrames,
    RaceRequest,
    Returned,
    ReturnRequest,
)
from explorer.messages import DenoiseRequest, Frame, Frames

if TYPE_CHECKING:
    from explorer.inference.session import ModelSession

_PUBLISH_SECONDS = 0.1  # every message costs the window some work, which is taken from the chain
_EARLY_SECONDS = 0.03  # a jump waits so long at most for its chain: less than between two strokes of who draws
_PART_SECONDS = 0.01  # of a chain whose steps are quick: what is asked meanwhile waits so long at most


class Job:
    """Work that is done by calling ``advance`` until ``done``; what it gives back is to be sent."""

    def __init__(self, request: int) -> None:
        self.request = request
        self.done = False
        self._sent = 0.0

    def advance(self) -> object | None:
        """Do the next part; return a message, or None if there is nothing to say yet."""
        raise NotImplementedError

    def rest(self) -> object | None:
        """Return what was done and not said yet, when it is stopped."""
        return None

    def _due(self) -> bool:
        """Return whether it is time for another message."""
        now = time.monotonic()
        if not self.done and now - self._sent < _PUBLISH_SECONDS:
            return False
        self._sent = now
        return True


class ChainJob(Job):
    """One chain; gives Frames."""

    def __init__(self, request: DenoiseRequest, session: "ModelSession") -> None:
        from explorer.inference import chains

        super().__init__(request.request)
        steps = (*session.chain_steps(request), 0)
        most = CHAIN_BYTES if request.towards is None else BETWEEN_BYTES
        self._every = chains.thinning(len(steps), chains.frame_bytes(session, request.count), most)
        places = chains.kept(len(steps), self._every)
        self._kept = set(places)
        self._t = tuple(steps[place] for place in places)
        self._frames = enumerate(session.denoise(request))
        self._computed: list[Frame] = []

    def advance(self) -> object | None:
        """Do one step of the chain."""
        place, frame = next(self._frames)
        if place in self._kept:
            self._computed.append(frame)
        self.done = frame.t == 0
        return self.rest() if self._due() else None

    def rest(self) -> Frames | None:
        """Return the frames that were not sent yet."""
        if not self._computed:
            return None
        computed, self._computed = self._computed, []
        return Frames(self.request, tuple(computed), self.done, self._t, self._every)


class NoiseJob(Job):
    """The forward process of an item; gives Noised at the end, and early where the chain takes long or is ended."""

    def __init__(self, request: NoiseRequest, session: "ModelSession") -> None:
        from explorer.inference.forward import Noising

        super().__init__(request.request)
        self._noising = Noising(session, request)
        self._began = time.monotonic()
        self._told = False

    def advance(self) -> Noised | None:
        """Do some steps; where that takes longer than one waits for, the jump is told before the chain is there."""
        now = time.monotonic()
        self._noising.step()
        while not self._noising.done and time.monotonic() - now < _PART_SECONDS:
            self._noising.step()
        self.done = self._noising.done
        early = not self._told and time.monotonic() - self._began > _EARLY_SECONDS
        if not self.done and not early:
            return None
        self._told = True
        return self._noising.so_far()

    def rest(self) -> Noised | None:
        """Return the jump if it was not told: who draws asks anew before a long chain is there."""
        return None if self._told else self._noising.so_far()


class RaceJob(Job):
    """Several chains side by side; gives RaceFrames."""

    def __init__(self, request: RaceRequest, session_of: "Callable[[str], ModelSession]") -> None:
        from explorer.inference.chains import Race

        super().__init__(request.request)
        self._race = Race(request, session_of)
        self._frames = iter(self._race)
        self._computed: list[LaneFrame] = []

    def advance(self) -> object | None:
        """Do one step of the lane that is noisiest."""
        frame = next(self._frames, None)
        if frame is None:
            self.done = True
        else:
            self._computed.append(frame)
        return self.rest() if self._due() else None

    def rest(self) -> RaceFrames | None:
        """Return the frames that were not sent yet, or that it has ended."""
        if not self._computed and not self.done:
            return None
        computed, self._computed = self._computed, []
        return RaceFrames(self.request, tuple(computed), self._race.chains, self.done)


class ReturnJob(Job):
    """Forward and back from several t; gives Returned, the newest of each row."""

    def __init__(self, request: ReturnRequest, session: "ModelSession") -> None:
        from explorer.inference.chains import returns

        super().__init__(request.request)
        self._steps: Iterator[Returned] = returns(session, request)

    def advance(self) -> object | None:
        """Do one step of the row that is under way; the end of a row is always told."""
        step = next(self._steps)
        self.done = step.done == step.total
        return step if self._due() or (step.t == 0 and not step.rising) else None


class BoundJob(Job):
    """The bound, term by term; gives BoundStep and at the end BoundFound."""

    def __init__(self, request: BoundRequest, session: "ModelSession") -> None:
        from explorer.inference import stored_bound

        super().__init__(request.request)
        self._session = session
        self._steps = stored_bound.evaluate(session)

    def advance(self) -> object | None:
        """Look at the next batch."""
        from explorer.figures import Evaluation

        step = next(self._steps)
        if isinstance(step, Evaluation):
            self.done = True
            return BoundFound(self.request, step)
        return BoundStep(self.request, step.done / step.total) if self._due() else None

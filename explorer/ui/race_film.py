"""The frames of a race on one clock: at every position each lane shows where it stands at that noise level."""

from bisect import bisect_right
from itertools import pairwise

import numpy as np

from explorer.chain_messages import LaneChain, LaneFrame, RaceFrames
from explorer.messages import Frame

_SAME = 1e-9  # relative difference of levels that are the same


class RaceFilm:
    """``levels`` are the positions of the clock: all ᾱ at which some lane has a frame, rising.

    A lane stands at its last frame that is no cleaner than the clock, so the frames that are seen together are as
    noisy as each other, up to the lane's own step.
    """

    def __init__(self, chains: tuple[LaneChain, ...] = ()) -> None:
        self.chains = chains
        self.frames: list[list[Frame]] = [[] for _ in chains]
        self.seconds = [0.0 for _ in chains]
        self.bytes = 0
        every = sorted({level for chain in chains for level in chain.levels})
        self.levels = [b for a, b in pairwise([-1.0, *every]) if a < 0 or b > a * (1 + _SAME)]
        self._away: list[list[float]] = [[] for _ in chains]

    def __len__(self) -> int:
        """Return how many positions can be shown: no lane is behind there."""
        if not self.chains or not all(self.frames):  # a lane that begins cleaner than the others shows its first one
            return 0
        behind = [
            chain.levels[len(frames)]
            for chain, frames in zip(self.chains, self.frames, strict=True)
            if len(frames) < len(chain.t)
        ]
        return len(self.levels) if not behind else bisect_right(self.levels, min(behind) * (1 - _SAME))

    @property
    def complete(self) -> bool:
        """Return whether all lanes have arrived."""
        return bool(self.chains) and len(self) == len(self.levels)

    def add(self, message: RaceFrames) -> None:
        """Append frames."""
        for one in message.frames:
            self._add(one)

    def _add(self, one: LaneFrame) -> None:
        self.frames[one.lane].append(one.frame)
        self.seconds[one.lane] = one.seconds
        arrays = (one.frame.x_t, one.frame.x0_hat, one.frame.eps_hat, one.frame.points)
        self.bytes += sum(array.nbytes for array in arrays if array is not None)

    def place(self, lane: int, position: int) -> int:
        """Return which of a lane's frames is shown at a position of the clock."""
        return max(0, bisect_right(self.chains[lane].levels, self.levels[position] * (1 + _SAME)) - 1)

    def frame(self, lane: int, position: int) -> Frame:
        """Return the frame of a lane at a position that can be shown."""
        return self.frames[lane][self.place(lane, position)]

    def calls(self, lane: int, position: int) -> int:
        """Return how often a lane has asked the network for each item so far."""
        return self.chains[lane].calls[self.place(lane, position)]

    # ---- how far apart ----

    def away(self, lane: int) -> tuple[list[float], list[float]]:
        """Return t, rising, and the root mean square difference of x̂₀ to the first lane's, at the frames of a lane.

        Where T is another than the first lane's, t is scaled to it. Per value of [−1, 1] for pictures; for points how
        far two of the same number are apart.
        """
        known, chain = self._away[lane], self.chains[lane]
        others = self.chains[0].levels
        places = [max(0, bisect_right(others, level * (1 + _SAME)) - 1) for level in chain.levels]
        for frame, place in list(zip(self.frames[lane], places, strict=False))[len(known) :]:
            if place >= len(self.frames[0]):
                break
            known.append(_apart(frame, self.frames[0][place]))
        scale = self.chains[0].t[0] / chain.t[0]
        return [t * scale for t in chain.t[: len(known)]][::-1], known[::-1]


def _apart(one: Frame, other: Frame) -> float:
    if one.points is not None and other.points is not None:
        return float(np.sqrt(np.square(one.points[1] - other.points[1]).sum(-1).mean()))
    return float(np.sqrt(np.square((one.x0_hat.astype(np.float32) - other.x0_hat) / 127.5).mean()))

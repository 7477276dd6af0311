"""The frames of a chain that were computed so far."""

from bisect import bisect_left

import numpy as np

from explorer.messages import Frame, Frames, Pixels


class Film:
    """Frames in the order of the chain, t falling; ``t`` are those of the whole chain that will be kept.

    ``every`` says that only every so many-th step is kept, for the memory that is allowed.
    """

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.t: tuple[int, ...] = ()
        self.every = 1
        self.bytes = 0

    def __len__(self) -> int:
        return len(self.frames)

    def add(self, message: Frames) -> None:
        """Append frames."""
        self.t, self.every = message.t, message.every
        self.frames.extend(message.frames)
        self.bytes += sum(_bytes(frame) for frame in message.frames)

    @property
    def complete(self) -> bool:
        """Return whether it has arrived at t = 0."""
        return bool(self.frames) and self.frames[-1].t == 0

    def place(self, t: int) -> int | None:
        """Return the place of the frame at t, or of the next one after it; None if that is still to come."""
        found = bisect_left(self.frames, -t, key=lambda frame: -frame.t)
        return found if found < len(self.frames) else None

    def strip(self, marks: list[int], item: int) -> Pixels:
        """Return x_t of an item at each of the marks, which are t's that there are frames of."""
        places = [self.place(t) for t in marks]
        return np.stack([self.frames[place].x_t[item] for place in places if place is not None])

    def memory(self) -> str:
        """Return in words what the frames take, and what was left out."""
        return megabytes(self.bytes, self.every)


def _bytes(frame: Frame) -> int:
    arrays = (frame.x_t, frame.x0_hat, frame.eps_hat, frame.points)
    return sum(array.nbytes for array in arrays if array is not None)


def megabytes(taken: int, every: int = 1) -> str:
    """Return in words how many bytes are taken, and that only every so many-th step is kept."""
    size = f"{taken / 1e6:.0f} MB" if taken >= 10e6 else f"{taken / 1e6:.1f} MB"
    return size if every == 1 else f"every {ordinal(every)} step is kept · {size}"


def ordinal(number: int) -> str:
    """Return 2nd, 3rd, 4th …"""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in {11, 12, 13} else ending}"

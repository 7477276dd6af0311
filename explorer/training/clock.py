"""The time that training takes, and the shares of it that other work may have."""

import contextlib
import time
from collections.abc import Iterator


class Clock:
    """Counts the seconds of training; pauses are left out.

    Args:
        before: seconds that the run was trained before it was resumed.
    """

    def __init__(self, before: float = 0.0) -> None:
        self._before = before
        self._began = time.monotonic()

    @property
    def here(self) -> float:
        """Return the seconds since this start of the run."""
        return time.monotonic() - self._began

    @property
    def whole(self) -> float:
        """Return the seconds of the whole run."""
        return self._before + self.here

    def leave_out(self, seconds: float) -> None:
        """Count so many of the last seconds as a pause."""
        self._began += seconds


class Share:
    """A share of the training time that some work may take, and what it took.

    Args:
        clock: of the training.
        share: of all its time.
        grace: seconds that it may take in any case.
    """

    def __init__(self, clock: Clock, share: float, grace: float = 0.0) -> None:
        self._clock, self._share, self._grace = clock, share, grace
        self.spent = 0.0
        self._last = 0.0

    @property
    def left(self) -> bool:
        """Return whether the work took no more than it may."""
        return self.spent <= self._grace + self._share * self._clock.here

    @property
    def left_for_another(self) -> bool:
        """Return whether it will have taken no more, once it has taken as long as the last time again."""
        return self.spent + self._last <= self._grace + self._share * self._clock.here

    @contextlib.contextmanager
    def spending(self) -> Iterator[None]:
        """Count the time until the end of the block."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._last = time.monotonic() - began
            self.spent += self._last

"""Writing while it trains: a disk that is full for a while pauses a training, and does not end it."""

import itertools
import time
from collections.abc import Callable, Iterator

from explorer.errors import RunError
from explorer.training.clock import Clock
from explorer.training_messages import StorageTrouble

_AGAIN = 3.0  # seconds between two tries
_AGAIN_ONCE = 0.3
_LEAST = 3  # tries at the end, whoever wants to stop: what is not written then is lost
_LOOK = 0.1  # between two looks at whether somebody asked to stop


class Storage:
    """Writes, and where that fails waits until it works.

    Args:
        should_stop: whether somebody wants the training to end.
        patient: whether somebody can be told and asked; else a second failure is the end.
        clock: of the training; waiting is not counted.

    Attributes:
        patient: as above.
        ending: whether what is written now is the last: then a few tries are made in any case.
    """

    def __init__(self, should_stop: Callable[[], bool], patient: bool, clock: Clock) -> None:
        self._should_stop, self._clock = should_stop, clock
        self.patient = patient
        self.ending = False

    def write(self, what: Callable[[], object]) -> Iterator[StorageTrouble]:
        """Call ``what``, again and again while it raises RunError; yield the trouble, and the end of it.

        Raises:
            RunError: of the last try: somebody asked to stop, or nobody can be asked.
        """
        began = time.monotonic()
        told = ""
        for tries in itertools.count(1):
            try:
                what()
                break
            except RunError as error:
                if tries > 1 and not self.patient:
                    raise
                if str(error) != told:
                    told = str(error)
                    yield StorageTrouble(told)
                until = time.monotonic() + (_AGAIN if self.patient else _AGAIN_ONCE)
                if self._is_over(until, asking=not self.ending or tries >= _LEAST):
                    raise
        if told:
            self._clock.leave_out(time.monotonic() - began)
            yield StorageTrouble("")

    def _is_over(self, until: float, *, asking: bool) -> bool:
        """Wait until a time, or, ``asking``, until somebody wants to stop; return whether they did."""
        while time.monotonic() < until:
            if asking and self._should_stop():
                return True
            time.sleep(_LOOK)
        return False

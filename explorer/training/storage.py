"""Writing while it trains: a disk that is full for a while pauses a training, and does not end it."""

import time
from collections.abc import Callable, Iterator

from explorer.errors import RunError
from explorer.messages import StorageTrouble
from explorer.training.clock import Clock

_AGAIN = 3.0  # seconds between two tries
_AGAIN_ONCE = 0.3
_LOOK = 0.1  # between two looks at whether somebody asked to stop


class Storage:
    """Writes, and where that fails waits until it works.

    Args:
        should_stop: whether somebody wants the training to end.
        patient: whether somebody can be told and asked; else a second failure is the end.
        clock: of the training; waiting is not counted.
    """

    def __init__(self, should_stop: Callable[[], bool], patient: bool, clock: Clock) -> None:
        self._should_stop, self._clock = should_stop, clock
        self.patient = patient

    def write(self, what: Callable[[], object]) -> Iterator[StorageTrouble]:
        """Call ``what``, again and again while it raises RunError; yield the trouble, and the end of it.

        Raises:
            RunError: of the last try: somebody asked to stop, or nobody can be asked.
        """
        began = time.monotonic()
        told = ""
        while True:
            try:
                what()
                break
            except RunError as error:
                if told and not self.patient:
                    raise
                if str(error) != told:
                    told = str(error)
                    yield StorageTrouble(told)
                if self._is_over(time.monotonic() + (_AGAIN if self.patient else _AGAIN_ONCE)):
                    raise
        if told:
            self._clock.leave_out(time.monotonic() - began)
            yield StorageTrouble("")

    def _is_over(self, until: float) -> bool:
        """Wait until a time, or until somebody asks to stop; return whether they did."""
        while time.monotonic() < until:
            if self._should_stop():
                return True
            time.sleep(_LOOK)
        return False

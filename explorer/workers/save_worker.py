"""A file that takes long to make, such as a film, made and written beside the window."""

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from explorer.images import write_picture
from explorer.workers.thread import Worker, be_polite

_TELL_SECONDS = 0.1


class _StoppedError(Exception):
    """It is not wanted any more."""


class SaveWorker(Worker):
    """Makes bytes and writes them to a file, whole or not at all; interrupted, it writes nothing.

    ``saved`` carries the path, ``step`` the share that is done, ``failed`` a Failure.

    Args:
        path: where to.
        make: makes the bytes; it is given a function to tell the share done, which raises when it is to stop.
    """

    saved = Signal(str)
    step = Signal(object)

    def __init__(self, path: Path, make: Callable[[Callable[[float], None]], bytes], parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName("save")
        self.path = path
        self._make = make
        self._told = 0.0

    def work(self) -> None:
        """Make it, write it."""
        be_polite()
        try:
            content = self._make(self._tell)
        except _StoppedError:
            return
        write_picture(self.path, content)
        self.saved.emit(str(self.path))

    def _tell(self, share: float) -> None:
        if self.isInterruptionRequested():
            raise _StoppedError
        now = time.monotonic()
        if now - self._told >= _TELL_SECONDS:
            self._told = now
            self.step.emit(share)

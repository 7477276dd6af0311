"""When to ask a session for something that follows a slider: seldom, and not before the last answer came."""

import time

from PySide6.QtCore import QObject, QTimer, Signal, Slot

_SETTLE_MS = 60
_PATIENCE = 0.4  # seconds


class Asking(QTimer):
    """``due`` says that it is time to ask, a little after ``soon``; many calls of ``soon`` are one.

    A session gives up what it is at when something newer is asked for: who asks while he still waits gets no answer as
    long as the slider moves. So it waits for the answer, but not for ever: the request may have failed.
    """

    due = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent, singleShot=True, interval=_SETTLE_MS)
        self._since = 0.0  # when was asked what is not answered yet; 0 for nothing
        self.timeout.connect(self._look)

    def soon(self) -> None:
        """Say a little later that it is time."""
        if not self.isActive():
            self.start()

    def asked(self) -> None:
        """Take note that something was asked for."""
        self._since = time.monotonic()

    def answered(self) -> None:
        """Take note that nothing is waited for any more."""
        self._since = 0.0

    def forget(self) -> None:
        """Wait for nothing, say nothing."""
        self._since = 0.0
        self.stop()

    @Slot()
    def _look(self) -> None:
        if self._since and time.monotonic() - self._since < _PATIENCE:
            self.start()
        else:
            self.due.emit()

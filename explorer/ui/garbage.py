"""Python's cyclic garbage is collected on the GUI thread only.

A worker thread that happens to trigger the collector would destroy widgets that are caught in reference cycles, on
the wrong thread: the heap is corrupted and the app crashes minutes later. So automatic collection is off, and a timer
of the GUI thread does it.
"""

import gc

from PySide6.QtCore import QObject, QTimer, Slot

_EVERY_MS = 1000
_FULL_EVERY = 30


class GuiGarbage(QObject):
    """Turns automatic collection off for as long as it lives."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        self._ticks = 0
        timer = QTimer(self)
        timer.timeout.connect(self.collect)
        timer.start(_EVERY_MS)

    @Slot()
    def collect(self) -> None:
        """Collect young objects every second, all of them every half minute."""
        self._ticks += 1
        gc.collect(2 if self._ticks % _FULL_EVERY == 0 else 1)


def spare_what_is_loaded() -> None:
    """Leave all that is loaded by now out of further collections: torch alone is half a million objects to look at."""
    gc.collect()
    gc.freeze()

"""The curves of earlier runs, read beside the window: a long run's file takes seconds."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from explorer import metrics
from explorer.comparison import read_curve
from explorer.errors import ExplorerError
from explorer.workers.thread import Worker, be_polite, failure


def stamp(path: str) -> tuple[int, int]:
    """Return when the measurements of a run were last written, in nanoseconds, and their size; (0, 0) of none."""
    try:
        status = (Path(path) / metrics.METRICS).stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


class CurveReader(Worker):
    """Reads the curves of some run folders, one after the other.

    ``curve`` carries the path of a run, its RunCurve, or None where nothing was measured, and its ``stamp`` from before
    it was read; what cannot be read is told by ``failed`` with a Failure, and the next one is read.
    """

    curve = Signal(str, object, object)

    def __init__(self, paths: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("curve reader")
        self._paths = tuple(paths)

    def work(self) -> None:
        """Read."""
        be_polite()
        for path in self._paths:
            before = stamp(path)  # what is written while it is read makes it another one
            try:
                found = read_curve(Path(path), self.isInterruptionRequested)
            except ExplorerError as error:
                self.failed.emit(failure(error))
                continue
            if self.isInterruptionRequested():
                return
            self.curve.emit(path, found, before)

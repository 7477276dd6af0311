"""Take a data set that the user has into the app's keeping, without stalling the window."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from explorer.workers.thread import Worker


class KeepData(Worker):
    """Checks and copies the MNIST files of a folder; ``kept`` when they are there."""

    kept = Signal()

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("keep data")
        self._folder = folder

    def work(self) -> None:
        """Check and copy."""
        from explorer.data.catalog import bring

        bring("mnist", self._folder)
        self.kept.emit()

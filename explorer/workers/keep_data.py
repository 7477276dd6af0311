"""Take a data set that the user has into the app's keeping, without stalling the window."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from explorer.workers.thread import Worker


class KeepData(Worker):
    """Checks and copies the files of the data set ``name`` from a folder; ``kept`` when they are there."""

    kept = Signal()

    def __init__(self, name: str, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("keep data")
        self._name, self._folder = name, folder

    def work(self) -> None:
        """Check and copy."""
        from explorer.data.catalog import bring

        bring(self._name, self._folder)
        self.kept.emit()

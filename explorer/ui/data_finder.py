"""What to do about a data set that is not on this machine: show it the folder, once."""

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from explorer.data import mnist
from explorer.ui.page import Page
from explorer.ui.panel import button, label
from explorer.workers.keep_data import KeepData


class DataFinder(QWidget):
    """Visible while the chosen data set is missing."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self._worker: KeepData | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        text = label("MNIST is not on this machine yet. Choose the folder that holds its four IDX files.", "muted")
        text.setWordWrap(True)
        self.locate = button("Locate MNIST…", "Choose the folder with train-images-idx3-ubyte.gz and the other three")
        self.locate.clicked.connect(self._ask)
        layout.addWidget(text)
        layout.addWidget(self.locate)
        self.hide()

    def look(self, name: str) -> None:
        """Show whether the data set ``name`` is missing."""
        self.setVisible(name == "mnist" and not mnist.available())

    @Slot()
    def _ask(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "The folder with MNIST's four files")
        if chosen:
            self.take(Path(chosen))

    def take(self, folder: Path) -> None:
        """Check the files of a folder and keep a copy of them."""
        self.locate.setEnabled(False)
        self._page.job.emit(("reading MNIST", -1.0))
        self._worker = KeepData(folder, self)
        self._worker.kept.connect(self._kept)
        self._worker.failed.connect(self._page.problem)
        self._worker.finished.connect(self._finished)
        self._worker.start()

    @Slot()
    def _kept(self) -> None:
        self._page.status.emit("MNIST is there now")
        self.hide()

    @Slot()
    def _finished(self) -> None:
        self._page.job.emit(None)
        self.locate.setEnabled(True)
        if self._worker is not None:
            self._worker.deleteLater()
        self._worker = None

    def shutdown(self) -> bool:
        """Wait for the copy, if one is being made."""
        return self._worker is None or self._worker.stop()

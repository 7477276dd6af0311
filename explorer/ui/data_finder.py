"""What to do about a data set that is not on this machine: show it the folder, once."""

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from explorer.data import cifar, mnist
from explorer.ui.page import Page
from explorer.ui.panel import button, label
from explorer.workers.keep_data import KeepData

_BROUGHT = {
    "mnist": ("MNIST", "its four IDX files", "train-images-idx3-ubyte.gz and the other three", mnist.available),
    "cifar10": ("CIFAR-10", "its six binary files", "data_batch_1.bin to 5 and test_batch.bin", cifar.available),
}


class DataFinder(QWidget):
    """Visible while the chosen data set is missing; ``job`` as of a page."""

    job = Signal(object)

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self._name = "mnist"
        self._worker: KeepData | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._text = label("", "muted")
        self._text.setWordWrap(True)
        self.locate = button("Locate…", "Choose the folder with the files")
        self.locate.clicked.connect(self._ask)
        layout.addWidget(self._text)
        layout.addWidget(self.locate)
        self.hide()

    def look(self, name: str) -> None:
        """Show whether the data set ``name`` is missing."""
        if name not in _BROUGHT:
            self.hide()
            return
        self._name = name
        title, what, inside, available = _BROUGHT[name]
        self._text.setText(f"{title} is not on this machine yet. Choose the folder that holds {what}.")
        self.locate.setText(f"Locate {title}…")
        self.locate.setAccessibleName(self.locate.text())
        self.locate.setToolTip(f"Choose the folder with {inside}")
        self.setVisible(not available())

    @Slot()
    def _ask(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, f"The folder with {_BROUGHT[self._name][1]}")
        if chosen:
            self.take(Path(chosen))

    def take(self, folder: Path) -> None:
        """Check the files of a folder and keep a copy of them."""
        self.locate.setEnabled(False)
        self.job.emit((f"reading {_BROUGHT[self._name][0]}", -1.0))
        self._worker = KeepData(self._name, folder, self)
        self._worker.kept.connect(self._kept)
        self._worker.failed.connect(self._page.problem)
        self._worker.finished.connect(self._finished)
        self._worker.start()

    @Slot()
    def _kept(self) -> None:
        self._page.status.emit(f"{_BROUGHT[self._name][0]} is there now")
        self.hide()

    @Slot()
    def _finished(self) -> None:
        self.job.emit(None)
        self.locate.setEnabled(True)
        if self._worker is not None:
            self._worker.deleteLater()
        self._worker = None

    def shutdown(self) -> bool:
        """Wait for the copy, if one is being made."""
        return self._worker is None or self._worker.stop()

"""Films in an Export menu: one entry for each kind of file, made beside the window."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths, Signal, Slot
from PySide6.QtWidgets import QFileDialog

from explorer import images
from explorer.animations import ENDINGS, Reel, film_bytes, missing
from explorer.errors import ExplorerError
from explorer.messages import Failure
from explorer.ui.export import ExportMenu
from explorer.workers.save_worker import SaveWorker


class FilmMenu(QObject):
    """Adds films to a menu; one at a time is made.

    ``job`` carries (text, share done) or None, ``status`` what was saved, ``problem`` a Failure.
    """

    job = Signal(object)
    status = Signal(str)
    problem = Signal(object)

    def __init__(self, menu: ExportMenu) -> None:
        super().__init__(menu)
        self._menu = menu
        self._reels: dict[str, Callable[[], Reel]] = {}
        self._worker: SaveWorker | None = None

    def add(self, key: str, text: str, reel: Callable[[], Reel]) -> None:
        """Offer a film; ``reel`` gives it as it is when it is chosen, its pictures are asked for in another thread."""
        self._reels[key] = reel
        inside = self._menu.addMenu(text)
        for ending, kind in ENDINGS.items():
            needs = missing(ending)
            action = inside.addAction(f"{kind} (needs {needs})" if needs else f"{kind}…")
            action.setEnabled(not needs)
            action.triggered.connect(partial(self._ask, key, ending))

    @property
    def saving(self) -> bool:
        """Return whether a film is being made."""
        return self._worker is not None

    def _ask(self, key: str, ending: str) -> None:
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.MoviesLocation)
        suggested = str(Path(folder) / f"{key}{ending}")
        chosen, _filter = QFileDialog.getSaveFileName(
            self._menu.parentWidget(), "Save film", suggested, f"{ENDINGS[ending]} (*{ending})"
        )
        if chosen:
            path = Path(chosen)
            self.save(key, path if path.suffix else path.with_suffix(ending))

    def save(self, key: str, path: Path) -> None:
        """Make a film of the kind that the path's ending says, and write it."""
        ending = path.suffix.lower()
        try:
            if self._worker is not None:
                raise ExplorerError("a film is being saved already; wait for it, or end it in the status bar")
            images.check_writable(path, tuple(ENDINGS))
            reel = self._reels[key]()
        except ExplorerError as error:
            self.problem.emit(Failure(str(error)))
            return
        worker = self._worker = SaveWorker(path, partial(film_bytes, ending, reel), self)
        worker.step.connect(self._stepped)
        worker.saved.connect(self._saved)
        worker.failed.connect(self.problem)
        worker.finished.connect(self._finished)
        self.job.emit((f"saving {path.name}", 0.0))
        worker.start()

    @Slot(object)
    def _stepped(self, share: float) -> None:
        self.job.emit((f"saving {Path(self._worker.path).name}" if self._worker else "saving", share))

    @Slot(str)
    def _saved(self, path: str) -> None:
        self.status.emit(f"saved {path}")

    @Slot()
    def _finished(self) -> None:
        if self._worker is not None:
            self._worker.deleteLater()
            self._worker = None
        self.job.emit(None)

    def cancel(self) -> None:
        """End what is being saved; nothing is written."""
        if self._worker is not None:
            self._worker.requestInterruption()

    def stop(self) -> bool:
        """End it and wait; return whether it ended in time."""
        return self._worker is None or self._worker.stop()

"""Saving pictures: ask where, write whole or not at all, say so."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QFileDialog, QMenu, QPushButton

from explorer import images
from explorer.errors import ExplorerError
from explorer.messages import Failure
from explorer.ui.page import Page

Content = Callable[[], bytes]
_FILTERS = {".png": "PNG picture (*.png)", ".gif": "GIF animation (*.gif)"}


class ExportButton(QPushButton):
    """A menu of things a page can save; each makes its bytes when it is chosen."""

    def __init__(self, page: Page) -> None:
        super().__init__("Export ▾")
        self.setToolTip("Save what is shown as a picture or an animation")
        self.setAccessibleName("Export")
        self._page = page
        self._menu = QMenu(self)
        self.setMenu(self._menu)
        self.exports: dict[str, tuple[str, Content]] = {}
        self.setEnabled(False)

    def add(self, key: str, text: str, ending: str, content: Content) -> None:
        """Offer one more thing to save."""
        self.exports[key] = (ending, content)
        self._menu.addAction(f"{text}…", lambda: self._ask(key))

    def _ask(self, key: str) -> None:
        ending, _ = self.exports[key]
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        suggested = str(Path(folder) / f"{key}{ending}")
        chosen, _filter = QFileDialog.getSaveFileName(self, "Save picture", suggested, _FILTERS[ending])
        if chosen:
            self.save(key, Path(chosen))

    def save(self, key: str, path: Path) -> None:
        """Write one of the exports to a file; what goes wrong is shown in the page's message bar."""
        ending, content = self.exports[key]
        path = path if path.suffix else path.with_suffix(ending)
        try:
            images.check_writable(path, (ending,))
            images.write_picture(path, content())
        except (ExplorerError, OSError) as error:
            self._page.problem.emit(Failure(str(error)))
            return
        self._page.status.emit(f"saved {path}")

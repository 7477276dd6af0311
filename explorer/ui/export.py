"""Saving pictures and tables: ask where, write whole or not at all, say so."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QStandardPaths, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QPushButton, QWidget

from explorer import images
from explorer.errors import ExplorerError
from explorer.messages import Failure
from explorer.ui.page import Page

Content = Callable[[], bytes]
_FILTERS = {
    ".png": "PNG picture (*.png)",
    ".gif": "GIF animation (*.gif)",
    ".svg": "SVG drawing (*.svg)",
    ".csv": "CSV table (*.csv)",
    ".npz": "NumPy arrays (*.npz)",
}


class ExportMenu(QMenu):
    """A menu of things that can be saved; each makes its bytes when it is chosen.

    The page that ``owner`` is on tells what was saved or what went wrong.
    """

    def __init__(self, owner: QWidget) -> None:
        super().__init__(owner)
        self._owner = owner
        self.exports: dict[str, tuple[str, Content]] = {}

    def add(self, key: str, text: str, ending: str, content: Content, name: Callable[[], str] | None = None) -> None:
        """Offer one more thing to save; ``name`` says what the file may be called, ``key`` by default."""
        self.exports[key] = (ending, content)
        self.addAction(f"{text}…", lambda: self._ask(key, name() if name else key))

    def _ask(self, key: str, name: str) -> None:
        ending, _ = self.exports[key]
        places = QStandardPaths.StandardLocation
        place = places.DocumentsLocation if ending in (".csv", ".npz") else places.PicturesLocation
        suggested = str(Path(QStandardPaths.writableLocation(place)) / f"{name}{ending}")
        chosen, _filter = QFileDialog.getSaveFileName(self._owner, "Save as", suggested, _FILTERS[ending])
        if chosen:
            self.save(key, Path(chosen))

    def save(self, key: str, path: Path) -> None:
        """Write one of the exports to a file; what goes wrong is shown in the page's message bar."""
        ending, content = self.exports[key]
        path = path if path.suffix else path.with_suffix(ending)
        page = self._page()
        try:
            images.check_writable(path, (ending,))
            QApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
            try:
                images.write_picture(path, content())
            finally:
                QApplication.restoreOverrideCursor()
        except (ExplorerError, OSError) as error:
            page.problem.emit(Failure(str(error)))
            return
        page.status.emit(f"saved {path}")

    def _page(self) -> Page:
        widget: QWidget | None = self._owner
        while widget is not None and not isinstance(widget, Page):
            widget = widget.parentWidget()
        assert widget is not None, "what can be exported is on a page"
        return widget


class ExportButton(QPushButton):
    """A button with a menu of things a page can save."""

    def __init__(self, page: Page) -> None:
        super().__init__("Export ▾")
        self.setToolTip("Save what is shown as a picture or an animation")
        self.setAccessibleName("Export")
        self._menu = ExportMenu(page)
        self.exports = self._menu.exports
        self.setMenu(self._menu)
        self.setEnabled(False)

    def add(self, key: str, text: str, ending: str, content: Content) -> None:
        """Offer one more thing to save."""
        self._menu.add(key, text, ending, content)

    def save(self, key: str, path: Path) -> None:
        """Write one of the exports to a file; what goes wrong is shown in the page's message bar."""
        self._menu.save(key, path)

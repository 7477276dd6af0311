"""Small pictures with names, as many in a row as fit; further rows are scrolled to."""

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, Qt, Signal, Slot
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QScrollArea

from explorer.messages import Pixels
from explorer.ui import theme
from explorer.ui.name_field import NameField
from explorer.ui.picture_grid import PictureGrid

_TILE, _GAP, _CAPTION = 64, 22, 20  # pixels
_FIELD = 124


class _Grid(PictureGrid):
    """The pictures; keys and a double click say what is to be done with one."""

    rename = Signal(int)
    delete = Signal(int)
    opened = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """F2 renames, Del deletes, Return goes there; the arrows choose another one."""
        doing = {
            Qt.Key.Key_F2: self.rename, Qt.Key.Key_Delete: self.delete, Qt.Key.Key_Backspace: self.delete,
            Qt.Key.Key_Return: self.clicked, Qt.Key.Key_Enter: self.clicked,
        }.get(Qt.Key(event.key()))  # fmt: skip
        if doing is None or not 0 <= self.selected < len(self.pixels):
            super().keyPressEvent(event)
        else:
            doing.emit(self.selected)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Rename what is under the mouse."""
        index = self.at(event.position().toPoint())
        if index >= 0:
            self.rename.emit(index)

    def at(self, point: QPoint) -> int:
        """Return which tile is at a point, −1 for none."""
        return self._at(point.toPointF())


class SavedTiles(QScrollArea):
    """Named pictures; each signal carries the number of one.

    ``clicked``: it was chosen. ``named`` carries number and new name. ``delete`` says that it is to be deleted.
    """

    clicked = Signal(int)
    named = Signal(int, str)
    delete = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []
        self._editing = -1
        self.grid = _Grid("saved points", gap=_GAP, selectable=True)
        self.grid.setObjectName("scrolled")
        self.grid.align = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
        self.grid.clicked.connect(self.clicked)
        self.grid.delete.connect(self.delete)
        self.grid.rename.connect(self.edit)
        self.grid.setToolTip("Click to go there; F2 or a double click renames, Del deletes")
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(self.grid)
        self.field = NameField(self.grid)
        self.field.named.connect(self._named)
        self.field.left.connect(self.grid.setFocus)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names that are shown."""
        return tuple(self._names)

    def set_tiles(self, pixels: Pixels, names: Sequence[str]) -> None:
        """Show pictures (items, height, width, channels) and their names."""
        self._names = list(names)
        self.grid.set_pixels(pixels)
        self._arrange()

    def clear(self, hint: str) -> None:
        """Show nothing but a hint of what to do next."""
        self._names = []
        self.grid.select(-1)
        self.grid.setMinimumHeight(0)
        self.grid.clear(hint)

    def edit(self, index: int) -> None:
        """Let a name be typed over."""
        if not 0 <= index < len(self._names):
            return
        self._editing = index
        cell = self.grid.cell(index).toRect()
        left = max(0, min(cell.center().x() - _FIELD // 2, self.grid.width() - _FIELD))
        self.ensureVisible(cell.center().x(), cell.center().y(), 0, cell.height() // 2 + _CAPTION)
        height = self.field.sizeHint().height()
        top = min(cell.bottom() + _CAPTION, self.grid.height()) - height
        self.field.ask(self._names[index], QRect(left, top, _FIELD, height))

    @Slot(str)
    def _named(self, name: str) -> None:
        self.named.emit(self._editing, name)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put as many in a row as fit."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        count = len(self._names)
        if not count:
            return
        high = self.viewport().height() - _CAPTION - 4
        height, width = self.grid.pixels.shape[1:3]
        each = (self.viewport().width() + _GAP) / count - _GAP
        tile = round(max(_TILE, min(high, 2 * _TILE, each * height / width)))  # all in one row, if they are few
        pitch = round(max(_TILE, tile * width / height)) + _GAP
        columns = max(1, (self.viewport().width() + _GAP) // pitch)
        rows = -(-count // columns)
        if rows > 1 and rows * (tile + _CAPTION + _GAP) > self.viewport().height():
            self.grid.setMinimumHeight(rows * (tile + _CAPTION + _GAP))
        else:
            self.grid.setMinimumHeight(0)
        metrics = QFontMetrics(theme.font(11))
        captions = [metrics.elidedText(name, Qt.TextElideMode.ElideRight, pitch - 8) for name in self._names]
        self.grid.set_pixels(self.grid.pixels, columns, captions)

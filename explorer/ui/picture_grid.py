"""One picture or many in rows and columns, painted sharp at any size."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer import images
from explorer.messages import Pixels
from explorer.ui import theme

_ROUNDED = 40  # pixels; smaller pictures keep their corners
_NOTHING = np.zeros((0, 1, 1, 1), np.uint8)


def to_image(picture: Pixels) -> QImage:
    """Return a picture (height, width, channels) as a QImage that owns its bytes."""
    height, width, channels = picture.shape
    packed = np.ascontiguousarray(picture)
    kind = QImage.Format.Format_Grayscale8 if channels == 1 else QImage.Format.Format_RGB888
    shown = QImage(packed.data, width, height, width * channels, kind)
    return shown.convertToFormat(QImage.Format.Format_RGB32)  # as the screen has it: four times as fast to paint


def row_margin(name: str) -> int:
    """Return the pixels that a row's name takes beside it."""
    return 26 if len(name) < 4 else 34


class PictureGrid(QWidget):
    """Pictures (items, height, width, channels) in a grid of equal cells, as large as fits.

    Args:
        columns: cells in a row; None makes the grid about square.
        gap: pixels of the screen between two cells; 0 joins them on one black sheet.
        name: what a screen reader calls it.
        selectable: a click or the arrow keys choose a cell.
    """

    clicked = Signal(int)
    painted = Signal()

    def __init__(self, name: str, columns: int | None = None, gap: int = 0, *, selectable: bool = False) -> None:
        super().__init__()
        self._columns = columns
        self._gap = gap
        self._selectable = selectable
        self._pixels = _NOTHING
        self._images: list[QImage] = []
        self._captions: list[str] = []
        self._row_names: list[str] = []
        self._hint = "nothing to show yet"
        self.selected = -1
        self.align = Qt.AlignmentFlag.AlignCenter
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(24, 24)
        if selectable:
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.current().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Return a modest size: the layout decides."""
        return QSize(160, 160)

    @property
    def pixels(self) -> Pixels:
        """Return the pictures that are shown."""
        return self._pixels

    @property
    def columns(self) -> int:
        """Return the cells in a row."""
        return self._columns or images.columns_for(max(1, len(self._pixels)))

    def set_pixels(
        self,
        pixels: Pixels,
        columns: int | None = None,
        captions: list[str] | None = None,
        row_names: list[str] | None = None,
    ) -> None:
        """Show pictures (items, height, width, channels); ``captions`` go below each, ``row_names`` beside rows."""
        self._pixels = pixels
        self._columns = columns or self._columns
        self._captions, self._row_names = captions or [], row_names or []
        if self._gap or len(pixels) == 1:
            self._images = [to_image(picture) for picture in pixels]
        else:
            self._images = [to_image(images.tile(pixels, self.columns))] if len(pixels) else []
        self.update()

    def clear(self, hint: str) -> None:
        """Show nothing but a hint of what to do next."""
        self._pixels, self._images, self._hint = _NOTHING, [], hint
        self.update()

    def select(self, index: int) -> None:
        """Mark a cell."""
        if index != self.selected:
            self.selected = index
            self.update()

    # ---- geometry ----

    def _cells(self) -> tuple[int, int]:
        if self._gap:
            count = len(self._images)
            return self.columns, -(-count // self.columns)
        return 1, 1

    def _caption_height(self) -> int:
        return 20 if self._captions else 0

    def _margin(self) -> int:
        return max((row_margin(name) for name in self._row_names), default=0)

    def _cell_size(self) -> tuple[float, float]:
        columns, rows = self._cells()
        first = self._images[0]
        width = (self.width() - self._margin() - self._gap * (columns - 1) - 2) / columns
        height = (self.height() - self._gap * (rows - 1) - 2) / rows - self._caption_height()
        scale = max(0.05, min(width / first.width(), height / first.height()))
        return first.width() * scale, first.height() * scale

    def cell(self, index: int) -> QRectF:
        """Return where a cell is."""
        return self._places([index])[0]

    def _places(self, indices: Sequence[int]) -> list[QRectF]:
        columns, rows = self._cells()
        width, height = self._cell_size()
        step_x = width + self._gap
        if self._captions and columns > 1:  # a strip with captions uses the whole width
            step_x = max(step_x, (self.width() - 2 - width) / (columns - 1))
        step_y = height + self._gap + self._caption_height()
        left = 1.0 + self._margin()
        if self.align & Qt.AlignmentFlag.AlignHCenter:
            left = max(left, (self.width() + self._margin() - step_x * (columns - 1) - width) / 2)
        top = 1.0
        if self.align & Qt.AlignmentFlag.AlignVCenter:
            top = max(1.0, (self.height() - step_y * rows + self._gap) / 2)
        return [
            QRectF(left + (index % columns) * step_x, top + (index // columns) * step_y, width, height)
            for index in indices
        ]

    # ---- events ----

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint cells, captions and the mark."""
        painter = QPainter(self)
        colors = theme.colors()
        if not self._images:
            painter.setPen(QColor(colors.muted))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(8, 8, -8, -8), flags, self._hint)
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        places = self._places(range(len(self._images)))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, places[0].width() < self._images[0].width())
        for index, (image, where) in enumerate(zip(self._images, places, strict=True)):
            painter.drawImage(where, image)
            if where.width() >= _ROUNDED:
                corners = QPainterPath()  # painted over: a rounded clip is slow
                corners.addRect(where.adjusted(-0.5, -0.5, 0.5, 0.5))
                corners.addRoundedRect(where, 4, 4)
                painter.fillPath(corners, QColor(colors.panel))
            if index == self.selected and self._gap:
                painter.setPen(QPen(QColor(colors.accent), 2))
                painter.drawRoundedRect(where.adjusted(-1, -1, 1, 1), 5, 5)
            if index < len(self._captions):
                painter.setPen(QColor(colors.text if index == self.selected else colors.muted))
                painter.setFont(theme.font(11, tabular=True))
                below = QRectF(where.left() - 20, where.bottom() + 2, where.width() + 40, 16)
                painter.drawText(below, Qt.AlignmentFlag.AlignCenter, self._captions[index])
        self._paint_row_names(painter)
        if self.hasFocus() and self._selectable and self.selected < 0:
            painter.setPen(QPen(QColor(colors.accent), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        painter.end()
        self.painted.emit()

    def _paint_row_names(self, painter: QPainter) -> None:
        if not self._row_names:
            return
        where = self.cell(0)
        height = where.height() / len(self._row_names)
        painter.setPen(QColor(theme.colors().muted))
        painter.setFont(theme.font(12))
        for row, name in enumerate(self._row_names):
            beside = QRectF(where.left() - self._margin(), where.top() + row * height, self._margin() - 6, height)
            painter.drawText(beside, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, name)

    def _at(self, point: QPointF) -> int:
        for index in range(len(self._images)):
            if self.cell(index).adjusted(-3, -3, 3, 3 + self._caption_height()).contains(point):
                return index
        return -1

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the cell under the mouse."""
        index = self._at(event.position())
        if self._selectable and event.button() == Qt.MouseButton.LeftButton and index >= 0:
            self.clicked.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose a neighbour of the marked cell."""
        moves = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self.columns,
            Qt.Key.Key_Down: self.columns,
        }
        move = moves.get(Qt.Key(event.key()))
        if not self._selectable or move is None or not self._images:
            super().keyPressEvent(event)
            return
        wanted = max(0, self.selected) + move if self.selected >= 0 else 0
        if 0 <= wanted < len(self._images):
            self.clicked.emit(wanted)

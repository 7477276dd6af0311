"""Pictures along t in rows below each other: one row for each way there."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer import images
from explorer.messages import Pixels
from explorer.ui import theme
from explorer.ui.picture_grid import to_image
from explorer.ui.plot_style import color_of

_BELOW, _BESIDE, _GAP = 18, 50, 6
_CAPTION = 24  # pixels that the number of a t takes


class PathStrip(QWidget):
    """Rows of pictures that share their columns, which are t's; ``went_to`` carries a t that is clicked or keyed to."""

    went_to = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[int] = []
        self.rows: list[tuple[str, str, Pixels]] = []
        self.selected = -1
        self._images: list[list[QImage]] = []
        self.setAccessibleName("the chain along t")
        self.setToolTip("The same item on its way to noise. Click a picture to go to its t")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 60)
        theme.current().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Return a modest size: the layout decides."""
        return QSize(400, 140)

    def show_rows(self, marks: Sequence[int], rows: Sequence[tuple[str, str, Pixels]]) -> None:
        """Show rows of name, colour of the name, and pictures (marks, height, width, channels)."""
        self.marks, self.rows = list(marks), list(rows)
        self._images = [[to_image(picture) for picture in pixels] for _, _, pixels in rows]
        self.update()

    def mark(self, t: int) -> None:
        """Mark the column that is nearest to t."""
        nearest = int(np.argmin([abs(mark - t) for mark in self.marks])) if self.marks else -1
        if nearest != self.selected:
            self.selected = nearest
            self.update()

    def clear(self) -> None:
        """Show nothing."""
        self.show_rows([], [])
        self.selected = -1

    @property
    def pixels(self) -> Pixels:
        """Return all pictures, row by row, (rows · marks, height, width, channels)."""
        return np.concatenate([pixels for _, _, pixels in self.rows]) if self.rows else np.zeros((0, 1, 1, 1), np.uint8)

    def sheet(self) -> Pixels:
        """Return the rows as one picture (height, width, channels), for a file."""
        return images.sheet(self.pixels, len(self.marks))

    # ---- geometry ----

    def cell(self, row: int, column: int) -> QRectF:
        """Return where a picture is."""
        image = self._images[row][column]
        rows, columns = len(self.rows), len(self.marks)
        room = (self.width() - _BESIDE - 2 - _GAP * (columns - 1)) / columns
        tall = (self.height() - _BELOW - 2 - _GAP * (rows - 1)) / rows
        scale = max(0.02, min(room / image.width(), tall / image.height()))
        width, height = image.width() * scale, image.height() * scale
        step = max(width + _GAP, (self.width() - _BESIDE - 2 - width) / max(1, columns - 1))
        top = max(0.0, (self.height() - _BELOW - rows * height - _GAP * (rows - 1)) / 2)
        return QRectF(_BESIDE + column * step + 1, top + row * (height + _GAP) + 1, width, height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint names, pictures, t and the mark."""
        if not self.rows or not self.marks:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = theme.colors()
        for row, (name, color, _) in enumerate(self.rows):
            first = self.cell(row, 0)
            painter.setRenderHint(
                QPainter.RenderHint.SmoothPixmapTransform, first.width() < self._images[row][0].width()
            )
            painter.setFont(theme.font(12))
            painter.setPen(QColor(color_of(color)))
            beside = QRectF(0, first.top(), _BESIDE - 4, first.height())
            flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(beside, flags, name)
            for column, image in enumerate(self._images[row]):
                painter.drawImage(self.cell(row, column), image)
        painter.setFont(theme.font(11, tabular=True))
        step = self.cell(0, 1).left() - self.cell(0, 0).left() if len(self.marks) > 1 else self.width()
        for column, t in enumerate(self.marks):
            top, bottom = self.cell(0, column), self.cell(len(self.rows) - 1, column)
            painter.setPen(QColor(colors.text if column == self.selected else colors.muted))
            below = QRectF(top.left() - 20, bottom.bottom() + 2, top.width() + 40, _BELOW - 2)
            if step >= _CAPTION or column % 2 == 0:
                painter.drawText(below, Qt.AlignmentFlag.AlignCenter, f"t = {t}" if step >= 2 * _CAPTION else str(t))
            if column == self.selected:
                painter.setPen(QPen(QColor(colors.accent), 2))
                painter.drawRoundedRect(top.united(bottom).adjusted(-2, -2, 2, 2), 5, 5)
        if self.hasFocus():
            painter.setPen(QPen(QColor(colors.accent), 1))
            painter.drawLine(_BESIDE, self.height() - 1, self.width(), self.height() - 1)
        painter.end()

    # ---- events ----

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the t of the column under the mouse."""
        for column in range(len(self.marks)):
            where = self.cell(0, column).united(self.cell(len(self.rows) - 1, column)).adjusted(-3, -3, 3, _BELOW)
            if event.button() == Qt.MouseButton.LeftButton and where.contains(event.position()):
                self.went_to.emit(self.marks[column])
                return

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to a neighbouring column."""
        ends = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: len(self.marks) - 1}
        key = Qt.Key(event.key())
        moves = {Qt.Key.Key_Left: self.selected - 1, Qt.Key.Key_Right: self.selected + 1, **ends}
        if key not in moves or not self.marks:
            super().keyPressEvent(event)
        elif 0 <= moves[key] < len(self.marks):
            self.went_to.emit(self.marks[moves[key]])

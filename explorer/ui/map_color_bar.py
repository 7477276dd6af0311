"""A sequence of colours, and which values they stand for."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from explorer.ui import theme
from explorer.ui.facts import spaced
from explorer.ui.plot_style import number

_BAR, _WIDTH, _HEIGHT = 8, 210, 28  # pixels


class ColorBar(QWidget):
    """A bar with its ends and what it means; nothing where it is not ``shown``."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(_WIDTH, _HEIGHT)
        self._colors: NDArray[np.uint8] = np.zeros((1, 3), np.uint8)
        self._ends, self._title = ("", ""), ""
        self.shown = False
        theme.current().changed.connect(self.update)
        self.setVisible(False)

    def set_range(self, colors: NDArray[np.uint8], low: float, high: float, title: str, ends: str) -> None:
        """Show colours (colours, 3) that go from low to high of what the title says; ``ends`` says what those are."""
        self._colors, self._title, self.shown = np.ascontiguousarray(colors), title, True
        self._ends = _end(low), _end(high)
        self.setToolTip(f"{title}: from {self._ends[0]} to {self._ends[1]}, {ends}")
        self.setAccessibleName(self.toolTip())
        self.setVisible(True)
        self.update()

    def clear(self) -> None:
        """Show nothing: colours stand for no values."""
        self.shown = False
        self.setVisible(False)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        painter = QPainter(self)
        self.paint(painter, QRectF(self.rect()))
        painter.end()

    def paint(self, painter: QPainter, room: QRectF) -> None:
        """Paint the bar above, and below it its ends with the title between them."""
        image = QImage(self._colors.data, len(self._colors), 1, 3 * len(self._colors), QImage.Format.Format_RGB888)
        painter.drawImage(QRectF(room.left(), room.top() + 2, room.width(), _BAR), image)
        painter.setPen(QColor(theme.colors().muted))
        painter.setFont(theme.font(11, tabular=True))
        below = QRectF(room.left(), room.top() + _BAR + 3, room.width(), 16)
        left, right, middle = (
            side | Qt.AlignmentFlag.AlignVCenter
            for side in (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignHCenter)
        )
        metrics = QFontMetricsF(painter.font())
        painter.drawText(below, left, self._ends[0])
        painter.drawText(below, right, self._ends[1])
        ends = 6 + max(map(metrics.horizontalAdvance, self._ends))
        between = below.adjusted(ends, 0, -ends, 0)
        painter.drawText(between, middle, metrics.elidedText(self._title, Qt.TextElideMode.ElideRight, between.width()))


def _end(value: float) -> str:
    """Return a value with three digits, in groups where it is large, and only far out as a power of ten."""
    if 1e3 <= abs(value) < 1e6:
        return spaced(int(float(f"{value:.3g}"))).replace("-", "−")
    return number(value, "{:.3g}")

"""The codebook as a palette: what each code looks like, and how often the data use it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QSizePolicy

from explorer.messages import Pixels
from explorer.ui import theme
from explorer.ui.code_canvas import ink
from explorer.ui.code_colors import Colors
from explorer.ui.facts import spaced
from explorer.ui.picture_grid import to_image

_SMALLEST, _LARGEST = 20, 72  # pixels of a cell
_GAP, _FOOT = 3, 3  # between cells; the colour of the code below its picture
_NUMBERED, _ROOMY = 18, 26  # pixels of a cell from which on it has its number: a small one, a usual one


def usage_words(usage: NDArray[np.int64], code: int) -> str:
    """Return how often a code is used."""
    total = int(usage.sum())
    if not total:
        return ""
    if not usage[code]:
        return "dead: never used"
    times = "once" if usage[code] == 1 else f"{spaced(int(usage[code]))} times"
    return f"used {times}, {100 * usage[code] / total:.2g} %"


class CodePalette(QAbstractScrollArea):
    """All codes, one of which is the brush; ``chosen`` carries another one, ``hovered`` the one under the mouse or −1.

    A code that no item uses is crossed out.
    """

    chosen = Signal(int)
    hovered = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.brush = 0
        self.order: Sequence[int] = ()
        self.usage: NDArray[np.int64] = np.zeros(0, np.int64)
        self._colors: Colors = np.zeros((0, 3), np.uint8)
        self._pictures: Pixels = np.zeros((0, 1, 1, 1), np.uint8)
        self._images: dict[int, QImage] = {}  # of the codes that were in sight
        self._places: dict[int, int] = {}  # of each code in the order
        self._hint, self._marked = "", -1
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(110, 48)
        self.setAccessibleName("codebook")
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        theme.current().changed.connect(self.viewport().update)

    def minimumSizeHint(self) -> QSize:
        """Return what shows at least a few codes."""
        return QSize(110, 48)

    # ---- what is shown ----

    def clear(self, hint: str) -> None:
        """Show nothing but why."""
        self._pictures, self._hint = self._pictures[:0], hint
        self._images.clear()
        self.usage = np.zeros(0, np.int64)
        self.set_order(())

    def set_codes(self, pictures: Pixels, colors: Colors, usage: NDArray[np.int64]) -> None:
        """Show what each code looks like, (codes, height, width, channels), its colour (codes, 3) and use (codes,).

        ``usage`` is (0,) where it is not known.
        """
        if pictures is not self._pictures:
            self._pictures = pictures
            self._images.clear()
        self._colors, self.usage = colors, usage
        if len(self.order) != len(pictures):
            self.set_order(range(len(pictures)))
        self.viewport().update()

    def set_order(self, order: Sequence[int]) -> None:
        """Show the codes in another order."""
        self.order = tuple(order)
        self._places = {code: place for place, code in enumerate(self.order)}
        self._arrange()

    def choose(self, code: int) -> None:
        """Mark the brush."""
        self.brush = code
        self._reveal()
        self.viewport().update()

    def mark(self, code: int) -> None:
        """Mark a code that is looked at elsewhere; −1 none."""
        if code != self._marked:
            self._marked = code
            self.viewport().update()

    # ---- geometry ----

    @property
    def columns(self) -> int:
        """Return the cells in a row."""
        return max(1, int((self.viewport().width() + _GAP) // (self._side + _GAP)))

    @property
    def _shape(self) -> float:
        """Return the height of a picture of width 1."""
        height, width = self._pictures.shape[1:3]
        return height / width

    @property
    def _step(self) -> float:
        return self._side * self._shape + _FOOT + _GAP

    def _arrange(self) -> None:
        """Find the largest cells of which all fit, but none too small: then it scrolls."""
        self._side = float(_SMALLEST)
        width, height, count = self.viewport().width(), self.viewport().height(), max(1, len(self.order))
        for side in range(_LARGEST, _SMALLEST, -1):
            columns = max(1, (width + _GAP) // (side + _GAP))
            if -(-count // columns) * (side * self._shape + _FOOT + _GAP) - _GAP <= height:
                self._side = float(side)
                break
        rows = -(-len(self.order) // self.columns)
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, round(rows * self._step - _GAP - height)))
        bar.setPageStep(height)
        bar.setSingleStep(round(self._step))
        self._reveal()
        self.viewport().update()

    def cell(self, code: int) -> QRectF:
        """Return where a code is, in pixels of the viewport."""
        row, column = divmod(self._places[code], self.columns)
        top = row * self._step - self.verticalScrollBar().value()
        return QRectF(column * (self._side + _GAP), top, self._side, self._side * self._shape)

    def _at(self, point: QPointF) -> int:
        column = int(point.x() // (self._side + _GAP))
        row = int((point.y() + self.verticalScrollBar().value()) // self._step)
        place = row * self.columns + column
        return self.order[place] if 0 <= column < self.columns and 0 <= place < len(self.order) else -1

    def _reveal(self) -> None:
        """Scroll to the brush."""
        if self.brush not in self._places:
            return
        where, bar = self.cell(self.brush), self.verticalScrollBar()
        if where.top() < 0:
            bar.setValue(bar.value() + round(where.top()))
        elif where.bottom() + _FOOT > self.viewport().height():
            bar.setValue(bar.value() + round(where.bottom() + _FOOT - self.viewport().height()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Find the best size of the cells."""
        self._arrange()

    # ---- painting ----

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the codes that are in sight."""
        painter = QPainter(self.viewport())
        colors = theme.colors()
        if not self.order:
            painter.setPen(QColor(colors.muted))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.viewport().rect().adjusted(8, 4, -8, -4), int(flags), self._hint)
            painter.end()
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._side < self._pictures.shape[2])
        painter.setFont(theme.font(9 if self._side >= _ROOMY else 7, tabular=True))
        first = int(self.verticalScrollBar().value() // self._step) * self.columns
        last = first + (int(self.viewport().height() // self._step) + 2) * self.columns
        for code in self.order[first:last]:
            self._paint_code(painter, code, self.cell(code))
        painter.end()

    def _paint_code(self, painter: QPainter, code: int, where: QRectF) -> None:
        colors, own = theme.colors(), QColor(*(int(part) for part in self._colors[code]))
        dead = bool(len(self.usage)) and not self.usage[code]
        painter.setOpacity(0.45 if dead else 1.0)
        if code not in self._images:
            self._images[code] = to_image(self._pictures[code])
        painter.drawImage(where, self._images[code])
        foot = QRectF(where.left(), where.bottom(), where.width(), _FOOT)
        painter.fillRect(foot, own)
        painter.setOpacity(1.0)
        if self._side >= _NUMBERED:
            text = str(code)
            letters, high = (5.5, 11) if self._side >= _ROOMY else (4.5, 8)
            badge = QRectF(where.left(), where.bottom() - high, letters * len(text) + 3, high + _FOOT)
            painter.fillRect(badge, own)
            painter.setPen(ink(own))
            painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, text)
        if dead:
            painter.setPen(QPen(QColor(colors.bad), 1.6))
            painter.drawLine(where.topLeft() + QPointF(2, 2), where.bottomRight() - QPointF(2, 2))
            painter.drawLine(where.topRight() + QPointF(-2, 2), where.bottomLeft() + QPointF(2, -2))
        rings = [(self._marked, colors.text), (self.brush, colors.accent)]
        for which, color in rings:
            if which == code:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(QColor(color), 2))
                painter.drawRect(where.united(foot).adjusted(1, 1, -1, -1))

    # ---- mouse and keys ----

    def reading(self, code: int) -> str:
        """Return what is known of a code."""
        return ": ".join(filter(None, (f"code {code}", usage_words(self.usage, code))))

    def _choose(self, code: int) -> None:
        self.choose(code)
        self.setAccessibleDescription(self.reading(code))
        self.chosen.emit(code)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the code under the mouse as the brush."""
        code = self._at(event.position())
        if code >= 0:
            self._choose(code)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the code under the mouse."""
        code = self._at(event.position())
        self.viewport().setToolTip(self.reading(code) if code >= 0 else "")
        self.hovered.emit(code)

    def leaveEvent(self, event: QEvent) -> None:
        """Tell that there is none."""
        self.hovered.emit(-1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take a neighbour as the brush."""
        moves = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -self.columns, Qt.Key.Key_Down: self.columns,
            Qt.Key.Key_Home: -len(self.order), Qt.Key.Key_End: len(self.order),
        }  # fmt: skip
        move = moves.get(Qt.Key(event.key()))
        if move is None or self.brush not in self._places:
            super().keyPressEvent(event)
            return
        wanted = self._places[self.brush] + move
        if abs(move) == len(self.order):
            wanted = min(max(wanted, 0), len(self.order) - 1)
        if 0 <= wanted < len(self.order):
            self._choose(self.order[wanted])

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the keys are."""
        super().focusInEvent(event)
        self.mark(self.brush)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Mark nothing."""
        super().focusOutEvent(event)
        self.mark(-1)

"""How often each code is used: a bar for each, in the colours of the codes."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui import figure, theme
from explorer.ui.code_colors import Colors
from explorer.ui.code_palette import usage_words
from explorer.ui.figure import Axis
from explorer.ui.plot_style import round_log_range, round_range

_LEFT, _TOP, _FOOT = 44, 6, 20  # pixels around the bars
_LOW = 90  # pixels: below it there is no room for the name of the axis
_FOOT_TEXTS = ("codes · dashed: all used alike", "dashed: all alike", "codes")  # the longest that there is room for
_DEAD = 4  # pixels: the mark of a code that is never used


class CodeUsage(QWidget):
    """Bars (codes,) in an order; a dashed line is the use each code would have if all were used alike.

    ``chosen`` carries the code of a bar that is clicked, ``hovered`` that under the mouse or −1.
    """

    chosen = Signal(int)
    hovered = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.usage: NDArray[np.int64] = np.zeros(0, np.int64)
        self.order: Sequence[int] = ()
        self._places: dict[int, int] = {}  # of each code in the order
        self.log = False
        self._colors: Colors = np.zeros((0, 3), np.uint8)
        self._hint, self._marked = "", -1
        self.setMouseTracking(True)
        self.setMinimumSize(120, 48)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("how often each code is used")
        theme.current().changed.connect(self.update)

    def clear(self, hint: str) -> None:
        """Show nothing but why."""
        self.usage, self._hint = np.zeros(0, np.int64), hint
        self.set_order(())

    def set_usage(self, usage: NDArray[np.int64], colors: Colors) -> None:
        """Show how often each code is used, (codes,), in its colour (codes, 3)."""
        self.usage, self._colors = usage, colors
        if len(self.order) != len(usage):
            self.set_order(range(len(usage)))
        self.update()

    def set_order(self, order: Sequence[int]) -> None:
        """Show the bars in another order."""
        self.order = tuple(order)
        self._places = {code: place for place, code in enumerate(self.order)}
        self.update()

    def set_log(self, log: bool) -> None:
        """Count in powers of ten or evenly."""
        self.log = log
        self.update()

    def mark(self, code: int) -> None:
        """Mark the bar of a code; −1 none."""
        if code != self._marked:
            self._marked = code
            self.update()

    # ---- geometry ----

    @property
    def area(self) -> QRectF:
        """Return where the bars are."""
        return QRectF(self.rect()).adjusted(_LEFT, _TOP, -6, -(_FOOT if self.height() >= _LOW else 6))

    @property
    def vertical(self) -> Axis:
        """Return the axis of uses; on a log axis it begins at half a use, so that 1 is seen."""
        most = max(1, int(self.usage.max(initial=0)))
        if self.log:
            return Axis(math.log10(0.5), round_log_range(0.5, max(2, most))[1], log=True)
        return Axis(0.0, round_range(0.0, most)[1])

    def _y(self, axis: Axis, uses: float, area: QRectF) -> float:
        at = math.log10(max(uses, 0.5)) if self.log else uses
        return float(figure.place(axis, at, area.bottom(), area.top()))

    def bar(self, code: int) -> QRectF:
        """Return where a code's bar is, of its whole column where it is never used."""
        area = self.area
        width = area.width() / max(1, len(self.order))
        top = self._y(self.vertical, float(self.usage[code]), area)
        left = area.left() + self._places[code] * width
        gap = 1.0 if width >= 3 else 0.0
        return QRectF(left, top, max(1.0, width - gap), area.bottom() - top)

    def seen(self) -> Sequence[int]:
        """Return the codes whose bars are painted: all, or where many share a pixel the most used of them."""
        columns = max(1, int(self.area.width()))
        if len(self.order) <= columns:
            return self.order
        ends = np.linspace(0, len(self.order), columns + 1).astype(np.int64)
        shared = np.split(np.array(self.order), ends[1:-1])
        return [int(codes[self.usage[codes].argmax()]) for codes in shared]

    def _at(self, point: QPointF) -> int:
        area = self.area
        if not len(self.usage) or not area.left() <= point.x() < area.right():
            return -1
        return self.order[int((point.x() - area.left()) / area.width() * len(self.order))]

    @property
    def foot_text(self) -> str:
        """Return what is written below the bars, "" where they are too low for it."""
        if self.height() < _LOW:
            return ""
        metrics, room = QFontMetricsF(theme.font(11)), self.area.width() - 4
        return next((text for text in _FOOT_TEXTS if metrics.horizontalAdvance(text) <= room), "")

    # ---- painting ----

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint axis and bars, or why there are none."""
        painter = QPainter(self)
        if not len(self.usage):
            painter.setPen(QColor(theme.colors().muted))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(8, 4, -8, -4), int(flags), self._hint)
        else:
            self._paint_bars(painter)
        painter.end()

    def _paint_bars(self, painter: QPainter) -> None:
        colors, area, axis = theme.colors(), self.area, self.vertical
        painter.setFont(theme.font(11))
        for at, text in axis.named(max(2, int(area.height() / 26))):
            y = float(figure.place(axis, at, area.bottom(), area.top()))
            painter.setPen(QPen(QColor(colors.border), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(QColor(colors.muted))
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, y - 8, _LEFT - 6, 16), int(flags), text)
        for code in self.seen():
            where = self.bar(code)
            if self.usage[code]:
                painter.fillRect(where, QColor(*(int(part) for part in self._colors[code])))
            else:
                painter.fillRect(QRectF(where.left(), area.bottom() - _DEAD, where.width(), _DEAD), QColor(colors.bad))
        if self._marked in self._places:
            where = self.bar(self._marked)
            painter.setPen(QPen(QColor(colors.text), 1.5))
            painter.drawRect(QRectF(where.left() - 1, area.top(), where.width() + 2, area.height()))
        fair = self._y(axis, float(self.usage.sum()) / len(self.usage), area)
        painter.setPen(QPen(QColor(colors.muted), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(area.left(), fair), QPointF(area.right(), fair))
        if self.foot_text:
            painter.setPen(QColor(colors.muted))
            below = QRectF(area.left(), area.bottom() + 3, area.width(), _FOOT - 3)
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, self.foot_text)

    # ---- mouse ----

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the code under the mouse."""
        code = self._at(event.position())
        self.setToolTip("" if code < 0 else f"code {code}: {usage_words(self.usage, code)}")
        self.hovered.emit(code)

    def leaveEvent(self, event: QEvent) -> None:
        """Tell that there is none."""
        self.hovered.emit(-1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the code of a bar as the brush."""
        code = self._at(event.position())
        if code >= 0:
            self.chosen.emit(code)

"""A thin line through a plot, and the values there in a box beside it."""

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen, QRegion
from PySide6.QtWidgets import QWidget

from explorer.ui import theme

_GAP = 14  # pixels between the line and the box
_PAD = 8
_LINE = 17  # pixels between two lines of the box
_DOT = 3
_FONT = 12
_INDENT = 14  # of a line's text behind its dot
_APART = 12
_WIDEST_NAME = 180
_SLACK = 3  # pixels: a text takes a fraction more than the sum of its letters' advances


@dataclass(frozen=True)
class Reading:
    """What a curve says at the crosshair: name and value, ``second`` a muted addition, ``at`` its point in pixels."""

    name: str
    color: str
    value: str
    second: str = ""
    at: QPointF | None = None


class Crosshair(QWidget):
    """A transparent sheet over a plot: the line, a dot on every curve, and a box with the values.

    The box stands beside the line and never over the mouse or beyond the plot; where there is no such place, there is
    no box. Hidden it costs nothing.
    """

    def __init__(self, plot: QWidget) -> None:
        super().__init__(plot)
        self._plot = plot
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._area, self._x = QRectF(), 0.0
        self._head, self.readings = "", list[Reading]()
        self._compact = False  # values without names and additions, where there is little room
        self.box: QRect | None = None
        self.hide()

    def point(self, area: QRectF, x: float, mouse: QPointF | None, head: str, readings: list[Reading]) -> None:
        """Show the line at ``x`` of the ``area`` of the plot, in pixels; ``mouse`` is what must not be covered."""
        before = self._region()
        self._area, self._x, self._head, self.readings = area, x, head, readings
        self._compact = False
        self.box = self._place(mouse)
        if self.box is None:
            self._compact = True
            self.box = self._place(mouse)
        if not self.isVisible():
            self.setGeometry(QRect(QPoint(0, 0), self._plot.size()))
            self.show()
            self.raise_()
        self.update(before.united(self._region()))

    def text(self) -> str:
        """Return in words what is shown."""
        return ", ".join([self._head, *(f"{reading.name} {reading.value}" for reading in self.readings)])

    def shown_name(self, reading: Reading) -> str:
        """Return as much of a name as there is room for."""
        metrics, room = QFontMetrics(theme.font(_FONT, tabular=True)), self._widths()[0] - _APART
        return metrics.elidedText(reading.name, Qt.TextElideMode.ElideRight, room)

    # ---- geometry ----

    def _widths(self) -> tuple[int, int, int]:
        """Return how wide names, values and additions are, each with the gap before it."""
        plain = QFontMetrics(theme.font(_FONT, tabular=True))
        strong = QFontMetrics(theme.font(_FONT, bold=True, tabular=True))
        values = _widest(strong, [reading.value for reading in self.readings])
        if self._compact:
            return 0, values, 0
        names = _widest(plain, [reading.name for reading in self.readings])
        seconds = _widest(plain, [reading.second for reading in self.readings])
        return min(names, _WIDEST_NAME) + _APART, values, seconds + _APART if seconds else 0

    def _size(self) -> tuple[int, int]:
        head = _widest(QFontMetrics(theme.font(_FONT, tabular=True)), [self._head])
        width = max(head, _INDENT + sum(self._widths())) + 2 * _PAD
        return width, _LINE * (1 + len(self.readings)) + 2 * _PAD - 3

    def _place(self, mouse: QPointF | None) -> QRect | None:
        """Return where the box goes: right of the line, else left of it, else above or below the mouse."""
        width, height = self._size()
        area = self._area.toRect()
        if width > area.width() or height > area.height():
            return None
        point = mouse if mouse is not None else QPointF(self._x, area.top())
        right, left = (
            round(max(self._x, point.x())) + _GAP,
            round(min(self._x, point.x())) - _GAP - width,
        )
        above, below = round(point.y()) - _GAP - height, round(point.y()) + _GAP
        top = min(max(above, area.top()), area.bottom() + 1 - height)
        if right + width <= area.right() + 1:
            return QRect(right, top, width, height)
        if left >= area.left():
            return QRect(left, top, width, height)
        middle = min(max(round(self._x) - width // 2, area.left()), area.right() + 1 - width)
        if above >= area.top():
            return QRect(middle, above, width, height)
        if below + height <= area.bottom() + 1:
            return QRect(middle, below, width, height)
        return None

    def _region(self) -> QRegion:
        region = QRegion(QRect(round(self._x) - 2, round(self._area.top()), 4, round(self._area.height()) + 1))
        for reading in self.readings:
            if reading.at is not None:
                spot = reading.at.toPoint()
                region += QRect(spot.x() - _DOT - 3, spot.y() - _DOT - 3, 2 * _DOT + 6, 2 * _DOT + 6)
        return region if self.box is None else region.united(self.box.adjusted(-2, -2, 2, 2))

    # ---- painting ----

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint line, dots and box."""
        colors = theme.colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = round(self._x) + 0.5
        painter.setPen(QPen(QColor(colors.muted), 1))
        painter.drawLine(QPointF(line, self._area.top()), QPointF(line, self._area.bottom()))
        for reading in self.readings:
            if reading.at is not None and self._area.adjusted(-1, -1, 1, 1).contains(reading.at):
                painter.setPen(QPen(QColor(colors.panel), 1.5))
                painter.setBrush(QColor(reading.color))
                painter.drawEllipse(reading.at, _DOT + 0.5, _DOT + 0.5)
        if self.box is not None:
            self._paint_box(painter, self.box)
        painter.end()

    def _paint_box(self, painter: QPainter, box: QRect) -> None:
        colors = theme.colors()
        painter.setPen(QPen(QColor(colors.border), 1))
        painter.setBrush(QColor(colors.chrome))
        painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        line = QRect(box.left() + _PAD, box.top() + _PAD - 1, box.width() - 2 * _PAD, _LINE)
        painter.setFont(theme.font(_FONT, tabular=True))
        painter.setPen(QColor(colors.muted))
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, self._head)
        for reading in self.readings:
            line = line.translated(0, _LINE)
            self._paint_reading(painter, line, reading)

    def _paint_reading(self, painter: QPainter, line: QRect, reading: Reading) -> None:
        colors = theme.colors()
        middle, right = Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        names, values, _ = self._widths()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(reading.color))
        painter.drawEllipse(QPointF(line.left() + 4, line.center().y() + 0.5), 3.5, 3.5)
        painter.setFont(theme.font(_FONT, bold=True, tabular=True))
        painter.setPen(QColor(colors.text))
        painter.drawText(QRect(line.left() + _INDENT + names, line.top(), values, _LINE), right, reading.value)
        if self._compact:
            return
        plain = theme.font(_FONT, tabular=True)
        painter.setFont(plain)
        painter.drawText(line.translated(_INDENT, 0), middle, self.shown_name(reading))
        painter.setPen(QColor(colors.muted))
        painter.drawText(line, right, reading.second)


def _widest(metrics: QFontMetrics, texts: list[str]) -> int:
    """Return the room in pixels that the widest of some texts needs; 0 where there is nothing to write."""
    widest = max(map(metrics.horizontalAdvance, texts), default=0)
    return widest + _SLACK if widest else 0

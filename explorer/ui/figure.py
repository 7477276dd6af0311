"""Plots as files, drawn from their numbers and never grabbed off a screen: PNG, SVG, CSV."""

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen, QPolygonF, QTextDocumentFragment
from PySide6.QtSvg import QSvgGenerator

from explorer import images
from explorer.messages import Pixels
from explorer.ui import theme
from explorer.ui.plot_marks import with_room
from explorer.ui.plot_style import Ticks, ticks
from explorer.ui.series import Points

WIDTH, HEIGHT, SCALE = 960, 540, 2  # a PNG has twice as many pixels, for print and for dense screens
_MARGIN, _BELOW_HEAD = 24, 18
_LEFT, _FOOT = 34, 44  # room for the names of the ticks
_LINE, _APART = 22, 16  # of the legend's entries
_TICK = 11  # pixels high

Paint = Callable[[QPainter, QRectF], None]


@dataclass(frozen=True)
class Axis:
    """One axis of a figure: its ends in places (logarithms where ``log``), its name, and ticks that are not numbers."""

    low: float
    high: float
    name: str = ""
    log: bool = False
    ticks: Ticks | None = None

    def named(self, most: int) -> Ticks:
        """Return the ticks, at most about ``most`` of them."""
        if self.ticks is not None:
            needed = -(-len(self.ticks) // max(1, most))
            every = next((step for step in (1, 2, 5, 10, 20, 50, 100) if step >= needed), needed)
            return self.ticks[::every]
        return ticks(self.low, self.high, most, log=self.log)


@dataclass(frozen=True)
class Drawn:
    """A line of a figure: places (points,), NaN where there is a gap, and the pen that draws it."""

    x: Points
    y: Points
    pen: QPen


@dataclass(frozen=True)
class Figure:
    """A plot as numbers. ``legend`` are texts with their colours, ``bars`` (place, height, colour)."""

    title: str
    horizontal: Axis
    vertical: Axis
    lines: Sequence[Drawn] = ()
    legend: Sequence[tuple[str, QColor]] = ()
    marks: Sequence[tuple[float, str]] = ()
    bars: Sequence[tuple[float, float, QColor]] = field(default=())


def plain(text: str) -> str:
    """Return what a label says without its markup."""
    return QTextDocumentFragment.fromHtml(text).toPlainText() if "<" in text else text


# ---- painting ----


def place(axis: Axis, at: Points | float, start: float, end: float) -> Points:
    """Return the pixels of places on an axis that goes from ``start`` to ``end``."""
    return start + (np.asarray(at, np.float64) - axis.low) / (axis.high - axis.low) * (end - start)


def paint_axes(
    painter: QPainter,
    area: QRectF,
    horizontal: Axis,
    vertical: Axis,
    *,
    grid: bool = True,
    colors: theme.Colors | None = None,
) -> None:
    """Paint the ticks' names left of and below an area, and lines across it; y grows upwards.

    ``colors`` are those of the theme that is on, unless others are given: by a thread beside the window.
    """
    colors = colors or theme.colors()
    painter.setFont(theme.font(_TICK))
    metrics = QFontMetricsF(theme.font(_TICK))
    end = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    for at, text in vertical.named(int(area.height() / (36 if vertical.ticks is None else 15))):
        y = float(place(vertical, at, area.bottom(), area.top()))
        if not area.top() - 0.5 <= y <= area.bottom() + 0.5:
            continue
        if grid:
            painter.setPen(QPen(QColor(colors.border), 1))
            painter.drawLine(QLineF(area.left(), y, area.right(), y))
        painter.setPen(QColor(colors.muted))
        painter.drawText(QRectF(area.left() - 208, y - 10, 200, 20), end, text)
    painter.setPen(QColor(colors.muted))
    for at, text in horizontal.named(int(area.width() / (72 if horizontal.ticks is None else 30))):
        x = float(place(horizontal, at, area.left(), area.right()))
        if area.left() - 0.5 <= x <= area.right() + 0.5:
            painter.drawText(QPointF(x - metrics.horizontalAdvance(text) / 2, area.bottom() + 16), text)
    width = metrics.horizontalAdvance(horizontal.name)
    painter.drawText(QPointF(area.center().x() - width / 2, area.bottom() + 32), horizontal.name)


def paint_head(painter: QPainter, page: QRectF, title: str, legend: Sequence[tuple[str, QColor]] = ()) -> QRectF:
    """Paint a page's background, title and legend, and return where the data go: what these and the ticks leave.

    The legend is beside the title, or below it where it is too long.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(page, QColor(theme.colors().panel))
    font = theme.font(14, bold=True, tabular=True)
    metrics = QFontMetricsF(font)
    painter.setFont(font)
    left, right, baseline = page.left() + _MARGIN, page.right() - _MARGIN, page.top() + _MARGIN + 12
    painter.setPen(QColor(theme.colors().text))
    painter.drawText(QPointF(left, baseline), title)
    widths = [metrics.horizontalAdvance(text) + _APART for text, _ in legend]
    x = right + _APART - sum(widths)
    beside = x >= left + metrics.horizontalAdvance(title) + _APART
    if not beside:
        x, baseline = left, baseline + _LINE
    for (text, color), width in zip(legend, widths, strict=True):
        if x > left and x + width > right + _APART:
            x, baseline = left, baseline + _LINE
        painter.setPen(color)
        painter.drawText(QPointF(x, baseline), text)
        x += width
    return QRectF(QPointF(left + _LEFT, baseline + _BELOW_HEAD), QPointF(right, page.bottom() - _FOOT))


def paint(figure: Figure, painter: QPainter, page: QRectF) -> None:
    """Paint a figure on a page."""
    area = paint_head(painter, page, figure.title, figure.legend)
    paint_axes(painter, area, figure.horizontal, figure.vertical)
    paint_marks(painter, area, figure.horizontal, figure.marks)
    painter.setPen(Qt.PenStyle.NoPen)
    for at, height, color in figure.bars:
        ends = place(figure.horizontal, np.array([at - 0.375, at + 0.375]), area.left(), area.right())
        foot, top = place(figure.vertical, np.array([0.0, height]), area.bottom(), area.top())
        painter.setBrush(color)
        painter.drawRect(QRectF(ends[0], top, ends[1] - ends[0], foot - top))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for line in figure.lines:
        painter.setPen(line.pen)
        for polygon in polygons(line, figure, area):
            painter.drawPolyline(polygon)


def paint_marks(painter: QPainter, area: QRectF, horizontal: Axis, marks: Sequence[tuple[float, str]]) -> None:
    """Paint dashed lines where something happened, and what it was, written upwards along them."""
    muted, ground = QColor(theme.colors().muted), QColor(theme.colors().panel)
    ground.setAlpha(190)
    painter.setFont(theme.font(_TICK))
    xs = [float(place(horizontal, at, area.left(), area.right())) for at, _ in marks]
    for x, (_, text), room in zip(xs, marks, with_room(xs), strict=True):
        if not area.left() <= x <= area.right():
            continue
        painter.setPen(QPen(muted, 1, Qt.PenStyle.DashLine))
        painter.drawLine(QLineF(x, area.top(), x, area.bottom()))
        if not room:
            continue
        width = QFontMetricsF(painter.font()).horizontalAdvance(text)
        painter.save()
        painter.setPen(muted)
        painter.translate(x - 4, area.top() + 6 + width)
        painter.rotate(-90)
        painter.fillRect(QRectF(-3, -_TICK, width + 6, _TICK + 3), ground)
        painter.drawText(QPointF(0, 0), text)
        painter.restore()


def polygons(line: Drawn, figure: Figure, area: QRectF) -> list[QPolygonF]:
    """Return the pieces of a line between its gaps, in pixels, cut off where they leave the area.

    Cut by ourselves: not every program that shows SVG heeds a clip path.
    """
    x = place(figure.horizontal, line.x, area.left(), area.right())
    y = place(figure.vertical, line.y, area.bottom(), area.top())
    pieces: list[QPolygonF] = []
    joined: QPointF | None = None
    for ends in zip(x[:-1].tolist(), y[:-1].tolist(), x[1:].tolist(), y[1:].tolist(), strict=True):
        cut = _within(ends, area)
        if cut is None:
            joined = None
            continue
        begin, end = QPointF(cut[0], cut[1]), QPointF(cut[2], cut[3])
        if joined is None or joined != begin:
            pieces.append(QPolygonF([begin]))
        pieces[-1].append(end)
        joined = end
    return pieces


def _within(ends: tuple[float, ...], area: QRectF) -> tuple[float, ...] | None:
    """Return the part of a segment (x0, y0, x1, y1) that is inside; None where there is none (Liang & Barsky 1984)."""
    x0, y0, x1, y1 = ends
    if not (math.isfinite(y0) and math.isfinite(y1)):
        return None
    first, last = 0.0, 1.0
    for step, room in (
        (x0 - x1, x0 - area.left()),
        (x1 - x0, area.right() - x0),
        (y0 - y1, y0 - area.top()),
        (y1 - y0, area.bottom() - y0),
    ):
        if step == 0:
            if room < 0:
                return None
        elif step < 0:
            first = max(first, room / step)
        else:
            last = min(last, room / step)
    if first > last:
        return None
    return x0 + first * (x1 - x0), y0 + first * (y1 - y0), x0 + last * (x1 - x0), y0 + last * (y1 - y0)


# ---- files ----


def pixels(paint: Paint) -> Pixels:
    """Return a page as a picture (height, width, 3)."""
    image = QImage(WIDTH * SCALE, HEIGHT * SCALE, QImage.Format.Format_RGB888)
    image.setDevicePixelRatio(SCALE)
    painter = QPainter(image)
    paint(painter, QRectF(0, 0, WIDTH, HEIGHT))
    painter.end()
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def png(paint: Paint, provenance: Mapping[str, object]) -> bytes:
    """Return a page as PNG, which says where it comes from."""
    return images.png_bytes(pixels(paint), provenance)


def svg(paint: Paint, title: str, provenance: Mapping[str, object]) -> bytes:
    """Return a page as SVG whose texts are texts, and whose description says where it comes from."""
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)
    generator.setOutputDevice(buffer)
    generator.setSize(QSize(WIDTH, HEIGHT))
    generator.setResolution(96)
    generator.setViewBox(QRectF(0, 0, WIDTH, HEIGHT))
    generator.setTitle(title)
    generator.setDescription(json.dumps(dict(provenance), ensure_ascii=False, separators=(",", ":")))
    painter = QPainter(generator)
    paint(painter, QRectF(0, 0, WIDTH, HEIGHT))
    painter.end()
    buffer.close()
    return bytes(content.data())


def table(name: str, columns: Sequence[tuple[str, Points, Points]]) -> bytes:
    """Return curves (header, x, y) as CSV: a column of x and one for each curve, empty where it has no point there.

    Numbers are written so that they are read back exactly. Two points of a curve at one x get two rows.
    """
    xs = [np.asarray(x, np.float64) for _, x, _ in columns]
    again = [np.arange(len(x)) - np.searchsorted(x, x) for x in xs]  # which one of those at the same x
    x, nth = (np.concatenate(parts) if parts else np.empty(0) for parts in (xs, again))
    order = np.lexsort((nth, x))
    ordered, ranks = x[order], nth[order]
    new = np.ones(len(x), bool)
    new[1:] = (np.diff(ordered) != 0) | (np.diff(ranks) != 0)
    rows = np.empty(len(x), np.int64)
    rows[order] = np.cumsum(new) - 1
    cells = [[repr(value) for value in ordered[new].tolist()]]
    start = 0
    for _, _, y in columns:
        column = [""] * len(cells[0])
        for row, value in zip(rows[start : start + len(y)].tolist(), np.asarray(y, np.float64).tolist(), strict=True):
            column[row] = repr(value)
        cells.append(column)
        start += len(y)
    return rows_of([[name, *(header for header, _, _ in columns)], *zip(*cells, strict=True)])


def rows_of(rows: Sequence[Sequence[object]]) -> bytes:
    """Return rows as CSV in UTF-8."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()

"""One curve of a plot: all its points, of which the part that is seen is drawn."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen

from explorer.ui.plot_style import FAR, color_of, number, round_log_range, round_range
from explorer.ui.series import Points, extremes, group_for, reach, smoothed

Line = tuple[Points, Points]
Bounds = tuple[float, float, float, float]

SMOOTHEST = 0.99  # the largest weight of an average
_DRAWN = 2000  # points of a curve on the screen: two for every pixel of a usual plot
_FAINT = 70  # of 255, how visible the values behind their average are
_MOST_OCTAVES = 40  # a log axis of more of them than this begins with one coarse piece
_NOTHING = np.empty(0)
_SMALLEST = 1e-9  # the shortest axis


@dataclass(frozen=True)
class Scale:
    """How values become places: logarithms to base 10 where asked for, of −y where ``negated``, averaged before."""

    log_x: bool = False
    log_y: bool = False
    negated: bool = False
    smoothing: float = 0.0

    def x_of(self, x: float) -> float | None:
        """Return the place of an x; None where a log axis has none."""
        if not self.log_x:
            return x
        return float(np.log10(x)) if x > 0 else None

    def x_at(self, place: float) -> float:
        """Return the x at a place."""
        return 10.0 ** min(place, 300.0) if self.log_x else place

    def signed(self, y: Points) -> Points:
        """Return values with the sign they are drawn with; what cannot be drawn is NaN."""
        y = -y if self.negated and self.log_y else y
        drawable = np.abs(y) < FAR
        if self.log_y:
            drawable &= y > 0
        return y if drawable.all() else np.where(drawable, y, np.nan)

    def y_of(self, y: Points) -> Points:
        """Return the places of values, NaN where there is none."""
        signed = self.signed(y)
        return np.log10(signed) if self.log_y else signed

    def ranges(self, bounds: Bounds, right: float) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the places where both axes begin and end: 0..``right`` at least, and all values in round numbers."""
        first, last, low, high = bounds
        left, right = 0.0, max(right, last, _SMALLEST)
        if self.log_x:
            left, right = float(np.log10(first)), float(np.log10(max(right, 2 * first)))
        return (left, right), round_log_range(low, high) if self.log_y else round_range(low, high)


class Curve(pg.PlotCurveItem):
    """A line in a plot that knows all its points and draws those that can be told apart.

    Args:
        name: what it is called; ``color``: see ``plot_style.color_of``; ``dashed``: how it is drawn.
    """

    def __init__(self, name: str, color: str | int, *, dashed: bool = False) -> None:
        super().__init__(antialias=True, connect="finite")
        self.title, self.color, self.dashed = name, color, dashed
        self.form = ""
        self.behind = pg.PlotCurveItem(antialias=True, connect="finite")  # the values, where their average is drawn
        self.points: Line = (_NOTHING, _NOTHING)
        self._bounds: dict[tuple[bool, bool, bool], Bounds | None] = {}
        self.paint_pens()

    def set_points(self, x: ArrayLike, y: ArrayLike) -> None:
        """Take other points, shape (points,) each, x rising; they are not copied."""
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        self.points = (x[: len(y)], y[: len(x)])
        self._bounds.clear()

    def pen(self, width: float = 1.0) -> QPen:
        """Return the pen that draws it."""
        return self._pen(QColor(color_of(self.color)), width)

    def faint_pen(self, width: float = 1.0) -> QPen:
        """Return the pen that draws the values behind their average."""
        color = QColor(color_of(self.color))
        color.setAlpha(_FAINT)
        return self._pen(color, width)

    def _pen(self, color: QColor, width: float) -> QPen:
        return pg.mkPen(color, width=width, style=Qt.PenStyle.DashLine if self.dashed else Qt.PenStyle.SolidLine)

    def paint_pens(self) -> None:
        """Take the colours of the theme that is on."""
        self.setPen(self.pen())
        self.behind.setPen(self.faint_pen())

    def text(self, value: float) -> str:
        """Return a value as the legend writes it."""
        return number(value, self.form or "{:.4g}")

    # ---- drawing ----

    def draw(self, scale: Scale, span: tuple[float, float] | None) -> None:
        """Draw what is seen between two x (all of it by default)."""
        line, behind = self.seen(scale, span)
        for item, points in ((self, line), (self.behind, behind)):
            if points is not None and len(points[0]):
                item.setData(*points)
            elif item.xData is not None and len(item.xData):
                item.setData(_NOTHING, _NOTHING)

    def seen(self, scale: Scale, span: tuple[float, float] | None, most: int = _DRAWN) -> tuple[Line, Line | None]:
        """Return the line to draw in places of the plot, and the one behind it where an average is drawn.

        At most about ``most`` points each, whose highest and lowest values are those of all points there.
        """
        x, y = self.points
        pieces = _pieces(x, scale, span, most)
        if not pieces:
            return (_NOTHING, _NOTHING), None
        first, last = pieces[0][0], pieces[-1][1]
        raw = _thinned(x, scale.y_of(y[first:last]), pieces, scale)
        if not scale.smoothing:
            return raw, None
        lead = max(0, first - reach(scale.smoothing))
        average = smoothed(y[lead:last], scale.smoothing)[first - lead :]
        return _thinned(x, scale.y_of(average), pieces, scale), raw

    def bounds(self, scale: Scale) -> Bounds | None:
        """Return the lowest and highest x and (signed) y that can be drawn; None where there is nothing to draw."""
        key = (scale.log_x, scale.log_y, scale.negated)
        if key not in self._bounds:
            self._bounds[key] = self._find_bounds(scale)
        return self._bounds[key]

    def _find_bounds(self, scale: Scale) -> Bounds | None:
        x, y = self.points
        start = _start(x, scale)
        values = scale.signed(y[start:])
        finite = np.isfinite(values)
        if not finite.any():
            return None
        values = values if finite.all() else values[finite]
        return float(x[start]), float(x[-1]), float(values.min()), float(values.max())

    # ---- looking up ----

    def nearest(self, x: float) -> int | None:
        """Return the number of the point nearest to x; None where there is none."""
        at = self.points[0]
        if not len(at):
            return None
        after = int(np.searchsorted(at, x))
        if after == len(at):
            return after - 1
        return after - 1 if after and x - at[after - 1] <= at[after] - x else after

    def smoothed_at(self, index: int, weight: float) -> float:
        """Return the moving average at a point."""
        return float(smoothed(self.points[1][max(0, index - reach(weight)) : index + 1], weight)[-1])


def _start(x: Points, scale: Scale) -> int:
    """Return the number of the first point that has a place."""
    return int(np.searchsorted(x, 0.0, "right")) if scale.log_x else 0


def _pieces(x: Points, scale: Scale, span: tuple[float, float] | None, most: int) -> list[tuple[int, int, int]]:
    """Return (first, last, group size) of the stretches that are thinned evenly: all, or the octaves of a log axis."""
    start, last = _start(x, scale), len(x)
    first = start
    if span is not None:
        first = max(first, int(np.searchsorted(x, span[0])) - 1)
        last = min(last, int(np.searchsorted(x, span[1], "right")) + 1)
    if first >= last:
        return []
    cuts = [first, last]
    if scale.log_x:
        # Octaves of x itself, not of what is shown: the same points stay drawn while the curve grows.
        high = int(np.ceil(np.log2(x[last - 1])))
        low = max(int(np.floor(np.log2(x[first]))), high - _MOST_OCTAVES)
        between = np.searchsorted(x, 2.0 ** np.arange(low, high))
        cuts = np.unique(np.clip([first, *between, last], first, last)).tolist()
    share = max(32, 2 * most // len(cuts)) if scale.log_x else most
    pieces = []
    for one, other in pairwise(cuts):
        size = group_for(other - one, share)
        begin = start + (one - start) // size * size
        end = min(len(x), start + -(-(other - start) // size) * size)
        pieces.append((begin, end, size))
    return pieces


def _thinned(x: Points, places: Points, pieces: list[tuple[int, int, int]], scale: Scale) -> Line:
    """Return a line through the extremes of each piece; ``places`` begin at the first piece."""
    base = pieces[0][0]
    kept = np.unique(np.concatenate([begin + extremes(places[begin - base : end - base], size)
                                     for begin, end, size in pieces]))  # fmt: skip
    at, drawn = x[kept], places[kept - base]
    if not np.isfinite(drawn).any():
        return _NOTHING, _NOTHING
    return (np.log10(at) if scale.log_x else at), drawn

"""All curves of a plot: its own and the overlays behind them."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor

from explorer.ui.curve import Bounds, Curve, Scale
from explorer.ui.plot_style import color_of

Span = tuple[float, float]

_LONE_SIZE = 5  # pixels of a point that has no neighbour to be joined with


class CurveSet:
    """The curves of a plot by key; overlays lie behind. A point without neighbours is a dot."""

    def __init__(self, item: pg.PlotItem) -> None:
        self._item = item
        self._own: dict[str, Curve] = {}
        self._overlays: dict[str, Curve] = {}
        self._lone = pg.ScatterPlotItem(size=_LONE_SIZE, pen=None, pxMode=True)
        item.addItem(self._lone, ignoreBounds=True)

    def __getitem__(self, key: str) -> Curve:
        return self._own[key]

    def overlay(self, key: str) -> Curve | None:
        """Return an overlay, or None where there is none of that key."""
        return self._overlays.get(key)

    def add(self, key: str, curve: Curve, *, overlay: bool = False) -> None:
        """Take a curve in."""
        (self._overlays if overlay else self._own)[key] = curve
        for item, behind in ((curve.behind, True), (curve, False)):
            item.setZValue((-0.6 if overlay else -0.2) - 0.1 * behind)  # the grid is at −1
            self._item.addItem(item, ignoreBounds=behind)

    def remove(self, key: str) -> bool:
        """Take an overlay out and return whether there was one."""
        curve = self._overlays.pop(key, None)
        if curve is not None:
            for item in (curve, curve.behind):
                self._item.removeItem(item)
        return curve is not None

    def visible(self) -> dict[str, Curve]:
        """Return name and curve of all, overlays last; equal names get a number."""
        names: dict[str, Curve] = {}
        for curve in (*self._own.values(), *self._overlays.values()):
            same = sum(other.title == curve.title for other in names.values())
            names[f"{curve.title} ({same + 1})" if same else curve.title] = curve
        return names

    def bounds(self, scale: Scale) -> Bounds | None:
        """Return the lowest and highest x and y that can be drawn; None where there is nothing to draw."""
        found = [bounds for curve in self.visible().values() if (bounds := curve.bounds(scale)) is not None]
        if not found:
            return None
        left, right, low, high = zip(*found, strict=True)
        return min(left), max(right), min(low), max(high)

    def draw(self, scale: Scale, span: Span | None, only: Curve | None = None) -> None:
        """Draw the part between two x of one curve, or of all."""
        for curve in self.visible().values():
            if only is None or curve is only:
                curve.draw(scale, span)
        self._draw_lone()

    def _draw_lone(self) -> None:
        spots = []
        for curve in self.visible().values():
            x, y = curve.getData()
            if x is None or not len(x):
                continue
            gap = np.concatenate([[True], ~np.isfinite(y), [True]])
            brush = QColor(color_of(curve.color))
            spots += [{"pos": (x[i], y[i]), "brush": brush} for i in np.flatnonzero(~gap[1:-1] & gap[:-2] & gap[2:])]
        if spots or len(self._lone.data):
            self._lone.setData(spots)

    def recolor(self) -> None:
        """Take the colours of the theme that is on."""
        for curve in (*self._own.values(), *self._overlays.values()):
            curve.paint_pens()
        self._draw_lone()

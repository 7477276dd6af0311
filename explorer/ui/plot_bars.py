"""Bars in a plot, with names below."""

import math
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt

from explorer.ui import theme
from explorer.ui.plot_style import round_range

_TICK_WIDTH = 26  # pixels that the name of a bar takes
_ON_THE_AXIS = 0.03  # of the range: a threshold below it could not be told from the axis


class Bars:
    """Bars of which those not active are muted."""

    def __init__(self, item: pg.PlotItem) -> None:
        self._item = item
        self._drawn: pg.BarGraphItem | None = None
        self.heights: list[float] = []
        self.names: list[str] = []
        self.active: list[bool] = []
        self._named: tuple[int, list[str]] = (0, [])
        self.threshold = pg.InfiniteLine(angle=0)
        self.threshold.hide()
        item.addItem(self.threshold, ignoreBounds=True)

    def show(
        self,
        heights: Sequence[float],
        names: Sequence[str],
        active: Sequence[bool],
        least: float = 0.0,
        threshold: float | None = None,
    ) -> None:
        """Draw bars with their names below, on a range that ends at ``least`` or above, with a line at a threshold."""
        if self._drawn is not None and len(heights) != len(self.heights):
            self._item.removeItem(self._drawn)
            self._drawn = None
        self.heights, self.names, self.active = list(heights), list(names), list(active)
        if not heights:
            self.threshold.hide()
            return
        self.paint()
        _, high = round_range(0.0, max(least, *heights))
        self.threshold.setVisible(threshold is not None and threshold >= _ON_THE_AXIS * high)
        self.threshold.setValue(threshold or 0.0)
        self._item.setRange(xRange=(-0.6, len(heights) - 0.4), yRange=(0, high), padding=0.01, disableAutoRange=True)
        self.name()

    def name(self) -> None:
        """Write as many of the names below the bars as there is room for."""
        if not self.names:
            return
        width = max(_TICK_WIDTH, self._item.getViewBox().width())
        every = max(1, math.ceil(len(self.names) * _TICK_WIDTH / width))
        if (every, self.names) != self._named:
            self._named = (every, self.names)
            named = [(i, name) for i, name in enumerate(self.names) if i % every == 0]
            self._item.getAxis("bottom").setTicks([named])

    def paint(self) -> None:
        """Draw in the colours of the theme that is on."""
        if not self.heights:
            return
        colors = theme.colors()
        self.threshold.setPen(pg.mkPen(colors.muted, width=1, style=Qt.PenStyle.DashLine))
        brushes = [pg.mkBrush(colors.accent if on else colors.muted) for on in self.active]
        pens = [pg.mkPen(None)] * len(self.heights)
        x = np.arange(len(self.heights))
        looks = {"x": x, "height": self.heights, "width": 0.75, "brushes": brushes, "pens": pens}
        if self._drawn is None:
            self._drawn = pg.BarGraphItem(**looks)
            self._item.addItem(self._drawn)
        else:
            self._drawn.setOpts(**looks)

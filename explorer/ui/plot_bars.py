"""Bars in a plot, with names below."""

import math
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg

from explorer.ui import theme
from explorer.ui.plot_style import round_range

_TICK_WIDTH = 26  # pixels that the name of a bar takes


class Bars:
    """Bars of which those not active are muted."""

    def __init__(self, item: pg.PlotItem) -> None:
        self._item = item
        self._drawn: pg.BarGraphItem | None = None
        self.heights: list[float] = []
        self.names: list[str] = []
        self.active: list[bool] = []
        self._named: tuple[int, list[str]] = (0, [])

    def show(self, heights: Sequence[float], names: Sequence[str], active: Sequence[bool]) -> None:
        """Draw bars with their names below."""
        if self._drawn is not None and len(heights) != len(self.heights):
            self._item.removeItem(self._drawn)
            self._drawn = None
        self.heights, self.names, self.active = list(heights), list(names), list(active)
        if not heights:
            return
        self.paint()
        _, high = round_range(0.0, max(heights))
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
        brushes = [pg.mkBrush(colors.accent if on else colors.muted) for on in self.active]
        pens = [pg.mkPen(None)] * len(self.heights)
        x = np.arange(len(self.heights))
        looks = {"x": x, "height": self.heights, "width": 0.75, "brushes": brushes, "pens": pens}
        if self._drawn is None:
            self._drawn = pg.BarGraphItem(**looks)
            self._item.addItem(self._drawn)
        else:
            self._drawn.setOpts(**looks)

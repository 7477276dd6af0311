"""How every plot is dressed: background, axes and labels in the theme's colours."""

import pyqtgraph as pg
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsItem

from explorer.ui import theme


def dress(plot: pg.PlotWidget) -> None:
    """Colour a plot after the theme that is on; ticks are numbers only, without strokes."""
    colors = theme.colors()
    plot.setBackground(QColor(colors.panel))
    for name in ("left", "bottom"):
        axis = plot.getPlotItem().getAxis(name)
        axis.setPen(pg.mkPen(colors.border))
        axis.setTextPen(pg.mkPen(colors.muted))
        axis.setStyle(tickFont=theme.font(11), tickLength=0, maxTickLevel=0)
        axis.label.setFont(theme.font(11))
        axis.enableAutoSIPrefix(False)  # nats and epochs, not kilonats
        # Replaying an axis costs 1.5 ms, and it rarely changes while the curves do.
        axis.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        axis.setZValue(-1)  # the grid belongs behind the curves

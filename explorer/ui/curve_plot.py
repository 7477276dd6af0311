"""Plots in the app's look: curves with their latest value in the legend, bars, and a cursor."""

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy

from explorer.ui import theme
from explorer.ui.panel import Panel, label
from explorer.ui.plot_style import dress

_TICK_WIDTH = 30  # pixels that the name of a bar takes
_MOST_POINTS = 1000


def decimated(x: np.ndarray, y: np.ndarray, most: int = _MOST_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Return a curve of at most about ``most`` points that keeps each bin's lowest and highest value."""
    if len(x) <= most:
        return x, y
    bins = most // 2
    size = len(x) // bins
    cut = size * bins
    blocks = y[:cut].reshape(bins, size)
    offsets = np.arange(bins)[:, None] * size
    picked = np.sort(np.column_stack([blocks.argmin(1), blocks.argmax(1)]), axis=1) + offsets
    keep = np.concatenate([picked.ravel(), np.arange(cut, len(x))])
    return x[keep], y[keep]


def round_range(low: float, high: float) -> tuple[float, float]:
    """Return the smallest range of round numbers around low..high; a tenth of its power of ten, or a half, is round."""
    span = max(high - low, abs(high) * 1e-3, 1e-9)
    step = 10.0 ** np.floor(np.log10(span))
    step *= 0.5 if span / step > 2 else 0.2
    first, last = np.floor(low / step), np.ceil(high / step)
    return float(first * step), float(max(last, first + 1) * step)


class _PlotWidget(pg.PlotWidget):
    """A plot that fits its content on a double click."""

    fitted = Signal()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.getPlotItem().enableAutoRange()
        self.fitted.emit()
        event.accept()


class CurvePlot(Panel):
    """A panel with a plot. Wheel zooms, dragging pans, double click fits, the right button exports.

    Args:
        title: what is shown, with its unit.
        bottom: name of the horizontal axis.
        tip: what the symbols mean.
    """

    def __init__(self, title: str, bottom: str, tip: str = "") -> None:
        super().__init__(title, tip)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self._curves: dict[str, pg.PlotDataItem] = {}
        self._roles: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._dashed: set[str] = set()
        self._legend = QHBoxLayout()
        self._legend.setSpacing(theme.GRID + 4)
        self.head.addLayout(self._legend)
        self._legend_labels: dict[str, QLabel] = {}
        self.plot = _PlotWidget()
        self.plot.setAccessibleName(title)
        self.plot.setToolTip(tip)
        self.plot.setMinimumSize(120, 90)
        self.item = self.plot.getPlotItem()
        self.item.hideButtons()
        self._zoomed = False
        self.item.getViewBox().sigRangeChangedManually.connect(self._user_zoomed)
        self.plot.fitted.connect(self.forget_zoom)
        self.item.setLabel("bottom", bottom)
        self.item.showGrid(y=True, alpha=1.0)
        self.item.getAxis("left").setWidth(46)
        self.body.addWidget(self.plot, 1)
        self._cursor: pg.InfiniteLine | None = None
        self._marks: list[pg.InfiniteLine] = []
        self._bars: pg.BarGraphItem | None = None
        self._shown_bars: tuple[list[float], list[str], list[bool]] = ([], [], [])
        theme.current().changed.connect(self._recolor)
        self._recolor()

    # ---- curves ----

    def add_curve(self, key: str, name: str, role: str, *, dashed: bool = False) -> None:
        """Add an empty curve; ``role`` is the theme's colour for it (accent, second, good, bad, muted).

        A dashed curve is another look at the one of the same colour: it has no entry in the legend.
        """
        curve = self.item.plot([], [], antialias=True)
        self._curves[key], self._roles[key], self._names[key] = curve, role, name
        if dashed:
            self._dashed.add(key)
            self._pen(key)
            return
        legend = label(name, tabular=True)
        legend.setTextFormat(Qt.TextFormat.RichText)
        self._legend.addWidget(legend)
        self._legend_labels[key] = legend
        self._pen(key)
        self._write_legend(key, None)

    def set_curve(self, key: str, x: ArrayLike, y: ArrayLike, number: str = "{:.1f}") -> None:
        """Draw a curve through points and write its latest value into the legend."""
        x, y = np.asarray(x, float), np.asarray(y, float)
        self._curves[key].setData(*decimated(x, y))
        self._write_legend(key, number.format(y[-1]) if len(y) else None)

    def _write_legend(self, key: str, value: str | None) -> None:
        if key in self._dashed:
            return
        color = getattr(theme.colors(), self._roles[key])
        legend = self._legend_labels[key]
        legend.setProperty("value", value)
        text = f"<span style='color:{color}'>● <b>{self._names[key]}{'' if value is None else ' ' + value}</b></span>"
        legend.setText(text.replace("-", "−") if value else text)

    def _pen(self, key: str) -> None:
        style = Qt.PenStyle.DashLine if key in self._dashed else Qt.PenStyle.SolidLine
        self._curves[key].setPen(pg.mkPen(getattr(theme.colors(), self._roles[key]), width=1, style=style))

    # ---- range ----

    def fit(self, right: float) -> None:
        """Show 0..``right`` and all values, in round numbers, unless the user has zoomed.

        Round numbers stay the same from one redraw to the next; axes that stay the same cost nothing to redraw.
        """
        if self._zoomed:
            return
        values = [curve.yData for curve in self._curves.values() if curve.yData is not None and len(curve.yData)]
        if not values:
            return
        low, high = round_range(min(float(v.min()) for v in values), max(float(v.max()) for v in values))
        self.item.setRange(xRange=(0.0, max(right, 1e-9)), yRange=(low, high), padding=0.01, disableAutoRange=True)

    def forget_zoom(self) -> None:
        """Follow the values again."""
        self._zoomed = False

    def _user_zoomed(self) -> None:
        self._zoomed = True

    # ---- bars ----

    def set_bars(self, heights: Sequence[float], names: Sequence[str], active: Sequence[bool]) -> None:
        """Draw bars with names below; those not active are muted."""
        colors = theme.colors()
        same_names = self._bars is not None and list(names) == self._shown_bars[1]
        if self._bars is not None and len(heights) != len(self._shown_bars[0]):
            self.item.removeItem(self._bars)
            self._bars = None
        self._shown_bars = (list(heights), list(names), list(active))
        if not heights:
            return
        brushes = [pg.mkBrush(colors.accent if on else colors.muted) for on in active]
        pens = [pg.mkPen(None)] * len(heights)
        looks = {"x": np.arange(len(heights)), "height": list(heights), "width": 0.75, "brushes": brushes, "pens": pens}
        if self._bars is None:
            self._bars = pg.BarGraphItem(**looks)
            self.item.addItem(self._bars)
        else:
            self._bars.setOpts(**looks)
        _, high = round_range(0.0, max(heights))
        self.item.setRange(xRange=(-0.6, len(heights) - 0.4), yRange=(0, high), padding=0.01, disableAutoRange=True)
        if same_names:
            return
        every = max(1, -(-len(names) * _TICK_WIDTH // max(_TICK_WIDTH, self.width() - 70)))
        self.item.getAxis("bottom").setTicks([[(i, name) for i, name in enumerate(names) if i % every == 0]])

    # ---- marks ----

    def add_mark(self, x: float, text: str) -> None:
        """Put a thin dashed line with a few words at x: something happened there."""
        mark = pg.InfiniteLine(
            x, angle=90, label=text, labelOpts={"position": 0.94, "rotateAxis": (1, 0), "anchors": [(1, 1), (1, 1)]}
        )
        self._marks.append(mark)
        self.item.addItem(mark, ignoreBounds=True)
        self._paint_mark(mark)

    def clear_marks(self) -> None:
        """Remove all marks."""
        for mark in self._marks:
            self.item.removeItem(mark)
        self._marks = []

    @property
    def marks(self) -> list[tuple[float, str]]:
        """Return where the marks are and what they say."""
        return [(float(mark.value()), str(mark.label.format)) for mark in self._marks]

    def _paint_mark(self, mark: pg.InfiniteLine) -> None:
        muted = theme.colors().muted
        mark.setPen(pg.mkPen(muted, width=1, style=Qt.PenStyle.DashLine))
        mark.label.setColor(muted)

    # ---- cursor ----

    def set_cursor(self, x: float) -> None:
        """Put a vertical line at x."""
        if self._cursor is None:
            self._cursor = pg.InfiniteLine(x, angle=90, pen=pg.mkPen(theme.colors().text, width=1.5))
            self.item.addItem(self._cursor, ignoreBounds=True)
        self._cursor.setValue(x)

    @property
    def cursor_at(self) -> float | None:
        """Return where the vertical line is."""
        return None if self._cursor is None else float(self._cursor.value())

    def _recolor(self) -> None:
        colors = theme.colors()
        dress(self.plot)
        for key in self._curves:
            self._pen(key)
            if key in self._legend_labels:
                self._write_legend(key, self._legend_labels[key].property("value"))
        if self._cursor is not None:
            self._cursor.setPen(pg.mkPen(colors.text, width=1.5))
        for mark in self._marks:
            self._paint_mark(mark)
        if self._bars is not None:
            self.set_bars(*self._shown_bars)

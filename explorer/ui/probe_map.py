"""The latent map of the probe items: the same items at every moment, on axes that stay."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QToolButton

from explorer.ui import theme
from explorer.ui.facts import spaced
from explorer.ui.panel import Panel, empty
from explorer.ui.plot_style import RoundAxis, dress
from explorer.ui.probe_look import ProbeLook

_SIZE, _SMALL, _MANY = 6, 4, 1000  # pixels; smaller where there are many points
CIRCLES = (1.0, 2.0)  # σ of the prior
_ROUND = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_LEAST = 3.0
_SWATCH = 10
_BAND = 0.38  # half the height of a class's band where there is one dimension only
_CIRCLE = np.linspace(0, 2 * np.pi, 97)


def round_up(reach: float) -> float:
    """Return the round number that axes reach to, so that they rarely change while ``reach`` grows."""
    reach = max(reach, _LEAST)
    power = 10.0 ** math.floor(math.log10(reach))
    return next((factor * power for factor in _ROUND if factor * power >= reach * (1 - 1e-9)), 10 * power)


def jittered(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a height for each item of a map with one dimension: a band for each class, scattered within it."""
    _, band = np.unique(labels, return_inverse=True)
    scatter: NDArray[np.float64] = np.random.default_rng(0).uniform(-_BAND, _BAND, len(labels))
    return band + scatter


class _Cloud(pg.ScatterPlotItem):
    """Points of which only the places change from one moment to the next."""

    def move(self, x: NDArray[Any], y: NDArray[Any]) -> None:
        """Put the points elsewhere. ``setData`` would look up the picture of each anew: ten times the cost."""
        self.data["x"], self.data["y"] = x, y
        self.prepareGeometryChange()
        self.bounds = [None, None]
        self.invalidate()


class _View(pg.ViewBox):
    """A view that tells of double clicks."""

    doubled = Signal()

    def mouseClickEvent(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.LeftButton and event.double():
            event.accept()
            self.doubled.emit()
            return
        super().mouseClickEvent(event)


class ProbeMap(Panel):
    """Points by class in two dimensions of choice; ``chosen`` tells that other axes or classes were chosen."""

    chosen = Signal()

    def __init__(self) -> None:
        super().__init__("Latent map", "The means μ(x) of q(z|x) of the same items at every moment, coloured by class")
        self._names: Sequence[str] = ()
        self._labels: NDArray[np.int64] = np.zeros(0, np.int64)
        self._heights: NDArray[np.float64] = np.zeros(0)
        self._means: NDArray[Any] = np.zeros((0, 0), np.float32)
        self._reach: NDArray[np.float64] = np.zeros(0)
        self.prior = False
        self._zoomed = False
        self.hidden: set[int] = set()
        self.axes = (0, 1)
        self.by_hand = False  # whether somebody chose the axes
        self._boxes = (QComboBox(), QComboBox())
        for box, which in zip(self._boxes, ("horizontal", "vertical"), strict=True):
            box.setToolTip(f"The latent dimension on the {which} axis")
            box.setAccessibleName(f"{which} axis")
            box.activated.connect(self._choose_axes)
            box.hide()
            self.head.addWidget(box)
        self.entries: dict[int, QToolButton] = {}
        self._legend = QHBoxLayout()
        self._legend.setSpacing(2)
        self.body.addLayout(self._legend)
        self._make_plot()
        theme.current().changed.connect(self._recolor)
        self._recolor()

    def _make_plot(self) -> None:
        self._view = _View(enableMenu=False)
        self._view.doubled.connect(self.fit)
        self._view.sigRangeChangedManually.connect(self._was_zoomed)
        axes = {side: RoundAxis(side) for side in ("left", "bottom")}
        self.plot = pg.PlotWidget(viewBox=self._view, axisItems=axes)
        self.plot.setAccessibleName("latent map over training")
        self.plot.setToolTip("Wheel zooms, dragging pans, a double click brings the fixed axes back")
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keys belong to the time machine
        self.item = self.plot.getPlotItem()
        self.item.hideButtons()
        self.item.showGrid(x=True, y=True, alpha=0.6)
        self.item.disableAutoRange()
        self._rings = [pg.PlotCurveItem(antialias=True) for _ in CIRCLES]
        self._tags = [pg.TextItem(f"{radius:g}σ", anchor=(0.5, 1.0)) for radius in CIRCLES]
        for item in (*self._rings, *self._tags):
            item.setZValue(1)  # above the points, or nobody sees them
            self.item.addItem(item, ignoreBounds=True)
        self._cloud = _Cloud(pxMode=True, size=_SIZE, pen=None)
        self.item.addItem(self._cloud)
        self.body.addWidget(self.plot, 1)

    # ---- what is shown ----

    def lay_out(self, names: Sequence[str], *, prior: bool) -> None:
        """Prepare for a model.

        Args:
            names: of its latent dimensions.
            prior: whether z has the prior N(0, I), whose circles are drawn.
        """
        self._names, self.prior = list(names), prior
        self.by_hand, self._zoomed, self.hidden = False, False, set()
        for box in self._boxes:
            box.clear()
            box.addItems(self._names)
            box.setVisible(len(self._names) > 2)
        self._labels, self._means = np.zeros(0, np.int64), np.zeros((0, len(self._names)), np.float32)
        self._reach = np.zeros(len(self._names))
        self.set_axes((0, min(1, len(self._names) - 1)))

    @property
    def alone(self) -> bool:
        """Return whether there is one dimension only, drawn in bands by class."""
        return len(self._names) == 1

    @property
    def extent(self) -> float:
        """Return how far from 0 the axes reach."""
        chosen = [float(self._reach[k]) for k in set(self.axes) if k < len(self._reach)]
        return round_up(max(chosen, default=0.0))

    @property
    def look(self) -> ProbeLook:
        """Return how it is looked at now."""
        heights = self._heights if self.alone else None
        return ProbeLook(self.axes, self.axis_names, self.extent, frozenset(self.hidden), self.prior, heights)

    @property
    def axis_names(self) -> tuple[str, str]:
        """Return the names of the axes."""
        if not self._names:
            return "", ""
        down = ("class" if len(np.unique(self._labels)) > 1 else "scattered") if self.alone else None
        return self._names[self.axes[0]], down or self._names[self.axes[1]]

    def show_means(self, means: NDArray[Any], labels: NDArray[np.int64], reach: NDArray[np.float64]) -> None:
        """Show a moment.

        Args:
            means: μ(x) of the probe items, (items, latent).
            labels: their classes, (items,).
            reach: how far each dimension goes at any moment, (latent,): the axes are made for that.
        """
        self._means = means
        grown = self.extent
        self._reach = reach
        if len(labels) != len(self._labels) or not np.array_equal(labels, self._labels):
            self._labels, self._heights = labels, jittered(labels)
            self.title.setText(f"μ(x) of {spaced(len(labels))} items")
            self._set_points()
            self._fit_unless_zoomed()
        else:
            self._cloud.move(*self.look.places_of(self._means))
            if self.extent != grown:
                self._fit_unless_zoomed()

    def _set_points(self) -> None:
        brushes = [pg.mkBrush(QColor(color)) for color in theme.colors().classes]
        x, y = self.look.places_of(self._means)
        chosen = [brushes[int(k) % len(brushes)] for k in self._labels]
        self._cloud.setData(x=x, y=y, brush=chosen, size=_SIZE if len(x) <= _MANY else _SMALL)
        self._hide_classes()
        self._draw_legend()
        self._name_axes()

    # ---- axes ----

    def set_axes(self, axes: tuple[int, int]) -> None:
        """Put two dimensions on the axes."""
        if axes == self.axes and len(self._means):
            return
        self.axes = axes
        for box, axis in zip(self._boxes, axes, strict=True):
            box.setCurrentIndex(axis)
        self._name_axes()
        if len(self._means):
            self._cloud.move(*self.look.places_of(self._means))
        self.fit()

    @Slot()
    def _choose_axes(self) -> None:
        self.by_hand = True
        self.set_axes((self._boxes[0].currentIndex(), self._boxes[1].currentIndex()))
        self.chosen.emit()

    def _name_axes(self) -> None:
        if not self._names:
            return
        for side, name in zip(("bottom", "left"), self.axis_names, strict=True):
            self.item.setLabel(side, name, color=theme.colors().muted)
        found = np.unique(self._labels)
        bands = [(place, str(int(k))) for place, k in enumerate(found)] if len(found) > 1 else []
        self.item.getAxis("left").setTicks([bands] if self.alone else None)

    @Slot()
    def fit(self) -> None:
        """Go back to the fixed axes."""
        self._zoomed = False
        extent = self.extent
        self._view.setAspectLocked(not self.alone)
        across = (-0.6, max(1, len(np.unique(self._labels))) - 0.4) if self.alone else (-extent, extent)
        self._view.setRange(xRange=(-extent, extent), yRange=across, padding=0.01)
        self._draw_prior(across)

    def _fit_unless_zoomed(self) -> None:
        if not self._zoomed:
            self.fit()

    @Slot()
    def _was_zoomed(self) -> None:
        self._zoomed = True

    def _draw_prior(self, across: tuple[float, float]) -> None:
        for radius, ring, tag in zip(CIRCLES, self._rings, self._tags, strict=True):
            if self.alone:
                x, y = [-radius, -radius, np.nan, radius, radius], [*across, np.nan, *across]
                ring.setData(x=np.array(x), y=np.array(y), connect="finite")
                tag.setPos(radius, across[0])
            else:
                ring.setData(x=radius * np.cos(_CIRCLE), y=radius * np.sin(_CIRCLE))
                tag.setPos(0, radius)
            for item in (ring, tag):
                item.setVisible(self.prior)

    # ---- classes ----

    def _draw_legend(self) -> None:
        empty(self._legend)
        self.entries = {}
        found = [int(k) for k in np.unique(self._labels)]
        if len(found) < 2:
            return
        for k in found:
            entry = QToolButton()
            entry.setProperty("role", "link")
            entry.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            entry.setText(str(k))
            entry.setIconSize(QSize(_SWATCH, _SWATCH))
            entry.setIcon(_swatch(k, shown=k not in self.hidden))
            entry.setToolTip(f"Hide or show class {k}; the right button shows it alone, or all again")
            entry.setAccessibleName(f"class {k}")
            entry.setProperty("class_number", k)
            entry.clicked.connect(self._toggle)
            entry.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            entry.customContextMenuRequested.connect(self._solo)
            self.entries[k] = entry
            self._legend.addWidget(entry)
        self._legend.addStretch(1)

    @Slot()
    def _toggle(self) -> None:
        self.hidden ^= {int(self.sender().property("class_number"))}
        self._classes_changed()

    @Slot()
    def _solo(self) -> None:
        others = {int(k) for k in np.unique(self._labels)} - {int(self.sender().property("class_number"))}
        self.hidden = set() if self.hidden == others else others
        self._classes_changed()

    def _classes_changed(self) -> None:
        for k, entry in self.entries.items():
            entry.setIcon(_swatch(k, shown=k not in self.hidden))
        self._hide_classes()
        self.chosen.emit()

    def _hide_classes(self) -> None:
        self._cloud.setPointsVisible(~np.isin(self._labels, list(self.hidden)))

    @Slot()
    def _recolor(self) -> None:
        colors = theme.colors()
        dress(self.plot)
        faint = QColor(colors.muted)
        faint.setAlpha(130)
        for ring, tag in zip(self._rings, self._tags, strict=True):
            ring.setPen(pg.mkPen(faint, width=1))
            tag.setColor(faint)
            tag.setFont(theme.font(10))
        if len(self._labels):
            self._set_points()


def _swatch(k: int, *, shown: bool) -> QIcon:
    """Return a little square in the colour of a class; hollow where the class is hidden."""
    colors = theme.colors()
    made = QPixmap(2 * _SWATCH, 2 * _SWATCH)
    made.setDevicePixelRatio(2)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    color = QColor(colors.classes[k % len(colors.classes)])
    painter.setPen(color)
    painter.setBrush(color if shown else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(1, 1, _SWATCH - 2, _SWATCH - 2, 2, 2)
    painter.end()
    return QIcon(made)

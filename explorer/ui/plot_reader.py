"""What a plot says where the mouse is: values of all curves there, told by its crosshair."""

import math
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, QPointF, Slot

from explorer.ui.crosshair import Crosshair, Reading
from explorer.ui.curve import Curve, Scale
from explorer.ui.curve_set import CurveSet
from explorer.ui.figure import plain
from explorer.ui.plot_style import color_of, number
from explorer.ui.series import Points
from explorer.ui.watched_plot import TO_THE_END, WatchedPlot

_BEYOND = 20  # pixels beyond its ends in which a curve still has a value


class PlotReader(QObject):
    """Moves the crosshair of a plot with the mouse and the keys, from one measured x to another."""

    def __init__(self, plot: WatchedPlot, curves: CurveSet, scale: Callable[[], Scale]) -> None:
        super().__init__(plot)
        self._plot, self._curves, self._scale = plot, curves, scale
        self.crosshair = Crosshair(plot)
        self._at: tuple[float, QPointF | None] | None = None
        plot.hovered.connect(self._hover)
        plot.stepped.connect(self._step)
        plot.left.connect(self.hide)

    @property
    def at(self) -> float | None:
        """Return the x that is read; None while nothing is."""
        return None if self._at is None else self._at[0]

    @Slot()
    def hide(self) -> None:
        """Read nothing any more."""
        if self._at is not None:
            self._at = None
            self._plot.watched = False
            self.crosshair.hide()

    @Slot(object)
    def _hover(self, mouse: QPointF) -> None:
        if not self._plot.area.contains(mouse):
            self.hide()
            return
        wanted = self._scale().x_at(self._plot.place_at(mouse))
        xs = [x for x in self._places(self._scale()) if len(x)]
        if not xs or not self._near(wanted, min(x[0] for x in xs), max(x[-1] for x in xs)):
            self.hide()
            return
        found = [float(curve.points[0][i]) for curve in self._shown() if (i := curve.nearest(wanted)) is not None]
        self.read(min(found, key=lambda x: abs(x - wanted)), mouse)

    def _near(self, x: float, first: float, last: float) -> bool:
        """Return whether x is between two others, or few pixels beyond them."""
        end = self._scale().x_of(min(max(x, first), last))
        place = self._scale().x_of(x)
        left, right = self._plot.view.viewRange()[0]
        if end is None or place is None:
            return False
        return abs(place - end) / (right - left) * self._plot.area.width() <= _BEYOND

    @Slot(int)
    def _step(self, steps: int) -> None:
        """Go to the next measured x that is so many pixels on, or as far as can be seen."""
        scale = self._scale()
        low, high = self._plot.view.viewRange()[0]
        left, right = scale.x_at(low), scale.x_at(high)
        xs = [x[np.searchsorted(x, left) : np.searchsorted(x, right, "right")] for x in self._places(scale)]
        xs = [x for x in xs if len(x)]
        if not xs:
            return
        first, last = min(float(x[0]) for x in xs), max(float(x[-1]) for x in xs)
        place = scale.x_of(self.at) if self.at is not None else None
        if place is None or abs(steps) >= TO_THE_END:
            self.read(first if steps < 0 and place is not None else last, None)
            return
        target = scale.x_at(place + steps * (high - low) / max(1.0, self._plot.area.width()) * 0.999)
        if steps > 0:
            ahead = [float(x[i]) for x in xs if (i := int(np.searchsorted(x, target))) < len(x)]
            self.read(min(ahead, default=last), None)
        elif steps < 0:
            behind = [float(x[i - 1]) for x in xs if (i := int(np.searchsorted(x, target, "right"))) > 0]
            self.read(max(behind, default=first), None)
        else:
            self.read(min(max(scale.x_at(place), first), last), None)

    def refresh(self) -> None:
        """Read again: the values or the range have changed."""
        if self._at is None:
            return
        x, mouse = self._at
        if mouse is not None:
            self._hover(mouse)
        else:
            self.read(x, None)

    def read(self, x: float, mouse: QPointF | None) -> None:
        """Show the values at x; ``mouse`` is where the mouse is if it asked."""
        scale, area = self._scale(), self._plot.area
        place = scale.x_of(x)
        if place is None:
            self.hide()
            return
        left, right = self._plot.view.viewRange()[0]
        line = area.left() + (place - left) / (right - left) * area.width()
        if not area.left() - 1 <= line <= area.right() + 1:
            self.hide()
            return
        readings = [self._reading(name, curve, x) for name, curve in self._curves.visible().items()
                    if len(curve.points[0])]  # fmt: skip
        pixel = scale.x_at(place + (right - left) / max(1.0, area.width())) - x
        places = min(6, max(0, math.ceil(-math.log10(max(pixel, 1e-9)))))
        bottom = plain(self._plot.item.getAxis("bottom").labelText)
        self._at = (x, mouse)
        self._plot.watched = True
        self.crosshair.point(area, line, mouse, f"{bottom} {number(round(x, places), '{:.9g}')}".strip(), readings)
        if mouse is None:
            self._plot.setAccessibleDescription(self.crosshair.text())

    def _reading(self, name: str, curve: Curve, x: float) -> Reading:
        scale = self._scale()
        color = color_of(curve.color)
        index = curve.nearest(x)
        assert index is not None
        at, value = float(curve.points[0][index]), float(curve.points[1][index])
        place = scale.x_of(at)
        if place is None or not self._near(x, float(curve.points[0][0]), float(curve.points[0][-1])):
            return Reading(name, color, "–")
        area = self._plot.area
        (left, right), (low, high) = self._plot.view.viewRange()
        average = curve.smoothed_at(index, scale.smoothing) if scale.smoothing else value
        drawn = float(scale.y_of(np.array([average]))[0])
        spot = None
        if math.isfinite(drawn):
            spot = QPointF(
                area.left() + (place - left) / (right - left) * area.width(),
                area.bottom() - (drawn - low) / (high - low) * area.height(),
            )
        second = f"≈ {curve.text(average)}" if scale.smoothing and math.isfinite(average) else ""
        return Reading(name, color, curve.text(value), second, spot)

    def _shown(self) -> list[Curve]:
        return list(self._curves.visible().values())

    def _places(self, scale: Scale) -> list[Points]:
        xs = [curve.points[0] for curve in self._shown()]
        return [x[np.searchsorted(x, 0.0, "right") :] for x in xs] if scale.log_x else xs

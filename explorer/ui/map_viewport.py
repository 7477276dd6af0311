"""Which part of a plane is seen, and at which pixels: on the screen and on a page alike."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF

from explorer.ui.figure import Axis
from explorer.ui.map_planes import Points

_LEAST_SPAN, _FARTHEST = 1e-4, 1e6  # of what is seen, in units of the plane
_PAD = 0.045  # of the span that is free around what is fitted


@dataclass(frozen=True)
class Viewport:
    """The part x0..x1, y0..y1 of a plane, y upwards, that fills ``area``, in pixels."""

    x0: float = -3.0
    x1: float = 3.0
    y0: float = -3.0
    y1: float = 3.0
    area: QRectF = field(default_factory=lambda: QRectF(0, 0, 1, 1))

    @property
    def scale(self) -> tuple[float, float]:
        """Return pixels per unit, across and up."""
        return self.area.width() / (self.x1 - self.x0), self.area.height() / (self.y1 - self.y0)

    @property
    def ranges(self) -> NDArray[np.float64]:
        """Return x0, x1, y0, y1."""
        return np.array([self.x0, self.x1, self.y0, self.y1])

    def axes(self, names: tuple[str, str]) -> tuple[Axis, Axis]:
        """Return the axes of what is seen."""
        return Axis(self.x0, self.x1, names[0]), Axis(self.y0, self.y1, names[1])

    def pixels(self, places: Points) -> NDArray[np.float64]:
        """Return the pixels (items, 2) of places (items, 2)."""
        across, up = self.scale
        places = np.asarray(places, np.float64)
        x = self.area.left() + (places[:, 0] - self.x0) * across
        return np.stack([x, self.area.bottom() - (places[:, 1] - self.y0) * up], 1)

    def pixel(self, x: float, y: float) -> QPointF:
        """Return the pixel of one place."""
        column, row = self.pixels(np.array([[x, y]]))[0]
        return QPointF(column, row)

    def place(self, pixel: QPointF) -> tuple[float, float]:
        """Return the place at a pixel."""
        across, up = self.scale
        return self.x0 + (pixel.x() - self.area.left()) / across, self.y0 + (self.area.bottom() - pixel.y()) / up

    # ---- other parts of the plane ----

    def moved(self, columns: float, rows: float) -> "Viewport":
        """Return the part that is seen when what is seen moves right and down by so many pixels."""
        across, up = self.scale
        x, y = columns / across, rows / up
        if max(abs(self.x0 - x), abs(self.x1 - x), abs(self.y0 + y), abs(self.y1 + y)) > _FARTHEST:
            return self
        return replace(self, x0=self.x0 - x, x1=self.x1 - x, y0=self.y0 + y, y1=self.y1 + y)

    def zoomed(self, factor: float, around: QPointF) -> "Viewport":
        """Return the part that is seen after zooming in by a factor, where ``around``, a pixel, stays in its place."""
        x, y = self.place(around)
        spans = (self.x1 - self.x0) / factor, (self.y1 - self.y0) / factor
        if min(spans) < _LEAST_SPAN or max(spans) > _FARTHEST:
            return self
        return replace(
            self,
            x0=x + (self.x0 - x) / factor, x1=x + (self.x1 - x) / factor,
            y0=y + (self.y0 - y) / factor, y1=y + (self.y1 - y) / factor,
        )  # fmt: skip

    def resized(self, area: QRectF, stretch: float) -> "Viewport":
        """Return what is seen in another area: the same, and more of it where units would be stretched too much.

        ``stretch`` is how many times as long as one up a unit across may be, and the other way round; 1 is equal.
        """
        if area.width() < 1 or area.height() < 1:
            return self
        made = replace(self, area=area)
        across, up = made.scale
        across, up = min(across, up * stretch), min(up, across * stretch)
        x, y = (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2
        wide, high = area.width() / across / 2, area.height() / up / 2
        return replace(made, x0=x - wide, x1=x + wide, y0=y - high, y1=y + high)

    def fitted(self, places: Points, stretch: float) -> "Viewport":
        """Return the part of the plane in which all places (items, 2) are; those not finite do not count.

        ``stretch`` is as in ``resized``.
        """
        finite = places[np.isfinite(places).all(1)] if len(places) else places
        if not len(finite):
            return replace(self, x0=-3.0, x1=3.0, y0=-3.0, y1=3.0).resized(self.area, stretch)
        low, high = (np.clip(edge, -_FARTHEST / 4, _FARTHEST / 4) for edge in (finite.min(0), finite.max(0)))
        room = np.maximum((high - low) * _PAD, _LEAST_SPAN * 10)
        (x0, y0), (x1, y1) = (low - room).tolist(), (high + room).tolist()
        return replace(self, x0=x0, x1=x1, y0=y0, y1=y1).resized(self.area, stretch)

    def between(self, other: "Viewport", share: float) -> "Viewport":
        """Return the part a share of the way from this to another one, in this one's area."""
        x0, x1, y0, y1 = (self.ranges * (1 - share) + other.ranges * share).tolist()
        return replace(self, x0=x0, x1=x1, y0=y0, y1=y1)

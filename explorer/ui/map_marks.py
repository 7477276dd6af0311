"""What is drawn over the points: the prior, the cursor, a second pick, a path, q(z|x) of an image, saved places."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF

from explorer.messages import Floats
from explorer.ui import theme
from explorer.ui.figure import Drawn, Figure, polygons
from explorer.ui.map_planes import Place, Plane, ellipse
from explorer.ui.map_viewport import Viewport

PRIOR = (1.0, 2.0, 3.0)  # σ
POSTERIOR = (1.0, 2.0)
_RING, _TICK = 9.0, 15.0  # of the cursor, pixels from its middle
_GAP = 5.0
_HALO = 190
_DIAMOND, _DOT, _MOST_DOTS = 5.0, 3.0, 40
_APART, _WIDEST = 3.0, 140.0  # of a name from its mark, and its width


@dataclass
class MapMarks:
    """Places in the latent space that the map shows, z (latent,) each; ``place`` finds them in a plane.

    Attributes:
        cursor: what is decoded.
        second: the other end of an interpolation.
        posterior: μ and σ of q(z|x) of the chosen image.
        path: z (places, latent) of a way.
        drawn: the image that was drawn or dropped.
        saved: places with their names.
    """

    cursor: Floats | None = None
    second: Floats | None = None
    posterior: tuple[Floats, Floats] | None = None
    path: Floats | None = None
    drawn: Floats | None = None
    saved: Sequence[tuple[str, Floats]] = ()
    places: dict[str, Place] = field(default_factory=dict)
    way: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    named: list[tuple[str, Place]] = field(default_factory=list)
    contours: list[NDArray[np.float64]] = field(default_factory=list)
    prior: list[tuple[str, NDArray[np.float64]]] = field(default_factory=list)
    _way_of: tuple[Floats | None, Plane | None] = (None, None)

    def place(self, plane: Plane, latent: int) -> None:
        """Find all places in a plane of a space of so many dimensions."""
        self.place_cursor(plane)
        self.places.pop("second", None)
        self.places.pop("drawn", None)
        for key, z in (("second", self.second), ("drawn", self.drawn)):
            if z is not None:
                self.places[key] = plane.at(z)
        if self._way_of[0] is not self.path or self._way_of[1] is not plane:  # in an embedding it takes a while
            way = [plane.at(z) for z in self.path] if self.path is not None else []
            self.way, self._way_of = np.array(way, np.float64).reshape(-1, 2), (self.path, plane)
        self.named = [(name, plane.at(z)) for name, z in self.saved]
        self.contours, self.prior = [], []
        if self.posterior is not None:
            mean, sigma = self.posterior
            spread = plane.covariance(sigma)
            if spread is not None and len(sigma):
                self.contours = [ellipse(plane.at(mean), spread, radius) for radius in POSTERIOR]
        spread = plane.covariance(np.ones(latent, np.float32)) if plane.has_prior else None
        if spread is not None:
            middle = plane.at(np.zeros(latent, np.float32))
            self.prior = [(f"{radius:g}σ", ellipse(middle, spread, radius)) for radius in PRIOR]

    def place_cursor(self, plane: Plane) -> None:
        """Find the cursor's place only."""
        self.places.pop("cursor", None)
        if self.cursor is not None:
            self.places["cursor"] = plane.at(self.cursor)

    # ---- painting ----

    def paint_prior(self, painter: QPainter, view: Viewport, colors: theme.Colors) -> None:
        """Paint the contours of the prior, with how many σ they are from its mean."""
        pen = Pens(painter, colors)
        painter.save()
        painter.setClipRect(view.area)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for name, contour in self.prior:
            pen.contour(view, contour, colors.muted, 1)
            top = view.pixel(*contour[contour[:, 1].argmax()].tolist())
            if view.area.contains(top):
                pen.name(QPointF(top.x() - 7, top.y() + 4), name, colors.muted)
        painter.restore()

    def paint(self, painter: QPainter, view: Viewport, colors: theme.Colors) -> None:
        """Paint everything else, the cursor last."""
        pen = Pens(painter, colors)
        painter.save()
        painter.setClipRect(view.area)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for contour in self.contours:
            pen.contour(view, contour, colors.accent, 1.6)
        if len(self.way):
            self._paint_way(pen, view)
        names = [(at, name, colors.good) for name, place in self.named if view.area.contains(at := view.pixel(*place))]
        seen = {key: at for key, place in self.places.items() if view.area.contains(at := view.pixel(*place))}
        if "drawn" in seen:
            names.append((seen["drawn"], "your image", colors.second))
        for at, _, color in names:
            pen.diamond(at, color)
        taken = [_around(at, _DIAMOND) for at, _, _ in names]
        if "second" in seen:
            at = seen["second"]
            ring = QPainterPath()
            ring.addEllipse(at, _RING - 2, _RING - 2)
            ring.addEllipse(at, 1.5, 1.5)
            pen.stroke(ring, colors.second, 2)
            names.append((at, "second", colors.second))
            taken.append(_around(at, _RING))
        if "cursor" in seen:
            pen.stroke(_cross(seen["cursor"]), colors.text, 2)
            taken.append(_around(seen["cursor"], _TICK))
        for at, name, color in reversed(names):  # the last ones say most
            taken.append(pen.name_beside(at, name, color, taken, view.area))
        painter.restore()

    def _paint_way(self, pen: "Pens", view: Viewport) -> None:
        pen.contour(view, self.way, pen.colors.second, 2)
        for x, y in (self.way if len(self.way) <= _MOST_DOTS else self.way[[0, -1]]).tolist():
            if view.area.contains(at := view.pixel(x, y)):
                pen.dot(at, pen.colors.second)


def _around(at: QPointF, reach: float) -> QRectF:
    """Return the square around a place."""
    return QRectF(at.x() - reach, at.y() - reach, 2 * reach, 2 * reach)


def beside(at: QPointF, size: QSizeF, taken: Sequence[QRectF], area: QRectF) -> QRectF:
    """Return where a name of some size goes: beside its place, within an area, and not over what is ``taken``.

    Right of it, left, below or above, as near as it can be; right of it where there is no such room.
    """
    near = QRectF(at.x() - _DIAMOND, at.y() - size.height() / 2, 2 * _DIAMOND, size.height())
    for other in taken:
        if other.intersects(near):
            near = near.united(other)
    wide, high = size.width(), size.height()
    middle, left = at.y() - high / 2, at.x() - wide / 2
    corners = (
        QPointF(near.right() + _APART, middle), QPointF(near.left() - _APART - wide, middle),
        QPointF(left, near.bottom() + 1), QPointF(left, near.top() - 1 - high),
    )  # fmt: skip
    rooms = [QRectF(corner, size) for corner in corners]
    free = [room for room in rooms if area.contains(room) and not any(room.intersects(other) for other in taken)]
    return (free or rooms)[0]


def _cross(at: QPointF) -> QPainterPath:
    """Return a ring with four ticks."""
    path = QPainterPath()
    path.addEllipse(at, _RING, _RING)
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        path.moveTo(at + QPointF(x, y) * _GAP)
        path.lineTo(at + QPointF(x, y) * _TICK)
    return path


def _font() -> QFont:
    """Return the font of names."""
    return theme.font(11, bold=True)


@dataclass(frozen=True)
class Pens:
    """Draws on a painter what is seen on any ground: each line on a wider one of the panel's colour."""

    painter: QPainter
    colors: theme.Colors

    @property
    def _ground(self) -> QColor:
        color = QColor(self.colors.panel)
        color.setAlpha(_HALO)
        return color

    def stroke(self, path: QPainterPath, color: str, width: float) -> None:
        """Draw a line."""
        self.painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for pen in (QPen(self._ground, width + 2), QPen(QColor(color), width)):
            self.painter.strokePath(path, pen)

    def contour(self, view: Viewport, places: NDArray[np.float64], color: str, width: float) -> None:
        """Draw a long line (points, 2) as far as it is seen.

        The wider one below it is solid and has rough edges: smooth ones take ten times as long.
        """
        pieces = [QPolygonF([QPointF(x, y) for x, y in view.pixels(places).tolist()])]
        if not view.area.contains(pieces[0].boundingRect()):  # not every program that shows SVG heeds a clip path
            across, up = view.axes(("", ""))
            pieces = polygons(Drawn(places[:, 0], places[:, 1], QPen()), Figure("", across, up), view.area)
        for smooth, pen in (
            (False, QPen(QColor(self.colors.panel), width + 2)),
            (True, QPen(QColor(color), width)),
        ):
            self.painter.setRenderHint(QPainter.RenderHint.Antialiasing, smooth)
            self.painter.setPen(pen)
            for piece in pieces:
                self.painter.drawPolyline(piece)

    def dot(self, at: QPointF, color: str) -> None:
        """Draw a place on a line."""
        path = QPainterPath()
        path.addEllipse(at, _DOT, _DOT)
        self.painter.fillPath(path, QColor(color))

    def diamond(self, at: QPointF, color: str) -> None:
        """Draw a place."""
        path = QPainterPath()
        corners = [QPointF(0, -_DIAMOND), QPointF(_DIAMOND, 0), QPointF(0, _DIAMOND), QPointF(-_DIAMOND, 0)]
        path.addPolygon(QPolygonF([at + corner for corner in corners]))
        path.closeSubpath()
        self.stroke(path, self.colors.panel, 1.5)
        self.painter.fillPath(path, QColor(color))

    def name_beside(self, at: QPointF, name: str, color: str, taken: Sequence[QRectF], area: QRectF) -> QRectF:
        """Write a name beside its place and not over what is taken; return the room that it takes."""
        metrics = QFontMetricsF(_font())
        shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, _WIDEST)
        room = beside(at, QSizeF(metrics.horizontalAdvance(shown) + 4, metrics.height()), taken, area)
        self.name(QPointF(room.left() + 2, room.top() + metrics.ascent()), name, color)
        return room

    def name(self, at: QPointF, name: str, color: str) -> None:
        """Write a name on a ground that lets the points shine through."""
        font = _font()
        metrics = QFontMetricsF(font)
        shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, _WIDEST)
        room = QRectF(at.x() - 2, at.y() - metrics.ascent(), metrics.horizontalAdvance(shown) + 4, metrics.height())
        self.painter.setFont(font)
        self.painter.fillRect(room, self._ground)
        self.painter.setPen(QColor(color))
        self.painter.drawText(at, shown)

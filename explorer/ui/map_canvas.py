"""The canvas of the latent map: axes, points or density, the decoded grid, and the marks over them."""

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui import theme
from explorer.ui.figure import paint_axes
from explorer.ui.map_grid import MapGrid
from explorer.ui.map_marks import MapMarks
from explorer.ui.map_planes import AxesPlane, LinePlane, Plane, Points
from explorer.ui.map_points import MapPoints
from explorer.ui.map_viewport import Viewport

_LEFT, _TOP, _RIGHT, _FOOT = 52, 6, 8, 36  # pixels around the points
_SETTLE_MS, _FRAME_MS = 140, 16
MOVE_SECONDS = 0.35
_MOST_MOVING = 200_000  # points; more jump
_STRETCH = 2.2  # of a unit across beside one up, at most, where the points fill the canvas
_BLACK = "#000000"  # where pictures have not come yet: most are dark
_DIMMED = 0.5  # of points before the decoded grid


class MapCanvas(QWidget):
    """Paints a plane of the latent space; ``settled`` when what is seen has come to rest, ``painted`` after each paint.

    Attributes:
        look: "points", "density" or "grid".
        equal: whether a unit across is as long as one up; else the points fill the canvas.
        rubber: the line (corners, 2) of a selection that is being drawn, in places.
        hovered: the item under the mouse, −1 where there is none.
    """

    settled = Signal()
    painted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.plane: Plane = AxesPlane((0, 1), ("", ""))
        self.view = Viewport()
        self.points, self.marks, self.grid = MapPoints(), MapMarks(), MapGrid()
        self.look, self.hint, self.equal = "points", "", False
        self.rubber: NDArray[np.float64] | None = None
        self.hovered = -1
        self._backdrop: QPixmap | None = None
        self._by_keys = False  # whether the keys came here by keys: then it is shown where they are
        self._by_hand = False  # whether somebody zoomed or panned
        self._from: tuple[Points, Viewport, float] | None = None
        self._target: Points = self.points.places
        self._rest = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._rest.timeout.connect(self.settled)
        self._frames = QTimer(self, interval=_FRAME_MS)
        self._frames.timeout.connect(self._move_on)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("latent map")
        self.setMinimumSize(160, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.current().changed.connect(self.stale)

    def sizeHint(self) -> QSize:
        """Return a modest size: the layout decides."""
        return QSize(640, 400)

    # ---- what is seen ----

    @Slot()
    def stale(self) -> None:
        """Paint everything anew."""
        self._backdrop = None
        self.update()

    def set_view(self, view: Viewport) -> None:
        """Look at another part of the plane, chosen by hand."""
        self._by_hand = True
        self._look_at(view)

    def _look_at(self, view: Viewport) -> None:
        self.view = view
        self._rest.start()
        self.stale()

    def rest(self) -> None:
        """Tell a little later that what is seen has come to rest."""
        self._rest.start()

    def forget(self) -> None:
        """Forget everything that belongs to a model."""
        self._frames.stop()
        self._from, self.rubber, self.hovered = None, None, -1
        self.marks = MapMarks()
        self.grid.forget()
        self.points.select(np.zeros(0, np.int64))
        self.stale()

    @Slot()
    def fit(self) -> None:
        """Show all points that are shown."""
        self._by_hand = False
        self._look_at(self._fitted(self._target))

    def _fitted(self, places: Points) -> Viewport:
        shown = places[self.points.shown] if len(places) == len(self.points.shown) else places
        return replace(self.view, area=self._area).fitted(shown, self.stretch)

    @property
    def stretch(self) -> float:
        """Return how many times as long a unit may be one way as the other."""
        if not self.plane.comparable:
            return np.inf
        return 1.0 if self.equal else _STRETCH

    def set_equal(self, equal: bool) -> None:
        """Make units equally long, or fill the canvas."""
        self.equal = equal
        self.fit()

    @property
    def _area(self) -> QRectF:
        return QRectF(self.rect()).adjusted(_LEFT, _TOP, -_RIGHT, -_FOOT)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show that the keys are here, if they came by keys."""
        self._by_keys = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        super().focusInEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep what was chosen to be seen, or fit."""
        if self._area.width() < 1 or self._area.height() < 1:
            return
        if self._by_hand:
            self._look_at(self.view.resized(self._area, self.stretch))
        else:
            self._look_at(self._fitted(self._target))

    # ---- moving ----

    def set_plane(self, plane: Plane, places: Points, *, move: bool, keep_view: bool = False) -> None:
        """Show items at places (items, 2) of a plane; with ``move`` they wander there from where they are."""
        self.plane, self._target = plane, places
        self.grid.forget()
        self._by_hand = self._by_hand and keep_view
        moving = move and len(places) == len(self.points.places) and len(places) <= _MOST_MOVING and self.isVisible()
        if moving:
            self._from = self.points.places, self.view, time.perf_counter()
            self._frames.start()
            return
        self._arrive()

    @property
    def moving(self) -> bool:
        """Return whether points are on their way."""
        return self._frames.isActive()

    def _arrive(self) -> None:
        self._frames.stop()
        self._from = None
        self.points.set_places(self._target)
        if not self._by_hand:
            self.view = self._fitted(self._target)
        self._rest.start()
        self.stale()

    @Slot()
    def _move_on(self) -> None:
        if self._from is None:
            self._frames.stop()
            return
        places, view, began = self._from
        share = (time.perf_counter() - began) / MOVE_SECONDS
        if share >= 1:
            self._arrive()
            return
        share = share * share * (3 - 2 * share)
        self.points.set_places(places * (1 - share) + self._target * share, moving=True)
        if not self._by_hand:
            self.view = replace(view.between(self._fitted(self._target), share), area=self._area)
        self.stale()

    # ---- painting ----

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the backdrop, which is kept until what is seen changes, and the marks."""
        painter = QPainter(self)
        if self.hint:
            painter.setPen(QColor(theme.colors().muted))
            room = self.rect().adjusted(40, 0, -40, 0)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.hint)
            painter.end()
            return
        ratio = self.devicePixelRatioF()
        if self._backdrop is None or self._backdrop.devicePixelRatio() != ratio:
            self._backdrop = QPixmap(self.size() * ratio)
            self._backdrop.setDevicePixelRatio(ratio)
            self._backdrop.fill(QColor(theme.colors().panel))
            beneath = QPainter(self._backdrop)
            self.paint_backdrop(beneath, self.view, ratio)
            beneath.end()
        painter.drawPixmap(0, 0, self._backdrop)
        if not self.moving:
            self.marks.paint(painter, self.view, self.ink)
        self._paint_rubber(painter)
        self._paint_hovered(painter)
        if self._by_keys and self.hasFocus():
            painter.setPen(QPen(QColor(theme.colors().accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.end()
        self.painted.emit()

    @property
    def ink(self) -> theme.Colors:
        """Return the colours of marks: a decoded grid is dark in any theme."""
        return theme.DARK if self.look == "grid" else theme.colors()

    def paint_backdrop(self, painter: QPainter, view: Viewport, ratio: float, *, vectors: bool = False) -> None:
        """Paint axes, grid, points and prior into a viewport, on a screen or a page."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_axes(painter, view)
        if self.look == "grid":
            painter.fillRect(view.area, QColor(_BLACK))
            self.grid.paint(painter, view)
            painter.setOpacity(_DIMMED)
        if self.look == "density":
            self.points.paint_density(painter, view, ratio)
        elif vectors:
            self.points.paint_vectors(painter, view)
        else:
            self.points.paint(painter, view, ratio)
        painter.setOpacity(1.0)
        self.points.paint_rings(painter, view, ratio, self.ink.text, vectors=vectors)
        if not self.moving:
            self.marks.paint_prior(painter, view, self.ink)

    def _paint_axes(self, painter: QPainter, view: Viewport) -> None:
        across, up = view.axes(self.plane.names)
        if isinstance(self.plane, LinePlane):
            bands = [(float(at), str(label)) for at, label in enumerate(self.plane.bands)]
            up = replace(up, ticks=bands if len(bands) > 1 else [])
        paint_axes(painter, view.area, across, up)
        painter.save()
        painter.setPen(QPen(QColor(theme.colors().border), 1))
        for at, _ in across.named(int(view.area.width() / 72)):
            x = view.pixel(at, view.y0).x()
            painter.drawLine(QLineF(x, view.area.top(), x, view.area.bottom()))
        painter.restore()
        middle = QPointF(view.area.left() - _LEFT + 14, view.area.center().y())
        painter.save()
        painter.translate(middle)
        painter.rotate(-90)
        painter.drawText(QRectF(-200, -12, 400, 16), Qt.AlignmentFlag.AlignCenter, up.name)
        painter.restore()

    def _paint_rubber(self, painter: QPainter) -> None:
        if self.rubber is None or not len(self.rubber):
            return
        path = QPainterPath()
        path.addPolygon(QPolygonF([QPointF(x, y) for x, y in self.view.pixels(self.rubber).tolist()]))
        path.closeSubpath()
        accent = QColor(theme.colors().accent)
        faint = QColor(accent)
        faint.setAlpha(36)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillPath(path, faint)
        painter.strokePath(path, QPen(accent, 1.3))

    def _paint_hovered(self, painter: QPainter) -> None:
        if 0 <= self.hovered < len(self.points.places):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(self.ink.text), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(self.view.pixel(*self.points.places[self.hovered].tolist()), 6, 6)

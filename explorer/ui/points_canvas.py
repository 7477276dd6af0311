"""The plane −3..3 both ways on the screen and in files: particles with their trails, density, and the data behind."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.messages import Floats, Pixels
from explorer.ui import theme
from explorer.ui.figure import Axis, paint_axes
from explorer.ui.plot_style import number
from explorer.ui.points_layers import EXTENT, contours, trails

Look = Literal["points", "density", "both"]
Paint = Callable[[QPainter, QRectF], None]
NOTHING: Floats = np.zeros((0, 2), np.float32)
_LEFT, _TOP, _RIGHT, _BOTTOM = 30, 10, 10, 38
_DOT, _FAINT_DOT = 3.0, 2.2  # pixels wide
_RING = 7.0
_REACH = 30.0  # pixels within which a click finds a point
_MOST_PIXELS = 420  # of a density, which is smooth: painted larger where there is more room
_TICKS = [(float(at), number(at, "{:.0f}")) for at in range(-3, 4)]
_SQUARE = 640  # pixels of a file's page


def area_of(page: QRectF) -> QRectF:
    """Return the largest square that a page leaves to the plane beside the names of its axes."""
    room = page.adjusted(_LEFT, _TOP, -_RIGHT, -_BOTTOM)
    side = max(20.0, min(room.width(), room.height()))
    return QRectF(room.center().x() - side / 2, room.top() + (room.height() - side) / 2, side, side)


def on_screen(points: Floats, area: QRectF) -> Floats:
    """Return where points (points, 2) of the plane are in an area, in pixels; y grows upwards in the plane."""
    scaled = np.clip(np.nan_to_num(points, posinf=1e4, neginf=-1e4), -1e4, 1e4) / EXTENT
    return np.stack(
        [area.center().x() + scaled[:, 0] * area.width() / 2, area.center().y() - scaled[:, 1] * area.height() / 2],
        axis=1,
    )


def polygon(places: Floats) -> QPolygonF:
    """Return places (points, 2) in pixels as Qt has them."""
    made = pg.functions.create_qpolygonf(len(places))
    pg.functions.ndarray_from_qpolygonf(made)[:] = places
    return made


def paint_plane(painter: QPainter, page: QRectF, colors: theme.Colors | None = None) -> QRectF:
    """Paint the axes and return the square between them; ``colors`` as of ``paint_axes``."""
    area = area_of(page)
    across, up = Axis(-EXTENT, EXTENT, "x₁", ticks=_TICKS), Axis(-EXTENT, EXTENT, ticks=_TICKS)
    paint_axes(painter, area, across, up, colors=colors)
    painter.drawText(QPointF(area.left() - 20, area.top() + area.height() * 5 / 12 + 4), "x₂")
    return area


def paint_dots(painter: QPainter, places: Floats, color: QColor, width: float = _DOT) -> None:
    """Paint round dots at places (points, 2) in pixels."""
    painter.setPen(QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawPoints(polygon(places))


def paint_ring(painter: QPainter, place: Floats, color: QColor) -> None:
    """Paint a ring around the point that is followed, (2,) in pixels."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(color, 2))
    painter.drawEllipse(QPointF(*place.tolist()), _RING, _RING)


@dataclass(frozen=True)
class Cloud:
    """What is painted of a chain at one step.

    Attributes:
        points: (points, 2).
        trail: the last steps of all points, oldest first, the present one last, (steps, points, 2).
        way: the whole way of the one that is followed, (steps, 2).
        followed: which one that is; −1 for none.
        data: the data set, (points, 2), behind all.
        look: dots, contours of the density, or both.
    """

    points: Floats = field(default_factory=lambda: NOTHING)
    trail: Floats = field(default_factory=lambda: np.zeros((0, 0, 2), np.float32))
    way: Floats = field(default_factory=lambda: NOTHING)
    followed: int = -1
    data: Floats = field(default_factory=lambda: NOTHING)
    look: Look = "points"


class CloudPainter:
    """Paints clouds; what does not change from one step to the next is kept. ``colors`` as of ``paint_axes``."""

    def __init__(self, colors: theme.Colors | None = None) -> None:
        self._colors = colors
        self._data_lines: tuple[object, QImage] | None = None

    def paint(self, cloud: Cloud, painter: QPainter, page: QRectF) -> None:
        """Paint a cloud on a page."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        colors = self._colors or theme.colors()
        area = paint_plane(painter, page, colors)
        painter.save()
        painter.setClipRect(area)
        side = max(20, round(min(area.width(), _MOST_PIXELS)))
        self._paint_data(cloud, painter, area, side, colors)
        if len(cloud.points):
            if cloud.look != "points":
                fill = cloud.look == "density"
                painter.drawImage(area, contours(cloud.points, side, QColor(colors.accent), fill=fill))
            if cloud.look != "density":
                if len(cloud.trail) > 1 and cloud.look == "points":
                    painter.drawImage(area, trails(cloud.trail, round(area.width()), QColor(colors.accent)))
                paint_dots(painter, on_screen(cloud.points, area), QColor(colors.accent))
        self._paint_followed(cloud, painter, area, QColor(colors.text))
        painter.restore()

    def _paint_data(self, cloud: Cloud, painter: QPainter, area: QRectF, side: int, colors: theme.Colors) -> None:
        if not len(cloud.data):
            return
        if cloud.look != "density":
            faint = QColor(colors.second)
            faint.setAlphaF(0.3)
            paint_dots(painter, on_screen(cloud.data, area), faint, _FAINT_DOT)
        if cloud.look != "points":
            key = (id(cloud.data), side, colors.second)
            if self._data_lines is None or self._data_lines[0] != key:
                self._data_lines = (key, contours(cloud.data, side, QColor(colors.second), fill=False))
            painter.drawImage(area, self._data_lines[1])

    def _paint_followed(self, cloud: Cloud, painter: QPainter, area: QRectF, color: QColor) -> None:
        if not 0 <= cloud.followed < len(cloud.points):
            return
        if len(cloud.way) > 1:
            way = QColor(color)
            way.setAlphaF(0.6)
            painter.setPen(QPen(way, 1.1))
            painter.drawPolyline(polygon(on_screen(cloud.way, area)))
        place = on_screen(cloud.points[cloud.followed][None], area)
        paint_dots(painter, place, color, _DOT + 2)
        paint_ring(painter, place[0], color)


def square_page(paint: Paint, title: str, scale: int = 1, *, colors: theme.Colors | None = None) -> Pixels:
    """Return a square page with a title as a picture (height, width, 3), in any thread, in these ``colors`` or live."""
    colors = colors or theme.colors()
    width, height = _SQUARE, _SQUARE + 24
    image = QImage(width * scale, height * scale, QImage.Format.Format_RGB888)
    image.setDevicePixelRatio(scale)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(QRectF(0, 0, width, height), QColor(colors.panel))
    painter.setFont(theme.font(14, bold=True, tabular=True))
    painter.setPen(QColor(colors.text))
    painter.drawText(QPointF(_LEFT, 26), title)
    paint(painter, QRectF(0, 24, width, height - 24))
    painter.end()
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


class PlaneCanvas(QWidget):
    """A widget that shows the plane; subclasses paint what is in it."""

    def __init__(self, name: str, tip: str) -> None:
        super().__init__()
        self.hint = ""
        self.setAccessibleName(name)
        self.setToolTip(tip)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 160)
        theme.current().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Return a modest size: the layout decides."""
        return QSize(320, 320)

    @property
    def area(self) -> QRectF:
        """Return where the plane is, in pixels."""
        return area_of(QRectF(self.rect()))

    def in_plane(self, position: QPointF) -> tuple[float, float]:
        """Return the place in the plane of a position on the widget."""
        area = self.area
        across = (position.x() - area.center().x()) / (area.width() / 2)
        up = (area.center().y() - position.y()) / (area.height() / 2)
        return across * EXTENT, up * EXTENT

    def paint(self, painter: QPainter, page: QRectF) -> None:
        """Paint it on a page."""
        raise NotImplementedError

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the plane, or in words what to do."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        page = QRectF(self.rect())
        if self.hint:
            painter.setPen(QColor(theme.colors().muted))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(page.adjusted(24, 0, -24, 0), flags, self.hint)
        else:
            self.paint(painter, page)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(theme.colors().accent), 1))
            painter.drawRoundedRect(page.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()


class CloudCanvas(PlaneCanvas):
    """Shows a cloud; ``chosen`` carries the number of a point that was clicked, or stepped to by the keys."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__(
            "particles",
            "Each dot is a point of the chain; what lies beyond −3..3 is not seen. Click one to follow it, and once "
            "more to leave it; Page Up and Page Down go from one to another. Contours hold 25, 50, 75 and 95 % of the "
            "points (regions of highest density)",
        )
        self.cloud = Cloud()
        self._painter = CloudPainter()
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def show_cloud(self, cloud: Cloud) -> None:
        """Show another cloud."""
        self.cloud, self.hint = cloud, ""
        self.update()

    def say(self, hint: str) -> None:
        """Show nothing but words."""
        self.cloud, self.hint = Cloud(), hint or " "
        self.update()

    def paint(self, painter: QPainter, page: QRectF) -> None:
        """Paint the cloud."""
        self._painter.paint(self.cloud, painter, page)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the nearest point."""
        if event.button() != Qt.MouseButton.LeftButton or not len(self.cloud.points):
            super().mousePressEvent(event)
            return
        away = np.hypot(*(on_screen(self.cloud.points, self.area) - [event.position().x(), event.position().y()]).T)
        nearest = int(np.argmin(away))
        if away[nearest] <= _REACH:
            self.chosen.emit(-1 if nearest == self.cloud.followed else nearest)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Follow the point before or after."""
        step = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1}.get(Qt.Key(event.key()))
        if step is None or not len(self.cloud.points):
            super().keyPressEvent(event)
            return
        self.chosen.emit((self.cloud.followed + step) % len(self.cloud.points))

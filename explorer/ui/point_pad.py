"""The plane as a drawing pad: strokes of spray and line make points, the eraser takes them away."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPen

from explorer.data.drawn import MOST
from explorer.messages import Floats
from explorer.ui import theme
from explorer.ui.points_canvas import NOTHING, PlaneCanvas, on_screen, paint_plane
from explorer.ui.points_layers import EXTENT, dots

Tool = Literal["spray", "line", "eraser"]
SIZES = {"fine": 0.08, "medium": 0.2, "wide": 0.5}  # radius of a tool, units of the axes
_EACH, _SPRAY_MS = 12, 30  # points of spray, and between two puffs
_APART = 0.012  # points of a line, units of the axes
_STATES = 100  # that can be undone
_STEP, _LEAP = 0.1, 0.5  # of the cursor by the arrow keys, and with Shift
_FILLED = 0.98  # of the plane, by points that are fitted into it
_WIDTH = 3.0  # pixels of a dot
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1),
}  # fmt: skip


def fitted(points: Floats) -> Floats:
    """Return points (points, 2) as they are, or if some lie outside of the plane all moved and scaled into it.

    Both axes alike, about the middle of the box around them: the same drawing, and the same once it is standardized.
    """
    if not len(points) or np.abs(points).max() <= EXTENT:
        return np.asarray(points, np.float32)
    values = np.asarray(points, np.float64)
    low, high = values.min(axis=0), values.max(axis=0)
    half = max(float((high - low).max()) / 2, 1e-9)  # all at one place far away: there is nothing to scale
    made: Floats = ((values - (low + high) / 2) * (_FILLED * EXTENT / half)).astype(np.float32)
    return made


class PointPad(PlaneCanvas):
    """``changed`` says that there are other points; each stroke can be undone, and what was undone done again."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__(
            "drawing pad",
            "Draw with the mouse. By keys: the arrows move the cursor (with Shift farther), Space puts what the tool "
            "makes there, Ctrl+Z takes the last stroke back",
        )
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setMouseTracking(True)
        self.tool: Tool = "spray"
        self.radius = SIZES["medium"]
        self.points: Floats = NOTHING
        self._undone: list[Floats] = []
        self._done: list[Floats] = []
        self._random = np.random.RandomState(0)
        self._cursor = (0.0, 0.0)
        self._pressed = False
        self._dots: tuple[Floats, int, str, QImage] | None = None
        self._puffs = QTimer(self, interval=_SPRAY_MS)
        self._puffs.timeout.connect(self._puff)

    # ---- points ----

    def set_points(self, points: Floats) -> None:
        """Begin with other points, (points, 2), as one stroke; ``fitted`` where not all can be seen."""
        self._remember()
        self.points = fitted(points[:MOST])
        self._tell()

    @property
    def full(self) -> bool:
        """Return whether no more points can be drawn."""
        return len(self.points) >= MOST

    @property
    def can_undo(self) -> bool:
        """Return whether there is a stroke to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Return whether there is a stroke to do again."""
        return bool(self._undone)

    @Slot()
    def undo(self) -> None:
        """Take the last stroke back."""
        if self._done:
            self._undone.append(self.points)
            self.points = self._done.pop()
            self._tell()

    @Slot()
    def redo(self) -> None:
        """Do again what was taken back."""
        if self._undone:
            self._done.append(self.points)
            self.points = self._undone.pop()
            self._tell()

    @Slot()
    def clear(self) -> None:
        """Take all points away, as one stroke."""
        if len(self.points):
            self.set_points(NOTHING)

    def _remember(self) -> None:
        self._done = [*self._done[-(_STATES - 1) :], self.points]
        self._undone.clear()

    def _tell(self) -> None:
        self.update()
        self.changed.emit()

    def _add(self, made: NDArray[np.floating]) -> None:
        inside = made[(np.abs(made) <= EXTENT).all(axis=1)]
        self.points = np.concatenate([self.points, inside.astype(np.float32)])[:MOST]

    def _apply(self, before: tuple[float, float] | None) -> None:
        """Do what the tool does at the cursor, or on the way to it from where it was ``before``."""
        here = np.array(self._cursor)
        start = here if before is None else np.array(before)
        if self.tool == "eraser":
            away = self.points - start
            way = here - start
            along = np.clip(away @ way / max(float(way @ way), 1e-12), 0, 1)  # the nearest place on the way
            self.points = self.points[np.hypot(*(away - along[:, None] * way).T) > self.radius]
        elif self.tool == "line":
            count = max(1, int(np.hypot(*(here - start)) / _APART))
            along = start + (here - start) * self._random.rand(count, 1)
            self._add(along + self.radius / 4 * self._random.randn(count, 2))
        else:
            self._add(here + self.radius / 2 * self._random.randn(_EACH, 2))
        self._tell()

    @Slot()
    def _puff(self) -> None:
        self._apply(None)

    # ---- mouse and keys ----

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke."""
        if event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        self._remember()
        self._pressed = True
        self._cursor = self.in_plane(event.position())
        self._apply(None)
        if self.tool == "spray":
            self._puffs.start()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with the stroke."""
        before, self._cursor = self._cursor, self.in_plane(event.position())
        if self._pressed:
            self._apply(before)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the stroke."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = False
            self._puffs.stop()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the cursor, or use the tool where it is."""
        way = _ARROWS.get(Qt.Key(event.key()))
        if way is not None:
            far = _LEAP if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else _STEP
            moved = np.clip(np.add(self._cursor, np.multiply(way, far)), -EXTENT, EXTENT)
            self._cursor = (float(moved[0]), float(moved[1]))
            self.update()
        elif event.key() == Qt.Key.Key_Space:
            self._remember()
            self._apply(None)
        else:
            super().keyPressEvent(event)

    # ---- painting ----

    def _painted(self, area: QRectF, color: str) -> QImage:
        """Return the dots, which are the same while the cursor only moves over them."""
        side = max(1, round(area.width() * self.devicePixelRatioF()))
        kept = self._dots
        if kept is None or kept[0] is not self.points or kept[1:3] != (side, color):
            image = dots(self.points, side, _WIDTH * self.devicePixelRatioF(), QColor(color))
            self._dots = kept = (self.points, side, color, image)
        return kept[3]

    def paint(self, painter: QPainter, page: QRectF) -> None:
        """Paint the points, and how far the tool reaches."""
        colors = theme.colors()
        area = paint_plane(painter, page)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(colors.border), 1))
        painter.drawRect(area)
        if not len(self.points):
            painter.setPen(QColor(colors.muted))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "Draw here, or begin with a shape below")
        painter.setClipRect(area)
        painter.drawImage(area, self._painted(area, colors.accent))
        if self.hasFocus() or self.underMouse():
            middle = on_screen(np.array([self._cursor], np.float32), area)[0]
            reach = self.radius / EXTENT * area.width() / 2
            painter.setPen(QPen(QColor(colors.text if self.tool != "eraser" else colors.bad), 1))
            painter.drawEllipse(QPointF(*middle.tolist()), reach, reach)

"""What mouse and keys do in the map: walk, pick, select, zoom and pan."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QNativeGestureEvent, QWheelEvent

from explorer.ui.map_selection import box

if TYPE_CHECKING:
    from explorer.ui.map_canvas import MapCanvas

WALK, BOX, LASSO = "walk", "box", "lasso"
TOOL_KEYS = {Qt.Key.Key_W: WALK, Qt.Key.Key_B: BOX, Qt.Key.Key_L: LASSO}
STEP, LONG_STEP = 0.1, 0.5  # σ of the prior
_ARROWS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_ZOOM = {Qt.Key.Key_Plus: 1.25, Qt.Key.Key_Equal: 1.25, Qt.Key.Key_Minus: 0.8}
_KEYS = {*TOOL_KEYS, *_ARROWS, *_ENTER, *_ZOOM, Qt.Key.Key_E, Qt.Key.Key_F, Qt.Key.Key_Space}
_CLICK = 4  # pixels that a mouse may move within a click
_APART = 3  # pixels between two corners of a lasso
_WHEEL = 1.0015  # factor of each eighth of a degree
_PANNED = 0.1  # of what is seen, by Ctrl and an arrow

_Shift, _Control = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


class MapHand(QObject):
    """Turns the events of a canvas into what they mean; places are (x, y) in the plane.

    ``walk_began``, ``walked`` a place, ``walk_ended``, ``walk_undone`` that the click before was half of a double one,
    ``picked`` a second place, ``hovered`` a pixel (QPointF) or None, ``chosen`` asks for the hovered item and
    ``paired`` for it as second place, ``stepped`` (columns, rows, σ), ``enclosed`` the corners (corners, 2) of a line
    around points, ``tool_wanted`` a tool, ``equal_wanted`` the other kind of units, ``menu_wanted`` a place on the
    screen, ``escaped`` that nothing is being drawn and Esc was pressed.
    """

    walk_began = Signal()
    walked = Signal(object)
    walk_ended = Signal()
    walk_undone = Signal()
    picked = Signal(object)
    hovered = Signal(object)
    chosen = Signal()
    paired = Signal()
    stepped = Signal(object)
    enclosed = Signal(object)
    tool_wanted = Signal(str)
    menu_wanted = Signal(QPoint)
    equal_wanted = Signal()
    escaped = Signal()

    def __init__(self, canvas: "MapCanvas") -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self.tool = WALK
        self.can_escape = False  # whether there is something that Esc clears
        self.adding = False  # whether what is enclosed joins the selection
        self._drag = ""
        self._clicked = False  # whether the last button that was pressed began a walk
        self._began, self._last = QPointF(), QPointF()
        self._space = False
        self._anchored = False  # whether a line is being drawn by keys
        self._events: dict[QEvent.Type, Callable[[Any], bool]] = {
            QEvent.Type.MouseButtonPress: self._pressed,
            QEvent.Type.MouseMove: self._moved,
            QEvent.Type.MouseButtonRelease: self._released,
            QEvent.Type.MouseButtonDblClick: self._doubled,
            QEvent.Type.Wheel: self._wheeled,
            QEvent.Type.NativeGesture: self._pinched,
            QEvent.Type.KeyPress: self._key,
            QEvent.Type.KeyRelease: self._key_up,
            QEvent.Type.ShortcutOverride: self._overrides,
            QEvent.Type.Leave: self._left,
            QEvent.Type.FocusOut: self._lost,
        }
        canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle an event of the canvas; return whether it goes no further."""
        handle = self._events.get(event.type())
        if handle is None or self._canvas.hint:
            return False
        return handle(event)

    @property
    def busy(self) -> bool:
        """Return whether a button is down."""
        return bool(self._drag)

    def set_tool(self, tool: str) -> None:
        """Take a tool in hand."""
        self.tool = tool
        self.drop()
        cross = Qt.CursorShape.CrossCursor
        self._canvas.setCursor(cross if tool in (BOX, LASSO) else Qt.CursorShape.ArrowCursor)

    def drop(self) -> None:
        """Forget a line that is being drawn."""
        self._drag, self._anchored = "", False
        self._canvas.rubber = None
        self._canvas.update()

    # ---- mouse ----

    def _pressed(self, event: QMouseEvent) -> bool:
        at = event.position()
        self.hovered.emit(None)
        self._began = self._last = at
        self._clicked = False
        if event.button() in (Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton) or self._space:
            self._drag = "menu" if event.button() == Qt.MouseButton.RightButton else "pan"
            self._canvas.rubber = None
        elif event.button() != Qt.MouseButton.LeftButton:
            return False
        elif event.modifiers() & _Control:
            self.hovered.emit(at)
            (self.paired if event.modifiers() & _Shift else self.chosen).emit()
        elif event.modifiers() & _Shift and self.tool == WALK:
            self.picked.emit(self._canvas.view.place(at))
        elif self.tool == WALK:
            self._drag, self._clicked = WALK, True
            self.walk_began.emit()
            self.walked.emit(self._canvas.view.place(at))
        else:
            self._drag, self._anchored = self.tool, False
            self.adding = bool(event.modifiers() & _Shift)
            self._canvas.rubber = np.array([self._canvas.view.place(at)])
        self._canvas.setFocus(Qt.FocusReason.MouseFocusReason)
        return True

    def _moved(self, event: QMouseEvent) -> bool:
        at, canvas = event.position(), self._canvas
        if not self._drag:
            self.hovered.emit(at)
            return True
        if self._drag == "menu" and (at - self._began).manhattanLength() > _CLICK:
            self._drag = "pan"
        if self._drag == "pan":
            canvas.set_view(canvas.view.moved(at.x() - self._last.x(), at.y() - self._last.y()))
            canvas.setCursor(Qt.CursorShape.ClosedHandCursor)
            self._last = at
        elif self._drag == WALK:
            self.walked.emit(canvas.view.place(at))
        elif self._drag == BOX:
            canvas.rubber = box(canvas.view.place(self._began), canvas.view.place(at))
            canvas.update()
        elif self._drag == LASSO and (at - self._last).manhattanLength() >= _APART:
            assert canvas.rubber is not None
            canvas.rubber = np.concatenate([canvas.rubber, [canvas.view.place(at)]])
            self._last = at
            canvas.update()
        return True

    def _released(self, event: QMouseEvent) -> bool:
        drag, self._drag = self._drag, ""
        if drag == WALK:
            self.walk_ended.emit()
        elif drag == "menu":
            self.menu_wanted.emit(event.globalPosition().toPoint())
        elif drag in (BOX, LASSO):
            self._enclose()
        elif drag == "pan":
            self.set_tool(self.tool)
        return bool(drag)

    def _enclose(self) -> None:
        corners = self._canvas.rubber
        self.drop()
        if corners is not None and len(corners) >= 3:
            self.enclosed.emit(corners)

    def _doubled(self, event: QMouseEvent) -> bool:
        if event.button() == Qt.MouseButton.LeftButton:
            if self._clicked:
                self._clicked = False
                self.walk_undone.emit()
            self._canvas.fit()
        return True

    def _wheeled(self, event: QWheelEvent) -> bool:
        turned = event.angleDelta().y() or event.angleDelta().x()
        self._zoom(_WHEEL**turned, event.position())
        event.accept()
        return True

    def _pinched(self, event: QNativeGestureEvent) -> bool:
        if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self._zoom(1 + event.value(), event.position())
            return True
        return False

    def _zoom(self, factor: float, around: QPointF) -> None:
        self.hovered.emit(None)
        self._canvas.set_view(self._canvas.view.zoomed(max(factor, 0.1), around))

    def _left(self, _event: QEvent) -> bool:
        self.hovered.emit(None)
        return False

    # ---- keys ----

    def _overrides(self, event: QKeyEvent) -> bool:
        """Keep our keys from the window's shortcuts, Esc only while there is something to end."""
        key = Qt.Key(event.key())
        ours = key in _KEYS or (key == Qt.Key.Key_Escape and self._ends_something)
        if ours and not event.modifiers() & Qt.KeyboardModifier.AltModifier:
            event.accept()
            return True
        return False

    @property
    def _ends_something(self) -> bool:
        return self._canvas.rubber is not None or self.tool != WALK or self.can_escape

    def _key(self, event: QKeyEvent) -> bool:
        key, modifiers, canvas = Qt.Key(event.key()), event.modifiers(), self._canvas
        if key in _ARROWS:
            columns, rows = _ARROWS[key]
            if modifiers & _Control:
                area = canvas.view.area
                canvas.set_view(canvas.view.moved(-columns * area.width() * _PANNED, rows * area.height() * _PANNED))
            else:
                self.stepped.emit((columns, rows, LONG_STEP if modifiers & _Shift else STEP))
                self._stretch()
        elif key in _ENTER:
            self._enter(modifiers)
        elif key in _ZOOM:
            canvas.set_view(canvas.view.zoomed(_ZOOM[key], canvas.view.area.center()))
        elif key == Qt.Key.Key_F and not modifiers:
            canvas.fit()
        elif key == Qt.Key.Key_E and not modifiers:
            self.equal_wanted.emit()
        elif key == Qt.Key.Key_Space:
            self._space = True
        elif key in TOOL_KEYS and not modifiers:
            self.tool_wanted.emit(TOOL_KEYS[key])
        elif key == Qt.Key.Key_Escape and self._ends_something:
            self._escape()
        else:
            return False
        return True

    def _escape(self) -> None:
        """End one thing: the line that is drawn, else the selection, else the tool."""
        if self._canvas.rubber is not None:
            self.drop()
        elif self.can_escape:
            self.escaped.emit()
        else:
            self.tool_wanted.emit(WALK)

    def _key_up(self, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
        return False

    def _lost(self, _event: QEvent) -> bool:
        """End what a button had begun: its release may go elsewhere."""
        self._space = False
        if self._drag == WALK:
            self.walk_ended.emit()
        self._drag = ""
        self.hovered.emit(None)
        return False

    def _enter(self, modifiers: Qt.KeyboardModifier) -> None:
        """Choose the hovered item, or go on with a line: its corners are where the cursor is."""
        at = self._canvas.marks.places.get("cursor")
        if modifiers & _Shift and modifiers & _Control:
            self.paired.emit()
        elif modifiers & _Shift and at is not None:
            self.picked.emit(at)
        elif self.tool == WALK or modifiers & _Control or at is None:
            self.chosen.emit()
        elif not self._anchored or self._canvas.rubber is None:
            self._anchored, self.adding = True, False
            self._canvas.rubber = np.array([at, at])
        elif self.tool == BOX or np.allclose(self._canvas.rubber[-2], at):
            self._enclose()
        else:
            self._canvas.rubber = np.concatenate([self._canvas.rubber, [at]])
            self._canvas.update()

    def _stretch(self) -> None:
        """Let the line that is drawn by keys end where the cursor is."""
        at, canvas = self._canvas.marks.places.get("cursor"), self._canvas
        if self._anchored and at is not None and canvas.rubber is not None:
            first = (float(canvas.rubber[0, 0]), float(canvas.rubber[0, 1]))
            canvas.rubber = box(first, at) if self.tool == BOX else np.concatenate([canvas.rubber[:-1], [at]])
            canvas.update()

"""A black sheet to draw on in white, and what a model sees of the drawing."""

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPointingDevice,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer import given
from explorer.messages import Pixels
from explorer.ui import theme
from explorer.ui.picture_grid import to_image

_CANVAS = 320  # pixels of the drawing's longer side, or a little more
_MOST_UNDO = 40
_WIDTHS = (0.02, 0.2)  # of the frame's shorter side
_USUAL_WIDTH = 0.085  # about that of MNIST's strokes
_WIDER = 1.2
_LIGHTEST = 0.3  # of the width, where a pen touches the sheet without pressure
_ARROWS = {
    Qt.Key.Key_Left: QPointF(-1, 0),
    Qt.Key.Key_Right: QPointF(1, 0),
    Qt.Key.Key_Up: QPointF(0, -1),
    Qt.Key.Key_Down: QPointF(0, 1),
}
_KEYS = {
    *_ARROWS, Qt.Key.Key_Space, Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_BracketLeft,
    Qt.Key.Key_BracketRight, Qt.Key.Key_E,
}  # fmt: skip
_TIP = (
    "Draw with the mouse or a pen (its pressure counts); the right button or the pen's other end erases. Wheel or "
    "[ and ]: width of the stroke. Ctrl+Z takes the last stroke back, Delete clears. By keyboard: the arrows move the "
    "pen (with Shift farther), Space puts it down and lifts it, E turns it into an eraser"
)


class DrawPad(QWidget):
    """A sheet in the proportions of a model's items, drawn on much finer than they are.

    ``drawn`` carries what the model sees of the drawing, (height, width, channels) uint8, at each move of the pen:
    whoever hears it throttles what follows. ``finished`` says that a stroke has ended or the sheet was changed at once.
    """

    drawn = Signal(object)
    finished = Signal()

    def __init__(self, shape: tuple[int, int, int] = (28, 28, 1)) -> None:
        super().__init__()
        self._shape = (0, 0, 0)
        self._centred = True
        self._canvas = QImage()
        self._before: list[QImage] = []
        self._last: QPointF | None = None  # where the pen was; None while it is up
        self._erasing = self.eraser = False
        self._pen = QPointF()  # of the keyboard, on the canvas
        self._pen_shown = self._pen_down = False
        self.stroke_width = _USUAL_WIDTH
        self.color = QColor("white")
        self.hint = "draw here"
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_TabletTracking, False)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(96, 96)
        self.setToolTip(_TIP)
        self.setAccessibleName("sheet to draw on")
        self.setAccessibleDescription(_TIP)
        theme.current().changed.connect(self.update)
        self.set_shape(shape)

    def sizeHint(self) -> QSize:
        """Return a size that one can draw on."""
        return QSize(280, 280)

    # ---- what is drawn ----

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return (height, width, channels) of what the model sees."""
        return self._shape

    def set_shape(self, shape: tuple[int, int, int]) -> None:
        """Take the shape (height, width, channels) of a model's items; a drawing of another shape is cleared."""
        if shape == self._shape:
            return
        self._shape = shape
        height, width, channels = shape
        finer = max(1, -(-_CANVAS // max(height, width)))
        kind = QImage.Format.Format_Grayscale8 if channels == 1 else QImage.Format.Format_RGB888
        self._canvas = QImage(width * finer, height * finer, kind)
        self._canvas.fill(QColor("black"))
        self._before = []
        self._lift()
        self._pen = QPointF(self._canvas.width() / 2, self._canvas.height() / 2)
        self.update()

    @property
    def canvas(self) -> Pixels:
        """Return the drawing as it is on the sheet, (height, width, channels), finer than the model sees it."""
        image, channels = self._canvas, self._shape[2]
        lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        pixels: Pixels = lines[:, : image.width() * channels].reshape(image.height(), image.width(), channels).copy()
        return pixels

    @property
    def pixels(self) -> Pixels:
        """Return what the model sees of the drawing, (height, width, channels); black where nothing is drawn."""
        return (given.centred if self._centred else given.reduced)(self.canvas, self._shape)

    @property
    def empty(self) -> bool:
        """Return whether nothing is drawn."""
        return not self.canvas.any()

    def set_pixels(self, pixels: Pixels) -> None:
        """Lay a picture (height, width, channels) on the sheet, to go on drawing on it; it can be taken back."""
        if pixels.shape != self._shape:
            raise ValueError(f"a picture of shape {pixels.shape} does not fit a sheet of {self._shape}")
        self._remember()
        self._canvas = (
            to_image(pixels).scaled(self._canvas.size()).convertToFormat(self._canvas.format())
        )  # sharp: seen by the model as it was
        self._changed()
        self.finished.emit()

    @property
    def centred(self) -> bool:
        """Return whether the drawing is scaled and moved to the middle, as digits of MNIST are."""
        return self._centred

    @centred.setter
    def centred(self, on: bool) -> None:
        if on != self._centred:
            self._centred = on
            self._changed()
            self.finished.emit()

    def clear(self) -> None:
        """Take everything off the sheet; it can be taken back."""
        if not self.empty:
            self._remember()
            self._canvas.fill(QColor("black"))
            self._changed()
            self.finished.emit()

    def undo(self) -> None:
        """Take the last stroke back, or whatever changed the sheet last."""
        if self._before:
            self._lift()
            self._canvas = self._before.pop()
            self._changed()
            self.finished.emit()

    @property
    def undoable(self) -> bool:
        """Return whether there is a stroke to take back."""
        return bool(self._before)

    def _remember(self) -> None:
        self._before = [*self._before[1 - _MOST_UNDO :], self._canvas.copy()]

    def _changed(self) -> None:
        self.update()
        self.drawn.emit(self.pixels)

    def set_stroke_width(self, share: float) -> None:
        """Set the width of the stroke, as a share of the frame's shorter side."""
        self.stroke_width = min(max(share, _WIDTHS[0]), _WIDTHS[1])
        self.update()

    # ---- strokes ----

    def _begin(self, at: QPointF, pressure: float, *, erasing: bool) -> None:
        self._remember()
        self._erasing = erasing or self.eraser
        self._last = at
        self._move(at, pressure)

    def _move(self, at: QPointF, pressure: float = 1.0) -> None:
        """Draw from where the pen was to ``at``, both on the canvas; a dot where that is the same."""
        if self._last is None:
            return
        shorter = min(self._canvas.width(), self._canvas.height())
        width = self.stroke_width * shorter * (_LIGHTEST + (1 - _LIGHTEST) * pressure)
        painter = QPainter(self._canvas)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = QColor("black") if self._erasing else self.color
        painter.setPen(
            QPen(color, width * (2 if self._erasing else 1), c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin)
        )
        if QLineF(self._last, at).length() < 0.01:
            painter.drawPoint(at)
        else:
            painter.drawLine(self._last, at)
        painter.end()
        self._last = at
        self._changed()

    def _lift(self) -> None:
        """End the stroke, if there is one."""
        if self._last is not None:
            self._last = None
            self._pen_down = False
            self.finished.emit()

    def _frame(self) -> QRectF:
        """Return where the sheet is in the widget."""
        scale = min((self.width() - 2) / self._canvas.width(), (self.height() - 2) / self._canvas.height())
        width, height = self._canvas.width() * scale, self._canvas.height() * scale
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)

    def _on_canvas(self, at: QPointF) -> QPointF:
        frame = self._frame()
        scale = self._canvas.width() / frame.width()
        return QPointF((at.x() - frame.left()) * scale, (at.y() - frame.top()) * scale)

    # ---- mouse and pen ----

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke; the right button erases."""
        if self._pen_down:
            self._lift()
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton) and self._last is None:
            self._pen_shown = False
            self._begin(self._on_canvas(event.position()), 1.0, erasing=event.button() == Qt.MouseButton.RightButton)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with the stroke."""
        if event.buttons() and not self._pen_down:
            self._move(self._on_canvas(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the stroke."""
        if not event.buttons() and not self._pen_down:
            self._lift()

    def tabletEvent(self, event: QTabletEvent) -> None:
        """Draw with a pen: the harder, the wider; its other end erases."""
        at, kind = self._on_canvas(event.position()), event.type()
        if kind == QEvent.Type.TabletPress:
            self._pen_shown = False
            erasing = event.pointerType() == QPointingDevice.PointerType.Eraser
            self._begin(at, event.pressure(), erasing=erasing or event.button() == Qt.MouseButton.RightButton)
        elif kind == QEvent.Type.TabletMove:
            self._move(at, event.pressure())
        elif kind == QEvent.Type.TabletRelease:
            self._lift()
        event.accept()  # or Qt makes a mouse event of it

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Set the width of the stroke."""
        if event.angleDelta().y():
            self.set_stroke_width(self.stroke_width * (_WIDER if event.angleDelta().y() > 0 else 1 / _WIDER))
        event.accept()

    # ---- keyboard ----

    def event(self, event: QEvent) -> bool:
        """Keep the keys that draw from the window's shortcuts while the sheet has the focus."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            plain = not event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
            if (plain and Qt.Key(event.key()) in _KEYS) or event.matches(QKeySequence.StandardKey.Undo):
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the pen, put it down and lift it, undo, clear, change its width."""
        key = Qt.Key(event.key())
        if event.matches(QKeySequence.StandardKey.Undo):
            self.undo()
        elif key in _ARROWS:
            self._go(_ARROWS[key], far=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif key == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._pen_shown = True
            if self._pen_down:
                self._lift()
            elif self._last is None:
                self._pen_down = True
                self._begin(QPointF(self._pen), 1.0, erasing=False)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.clear()
        elif key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight):
            self.set_stroke_width(self.stroke_width * (_WIDER if key == Qt.Key.Key_BracketRight else 1 / _WIDER))
        elif key == Qt.Key.Key_E:
            self.eraser = not self.eraser
        else:
            super().keyPressEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Lift the keyboard's pen."""
        super().focusOutEvent(event)
        if self._pen_down:
            self._lift()
        self.update()

    def _go(self, way: QPointF, *, far: bool) -> None:
        """Move the keyboard's pen by a fortieth of the sheet, or far by a tenth."""
        step = max(self._canvas.width(), self._canvas.height()) / (10 if far else 40)
        self._pen = QPointF(
            min(max(self._pen.x() + way.x() * step, 0.0), float(self._canvas.width())),
            min(max(self._pen.y() + way.y() * step, 0.0), float(self._canvas.height())),
        )
        self._pen_shown = True
        if self._pen_down:
            self._move(QPointF(self._pen))

    # ---- painting ----

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the sheet, what is on it, and the keyboard's pen."""
        colors, frame = theme.colors(), self._frame()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        rounded = QPainterPath()
        rounded.addRoundedRect(frame, 6, 6)
        painter.save()
        painter.setClipPath(rounded)
        painter.drawImage(frame, self._canvas)
        painter.restore()
        painter.setPen(QPen(QColor(colors.accent if self.hasFocus() else colors.border), 1.5 if self.hasFocus() else 1))
        painter.drawPath(rounded)
        if self.empty:
            painter.setPen(QColor(theme.DARK.muted))  # the sheet is black in both themes
            painter.drawText(frame, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.hint)
        if self._pen_shown and self.hasFocus():
            self._paint_pen(painter, frame)
        painter.end()

    def _paint_pen(self, painter: QPainter, frame: QRectF) -> None:
        scale = frame.width() / self._canvas.width()
        at = QPointF(frame.left() + self._pen.x() * scale, frame.top() + self._pen.y() * scale)
        radius = max(3.0, self.stroke_width * min(frame.width(), frame.height()) / 2)
        painter.setPen(QPen(QColor(theme.colors().second if self._pen_down else theme.colors().accent), 2))
        painter.drawEllipse(at, radius, radius)

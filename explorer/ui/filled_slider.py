"""The slider of the app: a float slider filled from a point of origin to its value."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget
from superqt import QDoubleSlider

from explorer.ui import theme

_KNOB = 8


class FilledSlider(QDoubleSlider):
    """A horizontal slider; a press brings the knob under the mouse, the right button brings it to the origin.

    Args:
        origin: the value from which the groove is filled.
    """

    def __init__(self, origin: float = 0.0, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._origin = origin
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumWidth(90)

    def sizeHint(self) -> QSize:
        """Return the usual size of a slider."""
        return QSize(160, 2 * _KNOB + 6)

    def groove(self) -> tuple[float, float]:
        """Return where the groove begins and ends, in pixels from the left."""
        return _KNOB, self.width() - _KNOB

    def ends(self) -> tuple[float, float]:
        """Return the values at the two ends of the groove."""
        return float(self.minimum()), float(self.maximum())

    def _x(self, value: float) -> float:
        (left, right), (low, high) = self.groove(), self.ends()
        return left + min(1.0, max(0.0, (value - low) / max(high - low, 1e-9))) * (right - left)

    def value_at(self, x: float) -> float:
        """Return the value whose knob would be at x."""
        (left, right), (low, high) = self.groove(), self.ends()
        return low + min(1.0, max(0.0, (x - left) / max(1.0, right - left))) * (high - low)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move by a step, by a page, or to an end: superqt leaves the keys to us."""
        step, page = self.singleStep(), self.pageStep()
        moves = {
            Qt.Key.Key_Left: -step,
            Qt.Key.Key_Down: -step,
            Qt.Key.Key_Right: step,
            Qt.Key.Key_Up: step,
            Qt.Key.Key_PageDown: -page,
            Qt.Key.Key_PageUp: page,
            Qt.Key.Key_Home: self.minimum() - self.value(),
            Qt.Key.Key_End: self.maximum() - self.value(),
        }
        move = moves.get(Qt.Key(event.key()))
        if move is None:
            super().keyPressEvent(event)
        else:
            self.setValue(round(float(self.value() + move), 6))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Bring the knob under the mouse, or to the origin."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.setValue(self.value_at(event.position().x()))
        elif event.button() == Qt.MouseButton.RightButton:
            self.setValue(self._origin)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the knob."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.setValue(self.value_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self.setSliderDown(False)

    def fill(self) -> QColor:
        """Return the colour of filling and knob."""
        colors = theme.colors()
        return QColor(colors.accent if self.isEnabled() else colors.muted)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint groove, filling and knob."""
        colors = theme.colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        left, right = self.groove()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colors.faint))
        painter.drawRoundedRect(QRectF(left, middle - 2, right - left, 4), 2, 2)
        zero, here = self._x(self._origin), self._x(float(self.value()))
        accent = self.fill()
        painter.setBrush(accent)
        painter.drawRoundedRect(QRectF(min(zero, here), middle - 2, abs(here - zero), 4), 2, 2)
        painter.setPen(QPen(accent, 2.5))
        painter.setBrush(accent if self.hasFocus() or self.isSliderDown() else QColor(colors.knob))
        painter.drawEllipse(QPointF(here, middle), _KNOB - 2.5, _KNOB - 2.5)
        painter.end()

"""The plot widget of the app: round axes, and signals that tell where the mouse is and which way the keys go."""

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QMenu

from explorer.ui.plot_style import STANDS_OUT, RoundAxis

TO_THE_END = 10**6  # steps, or more
_KEYS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Home: -TO_THE_END, Qt.Key.Key_End: TO_THE_END}
_PASSED = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier  # on a Mac arrows are of the keypad
_LEFT = 46  # pixels for the numbers of the vertical axis


class _View(pg.ViewBox):
    """The view of a plot; the right button opens a menu of ours where there is one."""

    def __init__(self, menu: QMenu | None) -> None:
        super().__init__(enableMenu=menu is None)
        self._ours = menu

    def mouseClickEvent(self, event: Any) -> None:
        if self._ours is not None and event.button() == Qt.MouseButton.RightButton:
            event.accept()
            self._ours.popup(event.screenPos().toPoint())
        else:
            super().mouseClickEvent(event)


class WatchedPlot(pg.PlotWidget):
    """A plot that tells where the mouse is over it, and which way the keys go.

    ``hovered`` carries a QPointF in pixels, ``stepped`` how many steps to the right (many: to the end), ``left`` says
    that there is nothing to show any more, ``fitted`` that the content shall be fitted (a double click).

    Args:
        menu: what the right button opens; the arrows, Home, End and Esc are for the plot then. Without one it opens
            pyqtgraph's own, and the keys are for the page.
    """

    hovered = Signal(object)
    stepped = Signal(int)
    left = Signal()
    fitted = Signal()

    def __init__(self, menu: QMenu | None) -> None:
        super().__init__(viewBox=_View(menu), axisItems={name: RoundAxis(name) for name in ("left", "bottom")})
        self._keys = menu is not None
        self.watched = False  # whether a crosshair is shown, which Esc hides
        self.item = self.getPlotItem()
        self.view = self.item.getViewBox()
        self.setMinimumSize(120, 90)
        self.item.hideButtons()
        self.item.setMenuEnabled(False, None)  # pyqtgraph's transforms know nothing of what is drawn here
        self.item.showGrid(y=True, alpha=1.0)
        self.item.getAxis("left").setWidth(_LEFT)
        self.item.layout.setContentsMargins(1, STANDS_OUT[1], STANDS_OUT[0], 1)

    @property
    def area(self) -> QRectF:
        """Return where the data are, in pixels."""
        return QRectF(self.mapFromScene(self.view.sceneBoundingRect()).boundingRect())

    def place_at(self, at: QPointF) -> float:
        """Return the place on the horizontal axis that is at a pixel."""
        return float(self.view.mapSceneToView(self.mapToScene(at.toPoint())).x())

    def event(self, event: QEvent) -> bool:
        """Keep Esc from the window's shortcuts while there is something to hide."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and self._keys:
            escape = event.key() == Qt.Key.Key_Escape and self.watched
            if escape or (Qt.Key(event.key()) in _KEYS and not event.modifiers() & ~_PASSED):
                event.accept()
                return True
        return bool(super().event(event))

    def viewportEvent(self, event: QEvent) -> bool:
        """Show no tooltip over the values."""
        if event.type() == QEvent.Type.ToolTip and self.watched:
            return True
        return bool(super().viewportEvent(event))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        if event.buttons() == Qt.MouseButton.NoButton:
            self.hovered.emit(event.position())
        else:
            self.left.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.fitted.emit()
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.left.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.left.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._keys and event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.stepped.emit(0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _KEYS.get(Qt.Key(event.key())) if self._keys else None
        if step is not None:
            self.stepped.emit(step * (10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1))
        elif event.key() == Qt.Key.Key_Escape and self._keys and self.watched:
            self.left.emit()
        else:
            super().keyPressEvent(event)

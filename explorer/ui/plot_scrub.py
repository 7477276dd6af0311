"""A plot whose cursor can be dragged: a press or a drag in it goes there."""

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent

from explorer.ui.curve_plot import CurvePlot


class PlotScrub(QObject):
    """Takes the left button of a plot for its cursor; wheel, double click and right button stay as they are.

    ``went`` carries the x that was pressed or dragged to.
    """

    went = Signal(float)

    def __init__(self, plot: CurvePlot) -> None:
        super().__init__(plot)
        self._plot = plot
        self._dragging = False
        plot.plot.viewport().installEventFilter(self)
        plot.plot.viewport().setCursor(Qt.CursorShape.SizeHorCursor)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Go where the left button is pressed or dragged, instead of panning."""
        if not isinstance(event, QMouseEvent):
            return super().eventFilter(watched, event)
        left, at = Qt.MouseButton.LeftButton, event.position()
        if event.type() == QEvent.Type.MouseButtonPress and event.button() == left:
            self._dragging = self._plot.plot.area.contains(at)
            if self._dragging:
                self._go(at)
            return self._dragging
        if event.type() == QEvent.Type.MouseMove and self._dragging:
            self._go(at)
            return True
        if event.type() == QEvent.Type.MouseButtonRelease and event.button() == left and self._dragging:
            self._dragging = False
            return True
        return super().eventFilter(watched, event)

    def _go(self, at: QPointF) -> None:
        self.went.emit(self._plot.scale.x_at(self._plot.plot.place_at(at)))

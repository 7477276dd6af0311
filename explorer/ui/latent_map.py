"""The scatter of q(z|x) means, and a cursor in it that can be walked."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QPainterPath
from PySide6.QtWidgets import QComboBox, QHBoxLayout

from explorer.messages import LatentMap
from explorer.ui import theme
from explorer.ui.latent_sliders import EXTENT
from explorer.ui.panel import Panel, empty, label
from explorer.ui.plot_style import dress


def _crosshair() -> QPainterPath:
    """Return a ring with four ticks, in the unit square that pyqtgraph scales to the symbol's size."""
    path = QPainterPath()
    path.addEllipse(QPointF(0, 0), 0.3, 0.3)
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        path.moveTo(0.18 * x, 0.18 * y)
        path.lineTo(0.5 * x, 0.5 * y)
    return path


_SIZE, _SMALL, _MANY = 6, 4, 3000  # pixels; smaller where there are many points


class _Spots(pg.ScatterPlotItem):
    """Points that leave clicks to the view behind them: a click on a point is a click at its place."""

    def mouseClickEvent(self, event: Any) -> None:
        event.ignore()


class _WalkBox(pg.ViewBox):
    """A view in which the left button sets a point and drags it; wheel zooms, the middle button pans."""

    walked = Signal(object)

    def _tell(self, scene_position: QPointF) -> None:
        self.walked.emit(self.mapSceneToView(scene_position))

    def mouseClickEvent(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            if event.double():
                self.autoRange()
            else:
                self._tell(event.scenePos())
            return
        super().mouseClickEvent(event)

    def mouseDragEvent(self, event: Any, axis: object = None) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            self._tell(event.scenePos())
            return
        super().mouseDragEvent(event, axis)


class LatentScatter(Panel):
    """The latent map: points by class, any two dimensions as axes; ``walked`` carries (dimension → value)."""

    walked = Signal(object)

    def __init__(self) -> None:
        super().__init__("Latent space", "Each point is the mean μ(x) of q(z|x) for one image of the data set")
        self._map: LatentMap | None = None
        self._names: Sequence[str] = ("z₀", "z₁")
        self._z = np.zeros(2, np.float32)
        self.axes = (0, 1)
        self._boxes = tuple(QComboBox() for _ in range(2))
        for box, which in zip(self._boxes, ("horizontal", "vertical"), strict=True):
            box.setToolTip(f"The latent dimension on the {which} axis")
            box.setAccessibleName(f"{which} axis")
            box.currentIndexChanged.connect(self._choose_axes)
            self.head.addWidget(box)
        self._legend = QHBoxLayout()
        self._legend.setSpacing(14)
        self.body.addLayout(self._legend)
        self._view = _WalkBox()
        self._view.walked.connect(self._walk)
        self.plot = pg.PlotWidget(viewBox=self._view)
        self.plot.setAccessibleName("latent map")
        self.plot.setToolTip("Click to decode the point there, drag to walk, wheel to zoom, double click to fit")
        self.item = self.plot.getPlotItem()
        self.item.hideButtons()
        self.item.showGrid(x=True, y=True, alpha=0.6)
        self._points = _Spots(pxMode=True, size=6, pen=None)
        self._cross = _Spots(pxMode=True, size=30, symbol=_crosshair(), brush=None)
        for item in (self._points, self._cross):
            self.item.addItem(item)
        self.body.addWidget(self.plot, 1)
        self.body.addWidget(label("click to decode · drag to walk · wheel to zoom · double click to fit", "muted"))
        theme.current().changed.connect(self._recolor)

    def set_map(self, latent_map: LatentMap, names: Sequence[str], items_are: str = "images") -> None:
        """Show the means of a model whose dimensions have these names; the two most informative become the axes."""
        self._map = latent_map
        self._z = np.zeros(latent_map.means.shape[1], np.float32)
        items, size = latent_map.means.shape
        number = f"{items:,}".replace(",", " ")
        kind = "test" if latent_map.split == "test" else "training"
        what = "q(z|x) means" if len(latent_map.kl_per_dimension) else "codes"
        self.title.setText(f"Latent space · {what} of {number} {kind} {items_are}")
        self._names = names
        order = latent_map.order()
        self.axes = (order[0], order[1] if size > 1 else order[0])
        for box, axis in zip(self._boxes, self.axes, strict=True):
            box.blockSignals(True)
            box.clear()
            box.addItems(list(names))
            box.setCurrentIndex(axis)
            box.setVisible(size > 2)
            box.blockSignals(False)
        self._recolor()
        self._view.autoRange()

    def _choose_axes(self) -> None:
        self.axes = (self._boxes[0].currentIndex(), self._boxes[1].currentIndex())
        self._draw()
        self._view.autoRange()
        self.set_cursor(self._z)

    def _draw(self) -> None:
        if self._map is None:
            return
        brushes = [pg.mkBrush(QColor(color)) for color in theme.colors().classes]
        x, y = self._map.means[:, self.axes[0]], self._map.means[:, self.axes[1]]
        chosen = [brushes[int(k) % len(brushes)] for k in self._map.labels]
        self._points.setData(x=x, y=y, brush=chosen, size=_SIZE if len(x) <= _MANY else _SMALL)
        for name, axis in zip(("bottom", "left"), self.axes, strict=True):
            self.item.setLabel(name, self._names[axis], color=theme.colors().muted)
        self._draw_legend()

    def _draw_legend(self) -> None:
        assert self._map is not None
        empty(self._legend)
        for name in np.unique(self._map.labels):
            color = theme.colors().classes[int(name) % len(theme.colors().classes)]
            entry = label(f"<span style='color:{color}'>■</span> {int(name)}")
            entry.setToolTip(f"Images of class {int(name)}")
            self._legend.addWidget(entry)
        self._legend.addStretch(1)

    def _walk(self, point: QPointF) -> None:
        if self._map is None:
            return
        x, y = (float(np.clip(value, -EXTENT * 2, EXTENT * 2)) for value in (point.x(), point.y()))
        self.walked.emit({self.axes[1]: y, self.axes[0]: x})

    def set_cursor(self, z: np.ndarray) -> None:
        """Put the cursor where z is on the two axes shown."""
        self._z = z
        self._cross.setData(x=[float(z[self.axes[0]])], y=[float(z[self.axes[1]])])

    @property
    def cursor_at(self) -> tuple[float, float]:
        """Return where the cursor is, in the units of the axes."""
        x, y = self._cross.getData()
        return float(x[0]), float(y[0])

    def _recolor(self) -> None:
        colors = theme.colors()
        dress(self.plot)
        self._cross.setPen(pg.mkPen(colors.text, width=2))
        self._draw()

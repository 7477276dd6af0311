"""Shapes of points to begin a drawing with: those of the catalog, a grid, and letters."""

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QTransform

from explorer.data import points
from explorer.messages import Floats
from explorer.ui import theme
from explorer.ui.points_layers import EXTENT

COUNT = 2000  # points of a shape
SHAPES = {
    "two-moons": "Two moons", "gaussian-ring": "Ring of Gaussians", "swiss-roll": "Swiss roll",
    "pinwheel": "Pinwheel", "checkerboard": "Checkerboard", "grid": "Grid of Gaussians",
}  # fmt: skip
LONGEST_TEXT = 12
_ACROSS, _NODES, _SPREAD = 2.6, 5, 0.08  # units of the axes
_SIDE = 600  # pixels that letters are drawn on


def shape(name: str) -> Floats:
    """Return the points of one of ``SHAPES``, (COUNT, 2), within −3..3."""
    if name != "grid":
        return np.clip(points.draw(name, COUNT)[0], -EXTENT, EXTENT)
    random = np.random.RandomState(0)
    nodes = np.linspace(-2, 2, _NODES)
    chosen = nodes[random.randint(_NODES, size=(COUNT, 2))] + _SPREAD * random.randn(COUNT, 2)
    return chosen.astype(np.float32)


def letters(text: str) -> Floats:
    """Return points that fill a text evenly, (COUNT, 2), about as wide as the plane; (0, 2) where there are none."""
    path = QPainterPath()
    path.addText(0, 0, theme.font(200, bold=True), text.strip()[:LONGEST_TEXT])
    bounds: QRectF = path.boundingRect()
    if bounds.isEmpty():
        return np.zeros((0, 2), np.float32)
    scale = min(_SIDE / bounds.width(), _SIDE / bounds.height()) * _ACROSS / EXTENT
    turn = QTransform().translate(_SIDE / 2, _SIDE / 2).scale(scale, scale)
    image = QImage(_SIDE, _SIDE, QImage.Format.Format_Grayscale8)
    image.fill(0)
    painter = QPainter(image)
    painter.fillPath((turn.translate(-bounds.center().x(), -bounds.center().y())).map(path), QColor("white"))
    painter.end()
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(_SIDE, image.bytesPerLine())[:, :_SIDE]
    inside = np.argwhere(rows > 127)
    if not len(inside):
        return np.zeros((0, 2), np.float32)
    random = np.random.RandomState(0)
    chosen = inside[random.randint(len(inside), size=COUNT)] + random.rand(COUNT, 2)
    scaled = chosen / _SIDE * 2 * EXTENT - EXTENT
    return np.stack([scaled[:, 1], -scaled[:, 0]], axis=1).astype(np.float32)

"""The decoded grid behind the map: what the decoder makes of the places that are seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

from explorer import images
from explorer.messages import Floats, Pixels
from explorer.ui.map_planes import Plane
from explorer.ui.map_viewport import Viewport
from explorer.ui.picture_grid import to_image

_CELL = 44  # pixels of the screen, about
_SAME = 1e-5  # σ: walking within the plane leaves it as it is, up to rounding


@dataclass(frozen=True)
class Cells:
    """Rows and columns of pictures that fill the part x0..x1, y0..y1 of a plane."""

    rows: int
    columns: int
    x0: float
    x1: float
    y0: float
    y1: float

    @classmethod
    def of(cls, view: Viewport) -> "Cells":
        """Return about square cells that fill what is seen."""
        columns = max(2, round(view.area.width() / _CELL))
        rows = max(2, round(view.area.height() / (view.area.width() / columns)))
        return cls(rows, columns, view.x0, view.x1, view.y0, view.y1)

    @property
    def centres(self) -> NDArray[np.float64]:
        """Return the middle (rows · columns, 2) of each cell, row by row from above."""
        x = self.x0 + (np.arange(self.columns) + 0.5) / self.columns * (self.x1 - self.x0)
        y = self.y1 - (np.arange(self.rows) + 0.5) / self.rows * (self.y1 - self.y0)
        across, up = np.meshgrid(x, y)
        return np.stack([across.ravel(), up.ravel()], 1)

    def area(self, view: Viewport) -> QRectF:
        """Return where they are, in pixels."""
        return QRectF(view.pixel(self.x0, self.y1), view.pixel(self.x1, self.y0))


class MapGrid:
    """Knows which pictures are shown and which were asked for last."""

    def __init__(self) -> None:
        self.shown: Cells | None = None
        self.pixels: Pixels | None = None
        self._image: QImage | None = None
        self._asked: tuple[Cells, Floats] | None = None

    def ask(self, view: Viewport, plane: Plane, z: Floats) -> tuple[Floats, int] | None:
        """Return the z (items, latent) whose pictures are wanted, and how many columns; None where nothing is new."""
        cells = Cells.of(view)
        wanted = plane.lift(cells.centres, z)
        if self._asked is not None and self._asked[0] == cells and np.allclose(self._asked[1], wanted, atol=_SAME):
            return None
        self._asked = cells, wanted
        return wanted, cells.columns

    def take(self, pixels: Pixels, z: Floats | None) -> bool:
        """Take pictures; return whether they are those asked for last. ``z`` tells which they are, where known."""
        if self._asked is None or len(pixels) != len(self._asked[1]):
            return False
        if z is not None and not np.array_equal(z, self._asked[1]):
            return False
        self.shown, self.pixels = self._asked[0], pixels
        self._image = to_image(images.tile(pixels, self.shown.columns, gap=0))
        return True

    def forget(self) -> None:
        """Show nothing, and ask anew."""
        self.shown = self.pixels = self._image = self._asked = None

    def again(self) -> None:
        """Ask anew, and show what there is until then."""
        self._asked = None

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Paint the pictures where they belong in the plane."""
        if self.shown is None or self._image is None:
            return
        painter.save()
        painter.setClipRect(view.area)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(self.shown.area(view), self._image)
        painter.restore()

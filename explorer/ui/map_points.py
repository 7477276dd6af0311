"""The points of the map: antialiased dots up to twenty thousand, pixels above, or their density."""

from typing import cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPixmap
from shiboken6 import Shiboken

from explorer.ui import map_raster
from explorer.ui.map_colors import Coloring
from explorer.ui.map_planes import Points
from explorer.ui.map_viewport import Viewport

MOST_SPRITES = 20_000
_GRID = 256  # cells a side that points are sorted by: neighbours in the plane are neighbours in memory
_ALPHA = 222
_FADED = 0.25  # of points that are not selected, where there are too many to ring those that are
_MOST_RINGED = 60  # rings of more run together and hide the colours
_RING, _RING_WIDTH = 9, 1.2  # pixels


class MapPoints:
    """Places, colours, and which points are shown and selected; paints them into any viewport.

    ``version`` changes when points are elsewhere, or others are shown.
    """

    def __init__(self) -> None:
        self.places: Points = np.zeros((0, 2), np.float32)
        self.shown: NDArray[np.bool_] = np.zeros(0, bool)
        self.selected: NDArray[np.int64] = np.zeros(0, np.int64)
        self._coloring: Coloring | None = None
        self._order: NDArray[np.intp] | None = None  # of all that have a place
        self._visible: NDArray[np.intp] | None = None
        self._bounds: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._cells: map_raster.Cells | None = None
        self._colors: map_raster.Image | None = None
        self._density: tuple[object, NDArray[np.float64]] | None = None
        self.version = 0

    # ---- what they are ----

    def set_places(self, places: Points, *, moving: bool = False) -> None:
        """Put the points at places (items, 2); while they are moving their order in memory is not mended."""
        self.places = np.asarray(places, np.float32)
        if len(self.shown) != len(places):
            self.shown = np.ones(len(places), bool)
            self._order = None
        self._order = self._order if moving else None
        self._bounds = None
        self._forget()

    def set_shown(self, shown: NDArray[np.bool_]) -> None:
        """Show some of the points only, (items,)."""
        self.shown = shown
        self._forget()

    def set_colors(self, coloring: Coloring) -> None:
        """Colour the points."""
        self._coloring = coloring
        self._colors = None

    def select(self, indices: NDArray[np.int64]) -> None:
        """Mark points."""
        self.selected = indices
        self._colors = None

    def _forget(self) -> None:
        self._visible = self._cells = self._colors = None
        self.version += 1

    @property
    def visible(self) -> NDArray[np.intp]:
        """Return the indices of what is shown and has a place, as they lie in the plane where there are many."""
        if self._order is None:
            found = np.flatnonzero(np.isfinite(self.places[:, 0] + self.places[:, 1]))
            self._order = found if len(found) <= MOST_SPRITES else found[_as_they_lie(self.places[found])]
        if self._visible is None:
            self._visible = self._order[self.shown[self._order]]
        return self._visible

    @property
    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the lower and upper ends (2,) of where the points are, shown or not."""
        if self._bounds is None:
            finite = np.where(np.isfinite(self.places), self.places, np.nan)
            there = len(finite) > 0 and not np.isnan(finite).all(0).any()
            low, high = (np.nanmin(finite, 0), np.nanmax(finite, 0)) if there else (np.zeros(2), np.zeros(2))
            self._bounds = low.astype(np.float64), high.astype(np.float64)
        return self._bounds

    # ---- painting ----

    def paint(self, painter: QPainter, view: Viewport, ratio: float) -> None:
        """Paint the points into a viewport; ``ratio`` is the pixels of the device per pixel of the painter."""
        chosen = self.visible
        if self._coloring is None or not len(chosen):
            return
        painter.save()
        painter.setClipRect(view.area)
        if len(chosen) <= MOST_SPRITES:
            for part, opacity in self._parts:
                self._paint_sprites(painter, view, ratio, part, opacity)
        else:
            self._paint_raster(painter, view, ratio)
        painter.restore()

    def paint_vectors(self, painter: QPainter, view: Viewport) -> None:
        """Paint the points as circles, for a drawing; where there are too many, as a picture."""
        if len(self.visible) > MOST_SPRITES or self._coloring is None:
            self.paint(painter, view, 2.0)
            return
        size = map_raster.dot_size(len(self.visible)) - 0.5
        painter.setPen(Qt.PenStyle.NoPen)
        for part, opacity in self._parts:
            chosen, pixels = self._within(view, 0.0, part)
            alpha = round(_ALPHA * opacity)
            colors = [QColor(red, green, blue, alpha) for red, green, blue in self._coloring.palette.tolist()]
            for (x, y), which in zip(pixels.tolist(), self._coloring.which[chosen].tolist(), strict=True):
                painter.setBrush(colors[which])
                painter.drawEllipse(QPointF(x, y), size / 2, size / 2)

    @property
    def _parts(self) -> list[tuple[NDArray[np.intp], float]]:
        """Return what is painted how opaque: where more are selected than can be ringed, the rest has faded."""
        if len(self.selected) <= _MOST_RINGED:
            return [(self.visible, 1.0)]
        chosen = np.isin(self.visible, self.selected)
        return [(self.visible[~chosen], _FADED), (self.visible[chosen], 1.0)]

    def paint_rings(
        self, painter: QPainter, view: Viewport, ratio: float, color: str, *, vectors: bool = False
    ) -> None:
        """Paint rings around what is selected and shown; where there are too many, the rest has faded instead."""
        chosen = self.selected[self.shown[self.selected]] if len(self.selected) else self.selected
        if not len(chosen) or len(self.selected) > _MOST_RINGED:
            return
        _, pixels = self._within(view, 0.0, chosen)
        if vectors:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(color), _RING_WIDTH))
            for x, y in pixels.tolist():
                painter.drawEllipse(QPointF(x, y), _RING / 2 - 1, _RING / 2 - 1)
        elif len(pixels):
            atlas, cell = _ring(ratio, color)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            _stamp(painter, pixels, np.zeros(len(pixels)), atlas, cell, ratio)

    def _within(
        self, view: Viewport, margin: float, chosen: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return indices and pixels of those points that are seen, and of those so close around."""
        pixels = view.pixels(self.places[chosen])
        area = view.area.adjusted(-margin, -margin, margin, margin)
        x, y = pixels.T
        seen = (x >= area.left()) & (x <= area.right()) & (y >= area.top()) & (y <= area.bottom())
        return chosen[seen], pixels[seen]

    def _paint_sprites(
        self, painter: QPainter, view: Viewport, ratio: float, part: NDArray[np.intp], opacity: float
    ) -> None:
        assert self._coloring is not None
        chosen, pixels = self._within(view, _RING, part)
        if not len(chosen):
            return
        size = map_raster.dot_size(len(self.visible))
        atlas, cell = _atlas(self._coloring.palette, size, ratio)
        which = self._coloring.which[chosen].astype(np.float64)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        _stamp(painter, pixels, which, atlas, cell, ratio, opacity)

    def _paint_raster(self, painter: QPainter, view: Viewport, ratio: float) -> None:
        shape = (max(1, round(view.area.height() * ratio)), max(1, round(view.area.width() * ratio)))
        cells = self._found(view, shape, border := self._dot(view, ratio))
        image = map_raster.dots(cells, self._argb(), shape, border)
        _draw(painter, image, view.area)

    def _dot(self, view: Viewport, ratio: float) -> int:
        """Return the width of a dot: the larger the fewer are seen."""
        seen = len(self.visible)
        x, y = self.places[self.visible[:: max(1, seen // 10_000)]].T  # a sample tells
        share = np.mean((x >= view.x0) & (x <= view.x1) & (y >= view.y0) & (y <= view.y1))
        return max(1, round(map_raster.dot_size(int(seen * share)) * ratio))

    def _found(self, view: Viewport, shape: tuple[int, int], border: int) -> map_raster.Cells:
        if self._cells is None:
            self._cells = map_raster.Cells(self.places[self.visible])
        across, up = shape[1] / (view.x1 - view.x0), shape[0] / (view.y1 - view.y0)
        self._cells.find((across, -up), (-view.x0 * across, view.y1 * up), shape, border)
        return self._cells

    def _argb(self) -> map_raster.Image:
        """Return the colours of what is shown, in its order."""
        if self._colors is None:
            assert self._coloring is not None
            colors = map_raster.premultiplied(self._coloring.palette, 255)[self._coloring.which[self.visible]]
            if len(self.selected):
                rest = ~np.isin(self.visible, self.selected)
                faded = map_raster.premultiplied(self._coloring.palette, round(255 * _FADED))
                colors[rest] = faded[self._coloring.which[self.visible[rest]]]
            self._colors = colors
        return self._colors

    # ---- density ----

    def density(self, view: Viewport) -> NDArray[np.float64]:
        """Return the density of what is shown, items per unit², in cells of some pixels of a viewport, from above."""
        key = (view, self.version)
        if self._density is None or self._density[0] != key:
            cell = map_raster.DENSITY_CELL
            sigma = map_raster.blur_width(len(self.visible)) / cell
            # What is beyond the edges counts within them, too.
            reach = int(np.ceil(3 * sigma)) * cell
            wide = view.moved(0, 0)
            area = view.area.adjusted(-reach, -reach, reach, reach)
            (x0, y1), (x1, y0) = view.place(area.topLeft()), view.place(area.bottomRight())
            wide = Viewport(x0, x1, y0, y1, area)
            shape = (max(1, round(area.height() / cell)), max(1, round(area.width() / cell)))
            cells = self._found(wide, shape, 1)
            counts = np.bincount(cells.flat, minlength=(shape[0] + 2) * (shape[1] + 2))
            counts = counts.reshape(shape[0] + 2, shape[1] + 2)[1:-1, 1:-1]
            unit = (x1 - x0) / shape[1] * (y1 - y0) / shape[0]
            cut = reach // cell
            smooth = map_raster.blurred(counts, sigma)[cut : shape[0] - cut, cut : shape[1] - cut]
            self._density = key, smooth / unit
        return self._density[1]

    def paint_density(self, painter: QPainter, view: Viewport, ratio: float) -> None:
        """Paint the density of what is shown, and over it what is selected where that is too much for rings."""
        if not len(self.visible):
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        _draw(painter, map_raster.density_image(self.density(view)), view.area)
        *rest, (chosen, opacity) = self._parts
        if rest and len(chosen) <= MOST_SPRITES:
            painter.save()
            painter.setClipRect(view.area)
            self._paint_sprites(painter, view, ratio, chosen, opacity)
            painter.restore()


def _as_they_lie(places: Points) -> NDArray[np.intp]:
    """Return an order in which neighbours follow each other; within a cell of a grid as they came, mixed."""
    low, high = places.min(0), places.max(0)
    column, row = ((places - low) / np.maximum(high - low, 1e-9) * (_GRID - 1)).astype(np.uint16).T
    return np.argsort(row * np.uint16(_GRID) + column, kind="stable")  # of 16 bits: a radix sort


def _draw(painter: QPainter, image: map_raster.Image, area: QRectF) -> None:
    packed = np.ascontiguousarray(image)
    rows, columns = packed.shape
    shown = QImage(packed.data, columns, rows, 4 * columns, QImage.Format.Format_ARGB32_Premultiplied)
    painter.drawImage(area, shown)


# ---- sprites -------------------------------------------------------------------------------------------------------


def _stamp(
    painter: QPainter,
    pixels: NDArray[np.float64],
    which: NDArray[np.float64],
    atlas: QPixmap,
    cell: int,
    ratio: float,
    opacity: float = 1.0,
) -> None:
    """Draw for each place (items, 2) one of the pictures that lie beside each other in an atlas of such cells."""
    fragments = np.empty((len(pixels), 10))  # x, y, then left, top, width, height in the atlas, scales, turn, opacity
    fragments[:, :2] = pixels
    fragments[:, 2] = which * cell
    fragments[:, 3] = 0
    fragments[:, 4:6] = cell
    fragments[:, 6:8] = 1 / ratio
    fragments[:, 8], fragments[:, 9] = 0, opacity
    # An array of them as it lies in memory; a list of ten thousand would take longer than painting them.
    first = cast(QPainter.PixmapFragment, Shiboken.wrapInstance(fragments.ctypes.data, QPainter.PixmapFragment))
    painter.drawPixmapFragments(first, len(fragments), atlas)


def _atlas(palette: NDArray[np.uint8], size: int, ratio: float) -> tuple[QPixmap, int]:
    """Return a dot in each colour, beside each other, and how wide each is in pixels of the device."""
    cell = int(np.ceil(size * ratio)) + 2
    made = QPixmap(cell * len(palette), cell)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    radius = (size - 0.5) * ratio / 2
    for k, (red, green, blue) in enumerate(palette.tolist()):
        painter.setBrush(QColor(red, green, blue, _ALPHA))
        painter.drawEllipse(QPointF((k + 0.5) * cell, cell / 2), radius, radius)
    painter.end()
    return made, cell


def _ring(ratio: float, color: str) -> tuple[QPixmap, int]:
    """Return the ring around a selected point."""
    cell = int(np.ceil(_RING * ratio)) + 2
    made = QPixmap(cell, cell)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(color), _RING_WIDTH * ratio))
    radius = (_RING - 2) * ratio / 2
    painter.drawEllipse(QPointF(cell / 2, cell / 2), radius, radius)
    painter.end()
    return made, cell

"""Points as pixels, computed at once for all of them: a million take a few milliseconds."""

import numpy as np
from numpy.typing import NDArray

from explorer.ui.heat_strip import viridis

Image = NDArray[np.uint32]  # (height, width), premultiplied 0xAARRGGBB as Qt's Format_ARGB32_Premultiplied has it
# Of pixels with 0, 1, 2, … points of one pixel: a lonely one is faint, five are as good as a solid colour.
_ALPHA_OF_COUNT = np.rint(255 * (1 - 0.42 ** np.arange(17))).astype(np.uint32)
_MOST = len(_ALPHA_OF_COUNT) - 1
# Diameter in pixels of a dot where at most so many points are shown.
_SIZES = ((1_500, 6), (5_000, 5), (20_000, 4), (60_000, 3), (300_000, 2))
DENSITY_CELL = 3  # pixels
_BLUR = 38.0  # pixels, of one point; times n^(−1/6), as the width of a kernel in two dimensions shrinks (Scott 1992)
_FAINT = 0.10  # of the highest density, below which it fades into the background


def dot_size(points: int) -> int:
    """Return how wide a dot is where so many points are shown."""
    return next((size for most, size in _SIZES if points <= most), 1)


def premultiplied(rgb: NDArray[np.integer], alpha: NDArray[np.integer] | int) -> Image:
    """Return colours (…, 3) with their alpha 0..255 as premultiplied 0xAARRGGBB (…,)."""
    solid = np.asarray(alpha, np.uint32)
    red, green, blue = (np.asarray(rgb[..., k], np.uint32) * solid // 255 for k in range(3))
    return np.asarray(solid << 24 | red << 16 | green << 8 | blue, np.uint32)


class Cells:
    """Finds the pixel of each point; the memory it works in is kept from one picture to the next.

    Args:
        places: (items, 2), finite. It is quicker where neighbours in the array are neighbours in the plane.
    """

    def __init__(self, places: NDArray[np.floating]) -> None:
        self._columns = [np.ascontiguousarray(places[:, k], np.float32) for k in range(2)]
        self._across, self._up = (np.empty(len(places), np.float32) for _ in range(2))
        self.flat = np.empty(len(places), np.intp)

    def find(
        self, scale: tuple[float, float], origin: tuple[float, float], shape: tuple[int, int], border: int = 1
    ) -> None:
        """Set ``flat`` to the index of each point's cell; points beyond the border are in its outermost cells.

        Args:
            scale: cells per unit, across and down.
            origin: the cell, across and down, of the plane's origin.
            shape: rows and columns without the border.
            border: how wide it is, in cells.
        """
        found = zip((self._across, self._up), self._columns, scale, origin, reversed(shape), strict=True)
        for cells, values, each, start, count in found:
            np.multiply(values, each, out=cells)
            np.add(cells, start + border, out=cells)
            np.clip(cells, 0, count + 2 * border - 1, out=cells)
            np.floor(cells, out=cells)
        np.multiply(self._up, shape[1] + 2 * border, out=self._up)  # exact: less than 2²⁴ cells
        self._up += self._across
        self.flat[:] = self._up


def dots(cells: Cells, colors: Image, shape: tuple[int, int], size: int) -> Image:
    """Return a picture of points, of which the last wins where they lie on each other.

    Args:
        cells: where they are in a picture of that shape, with a border of ``size``.
        colors: of each point, (items,), with full alpha.
        shape: rows and columns.
        size: the width of a dot; dots of one pixel are the fainter the fewer there are.
    """
    rows, columns = (count + 2 * size for count in shape)
    image = np.zeros(rows * columns, np.uint32)
    if size == 1:
        image[cells.flat] = colors
        _fade(image, np.bincount(cells.flat, minlength=len(image)))
    for row, column in stamp(size) if size > 1 else ():
        moved = cells.flat + (row * columns + column)
        image[np.clip(moved, 0, len(image) - 1, out=moved)] = colors
    return image.reshape(rows, columns)[size:-size, size:-size]


def stamp(size: int) -> list[tuple[int, int]]:
    """Return row and column of the pixels of a dot of some width around its middle: a square without its corners."""
    first, middle = -((size - 1) // 2), (size + 1) % 2 / 2
    places = range(first, first + size)
    radius = size / 2 - 0.1 if size > 3 else size
    return [(row, column) for row in places for column in places if np.hypot(row - middle, column - middle) <= radius]


def _fade(image: Image, counts: NDArray[np.int64]) -> None:
    """Make colours as solid as their pixels have points."""
    there = np.flatnonzero(counts)
    found = image[there]
    rgb = np.stack([found >> 16 & 255, found >> 8 & 255, found & 255], -1)
    image[there] = premultiplied(rgb, _ALPHA_OF_COUNT[np.minimum(counts[there], _MOST)])


# ---- density -------------------------------------------------------------------------------------------------------


def blur_width(points: int) -> float:
    """Return the σ in pixels of the kernel that so many points are smoothed by."""
    return _BLUR * max(1, points) ** (-1 / 6)


def blurred(counts: NDArray[np.number], sigma: float) -> NDArray[np.float64]:
    """Return counts (rows, columns) smoothed by a Gaussian of σ cells, 0 around them."""
    reach = max(1, int(np.ceil(3 * sigma)))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-6)) ** 2)
    smooth = counts.astype(np.float64)
    for _ in range(2):  # first up and down, then, turned around, across
        padded = np.pad(smooth, ((reach, reach), (0, 0)))
        rows = len(smooth)
        smooth = sum(share * padded[k : k + rows] for k, share in enumerate(kernel / kernel.sum())).T
    return np.asarray(smooth)


def density_image(density: NDArray[np.float64]) -> Image:
    """Return a density as viridis, from nothing to its highest; low ones fade into the background."""
    shares = density / max(float(density.max(initial=0.0)), 1e-12)
    alpha = np.rint(np.clip(shares / _FAINT, 0, 1) * 255).astype(np.uint32)
    return premultiplied(viridis()[np.rint(shares * 255).astype(np.intp)], alpha)

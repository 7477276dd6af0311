"""Many points in the plane as layers of a picture: trails and density, computed as arrays and in any thread."""

import functools
import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage

from explorer import images
from explorer.messages import Floats

EXTENT = images.POINTS_EXTENT  # what is seen: −3..3 both ways
MASSES = (0.25, 0.5, 0.75, 0.95)  # of the points inside each contour
BANDWIDTH = 0.13  # of the density's Gaussian kernel, in units of the axes
_BINS = 96
_MOST_BETWEEN = 6  # places on the way from one step to the next
_STRONGEST = 0.6  # opacity
_EACH = 0.25  # of a step that was just taken
_LINE = 1.3  # pixels wide
_FILL = 0.11  # opacity that each contour adds

_EVENLY = np.arange(256) / 255
_DENSE = 4.0  # passes, after which a trail does not grow stronger
_PASSED = _STRONGEST * (1 - np.exp(-_DENSE * _EVENLY))

Grid = NDArray[np.float32]


def _layer(steps: NDArray[np.uint8], color: QColor, opacities: NDArray[np.floating] = _EVENLY) -> QImage:
    """Return a picture of one colour whose opacity at each pixel of ``steps`` (height, width) is one of ``opacities``.

    These are computed once, not for every pixel: the trails are painted anew for each frame of a film.
    """
    height, width = steps.shape
    shades = np.empty((256, 4), np.uint8)  # premultiplied, in the order of the bytes of ARGB32
    for channel, value in enumerate((color.blue(), color.green(), color.red(), 255)):
        shades[:, channel] = np.rint(opacities * value)
    pixels = shades.view(np.uint32)[:, 0][steps]
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
    return image.copy()  # its own bytes


def trails(steps: Floats, side: int, color: QColor) -> QImage:
    """Return where points have been, older ones fainter, as a picture of −3..3 both ways.

    Args:
        steps: shape (steps, points, 2), oldest first.
        side: of the picture in pixels.
        color: of the trails.
    """
    if len(steps) < 2:
        return _layer(np.zeros((side, side), np.uint8), color)
    frame, middle = side + 2, np.float32(side / 2 + 1)  # what is outside gathers in an edge that is cut off
    scaled = np.nan_to_num(steps, posinf=1e6, neginf=-1e6).astype(np.float32) * np.float32(side / 2 / EXTENT)
    x, y = np.clip(middle + scaled[..., 0], 0, frame - 1), np.clip(middle - scaled[..., 1], 0, frame - 1)
    across, up = np.diff(x, axis=0), np.diff(y, axis=0)
    between = int(np.clip(np.ceil(0.7 * np.percentile(np.abs(across[-1]) + np.abs(up[-1]), 90)), 2, _MOST_BETWEEN))
    cells = np.empty((between, *across.shape), np.int32)
    for number in range(between):
        share = np.float32(number / between)
        cells[number] = (y[:-1] + share * up).astype(np.int32) * frame + (x[:-1] + share * across).astype(np.int32)
    age = np.broadcast_to(_EACH * np.linspace(0, 1, len(steps))[1:, None], cells.shape)
    seen = np.bincount(cells.ravel(), age.ravel(), minlength=frame * frame).reshape(frame, frame)[1:-1, 1:-1]
    return _layer(np.minimum(seen * (255 / _DENSE), 255).astype(np.uint8), color, _PASSED)


def dots(points: Floats, side: int, width: float, color: QColor) -> QImage:
    """Return round dots at points (points, 2), ``width`` pixels each, as a picture of −3..3 both ways.

    Some tens of thousands at the price of a few hundred that a painter strokes one by one: of each dot how much it
    covers of each pixel around it, |pixel − middle| against its radius, is summed up at most to the whole pixel.

    Args:
        points: those that are not finite or lie outside are not seen.
        side: of the picture in pixels.
        width: of a dot in pixels.
        color: of the dots.
    """
    reach = math.ceil(width / 2 + 0.5)
    frame = side + 2 * reach  # dots on the border are cut off, not folded back
    seen = points[np.isfinite(points).all(axis=1) & (np.abs(points) <= EXTENT).all(axis=1)]
    scaled = seen.astype(np.float32) * np.float32(side / 2 / EXTENT)
    middle = np.float32(side / 2 + reach)
    x, y = middle + scaled[:, 0], middle - scaled[:, 1]
    steps = np.arange(-reach, reach + 1)
    columns = np.minimum(x.astype(np.int32), side + reach - 1) + steps[:, None].astype(np.int32)  # (steps, dots)
    rows = np.minimum(y.astype(np.int32), side + reach - 1) + steps[:, None].astype(np.int32)
    across, down = np.square(columns + np.float32(0.5) - x), np.square(rows + np.float32(0.5) - y)
    shares = np.clip(np.float32(width / 2 + 0.5) - np.sqrt(down[:, None] + across), 0, 1)  # (rows, columns, dots)
    cells = rows[:, None] * frame + columns
    covered = np.bincount(cells.ravel(), shares.ravel(), minlength=frame * frame)
    inside = covered.reshape(frame, frame)[reach:-reach, reach:-reach]
    return _layer((np.minimum(inside, 1) * 255).astype(np.uint8), color)


# ---- density -------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=8)
def _kernel(side: int) -> tuple[Grid, Grid]:
    """Return the kernel of each bin at the middle of each of ``side`` pixels, (side, bins), and its slope per pixel."""
    bins = (np.arange(_BINS) + 0.5) / _BINS * 2 * EXTENT - EXTENT
    pixels = (np.arange(side) + 0.5) / side * 2 * EXTENT - EXTENT
    away = (pixels[:, None] - bins) / BANDWIDTH
    kernel = np.exp(-0.5 * away**2)
    slope = -away / BANDWIDTH * (2 * EXTENT / side) * kernel
    return kernel.astype(np.float32), slope.astype(np.float32)


def histogram(points: Floats) -> Grid:
    """Return how many points (points, 2) fall into each bin of −3..3 both ways, (bins, bins), rows from below."""
    counts, _, _ = np.histogram2d(
        points[:, 1].astype(np.float64), points[:, 0].astype(np.float64), _BINS, [(-EXTENT, EXTENT)] * 2
    )
    return counts.astype(np.float32)


def levels(counts: Grid) -> list[float]:
    """Return the densities whose contours hold the shares ``MASSES`` of the points: highest density regions.

    The density is that of a histogram (bins, bins) smoothed by a Gaussian kernel, not normalized; Hyndman 1996.
    """
    kernel, _ = _kernel(_BINS)
    density = np.sort((kernel @ counts @ kernel.T).ravel().astype(np.float64))[::-1]
    mass = np.cumsum(density)
    if not mass[-1] > 0:
        return []
    return [float(density[min(int(np.searchsorted(mass, share * mass[-1])), len(mass) - 1)]) for share in MASSES]


def contours(points: Floats, side: int, color: QColor, *, fill: bool) -> QImage:
    """Return the contours of the density of points (points, 2) as a picture of −3..3 both ways, maybe filled.

    A pixel belongs to a line as far as its distance to it is small: |f − level|/‖∇f‖, in pixels.
    """
    finite = points[np.isfinite(points).all(axis=1)]
    counts = histogram(finite)
    kernel, slope = _kernel(side)
    half = counts @ kernel.T
    density = kernel @ half
    steep = np.hypot(slope @ half, kernel @ (counts @ slope.T)) + 1e-9
    opacity = np.zeros_like(density)
    for level in levels(counts):
        if fill:
            opacity += _FILL * (density >= level)
    lines = np.zeros_like(density)
    for level in levels(counts):
        np.maximum(lines, np.clip(0.5 + _LINE / 2 - np.abs(density - level) / steep, 0, 1), out=lines)
    np.maximum(opacity, 0.95 * lines, out=opacity)
    return _layer((opacity[::-1] * 255).astype(np.uint8), color)

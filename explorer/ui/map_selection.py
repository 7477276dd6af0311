"""Which points are within a line drawn around them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def inside(polygon: ArrayLike, points: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return for each point (items, 2) whether it is inside a polygon (corners, 2), by the even-odd rule.

    A point is inside where a ray to the right crosses the line an odd number of times (Shimrat 1962); the line is
    closed, may cross itself, and has no width. Points are sorted by height, so that each edge looks only at those
    beside it. Points that are not finite are outside.
    """
    corners = np.asarray(polygon, np.float64).reshape(-1, 2)
    within = np.zeros(len(points), bool)
    if len(corners) < 3 or not len(points):
        return within
    low, high = corners.min(0), corners.max(0)
    near = np.flatnonzero(((points >= low) & (points <= high)).all(1))
    near = near[np.argsort(points[near, 1], kind="stable")]
    x, y = np.asarray(points[near], np.float64).T
    odd = np.zeros(len(near), bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        first, last = np.searchsorted(y, (min(y0, y1), max(y0, y1)))  # low <= y < high: a corner counts once
        if last > first:
            beside = slice(first, last)
            odd[beside] ^= x[beside] < x0 + (y[beside] - y0) * (x1 - x0) / (y1 - y0)
    within[near] = odd
    return within


def box(first: tuple[float, float], second: tuple[float, float]) -> NDArray[np.float64]:
    """Return the corners (4, 2) of the rectangle between two of them."""
    (x0, y0), (x1, y1) = first, second
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])

"""A curve's numbers: kept in bounded memory however long a run is, thinned and smoothed for drawing."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]

MOST = 2**18  # points that a series keeps: 4 MiB
_FIRST = 1024  # points that there is room for at first
_GROUP = 4
_NEGLIGIBLE = 1e-9  # the weight of a value so long ago that no picture shows it


def extremes(y: Points, size: int) -> NDArray[np.int64]:
    """Return which points of a curve to keep so that a picture of it stays the same.

    Of each whole group of ``size`` neighbours the lowest and the highest, and one that is not finite where there is
    any, so that a gap stays a gap; of what is left over at the end, all.
    """
    groups = len(y) // size
    whole = groups * size
    blocks = y[:whole].reshape(groups, size)
    finite = np.isfinite(blocks)
    starts = np.arange(groups) * size
    rest = np.arange(whole, len(y))
    if finite.all():
        kept = [starts + blocks.argmin(1), starts + blocks.argmax(1), rest]
    else:
        low, high = np.where(finite, blocks, np.inf).argmin(1), np.where(finite, blocks, -np.inf).argmax(1)
        gaps = ~finite.all(1)
        kept = [starts + low, starts + high, (starts + (~finite).argmax(1))[gaps], rest]
    return np.unique(np.concatenate(kept))


def group_for(count: int, most: int) -> int:
    """Return the size of groups of which two points each are at most ``most``; 1 where all fit.

    A power of two, so that while a curve grows it is drawn through the same points again.
    """
    return 1 if count <= most else 1 << math.ceil(math.log2(2 * count / most))


def smoothed(y: Points, weight: float) -> Points:
    """Return the exponential moving average of a curve, corrected for its start.

    s_i = Σ_k wᵏ y_{i−k} / Σ_k wᵏ over the values there are: the average m_i = w·m_{i−1} + (1 − w)·y_i from m = 0,
    divided by 1 − wⁱ⁺¹ as Adam does (Kingma & Ba 2015, arXiv:1412.6980, §3). What is not finite stays a gap and counts
    for nothing.

    Args:
        y: values, shape (points,).
        weight: w, 0 (none) to below 1.
    """
    if weight <= 0 or not len(y):
        return y
    finite = np.isfinite(y)
    whole = bool(finite.all())
    total = y.copy() if whole else np.where(finite, y, 0.0)
    share = finite.astype(np.float64)
    step, factor = 1, weight
    # Sums over twice as many values each time round: Σ_{k<2n} wᵏ y_{i−k} = S_n(i) + wⁿ S_n(i − n).
    while step < len(y) and factor > _NEGLIGIBLE:
        total[step:] += factor * total[:-step]
        if not whole:
            share[step:] += factor * share[:-step]
        step, factor = 2 * step, factor * factor
    if whole:
        ages = np.arange(1, min(len(y), reach(weight)) + 1)
        share[:] = 1 / (1 - weight)
        share[: len(ages)] = (1 - weight**ages) / (1 - weight)
        return total / share
    return np.divide(total, share, out=np.full_like(total, np.nan), where=finite)


def reach(weight: float) -> int:
    """Return how many values before it a smoothed value hears of."""
    return math.ceil(math.log(_NEGLIGIBLE) / math.log(weight)) if 0 < weight < 1 else 0


class Series:
    """The points of a curve in the order of x, in bounded memory.

    Above ``MOST`` points it thins itself: of every group of neighbours the lowest and the highest stay, so that no
    spike is lost, and the first and the last point. Groups become larger with time, and are equally large all along:
    the beginning of a long run is as detailed as its end. A value that is not finite is a gap and stays one. A point
    before the last one cuts the curve back to there, as a resumed run does, which measures those epochs again; one
    whose x is not finite has no place and is left out.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all points."""
        self._count = 0
        self._settled = 0  # points that stand for a group; those after them are as they were measured
        self._group = 2  # measured points that two settled ones stand for
        self._last_x = -math.inf
        self._points = np.empty((2, _FIRST))

    def __len__(self) -> int:
        return self._count

    @property
    def x(self) -> Points:
        """Return where the points are, rising: shape (points,). It stays as it is when points are appended later."""
        return self._points[0, : self._count]

    @property
    def y(self) -> Points:
        """Return the values: shape (points,). It stays as it is when points are appended later."""
        return self._points[1, : self._count]

    @property
    def last(self) -> float | None:
        """Return the latest value; None where there is none."""
        return float(self._points[1, self._count - 1]) if self._count else None

    def append(self, x: float, y: float) -> None:
        """Add a point, in amortised constant time."""
        if not math.isfinite(x):
            return
        if x < self._last_x:
            self._cut(x)
        if self._count == self._points.shape[1]:
            self._make_room(1)
        self._points[:, self._count] = x, y
        self._count += 1
        self._last_x = x

    def extend(self, xs: ArrayLike, ys: ArrayLike) -> None:
        """Add many points, shape (points,) each.

        Raises:
            ValueError: there are not as many x as y.
        """
        x, y = np.asarray(xs, np.float64), np.asarray(ys, np.float64)
        if x.shape != y.shape or x.ndim != 1:
            raise ValueError(f"a series takes as many x as y in a row, not {x.shape} and {y.shape}")
        rising = bool(np.isfinite(x).all() and (np.diff(x) >= 0).all() and (not len(x) or x[0] >= self._last_x))
        if not rising:
            for one, value in zip(x.tolist(), y.tolist(), strict=True):
                self.append(one, value)
            return
        for start in range(0, len(x), MOST // 4):
            part = slice(start, start + MOST // 4)
            size = len(x[part])
            self._make_room(size)
            self._points[0, self._count : self._count + size] = x[part]
            self._points[1, self._count : self._count + size] = y[part]
            self._count += size
            self._last_x = float(x[part][-1])

    def _cut(self, x: float) -> None:
        """Forget the points at x and after it."""
        self._count = int(np.searchsorted(self.x, x))
        self._settled = min(self._settled, self._count)
        self._move(self._points.shape[1])  # what was handed out must not be written over

    def _make_room(self, more: int) -> None:
        while self._count + more > MOST:
            self._thin()
        if self._count + more > self._points.shape[1]:
            self._move(min(MOST, max(2 * self._points.shape[1], self._count + more)))

    def _thin(self) -> None:
        """Settle what was measured since the last time; where that leaves too little room, make groups twice as large.

        Each time round at most half of ``MOST`` is settled and less than a quarter is not, or what is settled shrinks.
        """
        y = self.y
        size = min(self._group, MOST // 4)
        whole = self._settled + (self._count - 1 - self._settled) // size * size  # the last point stays as it is
        new = self._settled + extremes(y[self._settled : whole], size)
        old = np.arange(self._settled)
        if len(old) + len(new) > MOST // 2:
            settled = np.concatenate([old, new])
            old, new = settled[:1], settled[1:][extremes(y[settled[1:]], _GROUP)]
            self._group *= 2
        kept = np.concatenate([old, new, np.arange(whole, self._count)])
        points = np.empty((2, self._points.shape[1]))
        points[:, : len(kept)] = self._points[:, kept]
        self._points, self._count, self._settled = points, len(kept), len(old) + len(new)

    def _move(self, room: int) -> None:
        points = np.empty((2, room))
        points[:, : self._count] = self._points[:, : self._count]
        self._points = points

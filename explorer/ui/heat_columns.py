"""The columns of a heat strip: what was measured at each epoch, in bounded memory."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from explorer.ui.series import Points

Cells = NDArray[np.float64]

MOST = 2000  # columns, more than a screen has


class Columns:
    """Values (columns, rows) at rising epochs; above ``MOST`` columns neighbours become their average.

    From then on as many measurements as that are averaged before a column is complete, so that columns are equally
    dense all along. An epoch before the last one cuts the columns back to there, as a resumed run does. A measurement
    of another size than the first, or without a place, is passed over; a value that is not finite counts for nothing.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._count, self._each = 0, 1
        self._epochs = np.empty(MOST)
        self._weights = np.empty(MOST)
        self._cells: Cells = np.empty((0, 0))
        self.high = 0.0

    def __len__(self) -> int:
        return self._count

    @property
    def epochs(self) -> Points:
        """Return the mean epoch of each column, (columns,)."""
        return self._epochs[: self._count]

    @property
    def cells(self) -> Cells:
        """Return the average values, (columns, rows); NaN where none was finite."""
        return self._cells[: self._count]

    @property
    def rows(self) -> int:
        """Return how many rows there are."""
        return self._cells.shape[1]

    def add(self, epoch: float, values: Sequence[float]) -> None:
        """Add what was measured at an epoch."""
        measured = np.asarray(values, np.float64)
        measured = np.where(np.isfinite(measured), measured, np.nan)
        if not math.isfinite(epoch) or not len(measured) or (self._count and len(measured) != self.rows):
            return
        if not self._count:
            self._cells = np.empty((MOST, len(measured)))
        self._count = int(np.searchsorted(self.epochs, epoch))
        self.high = max([self.high, *measured[np.isfinite(measured)].tolist()])
        if self._count and self._weights[self._count - 1] < self._each:
            self._merge(self._count - 1, epoch, measured)
            return
        if self._count == MOST:
            self._halve()
        self._epochs[self._count], self._weights[self._count], self._cells[self._count] = epoch, 1.0, measured
        self._count += 1

    def _merge(self, column: int, epoch: float, measured: Points) -> None:
        """Take one more measurement into a column."""
        weight = self._weights[column]
        self._epochs[column] += (epoch - self._epochs[column]) / (weight + 1)
        self._cells[column] = _mean(self._cells[column], weight, measured, 1.0)
        self._weights[column] += 1

    def _halve(self) -> None:
        one, other = slice(0, MOST, 2), slice(1, MOST, 2)
        weights, more = self._weights[one], self._weights[other]
        half = MOST // 2
        cells = _mean(self._cells[one], weights[:, None], self._cells[other], more[:, None])
        epochs = (weights * self._epochs[one] + more * self._epochs[other]) / (weights + more)
        self._cells[:half], self._epochs[:half], self._weights[:half] = cells, epochs, weights + more
        self._count, self._each = half, 2 * self._each

    def edges(self) -> Points:
        """Return where columns begin and end, (columns + 1,): half-way between their epochs, never before 0."""
        at = self.epochs
        if len(at) == 1:
            half = abs(at[0]) / 2 or 0.5
            return np.array([at[0] - half, at[0] + half])
        between = (at[1:] + at[:-1]) / 2
        first = at[0] - (between[0] - at[0])
        return np.concatenate([[max(first, min(at[0], 0.0))], between, [at[-1] + (at[-1] - between[-1])]])


def _mean(one: Cells, weight: Points | float, other: Cells, more: Points | float) -> Cells:
    """Return the weighted mean of what is finite."""
    total = np.where(np.isnan(one), 0.0, one * weight) + np.where(np.isnan(other), 0.0, other * more)
    share = np.where(np.isnan(one), 0.0, weight) + np.where(np.isnan(other), 0.0, more)
    return np.divide(total, share, out=np.full_like(total, np.nan), where=share > 0)

"""The snapshots of a run in order, as the time machine travels through them; in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from explorer.messages import Pixels
from explorer.snapshots import halved
from explorer.training_messages import Snapshot

_MOST = 128
_MOST_BYTES = 192 << 20
_ROBUST = 0.995  # of the probe items lie within what is called a dimension's reach
_PLAINLY = 1.5  # so many times wider must a dimension be to take the place of one that is shown


def in_place(before: Sequence[int], now: Sequence[int]) -> tuple[int, ...]:
    """Return ``now`` in an order in which those that were there before have the place they had, if there is one."""
    kept: list[int | None] = [k if k in now else None for k in before[: len(now)]]
    kept += [None] * (len(now) - len(kept))
    others = iter([k for k in now if k not in kept])
    return tuple(next(others) if k is None else k for k in kept)


def _bytes(snapshot: Snapshot) -> int:
    return snapshot.means.nbytes + snapshot.labels.nbytes + snapshot.samples.nbytes + snapshot.traversal.nbytes


class Travel:
    """The snapshots of one run by step; where they are too many, every second one goes and the first and last stay.

    Attributes:
        reach: how far out the means of each dimension go in any snapshot so far, outliers aside, (latent,). It only
            grows, so that axes made from it stay as they are.
    """

    def __init__(self) -> None:
        self._moments: list[Snapshot] = []
        self.reach: NDArray[np.float64] = np.zeros(0)
        self._rows: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self._moments)

    def __getitem__(self, position: int) -> Snapshot:
        """Return a snapshot; its means are in half precision."""
        return self._moments[position]

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(self._moments)

    def clear(self) -> None:
        """Forget everything."""
        self._moments, self.reach, self._rows = [], np.zeros(0), ()

    def add(self, snapshot: Snapshot) -> None:
        """Take a snapshot in; those of its step and later are forgotten: a resumed run takes their steps again."""
        if self._moments and self._moments[-1].means.shape[1:] != snapshot.means.shape[1:]:
            self.clear()
        self._moments = [moment for moment in self._moments if moment.step < snapshot.step]
        means = halved(snapshot.means)
        labels = snapshot.labels
        if self._moments and np.array_equal(labels, self._moments[-1].labels):
            labels = self._moments[-1].labels  # the same probe items: one array is enough
        self._moments.append(replace(snapshot, means=means, labels=labels))  # type: ignore[arg-type]
        if means.size:
            reach = np.quantile(np.abs(means.astype(np.float32)), _ROBUST, axis=0)
            self.reach = np.maximum(self.reach, reach) if len(self.reach) else reach
        self._rows = in_place(self._rows, snapshot.dimensions)
        self._thin()

    def rows_of(self, snapshot: Snapshot) -> tuple[Pixels, tuple[int, ...]]:
        """Return the traversals of a snapshot, (rows, steps, height, width, channels), and the dimension of each row.

        Which dimensions they move changes while a model learns: one keeps its row as long as it is among them.
        """
        pixels, dimensions = snapshot.traversal, snapshot.dimensions
        rows = pixels.reshape(len(dimensions), -1, *pixels.shape[1:])
        placed = in_place(self._rows, dimensions)
        return np.ascontiguousarray(rows[[dimensions.index(k) for k in placed]]), placed

    def _thin(self) -> None:
        size = sum(map(_bytes, self._moments))
        while len(self._moments) > 3 and (len(self._moments) > _MOST or size > _MOST_BYTES):
            del self._moments[1:-1:2]
            size = sum(map(_bytes, self._moments))

    def at_step(self, step: int) -> int:
        """Return the position of the last snapshot up to ``step``, or of the first."""
        steps = [moment.step for moment in self._moments]
        return max(0, int(np.searchsorted(steps, step, side="right")) - 1)

    def widest(self, shown: tuple[int, int] | None = None) -> tuple[int, int]:
        """Return the two dimensions whose means spread most in the last snapshot; twice the same where there is one.

        Args:
            shown: the two that are shown, which stay unless others spread plainly more.
        """
        spread = self._moments[-1].means.astype(np.float32).std(0)
        order = [int(k) for k in np.argsort(-spread, kind="stable")]
        if len(order) < 3:
            return 0, len(order) - 1
        if shown is None:
            return order[0], order[1]
        kept = list(shown)
        for other in order[:2]:
            if other in kept:
                continue
            weaker = min((0, 1), key=lambda place: spread[kept[place]])
            if spread[other] > _PLAINLY * spread[kept[weaker]]:
                kept[weaker] = other
        return kept[0], kept[1]

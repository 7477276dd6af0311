"""How a map of probe items is looked at: as numbers alone, so that it can be drawn in any thread."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ProbeLook:
    """What is on the axes of a map and which points it shows.

    Attributes:
        axes: the dimensions that are on the horizontal and the vertical axis.
        names: what the axes are called.
        extent: how far from 0 the axes reach.
        hidden: classes that are not shown.
        prior: whether the circles of the prior N(0, I) are drawn.
        heights: of each item where there is one dimension only, (items,): a band for each class; else None.
    """

    axes: tuple[int, int]
    names: tuple[str, str]
    extent: float
    hidden: frozenset[int] = frozenset()
    prior: bool = False
    heights: NDArray[np.float64] | None = None

    def places_of(self, means: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return where the points of ``means`` (items, latent) are, horizontally and vertically."""
        x = means[:, self.axes[0]].astype(np.float32)
        return x, means[:, self.axes[1]].astype(np.float32) if self.heights is None else self.heights

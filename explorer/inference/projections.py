"""A latent space of any size as a plane: principal components, exact and at once, or t-SNE, found step by step."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from explorer.errors import ExplorerError
from explorer.latent_messages import Projected, ProjectRequest
from explorer.messages import Floats

_MOST_EMBEDDED = 10_000
_EARLY, _LATE = 250, 500  # iterations; van der Maaten 2014
_EXAGGERATION = 12.0
_ITERATIONS_AT_ONCE = 10  # always the same: the rounding of exaggeration on and off decides about single points
# Interpolation on a grid (Linderman et al. 2019) costs as the map's area, Barnes-Hut as the items: both measured.
_FAST_FROM, _FAST_SPAN = 3000, 0.8
_ROWS_AT_ONCE = 256
_SEARCH = 0.1  # of the progress is the search for neighbours
_PLACED_BY = 5  # embedded neighbours


def projected(request: ProjectRequest) -> Iterator[Projected]:
    """Yield where the items are, PCA once, t-SNE after every few steps until ``done`` is 1.

    Raises:
        ExplorerError: there are no items, or some that are no numbers.
    """
    means = np.asarray(request.means)
    if means.ndim != 2 or not means.size:
        raise ExplorerError("there are no items to project; open a model with a latent map")
    if not np.isfinite(means).all():
        raise ExplorerError("some latents are not finite and cannot be projected; train the model again")
    if request.method == "pca":
        yield pca(request)
    else:
        yield from tsne(request)


# ---- PCA -----------------------------------------------------------------------------------------------------------


def pca(request: ProjectRequest) -> Projected:
    """Return the items along their first two principal components; Pearson 1901.

    The components are eigenvectors of the covariance in float64. An eigenvector has no sign: its largest component is
    positive here. A latent space of one dimension has a second component of 0, which explains nothing.
    """
    means = np.asarray(request.means, np.float64)
    center = means.mean(axis=0)
    centred = means - center
    values, vectors = np.linalg.eigh(centred.T @ centred / len(means))
    values, axes = values[::-1][:2].clip(min=0), vectors.T[::-1][:2]
    axes = axes * np.where(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)] < 0, -1.0, 1.0)[:, None]
    components, shares = np.zeros((2, means.shape[1])), np.zeros(2)
    components[: len(axes)] = axes
    total = centred.var(axis=0).sum()
    shares[: len(axes)] = values / total if total > 0 else 0.0
    return Projected(
        request.request, "pca", (centred @ components.T).astype(np.float32), 1.0, center.astype(np.float32),
        components.astype(np.float32), (float(shares[0]), float(shares[1])),
    )  # fmt: skip


# ---- t-SNE ---------------------------------------------------------------------------------------------------------


def tsne(request: ProjectRequest) -> Iterator[Projected]:
    """Yield where t-SNE has put the items so far; van der Maaten & Hinton 2008, by openTSNE (Poličar et al. 2024).

    From the first principal components (Kobak & Berens 2019), 250 steps with exaggeration 12 and momentum 0.5, then 500
    with 0.8, at the learning rate n/exaggeration (Belkina et al. 2019). Neighbours are exact, so that the same seed
    gives the same map. A perplexity that the items are too few for is lowered to a third of them. Of more than 10 000
    items a random subset is embedded; the others are put at the mean of the five of it that are nearest in z, so they
    show where they belong, not how far apart they are.
    """
    import openTSNE

    whole = np.asarray(request.means, np.float32)
    chosen, others = _subset(len(whole), request.seed)
    z = whole[chosen]
    start = pca(request).positions
    if len(z) < 4 or not start.any():
        yield Projected(request.request, "tsne", start, 1.0)  # there is nothing to arrange
        return
    perplexity = min(request.perplexity, (len(z) - 1) / 3)
    neighbours, nearby = _Neighbours(len(z), int(3 * perplexity)), _Neighbours(len(others), _PLACED_BY)
    for share in neighbours.find(z, z, themselves=True):
        yield Projected(request.request, "tsne", start, _SEARCH * share)
    for _ in nearby.find(whole[others], z):
        yield Projected(request.request, "tsne", start, _SEARCH)
    affinities = openTSNE.affinity.PerplexityBasedNN(
        perplexity=perplexity,
        knn_index=openTSNE.nearest_neighbors.PrecomputedNeighbors(neighbours.indices, neighbours.distances),
        n_jobs=1,
    )
    embedding = openTSNE.TSNEEmbedding(
        _first_positions(start[chosen], request.seed),
        affinities,
        n_jobs=1,
        random_state=request.seed,
    )
    for done in range(0, _EARLY + _LATE, _ITERATIONS_AT_ONCE):
        how = {"exaggeration": _EXAGGERATION, "momentum": 0.5} if done < _EARLY else {"momentum": 0.8}
        fast = len(z) >= _FAST_FROM and np.ptp(embedding, axis=0).max() ** 2 < _FAST_SPAN * len(z)
        embedding.optimize(
            n_iter=_ITERATIONS_AT_ONCE, inplace=True, negative_gradient_method="fft" if fast else "bh", **how
        )
        positions = np.empty((len(whole), 2), np.float32)
        positions[chosen] = embedding
        positions[others] = positions[chosen][nearby.indices].mean(axis=1)
        share = (done + _ITERATIONS_AT_ONCE) / (_EARLY + _LATE)
        yield Projected(request.request, "tsne", positions, 1.0 if share == 1 else _SEARCH + (1 - _SEARCH) * share)


def _subset(count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which items are embedded, and the others; both in their order."""
    order = np.random.default_rng(seed).permutation(count)
    return np.sort(order[:_MOST_EMBEDDED]), np.sort(order[_MOST_EMBEDDED:])


def _first_positions(start: Floats, seed: int) -> NDArray[np.float64]:
    """Return principal components with a spread of 1e-4; items at one place are put apart a hair."""
    noise = np.random.default_rng(seed).standard_normal(start.shape)
    spread = float(start[:, 0].std()) or 1.0
    return 1e-4 * (start / spread + 0.01 * noise)


class _Neighbours:
    """The nearest of some points for each of ``count`` rows: ``indices`` and ``distances`` (count, most)."""

    def __init__(self, count: int, most: int) -> None:
        self.indices, self.distances = np.zeros((count, most), np.int64), np.zeros((count, most))

    def find(self, rows: Floats, points: Floats, *, themselves: bool = False) -> Iterator[float]:
        """Find them by looking at all, yielding the share that is done; ``themselves``: the rows are the points."""
        most = self.indices.shape[1]
        squares = np.square(points).sum(axis=1)
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            part = slice(first, min(first + _ROWS_AT_ONCE, len(rows)))
            squared = squares - 2 * rows[part] @ points.T  # less the row's own square, which is the same for all
            if themselves:
                squared[np.arange(part.stop - first), np.arange(first, part.stop)] = np.inf
            found = np.argpartition(squared, most - 1, axis=1)[:, :most]
            distances = np.linalg.norm(points[found].astype(np.float64) - rows[part, None], axis=2)
            order = np.argsort(distances, axis=1, kind="stable")
            self.indices[part] = np.take_along_axis(found, order, 1)
            self.distances[part] = np.take_along_axis(distances, order, 1)
            yield part.stop / len(rows)

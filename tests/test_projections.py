"""Projections of a latent space: PCA as other libraries compute it, t-SNE that keeps what belongs together."""

import numpy as np
import pytest

from explorer.errors import ExplorerError
from explorer.inference import projections
from explorer.inference.projections import pca, projected
from explorer.latent_messages import Projected, ProjectRequest
from explorer.messages import Floats


def clusters(count: int = 5, each: int = 50, latent: int = 8) -> tuple[Floats, np.ndarray]:
    """Return items in clusters that are far apart, and which cluster each is of."""
    random = np.random.default_rng(1)
    centers = 6 * random.standard_normal((count, latent))
    labels = np.repeat(np.arange(count), each)
    return (centers[labels] + random.standard_normal((len(labels), latent))).astype(np.float32), labels


def last(request: ProjectRequest) -> Projected:
    *_, found = projected(request)
    return found


# ---- PCA -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(400, 8), (7, 3), (30, 2), (3, 20)])
def test_components_are_those_of_others(shape: tuple[int, int]) -> None:
    from sklearn.decomposition import PCA

    means = (np.random.default_rng(0).standard_normal(shape) * np.linspace(3, 1, shape[1]) + 5).astype(np.float32)
    found, other = pca(ProjectRequest(3, "pca", means)), PCA(2, svd_solver="full").fit(means.astype(np.float64))
    assert found.request == 3 and found.method == "pca" and found.done == 1
    signs = np.sign((found.components * other.components_).sum(1, keepdims=True))
    assert np.allclose(found.components, signs * other.components_, atol=1e-4)
    assert np.allclose(found.positions, signs.T * other.transform(means.astype(np.float64)), atol=1e-3)
    assert np.allclose(found.explained, other.explained_variance_ratio_, atol=1e-5)
    assert np.allclose(found.center, means.mean(0), atol=1e-4)


def test_any_z_is_placed_by_center_and_components_and_the_sign_is_fixed() -> None:
    means, _ = clusters()
    found = last(ProjectRequest(0, "pca", means))
    assert np.allclose((means - found.center) @ found.components.T, found.positions, atol=1e-3)
    assert np.allclose(found.components @ found.components.T, np.eye(2), atol=1e-5)
    turned = pca(ProjectRequest(0, "pca", np.flip(means, 0)))
    assert np.allclose(found.components, turned.components, atol=1e-4)
    assert all(row[np.abs(row).argmax()] > 0 for row in found.components)


def test_one_dimension_and_no_spread_have_a_plane_too() -> None:
    line = pca(ProjectRequest(0, "pca", np.arange(5, dtype=np.float32)[:, None]))
    assert np.allclose(line.positions, [[-2, 0], [-1, 0], [0, 0], [1, 0], [2, 0]]) and line.explained == (1.0, 0.0)
    assert line.components.tolist() == [[1], [0]]
    same = pca(ProjectRequest(0, "pca", np.ones((4, 3), np.float32)))
    assert not same.positions.any() and same.explained == (0.0, 0.0)


# ---- t-SNE ---------------------------------------------------------------------------------------------------------


def of_the_same_kind(positions: Floats, labels: np.ndarray) -> float:
    """Return how often an item's nearest neighbour is of its cluster."""
    distances = np.linalg.norm(positions[:, None] - positions, axis=2) + np.diag(np.full(len(labels), np.inf))
    return float((labels[distances.argmin(1)] == labels).mean())


def test_clusters_stay_together_and_the_same_seed_is_the_same_map() -> None:
    means, labels = clusters()
    request = ProjectRequest(5, "tsne", means, seed=2)
    states = list(projected(request))
    shares = [state.done for state in states]
    assert shares == sorted(shares) and shares[-1] == 1 and all(share < 1 for share in shares[:-1])
    assert all(state.request == 5 and state.positions.shape == (250, 2) for state in states)
    assert not len(states[-1].components) and states[-1].positions.dtype == np.float32
    found = states[-1].positions
    assert of_the_same_kind(found, labels) > 0.99
    centers = np.stack([found[labels == label].mean(0) for label in range(5)])
    apart = np.linalg.norm(centers[:, None] - centers, axis=2) + np.diag(np.full(5, np.inf))
    wide = max(float(np.linalg.norm(found[labels == at] - centers[at], axis=1).mean()) for at in range(5))
    assert apart.min() > 2 * wide
    assert np.array_equal(found, last(request).positions)
    assert not np.array_equal(found, last(ProjectRequest(5, "tsne", means, seed=3)).positions)


def test_neighbours_are_exact() -> None:
    from sklearn.neighbors import NearestNeighbors

    rows = np.random.default_rng(0).standard_normal((700, 6)).astype(np.float32)
    found = projections._Neighbours(700, 12)
    assert list(found.find(rows, rows, themselves=True))[-1] == 1
    distances, indices = NearestNeighbors(n_neighbors=13, algorithm="brute").fit(rows.astype(float)).kneighbors()
    assert np.allclose(found.distances, distances[:, :12], atol=1e-5)
    assert (found.indices == indices[:, :12]).mean() > 0.999


def test_of_very_many_some_are_embedded_and_the_others_go_to_their_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projections, "_MOST_EMBEDDED", 120)
    means, labels = clusters()
    found = last(ProjectRequest(0, "tsne", means)).positions
    assert found.shape == (250, 2) and np.isfinite(found).all()
    assert of_the_same_kind(found, labels) > 0.97
    assert np.array_equal(found, last(ProjectRequest(0, "tsne", means)).positions)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 12])
def test_few_items_and_large_perplexities_are_arranged(count: int) -> None:
    means = np.random.default_rng(0).standard_normal((count, 3)).astype(np.float32)
    found = last(ProjectRequest(0, "tsne", means, perplexity=500))
    assert found.done == 1 and found.positions.shape == (count, 2) and np.isfinite(found.positions).all()


def test_items_at_one_place_and_on_a_line_are_arranged() -> None:
    twice = np.repeat(clusters(4, 8)[0], 4, axis=0)
    line = np.linspace(-1, 1, 60, dtype=np.float32)[:, None]
    for means in (twice, line, np.ones((40, 2), np.float32)):
        found = last(ProjectRequest(0, "tsne", means, perplexity=5))
        assert found.done == 1 and np.isfinite(found.positions).all()


def test_what_cannot_be_projected_is_named() -> None:
    for method in ("pca", "tsne"):
        with pytest.raises(ExplorerError, match="no items"):
            last(ProjectRequest(0, method, np.zeros((0, 3), np.float32)))  # type: ignore[arg-type]
        with pytest.raises(ExplorerError, match="not finite"):
            last(ProjectRequest(0, method, np.full((9, 3), np.nan, np.float32)))  # type: ignore[arg-type]

"""The nearest points are those that a search by hand finds."""

import numpy as np
import pytest

from explorer.nearest import Nearest


@pytest.mark.parametrize(("items", "dimensions", "count"), [(500, 2, 1), (500, 10, 8), (2000, 3, 100), (5, 2, 9)])
def test_they_are_what_sorting_finds(items: int, dimensions: int, count: int) -> None:
    random = np.random.default_rng(1)
    points = random.standard_normal((items, dimensions)).astype(np.float32)
    nearest = Nearest(points)
    for where in random.standard_normal((20, dimensions)):
        distances = np.linalg.norm(points - where, axis=1)
        found, told = nearest.query(where, count)
        assert len(found) == min(count, items)
        assert np.array_equal(found, np.argsort(distances, kind="stable")[:count])
        assert np.allclose(told, np.sort(distances)[:count], rtol=1e-5)


def test_it_is_what_a_tree_finds_among_many() -> None:
    from scipy.spatial import cKDTree

    points = np.random.default_rng(0).standard_normal((70_000, 2)).astype(np.float32)
    nearest, tree = Nearest(points), cKDTree(points)
    for where in points[:50] + np.float32(0.01):
        assert nearest.query(where)[0][0] == tree.query(where)[1]


def test_equals_come_in_their_order_and_a_question_leaves_no_trace() -> None:
    nearest = Nearest(np.array([[1, 1], [0, 0], [1, 1], [0, 0]], np.float32))
    for _ in range(2):
        assert nearest.query([0, 0], 3)[0].tolist() == [1, 3, 0]
    assert Nearest(np.zeros((40, 1))).query([0], 30)[0].tolist() == list(range(30))


def test_what_is_not_finite_is_never_near() -> None:
    nearest = Nearest(np.array([[np.nan, 0], [3, 0], [np.inf, 1]], np.float32))
    found, distances = nearest.query([0, 0], 3)
    assert found.tolist() == [1] and distances.tolist() == [3]
    assert len(Nearest(np.zeros((0, 2))).query([0, 0], 5)[0]) == 0 and len(nearest) == 3

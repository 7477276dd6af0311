"""Ways through a latent space: where they begin and end, how long what is on them is, and that no input breaks them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from explorer.errors import ExplorerError
from explorer.walks import attribute, dimension_names, lerp, prior, slerp, subscript, traverse

VECTORS = arrays(np.float32, 6, elements=st.floats(-4, 4, width=32))


def test_names_of_dimensions_count_levels_from_one_and_places_from_zero() -> None:
    assert subscript(120) == "₁₂₀"
    assert dimension_names((3,)) == ["z₀", "z₁", "z₂"] and dimension_names(()) == []
    assert dimension_names((2, 1)) == ["z¹₀", "z¹₁", "z²₀"]
    assert len(dimension_names([1] * 10)) == 10 and dimension_names([1] * 10)[-1] == "z¹⁰₀"


def test_a_traversal_is_z_with_one_column_replaced() -> None:
    z = np.array([0.5, -1.0, 2.0], np.float32)
    rows = traverse(z, (2, 0), 1.5, 4).reshape(2, 4, 3)
    assert np.array_equal(rows[0, :, 2], np.linspace(-1.5, 1.5, 4, dtype=np.float32))
    assert np.array_equal(rows[0, :, 2], rows[1, :, 0]) and rows.dtype == np.float32
    assert (rows[0, :, :2] == z[:2]).all() and (rows[1, :, 1:] == z[1:]).all()
    assert traverse(z, (), 3.0, 5).shape == (0, 3) and np.array_equal(traverse(z, (1,), 3.0, 1), [[0.5, 0.0, 2.0]])
    assert np.array_equal(z, [0.5, -1.0, 2.0])


@settings(max_examples=200, deadline=None)
@given(VECTORS, VECTORS, st.integers(2, 9))
def test_both_ways_begin_and_end_where_they_should_and_are_finite(a: np.ndarray, b: np.ndarray, steps: int) -> None:
    for way in (lerp(a, b, steps), slerp(a, b, steps)):
        assert way.shape == (steps, 6) and way.dtype == np.float32 and np.isfinite(way).all()
        assert np.array_equal(way[0], a) and np.array_equal(way[-1], b)
    back = slerp(b, a, steps)[::-1]
    opposite = np.linalg.norm(a) * np.linalg.norm(b) + a.astype(float) @ b < 1e-3  # there the turn may be either way
    assert opposite or np.allclose(slerp(a, b, steps), back, atol=2e-3)


@settings(max_examples=200, deadline=None)
@given(VECTORS, VECTORS)
def test_on_the_great_circle_the_length_goes_evenly_and_so_does_the_angle(a: np.ndarray, b: np.ndarray) -> None:
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    if min(lengths) < 1e-2:
        return
    way = slerp(a, b, 7).astype(np.float64)
    cosine = float(a.astype(float) @ b) / float(np.prod(lengths))
    if -1 + 1e-4 < cosine < 1 - 1e-4:
        assert np.allclose(np.linalg.norm(way, axis=1), np.linspace(*lengths, 7), rtol=1e-4)
        directions = way / np.linalg.norm(way, axis=1, keepdims=True)
        turned = np.arccos(np.clip((directions[1:] * directions[:-1]).sum(1), -1, 1))
        assert np.allclose(turned, np.arccos(cosine) / 6, atol=3e-3)


def test_of_equal_lengths_it_is_the_formula_of_white() -> None:
    a, b = np.array([3.0, 0.0, 0.0], np.float32), np.array([1.0, 2.0, 2.0], np.float32)
    angle, share = np.arccos(1 / 3), np.linspace(0, 1, 5)[:, None]
    expected = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)
    assert np.allclose(slerp(a, b, 5), expected, atol=1e-6)


def test_opposite_places_are_joined_by_half_a_turn() -> None:
    a = np.array([2.0, 0.5, 0.0], np.float32)
    way = slerp(a, -2 * a, 9).astype(np.float64)
    assert np.allclose(np.linalg.norm(way, axis=1), np.linspace(1, 2, 9) * np.linalg.norm(a), rtol=1e-5)
    assert abs(way[4] @ a) < 1e-5 and way[4, 2] > 0, "through the axis it has least of"
    assert np.array_equal(slerp(np.float32([2]), np.float32([-2]), 5), lerp(np.float32([2]), np.float32([-2]), 5))


def test_one_direction_and_zero_are_straight_lines() -> None:
    a, zero = np.array([1.0, -2.0], np.float32), np.zeros(2, np.float32)
    for start, end in ((a, 3 * a), (zero, a), (a, zero), (zero, zero), (a, a)):
        assert np.allclose(slerp(start, end, 6), lerp(start, end, 6), atol=1e-6)
    assert len(slerp(a, -a, 1)) == len(lerp(a, -a, 1)) == 1 and len(slerp(a, -a, 0)) == 0


def test_draws_are_normal_and_the_first_of_more_are_the_same() -> None:
    drawn = prior(20_000, 3, seed=4, temperature=0.5)
    assert np.array_equal(prior(7, 3, 4, 0.5), drawn[:7]) and not np.array_equal(prior(7, 3, 5, 0.5), drawn[:7])
    assert np.allclose(drawn.mean(0), 0, atol=0.02) and np.allclose(drawn.std(0), 0.5, atol=0.02)
    assert np.allclose(2 * drawn, prior(20_000, 3, 4)) and not prior(5, 2, 0, 0.0).any()


def test_an_attribute_is_the_difference_of_means() -> None:
    means = np.array([[0, 0], [2, 0], [0, 4], [2, 4]], np.float32)
    assert np.array_equal(attribute(means, [2, 3], [0, 1]), [0, 4])
    assert np.array_equal(attribute(means, np.array([False, True, False, True]), [0]), [2, 2])
    assert np.array_equal(attribute(means, [1], [3]), -attribute(means, [3], [1]))
    for sides in (([], [1]), ([1], []), ([1], np.zeros(4, bool))):
        with pytest.raises(ExplorerError, match="select some"):
            attribute(means, *sides)

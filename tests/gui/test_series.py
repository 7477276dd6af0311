"""The numbers of a curve: what a bounded series keeps, what thinning shows, what an average is."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.ui import series
from explorer.ui.series import MOST, Series, extremes, smoothed

values = st.lists(st.floats(-1e6, 1e6) | st.just(math.nan) | st.just(math.inf), min_size=1, max_size=60)


def test_two_million_points_stay_in_bounds_and_keep_their_spikes() -> None:
    kept = Series()
    y = np.random.default_rng(0).normal(size=2_000_000)
    y[777_777], y[1_234_567], y[3] = 50.0, -60.0, 40.0
    x = np.arange(len(y)) / 1000
    sizes = []
    for start in range(0, len(y), 50_000):
        kept.extend(x[start : start + 50_000], y[start : start + 50_000])
        sizes.append(len(kept))
    assert max(sizes) <= MOST and sizes[-1] > MOST // 4
    tenths, _ = np.histogram(kept.x, 10)
    assert tenths.min() > MOST // 40, "the beginning is as detailed as the end"
    assert kept._points.nbytes == 16 * MOST
    assert {50.0, -60.0, 40.0} <= set(kept.y) and kept.last == y[-1]
    assert kept.x[0] == x[0] and kept.x[-1] == x[-1] and bool((np.diff(kept.x) > 0).all())
    assert np.array_equal(kept.y, y[np.rint(kept.x * 1000).astype(int)]), "each point is one that was measured"


def test_appending_one_by_one_is_the_same_and_memory_is_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "MOST", 4096)
    one, many = Series(), Series()
    y = np.random.default_rng(1).normal(size=100_000)
    for i, value in enumerate(y.tolist()):
        one.append(float(i), value)
        assert len(one) <= 4096
    for start in range(0, len(y), 1000):
        many.extend(np.arange(start, start + 1000), y[start : start + 1000])
    for kept in (one, many):
        assert kept._points.nbytes <= 16 * 4096 and kept.x[0] == 0 and kept.x[-1] == 99_999
        assert kept.y.max() == y.max() and kept.y.min() == y.min() and (np.diff(kept.x) > 0).all()
        assert np.array_equal(kept.y, y[kept.x.astype(int)])
        tenths, _ = np.histogram(kept.x, 10)
        assert tenths.min() > 100


def test_gaps_stay_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "MOST", 1024)
    kept = Series()
    y = np.arange(6000, dtype=float)
    y[1000:1400] = np.nan
    y[3001] = np.inf
    y[5000:] = np.nan
    kept.extend(np.arange(6000), y)
    assert len(kept) <= 1024
    inside = (kept.x >= 1000) & (kept.x < 1400)
    assert inside.any() and np.isnan(kept.y[inside]).all()
    assert not np.isfinite(kept.y[np.abs(kept.x - 3001) < 0.5]).any() and np.isinf(kept.y).any()
    assert kept.last is not None and math.isnan(kept.last)
    there = np.isfinite(kept.y)
    assert np.array_equal(kept.y[there], kept.x[there]) and np.diff(kept.x[kept.x < 1000]).max() < 64


def test_a_resumed_run_measures_again_what_came_after_its_checkpoint() -> None:
    kept = Series()
    kept.extend(np.arange(10.0), np.arange(10.0))
    seen = kept.y
    kept.append(6.0, 60.0)
    assert kept.x.tolist() == [0, 1, 2, 3, 4, 5, 6] and kept.last == 60.0
    assert seen.tolist() == list(range(10)), "what was handed out stays as it is"
    kept.extend([2.0, 2.0, 1.0], [7.0, 8.0, 9.0])
    assert kept.x.tolist() == [0, 1] and kept.y.tolist() == [0, 9]


def test_what_was_handed_out_stays_while_the_series_halves_itself() -> None:
    kept = Series()
    kept.extend(np.arange(float(MOST)), np.arange(float(MOST)))
    x, y = kept.x, kept.y
    before = y.copy()
    kept.append(float(MOST), 1.0)
    assert len(kept) < MOST and np.array_equal(y, before) and np.array_equal(x, before)


def test_a_point_without_a_place_is_left_out_and_clear_forgets() -> None:
    kept = Series()
    kept.append(1.0, 2.0)
    for place in (math.nan, math.inf, -math.inf):
        kept.append(place, 5.0)
    kept.extend([math.nan, 3.0], [1.0, 4.0])
    assert kept.x.tolist() == [1, 3] and kept.last == 4.0
    with pytest.raises(ValueError, match="as many x as y"):
        kept.extend([1, 2], [1])
    kept.clear()
    assert len(kept) == 0 and kept.last is None and not len(kept.x)
    kept.append(0.5, 1.0)
    assert kept.x.tolist() == [0.5]


@given(values, st.integers(2, 9))
def test_extremes_keep_the_range_of_every_group(points: list[float], size: int) -> None:
    y = np.array(points)
    kept = extremes(y, size)
    assert (np.diff(kept) > 0).all()
    for start in range(0, len(y) // size * size, size):
        group = y[start : start + size]
        there = y[kept[(kept >= start) & (kept < start + size)]]
        finite, found = group[np.isfinite(group)], there[np.isfinite(there)]
        assert len(there) <= 3 and np.isfinite(group).all() == np.isfinite(there).all()
        if len(finite):
            assert found.min() == finite.min() and found.max() == finite.max()


@given(values, st.floats(0.01, 0.99))
def test_the_average_is_the_recursion_of_the_paper(points: list[float], weight: float) -> None:
    """m = w·m + (1 − w)·y, divided by 1 − wⁱ after the i-th value; what is not finite is passed over in place."""
    total = share = 0.0
    wanted = []
    for value in points:
        total, share = weight * total, weight * share
        if math.isfinite(value):
            total, share = total + (1 - weight) * value, share + (1 - weight)
            wanted.append(total / share)
        else:
            wanted.append(math.nan)
    assert np.allclose(smoothed(np.array(points), weight), wanted, rtol=1e-6, atol=1e-3, equal_nan=True)


def test_an_average_of_a_long_curve_forgets_and_weight_0_is_the_curve() -> None:
    y = np.concatenate([np.full(5000, 3.0), np.full(5000, -1.0)])
    average = smoothed(y, 0.99)
    assert average[0] == 3.0 and average[4999] == pytest.approx(3.0)
    assert average[5099] == pytest.approx(-1 + 4 * 0.99**100) and average[-1] == pytest.approx(-1.0)
    assert smoothed(y, 0.0) is y and len(smoothed(y[:0], 0.5)) == 0
    assert sys.getsizeof(Series().x) < 1000

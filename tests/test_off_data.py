"""How far a z is from the data: held against Monte Carlo, and against places that are known to be none of theirs."""

from itertools import pairwise

import numpy as np
import pytest

from explorer.messages import Floats
from explorer.off_data import OffData


def _scene(sigma: float, items: int = 2000) -> tuple[Floats, Floats]:
    """Return means and σ of three active dimensions and two that the encoder does not use, variance 1 in all."""
    random = np.random.default_rng(3)
    means = np.zeros((items, 5), np.float32)
    means[:, :3] = np.sqrt(1 - sigma**2) * random.standard_normal((items, 3))
    wide = np.full((items, 5), 1.0, np.float32)
    wide[:, :3] = sigma
    return means, wide


@pytest.mark.parametrize("sigma", [0.05, 0.3, 0.7])
def test_the_share_is_uniform_for_the_datas_own_draws(sigma: float) -> None:
    means, wide = _scene(sigma)
    judge = OffData(means[:1000], wide[:1000], seed=1)
    random = np.random.default_rng(9)
    # Draws for items that the judge has not seen: each is compared with other items' means, as the reference is.
    draws = means[1000:] + wide[1000:] * random.standard_normal(means[1000:].shape).astype(np.float32)
    verdicts = [judge.judge(z) for z in draws]
    shares = np.array([verdict.share for verdict in verdicts])
    on = np.mean([verdict.level == "on" for verdict in verdicts])
    assert 0.92 < on < 0.98, "95 % of the data's own draws are on the data"
    assert np.mean([verdict.level == "off" for verdict in verdicts]) < 0.015
    assert all(abs(np.mean(shares < level) - level) < 0.05 for level in (0.1, 0.25, 0.5, 0.75, 0.9))
    assert 0.9 < np.median([verdict.ratio for verdict in verdicts]) < 1.1


@pytest.mark.parametrize("known", [True, False])
def test_unused_dimensions_do_not_decide(known: bool) -> None:
    means, wide = _scene(0.2)
    judge = OffData(means, wide if known else wide[:0])
    away = np.array([2.5, -2.5, 2.5, 0, 0], np.float32)
    assert judge.judge(away).level == "off", "their noise does not hide what is far in the others"
    place = means[5].copy()
    for value in (-2.0, 0.0, 2.0):
        place[3:] = value
        assert judge.judge(place).level == "on", "nor are they a distance themselves"
    place[3:] = 9.0
    assert judge.judge(place).level == "off", "until no draw has been there"


def test_a_hole_of_an_autoencoder_is_off_and_named() -> None:
    random = np.random.default_rng(0)
    angle = random.uniform(0, 2 * np.pi, 1500)
    ring = (np.stack([np.cos(angle), np.sin(angle)], 1) * random.normal(1.4, 0.05, (1500, 1))).astype(np.float32)
    judge = OffData(ring, np.zeros((0, 2), np.float32))
    hole, outside = judge.judge(np.zeros(2, np.float32)), judge.judge(np.float32([4, 4]))
    assert hole.level == outside.level == "off" and hole.ratio > 3
    assert "hole" in hole.words and "off the data" in outside.words and f"{outside.ratio:.1f} times" in outside.words
    on = judge.judge(np.float32([1.4, 0.0]))
    assert on.level == "on" and on.share > 0.05


def test_the_words_do_not_contradict_the_numbers() -> None:
    means, wide = _scene(0.3)
    judge = OffData(means, wide)
    here = judge.judge(means[7])
    assert here.ratio < 0.005 and here.words == "this is where an item of the data is encoded" and here.level == "on"
    random = np.random.default_rng(5)
    draws = means + wide * random.standard_normal(means.shape).astype(np.float32)
    verdicts = [judge.judge(z) for z in draws[:300]]
    near = [verdict for verdict in verdicts if verdict.share >= 0.5 and verdict.ratio >= 0.005]
    far = [verdict for verdict in verdicts if 0.05 <= verdict.share < 0.5]
    assert len(near) > 50 and len(far) > 50
    assert all(verdict.words == "as close to the data as most data are" and verdict.ratio <= 1 for verdict in near)
    assert all(verdict.ratio > 0.99 and verdict.level == "on" for verdict in far)
    assert all(f"farther out than most data, as {100 * verdict.share:.0f} %" in verdict.words for verdict in far)


def test_without_noise_the_reference_are_leave_one_out_distances() -> None:
    codes = np.random.default_rng(2).standard_normal((300, 4)).astype(np.float32)
    distances = np.linalg.norm(codes[:, None] - codes, axis=2) + np.diag(np.full(300, np.inf))
    expected = np.sort(distances.min(1))
    assert np.allclose(OffData(codes, np.zeros_like(codes)).reference, expected, rtol=1e-4)
    assert np.allclose(OffData(codes, codes[:0]).reference, expected, rtol=1e-4)


def test_share_falls_and_ratio_grows_on_the_way_out() -> None:
    means, wide = _scene(0.3)
    judge = OffData(means, wide)
    assert judge.judge(np.zeros(5, np.float32)).level == "on"
    way = [judge.judge(np.float32([x, x, x, 0, 0])) for x in np.linspace(1.8, 6, 60)]
    assert all(a.share >= b.share and a.ratio <= b.ratio for a, b in pairwise(way))
    assert way[-1].level == "off" and way[-1].share == 0
    edge = next(verdict for verdict in way if verdict.level == "edge")
    assert "%" in edge.words and "data" in edge.words


def test_codes_that_are_nowhere_are_left_out() -> None:
    means, wide = _scene(0.3, 400)
    broken, far = means.copy(), np.full(5, 50, np.float32)
    broken[7, 2] = np.nan
    wider = wide.copy()
    wider[9, 0] = np.inf
    assert OffData(broken, wider).judge(far).level == "off"
    assert OffData(broken, wide[:0]).judge(far).level == "off"
    assert OffData(np.full_like(means, np.nan), wide).judge(far).level == "off"


def test_the_same_seed_judges_the_same_and_odd_maps_are_judged() -> None:
    means, wide = _scene(0.3, 400)
    z = np.float32([1, 2, 0, 0, 0])
    assert OffData(means, wide, 4).judge(z) == OffData(means, wide, 4).judge(z)
    assert not np.array_equal(OffData(means, wide, 4).reference, OffData(means, wide, 5).reference)
    nothing = OffData(means[:0], wide[:0]).judge(z)
    assert nothing.level == "off" and "no data" in nothing.words
    assert OffData(means[:1], wide[:1]).judge(z).level == "off"
    same = OffData(np.ones((50, 2), np.float32), np.zeros((50, 2), np.float32))
    assert same.judge(np.float32([1, 1])).level == "on" and same.judge(np.float32([3, 1])).level == "off"
    assert np.isfinite(same.judge(np.float32([3, 1])).ratio)

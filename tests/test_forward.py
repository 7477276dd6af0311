"""The forward process: the jump and the chain are draws of one distribution, and what is said of it is so."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer import chain_messages, images, marginal
from explorer.chain_messages import BrowseRequest, Noised, NoiseRequest
from explorer.data.catalog import load
from explorer.errors import DataError, RunError
from explorer.inference import forward
from explorer.inference.session import ModelSession
from explorer.models.diffusion import Diffusion
from explorer.models.schedules import (
    NoiseSchedule,
    cosine_schedule,
    custom_schedule,
    linear_schedule,
    sigmoid_schedule,
)
from explorer.workers.chain_jobs import NoiseJob

Trained = Callable[[str], Path]
SCHEDULES = {"linear": linear_schedule, "cosine": cosine_schedule, "sigmoid": sigmoid_schedule}


@pytest.fixture(scope="session")
def digits(trained: Trained) -> ModelSession:
    return ModelSession.open(trained("digits-ddpm"), "cpu")


@pytest.fixture(scope="session")
def points(trained: Trained) -> ModelSession:
    return ModelSession.open(trained("points-ddpm"), "cpu")


class Bare:
    """A session of a model that has a schedule and a shape, and nothing that could be trained."""

    def __init__(self, schedule: NoiseSchedule, shape: tuple[int, int, int] = (1, 8, 8)) -> None:
        self.model = Diffusion(torch.nn.Identity(), schedule, shape)
        self.points = shape == (2, 1, 1)

    def diffusion(self) -> Diffusion:
        return self.model


def noise(schedule: NoiseSchedule, seed: int, values: np.ndarray) -> Noised:
    channels, height, width = values.shape[3], values.shape[1], values.shape[2]
    session = Bare(schedule, (channels, height, width))
    return forward.noised(session, NoiseRequest(1, 0, seed, values))  # type: ignore[arg-type]


def ramp(side: int = 8) -> np.ndarray:
    return np.linspace(0, 255, side * side).round().astype(np.uint8).reshape(1, side, side, 1)


# ---- the two ways --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEDULES)
def test_jump_and_chain_have_the_moments_of_theory(name: str) -> None:
    """Monte Carlo over seeds: mean √ᾱ_t x₀, variance 1 − ᾱ_t, in every pixel, and no correlation of the two ways."""
    schedule, count = SCHEDULES[name](25), 400
    drawn = [noise(schedule, seed, ramp()) for seed in range(count)]
    for t in (1, 6, 13, 25):
        bar = float(schedule.alpha_bar[t])
        jumps = np.stack([one.jump(bar) for one in drawn]).astype(np.float64)
        chains = np.stack([one.chain[t] for one in drawn]).astype(np.float64)
        mean = math.sqrt(bar) * drawn[0].x0
        for ways in (jumps, chains):
            limit = 5 * math.sqrt((1 - bar) / count) + 2e-3
            assert np.abs(ways.mean(0) - mean).max() < limit
            noisy = (ways - mean) / math.sqrt(1 - bar)
            assert abs(noisy.var() - 1) < 5 * math.sqrt(2 / noisy.size) + 5e-3
            assert abs((noisy**4).mean() - 3) < 0.25, "Gaussian"
        both = ((jumps - mean) * (chains - mean)).mean() / (1 - bar)
        assert abs(both) < 5 / math.sqrt(jumps.size), "another path"


def test_the_jump_is_the_library_s_and_a_seed_s(digits: ModelSession) -> None:
    from explorer.messages import DenoiseRequest

    found = digits.noised(NoiseRequest(1, 3, 7))
    bar = digits.schedule().alpha_bar
    start = next(digits.denoise(DenoiseRequest(0, 1, 7, image=3, start=12)))
    assert np.array_equal(images.from_signed(found.jump(bar[12]))[None], start.x_t), "as on the way forward and back"
    again, other = digits.noised(NoiseRequest(2, 3, 7)), digits.noised(NoiseRequest(3, 3, 8))
    assert np.array_equal(found.chain, again.chain) and not np.array_equal(found.chain, other.chain)
    assert (found.t, found.total, found.every, found.done) == (tuple(range(21)), 20, 1, True)
    assert np.array_equal(found.jump(1.0), found.x0) and np.allclose(found.chain[0], found.x0, atol=1e-3)


def test_each_step_of_the_chain_adds_fresh_noise() -> None:
    schedule = cosine_schedule(30)
    found = noise(schedule, 3, np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3)).astype(np.uint8))
    chain = found.chain.astype(np.float64)
    added = []
    for t in range(1, 31):
        beta = float(schedule.beta[t])
        added.append((chain[t] - math.sqrt(1 - beta) * chain[t - 1]) / math.sqrt(beta))
    noises = np.stack(added).reshape(30, -1)
    assert np.abs(noises.mean(1)).max() < 0.1 and np.abs(noises.std(1) - 1).max() < 0.06
    correlation = np.corrcoef(noises)
    assert np.abs(correlation - np.eye(30)).max() < 0.1


@pytest.mark.parametrize("make", [*SCHEDULES.values(), lambda steps: custom_schedule(steps, (0.3,))])
def test_a_chain_of_one_step(make: Callable[[int], NoiseSchedule]) -> None:
    schedule = make(1)
    found = noise(schedule, 0, ramp())
    assert found.t == (0, 1) and found.done and found.chain.shape == (2, 8, 8, 1)
    assert found.place(0) == 0 and found.place(1) == 1


def test_points_go_all_at_once(points: ModelSession) -> None:
    found = points.noised(NoiseRequest(1, 0, 5))
    clouds = np.asarray(points.test_items()[0], np.float32).reshape(-1, 2)
    assert found.x0.shape == found.eps.shape == (len(clouds), 2) and np.array_equal(found.x0, clouds)
    assert found.chain.shape == (21, len(clouds), 2)
    given = np.random.default_rng(1).standard_normal((2500, 1, 1, 2)).astype(np.float32)
    assert points.noised(NoiseRequest(2, 0, 5, given)).x0.shape == (images.CLOUD, 2)


def test_an_item_that_is_given_is_noised(digits: ModelSession, points: ModelSession) -> None:
    picture = ramp()
    found = digits.noised(NoiseRequest(1, 0, 2, picture))
    assert np.array_equal(images.from_signed(found.x0)[None], picture)
    for bad in (picture[:, :4], picture.astype(np.float32), picture[:0]):
        with pytest.raises(RunError, match="choose another"):
            digits.noised(NoiseRequest(1, 0, 2, bad))
    with pytest.raises(RunError, match="choose another"):
        points.noised(NoiseRequest(1, 0, 2, picture))
    with pytest.raises(DataError, match="no test image 297"):
        digits.noised(NoiseRequest(1, 297, 0))


# ---- memory --------------------------------------------------------------------------------------------------------


def test_a_long_chain_of_large_items_keeps_every_nth_step(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3)).astype(np.uint8)
    schedule = linear_schedule(50)
    whole = noise(schedule, 4, picture)
    most = 20 * 32 * 32 * 3 * 2
    monkeypatch.setattr(forward, "NOISED_BYTES", most)
    found = noise(schedule, 4, picture)
    assert found.every > 1 and found.t[0] == 0 and found.t[-1] == 50 and found.done
    assert found.chain.nbytes + found.x0.nbytes + found.eps.nbytes <= most
    for place, t in enumerate(found.t):
        assert np.array_equal(found.chain[place], whole.chain[t]), "it is the same chain"
    for t in range(51):
        there = found.t[found.place(t)]
        assert there <= t < there + found.every
    assert np.array_equal(found.jump(0.3), whole.jump(0.3)), "the jump is there at every t"


def test_the_usual_bound_is_64_mb() -> None:
    assert chain_messages.NOISED_BYTES == 64 << 20
    budget = sum((chain_messages.CHAIN_BYTES, chain_messages.RACE_BYTES, chain_messages.BETWEEN_BYTES))
    assert budget + chain_messages.NOISED_BYTES <= 512 << 20, "all that the page stores"


def test_a_slow_chain_tells_the_jump_first(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Bare(cosine_schedule(40))
    job = NoiseJob(NoiseRequest(9, 0, 1, ramp()), session)  # type: ignore[arg-type]
    monkeypatch.setattr("explorer.workers.chain_jobs._PART_SECONDS", 0.0)
    monkeypatch.setattr("explorer.workers.chain_jobs._EARLY_SECONDS", -1.0)
    noising = job._noising
    noising.step(), noising.step()
    early = job.advance()
    assert early is not None and not early.done and early.t == (0, 1, 2, 3) and early.total == 40
    before = early.chain.copy()
    monkeypatch.setattr("explorer.workers.chain_jobs._PART_SECONDS", 60.0)
    last = job.advance()
    assert last is not None and last.done and job.done and np.array_equal(early.chain, before)
    assert np.array_equal(last.chain[:4], early.chain) and np.array_equal(last.jump(0.5), early.jump(0.5))


def test_a_request_that_is_replaced_still_tells_its_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.workers.chain_jobs._PART_SECONDS", 0.0)
    monkeypatch.setattr("explorer.workers.chain_jobs._EARLY_SECONDS", 60.0)
    job = NoiseJob(NoiseRequest(9, 0, 1, ramp()), Bare(cosine_schedule(40)))  # type: ignore[arg-type]
    assert job.advance() is None
    left = job.rest()
    assert left is not None and left.request == 9 and left.t == (0, 1) and not left.done
    assert np.array_equal(left.jump(0.5), noise(cosine_schedule(40), 1, ramp()).jump(0.5))
    monkeypatch.setattr("explorer.workers.chain_jobs._EARLY_SECONDS", -1.0)
    assert job.advance() is not None and job.rest() is None, "it is told once"


# ---- schedules, browsing -------------------------------------------------------------------------------------------


def test_the_other_schedules_are_those_that_training_knows(digits: ModelSession) -> None:
    found = forward.schedules(digits, 5)
    assert (found.request, found.own) == (5, "cosine") and list(found.others) == ["linear", "sigmoid"]
    for name, schedule in found.others.items():
        assert np.array_equal(schedule.alpha_bar, SCHEDULES[name](20).alpha_bar.numpy())
        assert len(schedule.beta) == 21


def test_test_images_are_browsed_by_class_and_number(digits: ModelSession, points: ModelSession) -> None:
    pixels, labels = load("digits").split("test")
    everything = forward.browsed(digits, BrowseRequest(1, 10, 30))
    assert list(everything.indices) == list(range(10, 40)) and np.array_equal(everything.pixels, pixels[10:40])
    assert (everything.fitting, everything.total) == (len(pixels), len(pixels)) and everything.classes == tuple(
        range(10)
    )
    sevens = forward.browsed(digits, BrowseRequest(1, 0, 1000, 7))
    assert set(sevens.labels) == {7} and sevens.fitting == len(sevens.indices) == (labels == 7).sum()
    assert np.array_equal(sevens.pixels, pixels[labels == 7])
    assert not len(forward.browsed(digits, BrowseRequest(1, 10**6, 10)).indices)
    assert not len(forward.browsed(digits, BrowseRequest(1, -5, 10, 99)).indices)
    with pytest.raises(DataError, match="points"):
        forward.browsed(points, BrowseRequest(1, 0, 5))


# ---- what is said of q(x_t|x_0) ------------------------------------------------------------------------------------


def clean() -> np.ndarray:
    return (np.random.default_rng(5).random((16, 16, 1)) ** 2 * 2 - 1).astype(np.float32)


@pytest.mark.parametrize("bar", [0.999, 0.6, 0.1, 1e-4])
def test_expected_moments_and_their_errors_by_monte_carlo(bar: float) -> None:
    x0, random = clean(), np.random.default_rng(0)
    draws = math.sqrt(bar) * x0 + math.sqrt(1 - bar) * random.standard_normal((3000, *x0.shape))
    found = [marginal.measured(x_t, x0, bar) for x_t in draws]
    expected, error = marginal.expected(x0, bar), marginal.error(x0, bar)
    for name in ("mean", "spread", "noise"):
        values = np.array([getattr(one, name) for one in found])
        assert values.mean() == pytest.approx(getattr(expected, name), abs=4 * getattr(error, name) / 50 + 3e-3)
        assert values.std() == pytest.approx(getattr(error, name), rel=0.08)


def test_at_t_0_there_is_no_noise() -> None:
    x0 = clean()
    found = marginal.expected(x0, 1.0)
    assert (found.mean, found.spread) == pytest.approx((x0.mean(dtype=float), x0.std(dtype=float))) and found.noise == 0
    assert marginal.error(x0, 1.0) == marginal.Moments(0, 0, 0)
    assert marginal.error(np.zeros(4, np.float32), 1.0).spread == 0
    assert math.isinf(marginal.kl_per_value(x0, 1.0)) and math.isinf(marginal.decibels(1.0))
    assert marginal.decibels(0.5) == pytest.approx(0) and marginal.decibels(10 / 11) == pytest.approx(10)


@pytest.mark.parametrize("bar", [0.99, 0.3, 1e-5])
def test_the_kl_is_that_of_the_gaussians(bar: float) -> None:
    x0 = clean()
    one = torch.distributions.Normal(math.sqrt(bar) * torch.from_numpy(x0).double(), math.sqrt(1 - bar))
    other = torch.distributions.Normal(torch.zeros(1, dtype=torch.double), torch.ones(1, dtype=torch.double))
    assert marginal.kl_per_value(x0, bar) == pytest.approx(
        float(torch.distributions.kl_divergence(one, other).mean()), rel=1e-6, abs=1e-12
    )


@pytest.mark.parametrize("bar", [0.9, 0.4, 1e-3])
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (40, 40, 3), (2000, 2)])
def test_densities_are_of_the_values_and_theory_is_their_mean(bar: float, shape: tuple[int, ...]) -> None:
    x0 = np.random.default_rng(2).choice([-1.0, -0.2, 1.0], shape, p=[0.6, 0.1, 0.3]).astype(np.float32)
    densities, random = marginal.Densities(x0, 3.5), np.random.default_rng(3)
    total, draws = np.zeros(densities.bins), 200
    for _ in range(draws):
        x_t = (math.sqrt(bar) * x0 + math.sqrt(1 - bar) * random.standard_normal(shape)).astype(np.float32)
        density = densities.of(x_t)
        inside = np.histogram(x_t, densities.edges)[0] / (x_t.size * densities.width)
        assert np.abs(density - inside).sum() * densities.width < 0.02, "as NumPy counts, but for edges"
        total += density / draws
    fine = np.interp((densities.edges[:-1] + densities.edges[1:]) / 2, densities.places, densities.expected(bar))
    assert np.abs(total - fine).max() < 0.05 * max(1, fine.max())
    area = np.trapezoid(densities.expected(bar), densities.places)
    assert area == pytest.approx(1, abs=0.01)


def test_densities_of_an_even_item_and_of_what_lies_far_out() -> None:
    densities = marginal.Densities(np.full((8, 8, 1), 0.25, np.float32), 3.5)
    assert np.isfinite(densities.expected(1.0)).all() and densities.expected(1.0).max() > 1
    assert densities.of(np.full(10, 99.0, np.float32)).sum() == 0
    assert densities.of(np.full(10, -99.0, np.float32)).sum() == 0


def test_points_that_a_poor_model_threw_far_out_are_no_fault(points: ModelSession) -> None:
    values = np.zeros((50, 1, 1, 2), np.float32)
    values[0], values[1], values[2, ..., 0] = 1e9, -np.inf, np.nan
    found = points.noised(NoiseRequest(1, 0, 1, values))
    assert found.chain.shape == (21, 50, 2) and np.isfinite(found.chain).all()
    densities = marginal.Densities(found.x0, 3.5)
    for part in (densities.of(found.jump(0.5)), densities.of(found.chain[-1]), densities.expected(0.5)):
        assert np.isfinite(part).all()

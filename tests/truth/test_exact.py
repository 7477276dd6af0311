"""Mixtures of Gaussians against torch.distributions, autograd and Monte Carlo, and samplers and bound on them."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from explorer.config import ReverseVariance
from explorer.data.points import Mixture, ring
from explorer.models.bound import log_reverse_variance, prior_nats, step_nats
from explorer.models.diffusion import Diffusion
from explorer.models.exact import MixtureDiffusion, sliced_wasserstein
from explorer.models.noise import NoiseSource
from explorer.models.samplers import Denoiser, ancestral, ddim
from explorer.models.schedules import NoiseSchedule, cosine_schedule, linear_schedule

WEIGHTS = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
MEANS = torch.tensor([[-1.0, 0.5], [0.7, 0.2], [0.1, -1.2]], dtype=torch.float64)
COVARIANCES = torch.tensor(
    [[[0.2, 0.05], [0.05, 0.1]], [[0.1, -0.08], [-0.08, 0.3]], [[0.05, 0.0], [0.0, 0.4]]], dtype=torch.float64
)
SCHEDULE = cosine_schedule(40)


def mixture(schedule: NoiseSchedule = SCHEDULE) -> MixtureDiffusion:
    return MixtureDiffusion(WEIGHTS, MEANS, COVARIANCES, schedule)


def law(t: int = 0, schedule: NoiseSchedule = SCHEDULE) -> MixtureSameFamily:
    """Return p_t as torch.distributions knows it."""
    bar = schedule.alpha_bar[t]
    parts = MultivariateNormal(bar.sqrt() * MEANS, bar * COVARIANCES + (1 - bar) * torch.eye(2).double())
    return MixtureSameFamily(Categorical(WEIGHTS), parts)


def draw(count: int, seed: int = 0) -> Tensor:
    """Return points (count, 2) of the mixture, float64."""
    generator = torch.Generator().manual_seed(seed)
    which = torch.multinomial(WEIGHTS, count, replacement=True, generator=generator)
    noise = normal(count, 2, seed=seed + 1)
    return MEANS[which] + torch.einsum("bij,bj->bi", torch.linalg.cholesky(COVARIANCES)[which], noise)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ring_network(schedule: NoiseSchedule, made: Mixture | None = None) -> MixtureDiffusion:
    made = made or ring()
    weights, means, sigmas = (torch.from_numpy(part) for part in (made.weights, made.means, made.sigmas))
    return MixtureDiffusion(weights, means, sigmas.square(), schedule)


def ring_points(count: int, seed: int, made: Mixture | None = None) -> Tensor:
    return torch.from_numpy((made or ring()).draw(count, np.random.RandomState(seed))[0])


# ---- densities and scores ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [0, 1, 20, 40])
def test_the_density_is_that_of_torch(t: int) -> None:
    x = 2 * normal(200, 2)
    got = mixture().log_density(x, torch.full((200,), t))
    assert got.dtype == torch.float64
    assert torch.allclose(got, law(t).log_prob(x), rtol=1e-9, atol=1e-7)
    assert torch.allclose(mixture().log_density(x.reshape(200, 2, 1, 1), torch.full((200,), t)), got)


def test_round_components_are_given_by_their_variances() -> None:
    variances, x = torch.tensor([0.1, 0.4, 0.9]), normal(50, 2)
    short = MixtureDiffusion(WEIGHTS, MEANS, variances, SCHEDULE)
    full = MixtureDiffusion(WEIGHTS, MEANS, variances[:, None, None] * torch.eye(2), SCHEDULE)
    parts = MultivariateNormal(MEANS, variances.double()[:, None, None] * torch.eye(2))
    t = torch.zeros(50, dtype=torch.long)
    assert torch.allclose(
        short.log_density(x, t), MixtureSameFamily(Categorical(WEIGHTS), parts).log_prob(x), atol=1e-6
    )
    assert torch.equal(short.score(x, t + 9), full.score(x, t + 9))


def test_the_score_is_the_gradient_of_the_density() -> None:
    t = torch.arange(41).repeat(5)
    x = (2 * normal(len(t), 2)).requires_grad_()
    (gradient,) = torch.autograd.grad(mixture().log_density(x, t).sum(), x)
    assert torch.allclose(mixture().score(x, t), gradient, rtol=1e-9, atol=1e-9)
    (theirs,) = torch.autograd.grad(law(20).log_prob(x).sum(), x)
    at_20 = mixture().score(x, torch.full_like(t, 20))
    assert torch.allclose(at_20, theirs, rtol=1e-9, atol=1e-9)
    with torch.no_grad():
        noise = (1 - SCHEDULE.alpha_bar[20]).sqrt()
        assert torch.allclose(mixture()(x, torch.full_like(t, 20)), -noise * at_20)
        picture = mixture()(x.float().reshape(-1, 2, 1, 1), t)
        assert picture.shape == (len(t), 2, 1, 1) and picture.dtype == torch.float32


def test_density_and_score_of_more_dimensions_are_torchs() -> None:
    """In two dimensions LAPACK's matrix of axes is often its own transpose, so a turn the wrong way would not show."""
    roots, means = normal(3, 5, 5), normal(3, 5, seed=1)
    covariances = roots @ roots.mT + 0.1 * torch.eye(5).double()
    network, bar = MixtureDiffusion(WEIGHTS, means, covariances, SCHEDULE), SCHEDULE.alpha_bar[12]
    parts = MultivariateNormal(bar.sqrt() * means, bar * covariances + (1 - bar) * torch.eye(5).double())
    x, t = (2 * normal(50, 5, seed=2)).requires_grad_(), torch.full((50,), 12)
    theirs = MixtureSameFamily(Categorical(WEIGHTS), parts).log_prob(x)
    assert torch.allclose(network.log_density(x, t), theirs, rtol=1e-9, atol=1e-6)
    assert torch.allclose(network.score(x, t), torch.autograd.grad(theirs.sum(), x)[0], rtol=1e-8, atol=1e-8)


def test_the_score_far_out_is_finite_and_points_back() -> None:
    x = torch.tensor([[1e4, 0.0], [0.0, -1e4]], dtype=torch.float64)
    for t in (0, 1, 40):
        score = mixture().score(x, torch.full((2,), t))
        assert bool(score.isfinite().all()) and bool(((score * x).sum(1) < 0).all())


@pytest.mark.parametrize("t", [1, 15, 40])
def test_the_density_integrates_to_one_and_is_that_of_noised_points(t: int) -> None:
    axis = (torch.arange(-280, 280, dtype=torch.float64) + 0.5) / 40  # middles of cells
    grid = torch.cartesian_prod(axis, axis)
    mass = mixture().log_density(grid, torch.full((len(grid),), t)).exp() / 40**2
    assert float(mass.sum()) == pytest.approx(1, abs=1e-4)
    bar, count = SCHEDULE.alpha_bar[t], 100_000
    noised = bar.sqrt() * draw(count) + (1 - bar).sqrt() * normal(count, 2, seed=9)
    mean = (mass[:, None] * grid).sum(0)
    moments = torch.einsum("b,bi,bj->ij", mass, grid, grid)
    assert torch.allclose(noised.mean(0), mean, atol=0.02)
    assert torch.allclose(torch.einsum("bi,bj->ij", noised, noised) / count, moments, atol=0.03)
    for low, high in ((-1.0, 0.0), (0.0, 0.5), (0.5, 2.0)):  # the share of points in a square
        inside = ((grid > low) & (grid <= high)).all(1)
        share = ((noised > low) & (noised <= high)).all(1).double().mean()
        assert float(share) == pytest.approx(float(mass[inside].sum()), abs=0.006)


@pytest.mark.parametrize("t", [2, 15, 35])
def test_the_perfect_noise_has_the_least_error(t: int) -> None:
    """E‖ε − ε̂‖² = E‖ε − ε*‖² + E‖ε* − ε̂‖²: ε* is E[ε|x_t], so what it leaves is orthogonal to functions of x_t."""
    count = 200_000
    bar, eps, steps = SCHEDULE.alpha_bar[t], normal(count, 2, seed=9), torch.full((count,), t)
    x_t = bar.sqrt() * draw(count) + (1 - bar).sqrt() * eps
    best = mixture()(x_t, steps)
    error = (eps - best).square().sum(1).mean()
    wrong = MixtureDiffusion(WEIGHTS.flip(0), MEANS, COVARIANCES, SCHEDULE)(x_t, steps)
    for other in (0.95 * best, best + 0.05, best + 0.05 * torch.sin(3 * x_t), wrong):
        moved = (best - other).square().sum(1).mean()
        worse = (eps - other).square().sum(1).mean()
        assert worse > error
        product = 2 * ((eps - best) * (best - other)).sum(1)
        assert abs(float(product.mean())) < 4.5 * float(product.std()) / math.sqrt(count)
        assert float(worse) == pytest.approx(float(error + moved + product.mean()), rel=1e-9)


# ---- samplers with a perfect network -------------------------------------------------------------------------------


def energy_distance(a: Tensor, b: Tensor) -> float:
    """Return 2 E‖a − b‖ − E‖a − a'‖ − E‖b − b'‖ (Székely & Rizzo 2013), zero for the same law alone."""
    within = sum(float(torch.cdist(c, c).sum()) / (len(c) * (len(c) - 1)) for c in (a, b))
    return 2 * float(torch.cdist(a, b).mean()) - within


@pytest.fixture(scope="module")
def threshold() -> float:
    """What the energy distance of two clouds of the ring hardly ever exceeds by chance."""
    found = [energy_distance(ring_points(1500, 2 * k), ring_points(1500, 2 * k + 1)) for k in range(40)]
    return float(np.mean(found) + 4 * np.std(found))


def sampled(network: MixtureDiffusion, schedule: NoiseSchedule, kind: str, count: int) -> Tensor:
    """Return points (count, 2) that a sampler draws: "posterior" and "beta" are the ancestral chain's variance."""
    variance: ReverseVariance = "beta" if kind == "beta" else "posterior"
    denoise, noise = Denoiser(Diffusion(network, schedule, (2, 1, 1), "eps", variance)), NoiseSource(0, count)
    *_, last = (ddim if kind == "ddim" else ancestral)(denoise, noise.draw((2, 1, 1)), noise)
    return last.x_t.flatten(1).double()


def variance_left(schedule: NoiseSchedule, kind: str, of_data: float) -> float:
    """Return the variance of samples of N(0, ``of_data``): x̂_0 = √ᾱ s/(ᾱ s + 1 − ᾱ) x_t, so each step is a factor."""
    bar, beta, left = schedule.alpha_bar.tolist(), schedule.beta.tolist(), 1.0
    for t in range(schedule.timesteps, 0, -1):
        of_x_t = math.sqrt(bar[t]) * of_data / (bar[t] * of_data + 1 - bar[t])
        if kind == "ddim":
            turn = math.sqrt((1 - bar[t - 1]) / (1 - bar[t]))
            left *= ((math.sqrt(bar[t - 1]) - turn * math.sqrt(bar[t])) * of_x_t + turn) ** 2
            continue
        of_noise = (1 - of_x_t * math.sqrt(bar[t])) / math.sqrt(1 - bar[t])
        left *= (1 - beta[t] * of_noise / math.sqrt(1 - bar[t])) ** 2 / (1 - beta[t])
        left += (0 if t == 1 else beta[t]) * (1 if kind == "beta" else (1 - bar[t - 1]) / (1 - bar[t]))
    return left


@pytest.mark.parametrize("kind", ["posterior", "beta", "ddim"])
@pytest.mark.parametrize("steps", [20, 200])
def test_samples_of_a_gaussian_have_the_variance_the_chain_leaves(steps: int, kind: str) -> None:
    schedule, variances = linear_schedule(steps), torch.tensor([0.3], dtype=torch.float64)
    network = MixtureDiffusion(torch.ones(1), torch.zeros(1, 2), variances, schedule)
    points, expected = sampled(network, schedule, kind, 6000), variance_left(schedule, kind, 0.3)
    assert float(points.square().mean()) == pytest.approx(expected, rel=0.05)
    assert torch.allclose(points.mean(0), torch.zeros(2).double(), atol=0.04)
    assert abs(variance_left(linear_schedule(2000), kind, 0.3) - 0.3) < 0.003  # many steps lose nothing


@pytest.mark.parametrize("kind", ["posterior", "beta", "ddim"])
def test_samples_of_a_perfect_network_are_the_ring(kind: str, threshold: float) -> None:
    schedule = linear_schedule(1000)
    points = sampled(ring_network(schedule), schedule, kind, 1500)
    assert energy_distance(points, ring_points(1500, 1000)) < threshold
    distances, nearest = torch.cdist(points, torch.from_numpy(ring().means)).min(1)
    assert torch.allclose(torch.bincount(nearest, minlength=8) / 1500, torch.full((8,), 0.125), atol=0.035)
    assert float(distances.square().mean() / 2) == pytest.approx(variance_left(schedule, kind, 0.01), rel=0.09)


def wrong_rings() -> list[Mixture]:
    right = ring()
    uneven = Mixture(np.array([2, 1, 1, 1, 1, 1, 1, 1]) / 9, right.means, right.sigmas)
    return [
        uneven,
        Mixture(right.weights, 1.1 * right.means, right.sigmas),
        Mixture(right.weights, right.means, 3 * right.sigmas),
    ]


def test_the_energy_distance_tells_wrong_rings_from_the_ring(threshold: float) -> None:
    for wrong in wrong_rings():
        assert energy_distance(ring_points(1500, 77, wrong), ring_points(1500, 1000)) > threshold


def test_samples_of_the_perfect_network_of_another_ring_are_not_the_ring(threshold: float) -> None:
    schedule = linear_schedule(1000)
    points = sampled(ring_network(schedule, wrong_rings()[0]), schedule, "posterior", 1500)
    assert energy_distance(points, ring_points(1500, 1000)) > threshold


# ---- the bound with a perfect network ------------------------------------------------------------------------------


def over_entropy(variance: ReverseVariance, timesteps: int, count: int, made: Mixture | None = None) -> Tensor:
    """Return the bound less −ln p of points of the ring (count,): on average how far it lies over the entropy.

    ln p is torch's own; the network is that of ``made``.
    """
    schedule = linear_schedule(timesteps)
    model = Diffusion(ring_network(schedule, made), schedule, (2, 1, 1), "eps", variance)
    x0 = ring_points(count, 5)
    parts = MultivariateNormal(torch.from_numpy(ring().means), 0.01 * torch.eye(2).double())
    log_p = MixtureSameFamily(Categorical(torch.from_numpy(ring().weights)), parts).log_prob(x0)
    x0 = x0[:, :, None, None]
    total, generator = prior_nats(model, x0) + log_p, torch.Generator().manual_seed(0)
    for t in range(1, timesteps + 1):
        steps = torch.full((count,), t)
        at = model.coefficients(steps)
        x_t = at.marginal(x0, torch.randn(x0.shape, generator=generator, dtype=torch.float64))
        x0_hat = at.x0("eps", model(x_t, steps), x_t)
        total = total + step_nats(model, x0, x_t, steps, x0_hat, log_reverse_variance(model, steps, None))
    return total


def mean_and_error(values: Tensor) -> tuple[float, float]:
    return float(values.mean()), float(values.std()) / math.sqrt(len(values))


def test_the_bound_of_a_perfect_network_falls_to_the_entropy() -> None:
    """With β; with β̃ the small t cost γ + 1 − ln 2 = 0.88 nats more of two values: see test_bound."""
    tight, error = mean_and_error(over_entropy("beta", 1000, 2000))
    assert -3 * error <= tight < 0.1 and error < 0.04
    loose, error = mean_and_error(over_entropy("posterior", 1000, 1000))
    assert 0.88 - 3 * error < loose < 1.3


def test_the_bound_of_a_wrong_network_is_higher_by_the_divergence() -> None:
    """The chain of q's perfect network has the law q, so it costs KL(p ‖ q) more; here from as many points of p."""
    right, x0, at_0 = over_entropy("beta", 200, 1500), ring_points(1500, 5), torch.zeros(1500, dtype=torch.long)
    for wrong in wrong_rings():
        more, error = mean_and_error(over_entropy("beta", 200, 1500, wrong) - right)
        p, q = (ring_network(SCHEDULE, made).log_density(x0, at_0).mean() for made in (ring(), wrong))
        assert more > 2 * error and more == pytest.approx(float(p - q), rel=0.05, abs=4 * error)


# ---- the distance of clouds ----------------------------------------------------------------------------------------


def test_a_cloud_is_no_distance_from_itself() -> None:
    points = draw(300)
    assert sliced_wasserstein(points, points) == 0
    assert sliced_wasserstein(points, points.flip(0)) < 1e-9
    assert sliced_wasserstein(points, points + 1e-3) > 5e-4


def test_a_shift_is_as_far_as_its_average_projection() -> None:
    """√E cos² = 1/√2 in the plane; 1/√D in D dimensions."""
    for size in (1, 2, 5):
        points, shift = normal(100, size), normal(size, seed=4)
        expected = float(shift.norm()) / math.sqrt(size)
        assert sliced_wasserstein(points, points + shift, 20_000) == pytest.approx(expected, rel=0.03)
        assert sliced_wasserstein(points, points + shift) == pytest.approx(expected, rel=0.25)


def test_the_distance_is_the_best_matching_along_every_direction() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    a, b = draw(25).numpy(), 1.5 * draw(25, seed=3).numpy() + 0.2
    squares = []
    for angle in np.linspace(0, np.pi, 180, endpoint=False):
        axis = np.array([np.cos(angle), np.sin(angle)])
        costs = ((a @ axis)[:, None] - (b @ axis)[None]) ** 2
        squares.append(costs[optimize.linear_sum_assignment(costs)].mean())
    got = sliced_wasserstein(torch.from_numpy(a), torch.from_numpy(b), 20_000)
    assert got == pytest.approx(math.sqrt(np.mean(squares)), rel=0.02)
    assert got == pytest.approx(sliced_wasserstein(torch.from_numpy(b), torch.from_numpy(a), 20_000), rel=1e-9)


def test_directions_are_those_of_the_seed() -> None:
    a, b = draw(50), draw(50, seed=3)
    assert sliced_wasserstein(a, b, 16) == sliced_wasserstein(a, b, 16)
    assert sliced_wasserstein(a, b, 16, seed=1) != sliced_wasserstein(a, b, 16, seed=2)

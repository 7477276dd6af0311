"""The bound of diffusion models against torch.distributions, scipy, and a Gaussian whose bound is a formula."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from explorer.config import Prediction, ReverseVariance
from explorer.models.bound import (
    discretized_log_prob,
    log_reverse_variance,
    prior_nats,
    step_nats,
    to_bits,
    training_losses,
)
from explorer.models.diffusion import Diffusion
from explorer.models.exact import MixtureDiffusion
from explorer.models.schedules import NoiseSchedule, cosine_schedule, linear_schedule, noise_schedule

BYTES = torch.arange(256, dtype=torch.float64) / 127.5 - 1
MEANS = [0.0, 0.3331, -0.9999, 1.0, -1.3, 2.0, 30.0, -1000.0]
SIGMAS = [1e-3, 4e-3, 0.02, 0.3, 1.0, 2.0]
VARIANCES: list[ReverseVariance] = ["beta", "posterior", "learned"]
PICTURE, POINT = (2, 3, 3), (2, 1, 1)


class Wave(nn.Module):
    """A fixed network that depends on x_t and t."""

    def __init__(self, variance: ReverseVariance = "posterior") -> None:
        super().__init__()
        self.learned = variance == "learned"

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        said = torch.sin(2 * x + t[:, None, None, None])
        return torch.cat([said, torch.cos(3 * x)], 1) if self.learned else said


class Said(nn.Module):
    """Says the same of everything: ``quantity``, and ``spread`` where the variance is learned."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.quantity, self.spread = nn.Parameter(torch.full(shape, 0.2)), nn.Parameter(torch.full(shape, 0.1))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return torch.cat([self.quantity, self.spread]).expand(len(x), -1, -1, -1)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def picture_bytes(count: int, seed: int = 0) -> Tensor:
    values = torch.randint(256, (count, *PICTURE), generator=torch.Generator().manual_seed(seed))
    return (values / 127.5 - 1).float()


def exact_sigma(schedule: NoiseSchedule, t: int, variance: ReverseVariance, v: Tensor) -> Tensor:
    """Return σ_t, float64, of v for the learned variance; β̃_1 = 0 gives way to β̃_2."""
    beta, s = schedule.beta, max(t, 2)
    small = beta[s] * (1 - schedule.alpha_bar[s - 1]) / (1 - schedule.alpha_bar[s])
    v = {"beta": torch.ones_like(v), "posterior": torch.zeros_like(v), "learned": v}[variance].double()
    return (0.5 * (v * beta[t].log() + (1 - v) * small.log())).exp()


def exact_terms(model: Diffusion, x0: Tensor, x_t: Tensor, t: int, x0_hat: Tensor, v: Tensor) -> Tensor:
    """Return L_{t−1} or L_0 per item in float64, from torch's and scipy's own formulas."""
    bar, beta = model.schedule.alpha_bar, model.schedule.beta
    of_x0 = bar[t - 1].sqrt() * beta[t] / (1 - bar[t])
    of_x_t = (1 - beta[t]).sqrt() * (1 - bar[t - 1]) / (1 - bar[t])
    x0, x_t, x0_hat = x0.double(), x_t.double(), x0_hat.double()
    mean = of_x0 * x0_hat + of_x_t * x_t
    sigma = exact_sigma(model.schedule, t, model.variance, v)
    if t > 1:
        tilde = (beta[t] * (1 - bar[t - 1]) / (1 - bar[t])).sqrt()
        nats = kl_divergence(Normal(of_x0 * x0 + of_x_t * x_t, tilde), Normal(mean, sigma))
    elif model.shape == POINT:
        nats = -Normal(mean, sigma).log_prob(x0)
    else:
        edges = x0 + 1 / 255, x0 - 1 / 255
        upper, lower = (norm.cdf(edge.numpy(), mean.numpy(), sigma.numpy()) for edge in edges)
        upper, lower = np.where(x0 > 0.999, 1, upper), np.where(x0 < -0.999, 0, lower)
        nats = -torch.from_numpy(np.log(upper - lower))
    return nats.flatten(1).sum(1)


# ---- the discretized Gaussian --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("mean", MEANS)
def test_the_256_probabilities_sum_to_one(mean: float, sigma: float) -> None:
    log_sigma = torch.tensor(sigma, dtype=torch.float64).log()
    total = discretized_log_prob(BYTES, torch.full_like(BYTES, mean), log_sigma).exp().sum()
    assert float(total) == pytest.approx(1, abs=1e-5)
    single = discretized_log_prob(BYTES.float(), torch.full((256,), mean), log_sigma.float()).exp().sum()
    assert float(single) == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("mean", [0.0, 0.3331, -0.9999, 1.0, -1.3, 2.0])
def test_each_probability_is_a_difference_of_scipys_cdf(mean: float, sigma: float) -> None:
    log_sigma = torch.tensor(sigma, dtype=torch.float64).log()
    got = discretized_log_prob(BYTES, torch.full_like(BYTES, mean), log_sigma).numpy()
    edges = np.concatenate([[-np.inf], BYTES.numpy()[:-1] + 1 / 255, [np.inf]])
    # from the side on which the cdf is small, where the difference keeps its digits
    below = np.diff(norm.cdf(edges, mean, sigma))
    above = -np.diff(norm.sf(edges, mean, sigma))
    expected = np.where(BYTES.numpy() > mean, above, below)
    good = expected > 1e-290
    assert good.sum() >= 1
    assert np.allclose(got[good], np.log(expected[good]), rtol=1e-7, atol=1e-7)
    single = discretized_log_prob(BYTES.float(), torch.full((256,), mean), log_sigma.float()).numpy()
    assert np.allclose(single[good], np.log(expected[good]), rtol=2e-3, atol=2e-3)


def gradients_at(dtype: torch.dtype, mean: float, sigma: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return ln p of every byte and its slopes in μ and in ln σ, in float64, computed in ``dtype``."""
    means = torch.full((256,), mean, dtype=dtype, requires_grad=True)
    log_sigmas = torch.full((256,), math.log(sigma), dtype=dtype, requires_grad=True)
    log_prob = discretized_log_prob(BYTES.to(dtype), means, log_sigmas)
    return log_prob.detach().double(), *(g.double() for g in torch.autograd.grad(log_prob.sum(), (means, log_sigmas)))


@pytest.mark.parametrize("sigma", [4e-3, 0.02, 0.3, 1.0])
@pytest.mark.parametrize("mean", [-1.5, -1.0, 0.3331, 1.0])
def test_float32_has_the_gradients_of_float64(mean: float, sigma: float) -> None:
    single, double = (gradients_at(dtype, mean, sigma) for dtype in (torch.float32, torch.float64))
    for got, expected in zip(single, double, strict=True):
        assert torch.allclose(got, expected, rtol=0.05, atol=1e-3 * float(expected.abs().max()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sigma", [1e-3, 0.02, 1.0, 2.0])
@pytest.mark.parametrize("mean", [-1e3, -30.0, 30.0, 1e3])
def test_extremes_are_finite_and_pull_the_mean_back(mean: float, sigma: float, dtype: torch.dtype) -> None:
    """Far out ln p is about −½((x ± ½ bin − μ)/σ)²: its slope in μ is about (x − μ)/σ², and in ln σ (x − μ)²/σ²."""
    log_prob, of_mean, of_log_sigma = gradients_at(dtype, mean, sigma)
    assert bool(log_prob.isfinite().all()) and bool((log_prob <= 0).all())
    assert bool(of_mean.isfinite().all()) and bool(of_log_sigma.isfinite().all())
    inner = slice(1, 255)  # the outer two bins are open, and one of them has all the probability
    away = BYTES[inner] - mean
    assert torch.allclose(of_mean[inner], away / sigma**2, rtol=0.02)
    assert torch.allclose(of_log_sigma[inner], (away / sigma).square(), rtol=0.02)


def test_the_gradient_is_that_of_numbers() -> None:
    x0, mean = BYTES[[0, 3, 100, 200, 255]], normal(5, dtype=torch.float64).requires_grad_()
    log_sigma = torch.linspace(-2, 0, 5, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda m, s: discretized_log_prob(x0, m, s), (mean, log_sigma), atol=1e-5)


# ---- single terms --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [PICTURE, POINT])
@pytest.mark.parametrize("variance", VARIANCES)
@pytest.mark.parametrize("schedule", [linear_schedule(30), cosine_schedule(30)])
def test_step_nats_are_torchs_divergence_and_density(
    schedule: NoiseSchedule, variance: ReverseVariance, shape: tuple[int, int, int]
) -> None:
    model = Diffusion(Wave(variance), schedule, shape, "x0", variance)
    x0 = normal(4, *shape, seed=1) if shape == POINT else picture_bytes(4)
    for t in (1, 2, 3, 15, 30):
        steps = torch.full((4,), t)
        x_t = model.coefficients(steps).marginal(x0, normal(4, *shape))
        x0_hat, v = x0 + 0.02 * normal(4, *shape, seed=3), torch.rand(4, *shape)
        log_variance = log_reverse_variance(model, steps, v if variance == "learned" else None)
        got = step_nats(model, x0, x_t, steps, x0_hat, log_variance)
        expected = exact_terms(model, x0, x_t, t, x0_hat, v)
        assert got.shape == (4,)
        assert torch.allclose(got.double(), expected, rtol=2e-4, atol=2e-5), t


def test_items_of_many_steps_are_as_those_of_one() -> None:
    model = Diffusion(Wave(), cosine_schedule(20), PICTURE, "x0")
    x0, x_t, x0_hat = picture_bytes(5), normal(5, *PICTURE), picture_bytes(5, seed=1)
    t = torch.tensor([1, 9, 1, 2, 20])
    together = step_nats(model, x0, x_t, t, x0_hat, log_reverse_variance(model, t, None))
    for index in range(5):
        one = slice(index, index + 1)
        alone = step_nats(model, x0[one], x_t[one], t[one], x0_hat[one], log_reverse_variance(model, t[one], None))
        assert torch.allclose(alone[0], together[index])


def test_the_last_step_of_pictures_is_a_law_of_bytes() -> None:
    """exp(−L_0) of all 256 values of one pixel, the others kept, sums to exp(−L_0) of the others."""
    model = Diffusion(Wave(), linear_schedule(100), (1, 1, 2), "x0", "beta")
    x0 = torch.full((256, 1, 1, 2), float(BYTES[77]))
    x0[:, 0, 0, 0] = BYTES.float()
    t, x0_hat = torch.ones(256, dtype=torch.long), torch.tensor([0.3, -0.4]).expand(256, 1, 1, 2)
    log_variance = log_reverse_variance(model, t, None)
    total = (-step_nats(model, x0, torch.zeros_like(x0), t, x0_hat, log_variance)).exp().sum()
    other = discretized_log_prob(BYTES[77], torch.tensor(-0.4).double(), 0.5 * log_variance[0].double()).exp()
    assert float(total) == pytest.approx(float(other), rel=1e-3)


@pytest.mark.parametrize("schedule", [linear_schedule(1000), linear_schedule(3), noise_schedule(torch.tensor([0.3]))])
def test_the_first_term_is_torchs_divergence(schedule: NoiseSchedule) -> None:
    model = Diffusion(Wave(), schedule, PICTURE)
    x0 = picture_bytes(4)
    bar = schedule.alpha_bar[-1]
    q = Normal(bar.sqrt() * x0.double(), (1 - bar).sqrt())
    expected = kl_divergence(q, Normal(torch.zeros(()).double(), torch.ones(()).double())).flatten(1).sum(1)
    assert torch.allclose(prior_nats(model, x0).double(), expected, rtol=1e-4, atol=1e-12)


def test_learned_variance_of_one_is_beta_and_of_nought_the_posteriors() -> None:
    model, t = Diffusion(Said(PICTURE), cosine_schedule(9), PICTURE, variance="learned"), torch.arange(1, 10)
    halves = normal(9, *PICTURE)
    for said, expected in ((1.0, model.schedule.beta[1:]), (-1.0, model.schedule.reverse_variance[1:])):
        quantity, v = model.split(torch.cat([halves, torch.full_like(halves, said)], 1))
        assert torch.equal(quantity, halves) and v is not None
        got = log_reverse_variance(model, t, v).exp()
        assert torch.allclose(got, expected[:, None, None, None].float().expand_as(got), rtol=1e-5)
    assert model.schedule.reverse_variance[1] == model.schedule.posterior_variance[2]


def test_bits_are_nats_per_value() -> None:
    model = Diffusion(Wave(), linear_schedule(10), PICTURE)
    assert float(to_bits(model, torch.tensor([18 * math.log(2) * 3]))) == pytest.approx(3)


# ---- the bound of a Gaussian ---------------------------------------------------------------------------------------

MEAN, COVARIANCE = torch.tensor([0.4, -0.8]).double(), torch.tensor([[0.5, 0.2], [0.2, 0.3]]).double()


def gaussian_model(variance: ReverseVariance, timesteps: int) -> Diffusion:
    schedule = linear_schedule(timesteps)
    network = MixtureDiffusion(torch.ones(1), MEAN[None], COVARIANCE[None], schedule)
    return Diffusion(network, schedule, POINT, "eps", variance)


def closed_form(schedule: NoiseSchedule, variance: ReverseVariance, t: int) -> float:
    """Return the expected L_{t−1}, or L_0, of the perfect network: E‖μ̃ − μ‖² = mean_x0² tr Var(x_0|x_t)."""
    bar, beta = schedule.alpha_bar, schedule.beta
    noisy = bar[t] * COVARIANCE + (1 - bar[t]) * torch.eye(2).double()
    left = float((COVARIANCE - bar[t] * COVARIANCE @ torch.linalg.inv(noisy) @ COVARIANCE).trace())
    sigma2 = float(exact_sigma(schedule, t, variance, torch.zeros(()))) ** 2
    of_x0 = float(bar[t - 1].sqrt() * beta[t] / (1 - bar[t]))
    if t == 1:
        return math.log(2 * math.pi * sigma2) + left / (2 * sigma2)
    ratio = float(beta[t] * (1 - bar[t - 1]) / (1 - bar[t])) / sigma2
    return ratio - 1 - math.log(ratio) + of_x0**2 * left / (2 * sigma2)


def gaussian_points(count: int) -> Tensor:
    return (MEAN + normal(count, 2, dtype=torch.float64) @ torch.linalg.cholesky(COVARIANCE).T)[:, :, None, None]


@pytest.mark.parametrize("variance", ["beta", "posterior"])
def test_every_term_of_a_gaussian_is_its_closed_form(variance: ReverseVariance) -> None:
    model, count = gaussian_model(variance, 20), 20_000
    x0 = gaussian_points(count)
    for t in range(1, 21):
        steps = torch.full((count,), t)
        at = model.coefficients(steps)
        x_t = at.marginal(x0, normal(count, *POINT, seed=t, dtype=torch.float64))
        x0_hat = at.x0("eps", model(x_t, steps), x_t)
        nats = step_nats(model, x0, x_t, steps, x0_hat, log_reverse_variance(model, steps, None))
        error = float(nats.std()) / math.sqrt(count)
        assert float(nats.mean()) == pytest.approx(closed_form(model.schedule, variance, t), abs=4.5 * error + 1e-5), t
    bar = float(model.schedule.alpha_bar[-1])
    square = float(COVARIANCE.trace() + MEAN.square().sum())
    prior = prior_nats(model, x0)
    assert float(prior.mean()) == pytest.approx(
        0.5 * bar * square - bar - math.log1p(-bar), abs=4 * float(prior.std()) / math.sqrt(count)
    )


def test_the_bound_of_a_gaussian_lies_over_its_entropy() -> None:
    """By the closed form above: with β it falls to the entropy as steps grow, with β̃ it stays above.

    Of small t the right variance is about β, and β̃_t = β (t−1)/t costs ½(1/(t−1) − ln(t/(t−1))) for each value, in
    all γ/2; β̃_2 = β/2 in the place of β̃_1 costs ½(1 − ln 2).
    """
    entropy = 0.5 * math.log((2 * math.pi * math.e) ** 2 * float(torch.linalg.det(COVARIANCE)))
    gaps: dict[ReverseVariance, list[float]] = {"beta": [], "posterior": []}
    for timesteps in (50, 200, 1000):
        schedule = linear_schedule(timesteps)
        bar, square = float(schedule.alpha_bar[-1]), float(COVARIANCE.trace() + MEAN.square().sum())
        prior = 0.5 * bar * square - bar - math.log1p(-bar)
        for variance, found in gaps.items():
            terms = math.fsum(closed_form(schedule, variance, t) for t in range(1, timesteps + 1))
            found.append(prior + terms - entropy)
    assert gaps["beta"][0] > gaps["beta"][1] > gaps["beta"][2] > 0 and gaps["beta"][2] < 0.01
    limit = 0.5772 + 1 - math.log(2)  # of two values
    assert gaps["posterior"][0] > gaps["posterior"][1] > gaps["posterior"][2] > limit
    assert gaps["posterior"][2] < limit + 0.3


# ---- losses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [PICTURE, POINT])
@pytest.mark.parametrize("variance", VARIANCES)
@pytest.mark.parametrize("predicts", ["mean", "x0", "eps", "v"])
def test_the_weighted_loss_averages_over_t_to_the_bound(
    predicts: Prediction, variance: ReverseVariance, shape: tuple[int, int, int]
) -> None:
    schedule = cosine_schedule(12)
    network = Wave(variance)
    model = Diffusion(network, schedule, shape, predicts, variance)
    x0 = (normal(1, *shape, seed=1) if shape == POINT else picture_bytes(1)).expand(12, *shape)
    eps, t = 0.1 * normal(12, *shape), torch.arange(1, 13)
    loss, _ = training_losses(model, x0, t, eps, None, True)
    nats = 0.0
    for index in range(12):
        at, bar = model.coefficients_at(index + 1), float(schedule.alpha_bar[index + 1])
        x_t = math.sqrt(bar) * x0[:1] + math.sqrt(1 - bar) * eps[index : index + 1]
        said = network(x_t, t[index : index + 1])
        said, v = said.chunk(2, 1) if variance == "learned" else (said, torch.zeros_like(said) - 1)
        guess = at.x0(predicts, said, x_t)
        nats += float(exact_terms(model, x0[:1], x_t, index + 1, guess, (v + 1) / 2)[0])
    assert float(loss.mean()) == pytest.approx(nats / (math.prod(shape) * math.log(2)), rel=1e-3)


@pytest.mark.parametrize("predicts", ["mean", "x0", "eps", "v"])
def test_the_hybrid_loss_moves_the_mean_by_the_simple_loss_alone(predicts: Prediction) -> None:
    network = Said(PICTURE)
    model = Diffusion(network, cosine_schedule(10), PICTURE, predicts, "learned")
    x0, eps, t = picture_bytes(6), normal(6, *PICTURE), torch.tensor([1, 2, 4, 6, 9, 10])

    def gradients(loss: Tensor) -> list[Tensor | None]:
        return list(torch.autograd.grad(loss.mean(), (network.quantity, network.spread), allow_unused=True))

    hybrid, error = training_losses(model, x0, t, eps, None, False)
    bound, _ = training_losses(model, x0, t, eps, None, True)
    assert torch.allclose(hybrid, error + 1e-3 * bound, rtol=1e-5)
    of_hybrid, of_bound = gradients(hybrid), gradients(bound)
    at = model.coefficients(t)
    target = at.target(predicts, x0, eps, at.marginal(x0, eps))
    simple = 2 * (network.quantity - target.mean(0)).detach() / math.prod(PICTURE)
    assert of_hybrid[0] is not None and torch.allclose(of_hybrid[0], simple, atol=1e-6)
    assert of_hybrid[1] is not None and of_bound[1] is not None and bool(of_hybrid[1].any())
    assert torch.allclose(of_hybrid[1], 1e-3 * of_bound[1], rtol=1e-4, atol=1e-7)
    assert of_bound[0] is not None and not torch.allclose(of_bound[0], simple, rtol=0.1)


def test_without_a_learned_variance_the_two_losses_are_the_error_and_the_bound() -> None:
    model = Diffusion(Wave(), cosine_schedule(10), PICTURE)
    x0, eps, t = picture_bytes(3), normal(3, *PICTURE), torch.tensor([1, 5, 10])
    simple, error = training_losses(model, x0, t, eps, None, False)
    weighted, same = training_losses(model, x0, t, eps, None, True)
    assert torch.equal(simple, error) and torch.equal(same, error) and not torch.allclose(weighted, error)
    # ε: the weight of a term is β²/(2σ²α(1−ᾱ)) on the sum of squares; Ho et al. 2020, eq. 12
    beta, bar = float(model.schedule.beta[5]), float(model.schedule.alpha_bar[5])
    sigma2 = float(model.schedule.posterior_variance[5])
    weight = beta**2 / (2 * sigma2 * (1 - beta) * (1 - bar))
    assert float(weighted[1]) == pytest.approx(10 * weight * float(error[1]) / math.log(2), rel=1e-4)

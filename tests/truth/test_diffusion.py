"""The diffusion process against simulation, Bayes' rule on a grid, and diffusers where it is installed."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from explorer.config import DdpmConfig, Prediction
from explorer.errors import ConfigError
from explorer.models.bound import training_losses
from explorer.models.diffusion import Diffusion
from explorer.models.parameterization import Coefficients
from explorer.models.samplers import reverse_step
from explorer.models.schedules import (
    NoiseSchedule,
    build_schedule,
    cosine_schedule,
    custom_schedule,
    linear_schedule,
    noise_schedule,
    sigmoid_schedule,
    spaced_steps,
)

SCHEDULES = [
    linear_schedule(1000),
    linear_schedule(50),
    cosine_schedule(1000),
    cosine_schedule(20),
    sigmoid_schedule(1000),
    sigmoid_schedule(50),
    custom_schedule(30, (1e-3, 0.3, 0.02)),
]
LENGTHS = [1, 2, 3, 10, 10_000]
PREDICTIONS: list[Prediction] = ["mean", "x0", "eps", "v"]


class Silent(torch.nn.Module):
    """Says zero of everything."""

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return torch.zeros_like(x)


class Constant(torch.nn.Module):
    """Says the same of everything, and learns it."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.said = torch.nn.Parameter(torch.linspace(-1, 1, math.prod(shape)).reshape(shape))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.said.expand_as(x)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def at_step(schedule: NoiseSchedule, t: int) -> Coefficients:
    return Diffusion(Silent(), schedule, (2, 1, 1)).coefficients_at(t)


# ---- schedules -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_are_exact_and_fall(schedule: NoiseSchedule) -> None:
    assert schedule.beta.dtype == schedule.alpha_bar.dtype == torch.float64
    assert float(schedule.alpha_bar[0]) == 1 and float(schedule.beta[0]) == 0
    assert bool((schedule.alpha_bar.diff() < 0).all()) and float(schedule.alpha_bar[-1]) >= 0
    product = 1.0
    for t in range(1, schedule.timesteps + 1):
        product *= 1 - float(schedule.beta[t])
        assert float(schedule.alpha_bar[t]) == pytest.approx(product, rel=1e-12)
        assert float(schedule.before[t]) == float(schedule.alpha_bar[t - 1])


@pytest.mark.parametrize("kind", ["linear", "cosine", "sigmoid", "custom"])
@pytest.mark.parametrize("timesteps", LENGTHS)
def test_any_length_has_a_schedule(kind: str, timesteps: int) -> None:
    betas = (1e-4, 0.02)[:timesteps]
    schedule = build_schedule(DdpmConfig(timesteps=timesteps, schedule=kind, betas=betas))
    assert schedule.timesteps == timesteps and schedule.beta.dtype == torch.float64
    assert bool(((schedule.beta[1:] > 0) & (schedule.beta[1:] < 1)).all())
    logs = math.fsum(math.log1p(-beta) for beta in schedule.beta.tolist())
    assert float(schedule.alpha_bar[-1]) == pytest.approx(math.exp(logs), rel=1e-10)
    assert bool((schedule.reverse_variance[1:] > 0).all()) and bool(schedule.posterior_variance.isfinite().all())


def test_known_values() -> None:
    linear = linear_schedule(1000)
    assert float(linear.beta[1]) == pytest.approx(1e-4) and float(linear.beta[1000]) == pytest.approx(0.02)
    assert float(linear.alpha_bar[1000]) == pytest.approx(4.0358e-5, rel=1e-3)  # Ho et al. 2020: nearly all noise
    cosine = cosine_schedule(1000)
    f = [math.cos(0.5 * math.pi * (t / 1000 + 0.008) / 1.008) ** 2 for t in (0, 500)]
    assert float(cosine.alpha_bar[500]) == pytest.approx(f[1] / f[0], rel=1e-9)
    assert float(cosine.beta.max()) <= 0.999
    sigmoid = sigmoid_schedule(101)
    for t in (1, 40, 51, 101):
        rise = 1 / (1 + math.exp(6 - 12 * (t - 1) / 100))
        assert float(sigmoid.beta[t]) == pytest.approx(1000 / 101 * (1e-4 + 0.0199 * rise), rel=1e-9)


def test_shorter_linear_chains_are_scaled_to_as_much_noise() -> None:
    for timesteps in (50, 100, 500):
        beta = linear_schedule(timesteps).beta
        assert float(beta[1]) == pytest.approx(0.1 / timesteps) and float(beta[-1]) == pytest.approx(20 / timesteps)
        assert torch.allclose(beta[1:].diff(), beta[2] - beta[1])


@pytest.mark.parametrize("beta", [[0.0, 0.1], [0.1, 1.0], [-0.1], [1.5], [float("nan")], []])
def test_beta_outside_is_refused(beta: list[float]) -> None:
    with pytest.raises(ConfigError, match="inside"):
        noise_schedule(torch.tensor(beta))


def test_custom_numbers_are_taken_as_they_are() -> None:
    betas = (0.3, 0.01, 0.2, 0.9, 0.123456789)
    assert custom_schedule(5, betas).beta[1:].tolist() == list(betas)
    assert build_schedule(DdpmConfig(timesteps=5, schedule="custom", betas=betas)).beta[1:].tolist() == list(betas)
    assert custom_schedule(1, (0.4,)).beta.tolist() == [0, 0.4]


def test_fewer_custom_numbers_are_joined_by_lines() -> None:
    assert custom_schedule(5, (0.1, 0.3)).beta[1:].tolist() == pytest.approx([0.1, 0.15, 0.2, 0.25, 0.3])
    assert custom_schedule(5, (0.1, 0.5, 0.3)).beta[1:].tolist() == pytest.approx([0.1, 0.3, 0.5, 0.4, 0.3])
    assert custom_schedule(4, (0.2,)).beta[1:].tolist() == pytest.approx([0.2] * 4)


def test_more_custom_numbers_than_steps_are_refused() -> None:
    with pytest.raises(ConfigError, match="3 numbers for 2 steps"):
        custom_schedule(2, (0.1, 0.2, 0.3))
    with pytest.raises(ConfigError, match="inside"):
        custom_schedule(3, (0.1, 1.0))


@pytest.mark.parametrize("timesteps", [50, 1000])
@pytest.mark.parametrize("kind", ["linear", "sigmoid", "cosine"])
def test_schedules_are_diffusers(kind: str, timesteps: int) -> None:
    diffusers = pytest.importorskip("diffusers", exc_type=ImportError)
    ours = build_schedule(DdpmConfig(timesteps=timesteps, schedule=kind))
    theirs = diffusers.DDPMScheduler(
        num_train_timesteps=timesteps,
        beta_schedule={"cosine": "squaredcos_cap_v2"}.get(kind, kind),
        beta_start=0.1 / timesteps,
        beta_end=20 / timesteps,
    )
    assert torch.allclose(ours.beta[1:].float(), theirs.betas, rtol=1e-4, atol=1e-7)
    assert torch.allclose(ours.alpha_bar[1:].float(), theirs.alphas_cumprod, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_variance_of_a_density_differs_from_the_posteriors_at_1_alone(schedule: NoiseSchedule) -> None:
    posterior, reverse = schedule.posterior_variance, schedule.reverse_variance
    assert float(posterior[1]) == 0 and torch.equal(reverse[2:], posterior[2:])
    assert float(reverse[1]) == float(posterior[2])
    assert bool((posterior[2:] < schedule.beta[2:]).all())


def test_one_step_has_the_variance_beta() -> None:
    assert linear_schedule(1).reverse_variance[1] == linear_schedule(1).beta[1]


# ---- sub-sequences -------------------------------------------------------------------------------------------------


def test_sub_sequences_start_at_T_or_end_at_1_and_never_repeat() -> None:
    for timesteps, count in ((1000, 50), (500, 50), (20, 20), (7, 3), (7, 6), (1, 1), (10, 1)):
        for spacing in ("trailing", "leading"):
            steps = spaced_steps(timesteps, count, spacing)
            assert len(steps) == count and all(a > b for a, b in pairwise(steps))
            assert steps[-1] >= 1 and steps[0] <= timesteps
            assert steps[0] == timesteps if spacing == "trailing" else steps[-1] == 1
    for spacing in ("trailing", "leading"):
        assert spaced_steps(20, 20, spacing) == list(range(20, 0, -1))


@pytest.mark.parametrize("spacing", ["trailing", "leading"])
@pytest.mark.parametrize("count", [0, -1, 21])
def test_a_count_of_steps_outside_1_to_T_is_refused(count: int, spacing: str) -> None:
    with pytest.raises(ConfigError, match="1 to 20"):
        spaced_steps(20, count, spacing)


@pytest.mark.parametrize("spacing", ["trailing", "leading"])
def test_sub_sequences_are_diffusers(spacing: str) -> None:
    diffusers = pytest.importorskip("diffusers", exc_type=ImportError)
    for timesteps in (10, 60, 1000):
        scheduler = diffusers.DDIMScheduler(num_train_timesteps=timesteps, timestep_spacing=spacing)
        for count in {1, 2, 3, 4, 7, 10, timesteps // 2, timesteps}:
            scheduler.set_timesteps(count)
            assert spaced_steps(timesteps, count, spacing) == (scheduler.timesteps + 1).tolist(), (timesteps, count)


# ---- the forward process and its posterior -------------------------------------------------------------------------


def test_marginal_is_what_step_by_step_noising_gives() -> None:
    schedule, generator = linear_schedule(30), torch.Generator().manual_seed(0)
    x0 = torch.tensor([0.8, -0.3], dtype=torch.float64)
    chain = x0.expand(200_000, 2)
    for t in range(1, 31):
        beta = schedule.beta[t]
        noise = torch.randn(chain.shape, generator=generator, dtype=torch.float64)
        chain = (1 - beta).sqrt() * chain + beta.sqrt() * noise
        if t in (5, 30):
            at = at_step(schedule, t)
            assert torch.allclose(chain.mean(0), at.marginal(x0, torch.zeros_like(x0)), atol=0.012)
            spread = at.marginal(torch.zeros_like(x0), torch.ones_like(x0))
            assert torch.allclose(chain.std(0), spread, rtol=0.01)


@pytest.mark.parametrize("t", [2, 17, 39, 40])
def test_reverse_step_is_bayes_on_a_grid(t: int) -> None:
    """q(x_{t−1}|x_t, x_0) ∝ q(x_t|x_{t−1}) q(x_{t−1}|x_0), normalized numerically; the step with η = 1 is its law."""
    schedule = cosine_schedule(40)
    x0, x_t = 0.6, -0.4
    grid = torch.linspace(-8, 8, 400_001, dtype=torch.float64)
    alpha, beta = 1 - schedule.beta[t], schedule.beta[t]
    before = schedule.alpha_bar[t - 1]
    log = -((x_t - alpha.sqrt() * grid) ** 2) / (2 * beta) - (grid - before.sqrt() * x0) ** 2 / (2 * (1 - before))
    weight = (log - log.max()).exp()
    weight /= weight.sum()
    mean = float((weight * grid).sum())
    variance = float((weight * (grid - mean) ** 2).sum())
    step = reverse_step(schedule, t, t - 1)
    assert step.x0 * x0 + step.x_t * x_t == pytest.approx(mean, abs=1e-6)
    assert step.sigma**2 == pytest.approx(variance, rel=1e-5)
    at = at_step(schedule, t)
    assert at.mean_x0 * x0 + at.mean_x_t * x_t == pytest.approx(mean, abs=1e-6)
    assert float(schedule.posterior_variance[t]) == pytest.approx(variance, rel=1e-5)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_reverse_step_is_the_papers_formula(schedule: NoiseSchedule) -> None:
    bar, beta = schedule.alpha_bar, schedule.beta
    model = Diffusion(Silent(), schedule, (2, 1, 1))
    for t in range(1, schedule.timesteps + 1):
        step, at = reverse_step(schedule, t, t - 1), model.coefficients_at(t)
        of_x0 = float(bar[t - 1].sqrt() * beta[t] / (1 - bar[t]))
        of_x_t = float((1 - beta[t]).sqrt() * (1 - bar[t - 1]) / (1 - bar[t]))
        variance = float(beta[t] * (1 - bar[t - 1]) / (1 - bar[t]))
        assert [step.x0, at.mean_x0] == pytest.approx([of_x0] * 2, abs=1e-9)
        assert [step.x_t, at.mean_x_t] == pytest.approx([of_x_t] * 2, abs=1e-9)
        assert [step.sigma**2, float(schedule.posterior_variance[t])] == pytest.approx([variance] * 2, abs=1e-9)
        assert step.to == t - 1
    assert reverse_step(schedule, 1, 0).sigma == 0 and reverse_step(schedule, 1, 0).x0 == pytest.approx(1)


def test_mean_in_terms_of_noise() -> None:
    """μ̃ = (x_t − β_t ε/√(1−ᾱ_t))/√α_t, the other way to write the same mean."""
    schedule = linear_schedule(100)
    x0, eps = 0.3, -1.1
    for t in (1, 50, 100):
        bar, beta = float(schedule.alpha_bar[t]), float(schedule.beta[t])
        x_t = math.sqrt(bar) * x0 + math.sqrt(1 - bar) * eps
        step = reverse_step(schedule, t, t - 1)
        other = (x_t - beta * eps / math.sqrt(1 - bar)) / math.sqrt(1 - beta)
        assert step.x0 * x0 + step.x_t * x_t == pytest.approx(other, abs=1e-9)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_a_jump_with_the_true_noise_stays_on_the_marginal(eta: float) -> None:
    """With x̂₀ = x_0 the mean and variance of a step from any t to any s are those of q(x_s|x_0) given x_t ~ q."""
    schedule = cosine_schedule(100)
    for t, s in ((100, 60), (60, 59), (30, 0), (5, 1)):
        step = reverse_step(schedule, t, s, eta)
        bar_t, bar_s = float(schedule.alpha_bar[t]), float(schedule.alpha_bar[s])
        assert step.x0 + step.x_t * math.sqrt(bar_t) == pytest.approx(math.sqrt(bar_s), abs=1e-9)
        assert step.x_t**2 * (1 - bar_t) + step.sigma**2 == pytest.approx(1 - bar_s, abs=1e-9)
        assert step.sigma == pytest.approx(eta * reverse_step(schedule, t, s).sigma, abs=1e-9)


# ---- what may be predicted -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_four_parameterizations_say_the_same(schedule: NoiseSchedule) -> None:
    x0, eps = normal(6, 2, 1, 1), normal(6, 2, 1, 1, seed=1)
    for t in {1, 2, schedule.timesteps // 2, schedule.timesteps}:
        at = at_step(schedule, t)
        x_t = at.marginal(x0, eps)
        mu = at.mean(x0, x_t)
        for predicts in PREDICTIONS:
            guess = at.x0(predicts, at.target(predicts, x0, eps, x_t), x_t)
            assert torch.allclose(guess, x0, rtol=1e-6, atol=1e-6), (t, predicts)
            assert torch.allclose(at.mean(guess, x_t), mu, rtol=1e-9, atol=1e-9), (t, predicts)
            assert torch.allclose(at.eps(guess, x_t), eps, rtol=1e-9, atol=1e-9), (t, predicts)


def test_targets_are_their_definitions() -> None:
    schedule = linear_schedule(100)
    x0, eps = normal(4, 2, 1, 1), normal(4, 2, 1, 1, seed=1)
    for t in (1, 37, 100):
        at, bar, beta = at_step(schedule, t), float(schedule.alpha_bar[t]), float(schedule.beta[t])
        x_t = math.sqrt(bar) * x0 + math.sqrt(1 - bar) * eps
        assert torch.allclose(at.marginal(x0, eps), x_t)
        assert torch.equal(at.target("x0", x0, eps, x_t), x0) and torch.equal(at.target("eps", x0, eps, x_t), eps)
        assert torch.allclose(at.target("v", x0, eps, x_t), math.sqrt(bar) * eps - math.sqrt(1 - bar) * x0)
        mu = (x_t - beta * eps / math.sqrt(1 - bar)) / math.sqrt(1 - beta)
        assert torch.allclose(at.target("mean", x0, eps, x_t), mu)


def test_v_is_the_velocity_of_the_angle() -> None:
    """With √ᾱ = cos φ and √(1−ᾱ) = sin φ, v = dx/dφ; Salimans & Ho 2022, App. D."""
    x0, eps, step = normal(5), normal(5, seed=1), 1e-5
    phi = math.acos(math.sqrt(float(cosine_schedule(50).alpha_bar[20])))
    forth, back = (math.cos(angle) * x0 + math.sin(angle) * eps for angle in (phi + step, phi - step))
    at = at_step(cosine_schedule(50), 20)
    assert torch.allclose(at.target("v", x0, eps, at.marginal(x0, eps)), (forth - back) / (2 * step), atol=1e-8)


def test_coefficients_of_a_batch_are_those_of_each_item() -> None:
    model = Diffusion(Silent(), cosine_schedule(30), (1, 4, 4))
    t = torch.tensor([1, 7, 30])
    many = model.coefficients(t)
    for name in ("signal", "noise", "mean_x0", "mean_x_t"):
        got = getattr(many, name)
        assert got.shape == (3, 1, 1, 1) and got.dtype == torch.float32
        one_by_one = [getattr(model.coefficients_at(int(step)), name) for step in t]
        assert got.flatten().tolist() == pytest.approx(one_by_one, rel=1e-6)


# ---- the simple loss -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("predicts", PREDICTIONS)
def test_simple_loss_is_the_mean_square_of_the_error(predicts: Prediction) -> None:
    schedule, t = linear_schedule(10), torch.tensor([1, 5, 10])
    x0, eps = normal(3, 1, 2, 2, dtype=torch.float32), normal(3, 1, 2, 2, seed=1, dtype=torch.float32)
    loss, error = training_losses(Diffusion(Silent(), schedule, (1, 2, 2), predicts), x0, t, eps, None, False)
    bar, beta = (table[t][:, None, None, None].float() for table in (schedule.alpha_bar, schedule.beta))
    x_t = bar.sqrt() * x0 + (1 - bar).sqrt() * eps
    target = {
        "mean": (x_t - beta * eps / (1 - bar).sqrt()) / (1 - beta).sqrt(),
        "x0": x0,
        "eps": eps,
        "v": bar.sqrt() * eps - (1 - bar).sqrt() * x0,
    }[predicts]
    assert torch.allclose(loss, target.square().mean((1, 2, 3)), rtol=1e-4, atol=1e-6)
    assert torch.equal(loss, error)


@pytest.mark.parametrize("predicts", PREDICTIONS)
def test_simple_loss_pulls_towards_the_average_target(predicts: Prediction) -> None:
    """d/dc of the mean over items and D values of (c − target)² is 2 (c − average target)/D."""
    network = Constant((1, 2, 2))
    model = Diffusion(network, cosine_schedule(10), (1, 2, 2), predicts)
    x0, eps = normal(5, 1, 2, 2, dtype=torch.float32), normal(5, 1, 2, 2, seed=1, dtype=torch.float32)
    t = torch.tensor([1, 3, 5, 8, 10])
    training_losses(model, x0, t, eps, None, False)[0].mean().backward()
    at = model.coefficients(t)
    target = at.target(predicts, x0, eps, at.marginal(x0, eps))
    assert network.said.grad is not None
    assert torch.allclose(network.said.grad, 2 * (network.said - target.mean(0)).detach() / 4, atol=1e-6)

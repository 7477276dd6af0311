"""The diffusion process against simulation, Bayes' rule on a grid, and diffusers where it is installed."""

import math

import pytest
import torch

from explorer.config import DdpmConfig
from explorer.errors import ConfigError
from explorer.models.diffusion import (
    Diffusion,
    NoiseSchedule,
    build_schedule,
    cosine_schedule,
    forward_marginal,
    linear_schedule,
    noise_schedule,
    predicted_x0,
    reverse_step,
    spaced_steps,
)

SCHEDULES = [linear_schedule(1000), linear_schedule(50), cosine_schedule(1000), cosine_schedule(20)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_are_exact_and_fall(schedule: NoiseSchedule) -> None:
    assert schedule.beta.dtype == schedule.alpha_bar.dtype == torch.float64
    assert float(schedule.alpha_bar[0]) == 1 and float(schedule.beta[0]) == 0
    assert bool((schedule.alpha_bar.diff() < 0).all()) and float(schedule.alpha_bar[-1]) >= 0
    product = 1.0
    for t in range(1, schedule.timesteps + 1):
        product *= 1 - float(schedule.beta[t])
        assert float(schedule.alpha_bar[t]) == pytest.approx(product, rel=1e-12)


def test_known_values() -> None:
    linear = linear_schedule(1000)
    assert float(linear.beta[1]) == pytest.approx(1e-4) and float(linear.beta[1000]) == pytest.approx(0.02)
    assert float(linear.alpha_bar[1000]) == pytest.approx(4.0358e-5, rel=1e-3)  # Ho et al. 2020: nearly all noise
    cosine = cosine_schedule(1000)
    f = [math.cos(0.5 * math.pi * (t / 1000 + 0.008) / 1.008) ** 2 for t in (0, 500)]
    assert float(cosine.alpha_bar[500]) == pytest.approx(f[1] / f[0], rel=1e-9)
    assert float(cosine.beta.max()) <= 0.999


@pytest.mark.parametrize("beta", [[0.0, 0.1], [0.1, 1.0], [-0.1], [float("nan")]])
def test_beta_outside_is_refused(beta: list[float]) -> None:
    with pytest.raises(ConfigError, match="inside"):
        noise_schedule(torch.tensor(beta))


def test_any_allowed_length_has_a_schedule() -> None:
    for timesteps in (2, 3, 10, 10_000):
        for kind in ("linear", "cosine"):
            assert build_schedule(DdpmConfig(timesteps=timesteps, schedule=kind)).timesteps == timesteps


def test_marginal_is_what_step_by_step_noising_gives() -> None:
    schedule, generator = linear_schedule(30), torch.Generator().manual_seed(0)
    x0 = torch.tensor([0.8, -0.3], dtype=torch.float64)
    chain = x0.expand(200_000, 2)
    for t in range(1, 31):
        beta = schedule.beta[t]
        noise = torch.randn(chain.shape, generator=generator, dtype=torch.float64)
        chain = (1 - beta).sqrt() * chain + beta.sqrt() * noise
        if t in (5, 30):
            mean = forward_marginal(x0[None], torch.zeros(1, 2, dtype=torch.float64), schedule.alpha_bar[t])[0]
            assert torch.allclose(chain.mean(0), mean, atol=0.012)
            assert torch.allclose(chain.var(0), (1 - schedule.alpha_bar[t]).expand(2), rtol=0.02)


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


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_reverse_step_is_the_papers_formula(schedule: NoiseSchedule) -> None:
    bar, beta = schedule.alpha_bar, schedule.beta
    for t in range(1, schedule.timesteps + 1):
        step = reverse_step(schedule, t, t - 1)
        assert step.x0 == pytest.approx(float(bar[t - 1].sqrt() * beta[t] / (1 - bar[t])), abs=1e-9)
        assert step.x_t == pytest.approx(float((1 - beta[t]).sqrt() * (1 - bar[t - 1]) / (1 - bar[t])), abs=1e-9)
        assert step.sigma**2 == pytest.approx(float(beta[t] * (1 - bar[t - 1]) / (1 - bar[t])), abs=1e-9)
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


def test_x0_and_noise_convert() -> None:
    generator = torch.Generator().manual_seed(0)
    x0, noise = torch.randn(4, 1, 8, 8, generator=generator), torch.randn(4, 1, 8, 8, generator=generator)
    schedule = linear_schedule(1000)
    for t in (1, 500, 1000):
        x_t = forward_marginal(x0, noise, schedule.alpha_bar[t])
        assert torch.allclose(
            predicted_x0(x_t, noise, float(schedule.alpha_bar[t])), x0, atol=1e-2 if t == 1000 else 1e-5
        )


def test_simple_loss_is_the_mean_square_of_the_error() -> None:
    class Zero(torch.nn.Module):
        def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return torch.zeros_like(x)

    schedule = linear_schedule(10)
    model = Diffusion(Zero(), schedule, (1, 2, 2))
    noise = torch.randn(3, 1, 2, 2)
    loss = model.simple_loss(torch.zeros(3, 1, 2, 2), torch.tensor([1, 5, 10]), noise, schedule.alpha_bar.float())
    assert torch.allclose(loss, noise.square().mean((1, 2, 3)))


def test_sub_sequences_start_at_T_and_never_repeat() -> None:
    for timesteps, count in ((1000, 50), (500, 50), (20, 20), (7, 3)):
        steps = spaced_steps(timesteps, count)
        assert steps[0] == timesteps and steps[-1] >= 1 and len(set(steps)) == count
        assert steps == sorted(steps, reverse=True)
    assert spaced_steps(20, 20) == list(range(20, 0, -1))


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("kind", ["linear", "squaredcos_cap_v2"])
def test_every_step_is_diffusers(kind: str, clip: bool) -> None:
    diffusers = pytest.importorskip("diffusers", exc_type=ImportError)
    timesteps = 60
    ours = linear_schedule(timesteps) if kind == "linear" else cosine_schedule(timesteps)
    reference = diffusers.DDPMScheduler(
        num_train_timesteps=timesteps,
        beta_schedule=kind,
        beta_start=float(ours.beta[1]),
        beta_end=float(ours.beta[-1]),
        variance_type="fixed_small",
        clip_sample=clip,
        prediction_type="epsilon",
    )
    x_t, eps = torch.randn(2, 1, 4, 4), torch.randn(2, 1, 4, 4)
    for t in range(timesteps, 0, -1):
        x0 = predicted_x0(x_t, eps, float(ours.alpha_bar[t]))
        x0 = x0.clamp(-1, 1) if clip else x0
        step = reverse_step(ours, t, t - 1)
        noise = torch.randn(x_t.shape, generator=torch.Generator().manual_seed(t))
        mine = step.x0 * x0 + step.x_t * x_t + step.sigma * noise
        theirs = reference.step(eps, t - 1, x_t, generator=torch.Generator().manual_seed(t)).prev_sample
        assert torch.allclose(mine, theirs, atol=1e-5 * max(1.0, float(theirs.abs().max()))), t

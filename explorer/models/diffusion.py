"""The diffusion process; Ho et al. 2020 (arXiv:2006.11239). Time runs t = 1..T and ᾱ_0 = 1; arrays are indexed by t."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from explorer.config import DdpmConfig
from explorer.errors import ConfigError
from explorer.messages import StepCoefficients
from explorer.models.layers import mlp, sinusoidal_embedding

# float64 on the CPU: in float32, 1 − ᾱ_1 = 1e-4 is already wrong in its fourth digit, and MPS has no float64.
_EXACT = torch.float64


@dataclass(frozen=True)
class NoiseSchedule:
    """β_t and what follows from it, float64 on the CPU, shape (T + 1,); entry 0 is β_0 = 0, ᾱ_0 = 1."""

    beta: Tensor
    alpha_bar: Tensor

    @property
    def timesteps(self) -> int:
        """Return T."""
        return len(self.beta) - 1


def noise_schedule(beta: Tensor) -> NoiseSchedule:
    """Return the schedule of the given β_1..β_T, shape (T,); ConfigError if one is not inside (0, 1)."""
    beta = beta.to("cpu", _EXACT)
    if not bool(((beta > 0) & (beta < 1)).all()):
        raise ConfigError("every β_t must lie inside (0, 1); choose more steps or another schedule")
    beta = torch.cat([torch.zeros(1, dtype=_EXACT), beta])
    return NoiseSchedule(beta, torch.cumprod(1 - beta, 0))


def linear_schedule(timesteps: int) -> NoiseSchedule:
    """β from 1e-4 to 0.02 at T = 1000, scaled by 1000/T otherwise and kept <= 0.999; Ho et al. 2020, §4."""
    scale = 1000 / timesteps
    return noise_schedule(torch.linspace(1e-4 * scale, 0.02 * scale, timesteps, dtype=_EXACT).clamp(max=0.999))


def cosine_schedule(timesteps: int, offset: float = 0.008) -> NoiseSchedule:
    """ᾱ_t = f(t)/f(0), f(t) = cos²(½π (t/T + s)/(1 + s)), β_t <= 0.999; Nichol & Dhariwal 2021, eq. 17."""
    t = torch.arange(timesteps + 1, dtype=_EXACT) / timesteps
    f = torch.cos(0.5 * math.pi * (t + offset) / (1 + offset)).square()
    return noise_schedule((1 - f[1:] / f[:-1]).clamp(max=0.999))


def build_schedule(config: DdpmConfig) -> NoiseSchedule:
    """Return the schedule that a model section asks for."""
    with torch.device("cpu"):  # numbers are needed even where the network is only a plan, on "meta"
        return linear_schedule(config.timesteps) if config.schedule == "linear" else cosine_schedule(config.timesteps)


def forward_marginal(x0: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """Return x_t = √ᾱ_t x_0 + √(1−ᾱ_t) ε, a draw from q(x_t|x_0); Ho et al. 2020, eq. 4.

    Args:
        x0: clean items, shape (batch, ...).
        noise: ε ~ N(0, I), same shape.
        alpha_bar: ᾱ_t, shape (batch,) or a scalar.
    """
    alpha_bar = alpha_bar.reshape(-1, *[1] * (x0.dim() - 1))
    return alpha_bar.sqrt().to(x0) * x0 + (1 - alpha_bar).sqrt().to(x0) * noise


def reverse_step(schedule: NoiseSchedule, t: int, to: int, eta: float = 1.0) -> StepCoefficients:
    """Return the numbers of one reverse step from t to ``to`` < t, written in x̂₀, x_t and fresh noise z.

    σ² = η² (1−ᾱ_s)/(1−ᾱ_t) (1−ᾱ_t/ᾱ_s),  x_s = √ᾱ_s x̂₀ + √(1−ᾱ_s−σ²) ε̂ + σ z,  ε̂ = (x_t − √ᾱ_t x̂₀)/√(1−ᾱ_t):
    DDIM, Song et al. 2021 (arXiv:2010.02502), eq. 12 and 16. With η = 1 and s = t−1 this is the ancestral DDPM step:
    its mean is μ̃ = [√ᾱ_{t−1} β_t x̂₀ + √α_t (1−ᾱ_{t−1}) x_t]/(1−ᾱ_t) and σ² is β̃_t (Ho et al. 2020, eq. 7).
    """
    bar_t, bar_s = float(schedule.alpha_bar[t]), float(schedule.alpha_bar[to])
    variance = eta**2 * (1 - bar_s) / (1 - bar_t) * (1 - bar_t / bar_s)
    direction = math.sqrt(max(1 - bar_s - variance, 0.0) / (1 - bar_t))
    return StepCoefficients(
        x0=math.sqrt(bar_s) - direction * math.sqrt(bar_t), x_t=direction, sigma=math.sqrt(max(variance, 0.0))
    )


def predicted_x0(x_t: Tensor, eps_hat: Tensor, alpha_bar: float) -> Tensor:
    """Return x̂₀ = (x_t − √(1−ᾱ_t) ε̂)/√ᾱ_t: the marginal solved for x_0. Shapes alike."""
    return (x_t - math.sqrt(1 - alpha_bar) * eps_hat) / math.sqrt(alpha_bar)


def spaced_steps(timesteps: int, count: int) -> list[int]:
    """Return ``count`` steps from T down to about T/count, evenly spaced; with 0 appended they are a sub-sequence."""
    return [round(timesteps * (count - index) / count) for index in range(count)]


class PointNetwork(nn.Module):
    """Fully connected layers that predict a point-shaped quantity from x_t and t.

    Args:
        config: the model section of a run.
        shape: (2, 1, 1) for points; any shape is flattened.
    """

    def __init__(self, config: DdpmConfig, shape: tuple[int, int, int]) -> None:
        super().__init__()
        values, units = math.prod(shape), config.hidden_units
        self.time_size = 32
        self.layers = mlp([values + self.time_size, *[units] * config.hidden_layers, values])

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return a quantity shaped as x, float32, for steps t (batch,)."""
        told = torch.cat([x.flatten(1), sinusoidal_embedding(t, self.time_size).to(x)], dim=1)
        answer: Tensor = self.layers(told).reshape(x.shape).float()
        return answer


class Diffusion(nn.Module):
    """A network that predicts ε from (x_t, t), with the schedule it was trained under.

    Args:
        network: maps x_t (batch, ...) and t (batch,) to ε̂, shaped as x_t.
        schedule: β_t and ᾱ_t.
        shape: (channels, height, width) of an item.
    """

    def __init__(self, network: nn.Module, schedule: NoiseSchedule, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.network = network
        self.schedule = schedule
        self.shape = shape

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Return ε̂(x_t, t), shaped as x_t."""
        eps_hat: Tensor = self.network(x_t, t)
        return eps_hat

    @property
    def points(self) -> bool:
        """Return whether items are points rather than pictures: their coordinates have no [−1, 1] to be clipped to."""
        return self.shape == (2, 1, 1)

    def guess(self, x_t: Tensor, t: int, *, clip: bool = True) -> tuple[Tensor, Tensor]:
        """Return x̂₀ (of pictures clipped to [−1, 1] if ``clip``) and ε̂ for a batch that is all at step t."""
        eps_hat = self(x_t, torch.full((len(x_t),), t, device=x_t.device))
        x0_hat = predicted_x0(x_t, eps_hat, float(self.schedule.alpha_bar[t]))
        return (x0_hat.clamp(-1, 1) if clip and not self.points else x0_hat), eps_hat

    def simple_loss(self, x0: Tensor, t: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
        """Return ‖ε − ε̂(x_t, t)‖² averaged over values, per item (batch,); Ho et al. 2020, eq. 14.

        Args:
            x0: clean images in [−1, 1].
            t: steps 1..T, shape (batch,).
            noise: ε, shaped as x0.
            alpha_bar: the schedule's ᾱ on the device of x0, float32 or better, shape (T + 1,).
        """
        eps_hat = self(forward_marginal(x0, noise, alpha_bar[t]), t)
        errors: Tensor = (eps_hat - noise).square().flatten(1).mean(1)
        return errors

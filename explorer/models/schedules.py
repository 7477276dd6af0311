"""Noise schedules β_t of diffusion. Time runs t = 1..T and ᾱ_0 = 1; arrays are indexed by t."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.config import DiffusionConfig
from explorer.errors import ConfigError

# float64 on the CPU: in float32, 1 − ᾱ_1 = 1e-4 is already wrong in its fourth digit, and MPS has no float64.
_EXACT = torch.float64
_LARGEST_BETA = 0.999
LEAST_SIGNAL = 1e-60  # of ᾱ_T: below it 1/√ᾱ_T, which x̂₀ is computed with, leaves float32


@dataclass(frozen=True)
class NoiseSchedule:
    """β_t and what follows from it, float64 on the CPU, shape (T + 1,); entry 0 is β_0 = 0, ᾱ_0 = 1."""

    beta: Tensor
    alpha_bar: Tensor

    @property
    def timesteps(self) -> int:
        """Return T."""
        return len(self.beta) - 1

    @functools.cached_property
    def signal_variance(self) -> list[float]:
        """Return ᾱ_t as plain numbers, which a sampler reads at every step."""
        numbers: list[float] = self.alpha_bar.tolist()
        return numbers

    @functools.cached_property
    def before(self) -> Tensor:
        """Return ᾱ_{t−1}, shape (T + 1,); entry 0, where there is no step before, is 1."""
        return torch.cat([self.alpha_bar[:1], self.alpha_bar[:-1]])

    @functools.cached_property
    def posterior_variance(self) -> Tensor:
        """Return β̃_t = β_t (1−ᾱ_{t−1})/(1−ᾱ_t), the variance of q(x_{t−1}|x_t, x_0), shape (T + 1,); β̃_1 is 0."""
        variance = self.beta * (1 - self.before) / (1 - self.alpha_bar)
        return torch.nan_to_num(variance)  # 0/0 at t = 0

    @functools.cached_property
    def reverse_variance(self) -> Tensor:
        """Return β̃_t with β̃_2 in the place of β̃_1 = 0, which no density can have; β_1 where T = 1.

        Shape (T + 1,), all but entry 0 positive. As in the code of Ho et al. 2020 and Nichol & Dhariwal 2021.
        """
        variance = self.posterior_variance.clone()
        variance[1] = variance[2] if self.timesteps > 1 else self.beta[1]
        return variance


def noise_schedule(beta: Tensor) -> NoiseSchedule:
    """Return the schedule of the given β_1..β_T, shape (T,); ConfigError where one is not in (0, 1) or ᾱ vanishes."""
    beta = beta.to("cpu", _EXACT)
    if not len(beta) or not bool(((beta > 0) & (beta < 1)).all()):
        raise ConfigError("every β_t must lie inside (0, 1); choose more steps or another schedule")
    beta = torch.cat([torch.zeros(1, dtype=_EXACT), beta])
    alpha_bar = torch.cumprod(1 - beta, 0)
    if not bool((alpha_bar.diff() < 0).all()) or float(alpha_bar[-1]) < LEAST_SIGNAL:
        raise ConfigError(
            f"β_t goes from {float(beta[1:].min()):.3g} to {float(beta.max()):.3g} and ᾱ down to "
            f"{float(alpha_bar[-1]):.3g}: a step that does nothing, or leaves nothing of the signal; choose other β_t"
        )
    return NoiseSchedule(beta, alpha_bar)


def linear_schedule(timesteps: int) -> NoiseSchedule:
    """β from 1e-4 to 0.02 at T = 1000, scaled by 1000/T otherwise and kept <= 0.999; Ho et al. 2020, §4."""
    scale = 1000 / timesteps
    return noise_schedule(torch.linspace(1e-4 * scale, 0.02 * scale, timesteps, dtype=_EXACT).clamp(max=_LARGEST_BETA))


def cosine_schedule(timesteps: int, offset: float = 0.008) -> NoiseSchedule:
    """ᾱ_t = f(t)/f(0), f(t) = cos²(½π (t/T + s)/(1 + s)), β_t <= 0.999; Nichol & Dhariwal 2021, eq. 17."""
    t = torch.arange(timesteps + 1, dtype=_EXACT) / timesteps
    f = torch.cos(0.5 * math.pi * (t + offset) / (1 + offset)).square()
    return noise_schedule((1 - f[1:] / f[:-1]).clamp(max=_LARGEST_BETA))


def sigmoid_schedule(timesteps: int) -> NoiseSchedule:
    """β from 1e-4 to 0.02 at T = 1000 along a sigmoid over [−6, 6], scaled and kept as ``linear_schedule``'s.

    β_t = 1e-4 + (0.02 − 1e-4)·sigmoid(−6 + 12 (t−1)/(T−1)); Xu et al. 2022 (GeoDiff, arXiv:2203.02923).
    """
    scale = 1000 / timesteps
    rise = torch.sigmoid(torch.linspace(-6, 6, timesteps, dtype=_EXACT))
    return noise_schedule((scale * (1e-4 + (0.02 - 1e-4) * rise)).clamp(max=_LARGEST_BETA))


def custom_schedule(timesteps: int, beta: Sequence[float]) -> NoiseSchedule:
    """Return the schedule through the given β: T numbers as they are, fewer spread evenly and joined by lines.

    Raises:
        ConfigError: a number outside (0, 1), or more numbers than steps.
    """
    if len(beta) > timesteps:
        raise ConfigError(f"model.betas has {len(beta)} numbers for {timesteps} steps; write {timesteps} or fewer")
    places = np.linspace(0, 1, len(beta)) if len(beta) > 1 else np.zeros(1)
    return noise_schedule(torch.from_numpy(np.interp(np.linspace(0, 1, timesteps), places, np.asarray(beta))))


def build_schedule(config: DiffusionConfig) -> NoiseSchedule:
    """Return the schedule that a model section asks for; ConfigError if it cannot be."""
    with torch.device("cpu"):  # numbers are needed even where the network is only a plan, on "meta"
        if config.schedule == "custom":
            return custom_schedule(config.timesteps, config.betas)
        makers = {"linear": linear_schedule, "cosine": cosine_schedule, "sigmoid": sigmoid_schedule}
        return makers[config.schedule](config.timesteps)


def spaced_steps(timesteps: int, count: int, spacing: str = "trailing") -> list[int]:
    """Return ``count`` falling steps out of T..1; with 0 appended they are a sub-sequence of the chain.

    "trailing" begins at T, "leading" ends at 1; Lin et al. 2024 (arXiv:2305.08891), table 2.

    Raises:
        ConfigError: ``count`` is not from 1 to T.
    """
    if not 1 <= count <= timesteps:
        raise ConfigError(f"{count} steps do not fit into a chain of {timesteps}; take 1 to {timesteps}")
    if spacing == "leading":
        return [index * (timesteps // count) + 1 for index in reversed(range(count))]
    return [round(timesteps * (count - index) / count) for index in range(count)]

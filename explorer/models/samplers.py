"""Samplers: plain generators that walk a diffusion chain and yield every state of it."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from explorer.errors import ConfigError
from explorer.messages import StepCoefficients
from explorer.models.diffusion import Diffusion
from explorer.models.noise import NoiseSource
from explorer.models.schedules import NoiseSchedule


@dataclass(frozen=True)
class Guess:
    """What the network makes of x_t: x̂_0 and ε̂, shaped as x_t, and v of a learned variance (see Diffusion.split)."""

    x0: Tensor
    eps: Tensor
    spread: Tensor | None = None


@dataclass(frozen=True)
class Denoiser:
    """A model as a sampler asks it.

    Attributes:
        model: the network and its process.
        labels: the class of each item (batch,); None asks for none.
        guidance: w in ε̂ = ε(∅) + w (ε(c) − ε(∅)); 1 is the plain conditional model, 0 the unconditional one.
            Ho & Salimans 2022 (arXiv:2207.12598), with w one more than theirs.
        clip: whether x̂_0 of pictures is kept in [−1, 1]; ε̂ is then what x_t and that x̂_0 leave over.
    """

    model: Diffusion
    labels: Tensor | None = None
    guidance: float = 1.0
    clip: bool = True

    def __call__(self, x_t: Tensor, t: int) -> Guess:
        """Return the guess for a batch that is all at step t."""
        model, at = self.model, self.model.coefficients_at(t)
        said, spread = self._say(x_t, torch.full((len(x_t),), t, device=x_t.device))
        x0 = at.x0(model.predicts, said, x_t)
        if self.clip and not model.points:
            x0 = x0.clamp(-1, 1)
        elif model.predicts == "eps":
            return Guess(x0, said, spread)
        return Guess(x0, at.eps(x0, x_t), spread)

    def _say(self, x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor | None]:
        model = self.model
        if self.labels is None or self.guidance == 0:
            return model.split(model(x_t, t))
        if self.guidance == 1:
            return model.split(model(x_t, t, self.labels))
        none = torch.full_like(self.labels, model.classes)
        told = torch.cat([none, self.labels])
        said, spread = model.split(model(torch.cat([x_t, x_t]), torch.cat([t, t]), told))
        without, with_class = said.chunk(2)  # what is predicted is affine in ε, so it may be mixed like ε
        return torch.lerp(without, with_class, self.guidance), None if spread is None else spread.chunk(2)[1]


@dataclass(frozen=True)
class ChainState:
    """The chain at t: x_t, the guesses x̂₀ and ε̂ made there, and the step that follows.

    The last state has no step: x̂₀ is x_t itself there and ε̂ zeros.
    """

    t: int
    x_t: Tensor
    x0_hat: Tensor
    eps_hat: Tensor
    step: StepCoefficients | None


# ---- one step ------------------------------------------------------------------------------------------------------


def reverse_step(schedule: NoiseSchedule, t: int, to: int, eta: float = 1.0) -> StepCoefficients:
    """Return the numbers of one reverse step from t to ``to`` < t, written in x̂₀, x_t and fresh noise z.

    σ² = η² (1−ᾱ_s)/(1−ᾱ_t) (1−ᾱ_t/ᾱ_s),  x_s = √ᾱ_s x̂₀ + √(1−ᾱ_s−σ²) ε̂ + σ z,  ε̂ = (x_t − √ᾱ_t x̂₀)/√(1−ᾱ_t):
    DDIM, Song et al. 2021 (arXiv:2010.02502), eq. 12 and 16. With η = 1 and s = t−1 this is the ancestral DDPM step:
    its mean is μ̃ = [√ᾱ_{t−1} β_t x̂₀ + √α_t (1−ᾱ_{t−1}) x_t]/(1−ᾱ_t) and σ² is β̃_t (Ho et al. 2020, eq. 7). With
    η = 0 it leads upwards too, to ``to`` > t: the step of DDIM inversion (Song et al. 2021, §4.3).
    """
    bar_t, bar_s = schedule.signal_variance[t], schedule.signal_variance[to]
    variance = eta**2 * (1 - bar_s) / (1 - bar_t) * (1 - bar_t / bar_s)
    direction = math.sqrt(max(1 - bar_s - variance, 0.0) / (1 - bar_t))
    return StepCoefficients(
        x0=math.sqrt(bar_s) - direction * math.sqrt(bar_t), x_t=direction, sigma=math.sqrt(max(variance, 0.0)), to=to
    )


def _spread(schedule: NoiseSchedule, t: int, to: int, guess: Guess, small: float) -> Tensor:
    """Return σ of the learned variance of a step: v between ln β_{t|s} and ln β̃_{t|s}, shaped as x_t."""
    assert guess.spread is not None
    large = 1 - schedule.signal_variance[t] / schedule.signal_variance[to]
    log_small = math.log(small**2)
    return (0.5 * (log_small + guess.spread * (math.log(large) - log_small))).exp()


_Rule = Callable[[int, int, Guess], tuple[StepCoefficients, float | Tensor]]  # the step from t to s, and its σ


def _walk(
    denoise: Denoiser, x_t: Tensor, steps: Sequence[int], rule: _Rule, noise: NoiseSource
) -> Iterator[ChainState]:
    for t, to in pairwise([*steps, 0]):
        guess = denoise(x_t, t)
        step, sigma = rule(t, to, guess)
        yield ChainState(t, x_t, guess.x0, guess.eps, step)
        x_t = step.x0 * guess.x0 + step.x_t * x_t
        if step.sigma > 0:
            x_t = x_t + sigma * noise.draw(x_t.shape[1:], x_t.device)
    yield ChainState(0, x_t, x_t, torch.zeros_like(x_t), None)


def _checked(schedule: NoiseSchedule, steps: Sequence[int] | None) -> list[int]:
    """Return the steps to visit; ConfigError if they do not fall or are not of the chain."""
    visited = list(range(schedule.timesteps, 0, -1)) if steps is None else list(steps)
    falls = all(t > to for t, to in pairwise([schedule.timesteps + 1, *visited, 0]))
    if not visited or not falls:
        raise ConfigError(f"the steps of a chain must fall from at most {schedule.timesteps} to at least 1")
    return visited


# ---- the samplers --------------------------------------------------------------------------------------------------


@torch.inference_mode()
def ancestral(
    denoise: Denoiser, x_t: Tensor, noise: NoiseSource, steps: Sequence[int] | None = None
) -> Iterator[ChainState]:
    """Yield the ancestral chain: x_{t−1} = μ̃(x_t, x̂_0) + σ_t z, with the model's own variance; Ho et al. 2020, alg. 2.

    The last step adds no noise. On a sub-sequence β and β̃ are those of the longer steps (Nichol & Dhariwal 2021, §4).

    Args:
        denoise: the model and how it is asked.
        x_t: where the chain begins, (batch, C, H, W): standard normal noise at T.
        noise: the noise of the steps.
        steps: the t's to visit, falling; all of T..1 by default. The first is the t of ``x_t``.

    Raises:
        ConfigError: the steps do not fall, or are not of this chain.
    """
    schedule, variance = denoise.model.schedule, denoise.model.variance

    def rule(t: int, to: int, guess: Guess) -> tuple[StepCoefficients, float | Tensor]:
        step = reverse_step(schedule, t, to)
        if to == 0 or variance == "posterior":
            return step, step.sigma
        if variance == "beta":
            sigma = math.sqrt(1 - schedule.signal_variance[t] / schedule.signal_variance[to])
            return replace(step, sigma=sigma), sigma
        spread = _spread(schedule, t, to, guess, step.sigma)
        return replace(step, sigma=float(spread.square().mean().sqrt())), spread

    yield from _walk(denoise, x_t, _checked(schedule, steps), rule, noise)


@torch.inference_mode()
def ddim(
    denoise: Denoiser, x_t: Tensor, noise: NoiseSource, steps: Sequence[int] | None = None, eta: float = 0.0
) -> Iterator[ChainState]:
    """Yield the DDIM chain; Song et al. 2021, eq. 12. η = 0 is deterministic, η = 1 ancestral with β̃_t.

    Where x̂_0 is clipped ε̂ is what x_t and the clipped x̂_0 leave over, as in the code of Dhariwal & Nichol 2021; the
    library diffusers calls that ``use_clipped_model_output`` and does not do it unless asked.
    Arguments and errors as in ``ancestral``; ``eta`` is η in [0, 1].
    """
    schedule = denoise.model.schedule

    def rule(t: int, to: int, _guess: Guess) -> tuple[StepCoefficients, float | Tensor]:
        step = reverse_step(schedule, t, to, eta)
        return step, step.sigma

    yield from _walk(denoise, x_t, _checked(schedule, steps), rule, noise)


@torch.inference_mode()
def ddim_inversion(denoise: Denoiser, x0: Tensor, steps: Sequence[int] | None = None) -> Iterator[ChainState]:
    """Yield the DDIM chain (η = 0) run backwards, from x_0 up to the noise that leads to it; Song et al. 2021, §4.3.

    There is no network at t = 0: ε̂ is asked for at the first step. The first state is x_0, with no step written.

    Args:
        denoise: the model and how it is asked; without clipping the way back is closest.
        x0: (batch, C, H, W).
        steps: the t's to visit, falling as for the samplers; the last state is at the first of them.
    """
    schedule = denoise.model.schedule
    rising = _checked(schedule, steps)[::-1]
    first = rising[0]
    eps = denoise(x0, first).eps
    yield ChainState(0, x0, x0, eps, None)
    x_t = denoise.model.coefficients_at(first).marginal(x0, eps)
    for t, to in pairwise(rising):
        guess, step = denoise(x_t, t), reverse_step(schedule, t, to, 0.0)
        yield ChainState(t, x_t, guess.x0, guess.eps, step)
        x_t = step.x0 * guess.x0 + step.x_t * x_t
    guess = denoise(x_t, rising[-1])
    yield ChainState(rising[-1], x_t, guess.x0, guess.eps, None)


def noised(model: Diffusion, x0: Tensor, t: int, noise: NoiseSource) -> Tensor:
    """Return x_t of a real x_0, for the way forward and back: noise it to t, then run a sampler from there.

    Args:
        model: whose process.
        x0: (batch, C, H, W).
        t: 1..T.
        noise: gives ε, and the noise of the steps back after it.
    """
    return model.coefficients_at(t).marginal(x0, noise.draw(x0.shape[1:], x0.device))

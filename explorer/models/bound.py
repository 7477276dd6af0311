"""The variational bound of a diffusion model, term by term, in nats; Ho et al. 2020, eq. 5."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from explorer.models.diffusion import Diffusion

_HALF_BIN = 1 / 255  # pictures are bytes spread over [−1, 1]
_HYBRID_WEIGHT = 1e-3


def prior_nats(model: Diffusion, x0: Tensor) -> Tensor:
    """Return L_T = KL(q(x_T|x_0) ‖ N(0, I)) per item (batch,), in nats: nothing of it is learned."""
    bar = float(model.schedule.alpha_bar[-1])
    values = x0[0].numel()
    # ln(1−ᾱ) + ᾱ by log1p: at ᾱ = 1e-9 the two would cancel
    return 0.5 * (bar * x0.flatten(1).square().sum(1) - values * (bar + math.log1p(-bar)))


def _log_ndtr(x: Tensor) -> Tensor:
    """Return ln Φ(x), with gradients that stay right far out, where those of ``torch.special.log_ndtr`` do not.

    Below −20 the asymptotic series −½x² − ln(−x√2π) + ln(1 − 1/x² + 3/x⁴ − 15/x⁶); Abramowitz & Stegun 26.2.12.
    """
    far = x.clamp(max=-20.0)
    i = far.square().reciprocal()
    tail = (
        -0.5 * far.square() - torch.log(-far) - 0.5 * math.log(2 * math.pi) + torch.log1p(i * (-1 + i * (3 - 15 * i)))
    )
    return torch.where(x < -20, tail, torch.special.log_ndtr(x.clamp(min=-20.0)))


def discretized_log_prob(x0: Tensor, mean: Tensor, log_sigma: Tensor) -> Tensor:
    """Return ln p(x_0) of bytes in [−1, 1] under a Gaussian cut into 256 bins, the outer two open.

    Ho et al. 2020, eq. 13.

    Args:
        x0: values k/127.5 − 1, shape (batch, ...).
        mean: the same shape.
        log_sigma: ln σ, anything that broadcasts to it.

    Returns:
        Nats per value, the shape of ``x0``; over the 256 values exp of it sums to 1.
    """
    centred, inverse = x0 - mean, (-log_sigma).exp()
    upper, lower = inverse * (centred + _HALF_BIN), inverse * (centred - _HALF_BIN)
    log_above, log_below = _log_ndtr(upper), _log_ndtr(-lower)
    # ln(Φ(u) − Φ(l)), from the side where both are small: on the other they are 1 and their difference is 0.
    flip = centred > 0
    far, near = torch.where(flip, -lower, upper), torch.where(flip, -upper, lower)
    high, low = _log_ndtr(far), _log_ndtr(near)
    inside = high + torch.log(-torch.expm1((low - high).clamp(max=-1e-12)))
    return torch.where(x0 < -0.999, log_above, torch.where(x0 > 0.999, log_below, inside))


def log_reverse_variance(model: Diffusion, t: Tensor, spread: Tensor | None) -> Tensor:
    """Return ln σ_t² of p(x_{t−1}|x_t), shape (batch, 1, 1, 1), or that of x_t where it is learned.

    At t = 1 it is that of p(x_0|x_1): β_1, or β̃_2 in the place of β̃_1 = 0.
    """
    if spread is not None:
        return torch.lerp(model.at("log_posterior", t), model.at("log_beta", t), spread)
    return model.at("log_beta" if model.variance == "beta" else "log_posterior", t)


def step_nats(model: Diffusion, x0: Tensor, x_t: Tensor, t: Tensor, x0_hat: Tensor, log_variance: Tensor) -> Tensor:
    """Return L_{t−1} = KL(q(x_{t−1}|x_t, x_0) ‖ p(x_{t−1}|x_t)), and where t = 1 L_0 = −ln p(x_0|x_1).

    Pictures are bytes, so L_0 is of the discretized Gaussian; points have a density.

    Args:
        model: whose process.
        x0: clean items (batch, C, H, W).
        x_t: the same noised to ``t``.
        t: 1..T, shape (batch,).
        x0_hat: the guess.
        log_variance: ln σ_t², as ``log_reverse_variance`` gives it.

    Returns:
        Nats per item, summed over values, shape (batch,).
    """
    at = model.coefficients(t)
    error = at.mean_x0 * (x0 - x0_hat)  # μ̃ − μ: the part of x_t is the same in both
    ratio = model.at("posterior", t) / log_variance.exp()
    kl = 0.5 * (ratio - 1 - ratio.clamp(min=1e-30).log() + error.square() * (-log_variance).exp())
    terms = kl.expand_as(x0).flatten(1).sum(1)
    last = t == 1
    if bool(last.any()):
        mean = at.mean(x0_hat, x_t)[last]
        log_sigma = 0.5 * log_variance.expand_as(x0)[last]
        if model.points:
            z = (x0[last] - mean) * (-log_sigma).exp()
            log_prob = -0.5 * z.square() - log_sigma - 0.5 * math.log(2 * math.pi)
        else:
            log_prob = discretized_log_prob(x0[last], mean, log_sigma)
        terms = terms.masked_scatter(last, -log_prob.flatten(1).sum(1))
    return terms


@dataclass(frozen=True)
class Look:
    """Items looked at one ``t`` (batch,) each; ``nats`` (batch,) are their terms of the bound.

    The rest is shaped as x_0; ``eps_hat`` is the guess of ``eps``, before x̂_0 is clipped.
    """

    t: Tensor
    x_t: Tensor
    eps: Tensor
    eps_hat: Tensor
    nats: Tensor


def look(model: Diffusion, x0: Tensor, labels: Tensor | None, steps: range, generator: torch.Generator) -> Look:
    """Look at each item at a random one of ``steps``; x̂_0 is clipped where the model usually is.

    Args:
        model: the network and its process.
        x0: clean items in [−1, 1], or points, (batch, C, H, W).
        labels: classes (batch,), or None.
        steps: from which t is drawn.
        generator: of t and ε, on the CPU: the same on every device.
    """
    t = torch.randint(steps[0], steps[-1] + 1, (len(x0),), generator=generator).to(x0.device)
    eps = torch.randn(x0.shape, generator=generator).to(x0)
    at = model.coefficients(t)
    x_t = at.marginal(x0, eps)
    said, spread = model.split(model(x_t, t, labels))
    x0_hat = at.x0(model.predicts, said, x_t)
    eps_hat = at.eps(x0_hat, x_t)
    if model.clips:
        x0_hat = x0_hat.clamp(-1, 1)
    return Look(t, x_t, eps, eps_hat, step_nats(model, x0, x_t, t, x0_hat, log_reverse_variance(model, t, spread)))


def strata(timesteps: int, count: int) -> list[range]:
    """Return the steps 2..T cut into ``count`` ranges, short where t is small and terms are large.

    Each step is alone for a count of 0 or too many.
    """
    whole = range(2, timesteps + 1)
    pieces = len(whole) if count == 0 else min(count, len(whole))
    if not pieces:
        return []
    edges = (np.linspace(0, 1, pieces + 1) ** (1 if pieces == len(whole) else 2) * len(whole)).round().astype(int)
    edges = np.minimum(np.maximum(edges, np.arange(pieces + 1)), len(whole)).tolist()
    return [whole[first:end] for first, end in pairwise(edges)]


def bound_nats(
    model: Diffusion, x0: Tensor, labels: Tensor | None, parts: Sequence[range], generator: torch.Generator
) -> Tensor:
    """Return an unbiased estimate of the whole bound of each item, in nats, shape (batch,): L_T + Σ_t L_{t−1}.

    Each item is looked at one t of each of ``parts``, which together are 1..T, and stands for all of that part.
    Other arguments as in ``look``.
    """
    found = prior_nats(model, x0)
    for steps in parts:
        found = found + len(steps) * look(model, x0, labels, steps, generator).nats
    return found


def to_bits(model: Diffusion, nats: Tensor) -> Tensor:
    """Return nats per item as bits per value: nats/(D ln 2)."""
    return nats / (math.prod(model.shape) * math.log(2))


def training_losses(
    model: Diffusion, x0: Tensor, t: Tensor, noise: Tensor, labels: Tensor | None, weighted: bool
) -> tuple[Tensor, Tensor]:
    """Return what is minimized and the squared error of what the network predicts, each per item (batch,).

    The simple loss is that error, averaged over values (Ho et al. 2020, eq. 14). ``weighted``, it is T L_{t−1} in bits
    per value, whose average over t is the bound without L_T. With a learned variance and the simple loss it is the
    hybrid of Nichol & Dhariwal 2021, eq. 16: simple + 0.001 · bound, whose second part moves the variance alone.

    Args:
        model: the network and its process.
        x0: clean items in [−1, 1], or points, (batch, C, H, W).
        t: 1..T, shape (batch,).
        noise: ε, shaped as x0.
        labels: classes (batch,), or None.
        weighted: whether the bound is minimized instead of the simple loss.
    """
    at = model.coefficients(t)
    x_t = at.marginal(x0, noise)
    said, spread = model.split(model(x_t, t, labels))
    errors = (said - at.target(model.predicts, x0, noise, x_t)).square().flatten(1).mean(1)
    if not weighted and spread is None:
        return errors, errors
    x0_hat = at.x0(model.predicts, said if weighted else said.detach(), x_t)
    nats = step_nats(model, x0, x_t, t, x0_hat, log_reverse_variance(model, t, spread))
    bound = model.schedule.timesteps * to_bits(model, nats)
    return (bound if weighted else errors + _HYBRID_WEIGHT * bound), errors

"""Gaussians and likelihoods, in nats, constants included; noise is always an argument."""

import math

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def kl_from_standard_normal(mean: Tensor, log_var: Tensor) -> Tensor:
    """Return KL(N(mean, exp(log_var)) ‖ N(0, 1)) per latent dimension, in nats.

    ½ (μ² + σ² − 1 − ln σ²); Kingma & Welling 2014 (arXiv:1312.6114), App. B.

    Args:
        mean: μ, shape (batch, latent).
        log_var: ln σ², shape (batch, latent).

    Returns:
        Shape (batch, latent), each >= 0. Sum over dim 1 for the ELBO.
    """
    # expm1 keeps σ² − 1 − ln σ² >= 0 near σ = 1, where 1 would cancel.
    return 0.5 * (mean.square() + log_var.expm1() - log_var)


def reparameterize(mean: Tensor, log_var: Tensor, noise: Tensor) -> Tensor:
    """Return z = μ + σ·ε, which lets gradients pass the draw; Kingma & Welling 2014, §2.4. All shapes alike."""
    return mean + (0.5 * log_var).exp() * noise


def log_ratio_to_standard_normal(z: Tensor, log_var: Tensor, noise: Tensor) -> Tensor:
    """Return ln q(z) − ln N(z; 0, 1) per dimension, in nats, for z = μ + σ·ε drawn with ``noise`` from q = N(μ, σ²).

    ½ (z² − ε² − ln σ²): one sample of the KL, needed where only ln q(z) itself will do, as in importance weights.
    All shapes alike.
    """
    return 0.5 * (z.square() - noise.square() - log_var)


def in_units_of(mean: Tensor, log_var: Tensor, prior_mean: Tensor, prior_log_var: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and log-variance of N(mean, exp(log_var)) after the shift and scale that make the prior N(0, 1).

    The KL and log-ratios are the same before and after, so KL(q ‖ p) of two Gaussians is ``kl_from_standard_normal`` of
    the result. Shapes (batch, latent), or anything that broadcasts to it.
    """
    return (mean - prior_mean) * (-0.5 * prior_log_var).exp(), log_var - prior_log_var


def merged(mean_a: Tensor, log_var_a: Tensor, mean_b: Tensor, log_var_b: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and log-variance of the normalized product of two Gaussians, weighted by their precisions.

    1/σ² = 1/σ_a² + 1/σ_b², μ = σ² (μ_a/σ_a² + μ_b/σ_b²); Sønderby et al. 2016 (arXiv:1602.02282), eq. 8-10.
    All shapes alike.
    """
    log_precision = torch.logaddexp(-log_var_a, -log_var_b)
    weight = (-log_var_a - log_precision).exp()
    return torch.lerp(mean_b, mean_a, weight), -log_precision


def bernoulli_log_likelihood(x: Tensor, logits: Tensor) -> Tensor:
    """Return Σ_d x ln π + (1−x) ln(1−π), π = sigmoid(logits), in nats per item.

    For grey x in [0, 1] this is the usual relaxation: minus a cross-entropy, not the log of a density.

    Args:
        x: values in [0, 1], shape (batch, ...).
        logits: same shape.

    Returns:
        Shape (batch,), each <= 0.
    """
    return -binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


def gaussian_log_likelihood(x: Tensor, mean: Tensor, sigma: float | Tensor) -> Tensor:
    """Return ln N(x; mean, σ²I) = −Σ_d [½ ln 2πσ² + (x−mean)²/2σ²], in nats per item.

    Args:
        x: shape (batch, ...).
        mean: same shape.
        sigma: σ > 0, in units of x; a tensor of one number where it is learned.

    Returns:
        Shape (batch,).
    """
    squared = (x - mean).square().flatten(1)
    log_sigma = sigma.log() if isinstance(sigma, Tensor) else math.log(sigma)
    constant = (0.5 * math.log(2 * math.pi) + log_sigma) * squared.shape[1]
    return -squared.sum(1) / (2 * sigma**2) - constant

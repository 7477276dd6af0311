"""Gaussians and likelihoods, in nats, constants included; noise is always an argument."""

import math

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


def gaussian_log_likelihood(x: Tensor, mean: Tensor, sigma: float) -> Tensor:
    """Return ln N(x; mean, σ²I) = −Σ_d [½ ln 2πσ² + (x−mean)²/2σ²], in nats per item.

    Args:
        x: shape (batch, ...).
        mean: same shape.
        sigma: σ > 0, in units of x.

    Returns:
        Shape (batch,).
    """
    squared = (x - mean).square().flatten(1)
    constant = 0.5 * math.log(2 * math.pi * sigma**2) * squared.shape[1]
    return -squared.sum(1) / (2 * sigma**2) - constant

"""Data whose diffusion is known in closed form: mixtures of Gaussians, and the noise a perfect network predicts."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from explorer.models.schedules import NoiseSchedule


class MixtureDiffusion(nn.Module):
    """The optimal ε*(x_t, t) = −√(1−ᾱ_t) ∇ ln p_t(x_t) of data Σ_k w_k N(m_k, S_k); a network to hold others against.

    p_t = Σ_k w_k N(√ᾱ_t m_k, ᾱ_t S_k + (1−ᾱ_t) I), so ∇ ln p_t is its components' scores, weighted by their
    responsibilities.

    Works in float64 on the CPU.

    Args:
        weights: w, shape (K,), positive, summing to 1.
        means: m, shape (K, D).
        covariances: S, shape (K, D, D), symmetric and positive definite; or (K,) variances of round components.
        schedule: ᾱ_t.
    """

    def __init__(self, weights: Tensor, means: Tensor, covariances: Tensor, schedule: NoiseSchedule) -> None:
        super().__init__()
        size = means.shape[1]
        if covariances.dim() == 1:
            covariances = covariances[:, None, None] * torch.eye(size)
        variances, axes = torch.linalg.eigh(covariances.double())
        self._log_weights, self._means, self._alpha_bar = weights.double().log(), means.double(), schedule.alpha_bar
        self._variances, self._axes = variances, axes  # (K, D), along the columns of (K, D, D)

    def _components(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return ln w_k N_k(x) (batch, K) and the components' scores (batch, K, D), in float64."""
        bar = self._alpha_bar[t][:, None, None]
        offsets = x.flatten(1).double()[:, None] - bar.sqrt() * self._means
        turned = torch.einsum("bkd,kde->bke", offsets, self._axes)
        variances = bar * self._variances + 1 - bar
        constant = self._means.shape[1] * math.log(2 * math.pi)
        log = self._log_weights - 0.5 * (turned.square() / variances + variances.log()).sum(2) - 0.5 * constant
        return log, -torch.einsum("bke,kde->bkd", turned / variances, self._axes)

    def log_density(self, x: Tensor, t: Tensor) -> Tensor:
        """Return ln p_t(x) in nats, shape (batch,); t = 0 is the data itself."""
        return self._components(x, t)[0].logsumexp(1)

    def score(self, x: Tensor, t: Tensor) -> Tensor:
        """Return ∇ ln p_t(x), shaped as x (batch, ...), for steps t (batch,)."""
        log, scores = self._components(x, t)
        return torch.einsum("bk,bkd->bd", log.softmax(1), scores).to(x.dtype).reshape(x.shape)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return ε*(x, t), shaped as x."""
        noise = (1 - self._alpha_bar[t]).sqrt().to(x.dtype)
        return -noise.reshape(-1, *[1] * (x.dim() - 1)) * self.score(x, t)


def sliced_wasserstein(a: Tensor, b: Tensor, directions: int = 128, seed: int = 0) -> float:
    """Return the sliced 2-Wasserstein distance of two clouds of as many points; Bonneel et al. 2015.

    √ of the average over directions of the mean squared difference of the sorted projections.

    Args:
        a: shape (items, D).
        b: the same shape.
        directions: how many, drawn uniformly from the sphere with ``seed``.
    """
    generator = torch.Generator().manual_seed(seed)
    axes = torch.randn(a.shape[1], directions, generator=generator).to(a)
    axes = axes / axes.norm(dim=0)
    return float((_sorted_rows(axes.T @ a.T) - _sorted_rows(axes.T @ b.T)).square().mean().sqrt())


def _sorted_rows(values: Tensor) -> Tensor:
    """Return a matrix with the values of each row in order; NumPy does it in a fifth of torch's time."""
    return torch.from_numpy(np.sort(values.cpu().numpy(), axis=1))

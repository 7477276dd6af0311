"""The codebook of a VQ-VAE; van den Oord et al. 2017 (arXiv:1711.00937), and its moving average, App. A.1."""

import torch
from torch import Tensor, nn

_SMOOTHING = 1e-5


def perplexity(counts: Tensor) -> Tensor:
    """Return exp(−Σ p_i ln p_i) of how often each code was used, a scalar: K for uniform use, 1 for a single code.

    Args:
        counts: uses of each code, shape (codes,), at least one above 0.
    """
    share = counts / counts.sum()
    effective: Tensor = torch.special.entr(share).sum().exp()
    return effective


def straight_through(z_e: Tensor, z_q: Tensor) -> Tensor:
    """Return the values of z_q whose gradient goes to z_e unchanged; shapes alike."""
    return z_e + (z_q - z_e).detach()


class Codebook(nn.Module):
    """K vectors of which the nearest stands for an encoder's output.

    Args:
        size: K.
        width: dimensions of a vector.
        by_average: whether codes follow a moving average of what they stand for; else a loss moves them.
        decay: γ of the moving averages.
        reseed_below: a code used less than this share of 1/K is put where an encoder output is.
    """

    uses: Tensor
    sums: Tensor

    def __init__(self, size: int, width: int, *, by_average: bool, decay: float, reseed_below: float) -> None:
        super().__init__()
        self.by_average, self.decay, self.reseed_below = by_average, decay, reseed_below
        self.vectors = nn.Parameter(torch.randn(size, width), requires_grad=not by_average)
        self.register_buffer("uses", torch.ones(size))  # N_i
        self.register_buffer("sums", self.vectors.detach().clone())  # m_i

    def nearest(self, z_e: Tensor) -> Tensor:
        """Return the index of the nearest code, (items,) int64, for encoder outputs (items, width)."""
        vectors = self.vectors.detach()
        with torch.autocast(z_e.device.type, enabled=False):  # bfloat16 would choose other codes than inference does
            # ‖z − e‖² without ‖z‖², which is the same for every code
            distances = vectors.square().sum(1) - 2 * z_e.detach().float() @ vectors.T
        return distances.argmin(1)

    @torch.no_grad()
    def statistics(self, z_e: Tensor, codes: Tensor, seeds: Tensor) -> Tensor:
        """Return what ``update`` wants to know of a training batch; that of parts of a batch adds up to that of it.

        Args:
            z_e: encoder outputs, shape (items, width).
            codes: their nearest codes, shape (items,).
            seeds: an encoder output for each code, should it have to move there, (codes,); outside 0 … items − 1 it is
                in another part of the batch.

        Returns:
            Shape (codes, 1 + 2 · width): n_i, Σz of those that code i stands for, and the seed.
        """
        width = z_e.shape[1]
        found = self.sums.new_zeros(len(self.uses), 1 + 2 * width)
        found[:, 0] = torch.bincount(codes, minlength=len(self.uses))
        found[:, 1 : 1 + width].index_add_(0, codes, z_e.float())
        here = (seeds >= 0) & (seeds < len(z_e))
        found[:, 1 + width :] = torch.where(here[:, None], z_e[seeds.clamp(0, len(z_e) - 1)].float(), 0.0)
        return found

    @torch.no_grad()
    def update(self, statistics: Tensor) -> None:
        """Take note of one training batch: move the averages, and re-seed dead codes at random encoder outputs.

        N_i ← γN_i + (1−γ)n_i, m_i ← γm_i + (1−γ)Σz, e_i = m_i/N_i, N smoothed after Laplace.

        Args:
            statistics: what ``statistics`` found in the whole batch.
        """
        size, width = self.vectors.shape
        counts, added, seeds = torch.split(statistics, [1, width, width], dim=1)
        self.uses.lerp_(counts[:, 0], 1 - self.decay)
        self.sums.lerp_(added, 1 - self.decay)
        total = self.uses.sum()
        if self.by_average:
            smoothed = (self.uses + _SMOOTHING) / (total + size * _SMOOTHING) * total
            self.vectors.data.copy_(self.sums / smoothed[:, None])
        if self.reseed_below > 0:
            fair = total / size
            dead = self.uses < self.reseed_below * fair
            self.uses.copy_(torch.where(dead, fair, self.uses))
            self.sums.copy_(torch.where(dead[:, None], seeds * fair, self.sums))
            self.vectors.data.copy_(torch.where(dead[:, None], seeds, self.vectors.data))

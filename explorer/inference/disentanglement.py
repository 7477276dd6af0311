"""How well single latents stand for single known factors: the mutual information gap; Chen et al. 2018."""

import numpy as np
from numpy.typing import NDArray

from explorer.errors import DataError

BINS = 20


def binned(latents: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return which of 20 equal bins from its least to its greatest value each latent (items, latent) falls into."""
    low, high = latents.min(0), latents.max(0)
    width = np.where(high > low, high - low, 1.0)
    cells: NDArray[np.int64] = np.minimum((latents - low) / width * BINS, BINS - 1).astype(np.int64)
    return cells


def entropy(counts: NDArray[np.int64]) -> float:
    """Return −Σ p ln p of counts of any shape, in nats."""
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log(p)).sum())


def mutual_information(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Return I(a; b) = H(a) + H(b) − H(a, b) in nats of two columns of counts from 0, each (items,)."""
    table = np.bincount(a * (int(b.max()) + 1) + b, minlength=(int(a.max()) + 1) * (int(b.max()) + 1))
    return entropy(np.bincount(a)) + entropy(np.bincount(b)) - entropy(table)


def information(latents: NDArray[np.floating], factors: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return I(z_k; v_j) / H(v_j) for every latent and factor, shape (latent, factors); 0 for a constant factor.

    Args:
        latents: the means of q(z|x), shape (items, latent).
        factors: the values of the known factors, shape (items, factors), counted from 0.
    """
    cells = binned(latents)
    shares = np.zeros((latents.shape[1], factors.shape[1]))
    for j in range(factors.shape[1]):
        whole = entropy(np.bincount(factors[:, j]))
        for k in range(latents.shape[1]):
            shares[k, j] = mutual_information(cells[:, k], factors[:, j]) / whole if whole > 0 else 0.0
    return shares


def varying(factors: NDArray[np.int64]) -> list[int]:
    """Return the columns of factors (items, factors) that are not constant."""
    return [j for j in range(factors.shape[1]) if len(np.unique(factors[:, j])) > 1]


def mutual_information_gap(latents: NDArray[np.floating], factors: NDArray[np.int64]) -> float:
    """Return the MIG in [0, 1]: for each factor the gap of the two latents that know most of it, in shares of the
    factor's entropy, averaged over factors; 20-bin histograms of the means. Chen et al. 2018 (arXiv:1802.04942), eq. 6.

    Args:
        latents: the means of q(z|x), shape (items, latent).
        factors: the values of the known factors, shape (items, factors), counted from 0; constant ones do not count.

    Raises:
        DataError: no factor varies.
    """
    known = varying(factors)
    if not known:
        raise DataError("no factor of these items is known to vary, which MIG needs; evaluate on sprites")
    shares = np.sort(information(latents, factors[:, known]), axis=0)
    second = shares[-2] if len(shares) > 1 else np.zeros(len(known))
    return float((shares[-1] - second).mean())

"""q(x_t|x_0) = N(√ᾱ_t x_0, (1−ᾱ_t) I) looked at value by value: moments, densities, and how far it is from N(0, I)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.messages import Floats

Curve = NDArray[np.float64]
_FAR = 1e6
_LEVELS = 128  # that x_0's values are sorted into for the density
_BINS = ((200, 14), (1000, 28), (10**9, 56))  # of so many values; more would only show how few they are


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation over all values of x_t, and ``noise``, the root mean square of x_t − √ᾱ_t x_0."""

    mean: float
    spread: float
    noise: float


def measured(x_t: Floats, x0: Floats, alpha_bar: float) -> Moments:
    """Return the moments of a draw x_t of any shape, shaped as ``x0``."""
    values = np.asarray(x_t, np.float64)
    away = values - math.sqrt(alpha_bar) * x0
    return Moments(float(values.mean()), float(values.std()), float(np.sqrt(np.square(away).mean())))


def expected(x0: Floats, alpha_bar: float) -> Moments:
    """Return what theory says of them: √ᾱ_t·mean(x_0), √(ᾱ_t·var(x_0) + 1 − ᾱ_t) and √(1−ᾱ_t)."""
    clean = np.asarray(x0, np.float64)
    spread = math.sqrt(alpha_bar * float(clean.var()) + 1 - alpha_bar)
    return Moments(math.sqrt(alpha_bar) * float(clean.mean()), spread, math.sqrt(1 - alpha_bar))


def error(x0: Floats, alpha_bar: float) -> Moments:
    """Return by how much (one standard deviation) a single draw of q(x_t|x_0) misses ``expected``.

    With D values and v = 1−ᾱ_t: √(v/D) for the mean; of the others to first order in 1/D, √(v² + 2 v ᾱ_t var(x_0)) /
    (√(2D)·spread) and √(v/2D).
    """
    clean = np.asarray(x0, np.float64)
    noise, count = 1 - alpha_bar, clean.size
    variance = alpha_bar * float(clean.var())
    spread = math.sqrt(variance + noise)
    of_spread = math.sqrt((noise**2 + 2 * noise * variance) / (2 * count)) / spread if spread else 0.0
    return Moments(math.sqrt(noise / count), of_spread, math.sqrt(noise / (2 * count)))


def kl_per_value(x0: Floats, alpha_bar: float) -> float:
    """Return KL(q(x_t|x_0) ‖ N(0, I)) in nats per value: ½ (ᾱ_t x_0² − ᾱ_t − ln(1−ᾱ_t)), the average; ∞ at t = 0.

    At t = T it is L_T of the bound; Ho et al. 2020, eq. 5.
    """
    if alpha_bar >= 1:
        return math.inf
    power = float(np.square(np.asarray(x0, np.float64)).mean())
    return 0.5 * (alpha_bar * power - alpha_bar - math.log1p(-alpha_bar))


def decibels(alpha_bar: float) -> float:
    """Return the signal-to-noise ratio ᾱ_t/(1−ᾱ_t) in dB; ∞ at t = 0."""
    return math.inf if alpha_bar >= 1 else 10 * math.log10(alpha_bar / (1 - alpha_bar))


# ---- densities -----------------------------------------------------------------------------------------------------


class Densities:
    """Densities of the values of x_t in equal bins, and what theory says they are.

    Args:
        x0: the clean item, of any shape.
        extent: the bins reach from −extent to extent.
    """

    def __init__(self, x0: Floats, extent: float) -> None:
        values = np.asarray(x0, np.float64).ravel()
        values = np.clip(np.nan_to_num(values), -_FAR, _FAR)
        self.extent = extent
        self.bins = next(bins for most, bins in _BINS if values.size <= most)
        self.width = 2 * extent / self.bins
        self.edges: Curve = np.linspace(-extent, extent, self.bins + 1)
        self.places: Curve = np.linspace(-extent, extent, 101)  # where smooth curves are drawn
        self.normal: Curve = np.exp(-0.5 * self.places**2) / math.sqrt(2 * math.pi)
        low, high = float(values.min()), float(values.max())
        counts, edges = np.histogram(values, _LEVELS, (low, high if high > low else low + 1e-6))
        kept = counts > 0
        sums, _ = np.histogram(values, edges, weights=values)
        self._levels = sums[kept] / counts[kept]  # the mean of each level's values, so that no mean is moved
        self._weights = counts[kept] / values.size

    def of(self, values: Floats) -> Curve:
        """Return the density of values in each bin; those outside count, and are not shown."""
        far = np.float32(2 * self.extent)
        flat = np.clip(np.nan_to_num(np.asarray(values, np.float32).ravel(), nan=2 * self.extent), -far, far)
        places = np.floor((flat + np.float32(self.extent)) * np.float32(1 / self.width)).astype(np.int64)
        places = places[(places >= 0) & (places < self.bins)]
        density: Curve = np.bincount(places, minlength=self.bins) / (flat.size * self.width)
        return density

    def expected(self, alpha_bar: float) -> Curve:
        """Return the mean over x_0's values of N(√ᾱ_t x_0, 1−ᾱ_t) at ``places``, spread at least over a bin."""
        variance = max(1 - alpha_bar, (self.width / 2) ** 2)
        away = self.places[:, None] - math.sqrt(alpha_bar) * self._levels
        bells = np.exp(away * away * (-0.5 / variance))
        density: Curve = bells @ (self._weights / math.sqrt(2 * math.pi * variance))
        return density

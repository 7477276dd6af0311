"""How far a z is from where the encoder puts data: the decoder knows only what it was trained on."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from explorer.messages import Floats
from explorer.nearest import Nearest

Level = Literal["on", "edge", "off"]
_ON, _EDGE = 0.05, 0.005  # of the data's own draws lie farther out
_MOST = 0.5  # of them: nearer than most data are
AT_A_CODE = 0.005  # of the usual distance: 0.00 when it is told
_DRAWS = 1000
_AT_ONCE = 125  # draws whose distances from all means fit a cache
_UNTOLD = 0.1  # Var_x(μ) below which a dimension of unknown σ is taken for one the encoder does not use


@dataclass(frozen=True)
class Verdict:
    """Whether a decoder was trained at a z.

    Attributes:
        share: of the data's own draws z ~ q(z|x) that lie farther from their nearest other mean than this z from its
            nearest, 0..1.
        ratio: that distance of z in medians of theirs.
        words: one sentence for the user.
        level: "on" the data (share ≥ 5 %), at their "edge" (≥ 0.5 %), or "off".
    """

    share: float
    ratio: float
    words: str
    level: Level


class OffData:
    """The distances of a data set's own draws from each other's means, to hold a z against them.

    d(z)² = min_i Σ_k w_k (z_k − μ_ik)² + Σ_k (1 − w_k) e_k², in units of the prior. The weight w_k = Var_x(μ_k) /
    (Var_x(μ_k) + E_x(σ_k²)) is the share of the spread of z_k that says something about x (the correlation ratio):
    a dimension that the encoder does not use has q = N(0, 1) for every x and weighs nothing, else its noise would hide
    every distance in the others. e_k is how far z_k is outside the draws' range: nothing was decoded there either.

    The reference are d's of draws z ~ q(z|x_i) from the nearest mean of another item: where data are sparse they are
    far from each other too. Where σ = 0 they are the leave-one-out distances between the codes.

    Args:
        means: μ of q(z|x), (items, latent).
        sigma: σ (items, latent); (0, latent) where the encoder is deterministic or where it is not known yet. Then
            dimensions with next to no spread of μ are taken for unused ones, the others for deterministic.
        seed: of the draws.
    """

    def __init__(self, means: Floats, sigma: Floats, seed: int = 0) -> None:
        mean, wide = np.asarray(means, np.float32), np.asarray(sigma, np.float32)
        known = wide.shape == mean.shape
        sound = np.isfinite(mean).all(axis=1) & (np.isfinite(wide).all(axis=1) if known else True)
        mean, wide = mean[sound], wide[sound] if known else wide  # a broken model may have codes that are nowhere
        variance = mean.var(axis=0, dtype=np.float64) if len(mean) else np.zeros(mean.shape[1])
        if not known:
            wide = np.broadcast_to(np.where(variance < _UNTOLD, np.sqrt(1 - np.minimum(variance, 1)), 0.0), mean.shape)
        noise = np.square(wide, dtype=np.float64).mean(axis=0) if len(mean) else np.ones(mean.shape[1])
        with np.errstate(invalid="ignore"):
            self.weights: NDArray[np.float64] = np.nan_to_num(variance / (variance + noise))
        self._root = np.sqrt(self.weights).astype(np.float32)
        self._rest = 1 - self.weights
        self._center = mean.mean(axis=0) if len(mean) else np.zeros(mean.shape[1], np.float32)
        weighted = mean * self._root
        self._nearest = Nearest(weighted)
        random = np.random.default_rng(seed)
        chosen = random.permutation(len(mean))[:_DRAWS] if len(mean) > 1 else np.zeros(0, np.int64)
        draws = mean[chosen] + wide[chosen] * random.standard_normal((len(chosen), mean.shape[1]), np.float32)
        every = np.concatenate([draws, mean])
        self._low, self._high = (every.min(axis=0), every.max(axis=0)) if len(every) else (self._center, self._center)
        self.reference = np.sort(_to_nearest_other(draws * self._root, chosen, weighted))
        self._inside = (
            np.quantile(np.linalg.norm((mean - self._center) * self._root, axis=1), 0.9) if len(mean) else 0.0
        )

    def distance(self, z: Floats) -> float:
        """Return d(z) for z (latent,); infinite without data."""
        where = np.asarray(z, np.float32)
        _, found = self._nearest.query(where * self._root)
        beyond = np.maximum(np.maximum(self._low - where, where - self._high), 0)
        return float(np.sqrt(found[0] ** 2 + (self._rest * beyond**2).sum())) if len(found) else float("inf")

    def judge(self, z: Floats) -> Verdict:
        """Return whether the decoder was trained at z (latent,)."""
        distance, reference = self.distance(z), self.reference
        if not len(reference):
            return Verdict(0.0, float("inf"), "there are no data to compare this z with", "off")
        # A hair less, so that a draw lies no farther out than itself after rounding.
        share = 1 - float(np.searchsorted(reference, distance * (1 - 1e-6), "left")) / len(reference)
        usual = float(np.median(reference)) or float(reference.mean()) or 1.0
        ratio = distance / usual
        if ratio < AT_A_CODE:
            return Verdict(share, ratio, "this is where an item of the data is encoded", "on")
        if share >= _MOST:
            return Verdict(share, ratio, "as close to the data as most data are", "on")
        if share >= _ON:
            return Verdict(
                share, ratio, f"farther out than most data, as {_percent(share)} of the data's own draws", "on"
            )
        among = float(np.linalg.norm((np.asarray(z, np.float32) - self._center) * self._root)) <= self._inside
        if share >= _EDGE:
            place = "between the data" if among else "at the rim of the data"
            return Verdict(
                share, ratio, f"{place}: only {_percent(share)} of the data's own draws lie farther out", "edge"
            )
        place = "in a hole between the data" if among else "off the data"
        words = f"{place}: {ratio:.1f} times farther from any code than usual; the decoder was never trained here"
        return Verdict(share, ratio, words, "off")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.1f} %"


def _to_nearest_other(draws: Floats, own: NDArray[np.int64], means: Floats) -> Floats:
    """Return the distance of each draw (draws, latent) from the nearest of the means that is not its ``own``."""
    squares = np.square(means).sum(axis=1)
    found = np.empty(len(draws), np.float32)
    for first in range(0, len(draws), _AT_ONCE):
        part = draws[first : first + _AT_ONCE]
        squared = squares - 2 * (part @ means.T)  # ‖m − z‖² − ‖z‖²
        squared[np.arange(len(part)), own[first : first + _AT_ONCE]] = np.inf
        nearest = means[squared.argmin(axis=1)]
        found[first : first + _AT_ONCE] = np.linalg.norm(part - nearest, axis=1)  # the sums above cancel: once more
    return found

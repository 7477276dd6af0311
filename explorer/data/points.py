"""Two-dimensional data: the shapes that generative models are tried on, about zero mean and unit scale."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.errors import DataError

Points = NDArray[np.float32]
Labels = NDArray[np.int64]
_Made = tuple[NDArray[np.float64], Labels]
_RING = 8
_MOST_COMPONENTS = 64


@dataclass(frozen=True)
class Mixture:
    """Σ_k w_k N(m_k, s_k² I): ``weights`` (K,) sum to 1, ``means`` (K, 2), ``sigmas`` (K,)."""

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    sigmas: NDArray[np.float64]

    def draw(self, count: int, random: np.random.RandomState) -> _Made:
        """Return points (count, 2) and the component of each."""
        labels = random.choice(len(self.weights), count, p=self.weights).astype(np.int64)
        return self.means[labels] + self.sigmas[labels, None] * random.randn(count, 2), labels


def parse_mixture(text: str) -> Mixture:
    """Return the mixture of a text such as ``"1 -1 0 0.2; 2 1 0 0.3"``: weight, x, y and σ of each component.

    Raises:
        DataError: not four finite numbers each, a weight or σ that is not positive, none or too many components.
    """
    rows = []
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        try:
            row = [float(word) for word in part.replace(",", " ").split()]
        except ValueError as error:
            raise DataError(f"data.mixture: {part[:40]!r} is not weight x y σ; write four numbers") from error
        if len(row) != 4 or not np.isfinite(row).all() or row[0] <= 0 or row[3] <= 0 or max(map(abs, row)) > 1e6:
            raise DataError(f"data.mixture: {part[:40]!r} is not weight x y σ with weight and σ above 0")
        rows.append(row)
    if not 1 <= len(rows) <= _MOST_COMPONENTS:
        raise DataError(f"data.mixture has {len(rows)} components; write 1 to {_MOST_COMPONENTS}, such as 1 0 0 0.5")
    table = np.array(rows)
    return Mixture(table[:, 0] / table[:, 0].sum(), table[:, 1:3], table[:, 3])


def ring() -> Mixture:
    """Return eight Gaussians (σ = 0.1) on a circle of radius √2, whose coordinates have unit variance."""
    angles = np.arange(_RING) * (2 * np.pi / _RING)
    means = np.sqrt(2) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return Mixture(np.full(_RING, 1 / _RING), means, np.full(_RING, 0.1))


def mixture_of(name: str, mixture: str = "") -> Mixture | None:
    """Return the mixture that a data set is drawn from, None where it is no mixture; DataError as ``draw``."""
    if name == "gaussian-ring":
        return ring()
    return parse_mixture(mixture) if name == "mixture" else None


def _two_moons(count: int, random: np.random.RandomState) -> _Made:
    labels = random.randint(2, size=count).astype(np.int64)
    angle = np.pi * random.rand(count)
    x = np.where(labels == 0, np.cos(angle), 1 - np.cos(angle)) - 0.5
    y = np.where(labels == 0, np.sin(angle), 0.5 - np.sin(angle)) - 0.25
    return np.stack([x / 0.87, y / 0.5], axis=1) + 0.08 * random.randn(count, 2), labels


def _swiss_roll(count: int, random: np.random.RandomState) -> _Made:
    angle = 1.5 * np.pi * (1 + 2 * random.rand(count))
    spiral = np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1) / 7.5
    return spiral - [0.26, 0.03] + 0.05 * random.randn(count, 2), np.zeros(count, np.int64)


def _pinwheel(count: int, random: np.random.RandomState) -> _Made:
    """Five bent arms; Johnson et al. 2016 (arXiv:1603.06277), Fig. 1."""
    labels = random.randint(5, size=count).astype(np.int64)
    radial, tangential = 0.3 * random.randn(count) + 1, 0.06 * random.randn(count)
    angle = labels * (2 * np.pi / 5) + 0.25 * np.exp(radial)
    x = radial * np.cos(angle) - tangential * np.sin(angle)
    y = radial * np.sin(angle) + tangential * np.cos(angle)
    return np.stack([x, y], axis=1) * 1.35, labels


def _checkerboard(count: int, random: np.random.RandomState) -> _Made:
    column, half = random.randint(4, size=count), random.randint(2, size=count)
    corner = np.stack([column, 2 * half + column % 2], axis=1)
    return (corner + random.rand(count, 2) - 2) / 1.15, np.zeros(count, np.int64)


def draw(name: str, count: int, mixture: str = "") -> tuple[Points, Labels]:
    """Return points (count, 2) and their labels (count,), the same on every machine.

    Raises:
        DataError: ``mixture`` is not readable.
    """
    random = np.random.RandomState(0)
    makers: dict[str, Callable[[int, np.random.RandomState], _Made]] = {
        "two-moons": _two_moons,
        "swiss-roll": _swiss_roll,
        "pinwheel": _pinwheel,
        "checkerboard": _checkerboard,
    }
    if name in makers:
        values, labels = makers[name](count, random)
    else:
        source = mixture_of(name, mixture)
        assert source is not None
        values, labels = source.draw(count, random)
    return values.astype(np.float32), labels

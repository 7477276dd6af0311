"""Ways through a latent space: rows of z along a dimension, between two places, from the prior, along an attribute.

All z are in units of the prior. What the pictures along a way are is the decoder's to say; this is where they lie.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.errors import ExplorerError
from explorer.messages import Floats

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_STRAIGHT = 1e-6  # sin θ below which two directions are one, or opposite


def subscript(number: int) -> str:
    """Return a number in subscript digits."""
    return str(number).translate(_SUBSCRIPTS)


def dimension_names(levels: Sequence[int]) -> list[str]:
    """Return the names of all dimensions: z₀, z₁, … of a flat model, z¹₀, …, z²₀, … of one with levels.

    Args:
        levels: the number of dimensions of each level, from the picture up.
    """
    if len(levels) < 2:
        return [f"z{subscript(k)}" for k in range(sum(levels))]
    return [
        f"z{str(level).translate(_SUPERSCRIPTS)}{subscript(k)}"
        for level, size in enumerate(levels, 1)
        for k in range(size)
    ]


def traverse(z: Floats, dimensions: Sequence[int], extent: float, steps: int) -> Floats:
    """Return z with one dimension at a time moved from −extent to extent, (dimensions · steps, latent), row by row.

    The latent traversal of Higgins et al. 2017 (β-VAE): the other dimensions stay where they are.

    Args:
        z: where the others stay, (latent,).
        dimensions: which are moved, one row each.
        extent: in units of the prior's σ.
        steps: places in a row, ends included; one is the middle, 0.
    """
    values = np.linspace(-extent, extent, steps) if steps != 1 else np.zeros(1)
    rows = np.tile(np.asarray(z, np.float32), (len(dimensions), steps, 1))
    for row, dimension in zip(rows, dimensions, strict=True):
        row[:, dimension] = values
    return rows.reshape(-1, rows.shape[-1])


def _shares(steps: int) -> NDArray[np.float64]:
    return np.linspace(0.0, 1.0, steps)[:, None]


def lerp(a: Floats, b: Floats, steps: int) -> Floats:
    """Return the places (1−λ)·a + λ·b, λ from 0 to 1 in ``steps``, (steps, latent); the ends are a and b themselves.

    A straight line between two draws of N(0, I) passes nearer to 0 than draws are, where dimensions are many.
    """
    first, last = np.asarray(a, np.float64), np.asarray(b, np.float64)
    share = _shares(steps)
    way: Floats = ((1 - share) * first + share * last).astype(np.float32)
    return way


def slerp(a: Floats, b: Floats, steps: int) -> Floats:
    """Return the way from a to b on a great circle about 0, (steps, latent); the ends are a and b themselves.

    The direction turns evenly, sin((1−λ)θ)/sin θ·â + sin(λθ)/sin θ·b̂ with θ the angle between a and b (Shoemake 1985;
    for latents White 2016, arXiv:1609.04468), and the length grows evenly from ‖a‖ to ‖b‖: interpolated draws stay as
    long as draws are. White weighs a and b themselves, which is the same for equal lengths but runs away for nearly
    opposite vectors of different length.

    It is defined everywhere: the straight line where a and b have the same direction or one of them is 0; where they
    are opposite, half a turn through the direction perpendicular to a that is nearest to the axis a has least of, the
    first of equals. In one dimension opposite vectors have no such direction: it is the straight line there.
    """
    first, last = np.asarray(a, np.float64), np.asarray(b, np.float64)
    lengths = np.linalg.norm(first), np.linalg.norm(last)
    if min(lengths) == 0:
        return lerp(a, b, steps)
    start, end = first / lengths[0], last / lengths[1]
    # atan2 of the half-angle's sides: arccos of a dot product loses half its digits near 0 and π.
    angle = 2 * np.arctan2(np.linalg.norm(start - end), np.linalg.norm(start + end))
    across = end - (start @ end) * start
    if np.sin(angle) < _STRAIGHT:
        if angle < 1 or len(first) < 2:
            return lerp(a, b, steps)
        axis = np.zeros(len(first))
        axis[np.abs(start).argmin()] = 1.0
        across, angle = axis - (start @ axis) * start, np.pi
    across /= np.linalg.norm(across)
    share = _shares(steps)
    way: Floats = (
        (np.cos(share * angle) * start + np.sin(share * angle) * across)
        * ((1 - share) * lengths[0] + share * lengths[1])
    ).astype(np.float32)
    if steps > 0:
        way[0] = first
    if steps > 1:
        way[-1] = last
    return way


def prior(count: int, latent: int, seed: int, temperature: float = 1.0) -> Floats:
    """Return draws z ~ N(0, τ²I), (count, latent); the first n are the same however many are drawn.

    Args:
        count: how many.
        latent: dimensions.
        seed: not negative; the same seed gives the same draws.
        temperature: τ, the spread of the noise; 1 is the prior, less draws what is more typical (Kingma & Dhariwal
            2018, §6).
    """
    drawn: Floats = (temperature * np.random.default_rng(seed).standard_normal((count, latent))).astype(np.float32)
    return drawn


def attribute(means: Floats, first: ArrayLike, second: ArrayLike) -> Floats:
    """Return the direction (latent,) from the mean of the ``second`` items to the mean of the ``first``.

    The visual attribute vector of Larsen et al. 2016 (arXiv:1512.09300, §3.1): items with it minus items without it.
    Added to the z of any item it gives it the attribute. Attributes that go together in the data are in it together
    (White 2016, arXiv:1609.04468, §3.3).

    Args:
        means: of q(z|x), (items, latent).
        first: which items have it, indices or a mask.
        second: which have it not.

    Raises:
        ExplorerError: one of the two has no items.
    """
    sides = [
        np.asarray(means, np.float64)[np.asarray(side, None if np.size(side) else np.int64)] for side in (first, second)
    ]
    if not all(len(side) for side in sides):
        raise ExplorerError("an attribute needs items with it and items without it; select some of both in the map")
    direction: Floats = (sides[0].mean(0) - sides[1].mean(0)).astype(np.float32)
    return direction

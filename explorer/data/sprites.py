"""Sprites: 64×64 white shapes on black whose five factors are known, after dSprites (Matthey et al. 2017).

Every combination of shape (3) × scale (6) × orientation (40) × x (32) × y (32) is one binary picture. Shape, scale and
orientation make a 33×33 stamp, x and y say where it is pressed, so that drawing is copying.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from explorer.errors import DataError

Factors = NDArray[np.int64]
FACTORS = ("shape", "scale", "orientation", "x", "y")
SHAPES = ("square", "ellipse", "heart")
SIZES = (3, 6, 40, 32, 32)
SIDE = 64
_STAMP = 33


def _inside(shape: int, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points of the unit disc are inside a square, an ellipse or a heart that fill it."""
    inside: NDArray[np.bool_]
    if shape == 0:
        inside = (np.abs(u) <= np.sqrt(0.5)) & (np.abs(v) <= np.sqrt(0.5))
    elif shape == 1:
        inside = np.square(u) + np.square(2 * v) <= 1
    else:
        a, b = 1.25 * u, 0.1 - 1.2 * v  # the heart (a² + b² − 1)³ = a² b³, point down
        heart = (np.square(a) + np.square(b) - 1) ** 3 <= np.square(a) * b**3
        inside = heart & (np.square(u) + np.square(v) <= 1)
    return inside


@functools.cache
def _stamps() -> NDArray[np.uint8]:
    """Return the stamps of every (shape, scale, orientation), (720, 33, 33), 0 or 255."""
    axis = (np.arange(_STAMP) - _STAMP // 2) / (_STAMP // 2 + 0.5)
    down, right = np.meshgrid(axis, axis, indexing="ij")
    made = []
    for shape in range(SIZES[0]):
        for scale in np.linspace(0.5, 1.0, SIZES[1]):
            for angle in np.arange(SIZES[2]) * (2 * np.pi / SIZES[2]):
                u = (np.cos(angle) * right + np.sin(angle) * down) / scale
                v = (np.cos(angle) * down - np.sin(angle) * right) / scale
                made.append(_inside(shape, u, v))
    return np.stack(made).astype(np.uint8) * np.uint8(255)


def draw(factors: Factors) -> NDArray[np.uint8]:
    """Return the pictures (items, 64, 64) of rows of factor values (items, 5), each from 0 to its size − 1.

    Raises:
        DataError: rows of another length, or a value that its factor does not have.
    """
    factors = np.asarray(factors, np.int64)
    if factors.ndim != 2 or factors.shape[1] != len(SIZES) or bool(((factors < 0) | (factors >= SIZES)).any()):
        raise DataError(f"sprites are drawn from rows of {FACTORS}, each below {SIZES}; mend the rows")
    pictures = np.zeros((len(factors), SIDE, SIDE), np.uint8)
    stamps = _stamps()
    span = np.arange(_STAMP)
    for first in range(0, len(factors), 4096):  # the index arrays of more would not fit a cache
        part = factors[first : first + 4096]
        which = np.ravel_multi_index(tuple(part[:, :3].T), SIZES[:3])
        rows, columns = part[:, 4, None] + span, part[:, 3, None] + span
        item = np.arange(first, first + len(part))
        pictures[item[:, None, None], rows[:, :, None], columns[:, None, :]] = stamps[which]
    return pictures


def parse_subset(text: str) -> list[NDArray[np.int64]]:
    """Return the wanted values of each factor for a text such as ``"shape=0,2 orientation=0-9"``.

    Raises:
        DataError: an unknown factor, a value it does not have, or a text of another form.
    """
    wanted = [np.arange(size) for size in SIZES]
    for word in text.split():
        name, equals, values = word.partition("=")
        if not equals or name not in FACTORS:
            raise DataError(
                f"data.subset: {word!r} names no factor; write for example shape=0,2 of {', '.join(FACTORS)}"
            )
        at = FACTORS.index(name)
        chosen: set[int] = set()
        for part in values.split(","):
            first, dash, last = part.partition("-")
            if not (first.isdecimal() and (last.isdecimal() or not dash) and len(part) < 9):
                raise DataError(f"data.subset: {word!r} is not readable; write values as 0,2 or 0-9")
            chosen.update(range(int(first), int(last or first) + 1))
        if not chosen or max(chosen) >= SIZES[at]:
            raise DataError(f"data.subset: {word!r} is out of range; {name} is from 0 to {SIZES[at] - 1}")
        wanted[at] = np.array(sorted(chosen))
    return wanted


def choose(subset: str, most: int) -> Factors:
    """Return at most ``most`` different combinations (items, 5) of a subset, in a frozen random order."""
    wanted = parse_subset(subset)
    sizes = [len(values) for values in wanted]
    order = np.random.RandomState(0).permutation(int(np.prod(sizes)))[:most]
    positions = np.unravel_index(order, sizes)
    return np.stack([values[at] for values, at in zip(wanted, positions, strict=True)], axis=1).astype(np.int64)

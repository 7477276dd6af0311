"""Noise that a seed fixes: the same seed is the same picture on every device, up to rounding."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from explorer.data.seeds import derived_seed

_AHEAD = 4096  # numbers that are drawn at once for an item: a chain asks for a few, a thousand times


class NoiseSource:
    """Standard normal noise for ``count`` items, drawn on the CPU, one generator per item.

    An item's noise depends on (seed, its number) alone, not on how many others are drawn with it.

    Args:
        seed: in [0, 2^63).
        count: how many items.
        first: the number of the first of them.
    """

    def __init__(self, seed: int, count: int, first: int = 0) -> None:
        self.count = count
        self._generators = [
            torch.Generator().manual_seed(derived_seed(seed, index)) for index in range(first, first + count)
        ]
        self._drawn: list[Tensor] = []
        self._shape: tuple[int, ...] = ()

    def draw(self, shape: Sequence[int], device: torch.device | str = "cpu") -> Tensor:
        """Return the next noise, shape (count, *shape)."""
        if tuple(shape) != self._shape or not self._drawn:
            self._shape = tuple(shape)
            times = max(1, min(64, _AHEAD // math.prod(shape)))  # of the shape alone: else the count would matter
            block = [torch.randn(times, *shape, generator=generator) for generator in self._generators]
            self._drawn = list(torch.stack(block, dim=1).unbind())[::-1]
        return self._drawn.pop().to(device)


def slerp(start: Tensor, end: Tensor, share: float) -> Tensor:
    """Return the point at ``share`` of the great circle from ``start`` to ``end``; Shoemake 1985.

    sin((1−λ)θ)/sin θ·a + sin(λθ)/sin θ·b with θ the angle between a and b: mixed noise stays as long as noise is, which
    a straight line does not. Where a and b point the same way it is that line.

    Args:
        start: shape (batch, ...).
        end: the same shape.
        share: λ; 0 gives ``start``, 1 gives ``end``.
    """
    a, b = start.flatten(1).double(), end.flatten(1).double()
    cosine = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-12)
    angle = cosine.clamp(-1, 1).acos()
    sine = angle.sin()
    straight = sine < 1e-6
    safe = torch.where(straight, torch.ones_like(sine), sine)
    weight_a = torch.where(straight, torch.full_like(sine, 1 - share), ((1 - share) * angle).sin() / safe)
    weight_b = torch.where(straight, torch.full_like(sine, share), (share * angle).sin() / safe)
    return (weight_a[:, None] * a + weight_b[:, None] * b).to(start.dtype).reshape(start.shape)

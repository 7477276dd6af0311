"""Building blocks of encoders and decoders, for images of any size."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

Size = tuple[int, int]


def mlp(sizes: list[int]) -> nn.Sequential:
    """Return linear layers of the given widths with SiLU between them; the last layer is linear."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def halved_sizes(height: int, width: int, smallest: int = 4) -> list[Size]:
    """Return (height, width) at each level, halved and rounded up, until the smaller side is <= ``smallest``."""
    sizes = [(height, width)]
    while min(sizes[-1]) > smallest:
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    return sizes


def group_norm(channels: int) -> nn.GroupNorm:
    """Return group normalization with groups of at least four channels where there are so many."""
    groups = next(
        count for count in (32, 16, 8, 4, 2, 1) if channels % count == 0 and (count == 1 or channels // count >= 4)
    )
    return nn.GroupNorm(groups, channels)


class Residual(nn.Module):
    """Two normalized convolutions with a skip, (batch, C, H, W) to the same; He et al. 2016."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        last = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(last.weight)  # each block starts as the identity
        self.layers = nn.Sequential(
            group_norm(channels), nn.SiLU(), nn.Conv2d(channels, channels, 3, padding=1),
            group_norm(channels), nn.SiLU(), last,
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.layers(x)
        return out


class Enlarge(nn.Module):
    """Nearest-neighbour enlargement to an exact size."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return interpolate(x, size=self.size, mode="nearest")


def shrinking(image_channels: int, channels: int, sizes: list[Size], residual: bool) -> list[nn.Module]:
    """Return convolutions from an image of sizes[0] to features of sizes[-1]; channels double at each halving."""
    layers: list[nn.Module] = [nn.Conv2d(image_channels, channels, 3, padding=1), nn.SiLU()]
    for _ in sizes[1:]:
        layers += [nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1), nn.SiLU()]
        channels *= 2
        if residual:
            layers.append(Residual(channels))
    return layers


def growing(image_channels: int, channels: int, sizes: list[Size], residual: bool) -> list[nn.Module]:
    """Return the mirror of ``shrinking``: from features of sizes[-1] to an image of sizes[0]."""
    top = channels * 2 ** (len(sizes) - 1)
    layers: list[nn.Module] = []
    for size in reversed(sizes[:-1]):
        if residual:
            layers.append(Residual(top))
        layers += [Enlarge(size), nn.Conv2d(top, top // 2, 3, padding=1), nn.SiLU()]
        top //= 2
    return [*layers, nn.Conv2d(top, image_channels, 3, padding=1)]


class ConvEncoder(nn.Module):
    """Convolutions that halve an image (batch, C, H, W) to about 4×4, then linear layers to (batch, outputs)."""

    def __init__(
        self, shape: tuple[int, int, int], channels: int, hidden_units: int, outputs: int, residual: bool = False
    ) -> None:
        super().__init__()
        image_channels, height, width = shape
        sizes = halved_sizes(height, width)
        flat = channels * 2 ** (len(sizes) - 1) * math.prod(sizes[-1])
        self.layers = nn.Sequential(
            *shrinking(image_channels, channels, sizes, residual), nn.Flatten(), mlp([flat, hidden_units, outputs])
        )

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(x)
        return features


class ConvDecoder(nn.Module):
    """The mirror of ConvEncoder: (batch, inputs) to (batch, C, H, W)."""

    def __init__(
        self, shape: tuple[int, int, int], channels: int, hidden_units: int, inputs: int, residual: bool = False
    ) -> None:
        super().__init__()
        image_channels, height, width = shape
        sizes = halved_sizes(height, width)
        top = channels * 2 ** (len(sizes) - 1)
        layers: list[nn.Module] = [mlp([inputs, hidden_units, top * math.prod(sizes[-1])]), nn.SiLU()]
        layers.append(nn.Unflatten(1, (top, *sizes[-1])))
        self.layers = nn.Sequential(*layers, *growing(image_channels, channels, sizes, residual))

    def forward(self, z: Tensor) -> Tensor:
        image: Tensor = self.layers(z)
        return image


def sinusoidal_embedding(t: Tensor, size: int) -> Tensor:
    """Return sin and cos of t at ``size // 2`` frequencies from 1 to 1/10000; Vaswani et al. 2017, §3.5.

    Args:
        t: time steps, shape (batch,).
        size: even width of the embedding.

    Returns:
        Shape (batch, size).
    """
    half = size // 2
    frequencies = torch.exp(-math.log(10_000.0) / half * torch.arange(half, device=t.device, dtype=torch.float32))
    angles = t.float()[:, None] * frequencies[None]
    return torch.cat([angles.sin(), angles.cos()], dim=1)

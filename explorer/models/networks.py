"""Encoders and decoders as the settings ask for them: linear, fully connected, convolutional or residual."""

import math

from torch import nn

from explorer.config import LatentConfig
from explorer.fit import grid_sizes
from explorer.models.layers import ConvDecoder, ConvEncoder, growing, mlp, shrinking

Shape = tuple[int, int, int]


def _hidden(config: LatentConfig) -> list[int]:
    return [] if config.network == "linear" else [config.hidden_units] * config.hidden_layers


def encoder(config: LatentConfig, shape: Shape, outputs: int) -> nn.Module:
    """Return a network from images (batch, *shape) to (batch, outputs)."""
    if config.network in {"linear", "mlp"}:
        return nn.Sequential(nn.Flatten(), mlp([math.prod(shape), *_hidden(config), outputs]))
    return ConvEncoder(shape, config.channels, config.hidden_units, outputs, config.network == "residual")


def decoder(config: LatentConfig, shape: Shape, inputs: int) -> nn.Module:
    """Return a network from (batch, inputs) to images (batch, *shape)."""
    if config.network in {"linear", "mlp"}:
        return nn.Sequential(mlp([inputs, *_hidden(config), math.prod(shape)]), nn.Unflatten(1, shape))
    return ConvDecoder(shape, config.channels, config.hidden_units, inputs, config.network == "residual")


def grid_encoder(config: LatentConfig, shape: Shape, downsamplings: int, size: int) -> nn.Module:
    """Return a network from images (batch, *shape) to a grid of vectors (batch, size, rows, columns)."""
    sizes = grid_sizes(shape, downsamplings)
    grid = (size, *sizes[-1])
    if config.network == "mlp":
        return nn.Sequential(
            nn.Flatten(), mlp([math.prod(shape), *_hidden(config), math.prod(grid)]), nn.Unflatten(1, grid)
        )
    layers = shrinking(shape[0], config.channels, sizes, config.network == "residual")
    return nn.Sequential(*layers, nn.Conv2d(config.channels * 2**downsamplings, size, 1))


def grid_decoder(config: LatentConfig, shape: Shape, downsamplings: int, size: int) -> nn.Module:
    """Return the mirror of ``grid_encoder``."""
    sizes = grid_sizes(shape, downsamplings)
    if config.network == "mlp":
        flat = size * math.prod(sizes[-1])
        return nn.Sequential(nn.Flatten(), mlp([flat, *_hidden(config), math.prod(shape)]), nn.Unflatten(1, shape))
    top = config.channels * 2**downsamplings
    layers = growing(shape[0], config.channels, sizes, config.network == "residual")
    return nn.Sequential(nn.Conv2d(size, top, 3, padding=1), nn.SiLU(), *layers)

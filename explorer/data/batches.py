"""A data set as one uint8 tensor on the device, and seeded batches of it."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from explorer.data.seeds import derived_seed
from explorer.messages import Pixels


def to_tensor(pixels: Pixels, device: torch.device | str = "cpu") -> Tensor:
    """Return pixels (items, height, width, channels) as a uint8 tensor (items, channels, height, width)."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).to(device)


def to_pixels(images: Tensor) -> Pixels:
    """Return a uint8 tensor (items, channels, height, width) as pixels (items, height, width, channels)."""
    pixels: Pixels = np.ascontiguousarray(images.detach().cpu().numpy().transpose(0, 2, 3, 1))
    return pixels


def to_unit(images: Tensor) -> Tensor:
    """Return bytes as float32 in [0, 1], the range of the VAE family."""
    return images.float().div_(255.0)


def to_signed(images: Tensor) -> Tensor:
    """Return bytes as float32 in [−1, 1], the range of diffusion."""
    return images.float().div_(127.5).sub_(1.0)


def steps_per_epoch(items: int, batch_size: int) -> int:
    """Return how many batches cover the items; the last one may be smaller."""
    return -(-items // batch_size)


def batches(images: Tensor, batch_size: int, seed: int, epoch: int, first: int = 0) -> Iterator[Tensor]:
    """Yield the batches of one epoch, from number ``first`` on, in an order that seed and epoch alone decide."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(derived_seed(seed, epoch))).to(
        images.device
    )
    for part in torch.split(order, batch_size)[first:]:
        yield images[part]

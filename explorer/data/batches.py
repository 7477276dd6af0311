"""A data set as one uint8 tensor on the device, and seeded batches of it."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from explorer.data.seeds import derived_seed
from explorer.messages import Split, Values


def to_tensor(values: Values, device: torch.device | str = "cpu") -> Tensor:
    """Return values (items, height, width, channels) as a tensor (items, channels, height, width) of the same type."""
    return torch.from_numpy(np.ascontiguousarray(values.transpose(0, 3, 1, 2))).to(device)


def to_unit(values: Tensor) -> Tensor:
    """Return bytes as float32 in [0, 1], the range of the VAE family; coordinates of points stay as they are."""
    return values if values.is_floating_point() else values.float().div_(255.0)


def to_signed(values: Tensor) -> Tensor:
    """Return bytes as float32 in [−1, 1], the range of diffusion; coordinates of points stay as they are."""
    return values if values.is_floating_point() else values.float().div_(127.5).sub_(1.0)


def binarized(images: Tensor, split: Split) -> Tensor:
    """Return bytes drawn black (0) or white (255), white with the probability that the grey value says.

    The draw is always the same for the images of a split: the static binarization of Larochelle & Murray 2011.
    """
    generator = torch.Generator().manual_seed(derived_seed(0, split == "test"))
    threshold = torch.rand(images.shape, generator=generator)
    return ((images.cpu() > threshold * 255).to(torch.uint8) * 255).to(images.device)


def steps_per_epoch(items: int, batch_size: int) -> int:
    """Return how many batches cover the items; the last one may be smaller."""
    return -(-items // batch_size)


def batches(
    items: int, batch_size: int, seed: int, epoch: int, first: int = 0, device: torch.device | str = "cpu"
) -> Iterator[Tensor]:
    """Yield which items are in each batch of one epoch, from batch ``first`` on; seed and epoch alone decide."""
    order = torch.randperm(items, generator=torch.Generator().manual_seed(derived_seed(seed, epoch)))
    yield from torch.split(order.to(device), batch_size)[first:]

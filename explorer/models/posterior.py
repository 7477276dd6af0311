"""Where the encoder puts a whole data set: the latent map."""

import numpy as np
import torch
from torch import Tensor

from explorer.config import LatentConfig
from explorer.data.batches import binarized, to_tensor, to_unit
from explorer.data.catalog import Dataset
from explorer.messages import LatentMap, Split, Values
from explorer.models.gaussian import kl_from_standard_normal
from explorer.models.latent import LatentModel

_MAP_ITEMS = 10_000


def as_seen(config: LatentConfig, values: Values, split: Split, device: torch.device | str = "cpu") -> Tensor:
    """Return items as a model of this configuration sees them: (items, channels, height, width) float32.

    Bytes become [0, 1]; a model of binary images gets the fixed black-and-white draw of the split.
    """
    images = to_tensor(values, device)
    if config.likelihood == "bernoulli" and config.binarization != "none" and values.dtype == np.uint8:
        images = binarized(images, split)
    return to_unit(images)


def map_split(data: Dataset) -> Split:
    """Return the split that is drawn as the latent map: test, unless it is too small to show a distribution."""
    return "test" if len(data.values) - data.train_items >= 1000 else "train"


@torch.inference_mode()
def latent_map(model: LatentModel, data: Dataset, device: torch.device) -> LatentMap:
    """Return μ(x) and the average KL per dimension over the split that is drawn as the map (10 000 items at most)."""
    split = map_split(data)
    values, labels = data.split(split)
    values, labels = values[:_MAP_ITEMS], labels[:_MAP_ITEMS]
    x, told = as_seen(model.config, values, split), torch.from_numpy(labels)
    means, total = [], torch.zeros(model.latent_size, device=device)
    for part, classes in zip(torch.split(x, 512), torch.split(told, 512), strict=True):
        mean, log_var = model.encode(part.to(device), classes.to(device))
        means.append(mean.cpu())
        total += kl_from_standard_normal(mean, log_var).sum(0)
    gaussian = bool(torch.isfinite(total).all())  # a deterministic encoder has no KL of this kind
    kl = (total / len(values)).cpu().numpy() if gaussian else np.zeros(0, np.float32)
    return LatentMap(torch.cat(means).numpy(), labels, kl, split)

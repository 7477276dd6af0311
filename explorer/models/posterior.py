"""Where the encoder puts a whole data set: the latent map."""

import numpy as np
import torch

from explorer.data.batches import to_tensor, to_unit
from explorer.data.catalog import Dataset
from explorer.messages import LatentMap, Split
from explorer.models.gaussian import kl_from_standard_normal
from explorer.models.latent import LatentModel
from explorer.models.vq_vae import VQVAE

_MAP_ITEMS = 10_000
_AT_ONCE = 512


def map_split(data: Dataset) -> Split:
    """Return the split that is drawn as the latent map: test, unless it is too small to show a distribution."""
    return "test" if len(data.values) - data.train_items >= 1000 else "train"


@torch.inference_mode()
def latent_map(model: LatentModel, data: Dataset, device: torch.device, items: int = _MAP_ITEMS) -> LatentMap:
    """Return μ(x) and the average KL per dimension over the split that is drawn as the map, its first ``items``.

    Items are encoded as they are, grey where they are grey. In a hierarchy the KL is E_q's, by one seeded draw per
    item: it depends on the levels around.
    """
    split = map_split(data)
    values, labels = data.split(split)
    values, labels = values[:items], labels[:items]
    generator = torch.Generator().manual_seed(0)
    means, total = [], torch.zeros(model.latent_size, device=device)
    gaussian = model.has_kl and not isinstance(model, VQVAE)  # a deterministic encoder has no KL of this kind
    for first in range(0, len(values), _AT_ONCE):
        x = to_unit(to_tensor(values[first : first + _AT_ONCE], device))
        told = torch.from_numpy(labels[first : first + _AT_ONCE]).to(device)
        mean, log_var = model.encode(x, told)
        means.append(mean.cpu())
        if gaussian and len(model.levels) > 1:
            total += model(x, told, torch.randn(len(x), model.latent_size, generator=generator).to(device))[1].sum(0)
        elif gaussian:
            total += kl_from_standard_normal(mean, log_var).sum(0)
    kl = (total / len(values)).cpu().numpy() if gaussian else np.zeros(0, np.float32)
    return LatentMap(torch.cat(means).numpy(), labels, kl, split)

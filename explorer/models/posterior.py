"""Where the encoder puts a whole data set: the latent map."""

import numpy as np
import torch

from explorer.data.batches import to_tensor, to_unit
from explorer.data.catalog import Dataset
from explorer.messages import LatentMap, Split
from explorer.models.latent import LatentModel
from explorer.models.vq_vae import VQVAE

_MAP_ITEMS = 10_000
_AT_ONCE = 512


def map_split(data: Dataset) -> Split:
    """Return the split that is drawn as the latent map: test, unless it is too small to show a distribution."""
    return "test" if len(data.values) - data.train_items >= 1000 else "train"


@torch.inference_mode()
def latent_map(model: LatentModel, data: Dataset, device: torch.device) -> LatentMap:
    """Return μ(x) and the average KL per dimension over the split that is drawn as the map (10 000 items at most).

    Items are encoded as they are, grey where they are grey. The KL is E_q's, by one seeded draw per item: in a
    hierarchy it depends on the levels around.
    """
    split = map_split(data)
    values, labels = data.split(split)
    values, labels = values[:_MAP_ITEMS], labels[:_MAP_ITEMS]
    generator = torch.Generator().manual_seed(0)
    means, total = [], torch.zeros(model.latent_size, device=device)
    gaussian = model.has_kl and not isinstance(model, VQVAE)  # a deterministic encoder has no KL of this kind
    for first in range(0, len(values), _AT_ONCE):
        x = to_unit(to_tensor(values[first : first + _AT_ONCE], device))
        told = torch.from_numpy(labels[first : first + _AT_ONCE]).to(device)
        means.append(model.encode(x, told)[0].cpu())
        if gaussian:
            total += model(x, told, torch.randn(len(x), model.latent_size, generator=generator).to(device))[1].sum(0)
    kl = (total / len(values)).cpu().numpy() if gaussian else np.zeros(0, np.float32)
    return LatentMap(torch.cat(means).numpy(), labels, kl, split)

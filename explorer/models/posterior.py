"""Where the encoder puts a whole data set: the latent map."""

import torch

from explorer.data.batches import to_tensor, to_unit
from explorer.data.catalog import Dataset
from explorer.messages import LatentMap, Split
from explorer.models.vae import VAE

_MAP_ITEMS = 10_000


def map_split(data: Dataset) -> Split:
    """Return the split that is drawn as the latent map: test, unless it is too small to show a distribution."""
    return "test" if len(data.pixels) - data.train_items >= 1000 else "train"


@torch.inference_mode()
def latent_map(model: VAE, data: Dataset, device: torch.device) -> LatentMap:
    """Return μ(x) and the average KL per dimension over the split that is drawn as the map (10 000 items at most)."""
    split = map_split(data)
    pixels, labels = data.split(split)
    pixels, labels = pixels[:_MAP_ITEMS], labels[:_MAP_ITEMS]
    means, total = [], torch.zeros(model.latent_size, device=device)
    for batch in torch.split(to_tensor(pixels), 512):
        mean, kl = model.posterior(to_unit(batch.to(device)))
        means.append(mean.cpu())
        total += kl.sum(0)
    return LatentMap(torch.cat(means).numpy(), labels, (total / len(pixels)).cpu().numpy(), split)

"""From a configuration to a network."""

import torch

from explorer.config import RunConfig, VaeConfig
from explorer.errors import ConfigError
from explorer.models.diffusion import Diffusion, build_schedule
from explorer.models.unet import UNet
from explorer.models.vae import VAE

Model = VAE | Diffusion
LARGEST = 500_000_000


def build(config: RunConfig, shape: tuple[int, int, int]) -> Model:
    """Return a freshly initialized network for items of ``shape`` (channels, height, width).

    Weights are drawn from torch's global generator; on the "meta" device no memory is taken.
    """
    model = config.model
    if isinstance(model, VaeConfig):
        return VAE(model, shape)
    return Diffusion(UNet(model, shape), build_schedule(model), shape)


def check_size(config: RunConfig, shape: tuple[int, int, int]) -> Model:
    """Return the network on the "meta" device, without memory; ConfigError if it has more weights than we handle."""
    with torch.device("meta"):
        model = build(config, shape)
    count = sum(tensor.numel() for tensor in model.state_dict().values())
    if count > LARGEST:
        raise ConfigError(f"these settings ask for {count:,} weights; the most is {LARGEST:,}: choose smaller layers")
    return model


def parameter_count(model: Model) -> int:
    """Return the number of trained numbers."""
    return sum(parameter.numel() for parameter in model.parameters())

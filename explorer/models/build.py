"""From a configuration to a network."""

import math

import torch

from explorer.config import (
    AutoencoderConfig,
    ConditionalConfig,
    DdpmConfig,
    HierarchicalConfig,
    RunConfig,
    VaeConfig,
    VqConfig,
)
from explorer.data.catalog import CATALOG
from explorer.errors import ConfigError
from explorer.models.autoencoder import Autoencoder
from explorer.models.diffusion import Diffusion, PointNetwork, build_schedule
from explorer.models.hierarchical_vae import HierarchicalVAE
from explorer.models.latent import LatentModel
from explorer.models.networks import grid_sizes
from explorer.models.unet import UNet
from explorer.models.vae import VAE, ConditionalVAE
from explorer.models.vq_vae import VQVAE

Model = LatentModel | Diffusion
LARGEST = 500_000_000
MOST_PLACES = 1024


def build(config: RunConfig) -> Model:
    """Return a freshly initialized network for the items of the run's data set.

    Weights are drawn from torch's global generator; on the "meta" device no memory is taken.
    """
    model, entry = config.model, CATALOG[config.data.name]
    shape = entry.shape
    if isinstance(model, DdpmConfig):
        network = UNet(model, shape) if model.network == "unet" else PointNetwork(model, shape)
        return Diffusion(network, build_schedule(model), shape)
    if isinstance(model, VaeConfig):
        return VAE(model, shape)
    if isinstance(model, AutoencoderConfig):
        return Autoencoder(model, shape)
    if isinstance(model, ConditionalConfig):
        return ConditionalVAE(model, shape, entry.classes)
    if isinstance(model, HierarchicalConfig):
        return HierarchicalVAE(model, shape)
    return VQVAE(model, shape)


def check_fit(config: RunConfig) -> None:
    """Raise ConfigError where model and data set cannot go together, with the remedy."""
    model, entry = config.model, CATALOG[config.data.name]
    points = entry.kind == "points"
    if isinstance(model, ConditionalConfig) and entry.classes < 1:
        raise ConfigError(f"{config.data.name} has no classes, which a conditional VAE needs; choose another data set")
    if isinstance(model, DdpmConfig):
        if points and model.network == "unet":
            raise ConfigError(f"{config.data.name} are points, which a U-Net cannot hold; set model.network=mlp")
        return
    if isinstance(model, VqConfig):
        places = math.prod(grid_sizes(entry.shape, model.downsamplings)[-1])
        if places > MOST_PLACES:
            raise ConfigError(
                f"that is a grid of {places} codes, the most is {MOST_PLACES}; set model.downsamplings higher"
            )
    mend = ["model.likelihood=gaussian"] if model.likelihood == "bernoulli" else []
    mend += ["model.network=mlp"] if model.network in {"convolutional", "residual"} else []
    if points and mend:
        raise ConfigError(f"{config.data.name} are points, not pictures in [0, 1]; set {' and '.join(mend)}")


def check_size(config: RunConfig) -> Model:
    """Return the network on the "meta" device, without memory; ConfigError if it has more weights than we handle."""
    check_fit(config)
    with torch.device("meta"):
        model = build(config)
    count = sum(tensor.numel() for tensor in model.state_dict().values())
    if count > LARGEST:
        raise ConfigError(f"these settings ask for {count:,} weights; the most is {LARGEST:,}: choose smaller layers")
    return model


def parameter_count(model: Model) -> int:
    """Return the number of trained numbers."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def effective_beta(config: RunConfig) -> float:
    """Return β itself, also where it is given as β_norm = β·K/D (Higgins et al. 2017, §4.2); 1 without a KL term."""
    model = config.model
    beta: float = getattr(model, "beta", 1.0)
    if getattr(model, "beta_is", "beta") == "beta_norm":
        latents = sum(model.latent_sizes) if isinstance(model, HierarchicalConfig) else getattr(model, "latent_size", 1)
        return beta * math.prod(CATALOG[config.data.name].shape) / latents
    return beta

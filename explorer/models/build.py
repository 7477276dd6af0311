"""From a configuration to a network."""

import torch

from explorer.config import (
    AutoencoderConfig,
    ConditionalConfig,
    DatasetName,
    DdpmConfig,
    DiffusionConfig,
    HierarchicalConfig,
    ImportedConfig,
    RunConfig,
    VaeConfig,
)
from explorer.data.catalog import CATALOG
from explorer.errors import ConfigError
from explorer.fit import of_model
from explorer.models.autoencoder import Autoencoder
from explorer.models.diffusion import Diffusion, PointNetwork, build_process
from explorer.models.hierarchical_vae import HierarchicalVAE
from explorer.models.imported import build_imported, item_shape
from explorer.models.latent import LatentModel
from explorer.models.schedules import build_schedule
from explorer.models.unet import UNet
from explorer.models.vae import VAE, ConditionalVAE
from explorer.models.vq_vae import VQVAE

Model = LatentModel | Diffusion
LARGEST = 500_000_000


def build(config: RunConfig) -> Model:
    """Return a freshly initialized network for the items of the run's data set; an imported one has its own shape.

    Weights are drawn from torch's global generator; on the "meta" device no memory is taken.
    """
    model, entry = config.model, CATALOG[config.data.name]
    shape = entry.shape
    if isinstance(model, DiffusionConfig):
        return _build_diffusion(model, config.data.name)
    if isinstance(model, VaeConfig):
        return VAE(model, shape)
    if isinstance(model, AutoencoderConfig):
        return Autoencoder(model, shape)
    if isinstance(model, ConditionalConfig):
        return ConditionalVAE(model, shape, entry.classes)
    if isinstance(model, HierarchicalConfig):
        return HierarchicalVAE(model, shape)
    return VQVAE(model, shape)


def _build_diffusion(model: DiffusionConfig, data: DatasetName) -> Diffusion:
    if isinstance(model, ImportedConfig):
        return build_imported(model)
    shape, classes = CATALOG[data].shape, CATALOG[data].classes if model.told == "class" else 0
    network = (UNet if model.network == "unet" else PointNetwork)(model, shape, classes)
    return build_process(model, network, shape, classes)


def check_fit(config: RunConfig) -> None:
    """Raise ConfigError where model and data set cannot go together, with the remedy."""
    if isinstance(config.model, ImportedConfig):
        _check_imported(config.model, config.data.name)
        return
    for misfit in of_model(config):
        raise ConfigError(misfit.text)
    if isinstance(config.model, DdpmConfig):
        build_schedule(config.model)


def _check_imported(model: ImportedConfig, data: DatasetName) -> None:
    shape, entry = item_shape(model), CATALOG[data]
    if model.told != "nothing":
        raise ConfigError(f"model.told = {model.told}: imported models are told no class; import the model again")
    if entry.kind != "none" and entry.shape != shape:
        sizes = ["×".join(map(str, size)) for size in (shape, entry.shape)]
        raise ConfigError(f"the model makes pictures of {sizes[0]}, and {data} has {sizes[1]}; leave the data set out")


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

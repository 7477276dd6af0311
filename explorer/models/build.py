"""From a configuration to a network."""

from explorer.config import RunConfig, VaeConfig
from explorer.models.diffusion import Diffusion, build_schedule
from explorer.models.unet import UNet
from explorer.models.vae import VAE

Model = VAE | Diffusion


def build(config: RunConfig, shape: tuple[int, int, int]) -> Model:
    """Return a freshly initialized network for items of ``shape`` (channels, height, width).

    Weights are drawn from torch's global generator; on the "meta" device no memory is taken.
    """
    model = config.model
    if isinstance(model, VaeConfig):
        return VAE(model, shape)
    return Diffusion(UNet(model, shape), build_schedule(model), shape)


def parameter_count(model: Model) -> int:
    """Return the number of trained numbers."""
    return sum(parameter.numel() for parameter in model.parameters())

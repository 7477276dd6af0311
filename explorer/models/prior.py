"""Samples from the prior of any model with a latent space."""

import torch
from torch import Tensor

from explorer.models.diffusion import Diffusion
from explorer.models.latent import LatentModel
from explorer.models.noise import NoiseSource
from explorer.models.vq_vae import VQVAE


def prior_labels(
    model: LatentModel | Diffusion, count: int, device: torch.device, label: int | None = None
) -> Tensor | None:
    """Return the classes of ``count`` samples: ``label`` for all, else each class in turn; None without classes."""
    if model.classes < 1:
        return None
    classes = torch.arange(count, device=device) % model.classes
    return classes if label is None else torch.full_like(classes, label)


def prior_pictures(model: LatentModel, noise: NoiseSource, device: torch.device, label: int | None = None) -> Tensor:
    """Return E[x|z], one for each of the noise's items, for z ~ p(z); a VQ-VAE draws codes from its prior.

    An autoencoder has no prior: its z is drawn from a Gaussian with the mean and variance of the data's codes.

    Args:
        model: the model, settled.
        noise: the same item of the same seed gives the same picture, on every device up to rounding.
        device: where the model is.
        label: the class of all pictures of a conditional model; by default they go through the classes in turn.
    """
    if isinstance(model, VQVAE):
        return model.sample(torch.special.ndtr(noise.draw((model.places,))).to(device))
    z = noise.draw((model.latent_size,), device)
    return model.picture(z, prior_labels(model, len(z), device, label))

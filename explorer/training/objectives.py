"""What each family minimizes, with every term kept apart for the curves."""

from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.data.batches import to_signed, to_unit
from explorer.models.build import Model
from explorer.models.diffusion import Diffusion
from explorer.models.gaussian import kl_from_standard_normal
from explorer.models.vae import VAE


@dataclass(frozen=True)
class Terms:
    """One batch: ``loss`` (scalar) is minimized; ``totals`` are detached sums over the batch, one per ``names``."""

    loss: Tensor
    names: tuple[str, ...]
    totals: Tensor
    kl_per_dimension: Tensor | None


VAE_TERMS = ("elbo", "reconstruction", "kl", "objective")
DDPM_TERMS = ("loss",)


def vae_terms(model: VAE, images: Tensor, generator: torch.Generator) -> Terms:
    """Return the β-VAE objective −E_q[ln p(x|z)] + β·KL, one sample of z per image, with its terms in nats.

    Higgins et al. 2017; ``elbo`` is the true bound (β = 1) whatever β is.

    Args:
        model: the VAE.
        images: bytes, shape (batch, channels, height, width).
        generator: source of ε, on the device of the images.
    """
    noise = torch.randn(len(images), model.latent_size, generator=generator, device=images.device)
    log_likelihood, mean, log_var = model(to_unit(images), noise)
    kl = kl_from_standard_normal(mean, log_var)
    reconstruction, divergence = log_likelihood.sum(), kl.sum()
    objective = model.config.beta * divergence - reconstruction
    with torch.no_grad():
        totals = torch.stack([reconstruction - divergence, reconstruction, divergence, objective])
        per_dimension = kl.sum(0)
    return Terms(objective / len(images), VAE_TERMS, totals, per_dimension)


def ddpm_terms(model: Diffusion, alpha_bar: Tensor, images: Tensor, generator: torch.Generator) -> Terms:
    """Return the simple loss ‖ε − ε̂‖² averaged over values, t ~ U{1..T}; Ho et al. 2020, eq. 14.

    Args:
        model: predicts ε.
        alpha_bar: ᾱ on the device of the images, shape (T + 1,).
        images: bytes, shape (batch, channels, height, width).
        generator: source of t and ε, on the device of the images.
    """
    t = torch.randint(1, len(alpha_bar), (len(images),), generator=generator, device=images.device)
    noise = torch.randn(images.shape, generator=generator, device=images.device)
    errors = model.simple_loss(to_signed(images), t, noise, alpha_bar)
    return Terms(errors.mean(), DDPM_TERMS, errors.detach().sum()[None], None)


def terms(model: Model, alpha_bar: Tensor | None, images: Tensor, generator: torch.Generator) -> Terms:
    """Return the terms of one batch for whichever family ``model`` is; ``alpha_bar`` is needed for diffusion only."""
    if isinstance(model, VAE):
        return vae_terms(model, images, generator)
    assert alpha_bar is not None
    return ddpm_terms(model, alpha_bar, images, generator)

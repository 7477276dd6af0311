"""What each family minimizes, with every term kept apart for the curves."""

import math
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
    """One batch: ``loss`` (scalar) is minimized; the rest are detached sums over the batch.

    ``log_likelihood`` and ``kl_per_dimension`` (latent,) for a VAE, ``squared_error`` for a DDPM.
    """

    loss: Tensor
    log_likelihood: Tensor | None = None
    kl_per_dimension: Tensor | None = None
    squared_error: Tensor | None = None


def vae_terms(model: VAE, images: Tensor, generator: torch.Generator) -> Terms:
    """Return the β-VAE objective −E_q[ln p(x|z)] + β·KL, one sample of z per image, with its terms in nats.

    Higgins et al. 2017.

    Args:
        model: the VAE.
        images: bytes, shape (batch, channels, height, width).
        generator: source of ε, on the device of the images.
    """
    noise = torch.randn(len(images), model.latent_size, generator=generator, device=images.device)
    log_likelihoods, mean, log_var = model(to_unit(images), noise)
    log_likelihood = log_likelihoods.sum()
    kl = kl_from_standard_normal(mean, log_var).sum(0)
    loss = (model.config.beta * kl.sum() - log_likelihood) / len(images)
    return Terms(loss, log_likelihood=log_likelihood.detach(), kl_per_dimension=kl.detach())


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
    return Terms(errors.mean(), squared_error=errors.detach().sum())


def terms(model: Model, alpha_bar: Tensor | None, images: Tensor, generator: torch.Generator) -> Terms:
    """Return the terms of one batch for whichever family ``model`` is; ``alpha_bar`` is needed for diffusion only."""
    if isinstance(model, VAE):
        return vae_terms(model, images, generator)
    assert alpha_bar is not None
    return ddpm_terms(model, alpha_bar, images, generator)


class Average:
    """Collects the terms of batches and gives their averages per image; adding costs no arithmetic."""

    def __init__(self) -> None:
        self.items = 0
        self._likelihoods: list[Tensor] = []
        self._kls: list[Tensor] = []
        self._errors: list[Tensor] = []

    def add(self, part: Terms, items: int) -> None:
        """Take note of a batch."""
        if part.squared_error is not None:
            self._errors.append(part.squared_error)
        elif part.log_likelihood is not None and part.kl_per_dimension is not None:
            self._likelihoods.append(part.log_likelihood)
            self._kls.append(part.kl_per_dimension)
        self.items += items

    def values(self, beta: float) -> tuple[dict[str, float], tuple[float, ...]]:
        """Return the named averages as ``messages.Measurement`` defines them, and the KL per dimension in nats."""
        if self._errors:
            return {"loss": float(torch.stack(self._errors).sum()) / self.items}, ()
        reconstruction = float(torch.stack(self._likelihoods).sum()) / self.items
        per_dimension = tuple((torch.stack(self._kls).sum(0) / self.items).tolist())
        kl = math.fsum(per_dimension)
        named = {
            "elbo": reconstruction - kl,
            "reconstruction": reconstruction,
            "kl": kl,
            "objective": beta * kl - reconstruction,
        }
        return named, per_dimension

"""What each family minimizes, with every term kept apart for the curves."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from explorer.config import DdpmConfig, ModelConfig
from explorer.data.batches import to_signed, to_unit
from explorer.models.autoencoder import Autoencoder
from explorer.models.bound import training_losses
from explorer.models.build import Model
from explorer.models.codebook import perplexity
from explorer.models.diffusion import Diffusion
from explorer.models.latent import LatentModel
from explorer.models.vq_vae import VQVAE


@dataclass(frozen=True)
class Pressure:
    """How the KL is weighted at a step: the objective is −E_q[ln p(x|z)] + beta·KL, or beta·|KL − capacity|."""

    beta: float = 1.0
    capacity: float | None = None


@dataclass(frozen=True)
class Terms:
    """One batch: ``loss`` (scalar, per item) is minimized; the rest are detached sums over the batch.

    ``sums`` are named as ``messages.Measurement`` names their averages. ``kl_per_dimension`` (latent,) are nats,
    ``usage`` (codes,) counts the codes of a VQ-VAE.
    """

    loss: Tensor
    sums: Mapping[str, Tensor] = field(default_factory=dict)
    kl_per_dimension: Tensor | None = None
    usage: Tensor | None = None


def _seen(model: LatentModel, values: Tensor, generator: torch.Generator) -> Tensor:
    """Return x as the model sees it: in [0, 1], and drawn black or white anew where binarization is dynamic."""
    x = to_unit(values)
    dynamic = model.config.binarization == "dynamic" and model.likelihood.bernoulli
    return torch.bernoulli(x, generator=generator) if dynamic else x


def vae_terms(
    model: LatentModel, values: Tensor, labels: Tensor | None, generator: torch.Generator, pressure: Pressure
) -> Terms:
    """Return the β-VAE objective −E_q[ln p(x|z)] + β·KL with its terms in nats; Higgins et al. 2017.

    With a capacity C it is −E_q[ln p(x|z)] + β·|KL − C|, the KL averaged over the batch; Burgess et al. 2018.

    Args:
        model: a VAE, conditional or hierarchical VAE; its ``config.samples`` is M, the samples of z per item.
        values: bytes or coordinates, shape (batch, channels, height, width).
        labels: classes (batch,), for a conditional model.
        generator: source of ε, on the device of the values.
        pressure: β and C now.
    """
    x = _seen(model, values, generator)
    samples = model.config.samples  # type: ignore[union-attr]  # the families with a KL term have it
    noise = torch.randn(samples * len(x), model.latent_size, generator=generator, device=x.device)
    log_likelihoods, kls = model(x, labels, noise)
    log_likelihood, kl = log_likelihoods.sum(), kls.sum(0)
    if samples > 1:
        log_likelihood, kl = log_likelihood / samples, kl / samples
    if pressure.capacity is None:
        loss = (pressure.beta * kl.sum() - log_likelihood) / len(x)
    else:
        loss = pressure.beta * (kl.sum() / len(x) - pressure.capacity).abs() - log_likelihood / len(x)
    return Terms(loss, {"reconstruction": log_likelihood.detach()}, kl.detach())


def autoencoder_terms(model: Autoencoder, values: Tensor, generator: torch.Generator) -> Terms:
    """Return −ln p(x|code(x)) in nats; arguments as in ``vae_terms``."""
    log_likelihood = model.reconstruct(_seen(model, values, generator)).sum()
    return Terms(-log_likelihood / len(values), {"reconstruction": log_likelihood.detach()})


def vq_terms(model: VQVAE, values: Tensor, generator: torch.Generator) -> Terms:
    """Return −ln p(x|z_q) + β‖z_e − sg[e]‖² (+ ‖sg[z_e] − e‖² without averages) − ln p(k); van den Oord et al. 2017.

    Equation 3, summed over the grid, in nats; arguments as in ``vae_terms``. The codes' prior learns beside the model
    from codes that are given to it: its term −ln p(k) moves no other weight.
    """
    found = model.quantize(_seen(model, values, generator))
    loss = model.commitment * found.commitment.sum() - found.log_likelihood.sum() + found.code_nats.sum()
    if not model.by_average:
        loss = loss + found.codebook_loss.sum()
    return Terms(
        loss / len(values),
        {"reconstruction": found.log_likelihood.detach().sum(), "commitment": found.commitment.detach().sum()},
        found.code_nats.detach().sum(0),
        torch.bincount(found.codes.flatten(), minlength=len(model.codebook.uses)),
    )


def ddpm_terms(
    model: Diffusion, values: Tensor, labels: Tensor | None, generator: torch.Generator, settings: DdpmConfig
) -> Terms:
    """Return the loss of a diffusion model at t ~ U{1..T}: see ``bound.training_losses``.

    In training the class of a share of the items is hidden, so that the model learns both answers that guidance mixes.

    Args:
        model: the network and its process.
        values: bytes or coordinates, shape (batch, channels, height, width).
        labels: classes (batch,), or None.
        generator: source of t, ε and of which classes are hidden, on the device of the values.
        settings: which loss, and how many classes are hidden.
    """
    device = values.device
    t = torch.randint(1, model.schedule.timesteps + 1, (len(values),), generator=generator, device=device)
    noise = torch.randn(values.shape, generator=generator, device=device)
    if labels is not None and model.training and settings.class_dropout > 0:
        hidden = torch.rand(len(values), generator=generator, device=device) < settings.class_dropout
        labels = labels.masked_fill(hidden, model.classes)
    losses, errors = training_losses(model, to_signed(values), t, noise, labels, settings.loss == "bound")
    sums = {"loss": errors.detach().sum()}
    if losses is not errors:
        sums["objective"] = losses.detach().sum()
    return Terms(losses.mean(), sums)


def terms(
    model: Model,
    values: Tensor,
    labels: Tensor | None,
    generator: torch.Generator,
    pressure: Pressure,
    settings: ModelConfig,
) -> Terms:
    """Return the terms of one batch for whichever family ``model`` is."""
    if isinstance(model, Diffusion):
        assert isinstance(settings, DdpmConfig)
        return ddpm_terms(model, values, labels, generator, settings)
    if isinstance(model, VQVAE):
        return vq_terms(model, values, generator)
    if isinstance(model, Autoencoder):
        return autoencoder_terms(model, values, generator)
    return vae_terms(model, values, labels, generator, pressure)


class Average:
    """Collects the terms of batches and gives their averages per item; adding costs no arithmetic.

    Only detached numbers are kept: a loss would hold the whole graph of its step in memory.
    """

    def __init__(self) -> None:
        self.items = 0
        self._sums: dict[str, list[Tensor]] = {}
        self._losses: list[tuple[Tensor, int]] = []
        self._kls: list[Tensor] = []
        self._usage: list[Tensor] = []

    def add(self, part: Terms, items: int) -> None:
        """Take note of a batch."""
        for name, value in part.sums.items():
            self._sums.setdefault(name, []).append(value)
        self._losses.append((part.loss.detach(), items))
        if part.kl_per_dimension is not None:
            self._kls.append(part.kl_per_dimension)
        if part.usage is not None:
            self._usage.append(part.usage)
        self.items += items

    def values(self) -> tuple[dict[str, float], tuple[float, ...]]:
        """Return the named averages as ``messages.Measurement`` defines them, and the KL per dimension in nats."""
        named = {name: float(torch.stack(values).sum()) / self.items for name, values in self._sums.items()}
        if "loss" in named:
            return named, ()
        losses = torch.stack([loss for loss, _ in self._losses]).tolist()
        weighted = zip(losses, self._losses, strict=True)
        named["objective"] = math.fsum(loss * items for loss, (_, items) in weighted) / self.items
        if not self._kls:
            return named, ()
        per_dimension = tuple((torch.stack(self._kls).sum(0) / self.items).tolist())
        kl = math.fsum(per_dimension)
        named = {"elbo": named["reconstruction"] - kl, "kl": kl, **named}
        if self._usage:
            named["perplexity"] = float(perplexity(torch.stack(self._usage).sum(0)))
        return named, per_dimension

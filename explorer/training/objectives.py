"""What each family minimizes, with every term kept apart for the curves."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

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
from explorer.training.draws import Draws


@dataclass(frozen=True)
class Pressure:
    """How the KL is weighted at a step: the objective is −E_q[ln p(x|z)] + beta·KL, or beta·|KL − capacity|."""

    beta: float = 1.0
    capacity: float | None = None


@dataclass(frozen=True)
class Terms:
    """One batch, or a process's part of it: ``loss`` (scalar, per item) is minimized; the rest are detached sums.

    ``sums`` are named as ``messages.Measurement`` names their averages. ``kl_per_dimension`` (latent,) are nats,
    ``usage`` (codes,) counts the codes of a VQ-VAE.
    """

    loss: Tensor
    sums: Mapping[str, Tensor] = field(default_factory=dict)
    kl_per_dimension: Tensor | None = None
    usage: Tensor | None = None

    def part(self, items: int, of: int) -> "Terms":
        """Return the terms of so many items as a part of those of a batch: parts of a batch add up to its terms.

        With 0 items they are zeros: then they were made of an item that belongs to another part.
        """
        if items:
            return replace(self, loss=self.loss * (items / of))
        return Terms(
            self.loss * 0,
            {name: value * 0 for name, value in self.sums.items()},
            None if self.kl_per_dimension is None else self.kl_per_dimension * 0,
            None if self.usage is None else self.usage * 0,
        )


def _seen(model: LatentModel, values: Tensor, draws: Draws) -> Tensor:
    """Return x as the model sees it: in [0, 1], and drawn black or white anew where binarization is dynamic."""
    x = to_unit(values)
    dynamic = model.config.binarization == "dynamic" and model.likelihood.bernoulli
    return (draws.uniform(*x.shape) < x).to(x) if dynamic else x


def vae_terms(model: LatentModel, values: Tensor, labels: Tensor | None, draws: Draws, pressure: Pressure) -> Terms:
    """Return the β-VAE objective −E_q[ln p(x|z)] + β·KL with its terms in nats; Higgins et al. 2017.

    With a capacity C it is −E_q[ln p(x|z)] + β·|KL − C|, the KL averaged over the batch; Burgess et al. 2018.

    Args:
        model: a VAE, conditional or hierarchical VAE; its ``config.samples`` is M, the samples of z per item.
        values: bytes or coordinates, shape (batch, channels, height, width).
        labels: classes (batch,), for a conditional model.
        draws: source of ε.
        pressure: β and C now.
    """
    x = _seen(model, values, draws)
    samples = model.config.samples  # type: ignore[union-attr]  # the families with a KL term have it
    noise = draws.normal(len(x), model.latent_size, times=samples)
    log_likelihoods, kls = model(x, labels, noise)
    log_likelihood, kl = log_likelihoods.sum(), kls.sum(0)
    if samples > 1:
        log_likelihood, kl = log_likelihood / samples, kl / samples
    if pressure.capacity is None:
        loss = (pressure.beta * kl.sum() - log_likelihood) / len(x)
    else:
        surplus = kl.sum() - pressure.capacity * len(x)
        side = draws.total(surplus.detach()).sign()  # |KL − C| is of the whole batch, not of each process's part
        loss = (pressure.beta * side * surplus - log_likelihood) / len(x)
    return Terms(loss, {"reconstruction": log_likelihood.detach()}, kl.detach())


def autoencoder_terms(model: Autoencoder, values: Tensor, draws: Draws) -> Terms:
    """Return −ln p(x|code(x)) in nats; arguments as in ``vae_terms``."""
    log_likelihood = model.reconstruct(_seen(model, values, draws)).sum()
    return Terms(-log_likelihood / len(values), {"reconstruction": log_likelihood.detach()})


def vq_terms(model: VQVAE, values: Tensor, draws: Draws) -> Terms:
    """Return −ln p(x|z_q) + β‖z_e − sg[e]‖² (+ ‖sg[z_e] − e‖² without averages) − ln p(k); van den Oord et al. 2017.

    Equation 3, summed over the grid, in nats; arguments as in ``vae_terms``. The codes' prior learns beside the model
    from codes that are given to it: its term −ln p(k) moves no other weight. In training the codebook's averages move,
    too.
    """
    found = model.quantize(_seen(model, values, draws))
    if model.training:
        seeds = draws.places(len(values), model.places, len(model.codebook.uses))
        model.codebook.update(draws.total(model.codebook.statistics(found.z_e, found.codes.flatten(), seeds)))
    loss = model.commitment * found.commitment.sum() - found.log_likelihood.sum() + found.code_nats.sum()
    if not model.by_average:
        loss = loss + found.codebook_loss.sum()
    return Terms(
        loss / len(values),
        {"reconstruction": found.log_likelihood.detach().sum(), "commitment": found.commitment.detach().sum()},
        found.code_nats.detach().sum(0),
        torch.bincount(found.codes.flatten(), minlength=len(model.codebook.uses)),
    )


def ddpm_terms(model: Diffusion, values: Tensor, labels: Tensor | None, draws: Draws, settings: DdpmConfig) -> Terms:
    """Return the loss of a diffusion model at t ~ U{1..T}: see ``bound.training_losses``.

    In training the class of a share of the items is hidden, so that the model learns both answers that guidance mixes.

    Args:
        model: the network and its process.
        values: bytes or coordinates, shape (batch, channels, height, width).
        labels: classes (batch,), or None.
        draws: source of t, ε and of which classes are hidden.
        settings: which loss, and how many classes are hidden.
    """
    t = draws.whole(len(values), 1, model.schedule.timesteps + 1)
    noise = draws.normal(*values.shape)
    if labels is not None and model.training and settings.class_dropout > 0:
        hidden = draws.uniform(len(values)) < settings.class_dropout
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
    draws: Draws,
    pressure: Pressure,
    settings: ModelConfig,
) -> Terms:
    """Return the terms of one batch for whichever family ``model`` is."""
    if isinstance(model, Diffusion):
        assert isinstance(settings, DdpmConfig)
        return ddpm_terms(model, values, labels, draws, settings)
    if isinstance(model, VQVAE):
        return vq_terms(model, values, draws)
    if isinstance(model, Autoencoder):
        return autoencoder_terms(model, values, draws)
    return vae_terms(model, values, labels, draws, pressure)


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
        """Take note of a batch of so many items, or of this process's part of it."""
        for name, value in part.sums.items():
            self._sums.setdefault(name, []).append(value)
        self._losses.append((part.loss.detach(), items))
        if part.kl_per_dimension is not None:
            self._kls.append(part.kl_per_dimension)
        if part.usage is not None:
            self._usage.append(part.usage)
        self.items += items

    def sum_over(self, summed: Callable[[Tensor], Tensor]) -> None:
        """Make one average of those that several processes took of their parts of the same batches.

        Args:
            summed: returns the sum of a vector over all processes, which call it at the same time.
        """
        losses = [loss.double() * items for loss, items in self._losses]
        scalars = [torch.stack(values).double().sum() for values in self._sums.values()]
        pieces = [torch.stack([torch.stack(losses).sum(), *scalars])]
        pieces += [torch.stack(parts).sum(0).double() for parts in (self._kls, self._usage) if parts]
        whole = list(torch.split(summed(torch.cat(pieces)), [len(piece) for piece in pieces]))
        loss, *sums = whole.pop(0)
        self._losses = [(loss / self.items, self.items)]
        self._sums = {name: [value] for name, value in zip(self._sums, sums, strict=True)}
        if self._kls:
            self._kls = [whole.pop(0)]
        if self._usage:
            self._usage = [whole.pop(0)]

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

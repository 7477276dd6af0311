"""What a model is worth on data it did not see: bounds and estimates of ln p(x) in nats, with their errors."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.data.batches import binarized, to_tensor, to_unit
from explorer.data.seeds import derived_seed
from explorer.errors import RunError
from explorer.figures import Evaluation, Figure
from explorer.inference.diffusion_evaluation import evaluate_diffusion
from explorer.inference.disentanglement import mutual_information_gap, varying
from explorer.inference.plan import Collected, Plan, check, figure, first_of
from explorer.inference.session import ModelSession
from explorer.messages import Step
from explorer.models import devices
from explorer.models.autoencoder import Autoencoder
from explorer.models.codebook import perplexity
from explorer.models.diffusion import Diffusion
from explorer.models.latent import LatentModel
from explorer.models.vq_vae import VQVAE

_BATCH = 100
_VALUES = 4_000_000  # decoded at once
_PRIOR_SAMPLES = 10_000
_ACTIVE_VARIANCE = 0.01
_SSIM_WINDOW = 7
_PURPOSES = {"binarization": 1, "elbo": 2, "iwae": 3, "prior": 4}  # each draw has seeds of its own


def evaluate(
    session: ModelSession, plan: Plan, should_stop: Callable[[], bool] = lambda: False
) -> Iterator[Step | Evaluation]:
    """Yield a ``Step`` after every batch and the ``Evaluation`` last; stopped, it ends without one.

    All noise comes from generators seeded by the plan's seed, on the CPU: the same seed gives the same numbers.

    Raises:
        RunError, DataError: as ``check``, before anything is computed.
    """
    data = check(session, plan)
    if isinstance(session.model, Diffusion):
        yield from evaluate_diffusion(session, plan, data, should_stop)
        return
    model, device = session.latent_model(), session.device
    values, labels = (first_of(items, plan) for items in data.split(plan.split))
    factors = first_of(data.factors_of(plan.split), plan)
    images = to_tensor(values)
    fixed = binarized(to_tensor(data.split(plan.split)[0]), plan.split) if _drawn(model) == "static" else images
    found = Collected()
    usage = torch.zeros(len(model.codebook.uses)) if isinstance(model, VQVAE) else None
    with devices.lock(device):
        prior = _prior_outputs(model, plan, device)
    total = -(-len(values) // _BATCH)
    for number in range(total):
        if should_stop():
            return
        part = slice(number * _BATCH, (number + 1) * _BATCH)
        grey = to_unit(images[part].to(device))
        told = torch.from_numpy(labels[part]).to(device) if model.classes else None
        with torch.inference_mode(), devices.lock(device):
            x = to_unit(fixed[part].to(device)) if _drawn(model) == "static" else _as_trained(model, grey, plan, number)
            _measure(model, x, grey, told, plan, number, found)
            if prior and model.has_kl:
                found.add(prior=_prior_estimate(model, x, told, prior))
            if isinstance(model, VQVAE) and usage is not None:
                usage += torch.bincount(model.codes(x).flatten().cpu(), minlength=len(usage))
        yield Step(number + 1, total)
    yield _summary(session, plan, found, usage, factors if data.factor_names else None, _binary(model, values))


def _generator(plan: Plan, purpose: str, number: int) -> torch.Generator:
    return torch.Generator().manual_seed(derived_seed(plan.seed, _PURPOSES[purpose], number))


def _as_trained(model: LatentModel, grey: Tensor, plan: Plan, number: int) -> Tensor:
    """Return x as the model was trained on: drawn black or white anew where it was."""
    if _drawn(model) != "dynamic":
        return grey
    return (torch.rand(grey.shape, generator=_generator(plan, "binarization", number)).to(grey) < grey).to(grey)


def _drawn(model: LatentModel) -> str:
    """Return how the model's images were binarized: "none", "static" or "dynamic"."""
    return model.config.binarization if model.config.likelihood == "bernoulli" else "none"


def _binary(model: LatentModel, values: NDArray[np.generic]) -> bool:
    """Return whether x is binary, so that a Bernoulli likelihood is a probability and not a relaxation."""
    if model.config.likelihood == "gaussian" or values.dtype != np.uint8:
        return False
    return _drawn(model) != "none" or bool(np.isin(values[:1000], (0, 255)).all())


# ---- one batch -----------------------------------------------------------------------------------------------------


def _measure(
    model: LatentModel, x: Tensor, grey: Tensor, told: Tensor | None, plan: Plan, number: int, found: Collected
) -> None:
    if isinstance(model, VQVAE):
        result = model.quantize(x)
        found.add(reconstruction=result.log_likelihood, kl=result.code_nats)
        again = model.reconstruction(x)
    elif isinstance(model, Autoencoder):
        found.add(reconstruction=model.reconstruct(x))
        again = model.picture(model.encode(x)[0])
    else:
        noise = torch.randn(len(x), model.latent_size, generator=_generator(plan, "elbo", number)).to(x)
        log_likelihood, kl = model(x, told, noise)
        found.add(reconstruction=log_likelihood, kl=kl)
        again = model.picture(model.encode(x, told)[0], told)
        if plan.iwae:
            found.add(iwae=importance_weighted(model, x, told, plan.iwae, _generator(plan, "iwae", number)))
    found.add(mse=(again - grey).square().flatten(1).mean(1), means=model.encode(x, told)[0])
    if min(x.shape[2:]) >= _SSIM_WINDOW:
        found.add(ssim=_similarity(grey, again))


def importance_weighted(
    model: LatentModel, x: Tensor, labels: Tensor | None, samples: int, generator: torch.Generator
) -> Tensor:
    """Return ln (1/K) Σ_i p(x, z_i)/q(z_i|x), z_i ~ q(z|x), per item (batch,), in nats; Burda et al. 2016, eq. 8.

    Args:
        model: a model with a stochastic encoder.
        x: items as the model was trained on, (batch, channels, height, width).
        labels: their classes, for a conditional model.
        samples: K.
        generator: source of ε, on the CPU.
    """
    weights: list[Tensor] = []
    each = max(1, _rows(model) // len(x))
    for first in range(0, samples, each):
        count = min(each, samples - first)
        noise = torch.randn(count * len(x), model.latent_size, generator=generator).to(x)
        log_likelihood, log_ratio = model(x, labels, noise, sampled_kl=True)
        weights.append((log_likelihood - log_ratio.sum(1)).reshape(count, len(x)))
    return torch.cat(weights).logsumexp(0) - math.log(samples)


def _rows(model: LatentModel) -> int:
    """Return how many items are decoded at once: fewer where they are large, whatever memory there is."""
    return max(_BATCH, _VALUES // math.prod(model.shape))


def _similarity(grey: Tensor, again: Tensor) -> Tensor:
    """Return the SSIM of each pair of pictures (batch,), 7×7 uniform windows; Wang et al. 2004."""
    from skimage.metrics import structural_similarity

    pairs = zip(grey.cpu().numpy(), again.clamp(0, 1).cpu().numpy(), strict=True)
    return torch.tensor(
        [structural_similarity(a, b, win_size=_SSIM_WINDOW, data_range=1.0, channel_axis=0) for a, b in pairs]
    )


# ---- ln p(x) from the prior ----------------------------------------------------------------------------------------


@torch.inference_mode()
def _prior_outputs(model: LatentModel, plan: Plan, device: torch.device) -> list[Tensor]:
    """Return decoder outputs at draws from the prior, for each class a tensor (one where there are none)."""
    if not plan.iwae or not model.has_kl or isinstance(model, VQVAE):
        return []
    z = torch.randn(_PRIOR_SAMPLES, model.latent_size, generator=_generator(plan, "prior", 0))
    outputs = []
    for label in range(max(1, model.classes)):
        told = torch.full((len(z),), label, device=device) if model.classes else None
        parts = [
            model.decode(part.to(device), None if told is None else told[: len(part)])
            for part in torch.split(z, _rows(model))
        ]
        outputs.append(torch.cat(parts))
    return outputs


def _prior_estimate(model: LatentModel, x: Tensor, told: Tensor | None, outputs: list[Tensor]) -> Tensor:
    """Return ln (1/n) Σ_i p(x|z_i), z_i ~ p(z), per item (batch,), in nats, with the same draws for all items."""
    count = math.log(len(outputs[0]))
    if told is None:
        return model.likelihood.log_prob_of_pairs(x, outputs[0]).logsumexp(1) - count
    estimate = torch.zeros(len(x), device=x.device)
    for label in torch.unique(told):
        chosen = told == label
        estimate[chosen] = model.likelihood.log_prob_of_pairs(x[chosen], outputs[int(label)]).logsumexp(1) - count
    return estimate


# ---- the figures ---------------------------------------------------------------------------------------------------


def _summary(
    session: ModelSession,
    plan: Plan,
    found: Collected,
    usage: Tensor | None,
    factors: NDArray[np.int64] | None,
    binary: bool,
) -> Evaluation:
    model = session.latent_model()
    figures: dict[str, Figure] = {}
    reconstruction, means = found.whole("reconstruction"), found.whole("means")
    kl_per_dimension: tuple[float, ...] = ()
    kl_per_level: tuple[float, ...] = ()
    if model.has_kl:
        kls = found.whole("kl")
        kl_per_dimension = tuple(kls.mean(0).tolist())
        figures.update(_bounds(found, reconstruction, kls.sum(1), plan, usage is not None))
        if usage is None:
            ends = np.cumsum(model.levels)
            kl_per_level = tuple(math.fsum(kl_per_dimension[a:b]) for a, b in zip((0, *ends), ends, strict=False))
            figures["active_units"] = Figure(
                float((means.var(0) > _ACTIVE_VARIANCE).sum()),
                f"of {model.latent_size}",
                "dimensions with Var_x(E_q[z_k]) > 0.01, in units of the prior (Burda et al. 2016)",
            )
        if binary:
            bits = -(reconstruction - kls.sum(1)) / (math.prod(model.shape) * math.log(2))
            figures["bits_per_dim"] = figure(bits, "bits per pixel", "−ELBO/(D ln 2), of binary pixels")
    else:
        figures["reconstruction"] = figure(reconstruction, "nats per item", "ln p(x|code(x)), constants included")
    if usage is not None:
        figures["perplexity"] = Figure(
            float(perplexity(usage)), f"of {len(usage)} codes", "exp of the entropy of how often each code is used"
        )
        figures["codes_used"] = Figure(float((usage > 0).sum()), f"of {len(usage)} codes", "codes that occur at all")
    figures["mse"] = figure(found.whole("mse"), "per value", "mean squared error of the reconstruction")
    if "ssim" in found.columns:
        figures["ssim"] = figure(found.whole("ssim"), "", "structural similarity of it, 7×7 windows (Wang et al. 2004)")
    if factors is not None and varying(factors):
        figures["mig"] = Figure(
            mutual_information_gap(means, factors), "of 1", "mutual information gap, 20 bins (Chen et al. 2018)"
        )
    if not all(math.isfinite(one.value) for one in figures.values()):
        raise RunError(f"{session.card.name} gives numbers that are not finite on {plan.data.name}; train it again")
    return Evaluation(
        session.card.name, session.card.family, plan.data.name, plan.split, len(means), plan.iwae, plan.seed, figures,
        kl_per_dimension, kl_per_level,
    )  # fmt: skip


def _bounds(
    found: Collected, reconstruction: NDArray[np.float64], kl: NDArray[np.float64], plan: Plan, codes: bool
) -> dict[str, Figure]:
    nats = "nats per item"
    figures = {
        "elbo": figure(
            reconstruction - kl, nats, "E_q[ln p(x|z)] − KL, β = 1" + ("" if codes else ", one sample of z per item")
        ),
        "reconstruction": figure(reconstruction, nats, "E_q[ln p(x|z)], summed over values, constants included"),
        "kl": figure(kl, nats, "−ln p(k) of the codes" if codes else "KL(q(z|x) ‖ p(z)), summed over dimensions"),
    }
    if "iwae" in found.columns:
        meaning = f"ln (1/K) Σ p(x,z)/q(z|x), K = {plan.iwae} (Burda et al. 2016)"
        figures["iwae"] = figure(found.whole("iwae"), nats, meaning)
    if "prior" in found.columns:
        meaning = f"ln (1/n) Σ p(x|z), z ~ p(z), n = {_PRIOR_SAMPLES}, the same z for all items; biased low"
        figures["prior_monte_carlo"] = figure(found.whole("prior"), nats, meaning)
    return figures

"""The bound of a diffusion model, term by term, and for points how far its samples and guesses are from the truth."""

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer import images
from explorer.data.batches import to_signed, to_tensor
from explorer.data.catalog import Dataset
from explorer.data.points import mixture_of
from explorer.data.seeds import derived_seed
from explorer.errors import RunError
from explorer.figures import Evaluation, Figure
from explorer.inference.plan import Collected, Items, Plan, figure, first_of
from explorer.inference.session import ModelSession
from explorer.messages import Step
from explorer.models import devices
from explorer.models.bound import look, prior_nats, strata
from explorer.models.diffusion import Diffusion
from explorer.models.exact import MixtureDiffusion, sliced_wasserstein
from explorer.models.noise import NoiseSource
from explorer.models.prior import prior_labels
from explorer.models.samplers import Denoiser, ancestral

_VALUES = 80_000  # that go through the network at once
_SEEDS = {"bound": 11, "samples": 12, "forward": 13}


def evaluate_diffusion(
    session: ModelSession, plan: Plan, data: Dataset, should_stop: Callable[[], bool]
) -> Iterator[Step | Evaluation]:
    """Yield a ``Step`` after every batch and the ``Evaluation`` last; stopped, it ends without one.

    Each item is looked at t = 1 and at one random t of each of ``plan.times`` parts of 2..T: an unbiased estimate
    of the sum over all t. Its noise is seeded by the plan's seed, on the CPU.

    Raises:
        RunError: the model gives numbers that are not finite.
    """
    model = session.model
    assert isinstance(model, Diffusion)
    values, labels = (first_of(items, plan) for items in data.split(plan.split))
    parts = [range(1, 2), *strata(model.schedule.timesteps, plan.times)]
    size = max(1, min(2048, _VALUES // math.prod(model.shape)))
    looks = -(-len(values) // size) * len(parts)
    total = looks + (model.schedule.timesteps + 1 if model.points else 0)
    exact, found = _exact(model, plan), Collected()
    for done in _look_at_all(session, model, plan, (values, labels), size, parts, exact, found):
        if should_stop():
            return
        yield Step(done, total)
    t = tuple(round((part[0] + part[-1]) / 2) for part in parts)
    figures, per_t = _figures(model, found, np.array([len(part) for part in parts], np.float64), plan, exact, values)
    if model.points:
        distances: dict[int, float] = {}
        for done in _distances(model, values, {0, *t}, plan, session.device, distances):
            if should_stop():
                return
            yield Step(looks + done, total)
        figures["sliced_wasserstein"] = _distance_figure(distances[0], values, data.split("train")[0])
        per_t = {name: (None, *curve) for name, curve in per_t.items()}  # there is no term at t = 0
        per_t["sliced_wasserstein"] = tuple(distances[at] for at in (0, *t))
        t, parts = (0, *t), [range(1), *parts]
    if not all(math.isfinite(one.value) for one in figures.values()):
        raise RunError(f"{session.card.name} gives numbers that are not finite on {plan.data.name}; train it again")
    yield Evaluation(
        session.card.name, session.card.family, plan.data.name, plan.split, len(values), 0, plan.seed, figures,
        t=t, steps=tuple(map(len, parts)), per_t=per_t,
    )  # fmt: skip


def _look_at_all(
    session: ModelSession, model: Diffusion, plan: Plan, items: tuple[Items, Items], size: int, parts: list[range],
    exact: MixtureDiffusion | None, found: Collected,
) -> Iterator[int]:  # fmt: skip
    """Collect every item's terms, a column for each part, and yield how many looks are done."""
    values, labels = items
    done = 0
    for number in range(-(-len(values) // size)):
        part = slice(number * size, (number + 1) * size)
        with devices.lock(session.device):
            x0 = to_signed(to_tensor(values[part], session.device))
            told = torch.from_numpy(labels[part]).to(session.device) if model.classes else None
            found.add(prior=prior_nats(model, x0))
        generator = torch.Generator().manual_seed(derived_seed(plan.seed, _SEEDS["bound"], number))
        columns: list[dict[str, Tensor]] = []
        for steps in parts:
            with torch.inference_mode(), devices.lock(session.device):
                columns.append(_look(model, x0, told, steps, generator, exact))
            done += 1
            yield done
        with devices.lock(session.device):
            found.add(**{name: torch.stack([c[name] for c in columns], 1) for name in columns[0]})


def _exact(model: Diffusion, plan: Plan) -> MixtureDiffusion | None:
    """Return the perfect network for the data, where that is known: points drawn from a mixture, told no class."""
    mixture = mixture_of(plan.data.name, plan.data.mixture) if model.points and not model.classes else None
    if mixture is None:
        return None
    weights, means, sigmas = (torch.from_numpy(part) for part in (mixture.weights, mixture.means, mixture.sigmas))
    return MixtureDiffusion(weights, means, sigmas.square(), model.schedule)


def _look(
    model: Diffusion, x0: Tensor, told: Tensor | None, steps: range, generator: torch.Generator,
    exact: MixtureDiffusion | None,
) -> dict[str, Tensor]:  # fmt: skip
    """Return each item's term of the bound at a random one of ``steps``, and its squared errors per value (batch,)."""
    seen = look(model, x0, told, steps, generator)
    found = {"terms": seen.nats, "loss": _squared(seen.eps_hat - seen.eps)}
    if exact is not None:
        best = exact(seen.x_t.cpu(), seen.t.cpu()).to(seen.x_t)
        found |= {"eps_error": _squared(seen.eps_hat - best), "least_loss": _squared(best - seen.eps)}
    return found


def _squared(difference: Tensor) -> Tensor:
    return difference.square().flatten(1).mean(1)


def _figures(
    model: Diffusion, found: Collected, weights: NDArray[np.float64], plan: Plan, exact: MixtureDiffusion | None,
    values: Items,
) -> tuple[dict[str, Figure], dict[str, tuple[float | None, ...]]]:  # fmt: skip
    terms, prior = found.whole("terms"), found.whole("prior")
    between = (terms[:, 1:] * weights[1:]).sum(1)
    bound = prior + between + terms[:, 0]
    size = math.prod(model.shape) * math.log(2)
    looked = (
        "every t"
        if plan.times == 0 or len(weights) == model.schedule.timesteps
        else f"1 and {len(weights) - 1} more of the t"
    )
    clipped = ", x̂_0 clipped" if model.clips else ""
    nats, bits = "nats per item", "bits per value"
    figures = {"bound": figure(bound, nats, f"−ELBO = L_T + Σ L_(t−1) + L_0, at {looked}{clipped}")}
    scale, unit = (1.0, nats) if model.points else (size, bits)
    if not model.points:
        figures["bits_per_dim"] = figure(bound / size, bits, "the bound over D ln 2")
    figures |= {
        "l_T": figure(prior / scale, unit, "KL(q(x_T|x_0) ‖ N(0, I)): nothing of it is learned"),
        "l_between": figure(between / scale, unit, "Σ KL(q(x_(t−1)|x_t, x_0) ‖ p(x_(t−1)|x_t)), t = 2..T"),
        "l_0": figure(terms[:, 0] / scale, unit, "−ln p(x_0|x_1)" + ("" if model.points else ", discretized Gaussian")),
    }
    shares = weights / weights.sum()
    loss = found.whole("loss")
    figures["loss"] = figure(loss @ shares, "per value", "‖ε − ε̂‖² averaged over t, the simple loss of a network of ε")
    per_t: dict[str, tuple[float | None, ...]] = {
        "term": tuple((terms.mean(0) / scale).tolist()),
        "loss": tuple(loss.mean(0).tolist()),
    }
    if exact is not None:
        points = torch.from_numpy(np.asarray(values, np.float64)).reshape(-1, 2)
        true = -exact.log_density(points, torch.zeros(len(points), dtype=torch.long)).numpy()
        figures["entropy"] = figure(true, nats, "−ln p(x_0) of the mixture itself: no bound can be below")
        error, least = found.whole("eps_error"), found.whole("least_loss")
        figures["eps_error"] = figure(error @ shares, "per value", "‖ε̂ − ε*‖²: distance to the best possible network")
        figures["least_loss"] = figure(least @ shares, "per value", "‖ε − ε*‖²: the loss of that network")
        per_t |= {"eps_error": tuple(error.mean(0).tolist()), "least_loss": tuple(least.mean(0).tolist())}
    return figures, per_t


def _cloud(values: Items) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32)).reshape(-1, 2)


def _distances(
    model: Diffusion, values: Items, wanted: set[int], plan: Plan, device: torch.device, found: dict[int, float]
) -> Iterator[int]:
    """Find the sliced Wasserstein distance of samples to data as noisy as they, at each t wanted; yield the steps."""
    data = _cloud(values)[: images.CLOUD]
    count = len(data)
    source = NoiseSource(derived_seed(plan.seed, _SEEDS["samples"]), count)
    generator = torch.Generator().manual_seed(derived_seed(plan.seed, _SEEDS["forward"]))
    with devices.lock(device):
        chain = ancestral(Denoiser(model, prior_labels(model, count, device)), source.draw(model.shape, device), source)
    for done in itertools.count(1):
        with devices.lock(device):
            state = next(chain, None)
            points = None if state is None else state.x_t.reshape(-1, 2).cpu()
        if state is None or points is None:
            return
        if state.t in wanted:
            there = data
            if state.t:
                noise = torch.randn(data.shape, generator=generator)
                there = model.coefficients_at(state.t).marginal(data, noise)
            found[state.t] = sliced_wasserstein(points, there)
        yield done


def _distance_figure(distance: float, values: Items, others: Items) -> Figure:
    data, more = _cloud(values)[: images.CLOUD], _cloud(others)
    count = min(len(data), len(more))
    floor = sliced_wasserstein(data[:count], more[:count])
    meaning = f"sliced Wasserstein distance of {len(data)} samples to as many points; {count} other points: {floor:.3f}"
    return Figure(distance, "", meaning)

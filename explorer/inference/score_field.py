"""Models of points held against their data: the score field at one t, and how far a chain is from the data over t."""

import math
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from explorer import images, runs
from explorer.chain_messages import DataPoints, DistanceRequest, Distances, Field, FieldRequest
from explorer.config import Sampling
from explorer.data.catalog import Dataset, here, load
from explorer.data.seeds import derived_seed
from explorer.errors import ConfigError, DataError, RunError
from explorer.inference.session import ModelSession
from explorer.messages import Floats
from explorer.models import devices
from explorer.models.diffusion import Diffusion
from explorer.models.exact import sliced_wasserstein
from explorer.models.samplers import Denoiser

_PROBES = 256  # x_t ~ q(x_t) that the error is averaged over
_DIRECTIONS = 64
_AT_ONCE = 128  # places whose responsibilities are in memory together, ten thousand each
_SEEDS = {"probes": 21, "data": 22, "other": 23}
_MOST_COLUMNS = 64
_kept: "WeakKeyDictionary[ModelSession, Dataset]" = WeakKeyDictionary()


def exact_score(where: Tensor, data: Tensor, signal: float) -> Tensor:
    """Return ∇ ln q(x_t) of data noised to ᾱ_t: one Gaussian N(√ᾱ_t m_i, (1−ᾱ_t) I) around each of the data m_i.

    (√ᾱ_t Σ_i r_i(x) m_i − x)/(1−ᾱ_t) with responsibilities r_i ∝ exp((√ᾱ_t x·m_i − ½ ᾱ_t ‖m_i‖²)/(1−ᾱ_t)), by
    log-sum-exp: what a network that has learned these data by heart would say. As x grows or noise vanishes, the
    nearest of the data has it all.

    Args:
        where: x, shape (places, D).
        data: m, shape (items, D).
        signal: ᾱ_t, inside [0, 1).

    Returns:
        Shape (places, D), float64.
    """
    x, m, root = where.double(), data.double(), math.sqrt(signal)
    squares = 0.5 * signal * m.square().sum(1)
    scores = []
    for part in torch.split(x, _AT_ONCE):
        responsibilities = ((root * part @ m.T - squares) / (1 - signal)).softmax(1)
        scores.append((root * responsibilities @ m - part) / (1 - signal))
    return torch.cat(scores)


def learned_score(denoise: Denoiser, where: Tensor, t: int) -> Tensor:
    """Return −ε̂(x, t)/√(1−ᾱ_t) at places x (places, 2): what the network takes for ∇ ln q(x_t), whatever it predicts.

    Returns:
        Shape (places, 2), float64 on the CPU.
    """
    eps = denoise(where.float()[:, :, None, None], t).eps
    noise = math.sqrt(1 - denoise.model.schedule.signal_variance[t])
    return -eps.flatten(1).double().cpu() / noise


def grid(extent: float, columns: int) -> Floats:
    """Return the middles of columns × columns cells of −extent..extent both ways, (columns², 2), rows from below."""
    middles = (np.arange(columns, dtype=np.float32) + 0.5) / columns * 2 * extent - extent
    across, up = np.meshgrid(middles, middles)
    places: Floats = np.stack([across.ravel(), up.ravel()], axis=1).astype(np.float32)
    return places


# ---- of a session --------------------------------------------------------------------------------------------------


def data_points(session: ModelSession, request: int) -> DataPoints:
    """Return a cloud of what the model has learned from, or why there is none."""
    try:
        points = _cloud(session, Sampling(), images.CLOUD)
    except DataError as error:
        return DataPoints(request, np.zeros((0, 2), np.float32), str(error))
    return DataPoints(request, points.numpy())


def score_field(session: ModelSession, request: FieldRequest) -> Field:
    """Return the learned and the exact score at the t of a request; without the data only the learned one.

    With guidance w ≠ 1 the exact one is guided too: s + w (s_c − s) with s_c the score of the data of class c.

    Raises:
        RunError: the model is not of points, or has no chain.
        ConfigError: no such t, or the model is told no such class.
    """
    model = _model_of_points(session)
    if not 1 <= request.t <= model.schedule.timesteps:
        raise ConfigError(f"a score is there at t = 1 to {model.schedule.timesteps}, not {request.t}")
    if not 1 <= request.columns <= _MOST_COLUMNS:
        raise ConfigError(f"a score field has 1 to {_MOST_COLUMNS} columns, not {request.columns}")
    sampling = _settled(model, session, request.sampling)
    label = sampling.label if model.classes and sampling.guidance else None
    places = grid(request.extent, request.columns)
    where = torch.from_numpy(places)
    try:
        data = _training(session, label)
    except DataError:
        data = None
    probes = torch.zeros(0, 2) if data is None else _noised(model, data, request.t, _PROBES, "probes")
    learned = _learned(session, model, torch.cat([where, probes]), request.t, sampling)
    there, at_probes = learned[: len(where)], learned[len(where) :]
    if data is None:
        nothing, unknown = np.zeros((0, 2), np.float32), math.nan
        return Field(
            request.request, request.t, places, _floats(there), nothing, unknown, unknown, unknown, unknown, label
        )  # fmt: skip
    exact = _exact(session, model, torch.cat([where, probes]), request.t, sampling)
    return Field(
        request.request, request.t, places, _floats(there), _floats(exact[: len(where)]),
        _root(at_probes - exact[len(where) :]), _root(exact[len(where) :]),
        _root(there - exact[: len(where)]), _root(exact[: len(where)]), label,
    )  # fmt: skip


def distances(session: ModelSession, request: DistanceRequest) -> Distances:
    """Return the sliced Wasserstein distances of a request, each to the data noised to the same t.

    The floor is the distance of as many other data: no sample can be expected to come nearer. Where there are fewer
    data than two for each point of a cloud, the others are drawn from all of them with replacement, as by a model that
    has learned them by heart: there are no others, and the same ones again would be at no distance.

    Raises:
        RunError: the model is not of points, or has no chain.
        DataError: its data are not there.
    """
    model = _model_of_points(session)
    data = _training(session, request.sampling.label if request.sampling.guidance else None)
    found, floor = [], []
    for t, cloud in zip(request.t, torch.from_numpy(request.clouds), strict=True):
        there = _noised(model, data, t, len(cloud), "data")
        found.append(sliced_wasserstein(cloud.double(), there.double(), _DIRECTIONS))
        floor.append(sliced_wasserstein(_noised(model, data, t, len(cloud), "other"), there, _DIRECTIONS))
    return Distances(request.request, request.t, tuple(found), tuple(floor))


# ---- helpers -------------------------------------------------------------------------------------------------------


def _model_of_points(session: ModelSession) -> Diffusion:
    model = session.diffusion()
    if not model.points:
        raise RunError(
            f"{session.card.name} makes pictures, which have no field in the plane; choose a model of points"
        )
    return model


def _settled(model: Diffusion, session: ModelSession, sampling: Sampling) -> Sampling:
    """Return class and guidance of a field: where no class is asked for, of none, or of the first if it knows none."""
    session.check_sampling(sampling)
    if not model.classes or sampling.label is not None:
        return sampling
    return sampling.model_copy(update={"guidance": 0.0} if model.guidable else {"label": 0})


def _learned(session: ModelSession, model: Diffusion, where: Tensor, t: int, sampling: Sampling) -> Tensor:
    with torch.inference_mode(), devices.lock(session.device):
        labels = None
        if model.classes and sampling.label is not None:
            labels = torch.full((len(where),), sampling.label, device=session.device)
        return learned_score(Denoiser(model, labels, sampling.guidance), where.to(session.device), t)


def _exact(session: ModelSession, model: Diffusion, where: Tensor, t: int, sampling: Sampling) -> Tensor:
    signal = model.schedule.signal_variance[t]
    if not model.classes or sampling.label is None or sampling.guidance == 0:
        return exact_score(where, _training(session, None), signal)
    of_class = exact_score(where, _training(session, sampling.label), signal)
    if sampling.guidance == 1:
        return of_class
    return torch.lerp(exact_score(where, _training(session, None), signal), of_class, sampling.guidance)


def _training(session: ModelSession, label: int | None) -> Tensor:
    """Return the training points (points, 2), of one class where that is asked for.

    Raises:
        DataError: the data set is not there, cannot be read, or is a drawing that has changed since.
    """
    if session not in _kept:
        if not here(session.data):
            raise DataError(f"the data set {session.data.drawn or session.data.name} is not on this machine any more")
        data = load(session.data)
        if session.data.name == "drawn":  # a file that anybody may change
            data.check_fingerprint(runs.read_record(session.folder).get("data_sha256"))
        _kept[session] = data
    values, labels = _kept[session].split("train")
    points = torch.from_numpy(np.asarray(values, np.float32).reshape(-1, 2))
    return points if label is None else points[torch.from_numpy(labels == label)]


def _cloud(session: ModelSession, sampling: Sampling, count: int) -> Tensor:
    return _training(session, sampling.label)[:count]


def _noised(model: Diffusion, data: Tensor, t: int, count: int, what: str) -> Tensor:
    """Return ``count`` of the data, over and over where there are fewer, noised to t; of "other" data other ones."""
    generator = torch.Generator().manual_seed(derived_seed(0, _SEEDS[what]))
    if what != "other":
        chosen = data[torch.arange(count) % len(data)]
    elif len(data) >= 2 * count:
        chosen = data[count : 2 * count]
    else:
        chosen = data[torch.randint(len(data), (count,), generator=generator)]
    if t == 0:
        return chosen
    return model.coefficients_at(t).marginal(chosen, torch.randn(count, 2, generator=generator))


def _root(values: Tensor) -> float:
    """Return √ of the mean squared length of vectors (places, 2)."""
    return float(values.square().sum(1).mean().sqrt())


def _floats(values: Tensor) -> Floats:
    floats: Floats = values.float().numpy()
    return floats

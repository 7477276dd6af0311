"""What the Latent page asks of an open model: where an item is encoded, what the map's points are, draws of the prior.

Long answers are generators of parts: None after each, the message at last, so that other requests fit in between. How
many items are a part is told by a ``Pace``.
"""

from collections.abc import Generator, Iterator
from concurrent import futures
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.data.catalog import Dataset, load
from explorer.errors import DataError, RunError
from explorer.inference.inputs import model_input, told
from explorer.inference.session import ModelSession
from explorer.latent_messages import (
    Encoded,
    EncodeRequest,
    ItemsRequest,
    MapItems,
    PriorRequest,
    PriorSamples,
    Sheet,
    SheetRequest,
)
from explorer.messages import Floats, LatentMap, Pixels, Values
from explorer.models import devices
from explorer.models.code_prior import codes_by_place
from explorer.models.gaussian import kl_from_standard_normal, reparameterize
from explorer.models.hierarchical_vae import HierarchicalVAE
from explorer.models.latent import LatentModel
from explorer.models.noise import NoiseSource
from explorer.models.prior import prior_labels
from explorer.models.vq_vae import VQVAE

_FIRST_ITEMS, _MOST_ITEMS = 2, 1024
_PART_SECONDS = 0.004
_LOOK_SECONDS = 0.004  # between two looks whether the data set is read


class Pace:
    """How many items are worked on at once: as many as take about four milliseconds.

    Whoever iterates tells how long the last part took; untold, the number stays as it began.

    Args:
        items: how many at first.
    """

    def __init__(self, items: int = _FIRST_ITEMS) -> None:
        self.items = self._last = items

    def took(self, seconds: float) -> None:
        """Take note of how long the last part took."""
        change = min(max(_PART_SECONDS / max(seconds, 1e-6), 0.25), 2.0)
        self.items = max(1, min(_MOST_ITEMS, round(self._last * change)))

    def parts(self, total: int) -> Iterator[slice]:
        """Return slices that cover ``total`` items, each as long as the pace is when it is asked for."""
        first = 0
        while first < total:
            part = slice(first, min(first + self.items, total))
            first, self._last = part.stop, part.stop - first
            yield part


# ---- one item ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Look:
    """q(z|x) of a batch, a z of it, and the terms of the ELBO there, in nats.

    ``mean``, ``log_var`` and ``z`` are (batch, latent), ``picture`` is E[x|z], shaped as x, ``log_likelihood`` (batch,)
    and ``kl`` (batch, latent); of a VQ-VAE it is −ln p(k) (batch, places), of an autoencoder (batch, 0).
    """

    mean: Tensor
    log_var: Tensor
    z: Tensor
    picture: Tensor
    log_likelihood: Tensor
    kl: Tensor


def _look(model: LatentModel, x: Tensor, classes: Tensor | None, noise: Tensor, *, at_mean: bool = False) -> _Look:
    """Return what a model makes of x (batch, channels, height, width), for z drawn with ``noise`` or the mean.

    With levels the KL is that of the draw, whatever z.
    """
    mean, log_var = model.encode(x, classes)
    if isinstance(model, VQVAE):
        seen = model.quantize(x)
        return _Look(mean, log_var, mean, model.from_codes(seen.codes), seen.log_likelihood, seen.code_nats)
    if not model.has_kl:
        z, kl = mean, mean[:, :0]
    elif isinstance(model, HierarchicalVAE):
        z, kl = mean if at_mean else model.draw(x, noise), model(x, classes, noise)[1]
    else:
        z = mean if at_mean else reparameterize(mean, log_var, noise)
        kl = kl_from_standard_normal(mean, log_var)
    parameters = model.decode(z, classes)
    likelihood = model.likelihood
    return _Look(mean, log_var, z, likelihood.mean(parameters), likelihood.log_prob(x, parameters), kl)


def _as_trained(model: LatentModel, x: Tensor) -> Tensor:
    """Return x drawn black or white where the model was trained on such, by one threshold picture for all.

    A bound of grey x is another number than the one that training and evaluation tell, by far where a decoder is sure.
    """
    if not model.likelihood.bernoulli or model.config.binarization == "none":
        return x
    threshold = torch.rand(x.shape[1:], generator=torch.Generator().manual_seed(0)).to(x)
    return (threshold < x).to(x)


@torch.inference_mode()
def encoded(session: ModelSession, request: EncodeRequest) -> Encoded:
    """Return where one item is encoded and what its z is decoded to.

    The ELBO's terms are of that z, or where it is the mean, of the draw that the map has for the item: the likelihood
    of the mean is higher than its average over q. A model that was trained on items drawn black or white tells the
    terms of one such draw of the item, and of z with the same ε there. Of a VQ-VAE the reconstruction is that of the
    item's own codes, which its few coordinates z only come near.

    Raises:
        RunError: no latent space, an item of another shape, or a class that the model does not have.
    """
    model = session.latent_model()
    if not isinstance(request.values, np.ndarray) or len(request.values) != 1:
        raise RunError(f"{session.card.name} encodes one item at a time; give an array with one")
    x, classes = model_input(session, request.values), told(session, request.label, 1)
    at_mean = request.seed < 0
    if at_mean:
        item = max(request.item, 0)
        noise = _map_noise(item + 1, model.latent_size)[item:].to(session.device)
    else:
        noise = NoiseSource(request.seed, 1).draw((model.latent_size,), session.device)
    with devices.lock(session.device):
        look = _look(model, x, classes, noise, at_mean=at_mean)
        drawn = _as_trained(model, x)
        same = drawn is x and (not at_mean or not _gaussian(model))
        terms = look if same else _look(model, drawn, classes, noise)
    return Encoded(
        request,
        pixels=_of_items(session, request.values),
        mean=_array(look.mean)[0],
        sigma=_array((0.5 * look.log_var).exp())[0],
        z=_array(look.z)[0],
        reconstruction=session.pictures(_array(look.picture).transpose(0, 2, 3, 1)),
        log_likelihood=float(terms.log_likelihood[0]),
        kl_per_dimension=_array(terms.kl)[0] if _gaussian(model) else np.zeros(0, np.float32),
        kl=float(terms.kl.double().sum()),
    )


def _map_noise(count: int, latent: int) -> Tensor:
    """Return ε of the first ``count`` items of the map, (count, latent); the first n of more are the same."""
    return torch.from_numpy(np.random.default_rng(0).standard_normal((count, latent), np.float32))


def _gaussian(model: LatentModel) -> bool:
    """Return whether q(z|x) is a Gaussian, not one point."""
    return model.has_kl and not isinstance(model, VQVAE)


def _array(tensor: Tensor) -> Floats:
    found: Floats = tensor.float().cpu().numpy()
    return found


def _of_items(session: ModelSession, values: Values) -> Pixels:
    """Return the pictures of items; a point is a dot before its data set."""
    return session.pictures(values.astype(np.float32)) if session.points else values.astype(np.uint8, copy=False)


# ---- the items of the map ------------------------------------------------------------------------------------------


def items(session: ModelSession, request: ItemsRequest, pace: Pace) -> Iterator[MapItems | None]:
    """Tell what the points of the latent map are: their pictures at once, then their σ, then their terms.

    "reconstruction" is ln p(x|z) at one z ~ q(z|x) for each item, "kl" and "elbo" go with it, in nats; an autoencoder
    has no KL and no bound. The draw of an item is always the same, its black or white one too, where the model was
    trained on such; σ is of the item as it is, as the map's means are. Where the data set is not on this machine, or is
    another than the map was made of, a note says so and nothing more comes.

    Raises:
        RunError: the model has no latent space.
    """
    model, shown = session.latent_model(), session.latents()
    pixels, unknown = np.zeros((0, *session.image_shape), np.uint8), np.zeros((0, model.latent_size), np.float32)
    try:
        data = yield from _reading(session)
        values, labels, factors = _items_of(session, shown, data)
    except DataError as error:
        channels, height, width = model.shape
        none = np.zeros((0, height, width, channels), np.float32 if session.points else np.uint8)
        yield MapItems(request.request, none, pixels, unknown, note=str(error))
        return
    pixels = pixels if session.points else values.astype(np.uint8, copy=False)
    yield MapItems(request.request, values, pixels, unknown, factors=factors)
    wide = unknown
    if _gaussian(model):
        wide = yield from _sigmas(session, values, labels, pace)
        yield MapItems(request.request, values, pixels, wide, factors=factors)
    noise = _map_noise(len(values), model.latent_size)
    likelihood, kl = np.zeros(len(values), np.float32), np.zeros(len(values), np.float32)
    for part in pace.parts(len(values)):
        x, classes = model_input(session, values[part]), told(session, labels[part], part.stop - part.start)
        with torch.inference_mode(), devices.lock(session.device):
            look = _look(model, _as_trained(model, x), classes, noise[part].to(session.device))
            likelihood[part], kl[part] = _array(look.log_likelihood), _array(look.kl.sum(1))
        yield None
    terms = {"reconstruction": likelihood} | ({"kl": kl, "elbo": likelihood - kl} if model.has_kl else {})
    yield MapItems(request.request, values, pixels, wide, terms, factors)


def _sigmas(
    session: ModelSession, values: Values, labels: NDArray[np.int64], pace: Pace
) -> Generator[None, None, Floats]:
    """Return σ of q(z|x) of items as they are, (items, latent): the map's means are of them as they are, too."""
    model = session.latent_model()
    wide = np.zeros((len(values), model.latent_size), np.float32)
    for part in pace.parts(len(values)):
        x, classes = model_input(session, values[part]), told(session, labels[part], part.stop - part.start)
        with torch.inference_mode(), devices.lock(session.device):
            wide[part] = _array((0.5 * model.encode(x, classes)[1]).exp())
        yield None
    return wide


def _reading(session: ModelSession) -> Generator[None, None, Dataset]:
    """Read the data set in a thread of its own, which may take a second; return it."""
    pool = futures.ThreadPoolExecutor(1, "data-set")
    try:
        reading = pool.submit(load, session.data)
        while not futures.wait((reading,), _LOOK_SECONDS).done:
            yield None
        return reading.result()
    finally:
        pool.shutdown(wait=False)


def _items_of(
    session: ModelSession, shown: LatentMap, data: Dataset
) -> tuple[Values, NDArray[np.int64], dict[str, Floats]]:
    """Return the map's items, their classes and known factors, in the map's order; DataError if they are others."""
    values, labels = data.split(shown.split)
    count = len(shown.means)
    if not np.array_equal(labels[:count], shown.labels):
        raise DataError(
            f"the map of {session.card.name} was made of other items of {data.name} than are on this machine: they "
            "have no pictures here; train the model again"
        )
    known = data.factors_of(shown.split)[:count] if data.factor_names else np.zeros((count, 0), np.int64)
    factors = {name: known[:, at].astype(np.float32) for at, name in enumerate(data.factor_names)}
    return values[:count], labels[:count], factors


# ---- many pictures -------------------------------------------------------------------------------------------------


def sheet(session: ModelSession, request: SheetRequest, pace: Pace) -> Iterator[Sheet | None]:
    """Decode many z, with the class of each or of all.

    Raises:
        RunError: no latent space, z of another shape, or a class that the model does not have.
    """
    count = len(request.z)
    told(session, request.labels, count)
    labels = np.broadcast_to(np.asarray(request.labels if session.model.classes else 0, np.int64), (count,))
    pixels = [np.zeros((0, *session.image_shape), np.uint8)]
    for part in pace.parts(count):
        pixels.append(session.decode(request.z[part], labels[part]))
        yield None
    yield Sheet(request, np.concatenate(pixels))


def samples(session: ModelSession, request: PriorRequest, pace: Pace) -> Iterator[PriorSamples | None]:
    """Draw from the prior, as ``prior_pictures`` with the same seed does: the first n of more are always the same.

    The temperature τ multiplies the noise of z ~ N(0, I); the codes of a VQ-VAE are drawn from p(k)^(1/τ), place by
    place.

    Raises:
        RunError: no latent space, or a class that the model does not have.
    """
    model, count = session.latent_model(), max(0, request.count)
    if model.classes:
        session.check_label(request.label)
    classes = prior_labels(model, count, torch.device("cpu"), request.label)
    labels = np.zeros(count, np.int64) if classes is None else classes.numpy()
    z = [np.zeros((0, model.latent_size), np.float32)]
    pixels = [np.zeros((0, *session.image_shape), np.uint8)]
    for part in pace.parts(count):
        noise = NoiseSource(request.seed, part.stop - part.start, part.start)
        if isinstance(model, VQVAE):
            yield from _drawn_codes(session, model, noise, request.temperature, z, pixels)
        else:
            z.append(_array(request.temperature * noise.draw((model.latent_size,))))
            pixels.append(session.decode(z[-1], labels[part]))
        yield None
    yield PriorSamples(request, np.concatenate(z), labels, np.concatenate(pixels))


def _drawn_codes(
    session: ModelSession, model: VQVAE, noise: NoiseSource, temperature: float, z: list[Floats], pixels: list[Pixels]
) -> Iterator[None]:
    """Draw codes and append where they are and what they decode to; a part is one place of all."""
    drawing = codes_by_place(
        model.code_prior, torch.special.ndtr(noise.draw((model.places,))).to(session.device), temperature
    )
    for _ in range(model.places):
        with torch.inference_mode(), devices.lock(session.device):
            codes = next(drawing)
        yield None
    with torch.inference_mode(), devices.lock(session.device):
        z.append(_array(model.coordinates(codes)))
        pixels.append(session.pictures(_array(model.from_codes(codes)).transpose(0, 2, 3, 1)))

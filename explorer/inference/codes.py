"""The codes of a VQ-VAE: the map of an image, a map that was painted, and the whole codebook."""

from collections.abc import Generator, Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.data.batches import to_tensor, to_unit
from explorer.errors import RunError
from explorer.inference import latents
from explorer.inference.latents import Pace
from explorer.inference.session import ModelSession
from explorer.latent_messages import (
    CodebookFound,
    CodebookRequest,
    CodeMap,
    CodesRequest,
    ItemsRequest,
    PaintRequest,
)
from explorer.messages import Floats, Pixels, Values
from explorer.models import devices
from explorer.models.code_prior import code_nats
from explorer.models.codebook import perplexity
from explorer.models.vq_vae import VQVAE

_AT_ONCE = 128  # items, where nobody waits for anything else
_TOLD = 0.1  # the share of the items after which it is told how often codes are used so far


def vq_model(session: ModelSession) -> VQVAE:
    """Return the model of a session; RunError if it has no codes to look at: another family, or points."""
    if not isinstance(session.model, VQVAE):
        raise RunError(f"{session.card.name} has no codebook: it is a {session.card.label}; choose a VQ-VAE")
    if session.points:
        raise RunError(f"{session.card.name} makes points, which have no map of codes; choose a VQ-VAE of images")
    return session.model


# ---- one map -------------------------------------------------------------------------------------------------------


@torch.inference_mode()
def code_map(session: ModelSession, request: CodesRequest) -> CodeMap:
    """Return the codes of a picture, or those nearest to a z, with what they decode to.

    Raises:
        RunError: the model has no codebook, or picture or z do not fit it.
    """
    model = vq_model(session)
    if request.z is not None:
        z = np.asarray(request.z, np.float32)
        if z.shape != (model.latent_size,) or not np.isfinite(z).all():
            raise RunError(f"{session.card.name} decodes a finite z of shape ({model.latent_size},), not {z.shape}")
        with devices.lock(session.device):
            codes = model.codes_at(torch.from_numpy(z[None]).to(session.device))
        return _decoded(session, model, request.request, codes, _none(session))
    if request.pixels.shape != (1, *session.image_shape) or request.pixels.dtype != np.uint8:
        raise RunError(
            f"{session.card.name} encodes one uint8 picture of shape {(1, *session.image_shape)}, "
            f"not {request.pixels.dtype} {request.pixels.shape}"
        )
    with devices.lock(session.device):
        codes = model.codes(to_unit(to_tensor(request.pixels, session.device)))
    return _decoded(session, model, request.request, codes, request.pixels)


@torch.inference_mode()
def painted(session: ModelSession, request: PaintRequest) -> CodeMap:
    """Return what a map of codes decodes to, where it is and what the prior says of it.

    Raises:
        RunError: the model has no codebook, or the map has another shape or codes that the codebook does not have.
    """
    model = vq_model(session)
    codes = np.asarray(request.codes)
    if codes.shape != tuple(model.grid) or codes.dtype.kind not in "iu":
        rows, columns = model.grid
        raise RunError(
            f"{session.card.name} decodes {rows} × {columns} whole numbers, not {codes.shape} of {codes.dtype}"
        )
    known = len(model.codebook.vectors)
    if codes.min() < 0 or codes.max() >= known:
        raise RunError(f"{session.card.name} has codes 0 to {known - 1}; the map has {codes.min()} to {codes.max()}")
    flat = torch.from_numpy(codes.astype(np.int64).reshape(1, -1)).to(session.device)
    return _decoded(session, model, request.request, flat, _none(session))


def _decoded(session: ModelSession, model: VQVAE, request: int, codes: Tensor, original: Pixels) -> CodeMap:
    """Return the map of codes (1, places)."""
    with devices.lock(session.device):
        picture = _pictures(session, model, codes)
        z = model.coordinates(codes)[0].cpu().numpy()
        nats = code_nats(model.code_prior, codes).reshape(model.grid).cpu().numpy()
    grid: NDArray[np.int64] = codes.reshape(model.grid).cpu().numpy()
    return CodeMap(request, grid, picture, original, z, float(nats.sum(dtype=np.float64)), nats)


def _pictures(session: ModelSession, model: VQVAE, codes: Tensor) -> Pixels:
    return session.pictures(model.from_codes(codes).cpu().numpy().transpose(0, 2, 3, 1))


def _none(session: ModelSession) -> Pixels:
    return np.zeros((0, *session.image_shape), np.uint8)


# ---- the codebook --------------------------------------------------------------------------------------------------


def codebook(session: ModelSession, request: CodebookRequest) -> CodebookFound:
    """Return the codes and how often the items of the latent map use them; see ``codebook_parts``."""
    *_, found = codebook_parts(session, request, Pace(_AT_ONCE))
    assert found is not None
    return found


def codebook_parts(session: ModelSession, request: CodebookRequest, pace: Pace) -> Iterator[CodebookFound | None]:
    """Find the codebook in small parts: its pictures at once, then its use as it is counted.

    None after a part that has nothing to tell; other requests fit in between. Where the items of the map are not on
    this machine their use is not known: ``usage`` is (0,).

    Raises:
        RunError: the model has no codebook.
    """
    model = vq_model(session)
    codes = torch.arange(len(model.codebook.vectors), device=session.device)
    drawn: list[Pixels] = []
    for part in pace.parts(len(codes)):
        with torch.inference_mode(), devices.lock(session.device):
            drawn.append(_pictures(session, model, codes[part, None].expand(-1, model.places)))
        yield None
    positions = principal_axes(model.codebook.vectors.detach().cpu().numpy())
    found = CodebookFound(request.request, np.zeros(0, np.int64), 0.0, np.concatenate(drawn), positions, 0.0)
    yield found
    values = yield from _map_values(session, pace)
    counts = torch.zeros(len(codes), dtype=torch.int64, device=session.device)
    told = 0.0
    for part in pace.parts(len(values)):
        with torch.inference_mode(), devices.lock(session.device):
            used = model.codes(to_unit(to_tensor(values[part], session.device)))
            counts += torch.bincount(used.flatten(), minlength=len(counts))
        done = part.stop / len(values)
        if done >= told + _TOLD or done == 1:
            told = done
            usage = counts.cpu()
            yield replace(found, usage=usage.numpy().copy(), perplexity=float(perplexity(usage.double())), done=done)
        else:
            yield None
    if not len(values):
        yield replace(found, done=1.0)


def _map_values(session: ModelSession, pace: Pace) -> Generator[None, None, Values]:
    """Read the items that the latent map shows; none where they are not on this machine."""
    for message in latents.items(session, ItemsRequest(0), pace):
        if message is not None:  # the first one has them; their terms, which come later, nobody needs here
            return message.values
        yield None
    raise AssertionError("the items of the map are told, or that there are none")


def principal_axes(vectors: Floats) -> Floats:
    """Return where vectors (items, width) are on the two axes along which they differ most, (items, 2).

    One-dimensional vectors have a second coordinate of 0. The sign of an axis is that of its largest component.
    """
    centred = np.asarray(vectors, np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.sign(axes[np.arange(len(axes[:2])), np.abs(axes[:2]).argmax(axis=1)])[:, None]
    found = np.zeros((len(centred), 2), np.float32)
    found[:, : len(axes)] = centred @ axes.T
    return found

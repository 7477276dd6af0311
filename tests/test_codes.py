"""The codes of a VQ-VAE against what NumPy says of the same vectors, and the prior against its conditionals."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from explorer import images
from explorer.config import DataConfig
from explorer.data.catalog import CATALOG, Dataset, load
from explorer.errors import DataError, RunError
from explorer.inference.codes import code_map, codebook, codebook_parts, painted, principal_axes
from explorer.inference.latents import Pace
from explorer.inference.session import ModelSession
from explorer.latent_messages import CodebookRequest, CodesRequest, PaintRequest
from explorer.messages import Floats, Pixels
from explorer.models.code_prior import CategoricalPrior
from explorer.models.vq_vae import VQVAE

Trained = Callable[[str], Path]
NOTHING = np.zeros((0, 8, 8, 1), np.uint8)


@pytest.fixture(scope="module")
def session(trained: Trained) -> ModelSession:
    return ModelSession.open(trained("digits-vq"), "cpu")


def model_of(session: ModelSession) -> VQVAE:
    assert isinstance(session.model, VQVAE)
    return session.model


def vectors_of(session: ModelSession) -> Floats:
    return model_of(session).codebook.vectors.detach().numpy()


def distances(session: ModelSession, pixels: Pixels) -> NDArray[np.float64]:
    """Return ‖z_e − e‖² of every place from every code, (items, rows, columns, codes), in float64."""
    x = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 255
    with torch.no_grad():
        grid = model_of(session).encoder(x).double().numpy()
    away = grid.transpose(0, 2, 3, 1)[..., None, :] - vectors_of(session).astype(np.float64)
    found: NDArray[np.float64] = np.square(away).sum(-1)
    return found


def decoded(session: ModelSession, codes: NDArray[np.int64]) -> Pixels:
    """Return the picture of a map of codes, its vectors laid out by NumPy."""
    model = model_of(session)
    grid = np.ascontiguousarray(vectors_of(session)[codes].transpose(2, 0, 1)[None])
    with torch.no_grad():
        mean = model.likelihood.mean(model.decoder(torch.from_numpy(grid)))
    return images.from_unit(mean.numpy().transpose(0, 2, 3, 1))


def conditionals(session: ModelSession, codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return −ln p(k_i|k_1 … k_{i−1}) of each place, each asked for by itself from what is before it."""
    flat, found = torch.from_numpy(codes.reshape(1, -1)), []
    for place in range(flat.shape[1]):
        told = flat[:, : place + 1].clone()
        told[:, place] = 0  # what is to be foretold must not matter
        with torch.no_grad():
            logits = model_of(session).code_prior(told)[0, place].double().numpy()
        found.append(np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[int(flat[0, place])])
    return np.array(found).reshape(codes.shape)


def test_the_map_of_an_image_is_the_nearest_codes(session: ModelSession) -> None:
    pixels = load("digits").split("test")[0][:6]
    for index, away in enumerate(distances(session, pixels)):
        found = code_map(session, CodesRequest(index, pixels[index : index + 1]))
        chosen = np.take_along_axis(away, found.codes[..., None], -1)[..., 0]
        assert found.request == index and np.allclose(chosen, away.min(-1), atol=1e-6)  # a tie may go either way
        assert float((found.codes == away.argmin(-1)).mean()) > 0.9
        assert np.array_equal(found.original, pixels[index : index + 1])
        assert int(np.abs(found.pixels.astype(int) - decoded(session, found.codes)).max()) <= 1
        assert np.allclose(found.z, session.encode(pixels[index : index + 1])[0][0], atol=1e-4)


def test_the_map_of_a_place_is_what_decoding_it_shows(session: ModelSession) -> None:
    z = np.random.default_rng(3).standard_normal(session.latent_size).astype(np.float32)
    found = code_map(session, CodesRequest(1, NOTHING, z))
    assert found.original.shape == (0, 8, 8, 1)
    assert np.array_equal(found.pixels, session.decode(z[None]))


def test_swapped_codes_decode_to_what_their_vectors_do(session: ModelSession) -> None:
    codes = code_map(session, CodesRequest(1, load("digits").split("test")[0][:1])).codes
    first, second = int(codes[0, 0]), int(next(code for code in codes.flatten() if code != codes[0, 0]))
    swapped = np.where(codes == first, second, np.where(codes == second, first, codes))
    found = painted(session, PaintRequest(2, swapped))
    assert np.array_equal(found.codes, swapped) and not len(found.original)
    assert int(np.abs(found.pixels.astype(int) - decoded(session, swapped)).max()) <= 1
    assert not np.array_equal(found.pixels, painted(session, PaintRequest(3, codes)).pixels)


@pytest.mark.parametrize("prior", ["autoregressive", "categorical"])
def test_nats_are_the_sum_of_the_conditionals(trained: Trained, prior: str) -> None:
    session = ModelSession.open(trained("digits-vq"), "cpu")
    model = model_of(session)
    if prior == "categorical":
        model.code_prior = CategoricalPrior(model.places, len(model.codebook.vectors))
        torch.nn.init.normal_(model.code_prior.logits, generator=torch.Generator().manual_seed(5))
    codes = np.random.default_rng(1).integers(0, len(model.codebook.vectors), model.grid)
    found, expected = painted(session, PaintRequest(1, codes)), conditionals(session, codes)
    assert np.allclose(found.place_nats, expected, atol=1e-4) and bool((found.place_nats > 0).all())
    assert found.nats == pytest.approx(expected.sum(), abs=1e-3)


def test_the_codebook_counts_the_items_of_the_map(session: ModelSession) -> None:
    shown = session.latents()
    found = codebook(session, CodebookRequest(9))
    codes = distances(session, load("digits").split(shown.split)[0][: len(shown.labels)]).argmin(-1)
    expected = np.bincount(codes.flatten(), minlength=len(vectors_of(session)))
    assert found.request == 9 and int(found.usage.sum()) == codes.size
    assert int(np.abs(found.usage - expected).sum()) <= codes.size // 1000  # float32 decides near ties otherwise
    share = found.usage[found.usage > 0] / found.usage.sum()
    assert found.perplexity == pytest.approx(np.exp(-(share * np.log(share)).sum()), rel=1e-6)
    everywhere = np.full(model_of(session).grid, 7)
    assert int(np.abs(found.pictures[7].astype(int) - decoded(session, everywhere)[0]).max()) <= 1
    assert len(found.pictures) == len(found.positions) == len(expected)


def test_the_codebook_comes_in_small_parts(session: ModelSession) -> None:
    parts = list(codebook_parts(session, CodebookRequest(1), Pace(100)))
    assert len(parts) >= len(session.latents().labels) / 100
    told = [part for part in parts if part is not None]
    assert len(told[0].pictures) == len(vectors_of(session)) and not len(told[0].usage) and told[0].done == 0
    done = [part.done for part in told]
    assert done == sorted(set(done)) and done[-1] == 1 and 5 < len(told) < 15
    sums = np.array([part.usage.sum() for part in told[1:]])
    places = len(session.latents().labels) * model_of(session).places
    assert np.array_equal(sums, np.rint(np.array(done[1:]) * places)), "each tells of the items it has counted"


def test_without_the_data_the_use_is_not_known(session: ModelSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_config: DataConfig) -> Dataset:
        raise DataError("not on this machine")

    gone = dataclasses.replace(CATALOG["digits"], available=lambda: False, load=missing)
    monkeypatch.setitem(CATALOG, "digits", gone)
    found = codebook(session, CodebookRequest(1))
    assert found.usage.shape == (0,) and found.perplexity == 0 and len(found.pictures) == len(vectors_of(session))


def test_positions_are_on_the_axes_of_largest_variance() -> None:
    rng = np.random.default_rng(0)
    vectors = (rng.standard_normal((200, 5)) * (4, 0.1, 2, 0.3, 0.2)).astype(np.float32)
    found = principal_axes(vectors)
    values = np.linalg.eigvalsh(np.cov(vectors.T, bias=True))[::-1]
    assert np.allclose(found.var(axis=0), values[:2], rtol=1e-4)
    assert np.allclose(found.mean(axis=0), 0, atol=1e-5)
    assert abs(np.corrcoef(found[:, 0], vectors[:, 0])[0, 1]) > 0.99
    flat = rng.standard_normal((30, 2)).astype(np.float32)  # in two dimensions it is a rotation
    moved = principal_axes(flat)
    assert np.allclose(
        np.linalg.norm(flat[:, None] - flat, axis=-1), np.linalg.norm(moved[:, None] - moved, axis=-1), atol=1e-4
    )
    line = principal_axes(np.arange(6, dtype=np.float32)[:, None])
    assert line.shape == (6, 2) and np.array_equal(line[:, 1], np.zeros(6)) and float(np.ptp(line[:, 0])) == 5


def test_what_does_not_fit_is_named(session: ModelSession) -> None:
    other = ModelSession.open("digits-vae-2d", "cpu")
    with pytest.raises(RunError, match=r"no codebook.*choose a VQ-VAE"):
        code_map(other, CodesRequest(1, np.zeros((1, 8, 8, 1), np.uint8)))
    with pytest.raises(RunError, match="no codebook"):
        codebook(other, CodebookRequest(1))
    with pytest.raises(RunError, match=r"one uint8 picture of shape \(1, 8, 8, 1\)"):
        code_map(session, CodesRequest(1, np.zeros((2, 8, 8, 1), np.uint8)))
    with pytest.raises(RunError, match="finite z of shape"):
        code_map(session, CodesRequest(1, NOTHING, np.full(session.latent_size, np.nan, np.float32)))
    grid = model_of(session).grid
    with pytest.raises(RunError, match="whole numbers"):
        painted(session, PaintRequest(1, np.zeros((1, 1), np.int64)))
    with pytest.raises(RunError, match="codes 0 to 31; the map has 0 to 32"):
        painted(session, PaintRequest(1, np.r_[32, [0] * (grid[0] * grid[1] - 1)].reshape(grid)))
    with pytest.raises(RunError, match="the map has -1"):
        painted(session, PaintRequest(1, np.full(grid, -1)))

"""Where items are encoded and the terms of their bounds, held against closed forms and against the evaluation."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch

from explorer.config import DataConfig, HierarchicalConfig
from explorer.data.catalog import Dataset, load
from explorer.errors import RunError
from explorer.inference import latents
from explorer.inference.evaluation import evaluate
from explorer.inference.latents import Pace, encoded, items, samples, sheet
from explorer.inference.plan import Plan
from explorer.inference.session import ModelSession
from explorer.latent_messages import EncodeRequest, ItemsRequest, MapItems, PriorRequest, SheetRequest
from explorer.messages import LatentMap, Split
from explorer.models.hierarchical_vae import HierarchicalVAE
from explorer.models.vq_vae import VQVAE
from explorer.walks import prior

Trained = Callable[[str], Path]
Found = TypeVar("Found")
FAMILIES = (
    "digits-vae", "digits-beta-vae", "digits-conditional", "digits-ladder", "digits-vq", "digits-autoencoder",
    "points-vae",
)  # fmt: skip


@pytest.fixture(scope="session")
def opened(trained: Trained) -> Callable[[str], ModelSession]:
    """Return the session of a small model, one for the whole session."""
    made: dict[str, ModelSession] = {}

    def get(preset: str) -> ModelSession:
        if preset not in made:
            made[preset] = ModelSession.open(trained(preset), "cpu")
        return made[preset]

    return get


def last(parts: Iterator[Found | None]) -> Found:
    *_, found = (part for part in parts if part is not None)
    return found


def evaluation(session: ModelSession, split: Split = "test") -> Any:
    *_, found = evaluate(session, Plan(session.data, split=split, iwae=0))
    return found


# ---- one item ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", FAMILIES)
def test_an_item_is_encoded_with_its_terms(opened: Callable[[str], ModelSession], preset: str) -> None:
    session = opened(preset)
    values, labels = load(session.data).split("test")
    request = EncodeRequest(7, values[:1], int(labels[0]), seed=-1)
    found = encoded(session, request)
    mean, sigma = session.encode(values[:1], labels[:1])
    size = session.latent_size
    assert found.request is request and found.mean.shape == found.sigma.shape == found.z.shape == (size,)
    assert np.allclose(found.mean, mean[0], atol=1e-5) and np.allclose(found.sigma, sigma[0], atol=1e-5)
    assert np.array_equal(found.z, found.mean), "ε = 0 is the mean"
    assert found.pixels.shape == found.reconstruction.shape == (1, *session.image_shape)
    if not session.points:
        assert np.array_equal(found.pixels, values[:1])
    if preset != "digits-vq":  # whose few coordinates come only near its codes
        again = session.decode(found.z[None], int(labels[0]))
        assert int(np.abs(again.astype(int) - found.reconstruction).max()) <= 1
    assert math.isfinite(found.log_likelihood) and found.elbo == found.log_likelihood - found.kl
    if preset in {"digits-vq", "digits-autoencoder"}:
        assert found.kl_per_dimension.shape == (0,) and not found.sigma.any()
        assert (found.kl > 0) == (preset == "digits-vq")
    else:
        assert found.kl_per_dimension.shape == (size,)
        assert math.isclose(found.kl, float(found.kl_per_dimension.sum()), rel_tol=1e-5)
    if preset not in {"digits-vq", "digits-autoencoder", "digits-ladder"}:
        m, s = mean[0].astype(float), sigma[0].astype(float)
        assert np.allclose(found.kl_per_dimension, 0.5 * (m**2 + s**2 - 1 - 2 * np.log(s)), atol=1e-4)


def test_the_draw_is_as_the_seed_says(opened: Callable[[str], ModelSession]) -> None:
    session = opened("digits-vae")
    values, _ = load("digits").split("test")
    found = [encoded(session, EncodeRequest(0, values[:1], seed=seed)) for seed in range(400)]
    mean, sigma = found[0].mean, found[0].sigma
    noise = np.stack([(one.z - mean) / sigma for one in found])
    assert np.abs(noise.mean(0)).max() < 0.2 and np.abs(noise.std(0) - 1).max() < 0.15
    assert np.array_equal(found[3].z, encoded(session, EncodeRequest(1, values[:1], seed=3)).z)


@pytest.mark.parametrize("preset", ["digits-vae", "digits-conditional", "points-vae"])
def test_the_likelihood_is_the_formula_at_the_picture(opened: Callable[[str], ModelSession], preset: str) -> None:
    session = opened(preset)
    values, labels = load(session.data).split("test")
    found = encoded(session, EncodeRequest(0, values[3:4], int(labels[3]), seed=5))
    decoded = session.decode_values(found.z[None], int(labels[3])).astype(float)
    if session.model.config.likelihood == "bernoulli":
        x = values[3:4] / 255
        expected = np.sum(x * np.log(decoded) + (1 - x) * np.log1p(-decoded))
    else:
        variance = float(session.latent_model().likelihood.sigma) ** 2
        away = np.square(values[3:4] - decoded)
        expected = -np.sum(0.5 * np.log(2 * np.pi * variance) + away / (2 * variance))
    assert math.isclose(found.log_likelihood, expected, rel_tol=1e-4)


def test_a_draw_of_a_hierarchy_decodes_to_what_its_terms_are_of(opened: Callable[[str], ModelSession]) -> None:
    session = opened("digits-ladder")
    values, _ = load("digits").split("test")
    for seed in range(3):
        found = encoded(session, EncodeRequest(0, values[:1], seed=seed))
        again = session.decode(found.z[None]).astype(int)
        assert int(np.abs(again - found.reconstruction).max()) <= 1


@pytest.mark.parametrize("inference", ["bottom-up", "ladder"])
def test_a_draw_is_the_one_that_forward_looks_at(inference: str) -> None:
    config = HierarchicalConfig.model_validate({"latent_sizes": (4, 3, 2), "hidden_units": 16, "inference": inference})
    torch.manual_seed(0)
    model = HierarchicalVAE(config, (1, 8, 8))
    x, noise = torch.rand(6, 1, 8, 8), torch.randn(6, 9)
    with torch.inference_mode():
        z = model.draw(x, noise)
        assert torch.allclose(model.log_likelihood(x, z), model(x, None, noise)[0], rtol=1e-4, atol=1e-3)
        assert torch.allclose(model.draw(x, 0 * noise), model.encode(x)[0], atol=1e-5)


def test_codes_have_their_price(opened: Callable[[str], ModelSession]) -> None:
    session = opened("digits-vq")
    values, _ = load("digits").split("test")
    found = encoded(session, EncodeRequest(0, values[:1]))
    model = session.model
    assert isinstance(model, VQVAE)
    with torch.inference_mode():
        codes = model.codes(torch.from_numpy(values[:1].transpose(0, 3, 1, 2)).float() / 255)
        log_p = model.code_prior(codes).log_softmax(2)
        nats = -sum(float(log_p[0, place, code]) for place, code in enumerate(codes[0]))
        picture = model.from_codes(codes)[0, 0].numpy()
    assert math.isclose(found.kl, nats, rel_tol=1e-5)
    assert np.abs(found.reconstruction[0, :, :, 0] - 255 * picture).max() <= 1


@pytest.mark.parametrize("name", ["mnist-vae", "mnist-vq"])
def test_terms_of_a_model_trained_on_black_or_white_are_of_such_a_draw(name: str) -> None:
    session = ModelSession.open(name, "cpu")
    assert session.latent_model().config.binarization == "dynamic"
    grey = np.random.default_rng(0).integers(0, 256, (1, 28, 28, 1)).astype(np.uint8)
    grey[:, :14] = 0
    grey[:, 20:] = 255
    found = encoded(session, EncodeRequest(0, grey))
    assert np.allclose(found.mean, session.encode(grey)[0][0], atol=1e-5), "where it is, is where the grey one is"
    threshold = torch.rand(1, 28, 28, generator=torch.Generator().manual_seed(0)).numpy()[0]
    black_or_white = np.where(threshold < grey[0, :, :, 0] / 255, 255, 0).astype(np.uint8)[None, :, :, None]
    other = encoded(session, EncodeRequest(0, black_or_white))
    assert math.isclose(found.log_likelihood, other.log_likelihood, rel_tol=1e-5) and math.isclose(found.kl, other.kl)
    assert not np.allclose(found.mean, other.mean)


def test_what_cannot_be_encoded_is_named(opened: Callable[[str], ModelSession], trained: Trained) -> None:
    session, two = opened("digits-vae"), np.zeros((2, 8, 8, 1), np.uint8)
    for values, words in ((two, "one item at a time"), (two[:1, :4], "items of"), (two[:1].astype(float), "uint8")):
        with pytest.raises(RunError, match=words):
            encoded(session, EncodeRequest(0, values))
    with pytest.raises(RunError, match="no class 11"):
        encoded(opened("digits-conditional"), EncodeRequest(0, two[:1], label=11))
    with pytest.raises(RunError, match="no latent space"):
        encoded(ModelSession.open(trained("points-ddpm"), "cpu"), EncodeRequest(0, np.zeros((1, 1, 1, 2), np.float32)))


# ---- the items of the map ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", FAMILIES)
def test_items_are_those_of_the_map_and_their_terms_those_of_the_evaluation(
    opened: Callable[[str], ModelSession], preset: str
) -> None:
    session = opened(preset)
    messages = [part for part in items(session, ItemsRequest(4), Pace(100)) if part is not None]
    gaussian = preset not in {"digits-autoencoder", "digits-vq"}
    assert len(messages) == 2 + gaussian and all(message.request == 4 and not message.note for message in messages)
    early, found = messages[0], messages[-1]
    if gaussian:  # σ, which the gauge waits for, does not wait for the terms
        assert not messages[1].terms and np.array_equal(messages[1].sigma, found.sigma) and len(found.sigma)
    shown = session.latents()
    assert not early.terms and early.sigma.shape == (0, session.latent_size)
    assert len(found.values) == len(shown.means) and early.values is found.values
    assert len(found.pixels) == (0 if session.points else len(shown.means))
    place = len(shown.means) - 3
    mean, sigma = session.encode(found.values[place:], shown.labels[place:])
    assert np.allclose(mean, shown.means[place:], rtol=1e-3, atol=1e-4)
    whole = evaluation(session, shown.split).figures
    counted = {"reconstruction": "reconstruction"} | (
        {"kl": "kl", "elbo": "elbo"} if session.latent_model().has_kl else {}
    )
    assert set(found.terms) == set(counted)
    for name, figure in counted.items():
        assert found.terms[name].shape == (len(shown.means),)
        # Another draw of ε than the evaluation's: the means agree within their errors.
        error = 5 * (whole[figure].error or 0) + 1e-3 * abs(whole[figure].value)
        assert abs(float(found.terms[name].mean()) - whole[figure].value) < error
    if "kl" in counted:
        assert np.allclose(found.terms["elbo"], found.terms["reconstruction"] - found.terms["kl"])
    if preset in {"digits-vq", "digits-autoencoder"}:
        assert found.sigma.shape == (0, session.latent_size)
    else:
        assert np.allclose(found.sigma[place:], sigma, atol=1e-4)


def test_the_part_size_decides_nothing(opened: Callable[[str], ModelSession]) -> None:
    for preset in ("digits-ladder", "digits-conditional"):
        few, many = (last(items(opened(preset), ItemsRequest(0), Pace(size))) for size in (64, 1500))
        for name, values in few.terms.items():
            assert np.allclose(values, many.terms[name], rtol=1e-4, atol=1e-3)


def test_of_one_item_the_map_and_the_encoder_say_the_same(opened: Callable[[str], ModelSession]) -> None:
    for preset in (
        "digits-vae",
        "digits-beta-vae",
        "digits-conditional",
        "digits-ladder",
        "digits-vq",
        "digits-autoencoder",
    ):
        session = opened(preset)
        found = last(items(session, ItemsRequest(0), Pace(500)))
        label = int(session.latents().labels[11])
        one = encoded(session, EncodeRequest(0, found.values[11:12], label, item=11))
        assert math.isclose(one.log_likelihood, float(found.terms["reconstruction"][11]), rel_tol=1e-4)
        if "kl" in found.terms:
            assert math.isclose(one.kl, float(found.terms["kl"][11]), rel_tol=1e-4)


def test_factors_of_sprites_are_those_of_the_items(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    session = ModelSession.open(trained("digits-vae"), "cpu")
    sprites = load(DataConfig(name="sprites", items=30))
    small = Dataset(  # sprites that this model can look at
        "sprites", sprites.values[:, ::8, ::8], sprites.labels, 20, sprites.factors, sprites.factor_names
    )
    shown = LatentMap(np.zeros((9, 2), np.float32), small.labels[20:29], np.zeros(2, np.float32), "test")
    monkeypatch.setattr(session, "latents", lambda: shown)
    monkeypatch.setattr(latents, "load", lambda _data: small)
    for found in (part for part in items(session, ItemsRequest(0), Pace()) if part is not None):
        assert list(found.factors) == ["shape", "scale", "orientation", "x", "y"]
        assert np.array_equal(np.stack(list(found.factors.values()), 1), small.factors[20:29])
        assert np.array_equal(found.pixels, small.values[20:29])


def test_without_the_data_a_note_says_how_to_get_them() -> None:
    session = ModelSession.open("mnist-vae", "cpu")
    messages = [part for part in items(session, ItemsRequest(9), Pace()) if part is not None]
    assert len(messages) == 1 and "MNIST is not on this machine" in messages[0].note and "Locate" in messages[0].note
    assert messages[0].request == 9 and messages[0].pixels.shape == (0, 28, 28, 1)
    assert messages[0].values.shape == (0, 28, 28, 1) and not messages[0].terms


def test_other_data_than_the_map_was_made_of_are_not_shown_as_its_items(trained: Trained) -> None:
    session = ModelSession.open(trained("digits-vae"), "cpu")
    session.data = DataConfig(name="digits", items=700)
    *_, found = (part for part in items(session, ItemsRequest(0), Pace()) if part is not None)
    assert isinstance(found, MapItems) and "other items" in found.note and not len(found.pixels)


# ---- many pictures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", FAMILIES)
def test_a_sheet_is_what_decoding_gives(opened: Callable[[str], ModelSession], preset: str) -> None:
    session = opened(preset)
    z = prior(37, session.latent_size, 0)
    labels = tuple(range(10)) * 3 + (1,) * 7 if session.model.classes else (0,)
    parts = list(sheet(session, SheetRequest(1, z, labels), Pace(5)))
    assert len(parts) == 9 and all(part is None for part in parts[:-1])
    found = parts[-1]
    assert found is not None and found.pixels.shape == (37, *session.image_shape)
    expected = np.concatenate(
        [session.decode(row[None], labels[at] if len(labels) > 1 else 0) for at, row in enumerate(z)]
    )
    assert int(np.abs(found.pixels.astype(int) - expected).max()) <= 1
    assert last(sheet(session, SheetRequest(2, z[:0]), Pace())).pixels.shape == (0, *session.image_shape)


def test_classes_of_a_sheet_matter_and_wrong_ones_are_named(opened: Callable[[str], ModelSession]) -> None:
    session = opened("digits-conditional")
    z = np.zeros((10, session.latent_size), np.float32)
    each = last(sheet(session, SheetRequest(0, z, tuple(range(10))), Pace())).pixels
    one = last(sheet(session, SheetRequest(0, z, (4,)), Pace())).pixels
    assert all(np.array_equal(row, one[0]) for row in one) and np.abs(each[4].astype(int) - one[0]).max() <= 1
    assert any(not np.array_equal(each[0], row) for row in each)
    for labels, words in (((0, 1), "each of 10 items"), ((12,), "no class 12")):
        with pytest.raises(RunError, match=words):
            last(sheet(session, SheetRequest(0, z, labels), Pace()))


@pytest.mark.parametrize("preset", FAMILIES)
def test_draws_are_those_of_sample_and_do_not_depend_on_how_many(
    opened: Callable[[str], ModelSession], preset: str
) -> None:
    session = opened(preset)
    found = last(samples(session, PriorRequest(3, 12, seed=5), Pace(5)))
    few = last(samples(session, PriorRequest(3, 4, seed=5), Pace(3)))
    assert found.z.shape == (12, session.latent_size) and found.pixels.shape == (12, *session.image_shape)
    assert np.allclose(found.z[:4], few.z, atol=1e-4)
    assert int(np.abs(found.pixels[:4].astype(int) - few.pixels).max()) <= 1
    assert found.labels.tolist() == [n % 10 if session.model.classes else 0 for n in range(12)]
    if not session.points:
        drawn = list(session.sample(12, seed=5))[-1][2]
        assert drawn is not None and int(np.abs(found.pixels.astype(int) - drawn).max()) <= 1
    if preset != "digits-vq":
        again = np.concatenate([session.decode(z[None], int(at)) for z, at in zip(found.z, found.labels, strict=True)])
        assert int(np.abs(again.astype(int) - found.pixels).max()) <= 1


def test_the_temperature_is_the_spread_of_the_noise(opened: Callable[[str], ModelSession]) -> None:
    session = opened("digits-vae")
    one, cold, none = (last(samples(session, PriorRequest(0, 50, 2, t), Pace(64))) for t in (1.0, 0.25, 0.0))
    assert np.allclose(cold.z, one.z / 4) and not none.z.any() and 0.7 < one.z.std() < 1.3
    told = last(samples(opened("digits-conditional"), PriorRequest(0, 5, 2, label=3), Pace()))
    assert told.labels.tolist() == [3] * 5
    with pytest.raises(RunError, match="no class 10"):
        last(samples(opened("digits-conditional"), PriorRequest(0, 5, 2, label=10), Pace()))


def test_the_temperature_of_codes_sharpens_their_prior(opened: Callable[[str], ModelSession]) -> None:
    session = opened("digits-vq")
    model = session.model
    assert isinstance(model, VQVAE)
    from explorer.models.code_prior import CategoricalPrior, sample_codes

    table = CategoricalPrior(1, 3)
    with torch.no_grad():
        table.logits[:] = torch.tensor([0.0, 1.0, 2.0])
    uniform = torch.rand(20_000, 1, generator=torch.Generator().manual_seed(0))
    for temperature in (0.5, 1.0, 2.0):
        share = torch.bincount(sample_codes(table, uniform, temperature).flatten(), minlength=3) / 20_000
        expected = torch.exp(torch.tensor([0.0, 1.0, 2.0]) / temperature)
        assert torch.allclose(share, expected / expected.sum(), atol=0.015)
    coldest = last(samples(session, PriorRequest(0, 6, 2, 0.0), Pace()))
    assert all(np.array_equal(row, coldest.pixels[0]) for row in coldest.pixels), "the most likely codes are one map"


# ---- pace ----------------------------------------------------------------------------------------------------------


def test_the_pace_follows_the_machine() -> None:
    pace, sizes = Pace(4), []
    for part in pace.parts(10_000):  # a machine that takes 50 µs an item
        sizes.append(part.stop - part.start)
        pace.took(50e-6 * sizes[-1])
    assert sum(sizes) == 10_000 and sizes[0] == 4 and all(60 <= size <= 90 for size in sizes[6:-1])
    pace.took(100.0)
    assert pace.items < 90
    for _ in range(20):
        next(iter(pace.parts(10**6)))
        pace.took(100.0)
    assert pace.items == 1
    for _ in range(20):
        next(iter(pace.parts(10**6)))
        pace.took(0.0)
    assert pace.items == 1024
    assert list(Pace(3).parts(0)) == []

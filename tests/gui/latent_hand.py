"""What the tests of the Latent page's right side share: models, encoded images and items made up."""

from collections.abc import Sequence

import numpy as np

from explorer.latent_messages import Encoded, EncodeRequest, MapItems
from explorer.messages import LatentMap, ModelCard, OpenedModel
from explorer.walks import dimension_names

SHAPE = (8, 8, 1)


def card(family: str = "vae", dataset: str = "mnist") -> ModelCard:
    metrics = {"test_reconstruction": -80.0} if family == "autoencoder" else {"test_elbo": -100.0, "test_kl": 12.0}
    config = {"model": {"beta": 1.0, "latent_size": 4, "likelihood": "bernoulli"}}
    return ModelCard(
        name="made-up", title="Made up", family=family, label=family, dataset=dataset, path="made-up", bundled=False,
        metrics=metrics, config=config, created="2026-01-01T00:00:00+00:00", parameters=1,
    )  # fmt: skip


def model(
    kl: Sequence[float] = (0.5, 2.0, 0.001, 1.0),
    family: str = "vae",
    *,
    size: int = 0,
    items: int = 200,
    levels: tuple[int, ...] = (),
    classes: int = 0,
    points: bool = False,
    dataset: str = "mnist",
    seed: int = 0,
) -> OpenedModel:
    """Return a model of latents with this KL, or of ``size`` deterministic ones."""
    random = np.random.default_rng(seed)
    latent = size or len(kl)
    means = random.standard_normal((items, latent)).astype(np.float32)
    latents = LatentMap(means, random.integers(0, 10, items), np.asarray(() if size else kl, np.float32), "test")
    return OpenedModel(
        1, card(family, dataset), SHAPE, latent, "cpu", {"model": "made-up"}, latents,
        levels=levels or (latent,), classes=classes, points=points,
    )  # fmt: skip


def names(of: OpenedModel) -> list[str]:
    return dimension_names(of.levels)


def items(of: OpenedModel, *, pictures: bool = True, sigma: bool = False, note: str = "") -> MapItems:
    assert of.latents is not None
    count, latent = of.latents.means.shape
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (count if pictures else 0, *SHAPE)).astype(np.uint8)
    spread = np.full((count if sigma else 0, latent), 0.3, np.float32)
    return MapItems(1, pixels, pixels, spread, note=note)


def encoded(of: OpenedModel, *, sigma: float = 0.4, kl: bool = True, seed: int = 5) -> Encoded:
    """Return an image as a model of this family would encode it."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (1, *SHAPE)).astype(np.uint8)
    mean = random.standard_normal(of.latent_size).astype(np.float32)
    spread = np.full(of.latent_size, sigma, np.float32)
    per = np.linspace(0.1, 2.0, of.latent_size).astype(np.float32) if kl else np.zeros(0, np.float32)
    total = 37.5 if of.card.family == "vq" else float(per.sum())
    return Encoded(EncodeRequest(1, pixels), pixels, mean, spread, mean, pixels[:, ::-1], -88.25, per, total)

"""The bundled diffusion models: near their data, of the class that is asked for, and varied."""

from collections import deque

import numpy as np
import pytest
import torch
from sklearn.svm import SVC

from explorer.config import Sampling
from explorer.data.catalog import bring, load
from explorer.inference.session import ModelSession
from explorer.models.diffusion import Diffusion
from explorer.models.exact import sliced_wasserstein
from explorer.models.noise import NoiseSource
from explorer.models.samplers import Denoiser, ancestral
from tests.truth.test_mnist import SOURCE


@pytest.mark.parametrize("predicts", ["mean", "x0", "eps", "v"])
def test_every_parameterization_reaches_the_moons(predicts: str) -> None:
    model = ModelSession.open(f"two-moons-{predicts}", "cpu").model
    assert isinstance(model, Diffusion) and model.predicts == predicts
    noise = NoiseSource(3, 1000)
    start = noise.draw(model.shape)
    [last] = deque(ancestral(Denoiser(model), start, noise), maxlen=1)
    data = torch.from_numpy(load("two-moons").split("test")[0][:1000].reshape(-1, 2))
    assert sliced_wasserstein(last.x_t.reshape(-1, 2), data) < 0.14
    assert sliced_wasserstein(start.reshape(-1, 2), data) > 0.2, "noise itself is farther away"


def _spread(images: np.ndarray) -> float:
    """Return the average distance between two images of a class."""
    flat = images.reshape(len(images), -1).astype(float)
    return float(np.sqrt(((flat[:, None] - flat[None]) ** 2).sum(2)).mean())


def _asked_and_seen(name: str, data: str, per_class: int) -> tuple[float, float]:
    """Return the share of samples that a classifier of the data sees as asked for, and their spread over the data's."""
    (train, labels), (test, test_labels) = load(data).split("train"), load(data).split("test")
    kept = slice(None, 6000)
    classifier = SVC(C=10).fit(train[kept].reshape(len(train[kept]), -1) / 255, labels[kept])
    session = ModelSession.open(name, "cpu")
    count = 10 * per_class
    pixels = list(session.sample(count, 5, Sampling(sampler="ddim", steps=50, guidance=1.5)))[-1][2]
    assert pixels is not None
    asked = np.arange(count) % 10
    seen = classifier.predict(pixels.reshape(count, -1) / 255)
    spreads = [_spread(pixels[asked == k]) / _spread(test[test_labels == k][: 3 * per_class]) for k in range(10)]
    return float((seen == asked).mean()), float(np.mean(spreads))


def test_digits_are_as_asked_and_varied() -> None:
    share, spread = _asked_and_seen("digits-ddpm", "digits", 12)
    assert share > 0.85 and 0.6 < spread < 1.3


@pytest.mark.skipif(not SOURCE.is_dir(), reason="there is no copy of MNIST beside this checkout")
def test_mnist_digits_are_as_asked_and_varied() -> None:
    bring("mnist", SOURCE)
    share, spread = _asked_and_seen("mnist-ddpm", "mnist", 4)
    assert share > 0.9 and 0.6 < spread < 1.3

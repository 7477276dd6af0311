"""The real MNIST, where a copy lies beside this checkout: order, statistics, and a bound that falls as it should."""

from pathlib import Path

import pytest

from explorer import runs
from explorer.config import DataConfig
from explorer.data.catalog import bring, load
from explorer.figures import Evaluation
from explorer.inference.evaluation import evaluate
from explorer.inference.plan import Plan
from explorer.inference.session import ModelSession
from explorer.settings import load_settings, with_settings
from explorer.training.loop import train

SOURCE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mnist"
pytestmark = pytest.mark.skipif(not SOURCE.is_dir(), reason="there is no copy of MNIST beside this checkout")


def test_it_is_the_original_in_its_original_order() -> None:
    bring("mnist", SOURCE)
    data = load("mnist")
    assert data.values.shape == (70_000, 28, 28, 1) and data.train_items == 60_000
    assert data.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.split("test")[1][:5].tolist() == [7, 2, 1, 0, 4]
    train_pixels = data.split("train")[0] / 255.0
    assert float(train_pixels.mean()) == pytest.approx(0.1307, abs=1e-4)
    assert float(train_pixels.std()) == pytest.approx(0.3081, abs=1e-4)


@pytest.mark.slow
def test_the_one_layer_vae_of_the_iwae_paper_gets_under_way(tmp_path: Path) -> None:
    """Burda et al. 2016, Table 1, k = 1: 86.8 nats after 3280 epochs; here four, which reach about 130."""
    bring("mnist", SOURCE)
    config = with_settings(
        load_settings("mnist-vae-50d"),
        ["training.epochs=4", "training.precision=float32", "training.device=cpu"],
    )
    folder = runs.create(config, tmp_path / "run")
    list(train(folder))
    session = ModelSession.open(folder, "cpu")
    found = list(evaluate(session, Plan(DataConfig(name="mnist"), limit=500, iwae=100)))[-1]
    assert isinstance(found, Evaluation)
    assert -140 < found.figures["elbo"].value < found.figures["iwae"].value < -90
    assert found.figures["bits_per_dim"].value == pytest.approx(
        -found.figures["elbo"].value / (784 * 0.6931471805599453), rel=1e-6
    )

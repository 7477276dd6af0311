"""Evaluation against other routes: sklearn's mutual information, ordered bounds, loops by hand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from explorer.config import DataConfig
from explorer.data import sprites
from explorer.data.batches import to_tensor, to_unit
from explorer.data.catalog import load
from explorer.errors import DataError
from explorer.figures import Evaluation
from explorer.inference.disentanglement import mutual_information_gap
from explorer.inference.evaluation import evaluate, importance_weighted
from explorer.inference.plan import Plan
from explorer.inference.session import ModelSession
from explorer.messages import Step
from explorer.models.build import LatentModel
from explorer.training.loop import train


def finished(session: ModelSession, plan: Plan) -> Evaluation:
    *steps, last = list(evaluate(session, plan))
    assert isinstance(last, Evaluation)
    assert [step.done for step in steps if isinstance(step, Step)] == list(range(1, len(steps) + 1))
    return last


@pytest.fixture(scope="module")
def session() -> ModelSession:
    return ModelSession.open("digits-vae-2d", "cpu")


def test_bounds_are_ordered(session: ModelSession) -> None:
    """ELBO = E[IWAE_1] <= E[IWAE_5] <= E[IWAE_50], each by many draws, within error bars."""
    model = session.model
    assert isinstance(model, LatentModel)
    x = to_unit(to_tensor(load("digits").split("test")[0][:20]))

    def bound(samples: int) -> tuple[float, float]:
        draws = torch.stack(
            [importance_weighted(model, x, None, samples, torch.Generator().manual_seed(seed)) for seed in range(200)]
        ).mean(1)
        return float(draws.mean()), float(draws.std() / len(draws) ** 0.5)

    with torch.no_grad():
        noise = torch.randn(200 * 20, 2, generator=torch.Generator().manual_seed(5))
        log_likelihood, kl = model(x, None, noise)
    elbo = float((log_likelihood - kl.sum(1)).mean())
    error = float((log_likelihood - kl.sum(1)).reshape(200, 20).mean(1).std() / 200**0.5)
    one, five, fifty = bound(1), bound(5), bound(50)
    assert one[0] == pytest.approx(elbo, abs=4 * (one[1] + error))
    assert five[0] > one[0] - 4 * (one[1] + five[1]) and five[0] - one[0] > 0.05
    assert fifty[0] > five[0] - 4 * (five[1] + fifty[1]) and fifty[0] - five[0] > 0.005


def test_the_evidence_of_a_two_dimensional_model_by_integration(session: ModelSession) -> None:
    """ln p(x) on a grid of z: IWAE comes from below, and prior Monte Carlo with 10 000 draws is near."""
    model = session.model
    assert isinstance(model, LatentModel)
    x = to_unit(to_tensor(load("digits").split("test")[0][:100]))
    axis = torch.linspace(-5, 5, 201)
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        prior = torch.distributions.Normal(0.0, 1.0).log_prob(grid).sum(1)
        joint = model.likelihood.log_prob_of_pairs(x, model.decode(grid)) + prior
        evidence = joint.logsumexp(1) + 2 * torch.log(axis[1] - axis[0])
        tight = importance_weighted(model, x, None, 2000, torch.Generator().manual_seed(0))
    found = finished(session, Plan(DataConfig(), limit=100, iwae=50))
    exact = float(evidence.mean())
    assert exact - 0.06 < float(tight.mean()) < exact + 0.005
    assert found.figures["elbo"].value < found.figures["iwae"].value < exact + 0.01
    assert found.figures["prior_monte_carlo"].value == pytest.approx(exact, abs=0.1)


def test_same_seed_same_numbers_other_seed_other_numbers(session: ModelSession) -> None:
    first, again, other = (finished(session, Plan(DataConfig(), limit=150, iwae=5, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first.figures["elbo"].value != other.figures["elbo"].value
    assert first.figures["elbo"].value == pytest.approx(other.figures["elbo"].value, abs=2)


def test_figures_are_those_of_the_parts(session: ModelSession) -> None:
    found = finished(session, Plan(DataConfig(), iwae=0))
    figures = found.figures
    assert figures["elbo"].value == pytest.approx(figures["reconstruction"].value - figures["kl"].value, rel=1e-6)
    assert sum(found.kl_per_dimension) == pytest.approx(figures["kl"].value, rel=1e-6)
    assert found.kl_per_level == (pytest.approx(figures["kl"].value),)
    assert "iwae" not in figures and "prior_monte_carlo" not in figures
    assert "bits_per_dim" not in figures, "grey values are no probabilities"
    pixels, _ = load("digits").split("test")
    again = session.decode_values(session.encode(pixels)[0])
    assert figures["mse"].value == pytest.approx(float(np.square(again - pixels / 255.0).mean()), rel=1e-4)
    assert found.items == 297


def ssim_by_hand(a: np.ndarray, b: np.ndarray) -> float:
    """Wang et al. 2004 with uniform 7×7 windows and unbiased (co)variances, window by window."""
    found = []
    for top in range(a.shape[0] - 6):
        for left in range(a.shape[1] - 6):
            p, q = a[top : top + 7, left : left + 7].ravel(), b[top : top + 7, left : left + 7].ravel()
            covariance = np.cov(p, q)
            c1, c2 = 0.01**2, 0.03**2
            luminance = (2 * p.mean() * q.mean() + c1) / (p.mean() ** 2 + q.mean() ** 2 + c1)
            structure = (2 * covariance[0, 1] + c2) / (covariance[0, 0] + covariance[1, 1] + c2)
            found.append(luminance * structure)
    return float(np.mean(found))


def test_similarity_is_the_one_by_hand(session: ModelSession) -> None:
    pixels, _ = load("digits").split("test")
    pixels = pixels[:30]
    again = session.decode_values(session.encode(pixels)[0])[..., 0]
    by_hand = np.mean([ssim_by_hand(a, b) for a, b in zip(pixels[..., 0] / 255.0, again, strict=True)])
    found = finished(session, Plan(DataConfig(), limit=30, iwae=0))
    assert found.figures["ssim"].value == pytest.approx(float(by_hand), abs=1e-4)


def test_mig_is_the_one_through_sklearn() -> None:
    random = np.random.RandomState(0)
    factors = sprites.choose("", 3000)
    mixed = factors @ random.randn(5, 7) / sprites.SIZES[3] + random.randn(3000, 7)
    gaps = []
    for j in range(5):
        values = []
        for k in range(7):
            edges = np.linspace(mixed[:, k].min(), mixed[:, k].max(), 21)
            cells = np.clip(np.digitize(mixed[:, k], edges[1:-1]), 0, 19)
            values.append(mutual_info_score(cells, factors[:, j]))
        entropy = mutual_info_score(factors[:, j], factors[:, j])
        first, second = sorted(values)[-1], sorted(values)[-2]
        gaps.append((first - second) / entropy)
    assert mutual_information_gap(mixed, factors) == pytest.approx(float(np.mean(gaps)), abs=1e-9)


def test_mig_of_the_factors_themselves_is_one() -> None:
    factors = sprites.choose("orientation=0-9 x=0-7 y=0-7", 5760)
    latents = np.concatenate([factors.astype(float), np.zeros((len(factors), 2))], axis=1)
    assert mutual_information_gap(latents, factors) == pytest.approx(1, abs=0.02)
    with pytest.raises(DataError, match="no factor"):
        mutual_information_gap(latents, np.zeros((len(factors), 2), np.int64))


@pytest.mark.parametrize(
    "preset", ["digits-vae", "digits-autoencoder", "digits-conditional", "digits-ladder", "digits-vq", "points-vae"]
)
def test_every_family_is_evaluated(trained: Callable[[str], Path], preset: str) -> None:
    session = ModelSession.open(trained(preset), "cpu")
    found = finished(session, Plan(session.data, limit=60, iwae=3))
    bounded = preset != "digits-autoencoder"
    assert ("elbo" in found.figures) == bounded and "mse" in found.figures
    assert ("iwae" in found.figures) == (bounded and preset != "digits-vq")
    assert ("ssim" in found.figures) == (preset != "points-vae")
    assert len(found.kl_per_level) == {"digits-ladder": 2, "digits-vq": 0, "digits-autoencoder": 0}.get(preset, 1)
    if preset == "digits-vq":
        assert 1 <= found.figures["perplexity"].value <= 32


def test_the_wrong_number_of_classes_is_named(trained: Callable[[str], Path]) -> None:
    session = ModelSession.open(trained("digits-conditional"), "cpu")
    session.model.classes = 5
    with pytest.raises(DataError, match="was told 5"):
        list(evaluate(session, Plan(DataConfig())))


def test_a_single_item_has_no_gap_and_that_is_all(new_run: Callable[..., Path]) -> None:
    """MIG is left out where nothing varies, unless it was asked for: then that is said first."""
    folder = new_run("digits-vae", "data.name=sprites", "data.items=30", "model.hidden_units=4")
    list(train(folder))
    session = ModelSession.open(folder, "cpu")
    assert "mig" not in finished(session, Plan(session.data, limit=1, iwae=0)).figures
    assert 0 <= finished(session, Plan(session.data, split="train", iwae=0)).figures["mig"].value <= 1
    with pytest.raises(DataError, match="vary"):
        list(evaluate(session, Plan(session.data, limit=1, iwae=0, mig=True)))


def test_a_stopped_evaluation_ends_without_figures(session: ModelSession) -> None:
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 2

    assert [type(message) for message in evaluate(session, Plan(DataConfig(), iwae=0), stop)] == [Step, Step]

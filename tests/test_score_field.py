"""Models of points against their data: the exact score three ways, the learned one, distances, and what is refused."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance
from torch import Tensor, nn

from explorer.chain_messages import DistanceRequest, FieldRequest
from explorer.config import Prediction, Sampling
from explorer.data.catalog import load
from explorer.errors import ConfigError, RunError
from explorer.inference import score_field
from explorer.inference.score_field import exact_score, grid, learned_score
from explorer.inference.session import ModelSession
from explorer.messages import DenoiseRequest
from explorer.models.diffusion import Diffusion
from explorer.models.exact import MixtureDiffusion, sliced_wasserstein
from explorer.models.samplers import Denoiser
from explorer.models.schedules import noise_schedule

Trained = Callable[[str], Path]
SCHEDULE = noise_schedule(torch.linspace(1e-3, 0.2, 20))
POINT = (2, 1, 1)


@pytest.fixture
def data() -> Tensor:
    return torch.from_numpy(np.random.RandomState(0).randn(300, 2))


@pytest.fixture
def where() -> Tensor:
    return torch.from_numpy(np.random.RandomState(1).uniform(-3, 3, (40, 2)))


def log_density(x: Tensor, data: Tensor, signal: float) -> Tensor:
    """ln (1/n) Σ N(x; √ᾱ m_i, (1−ᾱ) I), written down as it is defined."""
    squares = (x[:, None] - math.sqrt(signal) * data).square().sum(2)
    parts = -squares / (2 * (1 - signal)) - math.log(2 * math.pi * (1 - signal))
    return parts.logsumexp(1) - math.log(len(data))


# ---- the exact score -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signal", [0.999, 0.9, 0.3, 1e-4])
def test_the_exact_score_is_the_gradient_of_the_log_density(data: Tensor, where: Tensor, signal: float) -> None:
    x = where.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(log_density(x, data, signal).sum(), x)
    assert torch.allclose(exact_score(where, data, signal), gradient, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("signal", [0.9, 0.3])
def test_it_is_the_slope_by_finite_differences(data: Tensor, where: Tensor, signal: float) -> None:
    step = 1e-5
    for axis in range(2):
        moved = torch.zeros(2, dtype=torch.float64)
        moved[axis] = step
        slope = (log_density(where + moved, data, signal) - log_density(where - moved, data, signal)) / (2 * step)
        assert torch.allclose(exact_score(where, data, signal)[:, axis], slope, rtol=1e-5, atol=1e-5)


def test_it_is_that_of_a_mixture_whose_components_are_points(data: Tensor, where: Tensor) -> None:
    mixture = MixtureDiffusion(torch.full((300,), 1 / 300), data, torch.zeros(300), SCHEDULE)
    for t in (1, 7, 20):
        expected = mixture.score(where, torch.full((40,), t))
        assert torch.allclose(exact_score(where, data, SCHEDULE.signal_variance[t]), expected, rtol=1e-6, atol=1e-6)


def test_far_away_and_with_little_noise_it_points_at_the_nearest(data: Tensor) -> None:
    far, signal = torch.tensor([[1000.0, 0.0], [-3.0, 2.5]], dtype=torch.float64), 1 - 1e-6
    targets = math.sqrt(signal) * data
    nearest = targets[torch.cdist(far, targets).argmin(1)]
    assert torch.allclose(exact_score(far, data, signal), (nearest - far) / 1e-6, rtol=1e-6)


def test_more_data_than_are_looked_at_together_change_nothing(data: Tensor) -> None:
    places = torch.from_numpy(np.random.RandomState(2).randn(score_field._AT_ONCE + 3, 2))
    whole = exact_score(places, data, 0.5)
    assert torch.allclose(whole[-1:], exact_score(places[-1:], data, 0.5), rtol=1e-12)


# ---- the learned score ---------------------------------------------------------------------------------------------


class Says(nn.Module):
    """A network that knows one x_0 and says what it is asked for."""

    def __init__(self, x0: Tensor, model_of: Callable[[], Diffusion]) -> None:
        super().__init__()
        self.x0, self._model_of = x0, model_of

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        model = self._model_of()
        at = model.coefficients(t)
        x0 = self.x0.reshape(1, 2, 1, 1).expand_as(x_t)
        return at.target(model.predicts, x0, at.eps(x0, x_t), x_t)


@pytest.mark.parametrize("predicts", ["eps", "x0", "v", "mean"])
def test_whatever_a_network_predicts_its_score_is_that_of_what_it_knows(predicts: Prediction, where: Tensor) -> None:
    x0 = torch.tensor([0.4, -0.7])
    models: list[Diffusion] = []
    models.append(Diffusion(Says(x0, lambda: models[0]), SCHEDULE, POINT, predicts))
    for t in (1, 5, 20):
        learned = learned_score(Denoiser(models[0]), where, t)
        exact = exact_score(where, x0[None], SCHEDULE.signal_variance[t])
        assert torch.allclose(learned, exact, rtol=2e-3, atol=2e-3 * float(exact.abs().max()))


def test_the_places_are_the_middles_of_cells() -> None:
    places = grid(3.0, 3)
    assert places.shape == (9, 2)
    assert places[:3].tolist() == [[-2, -2], [0, -2], [2, -2]] and places[-1].tolist() == [2, 2]


# ---- of a session --------------------------------------------------------------------------------------------------


def test_the_field_of_a_session_is_both_scores_and_their_difference(trained: Trained) -> None:
    session = ModelSession.open(trained("points-ddpm"), "cpu")
    t, signal = 5, session.diffusion().schedule.signal_variance[5]
    found = score_field.score_field(session, FieldRequest(3, t, Sampling(), 3.0, 8))
    training = torch.from_numpy(load(session.data).split("train")[0].reshape(-1, 2))
    places = torch.from_numpy(found.places)
    assert (found.request, found.t, found.places.shape) == (3, t, (64, 2))
    assert np.allclose(found.exact, exact_score(places, training, signal), rtol=1e-5, atol=1e-5)
    learned = learned_score(Denoiser(session.diffusion()), places, t)
    assert np.allclose(found.learned, learned, rtol=1e-4, atol=1e-4)
    away = np.hypot(*(found.learned - found.exact).T.astype(np.float64))
    assert found.grid_error == pytest.approx(float(np.sqrt(np.square(away).mean())), rel=1e-5)
    assert 0 < found.error < 10 * found.size and found.size > 0


def test_the_bundled_model_is_near_the_exact_score_where_there_is_noise() -> None:
    session = ModelSession.open("two-moons-eps", "cpu")
    found = score_field.score_field(session, FieldRequest(1, 100, Sampling()))
    assert found.error < 0.05 * found.size
    small = score_field.score_field(session, FieldRequest(1, 1, Sampling()))
    assert small.error > 0.5 * small.size, "no network that generalizes has the score of single points"


def test_distances_are_those_to_data_as_noisy(trained: Trained) -> None:
    session = ModelSession.open(trained("points-ddpm"), "cpu")
    frames = [frame for frame in session.denoise(DenoiseRequest(0, 500, 1)) if frame.t in {20, 10, 0}]
    clouds = np.stack([frame.points[0] for frame in frames if frame.points is not None])
    found = score_field.distances(session, DistanceRequest(4, (20, 10, 0), clouds, Sampling()))
    assert found.t == (20, 10, 0) and len(found.distance) == len(found.floor) == 3
    assert all(0 < floor < 0.3 for floor in found.floor)
    assert found.distance[0] < 0.3, "x_T is the noise that the data become"
    training = torch.from_numpy(load(session.data).split("train")[0].reshape(-1, 2))
    again = sliced_wasserstein(torch.from_numpy(clouds[-1]).double(), training[:500].double(), 64)
    assert found.distance[-1] == pytest.approx(again, rel=1e-6)
    far = DistanceRequest(5, (0,), clouds[-1:] + np.float32(2), Sampling())
    assert score_field.distances(session, far).distance[0] > 1


def test_a_projection_has_the_distance_that_scipy_gives() -> None:
    """W₂ of one direction is checked by its square root of mean squares; W₁ by SciPy on the same sorted values."""
    random = np.random.RandomState(3)
    a, b = random.randn(400, 1), 0.5 + 2 * random.randn(400, 1)
    ordered = np.sort(a[:, 0]) - np.sort(b[:, 0])
    assert np.abs(ordered).mean() == pytest.approx(wasserstein_distance(a[:, 0], b[:, 0]))
    found = sliced_wasserstein(torch.from_numpy(a), torch.from_numpy(b), 8)  # in 1-D every direction is ±1
    assert found == pytest.approx(float(np.sqrt(np.square(ordered).mean())))


def test_between_round_gaussians_it_is_the_closed_form() -> None:
    """W₂² of N(0, I) and N(m, s² I) on a direction u: (u·m)² + (1 − s)², on average ½‖m‖² + (1 − s)² in the plane."""
    generator = torch.Generator().manual_seed(0)
    one = torch.randn(20_000, 2, generator=generator)
    other = 0.5 * torch.randn(20_000, 2, generator=generator) + torch.tensor([1.0, 0.6])
    assert sliced_wasserstein(one, other, 512) == pytest.approx(math.sqrt(0.5 * 1.36 + 0.25), rel=0.03)


def test_few_data_have_a_floor_too_that_of_draws_from_them(trained: Trained) -> None:
    session = ModelSession.open(trained("points-ddpm"), "cpu")
    training = torch.from_numpy(load(session.data).split("train")[0].reshape(-1, 2))
    assert len(training) == 600
    random = np.random.RandomState(5)
    for count in (600, 1200, 2000):  # of which the same points over and over would be at a distance of 0
        clouds = random.randn(1, count, 2).astype(np.float32)
        floor = score_field.distances(session, DistanceRequest(1, (0,), clouds, Sampling())).floor[0]
        there = training[torch.arange(count) % 600].double()
        drawn = [training[torch.from_numpy(random.randint(600, size=count))].double() for _ in range(20)]
        usual = np.array([sliced_wasserstein(other, there, 64) for other in drawn])
        assert 0.8 * usual.min() < floor < 1.2 * usual.max(), count
        again = score_field.distances(session, DistanceRequest(2, (0,), clouds, Sampling())).floor[0]
        assert again == floor, "the same each time"


def test_of_enough_data_the_floor_is_that_of_others(trained: Trained) -> None:
    session = ModelSession.open(trained("points-ddpm"), "cpu")
    training = torch.from_numpy(load(session.data).split("train")[0].reshape(-1, 2))
    clouds = np.random.RandomState(5).randn(1, 300, 2).astype(np.float32)
    floor = score_field.distances(session, DistanceRequest(1, (0,), clouds, Sampling())).floor[0]
    halves = sliced_wasserstein(training[300:600].double(), training[:300].double(), 64)
    assert floor == pytest.approx(halves, rel=1e-5)


# ---- what is refused -----------------------------------------------------------------------------------------------


def test_what_has_no_field_is_refused_in_words(trained: Trained) -> None:
    points = ModelSession.open(trained("points-ddpm"), "cpu")
    for t in (0, 21, -1):
        with pytest.raises(ConfigError, match="t = 1 to 20"):
            score_field.score_field(points, FieldRequest(1, t, Sampling()))
    with pytest.raises(ConfigError, match="columns"):
        score_field.score_field(points, FieldRequest(1, 1, Sampling(), 3.0, 10_000))
    with pytest.raises(ConfigError, match="class"):
        score_field.score_field(points, FieldRequest(1, 1, Sampling(label=1)))
    pictures = ModelSession.open(trained("digits-ddpm"), "cpu")
    with pytest.raises(RunError, match="pictures"):
        score_field.score_field(pictures, FieldRequest(1, 1, Sampling()))


def test_of_a_model_that_is_told_classes_each_class_has_a_field(new_run: Callable[..., Path]) -> None:
    from explorer.training.loop import train

    folder = new_run("points-ddpm", "model.told=class", "training.epochs=1")
    for _ in train(folder):
        pass
    session = ModelSession.open(folder, "cpu")
    data = load(session.data)
    points, labels = data.split("train")
    signal = session.diffusion().schedule.signal_variance[3]

    def field(sampling: Sampling) -> np.ndarray:
        found = score_field.score_field(session, FieldRequest(1, 3, sampling))
        assert found.label == sampling.label
        return found.exact

    places = torch.from_numpy(grid(3.0, 16))
    of_one = exact_score(places, torch.from_numpy(points[labels == 1].reshape(-1, 2)), signal).numpy()
    of_all = exact_score(places, torch.from_numpy(points.reshape(-1, 2)), signal).numpy()
    assert np.allclose(field(Sampling(label=1)), of_one, rtol=1e-4, atol=1e-4)
    assert np.allclose(field(Sampling()), of_all, rtol=1e-4, atol=1e-4)
    assert np.allclose(field(Sampling(label=1, guidance=2.0)), 2 * of_one - of_all, rtol=1e-3, atol=1e-3)


def test_a_model_that_knows_nothing_without_a_class_says_whose_field_it_is(new_run: Callable[..., Path]) -> None:
    from explorer.training.loop import train

    folder = new_run("points-ddpm", "model.told=class", "model.class_dropout=0", "training.epochs=1")
    for _ in train(folder):
        pass
    session = ModelSession.open(folder, "cpu")
    points, labels = load(session.data).split("train")
    signal = session.diffusion().schedule.signal_variance[3]
    for asked, label in ((None, 0), (0, 0), (1, 1)):
        found = score_field.score_field(session, FieldRequest(1, 3, Sampling(label=asked)))
        of_class = torch.from_numpy(points[labels == label].reshape(-1, 2))
        assert found.label == label
        assert np.allclose(
            found.exact, exact_score(torch.from_numpy(found.places), of_class, signal), rtol=1e-4, atol=1e-4
        )

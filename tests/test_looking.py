"""What a training looks at between its steps: the same each time, right, in its share of the time, and harmless."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer import metrics, runs
from explorer.data.batches import to_signed, to_tensor
from explorer.data.catalog import load
from explorer.inference.evaluation import evaluate
from explorer.inference.plan import Plan
from explorer.inference.session import ModelSession
from explorer.models.bound import bound_nats, look, strata
from explorer.models.diffusion import Diffusion
from explorer.models.posterior import latent_map
from explorer.training import looking
from explorer.training.clock import Clock, Share
from explorer.training.diffusion_looks import DiffusionLooks
from explorer.training.loop import train
from explorer.training_messages import Pictures, Snapshot

NewRun = Callable[..., Path]


@pytest.fixture(scope="module")
def points() -> ModelSession:
    return ModelSession.open("two-moons-eps", "cpu")


def chain(session: ModelSession) -> Diffusion:
    assert isinstance(session.model, Diffusion)
    return session.model


def items_of(session: ModelSession, count: int | None = None) -> torch.Tensor:
    return to_tensor(load(session.data).split("test")[0][:count])


# ---- the loss by t ----


def by_hand(model: Diffusion, values: torch.Tensor, t: int) -> torch.Tensor:
    """Return each item's squared error of ε̂ at one t, with noise of its own."""
    x0 = to_signed(values)
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(t))
    bar = model.schedule.alpha_bar[t].float()
    with torch.no_grad():
        said = model(bar.sqrt() * x0 + (1 - bar).sqrt() * eps, torch.full((len(x0),), t))
    return (said - eps).square().flatten(1).mean(1).double()


def test_the_loss_by_t_is_the_squared_error_there(points: ModelSession) -> None:
    model, values = chain(points), items_of(points)
    timesteps = model.schedule.timesteps
    assert timesteps % 10 == 0
    found, per_t = DiffusionLooks(values, None, timesteps, False).losses(model, "float32")
    assert len(per_t) == 10 and set(found) == {"loss"}
    direct = torch.stack([by_hand(model, values, t) for t in range(1, timesteps + 1)]).reshape(10, -1)
    error = direct.std(1) / (len(values) / 10) ** 0.5
    for part in range(10):
        there = float(direct[part].mean())
        assert per_t[part] == pytest.approx(there, abs=4 * float(error[part])), f"part {part}"
        assert float(error[part]) < 0.2 * there
    assert found["loss"] == pytest.approx(float(direct.mean()), abs=4 * float(error.norm()) / 10)
    assert found["loss"] == pytest.approx(np.mean(per_t), rel=0.01), "the parts are of the same size"


@pytest.mark.parametrize(
    ("timesteps", "items", "parts"),
    [(1000, 2048, 10), (10, 40, 10), (25, 297, 10), (7, 100, 7), (1, 50, 1), (1000, 9, 2), (1000, 1, 1)],
)
def test_every_part_of_t_has_items_and_every_t_its_share(timesteps: int, items: int, parts: int) -> None:
    looks = DiffusionLooks(torch.zeros(items, 2, 1, 1), None, timesteps, False)
    t, part_of = looks._t, looks._part_of
    assert int(t.min()) >= 1 and int(t.max()) <= timesteps
    assert part_of.bincount(minlength=parts).min() >= 1 and int(part_of.max()) < parts and looks._parts == parts
    assert torch.equal(part_of, (t - 1) * parts // timesteps)
    if items >= 40:
        share = t.double().mean() / ((timesteps + 1) / 2)
        assert float(share) == pytest.approx(1, abs=0.03)
        assert abs(np.corrcoef(np.arange(items), t.numpy())[0, 1]) < 0.5 if timesteps > 1 else True


def test_the_same_noise_each_time_and_no_random_state_is_touched(points: ModelSession) -> None:
    looks = DiffusionLooks(items_of(points, 256), None, chain(points).schedule.timesteps, False)
    before = torch.get_rng_state()
    first = looks.losses(chain(points), "float32"), looks.bound(chain(points))
    again = looks.losses(chain(points), "float32"), looks.bound(chain(points))
    assert first == again and torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ([], {"loss"}),
        (["model.loss=bound"], {"loss", "objective"}),
        (["model.variance=learned"], {"loss", "objective"}),
    ],
)
def test_what_is_measured_of_a_diffusion_model(new_run: NewRun, changes: list[str], names: set[str]) -> None:
    folder = new_run("points-ddpm", "training.epochs=4", *changes)
    list(train(folder))
    found = list(metrics.measurements(folder))
    tested = [one for one in found if one.split == "test"]
    assert len(tested) >= 1 and all(len(one.per_t) == 10 for one in tested)
    assert all(set(one.values) - {"bound", "bound_error"} == names for one in found)
    assert {"bound", "bound_error"} <= set(tested[-1].values), "always at the end"
    assert not any(one.per_t or "bound" in one.values for one in found if one.split == "train")
    figures = runs.read_record(folder)["metrics"]
    assert figures["test_bound"] == tested[-1].values["bound"] and figures["test_bound_error"] > 0


def test_classes_are_told(new_run: NewRun) -> None:
    folder = new_run("points-ddpm", "model.told=class", "training.epochs=1")
    list(train(folder))
    assert [one for one in metrics.measurements(folder) if one.split == "test"][-1].per_t


# ---- the bound ----


def test_the_bound_is_the_one_that_is_evaluated(new_run: NewRun) -> None:
    for preset, changes in (("points-ddpm", []), ("digits-ddpm", ["training.batch_size=100"])):
        folder = new_run(preset, *changes)
        list(train(folder))
        here = [one for one in metrics.measurements(folder) if one.split == "test"][-1].values
        session = ModelSession.open(folder, "cpu")
        there = list(evaluate(session, Plan(session.data, "test", times=0)))[-1].figures["bound"]
        assert there.error is not None
        both = np.hypot(here["bound_error"], there.error)
        assert abs(here["bound"] - there.value) < 4 * both, preset
        assert here["bound_error"] < 0.25 * abs(here["bound"])


def test_the_bound_by_parts_is_unbiased(points: ModelSession) -> None:
    model, x0 = chain(points), to_signed(items_of(points, 200))
    generator = torch.Generator().manual_seed(1)
    with torch.inference_mode():
        every = [range(t, t + 1) for t in range(1, model.schedule.timesteps + 1)]
        exact = torch.stack([bound_nats(model, x0, None, every, generator) for _ in range(3)]).mean(0)
        parts = [range(1, 2), *strata(model.schedule.timesteps, 10)]
        drawn = torch.stack([bound_nats(model, x0, None, parts, generator) for _ in range(40)])
    error = float(drawn.std(0).mean()) / np.sqrt(40 * 200)
    assert float(drawn.mean()) == pytest.approx(float(exact.mean()), abs=5 * error + 0.01)


def test_a_look_draws_t_from_its_part(points: ModelSession) -> None:
    x0 = to_signed(items_of(points, 500))
    with torch.inference_mode():
        seen = look(chain(points), x0, None, range(20, 30), torch.Generator().manual_seed(0))
    assert set(seen.t.tolist()) == set(range(20, 30)) and seen.nats.shape == (500,)
    at = chain(points).coefficients(seen.t)
    assert torch.equal(seen.x_t, at.marginal(x0, seen.eps))


def test_the_bound_comes_now_and_then(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "_BOUND_SHARE", 1e-9)
    folder = new_run("points-ddpm", "training.epochs=120", "model.hidden_units=4", "training.batch_size=600")
    list(train(folder))
    with_bound = ["bound" in one.values for one in metrics.measurements(folder) if one.split == "test"]
    assert len(with_bound) > 3 and with_bound == [True, *[False] * (len(with_bound) - 2), True]


# ---- what the model makes ----


def test_pictures_and_snapshots_of_a_moment_share_their_work(new_run: NewRun) -> None:
    folder = new_run("digits-vae", "training.batch_size=250", "training.epochs=4")
    made: dict[int, list[object]] = {}
    for message in train(folder):
        if isinstance(message, Pictures | Snapshot):
            made.setdefault(message.step, []).append(message)
    assert set(made) == {0, 6, 12, 18, 24}
    for step, (pictures, snapshot) in ((step, both) for step, both in made.items() if step):
        assert isinstance(pictures, Pictures) and isinstance(snapshot, Snapshot)
        assert np.array_equal(pictures.samples[:16], snapshot.samples), step


def test_without_snapshots_pictures_come_by_their_share(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "_PICTURE_SHARE", 1e-9)
    folder = new_run("digits-vae", "training.batch_size=250", "training.epochs=4", "training.snapshots=false")
    made = [message.step for message in train(folder) if isinstance(message, Pictures)]
    assert made == [6, 24], "the first, and what is published"


def test_a_kl_of_a_flat_posterior_needs_no_draws() -> None:
    session = ModelSession.open("digits-vae-2d", "cpu")
    model, data = session.latent_model(), load(session.data)
    found = latent_map(model, data, session.device, 600)
    mean, sigma = session.encode(data.split(found.split)[0][:600])
    by_hand = 0.5 * (mean**2 + sigma**2 - 1 - 2 * np.log(sigma))
    assert found.kl_per_dimension == pytest.approx(by_hand.mean(0), rel=1e-4)
    assert np.array_equal(found.means, mean) or np.allclose(found.means, mean, atol=1e-5)
    assert len(found.labels) == 600


# ---- time ----


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Return what moves the clock on by so many seconds."""
    seconds = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])

    def later(by: float) -> None:
        seconds[0] += by

    yield later


def test_a_clock_leaves_pauses_out(now: Callable[[float], None]) -> None:
    clock = Clock(before=50.0)
    now(10)
    assert (clock.here, clock.whole) == (10, 60)
    now(5)
    clock.leave_out(5)
    assert (clock.here, clock.whole) == (10, 60)


def test_a_share_of_the_time(now: Callable[[float], None]) -> None:
    clock = Clock()
    share = Share(clock, 0.1, grace=1.0)
    assert share.left and share.left_for_another
    with pytest.raises(ZeroDivisionError), share.spending():
        now(2)
        raise ZeroDivisionError
    assert share.spent == 2 and not share.left
    now(8.1)
    assert share.left and not share.left_for_another, "2 s of 1 + 10 % of 10.1 s"
    now(20)
    assert share.left_for_another

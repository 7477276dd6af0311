"""Diffusion models of every kind under one loop and one session: they train, resume, open, and are sampled as asked."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer import images, runs
from explorer.cli import main
from explorer.config import Sampling
from explorer.data.catalog import load
from explorer.errors import ConfigError, DataError, RunError
from explorer.figures import Evaluation
from explorer.inference.evaluation import evaluate
from explorer.inference.plan import Plan, check
from explorer.inference.session import ModelSession
from explorer.messages import DenoiseRequest
from explorer.models.bound import strata
from explorer.models.build import build, check_size
from explorer.models.diffusion import Diffusion
from explorer.models.samplers import Denoiser
from explorer.settings import load_settings, with_settings
from explorer.training.loop import train
from explorer.training_messages import TrainingEnded

Runs = Callable[..., Path]
Trained = Callable[[str], Path]
KINDS = [
    ["model.predicts=mean"],
    ["model.predicts=x0", "model.schedule=linear"],
    ["model.predicts=v", "model.schedule=sigmoid", "model.loss=bound"],
    ["model.variance=learned", "model.told=class"],
    ["model.schedule=custom", "model.betas=[0.01, 0.5]", "model.variance=beta", "model.timesteps=7"],
]


def train_all(folder: Path, **options: bool) -> list[object]:
    return list(train(folder, **options))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0].removeprefix("model."))
@pytest.mark.parametrize("preset", ["points-ddpm", "digits-ddpm"])
def test_every_kind_trains_opens_and_samples(new_run: Runs, preset: str, kind: list[str]) -> None:
    folder = new_run(preset, *kind, "data.items=200", "training.epochs=1")
    ended = train_all(folder)[-1]
    assert isinstance(ended, TrainingEnded) and np.isfinite(ended.metrics["test_loss"])
    has_objective = "model.loss=bound" in kind or "model.variance=learned" in kind
    assert ("test_objective" in ended.metrics) is has_objective
    session = ModelSession.open(folder, "cpu")
    steps = session.model.schedule.timesteps  # type: ignore[union-attr]
    for sampling in (Sampling(), Sampling(sampler="ddim", steps=3, eta=0.5, clip=preset == "points-ddpm")):
        frames = list(session.denoise(DenoiseRequest(0, 3, 1, sampling)))
        assert len(frames) == (sampling.steps or steps) + 1 and frames[-1].t == 0
        assert [frame.step.to for frame in frames[:-1] if frame.step] == [frame.t for frame in frames[1:]]


def test_learning_goes_on_bitwise_with_classes_and_a_learned_variance(new_run: Runs) -> None:
    kind = ["model.variance=learned", "model.told=class", "data.items=200", "training.schedule=constant"]
    whole, cut = new_run("digits-ddpm", *kind, "training.epochs=2"), new_run("digits-ddpm", *kind, "training.epochs=1")
    train_all(whole)
    train_all(cut)
    config = with_settings(runs.read_config(cut), ["training.epochs=2"])
    runs.update_record(cut, config=config.model_dump(mode="json"))
    train_all(cut, resume=True)
    assert (whole / runs.WEIGHTS).read_bytes() == (cut / runs.WEIGHTS).read_bytes()


def test_the_class_is_learned(new_run: Runs) -> None:
    """Two moons, told which: the samples asked for are on that moon, whose centre is elsewhere."""
    folder = new_run(
        "points-ddpm", "model.told=class", "training.epochs=15", "model.hidden_units=64", "data.items=4000",
        "training.learning_rate=3e-3",
    )  # fmt: skip
    train_all(folder)
    model = ModelSession.open(folder, "cpu").model
    assert isinstance(model, Diffusion) and model.classes == 2
    from explorer.models.noise import NoiseSource
    from explorer.models.samplers import ancestral

    values, labels = load("two-moons").split("test")
    for label in (0, 1):
        noise = NoiseSource(0, 300)
        told = torch.full((300,), label)
        *_, last = ancestral(Denoiser(model, told), noise.draw(model.shape), noise)
        wanted, other = (values[labels == one].reshape(-1, 2).mean(0) for one in (label, 1 - label))
        found = last.x_t.reshape(-1, 2).mean(0).numpy()
        assert np.linalg.norm(found - wanted) < 0.5 * np.linalg.norm(found - other)


def test_one_shows_the_class_or_hides_it(new_run: Runs) -> None:
    model = build(with_settings(load_settings("digits-ddpm"), ["model.told=class", "model.channels=8"]))
    assert isinstance(model.eval(), Diffusion)
    for weight in model.parameters():  # a fresh one starts as the identity
        torch.nn.init.normal_(weight, std=0.1)
    x, t = torch.randn(2, 1, 8, 8), torch.tensor([3, 3])
    nothing, hidden = model(x, t), model(x, t, torch.tensor([10, 10]))
    assert torch.equal(nothing, hidden), "class number 10 of 10 means none"
    assert not torch.equal(nothing, model(x, t, torch.tensor([1, 2])))


# ---- asking --------------------------------------------------------------------------------------------------------


@pytest.fixture
def conditional(new_run: Runs) -> Path:
    folder = new_run("digits-ddpm", "model.told=class", "data.items=200")
    train_all(folder)
    return folder


def test_sampling_is_the_same_however_many(conditional: Path) -> None:
    session = ModelSession.open(conditional, "cpu")
    for sampling in (Sampling(), Sampling(label=3, guidance=2), Sampling(sampler="ddim", steps=5, spacing="leading")):
        few, many = (list(session.sample(count, 7, sampling))[-1][2] for count in (2, 5))
        assert few is not None and many is not None
        assert int(np.abs(few.astype(int) - many[:2]).max()) <= 1


def test_way_forward_and_back_keeps_more_of_the_image_the_shorter_it_is(trained: Trained) -> None:
    session = ModelSession.open(trained("digits-ddpm"), "cpu")
    values = session.gallery(3).pixels[2].astype(int)
    errors = []
    for start in (1, 8, 20):
        frames = list(session.denoise(DenoiseRequest(0, 8, 0, image=2, start=start)))
        assert frames[0].t == start and len(frames) == start + 1
        errors.append(float(np.abs(frames[0].x_t.astype(int) - values).mean()))
    assert errors == sorted(errors) and errors[0] < 0.3 * errors[-1]
    with pytest.raises(ConfigError, match="cannot start at t = 21"):
        session.denoise(DenoiseRequest(0, 1, 0, start=21))
    with pytest.raises(DataError, match="no test image 297"):
        list(session.denoise(DenoiseRequest(0, 1, 0, image=297, start=5)))


def test_more_points_than_there_are_can_go_forward_and_back(trained: Trained) -> None:
    session = ModelSession.open(trained("points-ddpm"), "cpu")
    frames = list(session.denoise(DenoiseRequest(0, 300, 0, start=3)))
    assert len(frames) == 4 and len(load("two-moons").split("test")[0]) > 300
    assert len(list(session.denoise(DenoiseRequest(0, 5000, 0, start=1)))) == 2


def test_inversion_finds_the_noise_of_an_image(trained: Trained) -> None:
    """DDIM from the noise that inversion finds comes closer to the image than from noise of its own."""
    session = ModelSession.open(trained("digits-ddpm"), "cpu")
    wanted = session.gallery(3).pixels[2].astype(int)
    errors = []
    for invert in (True, False):
        how = Sampling(sampler="ddim", clip=False)
        *_, last = session.denoise(DenoiseRequest(0, 1, 0, how, image=2, invert=invert))
        errors.append(float(np.abs(last.x_t[0].astype(int) - wanted).mean()))
    assert errors[0] < 0.5 * errors[1]


def test_a_row_of_samples_turns_one_noise_into_another(trained: Trained) -> None:
    session = ModelSession.open(trained("digits-ddpm"), "cpu")
    how = Sampling(sampler="ddim", label=1)
    row, first, last = (
        list(session.sample(count, seed, how, towards))[-1][2]
        for count, seed, towards in ((5, 1, 2), (1, 1, None), (1, 2, None))
    )
    assert row is not None and first is not None and last is not None
    for found, wanted in ((row[0], first[0]), (row[4], last[0])):
        assert int(np.abs(found.astype(int) - wanted).max()) <= 1
    steps = np.abs(np.diff(row.astype(int), axis=0)).mean((1, 2, 3))
    assert float(steps.max()) < float(np.abs(row[0].astype(int) - row[4]).mean()) + 1e-9


def test_guidance_needs_classes_that_were_hidden(new_run: Runs) -> None:
    folder = new_run("digits-ddpm", "model.class_dropout=0", "data.items=100")
    train_all(folder)
    session = ModelSession.open(folder, "cpu")
    assert not session.opened(0).guidable
    for guidance in (0, 2):
        with pytest.raises(ConfigError, match="never learned without its class"):
            session.denoise(DenoiseRequest(0, 1, 0, Sampling(guidance=guidance)))
    list(session.sample(2, 0, Sampling(label=3)))


def test_all_of_a_chain_is_computed_under_the_lock(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads that run MPS operations abort the process: whatever runs on the device holds the lock."""
    import contextlib
    from collections.abc import Iterator

    from explorer.models import devices
    from explorer.models.noise import NoiseSource

    held: list[bool] = []

    @contextlib.contextmanager
    def lock(_device: torch.device) -> Iterator[None]:
        held.append(True)
        yield
        held.pop()

    draw = NoiseSource.draw

    def watched(source: NoiseSource, shape: tuple[int, ...], device: torch.device | str = "cpu") -> torch.Tensor:
        assert held, "noise is moved to the device without the lock"
        return draw(source, shape, device)

    session = ModelSession.open(trained("digits-ddpm"), "cpu")
    monkeypatch.setattr(devices, "lock", lock)
    monkeypatch.setattr(NoiseSource, "draw", watched)
    for start in (0, 5):
        list(session.denoise(DenoiseRequest(0, 2, 0, start=start)))


def test_an_image_is_denoised_as_its_own_class(conditional: Path) -> None:
    session = ModelSession.open(conditional, "cpu")
    label = int(load("digits").split("test")[1][3])
    told = session.settled(DenoiseRequest(0, 4, 0, image=3, start=9)).sampling
    assert told == Sampling(label=label)
    assert session.settled(DenoiseRequest(0, 4, 0, Sampling(label=1), image=3, start=9)).sampling == Sampling(label=1)
    assert session.settled(DenoiseRequest(0, 4, 0)).sampling == Sampling(), "noise has no class of its own"


def test_without_its_data_a_model_starts_from_its_own_samples(
    conditional: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MNIST's models are bundled, MNIST is not."""
    from dataclasses import replace

    from explorer.data.catalog import CATALOG

    monkeypatch.setitem(CATALOG, "digits", replace(CATALOG["digits"], available=lambda: False))
    session = ModelSession.open(conditional, "cpu")
    saved = runs.read_pictures(conditional)
    assert saved is not None and np.array_equal(session.gallery(64).pixels, saved.samples)
    told = session.settled(DenoiseRequest(0, 1, 0, image=13, start=5)).sampling
    assert told is not None and told.label == 3, "samples go through the classes in turn"
    assert len(list(session.denoise(DenoiseRequest(0, 1, 0, image=13, start=5)))) == 6


def test_few_steps_are_spread_over_what_is_left(trained: Trained) -> None:
    session = ModelSession.open(trained("digits-ddpm"), "cpu")
    asked = DenoiseRequest(0, 1, 0, Sampling(sampler="ddim", steps=4), start=12)
    assert session.chain_steps(asked) == [12, 9, 6, 3]
    assert session.chain_steps(DenoiseRequest(0, 1, 0, Sampling(steps=9), start=3)) == [3, 2, 1]


@pytest.mark.parametrize(
    ("words", "sampling"),
    [
        ("has 20 steps, not 21", Sampling(steps=21)),
        ("no class 10", Sampling(label=10)),
        ("no class -1", Sampling(label=-1)),
    ],
)
def test_what_cannot_be_asked_is_said(conditional: Path, words: str, sampling: Sampling) -> None:
    session = ModelSession.open(conditional, "cpu")
    with pytest.raises(ConfigError, match=words):
        session.denoise(DenoiseRequest(0, 1, 0, sampling))


def test_unconditional_models_are_asked_no_class(trained: Trained) -> None:
    session = ModelSession.open(trained("points-ddpm"), "cpu")
    for sampling in (Sampling(label=0), Sampling(guidance=2)):
        with pytest.raises(ConfigError, match="told no class"):
            session.denoise(DenoiseRequest(0, 1, 0, sampling))


# ---- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("halves the image 4 times", ["model.multipliers=[1,1,1,1,1]"]),
        ("has no classes to be told", ["data.name=swiss-roll", "model.network=mlp", "model.told=class"]),
        ("a U-Net cannot hold", ["data.name=two-moons"]),
        ("3 numbers for 2 steps", ["model.schedule=custom", "model.betas=[0.1,0.2,0.3]", "model.timesteps=2"]),
    ],
)
def test_networks_that_cannot_be(words: str, changes: list[str]) -> None:
    with pytest.raises(ConfigError, match=words):
        check_size(with_settings(load_settings("digits-ddpm"), changes))


@pytest.mark.parametrize("betas", ["[0.0]", "[1.0]", "[-0.1, 0.2]", "[nan]", "[]", "0.5x"])
def test_beta_outside_is_refused_when_it_is_set(betas: str) -> None:
    with pytest.raises(ConfigError, match=r"model\.betas"):
        with_settings(load_settings("digits-ddpm"), ["model.schedule=custom", f"model.betas={betas}"])


def test_an_imported_model_is_not_trained() -> None:
    with pytest.raises(ConfigError, match="families are"):
        with_settings(load_settings("digits-ddpm"), ["model.family=imported"])


@pytest.mark.parametrize("side", [8, 9, 28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_unet_holds_images_of_many_sizes(side: int, channels: int) -> None:
    from explorer.config import DdpmConfig
    from explorer.models.unet import UNet

    config = DdpmConfig(channels=8, multipliers=(1, 2, 2), residual_blocks=1, variance="learned", told="class")
    with torch.no_grad():
        said = UNet(config, (channels, side, side), 4)(
            torch.randn(2, channels, side, side), torch.tensor([1, 9]), torch.tensor([0, 4])
        )
    assert said.shape == (2, 2 * channels, side, side)


# ---- evaluation ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timesteps", "count", "pieces"), [(1, 5, 0), (2, 5, 1), (20, 0, 19), (1000, 20, 20), (9, 8, 8)]
)
def test_parts_of_the_chain_cover_it_once(timesteps: int, count: int, pieces: int) -> None:
    parts = strata(timesteps, count)
    assert len(parts) == pieces and all(len(part) > 0 for part in parts)
    assert [t for part in parts for t in part] == list(range(2, timesteps + 1))


def evaluated(folder: Path, **plan: int) -> Evaluation:
    session = ModelSession.open(folder, "cpu")
    *_, found = evaluate(session, Plan(session.data, **plan))  # type: ignore[arg-type]
    assert isinstance(found, Evaluation)
    return found


def test_the_bound_of_parts_agrees_with_all_of_it(trained: Trained) -> None:
    folder = trained("digits-ddpm")
    every, some = evaluated(folder, times=0), evaluated(folder, times=5, seed=1)
    assert len(every.t) == 20 and len(some.t) == 6 and every.t[0] == 1
    for name in ("bound", "l_between", "l_0", "loss"):
        a, b = every.figures[name], some.figures[name]
        assert a.error is not None and b.error is not None
        assert abs(a.value - b.value) < 5 * np.hypot(a.error, b.error)
    parts = sum(every.figures[name].value for name in ("l_T", "l_between", "l_0"))
    assert every.figures["bits_per_dim"].value == pytest.approx(parts, rel=1e-5)
    assert every.figures["bits_per_dim"].value == pytest.approx(every.figures["bound"].value / (64 * np.log(2)))
    for found in (every, some):  # a part's average stands for all of its steps
        terms = sum(value * steps for value, steps in zip(found.per_t["term"], found.steps, strict=True) if value)
        sum_of_terms = found.figures["l_between"].value + found.figures["l_0"].value
        assert terms == pytest.approx(sum_of_terms, rel=1e-5) and sum(found.steps) == 20


def test_evaluation_says_what_the_training_said(trained: Trained) -> None:
    folder = trained("digits-ddpm")
    assert evaluated(folder, times=0).figures["loss"].value == pytest.approx(
        runs.card(folder).metrics["test_loss"], rel=0.05
    )


def test_a_mixture_is_held_against_its_best_network(new_run: Runs) -> None:
    folder = new_run("points-ddpm", "data.name=gaussian-ring", "data.items=2000")
    train_all(folder)
    found = evaluated(folder, limit=400)
    figures = {name: figure.value for name, figure in found.figures.items()}
    assert figures["bound"] > figures["entropy"] and figures["loss"] > figures["least_loss"] > 0
    assert figures["loss"] == pytest.approx(figures["least_loss"] + figures["eps_error"], rel=0.05), "ε − ε* ⟂ ε* − ε̂"
    distances = found.per_t["sliced_wasserstein"]
    assert found.t[0] == 0 and len(distances) == len(found.t) and found.per_t["term"][0] is None
    assert distances[-1] is not None and distances[0] is not None
    assert distances[-1] < distances[0], "it starts as noise does"
    assert "400 samples to as many points; 400 other points" in found.figures["sliced_wasserstein"].meaning


def test_evaluation_stops_where_it_is_asked_to(trained: Trained) -> None:
    session = ModelSession.open(trained("points-ddpm"), "cpu")
    for most in (1, 15, 25):  # in the terms, between, and along the chain
        asked: list[int] = []

        def stop(most: int = most, asked: list[int] = asked) -> bool:
            asked.append(1)
            return len(asked) > most

        told = list(evaluate(session, Plan(session.data, limit=100), stop))
        assert len(told) == most and not any(isinstance(message, Evaluation) for message in told)


def test_mig_needs_a_latent_space(trained: Trained) -> None:
    session = ModelSession.open(trained("digits-ddpm"), "cpu")
    with pytest.raises(RunError, match="no latent space"):
        check(session, Plan(session.data, mig=True))


# ---- the command line ----------------------------------------------------------------------------------------------


def test_command_line_samples_as_asked(conditional: Path, tmp_path: Path) -> None:
    out = tmp_path / "s.png"
    options = ["--sampler", "ddim", "--steps", "5", "--class", "3", "--guidance", "2", "--seed", "1"]
    assert main(["sample", str(conditional), "-n", "4", "--out", str(out), *options]) == 0
    told = images.read_provenance(out)
    wanted = Sampling(sampler="ddim", steps=5, label=3, guidance=2)
    assert {name: told[name] for name in Sampling.model_fields} == wanted.model_dump() and told["seed"] == 1
    pixels = list(ModelSession.open(conditional, "cpu").sample(4, 1, wanted))[-1][2]
    assert pixels is not None
    from PIL import Image

    with Image.open(out) as picture:
        assert np.array_equal(np.asarray(picture), images.sheet(pixels)[..., 0])
    assert main(["denoise", str(conditional), "-n", "2", "--from", "6", "--image", "4", "--out", str(out)]) == 0
    assert images.read_provenance(out)["start"] == 6 and images.read_provenance(out)["image"] == 4


def test_command_line_evaluates_as_json(conditional: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(conditional), "--json", "--times", "3", "--limit", "50"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["items"] == 50 and len(found["t"]) == 4
    assert found["figures"]["bits_per_dim"]["unit"] == "bits per value" and len(found["per_t"]["term"]) == 4
    assert main(["evaluate", str(conditional), "--times", "3", "--limit", "50"]) == 0
    assert "bits_per_dim" in capsys.readouterr().out


def test_json_of_points_is_json(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    assert main(["evaluate", str(trained("points-ddpm")), "--json", "--limit", "30"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert found["t"][0] == 0 and found["per_t"]["term"][0] is None


def test_mistakes_in_asking_are_one_clear_line(
    conditional: Path, trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.test_cli import fails

    model, out = str(conditional), ["--out", str(tmp_path / "x.png")]
    fails(capsys, 2, "no class 10", "sample", model, "--class", "10", *out)
    fails(capsys, 2, "has 20 steps, not 50", "sample", model, "--steps", "50", *out)
    fails(capsys, 2, "eta = 2.0", "sample", model, "--sampler", "ddim", "--eta", "2", *out)
    fails(capsys, 2, "--eta is a setting of DDIM", "sample", model, "--eta", "0.5", *out)
    fails(capsys, 2, "guidance = nan", "sample", model, "--guidance", "nan", *out)
    fails(capsys, 2, "add --steps", "denoise", model, "--spacing", "leading", *out)
    fails(capsys, 2, "cannot start at t = 99", "denoise", model, "--from", "99", *out)
    fails(capsys, 2, "no test image 5000", "denoise", model, "--from", "9", "--image", "5000", *out)
    fails(capsys, 2, "is the image itself", "denoise", model, "--from", "0", *out)
    fails(capsys, 2, "say which", "denoise", model, "--image", "3", *out)
    fails(capsys, 2, "leave one of them out", "denoise", model, "--from", "3", "--invert", *out)
    points = str(trained("points-ddpm"))
    fails(capsys, 2, "never clipped", "sample", points, "--no-clip", *out)
    fails(capsys, 2, "points have no image 4", "denoise", points, "--from", "3", "--image", "4", *out)
    fails(capsys, 2, "has no chain to set", "sample", str(trained("digits-vae")), "--towards", "3", *out)
    fails(capsys, 2, "has no chain to set", "sample", str(trained("digits-vae")), "--sampler", "ddim", *out)
    fails(capsys, 2, "--iwae is for models with a latent space", "evaluate", model, "--iwae", "5")
    fails(capsys, 2, "--times is for diffusion models", "evaluate", str(trained("digits-vae")), "--times", "5")
    assert not (tmp_path / "x.png").exists()

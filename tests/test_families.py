"""Every family under one loop, one run folder and one session: it trains, resumes, opens, decodes and samples."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from explorer import runs
from explorer.config import FamilyName, Sampling
from explorer.data.catalog import load
from explorer.errors import ConfigError, RunError
from explorer.inference.session import ModelSession
from explorer.latent_messages import DecodeRequest
from explorer.models.build import build, check_size
from explorer.models.latent import LatentModel
from explorer.pressure import full_beta
from explorer.settings import load_settings, with_settings
from explorer.training.loop import train
from explorer.training.prepare import new_run as prepare
from explorer.training.trainer import Trainer
from explorer.training_messages import TrainingEnded

Trained = Callable[[str], Path]
LATENT = ["digits-vae", "digits-autoencoder", "digits-conditional", "digits-ladder", "digits-vq", "points-vae"]
SIZES = {"digits-vae": 2, "digits-autoencoder": 2, "digits-conditional": 6, "digits-ladder": 12, "digits-vq": 10}


@pytest.mark.parametrize("preset", LATENT)
def test_a_trained_model_opens_decodes_and_samples(trained: Trained, preset: str) -> None:
    session = ModelSession.open(trained(preset), "cpu")
    size = SIZES.get(preset, 2)
    opened = session.opened(1)
    assert opened.latent_size == size == sum(opened.levels) and opened.latents is not None
    assert opened.latents.means.shape[1] == size and np.isfinite(opened.latents.means).all()
    deterministic = preset in {"digits-autoencoder", "digits-vq"}
    assert opened.latents.kl_per_dimension.shape == ((0,) if deterministic else (size,))
    assert sorted(opened.latents.order()) == list(range(size))
    answer = session.decoded(DecodeRequest(1, np.zeros((2, size), np.float32)))
    assert answer.pixels.shape == (2, *opened.image_shape) and answer.pixels.dtype == np.uint8
    shown = session.traverse(np.zeros(size, np.float32), (0, 1), steps=5)
    assert shown.shape == (10, *opened.image_shape)
    for seed in (3, 4):
        few, many = (list(session.sample(count, seed))[-1][2] for count in (2, 5))
        assert few is not None and many is not None
        if preset != "points-vae":
            assert few.shape == (2, 8, 8, 1)
            assert int(np.abs(few.astype(int) - many[:2]).max()) <= 1, "an item does not depend on its batch"


@pytest.mark.parametrize("preset", LATENT)
def test_the_saved_map_is_what_encoding_gives(trained: Trained, preset: str) -> None:
    session = ModelSession.open(trained(preset), "cpu")
    saved = session.latents()
    values, labels = load(session.data).split(saved.split)
    mean, std = session.encode(values, labels)
    assert np.allclose(saved.means, mean, rtol=1e-3, atol=1e-4)
    assert bool((std == 0).all()) == (preset in {"digits-autoencoder", "digits-vq"})


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("digits-autoencoder", []),
        ("digits-conditional", ["model.prior=learned"]),
        ("digits-ladder", ["model.inference=bottom-up"]),
        ("digits-vq", []),
        ("digits-vq", ["model.codebook=loss", "model.prior=categorical"]),
        ("points-vae", []),
        ("points-ddpm", ["training.batch_size=128"]),
        ("digits-vae", ["model.network=residual", "model.channels=4", "model.binarization=dynamic"]),
        ("digits-vae", ["model.binarization=static", "model.samples=3", "model.capacity=5", "model.capacity_epochs=2"]),
        ("digits-vae", ["model.warm_up_epochs=1", "training.schedule=cosine", "model.likelihood=gaussian"]),
    ],
)
def test_n_plus_n_steps_are_2n_steps_to_the_bit(new_run: Callable[..., Path], preset: str, changes: list[str]) -> None:
    whole, halves = new_run(preset, *changes), new_run(preset, *changes)
    list(train(whole))
    asked: list[int] = []

    def after_some_steps() -> bool:
        asked.append(1)
        return len(asked) == 4

    stopped = list(train(halves, should_stop=after_some_steps))[-1]
    ended = list(train(halves, resume=True))[-1]
    assert isinstance(stopped, TrainingEnded) and stopped.step == 4
    assert isinstance(ended, TrainingEnded) and ended.step > 4
    assert (whole / runs.WEIGHTS).read_bytes() == (halves / runs.WEIGHTS).read_bytes()
    assert (whole / runs.LATENTS).is_file() == (preset != "points-ddpm")


@pytest.mark.parametrize("family", [family for family in get_args(FamilyName) if family != "ddpm"])
@pytest.mark.parametrize("network", ["linear", "mlp", "convolutional", "residual"])
@pytest.mark.parametrize("data", ["digits", "mnist", "sprites"])
def test_every_family_has_every_network(family: str, network: str, data: str) -> None:
    changes = [f"model.family={family}", "model.channels=2", "model.hidden_units=8", f"data.name={data}"]
    changes.append(f"model.network={network}")
    if family == "vq" and network == "linear":
        with pytest.raises(ConfigError, match=r"model\.network"):
            with_settings(load_settings("digits-vae"), changes)
        return
    config = with_settings(load_settings("digits-vae"), changes)
    check_size(config)
    model = build(config)
    assert isinstance(model, LatentModel)
    x, labels = torch.rand(2, *model.shape), torch.tensor([0, 1])
    with torch.no_grad():
        mean, _ = model.eval().encode(x, labels)
        assert mean.shape == (2, model.latent_size)
        assert model.picture(mean, labels).shape == x.shape


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (3, 64, 64)])
@pytest.mark.parametrize("network", ["mlp", "convolutional", "residual"])
def test_colours_and_sizes(shape: tuple[int, int, int], network: str) -> None:
    from explorer.config import HierarchicalConfig, VqConfig
    from explorer.models.hierarchical_vae import HierarchicalVAE
    from explorer.models.vq_vae import VQVAE

    small = {"network": network, "channels": 2, "hidden_units": 8}
    x = torch.rand(2, *shape)
    for model in (
        VQVAE(VqConfig.model_validate({**small, "code_size": 2, "prior_units": 16}), shape),
        HierarchicalVAE(HierarchicalConfig.model_validate(small), shape),
    ):
        with torch.no_grad():
            assert model.eval().picture(model.encode(x)[0]).shape == x.shape


def test_warm_up_and_capacity_rise_with_the_epochs() -> None:
    config = with_settings(
        load_settings("digits-vae"),
        ["model.beta=4", "model.warm_up_epochs=2", "model.capacity=10", "model.capacity_epochs=4"],
    )
    trainer = Trainer(config, torch.device("cpu"), per_epoch=5)
    found = []
    for trainer.step in (0, 5, 10, 20, 100):
        pressure = trainer.pressure()
        found.append((pressure.beta, pressure.capacity))
    assert found == [(0.0, 0.0), (2.0, 2.5), (4.0, 5.0), (4.0, 10.0), (4.0, 10.0)]
    plain = Trainer(load_settings("digits-vae"), torch.device("cpu")).pressure()
    assert (plain.beta, plain.capacity) == (1.0, None)


def test_capacity_holds_the_kl_where_it_is_told(new_run: Callable[..., Path]) -> None:
    """Burgess et al. 2018: with β·|KL − C| the KL settles at C nats."""
    folder = new_run(
        "digits-vae", "model.latent_size=6", "model.capacity=4", "model.beta=50", "training.epochs=40",
        "model.hidden_units=64",
    )  # fmt: skip
    list(train(folder))
    assert runs.card(folder).metrics["test_kl"] == pytest.approx(4, abs=0.8)


def test_beta_norm_is_free_of_sizes() -> None:
    config = with_settings(load_settings("digits-vae"), ["model.beta=0.5", "model.beta_is=beta_norm"])
    assert full_beta(config, (1, 8, 8)) == pytest.approx(0.5 * 64 / 2)
    assert full_beta(load_settings("digits-beta-vae"), (1, 8, 8)) == 4.0
    assert full_beta(load_settings("digits-vq"), (1, 8, 8)) == 1.0


def test_a_learned_sigma_finds_the_residual(new_run: Callable[..., Path]) -> None:
    """The best σ² is the mean squared error of the reconstruction; Lucas et al. 2019, Rybkin et al. 2021."""
    folder = new_run(
        "digits-vae", "model.likelihood=gaussian", "model.sigma_is=learned", "training.epochs=60",
        "model.hidden_units=64", "training.learning_rate=3e-3",
    )  # fmt: skip
    list(train(folder))
    model = ModelSession.open(folder, "cpu").model
    assert isinstance(model, LatentModel)
    x = torch.from_numpy(load("digits").split("train")[0].transpose(0, 3, 1, 2) / 255.0).float()
    with torch.no_grad():
        mean, log_var = model.encode(x)
        drawn = mean + (0.5 * log_var).exp() * torch.randn(mean.shape, generator=torch.Generator().manual_seed(0))
        error = float((model.picture(drawn) - x).square().mean())
    assert float(torch.as_tensor(model.likelihood.sigma)) ** 2 == pytest.approx(error, rel=0.1)


def test_an_mlp_ddpm_of_images_is_one_of_images(new_run: Callable[..., Path]) -> None:
    folder = new_run("digits-ddpm", "model.network=mlp", "model.hidden_units=8")
    list(train(folder))
    session = ModelSession.open(folder, "cpu")
    pixels = list(session.sample(3, 0))[-1][2]
    assert pixels is not None and pixels.shape == (3, 8, 8, 1)


@pytest.mark.parametrize("binarization", ["static", "dynamic"])
def test_what_a_model_of_binary_images_sees(new_run: Callable[..., Path], binarization: str) -> None:
    """Static: the same draw in every epoch and in evaluation whatever its seed; dynamic: anew by the seed."""
    from explorer.data.batches import binarized, to_tensor, to_unit
    from explorer.figures import Evaluation
    from explorer.inference.evaluation import evaluate
    from explorer.inference.plan import Plan
    from explorer.training.looking import items_of

    folder = new_run("digits-vae", f"model.binarization={binarization}")
    list(train(folder))
    test, _ = items_of(load("digits"), "test", runs.read_config(folder), torch.device("cpu"))
    grey = to_tensor(load("digits").split("test")[0])
    seen = test if binarization == "static" else grey
    assert set(np.unique(seen.numpy())) == {0, 255} or binarization == "dynamic"
    assert torch.equal(test, binarized(grey, "test") if binarization == "static" else grey)
    session = ModelSession.open(folder, "cpu")
    found = [list(evaluate(session, Plan(session.data, iwae=0, seed=seed)))[-1] for seed in (0, 1)]
    assert all(isinstance(one, Evaluation) for one in found)
    if binarization == "static":
        model = session.latent_model()
        with torch.no_grad():
            x = to_unit(binarized(grey, "test"))
            kl = float(model(x, None, torch.zeros(len(x), 2))[1].sum(1).mean())
        assert [one.figures["kl"].value for one in found] == [pytest.approx(kl, rel=1e-5)] * 2
    else:
        assert found[0].figures["kl"].value != found[1].figures["kl"].value
    assert all("bits_per_dim" in one.figures for one in found)


def test_binarization_is_for_bernoulli_decoders_only(new_run: Callable[..., Path]) -> None:
    from explorer.training.looking import items_of

    config = runs.read_config(new_run("digits-vae", "model.binarization=static", "model.likelihood=gaussian"))
    images, _ = items_of(load("digits"), "train", config, torch.device("cpu"))
    assert len(np.unique(images.numpy())) > 10


def test_bfloat16_chooses_the_codes_that_float32_chooses() -> None:
    torch.manual_seed(0)
    model = build(load_settings("digits-vq"))
    z = torch.randn(2000, 8)
    plain = model.codebook.nearest(z)  # type: ignore[union-attr]
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(model.codebook.nearest(z), plain)  # type: ignore[union-attr]


@pytest.mark.parametrize("preset", ["digits-vq", "digits-vae", "digits-autoencoder"])
def test_a_diverging_model_ends_with_the_reason(new_run: Callable[..., Path], preset: str) -> None:
    from explorer.errors import TrainingError

    folder = new_run(preset, "training.learning_rate=1e9", "training.epochs=20")
    with pytest.raises(TrainingError, match=r"training\.learning_rate"):
        list(train(folder))
    assert runs.read_record(folder)["status"] == "failed"


def test_swapping_the_class_changes_the_class(new_run: Callable[..., Path]) -> None:
    """Decode the same z through all classes; a classifier of real digits reads them as what was asked for."""
    from sklearn.neighbors import KNeighborsClassifier

    folder = new_run("digits-conditional", "training.epochs=60", "model.hidden_units=128", "model.latent_size=3")
    list(train(folder))
    session = ModelSession.open(folder, "cpu")
    pixels, labels = load("digits").split("train")
    reader = KNeighborsClassifier(5).fit(pixels.reshape(len(pixels), -1), labels)
    z = 0.7 * np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    read = [float((reader.predict(session.decode(z, label).reshape(20, -1)) == label).mean()) for label in range(10)]
    assert float(np.mean(read)) > 0.9, read


def test_classes_are_asked_for_and_checked(trained: Trained) -> None:
    session = ModelSession.open(trained("digits-conditional"), "cpu")
    pixels, labels = load("digits").split("test")
    with pytest.raises(RunError, match="give the class of each item"):
        session.encode(pixels[:3])
    with pytest.raises(RunError, match="no class 11"):
        session.encode(pixels[:3], np.full_like(labels[:3], 11))
    with pytest.raises(RunError, match="no class 10"):
        list(session.sample(2, 0, Sampling(label=10)))
    plain = ModelSession.open(trained("digits-vae"), "cpu")
    with pytest.raises(RunError, match="told no class"):
        list(plain.sample(2, 0, Sampling(label=3)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["model.latent_size=0"], "latent_size"),
        (["model.family=vq", "model.codebook_size=1"], "codebook_size"),
        (["model.family=vq", "model.prior_units=20"], "multiple of 16"),
        (["model.family=vq", "model.network=linear"], "model.network"),
        (["model.family=hierarchical", "model.latent_sizes=[4]"], "latent_sizes"),
        (["model.family=hierarchical", "model.latent_sizes=[4, 0]"], "latent_sizes"),
        (["model.family=conditional", "data.name=swiss-roll", "model.likelihood=gaussian"], "has no classes"),
        (["data.name=two-moons"], "model.likelihood=gaussian"),
        (["data.name=two-moons", "model.likelihood=gaussian", "model.network=convolutional"], "model.network=mlp"),
        (["model.family=ddpm", "data.name=two-moons"], "model.network=mlp"),
        (["data.name=mnist"], "--data-dir FOLDER"),
        (["data.name=sprites", "data.subset=shape=7"], "out of range"),
        (["data.name=sprites", "data.subset=colour=1"], "names no factor"),
        (["data.name=sprites", "data.subset=shape=0 scale=0 orientation=0 x=0 y=0"], "take more values"),
        (["data.name=mixture", "data.mixture=1 2 3", "model.likelihood=gaussian"], "weight x y σ"),
        (["data.name=mixture", "data.mixture=", "model.likelihood=gaussian"], "0 components"),
        (["model.capacity=-1"], "capacity"),
        (["model.samples=0"], "samples"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_made(tmp_path: Path, changes: list[str], words: str) -> None:
    from explorer.errors import ExplorerError

    def start() -> None:
        prepare(with_settings(load_settings("digits-vae"), changes), tmp_path / "run")

    with pytest.raises(ExplorerError) as caught:
        start()
    assert words in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_new_family_takes_along_only_what_means_the_same() -> None:
    as_ddpm = with_settings(load_settings("digits-vae"), ["model.family=ddpm"])
    assert as_ddpm.model.network == "unet"  # type: ignore[union-attr]
    back = with_settings(as_ddpm, ["model.family=conditional"])
    assert back.model.network == "mlp"  # type: ignore[union-attr]
    ladder = with_settings(load_settings("digits-beta-vae"), ["model.family=hierarchical"])
    assert ladder.model.beta == 4.0 and ladder.model.likelihood == "gaussian"  # type: ignore[union-attr]

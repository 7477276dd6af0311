"""An open model: what goes in, what comes out, and that seeds mean what they say."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import explorer
from explorer import images
from explorer.chain_messages import NoiseRequest
from explorer.data.catalog import load
from explorer.errors import DataError, DeviceError, RunError
from explorer.inference.session import ModelSession
from explorer.latent_messages import DecodeRequest
from explorer.messages import DenoiseRequest
from explorer.models.noise import NoiseSource
from explorer.models.samplers import Denoiser

Trained = Callable[[str], Path]


@pytest.fixture(scope="session")
def vae(trained: Trained) -> ModelSession:
    return ModelSession.open(trained("digits-vae"), "cpu")


@pytest.fixture(scope="session")
def ddpm(trained: Trained) -> ModelSession:
    return ModelSession.open(trained("digits-ddpm"), "cpu")


def test_the_notebook_api_opens_and_trains(tmp_path: Path) -> None:
    session = explorer.open_model("digits-vae-2d", "cpu")
    assert session.decode(np.zeros((2, 2), np.float32)).shape == (2, 8, 8, 1)
    settings = {"training.epochs": 1, "model.hidden_units": 8, "training.device": "cpu"}
    messages = list(explorer.train("digits-vae", settings, out=tmp_path / "r"))
    assert explorer.open_model(tmp_path / "r").card.metrics["epochs"] == messages[-1].metrics["epochs"] == 1


def test_encode_and_decode_shapes(vae: ModelSession) -> None:
    pixels, _ = load("digits").split("test")
    mean, std = vae.encode(pixels[:7])
    assert mean.shape == std.shape == (7, 2) and bool((std > 0).all())
    decoded = vae.decode(mean)
    assert decoded.shape == (7, 8, 8, 1) and decoded.dtype == np.uint8
    one_by_one = np.concatenate([vae.decode(row[None]) for row in mean])
    assert int(np.abs(decoded.astype(int) - one_by_one).max()) <= 1
    answer = vae.decoded(DecodeRequest(5, mean))
    assert answer.request == 5 and np.array_equal(answer.pixels, decoded) and answer.milliseconds > 0


def test_wrong_shapes_are_named(vae: ModelSession, ddpm: ModelSession) -> None:
    with pytest.raises(RunError, match=r"\(items, 2\)"):
        vae.decode(np.zeros((1, 3), np.float32))
    with pytest.raises(RunError, match="encodes items of"):
        vae.encode(np.zeros((1, 28, 28, 1), np.uint8))
    with pytest.raises(RunError, match="no latent space"):
        ddpm.decode(np.zeros((1, 2), np.float32))
    with pytest.raises(RunError, match="no denoising chain"):
        vae.schedule()
    with pytest.raises(DeviceError, match="auto"):
        ModelSession.open("digits-vae-2d", "cuda:99")


def test_saved_map_is_what_encoding_gives(vae: ModelSession) -> None:
    saved = vae.latents()
    pixels, labels = load("digits").split(saved.split)
    assert np.allclose(saved.means, vae.encode(pixels)[0], rtol=1e-3, atol=1e-4)
    assert np.array_equal(saved.labels, labels)
    assert saved.kl_per_dimension.shape == (2,) and bool((saved.kl_per_dimension >= 0).all())


def test_a_traversal_moves_one_dimension_a_row(vae: ModelSession) -> None:
    z = np.array([0.5, -1.0], np.float32)
    shown = vae.traverse(z, (1, 0), extent=2.0, steps=5)
    assert shown.shape == (10, 8, 8, 1)
    expected = np.array([[0.5, v] for v in (-2, -1, 0, 1, 2)] + [[v, -1.0] for v in (-2, -1, 0, 1, 2)], np.float32)
    assert np.array_equal(shown, vae.decode(expected))


def test_a_chain_runs_from_noise_to_picture(ddpm: ModelSession) -> None:
    frames = list(ddpm.denoise(DenoiseRequest(3, 2, seed=7)))
    assert [frame.t for frame in frames] == list(range(20, -1, -1))
    assert all(frame.request == 3 and frame.x_t.shape == (2, 8, 8, 1) for frame in frames)
    assert frames[-1].step is None and frames[0].step is not None
    assert all(frame.x0_hat.dtype == frame.eps_hat.dtype == np.uint8 for frame in frames)
    assert frames[-2].step is not None and frames[-2].step.sigma == 0


def test_same_seed_same_picture_whatever_the_batch(ddpm: ModelSession, vae: ModelSession) -> None:
    for session in (ddpm, vae):
        few, many = (list(session.sample(count, seed=11))[-1][2] for count in (2, 5))
        other = list(session.sample(2, seed=12))[-1][2]
        assert few is not None and many is not None and other is not None
        assert int(np.abs(few.astype(int) - many[:2]).max()) <= 1
        assert int(np.abs(few.astype(int) - other).max()) > 1


def test_noise_is_standard_normal_and_an_items_own() -> None:
    drawn = NoiseSource(5, 2000).draw((8, 8))
    assert abs(float(drawn.mean())) < 0.02 and abs(float(drawn.std()) - 1) < 0.02
    assert torch.equal(NoiseSource(5, 3, first=4).draw((8, 8)), drawn[4:7])
    two = NoiseSource(5, 1)
    assert torch.equal(two.draw((8, 8)), drawn[:1]) and not torch.equal(two.draw((8, 8)), drawn[:1])


def test_the_forward_process_starts_at_the_image_and_ends_in_its_noise(ddpm: ModelSession) -> None:
    pixels, _ = load("digits").split("test")
    noised = ddpm.noised(NoiseRequest(1, index=3, seed=2))
    assert noised.chain.shape == (21, 8, 8, 1) and noised.eps.shape == (8, 8, 1)
    assert np.array_equal(images.from_signed(noised.jump(1.0)), pixels[3])
    assert np.array_equal(images.from_signed(noised.chain[0]), pixels[3])
    assert not np.array_equal(ddpm.noised(NoiseRequest(1, 3, 3)).eps, noised.eps)
    last = noised.jump(ddpm.schedule().alpha_bar[-1])
    correlation = np.corrcoef(last.flatten(), noised.eps.flatten())[0, 1]
    assert correlation > 0.9
    with pytest.raises(DataError, match="no test image 297"):
        ddpm.noised(NoiseRequest(1, 297, 0))


def test_guesses_fit_together(ddpm: ModelSession) -> None:
    from explorer.models.diffusion import Diffusion

    assert isinstance(ddpm.model, Diffusion)
    x_t = torch.randn(2, 1, 8, 8)
    bar = float(ddpm.model.schedule.alpha_bar[9])
    for clip in (False, True):
        guess = Denoiser(ddpm.model, clip=clip)(x_t, 9)
        assert torch.allclose(bar**0.5 * guess.x0 + (1 - bar) ** 0.5 * guess.eps, x_t, atol=1e-5)
    assert bool((Denoiser(ddpm.model)(x_t, 20).x0.abs() <= 1).all())


def test_opening_a_model_leaves_the_global_generator_alone(trained: Trained) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    for preset in ("digits-vae", "digits-ddpm"):
        ModelSession.open(trained(preset), "cpu")
    assert torch.equal(torch.get_rng_state(), before)

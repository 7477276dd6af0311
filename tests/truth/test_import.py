"""Models that diffusers saved, imported: they sample what diffusers samples, step for step."""

import json
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pytestqt.qtbot import QtBot
from safetensors.torch import load_file, save, save_file
from torch import Tensor

from explorer import images, runs
from explorer.chain_messages import NoiseRequest
from explorer.cli import main
from explorer.config import ImportedConfig, Sampling
from explorer.errors import DataError, ExplorerError, RunError
from explorer.inference.session import ModelSession
from explorer.messages import DenoiseRequest, Step
from explorer.models.diffusion import Diffusion
from explorer.models.samplers import Denoiser, ancestral, ddim
from explorer.training import importing
from explorer.workers.session_worker import OpenRequest, SessionWorker

diffusers = pytest.importorskip("diffusers", exc_type=ImportError)

T = 20
GREY, COLOUR = (1, 28, 28), (3, 32, 32)
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


def saved(
    folder: Path, shape: tuple[int, int, int] = GREY, outputs: int = 1, kind: str = "DDPM", **options: Any
) -> Any:
    """Return a small random pipeline of diffusers after it saved itself."""
    torch.manual_seed(0)
    channels, height, width = shape
    unet = diffusers.UNet2DModel(
        sample_size=height if height == width else (height, width), in_channels=channels,
        out_channels=channels * outputs, block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=4, layers_per_block=1,
    ).eval()  # fmt: skip
    options = {"num_train_timesteps": T, "beta_end": 0.3, **options}
    scheduler = getattr(diffusers, f"{kind}Scheduler")(**options)
    pipeline = getattr(diffusers, f"{kind}Pipeline")(unet, scheduler)
    pipeline.save_pretrained(folder, safe_serialization=True)
    return pipeline


def opened(folder: Path, out: Path, **arguments: Any) -> ModelSession:
    [run] = deque(importing.save(importing.read(folder, out=out, device="cpu", **arguments)), maxlen=1)
    assert run == out
    return ModelSession.open(out, "cpu")


def diffusion(session: ModelSession) -> Diffusion:
    assert isinstance(session.model, Diffusion)
    return session.model


class Given:
    """Noise that was drawn before, for a chain of ours and one of theirs."""

    def __init__(self, shape: Sequence[int], count: int = 2) -> None:
        generator = torch.Generator().manual_seed(7)
        self.start, *self.steps = torch.randn(T + 1, count, *shape, generator=generator)

    def ours(self) -> Any:
        waiting = iter(self.steps)

        class Source:
            def draw(self, shape: Sequence[int], device: object = "cpu") -> Tensor:
                return next(waiting)

        return Source()

    def theirs(self) -> Callable[..., Tensor]:
        waiting = iter(self.steps)
        return lambda *arguments, **options: next(waiting)


def their_chain(pipeline: Any, given: Given, **options: Any) -> Tensor:
    """Return what the loop of diffusers' pipelines arrives at."""
    image = given.start
    pipeline.scheduler.set_timesteps(T)
    with torch.inference_mode():
        for t in pipeline.scheduler.timesteps:
            image = pipeline.scheduler.step(pipeline.unet(image, t).sample, t, image, **options).prev_sample
    return image


CASES: list[tuple[tuple[int, int, int], dict[str, Any]]] = [
    (shape, {"prediction_type": prediction, "clip_sample": clip})
    for shape in (GREY, COLOUR)
    for prediction in ("epsilon", "v_prediction", "sample")
    for clip in (True, False)
]
CASES += [
    (GREY, {"variance_type": "fixed_large"}),
    (GREY, {"variance_type": "fixed_small_log"}),
    (COLOUR, {"variance_type": "learned_range", "outputs": 2}),
    (GREY, {"variance_type": "learned_range", "outputs": 2, "clip_sample": False}),
    (GREY, {"beta_schedule": "squaredcos_cap_v2"}),
    (GREY, {"beta_schedule": "scaled_linear"}),
    (GREY, {"beta_schedule": "sigmoid"}),
    (GREY, {"trained_betas": [0.3 * (k + 1) ** 2 / T**2 for k in range(T)]}),
    ((1, 8, 16), {}),
]


@pytest.mark.parametrize(("shape", "options"), CASES)
def test_the_ancestral_chain_is_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int, int], options: dict[str, Any]
) -> None:
    monkeypatch.setattr(importing, "_STEPS", 2)
    pipeline = saved(tmp_path / "saved", shape, **options)
    model = diffusion(opened(tmp_path / "saved", tmp_path / "run"))
    assert model.shape == shape
    given = Given(shape)
    monkeypatch.setattr("diffusers.schedulers.scheduling_ddpm.randn_tensor", given.theirs())
    theirs = their_chain(pipeline, given)
    [last] = deque(ancestral(Denoiser(model, clip=options.get("clip_sample", True)), given.start, given.ours()), 1)
    assert float(theirs.std()) > 0.1
    assert float((last.x_t - theirs).abs().max()) < 1e-4


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_the_ddim_chain_is_theirs(tmp_path: Path, prediction: str, clip: bool) -> None:
    pipeline = saved(tmp_path / "saved", kind="DDIM", prediction_type=prediction, clip_sample=clip)
    model = importing.read(tmp_path / "saved", device="cpu").model
    assert model.variance == "posterior"
    given = Given(GREY)
    theirs = their_chain(pipeline, given, use_clipped_model_output=clip)
    [last] = deque(ddim(Denoiser(model, clip=clip), given.start, given.ours()), 1)
    assert float((last.x_t - theirs).abs().max()) < 1e-4


@pytest.mark.parametrize(
    ("options", "schedule", "count"),
    [
        ({"beta_schedule": "linear"}, "custom", 2),
        ({"beta_schedule": "linear", "num_train_timesteps": 1000, "beta_end": 0.02}, "custom", 2),
        ({"beta_schedule": "linear", "num_train_timesteps": 10_000, "beta_end": 0.02}, "custom", 2),
        ({"beta_schedule": "squaredcos_cap_v2"}, "cosine", 2),
        ({"beta_schedule": "squaredcos_cap_v2", "num_train_timesteps": 1000}, "cosine", 2),
        ({"beta_schedule": "scaled_linear", "num_train_timesteps": 1000, "beta_end": 0.02}, "custom", 1000),
        ({"beta_schedule": "sigmoid"}, "custom", T),
        ({"num_train_timesteps": 1}, "custom", 1),
        ({"num_train_timesteps": 2}, "custom", 2),
    ],
)
def test_betas_are_theirs_and_written_shortly(
    tmp_path: Path, options: dict[str, Any], schedule: str, count: int
) -> None:
    pipeline = saved(tmp_path / "saved", **options)
    found = importing.read(tmp_path / "saved", device="cpu")
    config = found.config.model
    assert isinstance(config, ImportedConfig)
    assert config.schedule == schedule and len(config.betas) == count
    assert np.allclose(found.model.schedule.beta[1:], pipeline.scheduler.betas, rtol=1e-6, atol=1e-7)


# ---- layouts -------------------------------------------------------------------------------------------------------


def test_the_layout_and_names_of_old_versions(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    saved(folder)
    new = opened(folder, tmp_path / "new")
    (folder / "unet/config.json").rename(folder / "config.json")
    (folder / "scheduler/scheduler_config.json").rename(folder / "scheduler_config.json")
    tensors = {}
    for name, tensor in load_file(folder / WEIGHTS).items():
        for now, old in (
            (".to_q.", ".query."),
            (".to_k.", ".key."),
            (".to_v.", ".value."),
            (".to_out.0.", ".proj_attn."),
        ):
            name = name.replace(now, old)  # noqa: PLW2901
        tensors[name] = tensor
    assert any(".proj_attn." in name for name in tensors)
    (folder / WEIGHTS).unlink()
    save_file(tensors, folder / "diffusion_pytorch_model.safetensors")
    for part in ("unet", "scheduler"):
        (folder / part).rmdir()
    old = opened(folder, tmp_path / "old")
    assert old.weights_sha256 == new.weights_sha256


def test_a_download_is_made_of_links(tmp_path: Path) -> None:
    saved(tmp_path / "blobs")
    for path in list((tmp_path / "blobs").rglob("*.*")):
        link = tmp_path / "snapshot" / path.relative_to(tmp_path / "blobs")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    assert opened(tmp_path / "snapshot", tmp_path / "run").image_shape == (28, 28, 1)


# ---- bad weights ---------------------------------------------------------------------------------------------------


def altered(change: Callable[[dict[str, Tensor]], object]) -> Callable[[Path], object]:
    def apply(path: Path) -> None:
        tensors = load_file(path)
        change(tensors)
        path.write_bytes(save(tensors))

    return apply


def long(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(2**40)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "no safetensors file"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-9]), "damaged"),
    "a terabyte": (long, "more than"),
    "pickle": (lambda path: torch.save({}, path), "no safetensors file"),
    "header past the end": (lambda path: path.write_bytes((2**63).to_bytes(8, "little") + b"{}"), "header"),
    "missing": (altered(lambda t: t.pop("conv_in.weight")), "lacks conv_in.weight"),
    "extra": (altered(lambda t: t.update(extra=torch.zeros(1))), "unknown 'extra'"),
    "wrong shape": (altered(lambda t: t.update({"conv_in.weight": torch.zeros(3)})), "conv_in.weight"),
    "half": (altered(lambda t: t.update({k: v.half() for k, v in t.items()})), "in float32"),
    "NaN": (altered(lambda t: t["conv_in.weight"].fill_(float("nan"))), "not finite"),
    "overflow": (altered(lambda t: [v.fill_(3e38) for v in t.values()]), "no numbers"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_weights_are_refused_and_nothing_is_written(tmp_path: Path, home: Path, kind: str) -> None:
    saved(tmp_path / "saved")
    change, words = BAD[kind]
    change(tmp_path / "saved" / WEIGHTS)
    with pytest.raises(RunError, match=words) as caught:
        deque(importing.save(importing.read(tmp_path / "saved", device="cpu")))
    assert "diffusion_pytorch_model.safetensors" in str(caught.value)
    assert not list(home.glob("runs/*"))


def test_what_diffusers_refuses_and_what_is_too_large(tmp_path: Path, home: Path) -> None:
    folder = tmp_path / "saved"
    saved(folder)
    path, options = folder / "unet/config.json", folder / "scheduler/scheduler_config.json"
    good, process = json.loads(path.read_text()), json.loads(options.read_text())
    for changes, words in (
        ({"norm_num_groups": 3}, "divisible"),
        ({"block_out_channels": [4096, 4096], "layers_per_block": 8}, "the most is"),
        ({"out_channels": 2}, "2 output channels"),
    ):
        path.write_text(json.dumps({**good, **changes}))
        with pytest.raises(ExplorerError, match=words):
            importing.read(folder, device="cpu")
    path.write_text(json.dumps(good))
    for changes, words in (
        ({"variance_type": "learned_range"}, "twice as many"),
        ({"_class_name": "DDIMScheduler", "beta_schedule": "sigmoid"}, "DDIMScheduler has no beta_schedule = sigmoid"),
        ({"num_train_timesteps": 1000, "beta_start": 0.9, "beta_end": 0.99}, "nothing of the image"),
        ({"beta_end": 0.999999999}, "nothing of the image"),
        ({"beta_start": 1.01e-7, "beta_end": 1.01e-7, "trained_betas": None}, None),
    ):
        options.write_text(json.dumps({**process, **changes}))
        if words is None:
            importing.read(folder, device="cpu")
            continue
        with pytest.raises(ExplorerError, match=words):
            importing.read(folder, device="cpu")
    assert not list(home.glob("runs/*"))


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path / "saved")
    found = importing.read(tmp_path / "saved", out=tmp_path / "run", device="cpu")

    def full(*arguments: object) -> None:
        raise RunError("no space")

    monkeypatch.setattr("explorer.training.importing.publish", full)
    with pytest.raises(RunError, match="no space"):
        deque(importing.save(found))
    assert not (tmp_path / "run").exists()


# ---- as a model of the app -----------------------------------------------------------------------------------------


def test_a_session_without_data_starts_from_its_samples(tmp_path: Path) -> None:
    saved(tmp_path / "saved", COLOUR)
    steps = [m for m in importing.save(importing.read(tmp_path / "saved", out=tmp_path / "run")) if isinstance(m, Step)]
    assert [step.done for step in steps] == list(range(21)) and {step.total for step in steps} == {20}
    session = ModelSession.open(tmp_path / "run", "cpu")
    pictures = runs.read_pictures(tmp_path / "run")
    gallery = session.gallery()
    assert pictures is not None and len(pictures.samples) == 16
    assert np.array_equal(gallery.pixels, pictures.samples) and not gallery.labels.any()
    noised = session.noised(NoiseRequest(0, 3, 0))
    assert noised.chain.shape == (T + 1, 32, 32, 3)
    assert np.array_equal(images.from_signed(noised.jump(1.0)), pictures.samples[3])
    frames = list(session.denoise(DenoiseRequest(0, 2, 0, Sampling(), image=1, start=5)))
    assert [frame.t for frame in frames] == [5, 4, 3, 2, 1, 0]
    with pytest.raises(DataError, match="no test image 16"):
        session.noised(NoiseRequest(0, 16, 0))
    message = session.opened(1)
    assert message.schedule is not None and message.card.label == "DDPM, imported"
    (tmp_path / "run" / runs.PICTURES).unlink()
    with pytest.raises(RunError, match="import the model again"):
        session.gallery()


def test_the_diffusion_page_can_ask_all_of_it(tmp_path: Path, qtbot: QtBot) -> None:
    saved(tmp_path / "saved")
    opened(tmp_path / "saved", tmp_path / "run")
    worker = SessionWorker()
    try:
        with qtbot.waitSignal(worker.gallery, timeout=30_000) as caught:
            worker.submit(OpenRequest(1, str(tmp_path / "run")))
        assert len(caught.args[0].pixels) == 16
        with qtbot.waitSignal(worker.noised, timeout=30_000) as forward:
            worker.submit(NoiseRequest(2, 0, 0))
        assert len(forward.args[0].chain) == T + 1
        with qtbot.waitSignal(worker.frames, timeout=30_000):
            worker.submit(DenoiseRequest(3, 2, 0))
    finally:
        assert worker.stop()


def test_from_the_command_line(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path / "their model", clip_sample=False)
    assert main(["import", str(tmp_path / "their model"), "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "1×28×28 in 20 steps" in said
    assert not ModelSession.open(next(home.glob("runs/*")), "cpu").clips, "as its own library samples it"
    [run] = home.glob("runs/*")
    assert run.name.startswith("their-model-") and f"saved in {run}" in said
    record = runs.read_record(run)
    assert record["status"] == "finished" and record["command"] == "vdx import FOLDER" and record["metrics"] == {}
    assert record["imported"] == {"pipeline": "DDPMPipeline", "unet": "UNet2DModel", "scheduler": "DDPMScheduler"}
    assert runs.card(run).parameters == record["parameters"] > 10_000 and not runs.card(run).problem
    assert main(["list"]) == 0
    assert "imported     none" in capsys.readouterr().out
    out = tmp_path / "s.png"
    assert main(["sample", run.name, "-n", "4", "--no-clip", "--steps", "5", "--out", str(out), "--device", "cpu"]) == 0
    with Image.open(out) as picture:
        assert picture.width == (2 * 29 - 1) * (picture.width // (2 * 29 - 1))
    assert images.read_provenance(out)["model"] == run.name
    assert main(["denoise", str(run), "--from", "5", "--out", str(tmp_path / "d.png")]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(run)]) == 2
    assert "imported without its data" in capsys.readouterr().err
    assert list(home.glob("runs/*")) == [run]


def test_data_and_title(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "saved")
    saved(tmp_path / "saved", (1, 8, 8))
    for arguments, words in (
        (["--data", "mnist"], "1×8×8, and mnist has 1×28×28"),
        (["--data", "faces"], "--data faces"),
        (["--title", ""], "title"),
        (["--title", "a\nb"], "control characters"),
    ):
        assert main(["import", folder, *arguments]) == 2
        assert words in capsys.readouterr().err
    assert not list(home.glob("runs/*"))
    assert main(["import", folder, "--data", "digits", "--title", "Theirs", "--out", str(tmp_path / "run")]) == 0
    assert runs.card(tmp_path / "run").title == "Theirs" and not list(home.glob("runs/*"))
    session = ModelSession.open(tmp_path / "run", "cpu")
    assert session.data.name == "digits" and len(session.gallery().pixels) == 24

"""Folders of diffusers that nobody should trust, and what an imported model is told apart from the others."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from explorer import runs
from explorer.cli import main
from explorer.config import DataConfig, DdpmConfig, ImportedConfig, RunConfig
from explorer.errors import ConfigError, RunError
from explorer.inference.session import ModelSession
from explorer.settings import load_settings, with_settings
from explorer.training.prepare import new_run
from explorer.ui.facts import details, figures, tags

UNET: dict[str, Any] = {
    "_class_name": "UNet2DModel", "_diffusers_version": "0.42.1", "sample_size": 16, "in_channels": 1,
    "out_channels": 1, "block_out_channels": [8, 16], "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D"], "norm_num_groups": 4, "layers_per_block": 1,
}  # fmt: skip
SCHEDULER: dict[str, Any] = {"_class_name": "DDPMScheduler", "num_train_timesteps": 10, "clip_sample_range": 1.0}
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"
REMEDY = 'pip install "vae-diffusion-explorer[diffusers]"'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as diffusers writes it, but for its weights, which are none."""
    place = tmp_path / "saved"
    for part in ("unet", "scheduler"):
        (place / part).mkdir(parents=True)
    (place / "model_index.json").write_text(json.dumps({"_class_name": "DDPMPipeline", "unet": ["x", "Y"], "z": 1}))
    (place / "unet/config.json").write_text(json.dumps(UNET))
    (place / "scheduler/scheduler_config.json").write_text(json.dumps(SCHEDULER))
    (place / WEIGHTS).write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    return place


def write(name: str, content: str | bytes) -> Callable[[Path], object]:
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(data)


def unet(**changes: object) -> Callable[[Path], object]:
    return write("unet/config.json", json.dumps({**UNET, **changes}))


def scheduler(**changes: object) -> Callable[[Path], object]:
    return write("scheduler/scheduler_config.json", json.dumps({**SCHEDULER, **changes}))


def instead(name: str, make: Callable[[Path], object]) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return change


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)  # no memory has so much; the disk has none of it


def pickled_only(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "unet/diffusion_pytorch_model.bin")


PLACES = {
    "model_index.json": "model_index.json", "unet/config.json": "config.json",
    "scheduler/scheduler_config.json": "scheduler_config.json", WEIGHTS: "diffusion_pytorch_model.safetensors",
}  # fmt: skip
ODD: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "directory": lambda path: path.mkdir(),
    "FIFO": os.mkfifo,
    "dangling": lambda path: path.symlink_to("nowhere"),
    "loop": lambda path: path.symlink_to(path.name),
    "device": lambda path: path.symlink_to("/dev/zero"),
    "huge": huge,
}
TEXTS: dict[str, str | bytes] = {
    "empty": "", "torn": '{"_class_name": "DDPMPip', "not UTF-8": b"\xff\xfe\xfa{}", "array": "[1, 2]",
    "deep": "[" * 100_000, "same key twice": '{"a": 1, "a": 2}', "NaN": '{"a": NaN}',
    "5000 digits": '{"a": 1' + "0" * 5000 + "}",
}  # fmt: skip
DEEP = "[" * 900 + "]" * 900

BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    **{
        f"{name} {kind}": (instead(name, make), shown)
        for name, shown in PLACES.items()
        for kind, make in ODD.items()
        if (name, kind) != (WEIGHTS, "huge")
    },
    **{f"{name} {k}": (write(name, t), s) for name, s in PLACES.items() if name != WEIGHTS for k, t in TEXTS.items()},
    "pickled weights only": (pickled_only, "safe_serialization=True"),
    "another pipeline": (write("model_index.json", '{"_class_name": "StableDiffusionPipeline"}'), "StableDiffusion"),
    "no class": (write("model_index.json", "{}"), "DDPMPipeline or DDIMPipeline"),
    "a class with lines": (write("model_index.json", '{"_class_name": "a\\nb"}'), r"'a\nb'"),
    "another network": (unet(_class_name="UNet2DConditionModel"), "UNet2DConditionModel"),
    "another scheduler": (scheduler(_class_name="PNDMScheduler"), "PNDMScheduler"),
    "10^9 channels": (unet(block_out_channels=[10**9, 10**9]), "block_out_channels.0 = 1000000000"),
    "10^9 groups": (unet(norm_num_groups=10**9), "norm_num_groups"),
    "10^9 layers": (unet(layers_per_block=10**9), "layers_per_block"),
    "10^9 pixels": (unet(sample_size=10**9), "sample_size"),
    "infinite": (write("unet/config.json", json.dumps(UNET)[:-1] + ', "norm_eps": 1e999}'), "norm_eps"),
    "a 4000-digit size": (write("unet/config.json", json.dumps(UNET)[:-1] + f', "dropout": {"9" * 4000}}}'), "dropout"),
    "a deep size": (write("unet/config.json", json.dumps(UNET).replace("16,", f"{DEEP},", 1)), "sample_size"),
    "a deep class": (write("model_index.json", f'{{"_class_name": {DEEP}}}'), "_class_name"),
    "nine blocks": (unet(block_out_channels=[8] * 9), "block_out_channels"),
    "no size": (unet(sample_size=None), "sample_size"),
    "two channels": (unet(in_channels=2), "in_channels = 2"),
    "an odd size": (unet(sample_size=17), "multiple of 2"),
    "uneven lists": (unet(block_out_channels=[8]), "equally many"),
    "an unknown block": (unet(down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"]), "CrossAttnDownBlock2D"),
    "an unknown setting": (unet(surprise=1), "'surprise'"),
    "classes": (unet(num_class_embeds=10), "num_class_embeds = 10"),
    "a kind of classes": (unet(class_embed_type="timestep"), "class_embed_type = 'timestep'"),
    "Fourier time": (unet(time_embedding_type="fourier"), "time_embedding_type = 'fourier'"),
    "heads": (unet(attention_head_dim=64), "attention_head_dim"),
    "thresholding": (scheduler(thresholding=True), "unsupported scheduler option thresholding = True"),
    "zero SNR": (scheduler(rescale_betas_zero_snr=True), "unsupported scheduler option rescale_betas_zero_snr = True"),
    "last alpha": (scheduler(_class_name="DDIMScheduler", set_alpha_to_one=False), "set_alpha_to_one = False"),
    "clip range": (scheduler(clip_sample_range=2.0), "unsupported scheduler option clip_sample_range = 2.0"),
    "old x0": (scheduler(predict_epsilon=False), "unsupported scheduler option predict_epsilon = False"),
    "learned": (scheduler(variance_type="learned"), "variance_type = 'learned'"),
    "an unknown option": (scheduler(surprise=1), "unsupported scheduler option surprise = 1"),
    "an unknown prediction": (scheduler(prediction_type="flow"), "prediction_type = 'flow'"),
    "an unknown schedule": (scheduler(beta_schedule="laplace"), "beta_schedule = 'laplace'"),
    "T = 0": (scheduler(num_train_timesteps=0), "num_train_timesteps = 0"),
    "T = 10^9": (scheduler(num_train_timesteps=10**9), "num_train_timesteps = 1000000000"),
    "β = 0": (scheduler(beta_start=0), "beta_start = 0"),
    "β = 1": (scheduler(trained_betas=[1.0] * 10), "trained_betas.0 = 1.0"),
    "too few β": (scheduler(trained_betas=[0.1]), "trained_betas has 1 numbers"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_folder_is_refused_and_nothing_is_written(
    folder: Path, home: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    change, words = BAD[kind]
    change(folder)
    assert main(["import", str(folder), "--device", "cpu"]) == 2
    captured = capsys.readouterr()
    assert words in captured.err and captured.err.count("\n") == 1, captured.err
    assert captured.out == "" and not list(home.glob("runs/*"))


def test_other_arguments_that_are_wrong(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, words in (
        ([str(tmp_path / "nowhere")], "there is no folder"),
        ([str(folder / "model_index.json")], "there is no folder"),
        ([str(folder), "--out", str(folder)], "is not empty"),
        ([str(folder), "--device", "tpu"], "tpu"),
    ):
        assert main(["import", *arguments]) == 2
        assert words in capsys.readouterr().err


# ---- without the library -------------------------------------------------------------------------------------------


def imported(**changes: object) -> RunConfig:
    text = json.dumps({name: value for name, value in UNET.items() if not name.startswith("_")})
    model = {"timesteps": 10, "unet": text, **changes}
    return RunConfig(title="Theirs", data=DataConfig(name="none"), model=ImportedConfig.model_validate(model))


def test_without_diffusers_the_remedy_is_named(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    assert main(["import", str(folder)]) == 2
    assert REMEDY in capsys.readouterr().err
    assert not list(home.glob("runs/*"))
    run = runs.create(imported())
    with pytest.raises(RunError) as caught:
        ModelSession.open(run, "cpu")
    assert REMEDY in str(caught.value)
    assert main(["sample", str(run)]) == 1
    assert REMEDY in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"unet": "[" * 10_000}, "model.unet"),
        ({"unet": "{}"}, "sample_size"),
        ({"unet": '{"sample_size": 8, "block_out_channels": [1000000000]}'}, "block_out_channels"),
        ({"told": "class"}, "told"),
    ],
)
def test_a_hostile_run_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(RunError, match=words):
        ModelSession.open(runs.create(imported(**changes)), "cpu")


def test_a_data_set_of_another_shape_is_refused() -> None:
    config = imported().model_copy(update={"data": DataConfig(name="digits")})
    with pytest.raises(RunError, match="1×16×16, and digits has 1×8×8"):
        ModelSession.open(runs.create(config), "cpu")


# ---- as a run ------------------------------------------------------------------------------------------------------


def test_an_imported_model_is_not_trained(capsys: pytest.CaptureFixture[str], home: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"imported models cannot be trained; families are autoencoder"):
        with_settings(load_settings("digits-ddpm"), ["model.family=imported"])
    with pytest.raises(ConfigError, match="cannot be trained"):
        new_run(imported())
    assert main(["train", "digits-ddpm", "--set", "model.family=imported"]) == 2
    file = tmp_path / "theirs.toml"
    file.write_text('[model]\nfamily = "imported"\n')
    assert main(["train", str(file)]) == 2
    assert capsys.readouterr().err.count("imported") >= 2
    assert main(["train", "--resume", str(runs.create(imported(), tmp_path / "run"))]) == 2
    assert not list(home.glob("runs/*"))
    other = with_settings(imported(), ["model.family=ddpm", "data.name=digits"])
    assert isinstance(other.model, DdpmConfig) and other.model.timesteps == 10


@pytest.mark.parametrize(("predicts", "symbol"), [("mean", "μ̃ (A)"), ("x0", "x₀ (B)"), ("eps", "ε (C)"), ("v", "v")])
@pytest.mark.parametrize("family", ["ddpm", "imported"])
def test_a_card_says_what_is_predicted(family: str, predicts: str, symbol: str) -> None:
    config = imported(predicts=predicts)
    if family == "ddpm":
        config = RunConfig(model=DdpmConfig.model_validate({"predicts": predicts, "timesteps": 10}))
    run = runs.create(config)
    runs.write_atomically(run / runs.MANIFEST, b"{}")
    card = runs.card(run)
    assert not card.latent and not card.problem
    assert tags(card) == ["DDPM, imported" if family == "imported" else "DDPM", f"{symbol} · T = 10", "yours"]
    facts = dict(details(card))
    assert facts["Predicts"] == symbol
    if family == "imported":
        assert facts["Trained on"] == "elsewhere" and "Test" not in facts and figures(card) == "trained elsewhere"


def test_the_train_page_shows_an_imported_run(qtbot: QtBot) -> None:
    from explorer.ui.train_page import TrainPage

    page = TrainPage()
    qtbot.addWidget(page)
    page.show_run(runs.create(imported()))
    with qtbot.waitSignal(page.problem) as caught:
        page.start()
    assert "cannot be trained" in caught.args[0].text
    page.form.set_value("model.family", "ddpm")
    assert page.form.problems == {"data.name": "there is nothing to learn from; choose a data set"}
    page.form.set_value("data.name", "digits")
    assert page.form.config().model.family == "ddpm"
    page.shutdown()

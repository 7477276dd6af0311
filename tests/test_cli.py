"""The command line as a person uses it: files worth having, and one clear line for every mistake."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer import images, runs
from explorer.cli import main
from explorer.config import Sampling
from explorer.inference.session import ModelSession

Trained = Callable[[str], Path]


def fails(capsys: pytest.CaptureFixture[str], code: int, words: str, *arguments: str) -> None:
    """Assert that a command ends with an exit code and one line that has these words, and no traceback."""
    try:
        got = main(arguments)
    except SystemExit as end:  # argparse
        got = int(end.code or 0)
    captured = capsys.readouterr()
    assert got == code, captured
    assert words in captured.err, captured.err
    assert captured.err.count("\n") == 1 and "Traceback" not in captured.err
    assert captured.out == ""


def test_train_sample_traverse_denoise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "r1"
    small = ["--set", "training.epochs=1", "--set", "model.hidden_units=16", "--device", "cpu"]
    assert main(["train", "digits-vae", *small, "--out", str(out)]) == 0
    assert "saved in" in capsys.readouterr().out
    assert runs.read_record(out)["command"].startswith("vdx train digits-vae --set training.epochs=1")
    assert main(["sample", str(out), "-n", "6", "--seed", "3", "--out", str(tmp_path / "s.png")]) == 0
    with Image.open(tmp_path / "s.png") as picture:
        assert picture.size == ((3 * 9 - 1) * 8, (2 * 9 - 1) * 8)
    assert images.read_provenance(tmp_path / "s.png")["seed"] == 3
    assert main(["traverse", str(out), "--out", str(tmp_path / "t.gif")]) == 0
    with Image.open(tmp_path / "t.gif") as film:
        assert film.n_frames == 48
    assert main(["traverse", str(out), "--out", str(tmp_path / "t.png")]) == 0


def test_sample_is_the_library_pixel_for_pixel(tmp_path: Path, trained: Trained) -> None:
    folder = trained("digits-ddpm")
    assert (
        main(["sample", str(folder), "-n", "4", "--seed", "9", "--device", "cpu", "--out", str(tmp_path / "s.png")])
        == 0
    )
    pixels = list(ModelSession.open(folder, "cpu").sample(4, 9))[-1][2]
    assert pixels is not None
    with Image.open(tmp_path / "s.png") as picture:
        assert np.array_equal(np.asarray(picture), images.sheet(pixels)[..., 0])


def test_denoise_makes_a_film_and_a_strip(tmp_path: Path, trained: Trained) -> None:
    folder = str(trained("digits-ddpm"))
    assert main(["denoise", folder, "-n", "2", "--out", str(tmp_path / "c.gif")]) == 0
    with Image.open(tmp_path / "c.gif") as film:
        assert film.n_frames == 21
    assert main(["denoise", folder, "-n", "2", "--out", str(tmp_path / "c.png")]) == 0
    with Image.open(tmp_path / "c.png") as strip:
        assert strip.size == ((10 * 9 - 1) * 8, (2 * 9 - 1) * 8)


def test_resume_goes_on_and_can_train_longer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "r")
    assert (
        main(["train", "digits-vae", "--set", "training.epochs=1", "--set", "model.hidden_units=8", "--out", out]) == 0
    )
    assert main(["train", "--resume", out, "--set", "training.epochs=2"]) == 0
    assert "resumed from checkpoint 00000024 (step 24)" in capsys.readouterr().err
    assert runs.card(Path(out)).metrics["epochs"] == 2


def test_a_resume_that_changes_settings_keeps_what_is_written_meanwhile(
    new_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from explorer import library
    from explorer.models import devices
    from explorer.training.loop import train

    folder = new_run("digits-vae", "training.epochs=1", "model.hidden_units=8")
    list(train(folder))
    real = devices.resolve

    def renamed_meanwhile(device: str) -> object:
        library.rename(folder, "renamed meanwhile")
        return real(device)

    monkeypatch.setattr(devices, "resolve", renamed_meanwhile)
    assert main(["train", "--resume", str(folder), "--set", "training.epochs=2"]) == 0
    card = runs.card(folder)
    assert card.title == "renamed meanwhile" and card.metrics["epochs"] == 2


def test_a_resume_can_rename_a_run(new_run: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    from explorer.training.loop import train

    folder = new_run("digits-vae", "training.epochs=1", "model.hidden_units=8")
    list(train(folder))
    renaming = ["train", "--resume", str(folder), "--set", "title=Another name"]
    assert main([*renaming, "--set", "training.epochs=2"]) == 0
    assert runs.card(folder).title == "Another name" and runs.read_config(folder).training.epochs == 2
    before = (folder / runs.RECORD).read_bytes()
    capsys.readouterr()
    fails(capsys, 2, "1 to 80", "train", "--resume", str(folder), "--set", f"title={'x' * 81}")
    assert (folder / runs.RECORD).read_bytes() == before


def test_a_run_does_not_say_in_which_folder_its_settings_were(tmp_path: Path) -> None:
    from explorer import paths

    settings = tmp_path / "at home" / "my settings.toml"
    settings.parent.mkdir()
    settings.write_text((paths.resources() / "presets" / "digits-vae.toml").read_text("utf-8"), "utf-8")
    small = ["--set", "training.epochs=1", "--set", "model.hidden_units=8"]
    assert main(["train", str(settings), *small, "--out", str(tmp_path / "r")]) == 0
    command = runs.read_record(tmp_path / "r")["command"]
    assert command.startswith("vdx train 'my settings.toml' --set") and "at home" not in command


def test_list_and_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == {"presets", "models", "datasets", "drawn"}
    assert all(m.keys() == {"name", "family", "dataset", "path", "bundled", "metrics"} for m in found["models"])
    assert all(d.keys() == {"name", "kind", "shape", "items", "available"} for d in found["datasets"])
    assert {"digits-vae-2d", "digits-beta-vae", "digits-ddpm"} <= {model["name"] for model in found["models"]}
    assert main(["list"]) == 0 and "digits-ddpm" in capsys.readouterr().out
    assert main(["doctor", "--json"]) == 0
    examined = json.loads(capsys.readouterr().out)
    assert examined["ok"] and {f["name"] for f in examined["findings"]} >= {"libraries", "devices", "bundled models"}
    assert main(["doctor"]) == 0


def test_python_dash_m_is_vdx() -> None:
    done = subprocess.run([sys.executable, "-m", "explorer", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("vdx 0.")


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("there is no preset digits-gan", ["train", "digits-gan"]),
        ("did you mean model.beta?", ["train", "digits-vae", "--set", "model.bta=3"]),
        ("model.latent_size = 0", ["train", "digits-vae", "--set", "model.latent_size=0"]),
        ("training.learning_rate", ["train", "digits-vae", "--set", "training.learning_rate=nan"]),
        ("there is no device cuda:99", ["train", "digits-vae", "--device", "cuda:99"]),
        ("training.device", ["train", "digits-vae", "--device", "abacus"]),
        ("name a preset", ["train"]),
        ("leave out the preset", ["train", "digits-vae", "--resume", "."]),
        ("run.json is missing", ["train", "--resume", "."]),
        ("there is no run folder", ["train", "--resume", "nowhere"]),
        ("there is no run folder", ["train", "--resume", __file__]),
        ("there is no model nope", ["sample", "nope"]),
        ("cannot be looked at", ["sample", "x" * 400]),
        ("ask for", ["train", "digits-ddpm", "--set", "model.channels=1024", "--set", "model.multipliers=[16,16,16]"]),
        ("there is no device", ["sample", "digits-vae-2d", "--device", "cuda:99"]),
        ("must end in .png", ["sample", "digits-vae-2d", "--out", "x.jpg"]),
        ("there is no folder", ["denoise", "digits-ddpm", "--out", "no/where/x.gif"]),
        ("no latent space", ["traverse", "digits-ddpm", "--out", "x.gif"]),
        ("no chain", ["denoise", "digits-vae-2d", "--out", "x.gif"]),
        ("0 is not from 1 to 4096", ["sample", "digits-vae-2d", "-n", "0"]),
        ("no whole number", ["sample", "digits-vae-2d", "-n", "many"]),
        ("a seed is from 0", ["sample", "digits-vae-2d", "--seed", "-1"]),
        ("invalid choice", ["screenshot", "settings"]),
        ("as 1440x900", ["screenshot", "models", "--size", "large"]),
        ("is a β-VAE", ["screenshot", "diffusion", "--model", "digits-beta-vae"]),
        ("invalid choice", ["paint"]),
        ("unrecognized arguments", ["list", "--all"]),
    ],
)
def test_mistakes_get_one_line_and_exit_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
    arguments: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    fails(capsys, 2, words, *arguments)
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == [], "nothing half-written"


def test_out_that_holds_something_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "mine").write_text("precious")
    fails(capsys, 2, "is not empty", "train", "digits-vae", "--out", str(tmp_path / "r"))
    assert (tmp_path / "r" / "mine").read_text() == "precious"


def test_resume_refuses_another_model(new_run: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(new_run("digits-vae"))
    fails(capsys, 2, "training settings only", "train", "--resume", folder, "--set", "model.beta=3")
    fails(capsys, 2, "batches and the precision", "train", "--resume", folder, "--set", "training.batch_size=7")
    before = (Path(folder) / runs.RECORD).read_bytes()
    fails(capsys, 2, "no checkpoint", "train", "--resume", folder, "--set", "training.epochs=999")
    assert (Path(folder) / runs.RECORD).read_bytes() == before


def test_a_broken_model_is_a_failure(tmp_path: Path, trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    from shutil import copytree, rmtree

    folder = tmp_path / "broken"
    copytree(trained("digits-vae"), folder)
    rmtree(folder / runs.CHECKPOINTS)
    (folder / runs.WEIGHTS).write_bytes(b"")
    fails(capsys, 1, "is damaged", "sample", str(folder), "--out", str(tmp_path / "s.png"))
    assert not (tmp_path / "s.png").exists()


@pytest.mark.parametrize("page", ["models", "train", "latent", "diffusion"])
def test_screenshot_of_every_page(tmp_path: Path, page: str) -> None:
    """In a process of its own, as a person runs it: the window's threads must end and nothing may warn."""
    out = tmp_path / "p.png"
    command = [sys.executable, "-W", "error", "-m", "explorer", "screenshot", page]
    command += ["--size", "1100x700", "--theme", "light", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    with Image.open(out) as picture:
        assert picture.size == (1100, 700)
        colors = np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)
        assert len(colors) > 100, "more than an empty window"


@pytest.mark.parametrize(
    "preset", ["digits-vae", "digits-autoencoder", "digits-conditional", "digits-ladder", "digits-vq", "points-vae"]
)
def test_every_family_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: Trained, preset: str
) -> None:
    folder = str(trained(preset))
    assert main(["evaluate", folder, "--limit", "40", "--iwae", "2", "--seed", "1", "--json"]) == 0
    first = capsys.readouterr().out
    found = json.loads(first)
    assert found["items"] == 40 and found["seed"] == 1 and found["figures"]["mse"]["value"] > 0
    assert all(figure["meaning"] for figure in found["figures"].values())
    assert main(["evaluate", folder, "--limit", "40", "--iwae", "2", "--seed", "1", "--json"]) == 0
    assert capsys.readouterr().out == first, "same seed, same numbers"
    for command in ("sample", "traverse"):
        assert main([command, folder, "--out", str(tmp_path / f"{command}.png")]) == 0
        with Image.open(tmp_path / f"{command}.png") as picture:
            assert len(np.unique(np.asarray(picture))) > 2
    capsys.readouterr()
    assert main(["evaluate", folder, "--limit", "10", "--iwae", "0"]) == 0
    assert "mean squared error" in capsys.readouterr().out


def test_a_class_is_sampled_and_traversed(tmp_path: Path, trained: Trained) -> None:
    folder = trained("digits-conditional")
    out = tmp_path / "c.png"
    assert main(["sample", str(folder), "-n", "4", "--class", "3", "--device", "cpu", "--out", str(out)]) == 0
    pixels = list(ModelSession.open(folder, "cpu").sample(4, 0, Sampling(label=3)))[-1][2]
    assert pixels is not None
    with Image.open(out) as picture:
        assert np.array_equal(np.asarray(picture), images.sheet(pixels)[..., 0])
    assert images.read_provenance(out)["label"] == 3
    assert main(["traverse", str(folder), "--class", "9", "--out", str(out)]) == 0
    assert images.read_provenance(out)["label"] == 9


def test_mistakes_in_evaluating_are_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: Trained
) -> None:
    vae, conditional = str(trained("digits-vae")), str(trained("digits-conditional"))
    fails(capsys, 2, "digits-vae was made for (1, 8, 8)", "evaluate", vae, "--data", "sprites")
    fails(capsys, 2, "no factors known to vary", "evaluate", vae, "--mig")
    fails(capsys, 2, "--data imagenet", "evaluate", vae, "--data", "imagenet")
    fails(capsys, 2, "no latent space", "evaluate", str(trained("digits-ddpm")), "--mig")
    fails(capsys, 2, "which needs no folder", "evaluate", vae, "--data-dir", str(tmp_path))
    fails(capsys, 2, "not from 0", "evaluate", vae, "--limit", "-1")
    fails(capsys, 2, "no class 10", "sample", conditional, "--class", "10", "--out", str(tmp_path / "s.png"))
    fails(capsys, 2, "told no class", "traverse", vae, "--class", "1", "--out", str(tmp_path / "t.png"))
    fails(capsys, 2, "no train-images-idx3-ubyte", "train", "mnist-vae", "--data-dir", str(tmp_path))
    fails(capsys, 2, "not on this machine", "train", "mnist-vae", "--out", str(tmp_path / "run"))
    fails(capsys, 2, "data.name = 'imagenet'", "train", "digits-vae", "--data", "imagenet")
    assert not (tmp_path / "run").exists() and not (tmp_path / "s.png").exists()


def test_a_changed_preset_says_so_and_points_are_counted(tmp_path: Path, trained: Trained) -> None:
    small = ["--set", "training.epochs=1", "--set", "model.hidden_units=8", "--set", "model.latent_size=3"]
    assert main(["train", "digits-vae", *small, "--out", str(tmp_path / "r")]) == 0
    assert runs.card(tmp_path / "r").title == "Digits VAE · 2-d, changed"
    folder, out = str(trained("points-ddpm")), tmp_path / "p.png"
    lit = []
    for count in ("3", "300"):
        assert main(["sample", folder, "-n", count, "--out", str(out)]) == 0
        with Image.open(out) as picture:
            lit.append(int((np.asarray(picture) > 0).sum()))
    assert lit[0] <= 3 < lit[1]

"""The wheel: it holds all that the app needs, and works from an environment of its own, away from the checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
MODELS = {
    path.parent.name: json.loads(path.read_text(encoding="utf-8"))["config"]["model"]["family"]
    for path in (CHECKOUT / "trained_models").glob("*/run.json")
}

pytestmark = pytest.mark.slow


def _output(command: Sequence[object], folder: Path, **variables: str) -> str:
    """Run a command in a folder, without Python's own variables, and return what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**kept, **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the checkout in which a model still has its checkpoints, as after training."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "checkout"
    for name in ("explorer", "resources", "trained_models"):
        shutil.copytree(CHECKOUT / name, copy / name, ignore=shutil.ignore_patterns("checkpoints", "__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(CHECKOUT / name, copy)
    checkpoint = copy / "trained_models" / min(MODELS) / "checkpoints" / "00000001"
    checkpoint.mkdir(parents=True)
    (checkpoint / "model.safetensors").touch()
    _output([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, "."], copy)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel alone, which finds the libraries in the one that runs the tests."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    options = ["--no-deps", "--no-index", "--disable-pip-version-check", "--quiet"]
    _output([sys.executable, "-m", "pip", "--python", python, "install", *options, wheel], folder)
    # Folders that a .pth file names come after site-packages, and .pth files in them (the editable checkout) are inert.
    libraries = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    site_packages = _output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).strip()
    Path(site_packages, "libraries.pth").write_text("".join(f"{library}\n" for library in libraries))
    return folder


@pytest.fixture
def vdx(installed: Path, home: Path, tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs the installed vdx far from the checkout and returns what it printed."""
    program = installed / ("Scripts/vdx.exe" if os.name == "nt" else "bin/vdx")

    def call(*arguments: str) -> str:
        return _output([program, *arguments], tmp_path, VDX_HOME=str(home), QT_QPA_PLATFORM="offscreen")

    return call


def test_the_wheel_holds_what_ships_and_no_checkpoints(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert len(names) == len(set(names))
    for folder, ending in (("presets", ".toml"), ("icons", ".svg"), ("fonts", ".ttf")):
        shipped = {f"explorer/resources/{folder}/{file.name}" for file in (CHECKOUT / "resources" / folder).iterdir()}
        assert any(name.endswith(ending) for name in shipped)
        assert shipped <= set(names)
    assert {f"explorer/trained_models/{model}/weights.safetensors" for model in MODELS} <= set(names)
    assert [name for name in names if "checkpoints/" in name] == []
    top = {name.split("/")[0] for name in names}
    assert {folder for folder in top if not folder.endswith(".dist-info")} == {"explorer"}


def test_the_app_comes_from_the_new_environment(installed: Path, tmp_path: Path) -> None:
    python = installed / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    said = _output([python, "-c", "import explorer; print(explorer.__file__)"], tmp_path).strip()
    assert Path(said).is_relative_to(installed)


def test_doctor_finds_nothing_wrong(vdx: Callable[..., str]) -> None:
    report = json.loads(vdx("doctor", "--json"))
    assert report["ok"], report
    assert report["findings"]
    assert all(finding["ok"] for finding in report["findings"])


def test_list_names_the_bundled_models_and_the_data(vdx: Callable[..., str], installed: Path) -> None:
    listing = json.loads(vdx("list", "--json"))
    assert set(listing) == {"presets", "models", "datasets", "drawn"}
    models = {model["name"]: model for model in listing["models"]}
    for model in models.values():
        assert set(model) == {"name", "family", "dataset", "path", "bundled", "metrics"}
        assert model["bundled"] is True
        assert model["name"].startswith(f"{model['dataset']}-")
        assert Path(model["path"]).is_relative_to(installed)
        assert model["metrics"]
    assert {name: model["family"] for name, model in models.items()} == MODELS
    for data in listing["datasets"]:
        assert set(data) == {"name", "kind", "shape", "items", "available"}
    digits = next(data for data in listing["datasets"] if data["name"] == "digits")
    assert (digits["items"], digits["available"]) == (1797, True)

"""Every test has a home of its own, so that no test sees the user's library or another test's."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from explorer import runs
from explorer.settings import load_settings, with_settings

_SHORT = ["training.epochs=2", "training.precision=float32", "training.device=cpu"]
TINY = {
    "digits-vae": ["model.hidden_units=16", "training.epochs=2", "training.precision=float32", "training.device=cpu"],
    "digits-beta-vae": ["model.channels=4", "model.hidden_units=16", "training.epochs=2", "training.device=cpu"],
    "digits-autoencoder": ["model.hidden_units=16", *_SHORT],
    "digits-conditional": ["model.hidden_units=16", *_SHORT],
    "digits-ladder": ["model.hidden_units=16", *_SHORT],
    "digits-vq": ["model.channels=4", "model.prior_units=16", *_SHORT],
    "points-vae": ["model.hidden_units=16", "data.items=600", *_SHORT],
    "points-ddpm": ["model.hidden_units=16", "model.timesteps=20", "data.items=600", *_SHORT],
    "digits-ddpm": [
        "model.channels=8", "model.residual_blocks=1", "model.timesteps=20", "training.epochs=1",
        "training.precision=float32", "training.device=cpu",
    ],
}  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that is the user's data folder for this test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("VDX_HOME", str(folder))
    return folder


@pytest.fixture
def new_run(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of small runs: ``new_run("digits-vae", "model.beta=2")`` gives the folder, not yet trained."""
    made: list[Path] = []

    def make(preset: str, *changes: str) -> Path:
        config = with_settings(load_settings(preset), [*TINY[preset], *changes])
        made.append(runs.create(config, tmp_path / f"run{len(made)}"))
        return made[-1]

    return make


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Return the folders of small models that are trained once for the whole session; do not change them."""
    from explorer.training.loop import train

    made: dict[str, Path] = {}

    def get(preset: str) -> Path:
        if preset not in made:
            config = with_settings(load_settings(preset), TINY[preset])
            made[preset] = runs.create(config, tmp_path_factory.mktemp("trained") / preset)
            for _ in train(made[preset]):
                pass
        return made[preset]

    yield get

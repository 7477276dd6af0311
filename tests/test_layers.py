"""The two imports that must stay cheap, each seen from a fresh interpreter."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("explorer.ui.main_window", ("torch", "sklearn", "pydantic", "explorer.models", "explorer.training")),
        ("explorer.ui.train_page", ("torch", "sklearn")),
        ("explorer.ui.latent_page", ("torch", "sklearn")),
        ("explorer.ui.diffusion_page", ("torch", "sklearn")),
        ("explorer.workers.session_worker", ("torch",)),
        ("explorer.training.loop", ("PySide6", "pyqtgraph")),
        ("explorer.inference.session", ("PySide6", "pyqtgraph")),
        ("explorer.cli", ("torch", "PySide6", "pydantic")),
    ],
)
def test_import_stays_cheap(module: str, unwanted: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print([name for name in {unwanted!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"

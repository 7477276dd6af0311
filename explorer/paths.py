"""Where things are: in a checkout, in an installed wheel and in a frozen app alike."""

import os
from pathlib import Path

import platformdirs

APP_NAME = "vae-diffusion-explorer"
_PACKAGE = Path(__file__).resolve().parent


def _shipped(folder: str) -> Path:
    """Return a folder that ships with the app: inside the package in a wheel, beside it in a checkout."""
    inside = _PACKAGE / folder
    return inside if inside.is_dir() else _PACKAGE.parent / folder


def resources() -> Path:
    """Return the folder of icons, fonts and presets."""
    return _shipped("resources")


def bundled_models() -> Path:
    """Return the folder of trained models that ship with the app."""
    return _shipped("trained_models")


def data_home() -> Path:
    """Return the user's data folder; the environment variable VDX_HOME moves it."""
    home = os.environ.get("VDX_HOME")
    return Path(home) if home else platformdirs.user_data_path(APP_NAME, appauthor=False)


def library() -> Path:
    """Return the folder that holds the user's own runs, one folder each."""
    return data_home() / "runs"


def data_sets() -> Path:
    """Return the folder that keeps the data sets the user has brought, one folder each."""
    return data_home() / "data"


def log_file() -> Path:
    """Return the path of the log file."""
    return data_home() / "explorer.log"

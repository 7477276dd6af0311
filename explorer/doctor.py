"""What `vdx doctor` examines: libraries, devices, shipped files, every bundled model, the user's folder."""

import importlib.metadata
import os
from collections.abc import Callable
from typing import Any

from explorer import paths, runs
from explorer.errors import ExplorerError

_LIBRARIES = (
    "torch", "numpy", "pillow", "PySide6-Essentials", "pyqtgraph", "pydantic", "safetensors", "scikit-learn",
    "scikit-image",
)  # fmt: skip


def _libraries() -> str:
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES)


def _devices() -> str:
    from explorer.models import devices

    report = devices.report()
    return f"auto takes {report.label}; available: {', '.join(report.available)}"


def _window() -> str:
    from PySide6 import QtCore, QtGui, QtWidgets

    return f"Qt {QtCore.qVersion()} loads {QtGui.__name__} and {QtWidgets.__name__}"


def _data() -> str:
    from explorer.data.catalog import CATALOG, load

    here = [name for name, entry in CATALOG.items() if entry.available()]
    return ", ".join(f"{name} ({len(load(name).values)} items)" for name in here)


def _models() -> str:
    from explorer.inference.session import ModelSession

    folders = [folder for folder in runs.folders() if folder.parent == paths.bundled_models()]
    if not folders:
        raise ExplorerError(f"no bundled models in {paths.bundled_models()}; reinstall the app")
    for folder in folders:
        ModelSession.open(folder, "cpu")
    return f"{', '.join(folder.name for folder in folders)} open and match their checksums"


def _home() -> str:
    folder = paths.data_home()
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise ExplorerError(f"{folder} is not writable; mend its permissions or set VDX_HOME to another folder")
    return f"{folder} is writable"


def examine() -> list[dict[str, Any]]:
    """Return one finding per examination: its name, whether it is well, and what was seen or how to mend it."""
    checks: dict[str, Callable[[], str]] = {
        "libraries": _libraries,
        "devices": _devices,
        "window": _window,
        "data sets": _data,
        "bundled models": _models,
        "your folder": _home,
    }
    findings = []
    for name, check in checks.items():
        try:
            findings.append({"name": name, "ok": True, "text": check()})
        except (ExplorerError, ImportError, OSError, RuntimeError, importlib.metadata.PackageNotFoundError) as error:
            findings.append({"name": name, "ok": False, "text": str(error) or type(error).__name__})
    return findings

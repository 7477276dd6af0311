"""Run folders outside the library that were opened: remembered, so that they are in the lists the next time."""

import contextlib
from pathlib import Path

from explorer import paths
from explorer.errors import RunError
from explorer.files import as_json, read_json, write_atomically

MOST = 10
_KEY = "folders"


def _file() -> Path:
    return paths.data_home() / "elsewhere.json"


def _remembered() -> list[Path]:
    """Return what is written down, newest first; whatever else the file says, it is no mistake of a run's."""
    with contextlib.suppress(RunError):
        listed = read_json(_file()).get(_KEY)
        if isinstance(listed, list):
            return [Path(path) for path in listed if isinstance(path, str) and path and "\0" not in path][:MOST]
    return []


def folders() -> list[Path]:
    """Return the folders that are remembered and still there, the one that was opened last first."""
    return [folder for folder in _remembered() if _is_there(folder)]


def _is_there(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError:  # too long a name, or a disk that does not answer
        return False


def is_own(folder: Path) -> bool:
    """Return whether a folder lies in the library or ships with the app, so that it is listed anyway."""
    return folder.resolve().parent in {paths.library().resolve(), paths.bundled_models().resolve()}


def remember(folder: Path) -> None:
    """Put a folder first on the list; of more than ``MOST`` the oldest is forgotten, and what has vanished.

    Raises:
        RunError: the list cannot be written.
    """
    folder = folder.resolve()
    if not is_own(folder):
        _write([folder, *(other for other in folders() if other != folder)][:MOST])


def forget(folder: Path) -> None:
    """Take a folder off the list; nothing of it is deleted.

    Raises:
        RunError: the list cannot be written.
    """
    _write([other for other in folders() if other != folder.resolve()])


def _write(listed: list[Path]) -> None:
    paths.data_home().mkdir(parents=True, exist_ok=True)
    write_atomically(_file(), as_json({_KEY: [str(folder) for folder in listed]}))

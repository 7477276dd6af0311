"""Files that a kill cannot tear: written whole or not at all, and read only if they are what was written."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from explorer.errors import RunError

MANIFEST = "manifest.json"
_LARGEST_RECORD = 4_000_000


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that after a kill or power cut there is the old file or the new one, whole.

    Raises:
        RunError: the disk is full or the folder is not writable; the old file is as it was.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise RunError(
            f"{path} cannot be written ({error.strerror}); free some space or choose another folder"
        ) from error


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder to sync it
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, names: Iterable[str]) -> None:
    """Record the SHA-256 of the named files of ``folder`` in its manifest: from now on they belong together."""
    listing = {name: digest(folder / name) for name in sorted(names)}
    write_atomically(folder / MANIFEST, as_json({"sha256": listing}))


def read_verified(folder: Path, name: str) -> bytes:
    """Return the bytes of a file of ``folder`` after comparing them with the manifest.

    Raises:
        RunError: no manifest, a file that is missing or no plain file, or one that is not what was written.
    """
    listing = read_json(folder / MANIFEST).get("sha256")
    expected = listing.get(name) if isinstance(listing, dict) else None
    if not isinstance(expected, str):
        raise RunError(f"{folder / MANIFEST} does not list {name}; restore the folder from a copy or train it again")
    path = folder / name
    if not path.is_file():
        raise RunError(f"{path} is missing or is no plain file; restore it from a copy or train the model again")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise RunError(f"{path} is damaged: its SHA-256 is not the manifest's; restore it from a copy or train again")
    return content


def as_json(value: Mapping[str, Any]) -> bytes:
    """Return a mapping as the bytes of a JSON file; NaN and infinity raise ValueError."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def parse_json(text: str | bytes, what: str) -> Any:
    """Return the value of a JSON text; duplicate keys, NaN and torn text raise RunError naming ``what``."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        if len(set(keys)) != len(keys):
            raise ValueError("the same key twice")
        return dict(pairs)

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not a JSON number")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{what} is not readable JSON ({error}); restore it from a copy") from error


def read_json(path: Path) -> dict[str, Any]:
    """Return the object of a JSON file; RunError if it is missing, too large, unreadable or no object."""
    try:
        if not path.is_file():
            raise RunError(f"{path} is missing; choose another run or train this one again")
        if path.stat().st_size > _LARGEST_RECORD:
            raise RunError(f"{path} is larger than {_LARGEST_RECORD // 1_000_000} MB, too large for what it should be")
        content = path.read_bytes()
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    value = parse_json(content, str(path))
    if not isinstance(value, dict):
        raise RunError(f"{path} does not hold a JSON object; restore it from a copy")
    return value

"""Files that a kill cannot tear: written whole or not at all, and read only if they are what was written."""

import contextlib
import hashlib
import io
import json
import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import RunError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANIFEST = "manifest.json"
RESERVED = {"con", "prn", "aux", "nul", *(f"com{i}" for i in range(10)), *(f"lpt{i}" for i in range(10))}
_LONGEST_NAME = 255  # bytes, on every usual file system
_LARGEST_RECORD = 4_000_000
_LARGEST_FILE = 2_000_000_000
_PARTIAL = ".partial"
_FORSAKEN_SECONDS = 60.0


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write ``content`` to ``path`` so that after a kill or power cut there is the old file or the new one, whole.

    Args:
        path: the file.
        content: all of it.
        durable: whether to wait until the disk has it; without, a power cut, but no kill, may leave an empty file.

    Raises:
        RunError: the disk is full or the folder is not writable; the old file is as it was.
    """
    # A name of its own: two processes that write the same file must not write into each other's half.
    partial = path.with_name(f".{os.getpid()}-{threading.get_ident()}{_PARTIAL}")
    try:
        with partial.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise RunError(
            f"{path} cannot be written ({error.strerror}); free some space or choose another folder"
        ) from error


def check_place(folder: Path) -> None:
    """Raise RunError if a folder could not be made or written: by its name, or because of what is above it."""
    if folder.name.partition(".")[0].lower() in RESERVED:
        raise RunError(f"{folder.name} is a name that Windows keeps for a device; choose another")
    long = next((part for part in folder.parts if len(os.fsencode(part)) > _LONGEST_NAME), None)
    if long is not None:
        raise RunError(f"{long[:40]}… cannot be made: its name has {len(long)} letters; choose one that is shorter")
    try:
        above = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        fit = above.is_dir() and os.access(above, os.W_OK | os.X_OK)
    except OSError as error:
        raise RunError(f"{folder} cannot be made ({error.strerror}); choose a folder you may write to") from error
    if not fit:
        what = "read-only" if above.is_dir() else "a file"
        raise RunError(f"{folder} cannot be made: {above} is {what}; choose a folder you may write to")


def sweep_partials(folder: Path) -> None:
    """Remove what a kill left half-written in a folder and below; what may still be written, by whomever, stays."""
    for orphan in folder.rglob(f".*{_PARTIAL}"):
        with contextlib.suppress(OSError):
            if time.time() - orphan.stat().st_mtime > _FORSAKEN_SECONDS:
                orphan.unlink()


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


def read_verified(folder: Path, name: str, most: int = _LARGEST_FILE) -> bytes:
    """Return the bytes of a file of ``folder`` after comparing them with the manifest.

    Args:
        folder: where the file and its manifest are.
        name: the file's.
        most: the bytes it can have; a larger one is refused before it is read.

    Raises:
        RunError: no manifest, a file that is missing, no plain file or too large, or one that is not what was written.
    """
    listing = read_json(folder / MANIFEST).get("sha256")
    expected = listing.get(name) if isinstance(listing, dict) else None
    if not isinstance(expected, str):
        raise RunError(f"{folder / MANIFEST} does not list {name}; restore the folder from a copy or train it again")
    path = folder / name
    if not path.is_file():
        raise RunError(f"{path} is missing or is no plain file; restore it from a copy or train the model again")
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(size + 1) if size <= most else None
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    if content is None:
        raise RunError(f"{path} is damaged: it is larger than what it can be; restore it from a copy or train again")
    if hashlib.sha256(content).hexdigest() != expected:
        raise RunError(f"{path} is damaged: its SHA-256 is not the manifest's; restore it from a copy or train again")
    return content


def as_json(value: Mapping[str, Any]) -> bytes:
    """Return a mapping as the bytes of a JSON file; NaN and infinity raise ValueError."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def as_npz(**arrays: "NDArray[Any]") -> bytes:
    """Return named arrays as the bytes of a compressed .npz file."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # the stub takes allow_pickle for an array
    return buffer.getvalue()


def read_arrays(folder: Path, name: str, keys: Iterable[str]) -> "dict[str, NDArray[Any]]":
    """Return the named arrays of an .npz file of ``folder``; RunError if it is missing, damaged or lacks one."""
    import zipfile

    import numpy as np

    try:
        with np.load(io.BytesIO(read_verified(folder, name)), allow_pickle=False) as arrays:
            return {key: arrays[key] for key in keys}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise RunError(f"{folder / name} cannot be read ({error}); train the model again") from error


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
        why = str(error).partition(";")[0]
        raise RunError(f"{what} is not readable JSON ({why}); restore it from a copy") from error


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

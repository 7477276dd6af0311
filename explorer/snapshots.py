"""The time machine's files, ``snapshots/00000120.npz`` of a run folder: what the model was after so many steps.

Written whole or not at all, like everything of a run. Nothing in them is believed that could not have been written
here: names, types, shapes and sizes are checked before memory is taken, and nothing is unpickled.
"""

import contextlib
import io
import math
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer import files
from explorer.errors import RunError
from explorer.training_messages import Snapshot

SNAPSHOTS = "snapshots"
_MOST_BYTES = 64_000_000  # of all arrays together; usual ones have a quarter of a million
_HALF = float(np.finfo(np.float16).max)
_HEADER = re.compile(rb"\{'descr': '([<|]\w+)', 'fortran_order': False, 'shape': \(([\d, ]*)\), \} *\n")
_TYPES = {  # of each array: its type on disk and how many axes it has
    "step": ("<i8", 0), "epoch": ("<f8", 0), "means": ("<f2", 2), "labels": ("<i8", 1), "samples": ("|u1", 4),
    "traversal": ("|u1", 4), "dimensions": ("<i8", 1),
}  # fmt: skip


def path(folder: Path, step: int) -> Path:
    """Return the file of the snapshot after ``step`` steps."""
    return folder / SNAPSHOTS / f"{step:08d}.npz"


def steps(folder: Path) -> list[int]:
    """Return the steps of which a run has snapshots, rising."""
    found = (folder / SNAPSHOTS).glob("*.npz")
    return sorted(int(one.stem) for one in found if re.fullmatch(r"\d{8,15}", one.stem))


def write(folder: Path, snapshot: Snapshot) -> None:
    """Write a snapshot; means are rounded to half precision, a thousandth of σ, which is more than a screen shows.

    Raises:
        RunError: the disk is full or the folder is not writable; no half of a file is left.
    """
    place = path(folder, snapshot.step)
    try:
        place.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise RunError(f"{place.parent} cannot be made ({error.strerror}); free some space") from error
    values = {name: getattr(snapshot, name) for name in _TYPES} | {"means": halved(snapshot.means)}
    arrays = {name: np.asarray(values[name], kind, order="C") for name, (kind, _) in _TYPES.items()}
    # Not worth waiting for the disk: one that a power cut spoils is passed over.
    files.write_atomically(place, files.as_npz(**arrays), durable=False)


def halved(means: NDArray[Any]) -> NDArray[np.float16]:
    """Return means in half precision; what is out of its range is at its end."""
    found: NDArray[np.float16] = np.nan_to_num(means, nan=0.0).clip(-_HALF, _HALF).astype(np.float16)
    return found


def read(folder: Path, step: int) -> Snapshot:
    """Return the snapshot of a step.

    Raises:
        RunError: there is none, or its file is damaged or was not written by this app.
    """
    place = path(folder, step)
    if not place.is_file():
        raise RunError(f"{place} is missing or is no plain file; look at another moment of the run")
    try:
        with place.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ValueError("it is too large")
        arrays = _arrays(content)
        return _checked(arrays, step)
    except OSError as error:
        raise RunError(f"{place} cannot be read ({error.strerror}); look at another moment of the run") from error
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, OverflowError) as error:
        raise RunError(f"{place} is damaged ({error}); look at another moment of the run") from error


def _arrays(content: bytes) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        if sorted(entries) != sorted(f"{name}.npy" for name in _TYPES) or len(archive.infolist()) != len(entries):
            raise ValueError("it holds other arrays than a snapshot has")
        if sum(entry.file_size for entry in entries.values()) > _MOST_BYTES:
            raise ValueError("it is too large")
        if any(entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for entry in entries.values()):
            raise ValueError("it is compressed in another way")
        return {name: _array(archive.read(entries[f"{name}.npy"]), name) for name in _TYPES}


def _array(content: bytes, name: str) -> NDArray[Any]:
    """Return the array of an .npy file of the one kind that is written here; ValueError for any other."""
    kind, axes = _TYPES[name]
    if content[:8] != b"\x93NUMPY\x01\x00":
        raise ValueError(f"{name} is no array")
    start = 10 + int.from_bytes(content[8:10], "little")
    header = _HEADER.fullmatch(content[10:start])
    if header is None or header[1].decode() != kind:
        raise ValueError(f"{name} is of another type")
    shape = tuple(int(size) for size in header[2].split(b",") if size.strip())
    if len(shape) != axes or math.prod(shape) * np.dtype(kind).itemsize != len(content) - start:
        raise ValueError(f"{name} is of another size")
    return np.frombuffer(content, kind, offset=start).reshape(shape)


def _checked(arrays: dict[str, NDArray[Any]], step: int) -> Snapshot:
    means, labels, dimensions = arrays["means"], arrays["labels"], tuple(arrays["dimensions"].tolist())
    pictures = (arrays["samples"], arrays["traversal"])
    epoch = float(arrays["epoch"])
    if int(arrays["step"]) != step or not 0 <= epoch < math.inf:
        raise ValueError("it is of another step")
    if len(means) != len(labels) or not np.isfinite(means).all():
        raise ValueError("its means are no map")
    if any(pixels.shape[3] not in {1, 3} or 0 in pixels.shape[1:] for pixels in pictures):
        raise ValueError("its pictures are none")
    rows = len(arrays["traversal"])
    if rows % max(1, len(dimensions)) or bool(rows) != bool(dimensions):
        raise ValueError("its traversal has no rows")
    if any(not 0 <= dimension < means.shape[1] for dimension in dimensions):
        raise ValueError("it moves dimensions that are not there")
    return Snapshot(step, epoch, means.astype(np.float32), labels, *pictures, dimensions)


def cut(folder: Path, step: int) -> None:
    """Forget the snapshots after ``step``: a resumed run makes them again."""
    _remove(folder, [one for one in steps(folder) if one > step])


def thin(folder: Path, most: int) -> None:
    """Remove every second snapshot, again and again, until at most ``most`` are left; the first and last stay."""
    left = steps(folder)
    while len(left) > max(2, most):
        removed = left[1:-1:2]
        _remove(folder, removed)
        left = [one for one in left if one not in removed]


def _remove(folder: Path, found: list[int]) -> None:
    for step in found:
        with contextlib.suppress(OSError):  # somebody reads it on Windows: it goes another time
            path(folder, step).unlink(missing_ok=True)

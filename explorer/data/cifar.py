"""CIFAR-10 from its six binary files: found in a folder once, checked, and kept in the user's data folder.

Krizhevsky 2009, the "binary version": 10 000 records a file, each a label byte and 3 × 32 × 32 bytes, plane by plane.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explorer import files, paths
from explorer.errors import DataError, RunError

_NAMES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
_ITEMS, _SHAPE = 10_000, (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32
TRAIN_ITEMS = 5 * _ITEMS


def folder() -> Path:
    """Return where the files are kept."""
    return paths.data_sets() / "cifar10"


def available() -> bool:
    """Return whether all six files are kept."""
    return all((folder() / name).is_file() for name in _NAMES)


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise DataError(
                f"CIFAR-10 is not on this machine: {path.parent} has no {path.name}; unpack cifar-10-binary.tar.gz and "
                "give its folder cifar-10-batches-bin once, with --data-dir FOLDER or with Locate on the Train page"
            )
        with path.open("rb") as file:
            content = file.read(_ITEMS * _RECORD + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); get it again") from error
    if len(content) != _ITEMS * _RECORD:
        raise DataError(f"{path} has not the {_ITEMS * _RECORD} bytes of a CIFAR-10 file; get the binary version again")
    if max(content[::_RECORD]) > 9:
        raise DataError(f"{path} has labels above 9, so it is no CIFAR-10 file; get the binary version again")
    return content


def read(place: Path | None = None) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images (60000, 32, 32, 3) and labels (60000,), the five training files first.

    Raises:
        DataError: a file is missing, of another size, or with labels that cannot be.
    """
    contents = [_content((place or folder()) / name) for name in _NAMES]
    records = np.frombuffer(b"".join(contents), np.uint8).reshape(-1, _RECORD)
    images = records[:, 1:].reshape(-1, *_SHAPE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), records[:, 0].astype(np.int64)


def keep(place: Path) -> None:
    """Check the files of a folder and copy them to where the app looks for them.

    Raises:
        DataError: as ``read``; nothing is copied then.
        RunError: the copy cannot be written.
    """
    contents = {name: _content(place / name) for name in _NAMES}
    for name, content in contents.items():
        try:
            folder().mkdir(parents=True, exist_ok=True)
            files.write_atomically(folder() / name, content)
        except OSError as error:
            raise RunError(
                f"{folder() / name} cannot be written ({error.strerror}); make room or mend the folder"
            ) from error

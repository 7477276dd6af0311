"""MNIST from its four IDX files, gzipped or not: found in a folder once, checked, and kept in the user's data folder.

The format is LeCun's: big-endian magic 0x00000803 (images) or 0x00000801 (labels), the dimensions, then bytes.
"""

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explorer import files, paths
from explorer.errors import DataError, RunError

Bytes = NDArray[np.uint8]
_SIDE = 28
_LARGEST = 1_000_000
_STEMS = {"train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
          "t10k": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")}  # fmt: skip


def folder() -> Path:
    """Return where the files are kept."""
    return paths.data_sets() / "mnist"


def available() -> bool:
    """Return whether all four files are kept."""
    return all(_find(folder(), stem) is not None for stems in _STEMS.values() for stem in stems)


def _find(place: Path, stem: str) -> Path | None:
    names = (stem, f"{stem}.gz", stem.replace("-idx", ".idx"), f"{stem.replace('-idx', '.idx')}.gz")
    try:
        return next((place / name for name in names if (place / name).is_file()), None)
    except OSError as error:
        raise DataError(f"{place} cannot be looked at ({error.strerror}); give a folder that you may read") from error


def read_idx(path: Path, dimensions: int) -> Bytes:
    """Return the bytes of an IDX file, shaped as its header says, after comparing the header with what follows.

    Args:
        path: the file; a name that ends in .gz is unpacked, never further than the header allows.
        dimensions: 3 for images (items, height, width), 1 for labels (items,).

    Raises:
        DataError: not an IDX file of bytes with so many dimensions, or one that is cut, too long or unreadable.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            header = file.read(4 + 4 * dimensions)
            if header[:4] != bytes([0, 0, 8, dimensions]) or len(header) < 4 + 4 * dimensions:
                raise DataError(f"{path} is no IDX file of bytes with {dimensions} dimensions; download it again")
            shape = [int.from_bytes(header[at : at + 4], "big") for at in range(4, len(header), 4)]
            count = int(np.prod(shape, dtype=object))
            if min(shape) < 1 or count > _LARGEST * _SIDE * _SIDE:
                raise DataError(f"{path} claims the shape {shape}, which no MNIST file has; download it again")
            content = file.read(count + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}); download it again") from error
    if len(content) != count:
        raise DataError(f"{path} holds {'more' if len(content) > count else 'less'} than its header says; get it again")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _read_part(place: Path, part: str) -> tuple[Bytes, NDArray[np.int64]]:
    found = [_find(place, stem) for stem in _STEMS[part]]
    if found == [None, None] and place != folder() and not place.is_dir():
        raise DataError(f"there is no folder {place}; give the one that holds MNIST's four IDX files")
    for path, stem in zip(found, _STEMS[part], strict=True):
        if path is None:
            raise DataError(
                f"MNIST is not on this machine: {place} has no {stem}[.gz]; give the folder of its four IDX "
                "files once, with --data-dir FOLDER or with Locate on the Train page"
            )
    images, labels = read_idx(found[0], 3), read_idx(found[1], 1)  # type: ignore[arg-type]  # not None any more
    if images.shape[1:] != (_SIDE, _SIDE) or len(images) != len(labels) or int(labels.max()) > 9:
        raise DataError(
            f"{found[0]} has {len(images)} images of {images.shape[1:]} and {found[1]} {len(labels)} labels up to "
            f"{int(labels.max())}; MNIST has 28×28 images and as many labels from 0 to 9: get both again"
        )
    return images, labels.astype(np.int64)


def read(place: Path | None = None) -> tuple[tuple[Bytes, NDArray[np.int64]], tuple[Bytes, NDArray[np.int64]]]:
    """Return (images (items, 28, 28), labels (items,)) of the training and the test part, in their original order.

    Raises:
        DataError: a file is missing, damaged or does not fit the other.
    """
    place = place or folder()
    return _read_part(place, "train"), _read_part(place, "t10k")


def keep(place: Path) -> None:
    """Check the MNIST files of a folder and copy them to where the app looks for them.

    Raises:
        DataError: as ``read``; nothing is copied then.
        RunError: the copy cannot be written.
    """
    read(place)
    for stems in _STEMS.values():
        for stem in stems:
            source = _find(place, stem)
            assert source is not None
            target = folder() / f"{stem}{'.gz' if source.suffix == '.gz' else ''}"
            try:
                folder().mkdir(parents=True, exist_ok=True)
                files.write_atomically(target, source.read_bytes())
                while (old := _find(folder(), stem)) not in {None, target}:  # another spelling would be read first
                    assert old is not None
                    old.unlink()
            except OSError as error:
                raise RunError(
                    f"{target} cannot be written ({error.strerror}); make room or mend the folder"
                ) from error

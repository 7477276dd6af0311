"""The data sets there are. Looking at the catalog loads nothing; ``load`` reads one into memory."""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.config import DatasetName
from explorer.errors import DataError
from explorer.messages import Pixels, Split

_DIGITS_TRAIN = 1500


@dataclass(frozen=True)
class Dataset:
    """A data set in memory: ``pixels`` (items, height, width, channels) uint8 and ``labels`` (items,), train first."""

    name: str
    pixels: Pixels
    labels: NDArray[np.int64]
    train_items: int

    def split(self, split: Split) -> tuple[Pixels, NDArray[np.int64]]:
        """Return pixels and labels of one split."""
        part = slice(None, self.train_items) if split == "train" else slice(self.train_items, None)
        return self.pixels[part], self.labels[part]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return channels, height, width of an item."""
        _, height, width, channels = self.pixels.shape
        return channels, height, width

    def fingerprint(self) -> str:
        """Return the SHA-256 of pixels and labels: which data a run really saw."""
        whole = hashlib.sha256(self.pixels.tobytes())
        whole.update(self.labels.tobytes())
        return whole.hexdigest()


@dataclass(frozen=True)
class Entry:
    """What the catalog knows of a data set; ``shape`` is (channels, height, width)."""

    title: str
    kind: str
    shape: tuple[int, int, int]
    items: int
    load: Callable[[], Dataset]

    def available(self) -> bool:
        """Return whether ``load`` can work on this machine."""
        return True


def _digits() -> Dataset:
    """Return scikit-learn's 1797 handwritten digits, grey 0..16 scaled to bytes, split 1500 / 297.

    The order is shuffled once by NumPy's frozen MT19937 generator (seed 0), because the file is sorted by writer:
    an unshuffled tail would test on other hands than were trained on. The split never changes.
    """
    from sklearn.datasets import load_digits

    raw = load_digits()
    pixels = np.rint(raw.images * (255 / 16)).astype(np.uint8)[..., None]
    order = np.random.RandomState(0).permutation(len(pixels))
    return Dataset("digits", pixels[order], raw.target.astype(np.int64)[order], _DIGITS_TRAIN)


CATALOG: dict[DatasetName, Entry] = {
    "digits": Entry("Handwritten digits 8×8", "images", (1, 8, 8), 1797, _digits),
}


@functools.lru_cache(maxsize=2)
def load(name: str) -> Dataset:
    """Return a data set of the catalog, read once and kept.

    Raises:
        DataError: there is no data set of that name, or it cannot be read.
    """
    entry = {str(key): value for key, value in CATALOG.items()}.get(name)
    if entry is None:
        raise DataError(f"there is no data set {name}; there are: {', '.join(CATALOG)}")
    try:
        return entry.load()
    except (OSError, ValueError, ImportError) as error:
        raise DataError(f"the data set {name} cannot be read ({error}); reinstall scikit-learn") from error

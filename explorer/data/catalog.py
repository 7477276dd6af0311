"""The data sets there are. Looking at the catalog loads nothing; ``load`` reads or draws one into memory."""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explorer.config import DataConfig, DatasetName
from explorer.data import cifar, drawn, mnist, points, sprites
from explorer.errors import DataError
from explorer.messages import Split, Values

_DIGITS_TRAIN, _MNIST_TRAIN = 1500, 60_000
_POINTS_TRAIN, _SPRITES_TRAIN = 10_000, 40_000


def _no_factors() -> NDArray[np.int64]:
    return np.zeros((0, 0), np.int64)


@dataclass(frozen=True)
class Dataset:
    """A data set in memory, training items first.

    ``values`` (items, height, width, channels) are uint8 pixels, or float32 coordinates (items, 1, 1, 2) of points;
    ``labels`` (items,) are classes; ``factors`` (items, len(factor_names)) count the values of known factors.
    """

    name: str
    values: Values
    labels: NDArray[np.int64]
    train_items: int
    factors: NDArray[np.int64] = field(default_factory=_no_factors)
    factor_names: tuple[str, ...] = ()

    def _part(self, split: Split) -> slice:
        return slice(None, self.train_items) if split == "train" else slice(self.train_items, None)

    def split(self, split: Split) -> tuple[Values, NDArray[np.int64]]:
        """Return values and labels of one split."""
        return self.values[self._part(split)], self.labels[self._part(split)]

    def factors_of(self, split: Split) -> NDArray[np.int64]:
        """Return the factors of one split, (items, factors); no columns where they are not known."""
        return self.factors[self._part(split)]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return channels, height, width of an item."""
        _, height, width, channels = self.values.shape
        return channels, height, width

    def fingerprint(self) -> str:
        """Return the SHA-256 of values and labels: which data a run really saw."""
        whole = hashlib.sha256(self.values.tobytes())
        whole.update(self.labels.tobytes())
        return whole.hexdigest()

    def check_fingerprint(self, known: object) -> None:
        """Raise DataError if a run has learned from other data; ``known`` is their fingerprint, None if not kept."""
        if known is not None and known != self.fingerprint():
            raise DataError(
                f"the data set {self.name} has changed since this run learned from it; "
                "bring the old data back, or train a new model on the new ones"
            )


@dataclass(frozen=True)
class Entry:
    """What the catalog knows of a data set; ``shape`` is (channels, height, width), ``items`` the usual number.

    ``train_items`` of them are for training, 0 where that is not known; with ``to_order`` as many are drawn as wanted.
    ``class_names`` are there where classes are called otherwise than by their numbers.
    """

    title: str
    kind: str
    shape: tuple[int, int, int]
    items: int
    classes: int
    load: Callable[[DataConfig], Dataset]
    available: Callable[[], bool] = lambda: True
    train_items: int = 0
    to_order: bool = False
    class_names: tuple[str, ...] = ()

    def most_train_items(self, wanted: int) -> int:
        """Return how many training items there are at most where so many are ``wanted``, 0 for the usual number.

        0 where that is not known without loading them.
        """
        return wanted if self.to_order and wanted else min(wanted or self.train_items, self.train_items or wanted)


def _shortened(data: Dataset, items: int) -> Dataset:
    if not 0 < items < data.train_items:
        return data
    kept = np.r_[:items, data.train_items : len(data.values)]
    return Dataset(data.name, data.values[kept], data.labels[kept], items)


def _digits(config: DataConfig) -> Dataset:
    """Return scikit-learn's 1797 handwritten digits, grey 0..16 scaled to bytes, split 1500 / 297.

    The order is shuffled once by NumPy's frozen MT19937 generator (seed 0), because the file is sorted by writer:
    an unshuffled tail would test on other hands than were trained on. The split never changes.
    """
    from sklearn.datasets import load_digits

    raw = load_digits()
    pixels = np.rint(raw.images * (255 / 16)).astype(np.uint8)[..., None]
    order = np.random.RandomState(0).permutation(len(pixels))
    return _shortened(Dataset("digits", pixels[order], raw.target.astype(np.int64)[order], _DIGITS_TRAIN), config.items)


def _mnist(config: DataConfig) -> Dataset:
    """Return MNIST in its original order, 60 000 / 10 000."""
    (train, train_labels), (test, test_labels) = mnist.read()
    data = Dataset("mnist", np.concatenate([train, test])[..., None], np.r_[train_labels, test_labels], len(train))
    return _shortened(data, config.items)


def _cifar10(config: DataConfig) -> Dataset:
    """Return CIFAR-10 in its original order, 50 000 / 10 000."""
    values, labels = cifar.read()
    return _shortened(Dataset("cifar10", values, labels, cifar.TRAIN_ITEMS), config.items)


def _sprites(config: DataConfig) -> Dataset:
    """Return sprites drawn for the factors of ``config.subset``; a tenth more of them for testing."""
    wanted = config.items or _SPRITES_TRAIN
    factors = sprites.choose(config.subset, wanted + max(1, wanted // 10))
    train = min(wanted, len(factors) * 10 // 11)
    if train < 1 or len(factors) - train < 1:
        raise DataError(f"data.subset = {config.subset!r} leaves {len(factors)} sprites; take more values of a factor")
    return Dataset("sprites", sprites.draw(factors)[..., None], factors[:, 0], train, factors, sprites.FACTORS)


def _points(config: DataConfig) -> Dataset:
    """Return points drawn with a frozen seed; a fifth more of them for testing."""
    train = config.items or _POINTS_TRAIN
    values, labels = points.draw(config.name, train + max(1, train // 5), config.mixture)
    return Dataset(config.name, values[:, None, None, :], labels, train)


def _points_entry(title: str, classes: int) -> Entry:
    return Entry(
        title, "points", (2, 1, 1), _POINTS_TRAIN * 6 // 5, classes, _points, train_items=_POINTS_TRAIN, to_order=True
    )


def _drawn(config: DataConfig) -> Dataset:
    """Return points that a person has drawn, a sixth of them for testing."""
    values, train = drawn.load(config.drawn)
    data = Dataset(config.drawn, values[:, None, None, :], np.zeros(len(values), np.int64), train)
    return _shortened(data, config.items)


def _none(_config: DataConfig) -> Dataset:
    raise DataError("this model was imported without its data; name a data set with --data when you import it")


CATALOG: dict[DatasetName, Entry] = {
    "digits": Entry("Handwritten digits 8×8", "images", (1, 8, 8), 1797, 10, _digits, train_items=_DIGITS_TRAIN),
    "mnist": Entry("MNIST 28×28", "images", (1, 28, 28), 70_000, 10, _mnist, mnist.available, _MNIST_TRAIN),
    "sprites": Entry(
        "Sprites 64×64",
        "images",
        (1, 64, 64),
        _SPRITES_TRAIN * 11 // 10,
        3,
        _sprites,
        train_items=_SPRITES_TRAIN,
        to_order=True,
        class_names=sprites.SHAPES,
    ),
    "cifar10": Entry("CIFAR-10 32×32", "images", (3, 32, 32), 60_000, 10, _cifar10, cifar.available, cifar.TRAIN_ITEMS),
    "two-moons": _points_entry("Two moons", 2),
    "swiss-roll": _points_entry("Swiss roll", 0),
    "gaussian-ring": _points_entry("Ring of Gaussians", 8),
    "pinwheel": _points_entry("Pinwheel", 5),
    "checkerboard": _points_entry("Checkerboard", 0),
    "mixture": _points_entry("Mixture of Gaussians", 0),
    # Which one is a setting, so there is none to have without it: see ``here``. Read anew each time, it is small.
    "drawn": Entry("Drawn by you", "points", (2, 1, 1), 0, 0, _drawn, lambda: False),
    "none": Entry("No data set", "none", (1, 1, 1), 0, 0, _none, lambda: False),  # of imported models
}


@functools.lru_cache(maxsize=2)
def _kept_in_memory(config: DataConfig) -> Dataset:
    return _read(config)


def _read(config: DataConfig) -> Dataset:
    try:
        return CATALOG[config.name].load(config)
    except (OSError, ValueError, ImportError) as error:
        raise DataError(f"the data set {config.name} cannot be read ({error}); reinstall the app") from error


def load(data: DataConfig | str) -> Dataset:
    """Return a data set of the catalog, by its settings or its name, read once and kept.

    Raises:
        DataError: there is no data set of that name, it is not on this machine, or it cannot be read.
    """
    if isinstance(data, str):
        if data not in CATALOG:
            raise DataError(f"there is no data set {data}; there are: {', '.join(CATALOG)}")
        data = DataConfig.model_validate({"name": data})
    return _kept_in_memory(data) if CATALOG[data.name].available() else _read(data)


def here(data: DataConfig) -> bool:
    """Return whether a data set is on this machine, so that it can be loaded."""
    return drawn.available(data.drawn) if data.name == "drawn" else CATALOG[data.name].available()


def bring(name: str, folder: Path) -> None:
    """Take the files of a data set that the app does not have into its keeping, from a folder.

    Raises:
        DataError: the data set needs no files, or they are missing or damaged; nothing is kept then.
        RunError: the copy cannot be written.
    """
    keepers = {"mnist": mnist.keep, "cifar10": cifar.keep}
    if name not in keepers:
        raise DataError(
            f"--data-dir brings mnist or cifar10, and the data set is {name}, which needs no folder; leave it out"
        )
    keepers[name](folder)
    _kept_in_memory.cache_clear()

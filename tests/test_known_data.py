"""Data sets that are drawn or brought: sprites, points and MNIST's files, good and broken."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from explorer import paths
from explorer.config import DataConfig
from explorer.data import cifar, mnist, points, sprites
from explorer.data.catalog import CATALOG, bring, load
from explorer.errors import DataError, RunError

POINTS = ["two-moons", "swiss-roll", "gaussian-ring", "pinwheel", "checkerboard", "mixture"]


# ---- sprites -------------------------------------------------------------------------------------------------------


def test_sprites_are_binary_pictures_of_their_factors() -> None:
    data = load(DataConfig(name="sprites", items=500))
    assert data.values.shape == (550, 64, 64, 1) and data.train_items == 500
    assert set(np.unique(data.values)) == {0, 255}
    assert data.factor_names == sprites.FACTORS and data.factors.shape == (550, 5)
    assert np.array_equal(data.values[..., 0], sprites.draw(data.factors))
    assert np.array_equal(data.labels, data.factors[:, 0])
    assert len(np.unique(data.factors, axis=0)) == 550, "no combination twice"
    again = sprites.choose("", 550)
    assert np.array_equal(again, data.factors), "the same on every call"


def test_each_factor_does_what_it_says() -> None:
    base = np.array([[1, 3, 0, 10, 10]])

    def picture(**changes: int) -> np.ndarray:
        row = base.copy()
        for name, value in changes.items():
            row[0, sprites.FACTORS.index(name)] = value
        return sprites.draw(row)[0]

    assert np.array_equal(picture(x=13)[:, 3:], picture()[:, :-3]), "x moves right by pixels"
    assert np.array_equal(picture(y=15)[5:], picture()[:-5]), "y moves down by pixels"
    sizes = [int((picture(scale=scale) > 0).sum()) for scale in range(6)]
    assert sizes == sorted(sizes) and sizes[-1] == pytest.approx(4 * sizes[0], rel=0.15), "twice as wide, twice as high"
    assert np.array_equal(picture(orientation=20), picture()), "half a turn of an ellipse"
    assert not np.array_equal(picture(orientation=10), picture())
    rows, columns = np.nonzero(picture(orientation=0))
    assert np.ptp(columns) > 1.7 * np.ptp(rows), "an ellipse lies at first"
    for corner in (0, 31):
        assert sprites.draw(np.array([[0, 5, 5, corner, corner]])).any()


def test_every_sprite_is_whole() -> None:
    """No shape is cut by the border: its area is the same wherever it is."""
    corners = np.array([[s, 5, o, x, y] for s in range(3) for o in (0, 7) for x in (0, 31) for y in (0, 31)])
    areas = (sprites.draw(corners) > 0).sum((1, 2)).reshape(6, 4)
    assert bool((areas == areas[:, :1]).all()) and int(areas.min()) > 100


def test_subsets_are_what_was_asked_for() -> None:
    factors = sprites.choose("shape=0,2 scale=5 orientation=0-3", 10**6)
    assert len(factors) == 2 * 1 * 4 * 32 * 32
    assert set(factors[:, 0]) == {0, 2} and set(factors[:, 1]) == {5} and set(factors[:, 2]) == {0, 1, 2, 3}
    assert len(sprites.choose("", 10**7)) == 737_280


@pytest.mark.parametrize("text", ["shape", "shape=", "shape=a", "shape=3", "size=1", "x=1-", "x=-1", "x=1--2", "y=5-1"])
def test_unreadable_subsets_are_named(text: str) -> None:
    with pytest.raises(DataError, match=r"data\.subset"):
        sprites.parse_subset(text)


def test_wrong_factor_rows_are_named() -> None:
    for rows in ([[0, 0, 0, 0]], [[3, 0, 0, 0, 0]], [[0, 0, 0, 0, -1]]):
        with pytest.raises(DataError, match="sprites are drawn"):
            sprites.draw(np.array(rows))


# ---- points --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POINTS)
def test_points_are_about_standard_and_always_the_same(name: str) -> None:
    data = load(name)
    values = data.values.reshape(-1, 2)
    assert data.shape == CATALOG[name].shape == (2, 1, 1)  # type: ignore[index]
    assert values.dtype == np.float32 and len(values) == 12_000 and data.train_items == 10_000
    assert bool((np.abs(values) < 3).all()), "they fit into their pictures"
    assert 0.8 < float(values.std()) < 1.2
    again, labels = points.draw(name, 12_000, DataConfig().mixture)
    assert np.array_equal(again, values) and np.array_equal(labels, data.labels)
    assert len(np.unique(labels)) == max(1, CATALOG[name].classes) or name == "mixture"  # type: ignore[index]


def test_a_mixture_is_drawn_as_written() -> None:
    mixture = points.parse_mixture("3 -1 0 0.1; 1 2 1 0.5")
    assert mixture.weights.tolist() == [0.75, 0.25]
    values, labels = mixture.draw(40_000, np.random.RandomState(1))
    for k, (mean, sigma) in enumerate([((-1, 0), 0.1), ((2, 1), 0.5)]):
        mine = values[labels == k]
        assert len(mine) / 40_000 == pytest.approx(mixture.weights[k], abs=0.02)
        assert mine.mean(0) == pytest.approx(np.array(mean), abs=0.02) and float(mine.std(0).mean()) == pytest.approx(
            sigma, rel=0.03
        )


@pytest.mark.parametrize(
    "text", ["", ";", "1 2 3", "1 0 0 0", "-1 0 0 1", "1 0 0 nan", "a b c d", "1 1e9 0 1", "1 0 0 1;" * 65]
)
def test_unreadable_mixtures_are_named(text: str) -> None:
    with pytest.raises(DataError, match=r"data\.mixture"):
        points.parse_mixture(text)


# ---- MNIST ---------------------------------------------------------------------------------------------------------


def idx(array: np.ndarray) -> bytes:
    sizes = b"".join(int(size).to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def small_mnist(place: Path) -> Path:
    """Return ``place``, made and filled with a small MNIST: 30 training and 12 test images."""
    place.mkdir()
    random = np.random.RandomState(0)
    for part, count in (("train", 30), ("t10k", 12)):
        images = gzip.compress(idx(random.randint(0, 256, (count, 28, 28))))
        (place / f"{part}-images-idx3-ubyte.gz").write_bytes(images)
        (place / f"{part}-labels-idx1-ubyte").write_bytes(idx(random.randint(0, 10, count)))
    return place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_mnist(tmp_path / "source")


def test_mnist_is_brought_once_and_then_there(folder: Path) -> None:
    assert not mnist.available() and not CATALOG["mnist"].available()
    with pytest.raises(DataError, match="--data-dir FOLDER"):
        load("mnist")
    bring("mnist", folder)
    assert mnist.available() and mnist.folder() == paths.data_sets() / "mnist"
    (train, train_labels), (test, test_labels) = mnist.read()
    (same, _), _ = mnist.read(folder)
    assert train.shape == (30, 28, 28) and test.shape == (12, 28, 28) and np.array_equal(train, same)
    assert train_labels.dtype == np.int64 and len(test_labels) == 12


Break = Callable[[bytes], bytes]
BROKEN: dict[str, tuple[str, Break]] = {
    "wrong magic": ("train-labels-idx1-ubyte", lambda good: b"\x00\x00\x0d\x01" + good[4:]),
    "images for labels": ("train-labels-idx1-ubyte", lambda good: idx(np.zeros((3, 28, 28)))),
    "more claimed than there": ("train-labels-idx1-ubyte", lambda good: good[:4] + (31).to_bytes(4, "big") + good[8:]),
    "less claimed than there": ("train-labels-idx1-ubyte", lambda good: good[:4] + (29).to_bytes(4, "big") + good[8:]),
    "2^32 − 1 claimed": ("train-labels-idx1-ubyte", lambda good: good[:4] + b"\xff" * 4 + good[8:]),
    "no samples": ("train-labels-idx1-ubyte", lambda good: idx(np.zeros(0))),
    "fewer labels than images": ("train-labels-idx1-ubyte", lambda good: idx(np.zeros(29))),
    "a label of 10": ("train-labels-idx1-ubyte", lambda good: idx(np.full(30, 10))),
    "empty": ("train-labels-idx1-ubyte", lambda good: b""),
    "cut header": ("train-labels-idx1-ubyte", lambda good: good[:6]),
    "cut gzip": ("train-images-idx3-ubyte.gz", lambda good: good[: len(good) // 2]),
    "no gzip": ("train-images-idx3-ubyte.gz", lambda good: b"hello, I am no archive at all"),
    "flipped bits": ("train-images-idx3-ubyte.gz", lambda good: good[:-6] + b"\x00\x00" + good[-4:]),
    "a bomb": ("train-images-idx3-ubyte.gz", lambda good: gzip.compress(idx(np.zeros((30, 28, 28))) + b"\0" * 10**7)),
    "other size": ("train-images-idx3-ubyte.gz", lambda good: gzip.compress(idx(np.zeros((30, 27, 28))))),
}


def test_good_files_replace_damaged_ones_under_another_name(folder: Path) -> None:
    bring("mnist", folder)
    images = mnist.folder() / "train-images-idx3-ubyte"
    images.write_bytes(b"damaged")  # without .gz: it would be read first
    with pytest.raises(DataError):
        mnist.read()
    bring("mnist", folder)
    assert not images.exists() and len(load("mnist").values) == 42


def test_places_that_cannot_be_used_are_named(folder: Path, home: Path) -> None:
    with pytest.raises(DataError, match="cannot be looked at"):
        mnist.keep(folder / ("x" * 300))
    home.mkdir()
    (home / "data").write_text("a file where a folder should be")
    with pytest.raises(RunError, match="cannot be written"):
        mnist.keep(folder)


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_named_and_not_kept(folder: Path, name: str) -> None:
    file, mend = BROKEN[name]
    (folder / file).write_bytes(mend((folder / file).read_bytes()))
    with pytest.raises(DataError, match="train-"):
        bring("mnist", folder)
    assert not mnist.available() and not mnist.folder().exists()


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte"):
        bring("mnist", folder)


def test_items_shorten_the_training_part_only() -> None:
    data = load(DataConfig(name="digits", items=100))
    whole = load("digits")
    assert data.train_items == 100 and len(data.values) == 397
    assert np.array_equal(data.split("test")[0], whole.split("test")[0])
    assert np.array_equal(data.split("train")[0], whole.split("train")[0][:100])


# ---- CIFAR-10 ------------------------------------------------------------------------------------------------------


def small_cifar(folder: Path, **changes: bytes) -> Path:
    """Make the six files with random pictures; a file's bytes can be given by its stem."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        records = random.integers(0, 256, (10_000, 3073), np.uint8)
        records[:, 0] %= 10
        (folder / f"{name}.bin").write_bytes(changes.get(name, records.tobytes()))
    return folder


def test_cifar_is_brought_once_and_read_plane_by_plane(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cifar-10-binary"):
        load("cifar10")
    source = small_cifar(tmp_path / "cifar")
    bring("cifar10", source)
    data = load("cifar10")
    assert data.values.shape == (60_000, 32, 32, 3) and data.train_items == 50_000
    record = (source / "data_batch_2.bin").read_bytes()[3 * 3073 : 4 * 3073]
    item = 10_000 + 3
    assert data.labels[item] == record[0]
    for channel, row, column in ((0, 0, 0), (1, 5, 31), (2, 31, 7)):
        assert data.values[item, row, column, channel] == record[1 + channel * 1024 + row * 32 + column]
    assert data.split("test")[1][0] == (source / "test_batch.bin").read_bytes()[0]


@pytest.mark.parametrize(
    ("words", "content"),
    [
        ("has not the", b""),
        ("has not the", bytes(3073 * 10_000 - 1)),
        ("has not the", bytes(3073 * 10_000 + 1)),
        ("labels above 9", b"\x0a" + bytes(3073 * 10_000 - 1)),
    ],
)
def test_broken_cifar_is_not_kept(tmp_path: Path, words: str, content: bytes) -> None:
    source = small_cifar(tmp_path / "cifar", data_batch_4=content)
    with pytest.raises(DataError, match=words):
        bring("cifar10", source)
    assert not cifar.available() and not list(cifar.folder().glob("*"))
    (source / "test_batch.bin").unlink()
    with pytest.raises(DataError):
        bring("cifar10", source)

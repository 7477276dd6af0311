"""Arrays to pictures and back."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer import images
from explorer.errors import ExplorerError

RANDOM = np.random.default_rng(0)


def test_bytes_and_floats_are_inverse() -> None:
    every = np.arange(256, dtype=np.uint8)
    assert np.array_equal(images.from_signed(every.astype(np.float32) / 127.5 - 1), every)
    assert np.array_equal(images.from_unit(every.astype(np.float32) / 255), every)
    assert images.from_signed(np.array([-7.0, 7.0], np.float32)).tolist() == [0, 255]
    assert images.from_signed(np.array([-3.0, 0.0, 3.0], np.float32), 3.0).tolist() == [0, 128, 255]


@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_stay_whole(channels: int) -> None:
    pictures = RANDOM.integers(0, 256, (7, 5, 4, channels), dtype=np.uint8)
    sheet = images.tile(pictures, columns=3, gap=2)
    assert sheet.shape == (3 * 5 + 2 * 2, 3 * 4 + 2 * 2, channels)
    for index, picture in enumerate(pictures):
        top, left = (index // 3) * 7, (index % 3) * 6
        assert np.array_equal(sheet[top : top + 5, left : left + 4], picture)


@pytest.mark.parametrize("channels", [1, 3])
def test_png_reads_back_with_its_provenance(tmp_path: Path, channels: int) -> None:
    picture = RANDOM.integers(0, 256, (6, 9, channels), dtype=np.uint8)
    provenance = {"model": "β", "z": [0.5, -1.0], "seed": 2**60}
    path = tmp_path / "p.png"
    images.write_picture(path, images.png_bytes(picture, provenance))
    with Image.open(path) as read:
        assert np.array_equal(np.asarray(read).reshape(picture.shape), picture)
    assert images.read_provenance(path) == provenance


def test_edited_provenance_is_no_error(tmp_path: Path) -> None:
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_itxt(images.PROVENANCE_KEY, "[" * 100_000)
    Image.new("L", (2, 2)).save(tmp_path / "p.png", pnginfo=info)
    assert images.read_provenance(tmp_path / "p.png") == {}


def test_gif_has_every_frame() -> None:
    frames = [np.full((8, 8, 1), value, np.uint8) for value in (0, 60, 120, 250)]
    with Image.open(io.BytesIO(images.gif_bytes(frames))) as read:
        assert read.n_frames == 4
        for index, frame in enumerate(frames):
            read.seek(index)
            assert abs(int(np.asarray(read.convert("L"))[0, 0]) - int(frame[0, 0, 0])) <= 2


def test_swing_goes_forth_and_back() -> None:
    rows = np.arange(5, dtype=np.uint8).reshape(1, 5, 1, 1, 1)
    shown = [int(frame[0, 0, 0]) for frame in images.swing(rows, wanted=1)]
    assert shown == [0, 1, 2, 3, 4, 3, 2, 1]


def test_unwritable_places_are_named_before_work(tmp_path: Path) -> None:
    with pytest.raises(ExplorerError, match="no folder"):
        images.check_writable(tmp_path / "no" / "p.png", (".png",))
    with pytest.raises(ExplorerError, match="must end in"):
        images.check_writable(tmp_path / "p.jpeg", (".png", ".gif"))
    with pytest.raises(ExplorerError, match="cannot be written"):
        images.write_picture(tmp_path / "no" / "p.png", b"x")


def test_differences_have_a_sign_and_a_size() -> None:
    one = np.full((2, 1, 3, 1), 100, np.uint8)
    other = one.copy()
    other[0, 0, 0], other[0, 0, 1], other[1, 0, 2] = 180, 20, 101
    seen = images.difference(one, other).astype(int)
    assert seen.shape == (2, 1, 3, 3)
    brighter, darker, same, little = seen[0, 0, 0], seen[0, 0, 1], seen[0, 0, 2], seen[1, 0, 2]
    assert brighter[0] > brighter[2] and darker[2] > darker[0] and not same.any()
    assert 0 < little.max() < brighter.max()
    assert np.array_equal(images.difference(other, one)[..., ::2] > 0, images.difference(one, other)[..., ::2] > 0)


def test_displacement_is_bright_where_points_went_far() -> None:
    one = np.array([[-2.0, 0.0], [2.0, 0.0]])
    seen = images.displacement(one, np.add(one, [[0.0, 0.0], [0.5, 0.0]]))[..., 0]
    assert not seen[:, : images.POINTS_SIDE // 2].any() and seen[:, images.POINTS_SIDE // 2 :].max() > 100
    assert images.displacement(one, one + 5.0).max() == 255


def test_pictures_of_any_size_beside_each_other() -> None:
    parts = [np.full((2, 3, 1), 5, np.uint8), np.full((4, 1, 3), 9, np.uint8)]
    whole = images.beside(parts, gap=2, background=7)
    assert whole.shape == (4, 6, 3)
    assert (whole[:2, :3] == 5).all() and (whole[2:, :3] == 7).all() and (whole[:, 3:5] == 7).all()
    assert (whole[:, 5] == 9).all()


def test_points_that_are_no_numbers_or_far_away_are_at_the_edge() -> None:
    inside = np.array([[0.1, -0.2], [2.9, 2.9]])
    far = np.array([[np.inf, 0.0], [-np.inf, 1e300], [np.nan, 0.5], [1e30, -1e30]])
    edge = np.array([[3.0, 0.0], [-3.0, 3.0], [0.0, 0.5], [3.0, -3.0]])
    for points in (inside, inside[:0]):
        seen = images.of_points(np.concatenate([points, far]))
        assert np.array_equal(seen, images.of_points(np.concatenate([points, edge])))
    assert not images.of_points(inside[:0]).any()

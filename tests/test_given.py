"""Pictures that people give: read from any file, or refused in words; drawings as MNIST has them."""

import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer import given, images
from explorer.errors import DataError
from explorer.given import centred, on_paper, read_picture, reduced

GREY, COLOR = (8, 8, 1), (8, 8, 3)
RANDOM = np.random.default_rng(0)


def saved(path: Path, picture: Image.Image, **how: object) -> Path:
    picture.save(path, **how)  # type: ignore[arg-type]
    return path


def grey(values: object) -> Image.Image:
    return Image.fromarray(np.asarray(values, np.uint8))


def digit(side: int = 8) -> np.ndarray:
    """Return a light bar on black, with a mark that tells up from down and left from right."""
    shape = np.zeros((side, side), np.uint8)
    shape[side // 8 : -side // 8, side // 2 - side // 8 : side // 2 + side // 8] = 255
    shape[side // 8 : side // 4, side // 2 : -side // 8] = 180
    return shape


# ---- sizes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [GREY, COLOR, (8, 6, 3)])
def test_what_the_app_exports_comes_back_as_it_was(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    pixels = RANDOM.integers(0, 256, shape).astype(np.uint8)
    pixels[0] = pixels[-1] = pixels[:, 0] = pixels[:, -1] = 0
    for wanted in (shape[1], 512):
        (tmp_path / "x.png").write_bytes(images.png_bytes(images.sheet(pixels[None], wanted=wanted)))
        assert np.array_equal(read_picture(tmp_path / "x.png", shape), pixels)


def test_a_large_picture_is_the_mean_of_its_areas(tmp_path: Path) -> None:
    fine = RANDOM.integers(0, 256, (400, 400)).astype(np.uint8)
    found = read_picture(saved(tmp_path / "x.png", grey(fine)), GREY, paper=False)
    assert np.abs(found[..., 0] - fine.reshape(8, 50, 8, 50).mean((1, 3))).max() <= 0.51


def test_odd_sizes_keep_the_mean_and_no_edge_is_lost(tmp_path: Path) -> None:
    fine = RANDOM.integers(0, 256, (37, 37)).astype(np.uint8)
    found = read_picture(saved(tmp_path / "x.png", grey(fine)), GREY, paper=False)
    assert float(found.mean()) == pytest.approx(float(fine.mean()), abs=0.6)


def test_a_colour_picture_is_cut_to_its_middle_a_grey_one_widened(tmp_path: Path) -> None:
    wide = np.zeros((16, 48, 3), np.uint8)
    wide[:, :16, 0], wide[:, 16:32, 1], wide[:, 32:, 2] = 250, 250, 250
    path = saved(tmp_path / "x.png", Image.fromarray(wide))
    assert (read_picture(path, COLOR) == (0, 250, 0)).all()
    lying = np.zeros((8, 24), np.uint8)
    lying[3:5, 4:20] = 255
    seen = read_picture(saved(tmp_path / "y.png", grey(lying)), (24, 24, 1))[..., 0]
    assert seen[8:16].tolist() == lying.tolist() and not seen[:8].any() and not seen[16:].any()


@pytest.mark.parametrize("size", [(1, 1), (20_000, 3), (3, 20_000), (2, 5), (9, 7)])
def test_no_size_is_too_odd(tmp_path: Path, size: tuple[int, int]) -> None:
    path = saved(tmp_path / "x.png", Image.new("RGB", size, (10, 200, 30)))
    for shape in (GREY, COLOR, (28, 20, 1)):
        found = read_picture(path, shape)
        assert found.shape == shape and found.dtype == np.uint8
    assert (np.abs(read_picture(path, COLOR).astype(int) - (10, 200, 30)) <= 1).all()


def test_many_pixels_take_no_more_memory_than_their_bytes(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.png", Image.new("L", (7000, 6900), 77))
    assert (read_picture(path, GREY) == 77).all()


# ---- kinds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "ending"),
    [("1", "png"), ("L", "png"), ("P", "gif"), ("RGB", "bmp"), ("RGB", "webp"), ("CMYK", "tiff"), ("CMYK", "jpg"),
     ("YCbCr", "tiff"), ("RGB", "jpg"), ("LA", "png"), ("RGBA", "tga")],
)  # fmt: skip
def test_every_mode_is_read(tmp_path: Path, mode: str, ending: str) -> None:
    shape = np.repeat(np.repeat(digit(), 4, 0), 4, 1)
    picture = grey(shape).convert("RGB").convert(mode) if mode != "1" else grey(shape).convert("1", dither=0)
    path = saved(tmp_path / f"x.{ending}", picture)
    expected = digit() if mode != "1" else np.where(digit() > 127, 255, 0)
    for wanted in (GREY, COLOR):
        assert np.abs(read_picture(path, wanted).mean(2) - expected).mean() < 12


@pytest.mark.parametrize("kind", ["I;16", "I", "F", "F255", "I8"])
def test_sixteen_bits_and_real_numbers_are_scaled_not_wrapped(tmp_path: Path, kind: str) -> None:
    ramp = np.linspace(0, 1, 64).reshape(8, 8)
    made = {
        "I;16": (ramp * 65535).astype(np.uint16), "I": (ramp * 65535).astype(np.int32), "F": ramp.astype(np.float32),
        "F255": (ramp * 255).astype(np.float32), "I8": (ramp * 255).astype(np.int32),
    }[kind]  # fmt: skip
    path = saved(tmp_path / ("x.png" if kind == "I;16" else "x.tiff"), Image.fromarray(made))
    assert np.abs(read_picture(path, GREY, paper=False)[..., 0] - ramp * 255).max() <= 1
    odd = np.full((8, 8), np.nan, np.float32)
    odd[2:4] = np.inf
    assert read_picture(saved(tmp_path / "n.tiff", Image.fromarray(odd)), GREY).shape == GREY


def test_a_picture_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    picture = grey(np.repeat(np.repeat(digit(), 8, 0), 8, 1))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    path = saved(tmp_path / "x.png", picture, exif=exif)
    assert np.abs(read_picture(path, GREY)[..., 0].astype(int) - np.rot90(digit(), -1)).max() <= 1
    raw = picture.tobytes()
    assert raw
    (tmp_path / "bad.jpg").write_bytes(_jpeg_with_nonsense_exif(picture, tmp_path))
    assert read_picture(tmp_path / "bad.jpg", GREY).shape == GREY


def _jpeg_with_nonsense_exif(picture: Image.Image, folder: Path) -> bytes:
    whole = saved(folder / "plain.jpg", picture).read_bytes()
    exif = b"Exif\0\0" + RANDOM.bytes(60)
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + whole[2:]


def test_of_an_animation_it_is_the_first_picture(tmp_path: Path) -> None:
    frames = [grey(np.full((8, 8), level)) for level in (40, 90, 200)]
    for ending in ("gif", "png", "webp"):
        how = {"lossless": True} if ending == "webp" else {}
        path = saved(tmp_path / f"x.{ending}", frames[0], save_all=True, append_images=frames[1:], duration=50, **how)
        assert np.abs(read_picture(path, GREY).astype(int) - 40).max() <= 1


def test_a_transparent_ground_is_one_that_the_ink_stands_out_from(tmp_path: Path) -> None:
    for ink in (0, 255):
        layers = np.zeros((8, 8, 4), np.uint8)
        layers[..., :3] = ink
        layers[..., 3] = digit()
        seen = read_picture(saved(tmp_path / f"{ink}.png", Image.fromarray(layers)), GREY)
        assert np.abs(seen[..., 0].astype(int) - digit()).max() <= 1, "light on dark, whatever the ink"
    assert (read_picture(tmp_path / "0.png", COLOR)[0] == 255).all(), "in colour on white"
    see_through = Image.new("RGBA", (5, 5), (0, 0, 0, 0))
    assert read_picture(saved(tmp_path / "n.png", see_through), GREY).shape == GREY
    palette = grey(digit()).convert("P")
    assert read_picture(saved(tmp_path / "p.png", palette, transparency=b"\x00\xff\x80"), GREY).shape == GREY


def test_a_dark_digit_on_paper_becomes_a_light_one_unless_it_shall_not(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.png", grey(235 - digit() // 2))
    assert on_paper((235 - digit() // 2)[..., None]) and not on_paper(digit()[..., None])
    inverted = read_picture(path, GREY)
    assert np.array_equal(inverted, (20 + digit() // 2)[..., None])
    assert np.array_equal(read_picture(path, GREY, paper=False), (235 - digit() // 2)[..., None])
    rgb = saved(tmp_path / "c.png", Image.fromarray(np.repeat((255 - digit())[..., None], 3, 2)))
    assert np.array_equal(read_picture(rgb, COLOR)[..., 0], 255 - digit()), "colours stay"
    white = saved(tmp_path / "w.png", Image.new("L", (9, 9), 255))
    assert (read_picture(white, GREY) == 255).all(), "an even picture is no drawing"


# ---- bad files -----------------------------------------------------------------------------------------------------


def refused(path: Path, *words: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError) as caught:
            read_picture(path, GREY)
    for word in words:
        assert word in str(caught.value), str(caught.value)
    assert str(path.parent) not in str(caught.value), "names the file, not where it is"
    return str(caught.value)


def test_what_is_no_picture_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture, whatever it is called")
    refused(tmp_path / "text.png", "text.png", "no picture", "PNG")
    (tmp_path / "empty.png").write_bytes(b"")
    refused(tmp_path / "empty.png", "empty.png")
    refused(tmp_path / "missing.png", "missing.png", "not there")
    (tmp_path / "folder.png").mkdir()
    refused(tmp_path / "folder.png", "folder.png", "folder", "choose a picture file")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    refused(tmp_path / "loop.png", "loop.png")
    refused(tmp_path / ("n" * 300 + ".png"))
    refused(tmp_path / "nul\0.png")
    refused(saved(tmp_path / "lab.tiff", Image.new("LAB", (8, 8))), "lab.tiff", "save it again")
    (tmp_path / "drawing.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n")
    refused(tmp_path / "drawing.eps", "no picture")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
        refused(tmp_path / "pipe.png", "pipe.png")
    if os.name == "posix" and os.geteuid() != 0:
        locked = saved(tmp_path / "locked.png", grey(digit()))
        locked.chmod(0)
        refused(locked, "locked.png", "permissions")


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp", "webp", "tiff"])
def test_a_file_cut_short_anywhere_is_refused_or_read(tmp_path: Path, ending: str) -> None:
    noise = Image.fromarray(RANDOM.integers(0, 256, (24, 24, 3)).astype(np.uint8))
    whole = saved(tmp_path / f"whole.{ending}", noise).read_bytes()
    path = tmp_path / f"cut.{ending}"
    refusals = 0
    for end in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:end])
        try:
            assert read_picture(path, COLOR).shape == COLOR
        except DataError as error:
            refusals += 1
            assert path.name in str(error) and str(tmp_path) not in str(error)
    assert refusals > 20


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp", "webp", "tiff"])
def test_flipped_bits_raise_nothing_else(tmp_path: Path, ending: str) -> None:
    noise = Image.fromarray(RANDOM.integers(0, 256, (16, 16, 3)).astype(np.uint8))
    whole = saved(tmp_path / f"whole.{ending}", noise).read_bytes()
    path = tmp_path / f"x.{ending}"
    random = np.random.default_rng(1)
    for _ in range(150):
        broken = bytearray(whole)
        broken[int(random.integers(min(len(broken), 200)))] ^= 1 << int(random.integers(8))
        path.write_bytes(bytes(broken))
        try:
            assert read_picture(path, GREY).shape == GREY
        except DataError as error:
            assert path.name in str(error)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    for side in (20_000, 9000, 2**31 - 1):
        header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        (tmp_path / "bomb.png").write_bytes(content + chunk(b"IEND", b""))
        refused(tmp_path / "bomb.png", "bomb.png", "smaller")


def test_a_file_of_many_megabytes_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given, "MOST_BYTES", 50)
    refused(saved(tmp_path / "big.png", grey(digit())), "big.png", "smaller")


# ---- drawings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(28, 28, 1), (8, 8, 1), (28, 20, 3)])
def test_a_drawing_is_centred_as_mnist_is(shape: tuple[int, int, int]) -> None:
    height, width, channels = shape
    canvas = np.zeros((height * 12, width * 12, channels), np.uint8)
    canvas[10 : 10 + 6 * height, 5 : 5 + 2 * width] = 255  # tall, in a corner
    seen = centred(canvas, shape)
    assert seen.shape == shape
    ink = seen[..., 0] / 255.0
    rows = ink.sum(1)
    assert rows.sum() == pytest.approx(ink.sum())
    assert (ink.sum(1) > 1e-3).sum() in {round(height * 20 / 28), round(height * 20 / 28) + 1, int(height * 20 / 28)}
    for axis, side in ((1, height), (0, width)):
        mass = (ink.sum(axis) * (np.arange(side) + 0.5)).sum() / ink.sum()
        assert mass == pytest.approx(side / 2, abs=0.1)


def test_centring_ignores_where_and_how_large_it_was_drawn() -> None:
    one, other = np.zeros((336, 336, 1), np.uint8), np.zeros((336, 336, 1), np.uint8)
    shape = np.repeat(np.repeat(digit(), 8, 0), 8, 1)[..., None]
    one[:64, :64] = shape
    other[100:228, 180:308] = shape.repeat(2, 0).repeat(2, 1)
    difference = centred(one, (28, 28, 1)).astype(int) - centred(other, (28, 28, 1))
    assert np.abs(difference).max() <= 1


def test_ink_that_is_heavy_at_one_end_stays_inside() -> None:
    canvas = np.zeros((280, 280, 1), np.uint8)
    canvas[:4, 100:180] = 255
    canvas[4:240, 100:101] = 1  # a hair of next to nothing
    seen = centred(canvas, (28, 28, 1))
    total = seen.sum() / (canvas.sum() * (20 / 240) ** 2)
    assert total == pytest.approx(1, abs=0.05), "nothing is cut off"


def test_nothing_drawn_is_black_and_a_single_dot_is_a_picture() -> None:
    canvas = np.zeros((280, 280, 1), np.uint8)
    for made in (centred, reduced):
        assert not made(canvas, (28, 28, 1)).any()
    canvas[3, 5] = 255
    assert centred(canvas, (28, 28, 1)).any() and centred(canvas, (28, 20, 1)).max() == 255


def test_reducing_keeps_the_mean() -> None:
    canvas = RANDOM.integers(0, 256, (336, 336, 1)).astype(np.uint8)
    assert np.abs(reduced(canvas, (28, 28, 1))[..., 0] - canvas.reshape(28, 12, 28, 12).mean((1, 3))).max() <= 0.51

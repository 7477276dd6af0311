"""Pictures that people give: files and drawings, made to fit the items of a model."""

import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from explorer import images
from explorer.errors import DataError
from explorer.messages import Floats, Pixels

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 50_000_000  # of a file; a large phone camera's
MOST_BYTES = 256 << 20
_HANDY_PIXELS = 4_000_000
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "ICO", "TGA")  # none that starts another program
_INK = 20 / 28  # of the side of MNIST's pictures
_WIDER_THAN_BYTES = {"I", "I;16", "I;16B", "I;16L", "I;16N", "F"}
_LIGHT = 127.5


# ---- files ---------------------------------------------------------------------------------------------------------


def read_picture(path: Path, shape: tuple[int, int, int], *, paper: bool = True) -> Pixels:
    """Return a picture file made to fit a model: shape (height, width, channels).

    A colour picture is cut to the middle, of a grey one nothing is lost: its border is made wider. Of an animation it
    is the first picture; it is turned as its camera says; 16 bits are scaled, and what is transparent gets a ground
    that its ink stands out from.

    Args:
        path: the file.
        shape: height, width and channels (1 or 3) that the model wants.
        paper: whether a dark drawing on a light ground becomes a light one on a dark ground, as digits of grey data
            sets are; the border tells which it is. Nothing is done to colours.

    Raises:
        DataError: it is no picture, damaged, or too large; the message names the file and the remedy.
    """
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "is not there, or no file that can be read"
            raise DataError(f"{_name(path)} {what}; choose a picture file such as a PNG or JPEG")
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{_name(path)} has more than {MOST_BYTES >> 20} MB; save a smaller copy of it")
    except (OSError, ValueError) as error:  # a name that no file can have
        said = getattr(error, "strerror", None) or "no such name can be"
        raise DataError(f"{_name(path)} cannot be read ({said}); choose another file") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd EXIF data and the like: what can be shown is shown
        picture = _decoded(path, shape)
    if shape[2] == 1:
        grey = _widened(picture, shape[1] / shape[0])
        fitted = images.from_unit(_resized(grey, shape)[..., :1] / np.float32(255))
        return 255 - fitted if paper and on_paper(fitted) else fitted
    return images.from_unit(_resized(_cut(picture, shape[1] / shape[0]), shape) / np.float32(255))


def _name(path: Path) -> str:
    return path.name[:80].encode("utf-8", "replace").decode().replace("\n", " ") or str(path)


def _decoded(path: Path, shape: tuple[int, int, int]) -> Floats:
    """Return the first picture of a file, (height, width, channels of ``shape``), 0 to 255."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise DataError(
                    f"{_name(path)} is {width} × {height} pixels, more than {MOST_PIXELS // 10**6} million; "
                    "save a smaller copy of it"
                )
            image.draft("L" if shape[2] == 1 else "RGB", (4 * shape[1], 4 * shape[0]))  # JPEG: decoded smaller at once
            image.load()
            return _levels(ImageOps.exif_transpose(_readable_exif(image)), shape[2])
    except DataError:
        raise
    except UnidentifiedImageError as error:
        raise DataError(
            f"{_name(path)} is no picture that can be read; choose a PNG, JPEG, GIF, BMP, WebP or TIFF"
        ) from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{_name(path)} has far too many pixels; save a smaller copy of it") from error
    except PermissionError as error:
        raise DataError(f"{_name(path)} may not be read; change its permissions or choose another") from error
    except MemoryError as error:
        raise DataError(f"{_name(path)} does not fit into memory; save a smaller copy of it") from error
    except Exception as error:  # Pillow's readers raise what they stumble over: OSError, SyntaxError, struct.error, …
        said = str(error)[:120].replace(str(path), path.name) or type(error).__name__
        raise DataError(f"{_name(path)} is damaged or unreadable ({said}); save it again or choose another") from error


def _readable_exif(image: "Image.Image") -> "Image.Image":
    """Return the picture, without its EXIF data where these are nonsense."""
    try:
        image.getexif().get(0x0112)
    except Exception:  # noqa: BLE001  # as odd as files are; it is shown as it lies
        image.info.pop("exif", None)
        return image.copy()
    return image


def _levels(image: "Image.Image", channels: int) -> Floats:
    """Return a picture of any mode as grey or RGB levels 0 to 255, (height, width, channels)."""
    if image.mode in _WIDER_THAN_BYTES:
        wide = image if image.mode in {"I", "F"} else image.convert("I")
        grey = _of_many_bits(np.asarray(_handy(wide), np.float64), image.mode)
        return np.repeat(grey[..., None], channels, axis=2)
    mode = "L" if channels == 1 else "RGB"
    if image.mode not in {"LA", "PA", "RGBA", "La", "RGBa"} and "transparency" not in image.info:
        opaque = np.asarray(_handy(image.convert(mode)), np.float32)
        return opaque.reshape(*opaque.shape[:2], channels)
    layers = np.asarray(_handy(image.convert("RGBA")), np.float32)
    color, cover = layers[..., :3], layers[..., 3:] / 255
    if channels == 1:
        color = color @ np.array([[0.299], [0.587], [0.114]], np.float32)
    ink = float((color.mean(2) * cover[..., 0]).sum() / max(float(cover.sum()), 1e-6))
    ground = 0.0 if channels == 1 and ink > _LIGHT else 255.0
    blended: Floats = (color * cover + ground * (1 - cover)).astype(np.float32)
    return blended


def _handy(image: "Image.Image") -> "Image.Image":
    """Return a picture of a few million pixels at most, the mean of its areas: levels take more memory than bytes."""
    factor = math.ceil(math.sqrt(image.width * image.height / _HANDY_PIXELS))
    return image.reduce((min(factor, image.width), min(factor, image.height))) if factor > 1 else image


def _of_many_bits(values: NDArray[np.float64], mode: str) -> Floats:
    """Return levels 0 to 255 of 16-bit, 32-bit or real values: scaled, not wrapped."""
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if mode.startswith("I;16") or (mode == "I" and low >= 0 and 255 < high <= 65535):
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= (1.0 if mode == "F" else 255.0):
        low, high = 0.0, 1.0 if mode == "F" else 255.0
    scaled: Floats = ((values - low) * (255.0 / max(high - low, 1e-300))).astype(np.float32)
    return scaled


def _cut(picture: Floats, ratio: float) -> Floats:
    """Return the middle of a picture whose width is ``ratio`` times its height."""
    height, width = picture.shape[:2]
    wanted_width, wanted_height = min(width, max(1, round(height * ratio))), min(height, max(1, round(width / ratio)))
    top, left = (height - wanted_height) // 2, (width - wanted_width) // 2
    return picture[top : top + wanted_height, left : left + wanted_width]


def _widened(picture: Floats, ratio: float) -> Floats:
    """Return a picture with borders of its own border's level, such that its width is ``ratio`` times its height."""
    height, width = picture.shape[:2]
    across, along = max(0, round(height * ratio) - width), max(0, round(width / ratio) - height)
    if (
        max(height + along, width + across) > 8 * max(height, width)
        or (height + along) * (width + across) > MOST_PIXELS
    ):
        return _cut(picture, ratio)  # a line of pixels has no picture in it
    edges = ((along // 2, along - along // 2), (across // 2, across - across // 2), (0, 0))
    return np.pad(picture, edges, constant_values=float(np.median(_border(picture))))


def _border(picture: Pixels | Floats) -> NDArray[np.float64]:
    """Return the values along the four edges."""
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]]).astype(np.float64)


def on_paper(picture: Pixels) -> bool:
    """Return whether a picture (height, width, channels) is dark on light: its border is light, the rest is darker."""
    edge = float(np.median(_border(picture)))
    return edge > _LIGHT and float(picture.mean()) < edge


def _resized(picture: Floats, shape: tuple[int, int, int]) -> Floats:
    """Return a picture in another size; one that was enlarged by a whole factor comes back as it was.

    The sizes of ``picture`` are about in the ratio of those wanted.
    """
    rows = _shares(shape[0], picture.shape[0], shape[0] / picture.shape[0])
    columns = _shares(shape[1], picture.shape[1], shape[1] / picture.shape[1])
    resized: Floats = np.einsum("ih,hwc,jw->ijc", rows, picture, columns, optimize=True).astype(np.float32)
    return resized


# ---- drawings ------------------------------------------------------------------------------------------------------


def reduced(canvas: Pixels, shape: tuple[int, int, int]) -> Pixels:
    """Return a drawing (height, width, channels) in the size of a model's items: each pixel is the mean of its area."""
    return images.from_unit(_resized(canvas.astype(np.float32), shape) / np.float32(255))


def centred(canvas: Pixels, shape: tuple[int, int, int]) -> Pixels:
    """Return a light drawing on black as MNIST has its digits: scaled to 20/28 of the frame, its mass in the middle.

    LeCun et al. 1998: the ink's box is fitted into 20 × 20 pixels of 28 × 28, with its shape kept, and moved until
    its centre of mass is the centre of the frame, as far as all of it stays inside.

    Args:
        canvas: shape (height, width, channels).
        shape: height, width and channels that the model wants.
    """
    ink = canvas.max(axis=2).astype(np.float64)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return np.zeros(shape, np.uint8)
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    ink, drawn = ink[box], canvas[box].astype(np.float32)
    height, width = ink.shape
    scale = _INK * min(shape[0] / height, shape[1] / width)
    weights = []
    for axis, size in ((1, height), (0, width)):
        side = shape[0] if axis == 1 else shape[1]
        mass = float((ink.sum(axis=axis) * (np.arange(size) + 0.5)).sum() / ink.sum())
        offset = min(max(side / 2 - scale * mass, 0.0), side - scale * size)
        weights.append(_shares(side, size, scale, offset))
    small = np.einsum("ih,hwc,jw->ijc", weights[0], drawn, weights[1], optimize=True)
    return images.from_unit(small.astype(np.float32) / np.float32(255))


def _shares(places: int, given: int, scale: float, offset: float = 0.0) -> Floats:
    """Return how much of each place (places) each given pixel covers when it is ``scale`` wide, from ``offset`` on.

    Shape (places, given); exact areas. Where pixels are enlarged their levels go over into each other linearly.
    """
    if scale > 1 and offset == 0 and not math.isclose(scale, round(scale), abs_tol=1e-9):
        at = np.clip((np.arange(places) + 0.5) / scale - 0.5, 0, given - 1)
        first = np.floor(at).astype(int)
        second = np.minimum(first + 1, given - 1)
        linear = np.zeros((places, given), np.float32)
        np.add.at(linear, (np.arange(places), first), 1 - (at - first))
        np.add.at(linear, (np.arange(places), second), at - first)
        return linear
    left = offset + scale * np.arange(given)
    low, high = np.arange(places)[:, None], np.arange(1, places + 1)[:, None]
    covered: Floats = np.clip(np.minimum(left + scale, high) - np.maximum(left, low), 0, None).astype(np.float32)
    return covered

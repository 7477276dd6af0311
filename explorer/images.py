"""Arrays to picture files: tiling, enlarging, PNG with provenance, GIF. From arrays, never grabbed off a screen."""

import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from explorer.errors import ExplorerError
from explorer.messages import Floats, Pixels

if TYPE_CHECKING:
    from PIL import Image, PngImagePlugin

PROVENANCE_KEY = "explorer"
POINTS_SIDE, POINTS_EXTENT = 96, 3.0  # pictures of points span −3..3 both ways


def from_signed(values: Floats, limit: float = 1.0) -> Pixels:
    """Return values of [−limit, limit] as bytes 0..255, rounded; what lies outside is clipped."""
    return from_unit((np.asarray(values, np.float32) + limit) / (2 * limit))


def from_unit(values: Floats) -> Pixels:
    """Return values of [0, 1] as bytes 0..255, rounded; what lies outside is clipped."""
    pixels: Pixels = np.rint(np.clip(np.asarray(values, np.float32) * 255, 0, 255)).astype(np.uint8)
    return pixels


CLOUD = 2000  # points that make a picture


def _cells(points: Floats) -> NDArray[np.int64]:
    """Return row and column of each point (points, 2) in the picture; what lies outside is at its edge."""
    where = np.asarray(points, np.float64)
    if not np.isfinite(where).all():
        where = np.clip(np.nan_to_num(where), -POINTS_EXTENT, POINTS_EXTENT)
    scaled = (where / POINTS_EXTENT + 1) / 2 * POINTS_SIDE
    cells = np.clip(scaled, 0, POINTS_SIDE - 1).astype(np.int64)
    return np.stack([POINTS_SIDE - 1 - cells[:, 1], cells[:, 0]], axis=1)


def of_points(points: Floats) -> Pixels:
    """Return the picture (side, side, 1) of points (points, 2): how many fall into each cell, brighter for more."""
    cells = _cells(points)
    counts = np.bincount(cells[:, 0] * POINTS_SIDE + cells[:, 1], minlength=POINTS_SIDE**2)
    most = max(int(counts.max()), 1)
    # A chain makes three such pictures at every step: each brightness is computed once, not for every cell.
    shades = from_unit((np.log1p(np.arange(most + 1)) / np.log1p(most)) ** 0.7)
    return shades[counts].reshape(POINTS_SIDE, POINTS_SIDE, 1)


def of_each_point(points: Floats, background: Pixels) -> Pixels:
    """Return one picture for each point (points, 2): a white dot before a dimmed background (side, side, 1)."""
    pictures = np.repeat((background // 3)[None], len(points), axis=0)
    for picture, (row, column) in zip(pictures, _cells(points), strict=True):
        picture[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3] = 255
    return pictures


def columns_for(count: int) -> int:
    """Return how many columns make ``count`` tiles about square."""
    return max(1, int(np.ceil(np.sqrt(count))))


def tile(pictures: Pixels, columns: int | None = None, gap: int = 1, background: int = 0) -> Pixels:
    """Return pictures (items, height, width, channels) laid out in rows as one picture (height, width, channels)."""
    count, height, width, channels = pictures.shape
    if count == 0:
        raise ExplorerError("there is no picture to show or save yet")
    columns = columns or columns_for(count)
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), background, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def beside(pictures: Sequence[Pixels], gap: int = 4, background: int = 0) -> Pixels:
    """Return pictures (height, width, channels) of any size beside each other, their upper edges in line."""
    height, channels = max(picture.shape[0] for picture in pictures), max(picture.shape[2] for picture in pictures)
    columns: list[Pixels] = []
    for picture in pictures:
        column = np.full((height, picture.shape[1], channels), background, np.uint8)
        column[: picture.shape[0]] = picture
        columns += [column, np.full((height, gap, channels), background, np.uint8)]
    return np.concatenate(columns[:-1], axis=1)


def below(pictures: Sequence[Pixels], gap: int = 4, background: int = 0) -> Pixels:
    """Return pictures (height, width, channels) of any size below each other, their left edges in line."""
    turned = beside([picture.transpose(1, 0, 2) for picture in pictures], gap, background)
    return np.ascontiguousarray(turned.transpose(1, 0, 2))


def difference(one: Pixels, other: Pixels) -> Pixels:
    """Return where pictures (items, height, width, channels) differ, in colour: orange where ``other`` is brighter.

    Blue where it is darker, black where they are the same; the channels are averaged.
    """
    away = (other.astype(np.float32) - one).mean(axis=-1, keepdims=True) / 255
    brighter, darker = np.clip(away, 0, 1) ** 0.6, np.clip(-away, 0, 1) ** 0.6
    orange, blue = np.array(((1.0, 0.62, 0.1), (0.25, 0.6, 1.0)), np.float32)
    return from_unit(brighter * orange + darker * blue)


def displacement(one: Floats, other: Floats) -> Pixels:
    """Return how far points (points, 2) have moved from ``one`` to ``other``, a picture (side, side, 1) of where.

    The brightness of a cell is the average way of the points of ``one`` in it; 1 and more is white.
    """
    counts, ways = np.zeros((POINTS_SIDE, POINTS_SIDE)), np.zeros((POINTS_SIDE, POINTS_SIDE))
    where = tuple(_cells(one).T)
    np.add.at(counts, where, 1.0)
    np.add.at(ways, where, np.nan_to_num(np.hypot(*(np.asarray(other, np.float64) - one).T)))
    average = np.minimum(ways / np.maximum(counts, 1), 1.0).astype(np.float32)
    return from_unit(average**0.6)[..., None]


def enlarge(picture: Pixels, factor: int) -> Pixels:
    """Return a picture (height, width, channels) with every pixel repeated ``factor`` times both ways."""
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def factor_for(side: int, wanted: int = 64) -> int:
    """Return the whole factor that brings ``side`` pixels nearest to ``wanted``, at least 1."""
    return max(1, round(wanted / side))


def sheet(pictures: Pixels, columns: int | None = None, wanted: int = 64) -> Pixels:
    """Return pictures tiled and enlarged until each is about ``wanted`` pixels wide: what files are made of."""
    return enlarge(tile(pictures, columns), factor_for(pictures.shape[2], wanted))


def poster(pictures: Pixels) -> Pixels:
    """Return pictures tiled about square and enlarged until the whole is about 512 pixels wide, each at least 64."""
    return sheet(pictures, wanted=max(64, 512 // columns_for(len(pictures))))


def as_image(picture: Pixels) -> "Image.Image":
    """Return a picture (height, width, channels) as Pillow's."""
    from PIL import Image

    squeezed = picture[..., 0] if picture.shape[-1] == 1 else picture
    return Image.fromarray(np.ascontiguousarray(squeezed))


def png_bytes(picture: Pixels, provenance: Mapping[str, Any] | None = None) -> bytes:
    """Return a picture (height, width, channels) as PNG; ``provenance`` goes into a text chunk as compact JSON."""
    buffer = io.BytesIO()
    as_image(picture).save(buffer, "PNG", pnginfo=png_info(provenance))  # optimize: 1 % smaller, 4 times as long
    return buffer.getvalue()


def png_info(provenance: Mapping[str, Any] | None) -> "PngImagePlugin.PngInfo":
    """Return the text chunk that says where a PNG comes from."""
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    if provenance is not None:
        info.add_itxt(PROVENANCE_KEY, json.dumps(provenance, ensure_ascii=False, separators=(",", ":")))
    return info


def gif_bytes(pictures: Sequence[Pixels], milliseconds: int = 50, hold: int = 1500) -> bytes:
    """Return pictures (height, width, channels) as an endless GIF; the last one stays for ``hold`` milliseconds."""
    frames = [as_image(picture) for picture in pictures]
    durations = [milliseconds] * (len(frames) - 1) + [hold]
    buffer = io.BytesIO()
    frames[0].save(
        buffer, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=False, disposal=1
    )
    return buffer.getvalue()


def swing(rows: Pixels, wanted: int = 96) -> list[Pixels]:
    """Return the frames of a traversal that goes forth and back, one cell a row.

    Args:
        rows: shape (rows, steps, height, width, channels).
        wanted: about how wide a cell becomes, in pixels.
    """
    steps = rows.shape[1]
    return [sheet(rows[:, step], wanted=wanted) for step in [*range(steps), *range(steps - 2, 0, -1)]]


def write_picture(path: Path, content: bytes) -> None:
    """Write a finished picture to ``path``, whole or not at all.

    Raises:
        ExplorerError: the folder is missing or not writable.
    """
    path = path.absolute()
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True) if path.parent.is_dir() else None
        raise ExplorerError(f"{path} cannot be written ({error.strerror}); choose a folder you may write to") from error


def check_writable(path: Path, endings: Sequence[str]) -> None:
    """Raise ExplorerError before long work if a picture could not be written to ``path`` after it."""
    if path.suffix.lower() not in endings:
        raise ExplorerError(f"{path} must end in {' or '.join(endings)}, which says what kind of picture it becomes")
    if not path.absolute().parent.is_dir():
        raise ExplorerError(f"there is no folder {path.absolute().parent}; make it first or choose another")
    try:
        fit = not path.is_dir() and os.access(path.absolute().parent, os.W_OK)
    except OSError:  # a name of 300 letters
        fit = False
    if not fit:
        raise ExplorerError(f"{path} cannot be written; choose a file in a folder you may write to")


def read_provenance(path: Path) -> dict[str, Any]:
    """Return the provenance that a PNG or GIF of ours carries; one without, or with nonsense, gives an empty dict."""
    from PIL import Image

    with Image.open(path) as image:
        gif = image.info.get("comment", "") if image.format == "GIF" else ""
        text = getattr(image, "text", {}).get(PROVENANCE_KEY, gif)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

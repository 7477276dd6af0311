"""Films to files: GIF, APNG, MP4, or every picture as a PNG in a ZIP. Made from arrays, one picture at a time."""

import importlib.util
import io
import json
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from explorer.errors import ExplorerError
from explorer.images import as_image, png_bytes, png_info
from explorer.messages import Pixels

ENDINGS = {".gif": "GIF", ".apng": "APNG", ".mp4": "MP4", ".zip": "frames (PNG in a ZIP)"}
_MOST = {".gif": 200, ".apng": 200}  # pictures: whole in memory until they are written
_HOLD = 1500  # milliseconds that the last picture stays
_FASTEST, _SLOWEST = 20, 100  # milliseconds a picture
_SECONDS = 10.0
_VIDEO = 'pip install "vae-diffusion-explorer[video]"'


@dataclass(frozen=True)
class Reel:
    """A film that can be saved.

    Attributes:
        count: how many pictures.
        picture: gives the picture (height, width, channels) of a place, in any thread.
        provenance: says where it comes from.
    """

    count: int
    picture: Callable[[int], Pixels]
    provenance: Callable[[int], Mapping[str, Any]]

    def places(self, most: int) -> list[int]:
        """Return the places of at most ``most`` pictures, evenly spread, first and last among them."""
        spread = np.linspace(0, self.count - 1, max(1, min(most, self.count)))
        return [int(place) for place in np.unique(spread.round())]


def missing(ending: str) -> str:
    """Return what has to be installed for a kind of film; "" if nothing."""
    known = importlib.util.find_spec("imageio_ffmpeg") is not None
    return _VIDEO if ending == ".mp4" and not known else ""


def film_bytes(ending: str, reel: Reel, progress: Callable[[float], None] = lambda _: None) -> bytes:
    """Return a film as the bytes of a file.

    Args:
        ending: one of ``ENDINGS``. GIF and APNG have at most some hundred pictures, evenly spread; the others all.
        reel: the film.
        progress: is told the share that is done before each picture; what it raises ends the work.

    Raises:
        ExplorerError: there is no picture, or what MP4 needs is not installed.
    """
    if reel.count < 1:
        raise ExplorerError("there is no picture to save yet")
    if missing(ending):
        raise ExplorerError(f"MP4 needs more than is installed: {missing(ending)}; or choose GIF or APNG")
    places = reel.places(_MOST.get(ending, reel.count))

    def pictures() -> Iterator[Pixels]:
        for done, place in enumerate(places):
            progress(done / len(places))
            yield reel.picture(place)

    if ending == ".zip":
        return _zip(zip(places, pictures(), strict=True), reel)
    each = round(min(_SLOWEST, max(_FASTEST, 1000 * _SECONDS / len(places))))
    if ending == ".mp4":
        return _mp4(pictures(), each)
    return _animated(pictures(), len(places), each, ending, reel)


def _animated(pictures: Iterator[Pixels], count: int, each: int, ending: str, reel: Reel) -> bytes:
    first, rest = next(pictures), pictures
    durations = [each] * (count - 1) + [_HOLD]
    buffer = io.BytesIO()
    more = [as_image(picture) for picture in rest]
    if ending == ".gif":
        as_image(first).save(
            buffer, "GIF", save_all=True, append_images=more, duration=durations, loop=0, optimize=False, disposal=1,
            comment=json.dumps(reel.provenance(0)),
        )  # fmt: skip
    else:
        as_image(first).save(
            buffer, "PNG", save_all=True, append_images=more, duration=durations, loop=0,
            pnginfo=png_info(reel.provenance(0)),
        )  # fmt: skip
    return buffer.getvalue()


def _zip(pictures: Iterator[tuple[int, Pixels]], reel: Reel) -> bytes:
    buffer = io.BytesIO()
    digits = len(str(reel.count - 1))
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:  # a PNG is compressed already
        for place, picture in pictures:
            archive.writestr(f"{place:0{digits}}.png", png_bytes(picture, reel.provenance(place)))
    return buffer.getvalue()


def _mp4(pictures: Iterator[Pixels], each: int) -> bytes:
    from imageio_ffmpeg import get_ffmpeg_exe

    first = _even(next(pictures))
    size = f"{first.shape[1]}x{first.shape[0]}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        command = [
            get_ffmpeg_exe(), "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", f"{1000 / each}",
            "-i", "-", "-c:v", "libx264", "-crf", "12", "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(path),
        ]  # fmt: skip
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as coder:
            assert coder.stdin is not None and coder.stderr is not None
            try:
                last = first
                for picture in chain([first], pictures):
                    last = _even(picture)
                    coder.stdin.write(last.tobytes())
                for _ in range(round(_HOLD / each)):
                    coder.stdin.write(last.tobytes())
            except BrokenPipeError:  # it says why when it is asked
                pass
            except BaseException:
                coder.kill()
                raise
            said = coder.communicate()[1].decode(errors="replace")
        if coder.returncode != 0 or not path.is_file():
            raise ExplorerError(f"the film could not be coded as MP4 ({said.strip()[:200]}); choose GIF or APNG")
        return path.read_bytes()


def _even(picture: Pixels) -> Pixels:
    """Return a picture in colour whose sides are even, which the codec needs: an edge is repeated where one is not."""
    height, width, channels = picture.shape
    padded = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(padded if channels == 3 else padded.repeat(3, axis=2))

"""Films as files: read back, every picture is the one that was meant."""

import io
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer import animations, images
from explorer.animations import Reel
from explorer.errors import ExplorerError
from explorer.messages import Pixels

COUNT = 12


def picture(place: int) -> Pixels:
    """Return a grey picture with a bright square that moves."""
    made = np.full((15, 21, 1), 10 + 4 * place, np.uint8)
    made[3:9, place : place + 6] = 230
    return made


def reel(count: int = COUNT) -> Reel:
    return Reel(count, picture, lambda place: {"t": count - 1 - place, "model": "β"})


@pytest.mark.parametrize("ending", [".gif", ".apng"])
def test_an_animation_reads_back(ending: str) -> None:
    with Image.open(io.BytesIO(animations.film_bytes(ending, reel()))) as read:
        assert read.n_frames == COUNT
        assert read.info["loop"] == 0
        for place in range(COUNT):
            read.seek(place)
            assert np.array_equal(np.asarray(read.convert("L")), picture(place)[..., 0]), place
        assert read.info["duration"] == 1500, "the last one stays"


def test_a_png_animation_says_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "film.apng").write_bytes(animations.film_bytes(".apng", reel()))
    assert images.read_provenance(tmp_path / "film.apng") == {"t": COUNT - 1, "model": "β"}


def test_a_gif_says_where_it_comes_from(tmp_path: Path) -> None:
    long = "of more than the 255 bytes of a block " * 20
    told = Reel(COUNT, picture, lambda place: {"t": COUNT - 1 - place, "model": "β", "note": long})
    path = tmp_path / "film.gif"
    path.write_bytes(animations.film_bytes(".gif", told))
    assert images.read_provenance(path) == {"t": COUNT - 1, "model": "β", "note": long}
    with Image.open(path) as read:
        assert read.n_frames == COUNT
        read.save(path, comment=b"made elsewhere")
    assert images.read_provenance(path) == {}


def test_every_picture_as_a_png_with_its_provenance(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(animations.film_bytes(".zip", reel()))) as archive:
        assert archive.namelist() == [f"{place:02d}.png" for place in range(COUNT)]
        archive.extractall(tmp_path)
    for place in range(COUNT):
        path = tmp_path / f"{place:02d}.png"
        with Image.open(path) as read:
            assert np.array_equal(np.asarray(read), picture(place)[..., 0])
        assert images.read_provenance(path)["t"] == COUNT - 1 - place


def test_a_video_reads_back(tmp_path: Path) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    path = tmp_path / "film.mp4"
    path.write_bytes(animations.film_bytes(".mp4", reel()))
    command = [ffmpeg, "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    read = np.frombuffer(raw, np.uint8).reshape(-1, 16, 22, 3)  # sides are even
    assert len(read) == COUNT + 15
    for place in range(COUNT):
        away = np.abs(read[place][:15, :21].astype(int) - picture(place))
        assert float(away.mean()) < 8, place


def test_an_endless_film_becomes_a_short_animation(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    long = Reel(1000, lambda place: (made.append(place), np.full((2, 2, 1), place % 251, np.uint8))[1], lambda _: {})
    with Image.open(io.BytesIO(animations.film_bytes(".gif", long))) as read:
        assert read.n_frames <= 200 and len(made) == 200
    assert made[0] == 0 and made[-1] == 999 and made == sorted(made)


def test_progress_is_told_and_can_end_it() -> None:
    class EnoughError(Exception):
        pass

    told: list[float] = []

    def progress(share: float) -> None:
        told.append(share)
        if share > 0.5:
            raise EnoughError

    for ending in (".gif", ".apng", ".zip"):
        told.clear()
        with pytest.raises(EnoughError):
            animations.film_bytes(ending, reel(), progress)
        assert told[0] == 0 and told == sorted(told) and len(told) == COUNT // 2 + 2


def test_nothing_is_no_film_and_video_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ExplorerError, match="no picture to save"):
        animations.film_bytes(".gif", reel(0))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "[video]" in animations.missing(".mp4") and not animations.missing(".gif")
    with pytest.raises(ExplorerError, match=r"pip install .*\[video\]"):
        animations.film_bytes(".mp4", reel())

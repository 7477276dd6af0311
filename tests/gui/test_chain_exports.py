"""What is taken home from the reverse chain reads back as it was shown."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer import images
from explorer.messages import Failure
from explorer.ui.diffusion_page import DiffusionPage
from explorer.ui.main_window import MainWindow
from explorer.ui.reverse_view import PANES, ReverseView, whole
from tests.gui.diffusion import Trained, Until, opened


@pytest.fixture
def page(window: MainWindow, until: Until, trained: Trained) -> DiffusionPage:
    return opened(window, until, trained("digits-ddpm"))


@pytest.fixture
def reverse(page: DiffusionPage) -> ReverseView:
    page.reverse.player.go_to(12)
    return page.reverse


def test_pictures_read_back_as_shown(reverse: ReverseView, tmp_path: Path, problems: list[Failure]) -> None:
    reverse.follow(3)
    reverse.exports.save("picture", tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as read:
        assert np.array_equal(np.asarray(read)[::64, ::64], reverse.frames[12].x_t[3, ..., 0])
    told = images.read_provenance(tmp_path / "x.png")
    assert (told["t"], told["seed"], told["process"], told["item"]) == (8, 42, "reverse", 3)
    reverse.exports.save("samples", tmp_path / "all.png")
    with Image.open(tmp_path / "all.png") as read:
        assert np.array_equal(np.asarray(read), images.poster(reverse.frames[12].x_t)[..., 0])
    reverse.exports.save("chain", tmp_path / "strip.png")
    with Image.open(tmp_path / "strip.png") as read:
        assert np.array_equal(np.asarray(read), images.sheet(reverse.view.strip.pixels, 9)[..., 0])
    assert images.read_provenance(tmp_path / "strip.png")["t"] == reverse.view.marks
    assert not problems
    reverse.exports.save("chain", tmp_path / "strip.jpg")
    assert len(problems) == 1 and "must end in .png" in problems[0].text


@pytest.mark.parametrize("key", [*PANES, "whole"])
def test_every_pane_is_a_film(
    reverse: ReverseView, until: Until, tmp_path: Path, key: str, problems: list[Failure]
) -> None:
    reverse.follow(2)
    reverse.films.save(key, tmp_path / "film.zip")
    until(lambda: not reverse.films.saving)
    assert not problems
    with zipfile.ZipFile(tmp_path / "film.zip") as archive:
        assert len(archive.namelist()) == 21
        archive.extractall(tmp_path)
    for place in (0, 12, 20):
        frame = reverse.frames[place]
        expected = whole(frame, 2) if key == "whole" else images.poster(getattr(frame, key))
        with Image.open(tmp_path / f"{place:02d}.png") as read:
            assert np.array_equal(np.asarray(read), expected[..., 0])
        told = images.read_provenance(tmp_path / f"{place:02d}.png")
        assert (told["t"], told["shows"], told["seed"]) == (20 - place, key, 42)


def test_a_film_is_made_beside_the_window_and_can_be_ended(
    page: DiffusionPage, reverse: ReverseView, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[object] = []
    page.job.connect(jobs.append)
    slow = images.poster
    monkeypatch.setattr("explorer.images.poster", lambda pictures: (__import__("time").sleep(0.1), slow(pictures))[1])
    reverse.films.save("x_t", tmp_path / "film.gif")
    assert reverse.films.saving and jobs == [("saving film.gif", 0.0)]
    until(lambda: len(jobs) > 2)
    page.cancel_job()
    until(lambda: not reverse.films.saving)
    assert not list(tmp_path.iterdir()) and jobs[-1] is None
    reverse.films.save("x_t", tmp_path / "film.gif")
    assert page.shutdown() and not list(tmp_path.iterdir()), "closing ends it"


def test_there_is_nothing_to_export_before_there_is_anything(window: MainWindow) -> None:
    page = window.show_page("diffusion")
    assert isinstance(page, DiffusionPage)
    for key in page.modes:
        page.controls.mode.choose(key)
        assert not page.controls.export.isEnabled() and not page.controls.run.isEnabled()

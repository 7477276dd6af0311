"""Forward and back, and between two noises: rows, curves, settings, cancel, export."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.config import Sampling
from explorer.inference.session import ModelSession
from explorer.messages import DenoiseRequest, Failure
from explorer.ui.diffusion_page import DiffusionPage
from explorer.ui.forward_back_view import ForwardBackView
from explorer.ui.interpolation_view import InterpolationView
from explorer.ui.main_window import MainWindow
from tests.gui.diffusion import Trained, Until, choose, opened


@pytest.fixture
def folder(trained: Trained) -> Path:
    return trained("digits-ddpm")


@pytest.fixture
def page(window: MainWindow, until: Until, folder: Path) -> DiffusionPage:
    return opened(window, until, folder)


@pytest.fixture
def back(page: DiffusionPage) -> ForwardBackView:
    page.controls.mode.choose("back")
    return page.back


@pytest.fixture
def between(page: DiffusionPage) -> InterpolationView:
    page.controls.mode.choose("between")
    return page.between


# ---- forward and back ----------------------------------------------------------------------------------------------


def test_rows_are_the_librarys_ways_back(
    page: DiffusionPage, back: ForwardBackView, until: Until, folder: Path, qtbot: QtBot
) -> None:
    assert back.starts == (2, 5, 8, 12, 16) and not back.exportable
    back.items.clicked.emit(4)
    until(lambda: not back.running)
    session = ModelSession.open(folder, "cpu")
    assert np.array_equal(back.image.pixels[0], session.gallery().pixels[4])
    for number, start in enumerate(back.starts):
        request = DenoiseRequest(0, 6, 42, Sampling(), image=4, start=start)
        frames = list(session.denoise(request))
        row = back.rows.rows[number]
        assert np.abs(row.noised.pixels.astype(int) - frames[0].x_t[:1]).max() <= 1
        assert np.abs(row.back.pixels.astype(int) - frames[-1].x_t).max() <= 1
        assert row.said.text() == f"RMS {back.found[number].distance:.2g}"
    curves = back.survives.visible_curves()
    t, distance = curves["to x₀"].points
    assert list(t) == [0, *back.starts] and distance[0] == 0 and distance[-1] == back.found[4].distance
    assert curves["other data"].points[1][0] == back.found[0].chance
    assert back.words.text()


def test_rows_and_draws_can_be_chosen(back: ForwardBackView, until: Until) -> None:
    back.run()
    back.starts_line.setText("20; 3, 3 x 99 7")
    back.starts_line.editingFinished.emit()
    assert back.starts == (3, 7, 20) and back.starts_line.text() == "3, 7, 20"
    until(lambda: not back.running)
    assert len(back.rows.rows) == 3 and len(back.rows.rows[0].back.pixels) == 6
    choose(back.count, 2)
    until(lambda: not back.running)
    assert len(back.rows.rows[0].back.pixels) == 2
    before = back.rows.rows[2].back.pixels
    back.sampling.controls.label.setCurrentIndex(back.sampling.controls.label.findText("class 3"))
    back.sampling.controls.label.activated.emit(0)
    until(lambda: not back.running)
    assert "class 3" in back.sampling.text() and not np.array_equal(back.rows.rows[2].back.pixels, before)
    back.starts_line.setText("nothing")
    back.starts_line.editingFinished.emit()
    assert back.starts == (3, 7, 20) and not back.running


def test_inversion_comes_back_to_the_image(back: ForwardBackView, until: Until) -> None:
    back.run()
    until(lambda: not back.running)
    noisy = [back.found[number].distance for number in range(5)]
    back.up.choose("invert")
    assert back.sampling.sampling == Sampling(sampler="ddim")
    until(lambda: not back.running)
    inverted = [back.found[number].distance for number in range(5)]
    assert all(ours < theirs for ours, theirs in zip(inverted, noisy, strict=True))
    sample, difference = back.rows.rows[0].back.pixels  # nothing is drawn at random
    assert np.array_equal(sample[..., :1], back.found[0].shown[0])
    assert np.array_equal(difference, images.difference(back.image.pixels, back.found[0].shown)[0])
    back.sampling.controls.eta.set_value(1)
    until(lambda: not back.running)
    assert len(back.rows.rows[0].back.pixels) == 6


def test_cancel_keeps_the_rows_that_arrived(window: MainWindow, until: Until, qtbot: QtBot) -> None:
    window.open_model("digits-ddpm", "ddpm")
    page = window.page("diffusion")
    assert isinstance(page, DiffusionPage)
    back = page.back
    until(lambda: back.gallery is not None and bool(page.frames))
    page.controls.mode.choose("back")
    choose(back.count, 1)
    qtbot.mouseClick(page.controls.run, Qt.MouseButton.LeftButton)
    assert page.controls.run.text() == "Cancel" and not page.reverse.running
    until(lambda: back.exportable)
    qtbot.mouseClick(page.controls.run, Qt.MouseButton.LeftButton)
    assert not back.running and page.controls.export.isEnabled()
    kept = dict(back.found)
    qtbot.wait(200)
    assert not math.isnan(back.found[0].distance) and len(back.found) <= len(kept) + 1 < 5


def test_points_come_back_somewhere_else(window: MainWindow, until: Until, trained: Trained) -> None:
    page = opened(window, until, trained("points-ddpm"))
    page.controls.mode.choose("back")
    back = page.back
    assert not back.items.isVisible() and not back.count.isVisible()
    page._run_or_cancel()
    until(lambda: not back.running)
    assert back.rows.rows[0].back.pixels.shape == (1, images.POINTS_SIDE, images.POINTS_SIDE, 1)
    assert back.found[0].distance < back.found[4].distance


def test_the_rows_are_exported(back: ForwardBackView, until: Until, tmp_path: Path) -> None:
    back.run()
    until(lambda: not back.running)
    back.exports.save("forward-and-back", tmp_path / "rows.png")
    with Image.open(tmp_path / "rows.png") as read:
        seen = np.asarray(read)
    first = back.rows.rows[0]
    assert np.array_equal(seen[:64:8, :64:8], first.noised.pixels[0, ..., 0])
    assert np.array_equal(seen[:64:8, 80:144:8], first.back.pixels[0, ..., 0])
    told = images.read_provenance(tmp_path / "rows.png")
    assert told["starts"] == [2, 5, 8, 12, 16] and told["count"] == 6 and told["invert"] is False


# ---- between two noises --------------------------------------------------------------------------------------------


def test_the_strip_goes_from_one_seed_to_the_other(between: InterpolationView, until: Until, folder: Path) -> None:
    between.run()
    until(lambda: between.film.complete and not between.running)
    between.player.pause()
    session = ModelSession.open(folder, "cpu")
    how = between.sampling.sampling
    assert how == Sampling(sampler="ddim", steps=2, label=0)
    between.player.go_to(10**6)
    for place, seed in ((0, 42), (8, 7)):
        *_, alone = session.denoise(DenoiseRequest(0, 1, seed, how))
        assert np.abs(between.strip.pixels[place].astype(int) - alone.x_t[0]).max() <= 1
    steps, ends = (between.steps.visible_curves()[key].points for key in ("neighbours", "A and B"))
    assert len(steps[0]) == 8 and max(steps[1]) < ends[1][0], "near noises, near pictures"
    assert np.array_equal(between.noises.pixels, between.frames[0].x_t)
    between.shows.choose("x0_hat")
    between.player.go_to(1)
    assert np.array_equal(between.strip.pixels, between.frames[1].x0_hat)


def test_other_ends_and_numbers(between: InterpolationView, until: Until, tmp_path: Path) -> None:
    between.run()
    until(lambda: between.film.complete and not between.running)
    before = between.frames[-1].x_t
    between.last.set_seed(11)
    until(lambda: between.film.complete and not between.running)
    assert np.array_equal(between.frames[-1].x_t[0], before[0])
    assert not np.array_equal(between.frames[-1].x_t[-1], before[-1])
    choose(between.count, 5)
    until(lambda: between.film.complete and not between.running)
    assert len(between.frames[0].x_t) == 5
    between.player.pause()
    between.player.go_to(10**6)
    between.exports.save("interpolation", tmp_path / "s.png")
    with Image.open(tmp_path / "s.png") as read:
        assert np.array_equal(np.asarray(read), images.sheet(between.strip.pixels, 5)[..., 0])
    told = images.read_provenance(tmp_path / "s.png")
    assert (told["seed"], told["towards"], told["t"]) == (42, 11, 0)
    between.films.save("walk", tmp_path / "walk.gif")
    until(lambda: not between.films.saving)
    with Image.open(tmp_path / "walk.gif") as read:
        assert read.n_frames == 5


def test_a_film_that_cannot_be_saved_says_so(
    between: InterpolationView, until: Until, tmp_path: Path, problems: list[Failure]
) -> None:
    between.run()
    until(lambda: between.film.complete and not between.running)
    between.films.save("walk", tmp_path / "no" / "walk.gif")
    between.films.save("walk", tmp_path / "walk.avi")
    assert ["no folder" in problems[0].text, "must end in .gif" in problems[1].text] == [True, True]

"""The race: lanes from the same noise on one clock, differences, calls, other models, export."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.chain_messages import Lane
from explorer.config import Sampling
from explorer.inference.session import ModelSession
from explorer.messages import DenoiseRequest, Failure
from explorer.ui.diffusion_page import DiffusionPage
from explorer.ui.main_window import MainWindow
from explorer.ui.race_view import RaceView
from tests.gui.diffusion import Trained, Until, choose, opened

T = 20


@pytest.fixture
def folder(trained: Trained) -> Path:
    return trained("digits-ddpm")


@pytest.fixture
def page(window: MainWindow, until: Until, folder: Path) -> DiffusionPage:
    made = opened(window, until, folder)
    made.controls.mode.choose("race")
    return made


@pytest.fixture
def race(page: DiffusionPage) -> RaceView:
    return page.race


def run(race: RaceView, until: Until, name: str) -> None:
    """Choose a race and wait for its end."""
    race.preset.setCurrentText(name)
    race.preset.activated.emit(race.preset.currentIndex())
    until(lambda: race.film.complete and not race.running)
    race.player.pause()


def test_lanes_show_the_librarys_chains_at_the_same_level(race: RaceView, until: Until, folder: Path) -> None:
    assert race.lanes[0].lane == Lane(str(folder), Sampling())
    run(race, until, "DDPM and DDIM")
    session = ModelSession.open(folder, "cpu")
    bar = session.schedule().alpha_bar
    chains = [
        {frame.t: frame for frame in session.denoise(DenoiseRequest(0, 4, 42, lane.lane.sampling))}
        for lane in race.lanes
    ]
    assert [len(chain) for chain in chains] == [21, 21, 3]
    race.shows.choose("x_t")
    for position in (0, 7, 13, 20):
        race.player.go_to(position)
        level = race.film.levels[position]
        for number, (lane, chain) in enumerate(zip(race.lanes, chains, strict=True)):
            t = min(t for t in chain if bar[t] <= level * (1 + 1e-9))
            assert np.abs(lane.picture.pixels.astype(int) - chain[t].x_t).max() <= 1, (position, number)
            assert lane.where.text().startswith(f"t = {t} · ")
            if number:
                expected = images.difference(race.lanes[0].picture.pixels, lane.picture.pixels)
                assert np.array_equal(lane.difference.pixels, expected)
    assert race.player.slider.maximum() == 20 and race.lanes[2].where.text().startswith("t = 0 · 2 of 2 calls")
    assert not len(race.lanes[0].difference.pixels), "A is what the others are held against"


def test_curves_say_how_far_the_lanes_are_apart(race: RaceView, until: Until) -> None:
    run(race, until, "Guidance")
    assert len(race.lanes) == 4 and [lane.lane.sampling.guidance for lane in race.lanes] == [1, 2, 4, 8]
    race._draw_curves()
    curves = race.away.visible_curves()
    ends = []
    for key in "BCD":
        t, away = curves[key].points
        assert list(t) == sorted(t) and len(t) == 3
        ends.append(away[-1])
    first, second = (race.film.frames[lane][0].x0_hat.astype(float) for lane in (0, 3))
    assert ends[2] == pytest.approx(np.sqrt(np.square((first - second) / 127.5).mean()), rel=1e-4)
    assert ends == sorted(ends), "more guidance, further away"
    assert "4 of 4 calls" in (race.player.go_to(10**6), race.lanes[1].where.text())[1], "guidance asks twice"


def test_lanes_are_added_changed_and_taken_out(race: RaceView, qtbot: QtBot, until: Until) -> None:
    run(race, until, "x̂₀ clipped or not")
    assert len(race.lanes) == 2 and not race.lanes[0].drop.isVisible(), "two make a race"
    start = race.film.frames[0][0].x_t
    qtbot.mouseClick(race.add, Qt.MouseButton.LeftButton)
    until(lambda: race.film.complete and len(race.film.chains) == 3)
    assert race.lanes[2].lane == race.lanes[1].lane
    race.lanes[2].how.controls.eta.set_value(1)
    until(lambda: race.film.complete and not race.running)
    assert race._asked.lanes[2].sampling.eta == 1 and "η 1" in race.lanes[2].how.text()
    assert np.array_equal(race.film.frames[2][0].x_t, start), "the starting noise is kept"
    race.player.pause()
    race.player.go_to(10**6)
    assert race.lanes[2].difference.pixels.any()
    qtbot.mouseClick(race.lanes[0].drop, Qt.MouseButton.LeftButton)
    until(lambda: race.film.complete and len(race.film.chains) == 2)
    assert [lane.lane.sampling.eta for lane in race.lanes] == [0, 1] and "<b>A</b>" in race.lanes[0].title.text()
    race.seed.set_seed(8)
    until(lambda: race.film.complete and not race.running)
    assert not np.array_equal(race.film.frames[0][0].x_t, start) and race.seed.used == (8, 42)


def test_all_items_or_one(race: RaceView, qtbot: QtBot, until: Until) -> None:
    run(race, until, "DDIM with fewer steps")
    choose(race.count, 9)
    until(lambda: race.film.complete and len(race.film.frames[0][0].x_t) == 9)
    race.player.pause()
    race.player.go_to(10**6)
    picture = race.lanes[1].picture
    qtbot.mouseClick(picture, Qt.MouseButton.LeftButton, pos=picture.cell(5).center().toPoint())
    assert race.followed == 5
    for number, lane in enumerate(race.lanes):
        assert np.array_equal(lane.picture.pixels, race.film.frame(number, len(race.film) - 1).x0_hat[5:6])
    qtbot.mouseClick(picture, Qt.MouseButton.LeftButton, pos=picture.cell(0).center().toPoint())
    assert race.followed is None and len(race.lanes[0].picture.pixels) == 9


def test_another_model_may_run_in_a_lane(race: RaceView, until: Until) -> None:
    lane = race.lanes[1]
    assert lane.model.count() == 2
    lane.model.setCurrentIndex(1)
    lane.model.activated.emit(1)
    assert "DDIM 500" in lane.how.text(), "its own T"
    choose(lane.how.controls.steps, 10)
    race.run()
    until(lambda: race.film.complete and not race.running)
    assert race.film.chains[1].t[0] == 500 and race.film.chains[0].t[0] == T
    race.player.pause()
    for position in range(len(race.film.levels)):
        levels = [chain.levels[race.film.place(number, position)] for number, chain in enumerate(race.film.chains)]
        assert max(levels) <= race.film.levels[position] * (1 + 1e-6) or position == 0


def test_cancel_keeps_what_all_lanes_have(window: MainWindow, until: Until) -> None:
    window.open_model("digits-ddpm", "ddpm")
    page = window.page("diffusion")
    assert isinstance(page, DiffusionPage)
    race = page.race
    until(lambda: bool(race.rivals) and len(page.frames) > 3)
    page.controls.mode.choose("race")
    page._run_or_cancel()
    assert race.running and not page.reverse.running, "one chain at a time"
    kept = len(page.frames)
    until(lambda: len(race.film) > 4)
    page._run_or_cancel()
    assert not race.running and page.controls.run.text() == "Race"
    until(lambda: not page.worker.busy)
    race.player.pause()
    race.player.go_to(10**6)
    assert 4 <= race.player.position < len(race.film.levels) - 1 and len(page.frames) - kept < 20
    page.controls.mode.choose("reverse")
    assert page.reverse.player.slider.reach == len(page.frames) - 1


def test_parameterizations_diverge_at_high_t(window: MainWindow, until: Until, tmp_path: Path) -> None:
    page = opened(window, until, "two-moons-eps")
    race = page.race
    page.controls.mode.choose("race")
    race.preset.setCurrentText("Parameterizations")
    race.preset.activated.emit(race.preset.currentIndex())
    assert [race._asked.lanes[number].model.rsplit("-", 1)[-1] for number in range(4)] == ["mean", "x0", "eps", "v"]
    for _ in range(2):  # two are enough
        race.lanes[3 if len(race.lanes) == 4 else 0].drop.click()
    assert [Path(lane.lane.model).name for lane in race.lanes] == ["two-moons-x0", "two-moons-eps"]
    for lane in race.lanes:
        choose(lane.how.controls.steps, 20)
    until(lambda: race.film.complete and not race.running)
    t, away = race.film.away(1)
    assert away[-1] > 3 * np.median(away) and t[-1] == 200, "at t = T they do not agree on what x̂₀ is"
    race.player.pause()
    race.player.go_to(0)
    points = [race.film.frame(number, 0).points for number in (0, 1)]
    assert points[0] is not None and points[1] is not None
    assert np.array_equal(points[0][0], points[1][0]) and not np.array_equal(points[0][1], points[1][1])
    assert np.array_equal(race.lanes[1].difference.pixels[0], images.displacement(points[0][1], points[1][1]))


def test_exports_read_back_as_shown(race: RaceView, until: Until, tmp_path: Path, problems: list[Failure]) -> None:
    run(race, until, "x̂₀ clipped or not")
    race.shows.choose("x_t")  # of two alike pictures after each other a film has one
    race.player.go_to(1)
    race.exports.save("race", tmp_path / "race.png")
    with Image.open(tmp_path / "race.png") as read:
        seen = np.asarray(read)
    parts = [images.poster(lane.picture.pixels) for lane in race.lanes]
    height, width = parts[0].shape[:2]
    assert np.array_equal(seen[:height, :width, 0], parts[0][..., 0])
    assert np.array_equal(seen[:height, width + 8 : 2 * width + 8, 0], parts[1][..., 0])
    below = images.poster(race.lanes[1].difference.pixels)
    assert np.array_equal(seen[height + 8 :, width + 8 : 2 * width + 8], below)
    told = images.read_provenance(tmp_path / "race.png")
    assert [lane["clip"] for lane in told["lanes"]] == [True, False] and told["process"] == "race"
    race.films.save("race-differences", tmp_path / "race.apng")
    until(lambda: not race.films.saving)
    with Image.open(tmp_path / "race.apng") as read:
        assert read.n_frames == len(race.film.levels)
        read.seek(1)
        assert np.array_equal(np.asarray(read.convert("RGB")), seen)
    assert not problems

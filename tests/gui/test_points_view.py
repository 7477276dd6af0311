"""Points on the Diffusion page: particles, trails, density, score field, distance to the data, and what is saved."""

import csv
import dataclasses
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.chain_messages import FieldRequest, RequestFailure
from explorer.config import Sampling
from explorer.inference import score_field
from explorer.inference.session import ModelSession
from explorer.messages import DenoiseRequest, Failure, Floats
from explorer.ui import theme
from explorer.ui.app import make_application
from explorer.ui.diffusion_page import DiffusionPage
from explorer.ui.distance_panel import spread_order
from explorer.ui.main_window import MainWindow
from explorer.ui.plot_hint import PlotHint
from explorer.ui.points_canvas import Cloud, CloudPainter, area_of, on_screen, paint_dots
from explorer.ui.points_layers import EXTENT, MASSES, contours, dots, histogram, levels, trails
from explorer.ui.points_view import TRAILS, PointsView, cloud_at
from explorer.ui.score_panel import arrow_scale
from tests.gui.diffusion import Until, choose, opened

T = 20
Trained = Callable[[str], Path]


@pytest.fixture
def folder(trained: Trained) -> Path:
    return trained("points-ddpm")


@pytest.fixture
def page(window: MainWindow, until: Until, folder: Path) -> DiffusionPage:
    made = opened(window, until, folder)
    made.reverse.player.pause()
    return made


@pytest.fixture
def plane(page: DiffusionPage) -> PointsView:
    return page.reverse.plane


def cloud(seed: int = 0, count: int = 2000) -> Floats:
    return np.random.RandomState(seed).randn(count, 2).astype(np.float32)


def opacity(image: QImage) -> np.ndarray:
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 4 * image.width()].reshape(image.height(), image.width(), 4)[..., 3].copy()  # outlives the image


# ---- layers --------------------------------------------------------------------------------------------------------


def test_contours_hold_the_shares_of_the_points_that_they_say() -> None:
    """Of a Gaussian: a circle holds a share m where r² = −2 ln(1 − m), a little more after smoothing."""
    points = cloud(count=200_000)
    found = levels(histogram(points))
    assert found == sorted(found, reverse=True) and len(found) == len(MASSES)
    lines = opacity(contours(points, 400, QColor("red"), fill=False))
    for mass in MASSES[:3]:
        radius = np.sqrt(-2 * np.log(1 - mass)) / EXTENT * 200
        along = lines[200, 200:].astype(float)
        near = along[int(radius - 8) : int(radius + 9)]
        assert near.max() > 150, f"a line at the radius of {mass}"


def test_density_is_the_right_way_up_and_survives_nonsense() -> None:
    corner = np.full((500, 2), (2.0, 2.5), np.float32) + 0.05 * cloud(1, 500)
    filled = opacity(contours(corner, 120, QColor("red"), fill=True))
    rows, columns = np.nonzero(filled)
    assert rows.mean() < 40 and columns.mean() > 80, "up and to the right"
    bad = np.concatenate([corner, [[np.nan, 0], [np.inf, 1]]]).astype(np.float32)
    assert np.array_equal(opacity(contours(bad, 120, QColor("red"), fill=True)), filled)
    assert not opacity(contours(corner[:0], 60, QColor("red"), fill=True)).any()


def test_trails_are_where_points_were_and_fade_with_age() -> None:
    steps = np.array([[[-2, 1]], [[0, 1]], [[2, 1]]], np.float32)
    seen = opacity(trails(steps, 300, QColor("red")))
    rows, columns = np.nonzero(seen)
    assert set(rows) == {100} and columns.min() == 50 and columns.max() <= 250
    assert seen[100, 160:250].max() > seen[100, 50:140].max()
    assert not opacity(trails(steps[:1], 300, QColor("red"))).any()
    assert not opacity(trails(np.full((4, 3, 2), np.nan, np.float32), 50, QColor("red")))[1:-1, 1:24].any()


def test_a_point_is_painted_where_the_axes_say() -> None:
    make_application("dark")
    page = QRectF(0, 0, 400, 420)
    area = area_of(page)
    assert area.width() == area.height(), "both axes are alike"
    corners = on_screen(np.array([[-EXTENT, -EXTENT], [EXTENT, EXTENT]], np.float32), area)
    assert np.allclose(corners, [[area.left(), area.bottom()], [area.right(), area.top()]])
    image = QImage(400, 420, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    CloudPainter().paint(Cloud(np.array([[1.5, -1.5]], np.float32)), painter, page)
    painter.end()
    x, y = on_screen(np.array([[1.5, -1.5]], np.float32), area)[0]
    assert image.pixelColor(round(x), round(y)).name() == theme.colors().accent


def test_many_dots_are_where_a_painter_puts_them() -> None:
    make_application("dark")
    points = cloud(3, 400)
    points[:3] = [[EXTENT, -EXTENT], [np.nan, 0], [-9, 1]]  # on the edge, nowhere, outside
    side = 300
    expected = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    expected.fill(0)
    painter = QPainter(expected)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint_dots(painter, on_screen(points[3:], QRectF(0, 0, side, side)), QColor("red"), 5.0)
    painter.end()
    made, wanted = (opacity(image).astype(float) / 255 for image in (dots(points, side, 5.0, QColor("red")), expected))
    assert made[-1, -1] > 0.9, "the one in the corner"
    made[-4:, -4:] = 0
    assert made.sum() == pytest.approx(wanted.sum(), rel=0.1)
    assert np.abs(made - wanted).mean() < 0.05 * wanted.mean()
    assert not opacity(dots(points[:0], 20, 3.0, QColor("red"))).any()


# ---- the view ------------------------------------------------------------------------------------------------------


def test_particles_are_those_of_the_frames_forth_and_back(page: DiffusionPage, plane: PointsView, folder: Path) -> None:
    reverse = page.reverse
    assert reverse.sights.currentWidget() is plane
    expected = list(ModelSession.open(folder, "cpu").denoise(DenoiseRequest(0, images.CLOUD, 42)))
    for position in (T, 3, 11, 0, T):
        reverse.player.go_to(position)
        shown = plane.canvas.cloud
        frame = reverse.frames[position]
        assert frame.points is not None and expected[position].points is not None
        assert np.array_equal(shown.points, frame.points[0])
        assert np.allclose(frame.points, expected[position].points, atol=1e-4)
        assert len(shown.trail) == min(position, 20) + 1 and np.array_equal(shown.trail[-1], shown.points)
        assert np.array_equal(shown.way, [at.points[0, 0] for at in reverse.frames[: position + 1]])  # type: ignore[index]
    assert plane.left.title.text() == "2 000 particles, trails of the last 20 steps"


def test_what_is_shown_can_be_chosen(page: DiffusionPage, plane: PointsView) -> None:
    reverse = page.reverse
    reverse.player.go_to(10)
    points = reverse.frames[10].points
    assert points is not None
    for place, key in enumerate(("x_t", "x0_hat", "eps_hat")):
        plane.which.choose(key)
        assert np.array_equal(plane.canvas.cloud.points, points[place])
    reverse.player.go_to(T)
    assert not len(plane.canvas.cloud.points), "at t = 0 there is no guessed noise"
    plane.which.choose("x_t")
    choose(plane.trails, 5)
    assert len(plane.canvas.cloud.trail) == 6
    choose(plane.trails, TRAILS[0])
    assert len(plane.canvas.cloud.trail) == 1 and "trails" not in plane.left.title.text()
    assert not len(plane.canvas.cloud.data)
    plane.behind.setChecked(True)
    assert np.array_equal(plane.canvas.cloud.data, plane.data) and len(plane.data) == 600
    for look in ("density", "both"):
        plane.look.choose(look)
        assert plane.canvas.cloud.look == look and not plane.canvas.grab().isNull()


def test_a_click_follows_the_nearest_and_another_leaves_it(
    page: DiffusionPage, plane: PointsView, qtbot: QtBot
) -> None:
    page.reverse.player.go_to(T - 2)
    plane.point_chosen.emit(-1)
    where = on_screen(plane.canvas.cloud.points, plane.canvas.area)
    lonely = int(
        np.argmax(np.hypot(*(where - where.mean(axis=0)).T) * (np.abs(where - where.mean(axis=0)) < 150).all(1))
    )
    at = QPoint(*np.rint(where[lonely]).astype(int).tolist())
    nearest = int(np.argmin(np.hypot(*(where - [at.x(), at.y()]).T)))
    qtbot.mouseClick(plane.canvas, Qt.MouseButton.LeftButton, pos=at)
    assert page.reverse.point == nearest == plane.canvas.cloud.followed
    told = page.reverse.step.numbers.item
    assert told.isVisible() and f"particle {nearest + 1}:" in told.text() and "x̂₀" in told.text()
    field_here = plane.score.canvas.here
    assert np.array_equal(field_here[0], plane.canvas.cloud.points[nearest])
    page.reverse.player.go_to(2)
    assert plane.canvas.cloud.followed == nearest and len(plane.canvas.cloud.way) == 3
    where = on_screen(plane.canvas.cloud.points, plane.canvas.area)
    page.reverse.player.go_to(T - 2)
    qtbot.mouseClick(plane.canvas, Qt.MouseButton.LeftButton, pos=at)
    assert page.reverse.point == -1 and not len(plane.canvas.cloud.way) and "click" in told.text()
    qtbot.keyClick(plane.canvas, Qt.Key.Key_PageDown)
    assert page.reverse.point == 0
    qtbot.keyClick(plane.canvas, Qt.Key.Key_PageUp)
    assert page.reverse.point == images.CLOUD - 1


def test_a_new_sampling_keeps_the_followed_point_and_a_new_model_does_not(
    page: DiffusionPage, plane: PointsView, window: MainWindow, until: Until, trained: Trained
) -> None:
    reverse = page.reverse
    plane.point_chosen.emit(17)
    reverse.sampling.sampler.choose("ddim")
    until(lambda: reverse.film.complete and not reverse.running)
    assert reverse.point == 17
    opened(window, until, trained("digits-ddpm"))
    assert reverse.sights.currentWidget() is reverse.view and not reverse.step.numbers.item.isVisible()
    assert reverse.below.currentWidget() is reverse.bound and page.controls.draw.isHidden()
    assert not any(action.isVisible() for action in reverse._plane_actions)


def test_the_film_strip_is_one_click_away_and_back(page: DiffusionPage, plane: PointsView, qtbot: QtBot) -> None:
    reverse = page.reverse
    plane.score.other.emit()
    assert reverse.sights.currentWidget() is reverse.view and reverse.to_plane.isVisible()
    assert len(reverse.view.picture.pixels) == 1
    qtbot.mouseClick(reverse.to_plane, Qt.MouseButton.LeftButton)
    assert reverse.sights.currentWidget() is plane


# ---- the score field -----------------------------------------------------------------------------------------------


def test_the_field_is_the_librarys_and_is_computed_once(
    page: DiffusionPage, plane: PointsView, until: Until, folder: Path
) -> None:
    reverse, session = page.reverse, ModelSession.open(folder, "cpu")
    for position in (5, T, 5):
        reverse.player.go_to(position)
        t = max(1, reverse.t)
        until(lambda t=t: plane.score.field is not None and plane.score.field.t == t)  # type: ignore[misc]
        field, expected = plane.score.field, score_field.score_field(session, FieldRequest(0, t, Sampling()))
        assert field is not None and np.allclose(field.learned, expected.learned, atol=1e-3)
        assert np.allclose(field.exact, expected.exact, rtol=1e-5)
        assert plane.score.title.text() == f"Score field at t = {t}"
        assert "RMS error" in plane.score.error.text() and "%" in plane.score.error.text()
    kept = plane.score.field
    reverse.player.go_to(T)
    reverse.player.go_to(5)
    assert plane.score.field is kept, "shown at once the second time"
    longest = np.hypot(*kept.exact.T).max()  # type: ignore[union-attr]
    assert arrow_scale(kept) * longest == pytest.approx(1.3 * 6 / 16)  # type: ignore[arg-type]


def test_the_tooltip_tells_the_numbers_of_an_arrow(page: DiffusionPage, plane: PointsView, until: Until) -> None:
    page.reverse.player.go_to(8)
    until(lambda: plane.score.field is not None and plane.score.field.t == page.reverse.t)
    field = plane.score.field
    assert field is not None
    at = on_screen(field.places[[37]], plane.score.canvas.area)[0]
    told = plane.score.canvas.numbers_at(QPointF(*at.tolist())).replace("−", "-")
    for values in (field.places, field.learned, field.exact):
        assert f"({values[37][0]:.3g}, {values[37][1]:.3g})" in told


def test_a_field_of_another_class_is_not_taken_for_this_one(
    page: DiffusionPage, plane: PointsView, until: Until
) -> None:
    page.reverse.player.go_to(8)
    until(lambda: plane.score.field is not None and plane.score.field.t == page.reverse.t)
    score, field = plane.score, plane.score.field
    assert field is not None
    score.show_at(field.t, Sampling(guidance=2.0), field.places[:0], gently=True)
    score._got(field)
    assert not score._kept


def test_a_late_field_of_another_t_is_kept_but_not_shown(
    page: DiffusionPage, plane: PointsView, until: Until, tmp_path: Path
) -> None:
    reverse, score = page.reverse, plane.score
    reverse.player.go_to(12)
    until(lambda: score.field is not None and score.field.t == reverse.t == 8)
    right = score.field
    assert right is not None
    late = dataclasses.replace(right, t=5, request=score._newest)
    page.worker.field.emit(late)
    assert score.field is right and score.title.text() == "Score field at t = 8"
    reverse.player.go_to(15)
    assert reverse.t == 5 and score.field is late, "it was kept"
    score._kept.pop(8)
    reverse.player.go_to(12)
    assert score.field is late and reverse.t == 8, "until the right one is there, and that is told"
    reverse.exports.save("field", tmp_path / "field.png")
    assert images.read_provenance(tmp_path / "field.png")["t"] == 5
    until(lambda: score.field is not None and score.field.t == 8)


def test_whose_class_a_field_is_of_is_told(
    page: DiffusionPage, plane: PointsView, until: Until, tmp_path: Path
) -> None:
    page.reverse.player.go_to(8)
    until(lambda: plane.score.field is not None and plane.score.field.t == page.reverse.t)
    assert plane.score.field is not None and "class" not in plane.score.title.text()
    page.worker.field.emit(dataclasses.replace(plane.score.field, label=1, request=plane.score._newest))
    assert plane.score.title.text() == "Score field at t = 12 of class 1"
    page.reverse.exports.save("field", tmp_path / "field.png")
    assert images.read_provenance(tmp_path / "field.png")["label"] == 1


def test_scrubbing_shows_the_field_of_where_it_ends(page: DiffusionPage, plane: PointsView, until: Until) -> None:
    for position in range(T, 0, -1):
        page.reverse.player.go_to(position)
    until(lambda: plane.score.field is not None and plane.score.field.t == page.reverse.t == T - 1)


def test_a_field_that_fails_is_told_and_may_be_asked_for_again(
    page: DiffusionPage, plane: PointsView, until: Until, problems: list[Failure]
) -> None:
    page.reverse.player.go_to(7)
    until(lambda: plane.score.field is not None and plane.score.field.t == page.reverse.t)
    plane.score._kept.clear()
    page.reverse.player.go_to(8)
    page.worker.failed.emit(RequestFailure("no field today", "", plane.score._request))
    assert problems and problems[-1].text == "no field today"
    page.reverse.player.go_to(9)
    until(lambda: plane.score.field is not None and plane.score.field.t == page.reverse.t)


# ---- distance ------------------------------------------------------------------------------------------------------


def test_the_distance_is_measured_at_every_step_once_the_chain_is_there(
    page: DiffusionPage, until: Until, folder: Path
) -> None:
    reverse = page.reverse
    until(lambda: not reverse.distance.measuring)
    found = reverse.distance.found
    assert sorted(found) == list(range(T + 1)) and reverse.below.currentWidget() is reverse.distance
    t, shown = reverse.distance.visible_curves()["particles"].points
    assert list(t) == list(range(T + 1)) and shown[0] == found[0][0]
    reverse.player.go_to(4)
    assert reverse.distance.cursor_at == reverse.t == 16
    reverse.distance.other.emit()
    assert reverse.below.currentWidget() is reverse.bound
    reverse.to_distance.click()
    assert reverse.below.currentWidget() is reverse.distance


def test_without_the_data_it_says_why_nothing_is_measured(page: DiffusionPage, until: Until) -> None:
    distance = page.reverse.distance
    until(lambda: not distance.measuring)
    hint = distance.findChild(PlotHint)
    assert hint is not None and not hint.isVisible()
    distance.measure(page.reverse.frames, Sampling(), known=False)
    assert hint.isVisible() and "not on this machine" in hint.text() and not distance.measuring
    distance.measure(page.reverse.frames, Sampling())
    assert "Measured when the chain has arrived" in hint.text()
    until(lambda: not distance.measuring)
    assert not hint.isVisible()


@pytest.mark.parametrize("count", [0, 1, 2, 21, 64, 201, 1001, 5000])
def test_a_long_chain_is_measured_at_places_spread_over_all(count: int) -> None:
    order = spread_order(count, 250)
    assert len(order) == len(set(order)) == min(len(order), count) and len(order) <= 251
    assert set(order) <= set(range(count))
    if count:
        assert {0, count - 1} <= set(order) and (count > 250 or len(order) == count)
        assert max(np.diff(sorted(order)), default=1) <= max(64, count // 60)


# ---- files ---------------------------------------------------------------------------------------------------------


def test_what_is_saved_is_read_back(page: DiffusionPage, plane: PointsView, until: Until, tmp_path: Path) -> None:
    reverse = page.reverse
    reverse.player.go_to(12)
    until(lambda: plane.score.field is not None and plane.score.field.t == reverse.t)
    for key, made in (("particles", "particles"), ("field", "score field")):
        path = tmp_path / f"{key}.png"
        reverse.exports.save(key, path)
        with Image.open(path) as read:
            assert read.size[0] == 1280 and len(read.convert("RGB").getcolors(1 << 20) or []) > 20
        told = images.read_provenance(path)
        assert (told["made"], told["t"], told["seed"]) == (made, 8, 42)
    reverse.exports.save("points", tmp_path / "points.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "points.csv").read_text())))
    points = reverse.frames[12].points
    assert points is not None and len(rows) == images.CLOUD and rows[0]["t"] == "8"
    read_back = [[float(row[f"{name}_{axis}"]) for axis in (1, 2)] for row in rows for name in ("x_t",)]
    assert np.array_equal(np.array(read_back, np.float32), points[0])
    reverse.exports.save("field table", tmp_path / "field.csv")
    table = list(csv.DictReader(io.StringIO((tmp_path / "field.csv").read_text())))
    assert len(table) == 256 and float(table[3]["exact_2"]) == pytest.approx(plane.score.field.exact[3, 1])  # type: ignore[union-attr]


def test_a_film_of_the_particles_is_drawn_from_arrays(page: DiffusionPage, until: Until, tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    page.reverse.films.save("particles", path)
    page.reverse.player.go_to(0)  # what is looked at meanwhile does not matter
    until(lambda: not page.reverse.films.saving)
    with Image.open(path) as film:
        assert film.n_frames == T + 1 and film.size == (640, 664)  # type: ignore[attr-defined]


def test_a_film_is_of_what_was_asked_for_whatever_happens_meanwhile(page: DiffusionPage, plane: PointsView) -> None:
    asked: list[int] = []

    def made(what: str, t: int) -> dict[str, object]:
        asked.append(t)
        return {"made": what, "t": t, "seed": page.reverse.sampled_seed}

    plane.behind.setChecked(True)
    plane.look.choose("both")
    reel = plane.reel(made)
    pictures, told = [reel.picture(place) for place in (3, T)], [reel.provenance(place) for place in (3, T)]
    assert told == [{"made": "film of particles", "t": t, "seed": 42, "shows": "x_t"} for t in (T - 3, 0)]
    page.reverse.sampled_seed = 7
    plane.which.choose("x0_hat")
    theme.current().apply("light")
    plane.open(opened=False)  # another model is on its way
    for place, picture, was in zip((3, T), pictures, told, strict=True):
        assert np.array_equal(reel.picture(place), picture) and reel.provenance(place) == was
    assert len(asked) == 1, "nothing is asked of the page while it is saved in another thread"


def test_a_field_that_is_not_there_yet_is_not_saved(
    page: DiffusionPage, plane: PointsView, problems: list[Failure], tmp_path: Path
) -> None:
    plane.score.clear(opened=True)
    for key, ending in (("field", ".png"), ("field table", ".csv")):
        page.reverse.exports.save(key, tmp_path / f"field{ending}")
        assert problems.pop().text == "there is no score field yet; wait until it is shown, then save it"
    assert not list(tmp_path.glob("field*"))


def test_both_themes_and_a_small_window_are_painted(page: DiffusionPage, plane: PointsView, window: MainWindow) -> None:
    page.reverse.player.go_to(T)
    for name in ("light", "dark"):
        theme.current().apply(name)  # type: ignore[arg-type]
        assert not plane.grab().isNull()
    window.resize(1100, 700)
    window.grab()
    assert plane.left.title.text() == "2 000 particles"


def test_cloud_at_knows_the_way_until_there(page: DiffusionPage) -> None:
    frames = page.reverse.frames
    made = cloud_at(frames, 4, 1, 2, 9, np.zeros((0, 2), np.float32), "points")
    assert made.trail.shape == (3, images.CLOUD, 2) and made.way.shape == (5, 2)
    assert np.array_equal(made.way[-1], made.points[9])

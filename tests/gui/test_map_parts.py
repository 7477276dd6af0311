"""The parts of the latent map by their laws: planes, viewports, rasters, polygons, colours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPolygonF

from explorer.ui import map_raster, theme
from explorer.ui.app import make_application
from explorer.ui.map_colors import brief, by_class, by_value
from explorer.ui.map_marks import beside
from explorer.ui.map_planes import AxesPlane, NeighbourPlane, PrincipalPlane, ellipse
from explorer.ui.map_points import MapPoints
from explorer.ui.map_selection import box, inside
from explorer.ui.map_viewport import Viewport

AREA = QRectF(50, 10, 800, 400)


# ---- polygons ------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(corners=st.integers(3, 25), seed=st.integers(0, 10_000))
def test_inside_is_what_qt_says_by_the_even_odd_rule(corners: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    polygon, points = random.normal(size=(corners, 2)), random.normal(size=(300, 2))  # lines that cross themselves
    shape = QPolygonF([QPointF(x, y) for x, y in polygon.tolist()])
    wanted = [shape.containsPoint(QPointF(x, y), Qt.FillRule.OddEvenFill) for x, y in points.tolist()]
    assert inside(polygon, points).tolist() == wanted


def test_inside_a_star_its_middle_is_outside() -> None:
    turn = np.arange(5) * 4 * np.pi / 5
    star = np.stack([np.cos(turn), np.sin(turn)], 1)
    assert inside(star, np.array([[0.0, 0.0], [0.8, 0.0], [2.0, 0.0]])).tolist() == [False, True, False]


def test_inside_nothing_is_nothing() -> None:
    points = np.array([[0.0, 0.0], [np.nan, 0.0], [np.inf, 1.0]])
    assert not inside([[0, 0], [1, 1]], points).any()
    assert not inside(np.zeros((4, 2)), points).any()
    assert inside(box((-1, -1), (1, 1)), points).tolist() == [True, False, False]
    assert inside(box((1, 1), (-1, -1)), points).tolist() == [True, False, False]
    assert inside(box((-1, -1), (1, 1)), np.zeros((0, 2))).tolist() == []


# ---- planes --------------------------------------------------------------------------------------------------------


def planes() -> list[AxesPlane | PrincipalPlane]:
    random = np.random.default_rng(0)
    rows = np.linalg.qr(random.normal(size=(6, 6)))[0][:2].astype(np.float32)
    return [AxesPlane((4, 1), ("", "")), PrincipalPlane(random.normal(size=6).astype(np.float32), rows, ("", ""))]


@pytest.mark.parametrize("plane", planes(), ids=["axes", "pca"])
def test_a_lifted_place_is_where_it_was_and_nothing_else_moves(plane: AxesPlane | PrincipalPlane) -> None:
    random = np.random.default_rng(1)
    z, places = random.normal(size=6).astype(np.float32), random.normal(size=(20, 2)).astype(np.float32)
    lifted = plane.lift(places, z)
    assert lifted.dtype == np.float32 and np.allclose(plane.positions(lifted), places, atol=1e-5)
    assert np.allclose(plane.at(lifted[3]), places[3], atol=1e-5)
    back = plane.lift(np.array([plane.at(z)]), lifted[5])[0]
    assert np.allclose(back, z, atol=1e-5)
    # The shortest way to a place is within the plane.
    assert np.allclose(np.linalg.norm(lifted - z, axis=1), np.hypot(*(places - plane.at(z)).T), atol=1e-4)


@pytest.mark.parametrize("plane", planes(), ids=["axes", "pca"])
def test_a_projected_gaussian_has_the_covariance_of_its_draws(plane: AxesPlane | PrincipalPlane) -> None:
    random = np.random.default_rng(2)
    sigma = np.array([0.1, 0.5, 1.0, 2.0, 0.3, 0.8], np.float32)
    draws = plane.positions((random.normal(size=(200_000, 6)) * sigma).astype(np.float32))
    assert np.allclose(plane.covariance(sigma), np.cov(draws.T), atol=0.03)
    assert np.allclose(plane.covariance(np.ones(6, np.float32)), np.eye(2), atol=1e-5)


def test_an_ellipse_is_at_its_radius() -> None:
    spread = np.array([[2.0, 0.7], [0.7, 0.5]])
    away = ellipse((1.0, -2.0), spread, 2.0) - np.array([1.0, -2.0])
    assert np.allclose(np.einsum("ni,ij,nj->n", away, np.linalg.inv(spread), away), 4)
    assert np.allclose(away[0], away[-1])
    flat = ellipse((0.0, 0.0), np.diag([1.0, 0.0]), 1.0)
    assert np.isfinite(flat).all() and np.allclose(flat[:, 1], 0) and flat[:, 0].max() == pytest.approx(1)


def test_a_place_in_an_embedding_is_its_nearest_items() -> None:
    random = np.random.default_rng(3)
    means, places = random.normal(size=(50, 4)).astype(np.float32), random.normal(size=(50, 2)).astype(np.float32)
    shown = np.ones(50, bool)
    shown[7] = False
    plane = NeighbourPlane(places, means, shown)
    assert np.array_equal(plane.lift(places[:3], means[0]), means[:3])
    assert not np.array_equal(plane.lift(places[7:8], means[0])[0], means[7])
    assert plane.at(means[9]) == pytest.approx(tuple(places[9].tolist()))
    nobody = NeighbourPlane(places, means, np.zeros(50, bool))
    assert np.array_equal(nobody.lift(places[:1], means[4])[0], means[4])


# ---- viewports -----------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(x=st.floats(-1e3, 1e3), y=st.floats(-1e3, 1e3), factor=st.floats(0.2, 5.0))
def test_a_pixel_and_its_place_are_one_and_stay_so_under_the_zoom(x: float, y: float, factor: float) -> None:
    view = Viewport(-2, 4, -1, 1, AREA)
    at = view.pixel(x, y)
    assert view.place(at) == pytest.approx((x, y), abs=1e-6)
    around = QPointF(300, 200)
    zoomed = view.zoomed(factor, around)
    assert zoomed.place(around) == pytest.approx(view.place(around))
    assert zoomed.scale[0] == pytest.approx(view.scale[0] * factor)
    moved = view.moved(30, -12)
    assert moved.place(QPointF(330, 188)) == pytest.approx(view.place(around))


@pytest.mark.parametrize("stretch", [1.0, 2.0, np.inf])
def test_what_is_fitted_is_seen_and_units_are_stretched_no_more_than_allowed(stretch: float) -> None:
    random = np.random.default_rng(4)
    for spans in ((1, 1), (30, 1), (1, 30), (1e-9, 1e-9), (1e9, 1)):
        places = random.normal(size=(100, 2)) * spans
        view = Viewport(area=AREA).fitted(places, stretch)
        x, y = view.pixels(np.clip(places, -2e5, 2e5)).T
        assert x.min() >= AREA.left() and x.max() <= AREA.right()
        assert y.min() >= AREA.top() and y.max() <= AREA.bottom()
        across, up = view.scale
        assert max(across / up, up / across) <= stretch * (1 + 1e-9)
    assert np.array_equal(Viewport(area=AREA).fitted(np.zeros((0, 2)), 1.0).ranges[2:], [-3, 3])
    assert np.isfinite(Viewport(area=AREA).fitted(np.full((3, 2), np.nan), 1.0).ranges).all()


# ---- rasters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
def test_dots_are_where_their_points_are_and_the_last_one_wins(size: int) -> None:
    random = np.random.default_rng(size)
    rows, columns = 30, 50
    places = random.uniform(-10, 60, (400, 2)).astype(np.float32)  # many are outside
    colors = (np.arange(400) + 1 | 0xFF000000).astype(np.uint32)
    cells = map_raster.Cells(places)
    cells.find((1.0, 1.0), (0.0, 0.0), (rows, columns), size)
    image = map_raster.dots(cells, colors, (rows, columns), size)
    wanted = np.zeros((rows, columns), np.uint32)
    offsets = map_raster.stamp(size) if size > 1 else [(0, 0)]
    for down, across in offsets:
        for (x, y), color in zip(np.floor(places).astype(int).tolist(), colors.tolist(), strict=True):
            if 0 <= y + down < rows and 0 <= x + across < columns:
                wanted[y + down, x + across] = color
    if size == 1:  # there colours are fainter where there is one point only
        assert np.array_equal(image != 0, wanted != 0)
    else:
        assert np.array_equal(image, wanted)


def test_a_pixel_is_the_more_solid_the_more_points_it_has() -> None:
    places = np.repeat([[0.5, 0.5], [1.5, 0.5], [2.5, 0.5]], [1, 3, 40], axis=0)
    cells = map_raster.Cells(places)
    cells.find((1.0, 1.0), (0.0, 0.0), (1, 3), 1)
    alpha = map_raster.dots(cells, np.full(44, 0xFF80FF00, np.uint32), (1, 3), 1)[0] >> 24
    assert 100 < alpha[0] < alpha[1] < alpha[2] == 255


def test_smoothing_keeps_the_mass_and_spreads_it_evenly() -> None:
    counts = np.zeros((61, 81))
    counts[30, 40] = 100
    smooth = map_raster.blurred(counts, 4.0)
    assert smooth.shape == counts.shape and smooth.sum() == pytest.approx(100, rel=1e-6)
    assert np.allclose(smooth, smooth[::-1]) and np.allclose(smooth, smooth[:, ::-1])
    offsets = np.arange(61) - 30
    assert np.sqrt((smooth.sum(1) * offsets**2).sum() / 100) == pytest.approx(4, rel=0.02)
    assert smooth[30, 44] == pytest.approx(smooth[34, 40])


def painted(points: MapPoints, view: Viewport, ratio: int) -> QImage:
    image = QImage(900 * ratio, 430 * ratio, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    painter = QPainter(image)
    painter.scale(ratio, ratio)
    points.paint(painter, view, ratio)
    painter.end()
    return image


@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize("count", [300, 30_000])
def test_points_are_painted_at_their_pixels(count: int, ratio: int) -> None:
    make_application("dark")
    random = np.random.default_rng(5)
    labels = random.integers(0, 10, count)
    labels[0] = 3
    places = random.uniform(-3, -1, (count, 2))
    places[0], places[1] = (2.0, 0.5), (np.nan, 1.0)
    points = MapPoints()
    points.set_places(places)
    points.set_colors(by_class(labels, theme.DARK))
    view = Viewport(-4, 4, -3.5, 3.5, AREA)
    at = view.pixel(2.0, 0.5) * ratio
    found = painted(points, view, ratio).pixelColor(int(at.x()), int(at.y()))
    wanted = QColor(theme.DARK.classes[3])
    for one, other in zip(found.getRgb()[:3], wanted.getRgb()[:3], strict=True):  # type: ignore[index]
        assert abs(one - other) < 40
    points.set_shown(np.arange(count) != 0)
    hidden = painted(points, view, ratio).pixelColor(int(at.x()), int(at.y()))
    assert hidden == QColor("black")


@pytest.mark.parametrize("count", [300, 30_000])
def test_selected_points_are_ringed_and_among_many_the_rest_fades(count: int) -> None:
    make_application("dark")
    points = MapPoints()
    points.set_places(np.random.default_rng(6).normal(size=(count, 2)))
    points.set_colors(by_class(np.zeros(count, np.int64), theme.DARK))
    view = Viewport(area=AREA).fitted(points.places, 2.0)
    before = painted(points, view, 1)
    points.select(np.arange(10))
    assert (painted(points, view, 1) != before) == (count > 20_000)
    image = QImage(900, 430, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    painter = QPainter(image)
    points.paint_rings(painter, view, 1, "#ffffff")
    painter.end()
    for index in range(10):
        x, y = view.pixels(points.places)[index].round().astype(int).tolist()
        around = [image.pixelColor(x + across, y + down).red() for across in range(-5, 5) for down in range(-5, 5)]
        assert max(around) > 120
    points.select(np.zeros(0, np.int64))
    assert painted(points, view, 1) == before


@pytest.mark.parametrize("vectors", [False, True])
def test_of_many_that_are_selected_the_colours_stay_and_the_rest_fades(vectors: bool) -> None:
    make_application("dark")
    points = MapPoints()
    labels = np.repeat([0, 1], 300)
    random = np.random.default_rng(7)
    places = random.uniform(-1.7, 1.7, (600, 2)) + np.where(labels[:, None] == 0, [-2, 0], [2, 0])
    points.set_places(places)
    points.set_colors(by_class(labels, theme.DARK))
    points.select(np.flatnonzero(labels == 1))
    image = QImage(900, 430, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    painter = QPainter(image)
    view = Viewport(-4, 4, -3.5, 3.5, AREA)
    if vectors:
        points.paint_vectors(painter, view)
    else:
        points.paint(painter, view, 1)
    before = image.copy()
    points.paint_rings(painter, view, 1, "#ffffff", vectors=vectors)
    painter.end()
    assert image == before  # no white blob
    bright = []
    for k in (0, 1):
        wanted = QColor(theme.DARK.classes[k])
        pixels = view.pixels(places[labels == k]).round().astype(int).tolist()
        bright.append(np.median([image.pixelColor(x, y).red() for x, y in pixels]) / wanted.red())
    assert bright[1] > 0.6 and bright[1] > 2 * bright[0] > 0


# ---- names of marks -------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), number=st.integers(0, 3))
def test_a_name_is_beside_what_is_marked_and_near_its_place(seed: int, number: int) -> None:
    random = np.random.default_rng(seed)
    size = QSizeF(70, 14)
    at = QPointF(*random.uniform((200, 100), (600, 300)))
    taken = [QRectF(at.x() - 15, at.y() - 15, 30, 30)]  # the cursor is there, too
    for _ in range(number):
        x, y = random.uniform(-60, 60, 2)
        taken.append(QRectF(at.x() + x - 5, at.y() + y - 5, 10, 10))
    room = beside(at, size, taken, AREA)
    assert AREA.contains(room) and not room.intersects(taken[0])
    assert abs(room.center().x() - at.x()) < 160 and abs(room.center().y() - at.y()) < 90


def test_a_name_at_the_right_edge_goes_left() -> None:
    at = QPointF(AREA.right() - 4, 200)
    room = beside(at, QSizeF(70, 14), [QRectF(at.x() - 15, at.y() - 15, 30, 30)], AREA)
    assert AREA.contains(room) and room.right() <= at.x() - 15


# ---- colours -------------------------------------------------------------------------------------------------------


def test_a_few_outliers_do_not_take_the_colours() -> None:
    values = np.concatenate([np.linspace(0, 1, 10_000), [1e9, -1e9, np.nan, np.inf]])
    found = by_value("elbo", values)
    assert -0.02 < found.low < found.high < 1.02
    assert found.which[-4:].tolist() == [254, 0, 255, 255]
    assert len(np.unique(found.which[:-4])) == 255


@pytest.mark.parametrize("values", [np.zeros(0), np.full(5, np.nan), np.full(5, 2.0), np.r_[np.zeros(500), 7.0]])
def test_any_values_can_be_coloured(values: np.ndarray) -> None:
    found = by_value("kl", values)
    assert len(found.which) == len(values) and np.isfinite([found.low, found.high]).all()


def test_a_note_is_cut_where_it_says_more() -> None:
    assert brief("MNIST is not here: no such file; get it") == "MNIST is not here" and brief("") == ""

"""The latent map: walking, picking, selecting and saving, by mouse and by keys, in every plane."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.latent_messages import MapItems, Projected
from explorer.messages import LatentMap
from explorer.ui import figure, theme
from explorer.ui.app import make_application
from explorer.ui.latent_map import EMPTY, LatentScatter
from explorer.ui.map_card import describe
from explorer.ui.map_export import column_name
from explorer.ui.page import Page

Until = Callable[[Callable[[], bool]], None]
LEFT = Qt.MouseButton.LeftButton
PLAIN, SHIFT, CONTROL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)
NAMES = ["z₀", "z₁", "z₂", "z₃"]
PLAIN_NAMES = ["z0", "z1", "z2", "z3"]
KL = np.array([0.5, 2.0, 0.1, 1.0], np.float32)


def latents(items: int = 400, size: int = 4, classes: int = 5, kl: NDArray[np.float32] | None = KL) -> LatentMap:
    random = np.random.default_rng(1)
    labels = random.integers(0, classes, items)
    means = (random.normal(size=(classes, size))[labels] + 0.4 * random.normal(size=(items, size))).astype(np.float32)
    return LatentMap(means, labels, np.zeros(0, np.float32) if kl is None else kl[:size], "test")


def items_of(found: LatentMap) -> MapItems:
    random = np.random.default_rng(2)
    number = len(found.labels)
    pixels = random.integers(0, 256, (number, 8, 8, 1), dtype=np.uint8)
    terms = {name: random.normal(-90, 9, number).astype(np.float32) for name in ("reconstruction", "kl", "elbo")}
    factors = {"scale": random.integers(0, 6, number).astype(np.float32)}
    return MapItems(1, pixels, pixels, np.full(found.means.shape, 0.3, np.float32), terms, factors)


def pca(found: LatentMap) -> Projected:
    center = found.means.mean(0)
    _, values, rows = np.linalg.svd(found.means - center, full_matrices=False)
    shares = values**2 / np.sum(values**2)
    places = ((found.means - center) @ rows[:2].T).astype(np.float32)
    return Projected(1, "pca", places, 1.0, center, rows[:2].astype(np.float32), (float(shares[0]), float(shares[1])))


def tsne(found: LatentMap, done: float = 1.0) -> Projected:
    places = np.random.default_rng(3).normal(size=(len(found.labels), 2)).astype(np.float32) * 20
    return Projected(1, "tsne", places, done)


class Heard:
    """What a map says."""

    def __init__(self, shown: LatentScatter) -> None:
        self.walked: list[NDArray[np.float32]] = []
        self.ended: list[None] = []
        self.items: list[int] = []
        self.second: list[NDArray[np.float32]] = []
        self.selected: list[NDArray[np.int64]] = []
        self.projections: list[str] = []
        self.planes: list[tuple[NDArray[np.float32], int]] = []
        shown.walked.connect(self.walked.append)
        shown.walk_ended.connect(lambda: self.ended.append(None))
        shown.item_chosen.connect(self.items.append)
        shown.second_picked.connect(self.second.append)
        shown.selected.connect(self.selected.append)
        shown.projection_wanted.connect(self.projections.append)
        shown.plane_wanted.connect(lambda z, columns: self.planes.append((z, columns)))


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[Page]:
    make_application("dark")
    made = Page()
    made.resize(940, 560)
    layout = QVBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    made.map = LatentScatter()  # type: ignore[attr-defined]
    layout.addWidget(made.map)  # type: ignore[attr-defined]
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def shown(page: Page) -> LatentScatter:
    made = page.map  # type: ignore[attr-defined]
    assert isinstance(made, LatentScatter)
    made.set_map(latents(), NAMES)
    return made


@pytest.fixture
def heard(shown: LatentScatter) -> Heard:
    return Heard(shown)


def pixel(shown: LatentScatter, x: float, y: float) -> QPoint:
    return shown.canvas.view.pixel(x, y).toPoint()


def place(shown: LatentScatter, at: QPoint) -> tuple[float, float]:
    return shown.canvas.view.place(QPointF(at))


def drag(
    qtbot: QtBot,
    shown: LatentScatter,
    way: list[QPoint],
    button: Qt.MouseButton = LEFT,
    keys: Qt.KeyboardModifier = PLAIN,
) -> None:
    qtbot.mousePress(shown.canvas, button, keys, way[0])
    for at in way[1:]:
        qtbot.mouseMove(shown.canvas, at)
    qtbot.mouseRelease(shown.canvas, button, keys, way[-1])


def to_pca(shown: LatentScatter, until: Until) -> Projected:
    assert shown.latents is not None
    found = pca(shown.latents)
    shown.planes.row.choose("pca")
    shown.set_projection(found)
    until(lambda: not shown.canvas.moving)
    return found


def to_tsne(shown: LatentScatter, until: Until) -> Projected:
    assert shown.latents is not None
    found = tsne(shown.latents)
    shown.planes.row.choose("tsne")
    shown.set_projection(found)
    until(lambda: not shown.canvas.moving)
    return found


# ---- walking -------------------------------------------------------------------------------------------------------


def test_a_click_decodes_there_and_leaves_the_other_dimensions(
    shown: LatentScatter, heard: Heard, qtbot: QtBot
) -> None:
    assert shown.axes == (1, 3)  # the two of the highest KL
    start = np.array([0.3, 0.0, -0.7, 0.0], np.float32)
    shown.set_cursor(start)
    at = pixel(shown, 0.8, -0.4)
    qtbot.mouseClick(shown.canvas, LEFT, pos=at)
    (z,) = heard.walked
    x, y = place(shown, at)
    assert np.allclose(z, [0.3, x, -0.7, y], atol=1e-6) and z.dtype == np.float32
    assert z[0] == start[0] and z[2] == start[2]
    assert shown.cursor_at == pytest.approx((x, y)) and len(heard.ended) == 1


def test_a_drag_walks_and_ends(shown: LatentScatter, heard: Heard, qtbot: QtBot) -> None:
    way = [pixel(shown, x, 0.5 * x) for x in np.linspace(-1, 1, 9)]
    drag(qtbot, shown, way)
    assert len(heard.walked) == 9 and len(heard.ended) == 1
    for z, at in zip(heard.walked, way, strict=True):
        assert np.allclose(z[[1, 3]], place(shown, at), atol=1e-5)
    assert not shown.card.isVisible()


def test_one_cannot_walk_out_of_the_world(shown: LatentScatter, heard: Heard, qtbot: QtBot) -> None:
    for _ in range(40):
        qtbot.keyClick(shown.canvas, Qt.Key.Key_Minus)
    qtbot.mouseClick(shown.canvas, LEFT, pos=QPoint(60, 60))
    assert np.allclose(heard.walked[-1], [0, -6, 0, 6])  # as far as a value can be typed
    assert "6 σ" in shown.foot.toolTip()
    found = latents()
    found.means[3, 1] = -9
    shown.set_map(found, NAMES)
    for _ in range(40):
        qtbot.keyClick(shown.canvas, Qt.Key.Key_Minus)
    qtbot.mouseClick(shown.canvas, LEFT, pos=QPoint(60, 60))
    assert np.allclose(heard.walked[-1], [0, -9, 0, 6])  # there is an item


def test_in_pca_a_place_is_reached_within_the_plane(
    shown: LatentScatter, heard: Heard, qtbot: QtBot, until: Until
) -> None:
    found = to_pca(shown, until)
    start = np.array([0.5, -0.2, 0.9, 0.1], np.float32)
    shown.set_cursor(start)
    at = shown.canvas.view.area.center().toPoint() + QPoint(60, 40)
    qtbot.mouseClick(shown.canvas, LEFT, pos=at)
    z = heard.walked[-1]
    assert np.allclose((z - found.center) @ found.components.T, place(shown, at), atol=1e-5)
    across = np.eye(4) - found.components.T @ found.components  # what is not in the plane
    assert np.allclose(across @ (z - start), 0, atol=1e-5)
    assert shown.cursor_at == pytest.approx(place(shown, at), abs=1e-5)


def test_in_tsne_the_nearest_item_that_is_shown_stands_for_a_place(
    shown: LatentScatter, heard: Heard, qtbot: QtBot, until: Until
) -> None:
    found = to_tsne(shown, until)
    assert shown.latents is not None
    labels, means = shown.latents.labels, shown.latents.means
    shown.key.legend.toggle(2)
    for at in (QPoint(200, 150), QPoint(500, 200), QPoint(420, 300)):
        qtbot.mouseClick(shown.canvas, LEFT, pos=at)
        distances = np.hypot(*(found.positions.astype(np.float64) - place(shown, at)).T)
        nearest = int(np.where(labels == 2, np.inf, distances).argmin())
        assert np.array_equal(heard.walked[-1], means[nearest])
        assert shown.cursor_at == pytest.approx(tuple(found.positions[nearest].tolist()))


def test_arrows_walk_by_sigmas(shown: LatentScatter, heard: Heard, qtbot: QtBot) -> None:
    shown.set_cursor(np.zeros(4, np.float32))
    qtbot.keyClick(shown.canvas, Qt.Key.Key_Right)
    qtbot.keyClick(shown.canvas, Qt.Key.Key_Up, SHIFT)
    assert np.allclose(heard.walked[-1], [0, 0.1, 0, 0.5], atol=1e-6) and len(heard.ended) == 2
    qtbot.keyClick(shown.canvas, Qt.Key.Key_Left)
    assert np.allclose(heard.walked[-1], [0, 0, 0, 0.5], atol=1e-6)


def test_arrows_go_from_item_to_item_in_tsne(shown: LatentScatter, heard: Heard, qtbot: QtBot, until: Until) -> None:
    to_tsne(shown, until)
    shown.canvas.setFocus()
    before = shown.cursor_at
    qtbot.keyClick(shown.canvas, Qt.Key.Key_Right)
    assert shown.cursor_at[0] > before[0]
    assert shown.latents is not None
    (item,) = np.flatnonzero((shown.latents.means == heard.walked[-1]).all(1))
    assert shown.card.isVisible() and shown.card.shown is not None
    assert shown.card.shown.title.endswith(f"item {item}")
    qtbot.keyClick(shown.canvas, Qt.Key.Key_Return)
    assert heard.items == [item]
    shown.key.tools.fit.setFocus()
    assert not shown.card.isVisible()


def test_shift_picks_a_second_place_and_control_an_item(shown: LatentScatter, heard: Heard, qtbot: QtBot) -> None:
    at = pixel(shown, -0.5, 0.25)
    qtbot.mouseClick(shown.canvas, LEFT, SHIFT, at)
    assert np.allclose(heard.second[0][[1, 3]], place(shown, at), atol=1e-5) and not heard.walked
    assert shown.canvas.marks.places["second"] == pytest.approx(place(shown, at), abs=1e-5)
    item = pixel(shown, *shown.canvas.points.places[17].tolist())
    wanted, _ = shown.reactions.nearest(QPointF(item))
    qtbot.mouseClick(shown.canvas, LEFT, CONTROL, item)
    assert heard.items == [wanted] and not heard.walked
    qtbot.keyClick(shown.canvas, Qt.Key.Key_Return, SHIFT)
    assert np.allclose(heard.second[1][[1, 3]], shown.cursor_at, atol=1e-5)


def test_control_and_shift_take_the_mean_of_an_item_as_second(shown: LatentScatter, heard: Heard, qtbot: QtBot) -> None:
    assert shown.latents is not None
    item = pixel(shown, *shown.canvas.points.places[17].tolist())
    wanted, _ = shown.reactions.nearest(QPointF(item))
    qtbot.mouseClick(shown.canvas, LEFT, CONTROL | SHIFT, item)
    assert np.array_equal(heard.second[0], shown.latents.means[wanted])  # in all dimensions, not in two
    assert np.array_equal(shown.canvas.marks.second, shown.latents.means[wanted])
    assert not heard.walked and not heard.items
    shown.canvas.hovered = -1
    shown.canvas.underMouse = lambda: False  # type: ignore[method-assign]
    shown.set_cursor(shown.latents.means[42])
    qtbot.keyClick(shown.canvas, Qt.Key.Key_Return, CONTROL | SHIFT)
    assert np.array_equal(heard.second[1], shown.latents.means[42]) and not heard.items


@pytest.mark.parametrize("width", [1000, 690, 560, 460])
def test_the_hint_tells_of_taking_an_image_and_fits(page: Page, shown: LatentScatter, qtbot: QtBot, width: int) -> None:
    page.resize(width, 480)
    foot = shown.foot
    for chosen in (0, 300):
        shown.reactions.select(np.arange(chosen))
        QCoreApplication.processEvents()
        if chosen == 0 or width > 600:
            assert "Ctrl" in foot.hints and "the image" in foot.hints
        parts = [part for part in foot.findChildren(QLabel) if part.text() and part.isVisible()]
        assert max(part.geometry().right() for part in parts) <= foot.width()
        for part in parts:
            assert part.width() >= part.sizeHint().width(), (part.text(), part.width(), part.sizeHint())
    if width == 1000:
        shown.reactions.clear_selection()
        assert "wheel to zoom" in foot.hints
        shown.set_map(latents(), NAMES, "points")
        assert "takes the point" in foot.hints


def test_enter_chooses_the_item_nearest_to_the_cursor(shown: LatentScatter, heard: Heard, qtbot: QtBot) -> None:
    assert shown.latents is not None
    qtbot.mouseMove(shown, QPoint(2, 2))
    shown.canvas.hovered = -1
    shown.set_cursor(shown.latents.means[42])
    shown.canvas.underMouse = lambda: False  # type: ignore[method-assign]
    qtbot.keyClick(shown.canvas, Qt.Key.Key_Return)
    assert heard.items == [42]


# ---- looking around ------------------------------------------------------------------------------------------------


def wheel(shown: LatentScatter, at: QPoint, turned: int) -> None:
    canvas = shown.canvas
    event = QWheelEvent(
        QPointF(at), QPointF(canvas.mapToGlobal(at)), QPoint(), QPoint(0, turned), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QCoreApplication.sendEvent(canvas, event)


def test_the_wheel_zooms_at_the_pointer_and_a_double_click_fits(shown: LatentScatter, qtbot: QtBot) -> None:
    fitted = shown.canvas.view
    at = QPoint(300, 140)
    before = place(shown, at)
    wheel(shown, at, 480)
    assert place(shown, at) == pytest.approx(before)
    assert shown.canvas.view.scale[0] > 1.9 * fitted.scale[0]
    qtbot.mouseDClick(shown.canvas, LEFT, pos=at)
    assert np.allclose(shown.canvas.view.ranges, fitted.ranges)
    wheel(shown, at, -240)
    qtbot.keyClick(shown.canvas, Qt.Key.Key_F)
    assert np.allclose(shown.canvas.view.ranges, fitted.ranges)


def test_a_double_click_fits_and_leaves_the_cursor(shown: LatentScatter, heard: Heard, qtbot: QtBot) -> None:
    start = np.array([0.3, 0.1, -0.7, 0.2], np.float32)
    shown.set_cursor(start)
    fitted, at = shown.canvas.view, QPoint(300, 140)
    wheel(shown, QPoint(500, 240), 480)
    qtbot.mouseClick(shown.canvas, LEFT, pos=at)
    assert not np.array_equal(shown.z, start)
    qtbot.mouseDClick(shown.canvas, LEFT, pos=at)  # the second half
    assert np.allclose(shown.canvas.view.ranges, fitted.ranges)
    assert np.array_equal(shown.z, start) and np.array_equal(heard.walked[-1], start)
    assert len(heard.ended) == 2  # the walk back is a move of its own, and has ended
    walks = len(heard.walked)
    shown.hand.set_tool("lasso")
    qtbot.mouseClick(shown.canvas, LEFT, pos=at)
    qtbot.mouseDClick(shown.canvas, LEFT, pos=at)
    assert len(heard.walked) == walks  # there was nothing to go back from


@pytest.mark.parametrize("button", [Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton])
def test_the_other_buttons_pan(shown: LatentScatter, heard: Heard, qtbot: QtBot, button: Qt.MouseButton) -> None:
    start, end = QPoint(300, 200), QPoint(360, 170)
    before = place(shown, start)
    drag(qtbot, shown, [start, QPoint(330, 190), end], button)
    assert place(shown, end) == pytest.approx(before) and not heard.walked


def test_space_makes_the_left_button_pan(shown: LatentScatter, heard: Heard, qtbot: QtBot) -> None:
    before = place(shown, QPoint(300, 200))
    qtbot.keyPress(shown.canvas, Qt.Key.Key_Space)
    drag(qtbot, shown, [QPoint(300, 200), QPoint(340, 220)])
    qtbot.keyRelease(shown.canvas, Qt.Key.Key_Space)
    assert place(shown, QPoint(340, 220)) == pytest.approx(before) and not heard.walked
    qtbot.keyClick(shown.canvas, Qt.Key.Key_Left, CONTROL)
    assert place(shown, QPoint(340, 220))[0] < before[0]


def test_units_are_made_equal(shown: LatentScatter, qtbot: QtBot) -> None:
    qtbot.keyClick(shown.canvas, Qt.Key.Key_E)
    across, up = shown.canvas.view.scale
    assert across == pytest.approx(up)
    assert shown.key.tools.equal.isChecked()
    places = shown.canvas.view.pixels(shown.canvas.points.places)
    area = shown.canvas.view.area
    assert places.min(0)[0] >= area.left() and places.max(0)[1] <= area.bottom()


def test_far_away_and_very_near_nothing_breaks(shown: LatentScatter, qtbot: QtBot) -> None:
    shown.set_posterior(np.zeros(4, np.float32), np.full(4, 0.2, np.float32))
    shown.set_path(np.linspace(-np.ones(4), np.ones(4), 5).astype(np.float32))
    for turned in (4800, -9600, 4800):
        for _ in range(8):
            wheel(shown, QPoint(400, 200), turned)
            shown.canvas.repaint()
    assert np.isfinite(shown.canvas.view.ranges).all()


# ---- selecting -----------------------------------------------------------------------------------------------------


def test_the_lasso_selects_what_a_polygon_test_says(shown: LatentScatter, heard: Heard, qtbot: QtBot) -> None:
    qtbot.keyClick(shown.canvas, Qt.Key.Key_L)
    middle = shown.canvas.view.area.center()
    turn = np.linspace(0, 2 * np.pi, 40)
    radius = 90 + 50 * np.sin(5 * turn)
    way = [(middle + QPointF(r * np.cos(t) * 1.6, r * np.sin(t))).toPoint() for r, t in zip(radius, turn, strict=True)]
    drag(qtbot, shown, way)
    polygon = QPolygonF([QPointF(at) for at in way])
    pixels = shown.canvas.view.pixels(shown.canvas.points.places)
    wanted = [
        i for i, (x, y) in enumerate(pixels.tolist()) if polygon.containsPoint(QPointF(x, y), Qt.FillRule.OddEvenFill)
    ]
    assert 10 < len(wanted) < 390
    assert heard.selected[0].tolist() == wanted and heard.selected[0].dtype == np.int64
    assert shown.latents is not None
    counts = np.bincount(shown.latents.labels[wanted], minlength=5)
    first, second = np.argsort(-counts, kind="stable")[:2]
    most = ", ".join(f"{k} ({100 * counts[k] / len(wanted):.0f} %)" for k in (first, second))
    assert shown.foot.counted.text() == f"{len(wanted)} selected · class {most} and {(counts > 0).sum() - 2} others"
    tip = shown.foot.counted.toolTip()
    assert all((f"class {k}: {counts[k]}" in tip) == (counts[k] > 0) for k in range(5))
    qtbot.keyClick(shown.canvas, Qt.Key.Key_Escape)
    assert len(heard.selected[1]) == 0 and shown.foot.counted.text() == "" and shown.hand.tool == "lasso"
    qtbot.keyClick(shown.canvas, Qt.Key.Key_Escape)
    assert shown.hand.tool == "walk" and shown.key.tools.tools["walk"].isChecked() and not heard.walked


def test_boxes_select_and_shift_adds(shown: LatentScatter, heard: Heard, qtbot: QtBot) -> None:
    qtbot.mouseClick(shown.key.tools.tools["box"], LEFT)
    places = shown.canvas.points.places

    def within(low: QPoint, high: QPoint) -> set[int]:
        (x0, y1), (x1, y0) = place(shown, low), place(shown, high)
        x, y = places.T
        return set(np.flatnonzero((x > x0) & (x < x1) & (y > y0) & (y < y1)).tolist())

    first, second = (QPoint(250, 80), QPoint(420, 220)), (QPoint(450, 100), QPoint(600, 260))
    drag(qtbot, shown, [first[0], QPoint(300, 150), first[1]])
    assert set(heard.selected[-1].tolist()) == within(*first) != set()
    drag(qtbot, shown, [second[1], QPoint(500, 150), second[0]], keys=SHIFT)
    assert set(heard.selected[-1].tolist()) == within(*first) | within(*second)
    drag(qtbot, shown, [second[0], QPoint(500, 150), second[1]])
    assert set(heard.selected[-1].tolist()) == within(*second)


def test_a_box_by_keys_alone(shown: LatentScatter, heard: Heard, qtbot: QtBot) -> None:
    shown.set_cursor(np.zeros(4, np.float32))
    qtbot.keyClick(shown.canvas, Qt.Key.Key_B)
    qtbot.keyClick(shown.canvas, Qt.Key.Key_Return)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Up):
        qtbot.keyClick(shown.canvas, key, SHIFT)
    qtbot.keyClick(shown.canvas, Qt.Key.Key_Return)
    x, y = shown.canvas.points.places.T
    wanted = np.flatnonzero((x > 0) & (x < 1) & (y > 0) & (y < 0.5))
    assert len(wanted) and np.array_equal(heard.selected[0], wanted)


def test_a_lasso_by_keys_alone(shown: LatentScatter, heard: Heard, qtbot: QtBot) -> None:
    shown.set_cursor(np.zeros(4, np.float32))
    qtbot.keyClick(shown.canvas, Qt.Key.Key_L)
    qtbot.keyClick(shown.canvas, Qt.Key.Key_Return)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Up):
        for _ in range(2):
            qtbot.keyClick(shown.canvas, key, SHIFT)
        qtbot.keyClick(shown.canvas, Qt.Key.Key_Return)
    qtbot.keyClick(shown.canvas, Qt.Key.Key_Return)  # where it was: the end
    x, y = shown.canvas.points.places.T
    wanted = np.flatnonzero((x < 1) & (y > 0) & (y < x))
    assert len(wanted) and np.array_equal(heard.selected[0], wanted)


def test_what_is_hidden_is_not_selected(shown: LatentScatter, heard: Heard, qtbot: QtBot) -> None:
    assert shown.latents is not None
    shown.key.legend.show_alone(3)
    qtbot.keyClick(shown.canvas, Qt.Key.Key_B)
    area = shown.canvas.view.area.toRect()
    drag(qtbot, shown, [area.topLeft(), area.center(), area.bottomRight()])
    assert np.array_equal(heard.selected[0], np.flatnonzero(shown.latents.labels == 3))
    assert shown.foot.counted.text().endswith("all class 3")


# ---- classes and colours -------------------------------------------------------------------------------------------


def test_the_legend_hides_classes(shown: LatentScatter, qtbot: QtBot) -> None:
    assert shown.latents is not None
    labels, entries = shown.latents.labels, shown.key.legend.entries
    qtbot.mouseClick(entries[1], LEFT)
    assert not np.isin(1, labels[shown.canvas.points.visible]) and not entries[1].isChecked()
    qtbot.mouseClick(entries[4], LEFT, SHIFT)
    assert set(labels[shown.canvas.points.visible].tolist()) == {4}
    qtbot.mouseClick(entries[4], LEFT, CONTROL)
    assert len(shown.canvas.points.visible) == len(labels)
    entries[0].setFocus()
    qtbot.keyClick(entries[0], Qt.Key.Key_Space)
    assert shown.key.legend.hidden == {0}
    qtbot.keyClick(entries[0], Qt.Key.Key_Space)
    qtbot.keyClick(entries[0], Qt.Key.Key_Return, SHIFT)
    assert shown.key.legend.hidden == {1, 2, 3, 4}


def test_classes_that_do_not_fit_are_in_a_menu(shown: LatentScatter, until: Until) -> None:
    shown.set_map(latents(400, classes=60), NAMES)
    more = shown.key.legend.more
    until(more.isVisible)
    menu = more.menu()
    assert menu is not None
    seen = sum(entry.isVisible() for entry in shown.key.legend.entries.values())
    assert seen + len(menu.actions()) == 60 and more.text() == f"+{60 - seen}"
    menu.actions()[-1].trigger()
    assert shown.key.legend.hidden == {59}


def test_points_are_coloured_by_terms_and_factors(shown: LatentScatter) -> None:
    assert shown.latents is not None and not shown.key.bar.isVisible()
    items = items_of(shown.latents)
    shown.set_items(items)
    shown.key.color_by("elbo")
    coloring = shown.key.coloring
    low, high = np.percentile(items.terms["elbo"], (1, 99))
    assert (coloring.low, coloring.high) == pytest.approx((low, high))
    order = np.argsort(items.terms["elbo"])
    assert (np.diff(coloring.which[order].astype(int)) >= 0).all()
    assert shown.key.bar.isVisible() and "nats" in shown.key.bar.toolTip()
    offered = [action.data() for action in shown.key.tools.color.menu().actions()]  # type: ignore[union-attr]
    assert offered == ["class", "scale", "reconstruction", "kl", "elbo"]
    shown.key.color_by("class")
    assert not shown.key.bar.isVisible()


def test_a_factor_with_few_values_has_a_legend(shown: LatentScatter, qtbot: QtBot) -> None:
    assert shown.latents is not None
    items = items_of(shown.latents)
    angle = np.linspace(0, 39, 400).round().astype(np.float32)
    shown.set_items(replace(items, factors={**items.factors, "orientation": angle}))
    shown.key.legend.toggle(1)
    shown.key.color_by("scale")
    entries, scale = shown.key.legend.entries, items.factors["scale"]
    assert [entry.text() for entry in entries.values()] == ["0", "1", "2", "3", "4", "5"]
    assert not shown.key.bar.isVisible() and entries[2].accessibleName() == "scale 2"
    assert len(shown.canvas.points.visible) == 400  # what was hidden was a class
    colors = shown.key.coloring.palette[shown.key.coloring.which]
    for k in range(6):
        wanted = QColor(shown.key.legend.color(k))
        assert (colors[scale == k] == [wanted.red(), wanted.green(), wanted.blue()]).all()
    qtbot.mouseClick(entries[2], LEFT)
    assert np.array_equal(np.sort(shown.canvas.points.visible), np.flatnonzero(scale != 2))
    shown.key.set_items(items)  # its terms have come: what is hidden stays hidden
    assert shown.key.coloring.key == "scale" and len(shown.canvas.points.visible) == (scale != 2).sum()
    shown.reactions.select(np.flatnonzero(scale == 4))
    assert shown.foot.counted.text().endswith("all scale 4")
    shown.set_items(replace(items, factors={**items.factors, "orientation": angle}))
    shown.key.color_by("orientation")  # too many for a colour each
    assert shown.key.bar.isVisible() and len(shown.key.legend.entries) == 5


def test_a_factor_that_is_the_class_is_offered_once(shown: LatentScatter, qtbot: QtBot) -> None:
    found = latents(classes=3)
    items = replace(items_of(found), factors={"shape": found.labels.astype(np.float32)}, terms={})
    shown.set_map(found, NAMES)
    shown.set_items(items)
    actions = shown.key.tools.color.menu().actions()  # type: ignore[union-attr]
    assert [action.text() for action in actions][:2] == ["shape", "reconstruction … (being found)"]
    assert shown.key.tools.color.text() == "colour: shape ▾"
    assert shown.key.class_name(1) == "shape 1" and shown.key.legend.entries[1].accessibleName() == "shape 1"
    shown.set_map(found, NAMES, class_names=["square", "ellipse", "heart"])
    shown.set_items(items)
    assert [entry.text() for entry in shown.key.legend.entries.values()] == ["square", "ellipse", "heart"]
    at = pixel(shown, *shown.canvas.points.places[33].tolist())
    item, _ = shown.reactions.nearest(QPointF(at))
    qtbot.mouseMove(shown.canvas, at)
    assert shown.card.shown is not None
    assert shown.card.shown.title.startswith(["square", "ellipse", "heart"][found.labels[item]])
    assert "shape" not in dict(shown.card.shown.lines)  # it is said in the title


def test_where_the_keys_are_is_seen(shown: LatentScatter) -> None:
    for widget in (shown.key.legend.entries[2], shown.key.tools.color):
        before = widget.grab().toImage()
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        focused = widget.grab().toImage()
        accent = QColor(theme.colors().accent)
        line = [focused.pixelColor(x, 0) for x in range(6, focused.width() - 6)]
        assert focused != before and all(color == accent for color in line)


def test_a_note_says_why_there_is_nothing_to_colour_by(shown: LatentScatter) -> None:
    nothing = np.zeros((0, 8, 8, 1), np.uint8)
    shown.set_items(
        MapItems(1, nothing, nothing, np.zeros((0, 4), np.float32), note="MNIST is not on this machine: get it")
    )
    actions = shown.key.tools.color.menu().actions()  # type: ignore[union-attr]
    assert actions[-1].text() == "MNIST is not on this machine" and not actions[-1].isEnabled()
    assert shown.latents is not None
    whole = items_of(shown.latents)
    shown.set_items(replace(whole, terms={}))
    actions = shown.key.tools.color.menu().actions()  # type: ignore[union-attr]
    assert [action.data() for action in actions[:2]] == ["class", "scale"]
    names = ("reconstruction", "KL", "ELBO")
    assert [action.text() for action in actions[2:]] == [f"{name} … (being found)" for name in names]
    assert not any(action.isEnabled() for action in actions[2:])
    shown.set_items(whole)
    assert shown.key.tools.color.menu().actions()[-1].data() == "elbo"  # type: ignore[union-attr]


def test_values_that_are_not_known_are_muted(shown: LatentScatter) -> None:
    assert shown.latents is not None
    items = items_of(shown.latents)
    items.terms["kl"][:7] = np.nan  # type: ignore[index]
    shown.set_items(items)
    shown.key.color_by("kl")
    assert set(shown.key.coloring.which[:7].tolist()) == {255} and 255 not in shown.key.coloring.which[7:]


# ---- hovering ------------------------------------------------------------------------------------------------------


def test_the_card_tells_what_is_under_the_mouse(shown: LatentScatter, qtbot: QtBot) -> None:
    assert shown.latents is not None
    items = items_of(shown.latents)
    shown.set_items(items)
    at = pixel(shown, *shown.canvas.points.places[33].tolist())
    item, _ = shown.reactions.nearest(QPointF(at))
    qtbot.mouseMove(shown.canvas, at)
    assert shown.card.isVisible() and shown.card.shown is not None
    said = shown.card.shown
    assert said.title == f"class {shown.latents.labels[item]} · item {item}"
    assert said.picture is not None and np.array_equal(said.picture, items.pixels[item])
    lines = dict(said.lines)
    assert lines["ELBO"] == f"{items.terms['elbo'][item]:.1f} nats".replace("-", "−")
    assert lines["scale"] == f"{items.factors['scale'][item]:.0f}"
    assert not shown.card.geometry().contains(at)
    qtbot.mousePress(shown.canvas, LEFT, pos=at)
    assert not shown.card.isVisible()
    qtbot.mouseMove(shown.canvas, at + QPoint(1, 1))
    assert not shown.card.isVisible()
    qtbot.mouseRelease(shown.canvas, LEFT, pos=at)


def test_the_card_has_room_for_what_is_being_found(shown: LatentScatter) -> None:
    assert shown.latents is not None
    whole = items_of(shown.latents)
    shown.set_items(replace(whole, terms={}))
    at = shown.canvas.view.pixel(*shown.canvas.points.places[33].tolist())
    shown.hand.hovered.emit(at)
    assert shown.card.shown is not None
    assert list(shown.card.shown.lines)[:3] == [(name, "… (being found)") for name in ("ln p(x|z)", "KL", "ELBO")]
    high = shown.card.height()
    shown.set_items(whole)  # they have come while the mouse is there
    assert shown.card.height() == high and "…" not in shown.card.shown.text
    shown.set_items(replace(whole, terms={}, note="MNIST is not here: get it"))  # none will be found
    assert shown.key.awaited == []
    shown.set_map(latents(kl=None), NAMES)  # an autoencoder has no KL to wait for
    shown.set_items(replace(whole, terms={}))
    assert shown.key.awaited == ["reconstruction"]


def test_the_card_is_within_the_map_and_not_over_the_cursor(shown: LatentScatter, qtbot: QtBot) -> None:
    assert shown.latents is not None
    shown.set_items(items_of(shown.latents))
    cursor = shown.canvas.view.pixel(*shown.cursor_at).toPoint()
    for at in (cursor + QPoint(-30, 0), cursor + QPoint(30, 10), QPoint(60, 20), QPoint(870, 380)):
        said = describe(5, shown.latents.labels, "class 1", shown.items)
        shown.card.point_at(said, QPointF(at), QPointF(cursor))
        found = shown.card.geometry()
        assert shown.canvas.rect().contains(found) and not found.contains(at) and not found.contains(cursor)


def test_a_drag_whose_release_went_elsewhere_is_over(shown: LatentScatter, heard: Heard, qtbot: QtBot) -> None:
    qtbot.mousePress(shown.canvas, LEFT, pos=QPoint(300, 200))
    shown.key.tools.fit.setFocus()
    assert len(heard.ended) == 1
    qtbot.mouseMove(shown.canvas, QPoint(400, 220))
    assert len(heard.walked) == 1


def test_a_point_counts_as_meant_within_eight_pixels(shown: LatentScatter) -> None:
    pixels = shown.canvas.view.pixels(shown.canvas.points.places)
    random = np.random.default_rng(5)
    for at in random.uniform((60, 10), (880, 400), (60, 2)):
        distances = np.hypot(*(pixels - at).T)
        shown.hand.hovered.emit(QPointF(*at))
        found = shown.canvas.hovered
        if distances.min() > 8.01 or not shown.canvas.view.area.contains(QPointF(*at)):
            assert found == -1
        elif distances.min() < 7.5 and shown.canvas.stretch == 1:
            assert found == int(distances.argmin())


# ---- planes --------------------------------------------------------------------------------------------------------


def test_axes_are_chosen_from_lists_with_their_kl(shown: LatentScatter, qtbot: QtBot, until: Until) -> None:
    z = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    shown.set_cursor(z)
    qtbot.mouseClick(shown.planes.row.buttons["axes"], LEFT)
    choice = shown.axes_choice
    assert choice.isVisible() and choice.axes == (1, 3)
    assert [choice.lists[0].item(row).text() for row in range(2)] == ["z₁   2.00 nats", "z₃   1.00 nats"]
    qtbot.keyClick(choice.lists[0], Qt.Key.Key_Down)  # z₃, which is on the other axis: they change places
    assert shown.axes == (3, 1)
    qtbot.keyClick(choice.lists[0], Qt.Key.Key_Down)
    assert shown.axes == (0, 1)
    qtbot.keyClick(choice.lists[0], Qt.Key.Key_Return)
    assert not choice.isVisible()
    until(lambda: not shown.canvas.moving)
    assert shown.latents is not None
    assert np.array_equal(shown.canvas.points.places, shown.latents.means[:, [0, 1]])
    assert shown.cursor_at == pytest.approx((0.1, 0.2)) and shown.planes.row.buttons["axes"].text() == "z₀ × z₁"


def test_projections_are_asked_for_once(shown: LatentScatter, heard: Heard, until: Until) -> None:
    assert shown.latents is not None
    found = to_pca(shown, until)
    assert heard.projections == ["pca"]
    assert np.allclose(shown.canvas.points.places, found.positions, atol=1e-5)
    assert "of the variance" in shown.canvas.plane.names[0]
    shown.planes.row.choose("axes")
    until(lambda: not shown.canvas.moving)
    shown.planes.row.choose("pca")
    until(lambda: not shown.canvas.moving)
    assert heard.projections == ["pca"] and shown.canvas.plane.kind == "pca"


def test_tsne_is_shown_while_it_is_found_and_can_be_cancelled(
    shown: LatentScatter, heard: Heard, qtbot: QtBot, until: Until
) -> None:
    assert shown.latents is not None
    shown.planes.row.choose("tsne")
    until(shown.progress.isVisible)
    part = tsne(shown.latents, 0.4)
    shown.set_projection(part)
    until(lambda: not shown.canvas.moving)
    assert np.array_equal(shown.canvas.points.places, part.positions)
    assert "40 %" in shown.progress._text.text() and shown.canvas.plane.kind == "tsne"
    qtbot.mouseClick(shown.progress.cancel, LEFT)
    assert heard.projections == ["tsne", ""] and not shown.progress.isVisible()
    until(lambda: not shown.canvas.moving)
    assert shown.canvas.plane.kind == "axes" and shown.planes.key == "axes"
    shown.set_projection(tsne(shown.latents))  # it comes too late
    assert shown.canvas.plane.kind == "axes"


def test_small_models_have_no_projections(shown: LatentScatter) -> None:
    shown.set_map(latents(size=2), NAMES[:2])
    assert not shown.planes.row.buttons["pca"].isVisible() and not shown.planes.row.buttons["tsne"].isVisible()


def test_a_projection_of_another_model_is_dropped(shown: LatentScatter) -> None:
    shown.planes.row.choose("tsne")
    shown.set_projection(tsne(latents(30)))
    assert shown.canvas.plane.kind == "axes" and shown.projector.waiting == "tsne"
    shown.stop_projection()
    assert shown.planes.key == "axes"


def test_marks_are_where_their_z_are(shown: LatentScatter, until: Until) -> None:
    random = np.random.default_rng(6)
    mean, sigma, saved, drawn = random.normal(size=(4, 4)).astype(np.float32)
    path = random.normal(size=(7, 4)).astype(np.float32)
    shown.set_posterior(mean, np.abs(sigma))
    shown.set_path(path)
    shown.set_saved([("slant", saved)])
    shown.set_mark(drawn)
    marks = shown.canvas.marks
    assert np.allclose(marks.way, path[:, [1, 3]]) and marks.named[0][0] == "slant"
    assert marks.named[0][1] == pytest.approx((saved[1], saved[3]))
    assert np.allclose(marks.contours[0].max(0), mean[[1, 3]] + np.abs(sigma)[[1, 3]], atol=0.01)
    assert [name for name, _ in marks.prior] == ["1σ", "2σ", "3σ"]
    assert np.allclose(np.linalg.norm(marks.prior[2][1], axis=1), 3)
    found = to_pca(shown, until)
    spread = (found.components * np.abs(sigma)) @ (found.components * np.abs(sigma)).T
    away = marks.contours[1] - (mean - found.center) @ found.components.T
    assert np.allclose(np.einsum("ni,ij,nj->n", away, np.linalg.inv(spread), away), 4, rtol=1e-3)
    to_tsne(shown, until)
    assert not marks.contours and not marks.prior  # distances there have no unit
    shown.canvas.repaint()
    shown.set_posterior(None, None)
    shown.set_path(None)
    assert not len(marks.way)


def test_an_autoencoder_has_no_prior(shown: LatentScatter) -> None:
    shown.set_map(latents(kl=None), NAMES)
    assert not shown.canvas.marks.prior and "codes of 400" in shown.title.text()
    assert shown.canvas.plane.names == ("z₀ (σ of the codes)", "z₁ (σ of the codes)")


def test_one_dimension_is_drawn_in_bands(shown: LatentScatter, heard: Heard, qtbot: QtBot) -> None:
    shown.set_map(latents(size=1), NAMES[:1])
    shown.canvas.repaint()
    at = QPoint(400, 200)
    qtbot.mouseClick(shown.canvas, LEFT, pos=at)
    assert heard.walked[-1].shape == (1,) and heard.walked[-1][0] == pytest.approx(place(shown, at)[0], abs=1e-5)
    assert not shown.looks.row.buttons["grid"].isEnabled()


# ---- looks ---------------------------------------------------------------------------------------------------------


def test_the_decoded_grid_asks_for_the_places_that_are_seen(
    shown: LatentScatter, heard: Heard, qtbot: QtBot, until: Until
) -> None:
    start = np.array([0.5, 0.0, -0.5, 0.0], np.float32)
    shown.set_cursor(start)
    qtbot.mouseClick(shown.looks.row.buttons["grid"], LEFT)
    until(lambda: len(heard.planes) == 1)
    z, columns = heard.planes[0]
    view = shown.canvas.view
    rows = len(z) // columns
    assert rows * columns == len(z) and (z[:, 0] == 0.5).all() and (z[:, 2] == -0.5).all()
    half = (view.x1 - view.x0) / columns / 2
    assert z[0, 1] == pytest.approx(view.x0 + half, abs=1e-5) and z[-1, 1] == pytest.approx(view.x1 - half, abs=1e-5)
    assert z[0, 3] > z[-1, 3] and (z[:columns, 3] == z[0, 3]).all()
    pixels = np.broadcast_to(np.arange(len(z), dtype=np.uint8)[:, None, None, None], (len(z), 4, 4, 1))
    shown.set_plane(pixels[:-1])  # others than were asked for
    assert shown.canvas.grid.shown is None
    shown.set_plane(pixels, z + 1)
    assert shown.canvas.grid.shown is None
    shown.set_plane(pixels, z)
    assert shown.canvas.grid.shown is not None
    # A picture lies where its z is.
    image = shown.canvas.grab().toImage()
    number = columns + 3
    middle = view.pixel(*z[number, [1, 3]].tolist()).toPoint()
    shown.key.legend._set_hidden(set(range(5)))
    image = shown.canvas.grab().toImage()
    assert QColor(image.pixel(middle)).red() == pytest.approx(number, abs=2)


def test_the_grid_follows_the_other_dimensions_only(shown: LatentScatter, heard: Heard, until: Until) -> None:
    shown.looks.row.choose("grid")
    until(lambda: len(heard.planes) == 1 and not shown.canvas._rest.isActive())
    shown.set_cursor(np.array([0, 0.4, 0, -0.2], np.float32))
    until(lambda: not shown.canvas._rest.isActive())
    assert len(heard.planes) == 1
    shown.set_cursor(np.array([0.9, 0.4, 0, -0.2], np.float32))
    until(lambda: len(heard.planes) == 2)
    assert (heard.planes[1][0][:, 0] == np.float32(0.9)).all()
    wheel(shown, QPoint(400, 200), 240)
    until(lambda: len(heard.planes) == 3)
    shown.refresh_plane()
    assert len(heard.planes) == 4


def test_the_grid_in_pca_is_of_z_in_the_plane(shown: LatentScatter, heard: Heard, until: Until) -> None:
    found = to_pca(shown, until)
    z0 = np.array([0.5, -0.2, 0.9, 0.1], np.float32)
    shown.set_cursor(z0)
    shown.looks.row.choose("grid")
    until(lambda: bool(heard.planes))
    z, columns = heard.planes[-1]
    across = np.eye(4) - found.components.T @ found.components
    assert np.allclose((z - z0) @ across, 0, atol=1e-5)
    centres = (z - found.center) @ found.components.T
    view = shown.canvas.view
    assert centres[0, 0] == pytest.approx(view.x0 + (view.x1 - view.x0) / columns / 2, abs=1e-4)


def test_there_is_no_grid_in_tsne_and_the_tooltip_says_why(shown: LatentScatter, until: Until) -> None:
    shown.looks.row.choose("grid")
    to_tsne(shown, until)
    grid = shown.looks.row.buttons["grid"]
    assert not grid.isEnabled() and "no z" in grid.toolTip()
    assert shown.looks.key == "points" and shown.canvas.look == "points"
    shown.planes.row.choose("axes")
    assert shown.looks.key == "grid"


def test_density_has_the_mass_of_the_points(shown: LatentScatter) -> None:
    shown.looks.row.choose("density")
    for _ in range(6):
        shown.canvas.set_view(shown.canvas.view.zoomed(0.8, shown.canvas.view.area.center()))
    view = shown.canvas.view
    density = shown.canvas.points.density(view)
    cell = (view.x1 - view.x0) / density.shape[1] * (view.y1 - view.y0) / density.shape[0]
    assert density.sum() * cell == pytest.approx(400, rel=0.02)
    shown._settled()
    assert shown.key.bar.isVisible() and "items per σ²" in shown.key.bar.toolTip()
    for high, said in (
        (2163.0, "2 160"),
        (41.26, "41.3"),
        (123456.0, "123 000"),
        (3.2e7, "3.2·10⁷"),
        (-2163, "−2 160"),
    ):
        shown.key.bar.set_range(shown.key.coloring.palette, min(0, high), max(0, high), "", "")
        assert said in shown.key.bar.toolTip()
    shown.key.legend.show_alone(0)
    assert shown.latents is not None
    assert shown.canvas.points.density(view).sum() * cell == pytest.approx((shown.latents.labels == 0).sum(), rel=0.02)


def test_a_million_points_are_drawn(shown: LatentScatter, qtbot: QtBot) -> None:
    shown.set_map(latents(1_000_000), NAMES)
    image = shown.canvas.grab().toImage()
    colors = [QColor(theme.colors().classes[k]) for k in range(5)]
    seen = {image.pixelColor(x, y).name() for x in range(60, 880, 3) for y in range(10, 380, 3)}
    assert len(seen & {color.name() for color in colors}) >= 3
    wheel(shown, QPoint(400, 200), 1200)
    shown.canvas.repaint()
    shown.looks.row.choose("density")
    shown.canvas.repaint()
    item, pixels = shown.reactions.nearest(shown.canvas.view.area.center())
    assert item >= 0 and pixels < 20


def test_means_that_are_not_finite_are_left_out(shown: LatentScatter) -> None:
    found = latents()
    found.means[3] = np.nan
    found.means[4] = np.inf
    shown.set_map(found, NAMES)
    shown.canvas.repaint()
    assert not np.isin([3, 4], shown.canvas.points.visible).any() and len(shown.canvas.points.visible) == 398
    assert np.isfinite(shown.canvas.view.ranges).all()
    shown.looks.row.choose("density")
    shown.canvas.repaint()


def test_the_theme_changes_everything(shown: LatentScatter) -> None:
    before = shown.canvas.grab().toImage()
    theme.current().apply("light")
    after = shown.canvas.grab().toImage()
    assert before.pixelColor(70, 12) == QColor(theme.DARK.panel) and after.pixelColor(70, 12) == QColor(
        theme.LIGHT.panel
    )
    assert np.array_equal(shown.key.coloring.palette[0], list(bytes.fromhex(theme.LIGHT.classes[0][1:])))
    theme.current().apply("dark")


def test_choices_fold_where_there_is_little_room(page: Page, shown: LatentScatter, heard: Heard) -> None:
    page.resize(560, 420)
    assert shown.planes.folded.isVisible() and not shown.planes.row.isVisible()
    assert shown.planes.folded.text() == "z₁ × z₃ ▾"
    for part in (shown.planes, shown.looks, shown.key.tools):
        right = part.mapTo(shown, QPoint(part.width(), 0)).x()
        assert right <= shown.width() and part.width() >= part.minimumSizeHint().width()
    menu = shown.planes.folded.menu()
    assert menu is not None
    menu.actions()[1].trigger()
    assert heard.projections == ["pca"]


# ---- empty ---------------------------------------------------------------------------------------------------------


def test_without_a_model_it_says_what_to_do(page: Page, qtbot: QtBot) -> None:
    shown = page.map  # type: ignore[attr-defined]
    heard = Heard(shown)
    assert shown.canvas.hint == EMPTY and not shown.planes.isEnabled()
    shown.canvas.repaint()
    qtbot.mouseClick(shown.canvas, LEFT, pos=QPoint(300, 200))
    qtbot.keyClick(shown.canvas, Qt.Key.Key_Right)
    wheel(shown, QPoint(300, 200), 120)
    shown.set_cursor(np.zeros(2, np.float32))
    assert not heard.walked
    shown.set_map(latents(), NAMES)
    assert shown.canvas.hint == "" and shown.planes.isEnabled()
    shown.clear("nothing here")
    assert shown.canvas.hint == "nothing here" and shown.title.text() == "Latent space"
    qtbot.mouseClick(shown.canvas, LEFT, pos=QPoint(300, 200))
    assert not heard.walked


# ---- saving --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shown_as", "column"), [("z₀", "z0"), ("z₁₂", "z12"), ("z²₁", "z2_1"), ("z¹₁₀", "z1_10")])
def test_columns_have_names_that_programs_like(shown_as: str, column: str) -> None:
    assert column_name(shown_as) == column


def test_a_deterministic_encoder_has_no_sigma_to_save(shown: LatentScatter, tmp_path: Path) -> None:
    found = latents(kl=None)
    shown.set_map(found, NAMES)
    shown.set_items(replace(items_of(found), sigma=np.zeros((0, 4), np.float32)))
    shown.exports.save("latents-table", tmp_path / "latents.csv")
    assert "sigma" not in (tmp_path / "latents.csv").read_text(encoding="utf-8").splitlines()[1]


def test_tables_read_back_as_shown(shown: LatentScatter, tmp_path: Path) -> None:
    shown.provenance = lambda: {"weights_sha256": "ab", "z": [0, 0, 0, 0], "label": 3}
    assert shown.latents is not None
    items = items_of(shown.latents)
    shown.set_items(items)
    shown.reactions.select(np.array([3, 5]))
    shown.exports.save("latents-table", tmp_path / "latents.csv")
    first, _, table = (tmp_path / "latents.csv").read_text(encoding="utf-8").partition("\n")
    told = json.loads(first.removeprefix("# "))
    assert told["weights_sha256"] == "ab" and told["split"] == "test" and told["items"] == 400
    assert "prior" in told["z"] and "label" not in told  # not those of the cursor
    rows = list(csv.DictReader(io.StringIO(table)))
    assert len(rows) == 400 and rows[7]["index"] == "7"
    for columns, wanted in ((PLAIN_NAMES, shown.latents.means), ([f"sigma_{n}" for n in PLAIN_NAMES], items.sigma)):
        assert np.array_equal(np.array([[float(row[name]) for name in columns] for row in rows], np.float32), wanted)
    assert [int(row["class"]) for row in rows] == shown.latents.labels.tolist()
    assert [float(row["elbo_nats"]) for row in rows] == items.terms["elbo"].tolist()
    assert [i for i, row in enumerate(rows) if row["selected"] == "1"] == [3, 5]
    shown.exports.save("latents", tmp_path / "latents.npz")
    with np.load(tmp_path / "latents.npz") as read:
        assert np.array_equal(read["z"], shown.latents.means) and read["names"].tolist() == PLAIN_NAMES
        assert np.array_equal(read["sigma"], items.sigma) and np.array_equal(read["elbo_nats"], items.terms["elbo"])
        assert np.array_equal(read["class"], shown.latents.labels)
        assert json.loads(str(read["provenance"])) == {**told, "time": json.loads(str(read["provenance"]))["time"]}
        assert np.array_equal(read["factor_scale"], items.factors["scale"])


def test_the_map_is_saved_from_its_numbers(shown: LatentScatter, tmp_path: Path) -> None:
    shown.provenance = lambda: {"model": "a model"}
    means = np.array([[0, -2, 0, -1], [0, 2, 0, 1], [0, 0, 0, -1], [0, -1, 0, 1]], np.float32)
    shown.set_map(LatentMap(means, np.array([0, 1, 2, 3]), KL, "test"), NAMES)
    shown.key.legend.toggle(2)
    shown.exports.save("latent-map", tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as read:
        picture = np.asarray(read).astype(int)
    assert picture.shape == (figure.HEIGHT * figure.SCALE, figure.WIDTH * figure.SCALE, 3)
    told = images.read_provenance(tmp_path / "map.png")
    assert told["model"] == "a model" and told["plane"] == "axes" and told["hidden"] == [2]
    places = {}
    for k in range(4):
        color = np.array(list(bytes.fromhex(theme.colors().classes[k][1:])))
        panel = np.array(list(bytes.fromhex(theme.colors().panel[1:])))
        blended = (color * 222 + panel * 33) / 255
        rows, columns = np.nonzero((np.abs(picture[140:] - blended) < 5).all(-1))
        places[k] = (columns.mean(), -rows.mean()) if len(rows) > 20 else None
    assert places[2] is None  # it is hidden
    (x0, y0), (x1, y1), (x3, y3) = places[0], places[1], places[3]
    assert (x3 - x0) / (x1 - x0) == pytest.approx(0.25, abs=0.01)
    assert y3 == pytest.approx(y1, abs=1.5) and y1 > y0
    shown.exports.save("latent-map-drawing", tmp_path / "map.svg")
    drawing = (tmp_path / "map.svg").read_text(encoding="utf-8")
    assert "z₁ (σ of the prior)" in drawing and "Latent space" in drawing
    described = drawing.split("<desc>")[1].split("</desc>")[0].replace("&quot;", '"')
    assert json.loads(described)["model"] == "a model"


@pytest.mark.parametrize("look", ["density", "grid"])
def test_other_looks_are_saved_too(shown: LatentScatter, heard: Heard, tmp_path: Path, look: str, until: Until) -> None:
    assert shown.latents is not None
    shown.set_items(items_of(shown.latents))
    shown.key.color_by("kl")
    shown.looks.row.choose(look)
    if look == "grid":
        until(lambda: bool(heard.planes))
        shown.set_plane(np.full((len(heard.planes[0][0]), 8, 8, 1), 128, np.uint8))
    for key, ending in (("latent-map", ".png"), ("latent-map-drawing", ".svg")):
        shown.exports.save(key, tmp_path / f"map{ending}")
        assert (tmp_path / f"map{ending}").stat().st_size > 5000
    assert images.read_provenance(tmp_path / "map.png")["look"] == look

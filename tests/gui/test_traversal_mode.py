"""Traversals in the strip: the rows are those of ``walks``, a click goes exactly where its picture is."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.animations import film_bytes
from explorer.ui import theme
from explorer.ui.picture_rows import PictureRows
from explorer.ui.row_plan import plan_rows
from explorer.ui.traversal_mode import TraversalMode
from explorer.walks import traverse
from tests.gui.strip import StripPage, choose, fake_model, pictures_of, shown_page


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[StripPage]:
    yield from shown_page(qtbot)


def mode_of(page: StripPage) -> TraversalMode:
    made = page.strip.mode
    assert isinstance(made, TraversalMode)
    return made


def center(rows: PictureRows, row: int, column: int) -> QPoint:
    assert rows.plan is not None
    return rows.plan.cell(row, column).center().toPoint()


def test_rows_are_the_active_dimensions_by_kl(page: StripPage, qtbot: QtBot) -> None:
    z = np.array([0.35, -1.0, 0.2, 2.9], np.float32)
    page.open(fake_model(), z)
    mode = mode_of(page)
    qtbot.waitUntil(lambda: mode.shown is not None)
    assert mode.rows.names == ("z₁", "z₃", "z₀"), "the inactive z₂ has no row"
    wanted = traverse(z, (1, 3, 0), 3, 11)
    assert np.array_equal(page.asked[-1].z, wanted)
    assert np.array_equal(mode.rows.pixels.reshape(-1, 8, 8, 1), pictures_of(wanted, (0,)))
    values = np.linspace(-3, 3, 11)
    nearest = tuple(int(np.abs(values - z[k]).argmin()) for k in (1, 3, 0))
    assert mode.rows.marks == nearest
    assert page.strip.title.text().endswith("from −3 to 3")


def test_a_click_goes_exactly_to_the_cell(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model(), np.array([0.25, -1.5, 0.125, 0.7], np.float32))
    mode = mode_of(page)
    qtbot.waitUntil(lambda: mode.shown is not None)
    assert mode.shown is not None
    wanted = mode.shown.z[2 * 11 + 8].copy()
    qtbot.mouseClick(mode.rows, Qt.MouseButton.LeftButton, pos=center(mode.rows, 2, 8))
    assert page.went[-1].tobytes() == wanted.tobytes() and page.released == 1
    qtbot.waitUntil(lambda: bool(np.array_equal(page.asked[-1].z, traverse(wanted, (1, 3, 0), 3, 11))))
    assert mode.rows.marks[2] == 8
    qtbot.mouseClick(mode.rows, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    assert len(page.went) == 1, "beside the pictures is nothing to go to"


def test_keys_walk_along_a_row(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model())
    mode = mode_of(page)
    qtbot.waitUntil(lambda: mode.shown is not None)
    mode.rows.setFocus()
    qtbot.keyClick(mode.rows, Qt.Key.Key_Down)
    assert mode.rows.at == (1, 5) and not page.went
    qtbot.keyClick(mode.rows, Qt.Key.Key_Right)
    assert page.z[3] == np.float32(0.6) and not page.z[[0, 1, 2]].any()
    qtbot.keyClick(mode.rows, Qt.Key.Key_End)
    assert page.z[3] == 3
    qtbot.keyClick(mode.rows, Qt.Key.Key_Right)
    assert page.z[3] == 3, "there is no cell beyond the last"
    qtbot.waitUntil(lambda: bool(page.asked[-1].z[0, 3] == 3))  # the other rows have followed
    qtbot.keyClick(mode.rows, Qt.Key.Key_Up)
    qtbot.keyClick(mode.rows, Qt.Key.Key_Home)
    assert page.z[1] == -3 and page.z[3] == 3


def test_range_and_steps(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model())
    mode = mode_of(page)
    qtbot.waitUntil(lambda: mode.shown is not None)
    choose(mode.extent, 6)
    choose(mode.count, 25)
    qtbot.waitUntil(lambda: mode.rows.pixels.shape[1] == 25)
    assert np.array_equal(page.asked[-1].z, traverse(page.z, (1, 3, 0), 6, 25))
    assert "−6 to 6" in page.strip.title.text()
    assert [box.itemData(0) for box in (mode.extent, mode.count)] == [1, 5]


def test_it_asks_seldom_while_a_slider_is_dragged(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model())
    qtbot.waitUntil(lambda: mode_of(page).shown is not None)
    qtbot.waitUntil(lambda: not mode_of(page)._settled.isActive())
    before = len(page.asked)
    for number in range(1000):
        page.go(np.full(4, number / 500, np.float32))
    qtbot.waitUntil(lambda: bool(np.array_equal(page.asked[-1].z[0][[0, 2, 3]], page.z[[0, 2, 3]])))
    assert len(page.asked) <= before + 5
    assert mode_of(page).rows.marks == (8, 8, 8), "the marks follow at once"


def test_a_slow_session_is_not_asked_again_before_it_answered(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model())
    mode = mode_of(page)
    qtbot.waitUntil(lambda: mode.shown is not None)
    page.hold = True
    page.asked.clear()
    page.go(np.ones(4, np.float32))
    qtbot.waitUntil(lambda: len(page.asked) == 1)
    page.go(np.full(4, 2, np.float32))
    qtbot.wait(150)
    assert len(page.asked) == 1, "it would give up what it is at, and show nothing as long as one drags"
    page.hold = False
    page.answer(page.asked[0])
    assert mode.shown is not None and mode.shown.about.z[0] == 1
    qtbot.waitUntil(lambda: mode.shown is not None and mode.shown.about.z[0] == 2)
    page.hold = True
    page.go(np.full(4, 3, np.float32))
    qtbot.waitUntil(lambda: len(page.asked) == 3)
    page.go(np.full(4, 4, np.float32))
    qtbot.waitUntil(lambda: len(page.asked) == 4)  # the third one may have failed


def test_an_older_answer_is_shown_but_never_after_a_newer_one(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model())
    mode = mode_of(page)
    qtbot.waitUntil(lambda: mode.shown is not None)
    page.hold, waiting = True, []
    for value in (1.0, 2.0):
        page.asked.clear()
        page.go(np.full(4, value, np.float32))
        qtbot.waitUntil(lambda: len(page.asked) == 1)
        waiting.append(page.asked[0])
    first, second = waiting
    page.answer(first)
    assert mode.shown is not None and mode.shown.z is first.z, "it is dragged on: better this than nothing"
    page.answer(second)
    page.answer(first)
    assert mode.shown.z is second.z


def test_the_swing_shows_one_column_at_a_time(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model())
    mode = mode_of(page)
    qtbot.waitUntil(lambda: mode.shown is not None)
    qtbot.mouseClick(page.strip.animate, Qt.MouseButton.LeftButton)
    assert mode.swinging and page.strip.animate.isChecked()
    qtbot.waitUntil(lambda: mode.rows.step >= 3)
    page.go(np.ones(4, np.float32))
    qtbot.waitUntil(lambda: bool(mode.shown is not None and mode.shown.z[0, 2] == 1))
    assert mode.rows.step >= 0, "it swings on with the pictures of the new place"
    qtbot.mouseClick(page.strip.animate, Qt.MouseButton.LeftButton)
    assert mode.rows.step == -1 and not mode.swinging
    assert not page.went


def test_more_rows_where_there_is_more_room(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model(kl=tuple(np.linspace(3, 0.5, 40))))
    mode = mode_of(page)
    qtbot.waitUntil(lambda: mode.shown is not None)
    few = len(mode.rows.pixels)
    assert 1 <= few < 40
    page.resize(1340, 600)
    qtbot.waitUntil(lambda: len(mode.rows.pixels) > few)
    assert mode.rows.plan is not None and mode.rows.plan.cell(0, 0).height() >= 26
    page.resize(900, 190)
    qtbot.waitUntil(lambda: len(mode.rows.pixels) < few)


def test_levels_are_grouped_the_top_one_first(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model("hierarchical", kl=(0.5, 2.0, 1.5, 0.7, 3.0), levels=(3, 2)))
    mode = mode_of(page)
    qtbot.waitUntil(lambda: mode.shown is not None)
    assert mode.rows.names == ("z²₁", "z²₀", "z¹₁", "z¹₂", "z¹₀")


@pytest.mark.parametrize("family", ["autoencoder", "vq"])
def test_without_kl_the_dimensions_are_in_their_order(page: StripPage, qtbot: QtBot, family: str) -> None:
    page.open(fake_model(family))
    mode = mode_of(page)
    qtbot.waitUntil(lambda: mode.shown is not None)
    assert mode.rows.names == ("z₀", "z₁", "z₂", "z₃")
    assert "nats" not in mode.rows.tip(0, 0)


def test_another_class_is_asked_for(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model("conditional", classes=3))
    qtbot.waitUntil(lambda: mode_of(page).shown is not None)
    page.go(page.z, 2)
    qtbot.waitUntil(lambda: page.asked[-1].labels == (2,))
    assert (mode_of(page).rows.pixels[:, :, 1, 0] == 2).all()


def test_exports_read_back_as_shown(page: StripPage, qtbot: QtBot, tmp_path: Path) -> None:
    z = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    page.open(fake_model(), z)
    mode = mode_of(page)
    qtbot.waitUntil(lambda: mode.shown is not None)
    assert mode.shown is not None
    mode.exports.save("traversal", tmp_path / "t.png")
    with Image.open(tmp_path / "t.png") as read:
        shown = np.asarray(read)[..., 0]
    plain = np.full(3, int(theme.colors().panel[1:3], 16))
    left = shown.shape[1] - 14 - (11 * 66 - 2)
    for row, column in ((0, 0), (2, 1), (2, 10)):
        picture = shown[14 + 66 * row :, left + 66 * column :][:64:8, :64:8]
        assert np.array_equal(picture, mode.rows.pixels[row, column, ..., 0])
    assert (shown[14:78, : left - 8] != plain[0]).any(), "the name of the row"
    values = shown[14 + 3 * 66 - 2 : -13]
    assert all((values[:, left + 66 * k :][:, :64] != plain[0]).any() for k in range(11)), "and each value"
    told = images.read_provenance(tmp_path / "t.png")
    assert told["model"] == "fake" and told["dimensions"] == [1, 3, 0] and told["extent"] == 3 and told["steps"] == 11
    assert np.array(told["z"], np.float32).tobytes() == z.tobytes()
    mode.exports.save("traversal-z", tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["dimension", "value", "z0", "z1", "z2", "z3"] and [row[0] for row in rows[1::11]] == [
        "1",
        "3",
        "0",
    ]
    assert np.array([row[2:] for row in rows[1:]], np.float32).tobytes() == mode.shown.z.tobytes()
    reel = mode._reel()
    assert reel.count == 20 and np.array_equal(reel.picture(3), reel.picture(17))
    assert reel.picture(3).shape == reel.picture(10).shape and reel.picture(3).shape[2] == 3
    pictures = {reel.picture(k)[14:, 14:][:128:16, :128:16, 0].tobytes() for k in range(11)}
    assert pictures == {np.ascontiguousarray(one).tobytes() for one in mode.rows.pixels[0, :, ..., 0]}
    (tmp_path / "t.gif").write_bytes(film_bytes(".gif", reel))
    with Image.open(tmp_path / "t.gif") as read:
        assert read.n_frames == 20
    assert not page.problems


def test_marks_size_and_theme_are_painted_anew(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model())
    mode = mode_of(page)
    qtbot.waitUntil(lambda: mode.shown is not None)
    plan = mode.rows.plan
    assert plan is not None

    def colors_at(row: int, column: int) -> str:
        picture = mode.rows.grab().toImage()
        return picture.pixelColor(plan.cell(row, column).topLeft().toPoint() + QPoint(8, 0)).name()

    accent = theme.DARK.accent
    assert colors_at(0, 5) == accent != colors_at(0, 8)
    page.go(np.array([0, 1.8, 0, 0], np.float32))
    assert colors_at(0, 8) == accent != colors_at(0, 5)
    before = mode.rows._painted
    theme.current().apply("light")
    assert colors_at(0, 8) == theme.LIGHT.accent
    assert mode.rows._painted is not before, "names and corners have the colours of the theme, too"
    theme.current().apply("dark")


def test_without_a_model_it_says_what_to_do(page: StripPage, qtbot: QtBot) -> None:
    mode = mode_of(page)
    assert "Models page" in mode.rows.hint and not page.strip.animate.isEnabled() and not page.strip.export.isEnabled()
    qtbot.keyClick(mode.rows, Qt.Key.Key_Right)
    qtbot.mouseClick(mode.rows, Qt.MouseButton.LeftButton)
    assert not page.asked and not page.went


@pytest.mark.parametrize("count", [1, 2, 5, 12, 33])
@pytest.mark.parametrize("size", [(1310, 158), (960, 90), (700, 500)])
def test_the_cells_of_a_plan_lie_inside_and_apart(count: int, size: tuple[int, int]) -> None:
    from PySide6.QtCore import QRectF, QSize

    groups = [0] * (count // 2) + [1] * (count - count // 2)
    plan = plan_rows(QSize(*size), 11, (8, 8), 40, 16, groups)
    cells = [plan.cell(row, column) for row in range(count) for column in range(11)]
    inside = QRectF(0, 0, *size)
    assert all(inside.contains(cell) for cell in cells)
    assert not any(one.intersects(other) for i, one in enumerate(cells[:60]) for other in cells[i + 1 : 60])
    for row in range(count):
        for column in (0, 5, 10):
            assert plan.at(plan.cell(row, column).center()) == (row, column)

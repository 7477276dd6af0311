"""Saved places in the strip: they come back exactly, after a restart, and from another window."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.saved_points import SavedPoints
from explorer.ui.saved_mode import SavedMode
from tests.gui.strip import StripPage, fake_model, pictures_of, shown_page

Z = np.array([0.1, 0.7, -0.3, 1.1], np.float32)


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[StripPage]:
    yield from shown_page(qtbot)


@pytest.fixture
def mode(page: StripPage) -> SavedMode:
    """Return the mode, shown, a model open at Z."""
    page.open(fake_model(), Z)
    page.strip.choose("saved")
    shown = page.strip.mode
    assert isinstance(shown, SavedMode)
    return shown


def press_return(mode: SavedMode, qtbot: QtBot, name: str = "") -> None:
    if name:
        mode.tiles.field.setText(name)
    qtbot.keyClick(mode.tiles.field, Qt.Key.Key_Return)


def test_a_place_is_saved_named_and_returned_to(page: StripPage, mode: SavedMode, qtbot: QtBot) -> None:
    assert "Ctrl+D" in mode.tiles.grid._hint and not mode.rename.isEnabled() and not page.strip.export.isEnabled()
    qtbot.mouseClick(mode.save, Qt.MouseButton.LeftButton)
    assert mode.tiles.field.isVisible() and mode.tiles.field.text() == "point 1"
    press_return(mode, qtbot, "a slanted 7")
    assert mode.tiles.names == ("a slanted 7",) and mode.tiles.grid.selected == 0
    assert np.array_equal(mode.tiles.grid.pixels, pictures_of(Z[None], (0,)))
    assert page.saved[-1][0][0] == "a slanted 7" and page.saved[-1][0][1].tobytes() == Z.tobytes()
    page.go(np.zeros(4, np.float32))
    assert mode.tiles.grid.selected == -1
    qtbot.mouseClick(mode.tiles.grid, Qt.MouseButton.LeftButton, pos=mode.tiles.grid.cell(0).center().toPoint())
    assert page.went[-1].tobytes() == Z.tobytes() and page.released == 1 and mode.tiles.grid.selected == 0
    assert "1" in page.strip.title.text()


def test_ctrl_d_saves_whichever_mode_is_shown(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model(), Z)
    page.activateWindow()
    said: list[str] = []
    page.strip.status.connect(said.append)
    qtbot.keyClick(page.strip.mode, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert [name for name, _ in page.saved[-1]] == ["point 1"] and "point 1" in said[0]
    assert page.strip.mode.key == "traversal"
    page.strip.choose("saved")
    mode = page.strip.mode
    assert isinstance(mode, SavedMode) and mode.tiles.names == ("point 1",) and not mode.tiles.field.isVisible()
    assert np.array_equal(mode.points[0][1], Z)


def test_they_survive_a_restart_and_belong_to_their_model(page: StripPage, mode: SavedMode, qtbot: QtBot) -> None:
    for number in range(3):
        page.go(np.full(4, number, np.float32))
        mode.save_here()
        press_return(mode, qtbot)
    page.open(fake_model(name="another"), Z)
    assert not mode.points and "No place" in mode.tiles.grid._hint
    again = SavedMode()
    qtbot.addWidget(again)
    again.set_model(fake_model(), ["z"] * 4)
    assert [(name, float(z[0])) for name, z in again.points] == [("point 1", 0), ("point 2", 1), ("point 3", 2)]


def test_keys_rename_delete_and_walk(page: StripPage, mode: SavedMode, qtbot: QtBot) -> None:
    for number in range(3):
        page.go(np.full(4, number, np.float32))
        mode.save_here()
        press_return(mode, qtbot)
    grid = mode.tiles.grid
    grid.setFocus()
    qtbot.keyClick(grid, Qt.Key.Key_Left)
    assert page.z[0] == 1 and grid.selected == 1
    qtbot.keyClick(grid, Qt.Key.Key_F2)
    assert mode.tiles.field.hasFocus()
    qtbot.keyClick(mode.tiles.field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(mode.tiles.field, "between")
    qtbot.keyClick(mode.tiles.field, Qt.Key.Key_Return)
    assert mode.tiles.names == ("point 1", "between", "point 3") and grid.hasFocus()
    qtbot.keyClick(grid, Qt.Key.Key_F2)
    mode.tiles.field.setText("no")
    qtbot.keyClick(mode.tiles.field, Qt.Key.Key_Escape)
    assert mode.tiles.names[1] == "between"
    qtbot.keyClick(grid, Qt.Key.Key_Delete)
    assert mode.tiles.names == ("point 1", "point 3") and len(page.saved[-1]) == 2
    assert np.array_equal(page.z, np.ones(4)), "deleting moves nothing"
    qtbot.mouseClick(mode.back, Qt.MouseButton.LeftButton)
    assert mode.tiles.names == ("point 1", "point 3", "between") and not mode.back.isVisible()
    page.go(np.full(4, 9, np.float32))
    mode.save_here()
    assert mode.tiles.names[-1] == "point 2", "the first number that is free"


def test_a_double_click_renames_and_leaving_keeps(page: StripPage, mode: SavedMode, qtbot: QtBot) -> None:
    mode.save_here()
    press_return(mode, qtbot)
    at = mode.tiles.grid.cell(0).center().toPoint()
    qtbot.mouseDClick(mode.tiles.grid, Qt.MouseButton.LeftButton, pos=at)
    assert mode.tiles.field.isVisible()
    mode.tiles.field.setText("kept")
    mode.save.setFocus()
    assert mode.tiles.names == ("kept",) and not mode.tiles.field.isVisible()


def test_the_class_comes_back_with_the_place(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model("conditional", classes=3), Z)
    page.strip.choose("saved")
    mode = page.strip.mode
    assert isinstance(mode, SavedMode)
    page.go(Z, 2)
    mode.save_here()
    press_return(mode, qtbot)
    page.go(Z, 1)
    assert mode.tiles.grid.selected == -1, "the same z of another class is another place"
    mode.save_here()
    press_return(mode, qtbot)
    assert page.asked[-1].labels == (2, 1) and mode.tiles.grid.pixels[:, 1, 0, 0].tolist() == [2, 1]
    qtbot.mouseClick(mode.tiles.grid, Qt.MouseButton.LeftButton, pos=mode.tiles.grid.cell(0).center().toPoint())
    assert page.label == 2 and mode.tiles.grid.selected == 0


def test_two_windows_see_each_others_points(page: StripPage, mode: SavedMode, qtbot: QtBot) -> None:
    mode.save_here()
    press_return(mode, qtbot)
    theirs = SavedPoints(str(page.model.provenance["weights_sha256"]), 4)
    theirs.add_point("theirs", np.ones(4, np.float32))
    mode.save_here()
    press_return(mode, qtbot)
    assert mode.tiles.names == ("point 1", "theirs", "point 2")
    theirs.refresh()
    assert len(theirs.points) == 3
    for point in theirs.points:
        theirs.remove(point.key)
    page.strip.choose("samples")
    page.strip.choose("saved")
    assert not mode.tiles.names and "No place" in mode.tiles.grid._hint


def test_a_damaged_file_is_said_and_kept(page: StripPage, mode: SavedMode, qtbot: QtBot) -> None:
    mode.save_here()
    assert mode.store is not None
    mode.store.path.write_bytes(b'{"torn')
    page.open(fake_model(), Z)
    told = [failure.text for failure in page.problems]
    assert len(told) == 1 and "damaged-1" in told[0]
    mode.save_here()
    press_return(mode, qtbot)
    assert mode.tiles.names == ("point 1",) and len(page.problems) == 1


def test_a_folder_that_cannot_be_written_is_said(page: StripPage, mode: SavedMode, home: Path) -> None:
    (home / "saved").rmdir() if (home / "saved").is_dir() else home.mkdir(exist_ok=True)
    (home / "saved").write_text("a file")
    mode.save_here()
    assert len(page.problems) == 1 and "saved" in page.problems[0].text and not mode.points


def test_many_are_scrolled_to(page: StripPage, mode: SavedMode, qtbot: QtBot) -> None:
    assert mode.store is not None
    for number in range(60):
        mode.store.add_point(
            f"point {number}" + " with a long name" * (number % 3), np.full(4, number / 30, np.float32)
        )
    page.strip.choose("samples")
    page.strip.choose("saved")
    assert len(mode.tiles.names) == 60
    qtbot.waitUntil(lambda: mode.tiles.verticalScrollBar().maximum() > 0)
    assert mode.tiles.grid.cell(0).width() >= 50
    mode.tiles.edit(59)
    field = mode.tiles.field
    shown = field.mapTo(mode.tiles.viewport(), field.rect().center())
    assert mode.tiles.viewport().rect().contains(shown)


def test_exports_read_back_as_shown(page: StripPage, mode: SavedMode, qtbot: QtBot, tmp_path: Path) -> None:
    for number in range(3):
        page.go(np.full(4, number / 3, np.float32))
        mode.save_here()
        press_return(mode, qtbot)
    mode.exports.save("saved-points", tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as read:
        assert np.array_equal(np.asarray(read)[::8, ::8][:, 18:26], mode.tiles.grid.pixels[2, ..., 0])
    told = images.read_provenance(tmp_path / "p.png")["points"]
    assert [one["name"] for one in told] == ["point 1", "point 2", "point 3"]
    mode.exports.save("saved-points-z", tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    wanted = np.stack([z for _, z in mode.points])
    assert np.array([row[2:] for row in rows], np.float32).tobytes() == wanted.tobytes()
    assert not page.problems

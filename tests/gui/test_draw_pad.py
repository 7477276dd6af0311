"""The sheet to draw on, and pictures that are dropped and pasted."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QInputDevice,
    QPointingDevice,
    QTabletEvent,
)
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from explorer.given import centred, read_picture, reduced
from explorer.messages import Pixels
from explorer.ui.app import make_application
from explorer.ui.draw_pad import DrawPad
from explorer.ui.drop import PASTED, accept_pictures

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


@pytest.fixture
def pad(qtbot: QtBot) -> DrawPad:
    make_application("dark")
    made = DrawPad((28, 28, 1))
    made.resize(282, 282)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


@pytest.fixture
def seen(pad: DrawPad) -> list[Pixels]:
    pictures: list[Pixels] = []
    pad.drawn.connect(pictures.append)
    return pictures


def stroke(qtbot: QtBot, pad: DrawPad, *places: tuple[int, int], button: Qt.MouseButton = LEFT) -> None:
    first, *rest = (QPoint(*place) for place in places)
    qtbot.mousePress(pad, button, pos=first)
    for place in rest:
        qtbot.mouseMove(pad, place)
    qtbot.mouseRelease(pad, button, pos=(rest or [first])[-1])


# ---- mouse ---------------------------------------------------------------------------------------------------------


def test_a_stroke_is_seen_at_each_move(qtbot: QtBot, pad: DrawPad, seen: list[Pixels]) -> None:
    ended: list[None] = []
    pad.finished.connect(lambda: ended.append(None))
    pad.centred = False
    ended.clear(), seen.clear()
    assert pad.empty and not pad.pixels.any() and pad.pixels.shape == (28, 28, 1)
    stroke(qtbot, pad, (40, 141), (120, 141), (240, 141))
    assert len(seen) == 3 and len(ended) == 1
    ink = [int(picture.astype(int).sum()) for picture in seen]
    assert ink[0] < ink[1] < ink[2] and np.array_equal(seen[-1], pad.pixels)
    rows = np.flatnonzero(pad.pixels[..., 0].any(1))
    assert rows.min() >= 12 and rows.max() <= 15, "where the mouse was"
    columns = np.flatnonzero(pad.pixels[14, :, 0])
    assert columns.min() in {2, 3} and columns.max() in {24, 25}


def test_the_drawing_is_fine_and_smooth(qtbot: QtBot, pad: DrawPad) -> None:
    stroke(qtbot, pad, (60, 60), (200, 220))
    canvas = pad.canvas
    assert canvas.shape == (336, 336, 1) and len(np.unique(canvas)) > 20, "antialiased"
    assert np.array_equal(pad.pixels, centred(canvas, (28, 28, 1)))
    pad.centred = False
    assert np.array_equal(pad.pixels, reduced(canvas, (28, 28, 1)))


def test_the_right_button_erases_and_strokes_are_taken_back(qtbot: QtBot, pad: DrawPad) -> None:
    pad.centred = False
    assert not pad.undoable
    pad.undo()
    stroke(qtbot, pad, (60, 100), (220, 100))
    first = pad.pixels
    stroke(qtbot, pad, (60, 200), (220, 200))
    second = pad.pixels
    stroke(qtbot, pad, (60, 100), (220, 100), button=RIGHT)
    assert not pad.pixels[9:11].any() and pad.pixels[19:21].any()
    pad.clear()
    assert pad.empty
    for before in (None, second, first):
        pad.undo()
        if before is not None:
            assert np.array_equal(pad.pixels, before)
    qtbot.keyClick(pad, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert pad.empty and not pad.undoable


def test_a_click_is_a_dot_and_outside_is_no_fault(qtbot: QtBot, pad: DrawPad, seen: list[Pixels]) -> None:
    stroke(qtbot, pad, (140, 140))
    assert not pad.empty and pad.pixels.max() > 200
    stroke(qtbot, pad, (2, 2), (-500, -500), (5000, 90))
    assert seen[-1].shape == (28, 28, 1)


def test_the_width_of_the_stroke(qtbot: QtBot, pad: DrawPad) -> None:
    pad.centred = False
    amounts = []
    for share in (0.0, 0.05, 0.1, 9.0):
        pad.set_stroke_width(share)
        stroke(qtbot, pad, (60, 140), (220, 140))
        amounts.append(int(pad.canvas.astype(int).sum()))
        pad.clear()
    assert amounts == sorted(amounts) and len(set(amounts)) == 4
    before = pad.stroke_width
    qtbot.keyClick(pad, Qt.Key.Key_BracketLeft)
    assert pad.stroke_width < before
    qtbot.keyClick(pad, Qt.Key.Key_BracketRight)
    assert pad.stroke_width == pytest.approx(before)


def test_other_shapes(qtbot: QtBot, pad: DrawPad) -> None:
    stroke(qtbot, pad, (60, 140), (220, 140))
    pad.set_shape((28, 28, 1))
    assert not pad.empty, "the same shape changes nothing"
    for shape in ((8, 8, 1), (32, 32, 3), (28, 20, 1), (1, 1, 1), (400, 300, 3)):
        pad.set_shape(shape)
        assert pad.empty and pad.pixels.shape == shape and not pad.undoable
        stroke(qtbot, pad, (140, 120), (142, 160))
        assert pad.pixels.shape == shape and pad.pixels.any()
        pad.grab()
    with pytest.raises(ValueError, match="does not fit"):
        pad.set_pixels(np.zeros((2, 2, 1), np.uint8))


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3)])
def test_a_picture_that_is_laid_down_is_seen_as_it_was(pad: DrawPad, shape: tuple[int, int, int]) -> None:
    pad.set_shape(shape)
    pad.centred = False
    picture = np.random.default_rng(3).integers(0, 256, shape).astype(np.uint8)
    pad.set_pixels(picture)
    assert np.array_equal(pad.pixels, picture)
    pad.undo()
    assert pad.empty


# ---- pen and keys --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pens() -> dict[bool, QPointingDevice]:
    """Return a pen and its other end; events hold no reference to them."""
    types = {False: QPointingDevice.PointerType.Pen, True: QPointingDevice.PointerType.Eraser}
    stylus, presses = QInputDevice.DeviceType.Stylus, QInputDevice.Capability.Pressure
    return {end: QPointingDevice("pen", 1 + end, stylus, kind, presses, 1, 1) for end, kind in types.items()}


def pen(kind: QEvent.Type, device: QPointingDevice, x: float, pressure: float) -> QTabletEvent:
    up = kind == QEvent.Type.TabletRelease
    button = LEFT if kind != QEvent.Type.TabletMove else Qt.MouseButton.NoButton
    held = Qt.MouseButton.NoButton if up else LEFT
    none = Qt.KeyboardModifier.NoModifier
    return QTabletEvent(kind, device, QPointF(x, 140), QPointF(x, 140), pressure, 0, 0, 0, 0, 0, none, button, held)


def pen_stroke(pad: DrawPad, device: QPointingDevice, pressure: float) -> int:
    kinds = (QEvent.Type.TabletPress, QEvent.Type.TabletMove, QEvent.Type.TabletRelease)
    for kind, x in zip(kinds, (60, 220, 220), strict=True):
        event = pen(kind, device, x, pressure)
        assert pad.event(event) and event.isAccepted(), "or a mouse event is made of it"
    return int(pad.canvas.astype(int).sum())


def test_a_pen_draws_wider_when_it_is_pressed_and_its_other_end_erases(
    pad: DrawPad, pens: dict[bool, QPointingDevice]
) -> None:
    amounts = []
    for pressure in (0.05, 0.5, 1.0):
        amounts.append(pen_stroke(pad, pens[False], pressure))
        pad.clear()
    assert amounts[0] < amounts[1] < amounts[2]
    pen_stroke(pad, pens[False], 0.5)
    pen_stroke(pad, pens[True], 1.0)
    assert pad.empty


def test_all_of_it_by_keyboard(qtbot: QtBot, pad: DrawPad) -> None:
    pad.centred = False
    qtbot.keyClick(pad, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert pad.empty, "the pen is up"
    qtbot.keyClick(pad, Qt.Key.Key_Space)
    for _ in range(20):
        qtbot.keyClick(pad, Qt.Key.Key_Down)
    qtbot.keyClick(pad, Qt.Key.Key_Space)
    drawn = pad.pixels
    assert drawn[14:27, 10:12].any() and not drawn[:, 20:].any()
    qtbot.keyClick(pad, Qt.Key.Key_Right)
    assert np.array_equal(pad.pixels, drawn)
    for _ in range(100):
        qtbot.keyClick(pad, Qt.Key.Key_Up)
    qtbot.keyClick(pad, Qt.Key.Key_E)
    qtbot.keyClick(pad, Qt.Key.Key_Space)
    qtbot.keyClick(pad, Qt.Key.Key_Space)
    assert np.array_equal(pad.pixels, drawn)
    qtbot.keyClick(pad, Qt.Key.Key_Delete)
    assert pad.empty
    assert pad.accessibleName() and "Space" in pad.toolTip() and pad.focusPolicy() & Qt.FocusPolicy.TabFocus


# ---- dropping and pasting ------------------------------------------------------------------------------------------


@pytest.fixture
def place(qtbot: QtBot) -> QWidget:
    make_application("dark")
    made = QWidget()
    made.resize(300, 200)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def dropped(widget: QWidget, data: QMimeData) -> bool:
    """Drag something over a widget and let it go; return whether it was taken."""
    at, copy = QPoint(20, 20), Qt.DropAction.CopyAction
    enter = QDragEnterEvent(at, copy, data, LEFT, Qt.KeyboardModifier.NoModifier)
    enter.ignore()
    QApplication.sendEvent(widget, enter)
    if not enter.isAccepted():
        return False
    drop = QDropEvent(QPointF(at), copy, data, LEFT, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, drop)
    return drop.isAccepted()


def of_files(*paths: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def of_image() -> tuple[QMimeData, QImage]:
    image = QImage(8, 8, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.darkCyan)
    data = QMimeData()
    data.setImageData(image)
    return data, image


def test_files_and_pictures_are_dropped(place: QWidget, tmp_path: Path) -> None:
    Image.new("L", (9, 9), 30).save(tmp_path / "x.png")
    taken: list[tuple[str, Pixels | None]] = []

    def take(path: Path) -> None:
        taken.append((path.name, read_picture(path, (8, 8, 3)) if path.exists() else None))

    accept_pictures(place, take)
    assert dropped(place, of_files(tmp_path / "x.png", tmp_path / "y.png"))
    assert taken[0][0] == "x.png" and (taken[0][1] == 30).all()  # type: ignore[attr-defined]
    assert dropped(place, of_image()[0])
    assert taken[1][0] == PASTED and (taken[1][1] == (0, 128, 128)).all()  # type: ignore[attr-defined]
    text = QMimeData()
    text.setText("words")
    assert not dropped(place, text) and len(taken) == 2
    far = QMimeData()
    far.setUrls([QUrl("https://example.org/x.png")])
    assert not dropped(place, far) and len(taken) == 2


def test_an_invitation_shows_while_something_is_dragged(place: QWidget, tmp_path: Path) -> None:
    accept_pictures(place, lambda path: None)
    cover = place.findChildren(QWidget)[0]
    data = of_files(tmp_path / "x.png")  # an event holds no reference to it
    enter = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, data, LEFT, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(place, enter)
    assert cover.isVisible() and cover.size() == place.size()
    place.grab()
    QApplication.sendEvent(place, QDragLeaveEvent())
    assert not cover.isVisible()


def test_pasting_is_of_the_widget_with_the_focus(
    qtbot: QtBot, place: QWidget, tmp_path: Path, until: Callable[[Callable[[], bool]], None]
) -> None:
    Image.new("L", (9, 9), 30).save(tmp_path / "x.png")
    taken: list[str] = []
    watched, line, inside = QWidget(), QLineEdit(), QLineEdit()
    row = QVBoxLayout(place)
    row.addWidget(watched)
    row.addWidget(line)
    QVBoxLayout(watched).addWidget(inside)
    watched.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    accept_pictures(watched, lambda path: taken.append(path.name))
    clipboard = QGuiApplication.clipboard()
    control = Qt.KeyboardModifier.ControlModifier
    place.activateWindow()
    until(lambda: place.isActiveWindow() and inside.isVisible())
    for data, name in ((of_files(tmp_path / "x.png"), "x.png"), (of_image()[0], PASTED)):
        clipboard.setMimeData(data)
        watched.setFocus()
        qtbot.keyClick(watched, Qt.Key.Key_V, control)
        assert taken.pop() == name
        line.setFocus()
        qtbot.keyClick(line, Qt.Key.Key_V, control)
        assert not taken
    clipboard.setText("7")
    watched.setFocus()
    qtbot.keyClick(watched, Qt.Key.Key_V, control)
    inside.setFocus()
    qtbot.keyClick(inside, Qt.Key.Key_V, control)
    assert not taken and inside.text() == "7", "a field keeps its own paste"
    clipboard.clear()
    watched.setFocus()
    qtbot.keyClick(watched, Qt.Key.Key_V, control)
    assert not taken

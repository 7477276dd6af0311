"""Sliders of a latent space: sorted, folded, typed, locked, and by keyboard alone."""

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from explorer.messages import Floats
from explorer.ui.app import make_application
from explorer.ui.latent_slider import LatentSlider
from explorer.ui.latent_sliders import LatentSliders
from explorer.ui.value_editor import how_rare, read_value
from explorer.walks import dimension_names

KL = [0.5, 2.0, 0.001, 1.0]


@pytest.fixture
def sliders(qtbot: QtBot) -> Iterator[LatentSliders]:
    make_application("dark")
    made = LatentSliders()
    made.resize(356, 400)
    made.set_model(dimension_names((4,)), KL)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    yield made


def shown(sliders: LatentSliders) -> list[int]:
    """Return the dimensions of the rows that are seen, from the top down."""
    rows = [slider for slider in sliders.sliders if slider.isVisible()]
    return [slider.dimension for slider in sorted(rows, key=lambda slider: slider.y())]


def typed(qtbot: QtBot, slider: LatentSlider, text: str, end: Qt.Key = Qt.Key.Key_Return) -> None:
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_Return)
    assert slider.editor is not None
    slider.editor.setText(text)  # QTest types no "−"
    qtbot.keyClick(slider.editor, end)


# ---- rows ----


def test_rows_are_sorted_by_kl_with_their_nats_and_inactive_ones_are_folded(
    sliders: LatentSliders, qtbot: QtBot
) -> None:
    assert shown(sliders) == [1, 3, 0]
    assert [sliders.sliders[k].text for k in (1, 3, 0, 2)] == ["z₁ 2.0 nats", "z₃ 1.0", "z₀ 0.5", "z₂ 0.00"]
    fold = next(found for found in sliders.findChildren(QPushButton) if "inactive" in found.text())
    assert fold.text() == "▸ 1 inactive dimension (KL < 0.01)"
    qtbot.keyClick(fold, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: shown(sliders) == [1, 3, 0, 2])
    qtbot.mouseClick(fold, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown(sliders) == [1, 3, 0])


def test_a_hierarchy_has_a_heading_for_each_level_with_its_sum(sliders: LatentSliders, qtbot: QtBot) -> None:
    sliders.set_model(dimension_names((3, 2)), [0.5, 1.25, 0.001, 0.25, 2.0], (3, 2))
    heads = [found.text() for found in sliders.findChildren(QLabel) if found.text().startswith("level")]
    assert sorted(heads) == ["level 1 · KL 1.8 nats", "level 2 · KL 2.2 nats"]
    qtbot.waitUntil(lambda: shown(sliders) == [4, 3, 1, 0])  # from the top level down
    assert sliders.sliders[4].text == "z²₁ 2.0 nats"


def test_deterministic_codes_have_no_kl_and_nothing_is_folded(sliders: LatentSliders, qtbot: QtBot) -> None:
    sliders.set_model(dimension_names((3,)), [])
    qtbot.waitUntil(lambda: shown(sliders) == [0, 1, 2])
    assert sliders.sliders[0].text == "z₀"
    assert "no prior" in sliders.random.toolTip()


def test_a_smaller_model_and_none_at_all_leave_nothing_behind(sliders: LatentSliders, qtbot: QtBot) -> None:
    sliders.sliders[1].set_locked(True)
    sliders.set_z(np.ones(4, np.float32))
    sliders.set_model(dimension_names((2,)), [1.0, 2.0])
    qtbot.waitUntil(lambda: shown(sliders) == [1, 0])
    assert not sliders.z.any() and not sliders.locked and sliders.z.shape == (2,)
    sliders.set_model([], [])
    assert not sliders.sliders and not sliders.random.isEnabled() and sliders.z.shape == (0,)
    sliders.set_model(dimension_names((64,)), [1.0] * 64)
    qtbot.waitUntil(lambda: len(shown(sliders)) == 64)


# ---- values ----


def test_what_lies_outside_is_kept_shown_and_explained(sliders: LatentSliders) -> None:
    z = np.array([4.25, -7.5, 0.1, 1e-20], np.float32)
    sliders.set_z(z)
    assert sliders.z.tobytes() == z.tobytes()
    assert sliders.sliders[0].value() == 4.25
    assert sliders.sliders[0]._x(4.25) == sliders.sliders[0]._x(3.0), "the knob stays in the groove"
    assert "beyond the slider" in sliders.sliders[0].explanation
    assert "beyond" in sliders.sliders[0].accessibleDescription() and not sliders.sliders[2].explanation
    sliders.sliders[3].setValue(1.0)
    assert sliders.z[:3].tobytes() == z[:3].tobytes(), "what is not moved stays to the last bit"


@pytest.mark.parametrize("text", ["1.26", "-1,5", "−2", " 3.5 ", "6", "-6", "1e-3"])
def test_a_typed_value_is_taken(sliders: LatentSliders, qtbot: QtBot, text: str) -> None:
    moved: list[Floats] = []
    ends: list[bool] = []
    sliders.moved.connect(moved.append)
    sliders.released.connect(lambda: ends.append(True))
    wanted = np.float32(float(text.replace("−", "-").replace(",", ".")))
    typed(qtbot, sliders.sliders[3], text)
    assert sliders.z[3] == wanted and moved[-1][3] == wanted and len(moved) == len(ends) == 1
    assert sliders.sliders[3].editor is None and sliders.how == "z₃"
    assert bool(sliders.sliders[3].explanation) == (abs(wanted) > 3) == sliders.note.isVisible()
    assert sliders.note.text() == sliders.sliders[3].explanation


@pytest.mark.parametrize(
    ("text", "says"), [("21", "−20 to 20"), ("nan", "−20 to 20"), ("", "no number"), ("z", "no number")]
)
def test_a_wrong_value_is_not_taken_and_says_what_is(
    sliders: LatentSliders, qtbot: QtBot, text: str, says: str
) -> None:
    slider = sliders.sliders[0]
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_F2)
    assert slider.editor is not None
    slider.editor.setText(text)
    qtbot.keyClick(slider.editor, Qt.Key.Key_Return)
    assert slider.editor is not None, "one can mend it"
    assert slider.editor.property("invalid") and says in slider.editor.accessibleDescription()
    assert sliders.note.isVisible() and says in sliders.note.text()
    assert not sliders.z.any()
    qtbot.keyClick(slider.editor, Qt.Key.Key_Escape)
    assert slider.editor is None and not sliders.z.any() and not sliders.note.isVisible()


def test_esc_and_leaving_forget_what_was_typed(sliders: LatentSliders, qtbot: QtBot) -> None:
    typed(qtbot, sliders.sliders[1], "2", Qt.Key.Key_Escape)
    assert not sliders.z.any() and sliders.sliders[1].editor is None
    where = sliders.sliders[1].value_place().center().toPoint()
    qtbot.mouseClick(sliders.sliders[1], Qt.MouseButton.LeftButton, pos=where)
    assert sliders.sliders[1].editor is not None
    sliders.sliders[3].setFocus()
    qtbot.waitUntil(lambda: sliders.sliders[1].editor is None)
    assert not sliders.z.any()


def test_another_model_takes_an_open_field_away(sliders: LatentSliders, qtbot: QtBot) -> None:
    sliders.sliders[1].edit()
    editor = sliders.sliders[1].editor
    assert editor is not None and editor.isVisible()
    sliders.set_model(dimension_names((3,)), [1.0, 1.0, 1.0])
    assert not editor.isVisible() and sliders.sliders[1].editor is None


@pytest.mark.parametrize("low", [False, True])
def test_the_field_to_type_into_is_seen_in_full(sliders: LatentSliders, low: bool) -> None:
    sliders.set_low(low)
    QApplication.processEvents()
    first = sliders.sliders[1]
    first.edit()
    assert first.editor is not None
    assert first.editor.parentWidget().rect().contains(first.editor.geometry())


def test_another_model_begins_at_the_top(sliders: LatentSliders, qtbot: QtBot) -> None:
    sliders.set_model(dimension_names((40,)), [1.0] * 40)
    bar = sliders._area.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 300)
    bar.setValue(300)
    sliders.set_model(dimension_names((60,)), [1.0] * 60)
    assert bar.value() == 0


def test_low_rows_are_lower_also_those_of_the_next_model(sliders: LatentSliders) -> None:
    usual = sliders.sliders[0].height()
    sliders.set_low(True)
    sliders.set_model(dimension_names((9,)), [1.0] * 9)
    assert {slider.height() for slider in sliders.sliders} == {22} and usual == 26
    sliders.set_low(False)
    assert {slider.height() for slider in sliders.sliders} == {usual}


def test_words_for_how_far_out_a_value_is() -> None:
    assert how_rare(3.5).startswith("1 in 2") and how_rare(-3.5) == how_rare(3.5)
    assert how_rare(2.0) == "4.6 % of the draws of N(0, 1) lie farther from 0"
    assert "practically no" in how_rare(40.0)
    assert read_value("−1,25") == (-1.25, "")
    assert read_value("inf")[1] and read_value("1 2")[1]


# ---- moving by hand ----


def test_a_drag_moves_and_ends_once(sliders: LatentSliders, qtbot: QtBot) -> None:
    slider = sliders.sliders[1]
    moved: list[Floats] = []
    ends: list[int] = []
    sliders.moved.connect(moved.append)
    sliders.released.connect(lambda: ends.append(len(moved)))
    left, right = (int(x) for x in slider.groove())
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint((left + right) // 2, 13))
    for x in range((left + right) // 2, right, 5):
        slider.setValue(slider.value_at(x))  # offscreen a synthetic move carries no button
    assert not ends
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(right, 13))
    assert ends == [len(moved)] and len(moved) > 5 and sliders.z[1] > 2.5


def test_the_keys(sliders: LatentSliders, qtbot: QtBot) -> None:
    slider = sliders.sliders[1]
    ends: list[bool] = []
    sliders.released.connect(lambda: ends.append(True))
    keys = Qt.Key
    for key, wanted in (
        (keys.Key_Right, 0.1), (keys.Key_Up, 0.2), (keys.Key_Left, 0.1), (keys.Key_PageUp, 0.6),
        (keys.Key_PageDown, 0.1), (keys.Key_End, 3.0), (keys.Key_Right, 3.0), (keys.Key_Home, -3.0),
        (keys.Key_Delete, 0.0), (keys.Key_End, 3.0), (keys.Key_0, 0.0),
    ):  # fmt: skip
        qtbot.keyClick(slider, key)
        assert sliders.z[1] == np.float32(wanted), key
    assert len(ends) == 11
    slider.show_value(4.0)
    qtbot.keyClick(slider, keys.Key_Right)
    assert slider.value() == 4.0, "no farther out than it is"
    qtbot.keyClick(slider, keys.Key_Left)
    assert slider.value() == pytest.approx(3.9)
    qtbot.mouseClick(slider, Qt.MouseButton.RightButton)
    assert sliders.z[1] == 0


def test_by_keyboard_alone(sliders: LatentSliders, qtbot: QtBot) -> None:
    sliders.set_image(np.full(4, 0.7, np.float32), np.full(4, 0.2, np.float32))
    sliders.zero.setFocus()
    visited: list[object] = []
    for _ in range(9):
        visited.append(QApplication.focusWidget())
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert visited[:3] == [sliders.zero, sliders.random, sliders.from_image]
    assert visited[3:6] == [sliders.sliders[k] for k in (1, 3, 0)], "down the rows as they are shown"
    assert isinstance(visited[6], QPushButton) and "inactive" in visited[6].text()
    sliders.sliders[3].setFocus()
    qtbot.keyClick(sliders.sliders[3], Qt.Key.Key_PageUp)
    qtbot.keyClick(sliders.sliders[3], Qt.Key.Key_L)
    qtbot.keyClick(sliders.from_image, Qt.Key.Key_Space)
    assert np.allclose(sliders.z, [0.7, 0.7, 0.7, 0.5]) and sliders.how == "from image"


# ---- locks ----


def test_locked_dimensions_stay_at_random_zero_and_image(sliders: LatentSliders, qtbot: QtBot) -> None:
    z = np.array([0.5, -1.5, 2.5, 3.5], np.float32)
    sliders.set_z(z)
    for k in (0, 3):
        qtbot.mouseClick(
            sliders.sliders[k], Qt.MouseButton.LeftButton, pos=sliders.sliders[k].lock_place().center().toPoint()
        )
    assert sliders.locked == {0, 3}
    sliders.set_image(np.full(4, 9, np.float32))
    for press in (sliders.random, sliders.zero, sliders.from_image):
        press.click()
        assert sliders.z[[0, 3]].tobytes() == z[[0, 3]].tobytes(), press.text()
        assert (sliders.z[[1, 2]] != z[[1, 2]]).all()
    held = sliders.hold(np.full(4, 7, np.float32))
    assert held.tolist() == [0.5, 7, 7, 3.5]
    sliders.set_z(np.zeros(4, np.float32))
    assert not sliders.z.any(), "undo restores everything"


def test_a_locked_slider_does_not_move_by_hand(sliders: LatentSliders, qtbot: QtBot) -> None:
    slider = sliders.sliders[1]
    qtbot.keyClick(slider, Qt.Key.Key_L)
    ends: list[bool] = []
    sliders.released.connect(lambda: ends.append(True))
    qtbot.keyClick(slider, Qt.Key.Key_End)
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(int(slider.groove()[1]), 13))
    qtbot.mouseClick(slider, Qt.MouseButton.RightButton)
    qtbot.keyClick(slider, Qt.Key.Key_Return)
    assert not sliders.z.any() and slider.editor is None and not ends
    assert "locked" in slider.accessibleDescription()
    qtbot.keyClick(slider, Qt.Key.Key_L)
    qtbot.keyClick(slider, Qt.Key.Key_End)
    assert sliders.z[1] == 3
    qtbot.keyClick(slider, Qt.Key.Key_L, Qt.KeyboardModifier.ShiftModifier)
    assert sliders.locked == {0, 1, 2, 3}
    qtbot.keyClick(slider, Qt.Key.Key_L, Qt.KeyboardModifier.ShiftModifier)
    assert not sliders.locked


def test_random_draws_are_of_the_prior(sliders: LatentSliders) -> None:
    sliders._random = np.random.default_rng(3)
    drawn = []
    for _ in range(1500):
        sliders._to_random()
        drawn.append(sliders.z)
    values = np.concatenate(drawn)
    assert abs(values.mean()) < 0.05 and abs(values.std() - 1) < 0.04, "temperature 1"
    assert np.abs(values).max() > 3, "not cut off at the slider's ends"


# ---- the posterior ----


def test_the_posterior_of_an_image_is_marked_on_each_slider(sliders: LatentSliders) -> None:
    mean, sigma = np.array([0.5, -1, 2, 0], np.float32), np.array([0.1, 0.2, 0.9, 1.0], np.float32)
    before = sliders.sliders[1].grab().toImage()
    sliders.set_image(mean, sigma)
    assert sliders.sliders[1].band == (-1.0, pytest.approx(0.2)) and sliders.from_image.isEnabled()
    assert "σ = 0.20" in sliders.sliders[1].tip_at(sliders.sliders[1].rect().center().toPointF())
    painted = sliders.sliders[1].grab().toImage()
    middle, x = painted.height() // 2 - 5, round(sliders.sliders[1]._x(-1.1))
    assert painted.pixelColor(x, middle) != before.pixelColor(x, middle)
    sliders.set_image(None)
    assert sliders.sliders[1].band is None and not sliders.from_image.isEnabled()
    assert sliders.sliders[1].grab().toImage() == before

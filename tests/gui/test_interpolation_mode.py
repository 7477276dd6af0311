"""Interpolation in the strip: the ways of ``walks`` between two picks, exact at both ends."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.animations import film_bytes
from explorer.ui.interpolation_mode import InterpolationMode
from explorer.ui.norm_curve import typical_norm
from explorer.walks import lerp, prior, slerp
from tests.gui.strip import StripPage, choose, fake_model, pictures_of, shown_page

A, B = np.array([1.0, 0.1, -0.3, 0.7], np.float32), np.array([-0.4, 1.2, 0.9, 0.3], np.float32)


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[StripPage]:
    yield from shown_page(qtbot)


@pytest.fixture
def mode(page: StripPage) -> InterpolationMode:
    """Return the mode, shown, a model open at A, B not picked yet."""
    page.open(fake_model(), A)
    page.strip.choose("interpolation")
    shown = page.strip.mode
    assert isinstance(shown, InterpolationMode)
    return shown


def test_a_second_pick_in_the_map_shows_what_lies_between(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model(), A)
    page.strip.second(B)
    mode = page.strip.mode
    assert isinstance(mode, InterpolationMode), "it comes up by itself"
    wanted = np.concatenate([lerp(A, B, 11), slerp(A, B, 11)])
    assert np.array_equal(page.asked[-1].z, wanted)
    assert mode.rows.names == ("linear", "spherical")
    assert np.array_equal(mode.rows.pixels.reshape(-1, 8, 8, 1), pictures_of(wanted, (0,)))
    for row in range(2):
        assert mode.shown is not None
        assert mode.shown.z[row * 11].tobytes() == A.tobytes()
        assert mode.shown.z[row * 11 + 10].tobytes() == B.tobytes()
    assert mode.rows.marks == (0, 0), "the cursor is at A"


def test_take_a_take_b_and_swap(page: StripPage, mode: InterpolationMode, qtbot: QtBot) -> None:
    assert "Shift+click" in mode.rows.hint and not mode.swap.isEnabled()
    ends: list[np.ndarray] = []
    page.strip.second_moved.connect(ends.append)
    qtbot.mouseClick(mode.take_b, Qt.MouseButton.LeftButton)
    assert "B is taken" in mode.rows.hint
    page.go(B)
    qtbot.mouseClick(mode.take_a, Qt.MouseButton.LeftButton)
    assert mode.a is not None and mode.b is not None
    assert np.array_equal(mode.a, B) and np.array_equal(mode.b, A)
    qtbot.mouseClick(mode.swap, Qt.MouseButton.LeftButton)
    assert np.array_equal(page.asked[-1].z, np.concatenate([lerp(A, B, 11), slerp(A, B, 11)]))
    assert [bool(np.array_equal(end, A)) for end in ends] == [True, True, False], "the map marks where B is"
    page.go(np.zeros(4, np.float32))
    assert np.array_equal(mode.a, A) and np.array_equal(mode.b, B), "moving on leaves them where they are"
    assert mode.rows.marks == (-1, -1)


@pytest.mark.parametrize(("way", "walk"), [("linear", lerp), ("spherical", slerp)])
def test_one_way_only_and_other_steps(page: StripPage, mode: InterpolationMode, way: str, walk) -> None:
    page.strip.second(B)
    choose(mode.ways, way)
    choose(mode.count, 21)
    assert np.array_equal(page.asked[-1].z, walk(A, B, 21)) and mode.rows.names == (way,)
    path = page.paths[-1]
    assert path is not None and np.array_equal(path, walk(A, B, 61)), "the line in the map is finer"


def test_the_way_is_drawn_in_the_map_while_it_is_shown(page: StripPage, mode: InterpolationMode) -> None:
    page.strip.second(B)
    path = page.paths[-1]
    assert path is not None and np.array_equal(path[0], A) and np.array_equal(path[-1], A), "there and back again"
    assert np.array_equal(path[60], B) and np.array_equal(path[61], B)
    page.strip.choose("samples")
    assert page.paths[-1] is None
    page.strip.choose("interpolation")
    assert page.paths[-1] is not None
    page.strip.second(None)
    assert page.paths[-1] is None and "A is taken" in mode.rows.hint


def test_a_click_goes_exactly_to_the_cell(page: StripPage, mode: InterpolationMode, qtbot: QtBot) -> None:
    page.strip.second(B)
    assert mode.rows.plan is not None
    at = mode.rows.plan.cell(1, 7).center().toPoint()
    qtbot.mouseClick(mode.rows, Qt.MouseButton.LeftButton, pos=at)
    assert page.went[-1].tobytes() == slerp(A, B, 11)[7].tobytes() and page.released == 1
    assert mode.rows.marks == (-1, 7)
    assert "spherical, λ = 0.70" in mode.rows.tip(1, 7)


def test_the_cursor_goes_along_only_if_wanted(page: StripPage, mode: InterpolationMode, qtbot: QtBot) -> None:
    page.strip.second(B)
    mode.animate(True)
    qtbot.waitUntil(lambda: mode.rows.step >= 2)
    assert not page.went
    mode.follow.setChecked(True)
    qtbot.waitUntil(lambda: len(page.went) >= 2)
    ways = slerp(A, B, 11)
    assert all(any(np.array_equal(z, place) for place in ways) for z in page.went)
    mode.animate(False)
    assert page.released == 1 and mode.rows.step == -1


def test_other_modes_come_up_while_it_swings(page: StripPage, mode: InterpolationMode, qtbot: QtBot) -> None:
    page.strip.second(B)
    mode.follow.setChecked(True)
    qtbot.mouseClick(page.strip.animate, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(page.went) >= 2)
    for key in ("traversal", "samples", "attributes", "saved"):
        qtbot.mouseClick(page.strip.buttons.buttons[key], Qt.MouseButton.LeftButton)
        assert not mode.swinging and not page.strip.animate.isChecked()
    went = len(page.went)
    qtbot.wait(250)
    assert len(page.went) == went, "nothing moves any more"


def test_lengths_beside_what_is_typical(page: StripPage, mode: InterpolationMode) -> None:
    page.strip.second(B)
    _, straight = mode.norms.ways["linear"]
    _, round_ = mode.norms.ways["spherical"]
    low, high = sorted((float(np.linalg.norm(A)), float(np.linalg.norm(B))))
    assert straight.min() < low and low - 1e-6 <= round_.min() and round_.max() <= high + 1e-6
    assert mode.model is not None and mode.model.latents is not None
    for size in (2, 10, 100):
        model = fake_model(kl=(1.0,) * size)
        assert model.latents is not None
        typical = typical_norm(model.latents)
        drawn = np.linalg.norm(prior(20_000, size, 0), axis=1)
        inside = float(((drawn >= typical.low) & (drawn <= typical.high)).mean())
        assert 0.93 < inside < 0.98 and typical.middle == pytest.approx(np.sqrt(size))
    codes = fake_model("autoencoder").latents
    assert codes is not None and "data" in typical_norm(codes).name


def test_a_conditional_model_is_asked_for_the_class(page: StripPage, qtbot: QtBot) -> None:
    page.open(fake_model("conditional", classes=3), A)
    page.go(A, 2)
    page.strip.second(B)
    assert page.asked[-1].labels == (2,)
    page.go(B, 1)
    qtbot.waitUntil(lambda: page.asked[-1].labels == (1,))
    mode = page.strip.mode
    assert isinstance(mode, InterpolationMode) and (mode.rows.pixels[:, :, 1, 0] == 1).all()


def test_another_model_forgets_both_ends(page: StripPage, mode: InterpolationMode) -> None:
    page.strip.second(B)
    page.open(fake_model(kl=(1.0, 0.5), name="other"))
    assert mode.a is None and mode.b is None and page.strip.mode is mode
    assert "Shift+click" in mode.rows.hint and page.paths[-1] is None and not page.strip.export.isEnabled()


def test_exports_read_back_as_shown(page: StripPage, mode: InterpolationMode, tmp_path: Path) -> None:
    page.strip.second(B)
    mode.exports.save("interpolation", tmp_path / "i.png")
    with Image.open(tmp_path / "i.png") as read:
        assert np.array_equal(np.asarray(read)[::8, ::8][9:17, 9 * 10 : 9 * 10 + 8], mode.rows.pixels[1, 10, ..., 0])
    told = images.read_provenance(tmp_path / "i.png")
    assert told["ways"] == ["linear", "spherical"] and np.array(told["b"], np.float32).tobytes() == B.tobytes()
    mode.exports.save("interpolation-z", tmp_path / "i.csv")
    with (tmp_path / "i.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    assert np.array([row[2:] for row in rows], np.float32).tobytes() == page.asked[-1].z.tobytes()
    assert [row[0] for row in rows[::11]] == ["linear", "spherical"] and rows[-1][1] == "1"
    (tmp_path / "i.apng").write_bytes(film_bytes(".apng", mode._reel()))
    with Image.open(tmp_path / "i.apng") as read:
        assert read.n_frames == 20
    assert images.read_provenance(tmp_path / "i.apng")["made"] == "interpolation film"
    assert not page.problems

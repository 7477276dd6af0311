"""The level mixer: what it says is always true of the place one is at, and what it shows is the decode of that."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.animations import film_bytes
from explorer.errors import ExplorerError
from explorer.inference.session import ModelSession
from explorer.latent_messages import StripRequest
from explorer.messages import Floats, LatentMap
from explorer.ui import theme
from explorer.ui.level_mixer import level_name
from explorer.ui.level_pictures import STEPS, LevelPictures, shares, words
from explorer.ui.levels_mode import LevelsMode, two_items
from explorer.walks import lerp
from tests.gui.families import ModePage, encoded, shown_mode
from tests.gui.strip import fake_model

LOWER, UPPER = slice(0, 24), slice(24, 32)


@pytest.fixture(scope="module")
def session() -> ModelSession:
    return ModelSession.open("mnist-ladder", "cpu")


@pytest.fixture
def page(qtbot: QtBot, session: ModelSession) -> Iterator[ModePage]:
    yield from shown_mode(qtbot, LevelsMode(), session)


@pytest.fixture
def mode(page: ModePage) -> LevelsMode:
    page.open()
    assert isinstance(page.mode, LevelsMode)
    return page.mode


def press(mode: LevelsMode, level: int, source: str) -> None:
    mode.mixer.sources[level].buttons[source].click()


def keys_of(mode: LevelsMode) -> list[str]:
    return [source.key for source in mode.mixer.sources]


def place_of(mode: LevelsMode) -> Floats:
    assert mode.z is not None
    return mode.z


def ends(mode: LevelsMode) -> tuple[Floats, Floats]:
    assert mode.a is not None and mode.b is not None
    return mode.a, mode.b


def test_it_is_for_hierarchies_only(session: ModelSession) -> None:
    assert LevelsMode.fits(session.opened(1)) and not LevelsMode.fits(fake_model("vae"))


def test_the_kl_of_each_level_is_the_sum_of_its_dimensions(mode: LevelsMode, session: ModelSession) -> None:
    kl = session.latents().kl_per_dimension
    assert [bar.text for bar in mode.mixer.bars] == [f"{kl[part].sum():.1f} nats" for part in (LOWER, UPPER)]
    assert [len(bar.kl) for bar in mode.mixer.bars] == [24, 8]
    assert "24 dimensions active" in mode.mixer.bars[0].toolTip() and "z²" in mode.mixer.bars[1].toolTip()
    names = mode.mixer.bars[0].mapTo(mode, QPoint(0, 0)).y(), mode.mixer.bars[1].mapTo(mode, QPoint(0, 0)).y()
    assert names[1] < names[0], "the top level is on top"


def test_a_and_b_are_two_items_of_different_classes(mode: LevelsMode, session: ModelSession) -> None:
    found = session.latents()
    a, b = ends(mode)
    other = int(np.flatnonzero(found.labels != found.labels[0])[0])
    assert np.array_equal(a, found.means[0]) and np.array_equal(b, found.means[other])
    one = LatentMap(found.means[:3], np.zeros(3, np.int64), found.kl_per_dimension, "test")
    assert np.array_equal(two_items(one)[1], found.means[2])


def test_the_mix_is_made_of_the_levels_that_were_chosen(
    page: ModePage, mode: LevelsMode, session: ModelSession, qtbot: QtBot
) -> None:
    start = np.full(32, 0.25, np.float32)
    mode.set_place(start, 0)
    a, b = ends(mode)
    press(mode, 1, "a")
    assert np.array_equal(page.went[-1], np.r_[start[LOWER], a[UPPER]]), "the other level stays"
    press(mode, 0, "b")
    assert np.array_equal(page.went[-1], np.r_[b[LOWER], a[UPPER]]) and keys_of(mode) == ["b", "a"]
    press(mode, 0, "here")
    assert np.array_equal(page.went[-1], np.r_[b[LOWER], a[UPPER]]), "here is where it is"
    mixed = page.went[-1]
    qtbot.waitUntil(lambda: mode.shown is not None and np.array_equal(mode.shown.about.z, mixed))
    assert np.array_equal(mode.pictures.grid.pixels[-1], session.decode(mixed[None])[0])


def test_resampling_a_level_keeps_the_rest(page: ModePage, mode: LevelsMode, qtbot: QtBot) -> None:
    press(mode, 0, "b")
    press(mode, 1, "prior")
    first, (_, b) = page.went[-1], ends(mode)
    mode.mixer.dice[1].click()
    second = page.went[-1]
    assert np.array_equal(first[LOWER], b[LOWER]) and np.array_equal(second[LOWER], b[LOWER])
    assert not np.array_equal(first[UPPER], second[UPPER]) and keys_of(mode) == ["b", "prior"]
    drawn = []
    for _ in range(300):
        mode.mixer.dice[1].click()
        drawn.append(page.went[-1][UPPER])
    values = np.concatenate(drawn)
    assert abs(float(values.mean())) < 4 / len(values) ** 0.5, "N(0, I) within four standard errors"
    assert abs(float(values.var()) - 1) < 4 * (2 / len(values)) ** 0.5
    mode.mixer.dice[0].click()
    assert np.array_equal(page.went[-1][UPPER], values[-8:]) and keys_of(mode) == ["prior", "prior"]


def test_the_keyboard_alone_mixes(page: ModePage, mode: LevelsMode, qtbot: QtBot) -> None:
    page.activateWindow()
    mode.mixer.sources[1].buttons["a"].setFocus()
    qtbot.keyClick(mode.mixer.sources[1].buttons["a"], Qt.Key.Key_Right)
    qtbot.keyClick(mode.mixer.sources[1].buttons["b"], Qt.Key.Key_Space)
    assert mode.choices[1] == "b" and np.array_equal(page.went[-1][UPPER], ends(mode)[1][UPPER])
    here = mode.mixer.stops.index(mode.mixer.dice[1])
    assert mode.mixer.stops[here + 1] is mode.mixer.sources[0].buttons["a"], "Tab goes down the rows"
    after = mode.mixer.dice[1].nextInFocusChain()
    while after.focusPolicy() == Qt.FocusPolicy.NoFocus:
        after = after.nextInFocusChain()
    assert after is mode.mixer.stops[here + 1]
    qtbot.keyClick(mode.mixer.dice[0], Qt.Key.Key_Space)
    assert mode.choices == ["prior", "b"]


def test_a_level_that_is_moved_by_hand_is_here(mode: LevelsMode) -> None:
    press(mode, 0, "b")
    press(mode, 1, "a")
    moved = place_of(mode).copy()
    moved[25] += 0.5
    mode.set_place(moved, 0)
    assert keys_of(mode) == mode.choices == ["b", "here"]
    mode.set_place(np.zeros(32, np.float32), 0)
    assert keys_of(mode) == ["here", "here"]


def test_after_an_undo_it_knows_a_and_b_again(page: ModePage, mode: LevelsMode) -> None:
    press(mode, 0, "b")
    press(mode, 1, "a")
    before = place_of(mode).copy()
    mode.mixer.dice[1].click()
    assert keys_of(mode) == ["b", "prior"]
    mode.set_place(before, 0)
    assert keys_of(mode) == ["b", "a"]


def test_single_exchanges_are_decoded(mode: LevelsMode, session: ModelSession, qtbot: QtBot) -> None:
    a, b = ends(mode)
    qtbot.waitUntil(lambda: mode.shown is not None)
    wanted = [a, b, np.r_[b[LOWER], a[UPPER]], np.r_[a[LOWER], b[UPPER]], place_of(mode)]
    expected = np.concatenate([session.decode(z[None]) for z in wanted])
    assert np.array_equal(mode.pictures.grid.pixels, expected)
    changes = shares(expected)
    rms = [float(np.sqrt(np.square(expected[k].astype(float) - expected[0]).mean())) for k in (1, 2, 3)]
    assert np.allclose(changes, [100 * rms[1] / rms[0], 100 * rms[2] / rms[0]])
    assert mode.words.text() == words(["z¹", "z²"], changes)


def test_words_say_which_level_carries_most() -> None:
    assert words(["z¹", "z²"], [21.2, 83.4]) == (
        "z² carries most of what tells A from B: exchanged alone it changes A by 83\u00a0%, z¹ by 21\u00a0%"
    )
    assert words(["z¹", "z²", "z³"], [90.0, 4.0, 30.0]).endswith("by 90\u00a0%, z³ by 30\u00a0%, z² by 4\u00a0%")
    assert "no level tells them apart" in words(["z¹", "z²"], [0.0, 0.2])
    assert shares(np.zeros((5, 4, 4, 1), np.uint8)) == [0.0, 0.0]
    assert level_name(0) == "z¹" and level_name(9) == "z¹⁰"


def test_captions_say_as_much_as_there_is_room_for(qtbot: QtBot) -> None:
    pictures = LevelPictures()
    qtbot.addWidget(pictures)
    pixels = np.arange(8 * 16, dtype=np.uint8).reshape(8, 4, 4, 1)
    names = [level_name(level) for level in range(5)]
    for width, caption in ((1200, "A, z¹ of B ·"), (800, "z¹ of B ·"), (600, "z¹ ·"), (240, "z¹")):
        pictures.resize(width, 120)
        pictures.show()
        pictures.set_pictures(pixels, names, "mix", 0)
        shown = pictures.grid._captions
        assert shown[2].startswith(caption) and shown[0] == "A" and shown[-1] == "mix"
        room = width / len(pixels)
        assert all(pictures.grid.fontMetrics().horizontalAdvance(text) < 1.3 * room + 8 for text in shown)


def test_a_click_goes_to_the_picture(page: ModePage, mode: LevelsMode, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: mode.shown is not None)
    grid = mode.pictures.grid
    qtbot.mouseClick(grid, Qt.MouseButton.LeftButton, pos=grid.cell(3).center().toPoint())
    a, b = ends(mode)
    assert np.array_equal(page.went[-1], np.r_[a[LOWER], b[UPPER]])
    qtbot.waitUntil(lambda: grid.selected == 3)
    grid.setFocus()
    qtbot.keyClick(grid, Qt.Key.Key_Left)
    assert np.array_equal(page.went[-1], np.r_[b[LOWER], a[UPPER]])


def test_a_and_b_can_be_taken_and_swapped(
    page: ModePage, mode: LevelsMode, session: ModelSession, qtbot: QtBot
) -> None:
    here = np.linspace(-1, 1, 32, dtype=np.float32)
    mode.set_place(here, 0)
    mode.take_a.click()
    assert np.array_equal(ends(mode)[0], here)
    image = session.decode(np.full((1, 32), 0.7, np.float32))
    found = encoded(session, image)
    mode.take_encoded(found)
    mode.take_b.click()
    assert np.array_equal(ends(mode)[1], found.z), "the image came after the last move"
    press(mode, 1, "a")
    mode.swap.click()
    a, b = ends(mode)
    assert np.array_equal(a, found.z) and np.array_equal(b, here)
    assert np.array_equal(page.went[-1][UPPER], a[UPPER]), "what comes from A goes along"
    assert page.paths[-1] is not None and np.array_equal(page.paths[-1], np.stack([a, b]))
    second = np.full(32, 2.0, np.float32)
    mode.take_second(second)
    assert np.array_equal(ends(mode)[1], second)
    mode.go_down()
    asked, went = len(page.asked), len(page.went)
    mode.take_second(here)
    assert (len(page.asked), len(page.went)) == (asked, went), "hidden it asks and moves nothing"


def test_gradually_each_level_goes_over_by_itself(
    page: ModePage, mode: LevelsMode, session: ModelSession, qtbot: QtBot
) -> None:
    with pytest.raises(ExplorerError, match="gradually"):
        mode._reel()
    mode.view.buttons["way"].click()
    qtbot.waitUntil(lambda: mode.steps == STEPS)
    a, b = ends(mode)
    rows = mode.pictures.rows
    assert rows.names == ("z¹", "z²", "all") and rows.pixels.shape[:2] == (3, STEPS)
    for row, other in enumerate((np.r_[b[LOWER], a[UPPER]], np.r_[a[LOWER], b[UPPER]], b)):
        way = lerp(a, other, STEPS)
        assert np.array_equal(rows.pixels[row, 2], session.decode(way[2:3])[0])
    assert rows.plan is not None
    qtbot.mouseClick(rows, Qt.MouseButton.LeftButton, pos=rows.plan.cell(1, 4).center().toPoint())
    assert np.allclose(page.went[-1], lerp(a, np.r_[a[LOWER], b[UPPER]], STEPS)[4])
    assert mode.animates
    mode.animate(True)
    qtbot.waitUntil(lambda: rows.step == 3)
    mode.animate(False)
    assert rows.step == -1 and film_bytes(".gif", mode._reel()).startswith(b"GIF")


def test_a_mix_that_is_late_is_not_shown_for_another(page: ModePage, mode: LevelsMode, qtbot: QtBot) -> None:
    page.hold = True
    for value in (0.1, 0.2):
        asked = page.kinds(StripRequest)
        mode.set_place(np.full(32, value, np.float32), 0)
        qtbot.waitUntil(lambda asked=asked: page.kinds(StripRequest) > asked)  # type: ignore[misc]
    for request in (page.asked[-1], page.asked[-2]):
        page.answer(request)
    assert mode.shown is not None and float(mode.shown.about.z[0]) == np.float32(0.2)


def test_it_says_what_to_do(mode: LevelsMode) -> None:
    mode.set_model(None, [], "Open a hierarchical VAE.")
    assert mode.pictures.grid._hint == "Open a hierarchical VAE." and not mode.exportable
    assert not mode.mixer.isVisible() and mode.a is None
    mode.set_model(None, [])
    assert "as A" in mode.pictures.grid._hint


@pytest.mark.parametrize("name", ["dark", "light"])
def test_everything_has_room(page: ModePage, mode: LevelsMode, qtbot: QtBot, name: theme.ThemeName) -> None:
    theme.current().apply(name)
    qtbot.waitUntil(lambda: mode.shown is not None)
    for size in ((1396, 244), (1056, 174), (1396, 500)):
        page.resize(*size)
        qtbot.waitUntil(lambda size=size: (page.width(), page.height()) == size)  # type: ignore[misc]
        for part in (*mode.mixer.sources, *mode.mixer.dice, *mode.mixer.bars, mode.pictures):
            where = part.rect().translated(part.mapTo(mode, QPoint(0, 0)))
            assert mode.rect().contains(where), f"{part.accessibleName()} {where} is not in {mode.rect()}"
        assert mode.pictures.grid.cell(0).width() >= 40
        page.grab()
    theme.current().apply("dark")


def test_files_say_what_was_shown(page: ModePage, mode: LevelsMode, qtbot: QtBot, tmp_path: Path) -> None:
    press(mode, 1, "prior")
    press(mode, 0, "b")
    qtbot.waitUntil(lambda: mode.shown is not None and np.array_equal(mode.shown.about.z, place_of(mode)))
    mode.exports.save("levels", tmp_path / "a.png")
    told = images.read_provenance(tmp_path / "a.png")
    assert np.array_equal(np.array(told["z"], np.float32), place_of(mode)) and told["levels_from"] == ["b", "prior"]
    assert np.array_equal(np.array(told["a"], np.float32), ends(mode)[0]) and told["seeds"] == [mode.seeds[1]]
    mode.exports.save("levels-z", tmp_path / "a.csv")
    rows = list(csv.reader((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()))
    assert [row[0] for row in rows[1:]] == ["A", "B", "A, z¹ of B", "A, z² of B", "mix"]
    assert np.array_equal(np.array(rows[-1][1:], np.float32), place_of(mode))
    assert not page.problems

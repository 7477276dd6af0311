"""One z through all classes: each cell is what the decoder makes of that z and that class."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.animations import film_bytes
from explorer.inference.session import ModelSession
from explorer.ui.classes_mode import ClassesMode
from explorer.walks import prior
from tests.gui.families import ModePage, shown_mode
from tests.gui.strip import choose, fake_model

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(scope="module")
def session() -> ModelSession:
    return ModelSession.open("mnist-conditional", "cpu")


@pytest.fixture
def page(qtbot: QtBot, session: ModelSession) -> Iterator[ModePage]:
    yield from shown_mode(qtbot, ClassesMode(), session)


@pytest.fixture
def mode(page: ModePage, qtbot: QtBot) -> ClassesMode:
    page.open()
    made = page.mode
    assert isinstance(made, ClassesMode)
    qtbot.waitUntil(lambda: made.shown is not None)
    return made


def click(qtbot: QtBot, mode: ClassesMode, row: int, column: int) -> None:
    assert mode.rows.plan is not None
    qtbot.mouseClick(mode.rows, LEFT, pos=mode.rows.plan.cell(row, column).center().toPoint())


def test_it_is_for_models_that_are_told_a_class(session: ModelSession) -> None:
    assert ClassesMode.fits(session.opened(1)) and not ClassesMode.fits(fake_model("vae"))


def test_each_cell_is_that_z_and_that_class(page: ModePage, mode: ClassesMode, session: ModelSession) -> None:
    size = session.latent_size
    assert mode.z is not None and mode.rows.names == ("this z", "draw 1") and mode.rows.pixels.shape[:2] == (2, 10)
    for row, z in enumerate((mode.z, prior(1, size, mode.seed.seed)[0])):
        for label in (0, 4, 9):
            assert np.array_equal(mode.rows.pixels[row, label], session.decode(z[None], label)[0])
    assert mode.rows.marks == (0, -1)
    assert mode.heading == "Classes · one z, p(x|z, c) of each of 10 classes c"


def test_a_click_tells_the_class_and_keeps_z(page: ModePage, mode: ClassesMode, qtbot: QtBot) -> None:
    assert mode.z is not None
    z = mode.z.copy()
    asked = len(page.asked)
    click(qtbot, mode, 0, 7)
    assert page.told == [7] and np.array_equal(page.went[-1], z)
    assert mode.rows.marks == (7, -1) and len(page.asked) == asked, "the pictures are the same"
    click(qtbot, mode, 1, 3)
    assert page.told[-1] == 3 and np.array_equal(page.went[-1], prior(1, len(z), mode.seed.seed)[0])
    qtbot.waitUntil(lambda: mode.rows.marks == (3, 3))


def test_the_keyboard_alone_chooses(page: ModePage, mode: ClassesMode, qtbot: QtBot) -> None:
    mode.rows.setFocus()
    qtbot.keyClick(mode.rows, Qt.Key.Key_Right)
    qtbot.keyClick(mode.rows, Qt.Key.Key_Right)
    assert page.told == [1, 2] and mode.rows.marks[0] == 2


def test_draws_are_of_the_prior_and_of_the_seed(page: ModePage, mode: ClassesMode, qtbot: QtBot) -> None:
    choose(mode.draws, 3)
    assert mode.rows.names == ("this z", "draw 1", "draw 2", "draw 3")
    before = mode.rows.pixels.copy()
    mode.seed.set_seed(7)
    qtbot.waitUntil(lambda: not np.array_equal(mode.rows.pixels, before))
    assert np.array_equal(mode.rows.pixels[0], before[0]), "this z stays"
    assert mode.shown is not None and np.array_equal(mode.shown.about.z[1:], prior(3, mode.z.shape[0], 7))  # type: ignore[union-attr]
    choose(mode.draws, 0)
    assert mode.rows.names == ("this z",) and not mode.seed.isEnabled()


def test_it_follows_the_sliders_and_swings(
    page: ModePage, mode: ClassesMode, session: ModelSession, qtbot: QtBot
) -> None:
    z = np.full(session.latent_size, 0.5, np.float32)
    mode.set_place(z, 5)
    assert mode.rows.marks[0] == 5
    qtbot.waitUntil(lambda: mode.shown is not None and np.array_equal(mode.shown.about.z[0], z))
    assert mode.steps == 10 and mode.animates
    mode.animate(True)
    qtbot.waitUntil(lambda: mode.rows.step == 4)
    mode.animate(False)
    assert mode.rows.step == -1
    mode.go_down()
    asked = len(page.asked)
    mode.set_place(-z, 1)
    assert not mode._settled.isActive() and len(page.asked) == asked


def test_it_says_what_to_do(mode: ClassesMode) -> None:
    mode.set_model(None, [])
    assert "conditional VAE" in mode.rows.hint and not mode.exportable and not mode.animates


def test_files_say_what_was_shown(page: ModePage, mode: ClassesMode, tmp_path: Path) -> None:
    assert mode.shown is not None and mode.z is not None
    mode.exports.save("classes", tmp_path / "a.png")
    told = images.read_provenance(tmp_path / "a.png")
    assert np.array_equal(np.array(told["z"][0], np.float32), mode.z)
    assert told["classes"] == 10 and told["seed"] == mode.seed.seed
    mode.exports.save("classes-z", tmp_path / "a.csv")
    rows = list(csv.reader((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()))
    assert [row[:2] for row in rows[1:4]] == [["this z", "0"], ["this z", "1"], ["this z", "2"]] and len(rows) == 21
    assert np.array_equal(np.array(rows[1][2:], np.float32), mode.z)
    reel = mode._reel()
    assert reel.count == 18 and film_bytes(".gif", reel).startswith(b"GIF") and not page.problems

"""Samples in the strip: what is asked of the prior, and a click goes exactly to a sample."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.latent_messages import PriorRequest
from explorer.ui.samples_mode import SamplesMode
from explorer.walks import prior
from tests.gui.strip import StripPage, choose, fake_model, shown_page


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[StripPage]:
    yield from shown_page(qtbot)


def open_samples(page: StripPage, family: str = "vae", classes: int = 0) -> SamplesMode:
    page.open(fake_model(family, classes=classes))
    page.strip.choose("samples")
    mode = page.strip.mode
    assert isinstance(mode, SamplesMode)
    return mode


def asked(page: StripPage) -> PriorRequest:
    request = page.asked[-1]
    assert isinstance(request, PriorRequest)
    return request


def test_it_draws_from_the_model_itself_at_first(page: StripPage) -> None:
    mode = open_samples(page)
    assert (asked(page).count, asked(page).seed, asked(page).temperature, asked(page).label) == (32, 42, 1.0, None)
    assert len(mode.grid.pixels) == 32 and mode.grid.selected == -1
    requests = len(page.asked)
    page.strip.choose("saved")
    page.strip.choose("samples")
    assert len(page.asked) == requests, "what is drawn stays drawn"


def test_temperature_count_and_seed(page: StripPage, qtbot: QtBot) -> None:
    mode = open_samples(page)
    mode.temperature.setFocus()
    qtbot.keyClick(mode.temperature, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: asked(page).temperature == 0)
    assert mode.samples is not None and not mode.samples.z.any()
    qtbot.keyClick(mode.temperature, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: asked(page).temperature == 2)
    qtbot.mouseClick(mode.temperature, Qt.MouseButton.RightButton)
    qtbot.waitUntil(lambda: asked(page).temperature == 1)
    choose(mode.count, 64)
    qtbot.waitUntil(lambda: len(mode.grid.pixels) == 64)
    qtbot.mouseClick(mode.seed.dice, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: asked(page).seed == mode.seed.seed)
    assert mode.samples is not None and np.array_equal(mode.samples.z, prior(64, 4, mode.seed.seed))
    assert mode.seed.used[0] == mode.seed.seed and 42 in mode.seed.used


def test_a_dragged_temperature_asks_seldom(page: StripPage, qtbot: QtBot) -> None:
    mode = open_samples(page)
    before = len(page.asked)
    for value in np.linspace(0, 2, 500):
        mode.temperature.setValue(float(value))
    qtbot.waitUntil(lambda: asked(page).temperature == 2)
    assert len(page.asked) <= before + 5


def test_a_click_and_the_keys_go_exactly_to_a_sample(page: StripPage, qtbot: QtBot) -> None:
    mode = open_samples(page)
    qtbot.mouseClick(mode.grid, Qt.MouseButton.LeftButton, pos=mode.grid.cell(5).center().toPoint())
    z = prior(32, 4, 42)
    assert page.went[-1].tobytes() == z[5].tobytes() and mode.grid.selected == 5 and page.released == 1
    mode.grid.setFocus()
    qtbot.keyClick(mode.grid, Qt.Key.Key_Right)
    assert page.went[-1].tobytes() == z[6].tobytes() and mode.grid.selected == 6
    page.go(np.ones(4, np.float32))
    assert mode.grid.selected == -1, "it is not there any more"
    page.go(z[6])
    assert mode.grid.selected == 6


def test_each_class_in_turn_or_one(page: StripPage, qtbot: QtBot) -> None:
    mode = open_samples(page, "conditional", classes=3)
    assert mode.classes.isVisible() and asked(page).label is None
    qtbot.mouseClick(mode.grid, Qt.MouseButton.LeftButton, pos=mode.grid.cell(5).center().toPoint())
    assert page.label == 2, "sample 5 is of class 2"
    choose(mode.classes, True)
    qtbot.waitUntil(lambda: asked(page).label == 2)
    page.go(page.z, 1)
    qtbot.waitUntil(lambda: asked(page).label == 1)
    assert mode.samples is not None and (mode.samples.labels == 1).all()


@pytest.mark.parametrize(("family", "words"), [("vq", "p(k)"), ("hierarchical", "p(z)"), ("autoencoder", "no prior")])
def test_it_says_what_is_drawn_from(page: StripPage, family: str, words: str) -> None:
    mode = open_samples(page, family)
    assert words in page.strip.title.text()
    assert mode.note.isVisible() == (family == "autoencoder")
    assert not mode.classes.isVisible()


def test_only_its_own_and_newest_answers_count(page: StripPage, qtbot: QtBot) -> None:
    mode = open_samples(page)
    page.hold = True
    first = page.asked[-1]
    mode.seed.set_seed(1)
    qtbot.waitUntil(lambda: asked(page).seed == 1)
    second = page.asked[-1]
    mode.seed.set_seed(2)
    qtbot.waitUntil(lambda: asked(page).seed == 2)
    page.answer(page.asked[-1])
    shown = mode.samples
    page.answer(second)
    page.answer(first)
    assert mode.samples is shown
    page.open(fake_model(kl=(1.0, 0.5), name="other"))
    page.answer(second)
    assert mode.samples is None


def test_exports_read_back_as_shown(page: StripPage, tmp_path: Path) -> None:
    mode = open_samples(page, "conditional", classes=3)
    mode.exports.save("samples", tmp_path / "s.png")
    columns = mode.grid.columns
    row, column = divmod(9, columns)
    with Image.open(tmp_path / "s.png") as read:
        shown = np.asarray(read)[::8, ::8][row * 9 : row * 9 + 8, column * 9 : column * 9 + 8]
    assert np.array_equal(shown, mode.grid.pixels[9, ..., 0])
    told = images.read_provenance(tmp_path / "s.png")
    assert (
        told["seed"] == 42 and told["temperature"] == 1 and told["count"] == 32 and told["labels"][:4] == [0, 1, 2, 0]
    )
    assert np.array(told["z"], np.float32).tobytes() == prior(32, 4, 42).tobytes()
    mode.exports.save("samples-z", tmp_path / "s.csv")
    with (tmp_path / "s.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    assert np.array([row[2:] for row in rows], np.float32).tobytes() == prior(32, 4, 42).tobytes()
    assert not page.problems


def test_without_a_model_nothing_breaks(page: StripPage, qtbot: QtBot) -> None:
    page.strip.choose("samples")
    mode = page.strip.mode
    assert isinstance(mode, SamplesMode)
    assert "Models page" in mode.grid._hint and not mode.bar.isEnabled() and not page.strip.export.isEnabled()
    qtbot.mouseClick(mode.grid, Qt.MouseButton.LeftButton)
    qtbot.keyClick(mode.grid, Qt.Key.Key_Right)
    assert not page.asked and not page.went

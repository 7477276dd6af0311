"""Forward q by mouse and keyboard: pick, draw, drop, scrub, another schedule, memory, what is taken home."""

import math
import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from explorer import images, marginal
from explorer.chain_messages import Noised, NoiseRequest, RequestFailure
from explorer.data.catalog import load
from explorer.given import read_picture
from explorer.inference import forward as library
from explorer.inference.session import ModelSession
from explorer.messages import Failure
from explorer.models.schedules import linear_schedule
from explorer.ui.app import make_application
from explorer.ui.diffusion_page import DiffusionPage
from explorer.ui.drop import PASTED
from explorer.ui.forward_panes import CHAIN, JUMP, MIDDLE, OTHER
from explorer.ui.forward_view import ForwardView
from explorer.ui.image_pad import ImagePad
from explorer.ui.image_source import Source
from explorer.ui.main_window import MainWindow
from tests.gui.diffusion import Trained, Until, opened

T = 20
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def folder(trained: Trained) -> Path:
    return trained("digits-ddpm")


@pytest.fixture
def page(window: MainWindow, until: Until, folder: Path) -> DiffusionPage:
    made = opened(window, until, folder)
    made.controls.mode.choose("forward")
    until(lambda: made.forward.noised is not None)
    return made


@pytest.fixture
def forward(page: DiffusionPage) -> ForwardView:
    return page.forward


def answered(forward: ForwardView) -> Callable[[], bool]:
    """Return whether the newest request was answered."""
    return lambda: forward.noised is not None and forward.noised.request == forward._asked and forward.noised.done


def pane(forward: ForwardView, place: int) -> np.ndarray:
    return forward.view.panes[place][1].pixels


# ---- the two ways --------------------------------------------------------------------------------------------------


def test_the_panes_are_the_librarys_two_ways(forward: ForwardView, folder: Path) -> None:
    session = ModelSession.open(folder, "cpu")
    expected = session.noised(NoiseRequest(0, 0, 42))
    bar = session.schedule().alpha_bar
    for t in (0, 7, 13, T):
        forward.player.slider.setValue(t)
        assert forward.t == t and forward.player.where.text() == f"t = {t}"
        jump, chain = expected.jump(float(bar[t])), expected.chain[t].astype(np.float32)
        assert np.array_equal(pane(forward, JUMP)[0], images.from_signed(jump))
        assert np.array_equal(pane(forward, CHAIN)[0], images.from_signed(chain))
        assert all(plot.cursor_at == max(t, key != "alpha_bar") for key, plot in forward.step.schedule.plots.items())
        assert f"√ᾱ {math.sqrt(bar[t]):.2f}" == forward.view.shares[JUMP].text()
    assert not np.array_equal(pane(forward, JUMP), pane(forward, CHAIN)), "another path"


def test_the_middle_pane_shows_what_one_wants(forward: ForwardView, qtbot: QtBot) -> None:
    noised = forward.noised
    assert noised is not None
    forward.player.go_to(9)
    assert np.array_equal(pane(forward, MIDDLE)[0], images.from_signed(noised.x0))
    buttons = forward.view.panes[MIDDLE][0].findChildren(type(forward.images.draw))
    assert [button.text() for button in buttons] == ["x₀", "ε", "Δ"] and "orange" in buttons[2].toolTip()
    qtbot.mouseClick(buttons[1], LEFT)
    assert np.array_equal(pane(forward, MIDDLE)[0], images.from_signed(noised.eps, 3.0))
    qtbot.mouseClick(buttons[2], LEFT)
    assert pane(forward, MIDDLE).shape == (1, 8, 8, 3) and pane(forward, MIDDLE).any()
    forward.player.go_to(0)
    assert pane(forward, MIDDLE).max() <= 40, "at t = 0 the two are the same, up to what is stored"


def test_the_table_and_the_words_have_the_measured_numbers(forward: ForwardView) -> None:
    noised, table = forward.noised, forward.histogram.table
    assert noised is not None and forward.model is not None and forward.model.schedule is not None
    forward.player.go_to(9)
    bar = float(forward.model.schedule.alpha_bar[9])
    theory, error = marginal.expected(noised.x0, bar), marginal.error(noised.x0, bar)
    jump = marginal.measured(noised.jump(bar), noised.x0, bar)
    steps = marginal.measured(noised.chain[9].astype(np.float32), noised.x0, bar)
    rows = {row[0]: [cell.replace("−", "-") for cell in row[1:]] for row in table.rows}
    for name, key in (("mean", "mean"), ("std", "spread"), ("noise", "noise")):
        numbers = [f"{getattr(each, key):.2f}" for each in (jump, steps, theory)]
        assert rows[name] == [*numbers[:2], f"{numbers[2]} ± {getattr(error, key):.2f}"]
    assert rows["apart"][2].startswith(f"{math.sqrt(2 * (1 - bar)):.2f}")
    assert f"{marginal.kl_per_value(noised.x0, bar):.2g}" in forward.histogram.words.text()
    forward.player.go_to(0)
    assert "∞" in forward.histogram.words.text()
    forward.player.go_to(T)
    assert "nothing of x₀ is left" in forward.histogram.words.text() and "mean" in table.accessibleDescription()


def test_the_histogram_is_of_what_is_shown_against_the_standard_normal(forward: ForwardView) -> None:
    noised = forward.noised
    assert noised is not None and forward.model is not None and forward.model.schedule is not None
    forward.player.go_to(14)
    bar = float(forward.model.schedule.alpha_bar[14])
    curves = forward.histogram.visible_curves()
    assert list(curves) == ["jump", "steps", "theory", "N(0, 1)"]
    densities = marginal.Densities(noised.x0, 3.5)
    assert np.array_equal(curves["jump"].points[1][::2], densities.of(noised.jump(bar)))
    assert np.array_equal(curves["steps"].points[1][::2], densities.of(noised.chain[14]))
    assert np.array_equal(curves["theory"].points[1], densities.expected(bar))
    normal = curves["N(0, 1)"].points
    assert normal[1].max() == pytest.approx(1 / math.sqrt(2 * math.pi))
    assert normal[0][normal[1].argmax()] == pytest.approx(0)


def test_the_numbers_are_those_of_both_ways(forward: ForwardView) -> None:
    assert forward.model is not None and forward.model.schedule is not None
    forward.player.go_to(6)
    bar, beta = (float(values[6]) for values in (forward.model.schedule.alpha_bar, forward.model.schedule.beta))
    texts = [line.text() for line in forward.step.numbers.lines]
    assert texts[0] == f"t = 6 of {T}"
    assert f"{math.sqrt(bar):.3f}" in texts[1] and f"{math.sqrt(1 - bar):.3f}" in texts[1]
    assert f"{math.sqrt(1 - beta):.3f}" in texts[2] and f"{math.sqrt(beta):.3f}" in texts[2]
    assert f"{bar:.4f}" in texts[3] and f"{10 * math.log10(bar / (1 - bar)):.1f} dB" in texts[3]
    forward.player.go_to(0)
    assert "∞" in forward.step.numbers.lines[3].text()


# ---- going about ---------------------------------------------------------------------------------------------------


def test_the_cursor_of_every_curve_can_be_dragged(forward: ForwardView, qtbot: QtBot) -> None:
    forward.player.start()
    for key, plot in forward.step.schedule.plots.items():
        forward.step.schedule.choice.choose(key)
        qtbot.waitUntil(lambda plot=plot: plot.isVisible() and plot.plot.area.width() > 20)
        before = plot.plot.view.viewRange()
        area, port = plot.plot.area, plot.plot.viewport()
        places = [QPoint(int(area.left() + share * area.width()), int(area.center().y())) for share in (0.3, 0.5, 0.8)]
        qtbot.mousePress(port, LEFT, pos=places[0])
        assert not forward.player.playing, "it stays where one goes"
        seen = [forward.t]
        for place in places[1:]:
            qtbot.mouseMove(port, place)
            seen.append(forward.t)
        qtbot.mouseRelease(port, LEFT, pos=places[-1])
        qtbot.mouseMove(port, places[0])
        wanted = [round(plot.plot.place_at(QPointF(place))) for place in places]
        assert seen == wanted and forward.t == wanted[-1] and plot.cursor_at == wanted[-1]
        assert plot.plot.view.viewRange() == before, "it is not panned"
    area, port = plot.plot.area, plot.plot.viewport()
    qtbot.mouseClick(port, LEFT, pos=QPoint(int(area.left()) + 1, int(area.center().y())))
    assert forward.t in {0, 1}


def test_strip_and_keys_go_to_t(page: DiffusionPage, forward: ForwardView, qtbot: QtBot) -> None:
    strip = forward.view.strip
    assert [name for name, _, _ in strip.rows] == ["jump", "steps"] and strip.marks[0] == 0 and strip.marks[-1] == T
    noised = forward.noised
    assert noised is not None
    for column, t in enumerate(strip.marks):
        assert np.array_equal(strip.rows[1][2][column], images.from_signed(noised.chain[t].astype(np.float32)))
    qtbot.mouseClick(strip, LEFT, pos=strip.cell(1, 5).center().toPoint())
    assert forward.t == strip.marks[5] and strip.selected == 5
    qtbot.keyClick(strip, Qt.Key.Key_Right)
    assert forward.t == strip.marks[6]
    qtbot.keyClick(strip, Qt.Key.Key_End)
    assert forward.t == T
    qtbot.keyClick(strip, Qt.Key.Key_Right)
    assert forward.t == T
    qtbot.keyClick(page, Qt.Key.Key_Left)
    assert forward.t == T - 1
    qtbot.keyClick(page, Qt.Key.Key_Space)
    assert forward.player.playing
    qtbot.keyClick(page, Qt.Key.Key_Space)
    assert not forward.player.playing


def test_it_plays_to_the_end(forward: ForwardView, until: Until) -> None:
    forward.player.speed.choose("16×")
    forward.player.go_to(0)
    forward.player.start()
    until(lambda: not forward.player.playing)
    assert forward.t == T


# ---- another schedule ----------------------------------------------------------------------------------------------


def test_another_schedule_has_the_same_noise(forward: ForwardView, page: DiffusionPage) -> None:
    noised = forward.noised
    assert noised is not None and [forward.other.itemText(i) for i in range(3)] == [
        "cosine, its own",
        "linear",
        "sigmoid",
    ]
    assert forward.view.panes[OTHER][0].isHidden()
    forward.player.go_to(8)
    own = pane(forward, JUMP).copy()
    forward.other.setCurrentIndex(1)
    linear = linear_schedule(T).alpha_bar.numpy()
    assert forward.view.panes[OTHER][0].isVisible() and "linear" in forward.view.panes[OTHER][0].title.text()
    assert np.array_equal(pane(forward, OTHER)[0], images.from_signed(noised.jump(float(linear[8]))))
    assert np.array_equal(pane(forward, JUMP), own) and not np.array_equal(pane(forward, OTHER), own)
    assert forward.view.shares[OTHER].text() == f"√ᾱ {math.sqrt(linear[8]):.2f}"
    said = forward.step.numbers.lines[-1]
    assert said.isVisible() and f"{math.sqrt(linear[8]):.2f}" in said.text() and "stays as trained" in said.text()
    curves = forward.step.curves.visible_curves()
    assert np.array_equal(curves["linear"].points[1], linear)
    assert [name for name, _, _ in forward.view.strip.rows] == ["jump", "steps", "linear"]
    bins = forward.histogram.visible_curves()["linear"].points[1][::2]
    assert np.array_equal(bins, marginal.Densities(noised.x0, 3.5).of(noised.jump(float(linear[8]))))
    assert forward.noised is noised, "nothing is drawn anew"
    forward.other.setCurrentIndex(0)
    assert forward.view.panes[OTHER][0].isHidden() and said.isHidden()
    assert "linear" not in forward.step.curves.visible_curves() and "linear" not in forward.histogram.visible_curves()


def test_another_model_forgets_the_schedule_beside_it(
    page: DiffusionPage, forward: ForwardView, until: Until, trained: Trained
) -> None:
    forward.other.setCurrentIndex(2)
    page.open(str(trained("points-ddpm")))
    until(lambda: page.model is not None and page.model.points and page.reverse.film.complete)
    assert not forward.other.name and forward.view.panes[OTHER][0].isHidden() and forward.own_name == "linear"


# ---- which item ----------------------------------------------------------------------------------------------------


def test_all_test_images_can_be_browsed(forward: ForwardView, qtbot: QtBot, until: Until) -> None:
    pixels, labels = load("digits").split("test")
    browser = forward.images.browser
    qtbot.mouseClick(forward.images.browse, LEFT)
    until(lambda: browser.found is not None)
    assert browser.isVisible() and len(browser.grid.pixels) == 72 and "of 297" in browser.where.text()
    qtbot.mouseClick(browser.forth, LEFT)
    until(lambda: browser.found is not None and browser.found.indices[0] == 72)
    qtbot.mouseClick(browser.grid, LEFT, pos=browser.grid.cell(5).center().toPoint())
    until(answered(forward))
    assert forward.noised is not None and forward.noised.index == 77
    assert np.array_equal(pane(forward, MIDDLE)[0], pixels[77]) and f"class {labels[77]}" in forward.images.said.text()
    assert forward.view.items.selected == -1, "it is none of those below"
    qtbot.keyClick(browser.grid, Qt.Key.Key_Right)
    until(lambda: forward.noised is not None and forward.noised.index == 78)
    browser.classes.setCurrentIndex(browser.classes.findData(3))
    browser.classes.activated.emit(browser.classes.currentIndex())
    until(lambda: browser.found is not None and browser.found.request.label == 3)
    assert set(browser.found.labels) == {3} and not browser.back.isEnabled()  # type: ignore[union-attr]
    browser.number.setText("999999")
    qtbot.keyClick(browser.number, Qt.Key.Key_Return)
    until(lambda: forward.noised is not None and forward.noised.index == 296)
    assert browser.number.text() == "296"
    qtbot.keyClick(browser, Qt.Key.Key_Escape)
    assert not browser.isVisible()


def test_what_is_drawn_is_noised_while_one_draws(forward: ForwardView, qtbot: QtBot, until: Until) -> None:
    forward.player.go_to(0)
    qtbot.mouseClick(forward.images.draw, LEFT)
    pad = forward.images.pad
    qtbot.waitExposed(pad)
    assert pad.pad.shape == (8, 8, 1)
    middle = pad.pad.rect().center()
    qtbot.mousePress(pad.pad, LEFT, pos=middle - QPoint(60, 60))
    qtbot.mouseMove(pad.pad, middle)
    until(lambda: forward.source.kind == "drawn")
    first = pane(forward, MIDDLE).copy()
    qtbot.mouseMove(pad.pad, middle + QPoint(60, -60))
    qtbot.mouseRelease(pad.pad, LEFT, pos=middle + QPoint(60, -60))
    until(lambda: np.array_equal(pane(forward, MIDDLE)[0], pad.pad.pixels))
    assert not np.array_equal(pane(forward, MIDDLE), first) and np.array_equal(pad.seen.pixels[0], pad.pad.pixels)
    assert np.array_equal(pane(forward, JUMP), pane(forward, MIDDLE)), "t = 0"
    assert forward.images.said.text() == "drawing" and forward.view.items.selected == 0
    centred = pad.pad.pixels
    pad.centred.click()
    until(lambda: not np.array_equal(pane(forward, MIDDLE)[0], centred))
    qtbot.mouseClick(pad.undo, LEFT)
    assert pad.pad.empty
    qtbot.mouseClick(pad.ready, LEFT)
    assert not pad.isVisible()
    forward.view.items.clicked.emit(3)
    until(lambda: forward.source.kind == "data" and forward.noised is not None and forward.noised.index == 2)
    forward.view.items.clicked.emit(0)
    until(lambda: forward.source.kind == "drawn")


def test_who_draws_on_sees_the_answers_on_the_way(forward: ForwardView, until: Until) -> None:
    """While one draws, every request comes before the answer to the one before."""
    shown: list[tuple[int, int]] = []
    forward.changed.connect(lambda: shown.append((forward._asked, int(pane(forward, MIDDLE)[0, 0, 0, 0]))))
    forward.worker.noised.disconnect(forward._got_noised)
    answers: list[Noised] = []
    forward.worker.noised.connect(answers.append)
    sources = [Source("drawn", -1, f"drawing {n}", np.full((1, 8, 8, 1), n, np.uint8)) for n in (30, 60, 90)]
    numbers = []
    for source in sources:
        forward.take(source)
        numbers.append(forward._asked)
        until(lambda: bool(answers) and answers[-1].request == forward._asked and answers[-1].done)
    found = {answer.request: answer for answer in answers}
    first, second, third = (found[number] for number in numbers)
    forward._got_noised(second)
    assert shown == [(third.request, 60)] and forward.source is sources[1], "newer than what was shown"
    forward._got_noised(first)
    assert len(shown) == 1 and forward.source is sources[1], "an older one comes too late"
    forward._got_noised(third)
    assert shown[-1] == (third.request, 90) and forward.source is sources[2]
    forward.set_model(forward.model)
    forward._got_noised(third)
    assert forward.noised is None, "of the model before"


def test_a_drawing_on_a_slow_model_is_answered_before_its_chain(
    page: DiffusionPage, forward: ForwardView, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explorer.workers.chain_jobs._PART_SECONDS", 0.0)
    monkeypatch.setattr("explorer.workers.chain_jobs._EARLY_SECONDS", 60.0)
    begun, going_on = threading.Event(), threading.Event()
    real = library.Noising.step

    def slowly(noising: library.Noising) -> None:
        real(noising)
        begun.set()
        going_on.wait(60)

    monkeypatch.setattr(library.Noising, "step", slowly)
    try:
        forward.take(Source("drawn", -1, "first", np.full((1, 8, 8, 1), 30, np.uint8)))
        until(begun.is_set)
        forward.take(Source("drawn", -1, "second", np.full((1, 8, 8, 1), 60, np.uint8)))
        going_on.set()
        shown: list[str] = []
        forward.changed.connect(lambda: shown.append(forward.source.words))
        until(lambda: forward.source.words == "second" and answered(forward)())
    finally:
        going_on.set()
    assert shown == ["first", "second"]


def test_colours_are_for_models_of_colour(qtbot: QtBot) -> None:
    make_application("light")
    owner = QWidget()
    qtbot.addWidget(owner)
    pad = ImagePad(owner)
    told: list[np.ndarray] = []
    pad.drawn.connect(told.append)
    pad.set_shape((32, 32, 3))
    pad.show()
    qtbot.waitExposed(pad)
    assert not pad.centred.isVisible() and all(pen.isVisible() for pen in pad.pens) and pad.pens[0].isChecked()
    qtbot.mouseClick(pad.pens[2], LEFT)
    assert [pen.isChecked() for pen in pad.pens].index(True) == 2
    middle = pad.pad.rect().center()
    qtbot.mouseClick(pad.pad, LEFT, pos=middle)
    qtbot.waitUntil(lambda: bool(told))
    red, green, blue = told[-1][16, 16].astype(int)
    assert told[-1].shape == (32, 32, 3) and red > 200 and max(green, blue) < 100
    qtbot.mouseClick(pad.eraser, LEFT)
    qtbot.mouseClick(pad.pad, LEFT, pos=middle)
    assert pad.pad.empty
    qtbot.keyClick(pad.pad, Qt.Key.Key_E)
    qtbot.keyClick(pad.pad, Qt.Key.Key_Space)
    qtbot.keyClick(pad.pad, Qt.Key.Key_Space)
    assert not pad.pad.empty and not pad.eraser.isChecked()
    pad.set_shape((8, 8, 1))
    assert pad.centred.isVisible() and not pad.pens[0].isVisible() and pad.pad.color.name() == "#ffffff"
    pad.close()


def drop(widget: ForwardView, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    none = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(widget, QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, LEFT, none))
    QApplication.sendEvent(widget, QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, LEFT, none))


def test_a_file_is_dropped_and_dark_ink_on_paper_turned(
    forward: ForwardView, qtbot: QtBot, until: Until, tmp_path: Path, problems: list[Failure]
) -> None:
    ink = np.full((64, 64), 250, np.uint8)
    ink[16:48, 28:36] = 10
    Image.fromarray(ink).save(tmp_path / "my digit.png")
    drop(forward, tmp_path / "my digit.png")
    until(lambda: forward.source.kind == "file" and answered(forward)())
    assert pane(forward, MIDDLE)[0, 4, 3, 0] > 120 and pane(forward, MIDDLE)[0, 0, 0, 0] < 10
    assert forward.images.said.text() == "my digit.png" and forward.images.inverted.isVisible()
    qtbot.mouseClick(forward.images.inverted, LEFT)
    until(lambda: pane(forward, MIDDLE)[0, 0, 0, 0] > 240)
    assert not problems and forward.source.told == {"source": "file", "file": "my digit.png", "inverted": False}
    (tmp_path / "no.png").write_text("no picture")
    drop(forward, tmp_path / "no.png")
    until(lambda: bool(problems))
    assert (
        "no.png" in problems[0].text
        and forward.images.said.text() == "my digit.png"
        and forward.source.words == "my digit.png"
    ), "the old one stays"
    forward.choose(2)
    until(lambda: forward.source.kind == "data")
    assert not forward.images.inverted.isVisible()


def test_a_file_is_read_beside_the_window_and_forgotten_for_something_newer(
    forward: ForwardView, qtbot: QtBot, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    problems: list[Failure],
) -> None:  # fmt: skip
    for grey in (40, 80):
        Image.new("L", (9, 9), grey).save(tmp_path / f"{grey}.png")
    (tmp_path / "no.png").write_text("no picture")
    going_on, readers = threading.Event(), []

    def slowly(path: Path, *args: object, **how: object) -> np.ndarray:
        readers.append(threading.get_ident())
        going_on.wait(60)
        return read_picture(path, *args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr("explorer.ui.image_source.read_picture", slowly)
    forward.images._reader.failed.connect(lambda failure: pytest.fail(failure.details))
    try:
        drop(forward, tmp_path / "40.png")
        assert forward.images.said.text() == "reading 40.png …" and forward.source.kind == "data"
        until(lambda: len(readers) == 1)
        forward.choose(3)
        until(lambda: forward.noised is not None and forward.noised.index == 3)
        assert "test image 3" in forward.images.said.text()
        drop(forward, tmp_path / "no.png")
        drop(forward, tmp_path / "80.png")
    finally:
        going_on.set()
    until(lambda: forward.source.kind == "file")
    assert forward.source.words == "80.png" and (pane(forward, MIDDLE) == 80).all(), "neither of those before it"
    assert len(readers) == 2 and threading.get_ident() not in readers and not problems
    Image.new("L", (9, 9), 60).save(tmp_path / PASTED)
    drop(forward, tmp_path / PASTED)
    (tmp_path / PASTED).unlink()  # as where it was pasted
    until(lambda: forward.source.words == PASTED and (pane(forward, MIDDLE) == 60).all())


def test_a_picture_is_pasted(forward: ForwardView, qtbot: QtBot, until: Until, tmp_path: Path) -> None:
    Image.new("L", (9, 9), 90).save(tmp_path / "x.png")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "x.png"))])
    QGuiApplication.clipboard().setMimeData(data)
    forward.player.slider.setFocus()
    qtbot.keyClick(forward.player.slider, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    until(lambda: forward.source.kind == "file" and (pane(forward, MIDDLE) == 90).all())
    QGuiApplication.clipboard().clear()


def test_a_sample_of_the_reverse_chain_is_noised(
    page: DiffusionPage, forward: ForwardView, qtbot: QtBot, until: Until, tmp_path: Path
) -> None:
    page.reverse.follow(6)
    assert forward.images.sample.isEnabled()
    qtbot.mouseClick(forward.images.sample, LEFT)
    until(lambda: forward.source.kind == "sample")
    assert np.array_equal(pane(forward, MIDDLE), page.frames[-1].x_t[6:7])
    told = forward.source.told
    assert (told["source"], told["sample_seed"], told["sample"], told["samples"]) == ("sample", 42, 6, 16)
    assert told["sampling"] == page.reverse.sampled_how.model_dump()
    page.reverse.sampling.sampler.choose("ddim")
    assert not forward.images.sample_of(), "not before the new chain is there"
    until(lambda: page.reverse.film.complete)
    again = forward.images.sample_of()
    assert again is not None and again[2]["sampling"]["sampler"] == "ddim"  # type: ignore[index]
    forward.exports.save("picture", tmp_path / "sample.png")
    assert images.read_provenance(tmp_path / "sample.png")["sampling"] == told["sampling"]


def test_points_are_noised_all_at_once(
    page: DiffusionPage, forward: ForwardView, until: Until, trained: Trained, qtbot: QtBot, tmp_path: Path,
    problems: list[Failure],
) -> None:  # fmt: skip
    page.open(str(trained("points-ddpm")))
    until(lambda: page.model is not None and page.model.points and page.reverse.film.complete)
    page.controls.mode.choose("forward")
    until(answered(forward))
    noised = forward.noised
    assert noised is not None and noised.x0.shape[1] == 2 and forward.images.said.text() == "test points"
    for each in (forward.images.browse, forward.images.draw, forward.images.open):
        assert not each.isVisible()
    assert not forward.view.items.isVisible()
    forward.player.go_to(T)
    assert pane(forward, JUMP).shape == (1, images.POINTS_SIDE, images.POINTS_SIDE, 1)
    difference = next(button for button in forward.view.findChildren(QPushButton) if button.text() == "Δ")
    assert "brighter" in difference.toolTip() and "orange" not in difference.toolTip()
    qtbot.mouseClick(difference, LEFT)
    assert pane(forward, MIDDLE).any()
    qtbot.mouseClick(forward.images.sample, LEFT)
    until(lambda: forward.source.kind == "sample")
    last = page.frames[-1].points
    assert last is not None and forward.noised is not None
    assert np.array_equal(forward.noised.x0, np.clip(last[0], -6e4, 6e4)), "two epochs throw points far out"
    Image.new("L", (9, 9), 90).save(tmp_path / "x.png")
    drop(forward, tmp_path / "x.png")
    assert "of points" in problems[0].text


def test_failures_are_those_of_what_was_asked(
    page: DiffusionPage, forward: ForwardView, problems: list[Failure]
) -> None:
    forward.images.browser.ask()
    number = forward.images.browser._request
    page.worker.failed.emit(RequestFailure("no data", "", number))
    assert [problem.text for problem in problems] == ["no data"]
    page.worker.failed.emit(RequestFailure("an old one", "", forward._asked - 10_000))
    assert len(problems) == 1
    page.worker.failed.emit(RequestFailure("this one", "", forward._asked))
    assert len(problems) == 2


def test_there_is_nothing_before_a_model(window: MainWindow, tmp_path: Path) -> None:
    page = window.show_page("diffusion")
    assert isinstance(page, DiffusionPage)
    page.controls.mode.choose("forward")
    forward = page.forward
    assert "Models page" in forward.view.picture._hint and not forward.exportable
    for button in forward.images.buttons:
        assert not button.isVisible() or not button.isEnabled()
    forward.images.read(tmp_path / "x.png")
    forward.player.toggle()
    forward.other.setCurrentIndex(0)
    assert forward.noised is None


# ---- memory --------------------------------------------------------------------------------------------------------


def test_a_chain_that_is_too_large_keeps_every_nth_step_and_says_so(
    forward: ForwardView, until: Until, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = forward.noised
    assert whole is not None and "every" not in forward.view.memory.text()
    monkeypatch.setattr(library, "NOISED_BYTES", 9 * 64 * 2 + 2 * 64 * 4)
    forward.seed.changed.emit()
    until(lambda: forward.noised is not whole and answered(forward)())
    kept = forward.noised
    assert kept is not None and kept.every == 3 and kept.t == (0, 3, 6, 9, 12, 15, 18, 20)
    assert "every 3rd step is kept" in forward.view.memory.text()
    for t in range(T + 1):
        forward.player.go_to(t)
        there = kept.t[kept.place(t)]
        chain = images.from_signed(whole.chain[there].astype(np.float32))
        assert np.array_equal(pane(forward, CHAIN)[0], chain)
        title = forward.view.panes[CHAIN][0].title.text()
        assert title == ("x<sub>t</sub> step by step" if there == t else f"x<sub>{there}</sub> step by step")
    assert set(forward.view.strip.marks) <= set(kept.t)
    forward.player.go_to(7)
    told = {}
    for key in ("picture", "steps", "panes"):
        forward.exports.save(key, tmp_path / f"{key}.png")
        told[key] = images.read_provenance(tmp_path / f"{key}.png")
    assert (told["picture"]["t"], told["steps"]["t"]) == (7, 6), "what the panes show"
    assert (told["panes"]["t"], told["panes"]["t_step_by_step"]) == (7, 6)
    reel = forward.saves._ways()
    assert [reel.provenance(t)["t_step_by_step"] for t in (6, 7, 8, T)] == [6, 6, 6, T]


def test_where_the_chain_takes_long_the_jump_is_there_first(
    page: DiffusionPage, forward: ForwardView, until: Until, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    problems: list[Failure],
) -> None:  # fmt: skip
    monkeypatch.setattr("explorer.workers.chain_jobs._PART_SECONDS", 0.0)
    monkeypatch.setattr("explorer.workers.chain_jobs._EARLY_SECONDS", -1.0)
    told: list[Noised] = []
    page.worker.noised.connect(told.append)
    forward.player.go_to(T)
    forward._got_noised(replace(forward.noised, t=(0, 1), chain=forward.noised.chain[:2]))  # type: ignore[type-var]
    hint = forward.view.panes[CHAIN][1]
    assert not len(hint.pixels) and "computing" in hint._hint and len(pane(forward, JUMP)) == 1
    assert [name for name, _, _ in forward.view.strip.rows] == ["jump"] and forward.histogram.table.rows[0][2] == "…"
    for key in ("steps", "panes"):
        forward.exports.save(key, tmp_path / f"{key}.png")
    forward.films.save("ways", tmp_path / "film.zip")
    assert [problem.text.split(";")[0] for problem in problems] == [
        "the chain is still being computed step by step"
    ] * 3
    assert not any(tmp_path.glob("*.*")) and not forward.films.saving, "no picture of a t that is not there"
    forward.seed.set_seed(9)
    until(lambda: len(told) > 0 and told[-1].done and forward.noised is told[-1])
    assert len(pane(forward, CHAIN)) == 1 and len(forward.view.strip.rows) == 2 and forward.t == T


# ---- what is taken home --------------------------------------------------------------------------------------------


def test_pictures_read_back_as_shown(forward: ForwardView, until: Until, tmp_path: Path) -> None:
    forward.choose(4)
    until(lambda: forward.noised is not None and forward.noised.index == 4)
    forward.player.go_to(6)
    forward.other.setCurrentIndex(1)
    for key, place in (("picture", JUMP), ("steps", CHAIN)):
        forward.exports.save(key, tmp_path / f"{key}.png")
        with Image.open(tmp_path / f"{key}.png") as read:
            assert np.array_equal(np.asarray(read)[::64, ::64], pane(forward, place)[0, ..., 0])
        told = images.read_provenance(tmp_path / f"{key}.png")
        assert (told["t"], told["seed"], told["image"], told["schedule"]) == (6, 42, 4, "cosine")
        assert (told["process"], told["source"], told["beside"]) == ("forward", "data set", "linear")
    forward.exports.save("panes", tmp_path / "panes.png")
    with Image.open(tmp_path / "panes.png") as read:
        assert read.size == (4 * 256 + 3 * 8, 256)
    forward.exports.save("chain", tmp_path / "chain.png")
    told = images.read_provenance(tmp_path / "chain.png")
    assert told["rows"] == ["jump", "steps", "linear"] and told["t"] == forward.view.strip.marks
    with Image.open(tmp_path / "chain.png") as read:
        assert np.array_equal(np.asarray(read), images.sheet(forward.view.strip.pixels, 9)[..., 0])


def test_a_file_is_told_by_its_name_alone(forward: ForwardView, until: Until, tmp_path: Path) -> None:
    Image.new("L", (9, 9), 90).save(tmp_path / "given.png")
    forward.images.read(tmp_path / "given.png")
    until(lambda: forward.source.kind == "file")
    forward.exports.save("picture", tmp_path / "out.png")
    told = images.read_provenance(tmp_path / "out.png")
    assert told["file"] == "given.png" and "image" not in told and str(tmp_path) not in str(told)


@pytest.mark.parametrize("key", ["x_t", "ways"])
def test_films_have_every_t(page: DiffusionPage, forward: ForwardView, until: Until, tmp_path: Path, key: str) -> None:
    said: list[str] = []
    page.status.connect(said.append)
    forward.other.setCurrentIndex(2)
    forward.films.save(key, tmp_path / "film.zip")
    forward.other.setCurrentIndex(0)  # what is chosen now changes nothing
    until(lambda: not forward.films.saving)
    assert said == [f"saved {tmp_path / 'film.zip'}"]
    with zipfile.ZipFile(tmp_path / "film.zip") as archive:
        assert len(archive.namelist()) == T + 1
        archive.extractall(tmp_path)
    last = tmp_path / f"{T:02d}.png"
    told = images.read_provenance(last)
    assert (told["t"], told["shows"], told["seed"], told["beside"]) == (T, key, 42, "sigmoid")
    forward.player.go_to(T)
    with Image.open(last) as read:
        shown = np.asarray(read)
    if key == "x_t":
        assert np.array_equal(shown[::64, ::64], pane(forward, JUMP)[0, ..., 0])
    else:
        assert shown.shape == (256, 4 * 256 + 3 * 8)
        for column, place in ((0, MIDDLE), (1, JUMP), (2, CHAIN)):
            assert np.array_equal(shown[::32, column * 264 : column * 264 + 256 : 32], pane(forward, place)[0, ..., 0])


def test_plots_are_saved_with_where_they_come_from(forward: ForwardView, tmp_path: Path) -> None:
    forward.player.go_to(11)
    plots = {"histogram": forward.histogram, "snr": forward.step.schedule.plots["snr"]}
    for name, plot in plots.items():
        plot.tools.exports.save("png", tmp_path / f"{name}.png")
        told = images.read_provenance(tmp_path / f"{name}.png")
        assert (told["t"], told["schedule"], told["process"]) == (11, "cosine", "forward")
        plot.tools.exports.save("csv", tmp_path / f"{name}.csv")
        plot.tools.exports.save("svg", tmp_path / f"{name}.svg")
    text = (tmp_path / "snr.csv").read_text("utf-8-sig")
    assert len(text.splitlines()) == T + 1


# ---- look ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1440, 900), (1100, 700), (900, 600)])
def test_everything_has_room(
    window: MainWindow, page: DiffusionPage, forward: ForwardView, size: tuple[int, int], until: Until
) -> None:
    forward.other.setCurrentIndex(1)
    window.resize(*size)
    until(lambda: forward.histogram.width() == (330 if forward.width() >= 1250 else 236))
    QApplication.processEvents()
    for panel, picture in forward.view.panes:
        assert picture.height() >= 40 and picture.width() >= 40, panel.title.text()
    assert forward.view.strip.height() >= 60
    shown = [plot for plot in forward.step.schedule.plots.values() if plot.isVisible()]
    assert len(shown) == (3 if size[1] == 900 else 1)
    if len(shown) == 1:
        forward.step.schedule.choice.choose("snr")
        assert forward.step.schedule.plots["snr"].isVisible() and not shown[0].isVisible()
        forward.player.go_to(5)
        assert forward.step.schedule.plots["snr"].cursor_at == 5
    narrow = size[0] < 1440
    assert forward.images.menu.isVisible() == narrow != forward.images.draw.isVisible()
    if narrow:
        menu = forward.images.menu.menu()
        menu.aboutToShow.emit()
        assert [action.text() for action in menu.actions()] == ["Browse…", "Draw…", "Open…", "Sample"]
        menu.actions()[1].trigger()
        assert forward.images.pad.isVisible()

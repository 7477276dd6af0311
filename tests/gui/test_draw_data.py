"""Drawing a data set and training on it in place: the pad, its tools, the run that comes of it, and what goes wrong."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from explorer import runs
from explorer.data import drawn
from explorer.messages import Failure
from explorer.ui.app import make_application
from explorer.ui.diffusion_page import DiffusionPage
from explorer.ui.draw_data import DrawData
from explorer.ui.drawn_training import settings_for
from explorer.ui.main_window import MainWindow
from explorer.ui.plot_hint import PlotHint
from explorer.ui.point_pad import SIZES, PointPad
from explorer.ui.point_shapes import COUNT, SHAPES, letters, shape
from explorer.ui.points_canvas import on_screen
from explorer.ui.points_layers import EXTENT
from explorer.workers import training_thread
from tests.gui.diffusion import Until, opened

Trained = Callable[[str], Path]
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def pad(qtbot: QtBot) -> PointPad:
    make_application("dark")
    made = PointPad()
    qtbot.addWidget(made)
    made.resize(400, 430)
    made.show()
    qtbot.waitExposed(made)
    return made


@pytest.fixture
def page(window: MainWindow, until: Until, trained: Trained) -> DiffusionPage:
    made = opened(window, until, trained("points-ddpm"))
    made.controls.draw.click()
    assert made.drawing
    return made


def at(pad: PointPad, x: float, y: float) -> QPoint:
    """Return where a place of the plane is on the pad."""
    where = on_screen(np.array([[x, y]], np.float32), pad.area)[0]
    return QPoint(*np.rint(where).astype(int).tolist())


def stroke(qtbot: QtBot, pad: PointPad, *places: tuple[float, float]) -> None:
    """Draw along places with the button down."""
    qtbot.mousePress(pad, LEFT, pos=at(pad, *places[0]))
    for place in places[1:]:
        qtbot.mouseMove(pad, at(pad, *place))
    qtbot.mouseRelease(pad, LEFT, pos=at(pad, *places[-1]))


def few_steps(draw: DrawData, steps: int) -> None:
    """Choose so many steps of training."""
    draw.steps.addItem(f"{steps}", steps)
    draw.steps.setCurrentIndex(draw.steps.count() - 1)


# ---- the pad -------------------------------------------------------------------------------------------------------


def test_a_line_is_drawn_where_the_mouse_goes_and_can_be_undone(pad: PointPad, qtbot: QtBot) -> None:
    pad.tool, pad.radius = "line", SIZES["fine"]
    stroke(qtbot, pad, (-2, -1), (0, -1), (2, -1))
    x, y = pad.points.T
    assert len(pad.points) > 200 and abs(float(y.mean()) + 1) < 0.05 and float(y.std()) < 0.05
    assert x.min() < -1.9 and x.max() > 1.9, "all along"
    first = pad.points
    stroke(qtbot, pad, (0, 0), (0, 2))
    assert len(pad.points) > len(first)
    pad.undo()
    assert np.array_equal(pad.points, first) and pad.can_redo
    pad.redo()
    assert len(pad.points) > len(first) and not pad.can_redo
    pad.clear()
    assert not len(pad.points)
    pad.undo()
    assert len(pad.points) > len(first), "also a clear can be undone"


def test_spray_falls_while_the_button_is_down(pad: PointPad, qtbot: QtBot) -> None:
    pad.tool, pad.radius = "spray", SIZES["medium"]
    qtbot.mousePress(pad, LEFT, pos=at(pad, 1, 1))
    qtbot.waitUntil(lambda: len(pad.points) > 60)
    qtbot.mouseRelease(pad, LEFT, pos=at(pad, 1, 1))
    count = len(pad.points)
    qtbot.wait(100)
    assert len(pad.points) == count, "and no longer"
    assert np.allclose(pad.points.mean(axis=0), 1, atol=0.1) and pad.points.std() < 0.3


def test_the_eraser_takes_what_is_within_its_circle(pad: PointPad, qtbot: QtBot) -> None:
    pad.set_points(np.random.RandomState(0).uniform(-3, 3, (4000, 2)).astype(np.float32))
    pad.tool, pad.radius = "eraser", SIZES["wide"]
    stroke(qtbot, pad, (-1, 0), (1, 0))
    assert not (np.abs(pad.points[:, 1]) < 0.4)[np.abs(pad.points[:, 0]) < 1].any()
    assert (np.abs(pad.points[:, 1]) > 0.6).sum() > 2000


def test_the_eraser_takes_just_what_its_circle_passes_over(pad: PointPad) -> None:
    points = np.random.RandomState(1).uniform(-3, 3, (3000, 2)).astype(np.float32)
    for start, end in (((-1.0, -2.0), (2.0, 1.0)), ((0.5, 0.5), (0.5, 0.5))):
        pad.set_points(points)
        pad.tool, pad.radius, pad._cursor = "eraser", SIZES["wide"], end
        pad._apply(start)
        way = np.linspace(start, end, 4000)
        away = np.array([np.hypot(*(way - point).T).min() for point in points])
        left = {tuple(point) for point in pad.points.tolist()}
        clear = np.abs(away - pad.radius) > 1e-3
        kept = np.array([tuple(point) in left for point in points.tolist()])
        assert np.array_equal(kept[clear], (away > pad.radius)[clear]) and 0 < len(left) < len(points)


def test_points_beyond_the_plane_are_scaled_into_it_and_stay_what_they_are(pad: PointPad) -> None:
    points = np.random.RandomState(2).standard_t(2, (1000, 2)).astype(np.float32)  # far out, some of them
    assert (np.abs(points) > EXTENT).any()
    for given in (points, 1e5 * points + np.float32(3e5)):
        pad.set_points(given)
        assert np.abs(pad.points).max() < EXTENT and len(np.unique(pad.points, axis=0)) > 900, "none piled up"
        assert np.allclose(drawn.standardized(pad.points), drawn.standardized(given), atol=1e-3)
    inside = shape("grid")
    pad.set_points(inside)
    assert np.array_equal(pad.points, inside), "what can be seen stays where it is"
    pad.set_points(np.full((5, 2), 700.0, np.float32))
    assert np.array_equal(pad.points, np.zeros((5, 2)))


def test_the_dots_are_painted_anew_only_when_there_are_others(pad: PointPad, qtbot: QtBot) -> None:
    pad.set_points(shape("grid"))
    pad.grab()
    painted = pad._dots
    assert painted is not None
    qtbot.mouseMove(pad, at(pad, 1, 1))
    pad.grab()
    assert pad._dots is painted
    pad.undo()
    pad.grab()
    assert pad._dots is not None and pad._dots is not painted and not len(pad._dots[0])


def test_nothing_leaves_the_plane_and_there_are_never_too_many(pad: PointPad, qtbot: QtBot) -> None:
    pad.tool = "spray"
    stroke(qtbot, pad, (2.95, 2.95), (2.95, 2.95))
    assert len(pad.points) and np.abs(pad.points).max() <= EXTENT
    pad.set_points(np.zeros((drawn.MOST + 500, 2), np.float32))
    assert len(pad.points) == drawn.MOST and pad.full
    stroke(qtbot, pad, (0, 0), (1, 0))
    assert len(pad.points) == drawn.MOST


def test_it_can_be_drawn_by_keys_alone(pad: PointPad, qtbot: QtBot) -> None:
    pad.setFocus()
    for _ in range(3):
        qtbot.keyClick(pad, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(pad, Qt.Key.Key_Up)
    for _ in range(10):
        qtbot.keyClick(pad, Qt.Key.Key_Space)
    assert len(pad.points) == 120
    assert np.allclose(pad.points.mean(axis=0), [1.5, 0.1], atol=0.1)


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_to_begin_with_can_be_learned_from(name: str) -> None:
    made = shape(name)
    assert made.shape == (COUNT, 2) and np.abs(made).max() <= EXTENT
    drawn.checked(made)


def test_letters_are_filled_upright() -> None:
    make_application("dark")
    made = letters("L")
    assert made.shape == (COUNT, 2) and np.abs(made).max() <= EXTENT
    lower, upper = made[made[:, 1] < -1.5], made[made[:, 1] > 0]
    assert np.ptp(lower[:, 0]) > 2 * np.ptp(upper[:, 0]), "the foot of an L is broad, and below"
    assert not len(letters("   ")) and not len(letters(""))


# ---- training ------------------------------------------------------------------------------------------------------


def test_the_settings_are_a_small_model_for_about_so_many_steps() -> None:
    for points, steps in ((30, 2000), (600, 2000), (2000, 4000), (20_000, 10_000)):
        config = settings_for("heart", points, "v", steps)
        train = points - points // 6
        assert config.data.name == "drawn" and config.data.drawn == "heart" and config.model.predicts == "v"  # type: ignore[union-attr]
        assert config.training.batch_size <= train
        assert config.training.epochs * -(-train // config.training.batch_size) == pytest.approx(steps, rel=0.03)


def test_a_drawing_is_learned_in_place_and_its_model_opens(
    page: DiffusionPage, window: MainWindow, until: Until, qtbot: QtBot
) -> None:
    draw = page.draw
    assert not draw.start.isEnabled(), "nothing is drawn yet"
    draw.tool.choose("line")
    stroke(qtbot, draw.pad, (-2, -2), (0, 2), (2, -2))
    draw.name.setText("My Roof")
    draw.predicts.setCurrentIndex(draw.predicts.findData("x0"))
    few_steps(draw, 30)
    jobs: list[object] = []
    page.job.connect(jobs.append)
    qtbot.mouseClick(draw.start, LEFT)
    assert draw.start.text() == "Stop" and not draw.name.isEnabled()
    points = len(draw.pad.points)
    until(lambda: not page.drawing)
    reverse = page.reverse
    until(lambda: reverse.film.complete and not reverse.running)
    assert window.focusWidget() is reverse.player.slider and not draw.open_trained.isVisible()
    assert page.model is not None and page.model.card.title == "my-roof DDPM"
    assert drawn.names() == ["my-roof"] and len(drawn.read("my-roof")) == points
    folder = Path(page.model.card.path)
    config = runs.read_config(folder)
    assert config.data.drawn == "my-roof" and config.model.predicts == "x0"  # type: ignore[union-attr]
    assert runs.card(folder).status == "finished" and folder in runs.folders(), "a run like any other"
    until(lambda: len(reverse.plane.data) > 0)
    assert any(isinstance(job, tuple) and "drawing" in job[0] for job in jobs)
    page.controls.draw.click()
    assert len(draw.pad.points) == points, "the drawing is still there"
    assert draw.begin.findData("own my-roof") > 0
    assert draw.start.text() == "Train on it" and draw.start.isEnabled()


def test_it_can_be_stopped_and_what_was_learned_opens(page: DiffusionPage, until: Until) -> None:
    draw = page.draw
    draw.pad.set_points(shape("two-moons")[:300])
    few_steps(draw, 1_000_000)
    draw.start.click()
    until(lambda: len(draw._losses[0]) > 0)
    assert draw.loss.visible_curves()["train"].points[1][0] > 0
    page.cancel_job()  # the cross in the status bar
    until(lambda: not page.drawing and page.reverse.film.complete)
    assert page.model is not None and runs.card(Path(page.model.card.path)).status == "stopped"


def test_it_is_trained_behind_another_mode_too(page: DiffusionPage, until: Until) -> None:
    draw, before = page.draw, page.model
    draw.pad.set_points(shape("grid")[:300])
    few_steps(draw, 20)
    said: list[str] = []
    page.status.connect(said.append)
    draw.start.click()
    page.controls.mode.choose("forward")
    assert not page.drawing and not page.controls.draw.isChecked()
    until(lambda: not draw.training.running)
    assert page.model is before and page.mode is page.forward, "what is looked at stays"
    assert any("saved" in text and draw.open_trained.text() in text for text in said)
    page.controls.draw.click()
    assert page.drawing and draw.open_trained.isVisible() and page.model is before
    draw.open_trained.click()
    until(lambda: page.model is not None and page.model is not before and page.reverse.film.complete)
    assert page.model is not None and page.model.card.title == "drawing DDPM" and not page.drawing
    page.controls.draw.click()
    assert not draw.open_trained.isVisible(), "it is open by now"


def test_two_trainings_at_once_are_refused_in_words(
    page: DiffusionPage, problems: list[Failure], monkeypatch: pytest.MonkeyPatch
) -> None:
    page.draw.pad.set_points(shape("grid")[:300])
    monkeypatch.setattr("explorer.ui.drawn_training.under_way", lambda: True)
    page.draw.start.click()
    assert "another training is under way" in problems[-1].text
    assert not page.draw.training.running and page.draw.start.text() == "Train on it"
    assert not [folder for folder in runs.folders() if not runs.is_bundled(folder)]


def test_a_thread_is_under_way_only_while_it_runs(new_run: Callable[..., Path], qtbot: QtBot, until: Until) -> None:
    assert not training_thread.under_way()
    thread = training_thread.TrainingThread(new_run("points-ddpm", "training.epochs=100000"))
    thread.start()
    assert training_thread.under_way()
    assert thread.stop()
    assert not training_thread.under_way()


def test_closed_while_it_trains_it_saves_and_ends(page: DiffusionPage, window: MainWindow, until: Until) -> None:
    draw = page.draw
    draw.pad.set_points(shape("two-moons")[:300])
    few_steps(draw, 1_000_000)
    draw.start.click()
    until(lambda: len(draw._losses[0]) > 0)
    folder = draw.training.folder
    assert folder is not None
    assert window.close()
    assert not training_thread.under_way()
    assert runs.checkpoint_folders(folder)


# ---- what goes wrong -----------------------------------------------------------------------------------------------


def test_a_bad_or_vanished_file_is_told_and_the_drawing_stays(
    page: DiffusionPage, problems: list[Failure], tmp_path: Path
) -> None:
    draw = page.draw
    draw.pad.set_points(shape("grid"))
    bad = tmp_path / "bad.csv"
    bad.write_text("x,y\n1,2\nthree,4\n")
    draw.open_table(bad)
    assert "line 3" in problems[-1].text and str(bad) in problems[-1].text
    draw.open_table(tmp_path / "nowhere.csv")
    assert "nowhere.csv" in problems[-1].text
    drawn.keep("gone", shape("grid"))
    draw.come_up()
    drawn.path_of("gone").unlink()
    index = draw.begin.findData("own gone")
    draw.begin.setCurrentIndex(index)
    draw.begin.activated.emit(index)
    assert "gone" in problems[-1].text and len(problems) == 3
    assert np.array_equal(draw.pad.points, shape("grid"))


def test_a_model_whose_drawing_has_vanished_opens_without_a_word_of_trouble(
    window: MainWindow, until: Until, new_run: Callable[..., Path], problems: list[Failure]
) -> None:
    from explorer.training.loop import train

    name = drawn.keep("gone", shape("grid")[:300])
    folder = new_run("points-ddpm", "data.name=drawn", f"data.drawn={name}", "data.items=0", "training.batch_size=64")
    for _ in train(folder):
        pass
    drawn.path_of(name).unlink()
    page = opened(window, until, folder)
    reverse = page.reverse
    until(lambda: reverse.plane.score.field is not None)
    assert not reverse.plane.behind.isEnabled() and "gone" in reverse.plane.behind.toolTip()
    assert reverse.plane.score.error.text() == "data not known" and not reverse.distance.measuring
    hint = reverse.distance.findChild(PlotHint)
    assert hint is not None and "not on this machine" in hint.text()
    page.controls.mode.choose("forward")
    until(lambda: page.forward.noised is not None)
    assert page.forward.images.said.text() == "samples of the model", "they are no test points"
    assert page.forward.source.told["source"] == "samples of the model"
    assert page.back.whose.text() == "samples of the model"
    assert not problems


def test_a_table_in_any_units_is_brought_into_sight(page: DiffusionPage, tmp_path: Path) -> None:
    path = tmp_path / "My Table.csv"
    path.write_text("\n".join(f"{1000 + 10 * np.cos(a)},{500 + 10 * np.sin(a)}" for a in np.linspace(0, 6.28, 400)))
    said: list[str] = []
    page.draw.status.connect(said.append)
    page.draw.open_table(path)
    assert np.abs(page.draw.pad.points).max() < EXTENT and page.draw.name.text() == "my-table"
    assert not said
    path.write_text("\n".join([*path.read_text().splitlines(), "1500,500"]))  # one far away, of unit scale or not
    page.draw.open_table(path)
    assert len(page.draw.pad.points) == 401 and np.abs(page.draw.pad.points).max() < EXTENT
    assert "scaled into the plane" in said[-1]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(page: DiffusionPage, problems: list[Failure], home: Path) -> None:
    page.draw.pad.set_points(shape("grid"))
    (home / "data").mkdir(parents=True, exist_ok=True)
    (home / "data").chmod(0o500)
    try:
        page.draw.start.click()
        assert "cannot be written" in problems[-1].text and not page.draw.training.running
    finally:
        (home / "data").chmod(0o700)


def test_every_control_says_what_it_does_and_the_keys_work(page: DiffusionPage, qtbot: QtBot) -> None:
    draw = page.draw
    for widget in (draw.pad, draw.begin, draw.text, draw.name, draw.predicts, draw.steps, draw.start, draw.undo):
        assert isinstance(widget, QWidget) and widget.toolTip() and widget.accessibleName()
    draw.text.setFocus()
    qtbot.keyClicks(draw.text, "AB")
    qtbot.keyClick(draw.text, Qt.Key.Key_Return)
    assert len(draw.pad.points) == COUNT and draw.name.text() == "ab"
    assert f"{COUNT:,}".replace(",", " ") in draw.count.text()
    qtbot.keyClick(draw.pad, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not len(draw.pad.points) and "30 at least" in draw.count.text()
    qtbot.keyClick(draw.pad, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert len(draw.pad.points) == COUNT
    draw.closed.emit()
    assert not page.drawing and page.controls.export.isVisible() and page.controls.run.isVisible()

"""Earlier runs beside the experiment: chosen, coloured, hidden, compared, exported."""

import csv
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import QVBoxLayout
from pytestqt.qtbot import QtBot

from explorer import library, metrics, paths, runs
from explorer.messages import Failure
from explorer.settings import load_settings, with_settings
from explorer.training_messages import Knobs, Turned
from explorer.ui import theme
from explorer.ui.app import make_application
from explorer.ui.compare_panel import ComparePanel, Overlay
from explorer.ui.curve_plot import CurvePlot
from explorer.ui.page import Page
from explorer.ui.run_list import COLORS

Until = Callable[[Callable[[], bool]], None]


def own(name: str, source: str = "digits-beta-vae", **changes: object) -> str:
    """Make a run of the user's out of a bundled one and return its path."""
    folder = paths.library() / name
    shutil.copytree(runs.find(source), folder)
    runs.update_record(folder, **{"created": "2026-11-20T10:00:00Z", **changes})
    return str(folder)


@pytest.fixture
def panel(qtbot: QtBot, problems: list[Failure]) -> Iterator[ComparePanel]:
    """Return a shown panel on a page of its own."""
    make_application("dark")
    page = Page()
    made = ComparePanel(page)
    page.problem.connect(problems.append)
    QVBoxLayout(page).addWidget(made)
    qtbot.addWidget(page)
    page.resize(700, 800)
    page.show()
    made.show_subject(load_settings("digits-vae"))
    yield made
    assert made.shutdown()


def check(panel: ComparePanel, qtbot: QtBot, path: str) -> None:
    """Click the box of a run."""
    item = panel.list.item_of(path)
    panel.list.scrollToItem(item)
    where = panel.list.visualItemRect(item)
    qtbot.mouseClick(
        panel.list.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(where.left() + 14, where.center().y())
    )


def cells(panel: ComparePanel) -> dict[str, list[str]]:
    """Return the table by the names of its rows."""
    table = panel.table
    found = {}
    for row in range(table.rowCount()):
        items = [table.item(row, column) for column in range(table.columnCount())]
        found[table.verticalHeaderItem(row).text()] = [item.text() if item is not None else "" for item in items]
    return found


def overlay(panel: ComparePanel, path: str) -> Overlay:
    return next(one for one in panel.overlays() if one.key == path)


def test_runs_of_the_same_data_come_first(panel: ComparePanel) -> None:
    digits, points = own("one"), own("two", "two-moons-eps", created="2026-11-21T10:00:00Z")
    assert panel._empty.isVisible(), "no earlier runs yet"
    panel.refresh()
    assert not panel._empty.isVisible()
    listed = panel.list.shown_paths
    assert listed[:2] == [digits, points] and listed[2] == str(runs.find("digits-beta-vae"))
    panel.show_subject(load_settings("points-ddpm"))
    assert panel.list.shown_paths[:2] == [points, digits]
    panel.search.setText("two-moons yours")
    assert panel.list.shown_paths == [points]
    panel.search.setText("nothing like it")
    assert panel.list.shown_paths == []
    panel.refresh()
    assert panel.list.shown_paths == [], "the search stays"


def test_a_checked_run_is_laid_over_and_compared(panel: ComparePanel, qtbot: QtBot, until: Until) -> None:
    path = own("one")
    panel.refresh()
    assert panel._hint.isVisible() and not panel.table.isVisible() and not panel.export.isEnabled()
    with qtbot.waitSignal(panel.overlays_changed):
        check(panel, qtbot, path)
    until(lambda: bool(panel.overlays()))
    [found] = panel.overlays()
    measured = [m for m in metrics.measurements(Path(path)) if m.split == "test"]
    assert found.figure == "elbo" and found.color == COLORS[0] and found.name == runs.card(Path(path)).title
    assert found.test.tolist() == [[m.epoch for m in measured], [m.values["elbo"] for m in measured]]
    table = cells(panel)
    assert panel.table.isVisible() and table["β"] == ["1", "4"] and "Seed" not in table
    assert table["ELBO, nats per item"] == ["–", "16.70"], "this one has not begun"
    check(panel, qtbot, path)
    assert not panel.overlays() and not panel.table.isVisible()


def test_overlays_are_what_a_plot_takes(panel: ComparePanel, qtbot: QtBot, until: Until) -> None:
    path = own("one")
    panel.refresh()
    check(panel, qtbot, path)
    until(lambda: bool(panel.overlays()))
    plot = CurvePlot("ELBO", "epoch")
    qtbot.addWidget(plot)
    [found] = panel.overlays()
    plot.set_overlay(found.key, found.name, found.color, *found.test)
    assert found.name in {curve.title for curve in plot.visible_curves().values()}


def test_each_run_has_a_colour_that_can_be_changed_and_hidden(panel: ComparePanel, qtbot: QtBot, until: Until) -> None:
    given = [own(f"run{number}", created=f"2026-11-20T10:00:0{number}Z") for number in range(4)]
    panel.refresh()
    for path in given:
        check(panel, qtbot, path)
    until(lambda: len(panel.overlays()) == 4)
    assert [one.color for one in panel.overlays()] == list(COLORS[:4]), "no two alike"
    menu = panel.list.menu_of(given[1])
    hide, amber = menu.actions()[0], next(action for action in menu.actions() if action.text() == "amber")
    amber.trigger()
    assert overlay(panel, given[1]).color == 1
    hide.trigger()
    assert [one.key for one in panel.overlays()] == [given[0], *given[2:]]
    assert panel.table.columnCount() == 5, "hidden in the plot, still in the table"
    check(panel, qtbot, given[0])
    check(panel, qtbot, given[0])
    until(lambda: len(panel.overlays()) == 3)
    assert overlay(panel, given[0]).color == COLORS[0], "the first that is free"
    qtbot.mouseClick(panel.clear_button, Qt.MouseButton.LeftButton)
    assert not panel.overlays() and not panel.table.isVisible()
    item = panel.list.item_of(given[2])
    assert item.checkState(0) == Qt.CheckState.Unchecked


def test_by_keyboard(panel: ComparePanel, qtbot: QtBot, until: Until) -> None:
    path = own("one")
    panel.refresh()
    panel.list.setFocus()
    panel.list.setCurrentItem(panel.list.item_of(path))
    qtbot.keyClick(panel.list, Qt.Key.Key_Space)
    until(lambda: [one.key for one in panel.overlays()] == [path])
    panel.refresh()
    qtbot.keyClick(panel.list, Qt.Key.Key_Space)
    assert not panel.overlays(), "the row is still the current one after the list was read again"


def test_the_run_that_is_shown_is_not_laid_over_itself(panel: ComparePanel, qtbot: QtBot, until: Until) -> None:
    path, other = own("one"), own("two", "digits-vae-2d")
    panel.refresh()
    for one in (path, other):
        check(panel, qtbot, one)
    until(lambda: len(panel.overlays()) == 2)
    panel.show_subject(runs.read_config(Path(path)), Path(path))
    assert [one.key for one in panel.overlays()] == [other]
    assert not panel.list.item_of(path).flags() & Qt.ItemFlag.ItemIsUserCheckable
    assert "this one" in panel.list.item_of(path).text(0)
    table = cells(panel)
    assert table["ELBO*, nats per item"] == ["16.70", "−24.43"] and panel.table.columnCount() == 2
    assert "one is a probability, the other a density" in panel.cautions.text()


def test_figures_that_must_not_be_compared_say_why(panel: ComparePanel, qtbot: QtBot, until: Until) -> None:
    panel.show_subject(load_settings("points-ddpm"))
    v, x0 = (str(runs.find(f"two-moons-{name}")) for name in ("v", "x0"))
    for path in (v, x0):
        check(panel, qtbot, path)
    assert "Loss cannot be compared: the networks predict different things" in panel.cautions.text()
    assert panel.cautions.isVisible() and "Loss*, per value" in cells(panel)
    check(panel, qtbot, x0)
    assert not panel.cautions.isVisible()
    until(lambda: len(panel.overlays()) == 1)


def test_figures_of_this_one_follow_it(panel: ComparePanel, qtbot: QtBot) -> None:
    path = own("one")
    panel.refresh()
    check(panel, qtbot, path)
    turned = Turned(30, 1.25, Knobs(20.0, 0.5))
    panel.show_figures({"test_elbo": -25.0, "epochs": 1.5}, 1234, (turned,))
    table = cells(panel)
    assert table["ELBO*, nats per item"][0] == "−25.00" and table["Parameters"][0] == "1 234"
    assert table["Turned"] == ["β 20 · lr × 0.5 at epoch 1.25", "–"]


def test_a_run_that_goes_on_is_read_again_and_a_deleted_one_is_forgotten(
    panel: ComparePanel, qtbot: QtBot, until: Until
) -> None:
    path = own("one")
    panel.refresh()
    check(panel, qtbot, path)
    until(lambda: bool(panel.overlays()))
    count = panel.overlays()[0].train.shape[1]
    last = list(metrics.measurements(Path(path)))[-1]
    for _ in range(3):
        metrics.append(Path(path), last.__class__(**{**last.__dict__, "split": "train"}))
    library.rename(Path(path), "another name")
    panel.refresh()
    until(lambda: panel.overlays()[0].train.shape[1] == count + 3)
    assert panel.overlays()[0].name == "another name"
    assert panel.table.horizontalHeaderItem(1).text() == "another name"
    shutil.rmtree(path)
    panel.refresh()
    assert not panel.overlays() and path not in panel.list.shown_paths


def test_a_run_that_cannot_be_read_is_told(panel: ComparePanel, qtbot: QtBot, problems: list[Failure]) -> None:
    path = own("one")
    panel.refresh()
    (Path(path) / runs.RECORD).write_text("{")
    check(panel, qtbot, path)
    assert "run.json" in problems[0].text and not panel.overlays()
    assert panel.list.item_of(path).checkState(0) == Qt.CheckState.Unchecked


def test_a_curve_that_cannot_be_read_is_told_and_the_figures_stay(
    panel: ComparePanel, qtbot: QtBot, until: Until, problems: list[Failure]
) -> None:
    path = own("one")
    (Path(path) / metrics.METRICS).unlink()
    (Path(path) / metrics.METRICS).mkdir()
    panel.refresh()
    check(panel, qtbot, path)
    until(lambda: bool(problems))
    assert "metrics.jsonl" in problems[0].text and cells(panel)["ELBO, nats per item"][1] == "16.70"


def test_the_table_is_copied_and_exported(panel: ComparePanel, qtbot: QtBot, tmp_path: Path) -> None:
    path = own("one")
    panel.refresh()
    check(panel, qtbot, path)
    panel.table.setFocus()
    qtbot.keySequence(panel.table, QKeySequence(QKeySequence.StandardKey.Copy))
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    assert lines[0] == ["", load_settings("digits-vae").title, runs.card(Path(path)).title]
    assert ["β", "1", "4"] in lines
    panel.exports.save("comparison", tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = {row[1]: row for row in csv.reader(file)}
    assert rows["model.beta"][3:5] == ["1.0", "4.0"] and rows["folder"][4] == "one"


def test_both_themes_and_a_narrow_place(panel: ComparePanel, qtbot: QtBot, until: Until) -> None:
    path = own("one")
    panel.refresh()
    check(panel, qtbot, path)
    pictures = []
    for name in ("light", "dark"):
        theme.current().apply(name)
        pictures.append(panel.grab().toImage().convertToFormat(panel.grab().toImage().Format.Format_RGB888))
    light, dark = (np.frombuffer(picture.constBits(), np.uint8).mean() for picture in pictures)
    assert light > 180 and dark < 80, "nothing keeps the colours of the other theme"
    panel.window().resize(500, 600)
    assert panel.list.isColumnHidden(2) and panel.list.columnWidth(0) > 120
    until(lambda: bool(panel.overlays()))


def test_closing_while_a_long_curve_is_read(panel: ComparePanel, qtbot: QtBot) -> None:
    path = own("one")
    with (Path(path) / metrics.METRICS).open("a") as file:
        line = '{"step":1,"epoch":200,"seconds":1,"split":"train","elbo":-1}\n'
        file.write(line * 200_000)
    panel.refresh()
    check(panel, qtbot, path)
    assert panel.shutdown() and not panel.overlays()


def test_settings_of_every_family_can_be_compared(panel: ComparePanel, qtbot: QtBot, until: Until) -> None:
    given = [str(runs.find(name)) for name in ("mnist-vq", "mnist-ladder", "mnist-conditional", "digits-ddpm")]
    panel.show_subject(with_settings(load_settings("digits-autoencoder"), ["data.name=mnist"]))
    for path in given:
        check(panel, qtbot, path)
    until(lambda: len(panel.overlays()) == 4)
    table = cells(panel)
    assert len(table["Family"]) == 5 and table["Codebook size"] == ["–", "64", "–", "–", "–"]
    assert {one.figure for one in panel.overlays()} == {"elbo", "loss"}

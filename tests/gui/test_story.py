"""What the Train page is for, from beginning to end, in one sitting and the one after."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from explorer import metrics, paths, runs, snapshots
from explorer.messages import Failure
from explorer.settings import load_settings
from explorer.ui.main_window import MainWindow
from explorer.ui.train_page import TrainPage

Until = Callable[[Callable[[], bool]], None]


def page_of(window: MainWindow) -> TrainPage:
    page = window.show_page("train")
    assert isinstance(page, TrainPage)
    return page


def epoch(page: TrainPage) -> float:
    return page.progress.measurement.epoch if page.progress is not None else 0.0


@pytest.mark.slow
def test_turn_beta_see_the_collapse_turn_it_back_close_resume_compare_travel_and_export(
    window: MainWindow, qtbot: QtBot, until: Until, problems: list[Failure], tmp_path: Path
) -> None:
    page = page_of(window)
    page.form.set_config(load_settings("digits-vae"))
    for address, text in {
        "model.hidden_units": "32", "model.latent_size": "4", "training.device": "cpu", "training.epochs": "100000",
        "training.precision": "float32", "training.log_every": "8",
    }.items():  # fmt: skip
        page.form.set_value(address, text)
    click = lambda button: qtbot.mouseClick(button, Qt.MouseButton.LeftButton)  # noqa: E731
    click(page.live.start)

    def findings() -> str:
        return " ".join(finding.text for finding in page.views.monitor.findings())

    # β up to its end: the dimensions collapse, and the page says so.
    until(lambda: epoch(page) > 12)
    page.live.beta.setValue(1.0)
    until(lambda: "collapse" in findings().lower())
    until(lambda: max(page.views.curves._kl) < 0.01)
    assert page.views.monitor.isVisible() and page.views.curves.elbo.marks
    # Back: they come to life again.
    page.live.beta.setValue(0.14)
    until(lambda: max(page.views.curves._kl) > 0.1)
    until(lambda: "came back" in findings() or "collapse" not in findings().lower())
    # A pause, and the window closed in it.
    click(page.live.start)
    until(lambda: "paused" in page.state.line.text())
    folder = page.folder
    assert folder is not None and folder.parent == paths.library()
    window.close()
    stood = int(runs.checkpoint_folders(folder)[0].name)
    # An epoch is 24 steps; a long run leaves some out, so that snapshots stay within their share of the time.
    assert stood - 10 * 24 < snapshots.steps(folder)[-1] <= stood and not problems

    # The next day: the run is shown as it was, and goes on from where it stood.
    again = MainWindow(warm_up=False)
    qtbot.addWidget(again)
    again.messages.tell = problems.append  # type: ignore[method-assign]
    again.resize(1440, 900)
    again.show()
    again.show_training(str(folder))
    page = page_of(again)
    until(lambda: not page.reader.reading)
    assert page.live.start.text() == "Resume" and len(page.views.turns) >= 2
    click(page.live.start)
    until(lambda: page.progress is not None and page.progress.measurement.step > stood)
    click(page.live.stop)
    until(lambda: not page.running)
    steps = [one.step for one in metrics.measurements(folder) if one.split == "train"]
    assert steps == sorted(set(steps)), "nothing twice, nothing lost"

    # Compared with an earlier run.
    page.views.chooser.choose("compare")
    other = str(runs.find("digits-vae-2d"))
    page.views.compare.list.item_of(other).setCheckState(0, Qt.CheckState.Checked)
    until(lambda: [overlay.key for overlay in page.views.compare.overlays()] == [other])
    # Back through the training.
    page.views.chooser.choose("travel")
    travel = page.views.travel
    kept = snapshots.steps(folder)
    assert {moment.step for moment in travel.travel} >= set(kept) and len(kept) > 5 and not page.now.isVisible()
    qtbot.keyClick(travel, Qt.Key.Key_Home)
    assert travel.moment.step == 0
    qtbot.keyClick(travel, Qt.Key.Key_End)
    assert travel.moment.step == kept[-1]
    # And the curve taken home.
    page.views.chooser.choose("curves")
    assert page.now.isVisible()
    exports = page.views.curves.elbo.tools.exports
    for key, ending in (("png", ".png"), ("svg", ".svg"), ("csv", ".csv")):
        exports.save(key, tmp_path / f"elbo{ending}")
    with Image.open(tmp_path / "elbo.png") as picture:
        assert picture.width > 600
    assert "ELBO" in (tmp_path / "elbo.svg").read_text()
    with (tmp_path / "elbo.csv").open() as file:
        rows = list(csv.reader(file))
    assert len(rows) > len(steps) and not problems
    again.close()

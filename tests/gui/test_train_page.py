"""The Train page: a form, a thread, curves, and a model at the end."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from explorer import metrics, paths, runs
from explorer.errors import DataError
from explorer.messages import Failure
from explorer.settings import load_settings
from explorer.training_messages import Knobs
from explorer.ui.latent_page import LatentPage
from explorer.ui.main_window import MainWindow
from explorer.ui.models_page import ModelsPage
from explorer.ui.train_page import TrainPage
from explorer.ui.training_status import duration
from explorer.ui.training_views import horizon

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def page(window: MainWindow) -> TrainPage:
    made = window.show_page("train")
    assert isinstance(made, TrainPage)
    made.form.set_config(load_settings("digits-vae"))
    made.form.set_value("model.hidden_units", "32")
    made.form.set_value("training.device", "cpu")
    return made


def test_train_to_the_end_and_explore(page: TrainPage, window: MainWindow, qtbot: QtBot, until: Until) -> None:
    page.form.set_value("training.epochs", "20")
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    assert page.running and not page.form.isEnabled()
    until(lambda: not page.running)
    assert page.folder is not None and page.folder.parent == paths.library()
    card = runs.card(page.folder)
    assert card.metrics["epochs"] == 20 and not card.problem
    measured = list(metrics.measurements(page.folder))
    drawn = page.views.curves.elbo._curves["test"].getData()
    assert np.array_equal(drawn[1], [m.values["elbo"] for m in measured if m.split == "test"])
    assert page.views.curves.elbo.isVisible() and not page.views.curves.loss.isVisible()
    assert sum(page.views.curves._kl) == pytest.approx(measured[-1].values["kl"], rel=1e-4)
    assert len(page.now.samples.pixels) > 0 and len(page.now.reconstructions.pixels) == 16
    assert "finished" in page.state.line.text()
    models = window.page("models")
    assert isinstance(models, ModelsPage)
    assert str(page.folder) in [shown.card.path for shown in models.cards]
    qtbot.mouseClick(page.now.explore_button, Qt.MouseButton.LeftButton)
    latent = window.page("latent")
    assert isinstance(latent, LatentPage)
    until(lambda: latent.decoded is not None)


def test_stop_keeps_the_model(page: TrainPage, window: MainWindow, qtbot: QtBot, until: Until) -> None:
    page.form.set_value("training.epochs", "100000")
    qtbot.keyClick(page, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    until(lambda: page.progress is not None)
    assert "left" in page.state.line.text() or page.state.line.text() == "starting…"
    qtbot.mouseClick(page.live.stop, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)
    assert page.folder is not None and runs.read_record(page.folder)["status"] == "stopped"
    assert runs.checkpoint_folders(page.folder) and not runs.card(page.folder).problem
    assert "stopped and kept" in page.state.line.text()


def test_a_ddpm_shows_its_loss(page: TrainPage, qtbot: QtBot, until: Until, problems: list[Failure]) -> None:
    page.form.set_value("model.family", "ddpm")
    for address, text in {
        "model.timesteps": "20", "model.channels": "8", "model.residual_blocks": "1", "training.epochs": "1",
        "training.precision": "float32", "model.multipliers": "1, 2",
    }.items():  # fmt: skip
        page.form.set_value(address, text)
    assert page.views.curves.loss.isVisible() and not page.views.curves.elbo.isVisible()
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)
    assert len(page.views.curves.loss._curves["train"].getData()[0]) > 0
    assert len(page.now.samples.pixels) == 64
    page.now.export.save("reconstructions", page.folder / "r.png")
    assert "no picture" in problems[0].text


def test_closing_while_it_trains_saves_a_checkpoint(
    page: TrainPage, window: MainWindow, qtbot: QtBot, until: Until
) -> None:
    page.form.set_value("training.epochs", "100000")
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: page.folder is not None and page.progress is not None)
    assert page.folder is not None
    window.close()
    newest = runs.checkpoint_folders(page.folder)[0]
    assert int(newest.name) >= page.progress.measurement.step
    assert not runs.card(page.folder).problem


def test_wrong_settings_are_told_in_place_and_not_trained(
    page: TrainPage, qtbot: QtBot, problems: list[Failure]
) -> None:
    page.form.set_value("model.latent_size", "0")
    row = page.form.rows["model.latent_size"]
    assert row.message.isVisible() and row.message.text() == "Latent size must be from 1 to 512; you typed 0"
    assert row.editor.property("invalid") is True
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    assert not page.running and page.state.line.text() == "not started: Latent size is marked in the form"
    assert row.editor.hasFocus() and not problems, "it is said where it is, and once"
    page.form.set_value("model.latent_size", "3")
    assert not row.message.isVisible()


def test_an_error_in_the_thread_reaches_the_bar(page: TrainPage, qtbot: QtBot, until: Until, problems: list[Failure],
                                                monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("injected")

    monkeypatch.setattr("explorer.training.loop.train", broken)
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: not page.running and bool(problems))
    assert "injected" in problems[0].text and "ZeroDivisionError" in problems[0].details
    page.form.set_value("training.device", "cuda")
    monkeypatch.undo()


def test_an_absent_device_is_told(page: TrainPage, qtbot: QtBot, until: Until, problems: list[Failure]) -> None:
    page.form.set_value("training.device", "mps")
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)
    assert "there is no device mps" in problems[0].text
    assert not list(paths.library().glob("*")), "no dead run folder"


def test_an_earlier_run_is_shown(window: MainWindow, until: Until, problems: list[Failure]) -> None:
    window.show_training(str(runs.find("digits-beta-vae")))
    page = window.page("train")
    assert isinstance(page, TrainPage)
    assert page.form.config() == runs.read_config(runs.find("digits-beta-vae"))
    until(lambda: not page.reader.reading)
    assert len(page.views.curves.elbo._curves["train"].getData()[0]) > 20
    assert len(page.now.samples.pixels) == 64 and page.now.explore_button.isEnabled()
    window.show_training(str(runs.find("digits-ddpm")))
    assert page.views.curves.loss.isVisible()
    window.show_training("nowhere")
    assert "there is no run folder" in problems[0].text


def test_samples_export_reads_back(window: MainWindow, until: Until, tmp_path: Path) -> None:
    from explorer import images

    window.show_training(str(runs.find("digits-vae-2d")))
    page = window.page("train")
    assert isinstance(page, TrainPage)
    until(lambda: not page.reader.reading)
    page.now.export.save("samples", tmp_path / "s.png")
    with Image.open(tmp_path / "s.png") as read:
        assert np.array_equal(np.asarray(read), images.sheet(page.now.samples.pixels)[..., 0])
    page.now.export.save("reconstructions", tmp_path / "r.png")
    assert images.read_provenance(tmp_path / "r.png")["model"] == "digits-vae-2d"


def test_durations_read_well() -> None:
    assert [duration(s) for s in (0.4, 59, 110, 3700, float("inf"))] == ["0 s", "59 s", "1 min 50 s", "1 h 1 min", "…"]


# ---- steering ------------------------------------------------------------------------------------------------------


def steps(page: TrainPage) -> int:
    return page.progress.measurement.step if page.progress is not None else 0


def test_pause_step_and_go_on(page: TrainPage, qtbot: QtBot, until: Until) -> None:
    page.form.set_value("training.epochs", "100000")
    page.form.set_value("training.log_every", "1")
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: steps(page) > 3)
    assert page.live.start.text() == "Pause" and page.live.step.isVisible()
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    assert page.live.start.text() == "Go on" and "paused" in page.state.line.text()
    qtbot.wait(300)
    stood = steps(page)
    qtbot.wait(300)
    assert steps(page) == stood and page.running
    for taken in (1, 2, 3):
        qtbot.mouseClick(page.live.step, Qt.MouseButton.LeftButton)
        until(lambda taken=taken: steps(page) == stood + taken)
    page.live.slow.click()
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    before = steps(page)
    qtbot.wait(1200)
    assert before < steps(page) <= before + 4, "slow motion"
    page.live.slow.click()
    until(lambda: steps(page) > before + 20)
    qtbot.mouseClick(page.live.stop, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)
    assert page.live.start.text() == "Resume" and not page.live.step.isVisible()


def test_knobs_are_turned_marked_and_remembered(page: TrainPage, qtbot: QtBot, until: Until) -> None:
    page.form.set_value("training.epochs", "100000")
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: steps(page) > 3)
    assert page.live.knobs == Knobs(None, 1.0), "as the settings say"
    page.live.beta.setValue(0.65)
    wanted = page.live.knobs
    assert wanted.beta == pytest.approx(50 * 0.65**2, rel=0.02)
    until(lambda: bool(page.views.curves.elbo.marks))
    page.live.rate.setValue(-1)
    until(lambda: len(page.views.curves.elbo.marks) == 2)
    assert page.views.curves.elbo.marks[-1][1] == f"β {wanted.beta:g} · lr × 0.1"
    qtbot.mouseClick(page.live.stop, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)
    assert page.folder is not None
    assert [turn.knobs for turn in metrics.turns(page.folder)] == [wanted, Knobs(wanted.beta, 0.1)]
    before = runs.checkpoint_folders(page.folder)[0].name
    page.show_run(page.folder)
    until(lambda: not page.reader.reading)
    assert len(page.views.curves.elbo.marks) == 2 and page.live.start.text() == "Resume"
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: steps(page) > int(before))
    assert page.live.knobs == Knobs(wanted.beta, 0.1), "the knobs stand as they stood"
    qtbot.mouseClick(page.live.stop, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)
    assert len(list(paths.library().glob("*"))) == 1 and len(metrics.turns(page.folder)) == 2
    qtbot.mouseClick(page.live.anew, Qt.MouseButton.LeftButton)
    until(lambda: steps(page) > 1)
    qtbot.mouseClick(page.live.stop, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)
    assert len(list(paths.library().glob("*"))) == 2, "a run of its own"


def test_a_changed_setting_means_a_new_run(page: TrainPage, qtbot: QtBot, until: Until) -> None:
    page.form.set_value("training.epochs", "100000")
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: steps(page) > 3)
    qtbot.mouseClick(page.live.stop, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)
    assert page.live.start.text() == "Resume"
    page.form.set_value("training.seed", "7")
    assert page.live.start.text() == "Start" and not page.live.anew.isVisible()


def test_a_model_without_a_kl_has_no_beta_to_turn(page: TrainPage, qtbot: QtBot, until: Until) -> None:
    page.form.set_value("model.family", "autoencoder")
    page.form.set_value("training.epochs", "100000")
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: steps(page) > 3)
    assert not page.live.beta.isVisible() and page.live.rate.isVisible()
    assert page.live.knobs.beta is None
    qtbot.mouseClick(page.live.stop, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)


def test_a_drag_is_one_turn_and_moves_one_knob(page: TrainPage, qtbot: QtBot, until: Until) -> None:
    page.form.set_value("training.epochs", "100000")
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: steps(page) > 3)
    page.live.rate.setSliderDown(True)
    for place in range(60):
        page.live.rate.setValue(-place / 60)
    page.live.rate.setSliderDown(False)
    until(lambda: len(page.views.turns) == 1)
    assert page.views.turns[0].knobs == Knobs(None, page.live.knobs.rate), "β is as the settings have it"
    qtbot.mouseClick(page.live.stop, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)
    assert page.folder is not None and len(metrics.turns(page.folder)) == 1


def test_a_replay_moves_the_sliders(page: TrainPage, qtbot: QtBot, until: Until) -> None:
    page.form.set_value("training.epochs", "100000")
    page.form.set_value("training.turns", "5 beta=20; 9 beta=2.345 rate=0.5")
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: len(page.views.turns) == 2)
    assert page.live.knobs == Knobs(2.345, 0.5)
    page.live.rate.setValue(-1)
    until(lambda: len(page.views.turns) == 3)
    assert page.views.turns[-1].knobs == Knobs(2.345, 0.1), "the other knob stays where the replay put it"
    qtbot.mouseClick(page.live.stop, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)


# ---- beside a training ---------------------------------------------------------------------------------------------


def start_endless(page: TrainPage, qtbot: QtBot, until: Until) -> None:
    page.form.set_value("training.epochs", "100000")
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: steps(page) > 3)


def end(page: TrainPage, qtbot: QtBot, until: Until) -> None:
    qtbot.mouseClick(page.live.stop, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)


def test_another_run_is_looked_at_while_one_trains(
    page: TrainPage, window: MainWindow, qtbot: QtBot, until: Until, problems: list[Failure]
) -> None:
    start_endless(page, qtbot, until)
    trained, settings = page.folder, page.form.settings
    page.views.chooser.choose("ledger")
    window.show_training(str(runs.find("digits-beta-vae")))
    assert page.stack.aside and page.folder == runs.find("digits-beta-vae") and page.views.chooser.key == "ledger"
    assert page.form.settings == settings and page.running and window.subject.text() == "run: digits-beta-vae"
    until(lambda: not page.reader.reading)
    assert len(page.views.curves._series["train", "elbo"]) > 20 and page.now.explore_button.isEnabled()
    before = steps(page)
    until(lambda: steps(page) > before)
    assert len(page.own.views.curves._series["train", "elbo"]) > 0, "the training is still taken note of"
    assert "left" in page.state.line.text() or "starting" in page.state.line.text()
    back = next(one for one in page.findChildren(QPushButton) if one.isVisible() and "Back to" in one.text())
    qtbot.mouseClick(back, Qt.MouseButton.LeftButton)
    assert page.folder == trained and not page.stack.aside and not page.now.explore_button.isEnabled()
    assert trained is not None and window.subject.text() == f"run: {trained.name}"
    page.views.chooser.choose("curves")
    window.show_training(str(runs.find("digits-ddpm")))
    assert page.views.curves.loss.isVisible() and page.stack.aside
    window.show_training(str(trained))
    assert page.folder == trained and not page.stack.aside
    window.show_training("nowhere")
    assert "there is no run folder" in problems[-1].text and page.folder == trained
    window.show_training(str(runs.find("digits-ddpm")))
    end(page, qtbot, until)
    assert page.stack.aside, "what is looked at stays when the training ends"
    assert any(one.isVisible() and "was trained" in one.text() for one in page.findChildren(QPushButton))
    qtbot.keyClick(page.now.explore_button, Qt.Key.Key_Escape)
    assert page.folder == trained and page.now.explore_button.isEnabled() and page.live.start.text() == "Resume"


def test_the_axis_ends_with_the_plan_while_it_trains_and_with_the_data_afterwards(
    page: TrainPage, qtbot: QtBot, until: Until
) -> None:
    page.form.set_value("training.epochs", "500")
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)

    def right() -> float:
        return float(page.views.curves.elbo.plot.view.viewRange()[0][1])

    until(lambda: page.views.newest is not None and page.views.newest[0] > 1)
    page.own.redraw()
    assert right() > 4 * page.views.newest[0]  # type: ignore[index]
    end(page, qtbot, until)
    newest = page.views.newest
    assert newest is not None and right() == pytest.approx(newest[0], rel=0.05)
    assert page.folder is not None
    page.show_run(page.folder)
    until(lambda: not page.reader.reading)
    assert right() == pytest.approx(newest[0], rel=0.05)


def test_a_run_that_fails_before_its_first_step_is_known(
    page: TrainPage, window: MainWindow, qtbot: QtBot, until: Until, problems: list[Failure],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def broken(*_: object, **__: object) -> None:
        raise DataError("the data have gone; put them back")

    monkeypatch.setattr("explorer.training.loop.load", broken)
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: not page.running and bool(problems))
    [made] = paths.library().iterdir()
    assert page.folder == made and window.subject.text() == f"run: {made.name}"
    assert page.live.start.text() == "Start" and "error" in page.state.line.text()
    models = window.page("models")
    assert isinstance(models, ModelsPage) and str(made) in [shown.card.path for shown in models.cards]
    assert "data have gone" in problems[0].text


def test_a_film_is_saved_while_it_trains_and_each_is_ended_by_itself(
    page: TrainPage, window: MainWindow, qtbot: QtBot, until: Until, tmp_path: Path
) -> None:
    start_endless(page, qtbot, until)
    until(lambda: len(page.views.travel.travel) > 1)
    jobs: list[tuple[str, float] | None] = []
    page.job.connect(jobs.append)
    page.views.travel.films.save("travel", tmp_path / "film.zip")
    assert jobs[-1] == ("saving film.zip", 0.0)
    page.cancel_job()
    until(lambda: not page.views.travel.films.saving)
    assert page.running and not (tmp_path / "film.zip").exists()
    until(lambda: jobs[-1] is not None and jobs[-1][0].startswith("training"))
    page.views.travel.films.save("travel", tmp_path / "film.zip")
    window.close()
    assert not list(tmp_path.glob("film*")), "its thread was ended"


def test_the_axis_of_a_training_reaches_to_its_plan_or_ten_times_as_far_as_it_is() -> None:
    assert [horizon(done, 30) for done in (0.0, 3.0, 7.0, 30.0)] == [30, 30, 30, 30]
    assert [horizon(done, 4000) for done in (0.0, 0.1, 0.11, 1.0, 14.0, 45.0, 399.0, 400.0)] == [
        4000, 1, 2, 10, 200, 500, 4000, 4000,
    ]  # fmt: skip
    seen = [horizon(done / 10, 4000) for done in range(1, 40_001)]
    assert seen == sorted(seen) and len(set(seen)) < 14, "it only grows, and rarely"


@pytest.mark.parametrize("size", [(900, 600), (1100, 700), (1440, 900)])
def test_nothing_overlaps_or_is_cut_off_at_any_size(
    page: TrainPage, window: MainWindow, qtbot: QtBot, size: tuple[int, int]
) -> None:
    page.show_run(runs.find("digits-beta-vae"))
    window.resize(*size)
    qtbot.waitUntil(lambda: window.width() == size[0])
    qtbot.waitUntil(lambda: not page.reader.reading)
    qtbot.waitUntil(lambda: page.own.geometry().right() <= page.stack.width())
    shown = [made for made in page.views.chooser.buttons.values() if made.isVisible()]
    for made in shown:
        assert made.width() >= made.sizeHint().width(), made.text()
    assert page.views.chooser.geometry().right() < page.views.width()
    narrow = size[0] == 900
    assert page.views.chooser.buttons["now"].isVisible() == narrow and page.now.isVisible() != narrow
    if narrow:
        page.views.choose("now")
        assert page.now.isVisible() and not page.views.curves.isVisible() and page.now.width() > 400
        window.resize(1440, 900)
        qtbot.waitUntil(lambda: not page.views.chooser.buttons["now"].isVisible())
        assert page.views.chooser.key == "curves" and page.now.isVisible() and page.now.width() == 300
    for plot in (page.views.curves.elbo, page.views.curves.parts, page.views.curves.bars):
        assert plot.plot.width() > 180


def test_what_ends_while_another_page_is_shown_is_drawn_to_its_end(
    page: TrainPage, window: MainWindow, qtbot: QtBot, until: Until
) -> None:
    page.form.set_value("training.epochs", "3")
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    window.show_page("models")
    until(lambda: not page.running)
    window.show_page("train")
    assert page.own.folder is not None
    measured = [m for m in metrics.measurements(page.own.folder) if m.split == "test"]
    assert len(page.views.curves.elbo._curves["test"].getData()[0]) == len(measured)
    assert page.views.curves.elbo.plot.view.viewRange()[0][1] < 3.2


def test_two_trainings_at_once_are_refused_in_words(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.ui.train_page.under_way", lambda: True)
    page = window.show_page("train")
    assert isinstance(page, TrainPage)
    page.start()
    assert not page.running and "Diffusion page" in page.state.line.text()

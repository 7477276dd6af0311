"""The Diffusion page: play, pause, step, scrub; forward and reverse; export."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.config import Sampling
from explorer.data.catalog import load
from explorer.inference.session import ModelSession
from explorer.messages import DenoiseRequest, Failure
from explorer.ui.diffusion_page import DiffusionPage
from explorer.ui.main_window import MainWindow

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def folder(trained: Callable[[str], Path]) -> Path:
    return trained("digits-ddpm")


@pytest.fixture
def page(window: MainWindow, until: Until, folder: Path) -> DiffusionPage:
    window.open_model(str(folder), "ddpm")
    made = window.page("diffusion")
    assert isinstance(made, DiffusionPage)
    until(lambda: len(made.frames) == 21 and not made.running and made.gallery is not None)
    return made


def test_the_chain_is_the_librarys_pixel_for_pixel(page: DiffusionPage, folder: Path) -> None:
    expected = list(ModelSession.open(folder, "cpu").denoise(DenoiseRequest(0, 16, 42)))
    for ours, theirs in zip(page.frames, expected, strict=True):
        assert ours.t == theirs.t
        for name in ("x_t", "x0_hat", "eps_hat"):
            assert int(np.abs(getattr(ours, name).astype(int) - getattr(theirs, name)).max()) <= 1


def test_it_plays_to_the_end_by_itself(page: DiffusionPage, until: Until) -> None:
    page.player.speed.choose("16×")
    page.player.go_to(0)
    page.player.start()
    until(lambda: page.player.position == 20 and not page.player.playing)
    assert page.t == 0 and np.array_equal(page.view.picture.pixels, page.frames[-1].x_t[:1])


def test_step_pause_and_scrub_back_show_the_stored_frames(page: DiffusionPage, qtbot: QtBot) -> None:
    page.player.pause()
    for position in (20, 3, 11, 0):
        page.player.slider.setValue(position)
        frame = page.frames[position]
        for (_, picture), name in zip(page.view.panes, ("x_t", "x0_hat", "eps_hat"), strict=True):
            assert np.array_equal(picture.pixels, getattr(frame, name)[:1])
        assert page.player.where.text() == f"t = {frame.t}"
        assert page.step.curves.cursor_at == frame.t
    qtbot.mouseClick(page.player.forth, Qt.MouseButton.LeftButton)
    assert page.t == 19
    qtbot.mouseClick(page.player.back, Qt.MouseButton.LeftButton)
    assert page.t == 20
    qtbot.keyClick(page, Qt.Key.Key_Right)
    assert page.t == 19
    qtbot.keyClick(page, Qt.Key.Key_Space)
    assert page.player.playing
    qtbot.keyClick(page, Qt.Key.Key_Space)
    assert not page.player.playing


def test_the_step_panel_has_the_numbers_of_the_step(page: DiffusionPage) -> None:
    page.player.pause()
    page.player.go_to(7)
    step = page.frames[7].step
    assert step is not None
    shown = " ".join(line.text() for line in page.step._lines)
    for number in (step.x0, step.x_t, step.sigma):
        assert f"{number:.3f}" in shown
    assert "t = 13 → 12" in shown
    page.player.go_to(20)
    assert "arrived" in page.step._lines[1].text()


def test_another_sample_can_be_followed(page: DiffusionPage, qtbot: QtBot) -> None:
    page.player.pause()
    page.player.go_to(20)
    centre = page.view.items.cell(5).center().toPoint()
    qtbot.mouseClick(page.view.items, Qt.MouseButton.LeftButton, pos=centre)
    assert page.followed == 5 and np.array_equal(page.view.picture.pixels, page.frames[20].x_t[5:6])
    qtbot.keyClick(page.view.items, Qt.Key.Key_Right)
    assert page.followed == 6
    first = page.view.strip.cell(0).center().toPoint()
    qtbot.mouseClick(page.view.strip, Qt.MouseButton.LeftButton, pos=first)
    assert page.t == 20


def test_cancel_keeps_what_is_there_and_sampling_starts_again(window: MainWindow, qtbot: QtBot, until: Until) -> None:
    window.open_model("digits-ddpm", "ddpm")  # 500 steps: long enough to be cancelled
    page = window.page("diffusion")
    assert isinstance(page, DiffusionPage)
    until(lambda: len(page.frames) > 5)
    assert page.running and page.controls.sample.text() == "Cancel"
    qtbot.mouseClick(page.controls.sample, Qt.MouseButton.LeftButton)
    qtbot.wait(200)
    kept = len(page.frames)
    qtbot.wait(200)
    assert len(page.frames) == kept < 501 and not page.running
    page.player.go_to(kept - 1)
    assert np.array_equal(page.view.picture.pixels, page.frames[-1].x_t[:1])
    page.controls.seed_field.setText("7")
    page.controls.count.setCurrentIndex(0)
    qtbot.mouseClick(page.controls.sample, Qt.MouseButton.LeftButton)
    until(lambda: bool(page.frames) and len(page.frames[0].x_t) == 1)
    page.player.pause()  # a change in mid-play
    page.controls.mode.choose("forward")
    until(lambda: page.noised is not None)
    page.cancel_job()


def test_quick_sample_and_cancel_leave_nothing_running(window: MainWindow, qtbot: QtBot, until: Until) -> None:
    window.open_model("digits-ddpm", "ddpm")
    page = window.page("diffusion")
    assert isinstance(page, DiffusionPage)
    until(lambda: len(page.frames) > 2)
    for _ in range(5):  # the chain is running: cancel, sample, cancel, sample, cancel
        page._sample_or_cancel()
    assert not page.running
    qtbot.wait(300)
    kept = len(page.frames)
    qtbot.wait(300)
    assert len(page.frames) == kept
    if kept:
        page.player.go_to(0)
        page.player.speed.choose("16×")
        page.player.start()
        until(lambda: not page.player.playing)
        assert page.player.position == kept - 1


def test_reverse_without_frames_says_what_to_do(window: MainWindow, until: Until, folder: Path) -> None:
    page = window.show_page("diffusion")
    assert isinstance(page, DiffusionPage)
    page.controls.mode.choose("forward")
    page.open(str(folder))
    until(lambda: page.noised is not None)
    page.controls.mode.choose("reverse")
    assert len(page.view.picture.pixels) == 0 and "Press Sample" in page.view.picture._hint


def test_same_seed_again_is_the_same_chain(page: DiffusionPage, qtbot: QtBot, until: Until) -> None:
    before = [frame.x_t for frame in page.frames]
    for seed, same in (("42", True), ("43", False)):
        page.controls.seed_field.setText(seed)
        qtbot.mouseClick(page.controls.sample, Qt.MouseButton.LeftButton)
        until(lambda: len(page.frames) == 21 and not page.running)
        assert all(np.array_equal(a, b.x_t) for a, b in zip(before, page.frames, strict=True)) is same
    qtbot.mouseClick(page.controls.dice, Qt.MouseButton.LeftButton)
    assert page.controls.seed_field.text() not in {"42", "43"}
    until(lambda: len(page.frames) == 21 and not page.running)


def test_forward_noises_the_chosen_image(page: DiffusionPage, qtbot: QtBot, until: Until) -> None:
    page.controls.mode.choose("forward")
    until(lambda: page.noised is not None)
    pixels, _ = load("digits").split("test")
    page.player.slider.setValue(0)
    assert np.array_equal(page.view.picture.pixels[0], pixels[0])
    page.player.slider.setValue(20)
    assert page.step.curves.cursor_at == 20
    assert not np.array_equal(page.view.picture.pixels[0], pixels[0])
    centre = page.view.items.cell(4).center().toPoint()
    qtbot.mouseClick(page.view.items, Qt.MouseButton.LeftButton, pos=centre)
    until(lambda: page.noised is not None and page.noised.index == 4)
    assert np.array_equal(page.view.panes[1][1].pixels[0], pixels[4])
    noise = page.noised.eps.copy()
    page.controls.seed_field.setText("5")
    page.controls.seed_field.editingFinished.emit()
    until(lambda: page.noised is not None and not np.array_equal(page.noised.eps, noise))
    page.controls.mode.choose("reverse")
    assert np.array_equal(page.view.picture.pixels, page.frames[20].x_t[:1]), "the chain is still there"


def test_exports_read_back_as_shown(page: DiffusionPage, tmp_path: Path, problems: list[Failure]) -> None:
    page.player.pause()
    page.player.go_to(12)
    export = page.controls.export
    export.save("picture", tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as read:
        assert np.array_equal(np.asarray(read)[::64, ::64], page.frames[12].x_t[0, ..., 0])
    provenance = images.read_provenance(tmp_path / "x.png")
    assert (provenance["t"], provenance["seed"], provenance["process"]) == (8, 42, "reverse")
    export.save("samples", tmp_path / "all.png")
    with Image.open(tmp_path / "all.png") as read:
        assert np.array_equal(np.asarray(read), images.sheet(page.frames[12].x_t)[..., 0])
    export.save("chain", tmp_path / "strip.png")
    export.save("chain-animation", tmp_path / "chain.gif")
    with Image.open(tmp_path / "chain.gif") as read:
        assert read.n_frames == 21
    assert not problems
    export.save("chain", tmp_path / "strip.jpg")
    assert len(problems) == 1 and "must end in .png" in problems[0].text


def test_a_vae_is_refused_in_words(page: DiffusionPage, until: Until, problems: list[Failure]) -> None:
    page.open("digits-vae-2d")
    until(lambda: bool(problems))
    assert "Latent page" in problems[0].text


def test_closing_in_mid_chain(window: MainWindow, until: Until) -> None:
    window.open_model("digits-ddpm", "ddpm")
    page = window.page("diffusion")
    assert isinstance(page, DiffusionPage)
    until(lambda: len(page.frames) > 3)
    window.close()
    assert not page.worker.isRunning()


# ---- how to sample -------------------------------------------------------------------------------------------------


def test_a_sampler_with_few_steps_is_the_librarys(page: DiffusionPage, folder: Path, until: Until) -> None:
    controls = page.controls.sampling
    assert not controls.eta.isVisibleTo(page), "η is of DDIM"
    controls.sampler.choose("ddim")
    controls.steps.setCurrentIndex(controls.steps.findData(10))
    controls.steps.activated.emit(controls.steps.currentIndex())
    controls.eta.set_value(0.5)
    until(lambda: len(page.frames) == 11 and not page.running)
    wanted = Sampling(sampler="ddim", steps=10, eta=0.5)
    expected = list(ModelSession.open(folder, "cpu").denoise(DenoiseRequest(0, 16, 42, wanted)))
    for ours, theirs in zip(page.frames, expected, strict=True):
        assert ours.t == theirs.t and int(np.abs(ours.x_t.astype(int) - theirs.x_t).max()) <= 1
    page.player.pause()
    for position in (0, 4, 10):
        page.player.go_to(position)
        assert page.t == page.frames[position].t and page.player.where.text() == f"t = {page.t}"
    page.player.go_to(0)
    assert "t = 20 → 18" in page.step._lines[0].text() and "x<sub>18</sub>" in page.step._lines[1].text()
    assert page.view._marks == [frame.t for frame in page.frames if frame.t in page.view._marks]
    page._go_to_t(page.view._marks[-1])
    assert page.t == 0


def test_the_class_is_asked_for_from_the_same_noise(page: DiffusionPage, until: Until, tmp_path: Path) -> None:
    controls = page.controls.sampling
    assert controls.label.count() == 12 and controls.guidance.isVisibleTo(page)
    start = page.frames[0].x_t
    controls.label.setCurrentIndex(controls.label.findData(3))
    controls.label.activated.emit(0)
    controls.guidance.set_value(2)
    assert controls.sampling == Sampling(label=3, guidance=2)
    until(lambda: len(page.frames) == 21 and not page.running and page.sampled_how == controls.sampling)
    assert np.array_equal(page.frames[0].x_t, start), "the starting noise is kept"
    page.controls.export.save("samples", tmp_path / "s.png")
    told = images.read_provenance(tmp_path / "s.png")
    assert (told["label"], told["guidance"], told["sampler"]) == (3, 2, "ddpm")
    controls.label.setCurrentIndex(1)
    controls.label.activated.emit(1)
    assert controls.sampling.guidance == 0 and not controls.guidance.isVisibleTo(page), "no class, no guidance"
    until(lambda: not page.running)


@pytest.mark.parametrize(("width", "rows"), [(1440, 1), (1000, 2)])
def test_controls_take_a_second_row_where_it_is_narrow(
    page: DiffusionPage, qtbot: QtBot, width: int, rows: int
) -> None:
    window = page.window()
    window.resize(width, 800)
    qtbot.wait(50)
    controls = page.controls
    assert (controls.sample.mapTo(controls, controls.sample.rect().center()).y() > 40) is (rows == 2)
    right = controls.export.mapTo(controls, controls.export.rect().topRight()).x()
    assert right <= controls.width()


def test_a_model_of_points_is_asked_no_class(window: MainWindow, until: Until, trained: Callable[[str], Path]) -> None:
    window.open_model(str(trained("points-ddpm")), "ddpm")
    page = window.page("diffusion")
    assert isinstance(page, DiffusionPage)
    until(lambda: len(page.frames) == 21 and not page.running)
    controls = page.controls.sampling
    for widget in (controls.label, controls.guidance, controls.clip):
        assert not widget.isVisibleTo(page)
    assert controls.sampling == Sampling()


def test_an_answer_that_comes_after_the_end_starts_nothing_again(page: DiffusionPage) -> None:
    assert page.worker.stop()
    page.open("digits-ddpm")
    assert not page.worker.isRunning()


def test_cancelling_under_the_forward_view_leaves_it_whole(window: MainWindow, qtbot: QtBot, until: Until) -> None:
    window.open_model("digits-ddpm", "ddpm")
    page = window.page("diffusion")
    assert isinstance(page, DiffusionPage)
    until(lambda: len(page.frames) > 5)
    page.controls.mode.choose("forward")
    until(lambda: page.noised is not None)
    page.cancel_job()
    page.player.go_to(500)
    assert page.t == 500 and page.player.slider.maximum() == 500


def test_forward_provenance_is_of_what_is_shown(page: DiffusionPage, until: Until, tmp_path: Path) -> None:
    page.controls.mode.choose("forward")
    until(lambda: page.noised is not None)
    page.controls.seed_field.setText("")
    page.chosen_image = 5  # clicked, and not computed yet
    page.controls.export.save("picture", tmp_path / "x.png")
    told = images.read_provenance(tmp_path / "x.png")
    assert (told["seed"], told["image"]) == (42, 0)


def test_a_chain_that_would_fill_the_memory_has_fewer_samples(
    page: DiffusionPage, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    monkeypatch.setattr("explorer.ui.diffusion_page._MOST_BYTES", 3 * 21 * 64 * 5)
    page._start_sampling()
    until(lambda: len(page.frames) == 21 and not page.running)
    assert len(page.frames[0].x_t) == 5


def test_after_a_refusal_nothing_can_be_asked(page: DiffusionPage, until: Until, problems: list[Failure]) -> None:
    page.open("digits-vae-2d")
    assert not page.controls.sample.isEnabled(), "nothing is asked while a model opens"
    until(lambda: bool(problems))
    assert page.model is None and not page.controls.sample.isEnabled()
    page.open("digits-ddpm")
    until(lambda: bool(page.frames))
    page.cancel_job()


def test_a_changed_setting_keeps_the_sample_and_the_step(page: DiffusionPage, until: Until) -> None:
    page.player.pause()
    page.followed = 6
    page._go_to_t(9)
    page.controls.sampling.clip.click()
    until(lambda: len(page.frames) == 21 and not page.running)
    assert page.t == 9 and page.followed == 6 and not page.player.playing
    page.controls.sampling.steps.setCurrentIndex(page.controls.sampling.steps.findData(10))
    page.controls.sampling.steps.activated.emit(1)
    until(lambda: len(page.frames) == 11 and not page.running)
    assert page.t == 8, "t = 9 is not visited"


def test_another_seed_or_number_of_samples_is_drawn_at_once(page: DiffusionPage, until: Until) -> None:
    page.controls.seed_field.setText("7")
    page.controls.seed_field.editingFinished.emit()
    until(lambda: len(page.frames) == 21 and not page.running and page.sampled_seed == 7)
    page.controls.count.setCurrentIndex(1)
    page.controls.count.activated.emit(1)
    until(lambda: len(page.frames) == 21 and not page.running and len(page.frames[0].x_t) == 4)
    before = page._requests
    page.controls.seed_field.editingFinished.emit()
    assert page._requests == before, "nothing changed"


def test_the_keys_are_the_players_after_opening_and_after_clicks(
    window: MainWindow, page: DiffusionPage, qtbot: QtBot
) -> None:
    window.show_page("diffusion")
    page.player.pause()
    page.player.slider.setFocus()
    qtbot.mouseClick(page.controls.mode.buttons["reverse"], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(page.player.speed.buttons["1×"], Qt.MouseButton.LeftButton)
    focus = window.focusWidget()
    assert focus is page.player.slider
    qtbot.keyClick(focus, Qt.Key.Key_Space)
    assert page.player.playing
    page.player.pause()

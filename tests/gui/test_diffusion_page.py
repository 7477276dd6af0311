"""The Diffusion page in reverse and forward: play, pause, step, scrub, settings, cancel, failures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.chain_messages import RequestFailure
from explorer.config import Sampling
from explorer.data.catalog import load
from explorer.inference.session import ModelSession
from explorer.messages import DenoiseRequest, Failure
from explorer.ui.diffusion_page import DiffusionPage
from explorer.ui.main_window import MainWindow
from explorer.ui.reverse_view import PANES, ReverseView
from tests.gui.diffusion import Until, choose, opened

T = 20


@pytest.fixture
def folder(trained: Callable[[str], Path]) -> Path:
    return trained("digits-ddpm")


@pytest.fixture
def page(window: MainWindow, until: Until, folder: Path) -> DiffusionPage:
    return opened(window, until, folder)


@pytest.fixture
def reverse(page: DiffusionPage) -> ReverseView:
    return page.reverse


def ended(reverse: ReverseView) -> Callable[[], bool]:
    """Return whether a chain has been computed to its end."""
    return lambda: reverse.film.complete and not reverse.running


# ---- the film ------------------------------------------------------------------------------------------------------


def test_the_chain_is_the_librarys_pixel_for_pixel(reverse: ReverseView, folder: Path) -> None:
    expected = list(ModelSession.open(folder, "cpu").denoise(DenoiseRequest(0, 16, 42)))
    for ours, theirs in zip(reverse.frames, expected, strict=True):
        assert ours.t == theirs.t
        for name in PANES:
            assert int(np.abs(getattr(ours, name).astype(int) - getattr(theirs, name)).max()) <= 1


@pytest.mark.parametrize("preset", ["digits-ddpm", "points-ddpm"])
def test_played_to_the_end_it_is_what_the_command_samples(
    window: MainWindow, until: Until, trained: Callable[[str], Path], tmp_path: Path, preset: str
) -> None:
    """Pixel for pixel, both on one thread: sums of many threads may differ in their last bit."""
    from explorer.cli import main

    page = opened(window, until, trained(preset))
    reverse = page.reverse
    reverse.player.go_to(0)
    reverse.player.speed.choose("16×")
    reverse.player.start()
    until(lambda: not reverse.player.playing)
    assert reverse.t == 0
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    out = tmp_path / "s.png"
    count = [] if preset == "points-ddpm" else ["-n", "16"]
    try:
        assert main(["sample", str(trained(preset)), *count, "--seed", "42", "--out", str(out), "--device", "cpu"]) == 0
    finally:
        torch.set_num_threads(before)
    with Image.open(out) as read:
        assert np.array_equal(np.asarray(read), images.sheet(reverse.view.items.pixels)[..., 0])


def test_it_plays_to_the_end_by_itself_and_begins_again_if_it_loops(reverse: ReverseView, until: Until) -> None:
    player = reverse.player
    player.speed.choose("16×")
    player.go_to(0)
    player.start()
    until(lambda: player.position == T and not player.playing)
    assert reverse.t == 0 and np.array_equal(reverse.view.picture.pixels, reverse.frames[-1].x_t[:1])
    seen: list[int] = []
    player.moved.connect(seen.append)
    player.loop.setChecked(True)
    player.toggle()
    until(lambda: seen.count(T) >= 1 and seen[-1] < T and seen.count(0) >= 2)
    assert player.playing
    player.loop.setChecked(False)
    until(lambda: not player.playing)
    assert player.position == T


def test_step_pause_and_scrub_back_show_the_stored_frames(
    page: DiffusionPage, reverse: ReverseView, qtbot: QtBot
) -> None:
    for position in (20, 3, 11, 0):
        reverse.player.slider.setValue(position)
        frame = reverse.frames[position]
        for (_, picture), name in zip(reverse.view.panes, PANES, strict=True):
            assert np.array_equal(picture.pixels, getattr(frame, name)[:1])
        assert reverse.player.where.text() == f"t = {frame.t}"
        assert reverse.step.curves.cursor_at == frame.t and reverse.bound.cursor_at == max(1, frame.t)
    qtbot.mouseClick(reverse.player.forth, Qt.MouseButton.LeftButton)
    assert reverse.t == 19
    qtbot.mouseClick(reverse.player.back, Qt.MouseButton.LeftButton)
    assert reverse.t == 20
    qtbot.keyClick(page, Qt.Key.Key_Right)
    assert reverse.t == 19
    qtbot.keyClick(page, Qt.Key.Key_Space)
    assert reverse.player.playing
    qtbot.keyClick(page, Qt.Key.Key_Space)
    assert not reverse.player.playing


def test_the_step_panel_has_the_numbers_of_the_step(reverse: ReverseView) -> None:
    reverse.player.go_to(7)
    step = reverse.frames[7].step
    assert step is not None and reverse.model is not None and reverse.model.schedule is not None
    lines = [line.text() for line in reverse.step.numbers.lines]
    for number in (step.x0, step.x_t, step.sigma):
        assert f"{number:.3f}" in lines[1]
    assert lines[0] == "t = 13 → 12"
    before, now = (float(reverse.model.schedule.alpha_bar[t]) for t in (12, 13))
    assert f"{before**0.5:.3f}" in lines[2], "√ᾱ_s of x̂₀"
    assert f"{(1 - before - step.sigma**2) ** 0.5:.3f}" in lines[2], "√(1 − ᾱ_s − σ²) of ε̂"
    assert f"{now / (1 - now):.3f}" in lines[3]
    reverse.player.go_to(0)
    assert "blurred" in reverse.step.numbers.lines[5].text()
    reverse.player.go_to(20)
    assert "arrived" in reverse.step.numbers.lines[1].text()


def test_another_sample_can_be_followed(reverse: ReverseView, qtbot: QtBot) -> None:
    reverse.player.go_to(20)
    centre = reverse.view.items.cell(5).center().toPoint()
    qtbot.mouseClick(reverse.view.items, Qt.MouseButton.LeftButton, pos=centre)
    assert reverse.followed == 5 and np.array_equal(reverse.view.picture.pixels, reverse.frames[20].x_t[5:6])
    assert np.array_equal(reverse.view.strip.pixels[-1], reverse.frames[20].x_t[5])
    qtbot.keyClick(reverse.view.items, Qt.Key.Key_Right)
    assert reverse.followed == 6
    first = reverse.view.strip.cell(0).center().toPoint()
    qtbot.mouseClick(reverse.view.strip, Qt.MouseButton.LeftButton, pos=first)
    assert reverse.t == 20


def test_the_same_chain_as_a_hierarchical_vae(reverse: ReverseView, qtbot: QtBot, until: Until) -> None:
    reverse.player.go_to(10)
    reverse.view.look.choose("hierarchy")
    view = reverse.hierarchy
    qtbot.waitExposed(view)
    assert view.marks[0] == T and view.marks[-1] == 0 and view.levels() == [None] * (len(view.marks) - 1)
    reverse.evaluate()
    until(lambda: reverse.bound.evaluation is not None)
    levels = view.levels()
    figures = reverse.bound.evaluation.figures  # type: ignore[union-attr]
    without_prior = figures["bits_per_dim"].value - figures["l_T"].value
    assert sum(level for level in levels if level is not None) == pytest.approx(without_prior, rel=1e-4)
    assert levels[-1] is not None and levels[-1] >= 0.999 * figures["l_0"].value, "the last arrow has L_0"
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.cell(0).center().toPoint())
    assert reverse.t == T
    reverse.view.look.choose("strip")
    assert len(reverse.view.strip.pixels) == len(reverse.view.marks)


# ---- asking --------------------------------------------------------------------------------------------------------


def test_cancel_keeps_what_is_there_and_sampling_starts_again(window: MainWindow, qtbot: QtBot, until: Until) -> None:
    window.open_model("digits-ddpm", "ddpm")  # 500 steps: long enough to be cancelled
    page = window.page("diffusion")
    assert isinstance(page, DiffusionPage)
    reverse = page.reverse
    until(lambda: len(reverse.frames) > 5)
    assert reverse.running and page.controls.run.text() == "Cancel"
    qtbot.mouseClick(page.controls.run, Qt.MouseButton.LeftButton)
    qtbot.wait(200)
    kept = len(reverse.frames)
    qtbot.wait(200)
    assert len(reverse.frames) == kept < 501 and not reverse.running
    reverse.player.go_to(kept - 1)
    assert np.array_equal(reverse.view.picture.pixels, reverse.frames[-1].x_t[:1])
    assert reverse.player.slider.maximum() == 500 and reverse.player.slider.reach == kept - 1, "the rest is missing"
    reverse.player.slider.setValue(500)
    assert reverse.player.position == kept - 1
    reverse.player.go_to(max(0, kept - 3))
    reverse.player.speed.choose("16×")
    reverse.player.start()
    until(lambda: not reverse.player.playing)
    assert reverse.player.position == kept - 1
    reverse.seed.line.setText("7")
    reverse.count.setCurrentIndex(0)
    qtbot.mouseClick(page.controls.run, Qt.MouseButton.LeftButton)
    until(lambda: bool(reverse.frames) and len(reverse.frames[0].x_t) == 1)
    page.controls.mode.choose("forward")  # a change in mid-play
    until(lambda: page.forward.noised is not None)
    assert not reverse.player.playing
    page.cancel_job()
    assert not page.running


def test_quick_sample_and_cancel_leave_nothing_running(window: MainWindow, qtbot: QtBot, until: Until) -> None:
    window.open_model("digits-ddpm", "ddpm")
    page = window.page("diffusion")
    assert isinstance(page, DiffusionPage)
    until(lambda: len(page.frames) > 2)
    for _ in range(5):  # the chain is running: cancel, sample, cancel, sample, cancel
        page._run_or_cancel()
    assert not page.running
    qtbot.wait(300)
    kept = len(page.frames)
    qtbot.wait(300)
    assert len(page.frames) == kept


def test_same_seed_again_is_the_same_chain(
    page: DiffusionPage, reverse: ReverseView, qtbot: QtBot, until: Until
) -> None:
    before = [frame.x_t for frame in reverse.frames]
    for seed, same in ((42, True), (43, False)):
        reverse.seed.set_seed(seed)
        page._run_or_cancel() if not page.running else None
        until(ended(reverse))
        assert all(np.array_equal(a, b.x_t) for a, b in zip(before, reverse.frames, strict=True)) is same
    qtbot.mouseClick(reverse.seed.dice, Qt.MouseButton.LeftButton)
    rolled = reverse.seed.seed
    assert rolled not in {42, 43}
    until(ended(reverse))
    assert reverse.seed.used == (rolled, 43, 42)
    actions = reverse.seed._menu.actions()
    assert [action.text() for action in actions] == [str(rolled), "43", "42"]
    actions[2].trigger()
    until(ended(reverse))
    assert reverse.seed.seed == 42 and np.array_equal(reverse.frames[-1].x_t, before[-1])
    reverse.seed.line.setText("")
    reverse.seed.line.editingFinished.emit()
    assert reverse.seed.seed == 42 and not reverse.running, "what is no number changes nothing"


def test_a_changed_setting_keeps_noise_sample_and_step(reverse: ReverseView, until: Until) -> None:
    start = reverse.frames[0].x_t
    reverse.follow(6)
    reverse.go_to_t(9)
    reverse.sampling.clip.click()
    until(ended(reverse))
    assert reverse.t == 9 and reverse.followed == 6 and not reverse.player.playing
    assert np.array_equal(reverse.frames[0].x_t, start)
    choose(reverse.sampling.steps, 10)
    until(lambda: ended(reverse)() and len(reverse.frames) == 11)
    assert reverse.t == 8, "t = 9 is not visited"
    choose(reverse.count, 4)
    until(lambda: ended(reverse)() and len(reverse.frames[0].x_t) == 4)
    assert reverse.followed == 3 and np.array_equal(reverse.frames[0].x_t, start[:4])


def test_a_setting_may_change_in_mid_play(reverse: ReverseView, until: Until) -> None:
    reverse.player.go_to(0)
    reverse.player.speed.choose("¼×")
    reverse.player.start()
    until(lambda: reverse.player.position > 0)
    for key in ("ddim", "ddpm", "ddim"):
        reverse.sampling.sampler.choose(key)
    until(ended(reverse))
    expected = Sampling(sampler="ddim")
    assert reverse.sampled_how == expected and [frame.t for frame in reverse.frames] == list(range(T, -1, -1))
    assert reverse.frames[3].step is not None and reverse.frames[3].step.sigma == 0


@pytest.mark.parametrize("eta", [0.0, 0.5])
def test_a_sampler_with_few_steps_is_the_librarys(reverse: ReverseView, folder: Path, until: Until, eta: float) -> None:
    controls = reverse.sampling
    assert not controls.eta.isVisibleTo(reverse.bar), "η is of DDIM"
    controls.sampler.choose("ddim")
    choose(controls.steps, 10)
    controls.eta.set_value(eta)
    until(lambda: ended(reverse)() and len(reverse.frames) == 11)
    wanted = Sampling(sampler="ddim", steps=10, eta=eta)
    expected = list(ModelSession.open(folder, "cpu").denoise(DenoiseRequest(0, 16, 42, wanted)))
    for ours, theirs in zip(reverse.frames, expected, strict=True):
        assert ours.t == theirs.t and int(np.abs(ours.x_t.astype(int) - theirs.x_t).max()) <= 1
    for position in (0, 4, 10):
        reverse.player.go_to(position)
        assert reverse.player.where.text() == f"t = {reverse.t}" == f"t = {reverse.frames[position].t}"
    reverse.player.go_to(0)
    lines = reverse.step.numbers.lines
    assert "t = 20 → 18" in lines[0].text() and "x<sub>18</sub>" in lines[1].text()
    assert ("No fresh noise" in lines[5].text()) is (eta == 0)
    reverse.go_to_t(reverse.view.marks[-1])
    assert reverse.t == 0


def test_the_class_is_asked_for_from_the_same_noise(reverse: ReverseView, until: Until, tmp_path: Path) -> None:
    controls = reverse.sampling
    assert controls.label.count() == 12 and controls.guidance.isVisibleTo(reverse.bar)
    start = reverse.frames[0].x_t
    choose(controls.label, 3)
    controls.guidance.set_value(2)
    assert controls.sampling == Sampling(label=3, guidance=2)
    until(lambda: ended(reverse)() and reverse.sampled_how == controls.sampling)
    assert np.array_equal(reverse.frames[0].x_t, start), "the starting noise is kept"
    reverse.exports.save("samples", tmp_path / "s.png")
    told = images.read_provenance(tmp_path / "s.png")
    assert (told["label"], told["guidance"], told["sampler"]) == (3, 2, "ddpm")
    controls.label.setCurrentIndex(1)
    controls.label.activated.emit(1)
    assert controls.sampling.guidance == 0 and not controls.guidance.isVisibleTo(reverse.bar), "no class, no guidance"
    until(ended(reverse))


def test_points_have_words_and_settings_of_their_own(
    window: MainWindow, until: Until, trained: Callable[[str], Path]
) -> None:
    page = opened(window, until, trained("points-ddpm"))
    reverse = page.reverse
    for widget in (reverse.sampling.label, reverse.sampling.guidance, reverse.sampling.clip, reverse.count):
        assert not widget.isVisibleTo(reverse.bar)
    assert reverse.sampling.sampling == Sampling()
    assert "guessed points" in reverse.view.panes[1][0].title.text() and "points" in reverse.player.ends.text()
    points = reverse.frames[-1].points
    assert points is not None and points.shape == (3, images.CLOUD, 2)
    assert np.array_equal(images.of_points(points[0])[None], reverse.frames[-1].x_t), "shown from the coordinates"
    page.controls.mode.choose("forward")
    until(lambda: page.forward.noised is not None)
    assert "points" in page.forward.view.panes[1][0].title.text() + page.forward.player.ends.text()


# ---- forward -------------------------------------------------------------------------------------------------------


def test_forward_noises_the_chosen_image(page: DiffusionPage, qtbot: QtBot, until: Until, tmp_path: Path) -> None:
    page.controls.mode.choose("forward")
    forward = page.forward
    until(lambda: forward.noised is not None)
    assert not page.controls.run.isVisibleTo(page), "there is nothing to run"
    pixels, _ = load("digits").split("test")
    forward.player.slider.setValue(0)
    assert np.array_equal(forward.view.picture.pixels[0], pixels[0])
    forward.player.slider.setValue(20)
    assert forward.step.curves.cursor_at == 20
    assert not np.array_equal(forward.view.picture.pixels[0], pixels[0])
    centre = forward.view.items.cell(4).center().toPoint()
    qtbot.mouseClick(forward.view.items, Qt.MouseButton.LeftButton, pos=centre)
    until(lambda: forward.noised is not None and forward.noised.index == 4)
    assert np.array_equal(forward.view.panes[1][1].pixels[0], pixels[4])
    noise = forward.noised.eps.copy()  # type: ignore[union-attr]
    forward.seed.set_seed(5)
    until(lambda: forward.noised is not None and not np.array_equal(forward.noised.eps, noise))
    forward.choose(5)  # asked, and not computed yet
    forward.exports.save("picture", tmp_path / "x.png")
    told = images.read_provenance(tmp_path / "x.png")
    assert (told["seed"], told["image"], told["process"]) == (5, 4, "forward")
    page.controls.mode.choose("reverse")
    assert page.reverse.t == 0 or page.reverse.player.position >= 0
    assert np.array_equal(page.reverse.view.picture.pixels, page.frames[page.reverse.player.position].x_t[:1])


def test_to_denoise_a_model_opens_it_in_reverse(page: DiffusionPage, until: Until, folder: Path) -> None:
    page.controls.mode.choose("forward")
    page.open(str(folder))
    until(lambda: page.reverse.film.complete)
    assert page.controls.mode.key == "reverse" and page.reverse.isVisible()


# ---- opening, closing, failing -------------------------------------------------------------------------------------


def test_a_vae_is_refused_in_words(page: DiffusionPage, until: Until, problems: list[Failure]) -> None:
    page.open("digits-vae-2d")
    assert not page.controls.run.isEnabled(), "nothing is asked while a model opens"
    until(lambda: bool(problems))
    assert "Latent page" in problems[0].text
    assert page.model is None and not page.controls.run.isEnabled() and not page.reverse.bar.isEnabled()
    assert "Models page" in page.reverse.view.picture._hint
    page.open("digits-ddpm")
    until(lambda: bool(page.frames))
    page.reverse.cancel()


def test_what_fails_late_does_not_hide_what_is_newer(
    page: DiffusionPage, until: Until, problems: list[Failure]
) -> None:
    old = page.reverse._chain
    page.reverse.sampling.clip.click()
    page.worker.failed.emit(RequestFailure("the old one", "", old))
    assert page.running and not problems
    number = page.reverse.request
    page.worker.failed.emit(RequestFailure("this one", "", number))
    assert not page.running and [problem.text for problem in problems] == ["this one"]
    page.worker.failed.emit(Failure("the thread"))
    assert [problem.text for problem in problems] == ["this one", "the thread"]


def test_an_unreadable_model_is_told_and_another_can_be_opened(
    page: DiffusionPage, until: Until, problems: list[Failure], folder: Path
) -> None:
    page.open("nowhere")
    until(lambda: bool(problems))
    assert page.model is None and not page.controls.run.isEnabled() and not page.running
    page.open(str(folder))
    until(lambda: page.reverse.film.complete)


def test_an_answer_that_comes_after_the_end_starts_nothing_again(page: DiffusionPage) -> None:
    assert page.worker.stop()
    page.open("digits-ddpm")
    assert not page.worker.isRunning()


# ---- memory, bound, look -------------------------------------------------------------------------------------------


def test_a_long_chain_keeps_every_nth_frame_and_says_so(
    reverse: ReverseView, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    whole = {frame.t: frame.x_t for frame in reverse.frames}
    assert reverse.film.bytes == 21 * 3 * 16 * 64 and "every" not in reverse.view.memory.text()
    most = 8 * 3 * 16 * 64
    monkeypatch.setattr("explorer.workers.chain_jobs.CHAIN_BYTES", most)
    reverse.run()
    until(ended(reverse))
    assert reverse.film.every == 3 and reverse.film.bytes <= most
    assert [frame.t for frame in reverse.frames] == [20, 17, 14, 11, 8, 5, 2, 0]
    assert "every 3rd step" in reverse.view.memory.text()
    assert all(np.array_equal(frame.x_t, whole[frame.t]) for frame in reverse.frames), "it is the same chain"
    reverse.player.go_to(2)
    assert reverse.t == 14 and "t = 14 → 13" in reverse.step.numbers.lines[0].text()


def test_the_bound_is_evaluated_once_and_kept(page: DiffusionPage, reverse: ReverseView, until: Until) -> None:
    assert reverse.bound.evaluation is None and reverse.bound.compute.isVisible()
    reverse.bound.compute.click()
    assert "Cancel" in reverse.bound.compute.text()
    until(lambda: reverse.bound.evaluation is not None)
    found = reverse.bound.evaluation
    assert found is not None and not reverse.bound.compute.isVisible()
    assert f"total {found.figures['bits_per_dim'].value:.3g}" == reverse.bound.total.text()
    page.open(str(reverse.model.card.path))  # type: ignore[union-attr]
    until(lambda: reverse.film.complete and reverse.bound.evaluation is not None)
    assert reverse.bound.evaluation == found


def test_the_bound_can_be_cancelled_and_waits_for_chains(reverse: ReverseView, until: Until) -> None:
    reverse.bound.compute.click()
    reverse.run()
    reverse.bound.compute.click()
    assert reverse.bound.compute.text() == "Evaluate"
    until(ended(reverse))
    assert reverse.bound.evaluation is None


@pytest.mark.parametrize("width", [1440, 1000])
def test_controls_take_a_second_row_where_it_is_narrow(page: DiffusionPage, qtbot: QtBot, width: int) -> None:
    window = page.window()
    window.resize(width, 800)
    qtbot.wait(50)
    controls = page.controls
    for widget in (controls.mode, page.reverse.bar, controls.run, controls.export):
        place = widget.rect().translated(widget.mapTo(controls, widget.rect().topLeft()))
        assert controls.rect().contains(place), widget
    below = page.reverse.bar.mapTo(controls, page.reverse.bar.rect().topLeft()).y() > 30
    assert below or width == 1440


def test_the_keys_are_the_players_after_opening_and_after_clicks(
    window: MainWindow, page: DiffusionPage, qtbot: QtBot
) -> None:
    window.show_page("diffusion")
    page.reverse.player.pause()
    qtbot.mouseClick(page.controls.mode.buttons["reverse"], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(page.reverse.player.speed.buttons["1×"], Qt.MouseButton.LeftButton)
    focus = window.focusWidget()
    assert focus is page.reverse.player.slider
    qtbot.keyClick(focus, Qt.Key.Key_Space)
    assert page.reverse.player.playing
    page.reverse.player.pause()


# ---- every sampler, every family -----------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["digits-ddpm", "points-ddpm"])
@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_every_sampler_plays_in_every_mode(
    window: MainWindow, until: Until, trained: Callable[[str], Path], problems: list[Failure], preset: str, sampler: str
) -> None:
    page = opened(window, until, trained(preset))
    page.reverse.sampling.sampler.choose(sampler)
    until(ended(page.reverse))
    for key in ("race", "back", "between"):
        page.controls.mode.choose(key)
        mode = page.mode
        if mode is not page.race:
            mode.sampling.controls.sampler.choose(sampler)  # type: ignore[attr-defined]
        assert not mode.exportable
        page._run_or_cancel()
        assert mode.running
        until(lambda: not page.running)
        assert mode.exportable and page.controls.export.isEnabled()
        if mode.player is not None:
            mode.player.go_to(10**6)
            assert mode.player.position == mode.player.slider.maximum()
    assert not problems


@pytest.mark.parametrize("key", ["reverse", "race", "back", "between"])
def test_closing_while_any_mode_computes(window: MainWindow, until: Until, key: str) -> None:
    window.open_model("digits-ddpm", "ddpm")
    page = window.page("diffusion")
    assert isinstance(page, DiffusionPage)
    until(lambda: bool(page.race.rivals) and len(page.frames) > 3)
    if key != "reverse":
        page.controls.mode.choose(key)
        page._run_or_cancel()
    heard: list[object] = []
    page.worker.raced.connect(heard.append)
    page.worker.returned.connect(heard.append)
    page.worker.frames.connect(heard.append)
    until(lambda: bool(heard))
    window.close()
    assert not page.worker.isRunning()

"""The time machine: every moment is the model's, on axes that stay; it follows until somebody goes back."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt, QThread
from PySide6.QtWidgets import QVBoxLayout
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.messages import Failure
from explorer.training.loop import train
from explorer.training_messages import Snapshot
from explorer.ui import theme
from explorer.ui.app import make_application
from explorer.ui.jobs import Jobs
from explorer.ui.page import Page
from explorer.ui.probe_map import round_up
from explorer.ui.time_machine import TimeMachine
from explorer.ui.travel import Travel, in_place
from explorer.ui.travel_pictures import TravelPictures

ITEMS, STEPS = 300, 9
LABELS = np.arange(ITEMS, dtype=np.int64) % 10


def snapshot(
    step: int, latent: int = 4, scale: float = 1.0, rows: tuple[int, ...] = (0, 1), labels: np.ndarray = LABELS
) -> Snapshot:
    random = np.random.default_rng(step)
    widths = scale * np.linspace(0.2, 1.0, latent)  # the last dimension spreads most
    means = (random.standard_normal((len(labels), latent)) * widths).astype(np.float32)
    pictures = random.integers(0, 255, (16, 8, 8, 1), dtype=np.uint8)
    rows = tuple(row for row in rows if row < latent)
    cells = [np.full((STEPS, 8, 8, 1), row, np.uint8) for row in rows]  # a row's grey says which dimension it is
    return Snapshot(step, step / 10, means, labels, pictures, np.concatenate(cells), rows)


def diffusion(step: int) -> Snapshot:
    nothing, whole = np.zeros((0, 0), np.float32), snapshot(step)
    return Snapshot(step, step / 10, nothing, np.zeros(0, np.int64), whole.samples, whole.samples[:0])


def rgb(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color[1:]))


class Whole(Page):
    """A page with nothing but a time machine."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = TimeMachine(self, lambda: {"model": "a run"})
        QVBoxLayout(self).addWidget(self.machine)
        self.problems: list[Failure] = []
        self.problem.connect(self._note)
        self.jobs = Jobs(self)
        self.jobs.watch(self.machine.films)

    def _note(self, failure: Failure) -> None:
        self.problems.append(failure)


@pytest.fixture
def page(qtbot: QtBot) -> Whole:
    make_application("dark")
    made = Whole()
    qtbot.addWidget(made)
    made.resize(740, 800)
    made.show()
    qtbot.waitExposed(made)
    made.machine.lay_out("vae")
    return made


@pytest.fixture
def machine(page: Whole) -> TimeMachine:
    return page.machine


def fill(machine: TimeMachine, count: int, **how: object) -> None:
    for number in range(1, count + 1):
        machine.add(snapshot(number * 10, **how))  # type: ignore[arg-type]


def shown_points(machine: TimeMachine) -> np.ndarray:
    return np.column_stack(machine.map._cloud.getData())


def view(machine: TimeMachine) -> np.ndarray:
    return np.array(machine.map._view.viewRange())


# ---- moments ----


def test_it_says_what_will_come_and_then_shows_it(machine: TimeMachine) -> None:
    assert machine._stack.currentIndex() == 0 and not machine.export.isEnabled()
    machine.add(snapshot(10))
    assert machine._stack.currentIndex() == 1 and machine.export.isEnabled()
    assert machine.bar.where.text() == "epoch 1.0 · step 10"
    machine.clear()
    assert machine._stack.currentIndex() == 0 and len(machine.travel) == 0


def test_every_moment_is_the_snapshots(machine: TimeMachine) -> None:
    fill(machine, 5)
    for position in (4, 0, 2):
        machine.bar.go_to(position)
        there = machine.travel[position]
        assert machine.moment is there and there.step == (position + 1) * 10
        x, y = machine.map.axes
        assert np.allclose(shown_points(machine), there.means[:, [x, y]])
        assert np.array_equal(machine.samples.pixels, there.samples)
        assert np.array_equal(np.concatenate([grid.pixels for grid in machine.strip.grids]), there.traversal)


def test_the_axes_stay_whatever_moment_is_shown(machine: TimeMachine) -> None:
    for number, scale in enumerate((0.3, 3.0, 1.0), 1):
        machine.add(snapshot(number * 10, scale=scale))
    whole = view(machine)
    assert machine.map.extent >= np.quantile(np.abs(snapshot(20, scale=3.0).means), 0.99)
    for position in (0, 1, 2):
        machine.bar.go_to(position)
        assert np.allclose(view(machine), whole)


def test_axes_grow_in_round_steps_and_never_shrink(machine: TimeMachine) -> None:
    seen = []
    for number in range(1, 40):
        machine.add(snapshot(number * 10, scale=0.2 * number if number < 25 else 0.1))
        seen.append(machine.map.extent)
    assert seen == sorted(seen) and len(set(seen)) <= 7
    assert {round_up(value) for value in (0.0, 2.9, 3.0)} == {3.0}
    assert [round_up(value) for value in (3.01, 5.5, 9.0, 11.0, 140.0, 990.0)] == [4.0, 6.0, 10.0, 15.0, 150.0, 1000.0]


def test_one_outlier_does_not_set_the_axes(machine: TimeMachine) -> None:
    far = snapshot(10)
    far.means[0] = 500.0
    machine.add(far)
    assert machine.map.extent <= 5


def test_a_zoom_stays_until_a_double_click(machine: TimeMachine) -> None:
    fill(machine, 3)
    fixed = view(machine)
    machine.map._view.scaleBy((0.5, 0.5))
    machine.map._view.sigRangeChangedManually.emit([True, True])
    zoomed = view(machine)
    machine.bar.go_to(0)
    assert np.allclose(view(machine), zoomed) and not np.allclose(zoomed, fixed)
    machine.map._view.doubled.emit()
    assert np.allclose(view(machine), fixed)


# ---- following ----


def test_it_follows_until_somebody_goes_back(machine: TimeMachine, qtbot: QtBot) -> None:
    fill(machine, 5)
    assert machine.follow and machine.position == 4 and not machine.bar.latest.isEnabled()
    machine.bar.slider.setValue(1)
    assert not machine.follow and machine.bar.latest.isEnabled()
    machine.add(snapshot(60))
    assert machine.moment.step == 20 and len(machine.travel) == 6
    qtbot.mouseClick(machine.bar.latest, Qt.MouseButton.LeftButton)
    assert machine.follow and machine.moment.step == 60
    machine.add(snapshot(70))
    assert machine.moment.step == 70


def test_the_moment_stays_when_others_are_thinned_out(machine: TimeMachine) -> None:
    fill(machine, 100)
    machine.bar.go_to(40)
    for number in range(101, 140):
        machine.add(snapshot(number * 10))
    assert len(machine.travel) <= 128 and abs(machine.moment.step - 410) <= 10
    assert machine.travel[0].step == 10 and machine.travel[len(machine.travel) - 1].step == 1390


def test_a_resumed_run_takes_its_steps_again(machine: TimeMachine) -> None:
    fill(machine, 5)
    machine.add(snapshot(30))
    assert [moment.step for moment in machine.travel] == [10, 20, 30]
    machine.add(snapshot(10, latent=7))
    assert [moment.step for moment in machine.travel] == [10] and len(machine._names) == 7


def test_what_came_while_it_was_hidden_is_drawn_when_it_is_shown(page: Whole, qtbot: QtBot) -> None:
    fill(page.machine, 2)
    page.machine.hide()
    page.machine.add(snapshot(30))
    assert page.machine.bar.where.text().endswith("step 20")
    page.machine.show()
    assert page.machine.bar.where.text().endswith("step 30")


def test_memory_is_bounded() -> None:
    travel = Travel()
    for number in range(1, 400):
        travel.add(snapshot(number))
    assert 32 <= len(travel) <= 128 and travel[0].step == 1 and travel[len(travel) - 1].step == 399
    assert travel[3].means.dtype == np.float16 and travel[3].labels is travel[9].labels
    large = Travel()
    for number in range(1, 60):
        small = snapshot(number)
        pictures = np.zeros((16, 512, 512, 3), np.uint8)  # 12 MB
        large.add(Snapshot(number, 1.0, small.means, small.labels, pictures, small.traversal, small.dimensions))
    assert sum(moment.samples.nbytes for moment in large) <= 200 << 20


# ---- the keys and the bar ----


def test_it_travels_by_keys(machine: TimeMachine, qtbot: QtBot) -> None:
    fill(machine, 6)
    for key, expected in (
        (Qt.Key.Key_Home, 0),
        (Qt.Key.Key_Right, 1),
        (Qt.Key.Key_Right, 2),
        (Qt.Key.Key_Left, 1),
        (Qt.Key.Key_End, 5),
        (Qt.Key.Key_Right, 5),
    ):
        qtbot.keyClick(machine, key)
        assert machine.position == expected
    qtbot.keyClick(machine, Qt.Key.Key_Space)
    assert machine.bar.playing and machine.position == 0
    qtbot.keyClick(machine.bar.slider, Qt.Key.Key_Space)  # the slider passes on what it does not know
    assert not machine.bar.playing


def test_it_plays_to_the_end_and_stops(machine: TimeMachine, qtbot: QtBot, until: Callable[..., None]) -> None:
    fill(machine, 4)
    seen: list[int] = []
    machine.bar.moved.connect(seen.append)
    qtbot.mouseClick(machine.bar.play, Qt.MouseButton.LeftButton)
    until(lambda: not machine.bar.playing)
    assert seen == [0, 1, 2, 3] and machine.follow


def test_one_snapshot_leaves_nowhere_to_go(machine: TimeMachine, qtbot: QtBot) -> None:
    machine.add(snapshot(10))
    assert not machine.bar.play.isEnabled() and not machine.bar.slider.isEnabled()
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Left, Qt.Key.Key_Home):
        qtbot.keyClick(machine, key)
    assert machine.position == 0 and not machine.bar.playing


# ---- dimensions and classes ----


def test_the_widest_dimensions_are_shown_first(machine: TimeMachine) -> None:
    machine.add(snapshot(10, latent=6))
    assert machine.map.axes == (5, 4)
    nearly = snapshot(20, latent=6)
    nearly.means[:, 3] = nearly.means[:, 4] * 1.1  # not plainly wider: the axes stay
    machine.add(nearly)
    assert machine.map.axes == (5, 4)
    other = snapshot(30, latent=6)
    other.means[:, 0] = 9 * other.means[:, 5]
    other.means[:, 4] *= 0.1
    machine.add(other)
    assert machine.map.axes == (5, 0)


def test_axes_chosen_by_hand_stay(machine: TimeMachine) -> None:
    fill(machine, 2)
    first, second = machine.map._boxes
    first.setCurrentIndex(1)
    first.activated.emit(1)
    assert machine.map.axes == (1, second.currentIndex())
    wide = snapshot(30)
    wide.means[:, 0] *= 100
    machine.add(wide)
    assert machine.map.axes[0] == 1
    assert np.allclose(shown_points(machine)[:, 0], machine.moment.means[:, 1])


def test_classes_can_be_hidden(machine: TimeMachine, qtbot: QtBot) -> None:
    fill(machine, 2)
    qtbot.mouseClick(machine.map.entries[3], Qt.MouseButton.LeftButton)
    assert np.array_equal(machine.map._cloud.data["visible"], LABELS != 3)
    machine.bar.go_to(0)
    assert np.array_equal(machine.map._cloud.data["visible"], LABELS != 3)
    machine.map.entries[5].customContextMenuRequested.emit(machine.map.entries[5].rect().center())
    assert np.array_equal(machine.map._cloud.data["visible"], LABELS == 5)
    machine.map.entries[5].customContextMenuRequested.emit(machine.map.entries[5].rect().center())
    assert machine.map._cloud.data["visible"].all()


def test_one_dimension_has_a_band_for_each_class(machine: TimeMachine) -> None:
    fill(machine, 3, latent=1, rows=(0,))
    points = shown_points(machine)
    assert np.array_equal(np.round(points[:, 1]).astype(int), LABELS)
    assert machine.map.axis_names == ("z₀", "class") and not machine.map._boxes[0].isVisible()
    heights = points[:, 1].copy()
    machine.bar.go_to(0)
    assert np.array_equal(shown_points(machine)[:, 1], heights)


def test_without_classes_there_is_no_legend(machine: TimeMachine) -> None:
    fill(machine, 2, labels=np.zeros(ITEMS, np.int64), latent=1, rows=(0,))
    assert not machine.map.entries and machine.map.axis_names == ("z₀", "scattered")


def test_many_dimensions_and_levels_have_names(machine: TimeMachine) -> None:
    machine.lay_out("hierarchical", (8, 4))
    fill(machine, 2, latent=12, rows=(0, 8, 11))
    assert machine.map._boxes[0].count() == 12
    assert machine.strip._names == ["z¹₀", "z²₀", "z²₃"]


def test_the_prior_is_drawn_where_there_is_one(machine: TimeMachine) -> None:
    fill(machine, 1)
    assert all(ring.isVisible() for ring in machine.map._rings)
    machine.lay_out("autoencoder")
    fill(machine, 1)
    assert not any(ring.isVisible() for ring in machine.map._rings)


def test_a_diffusion_model_has_its_samples_only(machine: TimeMachine) -> None:
    machine.lay_out("ddpm")
    for step in (10, 20):
        machine.add(diffusion(step))
    assert not machine.map.isVisible() and not machine._rows_panel.isVisible()
    assert machine.samples.width() > 500
    assert [action.isVisible() for action in machine.export.menu().actions()] == [False, True, False, True]


def test_a_dimension_keeps_its_row(machine: TimeMachine) -> None:
    for step, rows in ((10, (3, 1, 0)), (20, (1, 3, 0)), (30, (2, 1, 3))):
        machine.add(snapshot(step, rows=rows))
        names = [f"z{'₀₁₂₃'[k]}" for k in in_place((3, 1, 0), rows)]
        assert machine.strip._names == names
        greys = [int(row[0, 0, 0, 0]) for row in machine.strip._rows]  # type: ignore[union-attr]
        assert greys == ["₀₁₂₃".index(name[-1]) for name in names]
    assert machine.strip._names == ["z₃", "z₁", "z₂"]
    assert in_place((), (4, 2)) == (4, 2) and in_place((1, 2, 3), (3,)) == (3,) and in_place((5,), (1, 5)) == (5, 1)


# ---- taking home ----


def test_pictures_say_where_they_come_from(page: Whole, tmp_path: Path) -> None:
    machine = page.machine
    fill(machine, 3)
    machine.bar.go_to(1)
    for key in ("latent-map", "samples", "traversals"):
        path = tmp_path / f"{key}.png"
        machine.export.save(key, path)
        told = images.read_provenance(path)
        assert told["model"] == "a run" and told["step"] == 20 and told["epoch"] == 2.0
    assert images.read_provenance(tmp_path / "latent-map.png")["axes"] == ["z₃", "z₂"]
    assert images.read_provenance(tmp_path / "traversals.png")["dimensions"] == [0, 1]
    assert not page.problems


def test_a_hidden_class_is_not_in_the_picture(machine: TimeMachine) -> None:
    fill(machine, 1)

    def colored(k: int) -> int:
        pixels = np.asarray(Image.open(io.BytesIO(machine.exports.map_png())).convert("RGB"))
        return int((pixels == rgb(theme.colors().classes[k])).all(-1).sum())

    assert colored(3) > 100
    machine.map.entries[3].click()
    assert colored(3) == 0 and colored(4) > 100


def test_the_film_has_a_frame_for_each_snapshot(page: Whole, until: Callable[..., None], tmp_path: Path) -> None:
    machine = page.machine
    fill(machine, 4)
    sizes = []
    for ending, latent in ((".gif", True), (".apng", True), (".gif", False)):
        if not latent:
            machine.lay_out("ddpm")
            for step in (10, 20):
                machine.add(diffusion(step))
        path = tmp_path / f"film-{latent}{ending}"
        machine.films.save("travel", path)
        until(lambda: not machine.films.saving)
        with Image.open(path) as film:
            assert film.n_frames == (4 if latent else 2)  # type: ignore[attr-defined]
            sizes.append(film.size)
    assert sizes[0] == sizes[1] and sizes[0][0] > 1.5 * sizes[0][1] and sizes[2][0] < sizes[0][0]
    assert not page.problems


def test_every_frame_of_the_film_says_its_moment(page: Whole, until: Callable[..., None], tmp_path: Path) -> None:
    fill(page.machine, 3)
    page.machine.map.entries[3].click()
    page.machine.films.save("travel", tmp_path / "film.zip")
    page.machine.add(snapshot(999))  # what comes while it is made is not in it
    theme.current().apply("light")  # nor is another theme
    until(lambda: not page.machine.films.saving)
    with zipfile.ZipFile(tmp_path / "film.zip") as archive:
        for name, step in zip(sorted(archive.namelist()), (10, 20, 30), strict=True):
            (tmp_path / name).write_bytes(archive.read(name))
            told = images.read_provenance(tmp_path / name)
            assert told["model"] == "a run" and told["step"] == step
            pixels = np.asarray(Image.open(tmp_path / name).convert("RGB"))
            assert tuple(pixels[0, 0]) == rgb(theme.DARK.panel)
            assert not (pixels == rgb(theme.DARK.classes[3])).all(-1).any()
            assert (pixels == rgb(theme.DARK.classes[4])).all(-1).any()


def test_a_film_is_made_beside_the_window_and_can_be_ended(
    page: Whole, until: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[object] = []
    real = TravelPictures.frame

    def frame(pictures: TravelPictures, moment: Snapshot) -> np.ndarray:
        painted.append(QThread.currentThread())
        return real(pictures, moment)

    monkeypatch.setattr(TravelPictures, "frame", frame)
    fill(page.machine, 100)
    jobs: list[object] = []
    page.machine.films.job.connect(jobs.append)
    page.machine.films.save("travel", tmp_path / "film.gif")
    assert jobs == [("saving film.gif", 0.0)]
    until(lambda: bool(painted))
    page.machine.films.cancel()
    until(lambda: not page.machine.films.saving)
    assert jobs[-1] is None and page.thread() not in painted
    assert not (tmp_path / "film.gif").exists() and not page.problems
    page.machine.films.save("travel", tmp_path / "film.gif")
    assert page.machine.shutdown() and not (tmp_path / "film.gif").exists()


# ---- sizes, themes, and a real run ----


@pytest.mark.parametrize("size", [(740, 800), (420, 560), (500, 480)])
def test_nothing_is_cut_off(page: Whole, qtbot: QtBot, size: tuple[int, int]) -> None:
    machine = page.machine
    fill(machine, 2)
    page.resize(*size)
    qtbot.waitUntil(lambda: page.width() == size[0])
    theme.current().apply("light")
    panels = (machine.map, machine._samples_panel, machine._rows_panel, machine.bar)
    qtbot.waitUntil(lambda: all(machine.rect().contains(panel.geometry()) for panel in panels))
    page.grab()
    for panel in panels:
        assert panel.height() >= panel.minimumSizeHint().height()
    for widget in (machine.bar.where, machine.bar.latest, machine.export, *machine.map.entries.values()):
        assert widget.width() >= widget.minimumSizeHint().width()
        assert machine.rect().contains(widget.rect().translated(widget.mapTo(machine, widget.rect().topLeft())))


def test_a_real_run_can_be_travelled(machine: TimeMachine, new_run: Callable[..., Path]) -> None:
    for message in train(new_run("digits-vae", "training.epochs=3")):
        if isinstance(message, Snapshot):
            machine.add(message)
    assert len(machine.travel) >= 3 and machine.map.axes == (0, 1)
    first = shown_points(machine).copy()
    machine.bar.go_to(0)
    assert not np.allclose(shown_points(machine), first)

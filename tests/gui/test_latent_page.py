"""The Latent page: map, sliders, picture and strip always belong to one place."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.inference.session import ModelSession
from explorer.messages import Failure, Floats
from explorer.ui.interpolation_mode import InterpolationMode
from explorer.ui.latent_page import LatentPage
from explorer.ui.main_window import MainWindow
from explorer.ui.samples_mode import SamplesMode
from explorer.ui.saved_mode import SavedMode
from explorer.ui.traversal_mode import TraversalMode

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def page(window: MainWindow, until: Until) -> LatentPage:
    window.open_model("digits-beta-vae", "vae")
    made = window.page("latent")
    assert isinstance(made, LatentPage)
    until(lambda: made.decoded is not None and made.items is not None and made.strip.mode.exportable)
    return made


def settled(page: LatentPage) -> bool:
    """Return whether the picture is that of the place."""
    return page.decoded is not None and np.array_equal(page.decoded.z[0], page.place.z)


def one_place(page: LatentPage) -> bool:
    """Return whether sliders, cursor, history and page agree."""
    first, second = page.map.axes
    z = page.place.z
    here = page.history.here
    return (
        np.array_equal(page.sliders.z, z)
        and np.allclose(page.map.cursor_at, (z[first], z[second]), atol=1e-6)
        and here is not None
        and np.array_equal(here.z, z)
    )


def pixel(page: LatentPage, x: float, y: float) -> QPoint:
    """Return where a place of the axes is on the map's canvas."""
    return page.map.canvas.view.pixel(x, y).toPoint()


def expected(page: LatentPage) -> np.ndarray:
    """Return the picture of the place, decoded by a session of its own."""
    return ModelSession.open("digits-beta-vae", "cpu").decode(page.place.z[None])


def same(shown: np.ndarray, wanted: np.ndarray) -> bool:
    """Return whether pictures are alike to one grey level: rounding differs with the size of the batch."""
    return shown.shape == wanted.shape and int(np.abs(shown.astype(int) - wanted).max()) <= 1


# ---- one place -------------------------------------------------------------------------------------------------------


def test_it_opens_with_map_sliders_picture_and_strip(page: LatentPage, window: MainWindow, until: Until) -> None:
    assert page.model is not None and page.model.latents is not None
    assert len(page.sliders.sliders) == 10 and not page.place.z.any()
    kl = page.model.latents.kl_per_dimension
    first, second = page.map.axes
    assert kl[first] == kl.max() and kl[second] == np.sort(kl)[-2]
    assert np.allclose(page.map.canvas.points.places, page.model.latents.means[:, [first, second]])
    assert "Digits β-VAE" in window.subject.text()
    until(lambda: settled(page))
    assert same(page.picture.pixels, expected(page)) and one_place(page)
    traversal = page.strip.mode
    assert isinstance(traversal, TraversalMode) and traversal.shown is not None
    until(lambda: page.items is not None and set(page.items.terms) == {"reconstruction", "kl", "elbo"})


def test_a_dragged_slider_moves_cursor_and_picture(page: LatentPage, qtbot: QtBot, until: Until) -> None:
    k = page.map.axes[0]
    slider = page.sliders.sliders[k]
    qtbot.keyClick(slider, Qt.Key.Key_End)
    assert page.place.z[k] == pytest.approx(3) and one_place(page)
    qtbot.keyClick(slider, Qt.Key.Key_Left)
    assert page.place.z[k] == pytest.approx(2.9, abs=1e-5) and one_place(page)
    until(lambda: settled(page))
    assert same(page.picture.pixels, expected(page))


def test_a_walk_in_the_map_moves_the_sliders_and_is_undone_at_once(
    page: LatentPage, qtbot: QtBot, until: Until
) -> None:
    first, second = page.map.axes
    canvas = page.map.canvas
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=pixel(page, 0.3, 0.2))
    for step in range(1, 6):
        where = pixel(page, 0.3 + 0.1 * step, 0.2 - 0.1 * step)
        qtbot.mouseMove(canvas, where)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=pixel(page, 0.8, -0.3))
    until(lambda: abs(page.place.z[first] - 0.8) < 0.05)
    assert page.place.z[second] == pytest.approx(-0.3, abs=0.05) and one_place(page)
    assert not page.place.z[[k for k in range(10) if k not in page.map.axes]].any()
    until(lambda: settled(page))
    assert same(page.picture.pixels, expected(page))
    qtbot.keyClick(page, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not page.place.z.any() and one_place(page)
    qtbot.keyClick(page, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert page.place.z[first] == pytest.approx(0.8, abs=0.05)


def test_other_axes_keep_z_and_move_the_cursor(page: LatentPage) -> None:
    page.choose_item(5)
    z = page.place.z.copy()
    other = next(k for k in range(10) if k not in page.map.axes)
    page.map.set_axes((other, page.map.axes[1]))
    assert page.map.axes[0] == other and np.array_equal(page.place.z, z)
    assert page.map.cursor_at[0] == pytest.approx(z[other])


def test_a_thousand_moves_end_with_the_picture_of_the_last_and_undo_returns_exactly(
    page: LatentPage, until: Until
) -> None:
    random = np.random.default_rng(0)
    places: list[Floats] = []
    for move in range(1000):
        slider = page.sliders.sliders[int(random.integers(10))]
        slider.setValue(float(random.uniform(-3, 3)))
        page.history.settle()
        places.append(page.place.z.copy())
        if move % 100 == 0:
            page.sliders.random.click()
            page.history.settle()
            places.append(page.place.z.copy())
    until(lambda: settled(page))
    assert same(page.picture.pixels, expected(page)) and one_place(page)
    for back in range(2, 400):
        page.history.undo()
        assert np.array_equal(page.place.z, places[-back]) and one_place(page)
    until(lambda: settled(page))
    assert same(page.picture.pixels, expected(page))
    for _ in range(398):
        page.history.redo()
    assert np.array_equal(page.place.z, places[-1])


def test_a_locked_dimension_stays_wherever_one_goes(page: LatentPage, qtbot: QtBot) -> None:
    k = page.map.axes[0]
    slider = page.sliders.sliders[k]
    slider.setValue(1.5)
    qtbot.keyClick(slider, Qt.Key.Key_L)
    page.sliders.random.click()
    page.choose_item(3)
    page.map.walked.emit(np.zeros(10, np.float32))
    assert page.place.z[k] == pytest.approx(1.5) and one_place(page)
    assert not page.place.z[[other for other in range(10) if other != k]].any()


# ---- images and where they are ---------------------------------------------------------------------------------------


def test_a_chosen_image_shows_its_posterior_and_terms(page: LatentPage, until: Until) -> None:
    assert page.model is not None and page.model.latents is not None and page.items is not None
    page.choose_item(7)
    assert np.array_equal(page.place.z, page.model.latents.means[7]) and one_place(page)
    until(lambda: page.image.encoded is not None)
    encoded = page.image.encoded
    assert encoded is not None
    mean, sigma = ModelSession.open("digits-beta-vae", "cpu").encode(page.items.values[7:8])
    assert np.allclose(encoded.mean, mean[0], atol=1e-5) and np.allclose(encoded.sigma, sigma[0], atol=1e-5)
    assert page.map.canvas.marks.posterior is not None
    assert np.array_equal(page.place.z, page.model.latents.means[7]), "to look at its terms is no move"
    page.hand.resample_wanted.emit()
    until(lambda: page.image.encoded is not encoded)
    drawn = page.image.encoded
    assert drawn is not None and np.array_equal(page.place.z, drawn.z) and one_place(page)
    assert np.abs((drawn.z - drawn.mean) / drawn.sigma).max() < 6 and not np.array_equal(drawn.z, drawn.mean)
    page.history.undo()
    assert np.array_equal(page.place.z, page.model.latents.means[7])


@pytest.mark.qt_log_ignore(r"This plugin does not support raise", extend=True)
def test_a_drawn_digit_lands_in_the_map(page: LatentPage, until: Until, qtbot: QtBot) -> None:
    pad = page.hand.window_to_draw.pad
    page.hand.draw.click()
    middle = pad.rect().center()
    qtbot.mousePress(pad, Qt.MouseButton.LeftButton, pos=QPoint(middle.x(), 30))
    qtbot.mouseMove(pad, middle)
    qtbot.mouseMove(pad, QPoint(middle.x(), pad.height() - 30))
    qtbot.mouseRelease(pad, Qt.MouseButton.LeftButton, pos=QPoint(middle.x(), pad.height() - 30))
    until(lambda: page.image.encoded is not None and np.array_equal(page.image.encoded.pixels[0], pad.pixels))
    encoded = page.image.encoded
    assert encoded is not None
    until(lambda: np.array_equal(page.place.z, encoded.z))
    assert one_place(page) and page.map.canvas.marks.drawn is not None
    mean, _ = ModelSession.open("digits-beta-vae", "cpu").encode(pad.pixels[None])
    assert np.allclose(page.place.z, mean[0], atol=1e-5)
    page.hand.window_to_draw.hide()


def test_a_picture_file_is_encoded_and_a_bad_one_is_explained(
    page: LatentPage, until: Until, tmp_path: Path, problems: list[Failure]
) -> None:
    assert page.items is not None
    Image.fromarray(page.items.pixels[4, ..., 0]).resize((64, 64), Image.Resampling.NEAREST).save(tmp_path / "a.png")
    page.hand.encode_file(tmp_path / "a.png")
    until(lambda: page.image.encoded is not None)
    assert one_place(page)
    (tmp_path / "b.png").write_bytes(b"no picture at all")
    page.hand.encode_file(tmp_path / "b.png")
    until(lambda: bool(problems))
    assert "b.png" in problems[0].text


# ---- map and threads -------------------------------------------------------------------------------------------------


def test_projections_come_back_to_the_map(page: LatentPage, until: Until) -> None:
    assert page.model is not None and page.model.latents is not None
    page.map.planes.row.choose("pca")
    until(lambda: page.map.canvas.plane.kind == "pca" and not page.map.canvas.moving)
    means = page.model.latents.means.astype(np.float64)
    _, _, axes = np.linalg.svd(means - means.mean(0), full_matrices=False)
    wanted = (means - means.mean(0)) @ axes[:2].T
    places = page.map.canvas.points.places
    assert np.allclose(np.abs(places), np.abs(wanted), atol=1e-3)
    before = page.place.z.copy()
    page.map.planes.row.choose("tsne")
    until(lambda: page.map.canvas.plane.kind == "tsne")
    assert np.array_equal(page.place.z, before)
    page.cancel_job()
    until(lambda: page.map.canvas.plane.kind == "axes")


def test_the_decoded_grid_is_what_the_decoder_makes_there(page: LatentPage, until: Until) -> None:
    page.map.looks.row.choose("grid")
    until(lambda: page.map.canvas.grid.shown is not None)
    asked: list[tuple[Floats, int]] = []
    page.map.plane_wanted.connect(lambda z, columns: asked.append((z, columns)))
    page.choose_item(9)
    until(lambda: bool(asked))
    z, columns = asked[-1]
    others = [k for k in range(10) if k not in page.map.axes]
    assert len(z) % columns == 0 and np.allclose(z[:, others], page.place.z[others])


def test_a_second_place_opens_the_interpolation(page: LatentPage, until: Until) -> None:
    assert page.model is not None and page.model.latents is not None
    page.choose_item(0)
    page.map.second_picked.emit(page.model.latents.means[11])
    between = page.strip.mode
    assert isinstance(between, InterpolationMode)
    until(lambda: between.shown is not None)
    assert page.map.canvas.marks.second is not None and page.map.canvas.marks.path is not None


def test_draws_from_the_prior_are_where_a_click_goes(page: LatentPage, until: Until) -> None:
    page.strip.choose("samples")
    mode = page.strip.mode
    assert isinstance(mode, SamplesMode)
    until(lambda: mode.exportable)
    drawn: list[Floats] = []
    mode.went.connect(drawn.append)
    mode.grid.clicked.emit(3)
    assert len(drawn) == 1 and np.array_equal(page.place.z, drawn[0]) and one_place(page)


def test_saved_points_are_on_the_map(page: LatentPage, qtbot: QtBot) -> None:
    page.choose_item(2)
    page.strip.save_place()
    mode = page.strip.modes["saved"]
    assert isinstance(mode, SavedMode)
    assert len(mode.points) == 1 and np.array_equal(mode.points[0][1], page.place.z)
    assert len(page.map.canvas.marks.saved) == 1


def test_it_closes_while_everything_is_under_way(page: LatentPage, window: MainWindow) -> None:
    page.map.looks.row.choose("grid")
    page.map.planes.row.choose("tsne")
    page.strip.choose("samples")
    page.choose_item(1)
    assert window.shutdown()


# ---- taking home, keyboard, empty states -----------------------------------------------------------------------------


def test_the_exported_picture_reads_back_as_shown(
    page: LatentPage, tmp_path: Path, until: Until, problems: list[Failure]
) -> None:
    page.choose_item(3)
    until(lambda: settled(page))
    page.export.save("decoded", tmp_path / "d.png")
    with Image.open(tmp_path / "d.png") as read:
        assert np.array_equal(np.asarray(read)[::64, ::64], page.picture.pixels[0, ..., 0])
    provenance = images.read_provenance(tmp_path / "d.png")
    assert provenance["model"] == "digits-beta-vae" and np.allclose(provenance["z"], page.place.z, atol=1e-5)
    assert json.dumps(provenance) and not problems
    page.export.save("decoded", tmp_path / "no" / "d.png")
    assert len(problems) == 1 and "no folder" in problems[0].text


def test_everything_is_reached_by_tab(page: LatentPage, window: MainWindow, qtbot: QtBot) -> None:
    page.map.canvas.setFocus()
    names: list[str] = []
    for _ in range(120):
        focused = QApplication.focusWidget()
        assert focused is not None
        if focused.accessibleName() in names[:1]:
            break
        names.append(focused.accessibleName())
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    assert "" not in names, names
    wanted = ("random", "Export", "traversal", "Export of the strip", "latent dimension")
    assert all(any(part in name for name in names) for part in wanted), names


def test_a_model_without_latents_is_refused_in_words(page: LatentPage, until: Until, problems: list[Failure]) -> None:
    page.open("digits-ddpm")
    until(lambda: bool(problems))
    assert "Diffusion page" in problems[0].text and page.model is None
    page.sliders.random.click()  # nothing to move, and nothing breaks
    page.open("no such model")
    until(lambda: len(problems) == 2)
    assert "there is no model" in problems[1].text
    page.open("digits-vae-2d")
    until(lambda: page.model is not None and page.model.latent_size == 2 and settled(page))
    assert one_place(page)


def test_the_empty_page_says_what_to_do(window: MainWindow, qtbot: QtBot) -> None:
    empty = window.show_page("latent")
    assert isinstance(empty, LatentPage)
    assert "Models page" in empty.map.canvas.hint and not empty.export.isEnabled()
    qtbot.mouseClick(empty.sliders.random, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(empty.map.canvas, Qt.MouseButton.LeftButton, pos=QPointF(50, 50).toPoint())
    assert empty.model is None


# ---- conditional models, and models that change ----------------------------------------------------------------------


@pytest.fixture
def conditional(window: MainWindow, until: Until, trained: Callable[[str], Path]) -> LatentPage:
    window.open_model(str(trained("digits-conditional")), "conditional")
    made = window.page("latent")
    assert isinstance(made, LatentPage)
    until(lambda: made.decoded is not None and made.items is not None and made.strip.mode.exportable)
    return made


def test_the_posterior_is_always_of_the_class_that_the_page_is_at(conditional: LatentPage, until: Until) -> None:
    page = conditional

    def agrees() -> bool:
        return page.image.encoded is not None and page.image.encoded.request.label == page.label

    page.choose_item(4)
    began = page.label
    until(agrees)
    page.hand.told.emit((began + 3) % 10)
    assert page.label == (began + 3) % 10
    until(agrees)
    page.history.undo()
    assert page.label == began
    until(agrees)
    page.strip.classed.emit((began + 5) % 10)
    assert page.label == (began + 5) % 10
    until(agrees)


def test_another_class_does_not_lose_a_drawing_that_is_being_encoded(conditional: LatentPage, until: Until) -> None:
    page = conditional
    assert page.items is not None
    page.hand.encode_wanted.emit(page.items.values[2:3])
    page.hand.told.emit(7)
    until(lambda: page.image.encoded is not None and page.image.encoded.request.label == 7)
    encoded = page.image.encoded
    assert encoded is not None and np.array_equal(page.place.z, encoded.z) and page.label == 7


def test_nothing_is_asked_for_a_model_that_is_being_replaced(
    page: LatentPage, until: Until, problems: list[Failure]
) -> None:
    page.open("mnist-vae")
    page.choose_item(1)
    page.strip.save_place()
    page.map.looks.row.choose("grid")
    until(lambda: page.model is not None and page.model.card.name == "mnist-vae" and settled(page))
    assert not problems and one_place(page)


def test_a_picture_is_exported_with_its_own_z(page: LatentPage, until: Until, tmp_path: Path) -> None:
    until(lambda: settled(page))
    page.go(np.full(10, 2, np.float32), 0, "far")  # the answer is still to come
    page.export.save("decoded", tmp_path / "d.png")
    z = np.array(images.read_provenance(tmp_path / "d.png")["z"], np.float32)
    with Image.open(tmp_path / "d.png") as read:
        assert same(
            np.asarray(read)[::64, ::64, None][None], ModelSession.open("digits-beta-vae", "cpu").decode(z[None])
        )

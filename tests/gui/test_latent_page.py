"""The Latent page: sliders, cursor and picture always belong to one z."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.inference.session import ModelSession
from explorer.messages import Failure
from explorer.ui.latent_page import LatentPage
from explorer.ui.main_window import MainWindow

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def page(window: MainWindow, until: Until) -> LatentPage:
    window.open_model("digits-beta-vae", "vae")
    made = window.page("latent")
    assert isinstance(made, LatentPage)
    until(lambda: made.decoded is not None and made.traversal is not None)
    return made


def settled(page: LatentPage) -> bool:
    return page.decoded is not None and np.array_equal(page.decoded.z[0], page.sliders.z)


def test_it_opens_with_map_sliders_and_picture(page: LatentPage, window: MainWindow) -> None:
    assert page.model is not None and page.model.latents is not None
    assert len(page.sliders.sliders) == 10
    x, y = page.map._points.getData()
    first, second = page.map.axes
    assert np.array_equal(x, page.model.latents.means[:, first]) and np.array_equal(
        y, page.model.latents.means[:, second]
    )
    kl = page.model.latents.kl_per_dimension
    assert kl[first] == kl.max() and kl[second] == np.sort(kl)[-2]
    assert "Digits β-VAE" in window.subject.text()
    assert page.traversal is not None and page.traversal.request.dimensions[0] == first


def test_a_dragged_slider_moves_cursor_and_picture(page: LatentPage, qtbot: QtBot, until: Until) -> None:
    k = page.map.axes[0]
    slider = page.sliders.sliders[k]
    before = page.picture.pixels.copy()
    right = QPoint(slider.width() - 10, slider.height() // 2)
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() // 2, slider.height() // 2))
    qtbot.mouseMove(slider, right)
    slider.setValue(slider.value_at(right.x()))  # offscreen a synthetic move carries no button
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=right)
    assert page.sliders.z[k] > 2.5
    assert page.map.cursor_at[0] == pytest.approx(page.sliders.z[k])
    until(lambda: settled(page))
    assert not np.array_equal(page.picture.pixels, before)
    expected = ModelSession.open("digits-beta-vae", "cpu").decode(page.sliders.z[None])
    assert int(np.abs(page.picture.pixels.astype(int) - expected).max()) <= 1


def test_keys_and_the_right_button_move_a_slider(page: LatentPage, qtbot: QtBot) -> None:
    slider = page.sliders.sliders[page.map.axes[1]]
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert slider.value() == pytest.approx(0.1)
    qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    assert slider.value() == pytest.approx(0.6)
    qtbot.mouseClick(slider, Qt.MouseButton.RightButton)
    assert slider.value() == 0


def test_a_click_in_the_map_moves_the_sliders(page: LatentPage, qtbot: QtBot, until: Until) -> None:
    from PySide6.QtCore import QPointF

    wanted = QPointF(1.0, -0.5)
    scene = page.map._view.mapViewToScene(wanted)
    where = page.map.plot.mapFromScene(scene)
    qtbot.mouseClick(page.map.plot.viewport(), Qt.MouseButton.LeftButton, pos=where)
    first, second = page.map.axes
    until(lambda: abs(page.sliders.z[first] - 1.0) < 0.05)
    assert page.sliders.z[second] == pytest.approx(-0.5, abs=0.05)
    assert page.sliders.sliders[first].value() == pytest.approx(page.sliders.z[first], abs=1e-6)
    untouched = [k for k in range(10) if k not in page.map.axes]
    assert not page.sliders.z[untouched].any()
    until(lambda: settled(page))


def test_other_axes_keep_z_and_move_the_cursor(page: LatentPage) -> None:
    page.go_to_item(5)
    z = page.sliders.z
    other = next(k for k in range(10) if k not in page.map.axes)
    page.map._boxes[0].setCurrentIndex(other)
    assert page.map.axes[0] == other and np.array_equal(page.sliders.z, z)
    assert page.map.cursor_at[0] == pytest.approx(z[other])


def test_a_thousand_moves_end_with_the_picture_of_the_last(page: LatentPage, until: Until) -> None:
    random = np.random.default_rng(0)
    for _ in range(1000):
        slider = page.sliders.sliders[int(random.integers(10))]
        slider.setValue(float(random.uniform(-3, 3)))
    until(lambda: settled(page))
    expected = ModelSession.open("digits-beta-vae", "cpu").decode(page.sliders.z[None])
    assert int(np.abs(page.picture.pixels.astype(int) - expected).max()) <= 1
    until(lambda: page.traversal is not None and np.array_equal(page.traversal.request.z, page.sliders.z))


def test_zero_and_random(page: LatentPage, qtbot: QtBot, until: Until) -> None:
    qtbot.mouseClick(page.sliders.random, Qt.MouseButton.LeftButton)
    assert page.sliders.z.all() and np.abs(page.sliders.z).max() <= 3
    qtbot.mouseClick(page.sliders.zero, Qt.MouseButton.LeftButton)
    assert not page.sliders.z.any()
    until(lambda: settled(page))


def test_the_traversal_swings(page: LatentPage, qtbot: QtBot, until: Until) -> None:
    qtbot.mouseClick(page.animate, Qt.MouseButton.LeftButton)
    until(lambda: page._swing_step >= 3)
    assert page.strip.grids[0].columns == 1
    qtbot.mouseClick(page.animate, Qt.MouseButton.LeftButton)
    until(lambda: page.strip.grids[0].columns == 11)


def test_exports_read_back_as_shown(page: LatentPage, tmp_path: Path, until: Until, problems: list[Failure]) -> None:
    page.go_to_item(3)
    until(lambda: settled(page))
    until(lambda: page.traversal is not None and np.array_equal(page.traversal.request.z, page.sliders.z))
    page.export.save("decoded", tmp_path / "d.png")
    with Image.open(tmp_path / "d.png") as read:
        assert np.array_equal(np.asarray(read)[::64, ::64], page.picture.pixels[0, ..., 0])
    provenance = images.read_provenance(tmp_path / "d.png")
    assert provenance["model"] == "digits-beta-vae" and np.allclose(provenance["z"], page.sliders.z, atol=1e-5)
    page.export.save("traversal", tmp_path / "t.png")
    assert page.traversal is not None
    with Image.open(tmp_path / "t.png") as read:
        assert np.array_equal(np.asarray(read), images.sheet(page.traversal.pixels, 11)[..., 0])
    page.export.save("traversal-animation", tmp_path / "t.gif")
    with Image.open(tmp_path / "t.gif") as read:
        assert read.n_frames == 20
    assert not problems
    page.export.save("decoded", tmp_path / "no" / "d.png")
    assert len(problems) == 1 and "no folder" in problems[0].text


def test_a_model_without_latents_is_refused_in_words(page: LatentPage, until: Until, problems: list[Failure]) -> None:
    page.open("digits-ddpm")
    until(lambda: bool(problems))
    assert "Diffusion page" in problems[0].text
    page.open("no such model")
    until(lambda: len(problems) == 2)
    assert "there is no model" in problems[1].text
    page.open("digits-vae-2d")
    until(lambda: page.model is not None and page.model.latent_size == 2 and page.decoded is not None and settled(page))


def test_empty_page_says_what_to_do(window: MainWindow, qtbot: QtBot) -> None:
    empty = window.show_page("latent")
    assert isinstance(empty, LatentPage)
    assert "Models page" in empty.strip.grids[0]._hint
    assert not empty.export.isEnabled()
    qtbot.mouseClick(empty.sliders.random, Qt.MouseButton.LeftButton)  # nothing to move, and nothing breaks

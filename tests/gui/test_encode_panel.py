"""The image that was encoded: its terms for every family, and the window to draw one in."""

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from explorer.messages import Pixels
from explorer.ui.app import make_application
from explorer.ui.draw_window import DrawWindow
from explorer.ui.encode_panel import EncodePanel
from tests.gui.latent_hand import SHAPE, encoded, model

# Windows of their own: the drawing sheet, the facts.
pytestmark = pytest.mark.qt_log_ignore(r"This plugin does not support (raise|grabbing the keyboard)", extend=True)


@pytest.fixture
def panel(qtbot: QtBot) -> Iterator[EncodePanel]:
    make_application("dark")
    made = EncodePanel()
    qtbot.addWidget(made)
    yield made


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[DrawWindow]:
    make_application("dark")
    owner = QWidget()
    qtbot.addWidget(owner)
    owner.show()
    made = DrawWindow(owner)
    made.set_model(model())
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.hide()


def told(panel: EncodePanel) -> dict[str, str]:
    return {name.text(): value.text() for name, value in panel.shown.terms if not name.isHidden()}


# ---- terms ----


def test_a_vae_has_all_three_terms_with_units_and_the_elbo_is_their_difference(panel: EncodePanel) -> None:
    of = model()
    one = encoded(of)
    panel.set_family("vae")
    panel.set_encoded(one)
    assert told(panel) == {"ln p(x|z)": "−88.2 nats", "KL": f"{one.kl:.1f} nats", "ELBO": f"−{88.25 + one.kl:.1f} nats"}
    assert np.array_equal(panel.shown.original.pixels, one.pixels)
    assert np.array_equal(panel.shown.reconstruction.pixels, one.reconstruction)
    assert not panel.resample.isHidden() and panel.encoded is one
    tips = [value.toolTip() for _, value in panel.shown.terms]
    assert all("nats" in tip for tip in tips) and "in dimension 3" in tips[1]


def test_an_autoencoder_has_no_kl_no_elbo_and_no_epsilon(panel: EncodePanel) -> None:
    of = model(size=4, family="autoencoder")
    panel.set_family("autoencoder")
    panel.set_encoded(encoded(of, sigma=0.0, kl=False))
    assert told(panel) == {"ln p(x|z)": "−88.2 nats"}
    assert panel.resample.isHidden() and panel.brief.text() == "ln p(x|z) −88.2 nats"


def test_a_vq_vae_pays_for_its_codes(panel: EncodePanel) -> None:
    of = model(size=4, family="vq")
    panel.set_family("vq")
    panel.set_encoded(encoded(of, sigma=0.0, kl=False))
    assert told(panel) == {"ln p(x|z)": "−88.2 nats", "−ln p(k)": "37.5 nats", "ELBO": "−125.8 nats"}
    assert panel.resample.isHidden() and panel.brief.text() == "ELBO −125.8 = −88.2 − 37.5"


def test_a_hierarchy_is_told_as_a_vae(panel: EncodePanel) -> None:
    panel.set_family("hierarchical")
    panel.set_encoded(encoded(model([1.0, 2.0, 0.5], levels=(2, 1))))
    assert list(told(panel)) == ["ln p(x|z)", "KL", "ELBO"] and not panel.resample.isHidden()


def test_it_asks_for_another_epsilon_and_can_be_put_away(panel: EncodePanel, qtbot: QtBot) -> None:
    panel.set_family("vae", points=True)
    assert panel.resample.isHidden() and panel.encoded is None and "point" in panel.hint.text()
    panel.set_family("vae")
    assert "image" in panel.hint.text()
    panel.set_encoded(encoded(model()))
    panel.show()
    with qtbot.waitSignal(panel.resample_wanted):
        qtbot.keyClick(panel.resample, Qt.Key.Key_Space)
    with qtbot.waitSignal(panel.dismissed):
        qtbot.mouseClick(panel.close_image, Qt.MouseButton.LeftButton)
    panel.set_low(True)
    assert panel.shown.isHidden() and not panel.brief.isHidden()
    panel.set_family("vq")
    assert panel.encoded is None and panel.brief.isHidden(), "an image of another model is none of its"
    assert "map" in panel.hint.text() and not panel.hint.isHidden()
    panel.set_family("")
    assert panel.isHidden()


# ---- drawing ----


def stroke(window: DrawWindow, qtbot: QtBot) -> None:
    pad = window.pad
    qtbot.mousePress(pad, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    qtbot.mouseRelease(pad, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    qtbot.mousePress(pad, Qt.MouseButton.LeftButton, pos=QPoint(180, 200))
    qtbot.mouseRelease(pad, Qt.MouseButton.LeftButton, pos=QPoint(180, 200))


def test_drawing_asks_for_codes_at_most_twenty_times_a_second_and_the_last_always_comes(
    window: DrawWindow, qtbot: QtBot
) -> None:
    asked: list[Pixels] = []
    window.encode_wanted.connect(asked.append)
    pictures = np.random.default_rng(0).integers(1, 256, (40, *SHAPE)).astype(np.uint8)
    for picture in pictures:
        window.pad.drawn.emit(picture)
    assert len(asked) == 1 and asked[0].shape == (1, *SHAPE) and asked[0].dtype == np.uint8
    qtbot.waitUntil(lambda: len(asked) == 2)
    assert np.array_equal(asked[-1][0], pictures[-1])
    qtbot.waitUntil(lambda: not window._pause.isActive())
    assert len(asked) == 2, "nothing new, nothing asked"


def test_a_stroke_is_encoded_shown_undone_and_cleared(window: DrawWindow, qtbot: QtBot) -> None:
    asked: list[Pixels] = []
    window.encode_wanted.connect(asked.append)
    assert not window.undo.isEnabled() and not window.clear.isEnabled()
    stroke(window, qtbot)
    qtbot.waitUntil(lambda: bool(asked) and np.array_equal(asked[-1][0], window.pad.pixels))
    assert asked[-1].any() and asked[-1].shape == (1, *SHAPE)
    window.take_encoded(encoded(model()))
    assert window.shown.terms[2][0].text() == "ELBO"
    qtbot.mouseClick(window.undo, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: np.array_equal(asked[-1][0], window.pad.pixels))
    count = len(asked)
    qtbot.mouseClick(window.clear, Qt.MouseButton.LeftButton)
    assert window.pad.empty and not window.clear.isEnabled() and window.shown.terms[2][0].text() == ""
    qtbot.waitUntil(lambda: not window._pause.isActive())
    assert len(asked) == count, "an empty sheet is no image"


def test_an_encoded_image_can_be_drawn_on(window: DrawWindow, qtbot: QtBot) -> None:
    asked: list[Pixels] = []
    window.encode_wanted.connect(asked.append)
    assert not window.take.isEnabled()
    one = encoded(model())
    window.take_encoded(one)
    qtbot.mouseClick(window.take, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(asked) and np.array_equal(asked[-1], one.pixels))
    assert not window.centred.isChecked(), "it is seen as it is"
    window.take_encoded(one)
    assert not window.take.isEnabled(), "it is the drawing now"


def test_the_window_stays_on_the_screen_also_when_it_grows(window: DrawWindow, qtbot: QtBot) -> None:
    room = window.screen().availableGeometry()
    window.hide()
    window.move(room.right() - 40, room.bottom() - 40)
    window.keep_inside()
    window.show()
    qtbot.waitUntil(lambda: room.contains(window.frameGeometry()))
    window.resize(window.width(), window.height() + 120)
    qtbot.waitUntil(lambda: room.contains(window.frameGeometry()))


def test_the_window_fits_the_model(window: DrawWindow, qtbot: QtBot) -> None:
    assert window.windowTitle() == "Draw a digit" and window.centred.isChecked()
    window.set_model(model(dataset="sprites"))
    assert window.windowTitle() == "Draw a picture" and not window.centred.isChecked()
    window.set_label(3)
    assert "class 3" in window.told.text()
    stroke(window, qtbot)
    asked: list[Pixels] = []
    window.encode_wanted.connect(asked.append)
    window.set_model(model(dataset="mnist"))
    qtbot.waitUntil(lambda: len(asked) == 1)  # what is drawn is encoded by the new model
    window.set_model(model(points=True))
    assert not window.isVisible()


def test_pen_width_by_slider_and_by_key_agree(window: DrawWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window.width_slider, Qt.Key.Key_End)
    assert window.pad.stroke_width == pytest.approx(0.2)
    window.pad.setFocus()
    qtbot.keyClick(window.pad, Qt.Key.Key_BracketLeft)
    assert window.width_slider.value() == pytest.approx(100 * window.pad.stroke_width) and window.pad.stroke_width < 0.2


def test_esc_closes_it_and_nothing_more_is_asked(window: DrawWindow, qtbot: QtBot) -> None:
    asked: list[Pixels] = []
    window.encode_wanted.connect(asked.append)
    stroke(window, qtbot)
    count = len(asked)
    qtbot.keyClick(window.pad, Qt.Key.Key_Escape)
    assert not window.isVisible() and not window._pause.isActive() and len(asked) == count
    assert not window.pad.empty, "the drawing stays"

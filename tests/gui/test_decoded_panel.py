"""The right side of the Latent page: picture, nearest data, gauge, sliders and files, for every family."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from explorer.latent_messages import Decoded
from explorer.messages import Failure, Floats, OpenedModel, Pixels
from explorer.off_data import OffData
from explorer.ui import theme
from explorer.ui.app import make_application
from explorer.ui.decoded_panel import DecodedPanel
from explorer.ui.latent_history import LatentHistory, Place
from tests.gui.latent_hand import SHAPE, encoded, items, model, names

# Windows of their own: the drawing sheet, the facts.
pytestmark = pytest.mark.qt_log_ignore(r"This plugin does not support (raise|grabbing the keyboard)", extend=True)
Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def panel(qtbot: QtBot) -> Iterator[DecodedPanel]:
    make_application("dark")
    made = DecodedPanel()
    qtbot.addWidget(made)
    made.resize(380, 540)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    yield made
    assert made.shutdown()


def opened(panel: DecodedPanel, of: OpenedModel | None = None, **kinds: bool) -> OpenedModel:
    of = of or model()
    panel.set_model(of, names(of))
    panel.set_items(items(of, **kinds))
    return of


def picture(path: Path, size: tuple[int, int] = (8, 8)) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)).save(path)
    return path


# ---- nothing open ----


def test_without_a_model_it_says_what_to_do_and_nothing_breaks(panel: DecodedPanel, qtbot: QtBot) -> None:
    assert "Models page" in panel.picture._hint
    for made in (panel.draw, panel.encode, panel.facts, panel.undo, panel.redo, panel.sliders.random):
        assert not made.isEnabled()
    assert not panel.gauge.isVisible() and not panel.nearest.isVisible() and panel.class_box.isHidden()
    opened(panel)
    assert panel.gauge.isVisible() and panel.draw.isEnabled()
    panel.set_model(None, [])
    assert not panel.draw.isEnabled() and "Models page" in panel.picture._hint and not panel.sliders.sliders


# ---- z ----


def test_a_place_is_shown_and_a_move_is_told(panel: DecodedPanel, qtbot: QtBot) -> None:
    opened(panel)
    moved: list[Floats] = []
    panel.moved.connect(moved.append)
    z = np.array([0.5, -1.0, 4.5, 0.25], np.float32)
    panel.set_place(z, 0)
    assert panel.sliders.z.tobytes() == z.tobytes() and not moved
    with qtbot.waitSignal(panel.released):
        qtbot.keyClick(panel.sliders.sliders[1], Qt.Key.Key_PageUp)
    assert len(moved) == 1 and moved[0].tolist() == [0.5, -0.5, 4.5, 0.25]


def test_the_decoded_picture_and_its_time(panel: DecodedPanel) -> None:
    of = opened(panel)
    pixels = np.full((1, *SHAPE), 77, np.uint8)
    panel.set_decoded(Decoded(1, np.zeros((1, of.latent_size), np.float32), pixels, 4.1))
    assert np.array_equal(panel.picture.pixels, pixels) and panel._took.text() == "4.1 ms" and panel._took.isVisible()


def test_the_class_selector_is_there_for_conditional_models_alone(panel: DecodedPanel, qtbot: QtBot) -> None:
    of = opened(panel, model(classes=10, family="conditional"))
    assert panel.class_box.isVisible() and panel.label == 0
    told: list[int] = []
    panel.told.connect(told.append)
    panel.class_box.setFocus()
    for _ in range(3):
        qtbot.keyClick(panel.class_box, Qt.Key.Key_Down)
    assert told == [1, 2, 3] and panel.label == 3 and "class 3" in panel.window_to_draw.told.text()
    panel.set_place(np.zeros(of.latent_size, np.float32), 7)
    assert panel.label == 7 and told == [1, 2, 3] and "class 7" in panel.window_to_draw.told.text()
    opened(panel)
    assert panel.class_box.isHidden() and panel.label == 0


# ---- nearest data ----


def test_the_nearest_agree_with_brute_force(panel: DecodedPanel, until: Until) -> None:
    of = opened(panel, model([1.0] * 7, items=500))
    assert of.latents is not None
    for seed in range(5):
        z = np.random.default_rng(seed).standard_normal(7).astype(np.float32)
        panel.set_place(z, 0)
        far = np.linalg.norm(of.latents.means.astype(np.float64) - z, axis=1)
        order = np.argsort(far)[:4]
        until(lambda order=order: np.array_equal(panel.nearest.items, order))  # type: ignore[misc]
        assert np.allclose(panel.nearest.distances, far[order], atol=1e-5)
        shown = items(of).pixels[order]
        assert np.array_equal(panel.nearest.pictures.pixels, shown)
        assert panel.nearest.pictures.names[0] == f"{of.latents.labels[order[0]]} · {far[order[0]]:.2f}"


def test_dimensions_that_the_encoder_does_not_use_do_not_count(panel: DecodedPanel, until: Until) -> None:
    of = opened(panel, model([1.0, 0.001, 2.0, 0.0], items=300))
    assert of.latents is not None
    z = np.array([0.2, 5.0, -0.3, -5.0], np.float32)
    panel.set_place(z, 0)
    far = np.linalg.norm((of.latents.means - z)[:, [0, 2]], axis=1)
    until(lambda: np.array_equal(panel.nearest.items, np.argsort(far)[:4]))
    assert np.allclose(panel.nearest.distances, np.sort(far)[:4], atol=1e-5)


def test_the_nearest_of_a_conditional_model_are_of_the_class_it_is_told(panel: DecodedPanel, until: Until) -> None:
    of = opened(panel, model([1.0] * 3, items=400, classes=10, family="conditional"))
    assert of.latents is not None
    far = np.linalg.norm(of.latents.means, axis=1)
    for label in (2, 7):
        panel.set_place(np.zeros(3, np.float32), label)
        wanted = [item for item in np.argsort(far) if of.latents.labels[item] == label][:4]
        until(lambda wanted=wanted: list(panel.nearest.items) == wanted)  # type: ignore[misc]


def test_a_nearest_picture_is_chosen_by_click_or_enter(panel: DecodedPanel, qtbot: QtBot, until: Until) -> None:
    opened(panel)
    panel.set_place(np.zeros(4, np.float32), 0)
    until(lambda: len(panel.nearest.items) == 4 and len(panel.nearest.pictures.pixels) == 4)
    chosen: list[int] = []
    panel.item_chosen.connect(chosen.append)
    grid = panel.nearest.pictures
    qtbot.mouseClick(grid, Qt.MouseButton.LeftButton, pos=grid.cell(2).center().toPoint())
    assert chosen == [panel.nearest.items[2]]
    grid.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Left):
        qtbot.keyClick(grid, key)
    assert grid.selected == 2 and len(chosen) == 1, "arrows only mark"
    qtbot.keyClick(grid, Qt.Key.Key_Return)
    assert chosen[1:] == [panel.nearest.items[2]]
    assert "class" in grid.tip_at(grid.cell(1).center().toPoint()) and "σ" in grid.tip_at(QPoint(-5, -5))


def test_without_pictures_the_nearest_are_told_in_words(panel: DecodedPanel, qtbot: QtBot, until: Until) -> None:
    of = model()
    panel.set_model(of, names(of))
    panel.set_items(items(of, pictures=False, note="MNIST is not on this machine"))
    panel.set_place(np.zeros(4, np.float32), 0)
    words = panel.nearest.words
    until(words[3].isVisible)
    assert of.latents is not None
    first = panel.nearest.items[0]
    assert words[0].text() == f"class {of.latents.labels[first]} · {panel.nearest.distances[0]:.2f} σ"
    assert panel.nearest.note.isVisible() and "MNIST" in panel.nearest.note.toolTip()
    chosen: list[int] = []
    panel.item_chosen.connect(chosen.append)
    qtbot.keyClick(words[1], Qt.Key.Key_Space)
    assert chosen == [panel.nearest.items[1]]
    panel.set_items(items(of))
    assert not words[0].isVisible() and panel.nearest.pictures.isVisible()


# ---- the gauge ----


def test_the_gauge_says_what_off_data_says_on_a_code_and_far_from_all(panel: DecodedPanel, until: Until) -> None:
    of = opened(panel, model([1.0] * 4, items=300), sigma=True)
    assert of.latents is not None
    judge = OffData(of.latents.means, np.full((300, 4), 0.3, np.float32))
    for z, level in ((of.latents.means[3], "on"), (np.full(4, 6, np.float32), "off")):
        panel.set_place(z, 0)
        wanted = judge.judge(z)
        assert wanted.level == level
        until(lambda wanted=wanted: panel.gauge.verdict == wanted)  # type: ignore[misc]
        assert wanted.words in panel.gauge.words.accessibleDescription().lower()
        assert wanted.words[1:] in panel.gauge.words.text()


def test_the_gauge_says_nothing_before_sigma_is_known_and_forgets_another_model(
    panel: DecodedPanel, qtbot: QtBot, until: Until
) -> None:
    of = model([1.0] * 4, items=300)
    panel.set_model(of, names(of))
    panel.set_place(np.full(4, 2, np.float32), 0)
    panel.set_items(items(of))  # the pictures alone
    qtbot.wait(150)
    assert panel.gauge.verdict is None and "measuring" in panel.gauge.words.text()
    panel.set_items(items(of, sigma=True))
    until(lambda: panel.gauge.verdict is not None)
    assert "measuring" not in panel.gauge.words.text()
    other = model([1.0] * 2)
    panel.set_model(other, names(other))
    assert panel.gauge.verdict is None and "measuring" in panel.gauge.words.text()


def test_the_gauge_waits_for_no_sigma_where_there_never_is_one(panel: DecodedPanel, until: Until) -> None:
    of = model(size=4, family="autoencoder")
    panel.set_model(of, names(of))  # deterministic
    panel.set_place(np.zeros(4, np.float32), 0)
    until(lambda: panel.gauge.verdict is not None)
    of = model([1.0] * 4)
    panel.set_model(of, names(of))
    panel.set_items(items(of, pictures=False, note="MNIST is not on this machine"))
    panel.set_place(np.zeros(4, np.float32), 0)
    until(lambda: panel.gauge.verdict is not None)


def test_on_a_code_the_gauge_tells_no_distance_and_low_it_has_one_line(panel: DecodedPanel, until: Until) -> None:
    of = opened(panel, model([1.0] * 4, items=300), sigma=True)
    assert of.latents is not None
    panel.set_place(of.latents.means[3], 0)
    until(lambda: "an item of the data is encoded" in panel.gauge.words.text())
    assert "0.00" not in panel.gauge.words.text()
    high = panel.gauge.words.height()
    panel.set_place(np.full(4, 9, np.float32), 0)
    until(lambda: "never trained" in panel.gauge.words.text())
    panel.resize(336, 430)
    until(lambda: panel.gauge.words.height() < high)
    assert panel.gauge.words.text().endswith("…")
    assert "never trained" in panel.gauge.words.toolTip() and "never trained" in (
        panel.gauge.words.accessibleDescription()
    )


def test_the_gauge_judges_the_newest_z_and_not_each(
    panel: DecodedPanel, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(panel, sigma=True)
    panel.set_place(np.zeros(4, np.float32), 0)
    until(lambda: panel.gauge.verdict is not None)
    judged: list[Floats] = []
    real = OffData.judge
    monkeypatch.setattr(OffData, "judge", lambda self, z: (judged.append(z), real(self, z))[1])
    for k in range(200):
        panel.set_place(np.full(4, k / 100, np.float32), 0)
    until(lambda: bool(judged) and judged[-1][0] == np.float32(1.99))
    assert len(judged) < 50


# ---- images ----


@pytest.mark.parametrize(
    ("of", "kinds"),
    [
        (model(), {}),
        (model(classes=10, family="conditional"), {}),
        (model([1.0, 2.0, 0.5], levels=(2, 1), family="hierarchical"), {}),
        (model(size=4, family="autoencoder"), {"sigma": 0.0, "kl": False}),
        (model(size=4, family="vq"), {"sigma": 0.0, "kl": False}),
    ],
    ids=["vae", "conditional", "hierarchical", "autoencoder", "vq"],
)
def test_every_family_shows_an_encoded_image(panel: DecodedPanel, of: OpenedModel, kinds: dict[str, float]) -> None:
    opened(panel, of)
    one = encoded(of, **kinds)  # type: ignore[arg-type]
    panel.set_encoded(one)
    assert panel.image.isVisible() and panel.image.encoded is one
    assert [slider.band for slider in panel.sliders.sliders] == [
        (float(m), float(s)) for m, s in zip(one.mean, one.sigma, strict=True)
    ]
    panel.sliders.from_image.click()
    assert panel.sliders.z.tobytes() == one.mean.tobytes()
    facts = {found.text() for found in panel.facts.popup.findChildren(QLabel)}
    assert ("ELBO" in facts) == (of.card.family != "autoencoder")
    assert panel.title.text() == ("Decoded from z" if of.card.family == "vq" else "Decoded")
    assert ("another picture" in panel.title.toolTip()) == (of.card.family == "vq")
    panel.set_encoded(None)
    assert panel.image.encoded is None and not panel.sliders.from_image.isEnabled()


@pytest.mark.parametrize("size", [(380, 560), (336, 440)])
def test_choosing_an_image_moves_nothing(panel: DecodedPanel, qtbot: QtBot, size: tuple[int, int]) -> None:
    panel.resize(*size)
    of = opened(panel, model([1.0] * 10))
    qtbot.waitUntil(lambda: (panel.width(), panel.height()) == size)
    QApplication.processEvents()
    before = panel.sliders.geometry(), panel.picture.geometry()
    assert panel.image.hint.isVisible() and "Ctrl+click" in panel.image.hint.text()
    panel.set_encoded(encoded(of))
    QApplication.processEvents()
    assert (panel.sliders.geometry(), panel.picture.geometry()) == before and not panel.image.hint.isVisible()


def test_a_low_panel_shows_five_sliders(panel: DecodedPanel, qtbot: QtBot) -> None:
    opened(panel, model([1.0] * 10))
    panel.resize(336, 420)  # beside the map in a window of 1100 × 700
    area = panel.sliders._area
    qtbot.waitUntil(lambda: panel.height() == 420 and area.viewport().height() >= 5 * panel.sliders.sliders[0].height())


def test_an_image_is_put_away_and_epsilon_asked_for(panel: DecodedPanel, qtbot: QtBot) -> None:
    of = opened(panel)
    panel.set_encoded(encoded(of))
    with qtbot.waitSignal(panel.resample_wanted):
        panel.image.resample.click()
    with qtbot.waitSignal(panel.dismissed):
        panel.image.close_image.click()
    assert panel.image.encoded is None and panel.sliders.sliders[0].band is None


def test_points_are_neither_drawn_nor_read(panel: DecodedPanel, tmp_path: Path) -> None:
    opened(panel, model([1.0, 2.0], points=True, dataset="two-moons"), pictures=False)
    assert not panel.draw.isVisible() and not panel.encode.isVisible()
    problems: list[Failure] = []
    panel.problem.connect(problems.append)
    panel.encode_file(picture(tmp_path / "a.png"))
    assert len(problems) == 1 and "points" in problems[0].text


# ---- drawing and files ----


def test_drawing_emits_pictures(panel: DecodedPanel, qtbot: QtBot, until: Until) -> None:
    opened(panel)
    asked: list[Pixels] = []
    panel.encode_wanted.connect(asked.append)
    qtbot.mouseClick(panel.draw, Qt.MouseButton.LeftButton)
    window = panel.window_to_draw
    until(window.isVisible)
    assert not window.isModal()
    qtbot.mousePress(window.pad, Qt.MouseButton.LeftButton, pos=QPoint(100, 80))
    qtbot.mouseRelease(window.pad, Qt.MouseButton.LeftButton, pos=QPoint(100, 80))
    until(lambda: bool(asked))
    assert asked[-1].shape == (1, *SHAPE) and asked[-1].any()
    panel.hide()
    assert not window.isVisible(), "it goes with the page"
    panel.show()
    panel.draw.click()
    panel.set_encoded(encoded(opened(panel)))
    assert window.isVisible() and not window.pad.empty
    panel.set_model(None, [])
    assert not window.isVisible()


def test_a_file_is_read_beside_the_window_and_asked_for(panel: DecodedPanel, tmp_path: Path, until: Until) -> None:
    opened(panel)
    asked: list[Pixels] = []
    panel.encode_wanted.connect(asked.append)
    panel.encode_file(picture(tmp_path / "a.png", (60, 40)))
    assert panel.encode.text() == "Reading…" and not asked
    until(lambda: bool(asked))
    assert asked[0].shape == (1, *SHAPE) and panel.encode.text() == "Encode image…"


def test_reading_a_file_leaves_the_keys_where_they_are(panel: DecodedPanel, tmp_path: Path, until: Until) -> None:
    opened(panel)
    asked: list[Pixels] = []
    panel.encode_wanted.connect(asked.append)
    panel.encode.setFocus()
    panel.encode_file(picture(tmp_path / "a.png", (60, 40)))
    assert panel.encode.hasFocus()
    panel.encode.click()  # asks for no other file meanwhile
    until(lambda: bool(asked))
    assert panel.encode.hasFocus()


def test_each_stroke_and_each_file_is_a_move_of_its_own(panel: DecodedPanel, tmp_path: Path, until: Until) -> None:
    opened(panel)
    said: list[str] = []
    panel.released.connect(lambda: said.append("released"))
    panel.encode_wanted.connect(lambda _: said.append("encode"))
    panel.encode_file(picture(tmp_path / "a.png"))
    until(lambda: said == ["released", "encode"])
    window = panel.window_to_draw
    window.show()
    for number in (1, 2):
        said.clear()
        for k in range(3):
            window.pad.drawn.emit(np.full(SHAPE, 10 * number + k + 1, np.uint8))
        window.pad.finished.emit()
        until(lambda: not window._pause.isActive())
        assert said[0] == "released" and said.count("released") == 1 and said.count("encode") in {1, 2}


def test_a_bad_file_says_what_to_do(panel: DecodedPanel, tmp_path: Path, until: Until) -> None:
    opened(panel)
    problems: list[Failure] = []
    asked: list[Pixels] = []
    panel.problem.connect(problems.append)
    panel.encode_wanted.connect(asked.append)
    (tmp_path / "notes.txt").write_text("no picture")
    for number, name in enumerate(("notes.txt", "missing.png"), start=1):
        panel.encode_file(tmp_path / name)
        until(lambda number=number: len(problems) == number)  # type: ignore[misc]
        assert name in problems[-1].text and "choose" in problems[-1].text
        assert panel.encode.isEnabled() and not asked


def test_a_file_for_a_model_that_is_gone_is_forgotten(panel: DecodedPanel, tmp_path: Path, until: Until) -> None:
    opened(panel)
    asked: list[Pixels] = []
    panel.encode_wanted.connect(asked.append)
    done: list[int] = []
    panel._reader.done.connect(lambda job, _: done.append(job))
    panel.encode_file(picture(tmp_path / "a.png"))
    opened(panel, model([1.0, 1.0]))
    until(lambda: bool(done))
    assert not asked and panel.encode.isEnabled()


def test_a_picture_can_be_dropped_and_pasted(panel: DecodedPanel, tmp_path: Path, until: Until) -> None:
    opened(panel)
    asked: list[Pixels] = []
    panel.encode_wanted.connect(asked.append)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(picture(tmp_path / "a.png")))])
    panel.drop._take(data)
    until(lambda: len(asked) == 1)
    image = QImage(8, 8, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.darkGray)
    QGuiApplication.clipboard().setImage(image)
    panel.drop.paste()
    assert len(asked) == 2 and asked[1].shape == (1, *SHAPE)


# ---- history ----


def test_undo_and_redo_by_mouse(panel: DecodedPanel, qtbot: QtBot) -> None:
    opened(panel)
    history = LatentHistory()
    panel.set_history(history)
    history.begin(Place(panel.sliders.z))
    panel.moved.connect(lambda z: history.record(Place(z, panel.label), panel.sliders.how))
    panel.released.connect(history.settle)
    history.went.connect(lambda place: panel.set_place(place.z, place.label))
    panel.sliders.random.click()
    drawn = panel.sliders.z
    for _ in range(2):
        qtbot.keyClick(panel.sliders.sliders[3], Qt.Key.Key_Right)
    assert panel.undo.isEnabled() and panel.undo.toolTip() == "Undo z₃ (Ctrl+Z)"
    for _ in range(2):
        qtbot.mouseClick(panel.undo, Qt.MouseButton.LeftButton)
    assert panel.sliders.z.tobytes() == drawn.tobytes() and panel.undo.toolTip() == "Undo random (Ctrl+Z)"
    qtbot.mouseClick(panel.undo, Qt.MouseButton.LeftButton)
    assert not panel.sliders.z.any() and not panel.undo.isEnabled()
    qtbot.keyClick(panel.redo, Qt.Key.Key_Space)
    assert panel.sliders.z.tobytes() == drawn.tobytes()


# ---- room, keys, looks ----


@pytest.mark.parametrize("size", [(380, 540), (336, 440), (380, 800)])
@pytest.mark.parametrize("name", ["dark", "light"])
def test_nothing_is_clipped_and_the_sliders_have_room(
    panel: DecodedPanel, qtbot: QtBot, size: tuple[int, int], name: theme.ThemeName
) -> None:
    theme.current().apply(name)
    of = opened(panel, model([1.0] * 10))
    panel.set_encoded(encoded(of))
    panel.resize(*size)
    qtbot.waitUntil(lambda: (panel.width(), panel.height()) == size)
    QApplication.processEvents()
    assert panel.minimumSizeHint().height() <= size[1]
    for made in (panel.draw, panel.encode, panel.sliders.random, panel.sliders.from_image, panel.image.resample):
        where = made.mapTo(panel, QPoint(0, 0))
        assert where.x() >= 0 and where.x() + made.width() <= size[0] - 12
        assert where.y() + made.height() <= size[1]
        assert made.width() >= made.sizeHint().width(), made.text()
    assert panel.sliders.height() >= 80, "two rows at least"
    theme.current().apply("dark")


def test_every_control_is_reached_by_tab(panel: DecodedPanel, qtbot: QtBot, until: Until) -> None:
    of = opened(panel, model(classes=3, family="conditional"))
    panel.set_encoded(encoded(of))
    panel.set_place(np.zeros(4, np.float32), 0)
    until(lambda: len(panel.nearest.items) == 4)
    panel.class_box.setFocus()
    reached: list[object] = []
    for _ in range(25):
        reached.append(QApplication.focusWidget())
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    wanted = [
        panel.class_box, panel.facts, panel.nearest.pictures, panel.image.resample, panel.image.close_image,
        panel.sliders.zero, panel.sliders.random, panel.sliders.from_image, panel.draw, panel.encode,
        *(panel.sliders.sliders[k] for k in (1, 3, 0)),
    ]  # fmt: skip
    for widget in wanted:
        assert widget in reached, widget.accessibleName()
        assert widget.accessibleName()


def test_the_facts_open_below_their_button(panel: DecodedPanel, qtbot: QtBot) -> None:
    opened(panel)
    qtbot.keyClick(panel.facts, Qt.Key.Key_Space)
    assert panel.facts.popup.isVisible()
    texts = [found.text() for found in panel.facts.popup.findChildren(QLabel)]
    assert "Made up" in texts and "−100.00" in texts
    qtbot.keyClick(panel.facts.popup, Qt.Key.Key_Escape)
    assert not panel.facts.popup.isVisible()

"""The codes of a VQ-VAE by hand: what is painted is what is decoded, every stroke can be taken back."""

import csv
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.animations import film_bytes
from explorer.inference import codes
from explorer.inference.session import ModelSession
from explorer.latent_messages import CodebookFound, CodebookRequest, CodeMap, CodesRequest, PaintRequest
from explorer.messages import Pixels
from explorer.ui import theme
from explorer.ui.code_canvas import CodeCanvas, line, swapped
from explorer.ui.code_colors import code_colors
from explorer.ui.codebook_view import words
from explorer.ui.codes_mode import CodesMode
from tests.gui.families import ModePage, codebook_of, drag, encoded, shown_mode
from tests.gui.strip import fake_model

Until = Callable[[Callable[[], bool]], None]
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


@pytest.fixture(scope="module")
def session() -> ModelSession:
    return ModelSession.open("mnist-vq", "cpu")


@pytest.fixture(scope="module")
def image(session: ModelSession) -> Pixels:
    """Return a picture to encode: the model's own of some place, so that no data set is needed."""
    z = np.random.default_rng(4).standard_normal((1, session.latent_size)).astype(np.float32)
    return session.decode(z)


@pytest.fixture
def page(qtbot: QtBot, session: ModelSession) -> Iterator[ModePage]:
    yield from shown_mode(qtbot, CodesMode(), session)


@pytest.fixture
def mode(page: ModePage, session: ModelSession, image: Pixels) -> CodesMode:
    """Return the mode, with the codes of an image."""
    page.open()
    assert isinstance(page.mode, CodesMode)
    page.mode.take_encoded(encoded(session, image))
    return page.mode


def found_of(mode: CodesMode) -> CodeMap:
    assert mode.found is not None
    return mode.found


def center(canvas: CodeCanvas, row: int, column: int) -> QPoint:
    return canvas.cell((row, column)).center().toPoint()


def click(qtbot: QtBot, canvas: CodeCanvas, row: int, column: int, button: Qt.MouseButton = LEFT) -> None:
    qtbot.mouseClick(canvas, button, pos=center(canvas, row, column))


def is_shown(mode: CodesMode, session: ModelSession) -> bool:
    """Return whether pictures and words are those of the codes in the canvas."""
    expected = codes.painted(session, PaintRequest(0, mode.canvas.codes))
    return (
        np.array_equal(mode.pictures.pixels[0], expected.pixels[0])
        and np.array_equal(found_of(mode).codes, mode.canvas.codes)
        and f"{expected.nats:.1f} nats" in mode.tools.nats.text()
    )


def test_it_is_for_codebooks_only(session: ModelSession) -> None:
    assert CodesMode.fits(session.opened(1)) and not CodesMode.fits(fake_model("vae"))


def test_an_image_is_shown_as_its_codes(mode: CodesMode, session: ModelSession, image: Pixels) -> None:
    expected = codes.code_map(session, CodesRequest(1, image))
    assert np.array_equal(mode.canvas.codes, expected.codes) and mode.source.key == "image"
    assert np.array_equal(mode.pictures.pixels, np.concatenate([expected.pixels, image]))
    assert mode.tools.nats.text() == f"−ln p(k) = {expected.nats:.1f} nats"
    assert mode.heading == "Codes · a map of 7 × 7 places, each one of 64 codes"
    row, column = 3, 4
    assert f"code {expected.codes[row, column]}, −ln p" in mode.canvas.reading((row, column))
    assert f"= {expected.place_nats[row, column]:.2f} nats" in mode.canvas.reading((row, column))


def test_a_stroke_paints_every_place_it_crosses(
    page: ModePage, mode: CodesMode, session: ModelSession, qtbot: QtBot
) -> None:
    before = mode.canvas.codes.copy()
    mode.book.palette_.setFocus()
    at = mode.book.palette_.cell(34).center().toPoint()
    qtbot.mouseClick(mode.book.palette_.viewport(), LEFT, pos=at)
    assert mode.canvas.brush == 34 and "code 34" in mode.tools.brush.text()
    ends = [mode.canvas.cell(cell).center() for cell in ((1, 1), (4, 6))]
    drag(mode.canvas, *ends)
    wanted = before.copy()
    for cell in line((1, 1), (4, 6)):
        wanted[cell] = 34
    assert np.array_equal(mode.canvas.codes, wanted) and is_shown(mode, session)
    base = codes.painted(session, PaintRequest(0, before)).nats
    assert f"{found_of(mode).nats - base:.2f}".replace("-", "−") in mode.tools.nats.text()
    assert f"by {int((wanted != before).sum())} places" in mode.tools.nats.text()
    assert page.paths[-1] is not None and np.array_equal(page.paths[-1][1], found_of(mode).z)
    mode.tools.undo.click()
    assert np.array_equal(mode.canvas.codes, before) and is_shown(mode, session), "one stroke is one step"
    assert page.paths[-1] is None and not mode.tools.undo.isEnabled() and not mode.tools.reset.isEnabled()
    mode.tools.redo.click()
    assert np.array_equal(mode.canvas.codes, wanted) and is_shown(mode, session)
    mode.tools.reset.click()
    assert np.array_equal(mode.canvas.codes, before) and is_shown(mode, session)
    mode.tools.undo.click()
    assert np.array_equal(mode.canvas.codes, wanted), "a reset can be taken back, too"


def test_the_cells_of_a_line_touch() -> None:
    for first, last in (((0, 0), (6, 2)), ((3, 3), (3, 3)), ((5, 1), (0, 6))):
        cells = line(first, last)
        assert cells[0] == first and cells[-1] == last
        steps = np.abs(np.diff(np.array(cells), axis=0))
        assert not len(steps) or int(steps.max()) <= 1


@pytest.mark.parametrize("way", ["right", "alt"])
def test_a_code_is_picked_from_the_map(mode: CodesMode, qtbot: QtBot, way: str) -> None:
    before = mode.canvas.codes.copy()
    code = int(before[3, 4])
    button, keys = (
        (RIGHT, Qt.KeyboardModifier.NoModifier) if way == "right" else (LEFT, Qt.KeyboardModifier.AltModifier)
    )
    qtbot.mouseClick(mode.canvas, button, keys, center(mode.canvas, 3, 4))
    assert mode.canvas.brush == mode.book.palette_.brush == code
    assert np.array_equal(mode.canvas.codes, before)


def test_places_and_codes_are_swapped(mode: CodesMode, session: ModelSession, qtbot: QtBot) -> None:
    before = mode.canvas.codes.copy()
    other = next((r, c) for r, c in np.ndindex(7, 7) if before[r, c] != before[3, 3])
    first, second = int(before[3, 3]), int(before[other])
    mode.tools.tool.buttons["places"].click()
    click(qtbot, mode.canvas, 3, 3)
    assert np.array_equal(mode.canvas.codes, before) and mode.canvas.first == (3, 3)
    click(qtbot, mode.canvas, *other)
    wanted = before.copy()
    wanted[3, 3], wanted[other] = second, first
    assert np.array_equal(mode.canvas.codes, wanted) and is_shown(mode, session)
    mode.tools.undo.click()
    mode.tools.tool.buttons["codes"].click()
    for cell in ((3, 3), other):
        click(qtbot, mode.canvas, *cell)
    assert np.array_equal(mode.canvas.codes, swapped(before, first, second)) and is_shown(mode, session)
    for cell in ((3, 3), other):
        click(qtbot, mode.canvas, *cell)
    assert np.array_equal(mode.canvas.codes, before), "swapped twice is not swapped"


def test_the_keyboard_alone_paints(mode: CodesMode, session: ModelSession, qtbot: QtBot) -> None:
    before, keys = mode.canvas.codes.copy(), Qt.Key
    mode.canvas.setFocus()
    for key in (keys.Key_Down, keys.Key_Down, keys.Key_Right, keys.Key_P, keys.Key_Right, keys.Key_Space):
        qtbot.keyClick(mode.canvas, key)
    wanted = before.copy()
    wanted[2, 2] = before[2, 1]
    assert mode.canvas.brush == before[2, 1] and np.array_equal(mode.canvas.codes, wanted)
    assert mode.canvas.accessibleDescription().startswith("row 2, column 2")
    mode.book.palette_.choose(5)
    qtbot.keyClick(mode.book.palette_, keys.Key_Right)
    assert mode.canvas.brush == 6
    mode.canvas.setFocus()
    qtbot.keyClick(mode.canvas, keys.Key_Return)
    assert mode.canvas.codes[2, 2] == 6 and is_shown(mode, session)
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    for _ in range(2 if before[2, 2] != before[2, 1] else 1):
        qtbot.keyClick(mode.canvas, keys.Key_Z, control)
    assert np.array_equal(mode.canvas.codes, before)
    qtbot.keyClick(mode.canvas, keys.Key_Z, control | shift)
    assert not np.array_equal(mode.canvas.codes, before) and is_shown(mode, session)


def test_the_newest_painting_wins(page: ModePage, mode: CodesMode, session: ModelSession, qtbot: QtBot) -> None:
    page.hold = True
    rng = np.random.default_rng(2)
    for _ in range(60):
        mode.canvas.brush = int(rng.integers(64))
        click(qtbot, mode.canvas, int(rng.integers(7)), int(rng.integers(7)))
    late = [request for request in page.asked if isinstance(request, PaintRequest)]
    assert len(late) > 40
    for request in (late[3], late[-1], late[7]):  # the worker answers a few, an old one may still be under way
        page.answer(request)
    assert np.array_equal(found_of(mode).codes, mode.canvas.codes) and is_shown(mode, session)


def test_an_answer_under_way_does_not_wipe_out_what_is_painted(
    page: ModePage, mode: CodesMode, session: ModelSession, image: Pixels, qtbot: QtBot
) -> None:
    page.hold = True
    mode.take_encoded(encoded(session, 255 - image))
    asked = page.asked[-1]
    mode.canvas.brush = int(mode.canvas.codes[0, 0]) + 1
    click(qtbot, mode.canvas, 0, 0)
    painted, request = mode.canvas.codes.copy(), page.asked[-1]
    page.answer(asked)
    assert np.array_equal(mode.canvas.codes, painted)
    page.answer(request)
    assert np.array_equal(mode.canvas.codes, painted) and is_shown(mode, session)


def test_the_sliders_codes_follow_and_what_was_painted_is_kept(
    page: ModePage, mode: CodesMode, session: ModelSession, qtbot: QtBot
) -> None:
    mode.canvas.brush = int(mode.canvas.codes[0, 0]) + 1
    click(qtbot, mode.canvas, 0, 0)
    painted = mode.canvas.codes.copy()
    mode.set_place(np.ones(session.latent_size, np.float32), 0)
    assert np.array_equal(mode.canvas.codes, painted), "of an image they stay"
    mode.source.buttons["sliders"].click()
    z = np.linspace(-2, 2, session.latent_size, dtype=np.float32)
    mode.set_place(z, 0)
    expected = codes.code_map(session, CodesRequest(1, np.zeros((0, 28, 28, 1), np.uint8), z)).codes
    qtbot.waitUntil(lambda: np.array_equal(mode.canvas.codes, expected))
    assert len(mode.pictures.pixels) == 1, "there is no original"
    assert np.array_equal(mode.pictures.pixels, session.decode(z[None]))
    mode.tools.undo.click()
    assert np.array_equal(mode.canvas.codes, painted) and is_shown(mode, session)


def test_hidden_it_asks_nothing_and_shown_again_it_keeps_the_painting(
    page: ModePage, mode: CodesMode, session: ModelSession, image: Pixels, qtbot: QtBot
) -> None:
    click(qtbot, mode.canvas, 3, 3)
    painted, asked = mode.canvas.codes.copy(), len(page.asked)
    mode.go_down()
    assert page.paths[-1] is None
    mode.set_place(np.ones(session.latent_size, np.float32), 0)
    mode.come_up()
    assert len(page.asked) == asked and np.array_equal(mode.canvas.codes, painted)
    mode.go_down()
    mode.take_encoded(encoded(session, 255 - image))
    assert len(page.asked) == asked
    mode.come_up()
    assert np.array_equal(mode.canvas.codes, codes.code_map(session, CodesRequest(1, 255 - image)).codes)
    assert page.kinds(CodebookRequest) == 1


def test_an_answer_that_came_while_it_was_hidden_is_asked_for_again(
    page: ModePage, session: ModelSession, image: Pixels
) -> None:
    page.hold = True
    page.open()
    assert isinstance(page.mode, CodesMode)
    mode, asked = page.mode, len(page.asked)
    assert asked == 2, "the codebook, and the codes of the sliders"
    mode.go_down()
    page.hold = False
    mode.come_up()
    assert len(page.asked) == 2 * asked and mode.book.found is not None and mode.canvas.codes.size == 49


@pytest.mark.parametrize("source", ["image", "sliders"])
def test_go_to_z_tells_where_the_map_is(page: ModePage, mode: CodesMode, qtbot: QtBot, source: str) -> None:
    mode.source.buttons[source].click()
    mode.canvas.brush = int(mode.canvas.codes[3, 3]) + 1
    click(qtbot, mode.canvas, 3, 3)
    painted, asked = mode.canvas.codes.copy(), page.kinds(CodesRequest)
    mode.tools.go.click()
    assert np.array_equal(page.went[-1], found_of(mode).z)
    assert not mode._timer.isActive(), "nothing is asked a little later"
    assert np.array_equal(mode.canvas.codes, painted), "what it shows does not change by that"
    assert page.kinds(CodesRequest) == asked


# ---- the codebook ----


def used(found: CodebookFound, usage: list[int]) -> CodebookFound:
    counts = np.array(usage, np.int64)
    share = counts[counts > 0] / max(1, counts.sum())
    perplexity = float(np.exp(-(share * np.log(share)).sum()))
    return CodebookFound(found.request, counts, perplexity, found.pictures, found.positions)


@pytest.fixture
def counted(mode: CodesMode, session: ModelSession) -> CodebookFound:
    """Return a codebook of which seven codes are dead, which the mode shows."""
    found = dataclasses.replace(codebook_of(session), request=mode._book_asked)
    found = used(found, [0] * 7 + [10 * code for code in range(7, 64)])
    mode.take_codebook(found)
    return found


def test_dead_codes_are_counted_in_words(mode: CodesMode, counted: CodebookFound) -> None:
    assert mode.book.words.text() == (
        f"perplexity {counted.perplexity:.1f} of 64 codes · 7 of 64 codes are dead: no image of the test set uses them"
    )
    assert mode.book.reading(3) == "code 3: dead: never used"
    assert mode.book.reading(63) == f"code 63: used 630 times, {100 * 630 / counted.usage.sum():.2g} %"
    one = used(counted, [0, *[5] * 63])
    assert words(one, "training").endswith("1 of 64 codes is dead: no image of the training set uses it")
    assert words(used(counted, [5] * 64), "test") == "perplexity 64.0 of 64 codes · all are in use"


def test_while_it_counts_no_code_is_called_dead(page: ModePage, mode: CodesMode, counted: CodebookFound) -> None:
    mode.take_codebook(dataclasses.replace(counted, usage=counted.usage[:0], done=0.0))
    assert len(mode.book.order) == 64 and "counting" in mode.book.usage._hint
    mode.take_codebook(dataclasses.replace(counted, done=0.4))
    assert mode.book.words.text().endswith("codes · counting, 40 % of the test set")
    assert len(mode.book.usage.usage) == 64 and mode.book.reading(3) == "code 3"
    mode.go_down()
    asked = page.kinds(CodebookRequest)
    mode.come_up()
    assert page.kinds(CodebookRequest) == asked + 1, "it is asked for again when it is shown"


def test_the_codes_are_put_in_order(mode: CodesMode, counted: CodebookFound) -> None:
    boxes = mode.book.order_box
    assert list(mode.book.order) == list(range(64))
    boxes.setCurrentIndex(boxes.findData("use"))
    assert [int(counted.usage[code]) for code in mode.book.order] == sorted(counted.usage.tolist(), reverse=True)
    assert list(mode.book.usage.order) == list(mode.book.order)
    boxes.setCurrentIndex(boxes.findData("likeness"))
    along = counted.positions[list(mode.book.order), 0]
    assert bool((np.diff(along) >= 0).all())


def test_bars_are_as_high_as_the_codes_are_used(mode: CodesMode, counted: CodebookFound) -> None:
    bars = mode.book.usage
    heights = np.array([bars.bar(code).height() for code in range(7, 64)])
    assert np.allclose(heights / heights[-1], counted.usage[7:] / counted.usage[-1], atol=1e-6)
    mode.book.log.setChecked(True)
    heights = np.array([bars.bar(code).height() for code in range(7, 64)])
    away = np.log10(counted.usage[7:] / 0.5)
    assert np.allclose(heights / heights[-1], away / away[-1], atol=1e-6)


def test_what_is_hovered_is_marked_on_both_sides(mode: CodesMode, counted: CodebookFound, qtbot: QtBot) -> None:
    canvas, palette = mode.canvas, mode.book.palette_
    marked = canvas.grab().toImage()
    qtbot.mouseMove(canvas, center(canvas, 3, 3))
    assert palette._marked == mode.book.usage._marked == int(canvas.codes[3, 3])
    code = int(canvas.codes[5, 5])
    qtbot.mouseMove(palette.viewport(), palette.cell(code).center().toPoint())
    assert canvas._marked == code and canvas.grab().toImage() != marked
    qtbot.mouseMove(mode.book.usage, mode.book.usage.bar(60).center().toPoint())
    assert canvas._marked == palette._marked == 60 and "used 600 times" in mode.book.usage.toolTip()
    qtbot.mouseClick(mode.book.usage, LEFT, pos=mode.book.usage.bar(60).center().toPoint())
    assert canvas.brush == 60


def test_without_data_it_says_so(mode: CodesMode) -> None:
    assert mode.book.words.text() == "64 codes" and not mode.book.log.isEnabled()
    assert "not known" in mode.book.usage._hint and len(mode.book.order) == 64
    rows = list(csv.reader(mode.book.csv().decode().splitlines()))
    assert len(rows) == 65 and rows[1][1] == ""


def test_a_large_codebook_scrolls_to_its_brush(mode: CodesMode, counted: CodebookFound) -> None:
    many = CodebookFound(
        mode._book_asked,
        np.arange(2048),
        900.0,
        counted.pictures.repeat(32, axis=0),
        counted.positions.repeat(32, axis=0),
    )
    mode.take_codebook(many)
    palette = mode.book.palette_
    assert palette.verticalScrollBar().maximum() > 0
    palette.choose(2000)
    where = palette.cell(2000)
    assert where.top() >= 0 and where.bottom() <= palette.viewport().height()
    assert palette._at(where.center()) == 2000
    palette.grab()
    assert len(palette._images) < 500, "only what is in sight is made ready to paint"
    bars = mode.book.usage
    tallest = [int(many.usage[code]) for code in bars.seen()]
    assert len(tallest) == int(bars.area.width()) and tallest[-1] == 2047 and tallest == sorted(tallest)


def test_near_codes_have_near_colors() -> None:
    rng = np.random.default_rng(0)
    where = rng.standard_normal((300, 2)).astype(np.float32)
    colors = code_colors(where).astype(float)
    between = np.linalg.norm(where[:, None] - where, axis=-1)
    seen = np.linalg.norm(colors[:, None] - colors, axis=-1)
    assert np.corrcoef(between.flatten(), seen.flatten())[0, 1] > 0.85
    assert np.array_equal(code_colors(where), code_colors(where * 1000)), "units do not matter"
    assert code_colors(np.zeros((3, 2), np.float32)).shape == (3, 3)


# ---- looks and files ----


def test_it_says_what_to_do(page: ModePage, mode: CodesMode) -> None:
    mode.set_model(None, [])
    assert "Choose an image" in mode.canvas._hint and not mode.exportable and not mode.tools.isVisible()
    mode.set_model(None, [], "Open a VAE.")
    assert mode.canvas._hint == "Open a VAE."


def test_older_models_answers_are_ignored(page: ModePage, mode: CodesMode, session: ModelSession) -> None:
    page.hold = True
    mode.source.buttons["sliders"].click()
    old = page.asked[-1]
    assert isinstance(old, CodesRequest)
    mode.set_model(session.opened(2), [])
    page.answer(old)
    page.answer(CodebookRequest(old.request))
    assert mode.found is None and not mode.exportable and mode.book.found is None


@pytest.mark.parametrize("name", ["dark", "light"])
def test_everything_has_room(
    page: ModePage, mode: CodesMode, counted: CodebookFound, qtbot: QtBot, name: theme.ThemeName
) -> None:
    theme.current().apply(name)
    for size in ((1396, 244), (1056, 174), (1396, 560)):
        page.resize(*size)
        qtbot.waitUntil(lambda size=size: (page.width(), page.height()) == size)
        tools = mode.tools
        QApplication.processEvents()
        looks = (tools.shade, mode.book.log, mode.book.order_box)
        for part in (mode.canvas, mode.pictures, mode.book, tools.tool, tools.undo, tools.go, *looks, tools.nats):
            if part is tools.nats and not part.isVisible():  # then the title says it
                assert tools.nats.text() in mode.heading and " nats" in mode.heading
                continue
            where = part.rect().translated(part.mapTo(mode, QPoint(0, 0)))
            assert part.isVisible() and mode.rect().contains(where), f"{part} {where} is not in {mode.rect()}"
        usage = mode.book.usage
        text = QFontMetricsF(theme.font(11)).horizontalAdvance(usage.foot_text)
        assert (0 < text < usage.area.width()) if usage.height() >= 90 else not text
        assert mode.canvas.cell((6, 6)).bottom() <= mode.canvas.height()
        assert mode.canvas.height() >= 80 and mode.book.palette_.height() >= 48
        page.grab()
    theme.current().apply("dark")


def test_files_say_what_was_shown(
    page: ModePage, mode: CodesMode, counted: CodebookFound, qtbot: QtBot, tmp_path: Path
) -> None:
    click(qtbot, mode.canvas, 3, 3)
    mode.exports.save("codes", tmp_path / "a.png")
    told = images.read_provenance(tmp_path / "a.png")
    assert told["codes"] == mode.canvas.codes.tolist() and told["model"] == "mnist-vq"
    assert told["nats"] == pytest.approx(found_of(mode).nats, abs=1e-3)
    mode.exports.save("codes-table", tmp_path / "a.csv")
    read = np.loadtxt(tmp_path / "a.csv", delimiter=",", dtype=int)
    assert np.array_equal(read, mode.canvas.codes)
    mode.exports.save("codebook-table", tmp_path / "b.csv")
    rows = list(csv.DictReader((tmp_path / "b.csv").read_text(encoding="utf-8").splitlines()))
    assert [int(row["uses"]) for row in rows] == counted.usage.tolist()
    assert sum(float(row["share"]) for row in rows) == pytest.approx(1.0)
    mode.exports.save("codebook", tmp_path / "b.png")
    assert images.read_provenance(tmp_path / "b.png")["order"] == list(range(64))
    reel = mode._reel()
    assert reel.count == len(mode.film) == 2 and film_bytes(".gif", reel).startswith(b"GIF")
    assert not page.problems

"""The strip of KL over the epochs: colours at their true places, bounded memory, what it says and saves."""

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QVBoxLayout
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.messages import Failure
from explorer.ui import theme
from explorer.ui.app import make_application
from explorer.ui.heat_columns import MOST, Columns
from explorer.ui.heat_strip import HeatStrip, viridis
from explorer.ui.page import Page


@pytest.fixture
def strip(qtbot: QtBot) -> Iterator[HeatStrip]:
    """Return a shown strip on a page."""
    make_application("dark")
    page = Page()
    qtbot.addWidget(page)
    made = HeatStrip(empty_text="KL appears here", provenance=lambda: {"model": "a run"})
    QVBoxLayout(page).addWidget(made)
    page.resize(700, 320)
    page.show()
    qtbot.waitExposed(page)
    yield made
    if theme.current().name != "dark":
        theme.current().apply("dark")


def _color(strip: HeatStrip, row: int, epoch: float) -> tuple[int, ...]:
    image = strip.strip.grab().toImage()
    area, axis = strip.strip.area, strip.strip.horizontal
    x = area.left() + (epoch - axis.low) / (axis.high - axis.low) * area.width()
    y = area.top() + (row + 0.5) / strip.strip.columns.rows * area.height()
    return tuple(image.pixelColor(round(x), round(y)).getRgb()[:3])


def test_memory_is_bounded_and_averages_are_averages() -> None:
    columns = Columns()
    epochs = np.arange(1, 20_001) / 100
    for epoch in epochs:
        columns.add(float(epoch), [float(epoch), 2.0, 1.0 if epoch > 100 else 0.0])
    assert len(columns) <= MOST and columns.cells.base is not None and columns.cells.base.shape == (MOST, 3)
    assert len(columns) > MOST // 4 and bool((np.diff(columns.epochs) > 0).all())
    assert np.allclose(columns.cells[:, 0], columns.epochs), "the average of a line is the line at the average"
    assert np.allclose(columns.cells[:, 1], 2.0)
    weights = columns._weights[: len(columns)]
    assert weights.sum() == 20_000 and np.average(columns.cells[:, 2], weights=weights) == pytest.approx(0.5)
    assert len(set(weights[:-1])) == 1, "equally dense all along"


def test_columns_pass_over_what_has_no_place() -> None:
    columns = Columns()
    columns.add(1.0, [0.5, math.nan])
    columns.add(math.nan, [1.0, 1.0])
    columns.add(2.0, [1.0])
    columns.add(2.0, [])
    columns.add(3.0, [math.inf, 0.25])
    assert columns.epochs.tolist() == [1, 3] and columns.high == 0.5
    assert np.isnan(columns.cells[0, 1]) and np.isnan(columns.cells[1, 0]) and columns.cells[1, 1] == 0.25
    columns.add(2.0, [0.1, 0.2])
    assert columns.epochs.tolist() == [1, 2], "a resumed run measures again"
    columns.clear()
    columns.add(1.0, [1.0, 2.0, 3.0])
    assert columns.rows == 3


def test_irregular_epochs_are_where_they_were_measured(strip: HeatStrip) -> None:
    for epoch, high in ((1.0, 0.0), (2.0, 1.0), (8.0, 2.0), (9.0, 0.0)):
        strip.add(epoch, [high, 1.0, 0.001])
    strip.redraw(10)
    assert strip.strip.high == 2.0
    light, middle, dark = (tuple(int(part) for part in viridis()[k]) for k in (255, 128, 0))
    tint = theme.colors().faint
    inactive = tuple(int(tint[i : i + 2], 16) for i in (1, 3, 5))
    assert _color(strip, 0, 2.0) == middle and _color(strip, 0, 4.5) == middle
    assert _color(strip, 0, 5.5) == light and _color(strip, 0, 8.0) == light
    assert _color(strip, 0, 1.0) == inactive and _color(strip, 2, 5.0) == inactive
    assert strip.strip.colors(100)[0, 99, 3] == 0, "nothing was measured there"
    assert dark not in {_color(strip, 0, epoch) for epoch in (1.0, 9.0)}


def test_it_says_what_is_under_the_mouse(strip: HeatStrip, qtbot: QtBot) -> None:
    for epoch in (5.0, 10.0, 12.5, 15.0):
        strip.add(epoch, [0.1 * k * epoch / 12.5 for k in range(10)])
    strip.redraw(20)
    area, crosshair = strip.strip.area, strip.strip._crosshair

    def over(row: int, epoch: float) -> None:
        x, y = area.left() + epoch / 20 * area.width(), area.top() + (row + 0.5) / 10 * area.height()
        QTest.mouseMove(strip.strip, QPoint(round(x), round(y)))

    strip.names([], "place")
    over(1, 6.0)
    over(3, 12.6)
    qtbot.waitUntil(crosshair.isVisible)
    assert crosshair.text() == "place 3, epoch 12.5: 0.30 nats"
    over(0, 12.5)
    qtbot.waitUntil(lambda: crosshair.text() == "place 0, epoch 12.5: 0.0000 nats")
    strip.names([f"level 1 · {k}" for k in range(10)])
    over(9, 14.9)
    qtbot.waitUntil(lambda: crosshair.text() == "level 1 · 9, epoch 15: 1.08 nats")
    assert crosshair.box is not None and strip.strip.rect().contains(crosshair.box)
    over(9, 19.5)
    qtbot.waitUntil(crosshair.isHidden)
    strip.strip.setFocus()
    QTest.keyClick(strip.strip, Qt.Key.Key_Left)
    QTest.keyClick(strip.strip, Qt.Key.Key_Down)
    assert strip.strip.accessibleDescription().startswith("level 1 · 1, epoch 12.5")


def test_it_can_be_saved(strip: HeatStrip, tmp_path: Path) -> None:
    for epoch in (0.5, 1.0):
        strip.add(epoch, [epoch, 0.25])
    strip.add_mark(0.75, "β 20")
    strip.names(["z₀", "z₁"])
    strip.redraw()
    assert strip.strip.marks == [(0.75, "β 20")]
    exports = strip.tools.exports
    exports.save("png", tmp_path / "kl.png")
    provenance = images.read_provenance(tmp_path / "kl.png")
    assert provenance["model"] == "a run" and "KL per dimension" in provenance["made"]
    exports.save("csv", tmp_path / "kl.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "kl.csv").read_text(encoding="utf-8"))))
    assert rows == [["epoch", "z₀ (nats)", "z₁ (nats)"], ["0.5", "0.5", "0.25"], ["1.0", "1.0", "0.25"]]
    strip.set_title("−ln p(k) per place (nats)", "what it costs", "nats-per-place")
    exports.save("png", tmp_path / "places.png")
    assert "−ln p(k) per place" in images.read_provenance(tmp_path / "places.png")["made"]
    assert strip.strip.accessibleName() == strip.title.text() and strip.title.toolTip() == "what it costs"
    problems: list[Failure] = []
    page = strip.window()
    assert isinstance(page, Page)
    page.problem.connect(problems.append)
    exports.save("csv", tmp_path / "nowhere" / "kl.csv")
    assert "there is no folder" in problems[0].text
    strip.clear()
    assert strip.strip.marks == [] and not len(strip.strip.columns)
    exports.save("png", tmp_path / "empty.png")
    exports.save("csv", tmp_path / "empty.csv")
    assert (tmp_path / "empty.csv").read_text() == "epoch\n"


def test_both_themes_and_odd_shapes_are_painted(strip: HeatStrip) -> None:
    strip.grab()
    for size, rows, name in (((180, 140), 1, "light"), ((700, 320), 3, "dark"), ((400, 160), 200, "light")):
        strip.window().resize(*size)
        theme.current().apply(name)  # type: ignore[arg-type]
        strip.clear()
        strip.add(1.0, [0.5] * rows)
        strip.redraw(5)
        strip.grab()
        strip.add(1.5, [math.nan] * rows)
        strip.redraw(5)
        assert not strip.grab().isNull()

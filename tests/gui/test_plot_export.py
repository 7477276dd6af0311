"""What is saved of a plot, read back: a picture that knows where it comes from, a drawing with texts, a table."""

import csv
import io
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QFileDialog, QVBoxLayout
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.messages import Failure
from explorer.ui import figure, theme
from explorer.ui.app import make_application
from explorer.ui.curve_plot import CurvePlot
from explorer.ui.figure import Axis, Drawn, Figure
from explorer.ui.page import Page

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def plot(qtbot: QtBot) -> Iterator[CurvePlot]:
    """Return a plot with two curves and an overlay, shown on a page."""
    make_application("dark")
    page = Page()
    qtbot.addWidget(page)
    made = CurvePlot(
        "ELBO (nats per image)", "epoch", tools=True, log_of="−ELBO (nats per image)",
        provenance=lambda: {"model": "a run", "step": 7},
    )  # fmt: skip
    made.add_curve("train", "train", "accent")
    made.add_curve("test", "test", "second")
    QVBoxLayout(page).addWidget(made)
    page.resize(500, 300)
    page.show()
    made.set_curve("train", [0.5, 1.0, 1.5, 2.0], [-200.25, -150.0, math.nan, -118.9], "{:.1f}")
    made.set_curve("test", [1.0, 2.0], [-151.0, -119.6], "{:.1f}")
    made.set_overlay("r", "earlier & older", "muted", [0.75, 2.0], [-160.0, -130.0])
    made.add_mark(1.25, "β 20")
    made.fit(3)
    yield made
    if theme.current().name != "dark":
        theme.current().apply("dark")


def _rows(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_a_table_has_every_value(plot: CurvePlot, tmp_path: Path) -> None:
    plot.set_log_y(True)
    plot.set_smoothing(0.9)
    plot.tools.exports.save("csv", tmp_path / "curves")
    assert _rows(tmp_path / "curves.csv") == [
        [
            "epoch",
            "ELBO: train (nats per image)",
            "ELBO: test (nats per image)",
            "ELBO: earlier & older (nats per image)",
        ],
        ["0.5", "-200.25", "", ""],
        ["0.75", "", "", "-160.0"],
        ["1.0", "-150.0", "-151.0", ""],
        ["1.5", "nan", "", ""],
        ["2.0", "-118.9", "-119.6", "-130.0"],
    ]


def test_a_table_of_a_long_curve_is_exact_and_keeps_points_at_one_x() -> None:
    rng = np.random.default_rng(0)
    x, other = np.sort(rng.normal(size=5000)), np.array([0.0, 0.0, 1 / 3])
    y = rng.normal(size=5000)
    text = figure.table("x", [("a", x, y), ("b", other, np.array([1.0, 2.0, 3.0]))]).decode()
    rows = list(csv.reader(io.StringIO(text)))[1:]
    assert [float(row[0]) for row in rows] == sorted([*x.tolist(), *other.tolist()])
    assert np.array_equal([float(row[1]) for row in rows if row[1]], y)
    assert [(float(row[0]), float(row[2])) for row in rows if row[2]] == [(0, 1), (0, 2), (1 / 3, 3)]
    assert figure.table("x", []) == b"x\n"


def test_bars_are_a_table_too(plot: CurvePlot, tmp_path: Path, qtbot: QtBot) -> None:
    bars = CurvePlot("KL per dimension (nats)", "latent dimension, sorted", tools=True)
    bars.setParent(plot.window())
    bars.set_bars([2.5, 0.001], ["z3", "z0"], [True, False])
    bars.tools.exports.save("csv", tmp_path / "bars.csv")
    assert _rows(tmp_path / "bars.csv")[1:] == [["z3", "2.5"], ["z0", "0.001"]]
    bars.tools.exports.save("png", tmp_path / "bars.png")
    bars.tools.exports.save("svg", tmp_path / "bars.svg")
    texts = [element.text for element in ElementTree.parse(tmp_path / "bars.svg").iter(f"{SVG}text")]
    assert {"z3", "z0", "latent dimension, sorted"} <= set(texts)
    assert not bars.tools.log_x.isVisible(), "bars have no log axes"


@pytest.mark.parametrize("name", ["dark", "light"])
def test_a_picture_is_large_whatever_the_window_is_and_knows_its_origin(
    plot: CurvePlot, tmp_path: Path, name: theme.ThemeName
) -> None:
    theme.current().apply(name)
    plot.tools.exports.save("png", tmp_path / "elbo.png")
    provenance = images.read_provenance(tmp_path / "elbo.png")
    assert provenance["model"] == "a run" and provenance["step"] == 7 and "ELBO" in provenance["made"]
    with Image.open(tmp_path / "elbo.png") as picture:
        assert picture.size == (1920, 1080)
        pixels = np.asarray(picture.convert("RGB"))
    assert tuple(pixels[2, 2]) == tuple(bytes.fromhex(theme.colors().panel[1:]))
    for role in ("accent", "second"):
        wanted = np.array(list(bytes.fromhex(getattr(theme.colors(), role)[1:])))
        assert (np.abs(pixels.astype(int) - wanted).sum(-1) < 12).sum() > 200, f"{role} is in the picture"


def test_a_drawing_has_its_texts_as_texts(plot: CurvePlot, tmp_path: Path) -> None:
    plot.tools.exports.save("svg", tmp_path / "elbo.svg")
    root = ElementTree.parse(tmp_path / "elbo.svg").getroot()
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert {"ELBO (nats per image)", "epoch", "● train −118.9", "● test −119.6", "– earlier & older", "β 20"} <= set(
        texts
    )
    assert {"0", "0.5", "1.0", "3.0", "−120", "−200"} <= set(texts)
    assert root.findtext(f"{SVG}title") == "ELBO (nats per image)"
    assert json.loads(root.findtext(f"{SVG}desc") or "")["step"] == 7
    lines = [e for kind in ("polyline", "path") for e in root.iter(f"{SVG}{kind}")]
    assert lines, "curves are lines, not pictures"
    plot.set_log_y(True)
    plot.tools.exports.save("svg", tmp_path / "log.svg")
    texts = [element.text for element in ElementTree.parse(tmp_path / "log.svg").iter(f"{SVG}text")]
    assert "−ELBO (nats per image)" in texts and "200" in texts and "−200" not in texts


def test_lines_are_cut_where_they_leave_a_zoomed_plot() -> None:
    area = QRectF(0, 0, 100, 100)
    across = Figure("", Axis(0, 1), Axis(0, 1))

    def cut(x: list[float], y: list[float]) -> list[list[tuple[float, float]]]:
        drawn = Drawn(np.array(x), np.array(y), None)  # type: ignore[arg-type]
        return [[(p.x(), p.y()) for p in piece] for piece in figure.polygons(drawn, across, area)]

    assert cut([0.0, 0.5, 1.0], [0.0, 0.5, 0.0]) == [[(0, 100), (50, 50), (100, 100)]]
    assert cut([0.0, 1.0], [-0.5, 0.5]) == [[(50, 100), (100, 50)]]
    assert cut([0.0, 0.5, 1.0], [0.5, 1.5, 0.5]) == [[(0, 50), (25, 0)], [(75, 0), (100, 50)]]
    assert cut([0.0, 0.5, 1.0], [0.5, math.nan, 0.5]) == []
    assert cut([-1.0, -0.5, 2.0, 3.0], [0.5, 0.5, 0.5, 0.5]) == [[(0, 50), (100, 50)]]
    assert cut([0.5], [0.5]) == []


def test_what_cannot_be_written_is_told_by_the_page(
    plot: CurvePlot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems: list[Failure] = []
    said: list[str] = []
    page = plot.window()
    assert isinstance(page, Page)
    page.problem.connect(problems.append)
    page.status.connect(said.append)
    exports = plot.tools.exports
    exports.save("png", tmp_path / "nowhere" / "elbo.png")
    exports.save("csv", tmp_path / "elbo.png")
    (tmp_path / "folder.svg").mkdir()
    exports.save("svg", tmp_path / "folder.svg")
    assert len(problems) == 3 and not said and [path.name for path in tmp_path.iterdir()] == ["folder.svg"]
    (tmp_path / "folder.svg").rmdir()
    assert "there is no folder" in problems[0].text and ".csv" in problems[1].text
    asked: list[str] = []

    def choose(_: object, title: str, suggested: str, filters: str) -> tuple[str, str]:
        asked.append(f"{Path(suggested).name} {filters}")
        return str(tmp_path / "chosen"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    for action in exports.actions()[-3:]:
        action.trigger()
    assert [re.sub(r" .* ", " ", line) for line in asked] == [
        "elbo.png (*.png)",
        "elbo.svg (*.svg)",
        "elbo.csv (*.csv)",
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"chosen.png", "chosen.svg", "chosen.csv"} and len(said) == 3

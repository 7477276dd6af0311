"""Marks in a plot: each is dressed once, and their words are spaced once however many come."""

from collections.abc import Callable, Sequence

import pyqtgraph as pg
import pytest
from pytestqt.qtbot import QtBot

from explorer.ui import plot_marks
from explorer.ui.app import make_application
from explorer.ui.curve_plot import CurvePlot

Until = Callable[[Callable[[], bool]], None]


def test_many_marks_cost_no_more_each_than_few(qtbot: QtBot, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    make_application("dark")
    plot = CurvePlot("ELBO", "epoch")
    qtbot.addWidget(plot)
    plot.resize(600, 300)
    plot.show()
    qtbot.waitExposed(plot)
    dressed, spaced = [], []
    set_pen, with_room = pg.InfiniteLine.setPen, plot_marks.with_room

    def count_pen(line: pg.InfiniteLine, *given: object, **more: object) -> None:
        dressed.append(line)
        set_pen(line, *given, **more)

    def count_room(pixels: Sequence[float]) -> list[bool]:
        spaced.append(len(pixels))
        return with_room(pixels)

    monkeypatch.setattr(pg.InfiniteLine, "setPen", count_pen)
    until(lambda: not plot._marks._spacing.isActive())
    monkeypatch.setattr(plot_marks, "with_room", count_room)
    counts = []
    for first in (0, 100):
        before = len(dressed)
        for at in range(first, first + 100):
            plot.add_mark(at / 100, f"β {at}")
        counts.append(len(dressed) - before)
    assert counts[0] == counts[1] and not spaced
    assert len(plot.marks) == 200
    until(lambda: bool(spaced))
    assert spaced == [200]
    labels = [mark.line.label for mark in plot._marks._marks]
    assert labels[-1].isVisible() and sum(label.isVisible() for label in labels) < 100

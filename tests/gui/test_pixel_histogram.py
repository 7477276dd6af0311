"""The values of x_t and their moments: nothing covers anything, however low the window is."""

from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from explorer.ui.app import make_application
from explorer.ui.pixel_histogram import PixelHistogram, in_words


@pytest.mark.parametrize("height", [180, 211, 220, 240, 270, 287, 288, 400])
def test_plot_table_and_words_lie_below_each_other(qtbot: QtBot, height: int) -> None:
    make_application("dark")
    frame = QWidget()
    qtbot.addWidget(frame)
    column = QVBoxLayout(frame)
    column.setContentsMargins(0, 0, 0, 0)
    histogram = PixelHistogram()
    column.addWidget(histogram)
    histogram.setFixedWidth(236)
    frame.resize(236, height)
    frame.show()
    qtbot.waitExposed(frame)
    values = np.random.default_rng(0).normal(size=50).astype(np.float32)
    histogram.set_item(values, points=True)
    histogram.show_values(0.5, values, None)
    QApplication.processEvents()  # what is shown or hidden is laid out then
    parts = [part for part in (histogram.plot, histogram.table, histogram.words) if part.isVisible()]
    for above, below in pairwise(parts):
        assert above.geometry().bottom() < below.geometry().top()
    assert histogram.height() == height and parts[-1].geometry().bottom() < height
    assert histogram.plot.height() >= 70
    if histogram.table.isVisible():
        assert histogram.table.height() / (len(histogram.table.shown) + 1) >= 16, "lines that can be read"
        assert [row[0] for row in histogram.table.shown[:2]] == ["mean", "std"]
    assert histogram.table.isVisible() == (height >= 213)
    assert len(histogram.table.rows) == 4 and "apart" in histogram.table.accessibleDescription()


def test_what_is_left_of_the_item_is_told_in_sentences() -> None:
    said = [in_words(kl) for kl in (float("inf"), 1.0, 0.1, 0.01, 0.0)]
    assert len(set(said)) == 5 and not any("the large" in text for text in said)

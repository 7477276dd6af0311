"""The curves of a 24-hour run: two million measurements, and memory that stays where it is."""

import gc
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from explorer.settings import load_settings
from explorer.training_messages import Measurement
from explorer.ui.app import make_application
from explorer.ui.series import MOST
from explorer.ui.train_page import TrainPage

ALL, OF_THE_PAGE = 2_000_000, 200_000
GROWTH = 100_000_000  # bytes; eight curves of 4 MiB, and copies while they are thinned and drawn. As lists: 350 MB
SPIKE = 1_234_567

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads what memory is taken from /proc"),
]


def memory() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measurement(step: int) -> Measurement:
    """Return a made-up measurement; every second is of the test split, and one has an outlier."""
    kl = 3.0 + step % 5
    reconstruction = -17.0 - step % 7 if step != SPIKE else -1000.0
    values = {"elbo": reconstruction - kl, "kl": kl, "reconstruction": reconstruction, "objective": kl - reconstruction}
    return Measurement(step, step / 75, step * 0.04, "test" if step % 2 == 0 else "train", values, (kl - 2, 2.0))


def feed(take: Callable[[Measurement], None], first: int, last: int) -> None:
    for step in range(first, last):
        take(measurement(step))


def test_two_million_measurements_take_no_more_than_a_few(qtbot: QtBot) -> None:
    make_application("dark")
    page = TrainPage()
    qtbot.addWidget(page)
    page.form.set_config(load_settings("digits-vae"))
    page.resize(1100, 700)
    page.show()
    curves = page.views.curves
    feed(page.views.take, 1, 2000)
    page.views.redraw()
    before = memory()
    feed(curves.add, 2000, ALL)
    page.views.redraw()
    assert memory() - before < GROWTH
    held = {key: series for key, series in curves._series.items() if len(series)}
    assert len(held) == 2 * len(measurement(1).values)
    for (split, name), series in held.items():
        last = ALL - 1 if split == "train" else ALL - 2
        assert len(series) <= MOST and series.last == measurement(last).values[name]
        x, y = np.asarray(series.x), np.asarray(series.y)
        assert (np.diff(x) > 0).all() and x[0] < 1 and x[-1] == pytest.approx(last / 75)
        assert len(x) > 1000 and np.isfinite(y).all()
    assert np.asarray(curves._series["train", "reconstruction"].y).min() == -1000.0, "the outlier can still be seen"
    drawn_x, drawn_y = curves.elbo._curves["train"].getData()
    assert len(drawn_x) <= 20_000 and drawn_y.min() < -1000
    assert drawn_x[-1] == pytest.approx((ALL - 1) / 75)
    feed(page.views.take, ALL, ALL + OF_THE_PAGE)  # the strip, the ledger and the monitor, too
    page.views.redraw()
    assert memory() - before < GROWTH

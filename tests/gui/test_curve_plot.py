"""Plots: what decimation keeps, which ranges are round, and that a zoom is respected until it is undone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from explorer.ui.app import make_application
from explorer.ui.curve_plot import CurvePlot, decimated, round_range

finite = st.floats(-1e6, 1e6, allow_nan=False)


def test_decimation_keeps_ends_order_and_extremes() -> None:
    x = np.arange(1_000_003, dtype=float)
    y = np.random.default_rng(0).normal(size=len(x))
    y[123_456], y[777_777] = 50.0, -60.0
    few_x, few_y = decimated(x, y, 1000)
    assert len(few_x) < 3100 and bool((np.diff(few_x) > 0).all())
    assert few_y.max() == 50.0 and few_y.min() == -60.0 and few_x[-1] == x[-1]
    assert np.array_equal(y[few_x.astype(int)], few_y)
    same_x, same_y = decimated(x[:900], y[:900], 1000)
    assert same_x is not None and np.array_equal(same_y, y[:900])


@given(finite, finite)
def test_round_ranges_hold_the_values_and_stay_put(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    round_low, round_high = round_range(low, high)
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert round_low <= low + slack and round_high >= high - slack and round_low < round_high


def test_round_ranges_stay_put_while_values_move_a_little() -> None:
    assert {round_range(-50.3, 17.0 + 0.1 * step) for step in range(9)} == {(-55.0, 20.0)}
    assert round_range(3.0, 3.0)[1] > 3.0


def test_a_zoom_stays_until_a_double_click(qtbot: QtBot) -> None:
    make_application("dark")
    plot = CurvePlot("something (units)", "epoch")
    qtbot.addWidget(plot)
    plot.resize(400, 300)
    plot.add_curve("a", "a", "accent")
    plot.show()
    plot.set_curve("a", [0, 1, 2], [0.0, 3.0, 1.0])
    plot.fit(10)
    view = plot.item.getViewBox()
    assert np.allclose(view.viewRange()[0], (0, 10), atol=0.2)
    view.setRange(xRange=(1, 2), padding=0)
    view.sigRangeChangedManually.emit(view.state["mouseEnabled"])
    plot.fit(10)
    assert np.allclose(view.viewRange()[0], (1, 2), atol=1e-6)
    plot.plot.fitted.emit()
    plot.fit(10)
    assert np.allclose(view.viewRange()[0], (0, 10), atol=0.2)


def test_the_legend_has_the_latest_value_with_a_real_minus(qtbot: QtBot) -> None:
    make_application("dark")
    plot = CurvePlot("something (units)", "epoch")
    qtbot.addWidget(plot)
    plot.add_curve("a", "train", "accent")
    plot.set_curve("a", [0, 1], [4.0, -2.25], "{:.2f}")
    assert "train −2.25" in plot._legend_labels["a"].text()

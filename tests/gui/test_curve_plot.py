"""Plots: ranges, ticks, log axes, averages, zoom, crosshair, overlays, and that a hidden one does nothing."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QVBoxLayout
from pytestqt.qtbot import QtBot

from explorer.collapse import levels_of
from explorer.settings import load_settings
from explorer.training_messages import Measurement
from explorer.ui import theme
from explorer.ui.app import make_application
from explorer.ui.crosshair import Crosshair, Reading
from explorer.ui.curve import Curve, Scale
from explorer.ui.curve_plot import CurvePlot
from explorer.ui.page import Page
from explorer.ui.plot_style import number, round_log_range, round_range, ticks
from explorer.ui.series import Series
from explorer.ui.training_curves import TrainingCurves

finite = st.floats(-1e6, 1e6, allow_nan=False)
Make = Callable[..., CurvePlot]


@pytest.fixture
def make(qtbot: QtBot) -> Iterator[Make]:
    """Return a maker of shown plots with one curve, "a"."""
    make_application("dark")
    pages: list[Page] = []

    def made(title: str = "something (units)", size: tuple[int, int] = (600, 400), **options: object) -> CurvePlot:
        page = Page()
        pages.append(page)
        qtbot.addWidget(page)
        plot = CurvePlot(title, "epoch", tools=True, **options)  # type: ignore[arg-type]
        plot.add_curve("a", "train", "accent")
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(plot)
        page.resize(*size)
        page.show()
        qtbot.waitExposed(page)
        return plot

    yield made
    if theme.current().name != "dark":
        theme.current().apply("dark")


def _drawn(plot: CurvePlot, key: str = "a") -> tuple[np.ndarray, np.ndarray]:
    x, y = plot._curves[key].getData()
    return (np.empty(0), np.empty(0)) if x is None else (x, y)


def _range(plot: CurvePlot) -> tuple[list[float], list[float]]:
    x, y = plot.item.getViewBox().viewRange()
    return x, y


def _zoom(plot: CurvePlot, left: float, right: float) -> None:
    plot.plot.view.setXRange(left, right, padding=0)
    plot.plot.view.sigRangeChangedManually.emit([True, True])


def _pixel(plot: CurvePlot, x: float, share: float = 0.5) -> QPoint:
    """Return the pixel of a place on the horizontal axis, at a share of the height."""
    area, (left, right) = plot.plot.area, _range(plot)[0]
    at = area.left() + (x - left) / (right - left) * area.width()
    return QPoint(round(at), round(area.top() + share * area.height()))


# ---- numbers ----


def _thinned(x: np.ndarray, y: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    make_application("dark")
    curve = Curve("a", "accent")
    curve.set_points(x, y)
    return curve.seen(Scale(), None, most)[0]


def test_thinning_keeps_ends_order_and_extremes() -> None:
    x = np.arange(1_000_003, dtype=float)
    y = np.random.default_rng(0).normal(size=len(x))
    y[123_456], y[777_777] = 50.0, -60.0
    few_x, few_y = _thinned(x, y, 1000)
    assert len(few_x) < 3100 and bool((np.diff(few_x) > 0).all())
    assert few_y.max() == 50.0 and few_y.min() == -60.0 and few_x[-1] == x[-1]
    assert np.array_equal(y[few_x.astype(int)], few_y)
    _, same_y = _thinned(x[:900], y[:900], 1000)
    assert np.array_equal(same_y, y[:900])


def test_a_growing_curve_is_drawn_through_the_same_points() -> None:
    y = np.random.default_rng(2).normal(size=60_000)
    x = np.arange(len(y), dtype=float)
    before, _ = _thinned(x[:50_000], y[:50_000], 1000)
    after, _ = _thinned(x[:50_700], y[:50_700], 1000)
    settled = before[before < 49_000]
    assert np.array_equal(after[: len(settled)], settled)
    assert len(after) <= 1000 + 128


@given(finite, finite)
def test_round_ranges_hold_the_values_and_stay_put(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    round_low, round_high = round_range(low, high)
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert round_low <= low + slack and round_high >= high - slack and round_low < round_high


@given(st.floats(1e-12, 1e12), st.floats(1.0, 1e9))
def test_round_ranges_of_log_axes_hold_the_values(low: float, ratio: float) -> None:
    below, above = round_log_range(low, low * ratio)
    slack = 1e-9
    assert below <= math.log10(low) + slack and above >= math.log10(low * ratio) - slack and below < above
    assert above - below <= math.log10(ratio) + 2 * math.log10(2.5) + slack, "and are not much wider than those"


def test_round_ranges_stay_put_while_values_move_a_little() -> None:
    assert {round_range(-50.3, 17.0 + 0.1 * step) for step in range(9)} == {(-55.0, 20.0)}
    assert round_range(3.0, 3.0)[1] > 3.0


@given(finite, st.floats(1e-6, 1e6), st.integers(2, 12))
def test_ticks_are_few_and_inside(low: float, span: float, most: int) -> None:
    placed = ticks(low, low + span, most)
    slack = 1e-5 * span + 1e-9
    assert len(placed) <= most + 1 and len({text for _, text in placed}) == len(placed)
    assert all(low - slack <= at <= low + span + slack for at, _ in placed)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-2.0, 3.0, ["0.01", "0.1", "1", "10", "100", "1000"]),
        (0.0, 2.0, ["1", "2", "5", "10", "20", "50", "100"]),
        (2.0, 2.7, ["100", "200", "500"]),
        (2.0, 2.1, ["100", "105", "110", "115", "120", "125"]),
        (-8.0, 8.0, ["10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "1", "10²", "10⁴", "10⁶", "10⁸"]),
    ],
)
def test_ticks_of_log_axes_can_be_read(low: float, high: float, words: list[str]) -> None:
    placed = ticks(low, high, 9, log=True)
    assert [text for _, text in placed] == words
    assert all(low - 1e-9 <= at <= high + 1e-9 for at, _ in placed)


@given(st.floats(-9, 9), st.floats(0.05, 14), st.integers(2, 12))
def test_ticks_of_log_axes_are_few_and_apart(low: float, span: float, most: int) -> None:
    placed = ticks(low, low + span, most, log=True)
    places = [at for at, _ in placed]
    assert len(placed) <= most + 1 and len({text for _, text in placed}) == len(placed)
    assert all(low - 1e-6 <= at <= low + span + 1e-6 for at in places)
    assert all(apart > span / most / 4 for apart in np.diff(places)), "so that their names do not touch"


def test_numbers_have_a_real_minus_and_no_computer_notation() -> None:
    assert number(-2.25, "{:.2f}") == "−2.25" and number(1e6, "{:.0e}") == "10⁶" and number(-1e-7) == "−10⁻⁷"
    assert number(3.5e-9) == "3.5·10⁻⁹" and number(math.nan) == "NaN" and number(-math.inf) == "−∞"


# ---- curves and ranges ----


def test_a_zoom_stays_until_a_double_click(make: Make) -> None:
    plot = make()
    plot.set_curve("a", [0, 1, 2], [0.0, 3.0, 1.0])
    plot.fit(10)
    assert np.allclose(_range(plot)[0], (0, 10), atol=0.2)
    _zoom(plot, 1, 2)
    plot.fit(10)
    assert np.allclose(_range(plot)[0], (1, 2), atol=1e-6)
    QTest.mouseDClick(plot.plot.viewport(), Qt.MouseButton.LeftButton, pos=_pixel(plot, 1.5))
    QTest.mouseRelease(plot.plot.viewport(), Qt.MouseButton.LeftButton)  # QTest forgets to
    assert np.allclose(_range(plot)[0], (0, 10), atol=0.2)


def test_the_legend_has_the_latest_value_with_a_real_minus(qtbot: QtBot) -> None:
    make_application("dark")
    plot = CurvePlot("something (units)", "epoch")
    qtbot.addWidget(plot)
    plot.add_curve("a", "train", "accent")
    plot.set_curve("a", [0, 1], [4.0, -2.25], "{:.2f}")
    assert "train −2.25" in plot.legend.labels["a"].text()
    plot.set_curve("a", [0, 1], [4.0, math.nan], "{:.2f}")
    assert "train NaN" in plot.legend.labels["a"].text()


def test_a_zoom_shows_more_detail(make: Make, qtbot: QtBot) -> None:
    plot = make()
    x = np.arange(300_000) / 1000
    y = np.sin(x)
    y[150_500] = 7.0
    plot.set_curve("a", x, y)
    plot.fit(300)
    all_x, all_y = _drawn(plot)
    assert len(all_x) < 2600 and all_y.max() == 7.0
    for weight in (0.0, 0.5):
        plot.set_smoothing(weight)
        _zoom(plot, 150, 151)
        qtbot.waitUntil(lambda: len(_drawn(plot)[0]) < 1100)
        near_x, near_y = _drawn(plot)
        assert near_x[0] <= 150 and near_x[-1] >= 151 and len(near_x) >= 1000
        if not weight:
            assert np.array_equal(near_y, y[np.rint(near_x * 1000).astype(int)])
        plot.show_all()
        assert np.allclose(_drawn(plot)[0][-1], x[-1])


def test_nothing_is_computed_while_hidden(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    plot = make()
    plot.window().hide()
    seen: list[int] = []
    real = Curve.seen
    monkeypatch.setattr(Curve, "seen", lambda self, *rest: (seen.append(1), real(self, *rest))[1])
    values = Series()
    values.extend(np.arange(5.0), np.arange(5.0))
    plot.set_curve("a", values.x, values.y)
    plot.set_overlay("b", "earlier", "muted", [0, 1], [7.0, 8.0])
    plot.set_smoothing(0.5)
    plot.set_log_y(True)
    plot.fit(30)
    assert not seen and not len(_drawn(plot)[0]) and "4.0" in plot.legend.labels["a"].text()
    plot.window().show()
    assert seen and len(_drawn(plot)[0]) == 5 and np.allclose(_range(plot)[0], (0, 30), atol=0.5)
    assert plot.legend.labels["behind b"].text()


def test_a_training_that_ended_with_nan_is_drawn(make: Make) -> None:
    plot = make()
    y = np.linspace(3, 1, 5000)
    y[2000:2100], y[4500] = np.nan, np.inf
    y[4501:4510] = (1e300, -1e300, 3e38, 2.5, 0, 0, 0, 0, 0)
    y[4990:] = np.nan
    plot.set_curve("a", np.arange(5000.0), y)
    plot.fit(5000)
    low, high = _range(plot)[1]
    assert -1 < low < 0.1 and 3 < high < 4
    drawn_x, drawn_y = _drawn(plot)
    assert np.isnan(drawn_y[(drawn_x >= 2000) & (drawn_x < 2100)]).all() and np.isfinite(drawn_y).sum() > 1000
    plot.grab()
    plot.set_smoothing(0.9)
    plot.set_log_y(True)
    plot.grab()
    plot.set_curve("a", [0.0, 1.0], [math.nan, math.inf])
    plot.fit(10)
    plot.grab()
    assert not len(_drawn(plot)[0])


def test_a_point_without_neighbours_is_a_dot(make: Make) -> None:
    plot = make()
    lone = plot._curves._lone
    plot.set_curve("a", [1.0], [2.0])
    assert [(spot["x"], spot["y"]) for spot in lone.data] == [(1.0, 2.0)]
    plot.set_curve("a", [1.0, 2.0, 3.0, 4.0], [2.0, 3.0, math.nan, 5.0])
    assert [(spot["x"], spot["y"]) for spot in lone.data] == [(4.0, 5.0)]
    plot.set_curve("a", [1.0, 2.0], [2.0, 3.0])
    assert not len(lone.data)


def test_an_empty_plot_says_what_will_appear(make: Make) -> None:
    plot = make(empty_text="The ELBO appears here")
    assert plot._hint.isVisible() and plot._hint.text() == "The ELBO appears here"
    assert plot.item.getAxis("left").opacity() == 0
    plot.set_curve("a", [0.0, 1.0], [1.0, 2.0])
    assert not plot._hint.isVisible() and plot.item.getAxis("left").opacity() == 1
    plot.set_curve("a", [], [])
    assert plot._hint.isVisible()
    plot.set_bars([1.0], ["z0"], [True])
    assert not plot._hint.isVisible()


# ---- log axes ----


def test_log_y_of_an_elbo_shows_what_it_is_the_negative_of(make: Make) -> None:
    plot = make("ELBO (nats per image)", log_of="−ELBO (nats per image)")
    plot.set_curve("a", [1.0, 2.0, 3.0], [-500.0, -200.0, -120.0], "{:.1f}")
    plot.fit(10)
    assert plot.tools.log_y.isEnabled()
    plot.tools.log_y.trigger()
    assert plot.title.text() == "−ELBO (nats per image)" and plot.plain_title == "ELBO (nats per image)"
    assert np.allclose(_drawn(plot)[1], np.log10([500, 200, 120]))
    assert np.allclose(_range(plot)[1], np.log10([100, 500]), atol=0.02), "round numbers around the values"
    assert "−120.0" in plot.legend.labels["a"].text(), "the legend has the value itself"
    axis = plot.item.getAxis("left")
    placed = axis.tickValues(*_range(plot)[1], 300)[0][1]
    assert axis.tickStrings(placed, 1, 1) == ["100", "200", "500"] and np.allclose(placed, np.log10([100, 200, 500]))
    plot.set_title("−ln p(x|z) (nats)")
    plot.set_curve("a", [1.0, 2.0], [3.0, 30.0])
    assert plot.title.text() == "−ln p(x|z) (nats)" and np.allclose(_drawn(plot)[1], np.log10([3, 30]))
    plot.set_title("ELBO (nats per image)", "−ELBO (nats per image)")
    plot.set_curve("a", [1.0, 2.0], [-3.0, -30.0])
    assert plot.title.text() == "−ELBO (nats per image)"
    plot.tools.log_y.trigger()
    assert plot.title.text() == "ELBO (nats per image)" and np.allclose(_drawn(plot)[1], [-3, -30])


def test_log_y_is_refused_where_values_have_no_place_and_says_why(make: Make) -> None:
    plot = make(log_of="−something")
    for values, possible in (([1.0, 2.0], True), ([-1.0, -2.0], True), ([-1.0, 2.0], False), ([0.0, 2.0], False)):
        plot.set_curve("a", [0.0, 1.0], values)
        assert plot.tools.log_y.isEnabled() == possible
        assert ("0 or below" in plot.tools.log_y.toolTip()) != possible
    plain = make()
    plain.set_curve("a", [0.0, 1.0], [-1.0, -2.0])
    assert not plain.tools.log_y.isEnabled()
    plain.set_log_y(True)
    assert plain.tools.log_y.isEnabled(), "what is on can be turned off"
    assert plain._hint.isVisible() and "above 0" in plain._hint.text() and not len(_drawn(plain)[0])
    plain.set_curve("a", [0.0, 1.0, 2.0], [-1.0, 10.0, 100.0])
    assert np.allclose(_drawn(plain)[1][1:], [1, 2]) and np.isnan(_drawn(plain)[1][0])


def test_log_x_leaves_out_epoch_0_and_puts_marks_and_cursor_in_place(make: Make) -> None:
    plot = make()
    plot.add_mark(0.0, "β 1")
    plot.add_mark(10.0, "β 20")
    plot.set_cursor(100.0)
    plot.set_curve("a", [0.0, 0.5, 10.0, 100.0], [1.0, 2.0, 3.0, 4.0])
    plot.fit(200)
    plot.set_log_x(True)
    assert np.allclose(_drawn(plot)[0], np.log10([0.5, 10, 100])) and np.array_equal(_drawn(plot)[1], [2, 3, 4])
    assert np.allclose(_range(plot)[0], np.log10([0.5, 200]), atol=0.05)
    first, second = (mark.line for mark in plot._marks._marks)
    assert not first.isVisible() and second.value() == pytest.approx(1.0)
    assert plot._marks._cursor is not None and plot._marks._cursor[1].value() == pytest.approx(2.0)
    assert plot.marks == [(0.0, "β 1"), (10.0, "β 20")] and plot.cursor_at == 100.0
    plot.add_mark(1000.0, "β {4}")
    assert plot._marks._marks[-1].line.value() == pytest.approx(3.0)
    plot.set_log_x(False)
    assert first.isVisible() and second.value() == 10.0 and np.allclose(_range(plot)[0], (0, 200), atol=3)
    plot.clear_marks()
    assert plot.marks == []


def test_a_long_curve_on_a_log_axis_keeps_its_beginning_and_its_spikes(make: Make) -> None:
    plot = make()
    x = np.arange(1, 200_001) / 1000
    y = np.ones(len(x))
    y[3], y[150_000] = 9.0, 8.0
    plot.set_curve("a", x, y)
    plot.fit(200)
    plot.set_log_x(True)
    drawn_x, drawn_y = _drawn(plot)
    assert np.allclose(drawn_x[:10], np.log10(x[:10])) and len(drawn_x) < 4500
    assert drawn_y[3] == 9.0 and 8.0 in drawn_y and bool((np.diff(drawn_x) > 0).all())
    assert np.diff(drawn_x).max() < math.log10(2) + 1e-9


def test_zoom_and_crosshair_are_right_on_log_axes(make: Make, qtbot: QtBot) -> None:
    plot = make(log_of="−something")
    x = np.geomspace(0.01, 1000, 200)
    plot.set_curve("a", x, -(x**2), "{:.6g}")
    plot.fit(1000)
    plot.set_log_x(True)
    plot.set_log_y(True)
    _zoom(plot, 0, 1)
    qtbot.waitUntil(lambda: len(_drawn(plot)[0]) < 60)
    assert 0.9 < _range(plot)[0][1] < 1.1
    wanted = x[np.argmin(np.abs(np.log10(x) - 0.5))]
    QTest.mouseMove(plot.plot.viewport(), _pixel(plot, 0.3))
    QTest.mouseMove(plot.plot.viewport(), _pixel(plot, float(np.log10(wanted))))
    qtbot.waitUntil(lambda: plot._reader.at == pytest.approx(wanted))
    reading = plot._reader.crosshair.readings[0]
    assert reading.value == number(-(wanted**2), "{:.6g}") and reading.at is not None
    area, (low, high) = plot.plot.area, _range(plot)[1]
    assert reading.at.y() == pytest.approx(area.bottom() - (2 * np.log10(wanted) - low) / (high - low) * area.height())


# ---- smoothing ----


def test_the_average_is_drawn_before_its_values(make: Make) -> None:
    plot = make()
    y = np.random.default_rng(0).normal(size=500) + 5
    plot.set_curve("a", np.arange(500.0), y, "{:.2f}")
    plot.fit(500)
    before = _range(plot)
    plot.tools.smoothing.setValue(0.9)
    curve = plot._curves["a"]
    assert np.array_equal(curve.behind.yData, y) and curve.yData.std() < y.std() / 2
    m = 0.0
    for i, value in enumerate(y):
        m = 0.9 * m + 0.1 * value
        assert curve.yData[i] == pytest.approx(m / (1 - 0.9 ** (i + 1)))
    assert number(y[-1], "{:.2f}") in plot.legend.labels["a"].text()
    assert _range(plot) == before and curve.behind.zValue() < curve.zValue()
    assert curve.smoothed_at(499, 0.9) == pytest.approx(curve.yData[-1])
    plot.set_smoothing(0.0)
    assert np.array_equal(curve.yData, y) and not len(curve.behind.yData) and plot.tools.smoothing.value() == 0


# ---- overlays ----


def test_overlays_count_for_the_range_and_can_be_taken_away(make: Make) -> None:
    plot = make()
    plot.set_curve("a", [0.0, 1.0], [1.0, 2.0])
    plot.set_overlay("r1", "an earlier run", "muted", [0.0, 40.0], [1.0, 90.0])
    plot.fit(10)
    assert _range(plot)[0][1] >= 40 and _range(plot)[1][1] >= 90
    entry = plot.legend.labels["behind r1"]
    assert entry.isVisible() and "– an earlier run" in entry.text().replace("</span>", "").split("'>")[-1]
    plot.remove_overlay("r1")
    plot.fit(10)
    assert _range(plot)[0][1] < 11 and _range(plot)[1][1] < 3 and not entry.isVisible()
    assert list(plot.visible_curves()) == ["train"]
    plot.set_overlay("r1", "an earlier run", "muted", [0.0, 1.0], [1.0, 7.0])
    plot.set_overlay("r2", "train", 3, [0.0], [1.0], dashed=False)
    assert list(plot.visible_curves()) == ["train", "an earlier run", "train (2)"]
    plot.remove_overlay("r1")
    plot.remove_overlay("r1")
    assert list(plot.visible_curves()) == ["train", "train (2)"] and "behind r1" not in plot.legend.labels
    theme.current().apply("light")
    assert plot._curves.overlay("r2").opts["pen"].color().name() == theme.colors().classes[3]  # type: ignore[union-attr]


def test_the_legend_gives_way_to_the_title(make: Make) -> None:
    plot = make("A title of some length (units)", size=(700, 300))
    plot.set_curve("a", [0.0, 1.0], [1.0, 200.0], "{:.2f}")
    for k in range(3):
        plot.set_overlay(f"r{k}", f"digits-beta-vae-2026-11-{k}", "muted", [0.0], [1.0])
    shown = [plot.legend.labels[f"behind r{k}"].isVisible() for k in range(3)]
    assert shown == sorted(shown, reverse=True) and shown[0] and not shown[2]
    more = plot.legend.more
    assert more.isVisible() and more.text() == f"+{shown.count(False)} more", "never nothing"
    assert more.toolTip().endswith("digits-beta-vae-2026-11-2")
    assert more.geometry().right() <= plot.legend.width() and more.width() >= more.sizeHint().width()
    plot.window().resize(270, 300)
    assert plot.body.indexOf(plot.legend) == 0 and plot.legend.labels["a"].isVisible()
    assert more.isVisible() and more.text() == "+3 more"
    plot.window().resize(700, 300)
    assert plot.body.indexOf(plot.legend) == -1
    for k in range(1, 3):
        plot.remove_overlay(f"r{k}")
    assert plot.legend.labels["behind r0"].isVisible() and not more.isVisible()


# ---- bars ----


def test_collapsed_bars_look_collapsed(make: Make) -> None:
    plot = make("KL per dimension (nats)")
    low = {"least": 0.05, "threshold": 0.01}
    plot.set_bars([1e-4, 5e-5], ["z₁", "z₀"], [False, False], **low)
    assert _range(plot)[1] == pytest.approx([0.0, 0.05], abs=2e-3), "ten-thousandths of a nat do not fill the plot"
    assert plot.bars.threshold.isVisible() and plot.bars.threshold.value() == 0.01
    plot.set_bars([3.0, 5e-5], ["z₁", "z₀"], [True, False], **low)
    assert _range(plot)[1][1] >= 3 and not plot.bars.threshold.isVisible(), "on the axis it would say nothing"
    plot.set_bars([0.02, 5e-5], ["z₁", "z₀"], [True, False])
    assert _range(plot)[1][1] < 0.03 and not plot.bars.threshold.isVisible()


@pytest.mark.parametrize(
    ("preset", "names"),
    [("digits-vae", ["z₁", "z₀"]), ("digits-ladder", ["z²₃", "z²₂"]), ("digits-vq", ["15", "14"])],
)
def test_the_plots_of_a_run_call_things_by_their_names(qtbot: QtBot, preset: str, names: list[str]) -> None:
    make_application("dark")
    model = load_settings(preset).model
    size = sum(levels_of(model)) or 16
    curves = TrainingCurves(dict)
    qtbot.addWidget(curves)
    curves.set_family(model, "point")
    curves.add(Measurement(1, 1.0, 1.0, "test", {"elbo": -3.0}, tuple(0.1 * k for k in range(size))))
    curves.redraw()
    assert curves.bars.bars.names[:2] == names, "sorted by what they tell"
    assert curves.elbo.title.text() == "ELBO (nats per point)" and "per point" in curves.bound.title.text()
    assert {"first", "now"} <= set(curves.by_t.legend.labels), "a grey dashed curve says what it is"


# ---- crosshair ----


def test_the_crosshair_tells_the_values_under_the_mouse(make: Make, qtbot: QtBot) -> None:
    plot = make()
    plot.add_curve("b", "test", "second")
    plot.add_curve("c", "", "good", dashed=True)
    x = np.arange(101) / 10
    plot.set_curve("a", x, x**2, "{:.2f}")
    plot.set_curve("b", [1.0, 2.0, 3.0, 5.5], [-1.0, -2.0, -3.0, math.nan], "{:.1f}")
    plot.set_overlay("r", "earlier", "muted", [0.0, 5.0, 10.0], [8.0, 4.0, 2.0])
    plot.fit(10)
    crosshair = plot._reader.crosshair
    assert not crosshair.isVisible()
    QTest.mouseMove(plot.plot.viewport(), _pixel(plot, 1.0))
    QTest.mouseMove(plot.plot.viewport(), _pixel(plot, 3.12))
    qtbot.waitUntil(crosshair.isVisible)
    assert crosshair.text() == "epoch 3.1, train 9.61, test −3.0, earlier 4"
    plot.set_curve("a", x, 10 * x, "{:.2f}")
    assert "train 31.00" in crosshair.text(), "it follows the values"
    plot.set_smoothing(0.5)
    assert crosshair.readings[0].second.startswith("≈ ")
    QTest.mouseMove(plot.plot.viewport(), _pixel(plot, 5.51))
    qtbot.waitUntil(lambda: "test NaN" in crosshair.text())
    QTest.mouseMove(plot.plot.viewport(), _pixel(plot, 9.9))
    qtbot.waitUntil(lambda: "test –" in crosshair.text())
    plot.fit(20)
    QTest.mouseMove(plot.plot.viewport(), _pixel(plot, 18))
    qtbot.waitUntil(crosshair.isHidden)  # nothing was measured there
    QTest.mouseMove(plot.plot.viewport(), _pixel(plot, 10.2))
    qtbot.waitUntil(lambda: crosshair.text().startswith("epoch 10,"))
    QTest.mouseMove(plot.plot.viewport(), QPoint(5, 5))
    qtbot.waitUntil(crosshair.isHidden)
    assert plot._reader.at is None


def test_keys_move_the_crosshair_and_esc_hides_it(make: Make, qtbot: QtBot) -> None:
    plot = make()
    plot.set_curve("a", np.arange(11.0), np.arange(11.0) ** 2, "{:.0f}")
    plot.fit(10)
    target, reader = plot.plot, plot._reader

    def focused() -> bool:
        plot.window().activateWindow()
        target.clearFocus()
        target.setFocus(Qt.FocusReason.TabFocusReason)
        return reader.at == 10 and reader.crosshair.isVisible()

    qtbot.waitUntil(focused)  # the focus can be seen
    for key, at in ((Qt.Key.Key_Left, 9), (Qt.Key.Key_Left, 8), (Qt.Key.Key_Right, 9), (Qt.Key.Key_Home, 0)):
        QTest.keyClick(target, key)
        assert reader.at == at
    assert target.accessibleDescription() == "epoch 0, train 0"
    QTest.keyClick(target, Qt.Key.Key_Left)
    assert reader.at == 0
    QTest.keyClick(target, Qt.Key.Key_End)
    assert reader.at == 10
    QTest.keyClick(target, Qt.Key.Key_Escape)
    assert reader.at is None and not reader.crosshair.isVisible()
    plot.set_curve("a", np.arange(100_000) / 10_000, np.zeros(100_000))
    QTest.keyClick(target, Qt.Key.Key_Left)
    here = reader.at
    QTest.keyClick(target, Qt.Key.Key_Left)
    assert here is not None and reader.at is not None
    width = 10 / plot.plot.area.width()
    assert 0.5 * width < here - reader.at < 2 * width, "a step is a pixel where points are closer than that"
    QTest.keyClick(target, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert here - reader.at > 8 * width


def test_without_tools_the_keys_are_for_the_page(qtbot: QtBot) -> None:
    make_application("dark")
    page = Page()
    qtbot.addWidget(page)
    seen: list[int] = []
    page.keyPressEvent = lambda event: seen.append(event.key())  # type: ignore[method-assign]
    plot = CurvePlot("Schedule", "t")
    plot.add_curve("a", "ᾱ", "accent")
    QVBoxLayout(page).addWidget(plot)
    page.show()
    plot.set_curve("a", [0, 1], [1.0, 0.0], "")
    QTest.keyClick(plot.plot, Qt.Key.Key_Left)
    assert seen == [Qt.Key.Key_Left] and not plot.tools.isVisible()
    assert plot.legend.labels["a"].text().endswith("● <b>ᾱ</b></span>")


@pytest.mark.usefixtures("make")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.floats(0, 300),
    st.floats(0, 200),
    st.integers(40, 320),
    st.integers(20, 220),
    st.integers(0, 8),
    st.floats(0, 60),
)
def test_the_box_covers_neither_mouse_nor_anything_beyond_the_plot(
    x: float, y: float, width: int, height: int, lines: int, off: float
) -> None:
    page = Page()
    crosshair = Crosshair(page)
    area = QRectF(46, 8, width, height)
    mouse = QPointF(46 + min(x, width), 8 + min(y, height))
    line = min(46 + float(width), mouse.x() + off)
    readings = [Reading(f"curve {k}", "#ffffff", "−123.45", "≈ −120.00") for k in range(lines)]
    crosshair._area, crosshair._x, crosshair._head, crosshair.readings = area, line, "epoch 12.5", readings
    box = crosshair._place(mouse)
    if box is None:
        return
    assert not box.contains(mouse.toPoint())
    assert area.adjusted(-1, -1, 1, 1).contains(QRectF(box))


@pytest.mark.usefixtures("make")
@pytest.mark.parametrize("name", ["train", "test", "test −E[ln p]", "first look", "digits-vae-11"])
def test_the_widest_name_in_the_box_is_whole(name: str) -> None:
    crosshair = Crosshair(Page())
    crosshair.readings = [Reading(name, "#ffffff", "−1.5"), Reading("x" * 200, "#ffffff", "2")]
    assert crosshair.shown_name(crosshair.readings[1]).endswith("…")
    crosshair.readings.pop()
    assert crosshair.shown_name(crosshair.readings[0]) == name


# ---- tools ----


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_the_menu_is_worked_by_keys(make: Make, qtbot: QtBot) -> None:
    plot = make()
    plot.set_curve("a", [1.0, 2.0, 3.0], [1.0, 5.0, 2.0])
    plot.fit(3)
    _zoom(plot, 1, 2)
    menu, tools = plot.tools.exports, plot.tools
    menu.popup(QPoint(0, 0))
    qtbot.waitUntil(menu.isVisible)
    QTest.keyClick(menu, Qt.Key.Key_Down)
    QTest.keyClick(menu, Qt.Key.Key_Down)
    assert menu.activeAction() is tools.log_y
    QTest.keyClick(menu, Qt.Key.Key_Down)
    qtbot.waitUntil(tools.smoothing.hasFocus)
    for _ in range(3):
        QTest.keyClick(tools.smoothing, Qt.Key.Key_Right)
    QTest.keyClick(tools.smoothing, Qt.Key.Key_PageUp)
    assert plot.scale.smoothing == pytest.approx(0.13)
    QTest.keyClick(tools.smoothing, Qt.Key.Key_Down)
    assert menu.activeAction().text() == "Fit"
    QTest.keyClick(menu, Qt.Key.Key_Return)
    assert np.allclose(_range(plot)[0], (0, 3), atol=0.1) and not menu.isVisible()
    assert all(action.toolTip() for action in (tools.log_x, tools.log_y)) and tools.accessibleName()
    right = Qt.MouseButton.RightButton
    QTest.mouseClick(plot.plot.viewport(), right, pos=_pixel(plot, 1.5))
    qtbot.waitUntil(menu.isVisible)
    QTest.keyClick(menu, Qt.Key.Key_Escape)


def test_wheel_and_drag_zoom_and_pan(make: Make, qtbot: QtBot) -> None:
    plot = make()
    plot.set_curve("a", np.arange(101.0), np.arange(101.0))
    plot.fit(100)
    port, at = plot.plot.viewport(), _pixel(plot, 50)
    wheel = QWheelEvent(
        QPointF(at), QPointF(port.mapToGlobal(at)), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(port, wheel)
    left, right = _range(plot)[0]
    assert 0 < left < 50 < right < 100
    qtbot.waitUntil(lambda: len(_drawn(plot)[0]) < 101)
    QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseMove(port, at + QPoint(20, 0))
    QTest.mouseMove(port, at + QPoint(60, 0))
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=at + QPoint(60, 0))
    assert _range(plot)[0][0] < left
    plot.fit(100)
    assert _range(plot)[0][1] < 100, "a plot that was moved stays"

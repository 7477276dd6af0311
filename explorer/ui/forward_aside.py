"""Beside the forward process: its numbers at t, and the schedule's curves with a cursor that can be dragged."""

import math

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from explorer import marginal
from explorer.messages import Schedule
from explorer.ui import theme
from explorer.ui.curve_plot import CurvePlot
from explorer.ui.panel import Panel, Segmented, label
from explorer.ui.plot_scrub import PlotScrub
from explorer.ui.plot_style import number
from explorer.ui.step_panel import ALPHA_BAR

_HIGH = 600  # pixels; from there on all curves have room below each other
_CURVES = [
    ("alpha_bar", "ᾱ", "ᾱ_t = Π (1−β_s), s ≤ t: the share of signal variance that is left at t"),
    ("beta", "β", "β_t: the noise variance that step t adds, on a logarithmic axis"),
    ("snr", "SNR", "ᾱ_t/(1−ᾱ_t): signal variance over noise variance, on a logarithmic axis"),
]
_TIPS = (
    "How far the noise is: t of T steps",
    "The jump: x_t at once from the clean x₀ and one ε ~ N(0, I), the closed form of q(x_t|x₀)",
    "The same as a chain: each step shrinks the signal a little and adds fresh noise ε_t ~ N(0, I), q(x_t|x_{t−1})",
    "ᾱ_t: the share of signal variance that is left in x_t. SNR = ᾱ_t/(1 − ᾱ_t), in dB 10·log₁₀ of it",
    "The same with the other schedule. It changes q only: the model stays as it was trained",
)


class ForwardNumbers(Panel):
    """The two ways to x_t in numbers, and what another schedule would leave of the signal."""

    def __init__(self) -> None:
        super().__init__("This t", "What the forward process does to x₀ here")
        self._known: tuple[int, Schedule, str, Schedule | None] | None = None
        self.lines = [label("", tabular=True, tip=tip) for tip in _TIPS]
        self.body.setSpacing(5)
        for line in self.lines:
            line.setTextFormat(Qt.TextFormat.RichText)
            self.body.addWidget(line)
        self.lines[-1].setWordWrap(True)
        self.lines[-1].hide()
        theme.current().changed.connect(self._write)

    def show_t(self, t: int, own: Schedule, name: str, other: Schedule | None) -> None:
        """Show the numbers at t of the model's schedule, and beside it of another called ``name``."""
        self._known = (t, own, name, other)
        self._write()

    @Slot()
    def _write(self) -> None:
        if self._known is None:
            return
        t, own, name, other = self._known
        c = theme.colors()
        bar, beta = float(own.alpha_bar[t]), float(own.beta[t])
        jump = f"x<sub>t</sub> = {_tinted(math.sqrt(bar), c.accent)}·x₀ + {_tinted(math.sqrt(1 - bar), c.bad)}·ε"
        kept, added = _tinted(math.sqrt(1 - beta), c.accent), _tinted(math.sqrt(beta), c.bad)
        texts = [
            f"t = {t} of {len(own.beta) - 1}",
            jump,
            f"x<sub>t</sub> = {kept}·x<sub>t−1</sub> + {added}·ε<sub>t</sub>" if t else "no step yet: this is x₀",
            f"{ALPHA_BAR}<sub>t</sub> = {_short(bar)} &nbsp; SNR = {_ratio(bar)}",
            "" if other is None else _beside(t, name, own, other),
        ]
        for line, text in zip(self.lines, texts, strict=True):
            if line.text() != text:
                line.setText(text)
        if self.lines[-1].isHidden() != (other is None):
            self.lines[-1].setVisible(other is not None)


def _short(value: float) -> str:
    return number(value, "{:.4f}" if value == 0 or value >= 1e-3 else "{:.2e}")


def _tinted(value: float, color: str) -> str:
    return f"<span style='color:{color}'><b>{number(value, '{:.4f}' if 0 < value < 0.1 else '{:.3f}')}</b></span>"


def _ratio(bar: float) -> str:
    if bar >= 1:
        return "∞"
    ratio = bar / (1 - bar)
    return f"{number(ratio, '{:.3g}')} ({number(marginal.decibels(bar), '{:.1f}')} dB)"


def _beside(t: int, name: str, own: Schedule, other: Schedule) -> str:
    """Return how much signal each leaves at t, and at which t the model's schedule leaves as much as the other."""
    ours, theirs = float(own.alpha_bar[t]), float(other.alpha_bar[t])
    same = int(np.argmin(np.abs(np.asarray(own.alpha_bar) - theirs)))
    there = f"; its own leaves as much at t = {same}" if t > 0 and same != t else ""
    c = theme.colors()
    return (
        f"√{ALPHA_BAR}<sub>t</sub> {number(math.sqrt(ours), '{:.2f}')} against "
        f"<span style='color:{c.second}'><b>{number(math.sqrt(theirs), '{:.2f}')}</b> {name}</span>{there}. "
        f"<span style='color:{c.muted}'>A look at q: the model stays as trained.</span>"
    )


class SchedulePlots(QWidget):
    """ᾱ_t, β_t and the SNR over t: below each other where there is room, else one of them; ``went`` carries a t."""

    went = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._last = 0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        self.choice = Segmented(_CURVES, "which curve of the schedule is shown")
        self.choice.chosen.connect(self._arrange)
        column.addWidget(self.choice, 0, Qt.AlignmentFlag.AlignLeft)
        titles = {"alpha_bar": "Signal variance ᾱ", "beta": "Noise of a step β", "snr": "Signal to noise"}
        self.plots: dict[str, CurvePlot] = {}
        for key, name, tip in _CURVES:
            plot = CurvePlot(titles[key], "t", f"{tip}. Drag the cursor, or click, to go to a t", tools=True)
            plot.add_curve(key, name, {"alpha_bar": "accent", "beta": "bad", "snr": "good"}[key])
            scrub = PlotScrub(plot)
            scrub.went.connect(self._went)
            self.plots[key] = plot
            column.addWidget(plot, 1)
        for key in ("beta", "snr"):
            self.plots[key].set_log_y(True)
        self.wide = False
        self._arrange()

    @Slot()
    @Slot(str)
    def _arrange(self, _key: str = "") -> None:
        self.choice.setHidden(self.wide)
        for key, plot in self.plots.items():
            plot.setHidden(not self.wide and key != self.choice.key)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as many curves as there is room for."""
        super().resizeEvent(event)
        wide = self.height() >= _HIGH - 180
        if wide != self.wide:
            self.wide = wide
            self._arrange()

    @Slot(float)
    def _went(self, x: float) -> None:
        if self._last:
            self.went.emit(min(max(round(x), 0), self._last))

    def set_schedule(self, own: Schedule, name: str, other: Schedule | None) -> None:
        """Draw the model's schedule, and another called ``name`` behind it, dashed."""
        self._last = len(own.beta) - 1
        for key, plot in self.plots.items():
            plot.set_curve(key, *_curve(key, own), "")
            if other is None:
                plot.remove_overlay("other")
            else:
                plot.set_overlay("other", name, "second", *_curve(key, other))
            plot.show_all()

    def set_cursor(self, t: int) -> None:
        """Put the cursors at t; β and the SNR begin at t = 1."""
        for key, plot in self.plots.items():
            if not plot.isHidden():
                plot.set_cursor(t if key == "alpha_bar" else max(t, 1))


def _curve(key: str, schedule: Schedule) -> tuple[np.ndarray, np.ndarray]:
    """Return t and the values of a curve of a schedule."""
    t = np.arange(len(schedule.beta))
    if key == "alpha_bar":
        return t, schedule.alpha_bar
    if key == "beta":
        return t[1:], schedule.beta[1:]
    return t[1:], np.maximum(schedule.alpha_bar[1:] / np.maximum(1 - schedule.alpha_bar[1:], 1e-12), 1e-12)


class ForwardAside(QWidget):
    """The numbers, and below them the curves; ``went`` carries a t that was clicked or dragged to in a curve."""

    went = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        self.numbers = ForwardNumbers()
        self.schedule = SchedulePlots()
        self.schedule.went.connect(self.went)
        layout.addWidget(self.numbers)
        layout.addWidget(self.schedule, 1)
        self.setFixedWidth(310)
        self._known: tuple[Schedule, str, Schedule | None] | None = None

    @property
    def curves(self) -> CurvePlot:
        """Return the plot of ᾱ_t."""
        return self.schedule.plots["alpha_bar"]

    def set_schedule(self, own: Schedule, name: str = "", other: Schedule | None = None) -> None:
        """Take the schedule of the model, and another to hold beside it."""
        self._known = (own, name, other)
        self.schedule.set_schedule(own, name, other)

    def show_t(self, t: int) -> None:
        """Show the numbers at t and put the cursors there."""
        if self._known is not None:
            self.numbers.show_t(t, *self._known)
            self.schedule.set_cursor(t)

"""The numbers of one step in the papers' symbols, and the schedule with a cursor where we are."""

import math

import numpy as np
from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from explorer.messages import Schedule, StepCoefficients
from explorer.ui import theme
from explorer.ui.curve_plot import CurvePlot
from explorer.ui.distance_panel import PlotStack
from explorer.ui.panel import EPS_HAT, Panel, label

_AT_LEISURE_MS = 500
_LOW = 520  # pixels
X0_HAT, ALPHA_BAR = "x̂₀", "ᾱ"
_TIPS = (
    "Where the chain is: t counts the noise down from T to 0",
    "The step: x̂₀ the guess of the clean item, x_t what the chain holds, z ~ N(0, I) fresh noise. With s the next t: "
    "x_s = a·x̂₀ + b·x_t + σ·z, b = √((1 − ᾱ_s − σ²)/(1 − ᾱ_t)), a = √ᾱ_s − b·√ᾱ_t. For DDPM and s = t − 1 that is "
    "a = √ᾱ_{t−1}·β_t/(1 − ᾱ_t), b = √α_t·(1 − ᾱ_{t−1})/(1 − ᾱ_t): the mean μ̃ of q(x_{t−1}|x_t, x̂₀)",
    "The same step written with the guessed noise: √ᾱ_s·x̂₀ + √(1 − ᾱ_s − σ²)·ε̂ + σ·z. "
    "With the σ of DDIM or β̃ the squares of the three numbers sum to 1, so x_s is as noisy as it shall be at s",
    "ᾱ_t: the share of signal variance that is left in x_t. SNR = ᾱ_t/(1 − ᾱ_t)",
    "β_t: the noise variance added by forward step t. σ: standard deviation of this step's fresh noise",
    "What that means at this t",
)


def _number(value: float, digits: int = 4) -> str:
    if value != 0 and (abs(value) < 1e-3 or abs(value) >= 1e4):
        return f"{value:.2e}".replace("-", "−")
    return f"{value:.{digits}f}".replace("-", "−")


def _tinted(value: float, color: str) -> str:
    return f"<span style='color:{color}'><b>{_number(value, 3)}</b></span>"


def in_words(signal: float, step: StepCoefficients | None, *, points: bool) -> str:
    """Return what a reverse step means where a share ``signal`` = ᾱ_t of the variance is signal."""
    item, many = ("point", "points") if points else ("image", "images")
    it = "it lies between them" if points else "it is blurred"
    rough = "The rough place is decided." if points else "The overall shape is decided."
    rest = "its exact place is" if points else "details are"
    if step is None:
        return ""
    noise = (
        "No fresh noise: the starting noise alone decides (η = 0)."
        if step.sigma == 0 and step.to
        else "Fresh noise z keeps the samples varied."
        if step.sigma
        else "The last step adds no noise."
    )
    if signal < 0.03:
        return f"xₜ says next to nothing yet: x̂₀ is the mean of all {many} it could be, so {it}. {noise}"
    if signal < 0.5:
        return f"{rough} Where xₜ leaves a choice, x̂₀ is still a mean of several {many}. {noise}"
    if signal < 0.97:
        return f"x̂₀ has settled on one {item}; only {rest} still being decided. {noise}"
    return f"xₜ is nearly the {item}; x̂₀ takes off the last noise. {noise}"


class StepNumbers(Panel):
    """*This step*: coefficients in numbers, ᾱ_t, SNR, β_t, σ, and what they mean."""

    def __init__(self) -> None:
        super().__init__("This step", "What the chain computes between what is shown and what comes next")
        self._schedule: Schedule | None = None
        self._shown: tuple[int, StepCoefficients | None] = (0, None)
        self.points = False
        self.lines = [label("", tabular=True) for _ in _TIPS]
        for line, tip in zip(self.lines, _TIPS, strict=True):
            line.setTextFormat(Qt.TextFormat.RichText)
            line.setToolTip(tip)
            self.body.addWidget(line)
        self.body.setSpacing(5)
        self.lines[-1].setWordWrap(True)
        self.lines[-1].setMinimumHeight(50)  # three lines, so that nothing moves when it is two
        self.lines[-1].setAlignment(Qt.AlignmentFlag.AlignTop)
        self.lines[-1].setProperty("role", "muted")
        self.lines[-1].setFont(theme.font(12))
        self.item = label("", tabular=True, tip="The point that is followed: click one among the particles")
        self.item.setTextFormat(Qt.TextFormat.RichText)
        self.item.setWordWrap(True)
        self.body.addWidget(self.item)
        self.item.hide()
        theme.current().changed.connect(self._write)

    def set_schedule(self, schedule: Schedule, *, points: bool) -> None:
        """Take the numbers of a model's schedule."""
        self._schedule, self.points = schedule, points
        self.show_step(len(schedule.beta) - 1, None)

    def show_step(self, t: int, step: StepCoefficients | None) -> None:
        """Show the numbers at t; ``step`` is the reverse step that follows."""
        if (t, step) != self._shown or not self.lines[0].text():
            self._shown = (t, step)
            self._write()

    def say_item(self, text: str) -> None:
        """Say more of the item that is looked at, in rich text; without words there is nothing to say."""
        if text != self.item.text():
            self.item.setText(text)
            self.item.setVisible(bool(text))

    def _write(self) -> None:
        if self._schedule is None:
            return
        t, step = self._shown
        bar, beta = float(self._schedule.alpha_bar[t]), float(self._schedule.beta[t])
        where, equation, other = self._equations(bar)
        snr = "∞" if bar >= 1 else _number(bar / (1 - bar), 3)
        sigma = f" &nbsp; σ = {_number(step.sigma)}" if step is not None else ""
        words = in_words(bar, step, points=self.points)
        texts = (
            where, equation, other,
            f"{ALPHA_BAR}<sub>t</sub> = {_number(bar)} &nbsp; SNR = {snr}",
            f"β<sub>t</sub> = {_number(beta, 5)}{sigma}", words,
        )  # fmt: skip
        for line, text in zip(self.lines, texts, strict=True):
            if line.text() != text:
                line.setText(text)

    def _equations(self, bar: float) -> tuple[str, str, str]:
        t, step = self._shown
        c = theme.colors()
        if step is None:
            arrived = "x₀: the chain has arrived" if t == 0 else "press Sample to run the chain"
            return f"t = {t}", arrived, "&nbsp;"
        target = "t−1" if step.to == t - 1 else str(step.to)
        fresh = f" + {_tinted(step.sigma, c.bad)}·z"
        equation = (
            f"x<sub>{target}</sub> = {_tinted(step.x0, c.accent)}·{X0_HAT}"
            f" + {_tinted(step.x_t, c.second)}·x<sub>t</sub>{fresh}"
        )
        of_x0, of_eps = step.x0 + step.x_t * math.sqrt(bar), step.x_t * math.sqrt(1 - bar)
        other = f"= {_tinted(of_x0, c.accent)}·{X0_HAT} + {_tinted(of_eps, c.good)}·{EPS_HAT}{fresh}"
        return f"t = {t} → {step.to}", equation, other


class SchedulePlot(CurvePlot):
    """ᾱ_t and β_t over t."""

    def __init__(self) -> None:
        super().__init__("Schedule", "t", "ᾱ_t: signal variance left at t. β_t: noise variance added by step t")
        self.add_curve("alpha_bar", "ᾱ", "accent")
        self.add_curve("beta", "β", "second")

    def set_schedule(self, schedule: Schedule) -> None:
        """Draw the schedule of a model."""
        t = np.arange(len(schedule.beta))
        self.set_curve("alpha_bar", t, schedule.alpha_bar, "")
        self.set_curve("beta", t[1:], schedule.beta[1:], "")


class StepPanel(QWidget):
    """The numbers of the step, the schedule, and below it one more plot over t; all at the same t."""

    def __init__(self, below: CurvePlot | PlotStack) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        self.numbers = StepNumbers()
        self.curves = SchedulePlot()
        self.below = below
        layout.addWidget(self.numbers)
        layout.addWidget(self.curves, 1)
        layout.addWidget(below, 1)
        self.setFixedWidth(310)
        self._wanted: tuple[int, StepCoefficients | None] = (0, None)
        self._later = QTimer(self, singleShot=True, interval=_AT_LEISURE_MS)
        self._later.timeout.connect(self._show)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where it is low, leave the schedule out: its numbers are above."""
        super().resizeEvent(event)
        self.curves.setVisible(self.height() >= _LOW)

    def set_schedule(self, schedule: Schedule, *, points: bool) -> None:
        """Draw the schedule of a model."""
        self.numbers.set_schedule(schedule, points=points)
        self.curves.set_schedule(schedule)

    def show_step(self, t: int, step: StepCoefficients | None, *, at_leisure: bool = False) -> None:
        """Show the numbers at t and put the cursors there, or ``at_leisure`` soon; arguments as of StepNumbers."""
        self._wanted = (t, step)
        if not at_leisure:
            self._later.stop()
            self._show()
        elif not self._later.isActive():
            self._later.start()

    @Slot()
    def _show(self) -> None:
        t, step = self._wanted
        self.numbers.show_step(t, step)
        self.curves.set_cursor(t)
        self.below.set_cursor(max(t, 1))

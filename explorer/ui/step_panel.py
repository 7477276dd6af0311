"""The numbers of one step in the papers' symbols, and the schedule with a cursor where we are."""

import math

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from explorer.messages import Schedule, StepCoefficients
from explorer.ui import theme
from explorer.ui.curve_plot import CurvePlot
from explorer.ui.panel import Panel, label

X0_HAT, ALPHA_BAR = "x̂₀", "ᾱ"


def _number(value: float, digits: int = 4) -> str:
    if value != 0 and (abs(value) < 1e-3 or abs(value) >= 1e4):
        return f"{value:.2e}".replace("-", "−")
    return f"{value:.{digits}f}".replace("-", "−")


class StepPanel(QWidget):
    """*This step* with its coefficients, the schedule ᾱ_t and β_t, and the signal-to-noise ratio."""

    def __init__(self) -> None:
        super().__init__()
        self._schedule: Schedule | None = None
        self._shown: tuple[int, StepCoefficients | None, bool] = (0, None, False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        numbers = Panel("This step", "What the chain computes between the picture shown and the next one")
        self._lines = [label("", tabular=True) for _ in range(4)]
        tips = (
            "Where the chain is: t counts the noise down from T to 0",
            "The step. x̂₀: the network's guess of the clean image; x_t: the picture now; z: fresh noise",
            "ᾱ_t: the share of signal variance that is left in x_t. SNR = ᾱ_t/(1 − ᾱ_t)",
            "β_t: the noise variance added by forward step t. σ_t: standard deviation of this step's fresh noise",
        )
        for line, tip in zip(self._lines, tips, strict=True):
            line.setTextFormat(Qt.TextFormat.RichText)
            line.setToolTip(tip)
            numbers.body.addWidget(line)
        layout.addWidget(numbers)
        self.curves = CurvePlot("Schedule", "t", "ᾱ_t: signal variance left at t. β_t: noise variance added by step t")
        self.curves.add_curve("alpha_bar", "ᾱ", "accent")
        self.curves.add_curve("beta", "β", "second")
        layout.addWidget(self.curves, 1)
        self.snr = CurvePlot("Signal-to-noise ratio, log₁₀", "t", "SNR = ᾱ_t/(1 − ᾱ_t), as a power of ten")
        self.snr.add_curve("snr", "SNR", "good")
        layout.addWidget(self.snr, 1)
        theme.current().changed.connect(self._write)

    def set_schedule(self, schedule: Schedule) -> None:
        """Draw the schedule of a model."""
        self._schedule = schedule
        t = np.arange(len(schedule.beta))
        self.curves.set_curve("alpha_bar", t, schedule.alpha_bar, "")
        self.curves.set_curve("beta", t[1:], schedule.beta[1:], "")
        ratio = schedule.alpha_bar[1:] / np.maximum(1 - schedule.alpha_bar[1:], 1e-12)
        self.snr.set_curve("snr", t[1:], np.log10(np.maximum(ratio, 1e-12)), "")
        self.show_step(len(t) - 1, None, forward=False)

    def show_step(self, t: int, step: StepCoefficients | None, *, forward: bool) -> None:
        """Show the numbers at t; ``step`` is the reverse step that follows, ``forward`` the marginal q(x_t|x_0)."""
        self._shown = (t, step, forward)
        self._write()
        self.curves.set_cursor(t)
        self.snr.set_cursor(max(t, 1))

    def _write(self) -> None:
        if self._schedule is None:
            return
        t, step, forward = self._shown
        c = theme.colors()
        bar, beta = float(self._schedule.alpha_bar[t]), float(self._schedule.beta[t])

        def tinted(value: float, color: str) -> str:
            return f"<span style='color:{color}'><b>{_number(value, 3)}</b></span>"

        if forward:
            self._lines[0].setText(f"t = {t} of {len(self._schedule.beta) - 1}")
            equation = f"x<sub>t</sub> = {tinted(math.sqrt(bar), c.accent)}·x₀ + {tinted(math.sqrt(1 - bar), c.bad)}·ε"
        elif step is not None:
            self._lines[0].setText(f"t = {t} → {step.to}")
            where = "t−1" if step.to == t - 1 else step.to
            equation = (
                f"x<sub>{where}</sub> = {tinted(step.x0, c.accent)}·{X0_HAT}"
                f" + {tinted(step.x_t, c.second)}·x<sub>t</sub> + {tinted(step.sigma, c.bad)}·z"
            )
        else:
            self._lines[0].setText(f"t = {t}")
            equation = "x₀: the chain has arrived" if t == 0 else "press Sample to run the chain"
        self._lines[1].setText(equation)
        snr = "∞" if bar >= 1 else _number(bar / (1 - bar), 3)
        self._lines[2].setText(f"{ALPHA_BAR}<sub>t</sub> = {_number(bar)} &nbsp; SNR = {snr}")
        sigma = f" &nbsp; σ<sub>t</sub> = {_number(step.sigma)}" if step is not None and not forward else ""
        self._lines[3].setText(f"β<sub>t</sub> = {_number(beta, 5)}{sigma}")

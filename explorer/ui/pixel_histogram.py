"""The values of x_t as densities against N(0, 1), and their moments against theory."""

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from explorer import marginal
from explorer.messages import Floats
from explorer.ui import theme
from explorer.ui.curve_plot import CurvePlot
from explorer.ui.plot_style import color_of, number

EXTENT, _TOP = 3.5, 0.8
_WORDS, _NARROW = 288, 280  # pixels; below it there is no room for words, for errors
_LINE, _LINES, _FEWEST_LINES = 17, 5, 3  # pixels of a line of the table, how many it has, how many it has at least
_PLOT, _AROUND = 74, 88  # pixels that the plot needs, and what is around it and the table
_KL = "KL(q(x<sub>t</sub>|x₀) ‖ N(0, I))"
_ROWS = ("mean", "std", "noise")
_TIP = (
    "How often x_t has which value, over all {values}, in units of the noise's σ: the jump, the chain, and the "
    "standard normal N(0, 1) that both end in. Theory: the mean over x₀ of N(√ᾱ_t·x₀, 1−ᾱ_t). Higher peaks are cut off"
)
_TABLE_TIP = (
    "Over all values of x_t, the jump, the chain and theory ± what a single draw misses it by:\n"
    "mean: √ᾱ_t·mean(x₀)\nstd: √(ᾱ_t·var(x₀) + 1 − ᾱ_t)\nnoise: root mean square of x_t − √ᾱ_t·x₀, √(1−ᾱ_t)\n"
    "apart: RMS difference of jump and chain; of two independent draws √2·√(1−ᾱ_t)"
)


@dataclass(frozen=True)
class Steps:
    """x_t step by step, of the last t that is kept: ᾱ there, x_t, and the jump to the same t."""

    alpha_bar: float
    x_t: Floats
    jump: Floats


class MomentsTable(QWidget):
    """A table of moments, painted: labels would be laid out anew at each t."""

    def __init__(self) -> None:
        super().__init__()
        self.head: list[tuple[str, str]] = []  # name and colour of each column
        self.rows: list[tuple[str, ...]] = []
        self.lines = _LINES
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(_TABLE_TIP)
        self.setAccessibleName("moments of x_t")
        theme.current().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Return the size of all lines that are wanted."""
        return QSize(200, self.lines * _LINE)

    def set_lines(self, lines: int) -> None:
        """Show so many lines, the first of them the names of the columns; the last rows are left out first."""
        lines = min(max(lines, 0), _LINES)
        self.setHidden(lines < _FEWEST_LINES)
        if lines != self.lines:
            self.lines = lines
            self.updateGeometry()
            self.update()

    @property
    def shown(self) -> list[tuple[str, ...]]:
        """Return the rows there is room for."""
        return self.rows[: max(0, self.lines - 1)]

    def show_rows(self, head: list[tuple[str, str]], rows: list[tuple[str, ...]]) -> None:
        """Show a row of texts below each other, the first its name; ``head`` are name and colour of the columns."""
        if (head, rows) != (self.head, self.rows):
            self.head, self.rows = head, rows
            self.setAccessibleDescription("; ".join(" ".join(row) for row in rows))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the texts."""
        if not self.rows:
            return
        painter = QPainter(self)
        colors = theme.colors()
        height = self.height() / (len(self.shown) + 1)
        widths = self._widths()
        for line, row in enumerate([("", *(name for name, _ in self.head)), *self.shown]):
            left = 0.0
            for column, (text, width) in enumerate(zip(row, widths, strict=True)):
                muted = line == 0 or column == 0
                color = self.head[column - 1][1] if line == 0 and column else "muted" if muted else "text"
                painter.setPen(QColor(color_of(color)) if color != "text" else QColor(colors.text))
                painter.setFont(theme.font(12, tabular=True, bold=line == 0))
                side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
                where = QRectF(left, line * height, width, height)
                painter.drawText(where, side | Qt.AlignmentFlag.AlignVCenter, text)
                left += width
        painter.end()

    def _widths(self) -> list[float]:
        """Return the widths of the columns: name, two ways, theory with its error."""
        shares = [0.27, *([0.2] * (len(self.head) - 1)), 0.33 if self.width() >= _NARROW - 24 else 0.22]
        return [share * self.width() / sum(shares) for share in shares]


class _TwoLines(QLabel):
    """Words that take two lines, however many they need: their height must not decide that of all around."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "muted")
        self.setWordWrap(True)
        self.setFont(theme.font(12))
        self.setFixedHeight(32)
        self.setAlignment(Qt.AlignmentFlag.AlignTop)

    def hasHeightForWidth(self) -> bool:
        """Return False, whatever its text."""
        return False


class PixelHistogram(CurvePlot):
    """Densities of the jump and of the chain, what theory says, and N(0, 1); below them the moments in a table."""

    def __init__(self) -> None:
        super().__init__("Values of x<sub>t</sub> against N(0, 1)", "value", _TIP.format(values="pixels"), tools=True)
        self._x0: Floats | None = None
        self._densities = marginal.Densities(np.zeros(1, np.float32), EXTENT)
        self.add_curve("jump", "jump", "accent")
        self.add_curve("chain", "steps", "good")
        for key, name, role in (("theory", "theory", "text"), ("normal", "N(0, 1)", "muted")):
            self.set_overlay(key, name, role, [], [])
        self.table = MomentsTable()
        self.words = _TwoLines()
        self.body.addWidget(self.table)
        self.body.addWidget(self.words)
        self.item.getAxis("left").setWidth(34)
        self.plot.setMinimumHeight(_PLOT)
        self.setMinimumHeight(_PLOT + _AROUND)  # the table and the words give way
        self.show_all()

    def show_all(self) -> None:
        """Show the range that never changes: curves are compared by eye from one t to the next."""
        self.forget_zoom()
        self.item.setRange(xRange=(-EXTENT, EXTENT), yRange=(0, _TOP), padding=0, disableAutoRange=True)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the plot its room."""
        super().resizeEvent(event)
        words = self.height() >= _WORDS
        self.words.setVisible(words)
        self.item.showLabel("bottom", words)  # its title says it, too
        self.table.set_lines(_LINES if words else (self.height() - _PLOT - _AROUND) // _LINE)

    def set_item(self, x0: Floats, *, points: bool) -> None:
        """Take the clean item."""
        self._x0, self._densities = x0, marginal.Densities(x0, EXTENT)
        self.set_overlay("normal", "N(0, 1)", "muted", self._densities.places, self._densities.normal)
        self.plot.setToolTip(_TIP.format(values="coordinates" if points else "pixels"))

    def set_other(self, name: str) -> None:
        """Make room for the values under another schedule of this name; "" for none."""
        self.remove_overlay("other")
        if name:
            self.set_overlay("other", name, "second", [], [], dashed=False)

    def clear(self) -> None:
        """Show no item."""
        self._x0 = None
        for key in ("jump", "chain"):
            self.set_curve(key, [], [], "")
        for key, name, role in (("theory", "theory", "text"), ("normal", "N(0, 1)", "muted")):
            self.set_overlay(key, name, role, [], [])
        self.set_other("")
        self.table.show_rows([], [])
        self.words.setText("")

    def show_values(self, alpha_bar: float, jump: Floats, chain: Steps | None, other: Floats | None = None) -> None:
        """Show the values of x_t; drawn once, not curve by curve: it happens at every t of a film.

        Args:
            alpha_bar: ᾱ_t of the jump.
            jump: x_t at once.
            chain: x_t step by step; None before it is computed.
            other: x_t at once under the schedule of ``set_other``.
        """
        if self._x0 is None:
            return
        theory, beside = self._curves.overlay("theory"), self._curves.overlay("other")
        self._curves["jump"].set_points(*self._outline(jump))
        self._curves["chain"].set_points(*self._outline(None if chain is None else chain.x_t))
        if beside is not None:
            beside.set_points(*self._outline(other))
        if theory is not None:
            theory.set_points(self._densities.places, self._densities.expected(alpha_bar))
        if self.isVisible():
            for curve in self.visible_curves().values():
                curve.draw(self.scale, None)
            if self.plot.watched:
                self._reader.refresh()
        else:
            self._stale = True
        self._show_moments(alpha_bar, jump, chain)
        said = in_words(marginal.kl_per_value(self._x0, alpha_bar))
        if self.words.text() != said:
            self.words.setText(said)

    def _outline(self, values: Floats | None) -> tuple[marginal.Curve, marginal.Curve]:
        """Return the outline of a histogram, or nothing."""
        if values is None:
            return np.empty(0), np.empty(0)
        return np.repeat(self._densities.edges, 2)[1:-1], np.repeat(self._densities.of(values), 2)

    def _show_moments(self, alpha_bar: float, jump: Floats, chain: Steps | None) -> None:
        assert self._x0 is not None
        theory, error = marginal.expected(self._x0, alpha_bar), marginal.error(self._x0, alpha_bar)
        ours = marginal.measured(jump, self._x0, alpha_bar)
        theirs = None if chain is None else marginal.measured(chain.x_t, self._x0, chain.alpha_bar)
        rows: list[tuple[str, ...]] = []
        for name, key in zip(_ROWS, ("mean", "spread", "noise"), strict=True):
            steps = "…" if theirs is None else _number(getattr(theirs, key))
            expected = f"{_number(getattr(theory, key))} ± {getattr(error, key):.2f}"
            rows.append((name, _number(getattr(ours, key)), steps, expected))
        away = "…" if chain is None else _number(float(np.sqrt(np.square(chain.jump - chain.x_t).mean())))
        twice = math.sqrt(2)
        rows.append(("apart", "", away, f"{_number(twice * theory.noise)} ± {twice * error.noise:.2f}"))
        if self.width() < _NARROW:  # without the errors
            rows = [(*row[:-1], row[-1].partition(" ±")[0]) for row in rows]
        self.table.show_rows([("jump", "accent"), ("steps", "good"), ("theory", "muted")], rows)


def _number(value: float) -> str:
    return number(value, "{:.2f}")


def in_words(kl: float) -> str:
    """Return how far q(x_t|x₀) is from N(0, I), in nats per value, and what that means."""
    if math.isinf(kl):
        return f"{_KL} = ∞: no noise yet, x₀ is known exactly."
    means = (
        "x₀ can be told apart from any other"
        if kl > 0.3
        else "the overall shape of x₀ is left, its details have drowned"
        if kl > 0.02
        else "a trace of x₀ is left"
        if kl > 1e-4
        else "nothing of x₀ is left to see: as good as pure noise"
    )
    return f"{_KL} = {number(kl, '{:.2g}')} nats per value: {means}."

"""How every plot is dressed: background, axes and labels in the theme's colours, round ranges and ticks."""

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsItem

from explorer.ui import theme

Ticks = list[tuple[float, str]]

_ROUND = (1.0, 2.0, 5.0)
STANDS_OUT = (16, 8)  # half a number's width and height in pixels, by which one at the end of an axis stands out
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
FAR = 1e30  # beyond it a value is not drawn: nobody learns from it, and Qt's arithmetic ends at 1e38


def dress(plot: pg.PlotWidget) -> None:
    """Colour a plot after the theme that is on; ticks are numbers only, without strokes."""
    colors = theme.colors()
    plot.setBackground(QColor(colors.panel))
    for name in ("left", "bottom"):
        axis = plot.getPlotItem().getAxis(name)
        axis.setPen(pg.mkPen(colors.border))
        axis.setTextPen(pg.mkPen(colors.muted))
        axis.setStyle(tickFont=theme.font(11), tickLength=0, maxTickLevel=0)
        axis.label.setFont(theme.font(11))
        axis.enableAutoSIPrefix(False)  # nats and epochs, not kilonats
        # Replaying an axis costs 1.5 ms, and it rarely changes while the curves do.
        axis.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        axis.setZValue(-1)  # the grid belongs behind the curves


def color_of(color: str | int) -> str:
    """Return #rrggbb of a role of the theme ("accent"), of a number of its class colours, or of #rrggbb itself."""
    colors = theme.colors()
    if isinstance(color, int):
        return colors.classes[color % len(colors.classes)]
    return str(getattr(colors, color, color))


def number(value: float, form: str = "{:.4g}") -> str:
    """Return a number as people write it: a real minus sign, "10⁶" instead of zeros or "e+06"."""
    if not math.isfinite(value):
        return {"nan": "NaN", "inf": "∞", "-inf": "−∞"}[f"{value:g}"]
    text = form.format(value)
    mantissa, _, exponent = text.partition("e")
    if exponent:
        power = "10" + str(int(exponent)).translate(_SUPERSCRIPT)
        text = mantissa[:-1] + power if mantissa.lstrip("-") == "1" else f"{mantissa}·{power}"
    return text.replace("-", "−")


# ---- ranges ----


def round_range(low: float, high: float) -> tuple[float, float]:
    """Return the smallest range of round numbers around low..high; a tenth of its power of ten, or a half, is round."""
    span = max(high - low, abs(high) * 1e-3, 1e-9)
    step = 10.0 ** np.floor(np.log10(span))
    step *= 0.5 if span / step > 2 else 0.2
    first, last = np.floor(low / step), np.ceil(high / step)
    return float(first * step), float(max(last, first + 1) * step)


def round_log_range(low: float, high: float) -> tuple[float, float]:
    """Return the smallest range of 1, 2 or 5 times a power of ten around 0 < low <= high, as base-10 logarithms.

    Where it would be less than a factor of 2 wide, of rounder numbers than those.
    """
    below, above = round_range(low, high)
    if high >= 2 * low or below <= 0:
        exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
        rounds = [factor * 10.0**k for k in exponents for factor in _ROUND]
        below = max(value for value in rounds if value <= low * (1 + 1e-9))
        above = min((value for value in rounds if value >= high * (1 - 1e-9) and value > below), default=2 * below)
    return math.log10(below), math.log10(above)


# ---- ticks ----


def ticks(low: float, high: float, most: int, *, log: bool = False) -> Ticks:
    """Return the places and names of at most about ``most`` ticks between low and high.

    Args:
        low, high: the ends of the axis; on a log axis as base-10 logarithms, and so are the places returned.
        most: how many fit.
        log: whether the axis is logarithmic: powers of ten, with 2 and 5 between them where there is room.
    """
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return []
    most = max(2, most)
    if not log:
        return _linear(low, high, most)
    decades = [float(k) for k in range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)]
    evenly = [(math.log10(at), text) for at, text in _linear(10.0**low, 10.0**high, most) if at > 0]
    if high - low < 0.5:  # less than a factor of 3: equal steps are about equally far apart
        return evenly
    for factors in (_ROUND, (1.0, 3.0)) if len(decades) <= 3 else ():
        values = [factor * 10.0**k for k in range(math.floor(low), math.ceil(high) + 1) for factor in factors]
        inside = [value for value in values if low - 1e-9 <= math.log10(value) <= high + 1e-9]
        if 2 <= len(inside) <= most + 1:
            return [(math.log10(value), number(value, "{:.6g}")) for value in inside]
    if not decades:
        return evenly
    every = -(-len(decades) // most)
    form = "{:g}" if not decades or (decades[0] >= -4 and decades[-1] <= 5) else "{:.0e}"
    chosen = [k for k in decades if int(k) % every == 0]
    chosen = chosen if len(chosen) > 1 else decades[::every]
    return [(k, number(10.0**k, form) if k else "1") for k in chosen]


def _linear(low: float, high: float, most: int) -> Ticks:
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for factor in (*_ROUND, 10.0, 20.0):
        step = factor * power
        first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
        if last - first <= most:
            break
    largest = max(abs(first), abs(last)) * step
    if largest >= 1e6 or step < 1e-5:
        digits = max(1, math.ceil(math.log10(largest / step) - 1e-9) + 1)
        return [(i * step, number(i * step, f"{{:.{digits}g}}") if i else "0") for i in range(first, last + 1)]
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    return [(i * step, number(i * step, f"{{:.{places}f}}") if i else "0") for i in range(first, last + 1)]


class RoundAxis(pg.AxisItem):
    """An axis of round numbers; on a log axis (``log``) the view behind it counts in powers of ten."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self.log = False
        self._texts: dict[float, str] = {}

    def set_log(self, log: bool) -> None:
        """Say whether the axis is logarithmic."""
        self.log = log
        self.picture = None
        self.update()

    def boundingRect(self) -> QRectF:
        """Return where it paints: the names of ticks at the ends stand out, into the margin of the plot."""
        across, along = (0, STANDS_OUT[1]) if self.orientation == "left" else (STANDS_OUT[0], 0)
        return super().boundingRect().adjusted(-across, -along, across, along)

    def resizeEvent(self, event: object = None) -> None:
        """Keep the name of a short axis from leaving the plot at the right."""
        super().resizeEvent(event)
        if self.orientation == "bottom":
            room = self.size().width() - self.label.boundingRect().width()
            self.label.setX(min(self.label.x(), room))

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        """Return the one level of ticks there is."""
        each = 36 if self.orientation == "left" else 64
        chosen = ticks(min(low, high), max(low, high), int(size / each), log=self.log)
        self._texts = dict(chosen)
        return [(1.0, [at for at, _ in chosen])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Return the names of ticks that were just placed."""
        return [self._texts.get(value, "") for value in values]

"""What can be saved of a plot with curves or bars: a picture, a drawing, a table."""

import re
import time
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QColor

from explorer.ui import figure
from explorer.ui.figure import Axis, Drawn, Figure, plain
from explorer.ui.plot_style import color_of

if TYPE_CHECKING:
    from explorer.ui.curve_plot import CurvePlot

_POINTS = 4000  # of a curve in a picture: more than it has columns of pixels


class PlotExports:
    """Fills the menu of a plot, and makes the files from its numbers, as it shows them now."""

    def __init__(self, plot: "CurvePlot") -> None:
        self._plot = plot
        menu = plot.tools.exports
        menu.add("png", "Save as PNG", ".png", self._png, self._name)
        menu.add("svg", "Save as SVG", ".svg", self._svg, self._name)
        menu.add("csv", "Save values as CSV", ".csv", self._csv, self._name)

    @property
    def _title(self) -> str:
        return plain(self._plot.title.text())

    def _name(self) -> str:
        words = re.sub(r"\(.*?\)", "", self._title)
        return "-".join(re.findall(r"\w+", words.lower())) or "plot"

    def _provenance(self) -> dict[str, object]:
        known = self._plot.provenance() if self._plot.provenance is not None else {}
        return {**known, "made": f"plot: {self._title}", "time": time.strftime("%Y-%m-%dT%H:%M:%S")}

    def figure(self) -> Figure:
        """Return what the plot shows."""
        plot, scale = self._plot, self._plot.scale
        (left, right), (low, high) = plot.plot.view.viewRange()
        bottom = plain(plot.item.getAxis("bottom").labelText)
        lines = []
        span = (scale.x_at(left), scale.x_at(right))
        for curve in plot.visible_curves().values():
            line, behind = curve.seen(scale, span, _POINTS)
            lines += [Drawn(*behind, curve.faint_pen(1.3))] if behind is not None else []
            lines.append(Drawn(*line, curve.pen(1.3)))
        heights, names = plot.bars.heights, plot.bars.names
        bars = [
            (float(i), height, QColor(color_of("accent" if on else "muted")))
            for i, (height, on) in enumerate(zip(heights, plot.bars.active, strict=True))
        ]
        named = [(float(i), name) for i, name in enumerate(names)] if heights else None
        return Figure(
            self._title,
            Axis(left, right, bottom, scale.log_x, named),
            Axis(low, high, "", scale.log_y),
            lines,
            [(text, QColor(color)) for text, color in plot.legend_entries()],
            [(place, text) for x, text in plot.marks if (place := scale.x_of(x)) is not None],
            bars,
        )

    def _png(self) -> bytes:
        return figure.png(partial(figure.paint, self.figure()), self._provenance())

    def _svg(self) -> bytes:
        return figure.svg(partial(figure.paint, self.figure()), self._title, self._provenance())

    def _csv(self) -> bytes:
        plot = self._plot
        bottom = plain(plot.item.getAxis("bottom").labelText) or "x"
        if plot.bars.heights:
            rows = zip(plot.bars.names, plot.bars.heights, strict=True)
            return figure.rows_of([[bottom, plain(plot.plain_title)], *rows])
        title = plain(plot.plain_title)
        unit = re.search(r"\(([^()]*)\)\s*$", title)
        quantity = title[: unit.start()].strip() if unit else title
        columns = []
        for name, curve in plot.visible_curves().items():
            header = f"{quantity}: {name}" + (f" ({unit[1]})" if unit else "")
            columns.append((header, *curve.points))
        return figure.table(bottom, columns)

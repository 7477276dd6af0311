"""Plots in the app's look: curves with their latest value in the legend, bars, marks, a cursor and a crosshair."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from numpy.typing import ArrayLike
from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy

from explorer.ui import theme
from explorer.ui.curve import SMOOTHEST, Curve, Scale
from explorer.ui.curve_set import CurveSet, Span
from explorer.ui.figure import plain
from explorer.ui.panel import Panel
from explorer.ui.plot_bars import Bars
from explorer.ui.plot_export import PlotExports
from explorer.ui.plot_head import PlotHead
from explorer.ui.plot_hint import PlotHint
from explorer.ui.plot_marks import Marks
from explorer.ui.plot_reader import PlotReader
from explorer.ui.plot_style import dress
from explorer.ui.plot_tools import PlotTools
from explorer.ui.watched_plot import WatchedPlot

_NO_LOG = "Some values are 0 or below, where a log axis has no place for them"
_NONE_ABOVE = "no value above 0, which a log axis needs"


class CurvePlot(Panel):
    """A panel with a plot. Wheel zooms, dragging pans, double click fits, a crosshair tells values.

    Nothing is computed while it is hidden; of a curve only what is seen is drawn.

    Args:
        title: what is shown, with its unit in parentheses at the end.
        bottom: name of the horizontal axis.
        tip: what the symbols mean.
        tools: whether it has a menu (in its head and on the right button) of log axes, smoothing and what can be saved.
        log_of: what a log y axis shows where no value is above 0, with its unit: "−ELBO (nats per image)" shows −y.
        empty_text: what is said in the middle as long as there is nothing to show.
        provenance: what a file that is saved says of where it comes from.
    """

    def __init__(
        self,
        title: str,
        bottom: str,
        tip: str = "",
        *,
        tools: bool = False,
        log_of: str = "",
        empty_text: str = "",
        provenance: Callable[[], Mapping[str, object]] | None = None,
    ) -> None:
        super().__init__(title, tip)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.provenance = provenance
        self.scale = Scale()
        self._log_of = log_of
        self._zoomed = self._stale = False
        self._right: float | None = None
        self.tools = PlotTools(self)
        self.plot = WatchedPlot(self.tools.exports if tools else None)
        self.plot.setAccessibleName(title)
        self.plot.setToolTip(tip)
        self.item = self.plot.item
        self.item.setLabel("bottom", bottom)
        self.body.addWidget(self.plot, 1)
        self._head = PlotHead(self, tip, self.tools if tools else None)
        self.tools.setVisible(tools)
        self.legend = self._head.legend
        self._curves = CurveSet(self.item)
        self._marks = Marks(self.item)
        self.bars = Bars(self.item)
        self._reader = PlotReader(self.plot, self._curves, lambda: self.scale)
        if tools:
            self.exports = PlotExports(self)
        self._hint = PlotHint(self.plot, self.item, empty_text)
        # A zoom or a drag redraws once, however many moves there were since the last paint.
        self._redraw_soon = QTimer(self, singleShot=True, interval=0)
        self._redraw_soon.timeout.connect(self._redraw)
        self._connect()
        self._recolor()
        self._say()

    def _connect(self) -> None:
        self.tools.log_x_chosen.connect(self.set_log_x)
        self.tools.log_y_chosen.connect(self.set_log_y)
        self.tools.smoothing_chosen.connect(self.set_smoothing)
        self.tools.fit_chosen.connect(self.show_all)
        self.plot.fitted.connect(self.show_all)
        self.plot.view.sigRangeChangedManually.connect(self._user_zoomed)
        self.plot.view.sigRangeChanged.connect(self._range_changed)
        self.plot.view.sigResized.connect(self._resized)
        theme.current().changed.connect(self._recolor)

    def set_title(self, title: str, log_of: str = "") -> None:
        """Call what is shown by another name; ``log_of`` as in the constructor."""
        self._log_of = log_of
        self.plot.setAccessibleName(plain(title))
        self._head.write(title, log_of if self.scale.log_y and self.scale.negated else "")
        self._changed(None)

    @property
    def plain_title(self) -> str:
        """Return what the values are, whatever a log axis shows of them."""
        return self._head.plain

    # ---- curves ----

    def add_curve(self, key: str, name: str, role: str, *, dashed: bool = False) -> None:
        """Add an empty curve; ``role`` is the theme's colour for it (accent, second, good, bad, muted).

        A dashed curve is another look at the one of the same colour: it has no entry in the legend.
        """
        self._curves.add(key, Curve(plain(name) or key, role, dashed=dashed))
        self.tools.show_looks()
        if not dashed:
            self.legend.add(key, name, role)

    def set_curve(self, key: str, x: ArrayLike, y: ArrayLike, number: str = "{:.1f}") -> None:
        """Draw a curve through points, x rising, and write its latest value into the legend; arrays are not copied."""
        curve = self._curves[key]
        curve.set_points(x, y)
        curve.form = number
        values = curve.points[1]
        self.legend.set_value(key, curve.text(values[-1]) if len(values) and number else "")
        self._changed(curve)

    def set_overlay(
        self, key: str, name: str, color: str | int, x: ArrayLike, y: ArrayLike, *, dashed: bool = True
    ) -> None:
        """Draw another curve behind the others, such as one of an earlier run.

        Args:
            key: what it is addressed by; one of this key is replaced.
            name: what it is called in the legend and at the crosshair.
            color: a role of the theme ("muted"), the number of a class colour, or #rrggbb.
            x, y: its points, shape (points,) each, x rising.
            dashed: how it is drawn.
        """
        curve = self._curves.overlay(key)
        if curve is None or (curve.title, curve.color, curve.dashed) != (name, color, dashed):
            self.remove_overlay(key)
            curve = Curve(name, color, dashed=dashed)
            self._curves.add(key, curve, overlay=True)
            self.legend.add_behind(key, name, color)
        curve.set_points(x, y)
        self._changed(None)

    def remove_overlay(self, key: str) -> None:
        """Take an overlay away; one that is not there is no mistake."""
        if self._curves.remove(key):
            self.legend.remove(key)
            self._changed(None)

    def visible_curves(self) -> dict[str, Curve]:
        """Return name and curve of all that is shown, overlays last."""
        return self._curves.visible()

    def legend_entries(self) -> list[tuple[str, str]]:
        """Return plain texts and colours, #rrggbb, of the legend of all that is shown."""
        return self.legend.entries()

    def _changed(self, curve: Curve | None) -> None:
        """Draw a curve, or all; while hidden only take note."""
        if not self.isVisible():
            self._stale = True
        elif curve is None or self._choose_scale():
            self._redraw()
        else:
            self._draw(curve)

    def _redraw(self) -> None:
        self._stale = False
        self._choose_scale()
        self._draw()

    def _draw(self, only: Curve | None = None) -> None:
        self._curves.draw(self.scale, self._span(), only)
        self._say()
        self._head.arrange()
        self._reader.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what was changed while it was hidden."""
        super().showEvent(event)
        if self._stale:
            self._redraw()
            self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the legend its room."""
        super().resizeEvent(event)
        self._head.arrange()

    def _resized(self) -> None:
        """Put what is said, the bars' names and the crosshair where they belong in a plot of another size."""
        self._hint.place()
        self.bars.name()
        self._reader.refresh()

    def _say(self) -> None:
        """Say what will appear, as long as there is nothing to show."""
        empty = not self.bars.heights and self._curves.bounds(self.scale) is None
        log = empty and self._curves.bounds(Scale()) is not None
        self._hint.say(empty=empty, instead=_NONE_ABOVE if log else "")

    # ---- scale ----

    @Slot(bool)
    def set_log_x(self, on: bool) -> None:
        """Count the horizontal axis in powers of ten or not; points at x <= 0 have no place there."""
        self._rescale(log_x=on)

    @Slot(bool)
    def set_log_y(self, on: bool) -> None:
        """Count the vertical axis in powers of ten or not; values <= 0 have no place there, see ``log_of``."""
        self._rescale(log_y=on)

    @Slot(float)
    def set_smoothing(self, weight: float) -> None:
        """Draw the exponential moving average of this weight, 0 (none) to 0.99, before the values themselves."""
        self._rescale(smoothing=min(max(weight, 0.0), SMOOTHEST))

    def _rescale(self, **changes: bool | float) -> None:
        before, self.scale = self.scale, replace(self.scale, **changes)  # type: ignore[arg-type]
        self.tools.show_scale(self.scale)
        if (before.log_x, before.log_y) == (self.scale.log_x, self.scale.log_y):
            self._changed(None)
            return
        self.item.getAxis("bottom").set_log(self.scale.log_x)
        self.item.getAxis("left").set_log(self.scale.log_y)
        self._marks.place(self.scale)
        self.show_all()

    def _choose_scale(self) -> bool:
        """Find out whether a log axis shows y or −y, and whether it can be chosen; return whether that has changed."""
        bounds = self._curves.bounds(Scale())
        low, high = (bounds[2], bounds[3]) if bounds is not None else (1.0, 1.0)
        negated = bool(self._log_of) and low <= 0
        self.tools.offer_log_y("" if low > 0 or (negated and high < 0) else _NO_LOG)
        changed = negated != self.scale.negated
        if changed:
            self.scale = replace(self.scale, negated=negated)
        instead = self._log_of if self.scale.log_y and negated else ""
        if bool(instead) != self._head.turned:
            self._head.write(self._head.plain, instead)
        return changed

    # ---- range ----

    def fit(self, right: float) -> None:
        """Show 0..``right`` and all values, in round numbers, unless the user has zoomed.

        Round numbers stay the same from one redraw to the next; axes that stay the same cost nothing to redraw.
        """
        self._right = right
        self._fit()

    def _fit(self) -> None:
        if not self.isVisible():
            self._stale = True
            return
        bounds = self._curves.bounds(self.scale)
        if self._zoomed or self._right is None or bounds is None:
            return
        x_range, y_range = self.scale.ranges(bounds, self._right)
        self.item.setRange(xRange=x_range, yRange=y_range, padding=0.01, disableAutoRange=True)

    @Slot()
    def show_all(self) -> None:
        """Forget the zoom and show all values."""
        self.forget_zoom()
        self._changed(None)
        if self._right is None:
            self.item.enableAutoRange()
        self._fit()

    def forget_zoom(self) -> None:
        """Follow the values again."""
        if self._zoomed:
            self._zoomed = False
            self._changed(None)

    def _user_zoomed(self) -> None:
        self._zoomed = True
        self._redraw_soon.start()

    def _range_changed(self) -> None:
        if self._zoomed:
            self._redraw_soon.start()
        elif self.isVisible():
            self._reader.refresh()

    def _span(self) -> Span | None:
        """Return between which x is drawn: what is seen of a zoomed plot, else all."""
        if not self._zoomed:
            return None
        left, right = self.plot.view.viewRange()[0]
        return self.scale.x_at(left), self.scale.x_at(right)

    # ---- bars ----

    def set_bars(
        self,
        heights: Sequence[float],
        names: Sequence[str],
        active: Sequence[bool],
        *,
        least: float = 0.0,
        threshold: float | None = None,
    ) -> None:
        """Draw bars with names below; those not active are muted.

        Args:
            heights, names, active: one for each bar.
            least: where the range ends at least, so that bars that are all next to nothing look so.
            threshold: where a thin dashed line is drawn, if the range is such that it can be seen.
        """
        self.bars.show(heights, names, active, least, threshold)
        self._say()

    # ---- marks and cursor ----

    def add_mark(self, x: float, text: str) -> None:
        """Put a thin dashed line with a few words at x: something happened there."""
        self._marks.add(x, text)

    def clear_marks(self) -> None:
        """Remove all marks."""
        self._marks.clear()

    @property
    def marks(self) -> list[tuple[float, str]]:
        """Return where the marks are and what they say."""
        return self._marks.all()

    def set_cursor(self, x: float) -> None:
        """Put a vertical line at x."""
        self._marks.set_cursor(x)

    @property
    def cursor_at(self) -> float | None:
        """Return where the vertical line is."""
        return self._marks.cursor_at

    def _recolor(self) -> None:
        dress(self.plot)
        self._curves.recolor()
        self.legend.recolor()
        self._marks.paint()
        self._reader.hide()
        self.bars.paint()

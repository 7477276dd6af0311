"""The score field of a model of points at one t: arrows of what it has learned and of what is exact, and the error."""

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPainterPath, QPen, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QToolTip, QWidget

from explorer.chain_messages import Field, FieldRequest
from explorer.config import Sampling
from explorer.errors import RunError
from explorer.messages import Floats
from explorer.ui import theme
from explorer.ui.chain_mode import next_number
from explorer.ui.panel import Panel, button, label
from explorer.ui.plot_style import number
from explorer.ui.points_canvas import (
    NOTHING,
    PlaneCanvas,
    on_screen,
    paint_dots,
    paint_plane,
    paint_ring,
    square_page,
)
from explorer.ui.points_layers import EXTENT
from explorer.workers.session_worker import SessionWorker

COLUMNS = 16
_LONGEST = 1.3  # cells, of the longest exact arrow
_MOST = 2.5  # cells, where the network says more than that
_HEAD = 3.5  # pixels
_LEAST = 1.0  # pixels of an arrow that has a head
_KEPT = 1200  # fields, some kilobytes each
_GENTLY_MS = 500
_LATE_MS = 250  # a wait that shows itself
_WIDE = 440  # pixels of the panel
_TIP = (
    "The score ∇ₓ ln q(x_t): which way, and how steeply, the density of the noised data grows. Learned: −ε̂(x_t, t)/"
    "√(1−ᾱ_t), computed from whatever the network predicts. Exact: of the training points themselves, a Gaussian "
    "√(1−ᾱ_t) wide around √ᾱ_t times each of them. A reverse step goes along the score and adds noise"
)
_ERROR_TIP = (
    "√E‖learned − exact‖² over x_t ~ q(x_t), where the data are at this t, and beside it what that is of √E‖exact‖². "
    "At small t the exact score belongs to each single training point: a network that generalizes is not it"
)
_NOT_KNOWN = "The training points are not on this machine as they were"


def paint_field(field: Field, here: Floats, painter: QPainter, page: QRectF) -> None:
    """Paint the arrows of a field on a page, and a ring at the point ``here``, (1, 2) or (0, 2)."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    area = paint_plane(painter, page)
    colors = theme.colors()
    painter.save()
    painter.setClipRect(area)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    scale = arrow_scale(field)
    places = on_screen(field.places, area)
    for arrows, color, width in ((field.exact, colors.good, 2.2), (field.learned, colors.accent, 1.3)):
        if len(arrows):
            painter.setPen(QPen(QColor(color), width))
            painter.drawPath(_arrows(places, arrows * (area.width() / (2 * EXTENT)), scale, area.width()))
    if len(here):
        at = on_screen(here, area)
        paint_dots(painter, at, QColor(colors.text), 5.0)
        paint_ring(painter, at[0], QColor(colors.text))
    painter.restore()


def arrow_scale(field: Field) -> float:
    """Return how long an arrow is painted, in units of the axes, for a score of 1."""
    known = field.exact if len(field.exact) else field.learned
    lengths = np.hypot(*known[np.isfinite(known).all(axis=1)].T)
    longest = float(lengths.max()) if len(lengths) else 0.0
    cell = 2 * EXTENT / math.sqrt(len(field.places))
    return _LONGEST * cell / longest if longest > 0 else 0.0


def _arrows(places: Floats, arrows: Floats, scale: float, width: float) -> QPainterPath:
    """Return shafts and heads of arrows from places (places, 2) in pixels."""
    ways = np.nan_to_num(arrows * scale) * [1, -1]
    lengths = np.hypot(*ways.T)
    most = _MOST * width / math.sqrt(len(places))
    ways = ways * (np.minimum(lengths, most) / np.maximum(lengths, 1e-12))[:, None]
    tips, lengths = places + ways, np.minimum(lengths, most)
    headed = lengths > _LEAST
    angles = np.arctan2(-ways[headed, 1], -ways[headed, 0])
    heads = np.minimum(_HEAD, lengths[headed])[:, None]
    pairs = [np.stack([places, tips], axis=1)]
    for side in (0.5, -0.5):
        barbs = heads * np.stack([np.cos(angles + side), np.sin(angles + side)], axis=1)
        pairs.append(np.stack([tips[headed], tips[headed] + barbs], axis=1))
    x, y = np.concatenate(pairs).reshape(-1, 2).T
    path: QPainterPath = pg.functions.arrayToQPath(x, y, connect="pairs")
    return path


class _FieldCanvas(PlaneCanvas):
    """Shows a field; the tooltip tells the numbers of the nearest arrow."""

    def __init__(self) -> None:
        super().__init__("score field", _TIP)
        self.field: Field | None = None
        self.here: Floats = NOTHING
        self.hint = " "

    def numbers_at(self, position: QPointF) -> str:
        """Return in words the scores of the arrow that is nearest to a position on the widget; "" without a field."""
        if self.field is None:
            return ""
        field = self.field
        nearest = int(np.argmin(np.hypot(*(field.places - self.in_plane(position)).T)))
        rows = [("x", field.places), ("learned", field.learned), ("exact", field.exact)]
        told = [f"{name} = ({_short(at[nearest][0])}, {_short(at[nearest][1])})" for name, at in rows if len(at)]
        return " &nbsp; ".join(told)

    def event(self, event: QEvent) -> bool:
        """Tell the numbers of an arrow before what the arrows mean."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            numbers = self.numbers_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), f"<p><b>{numbers}</b></p><p>{_TIP}</p>", self)
            return True
        return super().event(event)

    def paint(self, painter: QPainter, page: QRectF) -> None:
        """Paint the field."""
        if self.field is not None:
            paint_field(self.field, self.here, painter, page)


def _title(field: Field) -> str:
    return f"Score field at t = {field.t}{'' if field.label is None else f' of class {field.label}'}"


def _short(value: float) -> str:
    return number(float(value), "{:.3g}")


class ScorePanel(Panel):
    """Asks for the field of the t that is looked at, the newest first, and shows it; fields are kept for the chain.

    ``other`` asks for the other sight of the chain.
    """

    other = Signal()

    def __init__(self, worker: SessionWorker) -> None:
        super().__init__("Score field at this t", _TIP)
        self._worker = worker
        self._open = False
        self._how: Sampling = Sampling()
        self._kept: dict[int, Field] = {}
        self._t = self._asked_t = self._request = self._since = self._newest = 0
        worker.field.connect(self._got)
        self._entries = label("")
        self.error = label("", "strong", tabular=True, tip=_ERROR_TIP)
        self.head.addWidget(self._entries)
        self.head.addWidget(self.error)
        self.canvas = _FieldCanvas()
        self.body.addWidget(self.canvas, 1)
        self.scale = label(
            "", "muted", tabular=True, tip="The score that an arrow from one to the next means; another at every t"
        )
        self.foot = QWidget()
        foot = QHBoxLayout(self.foot)
        foot.setContentsMargins(0, 0, 0, 0)
        self._below = label("")
        foot.addWidget(self._below)
        foot.addWidget(self.scale)
        foot.addStretch(1)
        switch = button("film strip ›", "Show the chain as pictures, and as a hierarchical VAE", "link")
        switch.clicked.connect(self.other)
        foot.addWidget(switch)
        self.body.addWidget(self.foot)
        self._gently = QTimer(self, singleShot=True, interval=_GENTLY_MS)
        self._gently.timeout.connect(self._ask)
        self._late = QTimer(self, singleShot=True, interval=_LATE_MS)
        self._late.timeout.connect(self._say_late)
        theme.current().changed.connect(self._write)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the legend where there is room for it."""
        super().resizeEvent(event)
        self._write()

    @property
    def field(self) -> Field | None:
        """Return the field that is shown."""
        return self.canvas.field

    def clear(self, hint: str = "", *, opened: bool = False) -> None:
        """Forget the model, or the one before where another is ``opened``."""
        self._open, self._request, self._t, self._since = opened, 0, 0, next_number()
        self._kept.clear()
        self._gently.stop()
        self.canvas.field, self.canvas.hint = None, hint or " "
        self.canvas.update()
        self._write()

    def show_at(self, t: int, how: Sampling, here: Floats, *, gently: bool) -> None:
        """Show the field at t for class and guidance of ``how``; ``here`` is the followed point, (1, 2) or (0, 2).

        With ``gently`` it is asked for now and then only: a chain is being computed.
        """
        if not self._open:
            return
        asked = (how.label, how.guidance)
        if asked != (self._how.label, self._how.guidance):
            self._kept.clear()
            self._request, self._since = 0, next_number()  # fields that were asked for before are of another class
        self._t, self._how, self.canvas.here = max(t, 1), how, here
        found = self._kept.get(self._t)
        if found is not None:
            self._show(found)
        elif not gently:
            self._ask()
        elif not self._gently.isActive():
            self._gently.start()
        self.canvas.update()

    @Slot()
    def _ask(self) -> None:
        if (
            self._open
            and self._t >= 1
            and self._t not in self._kept
            and (self._request == 0 or self._asked_t != self._t)
        ):
            self._request = self._newest = next_number()
            self._asked_t = self._t
            self._late.start()
            self._worker.submit(FieldRequest(self._request, self._t, self._how, EXTENT, COLUMNS))

    @Slot()
    def _say_late(self) -> None:
        if self._open and self._request and (self.field is None or self.field.t != self._t):
            self.error.setText(f"computing t = {self._t} …")

    def failed(self, request: int) -> bool:
        """Take note that a request has failed; return whether it waited for that."""
        mine = request == self._request != 0
        if mine:
            self._request = 0
        return mine

    @Slot(object)
    def _got(self, field: Field) -> None:
        if not self._open or not self._since <= field.request <= self._newest:
            return
        if len(self._kept) >= _KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[field.t] = field
        if field.request == self._request:
            self._request = 0
        if field.t == self._t or self._t not in self._kept:
            self._show(field)  # also one that was asked for a moment ago, until that of this t is there

    def _show(self, field: Field) -> None:
        self.canvas.field, self.canvas.hint = field, ""
        self.canvas.update()
        self._write()

    def _write(self) -> None:
        field, colors = self.field, theme.colors()
        self.title.setText("Score field at this t" if field is None else _title(field))
        learned = f"<span style='color:{colors.accent}'>→ learned</span>"
        exact = f" &nbsp;<span style='color:{colors.good}'>→ exact</span>"
        known = field is None or len(field.exact) > 0
        wide = self.width() >= _WIDE
        for entries, seen in ((self._entries, wide), (self._below, not wide)):
            entries.setText(learned + (exact if known else ""))
            entries.setVisible(seen)
        if field is None:
            self.error.setText("")
            self.scale.setText("")
            return
        share = f" · {field.error / field.size:.0%}" if known and field.size > 0 else ""
        self.error.setText(f"RMS error {number(field.error, '{:.2g}')}{share}" if known else "data not known")
        self.error.setToolTip(
            f"{_ERROR_TIP}. Over the {len(field.places)} arrows: {number(field.grid_error, '{:.3g}')} "
            f"of {number(field.grid_size, '{:.3g}')}" if known else _NOT_KNOWN
        )  # fmt: skip
        one = arrow_scale(field)
        cell = 2 * EXTENT / math.sqrt(len(field.places))
        self.scale.setText(
            f"{'an arrow as long as ' if wide else ''}a cell: {number(cell / one, '{:.3g}')}" if one else ""
        )

    # ---- files ----

    def computed(self) -> Field:
        """Return the field that is shown; RunError while there is none."""
        if self.field is None:
            raise RunError("there is no score field yet; wait until it is shown, then save it")
        return self.field

    def pixels(self, scale: int = 2) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
        """Return the field as a picture (height, width, 3); RunError while there is none."""
        field, here = self.computed(), self.canvas.here
        error = f", RMS error {number(field.error, '{:.2g}')}" if math.isfinite(field.error) else ""
        title = f"{_title(field)}: learned (blue), exact (green){error}"
        return square_page(lambda painter, page: paint_field(field, here, painter, page), title, scale)

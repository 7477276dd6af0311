"""KL of every latent dimension over the epochs, as a strip of colours."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, Qt, Slot
from PySide6.QtGui import QColor, QFocusEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.config import ACTIVE_NATS
from explorer.ui import figure, theme
from explorer.ui.crosshair import Crosshair
from explorer.ui.figure import Axis
from explorer.ui.heat_columns import Columns
from explorer.ui.panel import Panel, label
from explorer.ui.plot_style import number, round_range, ticks
from explorer.ui.plot_tools import PlotTools

_LEFT, _TOP, _FOOT = 46, 8, 34  # pixels around the cells; the left as in every plot
_BAR, _BAR_ROOM = 10, 78  # the colour bar and all right of the cells
_PARTED = 6  # pixels: rows as high as that are parted by a line
_INACTIVE = f"Below {ACTIVE_NATS} nats a row is inactive: the decoder hears nothing of x from it"


@lru_cache(maxsize=1)
def viridis() -> NDArray[np.uint8]:
    """Return 256 colours (256, 3) from dark to light that are equally far apart for the eye."""
    return np.asarray(pg.colormap.get("viridis").getLookupTable(nPts=256), np.uint8)[:, :3]


class _Strip(QWidget):
    """The cells, their axes and the colour bar."""

    def __init__(self) -> None:
        super().__init__()
        self.columns = Columns()
        self.names: Sequence[str] = ()
        self.noun = ""  # what a row is, where its name does not say so
        self.marks: list[tuple[float, str]] = []
        self.right: float | None = None
        self.setMinimumSize(120, 90)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._crosshair = Crosshair(self)
        self._at: tuple[int, int] | None = None  # row and column that are read
        self.empty_text = ""

    def name(self, row: int) -> str:
        """Return what a row is called."""
        return self.names[row] if len(self.names) == self.columns.rows else str(row)

    def full_name(self, row: int) -> str:
        """Return what a row is called where nothing around it says what it is."""
        return f"{self.noun} {self.name(row)}".strip()

    @property
    def area(self) -> QRectF:
        """Return where the cells are, in pixels."""
        return QRectF(self.rect()).adjusted(_LEFT, _TOP, -_BAR_ROOM, -_FOOT)

    @property
    def horizontal(self) -> Axis:
        """Return the axis of epochs."""
        last = float(self.columns.epochs[-1]) if len(self.columns) else 1.0
        return Axis(0.0, max(self.right or 0.0, last, 1e-9), "epoch")

    @property
    def _vertical(self) -> Axis:
        rows = self.columns.rows
        return Axis(rows - 0.5, -0.5, ticks=[(float(row), self.name(row)) for row in range(rows)])

    @property
    def high(self) -> float:
        """Return the value of the lightest colour: a round number."""
        return round_range(0.0, max(self.columns.high, ACTIVE_NATS))[1]

    def colors(self, width: int) -> NDArray[np.uint8]:
        """Return the cells as colours (rows, width, 4), transparent where nothing was measured."""
        axis, columns = self.horizontal, self.columns
        centres = axis.low + (np.arange(width) + 0.5) / width * (axis.high - axis.low)
        edges = columns.edges()
        which = np.searchsorted(edges, centres, "right") - 1
        there = (which >= 0) & (which < len(columns))
        values = columns.cells[np.clip(which, 0, len(columns) - 1)].T
        shades = np.nan_to_num(np.clip(values / self.high, 0.0, 1.0))
        pixels = np.full((*values.shape, 4), 255, np.uint8)
        pixels[..., :3] = viridis()[np.rint(shades * 255).astype(int)]
        pixels[values < ACTIVE_NATS, :3] = tuple(bytes.fromhex(theme.colors().faint[1:]))
        pixels[np.isnan(values) | ~there[None], 3] = 0
        return pixels

    # ---- painting ----

    def paint_cells(self, painter: QPainter, area: QRectF, density: float) -> None:
        """Paint cells, axes, marks and colour bar; ``area`` is where the cells go."""
        pixels = self.colors(max(1, round(area.width() * density)))
        image = QImage(
            pixels.data, pixels.shape[1], pixels.shape[0], 4 * pixels.shape[1], QImage.Format.Format_RGBA8888
        )
        painter.drawImage(area, image)
        painter.setPen(QColor(theme.colors().panel))
        height = area.height() / self.columns.rows
        for row in range(1, self.columns.rows if height >= _PARTED else 0):
            y = area.top() + row * height
            painter.drawLine(QLineF(area.left(), y, area.right(), y))
        figure.paint_axes(painter, area, self.horizontal, self._vertical, grid=False)
        figure.paint_marks(painter, area, self.horizontal, self.marks)
        bar = QRectF(area.right() + 14, area.top(), _BAR, area.height())
        shades = np.ascontiguousarray(viridis()[::-1, None])
        painter.drawImage(bar, QImage(shades.data, 1, 256, 3, QImage.Format.Format_RGB888))
        painter.setPen(QColor(theme.colors().muted))
        painter.setFont(theme.font(11))
        named = ticks(0.0, self.high, int(bar.height() / 30))
        for at, text in named:
            y = bar.bottom() - at / self.high * bar.height()
            said = f"{text} nats" if at == named[-1][0] else text
            painter.drawText(QRectF(bar.right() + 6, y - 10, 60, 20), Qt.AlignmentFlag.AlignVCenter, said)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the strip, or what will appear here."""
        painter = QPainter(self)
        if len(self.columns):
            self.paint_cells(painter, self.area, self.devicePixelRatioF())
        else:
            painter.setPen(QColor(theme.colors().muted))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(24, 0, -24, 0), int(flags), self.empty_text)
        painter.end()

    # ---- reading ----

    def reading(self, row: int, column: int) -> str:
        """Return what a cell says."""
        value, epoch = self.columns.cells[column, row], self.columns.epochs[column]
        said = (
            "not finite" if np.isnan(value) else f"{number(value, '{:.2f}' if value >= ACTIVE_NATS else '{:.4f}')} nats"
        )
        return f"{self.full_name(row)}, epoch {number(epoch)}: {said}"

    def read(self, row: int, column: int, mouse: QPointF | None) -> None:
        """Show what a cell says, beside it."""
        area, axis = self.area, self.horizontal
        x = float(figure.place(axis, float(self.columns.epochs[column]), area.left(), area.right()))
        middle = QPointF(x, area.top() + (row + 0.5) / self.columns.rows * area.height())
        self._at = (row, column)
        said = self.reading(row, column)
        self._crosshair.point(area, min(x, area.right()), mouse or middle, said, [])
        self.setAccessibleDescription(said)

    def unread(self) -> None:
        """Show no cell's value any more."""
        self._at = None
        self._crosshair.hide()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Read the cell under the mouse."""
        area, at = self.area, event.position()
        if not len(self.columns) or not area.contains(at):
            self.unread()
            return
        axis = self.horizontal
        epoch = axis.low + (at.x() - area.left()) / area.width() * (axis.high - axis.low)
        edges = self.columns.edges()
        if not edges[0] <= epoch <= edges[-1]:
            self.unread()
            return
        column = min(int(np.searchsorted(edges, epoch, "right")) - 1, len(self.columns) - 1)
        row = min(int((at.y() - area.top()) / area.height() * self.columns.rows), self.columns.rows - 1)
        self.read(row, column, at)

    def leaveEvent(self, event: QEvent) -> None:
        """Read nothing."""
        self.unread()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Read nothing."""
        super().focusOutEvent(event)
        self.unread()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to a neighbouring cell, or read nothing."""
        key = Qt.Key
        moves = {key.Key_Left: (0, -1), key.Key_Right: (0, 1), key.Key_Up: (-1, 0), key.Key_Down: (1, 0)}
        move = moves.get(key(event.key()))
        if move is None or not len(self.columns):
            super().keyPressEvent(event)
            return
        row, column = self._at or (0, len(self.columns) - 1)
        row = min(max(row + move[0], 0), self.columns.rows - 1)
        self.read(row, min(max(column + move[1], 0), len(self.columns) - 1), None)


class HeatStrip(Panel):
    """A strip with a row for each latent dimension, the first on top, and a column for each measurement at its epoch.

    Colours are the average KL in nats, from 0 to a round number; an inactive dimension is grey.

    Args:
        title: what is shown.
        tip: what it means.
        empty_text: what is said as long as there is nothing to show.
        provenance: what a file that is saved says of where it comes from.
    """

    def __init__(
        self,
        title: str = "KL per dimension over the epochs (nats)",
        tip: str = "",
        *,
        empty_text: str = "",
        provenance: Callable[[], Mapping[str, object]] | None = None,
    ) -> None:
        super().__init__(title, tip)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self._provenance = provenance
        self.strip = _Strip()
        self.strip.setAccessibleName(title)
        self.strip.empty_text = empty_text
        self._inactive = label("", "muted", tip=_INACTIVE)
        self.tools = PlotTools(self)
        self._inactive.hide()
        for widget in (self._inactive, self.tools):
            self.head.addWidget(widget)
        self._file_name = "kl-per-dimension"
        self.tools.exports.add("png", "Save as PNG", ".png", self._png, lambda: self._file_name)
        self.tools.exports.add("csv", "Save values as CSV", ".csv", self._csv, lambda: self._file_name)
        self.body.addWidget(self.strip, 1)
        self._stale = False
        theme.current().changed.connect(self._recolor)
        self._recolor()

    def add(self, epoch: float, kl: Sequence[float]) -> None:
        """Take note of the average KL of each dimension (latent,), in nats; drawn by ``redraw``."""
        self.strip.columns.add(epoch, kl)
        self._stale = True

    def clear(self) -> None:
        """Forget all measurements and marks."""
        self.strip.columns.clear()
        self.strip.marks = []
        self.strip.right = None
        self._stale = True
        self.redraw()

    def redraw(self, last_epoch: float | None = None) -> None:
        """Draw what is new, on an axis up to ``last_epoch`` (what there is by default)."""
        if not self._stale and last_epoch == self.strip.right:
            return
        self._stale = False
        self.strip.right = last_epoch
        self.strip.unread()
        self.strip.update()
        self._inactive.setVisible(len(self.strip.columns) > 0)

    def set_title(self, title: str, tip: str, file_name: str) -> None:
        """Say what is shown, what it means, and what a file of it is called."""
        self.title.setText(title)
        self.title.setToolTip(tip)
        self.strip.setAccessibleName(title)
        self._file_name = file_name

    def names(self, names: Sequence[str], noun: str = "") -> None:
        """Call the rows by these names instead of 0, 1…; ``noun`` says what a row is where its name does not."""
        self.strip.names, self.strip.noun = tuple(names), noun
        self.strip.update()

    def add_mark(self, x: float, text: str) -> None:
        """Put a thin dashed line with a few words at an epoch: something happened there."""
        self.strip.marks.append((x, text))
        self.strip.update()

    def clear_marks(self) -> None:
        """Remove all marks."""
        self.strip.marks = []
        self.strip.update()

    @Slot()
    def _recolor(self) -> None:
        self._inactive.setText(f"<span style='color:{theme.colors().border}'>■</span> inactive")
        self.strip.update()

    # ---- files ----

    def _png(self) -> bytes:
        known = self._provenance() if self._provenance is not None else {}
        made = {"made": f"plot: {self.title.text()}", "time": time.strftime("%Y-%m-%dT%H:%M:%S")}
        return figure.png(self._paint_page, {**known, **made})

    def _paint_page(self, painter: QPainter, page: QRectF) -> None:
        legend = [("■", QColor(theme.colors().border)), ("inactive", QColor(theme.colors().muted))]
        area = figure.paint_head(painter, page, self.title.text(), legend)
        if len(self.strip.columns):
            self.strip.paint_cells(painter, area.adjusted(0, 0, -_BAR_ROOM, 0), figure.SCALE)

    def _csv(self) -> bytes:
        columns = self.strip.columns
        names = [f"{self.strip.full_name(row)} (nats)" for row in range(columns.rows)]
        rows = np.column_stack([columns.epochs, columns.cells]) if len(columns) else np.empty((0, 1))
        return figure.rows_of([["epoch", *names], *rows.tolist()])

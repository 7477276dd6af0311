"""Vertical lines in a plot: marks where something happened, and a cursor."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pyqtgraph as pg
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QColor

from explorer.ui import theme
from explorer.ui.curve import Scale

_CLOSE = 15  # pixels; the words of marks nearer than that would lie on each other


@dataclass(frozen=True)
class _Mark:
    x: float
    text: str
    line: pg.InfiniteLine


def with_room(pixels: Sequence[float]) -> list[bool]:
    """Return for marks at these pixels whether they have their words: of those close together only the last has."""
    rooms = [False] * len(pixels)
    following = math.inf
    for i in sorted(range(len(pixels)), key=lambda i: (pixels[i], i), reverse=True):
        rooms[i] = following - pixels[i] >= _CLOSE
        following = pixels[i] if rooms[i] else following
    return rooms


class Marks:
    """Thin dashed lines with a few words at their upper end; of marks close together the latest has its words."""

    def __init__(self, item: pg.PlotItem) -> None:
        self._item = item
        self._scale = Scale()
        self._marks: list[_Mark] = []
        self._cursor: tuple[float, pg.InfiniteLine] | None = None
        self._spacing = QTimer(item)  # once, however many marks come
        self._spacing.setSingleShot(True)
        self._spacing.timeout.connect(self._space)
        item.getViewBox().sigXRangeChanged.connect(self._space)
        item.getViewBox().sigResized.connect(self._space)

    def add(self, x: float, text: str) -> None:
        """Put a line at x."""
        line = pg.InfiniteLine(
            angle=90, label=text.replace("{", "{{").replace("}", "}}"),
            labelOpts={"position": 0.98, "rotateAxis": (1, 0), "anchors": [(1, 1), (1, 1)]},
        )  # fmt: skip
        line.label.setFont(theme.font(11))
        line.setZValue(-0.9)  # between the grid, which its words hide, and the curves, which they must not
        _dress(line)
        _put(line, self._scale.x_of(x))
        self._marks.append(_Mark(x, text, line))
        self._item.addItem(line, ignoreBounds=True)
        self._spacing.start()

    def clear(self) -> None:
        """Remove all lines but the cursor."""
        for mark in self._marks:
            self._item.removeItem(mark.line)
        self._marks = []

    def all(self) -> list[tuple[float, str]]:
        """Return where the lines are and what they say."""
        return [(mark.x, mark.text) for mark in self._marks]

    def set_cursor(self, x: float) -> None:
        """Put the cursor at x."""
        line = pg.InfiniteLine(angle=90) if self._cursor is None else self._cursor[1]
        if self._cursor is None:
            self._item.addItem(line, ignoreBounds=True)
            line.setPen(pg.mkPen(theme.colors().text, width=1.5))
        self._cursor = (x, line)
        _put(line, self._scale.x_of(x))

    @property
    def cursor_at(self) -> float | None:
        """Return where the cursor is."""
        return None if self._cursor is None else self._cursor[0]

    def place(self, scale: Scale) -> None:
        """Put all lines where their x is on this scale."""
        self._scale = scale
        for mark in self._marks:
            _put(mark.line, scale.x_of(mark.x))
        if self._cursor is not None:
            _put(self._cursor[1], scale.x_of(self._cursor[0]))
        self._space()

    def _space(self) -> None:
        width = self._item.getViewBox().viewPixelSize()[0]
        placed = [(at, mark) for mark in self._marks if (at := self._scale.x_of(mark.x)) is not None]
        rooms = with_room([at / width for at, _ in placed])
        for (_, mark), room in zip(placed, rooms, strict=True):
            if mark.line.label.isVisible() != room:
                mark.line.label.setVisible(room)

    def paint(self) -> None:
        """Take the colours of the theme that is on."""
        for mark in self._marks:
            _dress(mark.line)
        if self._cursor is not None:
            self._cursor[1].setPen(pg.mkPen(theme.colors().text, width=1.5))


def _dress(line: pg.InfiniteLine) -> None:
    colors = theme.colors()
    ground = QColor(colors.panel)
    ground.setAlpha(190)
    line.setPen(pg.mkPen(colors.muted, width=1, style=Qt.PenStyle.DashLine))
    line.label.setColor(colors.muted)
    line.label.fill = pg.mkBrush(ground)


def _put(line: pg.InfiniteLine, place: float | None) -> None:
    line.setVisible(place is not None)
    if place is not None:
        line.setValue(place)

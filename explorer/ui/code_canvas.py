"""A map of codes to paint in: a grid of coloured, numbered cells."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer import images
from explorer.messages import Floats, Pixels
from explorer.ui import theme
from explorer.ui.code_colors import Colors
from explorer.ui.code_history import Codes
from explorer.ui.heat_strip import viridis

Tool = Literal["paint", "places", "codes"]
Shade = Literal["codes", "nats"]
Cell = tuple[int, int]
_NUMBERED = 15  # pixels; smaller cells have no number
_PARTED = 8
_HOTTEST = 5.0  # nats: the lightest colour is that or the largest there is
_EMPTY = np.zeros((0, 0), np.int64)
_TIP = (
    "Each place of the image is one of the codes. Click or drag to paint with the brush; the right button, Alt+click\n"
    "or P takes the code under it as the brush; Ctrl+Z takes a stroke back"
)
_MOVES = {
    Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0),
}  # fmt: skip
_PRESSES = {Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter}


def line(first: Cell, last: Cell) -> list[Cell]:
    """Return the cells on the way from one to another, both included: a fast stroke leaves no gap."""
    steps = max(abs(last[0] - first[0]), abs(last[1] - first[1]), 1)
    rows, columns = (np.rint(np.linspace(*ends, steps + 1)).astype(int) for ends in zip(first, last, strict=True))
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True)]


class CodeCanvas(QWidget):
    """A map of codes (rows, columns); ``painted`` carries a new one at every change, ``stroked`` that one is done.

    A click or a drag paints with ``brush``; with the other tools two cells or two codes are swapped, one after the
    other. The right button, or Alt with the left one, picks a code: ``picked``. ``hovered`` carries the code under the
    mouse or the cursor of the keys, −1 for none.
    """

    painted = Signal(object)
    stroked = Signal()
    picked = Signal(int)
    hovered = Signal(int)
    undo_wanted = Signal()
    redo_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.codes: Codes = _EMPTY
        self.colors: Colors = np.zeros((0, 3), np.uint8)
        self.nats: Floats = np.zeros((0, 0), np.float32)
        self.brush = 0
        self.tool: Tool = "paint"
        self.shade: Shade = "codes"
        self.undoable = self.redoable = False
        self.first: Cell | None = None  # of the two that are swapped
        self.at: Cell = (0, 0)  # the cursor of the keys
        self._hint = ""
        self._marked = -1
        self._last: Cell | None = None  # of the stroke that is being painted
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(60, 60)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("map of codes")
        self.setToolTip(_TIP)
        theme.current().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Return a modest size: the layout decides."""
        return QSize(160, 160)

    # ---- what is shown ----

    def clear(self, hint: str) -> None:
        """Show nothing but what to do."""
        self.codes, self.first, self._last, self._hint = _EMPTY, None, None, hint
        self.update()

    def set_codes(self, codes: Codes) -> None:
        """Show a map of codes (rows, columns); a stroke that is under way ends."""
        if codes.shape != self.codes.shape:
            self.at, self.first = (0, 0), None
        self.codes, self._last = codes.copy(), None
        self.update()

    def set_nats(self, nats: Floats) -> None:
        """Take −ln p of each place, (rows, columns), in nats."""
        self.nats = nats
        self.update()

    def set_colors(self, colors: Colors) -> None:
        """Take the colours of the codes, (codes, 3); grey before they are known."""
        self.colors = colors
        self.update()

    def set_tool(self, tool: Tool) -> None:
        """Paint, or swap two places, or two codes wherever they are."""
        self.tool, self.first = tool, None
        self.setCursor(Qt.CursorShape.CrossCursor if tool == "paint" else Qt.CursorShape.PointingHandCursor)
        self.update()

    def set_shade(self, shade: Shade) -> None:
        """Colour the cells after their codes, or after what the prior says of them."""
        self.shade = shade
        self.update()

    def mark(self, code: int) -> None:
        """Mark all places of a code; −1 none."""
        if code != self._marked:
            self._marked = code
            self.update()

    def fills(self) -> Colors:
        """Return the colour of each cell, (rows, columns, 3)."""
        if self.shade == "nats" and self.nats.shape == self.codes.shape:
            share = np.clip(self.nats / max(_HOTTEST, float(self.nats.max())), 0.0, 1.0)
            return viridis()[np.rint(share * 255).astype(int)]
        if not self.codes.size or int(self.codes.max()) >= len(self.colors):
            return np.full((*self.codes.shape, 3), 128, np.uint8)
        return self.colors[self.codes]

    def picture(self, wanted: int = 256) -> Pixels:
        """Return the map as a picture (height, width, 3) about ``wanted`` pixels high, without numbers."""
        return images.enlarge(self.fills(), images.factor_for(max(1, len(self.codes)), wanted))

    # ---- geometry ----

    def cell(self, at: Cell) -> QRectF:
        """Return where a cell is."""
        rows, columns = self.codes.shape
        side = min((self.width() - 4) / columns, (self.height() - 4) / rows)
        left = (self.width() - side * columns) / 2
        return QRectF(left + at[1] * side, 1 + at[0] * side, side, side)

    def _at(self, point: QPointF, *, clipped: bool = False) -> Cell | None:
        if not self.codes.size:
            return None
        origin, (rows, columns) = self.cell((0, 0)), self.codes.shape
        row = int(np.floor((point.y() - origin.top()) / origin.height()))
        column = int(np.floor((point.x() - origin.left()) / origin.width()))
        if clipped:
            return min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
        return (row, column) if 0 <= row < rows and 0 <= column < columns else None

    # ---- changing ----

    def _use(self, at: Cell) -> None:
        if self.tool == "paint":
            self._paint(line(self._last or at, at))
            self._last = at
        elif self.first is None:
            self.first = at
        else:
            one, self.first = self.first, None
            self._swap(one, at)
        self.update()

    def _paint(self, cells: list[Cell]) -> None:
        rows, columns = np.array(cells).T
        if bool((self.codes[rows, columns] != self.brush).any()):
            self.codes[rows, columns] = self.brush
            self.painted.emit(self.codes.copy())

    def _swap(self, one: Cell, other: Cell) -> None:
        first, second = int(self.codes[one]), int(self.codes[other])
        if self.tool == "places":
            self.codes[one], self.codes[other] = second, first
        else:
            self.codes = swapped(self.codes, first, second)
        if first != second:
            self.painted.emit(self.codes.copy())
            self.stroked.emit()

    def _finish(self) -> None:
        if self._last is not None:
            self._last = None
            self.stroked.emit()

    # ---- mouse ----

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Paint, swap or pick."""
        at = self._at(event.position())
        if at is None:
            return
        self.at = at
        if event.button() == Qt.MouseButton.RightButton or event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.picked.emit(int(self.codes[at]))
        elif event.button() == Qt.MouseButton.LeftButton:
            self._use(at)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Paint on, and tell the code that is under the mouse."""
        painting = self._last is not None and bool(event.buttons() & Qt.MouseButton.LeftButton)
        at = self._at(event.position(), clipped=painting)
        if painting and at is not None and at != self._last:
            self.at = at
            self._use(at)
        self._tell(at)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the stroke."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._finish()

    def leaveEvent(self, event: QEvent) -> None:
        """Mark nothing."""
        self.hovered.emit(-1)

    def _tell(self, at: Cell | None) -> None:
        said = "" if at is None else self.reading(at)
        self.setToolTip(f"{said}\n{_TIP}".strip())
        self.setAccessibleDescription(said)
        self.hovered.emit(-1 if at is None else int(self.codes[at]))

    def reading(self, at: Cell) -> str:
        """Return what a cell says."""
        row, column = at
        said = f"row {row}, column {column}: code {self.codes[at]}"
        if self.nats.shape == self.codes.shape:
            said += f", −ln p(k_i|k_1…k_{{i−1}}) = {self.nats[at]:.2f} nats"
        return said

    # ---- keys ----

    def event(self, event: QEvent) -> bool:
        """Keep Ctrl+Z and Ctrl+Shift+Z for what is painted here, before the page has them; where nothing is, it has."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and self._undoes(event):
            event.accept()
            return True
        return super().event(event)

    def _undoes(self, event: QKeyEvent) -> bool:
        undo, redo = QKeySequence.StandardKey.Undo, QKeySequence.StandardKey.Redo
        return (self.undoable and event.matches(undo)) or (self.redoable and event.matches(redo))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk with the arrows, paint with Space or Enter, pick with P or with Alt+Enter, leave a swap with Esc."""
        key = Qt.Key(event.key())
        if self._undoes(event):
            (self.undo_wanted if event.matches(QKeySequence.StandardKey.Undo) else self.redo_wanted).emit()
        elif not self.codes.size:
            super().keyPressEvent(event)
        elif key in _MOVES:
            self._walk(_MOVES[key])
        elif key == Qt.Key.Key_P or (key in _PRESSES and event.modifiers() & Qt.KeyboardModifier.AltModifier):
            self.picked.emit(int(self.codes[self.at]))
        elif key in _PRESSES:
            self._use(self.at)
            self._finish()
        elif key == Qt.Key.Key_Escape and self.first is not None:
            self.first = None
            self.update()
        else:
            super().keyPressEvent(event)

    def _walk(self, move: Cell) -> None:
        rows, columns = self.codes.shape
        self.at = (
            min(max(self.at[0] + move[0], 0), rows - 1),
            min(max(self.at[1] + move[1], 0), columns - 1),
        )
        self._tell(self.at)
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the cursor of the keys."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide it."""
        super().focusOutEvent(event)
        self.hovered.emit(-1)
        self.update()

    # ---- painting ----

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the cells, their numbers and what is marked."""
        painter = QPainter(self)
        colors = theme.colors()
        if not self.codes.size:
            painter.setPen(QColor(colors.muted))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(8, 8, -8, -8), int(flags), self._hint)
            painter.end()
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rows, columns = self.codes.shape
        side = self.cell((0, 0)).width()
        numbered, gap = side >= _NUMBERED, 1.0 if side >= _PARTED else 0.0
        painter.setFont(theme.font(round(min(12.0, side * 0.45)) if numbered else 8, tabular=True))
        for at, fill in zip(np.ndindex(rows, columns), self.fills().reshape(-1, 3), strict=True):
            where = self.cell((at[0], at[1])).adjusted(0, 0, -gap, -gap)
            color = QColor(*(int(part) for part in fill))
            code = int(self.codes[at])
            painter.fillRect(where, color)
            if numbered:
                painter.setPen(ink(color))
                painter.drawText(where, Qt.AlignmentFlag.AlignCenter, str(code))
            if code == self._marked:
                self._ring(painter, where, colors.text, colors.window)
        if self.first is not None:
            self._ring(painter, self.cell(self.first), colors.second, colors.window)
        if self.hasFocus():
            self._ring(painter, self.cell(self.at), colors.accent, colors.window)
        painter.end()

    @staticmethod
    def _ring(painter: QPainter, where: QRectF, color: str, ground: str) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(ground), 3.5))
        painter.drawRect(where.adjusted(1, 1, -1, -1))
        painter.setPen(QPen(QColor(color), 1.8))
        painter.drawRect(where.adjusted(1, 1, -1, -1))


def swapped(codes: Codes, first: int, second: int) -> Codes:
    """Return codes with two of them exchanged wherever they are."""
    made: NDArray[np.int64] = np.where(codes == first, second, np.where(codes == second, first, codes))
    return made


def ink(ground: QColor) -> QColor:
    """Return black or white, whichever is read more easily on a colour."""
    luma = 0.299 * ground.redF() + 0.587 * ground.greenF() + 0.114 * ground.blueF()
    return QColor(theme.LIGHT.text if luma > 0.5 else theme.DARK.text)

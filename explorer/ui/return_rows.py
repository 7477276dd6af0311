"""The rows of forward and back: t, x_t, an arrow, and what the chain makes of it."""

import math

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from explorer import images
from explorer.chain_messages import Returned
from explorer.messages import Pixels
from explorer.ui import theme
from explorer.ui.panel import label
from explorer.ui.picture_grid import PictureGrid


class ReturnRow(QWidget):
    """One t. With ``original``, (1, height, width, channels), it shows one sample and how that differs from it."""

    def __init__(self, start: int, count: int, original: Pixels | None) -> None:
        super().__init__()
        self._original = original
        count = count if original is None else 2
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.name = label(f"t = {start}", tabular=True, tip="The image is noised to this t")
        self.name.setFixedWidth(58)
        self.noised = PictureGrid(f"xₜ at t = {start}", 1, gap=6)
        self.noised.setToolTip(f"xₜ at t = {start}, that of the first column: where its way back starts")
        self.arrow = label("→", "muted")
        self.back = PictureGrid(f"denoised from t = {start}", count, gap=6)
        self.back.setToolTip(f"What the chain makes of it from t = {start}; on the way x̂₀")
        self.said = label("", "muted", tabular=True, tip="Where the row is; at the end how far it is from the image")
        self.said.setFixedWidth(78)
        self.said.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for grid in (self.noised, self.back):
            grid.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
            grid.setMinimumSize(24, 24)
            grid.clear("")
        row.addWidget(self.name)
        row.addWidget(self.noised, 1)
        row.addWidget(self.arrow)
        row.addWidget(self.back, count)
        row.addWidget(self.said)

    def show_state(self, state: Returned) -> None:
        """Show where the row is."""
        self.noised.set_pixels(state.shown[:1] if state.rising else state.noised[:1])
        arrived = not math.isnan(state.distance)
        if arrived and self._original is not None:
            sample = np.broadcast_to(state.shown, (*state.shown.shape[:3], 3))
            self.back.set_pixels(np.concatenate([sample, images.difference(self._original, state.shown)]))
        elif not state.rising:
            self.back.set_pixels(state.shown)
        self.said.setText(f"RMS {state.distance:.2g}" if arrived else f"{'↑' if state.rising else '↓'} t = {state.t}")


class ReturnRows(QWidget):
    """All rows; before there are any, a hint."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[ReturnRow] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.GRID)
        self._hint = label("", "muted")
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._column.addWidget(self._hint, 1)

    def clear(self, hint: str) -> None:
        """Show nothing but a hint."""
        for row in self.rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = []
        self._hint.setText(hint)
        self._hint.show()

    def begin(self, starts: tuple[int, ...], count: int, original: Pixels | None = None) -> None:
        """Make a row for each start, with so many columns, or one and how it differs from the ``original``."""
        self.clear("")
        self._hint.hide()
        for start in starts:
            made = ReturnRow(start, count, original)
            self._column.addWidget(made, 1)
            self.rows.append(made)

    def show_row(self, state: Returned) -> None:
        """Show where a row is."""
        self.rows[state.row].show_state(state)

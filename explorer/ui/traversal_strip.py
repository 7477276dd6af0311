"""Rows of pictures, one latent dimension a row, in as many blocks side by side as makes them largest."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from explorer.messages import Pixels
from explorer.ui.panel import empty
from explorer.ui.picture_grid import PictureGrid, row_margin

_GAP = 16
_MOST_BLOCKS = 4


class TraversalStrip(QWidget):
    """Shows rows (rows, steps, height, width, channels) with a name beside each."""

    def __init__(self) -> None:
        super().__init__()
        self.grids: list[PictureGrid] = []
        self._rows: Pixels | None = None
        self._names: list[str] = []
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(_GAP)
        self.setMinimumHeight(90)

    def clear(self, hint: str) -> None:
        """Show nothing but a hint of what to do next."""
        self._rows = None
        self._make(1)
        self.grids[0].clear(hint)

    def set_rows(self, rows: Pixels, names: Sequence[str]) -> None:
        """Show rows of pictures."""
        self._rows, self._names = rows, list(names)
        self._arrange()

    def show_step(self, step: int) -> None:
        """Show one column of the rows only: what each dimension looks like there."""
        if self._rows is not None:
            self._fill(self._rows[:, step : step + 1])

    def _blocks(self, count: int, steps: int, shape: tuple[int, ...]) -> int:
        height, width = shape[:2]

        def size(blocks: int) -> float:
            across = (self.width() / blocks - _GAP - row_margin(max(self._names, key=len))) / (steps * width)
            return min(across, self.height() / (-(-count // blocks) * height))

        return max(range(1, min(_MOST_BLOCKS, count) + 1), key=size)

    def _make(self, count: int) -> None:
        if len(self.grids) == count:
            return
        empty(self._layout)
        self.grids = [PictureGrid(f"traversal {index + 1}") for index in range(count)]
        for grid in self.grids:
            self._layout.addWidget(grid)

    def _arrange(self) -> None:
        if self._rows is None:
            return
        count, steps = self._rows.shape[:2]
        self._make(self._blocks(count, steps, self._rows.shape[2:]))
        self._fill(self._rows)

    def _fill(self, rows: Pixels) -> None:
        each = -(-len(rows) // len(self.grids))
        for index, grid in enumerate(self.grids):
            part = rows[index * each : (index + 1) * each]
            names = self._names[index * each : (index + 1) * each]
            flat = np.ascontiguousarray(part).reshape(-1, *rows.shape[2:])
            grid.set_pixels(flat, rows.shape[1], row_names=names)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Find the best number of blocks for the new size."""
        if self._rows is not None:
            self._arrange()

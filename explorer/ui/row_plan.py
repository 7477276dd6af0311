"""Where rows of pictures are painted: in as many blocks side by side as makes them largest."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize

BLOCK_GAP, GROUP_GAP = 18, 7  # pixels of the screen
_MOST_BLOCKS = 6
_SINGLE_GAP, _SINGLE_NAME = 8, 18
_EDGE = 2  # for the outline of a mark


@dataclass(frozen=True)
class RowPlan:
    """The places of the cells of all rows; ``each`` rows in each of ``blocks`` blocks, enlarged by ``scale``.

    Attributes:
        size: of the widget.
        steps: cells in a row.
        shape: height and width of a picture; one pixel of its own size is between two of them.
        margin: pixels for the names beside a block.
        foot: pixels for the captions below a block.
        groups: a number for each row; a gap is where it changes.
    """

    size: QSize
    steps: int
    shape: tuple[int, int]
    margin: int
    foot: int
    groups: tuple[int, ...]
    blocks: int
    each: int
    scale: float

    def row(self, row: int) -> QRectF:
        """Return where the cells of a row are."""
        height, width = self.shape
        across = (self.steps * (width + 1) - 1) * self.scale
        block, place = divmod(row, self.each)
        total = self.blocks * (across + self.margin) + (self.blocks - 1) * BLOCK_GAP
        spare = max(0.0, self.size.width() - total - _EDGE) / self.blocks
        left = _EDGE / 2 + spare / 2 + block * (across + self.margin + BLOCK_GAP + spare) + self.margin
        # Every block begins at the same height, as if it were full.
        gaps = max(_changes(self._part(number)) for number in range(self.blocks))
        tall = (self.each * (height + 1) - 1) * self.scale + self.foot + gaps * GROUP_GAP
        top = max(_EDGE / 2, (self.size.height() - tall) / 2)
        above = _changes(self._part(block)[: place + 1])
        top += place * (height + 1) * self.scale + above * GROUP_GAP
        return QRectF(left, top, across, height * self.scale)

    def cell(self, row: int, column: int) -> QRectF:
        """Return where a cell is."""
        height, width = self.shape
        area = self.row(row)
        left = area.left() + column * (width + 1) * self.scale
        return QRectF(left, area.top(), width * self.scale, height * self.scale)

    def at(self, point: QPointF) -> tuple[int, int]:
        """Return row and column of the cell at a point, (−1, −1) where there is none."""
        for row in range(len(self.groups)):
            area = self.row(row)
            if area.contains(point):
                return row, min(self.steps - 1, int((point.x() - area.left()) / area.width() * self.steps))
        return -1, -1

    def _part(self, block: int) -> tuple[int, ...]:
        return self.groups[block * self.each : (block + 1) * self.each]


def plan_rows(
    size: QSize, steps: int, shape: tuple[int, int], margin: int, foot: int, groups: Sequence[int]
) -> RowPlan:
    """Return the plan that makes the pictures of ``len(groups)`` > 0 rows largest; see RowPlan."""
    count, (height, width) = len(groups), shape
    plans = []
    for blocks in range(1, min(_MOST_BLOCKS, count) + 1):
        each = -(-count // blocks)
        if -(-count // each) < blocks:  # the last block would be empty
            continue
        room = (size.width() - BLOCK_GAP * (blocks - 1)) / blocks - margin - _EDGE
        parts = [groups[first : first + each] for first in range(0, count, each)]
        high = size.height() - foot - GROUP_GAP * max(_changes(part) for part in parts) - _EDGE
        scale = min(room / (steps * (width + 1) - 1), high / (each * (height + 1) - 1))
        plans.append(RowPlan(size, steps, shape, margin, foot, tuple(groups), blocks, each, max(scale, 0.02)))
    return max(plans, key=lambda plan: plan.scale)


def plan_singles(size: QSize, count: int, shape: tuple[int, int]) -> list[QRectF]:
    """Return where ``count`` pictures are, as large as can be, with room for a name below each."""
    (height, width), plans = shape, []
    for columns in range(1, count + 1):
        lines = -(-count // columns)
        across, down = size.width() / columns - _SINGLE_GAP, size.height() / lines - _SINGLE_NAME - _EDGE
        plans.append((max(0.02, min(across / width, down / height)), columns))
    scale, columns = max(plans)
    lines, step_x, step_y = -(-count // columns), width * scale + _SINGLE_GAP, height * scale + _SINGLE_NAME
    left, top = (size.width() - step_x * columns + _SINGLE_GAP) / 2, (size.height() - step_y * lines) / 2
    return [
        QRectF(left + index % columns * step_x, top + index // columns * step_y, width * scale, height * scale)
        for index in range(count)
    ]


def _changes(groups: Sequence[int]) -> int:
    return sum(one != other for one, other in itertools.pairwise(groups))

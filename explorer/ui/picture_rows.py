"""Rows of pictures with a name beside each; cells to click, one marked in each row."""

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetrics,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer import images
from explorer.messages import Pixels
from explorer.ui import theme
from explorer.ui.picture_grid import to_image
from explorer.ui.row_plan import RowPlan, plan_rows, plan_singles

_NAME_GAP, _CAPTION = 8, 16  # pixels of the screen
_HIGH = 120  # pixels; a lower widget leaves all its room to the pictures
_ROUNDED = 4.0
_NOTHING = np.zeros((0, 0, 1, 1, 1), np.uint8)


class PictureRows(QWidget):
    """Rows of pictures, one of whose cells can be gone to.

    ``clicked`` carries row and column of a cell that was clicked or gone to by key, ``arranged`` says that the cells
    may be elsewhere now.

    Attributes:
        tip: gives the tooltip of a cell.
        at: the cell from which keys go on, (−1, −1) for none yet.

    Args:
        name: what a screen reader calls it.
        reserve: pixels below the captions that are left free.
    """

    clicked = Signal(int, int)
    arranged = Signal()

    def __init__(self, name: str, reserve: int = 0) -> None:
        super().__init__()
        self._reserve = reserve
        self.tip: Callable[[int, int], str] = lambda _row, _column: ""
        self.at = (-1, -1)
        self.hint = "nothing to show yet"
        self._plan: RowPlan | None = None
        self._rows, self._step = _NOTHING, -1
        self._names: list[str] = []
        self._notes: list[str] = []
        self._captions: list[str] = []
        self._groups: list[int] = []
        self._marks: list[int] = []
        self._sheets: list[QImage] = []
        self._singles: list[QImage] = []
        self._painted: QPixmap | None = None  # rows, names and captions: a mark that moves repaints only itself
        self.setAccessibleName(name)
        self.setAccessibleDescription("Left and right go along a row, up and down choose another one")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(60)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme.current().changed.connect(self._paint_anew)

    def sizeHint(self) -> QSize:
        """Return a modest size: the layout decides."""
        return QSize(320, 120)

    # ---- what is shown ----

    @property
    def pixels(self) -> Pixels:
        """Return the pictures (rows, columns, height, width, channels)."""
        return self._rows

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the rows."""
        return tuple(self._names)

    @property
    def marks(self) -> tuple[int, ...]:
        """Return the marked column of each row, −1 for none."""
        return tuple(self._marks)

    @property
    def step(self) -> int:
        """Return the one column that is shown, −1 for all."""
        return self._step

    @property
    def plan(self) -> RowPlan | None:
        """Return where the cells are; None where there are none."""
        return self._plan

    def set_rows(
        self,
        rows: Pixels,
        names: Sequence[str],
        notes: Sequence[str] = (),
        captions: Sequence[str] = (),
        groups: Sequence[int] = (),
    ) -> None:
        """Show rows (rows, columns, height, width, channels).

        Args:
            rows: the pictures.
            names: of the rows.
            notes: what is written after each name, muted.
            captions: of the columns, written below where the widget is high enough.
            groups: a number for each row; between two rows of different numbers is a gap.
        """
        if rows.shape[:2] != self._rows.shape[:2]:
            self._marks, self._step, self.at = [-1] * len(rows), -1, (-1, -1)
        self._rows, self._names = rows, list(names)
        self._notes = list(notes) or [""] * len(rows)
        self._captions, self._groups = list(captions), list(groups) or [0] * len(rows)
        self._sheets = [to_image(images.tile(row, rows.shape[1])) for row in rows]
        self.show_step(self._step)
        self._arrange()

    def clear(self, hint: str) -> None:
        """Show nothing but a hint of what to do next."""
        self._rows, self._plan, self._step, self.at, self.hint = _NOTHING, None, -1, (-1, -1), hint
        self._marks, self._sheets, self._singles = [], [], []
        self._paint_anew()
        self.arranged.emit()

    def set_marks(self, columns: Sequence[int]) -> None:
        """Mark a column in each row; −1 marks none."""
        if list(columns) != self._marks and len(columns) == len(self._rows):
            self._marks = list(columns)
            self.update()

    def show_step(self, step: int) -> None:
        """Show one column only, its pictures as large as they can be; −1 shows all columns."""
        self._step = step if step < self._rows.shape[1] else -1
        self._singles = [] if self._step < 0 else [to_image(picture) for picture in self._rows[:, self._step]]
        self.update()

    # ---- geometry ----

    @property
    def _shape(self) -> tuple[int, int]:
        return self._rows.shape[2], self._rows.shape[3]

    def rows_that_fit(self, most: int, steps: int, shape: Sequence[int], name: str, cell: int) -> int:
        """Return how many rows of pictures (height, width, …) fit that are at least ``cell`` pixels high on the screen.

        Args:
            most: how many there are.
            steps: columns.
            shape: height and width of a picture.
            name: the longest of what is written beside the rows.
            cell: pixels of the screen.
        """
        for count in range(most, 1, -1):
            foot = self._reserve + self._caption_height
            plan = plan_rows(self.size(), steps, (shape[0], shape[1]), _name_width(name), foot, [0] * count)
            if plan.scale * shape[0] >= cell:
                return count
        return 1

    @property
    def _caption_height(self) -> int:
        return _CAPTION if self.height() >= _HIGH else 0

    def _arrange(self) -> None:
        if not len(self._rows):
            return
        texts = (" ".join(filter(None, pair)) for pair in zip(self._names, self._notes, strict=True))
        margin, foot = max(map(_name_width, texts)), self._reserve
        foot += self._caption_height if self._captions else 0
        self._plan = plan_rows(self.size(), self._rows.shape[1], self._shape, margin, foot, self._groups)
        self._paint_anew()
        self.arranged.emit()

    @Slot()
    def _paint_anew(self) -> None:
        self._painted = None
        self.update()

    # ---- events ----

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Find the best number of blocks for the new size."""
        self._arrange()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint rows, names, captions and marks."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._plan is None:
            painter.setPen(QColor(theme.colors().muted))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(8, 4, -8, -4), flags, self.hint)
        elif self._step >= 0:
            self._paint_singles(painter)
        else:
            self._paint_rows(painter, self._plan)
        painter.end()

    def _paint_rows(self, painter: QPainter, plan: RowPlan) -> None:
        colors = theme.colors()
        if self._painted is None:
            self._painted = self._pixmap(plan)
        painter.drawPixmap(0, 0, self._painted)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for row, column in enumerate(self._marks):
            if column >= 0:
                painter.setPen(QPen(QColor(colors.accent), 2))
                painter.drawRoundedRect(plan.cell(row, column), 3, 3)
        if self.hasFocus() and self.at[0] >= 0:
            painter.setPen(QPen(QColor(colors.accent), 1.5, Qt.PenStyle.DotLine))
            painter.drawRoundedRect(plan.cell(*self.at).adjusted(2.5, 2.5, -2.5, -2.5), 3, 3)

    def _pixmap(self, plan: RowPlan) -> QPixmap:
        """Return rows, names and captions, painted once."""
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(self.size() * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, plan.scale < 1)
        for row, sheet in enumerate(self._sheets):
            area = plan.row(row)
            painter.drawImage(area, sheet)
            _round(painter, area)
            self._paint_name(painter, row, QRectF(area.left() - plan.margin, area.top(), plan.margin, area.height()))
        if plan.foot > self._reserve:
            self._paint_captions(painter, plan)
        painter.end()
        return pixmap

    def _paint_name(self, painter: QPainter, row: int, where: QRectF) -> None:
        colors, note = theme.colors(), self._notes[row]
        painter.setFont(theme.font(12))
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        where.adjust(0, 0, -_NAME_GAP, 0)
        painter.setPen(QColor(colors.muted))
        painter.drawText(where, flags, note)
        painter.setPen(QColor(colors.text))
        taken = painter.fontMetrics().horizontalAdvance(f" {note}") if note else 0
        painter.drawText(where.adjusted(0, 0, -taken, 0), flags, self._names[row])

    def _paint_captions(self, painter: QPainter, plan: RowPlan) -> None:
        painter.setPen(QColor(theme.colors().muted))
        painter.setFont(theme.font(11, tabular=True))
        widest = max(painter.fontMetrics().horizontalAdvance(text) for text in self._captions) + 6
        steps, pitch = plan.steps, plan.cell(0, 0).width()
        few = [0, (steps - 1) // 2, steps - 1] if steps * pitch > 3 * widest else []
        for block in range(plan.blocks):
            row = min(len(self._rows), (block + 1) * plan.each) - 1
            for column in range(steps) if pitch >= widest else few:
                cell = plan.cell(row, column)
                below = QRectF(cell.center().x() - 40, cell.bottom() + 1, 80, _CAPTION - 2)
                painter.drawText(below, Qt.AlignmentFlag.AlignCenter, self._captions[column])

    def _paint_singles(self, painter: QPainter) -> None:
        areas = plan_singles(self.size(), len(self._singles), self._shape)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, areas[0].height() < self._shape[0])
        painter.setFont(theme.font(12))
        painter.setPen(QColor(theme.colors().muted))
        for area, image, name in zip(areas, self._singles, self._names, strict=True):
            painter.drawImage(area, image)
            _round(painter, area)
            below = QRectF(area.left() - 20, area.bottom() + 1, area.width() + 40, _CAPTION)
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, name)

    def _cell_at(self, point: QPointF) -> tuple[int, int]:
        return (-1, -1) if self._plan is None or self._step >= 0 else self._plan.at(point)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the cell under the mouse."""
        row, column = self._cell_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and row >= 0:
            self.at = row, column
            self.clicked.emit(row, column)
            self.update()

    def event(self, event: QEvent) -> bool:
        """Say of the cell under the mouse what it is."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row, column = self._cell_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self.tip(row, column) if row >= 0 else "", self)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right go along a row, up and down choose another one, Return goes to the cell."""
        count, steps = self._rows.shape[:2]
        key = Qt.Key(event.key())
        along = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Home: -steps, Qt.Key.Key_End: steps,
            Qt.Key.Key_Return: 0, Qt.Key.Key_Enter: 0,
        }  # fmt: skip
        across = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if not count or self._step >= 0 or key not in {*along, *across}:
            super().keyPressEvent(event)
            return
        row, column = self.at if self.at[0] >= 0 else (0, self._start(0))
        if key in across:
            row = min(count - 1, max(0, row + across[key]))
            self.at = row, self._start(row)
        else:
            self.at = row, min(steps - 1, max(0, column + along[key]))
            self.clicked.emit(*self.at)
        self.update()

    def _start(self, row: int) -> int:
        """Return the column from which keys go on: the marked one, else the middle."""
        return self._marks[row] if self._marks[row] >= 0 else self._rows.shape[1] // 2

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show from where the keys go on."""
        super().focusInEvent(event)
        if len(self._rows) and self.at[0] < 0:
            self.at = 0, self._start(0)
        self.update()


def _name_width(name: str) -> int:
    return QFontMetrics(theme.font(12)).horizontalAdvance(name) + _NAME_GAP if name else 0


def _round(painter: QPainter, area: QRectF) -> None:
    """Round the corners of what was painted: painted over, as a rounded clip is slow."""
    corners = QPainterPath()
    corners.addRect(area.adjusted(-0.5, -0.5, 0.5, 0.5))
    corners.addRoundedRect(area, _ROUNDED, _ROUNDED)
    painter.fillPath(corners, QColor(theme.colors().panel))

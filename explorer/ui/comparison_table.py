"""Final figures and the settings that differ, a column for each run; cells can be copied."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QBrush, QColor, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from explorer.comparison import Difference, FinalFigure, Subject, differences, final_figures
from explorer.ui import theme
from explorer.ui.facts import spaced
from explorer.ui.run_list import swatch
from explorer.ui.setting_row import choice_name, shown_value
from explorer.ui.table_style import dress
from explorer.ui.training_status import duration

_NOTHING = "–"
_NARROWEST = 104  # pixels of a run's column
_ROW = 26


def figure_text(key: str, value: float | None) -> str:
    """Return a final figure as people write it."""
    if value is None:
        return _NOTHING
    if key == "seconds":
        return duration(value)
    if key in {"epochs", "parameters", "active_dimensions"}:
        return spaced(round(value)) if value == round(value) else f"{value:.1f}"
    shown = f"{value:.4g}" if key in {"test_loss", "test_commitment"} else f"{value:.2f}"
    return shown.replace("-", "−")


class ComparisonTable(QTableWidget):
    """A table of two parts; Ctrl+C copies the cells that are selected, with tabs between them."""

    def __init__(self) -> None:
        super().__init__()
        self._subjects: list[Subject] = []
        self._colors: list[int | None] = []
        self.cautions: list[str] = []
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        for corner in self.findChildren(QAbstractButton):
            corner.setToolTip("Settings and figures by row, runs by column")
        self.setAccessibleName("comparison of runs")
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setHighlightSections(False)
            header.setDefaultAlignment(left)
        # Names are a header, so that they stay when the columns of many runs are scrolled.
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(_ROW)
        self.horizontalHeader().setMinimumSectionSize(_NARROWEST)
        self.horizontalHeader().setTextElideMode(Qt.TextElideMode.ElideMiddle)  # what tells two apart is at the end
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        QShortcut(QKeySequence.StandardKey.Copy, self, self.copy, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        theme.current().changed.connect(self._recolor)
        self._recolor()

    def show_subjects(self, subjects: Sequence[Subject], colors: Sequence[int | None]) -> None:
        """Compare subjects, the first of which is this one; ``colors`` are class colours, None without one."""
        self._subjects, self._colors = list(subjects), list(colors)
        self._fill()

    @Slot()
    def _recolor(self) -> None:
        dress(self)
        self._fill()

    def _fill(self) -> None:
        figures, settings = final_figures(self._subjects), differences(self._subjects)
        self.cautions = [f"{one.label} cannot be compared: {one.caution}" for one in figures if one.caution]
        self.clear()
        self.setColumnCount(len(self._subjects))
        self.setRowCount(0)
        self._name_columns()
        if figures:
            self._add_row("Final figures", part=True)
        for figure in figures:
            self._add_figure(figure)
        if len(self._subjects) > 1:
            self._add_row("Settings that differ" if settings else "No setting differs", part=True)
        for setting in settings:
            self._add_setting(setting)

    def _name_columns(self) -> None:
        for column, (one, color) in enumerate(zip(self._subjects, self._colors, strict=True)):
            item = QTableWidgetItem(one.name if column else "this one")
            if color is not None:
                item.setIcon(swatch(color))
            item.setToolTip("\n".join(filter(None, [one.name, one.path])))
            self.setHorizontalHeaderItem(column, item)

    def _add_figure(self, figure: FinalFigure) -> None:
        unit = f", {figure.unit}" if figure.unit and figure.unit != "s" else ""
        tip = "\n".join(filter(None, [figure.meaning, figure.caution]))
        row = self._add_row(f"{figure.label}{'*' if figure.caution else ''}{unit}", tip)
        for column, value in enumerate(figure.values):
            item = self._cell(row, column, figure_text(figure.key, value), muted=value is None)
            item.setToolTip("" if value is None else f"{value!r} {figure.unit}".strip())
            if figure.best == column:
                item.setFont(theme.font(bold=True, tabular=True))
                item.setForeground(QBrush(QColor(theme.colors().good)))
                item.setToolTip(f"{item.toolTip()}, the best of these")

    def _add_setting(self, setting: Difference) -> None:
        row = self._add_row(setting.label, f"{setting.address}\n{setting.meaning}")
        for column, value in enumerate(setting.values):
            text = _NOTHING if value is None else shown_value(value)
            item = self._cell(row, column, choice_name(text) if setting.chosen else text, muted=value is None)
            item.setToolTip("this one has no such setting, or it does nothing there" if value is None else text)

    def _add_row(self, name: str, tip: str = "", *, part: bool = False) -> int:
        row = self.rowCount()
        self.insertRow(row)
        item = QTableWidgetItem(name)
        item.setToolTip(tip)
        if part:
            item.setFont(theme.font(12, bold=True))
            for column in range(self.columnCount()):
                self._cell(row, column, "", muted=True).setFlags(Qt.ItemFlag.NoItemFlags)
        self.setVerticalHeaderItem(row, item)
        return row

    def _cell(self, row: int, column: int, text: str, *, muted: bool) -> QTableWidgetItem:
        item = QTableWidgetItem(text)
        item.setFont(theme.font(tabular=True))
        colors = theme.colors()
        item.setForeground(QBrush(QColor(colors.muted if muted else colors.text)))
        self.setItem(row, column, item)
        return item

    @Slot()
    def copy(self) -> None:
        """Copy the selected cells with the names of their rows and columns, or all of them."""
        chosen = {(index.row(), index.column()) for index in self.selectedIndexes()}
        if not chosen:
            chosen = {(row, column) for row in range(self.rowCount()) for column in range(self.columnCount())}
        columns = sorted({column for _, column in chosen})
        lines = [["", *(one.name for column, one in enumerate(self._subjects) if column in columns)]]
        for row in sorted({row for row, _ in chosen}):
            name = self.verticalHeaderItem(row)
            cells = [self.item(row, column) if (row, column) in chosen else None for column in columns]
            lines.append([item.text() if item is not None else "" for item in (name, *cells)])
        QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in lines))

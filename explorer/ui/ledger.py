"""The ledger of a run: reconstruction, minus KL, is the ELBO; and what is minimized."""

import html
import re
from collections.abc import Mapping

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QGuiApplication, QPalette, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QSizePolicy

from explorer import ledger
from explorer.config import RunConfig
from explorer.ledger import Row
from explorer.training_messages import Measurement
from explorer.ui import theme
from explorer.ui.panel import EPS_HAT, Panel, button, column, empty, label
from explorer.ui.plot_style import number

_NOTHING = "–"
_SPLITS = ("train", "test")
_NARROW = 560  # pixels; units then stand before the meanings
_SELECTABLE = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
_CHECK = "Whether the parts add up to the sums, to the accuracy that numbers are computed and written with"


def _typeset(term: str) -> str:
    """Return a term as rich text, with what follows an underscore set below the line."""
    lowered = re.sub(r"_(?:\(([^)]*)\)|(\w))", lambda found: f"<sub>{found[1] or found[2]}</sub>", html.escape(term))
    return lowered.replace("ε̂", EPS_HAT)


def _amount(value: float | None, digits: int) -> str:
    """Return a number of the table; one that would be 0 when rounded gets two digits more."""
    if value is None:
        return _NOTHING
    return number(value, f"{{:.{digits + (2 if 0 < abs(value) < 0.5 * 10**-digits else 0)}f}}")


class LedgerView(Panel):
    """A table (term, train, test, unit, meaning) that reads like an account, a rule above each sum."""

    def __init__(self) -> None:
        super().__init__("Ledger", "What each number of the curves is, in which unit, and what it adds up to")
        self._config: RunConfig | None = None
        self._shape: ledger.Shape = (1, 1, 1)
        self.rows: tuple[Row, ...] = ()
        self._names: dict[str, QLabel] = {}
        self._cells: dict[tuple[str, str], QLabel] = {}
        self._units: list[QLabel] = []
        self._meanings: list[QLabel] = []
        self._balanced: bool | None = None
        self.check = label("", "muted", tip=_CHECK)
        self.head.addWidget(self.check)
        self.copy = button("Copy", "Copy the table as text, with tabs between its columns")
        self.copy.clicked.connect(self._copy)
        self.head.addWidget(self.copy)
        inside, body = column(theme.GRID + 4)
        body.setContentsMargins(0, 0, 12, 0)  # room for the scroll bar
        inside.setObjectName("scrolled")
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(0)
        self._grid.setColumnStretch(0, 1)
        body.addLayout(self._grid)
        self.remark = self._note("")
        self.convention = self._note("")
        body.addWidget(self.remark)
        body.addWidget(self.convention)
        body.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        self.body.addWidget(area, 1)
        theme.current().changed.connect(self._say_whether_it_adds_up)
        self.clear()

    def _note(self, text: str) -> QLabel:
        made = label(text, "note")
        made.setWordWrap(True)
        made.setTextInteractionFlags(_SELECTABLE)
        made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)  # wraps instead of widening
        made.setMinimumHeight(1)  # or a wrapped text asks for the room of a narrow one
        return made

    # ---- the table ----

    def lay_out(self, config: RunConfig, shape: ledger.Shape) -> None:
        """Make the rows of a run's family.

        Args:
            config: the run's settings.
            shape: (channels, height, width) of an item of its data set.
        """
        self._config, self._shape = config, shape
        rows = ledger.rows(config, shape)
        self.convention.setText(ledger.convention(config, shape))
        if rows != self.rows:
            self.rows = rows
            self._make()
        self.clear()

    def _make(self) -> None:
        empty(self._grid)
        self._names, self._cells, self._units, self._meanings = {}, {}, [], []
        for place, split in enumerate(_SPLITS, 1):
            head = label(split, "title", tip=f"Averages over the {'training' if split == 'train' else 'test'} items")
            head.setContentsMargins(0, 0, 0, 6)
            self._grid.addWidget(head, 0, place, Qt.AlignmentFlag.AlignRight)
        line = 1
        for row in self.rows:
            if row.parts or row.apart:
                self._rule(line, whole=row.apart)
                line += 1
            self._add(row, line)
            line += 2
        self._place_units()

    def _rule(self, line: int, *, whole: bool) -> None:
        """Draw a line: above a sum below the numbers, above a new account from edge to edge."""
        holder, inside = column(0)
        inside.setContentsMargins(0, 12 if whole else 2, 0, 10 if whole else 4)
        rule = QFrame()
        rule.setFixedHeight(1)
        rule.setBackgroundRole(QPalette.ColorRole.Mid if whole else QPalette.ColorRole.PlaceholderText)
        rule.setAutoFillBackground(True)
        inside.addWidget(rule)
        if whole:
            self._grid.addWidget(holder, line, 0, 1, 4)
        else:
            self._grid.addWidget(holder, line, 1, 1, 2)

    def _add(self, row: Row, line: int) -> None:
        role = "strong" if row.parts else ""
        name = label(_typeset(row.term), role, tip=row.formula)
        name.setTextFormat(Qt.TextFormat.RichText)
        name.setTextInteractionFlags(_SELECTABLE)
        name.setAccessibleDescription(row.meaning)
        self._names[row.key] = name
        self._grid.addWidget(name, line, 0)
        for place, split in enumerate(_SPLITS, 1):
            cell = label(_NOTHING, role, tip=row.formula)
            cell.setFont(theme.font(bold=bool(row.parts), tabular=True))
            cell.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            cell.setMinimumWidth(72)
            cell.setTextInteractionFlags(_SELECTABLE)
            cell.setAccessibleName(f"{row.term} {split}")
            self._cells[row.key, split] = cell
            self._grid.addWidget(cell, line, place)
        unit, meaning = label(row.unit, "muted"), self._note(row.meaning)
        meaning.setContentsMargins(0, 1, 0, 9)
        self._units.append(unit)
        self._meanings.append(meaning)
        self._grid.addWidget(unit, line, 3)
        self._grid.addWidget(meaning, line + 1, 0, 1, 4)

    def _place_units(self) -> None:
        narrow = self.width() < _NARROW
        for row, unit, meaning in zip(self.rows, self._units, self._meanings, strict=True):
            unit.setVisible(not narrow)
            self._write(meaning, f"{row.unit} · {row.meaning}" if narrow and row.unit else row.meaning)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow table has no column of units."""
        self._place_units()

    # ---- the numbers ----

    def clear(self) -> None:
        """Show no numbers."""
        for cell in self._cells.values():
            cell.setText(_NOTHING)
        self._balanced = None
        self._say_whether_it_adds_up()
        self.remark.setText("")
        self.remark.hide()
        self.copy.setEnabled(False)

    def show_numbers(self, train: Measurement | None, test: Measurement | None, beta: float) -> None:
        """Show the newest measurements of both splits; ``beta`` is β in force at the newer one."""
        if self._config is None:
            return
        balances: list[bool | None] = []
        for split, measurement in zip(_SPLITS, (train, test), strict=True):
            amounts: Mapping[str, float] = {}
            if measurement is not None:
                amounts = ledger.amounts(self._config, self._shape, measurement, beta)
            for row in self.rows:
                self._write(self._cells[row.key, split], _amount(amounts.get(row.key), row.digits))
                balances.append(ledger.balances(row, amounts))
        if "weighted" in self._names:
            term = next(row.term for row in self.rows if row.key == "weighted")
            self._write(self._names["weighted"], _typeset(f"{term}, β = {number(beta)}"))
        seen = (measurement for measurement in (train, test) if measurement is not None)
        remarks = " ".join(filter(None, (ledger.remark(self._config, one, beta) for one in seen)))
        self._write(self.remark, remarks)
        self.remark.setVisible(bool(remarks))
        self._balanced = None if not {True, False} & set(balances) else False not in balances
        self._say_whether_it_adds_up()
        self.copy.setEnabled(train is not None or test is not None)

    @Slot()
    def _say_whether_it_adds_up(self) -> None:
        colors = theme.colors()
        color, words = (colors.good, "adds up") if self._balanced else (colors.bad, "does not add up")
        text = "" if self._balanced is None else f"<span style='color:{color}'>●</span> {words}"
        self._write(self.check, text)

    @staticmethod
    def _write(where: QLabel, text: str) -> None:
        """Write what is new: a selection survives what has not changed."""
        if where.text() != text:
            where.setText(text)

    def text(self) -> str:
        """Return the table as text, with tabs between its columns."""
        lines = [("term", *_SPLITS, "unit", "meaning")]
        for row in self.rows:
            numbers = (self._cells[row.key, split].text() for split in _SPLITS)
            lines.append((row.term, *numbers, row.unit, row.meaning))  # type: ignore[arg-type]
        notes = [note.text() for note in (self.remark, self.convention) if note.text()]
        return "\n".join(["\t".join(line) for line in lines] + notes)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text())

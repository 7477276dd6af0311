"""A seed: written, rolled with the dice, or taken again from those that were used."""

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction, QIntValidator
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QToolButton, QWidget

from explorer.ui import theme
from explorer.ui.panel import label

LARGEST_SEED = 2**31 - 1
_MOST = 20  # seeds that are remembered
_AROUND = 26  # pixels of a field that are not for its text: border, padding, cursor


class SeedField(QWidget):
    """A seed from 0 to 2³¹ − 1; ``changed`` when another one is entered, rolled or taken."""

    changed = Signal()

    def __init__(self, name: str = "seed", usual: int = 42) -> None:
        super().__init__()
        self._random = np.random.default_rng()
        self._seed = usual
        self._used: list[int] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.line = QLineEdit(str(usual))
        self.line.setValidator(QIntValidator(0, LARGEST_SEED))
        self.line.setFont(theme.font(tabular=True))
        self.line.setFixedWidth(self.line.fontMetrics().horizontalAdvance(str(LARGEST_SEED)) + _AROUND)
        self.line.setToolTip("Same seed, same noise: the same pictures on every machine, up to rounding")
        self.line.setAccessibleName(name)
        self.line.editingFinished.connect(self._entered)
        self.dice = QToolButton()
        self.dice.setToolTip("Draw another seed")
        self.dice.setAccessibleName(f"another {name}")
        self.dice.clicked.connect(self._roll)
        self.history = QToolButton()
        self.history.setToolTip("Seeds used before, the last one first")
        self.history.setAccessibleName(f"{name}s used before")
        self.history.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self)
        self._menu.triggered.connect(self._taken)
        self.history.setMenu(self._menu)
        self.history.setEnabled(False)
        for tool in (self.dice, self.history):
            tool.setProperty("role", "icon")
        for widget in (label(name, "muted"), self.line, self.dice, self.history):
            row.addWidget(widget)
        theme.current().changed.connect(self._icons)
        self._icons()

    @Slot()
    def _icons(self) -> None:
        for tool, name in ((self.dice, "dice"), (self.history, "history")):
            tool.setIcon(theme.icon(name, theme.colors().text))

    @property
    def seed(self) -> int:
        """Return the seed."""
        return self._seed

    @property
    def used(self) -> tuple[int, ...]:
        """Return the seeds used before, the last one first."""
        return tuple(self._used)

    def set_seed(self, seed: int) -> None:
        """Enter a seed."""
        self.line.setText(str(seed))
        self._entered()

    def remember(self, seed: int) -> None:
        """Take note that a seed is used."""
        self._used = [seed, *(other for other in self._used if other != seed)][:_MOST]
        self._menu.clear()
        for used in self._used:
            self._menu.addAction(str(used)).setData(used)
        self.history.setEnabled(len(self._used) > 1)

    @Slot()
    def _entered(self) -> None:
        text = self.line.text()
        before, self._seed = self._seed, min(int(text), LARGEST_SEED) if text.isdecimal() else self._seed
        self.line.setText(str(self._seed))
        if self._seed != before:
            self.changed.emit()

    @Slot()
    def _roll(self) -> None:
        self.set_seed(int(self._random.integers(0, LARGEST_SEED)))

    @Slot(QAction)
    def _taken(self, action: QAction) -> None:
        self.set_seed(int(action.data()))

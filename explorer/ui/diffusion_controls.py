"""The row of controls above the chain: direction, how many, seed, Sample, Export."""

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QIntValidator, QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QToolButton, QWidget

from explorer.ui import theme
from explorer.ui.export import ExportButton
from explorer.ui.page import Page
from explorer.ui.panel import Segmented, button, label

COUNTS = (1, 4, 9, 16, 25, 36, 64)
_LARGEST_SEED = 2**31 - 1


class DiffusionControls(QWidget):
    """Says what is wanted: ``direction_changed``, ``seed_changed``, ``sample_pressed`` (which also means cancel)."""

    direction_changed = Signal()
    seed_changed = Signal()
    sample_pressed = Signal()

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._random = np.random.default_rng()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        self.mode = Segmented(
            [
                ("forward", "Forward q", "Noise a test image: q(x_t|x₀)"),
                ("reverse", "Reverse p", "Denoise pure noise step by step: p(x_{t−1}|x_t)"),
            ],
            "direction",
        )
        self.mode.choose("reverse")
        self.mode.chosen.connect(self.direction_changed)
        self.count = QComboBox()
        self.count.addItems([f"{count} sample{'s' if count > 1 else ''}" for count in COUNTS])
        self.count.setCurrentIndex(COUNTS.index(16))
        self.count.setToolTip("How many images to draw at once")
        self.count.setAccessibleName("number of samples")
        self.seed_field = QLineEdit("42")
        self.seed_field.setValidator(QIntValidator(0, _LARGEST_SEED))
        self.seed_field.setFixedWidth(96)
        self.seed_field.setToolTip("Same seed, same noise: the same pictures on every machine, up to rounding")
        self.seed_field.setAccessibleName("seed")
        self.seed_field.editingFinished.connect(self.seed_changed)
        self.dice = QToolButton()
        self.dice.setToolTip("Draw another seed")
        self.dice.setAccessibleName("another seed")
        self.dice.clicked.connect(self._roll)
        self.sample = button("Sample", "Run the reverse chain from noise (Ctrl+Return)", "primary")
        self.sample.clicked.connect(self.sample_pressed)
        QShortcut(QKeySequence("Ctrl+Return"), page, self.sample.click)  # a button forgets its own with a new text
        self.export = ExportButton(page)
        for widget in (self.mode, self.count, label("seed", "muted"), self.seed_field, self.dice):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.sample)
        row.addWidget(self.export)
        theme.current().changed.connect(self._icons)
        self._icons()

    @Slot()
    def _icons(self) -> None:
        self.dice.setIcon(theme.icon("dice", theme.colors().text))

    @Slot()
    def _roll(self) -> None:
        self.seed_field.setText(str(int(self._random.integers(0, _LARGEST_SEED))))
        self.seed_changed.emit()
        if not self.forward:
            self.sample_pressed.emit()

    @property
    def forward(self) -> bool:
        """Return whether the forward process is asked for."""
        return self.mode.key == "forward"

    @property
    def seed(self) -> int:
        """Return the seed; what is no number is 0."""
        text = self.seed_field.text()
        return min(int(text), _LARGEST_SEED) if text.isdecimal() else 0

    @property
    def wanted(self) -> int:
        """Return how many samples are asked for."""
        return COUNTS[self.count.currentIndex()]

    def set_state(self, *, ready: bool, running: bool, exportable: bool) -> None:
        """Enable what can be used now; while a chain runs, Sample is Cancel."""
        for widget in (self.sample, self.seed_field, self.dice, self.mode):
            widget.setEnabled(ready)
        self.count.setEnabled(ready and not self.forward)
        self.sample.setText("Cancel" if running else "Sample")
        self.sample.setProperty("role", "" if running else "primary")
        self.sample.style().polish(self.sample)
        self.export.setEnabled(exportable)

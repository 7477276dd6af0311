"""The controls above the chain: direction, how to sample, how many, seed, Sample; in two rows where it is narrow."""

import numpy as np
from PySide6.QtCore import QEvent, Signal, Slot
from PySide6.QtGui import QIntValidator, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLineEdit, QToolButton, QWidget

from explorer.ui import theme
from explorer.ui.export import ExportButton
from explorer.ui.page import Page
from explorer.ui.panel import Segmented, button, label
from explorer.ui.sampling_controls import SamplingControls

COUNTS = (1, 4, 9, 16, 25, 36, 64)
_LARGEST_SEED = 2**31 - 1


class DiffusionControls(QWidget):
    """Says what is wanted by ``direction_changed``, ``seed_changed``, ``sampling_changed`` and ``sample_pressed``.

    The last one also means cancel; ``sampling_changed`` is another sampler, class or the like.
    """

    direction_changed = Signal()
    seed_changed = Signal()
    sampling_changed = Signal()
    sample_pressed = Signal()

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._random = np.random.default_rng()
        self.cloud = False  # points come all at once
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(10)
        self._grid.setColumnStretch(2, 1)
        self.sampling = SamplingControls()
        self.sampling.changed.connect(self.sampling_changed)
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
        self.count.activated.connect(self.sampling_changed)
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
        self._grid.addWidget(self.mode, 0, 0)
        self._grid.addWidget(self.sampling, 0, 1)
        self._rest = QWidget()
        row = QHBoxLayout(self._rest)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        for widget in (self.count, label("seed", "muted"), self.seed_field, self.dice):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.sample)
        row.addWidget(self.export)
        self._grid.addWidget(self._rest, 0, 2)
        theme.current().changed.connect(self._icons)
        self._icons()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give what does not fit a row of its own."""
        super().resizeEvent(event)
        self._arrange()

    def event(self, event: QEvent) -> bool:
        """Look again whether all fits when something is shown or hidden."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._arrange()
        return super().event(event)

    def _arrange(self) -> None:
        needed = sum(part.sizeHint().width() for part in (self.mode, self.sampling, self._rest)) + 20
        narrow = self.width() < needed
        if narrow != (self._grid.itemAtPosition(1, 0) is not None):
            self._grid.removeWidget(self._rest)
            if narrow:
                self._grid.addWidget(self._rest, 1, 0, 1, 3)
            else:
                self._grid.addWidget(self._rest, 0, 2)

    @Slot()
    def _icons(self) -> None:
        self.dice.setIcon(theme.icon("dice", theme.colors().text))

    @Slot()
    def _roll(self) -> None:
        self.seed_field.setText(str(int(self._random.integers(0, _LARGEST_SEED))))
        self.seed_changed.emit()

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
        self.count.setEnabled(ready)
        self.count.setVisible(not self.forward and not self.cloud)
        self.sampling.setVisible(not self.forward)
        self.sampling.setEnabled(ready)
        self.sample.setText("Cancel" if running else "Sample")
        self.sample.setProperty("role", "" if running else "primary")
        self.sample.style().polish(self.sample)
        self.export.setEnabled(exportable)

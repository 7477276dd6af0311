"""The row above the chain: which mode, what the mode can be told, start or cancel, export; two rows where narrow."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Signal, Slot
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from explorer.ui.chain_mode import ChainMode
from explorer.ui.panel import Segmented, button


class DiffusionControls(QWidget):
    """``mode_changed`` says that another mode is wanted, ``run_pressed`` that the button was pressed.

    ``draw_pressed`` carries whether a data set is to be drawn.

    The button starts what the mode has to start, and cancels it while it runs.

    Args:
        modes: key, name and tooltip of each mode.
        page: where Ctrl+Return presses the button.
    """

    mode_changed = Signal()
    run_pressed = Signal()
    draw_pressed = Signal(bool)

    def __init__(self, modes: Sequence[tuple[str, str, str]], page: QWidget) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(2, 1)
        self.mode = Segmented(modes, "what to look at")
        self.mode.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.mode.chosen.connect(self._mode_chosen)
        self.run = button("Sample", "Run the reverse chain from noise (Ctrl+Return)", "primary")
        self.run.clicked.connect(self.run_pressed)
        QShortcut(QKeySequence("Ctrl+Return"), page, self.run.click)  # a button forgets its own with a new text
        self.export = QPushButton("Export ▾")
        self.export.setToolTip("Save what is shown as a picture or a film")
        self.export.setAccessibleName("Export")
        self.draw = button("Draw a data set…", "Draw points with the mouse, and train a model on them in seconds")
        self.draw.setCheckable(True)
        self.draw.clicked.connect(self.draw_pressed)
        self._bars = QWidget()
        self._bar_row = QHBoxLayout(self._bars)
        self._bar_row.setContentsMargins(0, 0, 0, 0)
        self._bar_row.addStretch(1)
        self._bar: QWidget | None = None
        self._right = QWidget()
        right = QHBoxLayout(self._right)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(10)
        for made in (self.draw, self.run, self.export):
            right.addWidget(made)
        self.draw.hide()  # it has a parent by now
        self._grid.addWidget(self.mode, 0, 0)
        self._grid.addWidget(self._bars, 0, 1)
        self._grid.addWidget(self._right, 0, 3)

    @Slot(str)
    def _mode_chosen(self, _key: str) -> None:
        self.mode_changed.emit()

    def add_bar(self, bar: QWidget) -> None:
        """Take the controls of a mode, to show them when it is chosen."""
        bar.hide()
        self._bar_row.insertWidget(0, bar)

    def show_mode(self, mode: ChainMode) -> None:
        """Show the controls of a mode, and its menu."""
        if self._bar is not mode.bar:
            if self._bar is not None:
                self._bar.hide()
            self._bar = mode.bar
            self._bar.show()
            self.export.setMenu(mode.exports)
        self.set_state(mode)

    def set_drawing(self, drawing: bool) -> None:
        """Show that a data set is being drawn: there is nothing to sample or save then."""
        self.draw.setChecked(drawing)
        self._bars.setVisible(not drawing)
        self.export.setVisible(not drawing)

    def set_state(self, mode: ChainMode) -> None:
        """Enable what can be used now; while it runs, the button is Cancel."""
        running = mode.running
        self.draw.setVisible(mode.model is not None and mode.model.points)
        self.run.setVisible(mode.runs and not self.draw.isChecked())
        self.run.setEnabled(mode.model is not None)
        self.run.setText("Cancel" if running else mode.run_text)
        self.run.setToolTip("Stop; what is computed stays (Ctrl+Return)" if running else mode.run_tip)
        role = "" if running else "primary"
        if self.run.property("role") != role:
            self.run.setProperty("role", role)
            self.run.style().polish(self.run)
        self.export.setEnabled(mode.exportable)

    # ---- one row or two ----

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
        needed = sum(part.sizeHint().width() for part in (self.mode, self._bars, self._right)) + 30
        narrow = self.width() < needed
        if narrow != (self._grid.itemAtPosition(1, 0) is not None):
            self._grid.removeWidget(self._bars)
            if narrow:
                self._grid.addWidget(self._bars, 1, 0, 1, 4)
            else:
                self._grid.addWidget(self._bars, 0, 1)

"""The scrubber of the time machine: a slider over moments, play, steps; it knows positions, not what they show."""

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QToolButton

from explorer.ui import theme
from explorer.ui.filled_slider import FilledSlider
from explorer.ui.panel import Panel, button, label

_EACH_MS = 125  # calm: eight moments a second


class TravelBar(Panel):
    """Moves through ``count`` positions; ``moved`` carries where, whoever moved it.

    ``foot`` takes further widgets at its right end.
    """

    moved = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.head.setParent(None)  # the slider is the head
        self.count = 0
        self._timer = QTimer(self, interval=_EACH_MS)
        self._timer.timeout.connect(self._tick)
        self.slider = FilledSlider()
        self.slider.setSingleStep(1)
        self.slider.setPageStep(10)
        self.slider.setToolTip("Drag through the training (← → one snapshot, Home and End the first and last)")
        self.slider.setAccessibleName("moment of the training")
        self.slider.valueChanged.connect(self._scrubbed)
        self.body.addWidget(self.slider)
        self.foot = QHBoxLayout()
        self.foot.setSpacing(theme.GRID)
        self.back = self._tool("One snapshot back (←)", self.step_back)
        self.play = self._tool("Play or pause (Space)", self.toggle)
        self.forth = self._tool("One snapshot on (→)", self.step_on)
        self.where = label("", tabular=True)
        self.foot.addWidget(self.where, 1)
        self.latest = button("Latest", "Go to the newest snapshot, and stay with the training from there")
        self.latest.clicked.connect(self.go_to_last)
        self.foot.addWidget(self.latest)
        self.body.addLayout(self.foot)
        theme.current().changed.connect(self._icons)
        self._icons()
        self.set_count(0)

    def _tool(self, tip: str, act: object) -> QToolButton:
        made = QToolButton()
        made.setToolTip(tip)
        made.setAccessibleName(tip)
        made.setFixedSize(38, 30)
        made.clicked.connect(act)
        self.foot.addWidget(made)
        return made

    @Slot()
    def _icons(self) -> None:
        colors = theme.colors()
        self.back.setIcon(theme.icon("previous", colors.text))
        self.forth.setIcon(theme.icon("next", colors.text))
        self.play.setIcon(theme.icon("pause" if self.playing else "play", colors.accent))

    # ---- positions ----

    @property
    def position(self) -> int:
        """Return the position that is shown."""
        return round(self.slider.value())

    @property
    def at_the_end(self) -> bool:
        """Return whether the newest is shown."""
        return self.position >= self.count - 1

    @property
    def playing(self) -> bool:
        """Return whether it moves by itself."""
        return self._timer.isActive()

    def set_count(self, count: int, position: int = 0) -> None:
        """Say how many positions there are and which is shown, without telling anybody."""
        self.count = count
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(1, count - 1))
        self.slider.setValue(position)
        self.slider.blockSignals(False)
        self._enable()

    def _enable(self) -> None:
        for widget in (self.back, self.play, self.forth, self.slider):
            widget.setEnabled(self.count > 1)
        self.latest.setEnabled(self.count > 0 and not self.at_the_end)

    def go_to(self, position: int) -> None:
        """Show a position, the nearest there is."""
        if self.count == 0:
            return
        position = max(0, min(position, self.count - 1))
        self.slider.blockSignals(True)
        self.slider.setValue(position)
        self.slider.blockSignals(False)
        self._enable()
        self.moved.emit(position)

    @Slot(float)
    def _scrubbed(self, position: float) -> None:
        self.pause()
        self.go_to(round(position))

    # ---- moving ----

    @Slot()
    def toggle(self) -> None:
        """Play or pause; at the end, play from the beginning."""
        if self.playing:
            self.pause()
        elif self.count > 1:
            if self.at_the_end:
                self.go_to(0)
            self._timer.start()
            self._icons()

    def pause(self) -> None:
        """Stand still."""
        self._timer.stop()
        self._icons()

    @Slot()
    def step_on(self) -> None:
        """Show the next position."""
        self.pause()
        self.go_to(self.position + 1)

    @Slot()
    def step_back(self) -> None:
        """Show the position before."""
        self.pause()
        self.go_to(self.position - 1)

    @Slot()
    def go_to_last(self) -> None:
        """Show the newest position."""
        self.pause()
        self.go_to(self.count - 1)

    @Slot()
    def _tick(self) -> None:
        self.go_to(self.position + 1)
        if self.at_the_end:
            self.pause()

    def press(self, key: Qt.Key) -> bool:
        """Do what a key means here and return whether it means anything."""
        acts = {
            Qt.Key.Key_Left: self.step_back,
            Qt.Key.Key_Right: self.step_on,
            Qt.Key.Key_End: self.go_to_last,
            Qt.Key.Key_Space: self.toggle,
        }
        if key == Qt.Key.Key_Home:
            self.pause()
            self.go_to(0)
        elif key in acts:
            acts[key]()
        else:
            return False
        return True

"""The transport bar: play, pause, step, scrub, speed; it knows positions, not pictures."""

import time

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from explorer.ui import theme
from explorer.ui.filled_slider import FilledSlider
from explorer.ui.panel import Panel, Segmented, label

_TICK_MS = 33
_WHOLE_SECONDS = 8.0
SPEEDS = {"¼×": 0.25, "1×": 1.0, "4×": 4.0, "16×": 16.0}


class Player(Panel):
    """Moves through ``total`` positions of which the first ``ready`` can be shown already; ``moved`` carries where."""

    moved = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.head.setParent(None)  # a single row needs no title
        self._total, self._ready, self._exact = 0, 0, 0.0
        self._last = 0.0
        self._timer = QTimer(self, interval=_TICK_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self.back = self._tool("previous", "One step back (←)")
        self.play = self._tool("play", "Play or pause (Space)")
        self.forth = self._tool("next", "One step on (→)")
        self.back.clicked.connect(self.step_back)
        self.play.clicked.connect(self.toggle)
        self.forth.clicked.connect(self.step_on)
        self.speed = Segmented([(name, name, f"Play at {name} speed") for name in SPEEDS], "speed")
        self.speed.choose("1×")
        self.where = label("", tabular=True)
        self.where.setMinimumWidth(64)
        self.slider = FilledSlider()
        self.slider.setSingleStep(1)
        self.slider.setPageStep(10)
        self.slider.setToolTip("Drag to any step that is computed")
        self.slider.setAccessibleName("step of the chain")
        self.slider.valueChanged.connect(self._scrubbed)
        self.ends = label("", "muted")
        self._lay_out()
        theme.current().changed.connect(self._icons)
        self._icons()
        self.set_positions(0)

    def _tool(self, name: str, tip: str) -> QToolButton:
        made = QToolButton()
        made.setProperty("icon_name", name)
        made.setToolTip(tip)
        made.setAccessibleName(tip)
        made.setFixedSize(38, 32)
        return made

    def _lay_out(self) -> None:
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        for widget in (self.back, self.play, self.forth, self.speed, self.where):
            row.addWidget(widget)
        row.addWidget(self.slider, 1)
        row.addWidget(self.ends)
        for key in ("Space", "← →"):
            row.addWidget(label(key, "key"))
        self.body.addWidget(bar)
        self.setMaximumHeight(64)

    @Slot()
    def _icons(self) -> None:
        for tool in (self.back, self.forth):
            tool.setIcon(theme.icon(str(tool.property("icon_name")), theme.colors().text))
        self.play.setIcon(theme.icon("pause" if self.playing else "play", theme.colors().accent))

    # ---- positions ----

    @property
    def position(self) -> int:
        """Return the position that is shown."""
        return round(self.slider.value())

    @property
    def playing(self) -> bool:
        """Return whether it moves by itself."""
        return self._timer.isActive()

    def set_positions(self, total: int, ready: int | None = None) -> None:
        """Say how many positions there are and how many can be shown."""
        self._total, self._ready = total, total if ready is None else ready
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, total - 1))
        self.slider.blockSignals(False)
        for widget in (self.back, self.play, self.forth, self.slider):
            widget.setEnabled(self._ready > 0)

    def go_to(self, position: int) -> None:
        """Show a position; one that is not computed yet becomes the last that is."""
        position = max(0, min(position, self._ready - 1))
        self._exact = float(position)
        self.slider.blockSignals(True)
        self.slider.setValue(position)
        self.slider.blockSignals(False)
        if self._ready > 0:
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
        elif self._ready > 0:
            if self.position >= self._total - 1:
                self.go_to(0)
            self.start()

    def start(self) -> None:
        """Play from here."""
        self._last = time.monotonic()
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
    def _tick(self) -> None:
        now = time.monotonic()
        rate = self._total / _WHOLE_SECONDS * SPEEDS[self.speed.key]
        # Never more than a tenth of a second at once: after a stall the film goes on instead of jumping.
        wanted = self._exact + min(now - self._last, 0.1) * rate
        self._last = now
        exact = min(wanted, float(self._ready - 1))
        if int(exact) != self.position:
            self.go_to(int(exact))
        self._exact = exact
        if self.position >= self._total - 1:
            self.pause()

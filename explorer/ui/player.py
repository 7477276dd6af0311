"""The transport bar: play, pause, step, scrub, speed, loop; it knows positions, not pictures."""

import time

from PySide6.QtCore import QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from explorer.ui import theme
from explorer.ui.filled_slider import FilledSlider
from explorer.ui.panel import Panel, Segmented, label

_TICK_MS = 33
_WAITING_TICK_MS = 100  # while positions are computed: what the window does then is taken from that
_WHOLE_SECONDS = 8.0
_HOLD_SECONDS = 1.0  # that a loop stays at its end
_NARROW = 860  # pixels
SPEEDS = {"¼×": 0.25, "1×": 1.0, "4×": 4.0, "16×": 16.0}


class Timeline(FilledSlider):
    """A slider of whole positions; a thin line below its groove says how far there is something to show."""

    def __init__(self) -> None:
        super().__init__()
        self.reach = 0  # the last position that can be shown

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the slider, and the line where not all can be shown."""
        super().paintEvent(event)
        if not 0 <= self.reach < self.maximum():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.colors().muted))
        left, right = self._x(self.minimum()), self._x(self.reach)
        painter.drawRoundedRect(QRectF(left, self.height() / 2 + 5, max(2.0, right - left), 2), 1, 1)
        painter.end()


class Player(Panel):
    """Moves through ``total`` positions of which the first ``ready`` can be shown already; ``moved`` carries where.

    While more are ``coming`` it waits at the last that is ready; else it stops there, or begins again if it loops.
    """

    moved = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.head.setParent(None)  # a single row needs no title
        self._total, self._ready, self._exact, self._coming = -1, 0, 0.0, False
        self._last, self._held = 0.0, 0.0
        self._timer = QTimer(self, interval=_TICK_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self.back = self._tool("previous", "One step back (←)")
        self.play = self._tool("play", "Play or pause (Space)")
        self.forth = self._tool("next", "One step on (→)")
        self.back.clicked.connect(self.step_back)
        self.play.clicked.connect(self.toggle)
        self.forth.clicked.connect(self.step_on)
        self.loop = self._tool("loop", "Begin again at the end")
        self.loop.setCheckable(True)
        self.loop.toggled.connect(self._icons)
        self.speed = Segmented([(name, name, f"Play at {name} speed") for name in SPEEDS], "speed")
        self.speed.choose("1×")
        self.where = label("", tabular=True)
        self.where.setMinimumWidth(64)
        self.slider = Timeline()
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
        for widget in (self.back, self.play, self.forth, self.loop, self.speed, self.where):
            row.addWidget(widget)
        row.addWidget(self.slider, 1)
        row.addWidget(self.ends)
        self._keys = [label(key, "key") for key in ("Space", "← →")]
        for key in self._keys:
            row.addWidget(key)
        self.body.addWidget(bar)
        self.setMaximumHeight(64)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the slider its room."""
        super().resizeEvent(event)
        for key in self._keys:
            key.setVisible(self.width() >= _NARROW)

    @Slot()
    def _icons(self) -> None:
        for tool in (self.back, self.forth):
            tool.setIcon(theme.icon(str(tool.property("icon_name")), theme.colors().text))
        self.loop.setIcon(theme.icon("loop", theme.colors().muted, theme.colors().accent))
        self._play_icon()

    def _play_icon(self) -> None:
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

    @property
    def ready(self) -> int:
        """Return how many positions can be shown."""
        return self._ready

    def set_positions(self, total: int, ready: int | None = None, *, coming: bool = False) -> None:
        """Say how many positions there are, how many can be shown, and whether the rest is being computed."""
        ready = total if ready is None else ready
        self._coming = coming
        self._timer.setInterval(_WAITING_TICK_MS if coming else _TICK_MS)
        if (total, ready) == (self._total, self._ready):
            return
        self._total, self._ready = total, ready
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, total - 1))
        self.slider.reach = ready - 1
        self.slider.blockSignals(False)
        self.slider.update()
        if ready == 0 and self.window().focusWidget() is self.slider:
            self.setFocus()  # until there is something to scrub: the keys are not to fall to any other widget
        for widget in (self.back, self.play, self.forth, self.slider):
            widget.setEnabled(ready > 0)
        if ready > 0 and self.window().focusWidget() is self:
            self.slider.setFocus()

    def take_focus(self) -> None:
        """Take the keys: Space and the arrows are for playing."""
        (self.slider if self.slider.isEnabled() else self).setFocus()

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
            if self.position >= self._last_to_come:
                self.go_to(0)
            self.start()

    @property
    def _last_to_come(self) -> int:
        """Return the position at which there is nothing more to wait for."""
        return (self._total if self._coming else self._ready) - 1

    def start(self) -> None:
        """Play from here."""
        self._last, self._held = time.monotonic(), 0.0
        self._timer.start()
        self._play_icon()

    def pause(self) -> None:
        """Stand still."""
        if self.playing:
            self._timer.stop()
            self._play_icon()

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
        # Never much more than a tick at once: after a stall the film goes on instead of jumping.
        passed, self._last = min(now - self._last, 0.15), now
        if self.position >= self._last_to_come:
            self._end(passed)
            return
        exact = min(self._exact + passed * rate, float(self._ready - 1))
        if int(exact) != self.position:
            self.go_to(int(exact))
        self._exact = exact
        if self.position >= self._last_to_come and not self.loop.isChecked():
            self.pause()

    def _end(self, passed: float) -> None:
        self._held += passed
        if not self.loop.isChecked():
            self.pause()
        elif self._held >= _HOLD_SECONDS:
            self._held = 0.0
            self.go_to(0)

    def handle_key(self, event: QKeyEvent) -> bool:
        """Play with Space, step with the arrows; return whether the key was one of these."""
        actions = {
            Qt.Key.Key_Space: self.toggle,
            Qt.Key.Key_Left: self.step_back,
            Qt.Key.Key_Right: self.step_on,
        }
        action = actions.get(Qt.Key(event.key()))
        if action is not None:
            action()
        return action is not None

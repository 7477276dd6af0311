"""What steers a training: start, pause, step, slow motion, stop, and the knobs that turn while it learns."""

import math
from dataclasses import replace

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from explorer.config import MOST_BETA, RATES
from explorer.training_messages import Knobs
from explorer.ui import theme
from explorer.ui.filled_slider import FilledSlider
from explorer.ui.knob_field import KnobField
from explorer.ui.panel import button, label

_SLOW_SECONDS = 0.5
_SETTLED_MS = 300  # a slider that rests as long has been turned; on its way it is not
_LARGEST_BETA = 50.0


class LiveControls(QWidget):
    """Says what is wanted of the training.

    ``started`` (also means resume), ``restarted``, ``paused``, ``stepped``, ``slowed`` (seconds after each step),
    ``stopped``, ``turned`` with Knobs, and ``replayed``: the next run shall turn them as the one that is shown.
    """

    started = Signal()
    restarted = Signal()
    paused = Signal(bool)
    stepped = Signal()
    slowed = Signal(float)
    stopped = Signal()
    turned = Signal(object)
    replayed = Signal()

    def __init__(self, page: QWidget) -> None:
        super().__init__()
        self._running = self._waiting = False
        self.knobs = Knobs()
        self._own_beta: float | None = None
        self._settled = QTimer(self, singleShot=True, interval=_SETTLED_MS)
        self._settled.timeout.connect(self._tell)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        self.step = button("Step", "Take one step and wait again")
        self.step.clicked.connect(self._step)
        self.slow = button("Slow", f"Slow motion: wait {_SLOW_SECONDS:g} s after every step")
        self.slow.setCheckable(True)
        self.slow.toggled.connect(self._slow)
        layout.addWidget(self._knobs())
        self.start = button(
            "Start", "Train in the background (Ctrl+Return); while it trains, pause and go on", "primary"
        )
        QShortcut(QKeySequence("Ctrl+Return"), page, self.start.click)
        self.start.clicked.connect(self._start_or_pause)
        self.stop = button("Stop", "Stop after this step; the model so far is kept and can be explored", "danger")
        self.stop.clicked.connect(self.stopped)
        row = QHBoxLayout()
        row.addWidget(self.start, 1)
        row.addWidget(self.stop)
        layout.addLayout(row)
        self.anew = button(
            "Start anew", "Begin a new run with these settings instead of going on with this one", "link"
        )
        self.anew.clicked.connect(self.restarted)
        layout.addWidget(self.anew)
        self.replay = button("", "Put these turns into the settings (training.turns): a new run repeats them", "link")
        self.replay.clicked.connect(self.replayed)
        layout.addWidget(self.replay)
        self.show_turns(0)
        theme.current().changed.connect(self._icons)
        self.show_state(running=False, waiting=False)

    def _knobs(self) -> QWidget:
        self._panel = QWidget()
        grid = QGridLayout(self._panel)
        grid.setContentsMargins(0, 0, 0, 0)
        head = QHBoxLayout()
        head.addWidget(label("While it trains", "title", tip="Every turn is written down and drawn as a line"), 1)
        head.addWidget(self.step)
        head.addWidget(self.slow)
        grid.addLayout(head, 0, 0, 1, 3)
        self.beta, self.rate = FilledSlider(), FilledSlider(origin=0.0)
        self._beta_name = label("β", "muted", tip="The weight of the KL term, in place of the run's")
        rate_name = label("lr ×", "muted", tip="A factor of the learning rate")
        self._beta_value = KnobField("β", 0.0, MOST_BETA)
        self._rate_value = KnobField("The factor of the learning rate", *RATES)
        self._beta_value.typed.connect(self._beta_typed)
        self._rate_value.typed.connect(self._rate_typed)
        self.beta.setRange(0.0, 1.0)
        self.beta.setAccessibleName("β while it trains")
        self.beta.setToolTip("β now; the slider is finer near 0")
        self.rate.setRange(*map(math.log10, RATES))
        self.rate.setAccessibleName("learning rate factor while it trains")
        self.rate.setToolTip(f"Learning rate now over the setting, from {RATES[0]:g} to {RATES[1]:g} times")
        for slider in (self.beta, self.rate):
            slider.setSingleStep(0.01)
            slider.setPageStep(0.1)
            slider.valueChanged.connect(self._turn)
            slider.sliderReleased.connect(self._tell)
        rows: tuple[tuple[QWidget, ...], ...] = (
            (self._beta_name, self.beta, self._beta_value),
            (rate_name, self.rate, self._rate_value),
        )
        for row, widgets in enumerate(rows, start=1):
            for place, widget in enumerate(widgets):
                grid.addWidget(widget, row, place)
        grid.setColumnStretch(1, 1)
        self._complaint = label("", "problem")
        self._complaint.setWordWrap(True)
        self._complaint.hide()
        for field in (self._beta_value, self._rate_value):
            field.complained.connect(self._complain)
        grid.addWidget(self._complaint, len(rows) + 1, 0, 1, 3)
        return self._panel

    # ---- the knobs ----

    def set_knobs(self, knobs: Knobs, beta: float | None) -> None:
        """Show how the knobs stand; ``beta`` is what the settings say, None where the model has no KL term to weigh."""
        self._settled.stop()
        self.knobs, self._own_beta = knobs, beta
        has_beta = beta is not None
        shown = knobs.beta if knobs.beta is not None else beta or 0.0
        for widget in (self._beta_name, self.beta, self._beta_value):
            widget.setVisible(has_beta)
        self._largest = min(MOST_BETA, max(_LARGEST_BETA, 2 * shown))
        for slider, value in (
            (self.beta, math.sqrt(shown / self._largest)),
            (self.rate, math.log10(knobs.rate)),
        ):
            slider.blockSignals(True)
            slider.setValue(value)
            slider.blockSignals(False)
        self._write()

    def _write(self) -> None:
        beta = self.knobs.beta if self.knobs.beta is not None else self._own_beta
        self._beta_value.show_value("" if beta is None else f"{beta:.4g}")
        self._rate_value.show_value(f"{self.knobs.rate:.4g}")

    def follow(self, knobs: Knobs) -> None:
        """Show how a replay turned the knobs, unless somebody is turning them."""
        if not self._settled.isActive() and not self.beta.isSliderDown() and not self.rate.isSliderDown():
            self.set_knobs(knobs, self._own_beta)

    @Slot()
    def _turn(self) -> None:
        """Show the number on the way; it is one turn when the slider is let go or rests. The other knob stays."""
        if self.sender() is self.beta:  # to two digits; a run's own β is not touched until somebody does
            self.knobs = replace(self.knobs, beta=float(f"{self._largest * self.beta.value() ** 2:.2g}"))
        else:
            self.knobs = replace(self.knobs, rate=float(f"{10 ** self.rate.value():.3g}"))
        self._write()
        self._settled.start()

    @Slot(str)
    def _complain(self, text: str) -> None:
        self._complaint.setText(text)
        self._complaint.setVisible(bool(text))

    @Slot(float)
    def _beta_typed(self, beta: float) -> None:
        self.set_knobs(replace(self.knobs, beta=beta), self._own_beta)
        self._tell()

    @Slot(float)
    def _rate_typed(self, rate: float) -> None:
        self.set_knobs(replace(self.knobs, rate=rate), self._own_beta)
        self._tell()

    @Slot()
    def _tell(self) -> None:
        self._settled.stop()
        self.turned.emit(self.knobs)

    def _tell_now(self) -> None:
        if self._settled.isActive():
            self._tell()

    # ---- the buttons ----

    def show_state(self, *, running: bool, waiting: bool, resumable: bool = False) -> None:
        """Enable what can be done now; ``resumable``: the run that is shown can go on."""
        self._running, self._waiting = running, waiting
        self._panel.setVisible(running)
        words = ("Go on" if waiting else "Pause") if running else "Resume" if resumable else "Start"
        self.start.setText(words)
        self.start.setAccessibleName(words)
        self.stop.setEnabled(running)
        self.anew.setVisible(resumable and not running)
        if not running:
            self.slow.setChecked(False)
        self._icons()

    def show_turns(self, count: int) -> None:
        """Offer to repeat the turns of the run that is shown, if there are any."""
        self.replay.setText(f"Replay its {count} turns" if count > 1 else "Replay its turn")
        self.replay.setAccessibleName(self.replay.text())
        self.replay.setVisible(count > 0)

    @Slot()
    def _icons(self) -> None:
        colors = theme.colors()
        pause = self._running and not self._waiting
        self.start.setIcon(theme.icon("pause" if pause else "play", colors.on_accent))
        self.stop.setIcon(theme.icon("stop", colors.bad))

    @Slot()
    def _start_or_pause(self) -> None:
        if not self._running:
            self.started.emit()
            return
        self._tell_now()
        self.show_state(running=True, waiting=not self._waiting)
        self.paused.emit(self._waiting)

    @Slot()
    def _step(self) -> None:
        self._tell_now()
        self.show_state(running=True, waiting=True)
        self.stepped.emit()

    @Slot(bool)
    def _slow(self, on: bool) -> None:
        self.slowed.emit(_SLOW_SECONDS if on else 0.0)

"""What steers a training: start, pause, step, slow motion, stop, and the knobs that turn while it learns."""

import math

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from explorer.messages import Knobs
from explorer.ui import theme
from explorer.ui.filled_slider import FilledSlider
from explorer.ui.panel import button, label

_SLOW_SECONDS = 0.5
_LARGEST_BETA = 50.0
_RATE_DECADES = (-2.0, 1.0)


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
        self._beta_value, self._rate_value = label("", tabular=True), label("", tabular=True)
        self.beta.setRange(0.0, 1.0)
        self.beta.setAccessibleName("β while it trains")
        self.beta.setToolTip("β now; the slider is finer near 0")
        self.rate.setRange(*_RATE_DECADES)
        self.rate.setAccessibleName("learning rate factor while it trains")
        self.rate.setToolTip("Learning rate now over the setting, from a hundredth to ten times")
        for slider in (self.beta, self.rate):
            slider.setSingleStep(0.01)
            slider.setPageStep(0.1)
            slider.valueChanged.connect(self._turn)
        rows: tuple[tuple[QWidget, ...], ...] = (
            (self._beta_name, self.beta, self._beta_value),
            (rate_name, self.rate, self._rate_value),
        )
        for row, widgets in enumerate(rows, start=1):
            for place, widget in enumerate(widgets):
                grid.addWidget(widget, row, place)
        grid.setColumnStretch(1, 1)
        grid.setColumnMinimumWidth(2, 44)
        return self._panel

    # ---- the knobs ----

    def set_knobs(self, knobs: Knobs, *, has_beta: bool) -> None:
        """Show how the knobs stand; ``has_beta`` says whether the model has a KL term to weigh."""
        self._has_beta = has_beta
        for widget in (self._beta_name, self.beta, self._beta_value):
            widget.setVisible(has_beta)
        self._largest = max(_LARGEST_BETA, 2 * (knobs.beta or 0.0))
        for slider, value in (
            (self.beta, math.sqrt((knobs.beta or 0.0) / self._largest)),
            (self.rate, math.log10(knobs.rate)),
        ):
            slider.blockSignals(True)
            slider.setValue(value)
            slider.blockSignals(False)
        self._write()

    @property
    def knobs(self) -> Knobs:
        """Return how the knobs stand: β to two digits, the factor to a hundredth of a decade."""
        beta = float(f"{self._largest * self.beta.value() ** 2:.2g}") if self._has_beta else None
        return Knobs(beta, float(f"{10 ** self.rate.value():.3g}"))

    def _write(self) -> None:
        knobs = self.knobs
        self._beta_value.setText("" if knobs.beta is None else f"{knobs.beta:g}")
        self._rate_value.setText(f"{knobs.rate:.2g}")

    @Slot()
    def _turn(self) -> None:
        self._write()
        self.turned.emit(self.knobs)

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
        self.show_state(running=True, waiting=not self._waiting)
        self.paused.emit(self._waiting)

    @Slot()
    def _step(self) -> None:
        self.show_state(running=True, waiting=True)
        self.stepped.emit()

    @Slot(bool)
    def _slow(self, on: bool) -> None:
        self.slowed.emit(_SLOW_SECONDS if on else 0.0)

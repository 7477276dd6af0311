"""The Train page: an experiment, its curves while it learns, and what it makes now."""

from pathlib import Path

import numpy as np
from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QProgressBar

from explorer import metrics, runs
from explorer.config import ModelConfig, RunConfig
from explorer.errors import ExplorerError
from explorer.messages import (
    Failure,
    Knobs,
    Measurement,
    Pictures,
    Progress,
    TrainingEnded,
    TrainingStarted,
    Turned,
)
from explorer.ui.config_form import ConfigForm
from explorer.ui.data_finder import DataFinder
from explorer.ui.live_controls import LiveControls
from explorer.ui.now_panel import NowPanel
from explorer.ui.page import Page
from explorer.ui.panel import Panel, label
from explorer.ui.training_curves import TrainingCurves
from explorer.workers.training_thread import TrainingThread

_REDRAW_MS = 200  # 5 Hz: at 20 Hz plotting costs training a third of its speed


def duration(seconds: float) -> str:
    """Return a time span in words, such as "1 min 50 s"."""
    if not np.isfinite(seconds):
        return "…"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class TrainPage(Page):
    """One training at a time, in a thread of its own; ``trained`` and ``explore`` carry a run folder and its family."""

    trained = Signal(str)
    explore = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.thread_: TrainingThread | None = None
        self.folder: Path | None = None
        self.progress: Progress | None = None
        self._title = ""
        self._unfinished = False
        self._shown_config: RunConfig | None = None
        self._redraw = QTimer(self, interval=_REDRAW_MS)
        self._redraw.timeout.connect(self._draw)
        self._build()
        self.form.changed.connect(self._form_changed)
        self._form_changed()

    # ---- layout ----

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 12, 12, 12)
        row.setSpacing(12)
        row.addWidget(self._experiment())
        self.curves = TrainingCurves()
        row.addWidget(self.curves, 1)
        self.now = NowPanel(self, self._provenance)
        self.now.explore_button.clicked.connect(self._explore)
        row.addWidget(self.now)

    def _experiment(self) -> Panel:
        panel = Panel("Experiment", "What is learned, by which model, and how")
        panel.setFixedWidth(300)
        self.form = ConfigForm()
        panel.body.addWidget(self.form, 1)
        self.finder = DataFinder(self)
        panel.body.addWidget(self.finder)
        self.live = LiveControls(self)
        self.live.started.connect(self.start)
        self.live.restarted.connect(self._start_anew)
        self.live.stopped.connect(self.cancel_job)
        self.live.paused.connect(self._pause)
        self.live.stepped.connect(self._step)
        self.live.slowed.connect(self._slow)
        self.live.turned.connect(self._turn)
        panel.body.addWidget(self.live)
        self.status_line = label("", "muted", tabular=True)
        self.status_line.setWordWrap(True)
        panel.body.addWidget(self.status_line)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("training progress")
        panel.body.addWidget(self.bar)
        return panel

    @property
    def family(self) -> str:
        """Return the family that the page is laid out for."""
        return self.curves.family

    @Slot()
    def _form_changed(self) -> None:
        self.finder.look(self.form.data_name)
        self._buttons()
        if self.running or self.folder is not None:
            return
        self._lay_out_for(self.form._config.model)

    def _lay_out_for(self, model: ModelConfig) -> None:
        family = model.family
        self.curves.set_family(family, getattr(model, "predicts", "eps"))
        self.now.lay_out(family)

    # ---- training ----

    @property
    def running(self) -> bool:
        """Return whether a training is under way."""
        return self.thread_ is not None

    @Slot()
    def start(self) -> None:
        """Train what the form says; where a run is shown that can go on and nothing was changed, go on with it."""
        if self.running:
            return
        try:
            config = self.form.config()
        except ExplorerError as error:
            self.problem.emit(Failure(str(error)))
            return
        resumed = self._resumable()
        self._title, self._shown_config = config.title, self.form._config
        if resumed is None:
            self.folder, self.progress = None, None
            self.curves.clear()
            self.now.clear()
            self._lay_out_for(config.model)
        self.live.set_knobs(self._knobs_of(config, resumed), has_beta=hasattr(config.model, "beta"))
        self.thread_ = TrainingThread(resumed or config, parent=self)
        self.thread_.happened.connect(self._happened)
        self.thread_.failed.connect(self._failed)
        self.thread_.finished.connect(self._finished)
        self.thread_.start()
        self.status_line.setText("starting…")
        self.job.emit((f"training {self._title}", -1.0))
        self._buttons()
        self._redraw.start()

    @Slot()
    def _start_anew(self) -> None:
        self._unfinished = False
        self.start()

    def cancel_job(self) -> None:
        """Stop the training; what it learned is kept."""
        if self.thread_ is not None:
            self.thread_.requestInterruption()
            self.status_line.setText("stopping and saving…")
            self.live.stop.setEnabled(False)

    def _resumable(self) -> Path | None:
        """Return the folder of the run that is shown if it can go on and the form still says what it was made with."""
        if self.folder is None or self.running or not self._unfinished:
            return None
        return self.folder if self.form._config == self._shown_config else None

    def _knobs_of(self, config: RunConfig, resumed: Path | None) -> Knobs:
        turned = metrics.turns(resumed) if resumed is not None else []
        last = turned[-1].knobs if turned else Knobs()
        return Knobs(last.beta if last.beta is not None else getattr(config.model, "beta", None), last.rate)

    @Slot(bool)
    def _pause(self, paused: bool) -> None:
        if self.thread_ is not None:
            self.thread_.pause(paused)
            if paused:
                self.status_line.setText("paused · nothing is lost")

    @Slot()
    def _step(self) -> None:
        if self.thread_ is not None:
            self.thread_.step()

    @Slot(float)
    def _slow(self, seconds: float) -> None:
        if self.thread_ is not None:
            self.thread_.slow_down(seconds)

    @Slot(object)
    def _turn(self, knobs: Knobs) -> None:
        if self.thread_ is not None:
            self.thread_.turn(knobs)

    def _buttons(self) -> None:
        paused = self.thread_ is not None and self.thread_.paused
        self.live.show_state(running=self.running, waiting=paused, resumable=self._resumable() is not None)
        self.form.setEnabled(not self.running)
        self.now.explore_button.setEnabled(self.folder is not None and not self.running)

    @Slot(object)
    def _happened(self, messages: tuple[object, ...]) -> None:
        for message in messages:
            if isinstance(message, Progress):
                self.progress = message
                self.curves.add(message.measurement)
            elif isinstance(message, Pictures):
                self.now.show_pictures(message)
            elif isinstance(message, Turned):
                self.curves.mark(message)
            elif isinstance(message, TrainingStarted):
                self.folder = Path(message.folder)
                self.subject.emit(f"run: {self.folder.name}")
            elif isinstance(message, TrainingEnded):
                self._ended(message)

    def _ended(self, message: TrainingEnded) -> None:
        self._redraw.stop()  # or the next tick would write over what is said here
        self._unfinished = message.reason != "finished"
        words = "finished" if message.reason == "finished" else "stopped and kept"
        self.status_line.setText(f"{words} after {message.step} steps, {duration(message.metrics['seconds'])}")
        self.bar.setValue(1000 if message.reason == "finished" else self.bar.value())
        self.status.emit(f"saved {message.folder}")
        self.trained.emit(message.folder)

    @Slot(object)
    def _failed(self, failure: Failure) -> None:
        self.status_line.setText("ended with an error")
        self.problem.emit(failure)

    @Slot()
    def _finished(self) -> None:
        self._redraw.stop()
        self.curves.redraw()
        if self.thread_ is not None:
            self.thread_.deleteLater()
        self.thread_ = None
        self.job.emit(None)
        self._buttons()

    # ---- showing ----

    @Slot()
    def _draw(self) -> None:
        if self.isVisible():
            self.curves.redraw(self.progress.total_epochs if self.progress else None)
        progress = self.progress
        if progress is None or self.thread_ is None:
            return
        at = progress.measurement
        epoch = min(int(at.epoch) + 1, progress.total_epochs)
        rate = f"{progress.images_per_second:,.0f}".replace(",", " ")
        if not self.thread_.isInterruptionRequested() and not self.thread_.paused:
            self.status_line.setText(
                f"Epoch {epoch} of {progress.total_epochs} · {rate} img/s · {duration(progress.seconds_left)} left"
            )
        self.bar.setValue(round(1000 * at.step / progress.total_steps))
        self.job.emit(
            (f"training {self._title} · epoch {epoch}/{progress.total_epochs}", at.step / progress.total_steps)
        )

    def show_run(self, folder: Path) -> None:
        """Show a run that was trained before: its settings, curves and pictures.

        Raises:
            ExplorerError: the folder is no run, or damaged.
        """
        config = runs.read_config(folder)
        turned = metrics.turns(folder)
        self.form.set_config(config)
        self._shown_config = self.form._config
        self.curves.clear()
        for turn in turned:
            self.curves.mark(turn)
        self._lay_out_for(config.model)
        measured: list[Measurement] = list(metrics.measurements(folder))
        for measurement in measured:
            self.curves.add(measurement)
        self.curves.redraw()
        self.folder, self.progress = folder, None
        self.now.clear()
        pictures = runs.read_pictures(folder)
        if pictures is not None:
            self.now.show_pictures(pictures)
        card = runs.card(folder)
        seconds = duration(card.metrics.get("seconds", 0.0))
        done = card.metrics.get("epochs", 0)
        self._unfinished = done < config.training.epochs and bool(runs.checkpoint_folders(folder))
        self.status_line.setText(f"trained {done:g} of {config.training.epochs} epochs in {seconds}")
        self.bar.setValue(round(1000 * min(1.0, done / config.training.epochs)))
        self.subject.emit(f"run: {folder.name}")
        self._buttons()

    @Slot()
    def _explore(self) -> None:
        if self.folder is not None:
            self.explore.emit(str(self.folder), self.family)

    def _provenance(self) -> dict[str, object]:
        step = self.progress.measurement.step if self.progress is not None else None
        return {"model": self.folder.name if self.folder else self._title, "step": step}

    def shutdown(self) -> bool:
        """Stop the training, which saves a checkpoint first."""
        self._redraw.stop()
        copied = self.finder.shutdown()
        return (self.thread_ is None or self.thread_.stop()) and copied

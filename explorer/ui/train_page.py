"""The Train page: an experiment, its curves while it learns, and what it makes now."""

from pathlib import Path

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout

from explorer import runs
from explorer.config import RunConfig, Turn, turns_text
from explorer.data.catalog import CATALOG
from explorer.errors import ExplorerError
from explorer.messages import (
    Failure,
    Followed,
    Knobs,
    Pictures,
    Progress,
    Snapshot,
    StorageTrouble,
    TrainingEnded,
    TrainingStarted,
    Turned,
)
from explorer.pressure import full_beta
from explorer.ui.experiment_panel import ExperimentPanel
from explorer.ui.now_panel import NowPanel
from explorer.ui.page import Page
from explorer.ui.run_reader import RunReader
from explorer.ui.training_status import amount, duration
from explorer.ui.training_views import TrainingViews
from explorer.workers.training_thread import TrainingThread

_NARROW = 1200  # pixels; below, the curves need some of the pictures' room
_REDRAW_MS = 200  # 5 Hz: at 20 Hz plotting costs training a third of its speed


class TrainPage(Page):
    """One training at a time, in a thread of its own, or a run that is read from its folder while another trains it.

    ``trained`` and ``explore`` carry a run folder and its family, ``memory`` what the device holds, in words.
    """

    trained = Signal(str)
    explore = Signal(str, str)
    memory = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.thread_: TrainingThread | None = None
        self.reader = RunReader(self)
        self.reader.happened.connect(self._happened)
        self.reader.failed.connect(self._lost)
        self.reader.ended.connect(self._read_all)
        self.folder: Path | None = None
        self.progress: Progress | None = None
        self._title = ""
        self._unfinished = False
        self._followed_live = False
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
        experiment = ExperimentPanel(self)
        row.addWidget(experiment)
        self.form, self.finder, self.live, self.state = (
            experiment.form, experiment.finder, experiment.live, experiment.state,
        )  # fmt: skip
        self.live.started.connect(self.start)
        self.live.restarted.connect(self._start_anew)
        self.live.stopped.connect(self.cancel_job)
        self.live.paused.connect(self._say_paused)
        self.live.replayed.connect(self._replay)
        self.now = NowPanel(self, self._provenance)
        self.now.explore_button.clicked.connect(self._explore)
        self.views = TrainingViews(self, self._provenance)
        self.views.alone.connect(self.now.setHidden)
        row.addWidget(self.views, 1)
        row.addWidget(self.now)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the curves the room they need in a narrow window."""
        self.now.setFixedWidth(300 if self.width() >= _NARROW else 236)

    @property
    def family(self) -> str:
        """Return the family that the page is laid out for."""
        return self.views.curves.family

    @Slot()
    def _form_changed(self) -> None:
        self.finder.look(self.form.data_name)
        self._buttons()
        if self.running or self.folder is not None:
            return
        self._lay_out_for(self.form.settings)

    def _lay_out_for(self, config: RunConfig) -> None:
        self.views.lay_out(config)
        self.now.lay_out(config.model.family)
        self.state.unit = "points" if CATALOG[config.data.name].kind == "points" else "img"

    def shown(self) -> None:
        """Let go of a run that was deleted since."""
        if self.folder is not None and not self.running and not (self.folder / runs.RECORD).is_file():
            self._stop_reading()
            self.folder, self.progress, self._unfinished = None, None, False
            self.views.clear()
            self.now.clear()
            self.state.say("the run that was shown is gone", 0.0)
            self.subject.emit("")
            self._form_changed()

    # ---- training ----

    @property
    def running(self) -> bool:
        """Return whether a training of this window is under way."""
        return self.thread_ is not None

    @Slot()
    def start(self) -> None:
        """Train what the form says; where a run is shown that can go on and nothing was changed, go on with it."""
        if self.running:
            return
        try:
            config = self.form.config()
        except ExplorerError as error:
            self.form.go_to_problem()
            self.problem.emit(Failure(str(error)))
            return
        resumed = self._resumable()
        self._stop_reading()
        self._title, self._shown_config = config.title, self.form.settings
        if resumed is None:
            self.folder, self.progress = None, None
            self.views.clear()
            self.now.clear()
            self._lay_out_for(config)
        has_beta = hasattr(config.model, "beta")
        self.live.set_knobs(Knobs(), full_beta(config, CATALOG[config.data.name].shape) if has_beta else None)
        self.thread_ = self._thread(resumed or config)
        self.thread_.start()
        self.state.say("starting…")
        self.job.emit((f"training {self._title}", -1.0))
        self._buttons()
        self._redraw.start()

    def _thread(self, what: RunConfig | Path) -> TrainingThread:
        thread = TrainingThread(what, parent=self)
        thread.happened.connect(self._happened)
        thread.failed.connect(self._failed)
        thread.finished.connect(self._finished)
        self.live.paused.connect(thread.pause)
        self.live.stepped.connect(thread.step)
        self.live.slowed.connect(thread.slow_down)
        self.live.turned.connect(thread.turn)
        return thread

    @Slot()
    def _start_anew(self) -> None:
        self._unfinished = False
        self.start()

    def cancel_job(self) -> None:
        """Stop the training; what it learned is kept."""
        if self.thread_ is not None:
            self.thread_.requestInterruption()
            self.state.say("stopping and saving…")
            self.live.stop.setEnabled(False)

    def _resumable(self) -> Path | None:
        """Return the folder of the run that is shown if it can go on and the form still says what it was made with."""
        if self.folder is None or self.running or self._followed_live or not self._unfinished:
            return None
        return self.folder if self.form.settings == self._shown_config else None

    @Slot(bool)
    def _say_paused(self, paused: bool) -> None:
        if paused:
            self.state.paused(self.progress)

    @Slot()
    def _replay(self) -> None:
        """Put the turns of the run that is shown into the settings of the next."""
        if self.folder is not None:
            self.form.set_value("training.turns", _as_setting(self.views.turns))
            self.status.emit("the next run turns its knobs as this one did")

    def _buttons(self) -> None:
        paused = self.thread_ is not None and self.thread_.paused
        self.live.show_state(running=self.running, waiting=paused, resumable=self._resumable() is not None)
        self.live.show_turns(0 if self.running else len(self.views.turns))
        self.form.setEnabled(not self.running)
        self.now.explore_button.setEnabled(self.folder is not None and not self.running and not self._followed_live)

    @Slot(object)
    def _happened(self, messages: tuple[object, ...]) -> None:
        for message in messages:
            if isinstance(message, Progress):
                self.progress = message
                self.views.take(message.measurement)
            elif isinstance(message, Pictures):
                self.now.show_pictures(message)
            elif isinstance(message, TrainingStarted):
                self.folder = Path(message.folder)
                self.subject.emit(f"run: {self.folder.name}")
                self.views.set_run(self.folder)
                if message.resumed_from:
                    self.live.follow(message.knobs)
                    self.views.rewind(message.step, message.total_steps)
                self.state.started(message)
            elif isinstance(message, TrainingEnded):
                self._ended(message)
            elif isinstance(message, StorageTrouble):
                self._wait_for_storage(message.text)
            elif isinstance(message, Followed):
                self._follow(message)
            else:
                self._take(message)

    def _take(self, message: object) -> None:
        if isinstance(message, Turned) and self.thread_ is not None and not self.thread_.steered:
            self.live.follow(message.knobs)
        if isinstance(message, Snapshot) and self.reader.reading:
            self.now.show_samples(message.samples)
        self.views.take(message)

    def _wait_for_storage(self, trouble: str) -> None:
        """Say that training waits for the disk; no words of trouble say that it goes on."""
        if trouble:
            self._redraw.stop()  # or the next tick would write over what is said here
            self.views.redraw()
            self.state.say("waiting for room on the disk; Stop ends it with what was saved")
        else:
            self._redraw.start()
        self.problem.emit(Failure(trouble))

    def _ended(self, message: TrainingEnded) -> None:
        self._redraw.stop()  # or the next tick would write over what is said here
        self._unfinished = message.reason != "finished"
        self.state.ended(message)
        self.views.set_figures(message.metrics, runs.card(Path(message.folder)).parameters)
        self.status.emit(f"saved {message.folder}")
        self.trained.emit(message.folder)

    @Slot(object)
    def _failed(self, failure: Failure) -> None:
        self._redraw.stop()
        self.state.say("ended with an error")
        self.problem.emit(failure)
        if self.folder is not None:
            self._unfinished = bool(runs.checkpoint_folders(self.folder))
            self.trained.emit(str(self.folder))

    @Slot()
    def _finished(self) -> None:
        self._redraw.stop()
        self.views.redraw()
        if self.thread_ is not None:
            self.thread_.deleteLater()
        self.thread_ = None
        self.job.emit(None)
        self.memory.emit("")
        self._buttons()

    # ---- showing ----

    @Slot()
    def _draw(self) -> None:
        progress = self.progress
        if self.isVisible():
            self.views.redraw(progress.total_epochs if progress else None)
        if progress is None or self.thread_ is None:
            return
        if self.thread_.isInterruptionRequested():
            return
        if self.thread_.paused:
            self.state.paused(progress)
        elif self.thread_.slowed:
            self.state.slow(progress)
        else:
            epoch = self.state.progress(progress)
            share = progress.measurement.step / progress.total_steps
            self.job.emit((f"training {self._title} · {epoch}", share))
        self.memory.emit(f"memory {amount(progress.memory)}" if progress.memory else "")

    def use_settings(self, folder: Path) -> None:
        """Put the settings of a run into the form, for a new one.

        Raises:
            ExplorerError: the folder is no run, or damaged.
        """
        self.form.set_config(runs.read_config(folder))
        self._unfinished = False  # a new run is wanted, even where the one that is shown could go on
        self._buttons()

    def show_run(self, folder: Path) -> None:
        """Show a run from its folder: its settings, curves and pictures, and follow it while another trains it.

        Raises:
            ExplorerError: the folder is no run, or damaged.
        """
        config = runs.read_config(folder)
        self._stop_reading()
        self.folder, self.progress = folder, None
        self._title = config.title
        self.form.set_config(config)
        self._shown_config = self.form.settings
        self.views.clear()
        self._lay_out_for(config)
        self.views.set_run(folder)
        self.now.clear()
        self._unfinished = False
        self.reader.read(folder)
        self.state.say("reading the run…", 0.0)
        self.subject.emit(f"run: {folder.name}")
        self._redraw.start()
        self._buttons()

    def _follow(self, message: Followed) -> None:
        if message.anew:
            self.views.clear()
        self.state.followed(message)
        if message.writing != self._followed_live:
            self._followed_live = message.writing
            self._buttons()

    @Slot(object)
    def _lost(self, failure: Failure) -> None:
        self.state.say("this run cannot be read any more")
        self.folder = None
        self.problem.emit(failure)

    @Slot()
    def _read_all(self) -> None:
        """Say how the run stands that was read to its end."""
        self._followed_live = False
        self._redraw.stop()
        self.views.redraw()
        if self.folder is not None:
            try:
                self._say_how_it_stands(self.folder)
            except ExplorerError as error:  # it went away since
                self.problem.emit(Failure(str(error)))
        self._buttons()

    def _say_how_it_stands(self, folder: Path) -> None:
        epochs = runs.read_config(folder).training.epochs
        card = runs.card(folder)
        self.views.set_figures(card.metrics, card.parameters)
        done, seconds = self.views.newest or (card.metrics.get("epochs", 0.0), card.metrics.get("seconds", 0.0))
        self._unfinished = card.resumable
        told = {"interrupted": "interrupted: ", "failed": "ended with an error: "}.get(card.status, "")
        self.state.say(f"{told}trained {done:.4g} of {epochs} epochs in {duration(seconds)}", done / epochs)

    def _stop_reading(self) -> None:
        self.reader.stop()
        self._followed_live = False
        if not self.running:
            self._redraw.stop()

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
        self._stop_reading()
        copied, read = self.finder.shutdown(), self.reader.shutdown()
        compared = self.views.shutdown()
        return (self.thread_ is None or self.thread_.stop()) and copied and read and compared


def _as_setting(turns: list[Turned]) -> str:
    return turns_text(Turn(turned.step, turned.knobs.beta, turned.knobs.rate) for turned in turns)

"""The Train page: an experiment, its curves while it learns, and what it makes now."""

from pathlib import Path

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout

from explorer import runs
from explorer.config import RunConfig, Turn, turns_text
from explorer.data.catalog import CATALOG
from explorer.errors import ExplorerError
from explorer.messages import Failure
from explorer.pressure import full_beta
from explorer.training_messages import Knobs, Progress, StorageTrouble, TrainingEnded, TrainingStarted, Turned
from explorer.ui.experiment_panel import ExperimentPanel
from explorer.ui.facts import byte_size
from explorer.ui.jobs import Jobs
from explorer.ui.now_panel import NowPanel
from explorer.ui.page import Page
from explorer.ui.run_display import RunDisplay
from explorer.ui.run_reader import RunReader
from explorer.ui.run_stack import RunStack
from explorer.ui.training_views import TrainingViews
from explorer.workers.training_thread import TrainingThread, under_way

_TELL_MS = 200


class TrainPage(Page):
    """One training at a time, in a thread of its own, or a run that is read from its folder.

    While one is trained another can be looked at beside it. ``trained`` and ``explore`` carry a run folder and its
    family, ``memory`` what the device holds, in words.

    Attributes:
        own: the run that the form, the controls and the status are of.
    """

    trained = Signal(str)
    explore = Signal(str, str)
    memory = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.thread_: TrainingThread | None = None
        self._shown_config: RunConfig | None = None
        self._title = ""
        self.jobs = Jobs(self)
        self._tell = QTimer(self, interval=_TELL_MS)
        self._tell.timeout.connect(self._say_how_far)
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
        self.jobs.watch(self.finder)
        self.live.started.connect(self.start)
        self.live.restarted.connect(self._start_anew)
        self.live.stopped.connect(self.stop)
        self.live.paused.connect(self._say_paused)
        self.live.replayed.connect(self._replay)
        self.stack = RunStack(self, self.jobs)
        self.stack.changed.connect(self._buttons)
        self.stack.explore.connect(self.explore)
        self.own = self.stack.own
        self.own.said.connect(self.state.say)
        row.addWidget(self.stack, 1)

    # ---- what is shown ----

    @property
    def display(self) -> RunDisplay:
        """Return the run that is looked at now."""
        return self.stack.display

    @property
    def views(self) -> TrainingViews:
        """Return the views of the run that is looked at."""
        return self.display.views

    @property
    def now(self) -> NowPanel:
        """Return what the run that is looked at makes."""
        return self.display.now

    @property
    def reader(self) -> RunReader:
        """Return what reads the run that is looked at."""
        return self.display.reader

    @property
    def folder(self) -> Path | None:
        """Return the folder of the run that is looked at, None where there is none yet."""
        return self.display.folder

    @property
    def progress(self) -> Progress | None:
        """Return how far the training is, None before its first measurement."""
        return self.own.progress

    @Slot()
    def _form_changed(self) -> None:
        self.finder.look(self.form.data_name)
        if not self.running and self.own.folder is None:
            self.own.lay_out(self.form.settings)
        self._buttons()

    def shown(self) -> None:
        """Let go of a run that was deleted since."""
        if self.stack.aside and _is_gone(self.display.folder):
            self.stack.go_back()
        if not self.running and _is_gone(self.own.folder):
            self.own.clear()
            self.state.say("the run that was shown is gone", 0.0)
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
        if under_way():
            self.state.say("not started: a training is under way on the Diffusion page; wait for it, or stop it there")
            return
        try:
            config = self.form.config()
        except ExplorerError:  # the form says at each setting what is wrong
            self.state.say(f"not started: {self.form.go_to_problem()}")
            return
        resumed = self._resumable()
        self.stack.go_back()
        self._title, self._shown_config = config.title, self.form.settings
        self.own.train(config, anew=resumed is None)
        self.state.unit = "points" if CATALOG[config.data.name].kind == "points" else "img"
        has_beta = hasattr(config.model, "beta")
        self.live.set_knobs(Knobs(), full_beta(config, CATALOG[config.data.name].shape) if has_beta else None)
        self.thread_ = self._thread(resumed or config)
        self.thread_.start()
        self.state.say("starting…")
        self._tell_job(-1.0)
        self._buttons()
        self._tell.start()

    def _thread(self, what: RunConfig | Path) -> TrainingThread:
        thread = TrainingThread(what, parent=self)
        thread.made.connect(self._made)
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
        self.own.resumable = False
        self.start()

    @Slot()
    def stop(self) -> None:
        """Stop the training; what it learned is kept."""
        if self.thread_ is not None:
            self.thread_.requestInterruption()
            self.state.say("stopping and saving…")
            self.live.stop.setEnabled(False)

    def cancel_job(self) -> None:
        """End the film that is being saved, or stop the training."""
        self.jobs.end_shown()

    def _tell_job(self, share: float, where: str = "") -> None:
        self.jobs.tell(self, (f"training {self._title}{where}", share), self.stop)

    def _resumable(self) -> Path | None:
        """Return the folder of the run that is shown if it can go on and the form still says what it was made with."""
        own = self.own
        if own.folder is None or self.running or own.followed or not own.resumable:
            return None
        return own.folder if self.form.settings == self._shown_config else None

    @Slot(bool)
    def _say_paused(self, paused: bool) -> None:
        if paused:
            self.state.paused(self.progress)

    @Slot()
    def _replay(self) -> None:
        """Put the turns of the run that is shown into the settings of the next."""
        if self.own.folder is not None:
            self.form.set_value("training.turns", _as_setting(self.own.views.turns))
            self.status.emit("the next run turns its knobs as this one did")

    @Slot()
    def _buttons(self) -> None:
        paused = self.thread_ is not None and self.thread_.paused
        self.live.show_state(running=self.running, waiting=paused, resumable=self._resumable() is not None)
        self.live.show_turns(0 if self.running else len(self.own.views.turns))
        self.form.setEnabled(not self.running)
        self.display.show_what_can_be_done()
        self.subject.emit(self.display.subject)

    @Slot(str)
    def _made(self, folder: str) -> None:
        self.own.set_folder(Path(folder))

    @Slot(object)
    def _happened(self, messages: tuple[object, ...]) -> None:
        for message in messages:
            if isinstance(message, TrainingStarted):
                self._started(message)
            elif isinstance(message, TrainingEnded):
                self._ended(message)
            elif isinstance(message, StorageTrouble):
                self._wait_for_storage(message.text)
            else:
                if isinstance(message, Turned) and self.thread_ is not None and not self.thread_.steered:
                    self.live.follow(message.knobs)
                self.own.take(message)

    def _started(self, message: TrainingStarted) -> None:
        self.own.set_folder(Path(message.folder))
        if message.resumed_from:
            self.live.follow(message.knobs)
            self.own.views.rewind(message.step, message.total_steps)
        self.state.started(message)

    def _wait_for_storage(self, trouble: str) -> None:
        """Say that training waits for the disk; no words of trouble say that it goes on."""
        if trouble:
            self._tell.stop()  # or the next tick would write over what is said here
            self.own.redraw()
            self.state.say("waiting for room on the disk; Stop ends it with what was saved")
        else:
            self._tell.start()
        self.problem.emit(Failure(trouble))

    def _ended(self, message: TrainingEnded) -> None:
        self._tell.stop()  # or the next tick would write over what is said here
        self.own.resumable = message.reason != "finished"
        self.state.ended(message)
        self.own.views.set_figures(message.metrics, runs.card(Path(message.folder)).parameters)
        self.status.emit(f"saved {message.folder}")
        self.trained.emit(message.folder)

    @Slot(object)
    def _failed(self, failure: Failure) -> None:
        self._tell.stop()
        self.state.say("ended with an error")
        self.problem.emit(failure)
        if self.own.folder is not None:
            self.own.resumable = bool(runs.checkpoint_folders(self.own.folder))
            self.trained.emit(str(self.own.folder))

    @Slot()
    def _finished(self) -> None:
        self._tell.stop()
        if self.thread_ is not None:
            self.thread_.deleteLater()
        self.thread_ = None
        self.own.ended()
        self.jobs.tell(self, None, self.stop)
        self.memory.emit("")

    @Slot()
    def _say_how_far(self) -> None:
        progress = self.progress
        if progress is None or self.thread_ is None or self.thread_.isInterruptionRequested():
            return
        if self.thread_.paused:
            self.state.paused(progress)
        elif self.thread_.slowed:
            self.state.slow(progress)
        else:
            epoch = self.state.progress(progress)
            self._tell_job(progress.measurement.step / progress.total_steps, f" · {epoch}")
        self.memory.emit(f"memory {byte_size(progress.memory)}" if progress.memory else "")

    # ---- other runs ----

    def use_settings(self, folder: Path) -> None:
        """Put the settings of a run into the form, for a new one.

        Raises:
            ExplorerError: the folder is no run, or damaged.
        """
        self.form.set_config(runs.read_config(folder))
        self.own.resumable = False  # a new run is wanted, even where the one that is shown could go on
        self._buttons()

    def show_run(self, folder: Path) -> None:
        """Show a run from its folder: its curves and pictures, and follow it while another process trains it.

        Its settings come into the form, too, unless a training is under way: then it is looked at beside that.

        Raises:
            ExplorerError: the folder is no run, or damaged.
        """
        if self.running:
            self.stack.look_at(folder)
            return
        config = self.own.read(folder)
        self.stack.go_back()
        self.form.set_config(config)
        self._shown_config = self.form.settings
        self._buttons()

    def shutdown(self) -> bool:
        """Stop the training, which saves a checkpoint first, and what reads and saves."""
        self._tell.stop()
        ended = [self.finder.shutdown(), self.stack.shutdown()]
        return (self.thread_ is None or self.thread_.stop()) and all(ended)


def _is_gone(folder: Path | None) -> bool:
    return folder is not None and not (folder / runs.RECORD).is_file()


def _as_setting(turns: list[Turned]) -> str:
    return turns_text(Turn(turned.step, turned.knobs.beta, turned.knobs.rate) for turned in turns)

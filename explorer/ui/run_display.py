"""One run on the Train page: its views, what it makes now, and where it is read from its folder."""

from pathlib import Path

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from explorer import runs
from explorer.config import RunConfig
from explorer.errors import ExplorerError
from explorer.messages import Failure
from explorer.training_messages import Followed, Pictures, Progress, Snapshot, Turned
from explorer.ui.now_panel import NowPanel
from explorer.ui.page import Page
from explorer.ui.run_reader import RunReader
from explorer.ui.training_status import duration, followed_words
from explorer.ui.training_views import TrainingViews

_NARROW, _NARROWER = 860, 640  # pixels; below, the curves need some of the pictures' room, and then all of it
_REDRAW_MS = 200  # 5 Hz: at 20 Hz plotting costs training a third of its speed
_ANY = 16_777_215  # Qt's largest width
_ENDED = {"interrupted": "interrupted: ", "failed": "ended with an error: "}


class RunDisplay(QWidget):
    """Takes what a training tells, or reads a run from its folder and follows it while another process trains it.

    ``said`` carries how the run stands, in words, and the share that is done or None; ``changed`` says that what can be
    done with it is not what it was; ``explore`` carries folder and family.

    Attributes:
        folder: of the run, None where there is none yet.
        progress: the newest of a training of this window.
        training: whether this window trains it now.
        followed: whether another process trains it now.
        resumable: whether it could go on.
    """

    said = Signal(str, object)
    changed = Signal()
    explore = Signal(str, str)

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self.folder: Path | None = None
        self.progress: Progress | None = None
        self.config: RunConfig | None = None
        self.training = self.followed = self.resumable = False
        self.reader = RunReader(self)
        self.reader.happened.connect(self._read_some)
        self.reader.failed.connect(self._lost)
        self.reader.ended.connect(self._read_all)
        self.now = NowPanel(page, self._provenance)
        self.now.explore_button.clicked.connect(self._explore)
        self.views = TrainingViews(page, self._provenance)
        self.views.alone.connect(self._give_room)
        self.redraw_timer = QTimer(self, interval=_REDRAW_MS)
        self.redraw_timer.timeout.connect(self._tick)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(12)
        self._row.addWidget(self.views, 1)
        self._row.addWidget(self.now)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the curves the room they need: in a narrow window what it makes now is a view among the others."""
        if self.width() < _NARROWER:
            self.now.setFixedWidth(_ANY)
            self.now.setMinimumWidth(0)
            self.views.take_in(self.now)
            return
        if self.views.holds(self.now):
            self.views.give_out(self.now)
            self._row.addWidget(self.now)
            self._give_room(self.views.alone_now)
        self.now.setFixedWidth(300 if self.width() >= _NARROW else 236)

    @Slot(bool)
    def _give_room(self, alone: bool) -> None:
        if not self.views.holds(self.now):
            self.now.setHidden(alone)

    @property
    def family(self) -> str:
        """Return the family that it is laid out for."""
        return self.views.curves.family

    @property
    def subject(self) -> str:
        """Return what the window's header says of it."""
        return f"run: {self.folder.name}" if self.folder is not None else ""

    # ---- what is shown ----

    def lay_out(self, config: RunConfig) -> None:
        """Prepare for a run, or for an experiment that may become one."""
        self.config = config
        self.views.lay_out(config)
        self.now.lay_out(config.model.family)

    def clear(self) -> None:
        """Show no run."""
        self.stop_reading()
        self.folder, self.progress, self.resumable = None, None, False
        self.views.clear()
        self.now.clear()

    def set_folder(self, folder: Path) -> None:
        """Say where the run is that is trained."""
        self.folder = folder
        self.views.set_run(folder)
        self.changed.emit()

    def train(self, config: RunConfig, *, anew: bool) -> None:
        """Show a training of this window from now on: of another run, or what goes on with the one that is shown."""
        self.stop_reading()
        if anew:
            self.clear()
            self.lay_out(config)
        self.training = True
        self.redraw_timer.start()
        self.changed.emit()

    def ended(self) -> None:
        """Take note that the training of this window has ended."""
        self.training = False
        self.redraw_timer.stop()
        self.redraw()
        self.changed.emit()

    def take(self, message: object) -> None:
        """Take note of what a training tells, or of what was read of it."""
        if isinstance(message, Progress):
            self.progress = message
            self.views.take(message.measurement)
        elif isinstance(message, Pictures):
            self.now.show_pictures(message)
        else:
            if isinstance(message, Snapshot) and self.reader.reading:
                self.now.show_samples(message.samples)
            self.views.take(message)
            if isinstance(message, Turned):
                self.changed.emit()

    @Slot()
    def _tick(self) -> None:
        if self.isVisible():
            self.redraw()

    def redraw(self) -> None:
        """Draw what is new, on an axis up to the planned end of what is being trained."""
        under_way = (self.training or self.followed) and self.config is not None
        self.views.redraw(self.config.training.epochs if under_way and self.config is not None else None)

    # ---- reading ----

    def read(self, folder: Path) -> RunConfig:
        """Show a run from its folder and return its settings.

        Raises:
            ExplorerError: the folder is no run, or damaged; what was shown stays.
        """
        config = runs.read_config(folder)
        self.clear()
        self.folder = folder
        self.lay_out(config)
        self.views.set_run(folder)
        self.reader.read(folder)
        self.said.emit("reading the run…", 0.0)
        self.redraw_timer.start()
        self.changed.emit()
        return config

    def stop_reading(self) -> None:
        """Let go of the run that is read; what was read of it stays."""
        self.reader.stop()
        self.followed = False
        if not self.training:
            self.redraw_timer.stop()

    @Slot(object)
    def _read_some(self, messages: tuple[object, ...]) -> None:
        for message in messages:
            if isinstance(message, Followed):
                self._follow(message)
            else:
                self.take(message)

    def _follow(self, message: Followed) -> None:
        if message.anew:
            self.views.clear()
        self.said.emit(*followed_words(message))
        if message.writing != self.followed:
            self.followed = message.writing
            self.changed.emit()

    @Slot(object)
    def _lost(self, failure: Failure) -> None:
        self.folder = None
        self.said.emit("this run cannot be read any more", None)
        self._page.problem.emit(failure)

    @Slot()
    def _read_all(self) -> None:
        """Say how the run stands that was read to its end."""
        self.stop_reading()
        self.redraw()
        if self.folder is not None:
            try:
                self._say_how_it_stands(self.folder)
            except ExplorerError as error:  # it went away since
                self._page.problem.emit(Failure(str(error)))
        self.changed.emit()

    def _say_how_it_stands(self, folder: Path) -> None:
        epochs = runs.read_config(folder).training.epochs
        card = runs.card(folder)
        self.views.set_figures(card.metrics, card.parameters)
        done, seconds = self.views.newest or (card.metrics.get("epochs", 0.0), card.metrics.get("seconds", 0.0))
        self.resumable = card.resumable
        told = _ENDED.get(card.status, "")
        self.said.emit(f"{told}trained {done:.4g} of {epochs} epochs in {duration(seconds)}", done / epochs)

    # ---- the rest ----

    @Slot()
    def _explore(self) -> None:
        if self.folder is not None:
            self.explore.emit(str(self.folder), self.family)

    def _provenance(self) -> dict[str, object]:
        step = self.progress.measurement.step if self.progress is not None else None
        title = self.config.title if self.config is not None else ""
        return {"model": self.folder.name if self.folder else title, "step": step}

    def show_what_can_be_done(self) -> None:
        """Offer to explore a run that nobody trains now."""
        self.now.explore_button.setEnabled(self.folder is not None and not self.training and not self.followed)

    def shutdown(self) -> bool:
        """End what reads and what saves; return whether every thread ended in time."""
        self.stop_reading()
        self.redraw_timer.stop()
        ended = [self.reader.shutdown(), self.views.shutdown()]
        return all(ended)

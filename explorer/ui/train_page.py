"""The Train page: an experiment, its curves while it learns, and what it makes now."""

from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QProgressBar

from explorer import images, runs
from explorer.errors import ExplorerError
from explorer.messages import Failure, Measurement, Pictures, Progress, TrainingEnded, TrainingStarted, has_latents
from explorer.ui import theme
from explorer.ui.config_form import ConfigForm
from explorer.ui.data_finder import DataFinder
from explorer.ui.export import ExportButton
from explorer.ui.page import Page
from explorer.ui.panel import Panel, button, label
from explorer.ui.picture_grid import PictureGrid
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
        row.addWidget(self._pictures())

    def _experiment(self) -> Panel:
        panel = Panel("Experiment", "What is learned, by which model, and how")
        panel.setFixedWidth(300)
        self.form = ConfigForm()
        panel.body.addWidget(self.form, 1)
        self.finder = DataFinder(self)
        panel.body.addWidget(self.finder)
        buttons = QHBoxLayout()
        self.start_button = button("Start", "Train in the background (Ctrl+Return)", "primary")
        QShortcut(QKeySequence("Ctrl+Return"), self, self.start_button.click)
        self.start_button.clicked.connect(self.start)
        self.stop_button = button(
            "Stop", "Stop after this step; the model so far is kept and can be explored", "danger"
        )
        self.stop_button.clicked.connect(self.cancel_job)
        self.stop_button.setEnabled(False)
        buttons.addWidget(self.start_button, 1)
        buttons.addWidget(self.stop_button)
        panel.body.addLayout(buttons)
        self.status_line = label("", "muted", tabular=True)
        self.status_line.setWordWrap(True)
        panel.body.addWidget(self.status_line)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("training progress")
        panel.body.addWidget(self.bar)
        theme.current().changed.connect(self._icons)
        self._icons()
        return panel

    @Slot()
    def _icons(self) -> None:
        self.start_button.setIcon(theme.icon("play", theme.colors().on_accent))
        self.stop_button.setIcon(theme.icon("stop", theme.colors().bad))

    def _pictures(self) -> Panel:
        panel = Panel("What it makes now", "On fixed test images and a fixed seed, so that changes come from learning")
        panel.setFixedWidth(300)
        self._originals_title = label("test images, reconstructions below", "muted")
        self.reconstructions = PictureGrid("test images and reconstructions", 4)
        self._samples_title = label("samples from the prior", "muted")
        self.samples = PictureGrid("samples")
        for grid in (self.reconstructions, self.samples):
            grid.align = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter
        panel.body.addWidget(self._originals_title)
        panel.body.addWidget(self.reconstructions, 1)
        panel.body.addWidget(self._samples_title)
        panel.body.addWidget(self.samples, 1)
        foot = QGridLayout()
        self.explore_button = button("Explore it →", "Open the trained model on its page")
        self.explore_button.setEnabled(False)
        self.explore_button.clicked.connect(self._explore)
        self.export = ExportButton(self)
        self.export.add("samples", "Samples (PNG)", ".png", self._samples_png)
        self.export.add("reconstructions", "Test images and reconstructions (PNG)", ".png", self._reconstructions_png)
        foot.addWidget(self.explore_button, 0, 0)
        foot.addWidget(self.export, 0, 1)
        foot.setColumnStretch(0, 1)
        panel.body.addLayout(foot)
        self._no_pictures()
        return panel

    def _no_pictures(self) -> None:
        self.reconstructions.clear("Start a training to see what the model makes of test images.")
        self.samples.clear("Its samples appear here.")

    @property
    def family(self) -> str:
        """Return the family that the page is laid out for."""
        return self.curves.family

    @Slot()
    def _form_changed(self) -> None:
        self.finder.look(self.form.data_name)
        if self.running or self.folder is not None:
            return
        self._lay_out_for(self.form._config.model.family)

    def _lay_out_for(self, family: str) -> None:
        self.curves.set_family(family)
        latent = has_latents(family)
        self._originals_title.setVisible(latent)
        self.reconstructions.setVisible(latent)
        prior = "samples around the codes' mean" if family == "autoencoder" else "samples from the prior"
        self._samples_title.setText(prior if latent else "samples by 50 steps of DDIM")

    # ---- training ----

    @property
    def running(self) -> bool:
        """Return whether a training is under way."""
        return self.thread_ is not None

    @Slot()
    def start(self) -> None:
        """Train what the form says."""
        if self.running:
            return
        try:
            config = self.form.config()
        except ExplorerError as error:
            self.problem.emit(Failure(str(error)))
            return
        self.folder, self.progress = None, None
        self._title = config.title
        self.curves.clear()
        self._no_pictures()
        self._lay_out_for(config.model.family)
        self.thread_ = TrainingThread(config, parent=self)
        self.thread_.happened.connect(self._happened)
        self.thread_.failed.connect(self._failed)
        self.thread_.finished.connect(self._finished)
        self.thread_.start()
        self.status_line.setText("starting…")
        self.job.emit((f"training {self._title}", -1.0))
        self._buttons()
        self._redraw.start()

    def cancel_job(self) -> None:
        """Stop the training; what it learned is kept."""
        if self.thread_ is not None:
            self.thread_.requestInterruption()
            self.status_line.setText("stopping and saving…")
            self.stop_button.setEnabled(False)

    def _buttons(self) -> None:
        self.start_button.setEnabled(not self.running)
        self.start_button.setText("Training…" if self.running else "Start")
        self.stop_button.setEnabled(self.running)
        self.form.setEnabled(not self.running)
        self.explore_button.setEnabled(self.folder is not None and not self.running)
        self.export.setEnabled(len(self.samples.pixels) > 0)

    @Slot(object)
    def _happened(self, messages: tuple[object, ...]) -> None:
        for message in messages:
            if isinstance(message, Progress):
                self.progress = message
                self.curves.add(message.measurement)
            elif isinstance(message, Pictures):
                self.show_pictures(message)
            elif isinstance(message, TrainingStarted):
                self.folder = Path(message.folder)
                self.subject.emit(f"run: {self.folder.name}")
            elif isinstance(message, TrainingEnded):
                self._ended(message)

    def _ended(self, message: TrainingEnded) -> None:
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
        if not self.thread_.isInterruptionRequested():
            self.status_line.setText(
                f"Epoch {epoch} of {progress.total_epochs} · {rate} img/s · {duration(progress.seconds_left)} left"
            )
        self.bar.setValue(round(1000 * at.step / progress.total_steps))
        self.job.emit(
            (f"training {self._title} · epoch {epoch}/{progress.total_epochs}", at.step / progress.total_steps)
        )

    def show_pictures(self, pictures: Pictures) -> None:
        """Show what the model makes."""
        if len(pictures.originals):
            rows = [
                part[first : first + 4]
                for first in range(0, min(8, len(pictures.originals)), 4)
                for part in (pictures.originals, pictures.reconstructions)
            ]
            self.reconstructions.set_pixels(np.concatenate(rows), 4)
        else:
            self.reconstructions.clear("A diffusion model reconstructs nothing; its samples are below.")
        self.samples.set_pixels(pictures.samples[:64])
        self.export.setEnabled(True)

    def show_run(self, folder: Path) -> None:
        """Show a run that was trained before: its settings, curves and pictures.

        Raises:
            ExplorerError: the folder is no run, or damaged.
        """
        config = runs.read_config(folder)
        self.form.set_config(config)
        self.curves.clear()
        self._lay_out_for(config.model.family)
        measured: list[Measurement] = list(runs.measurements(folder))
        for measurement in measured:
            self.curves.add(measurement)
        self.curves.redraw()
        self.folder, self.progress = folder, None
        self._no_pictures()
        pictures = runs.read_pictures(folder)
        if pictures is not None:
            self.show_pictures(pictures)
        card = runs.card(folder)
        seconds = duration(card.metrics.get("seconds", 0.0))
        self.status_line.setText(f"trained {card.metrics.get('epochs', 0):g} epochs in {seconds}")
        self.bar.setValue(1000)
        self.subject.emit(f"run: {folder.name}")
        self._buttons()

    @Slot()
    def _explore(self) -> None:
        if self.folder is not None:
            self.explore.emit(str(self.folder), self.family)

    # ---- taking home ----

    def _provenance(self, what: str) -> dict[str, object]:
        step = self.progress.measurement.step if self.progress is not None else None
        return {"model": self.folder.name if self.folder else self._title, "made": what, "step": step}

    def _samples_png(self) -> bytes:
        return images.png_bytes(images.sheet(self.samples.pixels), self._provenance("samples"))

    def _reconstructions_png(self) -> bytes:
        return images.png_bytes(images.sheet(self.reconstructions.pixels, 4), self._provenance("reconstructions"))

    def shutdown(self) -> bool:
        """Stop the training, which saves a checkpoint first."""
        self._redraw.stop()
        copied = self.finder.shutdown()
        return (self.thread_ is None or self.thread_.stop()) and copied

"""Where a training stands, in words and as a bar."""

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from explorer.training_messages import Followed, Progress, TrainingEnded, TrainingStarted
from explorer.ui.facts import spaced
from explorer.ui.panel import label


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


def followed_words(message: Followed) -> tuple[str, float | None]:
    """Return how far a run is that is read, or that another process trains: in words, and the share if it is known."""
    if message.read < 1 or not message.writing:
        return f"reading the run · {message.read:.0%}", message.read
    share = message.step / message.total_steps if message.total_steps else None
    return f"another process trains it · step {message.step} of {message.total_steps or '?'}", share


class TrainingStatus(QWidget):
    """One line and a bar; ``share`` is how far it is, from 0 to 1."""

    def __init__(self) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        self.line = label("", "muted", tabular=True)
        self.line.setWordWrap(True)
        self.line.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.line.setFixedHeight(2 * self.line.fontMetrics().lineSpacing() + 2)  # or what is above moves with the words
        self.unit = "img"
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("training progress")
        layout.addWidget(self.line)
        layout.addWidget(self.bar)

    @Slot(str, object)
    def say(self, text: str, share: float | None = None) -> None:
        """Write the line, and move the bar where a share is given."""
        self.line.setText(text)
        if share is not None:
            self.bar.setValue(round(1000 * min(1.0, share)))

    def started(self, message: TrainingStarted) -> None:
        """Say that it begins, or from which checkpoint it goes on."""
        if not message.resumed_from:
            self.say("starting…", 0.0)
            return
        damaged = ", ".join(name.lstrip("0") or "0" for name in message.passed_over)
        passed = f"; the checkpoint of step {damaged} was damaged and passed over" if damaged else ""
        self.say(f"goes on from the checkpoint of step {message.step}{passed}", message.step / message.total_steps)

    def paused(self, progress: Progress | None) -> None:
        """Say at which step it waits."""
        at = f" at step {progress.measurement.step}, epoch {progress.measurement.epoch:.2f}" if progress else ""
        self.say(f"paused{at} · nothing is lost")

    def slow(self, progress: Progress) -> None:
        """Say which step was taken, where there is a wait after each."""
        at = progress.measurement
        self.say(f"slow motion · step {at.step}, epoch {at.epoch:.2f}", at.step / progress.total_steps)

    def progress(self, progress: Progress) -> str:
        """Say how far it is and how long it takes; return a short form of it."""
        at = progress.measurement
        epoch = min(int(at.epoch) + 1, progress.total_epochs)
        rate = spaced(round(progress.images_per_second))
        self.say(
            f"Epoch {epoch} of {progress.total_epochs} · {rate} {self.unit}/s · {duration(progress.seconds_left)} left",
            at.step / progress.total_steps,
        )
        return f"epoch {epoch}/{progress.total_epochs}"

    def ended(self, message: TrainingEnded) -> None:
        """Say how it ended."""
        words = "finished" if message.reason == "finished" else "stopped and kept"
        done = 1.0 if message.reason == "finished" else None
        self.say(f"{words} after {message.step} steps, {duration(message.metrics['seconds'])}", done)

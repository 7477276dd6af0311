"""One way to look at the chain of a diffusion model: what the Diffusion page knows of each of its modes."""

import itertools
import time

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from explorer.messages import OpenedModel
from explorer.ui.export import ExportMenu
from explorer.ui.film_menu import FilmMenu
from explorer.ui.player import Player
from explorer.workers.session_worker import SessionWorker, StopChain

_TELL_SECONDS = 0.3
_numbers = itertools.count(1)


def next_number() -> int:
    """Return the number of a new request; no two of the page have the same."""
    return next(_numbers)


class ChainMode(QWidget):
    """A mode of the page: its pictures and numbers, and in ``bar`` its controls for the row above.

    ``changed`` says that what can be done now has changed, ``started`` that it asked for a chain, so that no other mode
    has one any more; ``job``, ``status`` and ``problem`` as of a Page. Only the newest request of a mode counts:
    ``request`` is its number, 0 while it waits for nothing.
    """

    changed = Signal()
    started = Signal()
    job = Signal(object)
    status = Signal(str)
    problem = Signal(object)
    run_text, run_tip = "Sample", "Run the reverse chain from noise (Ctrl+Return)"  # what the button above says

    def __init__(self, worker: SessionWorker) -> None:
        super().__init__()
        self.worker = worker
        self.model: OpenedModel | None = None
        self.request = 0
        self._told = 0.0
        self.bar = QWidget()
        self.player: Player | None = None
        self.exports = ExportMenu(self)
        self.films = FilmMenu(self.exports)

    # ---- what it can do now ----

    @property
    def running(self) -> bool:
        """Return whether it waits for a chain that is being computed."""
        return self.request != 0

    @property
    def exportable(self) -> bool:
        """Return whether there is anything to save."""
        return False

    @property
    def runs(self) -> bool:
        """Return whether there is something to start by hand."""
        return True

    # ---- what the page tells it ----

    def set_model(self, model: OpenedModel | None, hint: str = "") -> None:
        """Begin anew with a model; without one say why."""
        self.model, self.request = model, 0
        self.bar.setEnabled(model is not None)

    def come_up(self) -> None:
        """Do what is due when it is shown."""

    def go_down(self) -> None:
        """Do what is due when another mode is shown."""
        if self.player is not None:
            self.player.pause()

    def run(self) -> None:
        """Start what the button above says."""

    def cancel(self) -> None:
        """Stop what is being computed; what there is stays."""
        if self.running:
            self.worker.submit(StopChain())
            self.end()

    def end(self) -> None:
        """Wait for nothing any more: it was cancelled, has failed, or another mode computes now."""
        if self.running:
            self.request = 0
            self.job.emit(None)
            self.changed.emit()

    def failed(self, request: int) -> bool:
        """Take note that a request has failed; return whether it waited for that."""
        mine = self.running and request == self.request
        if mine:
            self.end()
        return mine

    # ---- helpers ----

    def tell_job(self, text: str, share: float) -> None:
        """Show how far it is, some times a second: the window's work is taken from the chain."""
        now = time.monotonic()
        if now - self._told >= _TELL_SECONDS:
            self._told = now
            self.job.emit((text, share))

    def ask(self, request: object, number: int) -> None:
        """Ask for a chain instead of any that is computed now."""
        self.request = number
        self.worker.submit(request)
        self.started.emit()
        self.changed.emit()

    def arrived(self) -> None:
        """Take note that all that was asked for is there."""
        self.request = 0
        self.job.emit(None)
        self.changed.emit()

    def provenance(self, **made: object) -> dict[str, object]:
        """Return what a picture of the open model says of itself."""
        assert self.model is not None
        return {**self.model.provenance, **made, "time": time.strftime("%Y-%m-%dT%H:%M:%S")}

"""The Diffusion page: noise becomes a picture, a picture becomes noise, step by step, in the mode that is chosen."""

from PySide6.QtCore import Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout

from explorer.chain_messages import RequestFailure
from explorer.messages import Failure, Frame, OpenedModel
from explorer.ui.chain_mode import ChainMode, next_number
from explorer.ui.diffusion_controls import DiffusionControls
from explorer.ui.forward_back_view import ForwardBackView
from explorer.ui.forward_view import ForwardView
from explorer.ui.interpolation_view import InterpolationView
from explorer.ui.page import Page
from explorer.ui.race_view import RaceView
from explorer.ui.reverse_view import ReverseView
from explorer.workers.session_worker import OpenRequest, SessionWorker

_MODES = (
    ("reverse", "Reverse p", "Denoise pure noise step by step: p(x_{t−1}|x_t)"),
    ("forward", "Forward q", "Noise a test image: q(x_t|x₀)"),
    ("race", "Race", "Several samplers, settings or models from the same starting noise"),
    ("back", "Forward and back", "Noise a test image to t and denoise it from there: what survives?"),
    ("between", "Interpolate", "From one starting noise to another"),
)
_NO_MODEL = "Open a diffusion model from the Models page."


class DiffusionPage(Page):
    """One model in one session; each mode asks it and shows its answers, the page only brings them together."""

    def __init__(self) -> None:
        super().__init__()
        self.model: OpenedModel | None = None
        self._opening = 0
        self._jobs: dict[object, object] = {}
        self.worker = SessionWorker(self)
        self.worker.opened.connect(self._opened)
        self.worker.failed.connect(self._failed)
        self.reverse = ReverseView(self.worker)
        self.forward = ForwardView(self.worker)
        self.race = RaceView(self.worker)
        self.back = ForwardBackView(self.worker)
        self.between = InterpolationView(self.worker)
        self.modes: dict[str, ChainMode] = {
            "reverse": self.reverse, "forward": self.forward, "race": self.race, "back": self.back,
            "between": self.between,
        }  # fmt: skip
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 12, 12, 12)
        outer.setSpacing(12)
        self.controls = DiffusionControls(_MODES, self)
        self.controls.mode_changed.connect(self._mode_changed)
        self.controls.run_pressed.connect(self._run_or_cancel)
        outer.addWidget(self.controls)
        self._stack = QStackedWidget()
        outer.addWidget(self._stack, 1)
        for mode in self.modes.values():
            self._add(mode)
        self._mode_changed()

    def _add(self, mode: ChainMode) -> None:
        self._stack.addWidget(mode)
        self.controls.add_bar(mode.bar)
        mode.changed.connect(self._state)
        mode.started.connect(self._started)
        mode.job.connect(self._show_job)
        mode.status.connect(self.status)
        mode.films.job.connect(self._show_job)
        mode.films.status.connect(self.status)
        mode.films.problem.connect(self.problem)
        mode.set_model(None, _NO_MODEL)

    # ---- modes ----

    @property
    def mode(self) -> ChainMode:
        """Return the mode that is chosen."""
        return self.modes[self.controls.mode.key]

    @property
    def frames(self) -> list[Frame]:
        """Return the frames of the reverse chain."""
        return self.reverse.frames

    @property
    def running(self) -> bool:
        """Return whether a chain is being computed for any mode."""
        return any(mode.running for mode in self.modes.values())

    @Slot()
    def _mode_changed(self) -> None:
        before, mode = self._stack.currentWidget(), self.mode
        if isinstance(before, ChainMode) and before is not mode:
            before.go_down()
        self._stack.setCurrentWidget(mode)
        self.controls.show_mode(mode)
        if self.model is not None:
            mode.come_up()
            self._focus()

    def _focus(self) -> None:
        if self.mode.player is not None:
            self.mode.player.slider.setFocus()  # Space and the arrows are the player's

    @Slot()
    def _state(self) -> None:
        self.controls.set_state(self.mode)

    @Slot()
    def _started(self) -> None:
        for mode in self.modes.values():
            if mode is not self.sender():
                mode.end()

    @Slot()
    def _run_or_cancel(self) -> None:
        if self.mode.running:
            self.mode.cancel()
        else:
            self.mode.run()

    # ---- opening ----

    def open(self, name: str) -> None:
        """Open a model by name or run folder, and draw a first batch from it."""
        self._opening = next_number()
        self._set_model(None, "opening …")
        self.job.emit((f"opening {name}", -1.0))
        self.worker.submit(OpenRequest(self._opening, name))

    def _set_model(self, model: OpenedModel | None, hint: str = "") -> None:
        self.model = model
        self._jobs.clear()
        for mode in self.modes.values():
            mode.set_model(model, hint)
        self._state()

    @Slot(object)
    def _opened(self, model: OpenedModel) -> None:
        if model.request != self._opening:
            return
        self.job.emit(None)
        if model.schedule is None:
            self._set_model(None, _NO_MODEL)  # the session is that of the other model now
            self.problem.emit(Failure(f"{model.card.title} has no diffusion chain; open it on the Latent page"))
            return
        self._set_model(model)
        self.subject.emit(f"model: {model.card.title}")
        self.controls.mode.choose("reverse")

    @Slot(object)
    def _failed(self, failure: Failure) -> None:
        """Tell what went wrong, unless nobody waits for it any more."""
        number = failure.request if isinstance(failure, RequestFailure) else 0
        if number == self._opening:
            self._set_model(None, _NO_MODEL)
            self.job.emit(None)
        elif number == 0:  # the thread itself has ended
            for mode in self.modes.values():
                mode.end()
        elif not any(mode.failed(number) for mode in self.modes.values()):
            return
        self.problem.emit(failure)

    # ---- background jobs ----

    @Slot(object)
    def _show_job(self, job: object) -> None:
        """Show the newest of the jobs there are."""
        source = self.sender()
        self._jobs.pop(source, None)
        if job is not None:
            self._jobs[source] = job
        self.job.emit(next(reversed(self._jobs.values()), None))

    def cancel_job(self) -> None:
        """End the job that is shown; what it made so far is kept."""
        source = next(reversed(self._jobs), None)
        for mode in self.modes.values():
            if source is mode.films:
                mode.films.cancel()
            elif source is mode:
                mode.cancel()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space plays, the arrows step."""
        if self.mode.player is None or not self.mode.player.handle_key(event):
            super().keyPressEvent(event)

    def shutdown(self) -> bool:
        """End the threads of the session and of films that are being saved."""
        self.mode.go_down()
        ended = [mode.films.stop() for mode in self.modes.values()]
        return all([*ended, self.worker.stop()])

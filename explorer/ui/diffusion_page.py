"""The Diffusion page: noise becomes a picture, a picture becomes noise, step by step, in the mode that is chosen."""

from PySide6.QtCore import Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout

from explorer.chain_messages import RequestFailure
from explorer.messages import Failure, Frame, OpenedModel
from explorer.ui.chain_mode import ChainMode, next_number
from explorer.ui.diffusion_controls import DiffusionControls
from explorer.ui.draw_data import DrawData
from explorer.ui.forward_back_view import ForwardBackView
from explorer.ui.forward_view import ForwardView
from explorer.ui.image_source import Sample, cloud
from explorer.ui.interpolation_view import InterpolationView
from explorer.ui.jobs import Job, Jobs
from explorer.ui.page import Page
from explorer.ui.race_view import RaceView
from explorer.ui.reverse_view import ReverseView
from explorer.workers.session_worker import OpenRequest, SessionWorker

_MODES = (
    ("reverse", "Reverse p", "Denoise pure noise step by step: p(xₜ₋₁|xₜ)"),
    ("forward", "Forward q", "Noise an image, at once and step by step: q(xₜ|x₀)"),
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
        self.jobs = Jobs(self)
        self.worker = SessionWorker(self)
        self.worker.opened.connect(self._opened)
        self.worker.failed.connect(self._failed)
        self.reverse = ReverseView(self.worker)
        self.forward = ForwardView(self.worker)
        self.forward.offer_samples(self._sample)
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
        self._add_drawing()
        self._mode_changed()

    def _add_drawing(self) -> None:
        self.draw = DrawData()
        self._stack.addWidget(self.draw)
        self.controls.draw_pressed.connect(self._draw_or_not)
        self.draw.closed.connect(self._mode_changed)
        self.draw.trained.connect(self._drawn_model_trained)
        self.draw.job.connect(self._drawing_job)
        self.draw.status.connect(self.status)
        self.draw.problem.connect(self.problem)

    def _add(self, mode: ChainMode) -> None:
        self._stack.addWidget(mode)
        self.controls.add_bar(mode.bar)
        mode.changed.connect(self._state)
        mode.started.connect(self._started)
        mode.job.connect(self._mode_job)
        mode.status.connect(self.status)
        mode.problem.connect(self.problem)
        self.jobs.watch(mode.films)
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

    def _sample(self) -> Sample | None:
        """Return the sample that is followed in reverse, what to call it, and where it comes from."""
        film, item = self.reverse.film, self.reverse.followed
        if not film.complete:
            return None
        last, how = film.frames[-1], self.reverse.sampled_how.model_dump()
        told = dict[str, object](sample_seed=self.reverse.sampled_seed, sampling=how)
        if last.points is not None:
            return cloud(last.points[0]), "sampled points", {**told, "samples": len(last.points[0])}
        return last.x_t[item : item + 1], f"sample {item}", {**told, "samples": len(last.x_t), "sample": item}

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
        self.controls.set_drawing(False)
        self.controls.show_mode(mode)
        if self.model is not None:
            mode.come_up()
        self._focus()

    def _focus(self) -> None:
        """Give the keys to the player, so that Space presses no button; without a player to nobody."""
        if self.drawing:
            return
        if self.mode.player is not None:
            self.mode.player.take_focus()
        else:
            self.setFocus()

    def shown(self) -> None:
        """Give the keys to the player."""
        self._focus()

    # ---- drawing ----

    @property
    def drawing(self) -> bool:
        """Return whether a data set is being drawn, in the place of the mode."""
        return self._stack.currentWidget() is self.draw

    @Slot(bool)
    def _draw_or_not(self, drawing: bool) -> None:
        if not drawing:
            self._mode_changed()
            return
        self.mode.go_down()
        self._stack.setCurrentWidget(self.draw)
        self.controls.set_drawing(True)
        self._state()
        self.draw.come_up()

    @Slot(str)
    def _drawn_model_trained(self, folder: str) -> None:
        """Open the model that has learned the drawing, or offer it if something else is looked at by now."""
        if self.drawing:
            self.open(folder)
        else:
            self.draw.offer(folder)

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
        if self.drawing:
            self.draw.run_or_stop()
            return
        if self.mode.running:
            self.mode.cancel()
        else:
            self.mode.run()
        self._focus()

    # ---- opening ----

    def open(self, name: str) -> None:
        """Open a model by name or run folder, and draw a first batch from it."""
        self._opening = next_number()
        self._set_model(None, "opening …")
        self.job.emit((f"opening {name}", -1.0))
        self.worker.submit(OpenRequest(self._opening, name))

    def _set_model(self, model: OpenedModel | None, hint: str = "") -> None:
        self.model = model
        for mode in self.modes.values():
            self.jobs.tell(mode, None, mode.cancel)
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
    def _mode_job(self, job: Job | None) -> None:
        mode = self.sender()
        assert isinstance(mode, ChainMode)
        self.jobs.tell(mode, job, mode.cancel)

    @Slot(object)
    def _drawing_job(self, job: Job | None) -> None:
        self.jobs.tell(self.draw, job, self.draw.stop)

    def cancel_job(self) -> None:
        """End the job that is shown; what it made so far is kept."""
        self.jobs.end_shown()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space plays, the arrows step."""
        if self.drawing or self.mode.player is None or not self.mode.player.handle_key(event):
            super().keyPressEvent(event)

    def shutdown(self) -> bool:
        """End the threads of the session, of films that are being saved, and of a training on a drawing."""
        self.mode.go_down()
        ended = [self.draw.shutdown(), self.forward.shutdown(), *(mode.films.stop() for mode in self.modes.values())]
        return all([*ended, self.worker.stop()])

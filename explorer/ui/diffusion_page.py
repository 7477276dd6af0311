"""The Diffusion page: noise becomes a picture, a picture becomes noise, step by step, under one clock."""

import math

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from explorer import images
from explorer.config import Sampling
from explorer.messages import DenoiseRequest, Failure, Frame, Frames, Gallery, Noised, NoiseRequest, OpenedModel
from explorer.ui.chain_view import ChainView
from explorer.ui.diffusion_controls import DiffusionControls
from explorer.ui.diffusion_exports import DiffusionExports
from explorer.ui.page import Page
from explorer.ui.player import Player
from explorer.ui.step_panel import StepPanel
from explorer.workers.session_worker import OpenRequest, SessionWorker, StopChain

_MOST_BYTES = 512 << 20


class DiffusionPage(Page):
    """Forward q and reverse p of one model; every frame that was computed can be scrubbed back to."""

    def __init__(self) -> None:
        super().__init__()
        self.model: OpenedModel | None = None
        self.frames: list[Frame] = []
        self.noised: Noised | None = None
        self.gallery: Gallery | None = None
        self.followed = 0
        self.chosen_image = 0
        self.running = False
        self._requests = 0
        self._opening = 0
        self._samples = 0
        self._return_to: int | None = None
        self._busy = False
        self._sampling = 0
        self.sampled_seed = 0
        self.sampled_how = Sampling()
        self._steps: tuple[int, ...] = ()
        self._noising = 0
        self.worker = SessionWorker(self)
        self.worker.opened.connect(self._opened)
        self.worker.gallery.connect(self._got_gallery)
        self.worker.frames.connect(self._got_frames)
        self.worker.noised.connect(self._got_noised)
        self.worker.failed.connect(self._failed)
        self._build()
        self.view.clear("Open a diffusion model from the Models page.")
        self._state()

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 12, 12, 12)
        outer.setSpacing(12)
        self.controls = DiffusionControls(self)
        self.controls.direction_changed.connect(self._change_direction)
        self.controls.seed_changed.connect(self._seed_changed)
        self.controls.sampling_changed.connect(self._sampling_changed)
        self.controls.sample_pressed.connect(self._sample_or_cancel)
        self._exports = DiffusionExports(self)
        outer.addWidget(self.controls)
        middle = QHBoxLayout()
        middle.setSpacing(12)
        self.view = ChainView()
        self.view.went_to.connect(self._go_to_t)
        self.view.item_chosen.connect(self._choose_item)
        self.step = StepPanel()
        self.step.setFixedWidth(310)
        middle.addWidget(self.view, 1)
        middle.addWidget(self.step)
        outer.addLayout(middle, 1)
        self.player = Player()
        self.player.moved.connect(self._show)
        outer.addWidget(self.player)

    @property
    def forward(self) -> bool:
        """Return whether the forward process is shown."""
        return self.controls.forward

    @property
    def timesteps(self) -> int:
        """Return T of the open model."""
        assert self.model is not None and self.model.schedule is not None
        return len(self.model.schedule.beta) - 1

    def _state(self) -> None:
        self.controls.set_state(
            ready=self.model is not None and not self._busy,
            running=self.running,
            exportable=self.noised is not None if self.forward else bool(self.frames),
        )
        self.player.ends.setText("image 0 → T noise" if self.forward else "noise T → 0 image")

    # ---- opening ----

    def open(self, name: str) -> None:
        """Open a model by name or run folder, and draw a first batch from it."""
        self._requests += 1
        self._opening = self._requests
        self._sampling, self.running, self._busy = 0, False, True
        self._state()
        self.view.clear("opening …")
        self.job.emit((f"opening {name}", -1.0))
        self.worker.submit(OpenRequest(self._opening, name))

    @Slot(object)
    def _opened(self, model: OpenedModel) -> None:
        if model.request != self._opening:
            return
        self._busy = False
        self.job.emit(None)
        if model.schedule is None:
            self.model, self.frames, self.noised = None, [], None  # the session is that of the other model now
            self.view.clear("Open a diffusion model from the Models page.")
            self._state()
            self.problem.emit(Failure(f"{model.card.title} has no diffusion chain; open it on the Latent page"))
            return
        self.model, self.frames, self.noised, self.gallery = model, [], None, None
        self.followed = self.chosen_image = 0
        self.view.clear("")
        self.step.set_schedule(model.schedule)
        self.controls.sampling.set_model(self.timesteps, model)
        self.controls.cloud = model.points
        self.player.pause()
        self._set_steps(())
        self.player.set_positions(self.timesteps + 1, 0)
        self.player.slider.setFocus()  # Space and the arrows are the player's
        self.subject.emit(f"model: {model.card.title}")
        self._state()
        if not self.forward:
            self._start_sampling()

    @Slot(object)
    def _got_gallery(self, gallery: Gallery) -> None:
        self.gallery = gallery
        if self.forward:
            self._ask_noised()

    @Slot(object)
    def _failed(self, failure: Failure) -> None:
        self.running, self._busy = False, False
        self._sampling = 0
        self.job.emit(None)
        if not self.forward:
            self.player.set_positions(len(self.frames))
        self._state()
        self.problem.emit(failure)

    def _set_steps(self, steps: tuple[int, ...]) -> None:
        """Take note of the t's of the chain; none are known before its first frame."""
        self._steps = steps
        self.view.steps = tuple(range(self.timesteps + 1)) if self.forward else steps

    # ---- asking ----

    @Slot()
    def _sampling_changed(self) -> None:
        if self.model is not None and not self.forward:
            followed, at = self.followed, self.t
            self._start_sampling()  # from the same noise: one sees only what the setting does
            self.followed, self._return_to = min(followed, self._samples - 1), at

    @Slot()
    def _seed_changed(self) -> None:
        if self.forward:
            self._ask_noised()
        elif self.controls.seed != self.sampled_seed:
            self._start_sampling()

    @Slot()
    def _sample_or_cancel(self) -> None:
        if self.running:
            self.cancel_job()
        else:
            self._start_sampling()

    def _most_samples(self) -> int:
        """Return how many samples a whole chain may have, at three pictures a step, for the memory that is allowed."""
        assert self.model is not None
        steps = self.controls.sampling.sampling.steps or self.timesteps
        return max(1, _MOST_BYTES // (3 * (steps + 1) * math.prod(self.model.image_shape)))

    def _start_sampling(self) -> None:
        if self.model is None or self._busy:
            return
        if self.forward:
            self.controls.mode.choose("reverse")
        self._requests += 1
        self._sampling, self.sampled_seed = self._requests, self.controls.seed
        self.sampled_how = self.controls.sampling.sampling
        self._set_steps(())
        self.frames, self.running, self.followed, self._return_to = [], True, 0, None
        self.player.pause()
        self.player.set_positions(self.timesteps + 1, 0)
        self._state()
        count = images.CLOUD if self.model.points else min(self.controls.wanted, self._most_samples())
        if count < self.controls.wanted:
            self.status.emit(f"{count} samples at once: more would take over {_MOST_BYTES >> 20} MB of frames")
        self._samples = 1 if self.model.points else count
        self.worker.submit(DenoiseRequest(self._sampling, count, self.sampled_seed, self.sampled_how))

    def cancel_job(self) -> None:
        """Stop the chain; what is computed so far stays to be scrubbed."""
        if self.running:
            self.running = False
            self.worker.submit(StopChain())
            self.job.emit(None)
            if not self.forward:
                self.player.set_positions(len(self.frames))
            self._state()

    def _ask_noised(self) -> None:
        if self.model is not None and self.gallery is not None:
            self._requests += 1
            self._noising = self._requests
            self.worker.submit(NoiseRequest(self._noising, self.chosen_image, self.controls.seed))

    @Slot()
    def _change_direction(self) -> None:
        self.player.pause()
        self.view.set_direction(forward=self.forward)
        self._state()
        if self.model is None:
            return
        self._set_steps(self._steps)
        total = self.timesteps + 1 if self.forward or not self._steps else len(self._steps)
        if not self.forward:
            self.player.set_positions(total if self.running else len(self.frames), len(self.frames))
            self.player.go_to(len(self.frames) - 1)
            if not self.frames:
                self.view.clear("Press Sample to run the chain from noise.")
        elif self.noised is None:
            self.player.set_positions(total, 0)
            self._ask_noised()
        else:
            self.player.set_positions(total)
            self.player.go_to(0)

    # ---- answers ----

    @Slot(object)
    def _got_frames(self, message: Frames) -> None:
        if message.request != self._sampling:
            return
        first = not self.frames
        self.frames.extend(message.frames)
        if message.done:
            self.running = False
        if first:
            self._set_steps(message.t)
        share = len(self.frames) / len(message.t)
        self.job.emit((f"denoising · t = {self.frames[-1].t}", share) if self.running else None)
        if first or message.done:
            self._state()
        if self.forward:
            return
        if self.running or message.done:
            self.player.set_positions(len(message.t), len(self.frames))
        else:  # the rest of a chain that was cancelled
            self.player.set_positions(len(self.frames))
        if first and self._return_to is None:
            self.player.go_to(0)
            self.player.start()
        elif self._return_to is not None and not self.player.playing:
            self._go_back_to(self._return_to)

    def _go_back_to(self, t: int) -> None:
        """Show the frame at t, or the one after it where that t is not visited, once it is computed."""
        reached = next((place for place, frame in enumerate(self.frames) if frame.t <= t), None)
        if reached is not None:
            self._return_to = None
        self.player.go_to(len(self.frames) - 1 if reached is None else reached)

    @Slot(object)
    def _got_noised(self, message: Noised) -> None:
        if message.request != self._noising:
            return
        first = self.noised is None
        self.noised = message
        self._state()
        if self.forward:
            self.player.set_positions(self.timesteps + 1)
            self.player.go_to(self.timesteps // 4 if first else self.player.position)

    # ---- showing ----

    @Slot(int)
    def _show(self, position: int) -> None:
        if self.forward:
            if self.noised is None or self.gallery is None:
                return
            self.view.show_noised(self.noised, self.gallery, position)
            self.step.show_step(position, None, forward=True)
        elif position < len(self.frames):
            frame = self.frames[position]
            self.view.show_frame(self.frames, position, self.followed)
            self.step.show_step(frame.t, frame.step, forward=False)
        self.player.where.setText(f"t = {self.t}")

    @property
    def t(self) -> int:
        """Return the t that is shown."""
        if self.forward:
            return self.player.position
        return self._steps[self.player.position] if self.player.position < len(self._steps) else self.timesteps

    @Slot(int)
    def _go_to_t(self, t: int) -> None:
        self.player.pause()
        self.player.go_to(t if self.forward else self._steps.index(t))

    @Slot(int)
    def _choose_item(self, index: int) -> None:
        if self.forward:
            self.chosen_image = index
            self._ask_noised()
        else:
            self.followed = index
            self._show(self.player.position)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space plays, the arrows step."""
        actions = {
            Qt.Key.Key_Space: self.player.toggle,
            Qt.Key.Key_Left: self.player.step_back,
            Qt.Key.Key_Right: self.player.step_on,
        }
        action = actions.get(Qt.Key(event.key()))
        if action is None:
            super().keyPressEvent(event)
        else:
            action()

    def shutdown(self) -> bool:
        """End the session's thread."""
        self.player.pause()
        return self.worker.stop()

"""The Diffusion page: noise becomes a picture, a picture becomes noise, step by step, under one clock."""

import time

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from explorer import images
from explorer.messages import (
    DenoiseRequest,
    Failure,
    Frame,
    Frames,
    Gallery,
    Noised,
    NoiseRequest,
    OpenedModel,
    Pixels,
)
from explorer.ui.chain_view import ChainView
from explorer.ui.diffusion_controls import DiffusionControls
from explorer.ui.page import Page
from explorer.ui.player import Player
from explorer.ui.step_panel import StepPanel
from explorer.workers.session_worker import OpenRequest, SessionWorker, StopChain

_GIF_FRAMES = 60
_POINTS = 2000  # that make a cloud


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
        self._sampling = 0
        self._sampled_seed = 0
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
        self.controls.sample_pressed.connect(self._sample_or_cancel)
        export = self.controls.export
        export.add("picture", "Followed picture (PNG)", ".png", self._picture_png)
        export.add("samples", "All pictures (PNG)", ".png", self._items_png)
        export.add("chain", "Film strip (PNG)", ".png", self._strip_png)
        export.add("chain-animation", "The chain (GIF)", ".gif", self._chain_gif)
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
            ready=self.model is not None,
            running=self.running,
            exportable=self.noised is not None if self.forward else bool(self.frames),
        )
        self.player.ends.setText("image 0 → T noise" if self.forward else "noise T → 0 image")

    # ---- opening ----

    def open(self, name: str) -> None:
        """Open a model by name or run folder, and draw a first batch from it."""
        self._requests += 1
        self._opening = self._requests
        self._sampling, self.running = 0, False
        self._state()
        self.job.emit((f"opening {name}", -1.0))
        self.worker.submit(OpenRequest(self._opening, name))

    @Slot(object)
    def _opened(self, model: OpenedModel) -> None:
        if model.request != self._opening:
            return
        self.job.emit(None)
        if model.schedule is None:
            self.problem.emit(Failure(f"{model.card.title} has no diffusion chain; open it on the Latent page"))
            return
        self.model, self.frames, self.noised, self.gallery = model, [], None, None
        self.followed = self.chosen_image = 0
        self.view.timesteps = self.timesteps
        self.view.clear("")
        self.step.set_schedule(model.schedule)
        self.player.pause()
        self.player.set_positions(self.timesteps + 1, 0)
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
        self.running = False
        self.job.emit(None)
        self._state()
        self.problem.emit(failure)

    # ---- asking ----

    @Slot()
    def _seed_changed(self) -> None:
        if self.forward:
            self._ask_noised()

    @Slot()
    def _sample_or_cancel(self) -> None:
        if self.running:
            self.cancel_job()
        else:
            self._start_sampling()

    def _start_sampling(self) -> None:
        if self.model is None:
            return
        if self.forward:
            self.controls.mode.choose("reverse")
        self._requests += 1
        self._sampling, self._sampled_seed = self._requests, self.controls.seed
        self.frames, self.running, self.followed = [], True, 0
        self.player.pause()
        self.player.set_positions(self.timesteps + 1, 0)
        self._state()
        count = _POINTS if self.model is not None and self.model.points else self.controls.wanted
        self.worker.submit(DenoiseRequest(self._sampling, count, self._sampled_seed))

    def cancel_job(self) -> None:
        """Stop the chain; what is computed so far stays to be scrubbed."""
        if self.running:
            self.running = False
            self.worker.submit(StopChain())
            self.job.emit(None)
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
        total = self.timesteps + 1
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
        share = len(self.frames) / message.total
        self.job.emit((f"denoising · t = {self.frames[-1].t}", share) if self.running else None)
        if first or message.done:
            self._state()
        if self.forward:
            return
        if self.running or message.done:
            self.player.set_positions(message.total, len(self.frames))
        else:  # the rest of a chain that was cancelled
            self.player.set_positions(len(self.frames))
        if first:
            self.player.go_to(0)
            self.player.start()

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
        return self.player.position if self.forward else self.timesteps - self.player.position

    @Slot(int)
    def _go_to_t(self, t: int) -> None:
        self.player.pause()
        self.player.go_to(t if self.forward else self.timesteps - t)

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

    # ---- taking home ----

    def _provenance(self, what: str) -> dict[str, object]:
        assert self.model is not None
        made: dict[str, object] = {**self.model.provenance, "made": what, "t": self.t}
        if self.forward:
            made |= {"process": "forward", "image": self.chosen_image, "seed": self.controls.seed}
        else:
            made |= {"process": "reverse", "sampler": "DDPM", "item": self.followed, "seed": self._sampled_seed}
        return {**made, "time": time.strftime("%Y-%m-%dT%H:%M:%S")}

    def _picture_png(self) -> bytes:
        return images.png_bytes(images.sheet(self.view.picture.pixels, wanted=512), self._provenance("picture"))

    def _items_png(self) -> bytes:
        return images.png_bytes(images.sheet(self.view.items.pixels), self._provenance("pictures"))

    def _strip_png(self) -> bytes:
        strip = self.view.strip.pixels
        return images.png_bytes(images.sheet(strip, len(strip)), self._provenance("film strip"))

    def _film(self) -> list[Pixels]:
        if self.forward:
            assert self.noised is not None
            film: list[Pixels] = [picture[None] for picture in self.noised.x_t]
        else:
            film = [frame.x_t for frame in self.frames]
        kept = np.unique(np.linspace(0, len(film) - 1, min(_GIF_FRAMES, len(film))).round().astype(int))
        return [film[index] for index in kept]

    def _chain_gif(self) -> bytes:
        return images.gif_bytes([images.sheet(pixels) for pixels in self._film()])

    def shutdown(self) -> bool:
        """End the session's thread."""
        self.player.pause()
        return self.worker.stop()

"""The Diffusion page: noise becomes a picture, a picture becomes noise, step by step, under one clock."""

import time

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QIntValidator, QKeyEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout

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
from explorer.ui import theme
from explorer.ui.export import ExportButton
from explorer.ui.page import Page
from explorer.ui.panel import Panel, Segmented, button, label
from explorer.ui.picture_grid import PictureGrid
from explorer.ui.player import Player
from explorer.ui.step_panel import StepPanel
from explorer.workers.session_worker import OpenRequest, SessionWorker, StopChain

_STRIP = 9
_GIF_FRAMES = 60
_COUNTS = (1, 4, 9, 16, 25, 36, 64)
_REVERSE_TITLES = (
    ("x_t   what the chain holds", "The picture at step t: signal and noise"),
    ("x̂₀(x_t, t)   the network's guess of the clean image", "x̂₀ = (x_t − √(1−ᾱ_t)·ε̂)/√ᾱ_t, clipped to [−1, 1]"),
    ("ε̂(x_t, t)   the noise it sees", "The network's prediction, shown from −3 (black) to 3 (white)"),
)
_FORWARD_TITLES = (
    ("x_t   the image so far drowned", "x_t = √ᾱ_t·x₀ + √(1−ᾱ_t)·ε, drawn at once from q(x_t|x₀)"),
    ("x₀   the clean image", "A test image; choose another below"),
    ("ε   the noise mixed in", "ε ~ N(0, I), the same at every t, shown from −3 (black) to 3 (white)"),
)


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
        self._sample_on_open = True
        self._random = np.random.default_rng()
        self.worker = SessionWorker(self)
        for signal, slot in (
            (self.worker.opened, self._opened), (self.worker.gallery, self._got_gallery),
            (self.worker.frames, self._got_frames), (self.worker.noised, self._got_noised),
            (self.worker.failed, self._failed),
        ):  # fmt: skip
            signal.connect(slot)
        self._build()
        self._name_panes()
        self._say_empty()

    # ---- layout ----

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 12, 12, 12)
        outer.setSpacing(12)
        outer.addLayout(self._controls())
        grid = QGridLayout()
        grid.setSpacing(12)
        self.panes: list[tuple[Panel, PictureGrid]] = []
        for place in range(3):
            panel, picture = Panel(), PictureGrid(f"pane {place + 1}")
            panel.body.addWidget(picture, 1)
            grid.addWidget(panel, 0, place)
            self.panes.append((panel, picture))
        grid.addWidget(self._chain_panel(), 1, 0, 1, 3)
        self.step = StepPanel()
        self.step.setFixedWidth(310)
        grid.addWidget(self.step, 0, 3, 2, 1)
        grid.setRowStretch(0, 3)
        grid.setRowStretch(1, 2)
        for place in range(3):
            grid.setColumnStretch(place, 1)
        outer.addLayout(grid, 1)
        self.player = Player()
        self.player.moved.connect(self._show)
        outer.addWidget(self.player)

    def _controls(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(10)
        self.mode = Segmented(
            [
                ("forward", "Forward q", "Noise a test image: q(x_t|x₀)"),
                ("reverse", "Reverse p", "Denoise pure noise step by step: p(x_{t−1}|x_t)"),
            ],
            "direction",
        )
        self.mode.choose("reverse")
        self.mode.chosen.connect(self._change_mode)
        row.addWidget(self.mode)
        self.count = QComboBox()
        self.count.addItems([f"{count} sample{'s' if count > 1 else ''}" for count in _COUNTS])
        self.count.setCurrentIndex(_COUNTS.index(16))
        self.count.setToolTip("How many images to draw at once")
        self.count.setAccessibleName("number of samples")
        row.addWidget(self.count)
        row.addWidget(label("seed", "muted"))
        self.seed = QLineEdit("42")
        self.seed.setValidator(QIntValidator(0, 2**31 - 1))
        self.seed.setFixedWidth(90)
        self.seed.setToolTip("Same seed, same noise: the same pictures on every machine, up to rounding")
        self.seed.setAccessibleName("seed")
        self.seed.editingFinished.connect(self._noise_changed)
        row.addWidget(self.seed)
        self.dice = QToolButton()
        self.dice.setToolTip("Draw another seed")
        self.dice.setAccessibleName("another seed")
        self.dice.clicked.connect(self._roll)
        row.addWidget(self.dice)
        row.addStretch(1)
        self.sample = button("Sample", "Run the reverse chain from noise (Ctrl+Return)", "primary")
        self.sample.setShortcut("Ctrl+Return")
        self.sample.clicked.connect(self._sample_or_cancel)
        row.addWidget(self.sample)
        self.export = ExportButton(self)
        self.export.add("x0", "Followed picture (PNG)", ".png", self._picture_png)
        self.export.add("samples", "All samples (PNG)", ".png", self._samples_png)
        self.export.add("chain", "Film strip (PNG)", ".png", self._strip_png)
        self.export.add("chain-animation", "The chain (GIF)", ".gif", self._chain_gif)
        row.addWidget(self.export)
        theme.current().changed.connect(self._icons)
        self._icons()
        return row

    @Slot()
    def _icons(self) -> None:
        self.dice.setIcon(theme.icon("dice", theme.colors().text))

    def _chain_panel(self) -> Panel:
        panel = Panel("Whole chain", "The followed picture along the chain, and all pictures at this step")
        self._hint = label("", "strong")
        panel.head.addWidget(self._hint)
        self.strip = PictureGrid("chain", _STRIP, gap=10, selectable=True)
        self.strip.clicked.connect(self._strip_clicked)
        self.batch = PictureGrid("samples", 16, gap=6, selectable=True)
        self.batch.clicked.connect(self._follow)
        panel.body.addWidget(self.strip, 3)
        panel.body.addWidget(self.batch, 2)
        return panel

    def _name_panes(self) -> None:
        titles = _FORWARD_TITLES if self.forward else _REVERSE_TITLES
        for (panel, picture), (title, tip) in zip(self.panes, titles, strict=True):
            panel.title.setText(title)
            panel.title.setToolTip(tip)
            picture.setToolTip(tip)
            picture.setAccessibleName(title)
        kind = "images" if self.forward else "samples"
        self._hint.setText(f"{kind} · click one to {'noise' if self.forward else 'follow'} it")
        self.player.ends.setText("image 0 → T noise" if self.forward else "noise T → 0 image")

    def _say_empty(self) -> None:
        self.panes[0][1].clear("Open a diffusion model from the Models page.")
        for _, picture in self.panes[1:]:
            picture.clear("")
        self.strip.clear("")
        self.batch.clear("")
        for widget in (self.sample, self.count, self.seed, self.dice, self.mode):
            widget.setEnabled(self.model is not None)

    @property
    def forward(self) -> bool:
        """Return whether the forward process is shown."""
        return self.mode.key == "forward"

    @property
    def timesteps(self) -> int:
        """Return T of the open model."""
        assert self.model is not None and self.model.schedule is not None
        return len(self.model.schedule.beta) - 1

    # ---- opening ----

    def open(self, name: str, *, sample: bool = True) -> None:
        """Open a model by name or run folder, and draw a first batch from it."""
        self._requests += 1
        self._opening = self._requests
        self._sample_on_open = sample
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
        self.model, self.frames, self.noised = model, [], None
        self.followed = self.chosen_image = 0
        self.running = False
        self._say_empty()
        self.step.set_schedule(model.schedule)
        self.player.set_positions(self.timesteps + 1, 0)
        self.subject.emit(f"model: {model.card.title}")
        self._name_panes()
        self._buttons()
        if self._sample_on_open and not self.forward:
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
        self._buttons()
        self.problem.emit(failure)

    # ---- asking ----

    def _seed(self) -> int:
        return int(self.seed.text() or 0)

    @Slot()
    def _roll(self) -> None:
        self.seed.setText(str(int(self._random.integers(0, 2**31 - 1))))
        self._noise_changed()
        if not self.forward:
            self._start_sampling()

    @Slot()
    def _noise_changed(self) -> None:
        if self.forward and self.model is not None:
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
            self.mode.choose("reverse")
        self._requests += 1
        self._sampling = self._requests
        self.frames, self.running, self.followed = [], True, 0
        self.player.set_positions(self.timesteps + 1, 0)
        self._buttons()
        self.worker.submit(DenoiseRequest(self._sampling, _COUNTS[self.count.currentIndex()], self._seed()))

    def cancel_job(self) -> None:
        """Stop the chain; what is computed so far stays to be scrubbed."""
        if self.running:
            self.running = False
            self.worker.submit(StopChain())
            self.job.emit(None)
            self._buttons()

    def _ask_noised(self) -> None:
        if self.model is not None and self.gallery is not None:
            self._requests += 1
            self.worker.submit(NoiseRequest(self._requests, self.chosen_image, self._seed()))

    @Slot(str)
    def _change_mode(self, _key: str) -> None:
        self.player.pause()
        self._name_panes()
        self._buttons()
        if self.model is None:
            return
        total = self.timesteps + 1
        if self.forward:
            self.player.set_positions(total, total if self.noised else 0)
            if self.noised is None:
                self._ask_noised()
            else:
                self.player.go_to(0)
            return
        self.player.set_positions(total, len(self.frames))
        self.player.go_to(len(self.frames) - 1)

    def _buttons(self) -> None:
        self.sample.setText("Cancel" if self.running else "Sample")
        self.sample.setProperty("role", "" if self.running else "primary")
        self.sample.style().polish(self.sample)
        self.export.setEnabled(bool(self.noised if self.forward else self.frames))
        self.count.setEnabled(self.model is not None and not self.forward)

    # ---- answers ----

    @Slot(object)
    def _got_frames(self, message: Frames) -> None:
        if message.request != self._sampling:
            return
        first = not self.frames
        self.frames.extend(message.frames)
        share = len(self.frames) / message.total
        if self.running:
            self.job.emit(None if message.done else (f"denoising · t = {self.frames[-1].t}", share))
        if message.done:
            self.running = False
        self._buttons()
        if self.forward:
            return
        self.player.set_ready(len(self.frames))
        if first:
            self.player.go_to(0)
            self.player.start()

    @Slot(object)
    def _got_noised(self, message: Noised) -> None:
        self.noised = message
        self._buttons()
        if self.forward:
            at = self.player.position if self.player.position > 0 else self.timesteps // 4
            self.player.set_positions(self.timesteps + 1)
            self.player.go_to(at)

    # ---- showing ----

    @Slot(int)
    def _show(self, position: int) -> None:
        if self.forward:
            self._show_forward(position)
        elif position < len(self.frames):
            self._show_frame(self.frames[position])

    def _show_forward(self, t: int) -> None:
        if self.noised is None or self.gallery is None:
            return
        shown = (
            self.noised.x_t[t : t + 1],
            self.gallery.pixels[self.noised.index : self.noised.index + 1],
            self.noised.eps[None],
        )
        for (_, picture), pixels in zip(self.panes, shown, strict=True):
            picture.set_pixels(pixels)
        self.player.where.setText(f"t = {t}")
        self.step.show_step(t, None, forward=True)
        marks = self._marks()
        self.strip.set_pixels(self.noised.x_t[marks], _STRIP, [f"t = {mark}" for mark in marks])
        self.strip.select(int(np.abs(marks - t).argmin()))
        self.batch.set_pixels(self.gallery.pixels[:16], 16)
        self.batch.select(self.chosen_image)

    def _show_frame(self, frame: Frame) -> None:
        self.followed = min(self.followed, len(frame.x_t) - 1)
        one = slice(self.followed, self.followed + 1)
        for (_, picture), pixels in zip(self.panes, (frame.x_t, frame.x0_hat, frame.eps_hat), strict=True):
            picture.set_pixels(pixels[one])
        self.player.where.setText(f"t = {frame.t}")
        self.step.show_step(frame.t, frame.step, forward=False)
        reached = self._reached()
        strip = [found.x_t[self.followed] for found in reached]
        self.strip.set_pixels(np.stack(strip), _STRIP, [f"t = {found.t}" for found in reached])
        self.strip.select(int(np.argmin([abs(found.t - frame.t) for found in reached])))
        self.batch.set_pixels(frame.x_t, min(16, max(1, len(frame.x_t))) if len(frame.x_t) <= 16 else 22)
        self.batch.select(self.followed)

    def _marks(self) -> np.ndarray:
        """Return the t's of the film strip; q(x_t|x_0) changes fast near 0, so they are denser there."""
        shares = np.linspace(0, 1, _STRIP) ** 1.4
        marks = np.round(shares * self.timesteps).astype(int)
        return marks if self.forward else marks[::-1]

    def _reached(self) -> list[Frame]:
        lowest = self.frames[-1].t
        return [self.frames[self.timesteps - int(t)] for t in self._marks() if t >= lowest]

    @Slot(int)
    def _strip_clicked(self, index: int) -> None:
        t = int(self._marks()[index])
        self.player.pause()
        self.player.go_to(t if self.forward else self.timesteps - t)

    @Slot(int)
    def _follow(self, index: int) -> None:
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
        made: dict[str, object] = {**self.model.provenance, "made": what, "seed": self._seed()}
        made |= {"image": self.chosen_image} if self.forward else {"sampler": "DDPM", "item": self.followed}
        return {**made, "t": self._t(), "time": time.strftime("%Y-%m-%dT%H:%M:%S")}

    def _t(self) -> int:
        return self.player.position if self.forward else self.timesteps - self.player.position

    def _picture_png(self) -> bytes:
        return images.png_bytes(images.sheet(self.panes[0][1].pixels, wanted=512), self._provenance("picture"))

    def _samples_png(self) -> bytes:
        return images.png_bytes(images.sheet(self.batch.pixels), self._provenance("samples"))

    def _strip_png(self) -> bytes:
        return images.png_bytes(images.sheet(self.strip.pixels, len(self.strip.pixels)), self._provenance("film strip"))

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

"""Between two noises: the starting noise of one seed turns into that of another, and the pictures follow."""

from functools import partial

import numpy as np
from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QVBoxLayout

from explorer import images
from explorer.animations import Reel
from explorer.config import Sampling
from explorer.messages import DenoiseRequest, Floats, Frame, OpenedModel, Pixels
from explorer.ui.chain_mode import next_number
from explorer.ui.curve_plot import CurvePlot
from explorer.ui.film_mode import FilmMode
from explorer.ui.panel import Panel, Segmented, label
from explorer.ui.picture_grid import PictureGrid
from explorer.ui.sampling_button import SamplingButton
from explorer.ui.seed_field import SeedField
from explorer.workers.session_worker import SessionWorker

_COUNTS = (5, 7, 9, 11, 16)
_WIDE = 1200  # pixels
_REDRAW_MS = 500  # of the curve, while the chains are computed
_MOST_STEPS = 32
_SHOWS = (("x_t", "xₜ", "Show what the chains hold"), ("x0_hat", "x̂₀", "Show the guessed clean items"))
_FIXED = ("each in turn", "each in turn: then not only the noise changes")
_HINT = "Press Go: the starting noise of one seed turns into that of the other."
_SLERP = (
    "x_T(λ) = sin((1−λ)θ)/sin θ · x_T(A) + sin(λθ)/sin θ · x_T(B), along a great circle (Shoemake 1985): as long as "
    "noise is, which the points of a straight line between them are not"
)


class InterpolationView(FilmMode):
    """A strip of chains whose starting noises lie between two; all on one clock."""

    run_text, run_tip = "Go", "Run the chains of all noises between the two (Ctrl+Return)"

    def __init__(self, worker: SessionWorker) -> None:
        super().__init__(worker)
        self._asked: DenoiseRequest | None = None
        self._redraw = QTimer(self, singleShot=True, interval=_REDRAW_MS)
        self._redraw.timeout.connect(self._draw_curve)
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        self.first, self.last = SeedField("A", 42), SeedField("B", 7)
        self.count = QComboBox()
        for count in _COUNTS:
            self.count.addItem(f"{count} pictures", count)
        self.count.setCurrentIndex(_COUNTS.index(9))
        self.count.setToolTip("How many pictures from A to B, these two included")
        self.count.setAccessibleName("number of pictures")
        self.shows = Segmented(_SHOWS, "what is shown")
        self.shows.chosen.connect(self._show_again)
        self.sampling = SamplingButton(_FIXED)
        self.count.activated.connect(self._changed)
        for part in (self.first, self.last, self.sampling):
            part.changed.connect(self._changed)
        for widget in (self.first, self.last, self.count, self.shows, self.sampling):
            row.addWidget(widget)
        self._build()
        self._add_exports()

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(12)
        middle = QHBoxLayout()
        middle.setSpacing(12)
        column = QVBoxLayout()
        column.setSpacing(12)
        above = Panel("Starting noise x<sub>T</sub>, from A to B", _SLERP)
        self.noises = PictureGrid("starting noises", 9, gap=8)
        above.body.addWidget(self.noises, 1)
        beneath = Panel("What it becomes", "The chains of these noises, all at the same t")
        self.memory = label("", "muted", tabular=True)
        beneath.head.addWidget(self.memory)
        self.strip = PictureGrid("what the noises become", 9, gap=8)
        beneath.body.addWidget(self.strip, 1)
        column.addWidget(above, 2)
        column.addWidget(beneath, 3)
        middle.addLayout(column, 1)
        self.steps = CurvePlot(
            "From one to the next (RMS)", "λ",
            "Root mean square difference per value between neighbours of the strip, and between A and B. With DDIM "
            "and η = 0 it stays small: near noises become near pictures. With DDPM each has fresh noise of its own",
            empty_text="Appears when the chains run",
        )  # fmt: skip
        self.steps.add_curve("step", "neighbours", "accent")
        self.steps.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        middle.addWidget(self.steps)
        outer.addLayout(middle, 1)
        outer.addWidget(self.player)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the strip its room."""
        super().resizeEvent(event)
        self.steps.setFixedWidth(310 if self.width() >= _WIDE else 230)

    # ---- opening ----

    def set_model(self, model: OpenedModel | None, hint: str = "") -> None:
        """Begin anew with a model; without one say why."""
        super().set_model(model, hint)
        self._asked = None
        self.strip.clear(hint or _HINT)
        if model is None or model.schedule is None:
            return
        total = len(model.schedule.beta) - 1
        self.sampling.set_model(total, model)
        usual = Sampling(sampler="ddim", steps=max(1, total // 10), clip=model.clips)
        self.sampling.set_sampling(usual.model_copy(update={"label": 0}) if model.classes else usual)
        self.count.setVisible(not model.points)
        self.player.ends.setText("noise T → 0 points" if model.points else "noise T → 0 images")

    # ---- asking ----

    def run(self) -> None:
        """Run the chains of all noises between the two."""
        self._start(keep=False)

    @Slot()
    def _changed(self) -> None:
        if self._asked is not None:  # it has run: one sees what the change does
            self._start(keep=True)

    def _start(self, *, keep: bool) -> None:
        if self.model is None:
            return
        self.first.remember(self.first.seed)
        self.last.remember(self.last.seed)
        count = images.CLOUD if self.model.points else int(self.count.currentData())
        how, towards = self.sampling.sampling, self.last.seed
        self._asked = DenoiseRequest(next_number(), count, self.first.seed, how, towards=towards)
        self.start(self._asked, keep=keep)

    # ---- showing ----

    def film_cleared(self) -> None:
        """Say what to do."""
        self.noises.clear("")
        self.strip.clear("" if self._asked is not None else _HINT)
        self.memory.setText("")
        self.steps.set_curve("step", [], [], "")
        self.steps.remove_overlay("ends")

    def show_frame(self, position: int) -> None:
        """Show the frame at a position of the film."""
        frame = self.film.frames[position]
        pictures = self._shown(frame)
        columns = len(pictures)
        names = self._names(columns)
        self.noises.set_pixels(self.film.frames[0].x_t, columns, names)
        self.strip.set_pixels(pictures, columns, names)
        if not (self.running and self.player.playing):
            self._draw_curve()
        elif not self._redraw.isActive():
            self._redraw.start()

    @Slot()
    def _draw_curve(self) -> None:
        if not len(self.film):
            return
        frame = self.film.frames[self.player.position]
        steps, apart = _steps(frame, self.shows.key), _apart(frame, self.shows.key)
        self.steps.set_curve("step", (np.arange(len(steps)) + 0.5) / max(1, len(steps)), steps, "")
        self.steps.set_overlay("ends", "A and B", "muted", [0.0, 1.0], [apart, apart])

    def grew(self) -> None:
        """Show how much there is."""
        self.memory.setText(self.film.memory())

    def _shown(self, frame: Frame) -> Pixels:
        pictures: Pixels = getattr(frame, self.shows.key)
        return pictures

    @staticmethod
    def _names(count: int) -> list[str]:
        if count < 2:
            return []
        return ["A", *(f"{place / (count - 1):.2f}" for place in range(1, count - 1)), "B"]

    @Slot()
    def _show_again(self) -> None:
        if len(self.film):
            self.show_frame(self.player.position)

    # ---- export ----

    def _add_exports(self) -> None:
        self.exports.add("interpolation", "Strip (PNG)", ".png", self._strip_png)
        self.films.add("interpolation", "Film of the strip, along t", partial(self._reel, walk=False))
        self.films.add("walk", "Film from A to B, at this t", partial(self._reel, walk=True))

    def _made(self, what: str, t: int) -> dict[str, object]:
        assert self._asked is not None and self._asked.sampling is not None
        asked = self._asked
        return self.provenance(
            made=what, process="interpolation", t=t, seed=asked.seed, towards=asked.towards, count=asked.count,
            **self._asked.sampling.model_dump(),
        )  # fmt: skip

    def _strip_png(self) -> bytes:
        pictures = self._shown(self.film.frames[self.player.position])
        return images.png_bytes(images.sheet(pictures, len(pictures)), self._made("strip", self.t))

    def _reel(self, *, walk: bool) -> Reel:
        frames, key, made = tuple(self.film.frames), self.shows.key, self._made("film", self.t)
        if walk:
            pictures: Pixels = self._shown(frames[self.player.position])
            return Reel(len(pictures), lambda place: images.poster(pictures[place : place + 1]), lambda _: made)
        return Reel(
            len(frames), lambda place: images.sheet(getattr(frames[place], key), len(frames[place].x_t)),
            lambda place: {**made, "t": frames[place].t},
        )  # fmt: skip


def _values(frame: Frame, key: str) -> Floats:
    """Return the items of a frame, (items, values), of pictures values of [−1, 1]; of points some of them."""
    if frame.points is not None:
        points = frame.points[0 if key == "x_t" else 1]
        return points[:: max(1, len(points) // _MOST_STEPS)]
    pictures: Pixels = getattr(frame, key)
    return pictures.reshape(len(pictures), -1).astype(np.float32) / 127.5


def _steps(frame: Frame, key: str) -> list[float]:
    """Return the root mean square difference of each item to the next."""
    return [float(step) for step in np.sqrt(np.square(np.diff(_values(frame, key), axis=0)).mean(axis=1))]


def _apart(frame: Frame, key: str) -> float:
    """Return that of the first and the last."""
    values = _values(frame, key)
    return float(np.sqrt(np.square(values[-1] - values[0]).mean()))

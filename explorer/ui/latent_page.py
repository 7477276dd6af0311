"""The Latent page: a map to walk in, sliders to drag, and the picture that follows."""

import math
import time

import numpy as np
from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from explorer import images
from explorer.config import ACTIVE_NATS
from explorer.latent_messages import Decoded, DecodeRequest, Traversal, TraverseRequest
from explorer.messages import Failure, Floats, OpenedModel
from explorer.ui.export import ExportButton
from explorer.ui.facts import beside_the_picture
from explorer.ui.latent_map import LatentScatter
from explorer.ui.latent_sliders import EXTENT, LatentSliders, subscript
from explorer.ui.page import Page
from explorer.ui.panel import Panel, button, empty, label
from explorer.ui.picture_grid import PictureGrid
from explorer.ui.traversal_strip import TraversalStrip
from explorer.workers.session_worker import OpenRequest, SessionWorker

_STEPS = 11
_MOST_ROWS = 12
_SETTLE_MS = 60
_SWING_MS = 90
_LOW = 720  # pixels


def dimension_names(levels: tuple[int, ...]) -> list[str]:
    """Return the names of all dimensions: z₀, z₁, … of a flat model, z¹₀, …, z²₀, … of one with levels."""
    if len(levels) < 2:
        return [f"z{subscript(k)}" for k in range(sum(levels))]
    marks = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
    return [
        f"z{str(level).translate(marks)}{subscript(k)}" for level, size in enumerate(levels, 1) for k in range(size)
    ]


def _values_of(model: OpenedModel) -> int:
    """Return D, the values of an item: pixels, or the two coordinates of a point."""
    return 2 if model.points else math.prod(model.image_shape)


class LatentPage(Page):
    """Sliders, cursor and picture always belong to the same z."""

    def __init__(self) -> None:
        super().__init__()
        self.model: OpenedModel | None = None
        self._requests = 0
        self._opening = 0
        self.worker = SessionWorker(self)
        self.worker.opened.connect(self._opened)
        self.worker.decoded.connect(self._decoded)
        self.worker.traversed.connect(self._traversed)
        self.worker.failed.connect(self._failed)
        self.map = LatentScatter()
        self.map.walked.connect(self._walked)
        self.sliders = LatentSliders()
        self.sliders.moved.connect(self._moved)
        self.picture = PictureGrid("decoded picture")
        self.traversal: Traversal | None = None
        self.decoded: Decoded | None = None
        self._settled = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._settled.timeout.connect(self._ask_traversal)
        self._swing = QTimer(self, interval=_SWING_MS)
        self._swing.timeout.connect(self._swing_on)
        self._swing_step = 0
        self._dimensions: tuple[int, ...] = ()
        self._names: list[str] = []
        self._low = False
        self._build()
        self._say_empty()

    # ---- layout ----

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 12, 12, 12)
        self._split = split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(12)
        outer.addWidget(split)
        upper = QWidget()
        row = QHBoxLayout(upper)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.map, 1)
        row.addWidget(self._decoded_panel())
        split.addWidget(upper)
        split.addWidget(self._traversal_panel())
        split.setSizes([560, 220])
        split.setStretchFactor(0, 1)

    def _decoded_panel(self) -> Panel:
        panel = Panel("Decoded", "The mean of p(x|z): what the decoder makes of the z below")
        panel.setFixedWidth(380)
        self._took = label("", "tag", tabular=True, tip="Time from the request to the decoded pixels")
        self._class = QComboBox()
        self._class.setToolTip("The class c that the conditional decoder p(x|z, c) is told; z stays as it is")
        self._class.setAccessibleName("class")
        self._class.activated.connect(self._told)
        self._class.hide()
        panel.head.addWidget(self._class)
        panel.head.addWidget(self._took)
        top = QHBoxLayout()
        self.picture.setFixedSize(190, 190)
        top.addWidget(self.picture)
        self._facts = QVBoxLayout()
        self._facts.setSpacing(3)
        top.addLayout(self._facts, 1)
        panel.body.addLayout(top)
        panel.body.addWidget(self.sliders, 1)
        self.export = ExportButton(self)
        self.export.add("decoded", "Decoded picture (PNG)", ".png", self._picture_png)
        self.export.add("traversal", "Traversal grid (PNG)", ".png", self._traversal_png)
        self.export.add("traversal-animation", "Traversal animation (GIF)", ".gif", self._traversal_gif)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.export)
        panel.body.addLayout(foot)
        return panel

    def _traversal_panel(self) -> Panel:
        panel = Panel(
            "Traversals · each row moves one dimension from −3 to 3", "The other dimensions stay as on the sliders"
        )
        self.animate = button("▶ animate", "Let each dimension swing from −3 to 3 and back")
        self.animate.setCheckable(True)
        self.animate.setEnabled(False)
        self.animate.toggled.connect(self._animate)
        panel.head.addWidget(self.animate)
        self.strip = TraversalStrip()
        panel.body.addWidget(self.strip, 1)
        return panel

    def _say_empty(self) -> None:
        self.picture.clear("no model open")
        self.strip.clear("Open a VAE from the Models page to see where it puts the data and to walk there.")

    def _show_facts(self, model: OpenedModel) -> None:
        empty(self._facts)
        facts = beside_the_picture(model.card, _values_of(model))
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        for line, (name, value, tip) in enumerate(facts):
            grid.addWidget(label(name, "muted", tip=tip), line, 0, Qt.AlignmentFlag.AlignTop)
            shown = QLabel(value)
            shown.setWordWrap(True)
            shown.setToolTip(tip)
            grid.addWidget(shown, line, 1)
        grid.setColumnStretch(1, 1)
        holder = QWidget()
        grid.setContentsMargins(4, 0, 0, 0)
        holder.setLayout(grid)
        self._facts.addWidget(holder)
        self._facts.addStretch(1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low window the sliders need the room more than the traversals."""
        low = self.height() < _LOW
        if low != self._low:
            self._low = low
            lower = 150 if low else 220
            self._split.setSizes([self.height() - lower, lower])

    # ---- opening ----

    def open(self, name: str) -> None:
        """Open a model by name or run folder."""
        self._requests += 1
        self._opening = self._requests
        self.job.emit((f"opening {name}", -1.0))
        self.worker.submit(OpenRequest(self._opening, name))

    @Slot(object)
    def _opened(self, model: OpenedModel) -> None:
        if model.request != self._opening:
            return
        self.job.emit(None)
        if model.latents is None:
            self.problem.emit(Failure(f"{model.card.title} has no latent space; open it on the Diffusion page"))
            return
        self.model = model
        self._names = dimension_names(model.levels)
        kl, order = model.latents.kl_per_dimension, model.latents.order()
        self.sliders.set_model(self._names, kl.tolist())
        self.map.set_map(model.latents, self._names, "images" if _values_of(model) > 2 else "points")
        self.traversal = self.decoded = None
        active = [k for k in order if not len(kl) or kl[k] >= ACTIVE_NATS]
        self._dimensions = tuple(active[:_MOST_ROWS] or order[:1])
        self._show_classes(model.classes)
        self._show_facts(model)
        self.subject.emit(f"model: {model.card.title}")
        self.export.setEnabled(True)
        self.animate.setEnabled(True)
        self._go_to(np.zeros(model.latent_size, np.float32))

    @Slot(object)
    def _failed(self, failure: Failure) -> None:
        self.job.emit(None)
        self.problem.emit(failure)

    @property
    def label(self) -> int:
        """Return the class that the decoder is told; 0 for a model that is told none."""
        return max(0, self._class.currentIndex())

    def _show_classes(self, classes: int) -> None:
        self._class.clear()
        self._class.addItems([f"class {label}" for label in range(classes)])
        self._class.setVisible(classes > 0)

    @Slot()
    def _told(self) -> None:
        self._moved(self.sliders.z)

    # ---- moving ----

    def _go_to(self, z: Floats) -> None:
        self.sliders.set_z(z)
        self._moved(z)

    def go_to_item(self, item: int) -> None:
        """Put cursor and sliders where the encoder put an item of the map."""
        if self.model is not None and self.model.latents is not None:
            if self.model.classes:
                self._class.setCurrentIndex(int(self.model.latents.labels[item]))
            self._go_to(self.model.latents.means[item])

    @Slot(object)
    def _moved(self, z: Floats) -> None:
        self.map.set_cursor(z)
        self._requests += 1
        self.worker.submit(DecodeRequest(self._requests, z[None], self.label))
        if not self._settled.isActive():
            self._settled.start()

    @Slot(object)
    def _walked(self, moves: dict[int, float]) -> None:
        z = self.sliders.z
        for dimension, value in moves.items():
            z[dimension] = value
        self._go_to(z)

    @Slot(object)
    def _decoded(self, answer: Decoded) -> None:
        if self.model is None or answer.z.shape[1] != self.model.latent_size:
            return
        self.decoded = answer
        self.picture.set_pixels(answer.pixels)
        self._took.setText(f"{answer.milliseconds:.1f} ms")

    @Slot()
    def _ask_traversal(self) -> None:
        if self.model is not None:
            request = TraverseRequest(self._requests, self.sliders.z, self._dimensions, EXTENT, _STEPS, self.label)
            self.worker.submit(request)

    @Slot(object)
    def _traversed(self, traversal: Traversal) -> None:
        if self.model is None or traversal.request.dimensions != self._dimensions:
            return
        self.traversal = traversal
        self.strip.set_rows(self._rows(), [self._names[k] for k in self._dimensions])
        if self._swing.isActive():
            self._swing_on()

    def _rows(self) -> np.ndarray:
        assert self.traversal is not None
        pixels = self.traversal.pixels
        return pixels.reshape(len(self._dimensions), _STEPS, *pixels.shape[1:])

    @Slot(bool)
    def _animate(self, on: bool) -> None:
        self.animate.setText("❚❚ animate" if on else "▶ animate")
        if on:
            self._swing_step = 0
            self._swing.start()
        else:
            self._swing.stop()
            self._ask_traversal()

    @Slot()
    def _swing_on(self) -> None:
        if self.traversal is None:
            return
        turn = 2 * (_STEPS - 1)
        self._swing_step = (self._swing_step + 1) % turn
        self.strip.show_step(min(self._swing_step, turn - self._swing_step))

    # ---- taking home ----

    def _provenance(self, what: str) -> dict[str, object]:
        assert self.model is not None
        z = [round(float(value), 6) for value in self.sliders.z]
        told = {"label": self.label} if self.model.classes else {}
        return {**self.model.provenance, "made": what, "z": z, **told, "time": time.strftime("%Y-%m-%dT%H:%M:%S")}

    def _picture_png(self) -> bytes:
        return images.png_bytes(images.sheet(self.picture.pixels, wanted=512), self._provenance("decoded"))

    def _traversal_png(self) -> bytes:
        assert self.traversal is not None
        return images.png_bytes(images.sheet(self.traversal.pixels, _STEPS), self._provenance("traversal"))

    def _traversal_gif(self) -> bytes:
        return images.gif_bytes(images.swing(self._rows()), hold=_SWING_MS, milliseconds=_SWING_MS)

    def shutdown(self) -> bool:
        """End the session's thread."""
        self._swing.stop()
        self._settled.stop()
        return self.worker.stop()

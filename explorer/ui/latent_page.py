"""The Latent page: a map to walk in, sliders to drag, a picture that follows, and a strip of what lies around."""

import time

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from explorer import images
from explorer.chain_messages import RequestFailure
from explorer.latent_messages import (
    Decoded,
    DecodeRequest,
    Encoded,
    ItemsRequest,
    MapItems,
    PlaneRequest,
    Sheet,
)
from explorer.messages import Failure, Floats, OpenedModel, Values
from explorer.ui.attributes_mode import AttributesMode
from explorer.ui.chosen_image import ChosenImage
from explorer.ui.classes_mode import ClassesMode
from explorer.ui.codes_mode import CodesMode
from explorer.ui.decoded_panel import DecodedPanel
from explorer.ui.export import ExportButton
from explorer.ui.interpolation_mode import InterpolationMode
from explorer.ui.jobs import Job, Jobs
from explorer.ui.latent_history import LatentHistory, Place
from explorer.ui.latent_map import LatentScatter
from explorer.ui.latent_sliders import LatentSliders
from explorer.ui.latent_strip import LatentStrip
from explorer.ui.levels_mode import LevelsMode
from explorer.ui.map_projection import MapProjection
from explorer.ui.page import Page
from explorer.ui.picture_grid import PictureGrid
from explorer.ui.samples_mode import SamplesMode
from explorer.ui.saved_mode import SavedMode
from explorer.ui.sheet_mode import plain
from explorer.ui.strip_mode import next_request
from explorer.ui.traversal_mode import TraversalMode
from explorer.walks import dimension_names
from explorer.workers.session_worker import OpenRequest, SessionWorker

_LOW = 720  # pixels
_STRIP, _LOW_STRIP = 240, 170
_NO_MODEL = "Open a VAE from the Models page to see where it puts the data and to walk there."


class LatentPage(Page):
    """Map, sliders, picture and strip always belong to the same place: z, and the class a conditional model is told.

    Whatever moves goes through ``go``; the parts only say where to.
    """

    def __init__(self) -> None:
        super().__init__()
        self.model: OpenedModel | None = None
        self.items: MapItems | None = None
        self.decoded: Decoded | None = None
        self.place = Place(np.zeros(0, np.float32), 0)
        self._opening = 0
        self.map = LatentScatter()
        self.hand = DecodedPanel()
        self.strip = LatentStrip((
            TraversalMode(), InterpolationMode(), SamplesMode(), AttributesMode(), ClassesMode(), CodesMode(),
            LevelsMode(), SavedMode(),
        ))  # fmt: skip
        self.history = LatentHistory(self)
        self.jobs = Jobs(self)
        self.worker = SessionWorker(self)
        self.image = ChosenImage(self)
        self.projection = MapProjection(self.map, self.jobs)
        self._low = False
        self._build()
        self._connect_threads()
        self._connect_map()
        self._connect_hand()
        self._connect_strip()
        self._set_model(None, _NO_MODEL)

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
        row.addWidget(self.map, 5)
        row.addWidget(self.hand, 2)
        split.addWidget(upper)
        split.addWidget(self.strip)
        split.setSizes([540, _STRIP])
        split.setStretchFactor(0, 1)
        self.export = ExportButton(self)
        self.export.add("decoded", "Decoded picture (PNG)", ".png", self._picture_png)
        self.map.exports.setTitle("Latent map")
        self.export.menu().addMenu(self.map.exports)
        self.map.provenance = self._provenance
        self.hand.foot.addWidget(self.export)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low window the sliders need the room more than the strip."""
        low = self.height() < _LOW
        if low != self._low:
            self._low = low
            lower = _LOW_STRIP if low else _STRIP
            self._split.setSizes([self.height() - lower, lower])

    # ---- who tells whom ----

    def _connect_threads(self) -> None:
        self.worker.opened.connect(self._opened)
        self.worker.decoded.connect(self._decoded)
        self.worker.encoded.connect(self.image.take)
        self.worker.itemized.connect(self._itemized)
        self.worker.sheeted.connect(self._sheeted)
        self.worker.drawn.connect(self.strip.take_samples)
        self.worker.coded.connect(self.strip.take_codes)
        self.worker.codebook.connect(self.strip.take_codebook)
        self.worker.failed.connect(self._failed)
        self.projection.problem.connect(self.problem)
        self.image.asked.connect(self._ask)
        self.image.found.connect(self._encoded)

    def _connect_map(self) -> None:
        self.map.walked.connect(self._walked)
        self.map.walk_ended.connect(self.history.settle)
        self.map.item_chosen.connect(self.choose_item)
        self.map.second_picked.connect(self._second_picked)
        self.map.selected.connect(self.strip.selected)
        self.map.plane_wanted.connect(self._ask_plane)

    def _connect_hand(self) -> None:
        self.hand.moved.connect(self._slid)
        self.hand.released.connect(self.history.settle)
        self.hand.item_chosen.connect(self.choose_item)
        self.hand.told.connect(self._told)
        self.hand.encode_wanted.connect(self._encode)
        self.hand.resample_wanted.connect(self.image.resample)
        self.hand.dismissed.connect(self._dismiss_image)
        self.hand.problem.connect(self.problem)
        self.hand.set_history(self.history)
        self.history.went.connect(self._show)
        inside = Qt.ShortcutContext.WidgetWithChildrenShortcut
        for keys, move in (
            ("Ctrl+Z", self.history.undo), ("Ctrl+Shift+Z", self.history.redo), ("Ctrl+Y", self.history.redo),
        ):  # fmt: skip
            QShortcut(QKeySequence(keys), self, move, context=inside)

    def _connect_strip(self) -> None:
        self.strip.asked.connect(self._ask)
        self.strip.went.connect(self._sent)
        self.strip.classed.connect(self._sent_class)
        self.strip.second_moved.connect(self.map.set_second)
        self.strip.released.connect(self.history.settle)
        self.strip.path.connect(self.map.set_path)
        self.strip.saved.connect(self.map.set_saved)
        self.strip.job.connect(self._film_job)
        self.strip.status.connect(self.status)
        self.strip.problem.connect(self.problem)

    # ---- what is shown ----

    @property
    def sliders(self) -> LatentSliders:
        """Return the sliders."""
        return self.hand.sliders

    @property
    def picture(self) -> PictureGrid:
        """Return the decoded picture."""
        return self.hand.picture

    @property
    def label(self) -> int:
        """Return the class that the decoder is told; 0 for a model that is told none."""
        return self.place.label

    # ---- opening ----

    def open(self, name: str) -> None:
        """Open a model by name or run folder."""
        self._opening = next_request()
        self.job.emit((f"opening {name}", -1.0))
        self.worker.submit(OpenRequest(self._opening, name))

    @Slot(object)
    def _ask(self, request: object) -> None:
        """Ask the session; not on behalf of a model that is about to be replaced."""
        if self.model is not None and self.model.request == self._opening:
            self.worker.submit(request)

    @Slot(object)
    def _opened(self, model: OpenedModel) -> None:
        if model.request != self._opening:
            return
        self.job.emit(None)
        if model.latents is None:
            self._set_model(None, _NO_MODEL)  # the session is that of the other model now
            self.problem.emit(Failure(f"{model.card.title} has no latent space; open it on the Diffusion page"))
            return
        self._set_model(model)

    def _set_model(self, model: OpenedModel | None, hint: str = "") -> None:
        self.model, self.items, self.decoded = model, None, None
        self.projection.cancel()
        self.history.begin()
        names = dimension_names(model.levels) if model is not None else []
        self.export.setEnabled(model is not None)
        self.subject.emit(f"model: {model.card.title}" if model is not None else "")
        if model is None or model.latents is None:
            self.map.clear(hint)
        else:
            what = "points" if model.points else "images"
            self.map.set_map(model.latents, names, what, model.levels, model.class_names)
        self._dismiss_image()
        self.hand.set_model(model, names)
        self.strip.set_model(model, names, hint)
        if model is not None:
            self.go(np.zeros(model.latent_size, np.float32), 0, "open")
            self.history.settle()
            self._ask(ItemsRequest(next_request()))

    @Slot(object)
    def _failed(self, failure: Failure) -> None:
        if isinstance(failure, RequestFailure) and failure.request == self._opening:
            self.job.emit(None)
            self._set_model(None, _NO_MODEL)
        self.problem.emit(failure)

    # ---- moving ----

    def go(self, z: Floats, label: int, how: str) -> None:
        """Bring everything to a place; ``how`` names the move where it can be undone. Locked dimensions stay."""
        place = Place(self.sliders.hold(z), label)
        self.history.record(place, how)
        self._show(place)

    @Slot(object)
    def _show(self, place: Place) -> None:
        if self.model is None:
            return
        told = place.label != self.place.label
        self.place = place
        self.map.set_cursor(place.z)
        self.hand.set_place(place.z, place.label)
        self.strip.set_place(place.z, place.label)
        self._ask(DecodeRequest(next_request(), place.z[None], place.label))
        if told:
            self.map.refresh_plane()
            self.image.tell(place.label)

    @Slot(object)
    def _slid(self, z: Floats) -> None:
        self.go(z, self.label, self.sliders.how)

    @Slot(object)
    def _walked(self, z: Floats) -> None:
        self.go(z, self.label, "walk in the map")

    @Slot(object)
    def _sent(self, z: Floats) -> None:
        self.go(z, self.label, f"move by {self.strip.mode.title}")

    @Slot(int)
    def _sent_class(self, label: int) -> None:
        self.go(self.place.z, label, f"move by {self.strip.mode.title}")

    @Slot(int)
    def _told(self, label: int) -> None:
        self.go(self.place.z, label, "class")

    @Slot(object)
    def _decoded(self, answer: Decoded) -> None:
        if self.model is not None and answer.z.shape[1] == self.model.latent_size:
            self.decoded = answer
            self.hand.set_decoded(answer)

    # ---- images, and where they are ----

    @Slot(int)
    def choose_item(self, item: int) -> None:
        """Go where the encoder put an item of the map, and ask for its posterior and the terms of its ELBO."""
        if self.model is None or self.model.latents is None:
            return
        latents = self.model.latents
        label = int(latents.labels[item]) if self.model.classes else 0
        self.history.settle()
        self._dismiss_image()
        self.go(latents.means[item].copy(), label, f"image {item}")
        self.history.settle()
        if self.items is not None and len(self.items.values):
            self.image.ask(self.items.values[item : item + 1], label, moves=False, item=item)

    @Slot(object)
    def _encode(self, pixels: Values) -> None:
        if self.model is not None:
            self.image.ask(pixels, self.label, moves=True)

    @Slot(object)
    def _encoded(self, encoded: Encoded) -> None:
        self.hand.set_encoded(encoded)
        self.map.set_posterior(encoded.mean, encoded.sigma)
        self.strip.take_encoded(encoded)
        if self.image.moves:
            self.map.set_mark(encoded.mean)
            self.go(encoded.z, encoded.request.label, "encoded image")

    @Slot()
    def _dismiss_image(self) -> None:
        self.image.dismiss()
        self.hand.set_encoded(None)
        self.map.set_posterior(None, None)
        self.map.set_mark(None)

    @Slot(object)
    def _itemized(self, items: MapItems) -> None:
        if self.model is not None:
            self.items = items
            self.map.set_items(items)
            self.hand.set_items(items)
            self.strip.set_items(items)

    # ---- what the map wants ----

    @Slot(object)
    def _second_picked(self, z: Floats) -> None:
        self.map.set_second(z)
        self.strip.second(z)

    @Slot(object, int)
    def _ask_plane(self, z: Floats, _columns: int) -> None:
        self._ask(PlaneRequest(next_request(), z, (self.label,)))

    @Slot(object)
    def _sheeted(self, sheet: Sheet) -> None:
        if isinstance(sheet.request, PlaneRequest):
            self.map.set_plane(sheet.pixels, sheet.request.z)
        else:
            self.strip.take_sheet(sheet)

    # ---- background jobs ----

    @Slot(object)
    def _film_job(self, job: Job | None) -> None:
        self.jobs.tell(self.strip, job, self.strip.cancel_job)

    def cancel_job(self) -> None:
        """End what the status bar tells of: t-SNE, or a film that is being saved."""
        self.jobs.end_shown()

    # ---- taking home ----

    def _provenance(self) -> dict[str, object]:
        assert self.model is not None
        place = {"z": plain(self.place.z), **self._class_of(self.label)}
        return {**self.model.provenance, **place, "time": time.strftime("%Y-%m-%dT%H:%M:%S")}

    def _class_of(self, label: int) -> dict[str, object]:
        return {"label": label} if self.model is not None and self.model.classes else {}

    def _picture_png(self) -> bytes:
        assert self.decoded is not None
        of_the_picture = {"z": plain(self.decoded.z[0]), **self._class_of(self.decoded.label)}
        made = {**self._provenance(), **of_the_picture, "made": "decoded"}
        return images.png_bytes(images.sheet(self.decoded.pixels, wanted=512), made)

    def shutdown(self) -> bool:
        """End the threads of the session, of projections, of pictures that are read and of films."""
        ended = [self.strip.shutdown(), self.hand.shutdown(), self.projection.shutdown()]
        return all([*ended, self.worker.stop()])

"""The codes of a VQ-VAE: the map of an image to paint in, the picture that follows, and the codebook."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout

from explorer import images
from explorer.animations import Reel
from explorer.latent_messages import CodebookFound, CodebookRequest, CodeMap, CodesRequest, Encoded, PaintRequest
from explorer.messages import Floats, OpenedModel, Pixels
from explorer.ui.code_canvas import CodeCanvas
from explorer.ui.code_history import CodeHistory, Codes, Painting
from explorer.ui.code_sheet import code_sheet
from explorer.ui.code_tools import CodeTools
from explorer.ui.codebook_view import CodebookView
from explorer.ui.figure import rows_of
from explorer.ui.panel import Segmented
from explorer.ui.picture_grid import PictureGrid
from explorer.ui.strip_mode import StripMode, next_request

_SETTLE_MS = 40
_LOW, _NARROWEST = 120, 640  # pixels: below it what is least needed is hidden
_CAPTION = 20  # pixels below a picture
_MOST_FRAMES = 300
_SOURCES = (
    ("image", "image", "The codes of the image that was chosen last: in the map, drawn or dropped"),
    ("sliders", "sliders", "The codes that are nearest to the z of the sliders, as they move"),
)


class CodesMode(StripMode):
    """The map of codes of one image, painted by hand, and the codebook that it is written in."""

    key, title = "codes", "codes"
    tip = "The image as a map of codes: paint and swap codes and see the decode; the codebook and how often it is used"

    def __init__(self) -> None:
        super().__init__()
        self.history = CodeHistory()
        self.found: CodeMap | None = None  # what is decoded now
        self.film: list[CodeMap] = []
        self._low = False
        self._up, self._book_asked = False, 0  # the number of the request for the codebook
        self._stale = False  # the codes of what is to be shown are still to be asked for
        self._begun = self._encoding = 0  # older answers are of another model or image; the one that begins anew
        self._encodes: set[int] = set()  # all that were to begin anew
        self._image: Pixels | None = None
        self._gone: Floats | None = None  # where it has sent the sliders: that place's map is shown
        self._timer = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._timer.timeout.connect(self._ask)
        self.source = Segmented(_SOURCES, "whose codes")
        self.source.chosen.connect(self._source_chosen)
        bar = QHBoxLayout(self.bar)
        bar.setContentsMargins(0, 0, 0, 0)
        bar.addWidget(self.source)
        self.canvas = CodeCanvas()
        self.pictures = PictureGrid("decoded picture and original", 2, gap=8)
        self.pictures.setToolTip("E[x|k], what the codes decode to, and the image that they were encoded from")
        self.pictures.align = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
        self.book = CodebookView()
        self.tools = CodeTools((self.book.order_box, self.book.log))
        self._build()
        self._connect()
        self._add_exports()
        self.set_model(None, [])

    # ---- layout ----

    def _build(self) -> None:
        self.setMinimumWidth(_NARROWEST)  # or the widths that are set below would keep it from becoming narrower
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.pictures)
        row.addWidget(self.canvas)
        row.addWidget(self.tools)
        row.addWidget(self.book, 1)

    def _connect(self) -> None:
        self.tools.tool.chosen.connect(self.canvas.set_tool)
        self.tools.shade.chosen.connect(self.canvas.set_shade)
        self.canvas.painted.connect(self._painted)
        self.canvas.stroked.connect(self._stroked)
        self.canvas.picked.connect(self._choose)
        self.canvas.hovered.connect(self.book.mark)
        self.canvas.undo_wanted.connect(self._undo)
        self.canvas.redo_wanted.connect(self._redo)
        self.book.chosen.connect(self._choose)
        self.book.hovered.connect(self.canvas.mark)
        self.tools.undo.clicked.connect(self._undo)
        self.tools.redo.clicked.connect(self._redo)
        self.tools.reset.clicked.connect(self._reset)
        self.tools.go.clicked.connect(self._go)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give map and pictures what the height allows, and the codebook the rest."""
        super().resizeEvent(event)
        low = self.height() < _LOW
        if low != self._low:
            self._low = low
            self.tools.set_low(low)
            self.changed.emit()
        self._share_width()

    def _share_width(self) -> None:
        side = round(min(self.height(), 0.22 * self.width()))
        rows, columns = self.canvas.codes.shape if self.canvas.codes.size else (1, 1)
        self.canvas.setFixedWidth(max(60, round(side * min(2.0, columns / rows))))
        count = max(1, len(self.pictures.pixels))
        each = round(min(self.height() - _CAPTION, 0.14 * self.width()))
        self.pictures.setFixedWidth(max(60, count * each + (count - 1) * 8 + 4))

    # ---- what the page tells it ----

    @classmethod
    def fits(cls, model: OpenedModel) -> bool:
        """Return whether the model has a codebook, and pictures that a map of codes can stand for."""
        return model.card.family == "vq" and not model.points

    def set_model(self, model: OpenedModel | None, names: list[str], hint: str = "") -> None:
        """Begin anew with a model; without one say why."""
        super().set_model(model, names, hint)
        self._timer.stop()
        self._begun, self._encoding, self._book_asked = next_request(), 0, 0
        self._encodes.clear()
        self._stale = False
        self._image = self.found = self._gone = None
        self.film = []
        self.history.clear()
        self.canvas.clear(hint or "Choose an image in the map, draw one, or move a slider: its codes appear here.")
        self.pictures.clear("")
        self.source.buttons["sliders"].setChecked(True)
        self.source.buttons["image"].setEnabled(False)
        self.book.clear("" if model is None else "decoding each code …")
        self.tools.setVisible(model is not None)
        self.book.setVisible(model is not None)
        self._tell()

    @property
    def heading(self) -> str:
        """Return what the strip's title says."""
        if not self.canvas.codes.size or not len(self.book.colors):
            return self.title
        rows, columns = self.canvas.codes.shape
        words = f"a map of {rows} × {columns} places, each one of {len(self.book.colors)} codes"
        return " · ".join(filter(None, ("Codes", self.tools.nats.text() if self._low else "", words)))

    def set_place(self, z: Floats, label: int) -> None:
        """Take where the sliders are: their codes are asked for a little later."""
        moved = not any(known is not None and np.array_equal(known, z) for known in (self.z, self._gone))
        super().set_place(z, label)
        if not moved:
            return
        self._gone = None
        if self.source.key == "sliders":
            self._stale = True
            if not self._timer.isActive():
                self._timer.start()

    def take_encoded(self, encoded: Encoded) -> None:
        """Show the codes of the image."""
        self._image = encoded.pixels
        self.source.buttons["image"].setEnabled(True)
        self.source.buttons["image"].setChecked(True)
        self._stale = True
        self._ask_codes()

    def come_up(self) -> None:
        """Ask for what is missing."""
        self._up = True
        self._ask()
        self._show_path()

    def go_down(self) -> None:
        """Ask for nothing any more; an answer that is under way is lost and asked for again when it is shown."""
        super().go_down()
        self._up = False
        self._timer.stop()
        if self.book.found is None or self.book.found.done < 1:
            self._book_asked = 0
        self._stale = self._stale or self._encoding > 0

    # ---- asking ----

    @Slot()
    def _ask(self) -> None:
        if not self._up or self.model is None:
            return
        self._timer.stop()  # what it waits for is asked for now
        if not self._book_asked:
            self._book_asked = next_request()
            self.asked.emit(CodebookRequest(self._book_asked))
        self._ask_codes()

    def _ask_codes(self) -> None:
        """Ask for the codes of the image or of the sliders, if others are shown; what was painted can be undone to."""
        if not self._up or not self._stale or self.model is None:
            return
        nothing = np.zeros((0, *self.model.image_shape), np.uint8)
        if self.source.key == "image" and self._image is not None:
            request = CodesRequest(next_request(), self._image)
        elif self.source.key == "sliders" and self.z is not None:
            request = CodesRequest(next_request(), nothing, self.z)
        else:
            return
        self._stale = False
        self._encoding = request.request
        self._encodes.add(request.request)
        self.asked.emit(request)

    @Slot(str)
    def _source_chosen(self, _source: str) -> None:
        self._stale = True
        self._ask_codes()

    def _ask_paint(self, codes: Codes) -> None:
        self._encoding = 0  # an answer that is under way would wipe out what is painted
        self.asked.emit(PaintRequest(next_request(), codes))

    # ---- answers ----

    def take_codes(self, found: CodeMap) -> None:
        """Take a map that was asked for: a new one to paint in, or what the painted one decodes to."""
        if self.model is None or found.request < self._begun:
            return
        if found.request == self._encoding:
            self._encoding = 0
            self._encodes.clear()
            self.history.begin(found)
            self.film = []
            self.canvas.set_codes(found.codes)
        elif found.request in self._encodes or self._encoding or self.history.now is None:
            return  # of a map that is no longer wanted
        self._begun = found.request
        self.found = found
        self.film = [*self.film, found][-_MOST_FRAMES:]
        if np.array_equal(found.codes, self.canvas.codes):
            self.canvas.set_nats(found.place_nats)
        self._show_pictures()
        self._show_path()
        self._tell()
        self.changed.emit()

    def take_codebook(self, found: CodebookFound) -> None:
        """Show the codebook."""
        if self.model is None or found.request != self._book_asked:
            return  # of another model
        split = "test" if self.model.latents is None or self.model.latents.split == "test" else "training"
        self.book.show_codes(found, split, self.model.card.dataset)
        self.canvas.set_colors(self.book.colors)
        self._choose(self.canvas.brush if self.canvas.brush < len(found.pictures) else 0)
        self.changed.emit()

    # ---- painting ----

    @Slot(object)
    def _painted(self, codes: Codes) -> None:
        self._ask_paint(codes)

    @Slot()
    def _stroked(self) -> None:
        self.history.record(self.canvas.codes.copy())
        self._tell()

    @Slot(int)
    def _choose(self, code: int) -> None:
        self.canvas.brush = code
        self.book.choose(code)
        self.tools.set_brush(self.book.reading(code))

    @Slot()
    def _undo(self) -> None:
        self._show_painting(self.history.undo())

    @Slot()
    def _redo(self) -> None:
        self._show_painting(self.history.redo())

    @Slot()
    def _reset(self) -> None:
        if self.history.now is not None:
            self.history.record(self.history.now.base.codes)
            self._show_painting(self.history.now)

    def _show_painting(self, painting: Painting | None) -> None:
        if painting is not None:
            self.canvas.set_codes(painting.codes)
            self._ask_paint(painting.codes)
        self._tell()

    @Slot()
    def _go(self) -> None:
        if self.found is not None:
            self._gone = self.found.z
            self.went.emit(self.found.z.copy())
            self.released.emit()

    # ---- showing ----

    @property
    def _base(self) -> CodeMap | None:
        return None if self.history.now is None else self.history.now.base

    def _show_pictures(self) -> None:
        assert self.found is not None and self._base is not None
        pictures = np.concatenate([self.found.pixels, self._base.original])
        count = len(self.pictures.pixels)
        self.pictures.set_pixels(pictures, len(pictures), ["decoded codes", "original"][: len(pictures)])
        if count != len(pictures):
            self._share_width()

    def _show_path(self) -> None:
        """Draw the way from the map that was encoded to what is painted now."""
        if self._up and self.found is not None and self._base is not None:
            painted = not np.array_equal(self.found.codes, self._base.codes)
            self.path.emit(np.stack([self._base.z, self.found.z]) if painted else None)

    def _tell(self) -> None:
        self.canvas.undoable, self.canvas.redoable = self.history.can_undo, self.history.can_redo
        self.tools.tell(self.history, self.found)

    # ---- taking home ----

    @property
    def exportable(self) -> bool:
        """Return whether there is a map of codes, and the codebook that it is written in."""
        return self.found is not None and self.book.found is not None

    def _add_exports(self) -> None:
        self.exports.add("codes", "Pictures and map of codes (PNG)", ".png", self._png)
        self.exports.add("codes-table", "Map of codes (CSV)", ".csv", self._csv)
        self.exports.add("codebook", "Codebook (PNG)", ".png", self._book_png)
        self.exports.add("codebook-table", "Codebook and its use (CSV)", ".csv", self.book.csv)
        self.films.add("painting", "What was painted, as a film", self._reel)

    def _made(self, found: CodeMap) -> dict[str, object]:
        return self.provenance(made="map of codes", codes=found.codes.tolist(), nats=round(found.nats, 4))

    def _sheet(self) -> Callable[[CodeMap], Pixels]:
        return code_sheet(self.pictures.pixels[1:], self.book.colors)

    def _png(self) -> bytes:
        assert self.found is not None
        return images.png_bytes(self._sheet()(self.found), self._made(self.found))

    def _csv(self) -> bytes:
        assert self.found is not None
        return rows_of(self.found.codes.tolist())

    def _book_png(self) -> bytes:
        return images.png_bytes(self.book.picture(), self.provenance(made="codebook", order=list(self.book.order)))

    def _reel(self) -> Reel:
        film, sheet = list(self.film), self._sheet()
        told = [self._made(found) for found in film]
        return Reel(len(film), lambda place: sheet(film[place]), lambda place: told[place])

    def shutdown(self) -> bool:
        """End its timer and a film that is being saved."""
        self._timer.stop()
        return super().shutdown()

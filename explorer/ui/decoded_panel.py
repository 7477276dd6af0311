"""The right side of the Latent page: the decoded picture, what the data has near it, and the sliders of z."""

from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QStandardPaths, Signal, Slot
from PySide6.QtGui import QHideEvent, QResizeEvent
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QToolButton

from explorer.errors import ExplorerError
from explorer.given import read_picture
from explorer.latent_messages import Decoded, Encoded, MapItems
from explorer.messages import Failure, Floats, OpenedModel, Pixels
from explorer.ui import theme
from explorer.ui.data_gauge import DataGauge
from explorer.ui.decoded_top import SMALLEST, DecodedTop
from explorer.ui.draw_window import DrawWindow, subject
from explorer.ui.drop import PASTED, accept_pictures
from explorer.ui.encode_panel import EncodePanel
from explorer.ui.facts_button import FactsButton
from explorer.ui.latent_history import LatentHistory
from explorer.ui.latent_sliders import LatentSliders
from explorer.ui.nearest_data import NearestData
from explorer.ui.panel import Panel, button, label
from explorer.ui.picture_grid import PictureGrid
from explorer.workers.aside import Aside

_NARROWEST, _WIDEST = 336, 380
_LARGEST = 216  # pixels of the picture
_BESIDES, _ROW, _MOST_ROWS = 210, 28, 6  # pixels of all but picture and sliders, of a slider; sliders without scrolling
_GAP = 12  # pixels between this panel and the sheet to draw on
_LOW = 480  # a panel of this height or less leaves out what can be left out
_ENDINGS = "*.png *.jpg *.jpeg *.gif *.bmp *.webp *.tif *.tiff *.ppm *.ico *.tga"
_EMPTY = "open a VAE from the Models page"
_TITLE, _TIP = "Decoded", "The mean of p(x|z): what the decoder makes of the z below"
_VQ_TITLE = "Decoded from z"
_VQ_TIP = (
    "What the codes nearest to the z below decode to. z are the main axes of the data's maps of codes, a few of many: "
    "an image's own codes, in the strip below, decode to another picture, near this one"
)


class DecodedPanel(Panel):
    """Takes where one is and what was decoded or encoded there; tells what is wanted by hand.

    ``moved`` carries z (latent,) of a move by slider or button, ``released`` ends it; ``item_chosen`` the number of a
    nearest item, ``told`` a class, ``encode_wanted`` pixels (1, height, width, channels) that were drawn or given;
    ``resample_wanted`` asks for another ε for the image that is shown, ``dismissed`` to put it away; ``problem`` a
    Failure. Beside a map that has stretch 5 it wants 2.

    Attributes:
        sliders: of z; their ``how`` says what the last move was.
        foot: the row of buttons at the bottom, for one more.
    """

    moved = Signal(object)
    released = Signal()
    item_chosen = Signal(int)
    told = Signal(int)
    encode_wanted = Signal(object)
    resample_wanted = Signal()
    dismissed = Signal()
    problem = Signal(object)

    def __init__(self) -> None:
        super().__init__(_TITLE, _TIP)
        self.model: OpenedModel | None = None
        self._history: LatentHistory | None = None
        self._job, self._reading = 0, False
        self.setMinimumWidth(_NARROWEST)
        self.setMaximumWidth(_WIDEST)
        self.body.setSpacing(6)
        self._fill_head()
        self.picture = PictureGrid("decoded picture")
        self.nearest = NearestData()
        self.nearest.item_chosen.connect(self.item_chosen)
        self._top = DecodedTop(self.picture, self.nearest)
        self.body.addWidget(self._top)
        self.gauge = DataGauge()
        self.body.addWidget(self.gauge)
        self.image = EncodePanel()
        self.image.resample_wanted.connect(self.resample_wanted)
        self.image.dismissed.connect(self._dismiss)
        self.body.addWidget(self.image)
        self.sliders = LatentSliders()
        self.sliders.moved.connect(self._moved)
        self.sliders.released.connect(self.released)
        self.body.addWidget(self.sliders, 1)
        self._fill_foot()
        self._reader = Aside("picture reader", self)
        self._reader.done.connect(self._read)
        self._reader.failed.connect(self._unread)
        self.drop = accept_pictures(self, self.encode_file, "Drop a picture to encode it")
        self._arrange()
        self.set_model(None, [])

    # ---- layout ----

    def _fill_head(self) -> None:
        self.class_box = QComboBox()
        self.class_box.setToolTip("The class c that the conditional decoder p(x|z, c) is told; z stays as it is")
        self.class_box.setAccessibleName("class")
        self.class_box.activated.connect(self.told)
        self.class_box.activated.connect(self._tell_label)
        self.class_box.hide()
        self.undo, self.redo = QToolButton(), QToolButton()
        for tool in (self.undo, self.redo):
            tool.setProperty("role", "icon")
            tool.setEnabled(False)
        self.facts = FactsButton()
        self._took = label("", "tag", tabular=True, tip="Time from the request to the decoded pixels")
        self._took.hide()
        self.head.setSpacing(2)
        for widget in (self.class_box, self.undo, self.redo, self.facts, self._took):
            self.head.addWidget(widget)
        self.head.insertSpacing(self.head.indexOf(self.class_box) + 1, 4)
        theme.current().changed.connect(self._icons)
        self._icons()
        self._tell_history()

    def _fill_foot(self) -> None:
        self.foot = QHBoxLayout()
        self.foot.setSpacing(6)
        self.draw = button("Draw…", "Draw one with mouse or pen; it is encoded and decoded while you draw")
        self.draw.clicked.connect(self._open_window)
        self.encode = button("Encode image…", "Encode a picture file; or drop one on this panel, or paste it (Ctrl+V)")
        self.encode.clicked.connect(self._ask_file)
        self.foot.addWidget(self.draw)
        self.foot.addWidget(self.encode)
        self.foot.addStretch(1)
        self.body.addLayout(self.foot)
        self.window_to_draw = DrawWindow(self)
        self.window_to_draw.begun.connect(self.released)  # each stroke is a move of its own
        self.window_to_draw.encode_wanted.connect(self.encode_wanted)

    @Slot()
    def _icons(self) -> None:
        for tool, name in ((self.undo, "undo"), (self.redo, "redo")):
            tool.setIcon(theme.icon(name, theme.colors().text))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the sliders the room that they need in a low window."""
        super().resizeEvent(event)
        self._arrange()

    def hideEvent(self, event: QHideEvent) -> None:
        """Put the sheet away with the page."""
        super().hideEvent(event)
        if not event.spontaneous():
            self.window_to_draw.hide()

    def _arrange(self) -> None:
        """Give the picture what the sliders do not need."""
        rows = min(_MOST_ROWS, self.sliders.rows)
        side = min(_LARGEST, max(SMALLEST, self.height() - _BESIDES - _ROW * rows))
        self.nearest.setVisible(self.model is not None)
        self.gauge.setVisible(self.model is not None)
        self._top.want(side)
        low = self.height() <= _LOW
        self.image.set_low(low or self.width() < _NARROWEST + 20)
        self.gauge.set_low(low)
        self.sliders.set_low(low)
        self._name_buttons()

    def _name_buttons(self) -> None:
        """Say what can be drawn where there is room for it."""
        wide = self.width() > _NARROWEST + 20
        what = "Draw a digit…" if wide and self.model is not None and subject(self.model) == "digit" else "Draw…"
        self.draw.setText(what)
        self.draw.setAccessibleName(what)
        if not self._reading:
            self.encode.setText("Encode image…" if wide else "Encode…")

    # ---- what it is told ----

    def set_model(self, model: OpenedModel | None, names: list[str]) -> None:
        """Begin anew with a model whose dimensions have these names, or with none."""
        self.model, self._job, self._reading = model, 0, False
        latents = None if model is None else model.latents
        self.picture.clear(_EMPTY if model is None else "")
        self._took.hide()
        vq = model is not None and model.card.family == "vq"
        self.title.setText(_VQ_TITLE if vq else _TITLE)
        self.title.setToolTip(_VQ_TIP if vq else _TIP)
        self.class_box.clear()
        self.class_box.addItems([f"class {k}" for k in range(model.classes)] if model is not None else [])
        self.class_box.setVisible(self.class_box.count() > 0)
        self.facts.set_model(model)
        self.nearest.set_map(latents, by_class=model is not None and model.classes > 0)
        draws = latents is not None and len(latents.kl_per_dimension) > 0
        no_sigma = np.zeros((0, 0 if model is None else model.latent_size), np.float32)
        self.gauge.set_data(None if latents is None else latents.means, None if draws else no_sigma)
        self.image.set_family("" if model is None else model.card.family, points=model is not None and model.points)
        kl = [] if latents is None else latents.kl_per_dimension.tolist()
        self.sliders.set_model(names, kl, () if model is None else model.levels)
        self.window_to_draw.set_model(model)
        drawable = model is not None and not model.points
        for made in (self.draw, self.encode):
            made.setVisible(drawable or model is None)
            made.setEnabled(drawable)
        self._tell_label()
        self._arrange()

    def set_items(self, items: MapItems) -> None:
        """Take what the points of the map are; the gauge waits for their σ, unless there never is one."""
        latents = None if self.model is None else self.model.latents
        if latents is None or len(items.pixels) not in {0, len(latents.means)}:
            return  # of a model that was open before
        self.nearest.set_items(items)
        known = items.sigma.shape == latents.means.shape
        if known or (len(latents.kl_per_dimension) and (items.terms or items.note)):
            self.gauge.set_data(latents.means, items.sigma)

    def set_place(self, z: Floats, label_: int) -> None:
        """Show where one is: z (latent,), and the class that a conditional decoder is told."""
        self.sliders.set_z(z)
        self._look_around(z, label_)
        if self.class_box.count() and label_ != self.class_box.currentIndex():
            self.class_box.setCurrentIndex(label_)
            self._tell_label()

    def set_decoded(self, decoded: Decoded) -> None:
        """Show the picture of z."""
        self.picture.set_pixels(decoded.pixels)
        self._took.setText(f"{decoded.milliseconds:.1f} ms")
        self._took.show()

    def set_encoded(self, encoded: Encoded | None) -> None:
        """Show the image that was encoded last, and q(z|x) on the sliders; or none."""
        if encoded is not None and (self.model is None or len(encoded.mean) != self.model.latent_size):
            return  # of a model that was open before
        self.image.set_encoded(encoded)
        self.window_to_draw.take_encoded(encoded)
        if encoded is None:
            self.sliders.set_image(None)
        else:
            self.sliders.set_image(encoded.mean, encoded.sigma)

    def set_history(self, history: LatentHistory) -> None:
        """Let the two arrows undo and redo."""
        self._history = history
        self.undo.clicked.connect(history.undo)
        self.redo.clicked.connect(history.redo)
        history.changed.connect(self._tell_history)
        self._tell_history()

    @Slot()
    def _tell_history(self) -> None:
        history = self._history
        for tool, word, keys, what in (
            (self.undo, "Undo", "Ctrl+Z", history.undo_text if history else ""),
            (self.redo, "Redo", "Ctrl+Shift+Z", history.redo_text if history else ""),
        ):
            tool.setEnabled(bool(what))
            tool.setToolTip(f"{word} {what} ({keys})" if what else f"{word} a move ({keys}): there is none")
            tool.setAccessibleName(f"{word} {what}".strip())

    @property
    def label(self) -> int:
        """Return the class that the decoder is told; 0 for a model that is told none."""
        return max(0, self.class_box.currentIndex())

    @Slot()
    def _tell_label(self) -> None:
        self.window_to_draw.set_label(self.label if self.class_box.count() else None)

    # ---- by hand ----

    @Slot(object)
    def _moved(self, z: Floats) -> None:
        self._look_around(z, self.label)
        self.moved.emit(z)

    def _look_around(self, z: Floats, label_: int) -> None:
        self.gauge.set_z(z)
        self.nearest.set_place(z, label_)

    @Slot()
    def _dismiss(self) -> None:
        self.set_encoded(None)
        self.dismissed.emit()

    @Slot()
    def _open_window(self) -> None:
        window = self.window_to_draw
        if not window.isVisible():
            window.adjustSize()
            # Below the panel, over the strip: the map shows where the drawing lands.
            corner = self.mapToGlobal(self.rect().bottomRight())
            window.move(corner.x() - window.width(), corner.y() + _GAP)
            window.keep_inside()
        window.show()
        window.activateWindow()
        window.pad.setFocus()

    @Slot()
    def _ask_file(self) -> None:
        if self._reading:
            return
        place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        chosen, _filter = QFileDialog.getOpenFileName(self, "Encode an image", place, f"Pictures ({_ENDINGS})")
        if chosen:
            self.encode_file(Path(chosen))

    def encode_file(self, path: Path) -> None:
        """Read a picture file beside the window and ask for its code; what is wrong with it is a ``problem``."""
        if self.model is None or self.model.latents is None or self.model.points:
            why = (
                "open a VAE of images first" if self.model is None else "the items of this model are points, no images"
            )
            self.problem.emit(Failure(f"{path.name} cannot be encoded: {why}"))
            return
        read = partial(read_picture, path, self.model.image_shape)
        if path.name == PASTED:  # it is gone when this returns
            try:
                self._give(read())
            except ExplorerError as error:
                self.problem.emit(Failure(str(error)))
            return
        self._reading = True  # the button stays enabled: the keys would go elsewhere
        self.encode.setText("Reading…")
        self._job = self._reader.submit(read)

    @Slot(int, object)
    def _read(self, job: int, pixels: Pixels) -> None:
        if job != self._job:
            return
        self._may_encode()
        if self.model is not None and pixels.shape == self.model.image_shape:
            self._give(pixels)

    def _give(self, pixels: Pixels) -> None:
        self.released.emit()  # it is a move of its own
        self.encode_wanted.emit(pixels[None])

    @Slot(object)
    def _unread(self, failure: Failure) -> None:
        self._may_encode()
        self.problem.emit(failure)

    def _may_encode(self) -> None:
        self._reading = False
        self._name_buttons()

    def shutdown(self) -> bool:
        """End the threads; return whether they ended in time."""
        self.window_to_draw.hide()
        return all([self.gauge.shutdown(), self._reader.stop()])

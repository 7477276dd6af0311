"""A small window to draw in: what the model makes of the drawing is beside it while one draws."""

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from explorer.latent_messages import Encoded
from explorer.messages import OpenedModel, Pixels
from explorer.ui import theme
from explorer.ui.draw_pad import DrawPad
from explorer.ui.encode_panel import EncodeTerms
from explorer.ui.filled_slider import FilledSlider
from explorer.ui.panel import button, label

_ASK_MS = 50  # twenty times a second
_PAD, _SIDE = 252, 78  # pixels
_FRAME, _AROUND = 38, 8  # pixels: of a title bar that is not known yet; what is left free around the window
_TAKE = (
    "Replace the sheet by the image that was chosen in the map, dropped or read last, pixel for pixel, to change it. "
    "“Scaled and centred” goes off: it is in its place already. Undo brings the drawing back"
)
_DIGITS = {"digits", "mnist"}
_CENTRED = {"mnist"}  # data sets whose digits are scaled into a frame by their centre of mass


def subject(model: OpenedModel) -> str:
    """Return what one would draw for a model: a digit, or a picture."""
    return "digit" if model.card.dataset in _DIGITS else "picture"


class _Pad(DrawPad):
    """A sheet that tells when the width of its stroke was turned by wheel or key."""

    widened = Signal(float)

    def set_stroke_width(self, share: float) -> None:
        """Set the width of the stroke, as a share of the frame's shorter side."""
        super().set_stroke_width(share)
        self.widened.emit(self.stroke_width)


class DrawWindow(QDialog):
    """``encode_wanted`` carries the drawing as the model sees it, (1, height, width, channels), while it is drawn.

    It comes at most twenty times a second, and the last one always comes. ``begun`` comes before the first of a stroke.
    """

    encode_wanted = Signal(object)
    begun = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Tool)
        self._waiting: Pixels | None = None
        self._encoded: Encoded | None = None
        self._asked: Pixels | None = None  # the drawing that was to be encoded last
        self._family = ""
        self._ended = True  # the last stroke
        self._pause = QTimer(self, singleShot=True, interval=_ASK_MS)
        self._pause.timeout.connect(self._ask)
        self.pad = _Pad()
        self.pad.setFixedSize(_PAD, _PAD)
        self.pad.drawn.connect(self._drawn)
        self.pad.finished.connect(self._finished)
        self.pad.widened.connect(self._widened)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 12, 12, 12)
        row.setSpacing(12)
        row.addLayout(self._left())
        row.addLayout(self._right())
        self._enable()

    def _left(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(theme.GRID)
        column.addWidget(self.pad)
        line = QHBoxLayout()
        self.width_slider = FilledSlider(origin=2.0)
        self.width_slider.setRange(2.0, 20.0)
        self.width_slider.setSingleStep(0.5)
        self.width_slider.setPageStep(2.0)
        self.width_slider.setValue(100 * self.pad.stroke_width)
        self.width_slider.setToolTip("Width of the stroke, in percent of the sheet; the wheel over the sheet turns it")
        self.width_slider.setAccessibleName("width of the stroke")
        self.width_slider.valueChanged.connect(self._widen)
        line.addWidget(label("pen", "muted", tip=self.width_slider.toolTip()))
        line.addWidget(self.width_slider, 1)
        self.colour = button("colour…", "Colour of the pen")
        self.colour.setAutoDefault(False)
        self.colour.clicked.connect(self._choose_colour)
        self.colour.hide()
        line.addWidget(self.colour)
        column.addLayout(line)
        return column

    def _right(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(theme.GRID)
        heads = QGridLayout()
        heads.setHorizontalSpacing(6)
        for place, (text, tip) in enumerate((("as seen", "What the encoder sees"), ("decoded", "E[x|z] of its z"))):
            head = label(text, "muted", tip=tip)
            head.setFixedWidth(_SIDE)
            heads.addWidget(head, 0, place)
        heads.setColumnStretch(2, 1)
        column.addLayout(heads)
        self.shown = EncodeTerms(_SIDE)
        self.shown.setMinimumWidth(2 * _SIDE + 160)
        column.addWidget(self.shown)
        self.told = label("", "note")
        self.told.setWordWrap(True)
        column.addWidget(self.told)
        self.centred = QCheckBox("scaled and centred")
        self.centred.setToolTip(
            "As MNIST's digits are: scaled to 20/28 of the frame, the centre of mass in its middle. "
            "A drawing elsewhere looks like nothing the encoder has seen"
        )
        self.centred.toggled.connect(self._centre)
        column.addWidget(self.centred)
        column.addStretch(1)
        self.undo = button("Undo", "Take the last stroke back (Ctrl+Z on the sheet)")
        self.clear = button("Clear", "Empty the sheet (Delete on the sheet)")
        self.take = button("Start from image", _TAKE)
        self.close_it = button("Close", "Leave the drawing where it is (Esc)")
        slots = (self.pad.undo, self.pad.clear, self._take, self.hide)
        for made, slot in zip((self.undo, self.clear, self.take, self.close_it), slots, strict=True):
            made.clicked.connect(slot)
            made.setAutoDefault(False)
        column.addLayout(_side_by_side(self.undo, self.clear))
        column.addLayout(_side_by_side(self.take, self.close_it))
        return column

    # ---- what it is told ----

    def set_model(self, model: OpenedModel | None) -> None:
        """Take the shape of a model's items; a drawing that fits it is encoded anew."""
        self._waiting = self._encoded = self._asked = None
        self._pause.stop()
        if model is None or model.points:
            self.hide()
            return
        self._family = model.card.family
        self.pad.set_shape(model.image_shape)
        centred = model.card.dataset in _CENTRED
        self.setWindowTitle(f"Draw a {subject(model)}")
        self.pad.hint = f"draw a {subject(model)} here" if centred else f"fill the sheet with a {subject(model)}"
        self.centred.setVisible(model.image_shape[2] == 1)
        self.colour.setVisible(model.image_shape[2] == 3)
        self.pad.color = QColor("white")
        self.pad.blockSignals(True)
        self.centred.setChecked(centred)
        self.pad.centred = centred
        self.pad.blockSignals(False)
        self._show_nothing()
        self._enable()
        if self.isVisible() and not self.pad.empty:
            self._drawn(self.pad.pixels)

    def set_label(self, label_: int | None) -> None:
        """Say which class the encoder is told, None where it is told none."""
        told = "" if label_ is None else f"Encoded as class {label_}: choose the class of the drawing beside “Decoded”."
        self.told.setText(told)

    def take_encoded(self, encoded: Encoded | None) -> None:
        """Show what the model makes of the drawing."""
        self._encoded = encoded
        self._enable()
        if encoded is None:
            self._show_nothing()
        elif self.isVisible() and not self.pad.empty:
            self.shown.show_encoded(encoded, self._family)

    def _show_nothing(self) -> None:
        self.shown.original.clear("")
        self.shown.reconstruction.clear("")
        for name, value in self.shown.terms:
            name.setText("")
            value.setText("")

    # ---- drawing ----

    @Slot(object)
    def _drawn(self, pixels: Pixels) -> None:
        self._enable()
        if not pixels.any():
            self._waiting = None
            self._show_nothing()
            return
        if self._ended:
            self._ended = False
            self.begun.emit()
        self._waiting = pixels[None]
        if not self._pause.isActive():
            self._ask()

    @Slot()
    def _ask(self) -> None:
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._pause.start()
            self._asked = np.ascontiguousarray(waiting)
            self.encode_wanted.emit(self._asked)

    @Slot()
    def _finished(self) -> None:
        self._ended = True
        self._enable()

    @Slot()
    def _enable(self) -> None:
        self.undo.setEnabled(self.pad.undoable)
        self.clear.setEnabled(not self.pad.empty)
        given = None if self._encoded is None else self._encoded.pixels
        fits = given is not None and given.shape[1:] == self.pad.shape
        own = given is not None and self._asked is not None and np.array_equal(given, self._asked)
        self.take.setEnabled(fits and not own)  # the drawing itself is on the sheet already

    @Slot(float)
    def _widen(self, percent: float) -> None:
        self.pad.set_stroke_width(percent / 100)

    @Slot(float)
    def _widened(self, share: float) -> None:
        self.width_slider.blockSignals(True)
        self.width_slider.setValue(100 * share)
        self.width_slider.blockSignals(False)

    @Slot()
    def _choose_colour(self) -> None:
        chosen = QColorDialog.getColor(self.pad.color, self, "Colour of the pen")
        if chosen.isValid():
            self.pad.color = chosen

    @Slot(bool)
    def _centre(self, on: bool) -> None:
        self.pad.centred = on

    @Slot()
    def _take(self) -> None:
        if self._encoded is not None:
            self.centred.setChecked(False)  # it is seen as it is
            self.pad.set_pixels(self._encoded.pixels[0])

    # ---- its place ----

    def keep_inside(self) -> None:
        """Move it so that its frame is on the screen as a whole."""
        frame, room = self.frameGeometry(), self.screen().availableGeometry()
        bars = 0 if self.isVisible() and frame.height() > self.height() else _FRAME
        inside = room.adjusted(_AROUND, _AROUND, -_AROUND, -_AROUND - bars)
        left = max(inside.left(), min(frame.left(), inside.right() + 1 - frame.width()))
        top = max(inside.top(), min(frame.top(), inside.bottom() + 1 - frame.height()))
        if (left, top) != (frame.left(), frame.top()):
            self.move(left, top)

    def showEvent(self, event: QShowEvent) -> None:
        """Look again when its frame is known."""
        super().showEvent(event)
        QTimer.singleShot(0, self, self.keep_inside)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Grow up and not off the screen when there is more to say."""
        super().resizeEvent(event)
        if self.isVisible():
            self.keep_inside()

    def hideEvent(self, event: QHideEvent) -> None:
        """Ask for nothing more."""
        self._pause.stop()
        super().hideEvent(event)


def _side_by_side(*buttons: QPushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(theme.GRID)
    for each in buttons:
        row.addWidget(each, 1)
    return row

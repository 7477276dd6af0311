"""A window to draw an image in: what the model sees of it is told while one draws."""

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QCheckBox, QDialog, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from explorer.messages import Pixels
from explorer.ui import theme
from explorer.ui.draw_pad import DrawPad
from explorer.ui.filled_slider import FilledSlider
from explorer.ui.panel import button, label
from explorer.ui.picture_grid import PictureGrid

_EVERY_MS = 60
_PENS = (
    ("white", "#ffffff"), ("grey", "#8c8c8c"), ("red", "#e5484d"), ("orange", "#f08c2e"), ("yellow", "#f5d90a"),
    ("green", "#46a758"), ("blue", "#3e8eff"), ("brown", "#8a5a3c"),
)  # fmt: skip


class ImagePad(QDialog):
    """A sheet, what the model sees of it, and tools; ``drawn`` carries (height, width, channels) while one draws."""

    drawn = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Draw an image")
        self.resize(520, 400)
        self.pad = DrawPad()
        self.pad.drawn.connect(self._changed)
        self.seen = PictureGrid("what the model sees")
        self.seen.setFixedSize(120, 120)
        self._later = QTimer(self, singleShot=True, interval=_EVERY_MS)
        self._later.timeout.connect(self._tell)
        self.centred = QCheckBox("centred, as in MNIST")
        self.centred.setToolTip("Scale the drawing to 20/28 of the frame and put its centre of mass into the middle")
        self.centred.setChecked(True)
        self.centred.toggled.connect(self._centre)
        self.undo = button("Undo", "Take the last stroke back (Ctrl+Z)")
        self.wipe = button("Clear", "Take everything off the sheet (Delete)")
        self.ready = button("Done", "Close; the drawing stays what is noised (Esc)", "primary")
        self.eraser = button("Eraser", "Erase instead of drawing (E); the right button always erases")
        self.eraser.setCheckable(True)
        self.undo.clicked.connect(self.pad.undo)
        self.wipe.clicked.connect(self.pad.clear)
        self.ready.clicked.connect(self.close)
        self.eraser.toggled.connect(self._erase)
        self.thickness = FilledSlider()
        self.thickness.setRange(2.0, 20.0)
        self.thickness.setSingleStep(1.0)
        self.thickness.setValue(self.pad.stroke_width * 100)
        self.thickness.setToolTip("Width of the stroke (wheel, [ and ])")
        self.thickness.setAccessibleName("width of the stroke")
        self.thickness.valueChanged.connect(self._widen)
        self.pens = [self._pen(name, color) for name, color in _PENS]
        self._lay_out()
        theme.current().changed.connect(self._paint_pens)
        self._paint_pens()

    def _lay_out(self) -> None:
        side = QVBoxLayout()
        side.setSpacing(10)
        side.addWidget(label("what the model sees", "title"))
        side.addWidget(self.seen, 0, Qt.AlignmentFlag.AlignHCenter)
        side.addWidget(self.centred)
        side.addWidget(label("stroke", "muted"))
        side.addWidget(self.thickness)
        self._colors = QWidget()
        row = QHBoxLayout(self._colors)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for pen in self.pens:
            row.addWidget(pen)
        side.addWidget(self._colors)
        side.addStretch(1)
        first = QHBoxLayout()
        first.addWidget(self.undo)
        first.addWidget(self.wipe)
        side.addWidget(self.eraser)
        side.addLayout(first)
        side.addWidget(self.ready)
        for each in (self.undo, self.wipe, self.eraser, self.ready):
            each.setAutoDefault(False)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(16)
        outer.addWidget(self.pad, 1)
        outer.addLayout(side)

    def _pen(self, name: str, color: str) -> QToolButton:
        made = QToolButton()
        made.setToolTip(f"Draw in {name}")
        made.setAccessibleName(f"draw in {name}")
        made.setProperty("role", "icon")
        made.setProperty("pen", color)
        made.setCheckable(True)
        made.setFixedSize(24, 24)
        made.clicked.connect(self._pen_chosen)
        return made

    @Slot()
    def _paint_pens(self) -> None:
        for pen in self.pens:
            color = QColor(str(pen.property("pen")))
            chosen = color == self.pad.color
            swatch = QPixmap(32, 32)
            swatch.fill(Qt.GlobalColor.transparent)
            painter = QPainter(swatch)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(color)
            painter.setPen(QPen(QColor(theme.colors().accent if chosen else theme.colors().border), 4 if chosen else 2))
            painter.drawEllipse(3, 3, 26, 26)
            painter.end()
            pen.setIcon(QIcon(swatch))
            pen.setChecked(chosen)

    def set_shape(self, shape: tuple[int, int, int]) -> None:
        """Take the shape (height, width, channels) of the model's items."""
        self.pad.set_shape(shape)
        grey = shape[2] == 1
        self._colors.setVisible(not grey)
        self.centred.setVisible(grey)
        self.pad.centred = self.centred.isChecked() and grey
        if grey:
            self.pad.color = QColor("white")
            self._paint_pens()
        self._later.stop()
        self.seen.set_pixels(self.pad.pixels[None])

    @Slot(object)
    def _changed(self, pixels: Pixels) -> None:
        self.seen.set_pixels(pixels[None])
        self.thickness.setValue(self.pad.stroke_width * 100)
        self.eraser.setChecked(self.pad.eraser)
        if self.isVisible() and not self._later.isActive():
            self._later.start()

    @Slot()
    def _tell(self) -> None:
        if not self.pad.empty:
            self.drawn.emit(self.pad.pixels)

    @Slot(bool)
    def _centre(self, on: bool) -> None:
        self.pad.centred = on

    @Slot(bool)
    def _erase(self, on: bool) -> None:
        self.pad.eraser = on

    @Slot(float)
    def _widen(self, percent: float) -> None:
        self.pad.set_stroke_width(percent / 100)

    @Slot()
    def _pen_chosen(self) -> None:
        pen = self.sender()
        if pen is not None:
            self.pad.color = QColor(str(pen.property("pen")))
            self.eraser.setChecked(False)
            self._paint_pens()

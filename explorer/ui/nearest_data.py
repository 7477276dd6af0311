"""The items whose codes are nearest to z: what the data has here."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QFocusEvent, QHelpEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QPushButton, QToolTip, QVBoxLayout, QWidget

from explorer.config import ACTIVE_NATS
from explorer.latent_messages import MapItems
from explorer.messages import Floats, LatentMap
from explorer.nearest import Nearest
from explorer.ui import theme
from explorer.ui.panel import button, label
from explorer.ui.picture_grid import PictureGrid

COUNT = 4
_ASK_MS = 33  # thirty times a second is enough for the eye
_NAMED, _LINE = 52, 14  # pixels: a picture that has room for its caption, and the caption's height
_TIP = (
    "The items whose μ of q(z|x) is nearest to z: Euclidean distance in σ of the prior, over the dimensions that the "
    f"encoder uses (KL ≥ {ACTIVE_NATS} nats): the others say nothing about x"
)
_CODES_TIP = "The items whose codes are nearest to z: Euclidean distance in σ of the data's codes"
_GO = {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}
_MOVES = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -2, Qt.Key.Key_Down: 2}


class _Pictures(PictureGrid):
    """Two by two, each with its class and distance: arrow keys mark a picture, Enter or a click goes to it."""

    def __init__(self) -> None:
        super().__init__("nearest data", columns=2, gap=5, selectable=True)
        self.names: list[str] = []
        self.tips: list[str] = []

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the pictures and their captions: in them, as below them they would cost half the room."""
        super().paintEvent(event)
        if not len(self.pixels) or self.cell(0).width() < _NAMED:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(10, tabular=True))
        for place, name in enumerate(self.names):
            cell = self.cell(place)
            line = QRectF(cell.left(), cell.bottom() - _LINE, cell.width(), _LINE)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(0, 0, 0, 150))
            painter.drawRect(line)
            painter.setPen(QColor("#e8eaee"))  # on the dark ground, in both themes
            painter.drawText(line, Qt.AlignmentFlag.AlignCenter, name)
        painter.end()

    def event(self, event: QEvent) -> bool:
        """Say what the picture under the mouse is."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos()), self)
            return True
        return super().event(event)

    def tip_at(self, where: QPoint) -> str:
        """Return what is said of a place."""
        index = self._at(where.toPointF())
        return self.tips[index] if 0 <= index < len(self.tips) else self.toolTip()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Mark a neighbour, or go to the one that is marked: going by arrow would bring other neighbours at once."""
        key, count = Qt.Key(event.key()), len(self.pixels)
        if key in _GO and 0 <= self.selected < count:
            self.clicked.emit(self.selected)
        elif key in _MOVES and count:
            wanted = self.selected + _MOVES[key] if self.selected >= 0 else 0
            if 0 <= wanted < count:
                self.select(wanted)
                self.setAccessibleDescription(self.tips[wanted])
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Mark the nearest."""
        super().focusInEvent(event)
        if len(self.pixels):
            self.select(max(0, self.selected))

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the mark away."""
        super().focusOutEvent(event)
        self.select(-1)


class NearestData(QWidget):
    """The four items nearest to z; ``item_chosen`` carries the number of the one that is clicked.

    Without pictures on this machine they are told in words.

    Attributes:
        items: their numbers, (count,), the nearest first; ``distances`` are theirs, in σ of the prior.
    """

    item_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.items: NDArray[np.int64] = np.zeros(0, np.int64)
        self.distances: Floats = np.zeros(0, np.float32)
        self._map: LatentMap | None = None
        self._near: dict[int, tuple[NDArray[np.int64], Nearest]] = {}  # of a class: which items, and where they are
        self._used: NDArray[np.int64] = np.zeros(0, np.int64)  # dimensions
        self._by_class = False
        self._label = 0
        self._found: MapItems | None = None
        self._z: Floats | None = None
        self._soon = QTimer(self, singleShot=True, interval=_ASK_MS)
        self._soon.timeout.connect(self._find)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self._title = label("nearest data", "muted", tip=_TIP)
        layout.addWidget(self._title)
        self.pictures = _Pictures()
        self.pictures.align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        self.pictures.clicked.connect(self._choose)
        layout.addWidget(self.pictures, 1)
        self.words: list[QPushButton] = []
        for place in range(COUNT):
            made = button("", "Go to this item", "link")
            made.setProperty("place", place)
            made.clicked.connect(self._choose_words)
            made.hide()
            self.words.append(made)
            layout.addWidget(made)
        self.note = label("", "note")
        self.note.setWordWrap(True)
        self.note.hide()
        layout.addWidget(self.note)
        self._show()

    # ---- what it knows ----

    def set_map(self, latents: LatentMap | None, *, by_class: bool = False) -> None:
        """Take the codes of another model, or none.

        Args:
            latents: the codes.
            by_class: only items of the class that the decoder is told are like what it makes: of a conditional model,
                whose z does not say the class, the others lie as near.
        """
        self._map, self._found, self._z = latents, None, None
        self._near, self._by_class = {}, by_class
        if latents is not None:
            kl = latents.kl_per_dimension
            for widget in (self._title, self.pictures):
                widget.setToolTip(_TIP if len(kl) else _CODES_TIP)
            every = np.arange(latents.means.shape[1])
            self._used = every[kl >= ACTIVE_NATS] if len(kl) and (kl >= ACTIVE_NATS).any() else every
        self.items, self.distances = np.zeros(0, np.int64), np.zeros(0, np.float32)
        self._show()

    def set_items(self, items: MapItems) -> None:
        """Take what the codes are of."""
        self._found = items
        self._show()

    def set_place(self, z: Floats, label_: int = 0) -> None:
        """Look for what is near to z (latent,), at most thirty times a second; the newest wins."""
        self._z, self._label = z, label_ if self._by_class else 0
        if not self._soon.isActive():
            self._soon.start()

    @Slot()
    def _find(self) -> None:
        if self._map is None or self._z is None or len(self._z) != self._map.means.shape[1]:
            return
        if self._label not in self._near:
            kept = (
                np.flatnonzero(self._map.labels == self._label) if self._by_class else np.arange(len(self._map.means))
            )
            self._near[self._label] = kept, Nearest(self._map.means[np.ix_(kept, self._used)])
        kept, near = self._near[self._label]
        found, self.distances = near.query(self._z[self._used], COUNT)
        self.items = kept[found]
        self._show()

    # ---- what it shows ----

    def _tips(self) -> list[str]:
        assert self._map is not None
        return [
            f"class {self._map.labels[item]}, {distance:.2f} σ from z: item {item} of the {self._map.split} split. "
            "Click or Enter goes to where the encoder puts it"
            for item, distance in zip(self.items, self.distances, strict=True)
        ]

    def _show(self) -> None:
        pictures = self._found is not None and len(self._found.pixels) > 0
        words = not pictures and self._found is not None and len(self.items) > 0
        self.pictures.setVisible(not words)
        for place, shown in enumerate(self.words):
            shown.setVisible(words and place < len(self.items))
        self.note.setVisible(words)
        if self._map is None or not len(self.items):
            self.pictures.clear("" if self._z is None else "none here")
            return
        tips = self._tips()
        labels = self._map.labels[self.items]
        if pictures and self._found is not None:
            self.pictures.names = [f"{k} · {far:.2f}" for k, far in zip(labels, self.distances, strict=True)]
            self.pictures.tips = tips
            self.pictures.set_pixels(self._found.pixels[self.items])
        elif words and self._found is not None:
            for shown, k, distance, tip in zip(self.words, labels, self.distances, tips, strict=False):
                shown.setText(f"class {k} · {distance:.2f} σ")
                shown.setAccessibleName(shown.text())
                shown.setToolTip(tip)
            self.note.setText("no pictures here" if self._found.note else "")
            self.note.setToolTip(self._found.note)
        else:
            self.pictures.clear("loading pictures…")

    @Slot(int)
    def _choose(self, place: int) -> None:
        if place < len(self.items):
            self.item_chosen.emit(int(self.items[place]))

    @Slot()
    def _choose_words(self) -> None:
        self._choose(int(self.sender().property("place")))

"""The sliders of a latent space: one for each dimension, the most informative first, in units of the prior's σ."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget
from superqt import QElidingLabel

from explorer.config import ACTIVE_NATS
from explorer.messages import Floats
from explorer.ui.latent_slider import LatentSlider
from explorer.ui.panel import button, column, empty, label

EXTENT = 3.0
_GAP = 2  # pixels between rows
_READ_MS = 8000  # to read what is said of a value that was typed
_AT_ONCE = 16  # rows shown before the window may do something else: showing one costs half a millisecond


class LatentSliders(QWidget):
    """The sliders of a model; ``moved`` carries z, shape (latent,), after every move by hand, ``released`` its end.

    Attributes:
        sliders: of all dimensions, in their own order.
        how: what the last move was, such as "z₃" or "random": the name under which it is undone.
    """

    moved = Signal(object)
    released = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.sliders: list[LatentSlider] = []
        self.how = ""
        self._made: list[LatentSlider] = []  # also those that the model of now has no dimension for
        self._folds: list[tuple[QPushButton, list[LatentSlider]]] = []
        self._names: Sequence[str] = ()
        self._z: Floats = np.zeros(0, np.float32)
        self._image: Floats | None = None
        self._random = np.random.default_rng()
        self._hidden: list[LatentSlider] = []  # active ones that are still to be shown
        self._low = False
        self._next = QTimer(self, singleShot=True, interval=0)
        self._next.timeout.connect(self._show_more)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._head())
        inside, self._rows = column(_GAP)
        inside.setObjectName("scrolled")
        self._rows.setContentsMargins(0, 0, 6, 0)
        area = self._area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setMinimumHeight(54)
        self._inside = inside
        layout.addWidget(area, 1)
        self.note = label("", "note")
        self.note.setWordWrap(True)
        self.note.hide()
        layout.addWidget(self.note)
        self._fade = QTimer(self, singleShot=True, interval=_READ_MS)
        self._fade.timeout.connect(self.note.hide)

    def _head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        head.setSpacing(6)
        self._title = QElidingLabel("z, sorted by KL")
        self._title.setProperty("role", "title")
        self._title.setToolTip("Latent dimensions, the most informative first")
        head.addWidget(self._title, 1)
        self.zero = button("0", "Bring every slider to 0, the mean of N(0, I); what is locked stays")
        self.random = button("random", "")
        self.from_image = button(
            "image", "Go to where the image is encoded that was chosen or drawn last: μ of q(z|x), or its code"
        )
        self.zero.setAccessibleName("all to zero")
        self.from_image.setAccessibleName("from image")
        self.zero.clicked.connect(self._to_zero)
        self.random.clicked.connect(self._to_random)
        self.from_image.clicked.connect(self._to_image)
        for made in (self.zero, self.random, self.from_image):
            made.setEnabled(False)
            head.addWidget(made)
        return head

    # ---- where it is ----

    @property
    def z(self) -> Floats:
        """Return z as the sliders stand, shape (latent,)."""
        return self._z.copy()

    def set_z(self, z: Floats) -> None:
        """Move the sliders to z without emitting ``moved``, the locked ones too; what lies outside −3..3 is kept."""
        self._z = np.array(z, np.float32)
        for slider, value in zip(self.sliders, self._z.tolist(), strict=True):
            slider.show_value(value)

    @property
    def locked(self) -> set[int]:
        """Return the dimensions that stay where they are."""
        return {slider.dimension for slider in self.sliders if slider.locked}

    def hold(self, z: Floats) -> Floats:
        """Return z (latent,) with the locked dimensions put back where they are."""
        held = np.array(z, np.float32)
        kept = list(self.locked)
        held[kept] = self._z[kept]
        return held

    def set_image(self, mean: Floats | None, sigma: Floats | None = None) -> None:
        """Mark μ ± σ of the posterior (latent,) of an image on the sliders, or of none; "from image" goes to μ."""
        self._image = None if mean is None else np.array(mean, np.float32)
        self.from_image.setEnabled(mean is not None)
        spread = np.zeros_like(self._z) if sigma is None else sigma
        for slider in self.sliders:
            k = slider.dimension
            slider.set_band(None if mean is None else (float(mean[k]), float(spread[k])))

    @property
    def rows(self) -> int:
        """Return how many rows are shown while everything inactive is folded away."""
        folded = {slider.dimension for _, sliders in self._folds for slider in sliders}
        return len(self.sliders) - len(folded) + len(self._folds)

    # ---- a model ----

    def set_model(self, names: Sequence[str], kl_per_dimension: Sequence[float], levels: Sequence[int] = ()) -> None:
        """Make sliders for a model.

        Args:
            names: of the dimensions, such as "z₃"; none without a model.
            kl_per_dimension: their average KL in nats, or nothing where the encoder is deterministic.
            levels: sizes of the levels of a hierarchy of latents, from the picture up; each gets a heading.
        """
        self._names = names
        self._clear()
        self._z = np.zeros(len(names), np.float32)
        self._made += [self._slider(k) for k in range(len(self._made), len(names))]
        self.sliders = self._made[: len(names)]
        known = len(kl_per_dimension) > 0
        self._title.setText("z, sorted by KL" if known or not names else "z, in σ of the data's codes")
        prior = "N(0, I), the prior" if known else "N(0, I) about the mean of the data's codes: these z have no prior"
        self.random.setToolTip(f"Draw z from {prior}; what is locked stays")
        self.random.setAccessibleDescription(self.random.toolTip())
        for made in (self.zero, self.random):
            made.setEnabled(bool(names))
        sizes = levels if len(levels) > 1 else [len(names)]
        of_levels = list(enumerate(zip(accumulate(sizes), sizes, strict=True), start=1))
        for level, (end, size) in reversed(of_levels):  # as it is drawn, from the top down to the picture
            self._add_level(level if len(sizes) > 1 else 0, range(end - size, end), kl_per_dimension)
        self._rows.addStretch(1)
        self._show_more()
        self._order_tabs()
        self.set_image(None)
        self._area.verticalScrollBar().setValue(0)

    def set_low(self, low: bool) -> None:
        """Put the rows closer together, so that more of them are seen."""
        if low != self._low:
            self._low = low
            self._rows.setSpacing(0 if low else _GAP)
            for slider in self._made:
                slider.set_low(low)

    @Slot()
    def _show_more(self) -> None:
        for slider in self._hidden[:_AT_ONCE]:
            slider.show()
        self._hidden = self._hidden[_AT_ONCE:]
        if self._hidden:
            self._next.start()

    def _clear(self) -> None:
        self._hidden = []
        for slider in self._made:
            self._rows.removeWidget(slider)
            slider.hide()
            slider.set_locked(False)
            slider.show_value(0.0)
        for fold, _ in self._folds:
            fold.hide()
        self._folds = []
        empty(self._rows)

    def _slider(self, dimension: int) -> LatentSlider:
        made = LatentSlider(dimension, EXTENT, self._inside)
        made.hide()
        made.set_low(self._low)
        made.valueChanged.connect(self._slid)
        made.let_go.connect(self.released)
        made.lock_asked.connect(self._lock)
        made.said.connect(self._say)
        return made

    def _add_level(self, level: int, dimensions: Sequence[int], kl: Sequence[float]) -> None:
        """Add the rows of a level; 0 is that of a model that has no levels, and gets no heading."""
        known = len(kl) > 0
        order = sorted(dimensions, key=lambda k: -kl[k]) if known else list(dimensions)
        if level:
            total = f" · KL {sum(kl[k] for k in order):.1f} nats" if known else ""
            end = ", next to the picture" if level == 1 else ", drawn before the levels below"
            heading = label(f"level {level}{total}", "strong", tip=f"Latents z of level {level}{end}; sum of their KL")
            self._rows.addWidget(heading)
        active = [k for k in order if not known or kl[k] >= ACTIVE_NATS]
        for row, k in enumerate(order):
            self._describe(k, kl, first=row == 0)
        for k in active:
            self._rows.addWidget(self.sliders[k])
        self._hidden += [self.sliders[k] for k in active]
        inactive = [self.sliders[k] for k in order if k not in set(active)]
        if inactive:
            self._add_fold(inactive)

    def _describe(self, k: int, kl: Sequence[float], *, first: bool) -> None:
        name = self._names[k]
        if len(kl):
            unit = " nats" if first and kl[k] >= ACTIVE_NATS else ""
            text = f"{name} {kl[k]:.{1 if kl[k] >= 0.1 else 2}f}{unit}"
            tip = f"{name}: dimension {k}, in standard deviations of the prior; its KL is {kl[k]:.3f} nats on average"
        else:
            text, tip = name, f"{name}: dimension {k}, in standard deviations of the data's codes about their mean"
        self.sliders[k].describe(name, text, tip)

    def _add_fold(self, inactive: list[LatentSlider]) -> None:
        fold = button("", "Dimensions whose q(z|x) is the prior: the decoder has learned to ignore them", "link")
        fold.setCheckable(True)
        fold.setText(self._fold_text(len(inactive), open_=False))
        fold.setAccessibleName(f"{len(inactive)} inactive dimensions")
        fold.toggled.connect(self._turn)
        self._folds.append((fold, inactive))
        self._rows.addWidget(fold)
        for slider in inactive:
            self._rows.addWidget(slider)

    @staticmethod
    def _fold_text(count: int, *, open_: bool) -> str:
        return f"{'▾' if open_ else '▸'} {count} inactive dimension{'s' if count > 1 else ''} (KL < {ACTIVE_NATS})"

    @Slot(bool)
    def _turn(self, open_: bool) -> None:
        for fold, sliders in self._folds:
            if fold is self.sender():
                fold.setText(self._fold_text(len(sliders), open_=open_))
                for slider in sliders:
                    slider.setVisible(open_)

    def _order_tabs(self) -> None:
        """Let Tab go down the rows as they are shown, not as they were made."""
        before: QWidget = self.from_image
        for place in range(self._rows.count()):
            item = self._rows.itemAt(place)
            after = item.widget() if item is not None else None
            if after is not None and after.focusPolicy() != Qt.FocusPolicy.NoFocus:
                QWidget.setTabOrder(before, after)
                before = after

    # ---- moves by hand ----

    @Slot(float)
    def _slid(self, value: float) -> None:
        slider = self.sender()
        assert isinstance(slider, LatentSlider)
        self.how = self._names[slider.dimension]
        self._z[slider.dimension] = value
        self.moved.emit(self.z)

    @Slot(str)
    def _say(self, text: str) -> None:
        self.note.setText(text)
        self.note.setVisible(bool(text))
        self._fade.start()

    @Slot(bool)
    def _lock(self, all_: bool) -> None:
        asked = self.sender()
        assert isinstance(asked, LatentSlider)
        wanted = not asked.locked
        for slider in self.sliders if all_ else (asked,):
            slider.set_locked(wanted)

    def _go(self, z: Floats, how: str) -> None:
        self.how = how
        self.set_z(self.hold(z))
        self.moved.emit(self.z)
        self.released.emit()

    @Slot()
    def _to_zero(self) -> None:
        self._go(np.zeros_like(self._z), "zero")

    @Slot()
    def _to_random(self) -> None:
        self._go(self._random.standard_normal(len(self._z), np.float32), "random")

    @Slot()
    def _to_image(self) -> None:
        if self._image is not None:
            self._go(self._image, "from image")

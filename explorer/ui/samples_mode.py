"""Samples from the prior, its noise as wide as wanted."""

import numpy as np
from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout

from explorer import images
from explorer.latent_messages import PriorRequest, PriorSamples
from explorer.messages import Floats, OpenedModel
from explorer.ui.asking import Asking
from explorer.ui.facts import signed
from explorer.ui.filled_slider import FilledSlider
from explorer.ui.panel import label
from explorer.ui.picture_grid import PictureGrid
from explorer.ui.seed_field import SeedField
from explorer.ui.sheet_mode import plain, z_table
from explorer.ui.strip_mode import StripMode, next_request

_COUNTS = (16, 24, 32, 48, 64)
_USUAL = 32
_WIDEST = 2.0  # temperature
_GAP = 3
_TEMPERATURE = (
    "Temperature τ: the noise of the prior times τ. 1 is the model itself; less keeps to what is most typical (0: only "
    "the mean), more goes where the decoder has seen nothing. Right click for 1"
)
_NO_PRIOR = (
    "An autoencoder has no prior: these are z ~ N(0, τ²I) in σ of its codes, about their mean. Where no code is near, "
    "the picture is none: the holes."
)
_PRIORS = {
    "autoencoder": "Samples about the codes' mean, no prior",
    "vq": "Samples · codes k ~ p(k), the prior that was learned of the codes",
    "hierarchical": "Samples from the prior · z ~ p(z), noise × τ",
    "conditional": "Samples from the prior · z ~ N(0, τ²I), class c given",
}


class SamplesMode(StripMode):
    """Draws from p(z), decoded; a click goes to one."""

    key, title = "samples", "samples"
    tip = "What the model makes up: decoded draws from the prior p(z)"

    def __init__(self) -> None:
        super().__init__()
        self.samples: PriorSamples | None = None
        self.up = False
        self._numbers: set[int] = set()
        self._soon = Asking(self)
        self._soon.due.connect(self._ask)
        self.grid = PictureGrid("samples from the prior", gap=_GAP, selectable=True)
        self.grid.setToolTip("Click, or choose with the arrow keys: cursor and sliders go there")
        self.grid.clicked.connect(self._go)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.grid, 1)
        self.note = label(_NO_PRIOR, "note")
        self.note.setWordWrap(True)
        self.note.hide()
        layout.addWidget(self.note)
        self._fill_bar()
        self.exports.add("samples", "Samples (PNG)", ".png", self._png)
        self.exports.add("samples-z", "z of every sample (CSV)", ".csv", self._csv)

    def _fill_bar(self) -> None:
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.temperature = FilledSlider(origin=1.0)
        self.temperature.setRange(0.0, _WIDEST)
        self.temperature.setSingleStep(0.05)
        self.temperature.setPageStep(0.25)
        self.temperature.setValue(1.0)
        self.temperature.setFixedWidth(96)
        self.temperature.setToolTip(_TEMPERATURE)
        self.temperature.setAccessibleName("temperature")
        self.temperature.valueChanged.connect(self._changed)
        self._shown_temperature = label("1.00", tabular=True, tip=_TEMPERATURE)
        self._shown_temperature.setMinimumWidth(30)
        self.count = QComboBox()
        for count in _COUNTS:
            self.count.addItem(str(count), count)
        self.count.setCurrentIndex(_COUNTS.index(_USUAL))
        self.count.setToolTip("How many samples are drawn; the first ones are the same however many there are")
        self.count.setAccessibleName("number of samples")
        self.classes = QComboBox()
        self.classes.addItem("each class", False)
        self.classes.addItem("this class", True)
        self.classes.setToolTip("Each class in turn, or only the one that is chosen above, of p(x|z, c)")
        self.classes.setAccessibleName("classes of the samples")
        self.classes.hide()
        self.seed = SeedField()
        for box in (self.count, self.classes):
            box.activated.connect(self._changed)
        self.seed.changed.connect(self._changed)
        row.addWidget(label("τ", "muted", tip=_TEMPERATURE))
        for widget in (self.temperature, self._shown_temperature, self.count, self.classes, self.seed):
            row.addWidget(widget)

    # ---- asking ----

    def set_model(self, model: OpenedModel | None, names: list[str], hint: str = "") -> None:
        """Begin anew with a model; without one say why."""
        super().set_model(model, names, hint)
        self._soon.forget()
        self._numbers.clear()
        self.samples = None
        self.grid.select(-1)
        self.grid.clear(hint or "drawing …")
        self.classes.setVisible(model is not None and model.classes > 0)
        self.note.setVisible(model is not None and model.card.family == "autoencoder")

    def set_place(self, z: Floats, label: int) -> None:
        """Take the class; another one is drawn from if that is wanted."""
        other = label != self.label
        super().set_place(z, label)
        if other and self.classes.currentData():
            self._changed()
        self._mark()

    @Slot()
    def _changed(self) -> None:
        self._shown_temperature.setText(signed(float(self.temperature.value())))
        if self.up:
            self._soon.soon()

    @Slot()
    def _ask(self) -> None:
        if self.model is None or not self.up:
            return
        number = next_request()
        self._numbers.add(number)
        self._soon.asked()
        self.asked.emit(PriorRequest(number, *self._wanted()))

    def _wanted(self) -> tuple[int, int, float, int | None]:
        """Return how many, seed, temperature and class: what a PriorRequest asks for."""
        told = self.model is not None and self.model.classes and self.classes.currentData()
        temperature = round(float(self.temperature.value()), 4)
        return int(self.count.currentData()), self.seed.seed, temperature, self.label if told else None

    def come_up(self) -> None:
        """Draw, if nothing is drawn yet or something else was asked for."""
        self.up = True
        shown = self.samples.request if self.samples is not None else None
        if shown is None or (shown.count, shown.seed, shown.temperature, shown.label) != self._wanted():
            self._ask()

    def go_down(self) -> None:
        """Ask no more."""
        self.up = False
        self._soon.forget()
        super().go_down()

    def take_samples(self, samples: PriorSamples) -> None:
        """Show what was drawn, unless something newer is shown already."""
        number = samples.request.request
        if number not in self._numbers:
            return
        self._numbers = {other for other in self._numbers if other > number}
        if not self._numbers:
            self._soon.answered()
        self.samples = samples
        self.seed.remember(samples.request.seed)
        self.grid.select(-1)
        self._arrange()
        self._mark()
        self.changed.emit()

    # ---- showing ----

    @property
    def heading(self) -> str:
        """Return what the strip's title says: what is drawn from, and where there is no prior."""
        family = self.model.card.family if self.model is not None else ""
        return _PRIORS.get(family, "Samples from the prior · z ~ N(0, τ²I)")

    def _arrange(self) -> None:
        """Show as many in a row as makes them largest."""
        if self.samples is not None:
            count, height, width = self.samples.pixels.shape[:3]

            def size(columns: int) -> float:
                rows = -(-count // columns)
                return min((self.grid.width() / columns - _GAP) / width, (self.grid.height() / rows - _GAP) / height)

            self.grid.set_pixels(self.samples.pixels, max(range(1, count + 1), key=size))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Find the best number of columns for the new size."""
        super().resizeEvent(event)
        QTimer.singleShot(0, self, self._arrange)  # when the grid has its size

    def _mark(self) -> None:
        """Mark the sample at which the cursor is."""
        if self.samples is None or self.z is None:
            return
        here = np.flatnonzero((self.samples.z == self.z).all(axis=1))
        if self.grid.selected not in here:  # at temperature 0 all are at one place
            self.grid.select(int(here[0]) if len(here) else -1)

    @Slot(int)
    def _go(self, index: int) -> None:
        if self.samples is None or self.model is None:
            return
        self.grid.select(index)
        if self.model.classes:
            self.classed.emit(int(self.samples.labels[index]))
        self.went.emit(self.samples.z[index].copy())
        self.released.emit()

    # ---- taking home ----

    @property
    def exportable(self) -> bool:
        """Return whether there is anything to save."""
        return self.samples is not None

    def _png(self) -> bytes:
        assert self.samples is not None and self.model is not None
        asked = self.samples.request
        told = {"labels": self.samples.labels.tolist()} if self.model.classes else {}
        made = self.provenance(
            made="samples", seed=asked.seed, temperature=asked.temperature, count=asked.count, **told,
            z=[plain(z) for z in self.samples.z],
        )  # fmt: skip
        return images.png_bytes(images.sheet(self.samples.pixels, self.grid.columns), made)

    def _csv(self) -> bytes:
        assert self.samples is not None
        return z_table(["sample", "class"], [range(len(self.samples.z)), self.samples.labels.tolist()], self.samples.z)

"""Attribute vectors: the mean of some items minus that of others, added to the place one is at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout

from explorer import images
from explorer.animations import Reel
from explorer.latent_messages import Sheet
from explorer.messages import Floats, OpenedModel
from explorer.ui.attribute_list import AttributeList
from explorer.ui.facts import signed
from explorer.ui.filled_slider import FilledSlider
from explorer.ui.item_set import ItemSet
from explorer.ui.panel import button, column, label
from explorer.ui.picture_rows import PictureRows
from explorer.ui.sheet_mode import Places, SheetMode, plain, swing_reel, z_table
from explorer.walks import attribute

_STEPS = 11
_FARTHEST = 2.0
_KNOB = 8  # pixels from the slider's end to its groove's, so that it stands under the pictures
_SETS_WIDTH = 272
_AMOUNT = (
    "How much of the attribute is added: z = z₀ + t·(mean of A − mean of B). 0 is where you were; 1 goes as far as the "
    "two means are apart. Right click, or 0, goes back"
)
_HINT = (
    "Choose A and B: select points in the map with the lasso and press ← selection, or choose a class. The attribute "
    "is the mean of A minus the mean of B, and the slider adds it to where you are."
)


@dataclass(frozen=True)
class _Strip:
    base: Floats
    direction: Floats
    name: str
    note: str
    label: int


def along(base: Floats, direction: Floats, amount: float) -> Floats:
    """Return z + t·a, (latent,); for t = 0 z itself, bit by bit."""
    if amount == 0:
        return base.copy()
    moved: Floats = (base.astype(np.float64) + amount * direction.astype(np.float64)).astype(np.float32)
    return moved


class AttributesMode(SheetMode):
    """A direction from two sets of items or from the list, and a slider that goes along it.

    Attributes:
        base: z₀ (latent,), where the slider is 0: where the page was before it was moved here.
    """

    key, title = "attributes", "attributes"
    tip = "Make a direction of two sets of images, such as slanted minus upright, and add it to any image"

    def __init__(self) -> None:
        super().__init__()
        self.base: Floats | None = None
        self._used: Floats | None = None
        self._moving = False
        self.first, self.second = ItemSet("A"), ItemSet("B")
        self.first.changed.connect(self._sets_changed)
        self.second.changed.connect(self._sets_changed)
        self.list = AttributeList()
        self.list.chosen.connect(self._direction_changed)
        self.list.problem.connect(self.problem)
        self.list.status.connect(self.status)
        self.amount = FilledSlider()
        self.rows = PictureRows("along the attribute", self.amount.sizeHint().height())
        self.rows.clicked.connect(self._go)
        self.rows.tip = self._say
        self.rows.arranged.connect(self._stand_below)
        self.amount.setParent(self.rows)
        self.amount.setRange(-_FARTHEST, _FARTHEST)
        self.amount.setSingleStep(0.05)
        self.amount.setPageStep(0.4)
        self.amount.setToolTip(_AMOUNT)
        self.amount.setAccessibleName("amount of the attribute")
        self.amount.valueChanged.connect(self._slid)
        self.amount.sliderReleased.connect(self.released)
        self._lay_out()
        self.exports.add("attribute", "Strip along the attribute (PNG)", ".png", self._png)
        self.exports.add("attribute-z", "z of every picture, and the direction (CSV)", ".csv", self._csv)
        self.films.add("attribute", "Film along the attribute, forth and back", self._reel)

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        sets, inside = column(6)
        sets.setFixedWidth(_SETS_WIDTH)
        inside.addStretch(1)
        inside.addWidget(self.first)
        inside.addWidget(self.second)
        inside.addStretch(1)
        layout.addWidget(sets)
        layout.addWidget(self.rows, 1)
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self._shown_amount = label("", tabular=True, tip=_AMOUNT)
        self._shown_amount.setMinimumWidth(56)
        self.zero = button("0", "Back to where you were: t = 0")
        self.zero.setAccessibleName("amount 0")
        self.zero.clicked.connect(self._to_zero)
        for widget in (self.list, self._shown_amount, self.zero):
            row.addWidget(widget)

    @Slot()
    def _stand_below(self) -> None:
        """Put the slider below the pictures: each value under its picture."""
        plan = self.rows.plan
        self.amount.setVisible(plan is not None and self.rows.step < 0)
        if plan is not None:
            left, right = plan.cell(0, 0).center().x() - _KNOB, plan.cell(0, _STEPS - 1).center().x() + _KNOB
            height = self.amount.sizeHint().height()
            top = plan.row(0).bottom() + plan.foot - height
            self.amount.setGeometry(round(left), round(top), round(right - left), height)

    # ---- the direction ----

    def set_model(self, model: OpenedModel | None, names: list[str], hint: str = "") -> None:
        """Begin anew with a model; without one say why."""
        super().set_model(model, names, hint)
        self.base = self._used = None
        latents = None if model is None else model.latents
        for items in (self.first, self.second):
            items.set_labels(np.zeros(0, np.int64) if latents is None else latents.labels)
            items.setEnabled(latents is not None)
        self.second.choose_rest()
        self.list.set_model(model)
        self._set_amount(0.0)
        self.rows.clear(hint or _HINT)

    def take_selection(self, items: NDArray[np.int64]) -> None:
        """Offer what is selected in the map; take it as A if nothing was chosen yet."""
        for each in (self.first, self.second):
            each.set_selection(items)
        if len(items) and not self.first.chosen:
            self.first.take_selection()

    @Slot()
    def _sets_changed(self) -> None:
        if self.model is None or self.model.latents is None:
            return
        first, second = self.first.items(self.second), self.second.items(self.first)
        direction, note = None, ""
        if len(first) and len(second):
            direction = attribute(self.model.latents.means, first, second)
            note = f"mean of {len(first)} − mean of {len(second)} items"
        self.list.set_own(f"{self.first.words()} − {self.second.words()}", direction, note)
        self._direction_changed()

    @Slot()
    def _direction_changed(self) -> None:
        """Go on from where the last direction has led, if it is another one and not only has another name."""
        direction = self.list.direction
        if not (direction is not None and self._used is not None and np.array_equal(direction, self._used)):
            self._used = direction
            self._rebase()
        self.changed.emit()

    def come_up(self) -> None:
        """Look whether another window has saved a direction, then ask for what is missing."""
        self.up = True
        self.list.refresh()
        self._direction_changed()
        self._ask()

    # ---- the place ----

    def set_place(self, z: Floats, label: int) -> None:
        """Begin anew from a place that was gone to otherwise; its own moves keep what the slider starts from."""
        own = self._moving or (self.z is not None and np.array_equal(z, self.z))
        other_class = label != self.label
        super().set_place(z, label)
        if not own or self.base is None:
            self._rebase()
        elif other_class:
            self.ask_soon()

    def _rebase(self) -> None:
        self.base = None if self.z is None else self.z.copy()
        self._set_amount(0.0)
        self.zero.setEnabled(self.list.direction is not None)
        if self.list.direction is None:
            self.forget()
            self.rows.clear(_HINT)
        else:
            self.ask_soon()

    def _set_amount(self, amount: float) -> None:
        """Show an amount without going there."""
        self.amount.blockSignals(True)
        self.amount.setValue(amount)
        self.amount.blockSignals(False)
        self._shown_amount.setText(f"t = {signed(amount)}" if self.model is not None else "")
        if self.rows.marks:
            here = np.flatnonzero(np.isclose(_amounts(), amount, atol=1e-6))
            self.rows.set_marks([int(here[0]) if len(here) else -1])

    @Slot(float)
    def _slid(self, amount: float) -> None:
        self._go_along(round(float(amount), 6))
        if not self.amount.isSliderDown():
            self.released.emit()

    def _go_along(self, amount: float) -> None:
        direction = self.list.direction
        if self.base is None or direction is None:
            return
        self._set_amount(amount)
        self._moving = True
        try:
            self.went.emit(along(self.base, direction, amount))
        finally:
            self._moving = False

    @Slot()
    def _to_zero(self) -> None:
        self._go_along(0.0)
        self.released.emit()

    # ---- pictures ----

    def wanted(self) -> Places | None:
        """Return places along the direction, −2 to 2 of it."""
        direction = self.list.direction
        if self.base is None or direction is None:
            return None
        z = np.stack([along(self.base, direction, amount) for amount in _amounts()])
        about = _Strip(self.base, direction, self.list.name, self.list.note, self.label)
        return Places(z, (self.label,), about)

    @property
    def _about(self) -> _Strip | None:
        return None if self.shown is None else self.shown.about

    @property
    def heading(self) -> str:
        """Return what the strip's title says."""
        direction = self.list.direction
        if direction is None:
            return "Attribute = mean of A − mean of B"
        return f"Attribute {self.list.name} · length {float(np.linalg.norm(direction)):.2f}"

    def show_sheet(self, sheet: Sheet, places: Places) -> None:
        """Show the strip."""
        captions = [signed(float(amount)) for amount in _amounts()]
        self.rows.set_rows(sheet.pixels[None], [""], captions=captions)
        self._set_amount(round(float(self.amount.value()), 6))

    def _say(self, _row: int, column: int) -> str:
        return f"t = {signed(float(_amounts()[column]))} of the attribute. Click to go there"

    @Slot(int, int)
    def _go(self, _row: int, column: int) -> None:
        self._go_along(float(_amounts()[column]))
        self.released.emit()

    # ---- swinging ----

    @property
    def steps(self) -> int:
        """Return the pictures of the strip."""
        return 0 if self._about is None else _STEPS

    def show_step(self, step: int) -> None:
        """Show one picture of the strip, larger."""
        self.rows.show_step(step)
        self._stand_below()

    # ---- taking home ----

    def _made(self, what: str) -> dict[str, object]:
        assert self._about is not None and self.model is not None
        about = self._about
        told = {"label": about.label} if self.model.classes else {}
        return self.provenance(
            made=what, z=plain(about.base), attribute=about.name, of=about.note, direction=plain(about.direction),
            amounts=[round(float(amount), 6) for amount in _amounts()], **told,
        )  # fmt: skip

    def _png(self) -> bytes:
        assert self.sheet is not None
        return images.png_bytes(images.sheet(self.sheet.pixels, _STEPS), self._made("attribute"))

    def _csv(self) -> bytes:
        """Return the direction, then the places along it."""
        assert self._about is not None and self.shown is not None
        rows = np.concatenate([self._about.direction[None], self.shown.z])
        names = ["direction", *["place"] * _STEPS]
        return z_table(["what", "t"], [names, ["", *(f"{amount:.9g}" for amount in _amounts())]], rows)

    def _reel(self) -> Reel:
        assert self.sheet is not None
        return swing_reel(self.sheet.pixels[None], self._made("attribute film"), wanted=192)


def _amounts() -> NDArray[np.float64]:
    """Return t of each picture; the middle one is 0 itself."""
    return np.linspace(-_FARTHEST, _FARTHEST, _STEPS).round(9) + 0.0

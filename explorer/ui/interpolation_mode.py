"""From one place to another, straight and on a great circle."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout

from explorer import images
from explorer.animations import Reel
from explorer.latent_messages import Sheet
from explorer.messages import Floats, OpenedModel, Pixels
from explorer.ui.norm_curve import NormCurve, typical_norm
from explorer.ui.panel import button
from explorer.ui.picture_rows import PictureRows
from explorer.ui.sheet_mode import Places, SheetMode, plain, swing_reel
from explorer.walks import lerp, slerp

_STEPS = (5, 7, 9, 11, 15, 21, 31, 61)
_USUAL_STEPS = 11
_FINE = 61  # places of the line in the map
_WIDE = 700  # pixels; a narrower strip has no room for the curve
_WAYS = {"linear": (lerp, "accent"), "spherical": (slerp, "second")}
_SHOWN = (("both", ("linear", "spherical")), ("linear", ("linear",)), ("spherical", ("spherical",)))
_HINT = (
    "A is where you are now. Shift+click another point in the map for B, or go there and press take B. "
    "Ctrl+click, or a drawn image, brings you to where an image is."
)
_WAYS_TIP = (
    "Linear: z(λ) = (1 − λ) A + λ B. Spherical: along the great circle from A to B (Shoemake 1985), as long as draws "
    "of the prior are; a straight line between two of them passes nearer to 0 than they are, where d is large"
)


@dataclass(frozen=True)
class _Way:
    a: Floats
    b: Floats
    names: tuple[str, ...]
    steps: int
    label: int


class InterpolationMode(SheetMode):
    """Two places A and B, and what lies between them; ``second_moved`` carries B (latent,) or None, for the map.

    Attributes:
        a, b: the two places (latent,), None while they are not chosen.
    """

    key, title = "interpolation", "interpolation"
    tip = "What lies between two places: straight, and on a great circle"
    second_moved = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.a: Floats | None = None
        self.b: Floats | None = None
        self.rows = PictureRows("interpolation")
        self.rows.clicked.connect(self._go)
        self.rows.tip = self._say
        self.norms = NormCurve()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(self.rows, 1)
        layout.addWidget(self.norms)
        self._fill_bar()
        self.exports.add("interpolation", "Interpolation (PNG)", ".png", self._png)
        self.exports.add("interpolation-z", "z of every picture (CSV)", ".csv", self._csv)
        self.films.add("interpolation", "Film from A to B and back", self._reel)

    def _fill_bar(self) -> None:
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.take_a = button("take A", "Let A be where the sliders and the cursor are now")
        self.take_b = button("take B", "Let B be where the sliders and the cursor are now; or Shift+click in the map")
        self.swap = button("⇄", "Swap A and B")
        self.swap.setAccessibleName("swap A and B")
        self.swap.setMaximumWidth(38)
        self.ways = QComboBox()
        for name, _ in _SHOWN:
            self.ways.addItem(name, name)
        self.ways.setToolTip(_WAYS_TIP)
        self.ways.setAccessibleName("way from A to B")
        self.count = QComboBox()
        for steps in _STEPS:
            self.count.addItem(f"{steps} steps", steps)
        self.count.setCurrentIndex(_STEPS.index(_USUAL_STEPS))
        self.count.setToolTip("Pictures from A to B, both included; more make a smoother film")
        self.count.setAccessibleName("steps of the interpolation")
        self.follow = QCheckBox("move cursor")
        self.follow.setAccessibleName("move the cursor along")
        self.follow.setToolTip("While it is animated, cursor and sliders go along, too (on the great circle, if both)")
        self.take_a.clicked.connect(self._take_a)
        self.take_b.clicked.connect(self._take_b)
        self.swap.clicked.connect(self._swap)
        for box in (self.ways, self.count):
            box.activated.connect(self._changed)
        for widget in (self.take_a, self.take_b, self.swap, self.ways, self.count, self.follow):
            row.addWidget(widget)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the pictures their room."""
        super().resizeEvent(event)
        self._leave_room()

    def _leave_room(self) -> None:
        self.norms.setVisible(self.width() >= _WIDE and bool(self.norms.ways))

    # ---- the two places ----

    def set_model(self, model: OpenedModel | None, names: list[str], hint: str = "") -> None:
        """Begin anew with a model; without one say why."""
        super().set_model(model, names, hint)
        self.a = self.b = None
        self.norms.clear()
        self._leave_room()
        self.rows.clear(hint or _HINT)
        self.swap.setEnabled(False)

    def set_place(self, z: Floats, label: int) -> None:
        """Take where the cursor is; the class is that of all pictures."""
        other = label != self.label
        super().set_place(z, label)
        self._mark()
        if other:
            self.ask_soon()

    def take_second(self, z: Floats | None) -> None:
        """Take the second place of the map as B, the cursor's as A if there is none yet."""
        self._set(self.a if self.a is not None or z is None else self.z, z)

    @Slot()
    def _take_a(self) -> None:
        self._set(self.z, self.b)

    @Slot()
    def _take_b(self) -> None:
        self._set(self.a, self.z)

    @Slot()
    def _swap(self) -> None:
        self._set(self.b, self.a)

    def _set(self, a: Floats | None, b: Floats | None) -> None:
        self.a, self.b = (None if z is None else z.copy() for z in (a, b))
        self.second_moved.emit(self.b)
        self._changed()

    @Slot()
    def _changed(self) -> None:
        self.swap.setEnabled(self.a is not None and self.b is not None)
        if self.a is None or self.b is None:
            self.forget()
            self.norms.clear()
            self._leave_room()
            missing = "Shift+click a point in the map for B, or go there and press take B."
            missing = missing if self.b is None else "B is taken. Go to where A is to be and press take A."
            self.rows.clear(_HINT if self.a is self.b else f"A is taken. {missing}" if self.b is None else missing)
        else:
            self._ask()
        self._show_path()
        self.changed.emit()

    def come_up(self) -> None:
        """Ask for what is missing, draw the way in the map."""
        super().come_up()
        self._show_path()

    def _show_path(self) -> None:
        """Draw the way in the map; of both there and back again."""
        if not self.up:
            return
        if self.a is None or self.b is None:
            self.path.emit(None)
            return
        ways = [_WAYS[name][0](self.a, self.b, _FINE) for name in self._names]
        self.path.emit(ways[0] if len(ways) == 1 else np.concatenate([ways[0], ways[1][::-1]]))

    # ---- pictures ----

    @property
    def _names(self) -> tuple[str, ...]:
        return dict(_SHOWN)[self.ways.currentData()]

    def wanted(self) -> Places | None:
        """Return the places of each way."""
        if self.a is None or self.b is None:
            return None
        about = _Way(self.a, self.b, self._names, int(self.count.currentData()), self.label)
        z = np.concatenate([_WAYS[name][0](about.a, about.b, about.steps) for name in about.names])
        return Places(z, (self.label,), about)

    @property
    def _about(self) -> _Way | None:
        return None if self.shown is None else self.shown.about

    def show_sheet(self, sheet: Sheet, places: Places) -> None:
        """Show the pictures, and how long z is along the ways."""
        about: _Way = places.about
        shares = np.linspace(0, 1, about.steps)[1:-1]
        captions = ["A", *(f"{share:.2f}" for share in shares), "B"]
        self.rows.set_rows(self._pictures(sheet, about), about.names, captions=captions)
        self._mark()
        assert self.model is not None and self.model.latents is not None
        ways = {name: (_WAYS[name][1], _WAYS[name][0](about.a, about.b, _FINE)) for name in about.names}
        self.norms.set_ways(ways, typical_norm(self.model.latents))
        self._leave_room()

    @staticmethod
    def _pictures(sheet: Sheet, about: _Way) -> Pixels:
        return sheet.pixels.reshape(len(about.names), about.steps, *sheet.pixels.shape[1:])

    def _mark(self) -> None:
        """Mark the cell in which the cursor is."""
        if self.shown is None or self._about is None or self.z is None:
            return
        here = (self.shown.z == self.z).all(axis=1).reshape(-1, self._about.steps)
        self.rows.set_marks([int(row.argmax()) if row.any() else -1 for row in here])
        found = np.argwhere(here)
        self.norms.set_at(found[0, 1] / (self._about.steps - 1) if len(found) else -1.0)

    def _z(self, row: int, column: int) -> Floats:
        assert self.shown is not None and self._about is not None
        return self.shown.z[row * self._about.steps + column].copy()

    def _say(self, row: int, column: int) -> str:
        if self._about is None:
            return ""
        share = column / (self._about.steps - 1)
        norm = float(np.linalg.norm(self._z(row, column)))
        return f"{self._about.names[row]}, λ = {share:.2f}, ‖z‖ = {norm:.2f}. Click to go there"

    @Slot(int, int)
    def _go(self, row: int, column: int) -> None:
        self.went.emit(self._z(row, column))
        self.released.emit()

    # ---- swinging ----

    @property
    def steps(self) -> int:
        """Return the pictures of a way."""
        return 0 if self._about is None else self._about.steps

    def show_step(self, step: int) -> None:
        """Show one place of each way; cursor and sliders go there, too, if that is wanted."""
        self.rows.show_step(step)
        if self._about is None:
            return
        self.norms.set_at(step / (self._about.steps - 1) if step >= 0 else -1.0)
        if not self.follow.isChecked():
            return
        if step < 0:
            self.released.emit()
        else:
            self.went.emit(self._z(len(self._about.names) - 1, step))

    # ---- taking home ----

    def _made(self, what: str) -> dict[str, object]:
        assert self._about is not None and self.model is not None
        about = self._about
        told = {"label": about.label} if self.model.classes else {}
        return self.provenance(
            made=what, a=plain(about.a), b=plain(about.b), ways=list(about.names), steps=about.steps, **told
        )

    def _png(self) -> bytes:
        assert self.sheet is not None and self._about is not None
        return images.png_bytes(images.sheet(self.sheet.pixels, self._about.steps), self._made("interpolation"))

    def _csv(self) -> bytes:
        assert self._about is not None
        about = self._about
        ways = [name for name in about.names for _ in range(about.steps)]
        shares = [f"{share:.9g}" for share in np.linspace(0, 1, about.steps)] * len(about.names)
        return self.table(["way", "lambda"], [ways, shares])

    def _reel(self) -> Reel:
        assert self.sheet is not None and self._about is not None
        return swing_reel(self._pictures(self.sheet, self._about), self._made("interpolation film"), wanted=192)

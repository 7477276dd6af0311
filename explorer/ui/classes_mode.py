"""The same z through all classes of a conditional model."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout

from explorer import images
from explorer.animations import Reel
from explorer.latent_messages import Sheet
from explorer.messages import Floats, OpenedModel
from explorer.ui.picture_rows import PictureRows
from explorer.ui.seed_field import SeedField
from explorer.ui.sheet_mode import Places, SheetMode, plain, swing_reel
from explorer.walks import prior

_DRAWS = (0, 1, 2, 3, 5, 8)
_USUAL = 1
_LEARNED = "p(z|c) is learned here: the same z is the same place in units of each class's own prior"
_PLAIN = "p(z) = N(0, I) does not know the class: z is what all classes have in common, such as slant or stroke"


@dataclass(frozen=True)
class _Rows:
    z: Floats
    classes: int
    seed: int


class ClassesMode(SheetMode):
    """A row for the z of the sliders and for draws from the prior, a column for each class the decoder is told."""

    key, title = "classes", "classes"
    tip = "The same z through all classes: what is the class's, what is z's"

    def __init__(self) -> None:
        super().__init__()
        self.rows = PictureRows("the same z through all classes")
        self.rows.clicked.connect(self._go)
        self.rows.tip = self._say
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.rows)
        self.draws = QComboBox()
        for count in _DRAWS:
            text = "this z only" if count == 0 else f"and {count} draw{'s' if count > 1 else ''}"
            self.draws.addItem(text, count)
        self.draws.setCurrentIndex(_DRAWS.index(_USUAL))
        self.draws.setToolTip("Rows below the z of the sliders: z drawn from the prior, each through all classes")
        self.draws.setAccessibleName("number of draws from the prior")
        self.draws.activated.connect(self._changed)
        self.seed = SeedField()
        self.seed.changed.connect(self._changed)
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.draws)
        row.addWidget(self.seed)
        self.exports.add("classes", "The same z through all classes (PNG)", ".png", self._png)
        self.exports.add("classes-z", "z and class of every picture (CSV)", ".csv", self._csv)
        self.films.add("classes", "Film through all classes and back", self._reel)

    # ---- what the page tells it ----

    @classmethod
    def fits(cls, model: OpenedModel) -> bool:
        """Return whether the model is told a class."""
        return model.latents is not None and model.classes > 0

    def set_model(self, model: OpenedModel | None, names: list[str], hint: str = "") -> None:
        """Begin anew with a model; without one say why."""
        super().set_model(model, names, hint)
        self.rows.clear(hint or "Open a conditional VAE to see one z through all its classes.")
        learned = model is not None and _prior_is_learned(model)
        self.rows.setToolTip(_LEARNED if learned else _PLAIN)

    def set_place(self, z: Floats, label: int) -> None:
        """Take where the sliders are, and the class that is told now."""
        moved = self.z is None or not np.array_equal(self.z, z)
        super().set_place(z, label)
        self._mark()
        if moved:
            self.ask_soon()

    @property
    def heading(self) -> str:
        """Return what the strip's title says."""
        count = 0 if self.model is None else self.model.classes
        return f"Classes · one z, p(x|z, c) of each of {count} classes c" if count else self.title

    # ---- pictures ----

    @Slot()
    def _changed(self) -> None:
        self.seed.setEnabled(self.draws.currentData() > 0)
        self._ask()

    def wanted(self) -> Places | None:
        """Return the z of the sliders and the draws, each through all classes."""
        if self.model is None or self.z is None or not self.model.classes:
            return None
        drawn = prior(int(self.draws.currentData()), self.model.latent_size, self.seed.seed)
        z, classes = np.concatenate([self.z[None], drawn]), self.model.classes
        about = _Rows(z, classes, self.seed.seed)
        return Places(z.repeat(classes, axis=0), tuple(range(classes)) * len(z), about)

    def show_sheet(self, sheet: Sheet, places: Places) -> None:
        """Show the pictures, a column for each class."""
        about: _Rows = places.about
        pictures = sheet.pixels.reshape(len(about.z), about.classes, *sheet.pixels.shape[1:])
        draws = [f"draw {row}" for row in range(1, len(about.z))]
        self.rows.set_rows(pictures, ["this z", *draws], captions=[f"c = {c}" for c in range(about.classes)])
        if draws:
            self.seed.remember(about.seed)
        self._mark()

    def _mark(self) -> None:
        """Mark the present class in the row of the present z."""
        if self.shown is None or self.z is None:
            return
        about: _Rows = self.shown.about
        at = [row == 0 or bool(np.array_equal(z, self.z)) for row, z in enumerate(about.z)]
        self.rows.set_marks([self.label if here else -1 for here in at])

    def _say(self, row: int, column: int) -> str:
        go = "Click to tell the decoder this class" if row == 0 else "Click to go to this z and class"
        note = _LEARNED if self.model is not None and _prior_is_learned(self.model) else _PLAIN
        return f"{self.rows.names[row]}, class c = {column}. {go}.\n{note}"

    @Slot(int, int)
    def _go(self, row: int, column: int) -> None:
        if self.shown is None or self.z is None:
            return
        self.classed.emit(column)
        self.went.emit((self.z if row == 0 else self.shown.about.z[row]).copy())
        self.released.emit()

    # ---- swinging ----

    @property
    def steps(self) -> int:
        """Return the number of classes."""
        return 0 if self.shown is None else self.shown.about.classes

    def show_step(self, step: int) -> None:
        """Show one class of each row."""
        self.rows.show_step(step)

    # ---- taking home ----

    @property
    def _made(self) -> dict[str, object]:
        assert self.shown is not None
        about: _Rows = self.shown.about
        seed = {"seed": about.seed} if len(about.z) > 1 else {}
        return self.provenance(made="classes", z=[plain(z) for z in about.z], classes=about.classes, **seed)

    def _png(self) -> bytes:
        assert self.shown is not None and self.sheet is not None
        return images.png_bytes(images.sheet(self.sheet.pixels, self.shown.about.classes), self._made)

    def _csv(self) -> bytes:
        assert self.shown is not None
        about: _Rows = self.shown.about
        rows = [name for name in self.rows.names for _ in range(about.classes)]
        return self.table(["row", "class"], [rows, self.shown.labels])

    def _reel(self) -> Reel:
        return swing_reel(self.rows.pixels, self._made)


def _prior_is_learned(model: OpenedModel) -> bool:
    section = model.card.config.get("model")
    return isinstance(section, dict) and section.get("prior") == "learned"

"""Traversals: each row moves one latent dimension, the others stay where the sliders are."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout

from explorer import images
from explorer.animations import Reel
from explorer.config import ACTIVE_NATS
from explorer.latent_messages import Sheet
from explorer.messages import Floats, OpenedModel, Pixels
from explorer.ui import theme
from explorer.ui.facts import signed
from explorer.ui.labelled_sheet import labelled
from explorer.ui.panel import label
from explorer.ui.picture_rows import PictureRows
from explorer.ui.sheet_mode import Places, SheetMode, plain, swing_order
from explorer.walks import traverse

_EXTENTS = (1, 2, 3, 4, 5, 6)
_STEPS = (5, 7, 9, 11, 13, 15, 17, 21, 25)
_USUAL_EXTENT, _USUAL_STEPS = 3, 11
_CELL = 26  # pixels of the screen; smaller pictures tell nothing
_MOST_ROWS = 64
_FILM = 128  # pixels of a picture in a film
_SETTLE_MS = 150  # of the strip's height, while it is dragged


@dataclass(frozen=True)
class _Rows:
    dimensions: tuple[int, ...]
    extent: int
    steps: int
    z: Floats
    label: int

    @property
    def values(self) -> tuple[float, ...]:
        """Return what the moved dimension is in each column."""
        return tuple(float(value) for value in np.linspace(-self.extent, self.extent, self.steps, dtype=np.float32))


class TraversalMode(SheetMode):
    """The most informative dimensions, as many as there is room for; a click on a cell goes there."""

    key, title = "traversal", "traversal"
    tip = "What each dimension does: a row moves one of them, the others stay as on the sliders"

    def __init__(self) -> None:
        super().__init__()
        self.rows = PictureRows("traversals")
        self.rows.clicked.connect(self._go)
        self.rows.tip = self._say
        self._resized = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._resized.timeout.connect(self._look_for_room)
        self.rows.arranged.connect(self._resized.start)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.rows)
        bar = QHBoxLayout(self.bar)
        bar.setContentsMargins(0, 0, 0, 0)
        bar.setSpacing(6)
        self.extent = QComboBox()
        for extent in _EXTENTS:
            self.extent.addItem(f"±{extent}", extent)
        self.extent.setCurrentIndex(_EXTENTS.index(_USUAL_EXTENT))
        self.extent.setToolTip(
            "How far each dimension is moved, in σ of the prior N(0, I); of the data's codes where there is no prior"
        )
        self.extent.setAccessibleName("range of a traversal")
        self.count = QComboBox()
        for steps in _STEPS:
            self.count.addItem(f"{steps} steps", steps)
        self.count.setCurrentIndex(_STEPS.index(_USUAL_STEPS))
        self.count.setToolTip("Pictures in a row, both ends included")
        self.count.setAccessibleName("steps of a traversal")
        bar.addWidget(label("range", "muted"))
        for box in (self.extent, self.count):
            box.activated.connect(self._asked_anew)
            bar.addWidget(box)
        self.exports.add("traversal", "Traversal grid (PNG)", ".png", self._png)
        self.exports.add("traversal-z", "z of every picture (CSV)", ".csv", self._csv)
        self.films.add("traversal", "Traversal film, forth and back", self._reel)

    # ---- what is asked for ----

    def set_model(self, model: OpenedModel | None, names: list[str], hint: str = "") -> None:
        """Begin anew with a model; without one say why."""
        super().set_model(model, names, hint)
        self.rows.clear(hint or "Waiting for the first pictures …")

    def set_place(self, z: Floats, label: int) -> None:
        """Follow the sliders."""
        super().set_place(z, label)
        self._mark()
        self.ask_soon()

    def _dimensions(self, most: int) -> tuple[int, ...]:
        """Return the ``most`` informative dimensions, by level where there are some, else by KL."""
        assert self.model is not None and self.model.latents is not None
        kl, order = self.model.latents.kl_per_dimension, self.model.latents.order()
        active = [k for k in order if not len(kl) or kl[k] >= ACTIVE_NATS] or list(order[:1])
        return tuple(sorted(active[:most], key=self._level))

    def _level(self, dimension: int) -> int:
        assert self.model is not None
        return -int(np.searchsorted(np.cumsum(self.model.levels), dimension, side="right"))  # the top one first

    def _room(self) -> int:
        assert self.model is not None
        longest = max((self._name(k) for k in self._dimensions(_MOST_ROWS)), key=len)
        most = len(self._dimensions(_MOST_ROWS))
        return self.rows.rows_that_fit(most, int(self.count.currentData()), self.model.image_shape, longest, _CELL)

    def wanted(self) -> Places | None:
        """Return the rows that there is room for."""
        if self.z is None:
            return None
        extent, steps = int(self.extent.currentData()), int(self.count.currentData())
        rows = _Rows(self._dimensions(self._room()), extent, steps, self.z, self.label)
        return Places(traverse(self.z, rows.dimensions, extent, steps), (self.label,), rows)

    @Slot()
    def _asked_anew(self) -> None:
        self.changed.emit()
        self.ask_soon()

    @Slot()
    def _look_for_room(self) -> None:
        """Show more rows where there is room for more, fewer where they became too small."""
        if self.up and self._about is not None and self._room() != len(self._about.dimensions):
            self.ask_soon()

    # ---- what is shown ----

    @property
    def _about(self) -> _Rows | None:
        return None if self.shown is None else self.shown.about

    @property
    def heading(self) -> str:
        """Return what the strip's title says."""
        extent = self.extent.currentData()
        return f"Traversals · each row moves one dimension from −{extent} to {extent}"

    def _note(self, dimension: int) -> str:
        assert self.model is not None and self.model.latents is not None
        kl = self.model.latents.kl_per_dimension
        return f"{kl[dimension]:.{1 if kl[dimension] >= 0.1 else 2}f}" if len(kl) else ""

    def _name(self, dimension: int) -> str:
        return f"{self.names[dimension]} {self._note(dimension)}".strip()

    def show_sheet(self, sheet: Sheet, places: Places) -> None:
        """Show the rows."""
        about: _Rows = places.about
        dimensions = about.dimensions
        self.rows.set_rows(
            self._pictures(sheet, about), [self.names[k] for k in dimensions], [self._note(k) for k in dimensions],
            [_value(value) for value in about.values], [self._level(k) for k in dimensions],
        )  # fmt: skip
        self._mark()

    @staticmethod
    def _pictures(sheet: Sheet, about: _Rows) -> Pixels:
        return sheet.pixels.reshape(len(about.dimensions), about.steps, *sheet.pixels.shape[1:])

    def _mark(self) -> None:
        """Mark in each row the column that is nearest to where the slider is."""
        about = self._about
        if about is not None and self.z is not None:
            values = np.array(about.values)
            self.rows.set_marks([int(np.abs(values - self.z[k]).argmin()) for k in about.dimensions])

    def _say(self, row: int, column: int) -> str:
        about = self._about
        if about is None or self.model is None or self.model.latents is None:
            return ""
        k, kl = about.dimensions[row], self.model.latents.kl_per_dimension
        nats = f"; its KL is {kl[k]:.3f} nats on average" if len(kl) else ""
        return f"{self.names[k]} = {signed(about.values[column])}{nats}. Click to go there"

    @Slot(int, int)
    def _go(self, row: int, column: int) -> None:
        assert self.shown is not None and self._about is not None
        self.went.emit(self.shown.z[row * self._about.steps + column].copy())
        self.released.emit()

    # ---- swinging ----

    @property
    def steps(self) -> int:
        """Return the columns."""
        return 0 if self._about is None else self._about.steps

    def show_step(self, step: int) -> None:
        """Show one column, its pictures larger."""
        self.rows.show_step(step)

    # ---- taking home ----

    def _made(self, what: str) -> dict[str, object]:
        assert self._about is not None and self.model is not None
        about = self._about
        told = {"label": about.label} if self.model.classes else {}
        return self.provenance(
            made=what, z=plain(about.z), dimensions=list(about.dimensions), extent=about.extent, steps=about.steps,
            **told,
        )  # fmt: skip

    def _png(self) -> bytes:
        assert self.sheet is not None and self._about is not None
        about = self._about
        values = [_value(value) for value in about.values]
        captions: list[list[str]] = [[] for _ in about.dimensions[1:]] + [values]  # below the last row
        names = [self._name(k) for k in about.dimensions]
        picture = labelled(self._pictures(self.sheet, about), names, captions, theme.colors())
        return images.png_bytes(picture, self._made("traversal"))

    def _csv(self) -> bytes:
        assert self._about is not None
        about = self._about
        dimensions = [k for k in about.dimensions for _ in about.values]
        return self.table(["dimension", "value"], [dimensions, about.values * len(about.dimensions)])

    def _reel(self) -> Reel:
        assert self.sheet is not None and self._about is not None
        about, made, colors = self._about, self._made("traversal film"), theme.colors()
        pictures, names = self._pictures(self.sheet, about), [self.names[k] for k in about.dimensions]

        def picture(step: int) -> Pixels:
            """Return all rows of one step about square, each with the value of its dimension."""
            columns = images.columns_for(len(names))
            rows = -(-len(names) // columns)
            cells = np.zeros((rows * columns, *pictures.shape[2:]), np.uint8)
            cells[: len(names)] = pictures[:, step]
            texts = [f"{name} = {_value(about.values[step])}" for name in names]
            texts += [""] * (len(cells) - len(names))
            captions = [texts[row * columns : (row + 1) * columns] for row in range(rows)]
            return labelled(cells.reshape(rows, columns, *cells.shape[1:]), (), captions, colors, _FILM)

        order = swing_order(about.steps)
        return Reel(len(order), lambda place: picture(order[place]), lambda _: made)


def _value(value: float) -> str:
    return f"{value:.2g}".replace("-", "−") if value else "0"

"""A hierarchy's levels: what each costs and carries, and a mixer that takes each from somewhere else."""

import itertools
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from explorer import images
from explorer.animations import Reel
from explorer.errors import ExplorerError
from explorer.latent_messages import Encoded, Sheet
from explorer.messages import Floats, LatentMap, OpenedModel
from explorer.ui.level_mixer import LevelMixer, level_name
from explorer.ui.level_pictures import STEPS, WORDS_TIP, LevelPictures, words
from explorer.ui.panel import Segmented, button, label
from explorer.ui.seed_field import LARGEST_SEED
from explorer.ui.sheet_mode import Places, SheetMode, plain, swing_reel
from explorer.walks import lerp, prior

_MIXER = 460, 410  # pixels: its width, and that in a narrow strip
_NARROW, _LINES = 1100, 44
_VIEWS = (
    ("exchange", "exchange", "A, B, A with one level of B at a time, and the mix"),
    ("way", "gradually", "A with one level at a time going over to that of B, on a straight line"),
)
_HINT = "Take a place as A and another as B: what does each level carry?"


@dataclass(frozen=True)
class _Mix:
    a: Floats
    b: Floats
    z: Floats
    gradual: bool


class LevelsMode(SheetMode):
    """KL of each level, and the level mixer: each from A, from B, drawn from the prior, or as on the sliders.

    What the mixer says is always true of the place where the sliders are: a level that is moved there is "here".

    Attributes:
        a, b: the two places (latent,), None while they are not chosen.
        choices: where each level comes from, z¹ first.
    """

    key, title = "levels", "levels"
    tip = "The levels of the hierarchy: KL of each, and a mixer that takes each from A, from B or from the prior"

    def __init__(self) -> None:
        super().__init__()
        self.a: Floats | None = None
        self.b: Floats | None = None
        self.choices: list[str] = []
        self.seeds: list[int] = []
        self._newest: Floats | None = None  # the place, or the image that was encoded after it
        self._random = np.random.default_rng()
        self.mixer = LevelMixer()
        self.pictures = LevelPictures()
        self.words = label("", "muted", tabular=True, tip=WORDS_TIP)
        self.words.setWordWrap(True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._build()
        self._fill_bar()
        self.mixer.chosen.connect(self._chosen)
        self.mixer.resampled.connect(self._resample)
        self.pictures.clicked.connect(self._go)
        self._add_exports()
        self.set_model(None, [])

    def _build(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        left = self._left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.mixer)
        column.addWidget(self.words, 1)
        layout.addWidget(left)
        layout.addWidget(self.pictures, 1)

    def _fill_bar(self) -> None:
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        where = "the image that was chosen last, or where the sliders are if they moved since"
        self.take_a = button("take A", f"Let A be {where}")
        self.take_b = button("take B", f"Let B be {where}; or Shift+click in the map")
        self.swap = button("⇄", "Swap A and B")
        self.swap.setAccessibleName("swap A and B")
        self.swap.setMaximumWidth(38)
        self.view = Segmented(_VIEWS, "what is shown of A and B")
        self.take_a.clicked.connect(self._take_a)
        self.take_b.clicked.connect(self._take_b)
        self.swap.clicked.connect(self._swap)
        self.view.chosen.connect(self._viewed)
        for widget in (self.take_a, self.take_b, self.swap, self.view):
            row.addWidget(widget)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the pictures their room; the words are said where there is room below the levels."""
        super().resizeEvent(event)
        self._left.setFixedWidth(_MIXER[0] if self.width() >= _NARROW else _MIXER[1])
        self._make_room()

    def _make_room(self) -> None:
        self.words.setVisible(self.height() >= self.mixer.sizeHint().height() + _LINES)

    # ---- what the page tells it ----

    @classmethod
    def fits(cls, model: OpenedModel) -> bool:
        """Return whether the model has levels."""
        return len(model.levels) > 1

    def set_model(self, model: OpenedModel | None, names: list[str], hint: str = "") -> None:
        """Begin anew with a model, A and B two items of its map; without one say why."""
        super().set_model(model, names, hint)
        self.a = self.b = self._newest = None
        self.pictures.clear(hint or _HINT)
        self.words.setText("")
        self._left.setVisible(model is not None)
        if model is None or model.latents is None or not self.fits(model):
            return
        self.choices, self.seeds = ["here"] * len(model.levels), [0] * len(model.levels)
        self.mixer.set_levels(model.levels, model.latents.kl_per_dimension)
        self._make_room()
        for before, after in itertools.pairwise([*self.mixer.stops, self.pictures.grid, self.pictures.rows]):
            self.setTabOrder(before, after)
        self.a, self.b = two_items(model.latents)
        self._allow()

    @property
    def heading(self) -> str:
        """Return what the strip's title says."""
        return self.title if self.model is None else "Levels · each from A, from B or from the prior"

    def set_place(self, z: Floats, label: int) -> None:
        """Take where the sliders are; a level that was moved is no longer from elsewhere."""
        if self.z is None or not np.array_equal(self.z, z):
            self._newest = z
        super().set_place(z, label)
        self.choices = [self._still(level, source) for level, source in enumerate(self.choices)]
        self.mixer.choose(self.choices)
        self.ask_soon()

    def take_encoded(self, encoded: Encoded) -> None:
        """Take the image that can become A or B."""
        self._newest = encoded.z

    def take_second(self, z: Floats | None) -> None:
        """Take the second place of the map as B."""
        if z is not None:
            self._set(self.a, z)

    def come_up(self) -> None:
        """Ask for what is missing, and draw the line from A to B in the map."""
        super().come_up()
        self._show_path()

    def _show_path(self) -> None:
        if self.up and self.a is not None and self.b is not None:
            self.path.emit(np.stack([self.a, self.b]))

    # ---- A and B ----

    @Slot()
    def _take_a(self) -> None:
        self._set(self._newest, self.b)

    @Slot()
    def _take_b(self) -> None:
        self._set(self.a, self._newest)

    @Slot()
    def _swap(self) -> None:
        self._set(self.b, self.a)

    def _set(self, a: Floats | None, b: Floats | None) -> None:
        """Take other places; what comes from them in the mix goes along."""
        self.a, self.b = (None if z is None else z.copy() for z in (a, b))
        self._allow()
        if self.up and {"a", "b"} & set(self.choices):
            self._mix()
        self._ask()
        self._show_path()

    def _allow(self) -> None:
        self.mixer.allow("a", allowed=self.a is not None)
        self.mixer.allow("b", allowed=self.b is not None)

    # ---- mixing ----

    def _slice(self, level: int) -> slice:
        assert self.model is not None
        first = sum(self.model.levels[:level])
        return slice(first, first + self.model.levels[level])

    def _source(self, level: int, source: str) -> Floats | None:
        """Return what a level is somewhere, (its dimensions,); None where there is nothing."""
        assert self.model is not None
        drawn = prior(1, self.model.latent_size, self.seeds[level])[0] if source == "prior" else None
        z = {"a": self.a, "b": self.b, "prior": drawn, "here": self.z}[source]
        return None if z is None else z[self._slice(level)]

    def _still(self, level: int, source: str) -> str:
        """Return where a level is from now: where it was from, or from A or B again after an undo, else from here."""
        assert self.z is not None
        for known in (source, "a", "b"):
            part = self._source(level, known)
            if part is not None and np.allclose(part, self.z[self._slice(level)], atol=1e-5):
                return known
        return "here"

    @Slot(int, str)
    def _chosen(self, level: int, source: str) -> None:
        self.choices[level] = source
        if source == "prior":
            self._draw(level)
        self._mix()

    @Slot(int)
    def _resample(self, level: int) -> None:
        self.choices[level] = "prior"
        self._draw(level)
        self._mix()

    def _draw(self, level: int) -> None:
        self.seeds[level] = int(self._random.integers(0, LARGEST_SEED))

    def _mix(self) -> None:
        """Go to where the choices lead."""
        if self.z is None:
            return
        parts = [self._source(level, source) for level, source in enumerate(self.choices)]
        z = np.concatenate([part for part in parts if part is not None])
        self.went.emit(z)  # the page tells where that is: what is locked stays
        self.released.emit()

    # ---- pictures ----

    def wanted(self) -> Places | None:
        """Return A, B, A with each level of B, and the mix; or A's levels on their way to B's."""
        if self.model is None or self.a is None or self.b is None or self.z is None:
            return None
        about = _Mix(self.a, self.b, self.z, self.view.key == "way")
        exchanged = [self._exchanged(level) for level in range(len(self.model.levels))]
        ways = [lerp(self.a, other, STEPS) for other in [*exchanged, self.b]] if about.gradual else []
        return Places(np.concatenate([np.stack([self.a, self.b, *exchanged, self.z]), *ways]), (self.label,), about)

    def _exchanged(self, level: int) -> Floats:
        assert self.a is not None and self.b is not None
        z = self.a.copy()
        z[self._slice(level)] = self.b[self._slice(level)]
        return z

    def show_sheet(self, sheet: Sheet, places: Places) -> None:
        """Show the pictures, and how much each level changes them."""
        mixed = any(source != "here" for source in self.choices)
        at = int((places.z == places.about.z).all(axis=1).argmax())
        found = self.pictures.set_pictures(sheet.pixels, self._level_names, "mix" if mixed else "here", at)
        self.words.setText(words(self._level_names, found))

    @property
    def _level_names(self) -> list[str]:
        assert self.model is not None
        return [level_name(level) for level in range(len(self.model.levels))]

    @Slot(str)
    def _viewed(self, _view: str) -> None:
        self.animate(False)
        self._ask()

    @Slot(int)
    def _go(self, index: int) -> None:
        if self.shown is not None:
            self.went.emit(self.shown.z[index].copy())
            self.released.emit()

    # ---- swinging ----

    @property
    def steps(self) -> int:
        """Return the pictures of a way."""
        return STEPS if self.shown is not None and self.shown.about.gradual else 0

    def show_step(self, step: int) -> None:
        """Show one place of each way."""
        self.pictures.rows.show_step(step)

    # ---- taking home ----

    def _add_exports(self) -> None:
        self.exports.add("levels", "A, B, their exchanges and the mix (PNG)", ".png", self._png)
        self.exports.add("levels-z", "z of every picture (CSV)", ".csv", self._csv)
        self.films.add("levels", "Film of one level at a time, from A to B and back", self._reel)

    @property
    def _made(self) -> dict[str, object]:
        assert self.shown is not None
        about: _Mix = self.shown.about
        return self.provenance(
            made="levels", a=plain(about.a), b=plain(about.b), z=plain(about.z), levels_from=list(self.choices),
            seeds=[seed for seed, source in zip(self.seeds, self.choices, strict=True) if source == "prior"],
        )  # fmt: skip

    def _png(self) -> bytes:
        return images.png_bytes(self.pictures.picture(), self._made)

    def _csv(self) -> bytes:
        assert self.shown is not None
        names = self._level_names
        what = ["A", "B", *(f"A, {name} of B" for name in names), "mix"]
        if self.shown.about.gradual:
            shares = np.linspace(0, 1, STEPS)
            what += [f"{name} to B, {share:.2f}" for name in [*names, "all"] for share in shares]
        return self.table(["picture"], [what])

    def _reel(self) -> Reel:
        if self.shown is None or not self.shown.about.gradual:
            raise ExplorerError("there is no way from A to B to film yet; choose “gradually” first")
        return swing_reel(self.pictures.rows.pixels, self._made)


def two_items(latents: LatentMap) -> tuple[Floats, Floats]:
    """Return where the first item of a map is, and the first of another class; the last where all are of one class.

    Of a map without items both are the prior's mean.
    """
    if not len(latents.means):
        return (np.zeros(latents.means.shape[1], np.float32),) * 2
    others = np.flatnonzero(latents.labels != latents.labels[0])
    return latents.means[0].copy(), latents.means[others[0] if len(others) else -1].copy()

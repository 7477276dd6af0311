"""Forward and back: a real image is noised to several t and denoised with different noise; what survives of it?"""

import math

from PySide6.QtCore import Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QSizePolicy

from explorer import images
from explorer.chain_messages import Returned, ReturnRequest
from explorer.messages import Gallery, OpenedModel, Pixels
from explorer.ui.chain_mode import ChainMode, next_number
from explorer.ui.curve_plot import CurvePlot
from explorer.ui.image_source import OWN
from explorer.ui.panel import Panel, Segmented, label
from explorer.ui.picture_grid import PictureGrid
from explorer.ui.return_rows import ReturnRows
from explorer.ui.sampling_button import SamplingButton
from explorer.ui.seed_field import SeedField
from explorer.workers.session_worker import SessionWorker

_COUNTS = (1, 2, 4, 6, 8)
_SHARES = (0.1, 0.25, 0.4, 0.6, 0.8)  # of T
_MOST_ROWS = 8
_WIDE = 1200  # pixels
_OWN_CLASS = ("its own class", "its own class: that of the image")
_UP = (
    ("noise", "noise", "Noise the image at random: xₜ ~ q(xₜ|x₀), another draw in each column"),
    ("invert", "DDIM inversion", "Run DDIM upwards instead (Song et al. 2021, §4.3): the xₜ that leads to the image"),
)
_MEANING = (
    "Root mean square difference of the samples to x₀ and to each other: per value of [−1, 1], of points the distance. "
    "Where they are as far from x₀ as other items of the data are (dashed), nothing of it has survived"
)


class ForwardBackView(ChainMode):
    """A row for each t, a column for each draw of the noise; rows are computed one after the other."""

    run_text, run_tip = "Go", "Noise the image to each t and denoise it from there (Ctrl+Return)"

    def __init__(self, worker: SessionWorker) -> None:
        super().__init__(worker)
        self.gallery: Gallery | None = None
        self.chosen = 0
        self.starts: tuple[int, ...] = ()
        self._asked: ReturnRequest | None = None
        self.found: dict[int, Returned] = {}
        worker.gallery.connect(self._got_gallery)
        worker.returned.connect(self._got)
        self._build_bar()
        self._build()
        self.exports.add("forward-and-back", "All rows (PNG)", ".png", self._rows_png)

    def _build_bar(self) -> None:
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        self.up = Segmented(_UP, "the way up")
        self.up.chosen.connect(self._up_chosen)
        self.starts_line = QLineEdit()
        self.starts_line.setFixedWidth(190)
        self.starts_line.setToolTip(f"The t that the image is noised to, 1 to T: a row for each, {_MOST_ROWS} at most")
        self.starts_line.setAccessibleName("t of the rows")
        self.starts_line.editingFinished.connect(self._starts_entered)
        self.count = QComboBox()
        for count in _COUNTS:
            self.count.addItem(f"{count} draw{'s' if count > 1 else ''}", count)
        self.count.setCurrentIndex(_COUNTS.index(6))
        self.count.setToolTip("How often each is denoised, with noise of its own")
        self.count.setAccessibleName("number of draws")
        self.count.activated.connect(self._changed)
        self.seed = SeedField()
        self.seed.changed.connect(self._changed)
        self.sampling = SamplingButton(_OWN_CLASS)
        self.sampling.changed.connect(self._changed)
        for widget in (self.up, label("t", "muted"), self.starts_line, self.count, self.seed, self.sampling):
            row.addWidget(widget)

    def _build(self) -> None:
        middle = QHBoxLayout(self)
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(12)
        self.left = Panel()
        self.image = PictureGrid("x₀")
        self.items = PictureGrid("test images", 4, gap=4, selectable=True)
        self.items.clicked.connect(self.choose)
        self.whose = label("", "muted")
        self.left.body.addWidget(self.whose)
        self.left.body.addWidget(self.image, 2)
        self.left.body.addWidget(self.items, 3)
        self.left.setFixedWidth(220)
        panel = Panel("Noised to t, and back", "xₜ beside its t; behind the arrow what the chain makes of it")
        self.rows = ReturnRows()
        panel.body.addWidget(self.rows, 1)
        self.survives = CurvePlot("What survives (RMS)", "t", _MEANING, empty_text="Appears when a row has arrived")
        self.survives.add_curve("distance", "to x₀", "accent")
        self.survives.add_curve("spread", "each other", "second")
        self.words = label("", "muted")
        self.words.setWordWrap(True)
        self.survives.body.addWidget(self.words)
        self.survives.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        middle.addWidget(self.left)
        middle.addWidget(panel, 1)
        middle.addWidget(self.survives)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the rows their room."""
        super().resizeEvent(event)
        self.survives.setFixedWidth(310 if self.width() >= _WIDE else 240)
        self.left.setFixedWidth(220 if self.width() >= _WIDE else 170)

    # ---- opening ----

    @property
    def exportable(self) -> bool:
        """Return whether there is anything to save."""
        return any(not math.isnan(row.distance) for row in self.found.values())

    def set_model(self, model: OpenedModel | None, hint: str = "") -> None:
        """Begin anew with a model; without one say why."""
        super().set_model(model, hint)
        self.gallery, self.chosen, self._asked = None, 0, None
        self.image.clear(hint)
        self.items.clear("")
        self._name_items()
        self._clear(hint)
        if model is None or model.schedule is None:
            return
        total = len(model.schedule.beta) - 1
        self.sampling.set_model(total, model)
        self.starts = tuple(sorted({max(1, round(share * total)) for share in _SHARES}))
        self.starts_line.setText(", ".join(map(str, self.starts)))
        self.count.setVisible(not model.points)
        self.count.setEnabled(True)
        self.items.setVisible(not model.points)
        self._clear(f"Press Go{'' if model.points else ', or choose an image'}.")

    @Slot(object)
    def _got_gallery(self, gallery: Gallery) -> None:
        self.gallery = gallery
        self._name_items()
        self.items.set_pixels(gallery.pixels, 4)
        self._show_chosen()

    def _name_items(self) -> None:
        """Say what x₀ is: of the data set, or of the model where the data are not on this machine."""
        points, own = self.model is not None and self.model.points, self.gallery is not None and self.gallery.own
        self.left.title.setText("x₀ all points" if points else "x₀ the image")
        self.left.title.setToolTip("All are noised at once" if points else "What is noised; choose another below")
        self.whose.setText(OWN if own else "test points" if points else "a test image")
        self.whose.setToolTip("The data are not on this machine" if own else "Of the data set")
        items = OWN if own else "test images"
        self.items.setAccessibleName(items)
        self.items.setToolTip(f"Click another of the {items}")

    def _show_chosen(self) -> None:
        if self.gallery is not None:
            self.image.set_pixels(self.gallery.pixels[self.chosen : self.chosen + 1])
            self.items.select(self.chosen)

    def _clear(self, hint: str) -> None:
        self.found = {}
        self.rows.clear(hint)
        self._draw()

    # ---- asking ----

    @Slot()
    def _starts_entered(self) -> None:
        if self.model is None or self.model.schedule is None:
            return
        total = len(self.model.schedule.beta) - 1
        words = self.starts_line.text().replace(",", " ").replace(";", " ").split()
        wanted = sorted({int(word) for word in words if word.isdecimal() and 1 <= int(word[:9]) <= total})[:_MOST_ROWS]
        before, self.starts = self.starts, tuple(wanted) or self.starts
        self.starts_line.setText(", ".join(map(str, self.starts)))
        if self.starts != before:
            self._changed()

    @Slot()
    def _up_chosen(self) -> None:
        if self.up.key == "invert":  # what it leads to is the image only by the same way down
            ddim = self.sampling.sampling.model_copy(update={"sampler": "ddim", "eta": 0.0})
            self.sampling.set_sampling(ddim)
        self._changed()

    @Slot()
    def _changed(self) -> None:
        if self._asked is not None:  # it has run: one sees what the change does
            self.run()

    @Slot(int)
    def choose(self, image: int) -> None:
        """Take another test image."""
        self.chosen = image
        self._show_chosen()
        self.run()

    def run(self) -> None:
        """Noise the image to each t and denoise it from there."""
        if self.model is None or self.gallery is None:
            return
        seed, how = self.seed.seed, self.sampling.sampling
        self.seed.remember(seed)
        invert = self.up.key == "invert"
        alike = invert and how.sampler == "ddim" and how.eta == 0  # then nothing is drawn at random
        count = 1 if alike or self.model.points else int(self.count.currentData())
        self.count.setEnabled(not alike)
        self._clear("")
        number = next_number()
        self._asked = ReturnRequest(number, self.chosen, self.starts, count, seed, how, invert)
        original = self.gallery.pixels[self.chosen : self.chosen + 1] if alike and not self.model.points else None
        self.rows.begin(self.starts, count, original)
        self.ask(self._asked, number)

    # ---- answers ----

    @Slot(object)
    def _got(self, message: Returned) -> None:
        if self._asked is None or message.request != self._asked.request:
            return
        first = not self.exportable
        self.found[message.row] = message
        self.rows.show_row(message)
        if not math.isnan(message.distance):
            self._draw()
        if message.done == message.total:
            self.arrived()
        elif self.running:
            way = "inverting" if message.rising else "denoising"
            self.tell_job(f"{way} from t = {self._asked.starts[message.row]}", message.done / message.total)
        if first and self.exportable:
            self.changed.emit()

    def _draw(self) -> None:
        rows = [row for _, row in sorted(self.found.items()) if not math.isnan(row.distance)]
        starts = [self._asked.starts[row.row] for row in rows] if self._asked is not None else []
        spread = [(t, row.spread) for t, row in zip(starts, rows, strict=True) if not math.isnan(row.spread)]
        distance = [(t, row.distance) for t, row in zip(starts, rows, strict=True)]
        for key, known in (("distance", distance), ("spread", spread)):
            curve = [(0, 0.0), *known] if known else []  # without noise all of it survives
            self.survives.set_curve(key, [t for t, _ in curve], [value for _, value in curve], "{:.2f}")
        chance = rows[0].chance if rows else math.nan
        if math.isnan(chance):
            self.survives.remove_overlay("chance")
        else:
            self.survives.set_overlay("chance", "other data", "muted", [0, max(self.starts)], [chance, chance])
        self.words.setText(_said(distance, chance))

    # ---- export ----

    def _rows_png(self) -> bytes:
        assert self._asked is not None and self.gallery is not None
        asked, source = self._asked, OWN if self.gallery.own else "data set"
        made = self.provenance(
            made="forward and back", process="forward and back", source=source, image=asked.image,
            starts=list(asked.starts), count=asked.count, seed=asked.seed, invert=asked.invert,
            **asked.sampling.model_dump(),
        )  # fmt: skip
        return images.png_bytes(self.sheet(), made)

    def sheet(self) -> Pixels:
        """Return all rows that have arrived: x_t and behind it the samples."""
        rows = [row for _, row in sorted(self.found.items()) if not math.isnan(row.distance)]
        lines = [
            images.beside([images.sheet(row.noised[:1]), images.sheet(row.shown, len(row.shown))], 16) for row in rows
        ]
        return images.below(lines, 8)


def _said(distance: list[tuple[int, float]], chance: float) -> str:
    """Return in words how much survives; ``distance`` has t and the distance to x₀ there."""
    if not distance or math.isnan(chance):
        return ""
    before, last = (0, 0.0), distance[-1]
    for t, away in distance:
        if away >= chance / 2:
            share = (chance / 2 - before[1]) / max(away - before[1], 1e-9)
            crossing = before[0] + share * (t - before[0])
            return f"From t ≈ {crossing:.0f} on they are half as far from x₀ as other data are, or more."
        before = (t, away)
    return f"Back from t = {last[0]} they are {last[1] / chance:.1%} as far from x₀ as other data."

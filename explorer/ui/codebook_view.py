"""The codebook: its codes as a palette, how often each is used, and what that means in words."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QCheckBox, QComboBox, QSizePolicy, QVBoxLayout, QWidget
from superqt import QElidingLabel

from explorer import images
from explorer.latent_messages import CodebookFound
from explorer.messages import Pixels
from explorer.ui import theme
from explorer.ui.code_colors import Colors, code_colors
from explorer.ui.code_palette import CodePalette
from explorer.ui.code_usage import CodeUsage
from explorer.ui.figure import rows_of

_HIGH, _NARROW = 300, 420  # pixels
_ORDERS = (("by number", "number"), ("by use", "use"), ("by likeness", "likeness"))
_ORDER_TIP = "The order of the codes: their numbers, the most used first, or along the main axis of their vectors"
_PERPLEXITY = "exp(−Σ p ln p) of how often each code is used: as many codes as there are, if all were used alike"
_UNKNOWN = "how often its codes are used is not known: {} is not on this machine. Locate it on the Train page."
_COUNTING = "counting how often each code is used …"


def words(found: CodebookFound, split: str) -> str:
    """Return how well a codebook is used; ``split`` are the images that were counted, test or training."""
    size, dead = len(found.usage), int((found.usage == 0).sum())
    said = f"perplexity {found.perplexity:.1f} of {size} codes"
    if found.done < 1:
        return f"{said} · counting, {100 * found.done:.0f} % of the {split} set"
    if not dead:
        return f"{said} · all are in use"
    which = f"{dead} of {size} codes {'is' if dead == 1 else 'are'} dead: no image of the {split} set uses "
    return f"{said} · {which}{'it' if dead == 1 else 'them'}"


def eliding() -> QElidingLabel:
    """Return a muted label that ends in … where there is no room; its tooltip says it in full."""
    made = QElidingLabel()
    made.setProperty("role", "muted")
    made.setFont(theme.font(tabular=True))
    made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return made


class CodebookView(QWidget):
    """Palette and bars in one order; ``chosen`` carries the code that is the brush, ``hovered`` that looked at.

    ``order_box`` and ``log`` are for whoever has room for them.
    """

    chosen = Signal(int)
    hovered = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.found: CodebookFound | None = None
        self.colors: Colors = np.zeros((0, 3), np.uint8)
        self.palette_ = CodePalette()
        self.usage = CodeUsage()
        self.words = eliding()
        self.order_box = QComboBox()
        for text, key in _ORDERS:
            self.order_box.addItem(text, key)
        self.order_box.setToolTip(_ORDER_TIP)
        self.order_box.setAccessibleName("order of the codes")
        self.order_box.currentIndexChanged.connect(self._sort)
        self.log = QCheckBox("log")
        self.log.setToolTip("Count the uses in powers of ten: rare codes are seen")
        self.log.toggled.connect(self.usage.set_log)
        for part in (self.palette_, self.usage):
            part.chosen.connect(self.chosen)
            part.hovered.connect(self._hovered)
        self._build()

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(4)
        outer.addWidget(self.words)
        self._parts = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._parts.setSpacing(8)
        self._parts.addWidget(self.palette_, 3)
        self._parts.addWidget(self.usage, 2)
        outer.addLayout(self._parts, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the bars beside the palette, or below it where there is height for both."""
        super().resizeEvent(event)
        below = self.height() > _HIGH or (self.width() < _NARROW and self.height() > _HIGH // 2)
        self._parts.setDirection(QBoxLayout.Direction.TopToBottom if below else QBoxLayout.Direction.LeftToRight)

    # ---- what is shown ----

    @property
    def order(self) -> Sequence[int]:
        """Return the codes in the order that is shown."""
        return self.palette_.order

    def clear(self, hint: str) -> None:
        """Show nothing but why."""
        self.found, self.colors = None, np.zeros((0, 3), np.uint8)
        self.palette_.clear(hint)
        self.usage.clear("")
        self.words.setText("")

    def show_codes(self, found: CodebookFound, split: str, dataset: str) -> None:
        """Show a codebook; ``split`` and ``dataset`` say which images were counted."""
        self.found, self.colors = found, code_colors(found.positions)
        complete = found.usage if found.done == 1 else found.usage[:0]  # before, a code may only seem to be dead
        self.palette_.set_codes(found.pictures, self.colors, complete)
        if len(found.usage):
            self.usage.set_usage(found.usage, self.colors)
            self.words.setText(words(found, split))
        else:
            self.usage.clear(_UNKNOWN.format(dataset) if found.done == 1 else _COUNTING)
            self.words.setText(f"{len(found.pictures)} codes")
        self.words.setToolTip(f"{self.words.text()}\n{_PERPLEXITY}")
        self.log.setEnabled(bool(len(found.usage)))
        self._sort()

    @Slot()
    def _sort(self) -> None:
        if self.found is None:
            return
        key, order = self.order_box.currentData(), np.arange(len(self.found.pictures))
        if key == "use" and len(self.found.usage):
            order = np.argsort(-self.found.usage, kind="stable")
        elif key == "likeness":
            order = np.argsort(self.found.positions[:, 0], kind="stable")
        chosen = [int(code) for code in order]
        self.palette_.set_order(chosen)
        self.usage.set_order(chosen if len(self.found.usage) else ())

    def choose(self, code: int) -> None:
        """Mark the brush."""
        self.palette_.choose(code)

    def mark(self, code: int) -> None:
        """Mark a code in palette and bars; −1 none."""
        self.palette_.mark(code)
        self.usage.mark(code)

    @Slot(int)
    def _hovered(self, code: int) -> None:
        self.mark(code)
        self.hovered.emit(code)

    def reading(self, code: int) -> str:
        """Return what is known of a code."""
        return self.palette_.reading(code)

    # ---- taking home ----

    def picture(self) -> Pixels:
        """Return the codes as one picture, in the order that is shown."""
        pictures = np.zeros((0, 1, 1, 1), np.uint8) if self.found is None else self.found.pictures[list(self.order)]
        return images.sheet(pictures)

    def csv(self) -> bytes:
        """Return number, uses, share of all uses and position of each code."""
        if self.found is None:
            return rows_of([["code", "uses", "share", "axis 1", "axis 2"]])
        uses: list[int | str] = self.found.usage.tolist() or [""] * len(self.found.pictures)
        total = max(1, int(self.found.usage.sum()))
        rows = [
            [
                code,
                uses[code],
                "" if uses[code] == "" else int(uses[code]) / total,
                *self.found.positions[code].tolist(),
            ]
            for code in self.order
        ]
        return rows_of([["code", "uses", "share", "axis 1", "axis 2"], *rows])

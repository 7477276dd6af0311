"""The pictures of a chain: three panes at one t, a film strip along t, and all items side by side."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QGridLayout, QStackedWidget, QWidget

from explorer.messages import Pixels
from explorer.ui.panel import Panel, Segmented, label
from explorer.ui.picture_grid import PictureGrid

STRIP = 9  # pictures in the film strip
ROW = 16  # items beside each other
_LOOKS = [
    ("strip", "film strip", "The chosen picture along the chain"),
    ("hierarchy", "as a VAE", "The same pictures as latents of a hierarchical VAE: a fixed encoder, a learned decoder"),
]  # fmt: skip


class ChainView(QWidget):
    """Shows what it is given; ``went_to`` carries a t that was clicked, ``item_chosen`` the number of a picture.

    Args:
        chain: title of the lower panel.
        other_look: another way to show the strip, which can be chosen instead.
    """

    went_to = Signal(int)
    item_chosen = Signal(int)
    look_changed = Signal()

    def __init__(self, chain: tuple[str, str], other_look: QWidget | None = None) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(12)
        self.panes: list[tuple[Panel, PictureGrid]] = []
        for place in range(3):
            panel, picture = Panel(), PictureGrid("")
            panel.body.addWidget(picture, 1)
            grid.addWidget(panel, 0, place)
            grid.setColumnStretch(place, 1)
            self.panes.append((panel, picture))
        lower = self.strip_panel = Panel(*chain)
        self.hint = label("", "muted")
        self.memory = label("", "muted", tabular=True, tip="What the frames take in memory; 256 MB at most")
        lower.head.addWidget(self.hint)
        lower.head.addWidget(self.memory)
        self.look = Segmented(_LOOKS, "how the chain is shown")
        self.look.chosen.connect(self._look_chosen)
        lower.head.addWidget(self.look)
        self.look.setVisible(other_look is not None)  # in its panel by now: without a parent it would be a window
        self.strip = PictureGrid("chain", STRIP, gap=10, selectable=True)
        self.strip.setToolTip("Click a picture to go to its t")
        self.strip.clicked.connect(self._strip_clicked)
        self.items = PictureGrid("all pictures", ROW, gap=6, selectable=True)
        self.items.clicked.connect(self.item_chosen)
        self._looks = QStackedWidget()
        self._looks.addWidget(self.strip)
        if other_look is not None:
            self._looks.addWidget(other_look)
        lower.body.addWidget(self._looks, 3)
        lower.body.addWidget(self.items, 2)
        grid.addWidget(lower, 1, 0, 1, 3)
        grid.setRowStretch(0, 3)
        grid.setRowStretch(1, 2)
        self.marks: list[int] = []
        self._alone = False

    @property
    def picture(self) -> PictureGrid:
        """Return the pane of x_t."""
        return self.panes[0][1]

    def set_words(self, panes: Sequence[tuple[str, str, str]], hint: str) -> None:
        """Name the panes: title, tip and what a screen reader says; ``hint`` says what a click on an item does."""
        for (panel, picture), (title, tip, name) in zip(self.panes, panes, strict=True):
            panel.title.setText(title)
            panel.title.setToolTip(tip)
            picture.setToolTip(tip)
            picture.setAccessibleName(name)
        self.hint.setText(hint)
        self.items.setToolTip(hint)

    def clear(self, hint: str) -> None:
        """Show nothing but a hint of what to do next."""
        self.picture.clear(hint)
        for picture in (self.panes[1][1], self.panes[2][1], self.strip, self.items):
            picture.clear("")
        self.memory.setText("")

    def show_panes(self, pictures: Sequence[Pixels]) -> None:
        """Show what belongs into the three panes, (items, height, width, channels) each."""
        for (_, picture), pixels in zip(self.panes, pictures, strict=True):
            picture.set_pixels(pixels)

    def show_items(self, pictures: Pixels, chosen: int) -> None:
        """Show all there are to choose from, and mark the chosen one."""
        self.items.set_pixels(pictures, ROW if len(pictures) <= ROW else 2 * ROW)
        self.items.select(chosen)

    def set_strip(self, marks: Sequence[int], pictures: Pixels) -> None:
        """Show the film strip: a picture for each of the marks, which are t's."""
        self.marks = list(marks)
        self.strip.set_pixels(pictures, STRIP, [f"t = {mark}" for mark in self.marks])

    def mark(self, t: int) -> None:
        """Mark the picture of the strip that is nearest to t."""
        if self.marks:
            self.strip.select(int(np.argmin([abs(mark - t) for mark in self.marks])))

    @property
    def shows_strip(self) -> bool:
        """Return whether the film strip is the look that is chosen."""
        return self._looks.currentIndex() == 0

    def set_alone(self, alone: bool) -> None:
        """Say that there is but one item, so that there is nothing to choose from."""
        self._alone = alone
        for widget in (self.items, self.hint):
            widget.setVisible(not alone and self.shows_strip)

    @Slot(str)
    def _look_chosen(self, key: str) -> None:
        self._looks.setCurrentIndex(0 if key == "strip" else 1)
        self.set_alone(self._alone)
        self.look_changed.emit()

    @Slot(int)
    def _strip_clicked(self, index: int) -> None:
        self.went_to.emit(self.marks[index])


def spread_marks(steps: Sequence[int], *, dense_at_zero: bool = True) -> list[int]:
    """Return some of the t's, rising, for a film strip; q(x_t|x_0) changes fast near 0, so they are denser there."""
    rising = sorted(steps)
    last = len(rising) - 1
    places = np.unique(np.round(np.linspace(0, 1, STRIP) ** (1.4 if dense_at_zero else 1.0) * last).astype(int))
    return [rising[place] for place in places]

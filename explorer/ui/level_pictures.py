"""What the levels of a hierarchy carry: A with one level of B at a time, at once or gradually."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from explorer import images
from explorer.messages import Pixels
from explorer.ui import theme
from explorer.ui.picture_grid import PictureGrid
from explorer.ui.picture_rows import PictureRows

STEPS = 7  # pictures from a level of A to that of B
WORDS_TIP = (
    "How much A changes when one level is exchanged for that of B: the root mean square difference of the pictures, in "
    "percent of that between A and B. Each level is in units of its prior given the level above, so what lies below "
    "follows it"
)


def shares(still: Pixels) -> list[float]:
    """Return how much A changes with each exchange, in percent of its root mean square difference from B.

    Args:
        still: A, B, A with one level of B for each level, and one more; (3 + levels, height, width, channels).
    """
    away = still.astype(np.float64) - still[0]
    rms = np.sqrt(np.square(away).reshape(len(still), -1).mean(axis=1))
    return [100.0 * float(one / rms[1]) if rms[1] > 0 else 0.0 for one in rms[2:-1]]


def words(names: Sequence[str], changes: Sequence[float]) -> str:
    """Return which level carries most of what tells A from B.

    Args:
        names: of the levels, z¹ first.
        changes: how much exchanging each changes A, as of ``shares``.
    """
    order = sorted(range(len(names)), key=lambda level: -changes[level])
    if changes[order[0]] < 1:
        return "A and B decode to about the same picture: no level tells them apart"
    rest = ", ".join(f"{names[level]} by {changes[level]:.0f}\u00a0%" for level in order[1:])
    first = f"{names[order[0]]} carries most of what tells A from B"
    return f"{first}: exchanged alone it changes A by {changes[order[0]]:.0f}\u00a0%, {rest}"


class LevelPictures(QWidget):
    """A, B, the exchanges and the mix in a row; or a row for each level on its way from A to B, and one for all.

    ``clicked`` carries the number of a picture among all that were shown.
    """

    clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.grid = PictureGrid("A, B, their exchanges and the mix", gap=8, selectable=True)
        self.rows = PictureRows("one level at a time, from A to B")
        self.gradual = False
        self._told: list[tuple[str, str]] = []  # of each level its name and how much it changes A
        self._last = ""
        self.grid.clicked.connect(self.clicked)
        self.rows.clicked.connect(self._clicked_row)
        self.rows.tip = self._say
        self.grid.align = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.addWidget(self.grid)
        self._stack.addWidget(self.rows)

    def clear(self, hint: str) -> None:
        """Show nothing but what to do."""
        self.grid.clear(hint)
        self.rows.clear(hint)
        self._stack.setCurrentWidget(self.grid)

    def set_pictures(self, pixels: Pixels, names: Sequence[str], last: str, at: int) -> list[float]:
        """Show pictures and return how much each level changes A.

        Args:
            pixels: A, B, A with each level of B, the mix; then, if wanted, ``STEPS`` of each level's way and of all's.
            names: of the levels, z¹ first.
            last: what the mix is called.
            at: which of them is where one is.
        """
        still = pixels[: 3 + len(names)]
        found = shares(still)
        self._told = [(name, f"{change:.0f}\u00a0%") for name, change in zip(names, found, strict=True)]
        self._last = last
        self.grid.set_pixels(still, len(still), self._captions(len(still)))
        self.grid.select(at)
        self.grid.setToolTip(f"{words(names, found)}.\n{WORDS_TIP}")
        self.gradual = len(pixels) > len(still)
        if self.gradual:
            notes = [f"{change:.0f}\u00a0%" for change in found]
            captions = ["A", *(f"{share:.2f}" for share in np.linspace(0, 1, STEPS)[1:-1]), "of B"]
            rows = pixels[len(still) :].reshape(-1, STEPS, *pixels.shape[1:])
            self.rows.set_rows(rows, [*names, "all"], [*notes, ""], captions)
        self._stack.setCurrentWidget(self.rows if self.gradual else self.grid)
        return found

    def _captions(self, count: int) -> list[str]:
        """Return what is written below the pictures, as much as there is room for."""
        metrics, room = QFontMetrics(theme.font(11, tabular=True)), self.width() / count
        for form in ("A, {} of B · {}", "{} of B · {}", "{} · {}", "{}"):
            told = [form.format(*known) for known in self._told]
            if all(metrics.horizontalAdvance(text) + 8 <= room for text in told):
                break
        return ["A", "B", *told, self._last]

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Write below the pictures as much as there is room for."""
        super().resizeEvent(event)
        still = self.grid.pixels
        if len(still):
            self.grid.set_pixels(still, len(still), self._captions(len(still)))

    def picture(self) -> Pixels:
        """Return what is shown as one picture."""
        if self.gradual:
            return images.sheet(self.rows.pixels.reshape(-1, *self.rows.pixels.shape[2:]), STEPS)
        return images.sheet(self.grid.pixels, len(self.grid.pixels), wanted=128)

    @Slot(int, int)
    def _clicked_row(self, row: int, column: int) -> None:
        self.clicked.emit(len(self.grid.pixels) + row * STEPS + column)

    def _say(self, row: int, column: int) -> str:
        name, share = self.rows.names[row], column / (STEPS - 1)
        others = "" if row == len(self.rows.names) - 1 else ", the other levels of A"
        return f"{name}: (1 − λ) A + λ B with λ = {share:.2f}{others}. Click to go there"

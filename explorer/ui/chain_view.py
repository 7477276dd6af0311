"""The pictures of a chain: three panes at one t, a film strip along t, and all items side by side."""

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QGridLayout, QWidget

from explorer.messages import Frame, Gallery, Noised
from explorer.ui.panel import EPS_HAT, Panel, label
from explorer.ui.picture_grid import PictureGrid

_STRIP = 9
_ROW = 16
_REVERSE = (
    ("x<sub>t</sub> what the chain holds", "The picture at step t: signal and noise"),
    (
        "x̂₀(x<sub>t</sub>, t) guessed image",
        "The clean image that the network's answer means; kept in [−1, 1] where it is clipped",
    ),
    (
        f"{EPS_HAT}(x<sub>t</sub>, t) guessed noise",
        "The noise that x_t and x̂₀ leave over: (x_t − √ᾱ_t·x̂₀)/√(1−ᾱ_t), from −3 (black) to 3 (white)",
    ),
)
_FORWARD = (
    ("x<sub>t</sub> image and noise", "x_t = √ᾱ_t·x₀ + √(1−ᾱ_t)·ε, drawn at once from q(x_t|x₀)"),
    ("x₀ the clean image", "A test image; choose another below"),
    ("ε the noise mixed in", "ε ~ N(0, I), the same at every t, shown from −3 (black) to 3 (white)"),
)


class ChainView(QWidget):
    """Shows what it is given; ``went_to`` carries a t that was clicked, ``item_chosen`` the number of a picture."""

    went_to = Signal(int)
    item_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.steps: tuple[int, ...] = ()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(12)
        self.panes: list[tuple[Panel, PictureGrid]] = []
        for place in range(3):
            panel, picture = Panel(), PictureGrid(("x_t", "x̂₀ or x₀", "ε̂ or ε")[place])
            panel.body.addWidget(picture, 1)
            grid.addWidget(panel, 0, place)
            grid.setColumnStretch(place, 1)
            self.panes.append((panel, picture))
        chain = Panel("Whole chain", "The chosen picture along the chain, and all pictures to choose from")
        self._hint = label("", "strong")
        chain.head.addWidget(self._hint)
        self.strip = PictureGrid("chain", _STRIP, gap=10, selectable=True)
        self.strip.setToolTip("Click a picture to go to its t")
        self.strip.clicked.connect(self._strip_clicked)
        self.items = PictureGrid("all pictures", _ROW, gap=6, selectable=True)
        self.items.clicked.connect(self.item_chosen)
        chain.body.addWidget(self.strip, 3)
        chain.body.addWidget(self.items, 2)
        grid.addWidget(chain, 1, 0, 1, 3)
        grid.setRowStretch(0, 3)
        grid.setRowStretch(1, 2)
        self._marks: list[int] = []
        self.set_direction(forward=False)

    @property
    def picture(self) -> PictureGrid:
        """Return the pane of x_t."""
        return self.panes[0][1]

    def set_direction(self, *, forward: bool) -> None:
        """Name the panes after q or p."""
        self._forward = forward
        for (panel, picture), (title, tip) in zip(self.panes, _FORWARD if forward else _REVERSE, strict=True):
            panel.title.setText(title)
            panel.title.setToolTip(tip)
            picture.setToolTip(tip)
        self._hint.setText("test images · click one to noise it" if forward else "samples · click one to follow it")
        self.items.setToolTip(self._hint.text())

    def clear(self, hint: str) -> None:
        """Show nothing but a hint of what to do next."""
        self.picture.clear(hint)
        for picture in (self.panes[1][1], self.panes[2][1], self.strip, self.items):
            picture.clear("")

    def _all_marks(self) -> list[int]:
        """Return the t's of the film strip; q(x_t|x_0) changes fast near 0, so they are denser there.

        ``steps`` are the t's there are: rising from 0 to T for the forward process, falling for the chain.
        """
        last = len(self.steps) - 1
        places = np.unique(np.round(np.linspace(0, 1, _STRIP) ** 1.4 * last).astype(int))
        return (
            [self.steps[place] for place in places] if self._forward else [self.steps[last - p] for p in places[::-1]]
        )

    def show_noised(self, noised: Noised, gallery: Gallery, t: int) -> None:
        """Show the forward process of an image at t."""
        clean = gallery.pixels[noised.index : noised.index + 1]
        for (_, picture), pixels in zip(self.panes, (noised.x_t[t : t + 1], clean, noised.eps[None]), strict=True):
            picture.set_pixels(pixels)
        self._marks = self._all_marks()
        self._show_strip(noised.x_t[self._marks], t)
        self.items.set_pixels(gallery.pixels[:_ROW], _ROW)
        self.items.select(noised.index)

    def show_frame(self, frames: list[Frame], position: int, followed: int) -> None:
        """Show the reverse chain at one of the frames computed so far."""
        frame, one = frames[position], slice(followed, followed + 1)
        for (_, picture), pixels in zip(self.panes, (frame.x_t, frame.x0_hat, frame.eps_hat), strict=True):
            picture.set_pixels(pixels[one])
        self._marks = [t for t in self._all_marks() if t >= frames[-1].t]
        at = {shown.t: shown for shown in frames}
        self._show_strip(np.stack([at[t].x_t[followed] for t in self._marks]), frame.t)
        self.items.set_pixels(frame.x_t, _ROW if len(frame.x_t) <= _ROW else 2 * _ROW)
        self.items.select(followed)

    def _show_strip(self, pictures: np.ndarray, t: int) -> None:
        self.strip.set_pixels(pictures, _STRIP, [f"t = {mark}" for mark in self._marks])
        self.strip.select(int(np.argmin([abs(mark - t) for mark in self._marks])))

    @Slot(int)
    def _strip_clicked(self, index: int) -> None:
        self.went_to.emit(self._marks[index])

"""The pictures of the forward process: x_t by two ways, the clean item, another schedule, and all along t."""

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from explorer import images
from explorer.messages import Floats, Pixels
from explorer.ui.panel import Panel, Segmented, label
from explorer.ui.path_strip import PathStrip
from explorer.ui.picture_grid import PictureGrid

_NARROW = 215  # pixels of a pane
ROW = 16  # items to choose from beside each other
JUMP, MIDDLE, CHAIN, OTHER = range(4)
_DIFFERENCE = {  # by whether it is of points
    False: "Where the chain's x_t is brighter (orange) or darker (blue) than the jump's",
    True: "Where the jump has put the points; the brighter, the farther away the chain has put them",
}
_MIDDLE = [
    ("clean", "x₀", "The clean item"),
    ("noise", "ε", "The noise of the jump: the same at every t and for every schedule"),
    ("difference", "Δ", _DIFFERENCE[False]),
]
_PATHS = (
    "The jump takes one ε, the chain fresh noise in every step. At each t both are draws from the same q(x_t|x₀), with "
    "the same mean √ᾱ_t·x₀ and variance 1−ᾱ_t; only the way there differs"
)
_TITLES = {"clean": "x₀ clean", "noise": "ε of the jump", "difference": "difference"}


def shown(values: Floats, *, points: bool, limit: float = 1.0) -> Pixels:
    """Return values of [−limit, limit], or points (points, 2), as a picture (1, height, width, channels)."""
    return (images.of_points(values) if points else images.from_signed(values, limit))[None]


def words(*, points: bool) -> list[tuple[str, str, str]]:
    """Return title, tip and what a screen reader says of each pane."""
    item = "points" if points else "image"
    noise = "" if points else ", shown from −3 (black) to 3 (white)"
    return [
        (
            "x<sub>t</sub> jump",
            "x_t = √ᾱ_t·x₀ + √(1−ᾱ_t)·ε, drawn at once from q(x_t|x₀)",
            "x_t by the jump",
        ),
        (
            "x₀ clean",
            f"The clean {item}, the noise ε ~ N(0, I) of the jump{noise}, or how the two ways differ at this t",
            "x₀, ε or the difference",
        ),
        (
            "x<sub>t</sub> step by step",
            "x_t = √α_t·x_{t−1} + √β_t·ε_t with fresh noise in every step: the same distribution as the jump's, by "
            "another path",
            "x_t step by step",
        ),
        (
            "x<sub>t</sub> other schedule",
            "The jump under another schedule, with the same t and the same ε. The model stays as it was trained",
            "x_t under another schedule",
        ),
    ]


def _row() -> tuple[QWidget, QHBoxLayout]:
    """Return a row that takes its share of the height, whatever is in it, and its layout."""
    made = QWidget()
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
    made.setMinimumHeight(110)
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(12)
    return made, row


class ForwardPanes(QWidget):
    """Shows what it is given; ``went_to`` carries a t that was clicked, ``item_chosen`` the number of a picture.

    ``middle_changed`` says that something else is wanted in the middle: ``middle`` is "clean", "noise" or "difference".
    """

    went_to = Signal(int)
    item_chosen = Signal(int)
    middle_changed = Signal()

    def __init__(self, beside: QWidget, tools: QWidget) -> None:
        """Make it with a panel beside the strip, and what chooses another item in the strip's head."""
        super().__init__()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(12)
        above, upper = _row()
        self.panes: list[tuple[Panel, PictureGrid]] = []
        self.shares = []
        for _ in range(4):
            panel, picture = Panel(), PictureGrid("")
            panel.body.addWidget(picture, 1)
            share = label("", "muted", tabular=True, tip="How much of the signal is left: x₀ is multiplied by √ᾱ_t")
            panel.head.addWidget(share)
            upper.addWidget(panel, 1)
            self.panes.append((panel, picture))
            self.shares.append(share)
        self._choice = Segmented(_MIDDLE, "what is shown in the middle")
        self._choice.chosen.connect(self._middle_chosen)
        self.panes[MIDDLE][0].head.addWidget(self._choice)
        for panel, _ in self.panes:
            panel.title.setMinimumHeight(self._choice.sizeHint().height())  # so that all pictures are in line
        outer.addWidget(above, 1)
        beneath, lower = _row()
        below = Panel("Two paths, one q(x<sub>t</sub>|x₀)", _PATHS)
        self.memory = label("", "muted", tabular=True, tip="What the chain's steps take in memory; 64 MB at most")
        below.head.addWidget(self.memory)
        below.head.addWidget(tools)
        self.strip = PathStrip()
        self.strip.went_to.connect(self.went_to)
        self.items = PictureGrid("", ROW, gap=6, selectable=True)
        self.name_items("test images")
        self.items.clicked.connect(self.item_chosen)
        below.body.addWidget(self.strip, 3)
        below.body.addWidget(self.items, 1)
        lower.addWidget(below, 1)
        lower.addWidget(beside)
        outer.addWidget(beneath, 1)
        beside.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.set_other("")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out the title of the middle pane where what is beside it says the same."""
        super().resizeEvent(event)
        self._name_middle()

    def _name_middle(self) -> None:
        shown = sum(not panel.isHidden() for panel, _ in self.panes)
        self.panes[MIDDLE][0].title.setHidden(self.width() / shown < _NARROW)

    @property
    def picture(self) -> PictureGrid:
        """Return the pane of the jump's x_t."""
        return self.panes[JUMP][1]

    @property
    def middle(self) -> str:
        """Return what is wanted in the middle."""
        return self._choice.key

    @Slot(str)
    def _middle_chosen(self, key: str) -> None:
        self.panes[MIDDLE][0].title.setText(_TITLES[key])
        self.middle_changed.emit()

    def set_kind(self, *, points: bool) -> None:
        """Name the panes for images or for points, of which there is nothing to choose."""
        for (panel, picture), (title, tip, name) in zip(self.panes, words(points=points), strict=True):
            panel.title.setText(title)
            panel.title.setToolTip(tip)
            picture.setToolTip(tip)
            picture.setAccessibleName(name)
        self.panes[MIDDLE][0].title.setText(_TITLES[self.middle])
        self._choice.buttons["difference"].setToolTip(_DIFFERENCE[points])
        self.items.setHidden(points)

    def name_items(self, items: str) -> None:
        """Say what there is to choose from."""
        self.items.setAccessibleName(items)
        self.items.setToolTip(f"Click one of the {items} to noise it")

    def name_chain(self, t: int, *, kept: bool) -> None:
        """Say of which t the chain's pane is: the one that is looked at, or else the last before it that is kept."""
        title, text = self.panes[CHAIN][0].title, f"x<sub>{'t' if kept else t}</sub> step by step"
        if title.text() != text:
            title.setText(text)

    def set_other(self, name: str) -> None:
        """Show the pane of another schedule by its name; "" for none."""
        panel, _ = self.panes[OTHER]
        panel.title.setText(f"x<sub>t</sub> {name}")
        panel.setHidden(not name)
        self._name_middle()

    def clear(self, hint: str) -> None:
        """Show nothing but a hint of what to do next."""
        self.picture.clear(hint)
        for _, picture in self.panes[1:]:
            picture.clear("")
        self.items.clear("")
        self.strip.clear()
        self.memory.setText("")
        for share in self.shares:
            share.setText("")

    def show_panes(self, pictures: Sequence[Pixels | None], shares: Sequence[str]) -> None:
        """Show what belongs into the panes, (items, height, width, channels) each; None for what is not computed."""
        for (_, picture), share, pixels, text in zip(self.panes, self.shares, pictures, shares, strict=True):
            if pixels is None:
                picture.clear("computing …")
            else:
                picture.set_pixels(pixels)
            if share.text() != text:
                share.setText(text)

    def show_items(self, pictures: Pixels, chosen: int) -> None:
        """Show the items to choose from, and mark the chosen one; −1 for none of them."""
        self.items.set_pixels(pictures, ROW)
        self.items.select(chosen)

    def whole(self) -> Pixels:
        """Return all panes beside each other, each about 256 pixels wide."""
        shown = [picture.pixels for panel, picture in self.panes if not panel.isHidden() and len(picture.pixels)]
        return images.beside([images.sheet(pixels, wanted=256) for pixels in shown], 8)

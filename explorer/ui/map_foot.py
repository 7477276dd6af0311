"""The line below the map: what one can do there, and what is selected."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from explorer.ui.map_hand import BOX, LASSO, WALK
from explorer.ui.map_reactions import FARTHEST
from explorer.ui.panel import empty, label

_KEY = "key:"
_CTRL, _SHIFT, _ESC = _KEY + "Ctrl", _KEY + "Shift", _KEY + "Esc"
# Of each tool, from the most to the least that is said; {item} is an image or a point.
_HINTS = {
    WALK: (
        (
            "click to decode · drag to walk ·", _CTRL, "click takes the {item} ·", _SHIFT,
            "click a second point to interpolate · lasso to select · wheel to zoom",
        ),
        (
            "click to decode · drag to walk ·", _CTRL, "click takes the {item} ·", _SHIFT,
            "click a second point to interpolate",
        ),
        ("click to decode ·", _CTRL, "click takes the {item} ·", _SHIFT, "click: second point"),
        ("click decodes ·", _CTRL, "the {item} ·", _SHIFT, "second point"),
        (_CTRL, "takes the {item}"),
    ),
    BOX: (("drag a box around points ·", _SHIFT, "adds to the selection ·", _ESC, "ends"), (_ESC, "ends")),
    LASSO: (("draw a line around points ·", _SHIFT, "adds to the selection ·", _ESC, "ends"), (_ESC, "ends")),
}  # fmt: skip
_TIP = (
    "Ctrl click or Enter: go to the {item} of that point; Ctrl Shift click: it becomes the second point. Other "
    f"dimensions stay where they are in a click. One can walk {FARTHEST:g} σ from 0, and where there are items. "
    "Arrows: walk 0.1 σ, with Shift 0.5. + and − zoom; Ctrl with arrows, Space with the mouse, or the right button "
    "pan; F fits, E makes units equal. W, B, L: walk, box, lasso; by keys, Enter sets their corners at the cursor"
)
_ESCAPES = "Esc clears the selection"
_SPACING, _APART = 5, 12  # pixels


class MapFoot(QWidget):
    """Hints of the tool that is in hand, as many as there is room for, and at the right what is selected."""

    def __init__(self) -> None:
        super().__init__()
        self._tool, self._item = WALK, "image"
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._hints = QHBoxLayout()
        self._hints.setSpacing(_SPACING)
        row.addLayout(self._hints)
        row.addStretch(1)
        self.counted = label("", "strong", tabular=True, tip=_ESCAPES)
        row.addWidget(self.counted)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._said: tuple[str, ...] | None = None
        self._needed = 0
        self.begin()

    def sizeHint(self) -> QSize:
        """Return the room of one line."""
        return QSize(100, 22)

    def begin(self, item: str = "image") -> None:
        """Begin anew: nothing is selected, and points stand for an "image" or "point" each."""
        self._item = item
        self.setToolTip(_TIP.format(item=item))
        self.count("")

    def show_tool(self, tool: str) -> None:
        """Say what the tool in hand does."""
        self._tool = tool
        self._fit()

    def count(self, text: str, tip: str = "") -> None:
        """Say what is selected, "" where nothing is, and in the tooltip what more there is to it."""
        self.counted.setText(text)
        self.counted.setToolTip(f"{tip}. {_ESCAPES}" if tip else _ESCAPES)
        self._fit()

    @property
    def hints(self) -> str:
        """Return what is said of the tool."""
        return " ".join(text.removeprefix(_KEY) for text in self._said or ())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say as much as there is room for."""
        self._fit()

    def _fit(self) -> None:
        counted = self.counted.sizeHint().width() + _APART if self.counted.text() else 0
        for texts in (*_HINTS[self._tool], ()):
            said = tuple(text.format(item=self._item) for text in texts)
            if self._write(said) <= self.width() - counted:
                return

    def _write(self, said: tuple[str, ...]) -> int:
        """Write hints, and return how wide they are in pixels."""
        if said != self._said:
            empty(self._hints)
            self._said, self._needed = said, -_SPACING
            for text in said:
                key = text.startswith(_KEY)
                made = label(text.removeprefix(_KEY), "key" if key else "muted")
                self._hints.addWidget(made)
                made.ensurePolished()
                self._needed += made.sizeHint().width() + _SPACING  # a layout counts them when they are shown, later
        return self._needed

"""What can be done with a map of codes, and what the prior says of it."""

from collections.abc import Sequence

from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from explorer.latent_messages import CodeMap
from explorer.ui.code_history import CodeHistory
from explorer.ui.codebook_view import eliding
from explorer.ui.facts import signed
from explorer.ui.panel import Segmented, button, label

_WIDTH, _GAP = 290, 4  # pixels
_TOOLS = (
    ("paint", "paint", "Click or drag in the map: its places get the code of the brush (keys: arrows, then Space)"),
    ("places", "swap places", "Click two places: they exchange their codes"),
    ("codes", "swap codes", "Click two places: their codes are exchanged wherever they are"),
)
_SHADES = (
    ("codes", "codes", "Colour the places after their codes: near vectors look alike"),
    ("nats", "nats", "Colour the places after −ln p(k_i|k_1…k_{i−1}) under the prior, in nats: light is a surprise"),
)
_NATS = "−ln p(k) of the whole map under the model's own prior over codes, in nats: large for a map it finds unlikely"
_WHY = "“Decoded” at the right: what z can reach"
_WHY_TIP = (
    "z are the main axes of the data's maps of codes, a few of many: at the right the codes nearest to z are decoded, "
    "here the codes of the map itself. So the two pictures are alike, but not the same"
)
_GO = (
    "Put cursor and sliders at the coordinates of this map of codes. Sliders move along the main axes of the data's "
    "maps only, so the picture there is near this one, not the same"
)


class CodeTools(QWidget):
    """A column of what can be done; what is least needed is hidden where it is low.

    Args:
        looks: further widgets that say how the codes are shown.
    """

    def __init__(self, looks: Sequence[QWidget]) -> None:
        super().__init__()
        self.tool = Segmented(_TOOLS, "what a click does")
        self.undo = button("Undo", "Take the last stroke back (Ctrl+Z in the map)")
        self.redo = button("Redo", "Paint again what was taken back (Ctrl+Shift+Z in the map)")
        self.reset = button("Reset", "Show the codes as they were before anything was painted")
        self.go = button("Go to z", _GO)
        self.shade = Segmented(_SHADES, "what the colours mean")
        self.nats = label("", tabular=True, tip=_NATS)
        self.brush, self.why = eliding(), eliding()
        self.why.setText(_WHY)
        self.why.setToolTip(_WHY_TIP)
        buttons, below = QHBoxLayout(), QHBoxLayout()
        buttons.setSpacing(4)
        for made in (self.undo, self.redo, self.reset, self.go):
            buttons.addWidget(made)
        buttons.addStretch(1)
        below.setSpacing(8)
        for widget in (self.shade, *looks):
            below.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(_GAP)
        layout.addWidget(self.tool)
        layout.addLayout(buttons)
        layout.addWidget(self.nats)
        layout.addWidget(self.why)
        layout.addWidget(self.brush)
        layout.addLayout(below)
        self._layout = layout
        layout.addStretch(1)
        self.setFixedWidth(_WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Ignored)

    def set_low(self, low: bool) -> None:
        """Show all, or only what can be pressed: the words are in the title then."""
        for widget in (self.nats, self.why, self.brush):
            widget.setVisible(not low)
        self._layout.setSpacing(2 if low else _GAP)

    def set_brush(self, words: str) -> None:
        """Say what the brush is."""
        self.brush.setText(f"brush: {words}")
        self.brush.setToolTip(self.brush.text())

    def tell(self, history: CodeHistory, found: CodeMap | None) -> None:
        """Say what can be undone, and what the prior says of the map that was found."""
        now = history.now
        self.undo.setEnabled(history.can_undo)
        self.redo.setEnabled(history.can_redo)
        self.reset.setEnabled(now is not None and not now.untouched)
        self.go.setEnabled(found is not None)
        if found is None or now is None:
            self.nats.setText("")
            return
        said = f"−ln p(k) = {found.nats:.1f} nats"
        painted = int((found.codes != now.base.codes).sum())
        if painted:
            change = found.nats - now.base.nats
            said += f" · {'+' if change >= 0 else ''}{signed(change)} by {painted} place{'s' if painted > 1 else ''}"
        self.nats.setText(said)

"""The legend in the head of a plot: curves with their latest value, and earlier runs where there is room."""

from html import escape
from itertools import accumulate

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout, QLabel, QWidget

from explorer.ui import theme
from explorer.ui.figure import plain
from explorer.ui.panel import label
from explorer.ui.plot_style import color_of

_SPACING = theme.GRID + 4
_WIDEST_NAME = 140


class Legend(QWidget):
    """Entries "● train −118.90" for curves, and "– name" for what lies behind them; "+2 more" where room ends."""

    def __init__(self) -> None:
        super().__init__()
        self._layout = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(_SPACING)
        self.labels: dict[str, QLabel] = {}
        self._curves: dict[str, tuple[str, str | int]] = {}
        self._marks: dict[str, str] = {}
        self._values: dict[str, str] = {}
        self._left_out: set[str] = set()
        self._behind: dict[str, tuple[str, str | int]] = {}
        self.more = label("", "muted", tabular=True)
        self.more.hide()
        self._layout.addWidget(self.more)

    def add(self, key: str, name: str, color: str | int, *, dashed: bool = False) -> None:
        """Make the entry of a curve."""
        self._add(key, len(self._curves), "")
        self._curves[key] = (name, color)
        self._marks[key] = "- -" if dashed else "●"
        self.set_value(key, "")

    def set_value(self, key: str, value: str) -> None:
        """Write the latest value of a curve, if it has an entry."""
        if key in self._curves:
            name, color = self._curves[key]
            self._values[key] = value
            self.labels[key].setText(
                f"<span style='color:{color_of(color)}'>{self._marks[key]} <b>{f'{name} {value}'.strip()}</b></span>"
            )

    def set_shown(self, key: str, shown: bool) -> None:
        """Show the entry of a curve, or leave it out where the curve means nothing now."""
        self._left_out = self._left_out - {key} if shown else self._left_out | {key}
        self.labels[key].setHidden(not shown)

    def add_behind(self, key: str, name: str, color: str | int) -> None:
        """Make the entry of an overlay, whose name is plain text."""
        self._add(f"behind {key}", self._layout.count() - 1, "muted")
        self._behind[key] = (name, color)
        self._write_behind(key)

    def _write_behind(self, key: str) -> None:
        name, color = self._behind[key]
        entry = self.labels[f"behind {key}"]
        short = entry.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, _WIDEST_NAME)
        entry.setText(f"<span style='color:{color_of(color)}'>–</span> {escape(short)}")
        entry.setToolTip(escape(name))

    def _add(self, key: str, at: int, role: str) -> None:
        made = label("", role, tabular=True)
        made.setTextFormat(Qt.TextFormat.RichText)
        self.labels[key] = made
        self._layout.insertWidget(at, made)

    def remove(self, key: str) -> None:
        """Remove the entry of an overlay."""
        del self._behind[key]
        entry = self.labels.pop(f"behind {key}")
        entry.hide()  # it is deleted when the event loop runs again
        entry.deleteLater()

    def entries(self) -> list[tuple[str, str]]:
        """Return plain texts and #rrggbb, as a file that is saved shows them."""
        curves = [
            (f"{self._marks[key]} {plain(name)} {self._values[key]}".strip(), color)
            for key, (name, color) in self._curves.items()
            if key not in self._left_out
        ]
        behind = [(f"– {name}", color) for name, color in self._behind.values()]
        return [(text, color_of(color)) for text, color in [*curves, *behind]]

    @property
    def needed(self) -> int:
        """Return how many pixels the values of the curves and "+2 more" take in one line; 0 where there are none."""
        return self._values_room + (self._more_room if self._behind else 0)

    @property
    def _values_room(self) -> int:
        return sum(self.labels[key].sizeHint().width() + _SPACING for key in self._curves.keys() - self._left_out)

    @property
    def _more_room(self) -> int:
        return self.more.fontMetrics().horizontalAdvance(f"+{len(self._behind)} more") + _SPACING

    def arrange(self, room: int) -> None:
        """Show the values in a line, or below each other where there are not ``room`` pixels for it.

        After them as many overlays as there is room for; of the rest it is said how many.
        """
        directions = QBoxLayout.Direction
        direction = directions.LeftToRight if self.needed <= room else directions.TopToBottom
        if direction != self._layout.direction():
            self._layout.setDirection(direction)
            self._layout.setSpacing(_SPACING if direction == directions.LeftToRight else 0)
        named = self._named(list(self._behind), room - self._values_room)
        for key in self._behind:
            self.labels[f"behind {key}"].setVisible(key in named)
        rest = [name for key, (name, _) in self._behind.items() if key not in named]
        self.more.setText(f"+{len(rest)} more")
        self.more.setToolTip("<br>".join(map(escape, rest)))
        self.more.setVisible(bool(rest))

    def _named(self, keys: list[str], room: int) -> set[str]:
        """Return the overlays of which the names fit into the rest of the line, with "+2 more" unless all do."""
        widths = [self.labels[f"behind {key}"].sizeHint().width() + _SPACING for key in keys]
        if sum(widths) > room:
            room -= self._more_room
        return {key for key, end in zip(keys, accumulate(widths), strict=True) if end <= room}

    def recolor(self) -> None:
        """Take the colours of the theme that is on."""
        for key, value in self._values.items():
            self.set_value(key, value)
        for key in self._behind:
            self._write_behind(key)

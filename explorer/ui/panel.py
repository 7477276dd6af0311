"""Small building blocks of every page: panels, labels, segmented buttons."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from explorer.ui import theme

# Inter puts the hat of ε̂ beside the letter; other fonts put it on top.
EPS_HAT = "<span style=\"font-family:'DejaVu Sans','Segoe UI','Helvetica Neue',Arial\">ε̂</span>"


def label(text: str = "", role: str = "", *, tabular: bool = False, tip: str = "") -> QLabel:
    """Return a label with a role that the style sheet knows: title, muted, strong, pill, tag or key."""
    made = QLabel(text)
    if role:
        made.setProperty("role", role)
    if tabular:
        made.setFont(theme.font(tabular=True))
    if tip:
        made.setToolTip(tip)
    return made


def button(text: str, tip: str, role: str = "") -> QPushButton:
    """Return a push button whose tooltip says what it does; role may be primary, danger or link."""
    made = QPushButton(text)
    made.setToolTip(tip)
    made.setAccessibleName(text)
    made.setAccessibleDescription(tip)
    if role:
        made.setProperty("role", role)
    return made


class Panel(QFrame):
    """A rounded box with a title row; ``head`` takes further widgets at its right, ``body`` the content."""

    def __init__(self, title: str = "", tip: str = "") -> None:
        super().__init__()
        self.setObjectName("panel")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 10, 12, 12)
        outer.setSpacing(theme.GRID)
        self.head = QHBoxLayout()
        self.head.setSpacing(theme.GRID)
        self.title = label(title, "title", tip=tip)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # gives way to the rest
        self.head.addWidget(self.title, 1)
        outer.addLayout(self.head)
        self.body = QVBoxLayout()
        self.body.setSpacing(theme.GRID)
        outer.addLayout(self.body, 1)


class Segmented(QFrame):
    """Buttons of which exactly one is down; ``chosen`` tells its key."""

    chosen = Signal(str)

    def __init__(self, choices: Sequence[tuple[str, str, str]], name: str) -> None:
        """Make it of (key, text, tooltip) triples; ``name`` is what a screen reader says."""
        super().__init__()
        self.setObjectName("segmented")
        self.setAccessibleName(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(1, 1, 1, 1)
        row.setSpacing(1)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QPushButton] = {}
        for index, (key, text, tip) in enumerate(choices):
            made = button(text, tip)
            made.setCheckable(True)
            made.setCursor(Qt.CursorShape.PointingHandCursor)
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to what had them
            self._group.addButton(made, index)
            self.buttons[key] = made
            row.addWidget(made)
        self._keys = [key for key, _, _ in choices]
        self._group.button(0).setChecked(True)
        self._group.idClicked.connect(self._clicked)

    def _clicked(self, index: int) -> None:
        self.chosen.emit(self._keys[index])

    @property
    def key(self) -> str:
        """Return the key of the button that is down."""
        return self._keys[self._group.checkedId()]

    def choose(self, key: str) -> None:
        """Press the button of a key."""
        self.buttons[key].setChecked(True)
        self.chosen.emit(key)


def empty(layout: QLayout) -> None:
    """Remove and delete everything in a layout."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.setParent(None)
            widget.deleteLater()


def column(spacing: int = theme.GRID, margins: int = 0) -> tuple[QWidget, QVBoxLayout]:
    """Return a widget and its vertical layout."""
    widget = QWidget()
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(margins, margins, margins, margins)
    layout.setSpacing(spacing)
    return widget, layout

"""The classes of the map: each can be hidden, or shown alone."""

from collections.abc import Callable, Mapping, Set

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QColor, QIcon, QKeyEvent, QMouseEvent, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QToolButton, QWidget

from explorer.ui import theme
from explorer.ui.facts import spaced
from explorer.ui.map_colors import class_color

_SWATCH = 10
_SPACING = 2
_ALONE = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier


class MapLegend(QWidget):
    """An entry for each class in a line; a click hides or shows it, with Shift or Ctrl it alone is shown.

    ``changed`` tells that other classes are hidden. Entries that do not fit are in a menu at the end.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(60)
        self.entries: dict[int, QToolButton] = {}
        self.hidden: set[int] = set()
        self._name_of: Callable[[int], str] = str
        self._ink, self._colored = theme.colors(), True
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(_SPACING)
        self.more = QToolButton()
        self.more.setProperty("role", "link")
        self.more.setAccessibleName("more classes")
        self.more.setToolTip("The other classes")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self.more)
        self._menu.triggered.connect(self._chosen)
        self.more.setMenu(self._menu)
        self._row.addWidget(self.more)
        self._row.addStretch(1)
        self.more.hide()
        self._fitting = QTimer(self, singleShot=True, interval=0)
        self._fitting.timeout.connect(self._fit)

    def sizeHint(self) -> QSize:
        """Return the room that one line takes."""
        return QSize(200, 26)

    def set_classes(
        self,
        classes: Mapping[int, int],
        name_of: Callable[[int], str],
        called: Callable[[int], str],
        hidden: Set[int] = frozenset(),
    ) -> None:
        """Show entries for classes and how many items each has; none where there is one class only.

        ``called`` says what one is called where nothing says that it is a class; some may be ``hidden`` already.
        """
        for entry in self.entries.values():
            entry.hide()
            entry.deleteLater()
        self.entries, self.hidden, self._name_of = {}, set(hidden), name_of
        for place, (k, items) in enumerate(classes.items() if len(classes) > 1 else ()):
            entry = QToolButton(self)
            entry.setProperty("role", "link")
            entry.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            entry.setText(name_of(k))
            entry.setIconSize(QSize(_SWATCH, _SWATCH))
            entry.setCheckable(True)
            entry.setToolTip(
                f"Hide or show {called(k)}, {spaced(items)} items; Shift or Ctrl click: it alone, or all again"
            )
            entry.setAccessibleName(called(k))
            entry.setProperty("class_number", k)
            entry.installEventFilter(self)
            entry.clicked.connect(self._toggled)
            self.entries[k] = entry
            self._row.insertWidget(place, entry)
        self._recolor()
        self._fitting.start()

    def set_ink(self, ink: theme.Colors, *, colored: bool) -> None:
        """Take the colours of the points; where those do not stand for classes, the entries show none."""
        self._ink, self._colored = ink, colored
        self._recolor()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Show a class alone by Shift or Ctrl with a click, Space or Enter."""
        alone = isinstance(event, QMouseEvent | QKeyEvent) and bool(event.modifiers() & _ALONE)
        click = event.type() == QEvent.Type.MouseButtonPress
        enter = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        key = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress
        if key and isinstance(event, QKeyEvent):
            step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
            if step is not None:
                self._go(watched, step)
                return True
            click = event.key() in (*enter, Qt.Key.Key_Space) and (alone or event.key() in enter)
        if click and (alone or key):
            k = int(watched.property("class_number"))
            self.show_alone(k) if alone else self.toggle(k)
            return True
        return bool(super().eventFilter(watched, event))

    def _go(self, watched: QObject, step: int) -> None:
        """Give the keys to the next entry that is seen."""
        seen = [entry for entry in self.entries.values() if entry.isVisible()]
        if watched in seen:
            seen[(seen.index(watched) + step) % len(seen)].setFocus(Qt.FocusReason.TabFocusReason)

    @Slot()
    def _toggled(self) -> None:
        self.toggle(int(self.sender().property("class_number")))

    def toggle(self, k: int) -> None:
        """Hide or show a class."""
        self._set_hidden(self.hidden ^ {k})

    def show_alone(self, k: int) -> None:
        """Show a class alone; all where it is alone already."""
        others = set(self.entries) - {k}
        self._set_hidden(set() if self.hidden == others else others)

    def _set_hidden(self, hidden: set[int]) -> None:
        self.hidden = hidden
        self._recolor()
        self.changed.emit()

    @Slot()
    def _recolor(self) -> None:
        for k, entry in self.entries.items():
            entry.setChecked(k not in self.hidden)
            color = self.color(k)
            entry.setIcon(swatch(color, filled=k not in self.hidden))
        for action in self._menu.actions():
            action.setChecked(int(action.data()) not in self.hidden)

    def color(self, k: int) -> str:
        """Return the colour of a class's entry as #rrggbb."""
        return class_color(k, self._ink) if self._colored else theme.colors().muted

    # ---- room ----

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as many entries as there is room for."""
        self._fit()

    @Slot()
    def _fit(self) -> None:
        widths = {k: entry.sizeHint().width() + _SPACING for k, entry in self.entries.items()}
        room = self.width()
        if sum(widths.values()) > room:
            room -= self.more.fontMetrics().horizontalAdvance(f"+{len(widths)}") + 10
        used, rest = 0, []
        for k, entry in self.entries.items():
            used += widths[k]
            entry.setVisible(used <= room)
            if used > room:
                rest.append(k)
        self._menu.clear()
        for k in rest:
            action = self._menu.addAction(swatch(self.color(k), filled=True), self._name_of(k))
            action.setCheckable(True)
            action.setChecked(k not in self.hidden)
            action.setData(k)
        self.more.setText(f"+{len(rest)}")
        self.more.setVisible(bool(rest))

    @Slot(QAction)
    def _chosen(self, action: QAction) -> None:
        self.toggle(int(action.data()))


def swatch(color: str, *, filled: bool) -> QIcon:
    """Return a little square in a colour; hollow where the class is hidden."""
    made = QPixmap(2 * _SWATCH, 2 * _SWATCH)
    made.setDevicePixelRatio(2)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QColor(color))
    painter.setBrush(QColor(color) if filled else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(1, 1, _SWATCH - 2, _SWATCH - 2, 2, 2)
    painter.end()
    return QIcon(made)

"""The choice of the two dimensions on the axes of the map, with what each is worth."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from explorer.ui.panel import column, label

_ROWS = 12  # that are seen at once
_WIDTH = 150
_DIMENSION = Qt.ItemDataRole.UserRole


class AxesChoice(QFrame):
    """A list for each axis over the map; ``chosen`` carries the two dimensions while one moves through the lists.

    It goes away on Enter and Esc, and when the keys go elsewhere.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setObjectName("panel")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 10, 12, 12)
        row = QHBoxLayout()
        row.setSpacing(12)
        self.lists = (QListWidget(), QListWidget())
        for listed, which in zip(self.lists, ("horizontal", "vertical"), strict=True):
            side, layout = column(4)
            layout.addWidget(label(which, "title"))
            listed.setAccessibleName(f"{which} axis")
            listed.setToolTip(f"The latent dimension on the {which} axis, with its average KL from the prior")
            listed.setFixedWidth(_WIDTH)
            listed.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            listed.currentRowChanged.connect(self._moved)
            layout.addWidget(listed)
            row.addWidget(side)
        outer.addLayout(row)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._focus_went)
        self.hide()

    def set_dimensions(self, entries: Sequence[tuple[int, str]]) -> None:
        """Offer dimensions (number, text), the most informative first."""
        for listed in self.lists:
            listed.blockSignals(True)
            listed.clear()
            for dimension, text in entries:
                item = QListWidgetItem(text)
                item.setData(_DIMENSION, dimension)
                listed.addItem(item)
            listed.blockSignals(False)

    def set_axes(self, axes: tuple[int, int]) -> None:
        """Mark the dimensions that are on the axes."""
        for listed, axis in zip(self.lists, axes, strict=True):
            listed.blockSignals(True)
            rows = [listed.item(row).data(_DIMENSION) for row in range(listed.count())]
            if axis in rows:
                listed.setCurrentRow(rows.index(axis))
            listed.blockSignals(False)

    @property
    def axes(self) -> tuple[int, int]:
        """Return the dimensions that are marked."""
        first, second = (int(item.data(_DIMENSION)) if (item := listed.currentItem()) else 0 for listed in self.lists)
        return first, second

    def open_below(self, widget: QWidget) -> None:
        """Show it below a widget, within what it is over, with the keys at its first list."""
        place = widget.mapTo(self._over, QPoint(0, widget.height() + 4))
        room = self._over.height() - place.y() - 60
        for listed in self.lists:
            rows = min(_ROWS, listed.count())
            listed.setFixedHeight(min(rows * max(listed.sizeHintForRow(0), 16) + 4, max(room, 48)))
        self.adjustSize()
        self.move(min(place.x(), self._over.width() - self.width() - 8), place.y())
        self.show()
        self.raise_()
        self.lists[0].setFocus(Qt.FocusReason.PopupFocusReason)

    @Slot()
    def _moved(self) -> None:
        self.chosen.emit(self.axes)

    @Slot(QWidget, QWidget)
    def _focus_went(self, _before: QWidget | None, now: QWidget | None) -> None:
        if self.isVisible() and now is not None and not self.isAncestorOf(now):
            self.hide()

    def event(self, event: QEvent) -> bool:
        """Keep Esc from the window's shortcuts."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            event.setAccepted(event.key() == Qt.Key.Key_Escape)
            return event.isAccepted()
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go away on Enter and Esc."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            self.hide()
        else:
            super().keyPressEvent(event)

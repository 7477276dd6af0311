"""A field that comes up over something to give it a name, and goes away again."""

from PySide6.QtCore import QEvent, QRect, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, Qt
from PySide6.QtWidgets import QLineEdit, QWidget

from explorer.saved_points import LONGEST_NAME


class NameField(QLineEdit):
    """``named`` carries what was typed, ``left`` says that it went away, by key.

    Return keeps what is typed, so does going elsewhere; Esc takes it back.
    """

    named = Signal(str)
    left = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._before = ""
        self.setMaxLength(LONGEST_NAME)
        self.setAccessibleName("name")
        self.setToolTip("Name; Return keeps it, Esc takes it back")
        self.hide()

    def ask(self, name: str, where: QRect) -> None:
        """Come up at a place of the parent, with the name as it is."""
        self._before = name
        self.setText(name)
        self.setGeometry(where)
        self.show()
        self.raise_()
        self.setFocus()
        self.selectAll()

    def _done(self, *, keep: bool) -> None:
        if self.isHidden():
            return
        self.hide()  # first: it takes the focus away, which comes here again
        text = self.text().strip()
        if keep and text and text != self._before:
            self.named.emit(text)

    def event(self, event: QEvent) -> bool:
        """Claim Esc, which the window has a use for, too."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Escape
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keep it or take it back."""
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape}:
            self._done(keep=event.key() != Qt.Key.Key_Escape)
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Keep what is typed, unless only a menu came up."""
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self._done(keep=True)

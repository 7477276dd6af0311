"""The field for a note about a run."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit

_NOTE_LINES = 4


class NoteEdit(QPlainTextEdit):
    """A note about a run: ``done`` when the focus goes, ``left`` on Ctrl+Return."""

    done = Signal()
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("details")
        self.setTabChangesFocus(True)
        self.setPlaceholderText("Note: what was tried, what came out…")
        self.setAccessibleName("note about this run")
        self.setToolTip("Kept with the run and found by the search; Ctrl+Return keeps it, Esc takes it back")
        self.setFixedHeight(_NOTE_LINES * self.fontMetrics().lineSpacing() + 20)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Keep the note, unless only a menu came up."""
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self.done.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+Return keeps the note."""
        if (
            event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}
            and event.modifiers() & Qt.KeyboardModifier.ControlModifier
        ):
            self.done.emit()
            self.left.emit()
        else:
            super().keyPressEvent(event)

"""A question that is put in place, before something goes."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from explorer.ui.panel import button, label


class Question(QFrame):
    """Asks once, in place, before something goes; ``answered`` says whether it may."""

    answered = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("messageBar")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        self.text = label()
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        layout.addWidget(self.text)
        row = QHBoxLayout()
        self.yes = button("", "Do it", "danger")
        self.yes.clicked.connect(self._say_yes)
        self.no = button("Keep it", "Leave everything as it is (Esc)")
        self.no.clicked.connect(self.say_no)
        row.addWidget(self.yes, 1)
        row.addWidget(self.no, 1)
        layout.addLayout(row)
        self.hide()

    def ask(self, text: str, yes: str, tip: str) -> None:
        """Put a question; ``yes`` is what the button says that does it. The other one has the focus."""
        self.text.setText(text)
        self.yes.setText(yes)
        self.yes.setToolTip(tip)
        self.yes.setAccessibleName(yes)
        self.show()
        self.no.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return presses the button that has the focus."""
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            (self.yes if self.yes.hasFocus() else self.no).click()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _say_yes(self) -> None:
        self.hide()
        self.answered.emit(True)

    @Slot()
    def say_no(self) -> None:
        """Leave everything as it is."""
        self.hide()
        self.answered.emit(False)

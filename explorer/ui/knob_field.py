"""The number beside a slider that turns a knob: it can be typed, too."""

import math

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit

from explorer.ui import theme
from explorer.ui.setting_row import set_state

_WIDTH = 62  # pixels


class KnobField(QLineEdit):
    """Shows the value of a knob; ``typed`` carries another one when Return or another field takes it.

    ``complained`` carries what is wrong with what was typed, in words, and "" when that is over.

    Args:
        name: of the knob, as it is told.
        low: its least value.
        high: its largest.
    """

    typed = Signal(float)
    complained = Signal(str)

    def __init__(self, name: str, low: float, high: float) -> None:
        super().__init__()
        self._name, self._low, self._high = name, low, high
        self._shown = ""
        self.setFont(theme.font(tabular=True))
        self.setFixedWidth(_WIDTH)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setAccessibleName(f"{name}, typed")
        self.setToolTip(f"Type a number from {low:g} to {high:g}; Return takes it, Esc takes it back")
        self.editingFinished.connect(self._take)

    def show_value(self, text: str) -> None:
        """Show how the knob stands, unless another value is being typed."""
        self._shown = text
        if not (self.hasFocus() and self.isModified()):
            self._forget()

    def _forget(self) -> None:
        self.setText(self._shown)
        self._complain("")

    def _complain(self, text: str) -> None:
        set_state(self, "invalid", bool(text))
        self.complained.emit(text)

    @Slot()
    def _take(self) -> None:
        if not self.isModified() or self.text() == self._shown:
            self._forget()
            return
        text = self.text().strip()
        try:
            value = float(text.replace("−", "-").replace(",", "."))
        except ValueError:
            value = math.nan
        if not self._low <= value <= self._high:
            self._complain(f"{self._name} must be from {self._low:g} to {self._high:g}; you typed {text[:20]}")
            return
        self.setModified(False)
        self._complain("")
        self.typed.emit(value)

    def event(self, event: QEvent) -> bool:
        """Take Esc before the window's shortcut does, while there is something to take back."""
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape and self.isModified():
            if event.type() == QEvent.Type.KeyPress:
                self._forget()
            event.accept()
            return True
        return super().event(event)

"""A latent value that is typed: what is a number, how far out one may go, and what it means to be there."""

import math

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit

LARGEST = 20.0  # a walk in the map goes as far


def how_rare(value: float) -> str:
    """Return in words how seldom N(0, 1) lies farther from 0 than a value."""
    share = math.erfc(abs(value) / math.sqrt(2))
    if share >= 0.001:
        return f"{100 * share:.1f} % of the draws of N(0, 1) lie farther from 0"
    if share < 1e-12:
        return "practically no draw of N(0, 1) lies farther from 0"
    digits = 10 ** max(0, int(math.log10(1 / share)) - 1)
    return f"1 in {round(1 / share / digits) * digits:,} draws of N(0, 1) lies farther from 0".replace(",", " ")


def read_value(text: str) -> tuple[float, str]:
    """Return the value that was typed and "", or what is wrong with it in words."""
    plain = text.strip().replace("−", "-").replace(",", ".")
    try:
        value = float(plain)
    except ValueError:
        return 0.0, f"“{text.strip()[:20]}” is no number; write one such as −1.5"
    if not math.isfinite(value) or abs(value) > LARGEST:
        return 0.0, f"write a number from −{LARGEST:g} to {LARGEST:g}: farther out the decoder has seen nothing at all"
    return value, ""


class ValueEditor(QLineEdit):
    """What is typed over the value; ``taken`` by Enter, ``left`` when it is to be forgotten."""

    taken = Signal()
    left = Signal()

    def event(self, event: QEvent) -> bool:
        """Take Esc before the window's shortcut does."""
        overrides = event.type() == QEvent.Type.ShortcutOverride
        if overrides and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take it on Enter, leave on Esc; neither goes on to the row, where Enter would begin anew."""
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.taken.emit()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Leave with the focus, except to its own menu."""
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self.left.emit()

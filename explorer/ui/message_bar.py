"""The bar in which problems are told, with details for those who want them."""

import time

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QToolButton, QVBoxLayout
from shiboken6 import isValid

from explorer import logs
from explorer.messages import Failure
from explorer.ui import theme
from explorer.ui.panel import button, label

_AGAIN_SECONDS = 2.0  # what comes again sooner is no news


class MessageBar(QFrame):
    """Hidden until something goes wrong; the newest problem is shown until it is dismissed.

    A problem ``of`` a page goes when another page comes up, and comes back with its own. One that a page tells while
    another is shown is nobody's: it stays.

    Uncaught exceptions, of slots and timers, are told too. One that comes again and again can still be dismissed.
    """

    _uncaught = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._last_uncaught = ("", -_AGAIN_SECONDS)
        self._author = self._of = ""
        self._waiting = False  # for its page to come up again
        self._uncaught.connect(self._tell_uncaught)
        logs.listen(self._heard)
        self.setObjectName("messageBar")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 6, 6)
        row = QHBoxLayout()
        self.text = label("")
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row.addWidget(self.text, 1)
        self._toggle = button("details", "Show where in the program it happened", "link")
        self._toggle.setCheckable(True)
        row.addWidget(self._toggle)
        self.dismiss = QToolButton()
        self.dismiss.setProperty("role", "icon")
        self.dismiss.setToolTip("Dismiss (Esc)")
        self.dismiss.setAccessibleName("dismiss")
        self.dismiss.clicked.connect(self.hide)
        row.addWidget(self.dismiss)
        layout.addLayout(row)
        self._details = QPlainTextEdit()
        self._details.setObjectName("details")
        self._details.setReadOnly(True)
        self._details.setFixedHeight(160)
        layout.addWidget(self._details)
        self._toggle.toggled.connect(self._details.setVisible)
        theme.current().changed.connect(self._icons)
        self._icons()
        self._details.hide()
        self.hide()

    @Slot()
    def _icons(self) -> None:
        self.dismiss.setIcon(theme.icon("close"))

    @Slot(object)
    def tell(self, failure: Failure) -> None:
        """Show a problem; one without words takes back what is shown.

        What is shown already stays as it is, with its details open.
        """
        self._author, self._of, self._waiting = "", "", False
        if not failure.text:
            self.hide()
            return
        if self.isVisible() and (failure.text, failure.details) == (self.text.text(), self._details.toPlainText()):
            return
        self.text.setText(failure.text)
        self._details.setPlainText(failure.details)
        self._toggle.setVisible(bool(failure.details))
        self._toggle.setChecked(False)
        self.show()

    def tell_of(self, page: str, failure: Failure, shown: str) -> None:
        """Show a problem that ``page`` tells while ``shown`` is up; what another has told is not taken back."""
        if not failure.text and page != self._author:
            return
        self.tell(failure)
        self._author, self._of = page, page if page == shown else ""

    def page_comes_up(self, page: str) -> None:
        """Hide the problem of another page, and show again that of this one, unless it was dismissed."""
        if not self._of:
            return
        if page != self._of and not self.isHidden():
            self._waiting = True
            self.hide()
        elif page == self._of and self._waiting:
            self._waiting = False
            self.show()

    def _heard(self, failure: Failure) -> None:
        """Take an uncaught exception of any thread over into this one."""
        if isValid(self):
            self._uncaught.emit(failure)

    @Slot(object)
    def _tell_uncaught(self, failure: Failure) -> None:
        now = time.monotonic()
        text, at = self._last_uncaught
        self._last_uncaught = (failure.text, now)
        if failure.text != text or now - at > _AGAIN_SECONDS:
            self.tell(failure)

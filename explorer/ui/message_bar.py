"""The bar in which problems are told, with details for those who want them."""

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QToolButton, QVBoxLayout

from explorer.messages import Failure
from explorer.ui import theme
from explorer.ui.panel import button, label


class MessageBar(QFrame):
    """Hidden until something goes wrong; the newest problem is shown until it is dismissed."""

    def __init__(self) -> None:
        super().__init__()
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
        """Show a problem."""
        self.text.setText(failure.text)
        self._details.setPlainText(failure.details)
        self._toggle.setVisible(bool(failure.details))
        self._toggle.setChecked(False)
        self.show()

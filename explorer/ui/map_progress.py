"""A note over the map while its points are being placed elsewhere, with a way to stop that."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QWidget

from explorer.ui.panel import button, label

_AFTER_MS = 200  # nobody needs to be told of less


class MapProgress(QFrame):
    """``cancelled`` when it is to stop."""

    cancelled = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setObjectName("card")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 8, 6)
        self._text = label("", tabular=True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(90)
        self._bar.setRange(0, 1000)
        self.cancel = button("Cancel", "Stop, and go back to two dimensions as axes")
        self.cancel.clicked.connect(self.cancelled)
        for widget in (self._text, self._bar, self.cancel):
            row.addWidget(widget)
        self._later = QTimer(self, singleShot=True, interval=_AFTER_MS)
        self._later.timeout.connect(self.show)
        self.hide()

    def begin(self, name: str) -> None:
        """Say what goes on, if it goes on for a while."""
        self._name = name
        self.tell(0.0)
        self._later.start()

    def tell(self, done: float) -> None:
        """Say how far it is, 0 to 1."""
        self._text.setText(f"{self._name} · {done * 100:.0f} %")
        self._bar.setValue(round(done * 1000))
        self.adjustSize()
        self.move(self._over.width() - self.width() - 14, 12)

    def end(self) -> None:
        """It is over."""
        self._later.stop()
        self.hide()

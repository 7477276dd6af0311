"""Another run, looked at while one is trained: the training goes on, and a button leads back to it."""

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget
from superqt import QElidingLabel

from explorer.ui import theme
from explorer.ui.page import Page
from explorer.ui.panel import Panel, button
from explorer.ui.run_display import RunDisplay


class AsideView(QWidget):
    """A run's display below a line that says so; ``left`` is the wish to go back to the run that trains."""

    left = Signal()

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.display = RunDisplay(page)
        self.display.said.connect(self._say)
        self.line = QElidingLabel()
        self.line.setTextFormat(Qt.TextFormat.PlainText)
        self.line.setFont(theme.font(tabular=True))
        self.back = button("", "", "primary")
        self.back.clicked.connect(self.left)
        self.name_way_back(training=True)
        bar = Panel()
        bar.head.removeWidget(bar.title)
        bar.title.hide()
        bar.head.addWidget(self.line, 1)
        bar.head.addWidget(self.back)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(bar)
        layout.addWidget(self.display, 1)

    def name_way_back(self, *, training: bool) -> None:
        """Say where the way back leads: to a training that goes on, or one that has ended meanwhile."""
        self.back.setText(f"← Back to the run that {'trains' if training else 'was trained'}")
        self.back.setAccessibleName(self.back.text())
        self.back.setToolTip("Its training goes on meanwhile (Esc)" if training else "Its training has ended (Esc)")

    def event(self, event: QEvent) -> bool:
        """Take Esc, which leads back, before the window's shortcut does."""
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            if event.type() == QEvent.Type.KeyPress:
                self.left.emit()
            event.accept()
            return True
        return super().event(event)

    @Slot(str, object)
    def _say(self, words: str, _share: float | None) -> None:
        config = self.display.config
        said = f"Looking at {config.title if config is not None else 'another run'} · {words}"
        self.line.setText(said)
        self.line.setToolTip("\n".join(filter(None, [said, str(self.display.folder or "")])))

"""The status bar: what was done last, the background jobs, and the memory that a training holds."""

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QToolButton, QWidget

from explorer.ui import theme
from explorer.ui.page import Page
from explorer.ui.panel import label

_READ_MS = 8000  # to read what was done


class JobLine(QWidget):
    """A background job in the status bar: what, how far, and a button to end it."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        self.text = label("", "muted", tabular=True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(160)
        self.cancel = QToolButton()
        self.cancel.setProperty("role", "icon")
        self.cancel.setToolTip("End this job; what it made so far is kept")
        self.cancel.setAccessibleName("end this job")
        self.cancel.clicked.connect(page.cancel_job)
        for widget in (self.text, self.bar, self.cancel):
            row.addWidget(widget)
        theme.current().changed.connect(self._icons)
        self._icons()
        self.hide()

    @Slot()
    def _icons(self) -> None:
        self.cancel.setIcon(theme.icon("close"))

    @Slot(object)
    def show_job(self, job: tuple[str, float] | None) -> None:
        """Show a job (text, share done; below 0 if unknown), or none."""
        self.setVisible(job is not None)
        if job is None:
            return
        text, share = job
        self.text.setText(text)
        self.bar.setRange(0, 0 if share < 0 else 1000)
        if share >= 0:
            self.bar.setValue(round(1000 * share))
        self.cancel.setVisible(share >= 0)


class StatusBar(QFrame):
    """One line at the bottom of the window."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("statusBar")
        self.setFixedHeight(30)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 0, 14, 0)
        row.setSpacing(16)
        self.status = label("Ready", "muted")
        self._fade = QTimer(self, singleShot=True, interval=_READ_MS)
        self._fade.timeout.connect(self.forget)
        row.addWidget(self.status, 1)
        self._jobs = QHBoxLayout()
        self._jobs.setSpacing(16)
        row.addLayout(self._jobs)
        self.memory = label("", "muted", tabular=True, tip="What the device holds for the training; of a CPU, the app")
        row.addWidget(self.memory)

    @Slot(str)
    def tell(self, text: str) -> None:
        """Say what was done; for eight seconds, after which it would only be taken for what is done now."""
        self.status.setText(text)
        self._fade.start()

    @Slot()
    def forget(self) -> None:
        """Say nothing of what was done."""
        self._fade.stop()
        self.status.setText("")

    def add_job_of(self, page: Page) -> None:
        """Show the background job of a page, when it has one."""
        line = JobLine(page)
        page.job.connect(line.show_job)
        self._jobs.addWidget(line)

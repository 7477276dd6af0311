"""The main window: header, navigation, pages, status bar with the background jobs."""

from PySide6.QtCore import QByteArray, QSettings, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QCloseEvent, QKeySequence, QPaintEvent, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from explorer import paths
from explorer.errors import ExplorerError
from explorer.messages import DeviceReport, Failure, has_latents
from explorer.ui import theme
from explorer.ui.garbage import spare_what_is_loaded
from explorer.ui.message_bar import MessageBar
from explorer.ui.models_page import ModelsPage
from explorer.ui.page import Page
from explorer.ui.panel import label
from explorer.ui.status_bar import StatusBar
from explorer.workers.warm_up import WarmUp

_WARM_UP_AFTER_MS = 30
_CLOSE_AGAIN_MS = 500
PAGES = {
    "models": ("Models", "Bundled models and your own"),
    "train": ("Train", "Train a model and watch it learn"),
    "latent": ("Latent", "Walk in the latent space of a VAE"),
    "diffusion": ("Diffusion", "Watch noise become a picture"),
}


def settings() -> QSettings:
    """Return what the window remembers from one start to the next."""
    return QSettings(str(paths.data_home() / "window.ini"), QSettings.Format.IniFormat)


class MainWindow(QWidget):
    """Pages are made when they are first needed, so that the window is there at once."""

    def __init__(self, *, warm_up: bool = True, remember: bool = True) -> None:
        super().__init__()
        self.setWindowTitle("VAE & Diffusion Explorer")
        self.setMinimumSize(900, 600)
        room = self.screen().availableGeometry()
        self.resize(min(1440, room.width()), min(900, room.height() - 40))  # the title bar is not in it
        self.report: DeviceReport | None = None
        self._remember = remember
        self._pages: dict[str, Page] = {}
        self._subjects: dict[str, str] = {}
        self._buttons: dict[str, QToolButton] = {}
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self._header())
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self._navigation())
        content = QVBoxLayout()
        content.setContentsMargins(0, 0, 0, 0)
        content.setSpacing(0)
        self.messages = MessageBar()
        QShortcut(QKeySequence("Esc"), self, self.messages.hide)
        holder = QHBoxLayout()
        holder.setContentsMargins(12, 0, 12, 0)
        holder.addWidget(self.messages)
        content.addLayout(holder)
        self.stack = QStackedWidget()
        content.addWidget(self.stack, 1)
        middle.addLayout(content, 1)
        outer.addLayout(middle, 1)
        self.bottom = StatusBar()
        self.status = self.bottom.status
        outer.addWidget(self.bottom)
        theme.current().changed.connect(self._icons)
        self._icons()
        geometry = settings().value("geometry")
        if remember and isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        self.show_page("models").setFocus()
        self.warm_up = WarmUp(self)
        self.warm_up.ready.connect(self._devices_known)
        self.warm_up.failed.connect(self._no_torch)
        self._wants_warm_up = warm_up

    # ---- layout ----

    def _header(self) -> QFrame:
        header = QFrame()
        header.setObjectName("header")
        header.setFixedHeight(44)
        row = QHBoxLayout(header)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(14)
        name = label("VAE & Diffusion Explorer")
        name.setFont(theme.font(15, bold=True))
        row.addWidget(name)
        self.subject = label("", "muted")
        self.subject.setFont(theme.font(13, bold=True))
        row.addWidget(self.subject)
        row.addStretch(1)
        self.device = label("looking for devices…", "pill", tip="Where models run: CUDA, else MPS, else the CPU")
        row.addWidget(self.device)
        self.theme_button = QToolButton()
        self.theme_button.setProperty("role", "icon")
        self.theme_button.setToolTip("Dark or light (Ctrl+T)")
        self.theme_button.setAccessibleName("dark or light")
        self.theme_button.setShortcut("Ctrl+T")
        self.theme_button.clicked.connect(self._turn_theme)
        row.addWidget(self.theme_button)
        return header

    def _navigation(self) -> QFrame:
        frame = QFrame()
        frame.setObjectName("navigation")
        frame.setFixedWidth(76)
        column = QVBoxLayout(frame)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(2)
        group = QButtonGroup(self)
        for index, (key, (text, tip)) in enumerate(PAGES.items()):
            made = QToolButton()
            made.setText(text)
            made.setToolTip(f"{tip} (Ctrl+{index + 1})")
            made.setAccessibleName(text)
            made.setCheckable(True)
            made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            made.setIconSize(QSize(22, 22))
            made.setFixedSize(76, 60)
            made.setFont(theme.font(11))
            made.setProperty("page", key)
            made.clicked.connect(self._navigate)
            QShortcut(QKeySequence(f"Ctrl+{index + 1}"), self, made.click)
            group.addButton(made)
            column.addWidget(made)
            self._buttons[key] = made
        column.addStretch(1)
        return frame

    @Slot()
    def _icons(self) -> None:
        colors = theme.colors()
        for key, made in self._buttons.items():
            made.setIcon(theme.icon(key, colors.muted, colors.text))
        self.theme_button.setIcon(theme.icon("sun" if theme.current().name == "dark" else "moon", colors.text))
        self._show_device()

    # ---- pages ----

    def _make(self, key: str) -> Page:
        page: Page
        if key == "models":
            page = models = ModelsPage()
            models.open_model.connect(self.open_model)
            models.show_training.connect(self.show_training)
            models.settings_of.connect(self.new_experiment)
            models.train.connect(self._to_training)
        elif key == "train":
            from explorer.ui.train_page import TrainPage

            page = train = TrainPage()
            train.trained.connect(self._trained)
            train.explore.connect(self.open_model)
            train.memory.connect(self.bottom.memory.setText)
        elif key == "latent":
            from explorer.ui.latent_page import LatentPage

            page = LatentPage()
        else:
            from explorer.ui.diffusion_page import DiffusionPage

            page = DiffusionPage()
        page.setProperty("page", key)
        page.problem.connect(self._problem)
        page.status.connect(self.bottom.tell)
        page.subject.connect(self._subject_changed)
        self.bottom.add_job_of(page)
        self.stack.addWidget(page)
        self._pages[key] = page
        return page

    def page(self, key: str) -> Page:
        """Return a page, made now if it was not needed before."""
        return self._pages.get(key) or self._make(key)

    def show_page(self, key: str) -> Page:
        """Bring a page up."""
        page = self.page(key)
        self.stack.setCurrentWidget(page)
        self.messages.page_comes_up(key)
        self._buttons[key].setChecked(True)
        self.subject.setText(self._subjects.get(key, ""))
        page.shown()
        return page

    @Slot()
    def _navigate(self) -> None:
        self.show_page(str(self.sender().property("page")))

    @Slot(str)
    def _subject_changed(self, text: str) -> None:
        key = str(self.sender().property("page"))
        if text and text != self._subjects.get(key, ""):
            self.bottom.forget()  # it was of another model
        self._subjects[key] = text
        if self.stack.currentWidget() is self._pages[key]:
            self.subject.setText(text)

    @Slot(object)
    def _problem(self, failure: Failure) -> None:
        up = self.stack.currentWidget()
        shown = str(up.property("page")) if up is not None else ""
        self.messages.tell_of(str(self.sender().property("page")), failure, shown)

    @Slot(str, str)
    def open_model(self, path: str, family: str) -> None:
        """Open a model on the page that its family has."""
        page = self.show_page("latent" if has_latents(family) else "diffusion")
        page.open(path)  # type: ignore[attr-defined]  # both pages have it

    @Slot(str)
    def show_training(self, path: str) -> None:
        """Show the curves of a run; while one is trained, beside it."""
        from pathlib import Path

        from explorer.ui.train_page import TrainPage

        page = self.show_page("train")
        assert isinstance(page, TrainPage)
        try:
            page.show_run(Path(path))
        except ExplorerError as error:
            page.problem.emit(Failure(str(error)))

    @Slot(str)
    def new_experiment(self, path: str) -> None:
        """Bring the settings of a run to the Train page, for a run of its own."""
        from pathlib import Path

        from explorer.ui.train_page import TrainPage

        page = self.show_page("train")
        assert isinstance(page, TrainPage)
        if page.running:
            page.problem.emit(Failure("a training is under way; its settings stay until it ends or is stopped"))
            return
        try:
            page.use_settings(Path(path))
        except ExplorerError as error:
            page.problem.emit(Failure(str(error)))

    @Slot()
    def _to_training(self) -> None:
        self.show_page("train")

    @Slot(str)
    def _trained(self, _folder: str) -> None:
        models = self.page("models")
        assert isinstance(models, ModelsPage)
        models.refresh()

    def focusNextPrevChild(self, next: bool) -> bool:
        """Move on by Tab; where what had the keys was hidden or disabled, the page has them now, and no button."""
        before, page = self.focusWidget(), self.stack.currentWidget()
        if before is not None and page is not None and not (before.isVisible() and before.isEnabled()):
            page.setFocus()
            return True
        return super().focusNextPrevChild(next)

    # ---- theme and devices ----

    @Slot()
    def _turn_theme(self) -> None:
        other: theme.ThemeName = "light" if theme.current().name == "dark" else "dark"
        theme.current().apply(other)
        settings().setValue("theme", other)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Load torch once the window is painted."""
        if self._wants_warm_up:
            self._wants_warm_up = False
            QTimer.singleShot(_WARM_UP_AFTER_MS, self.warm_up, self.warm_up.start)

    @Slot(object)
    def _devices_known(self, report: DeviceReport) -> None:
        self.report = report
        self._show_device()
        spare_what_is_loaded()

    def _show_device(self) -> None:
        if self.report is not None:
            self.device.setText(f"<span style='color:{theme.colors().good}'>●</span>&nbsp; {self.report.label}")
            self.device.setToolTip(f"Models run on {self.report.chosen}; there are: {', '.join(self.report.available)}")

    @Slot(object)
    def _no_torch(self, failure: Failure) -> None:
        self.device.setText("no torch")
        self.messages.tell(failure)

    # ---- the end ----

    def shutdown(self) -> bool:
        """End every thread, which saves what is being trained; return whether all ended in time."""
        ended = [page.shutdown() for page in self._pages.values()]
        return all([*ended, self.warm_up.stop()])

    def closeEvent(self, event: QCloseEvent) -> None:
        """Save, end the threads, and go; a thread that is not done yet is waited for, with the window in place."""
        if self._remember:
            settings().setValue("geometry", self.saveGeometry())
        self.hide()
        if self.shutdown():
            event.accept()
            return
        event.ignore()
        self.show()
        self.status.setText("still saving; the window closes when that is done")
        QTimer.singleShot(_CLOSE_AGAIN_MS, self, self.close)

"""The runs of the Train page: its own, and another that is looked at while that one is trained."""

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QStackedWidget

from explorer.ui.aside_view import AsideView
from explorer.ui.jobs import Jobs
from explorer.ui.page import Page
from explorer.ui.run_display import RunDisplay


class RunStack(QStackedWidget):
    """Shows ``own``, or beside its training another run; ``changed`` says that what can be done with them has changed.

    ``explore`` carries the folder and the family of the run that is looked at.

    Args:
        page: whose runs they are.
        jobs: shows the films that are made of them.
    """

    changed = Signal()
    explore = Signal(str, str)

    def __init__(self, page: Page, jobs: Jobs) -> None:
        super().__init__()
        self._page, self._jobs = page, jobs
        self._aside: AsideView | None = None
        self.own = RunDisplay(page)
        self._add(self.own)
        self.own.changed.connect(self._name_way_back)
        self.addWidget(self.own)

    def _add(self, display: RunDisplay) -> None:
        display.changed.connect(self.changed)
        display.explore.connect(self.explore)
        self._jobs.watch(display.views.travel.films)

    @Slot()
    def _name_way_back(self) -> None:
        if self._aside is not None:
            self._aside.name_way_back(training=self.own.training)

    @property
    def aside(self) -> bool:
        """Return whether another run than its own is looked at."""
        return self.currentWidget() is self._aside and self._aside is not None

    @property
    def display(self) -> RunDisplay:
        """Return the run that is looked at now."""
        return self._aside.display if self._aside is not None and self.aside else self.own

    def look_at(self, folder: Path) -> None:
        """Look at another run, in the same view; of its own, go back to it.

        Raises:
            ExplorerError: the folder is no run, or damaged.
        """
        if self.own.folder is not None and folder.resolve() == self.own.folder.resolve():
            self.go_back()
            return
        if self._aside is None:
            self._aside = AsideView(self._page)
            self._aside.left.connect(self.go_back)
            self._add(self._aside.display)
            self.addWidget(self._aside)
        self._name_way_back()
        view = self.display.views.chooser.key
        self._aside.display.read(folder)
        self._aside.display.views.choose(view)
        self.setCurrentWidget(self._aside)
        self._aside.back.setFocus()
        self.changed.emit()

    @Slot()
    def go_back(self) -> None:
        """Look at its own run again."""
        if self._aside is not None and self.aside:
            self._aside.display.clear()
            self.setCurrentWidget(self.own)
            self.own.redraw()
            self.changed.emit()

    def shutdown(self) -> bool:
        """End what reads and what saves; return whether every thread ended in time."""
        displays = [self.own, *([self._aside.display] if self._aside is not None else [])]
        ended = [display.shutdown() for display in displays]
        return all(ended)

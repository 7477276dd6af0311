"""The background jobs of a page: the status bar has room for one of them."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Slot

from explorer.ui.data_finder import DataFinder
from explorer.ui.film_menu import FilmMenu
from explorer.ui.page import Page

Job = tuple[str, float]


class Jobs(QObject):
    """Shows the job that began last, as long as it lasts, and ends that one; jobs that go on meanwhile come back."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self._page = page
        self._jobs: dict[object, tuple[Job, Callable[[], None] | None]] = {}

    def tell(self, source: object, job: Job | None, end: Callable[[], None] | None = None) -> None:
        """Say how far a job of ``source`` is, (text, share), or None that it is over; ``end`` ends it, if it can be."""
        if job is None:
            self._jobs.pop(source, None)
        else:
            self._jobs[source] = (job, end)  # one that is known keeps its place: two jobs do not take turns
        shown = next(reversed(self._jobs.values()), None)
        self._page.job.emit(shown[0] if shown is not None else None)

    def watch(self, source: FilmMenu | DataFinder) -> None:
        """Show the jobs of a source."""
        source.job.connect(self._told)

    @Slot(object)
    def _told(self, job: Job | None) -> None:
        source = self.sender()
        self.tell(source, job, source.cancel if isinstance(source, FilmMenu) else None)

    def end_shown(self) -> None:
        """End the job that is shown."""
        _, end = next(reversed(self._jobs.values()), (None, None))
        if end is not None:
            end()

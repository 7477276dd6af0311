"""What takes too long for the window and needs no model: a file to be read, distances to be sorted."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from explorer.workers.latest import Latest
from explorer.workers.thread import Worker, be_polite, failure


@dataclass(frozen=True)
class _Job:
    number: int
    make: Callable[[], object]


class Aside(Worker):
    """Does the newest of the jobs that it is given, beside the window.

    ``done`` carries the job's number and what it made. A job that was not begun when a newer one came is forgotten;
    what goes wrong is told by ``failed`` with a Failure and does not end the thread.
    """

    done = Signal(int, object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._mailbox = Latest((_Job,))
        self._jobs = 0
        self._stopped = False

    def submit(self, make: Callable[[], object]) -> int:
        """Leave a job and return its number; it holds plain values and arrays only, and touches no widget."""
        self._jobs += 1
        if not self._stopped:
            self._mailbox.submit(_Job(self._jobs, make))
            if not self.isRunning():
                self.start()
        return self._jobs

    def stop(self, milliseconds: int = 10_000) -> bool:
        """End the thread for good, after the job it is in, and return whether it did in time."""
        self._stopped = True
        self._mailbox.close()
        return super().stop(milliseconds)

    def work(self) -> None:
        """Do jobs until closed."""
        be_polite()
        while (job := self._mailbox.take(wait=True)) is not None:
            assert isinstance(job, _Job)
            try:
                made = job.make()
            except Exception as error:  # noqa: BLE001  # this job failed, the next one may not
                self.failed.emit(failure(error))
            else:
                self.done.emit(job.number, made)

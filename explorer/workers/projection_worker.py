"""Projections of a latent map in the background: PCA at once, t-SNE while it is found; the newest request wins."""

import time

from PySide6.QtCore import QObject, Signal

from explorer.chain_messages import RequestFailure
from explorer.latent_messages import ProjectRequest
from explorer.workers.latest import Latest
from explorer.workers.thread import Worker, be_polite, failure

_TELL_SECONDS = 0.5


class ProjectionWorker(Worker):
    """Answers ProjectRequests: ``projected`` carries a Projected, t-SNE's about twice a second until it is done.

    A newer request, ``cancel`` and ``stop`` end the one that is under way after the step it is in; nothing more is said
    of it. ``failed`` carries a RequestFailure; it does not end the thread.
    """

    projected = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("projection")
        self._mailbox = Latest((ProjectRequest,))
        self._wanted: ProjectRequest | None = None
        self._stopped = False

    def submit(self, request: ProjectRequest) -> None:
        """Project this instead of whatever is under way; the thread starts with the first request."""
        if self._stopped:
            return
        self._wanted = request
        self._mailbox.submit(request)
        if not self.isRunning():
            self.start()

    def cancel(self) -> None:
        """End what is under way; the thread waits for the next request."""
        self._wanted = None

    def stop(self, milliseconds: int = 10_000) -> bool:
        """End the thread for good, after the step it is in, and return whether it did in time."""
        self._stopped = True
        self._wanted = None
        self._mailbox.close()
        return super().stop(milliseconds)

    def work(self) -> None:
        """Project until closed."""
        be_polite()
        while not self.isInterruptionRequested():
            request = self._mailbox.take(wait=True)
            if not isinstance(request, ProjectRequest):
                continue
            try:
                self._project(request)
            except Exception as error:  # noqa: BLE001  # this request failed, the next one may not
                if self._wanted is request:
                    told = failure(error)
                    self.failed.emit(RequestFailure(told.text, told.details, request.request))

    def _project(self, request: ProjectRequest) -> None:
        from explorer.inference.projections import projected

        said = 0.0
        for state in projected(request):
            if self._wanted is not request:
                return
            if state.done == 1 or time.monotonic() - said >= _TELL_SECONDS:
                said = time.monotonic()
                self.projected.emit(state)

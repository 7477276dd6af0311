"""PCA and t-SNE of the latent map: from the map's wish to the thread that finds them, and back."""

from PySide6.QtCore import QObject, Signal, Slot

from explorer.chain_messages import RequestFailure
from explorer.latent_messages import Projected, ProjectionMethod, ProjectRequest
from explorer.messages import Failure
from explorer.ui.jobs import Jobs
from explorer.ui.latent_map import LatentScatter
from explorer.ui.strip_mode import next_request
from explorer.workers.projection_worker import ProjectionWorker

_METHODS: dict[str, ProjectionMethod] = {"pca": "pca", "tsne": "tsne"}


class MapProjection(QObject):
    """Answers what a map wants; t-SNE is a job of its page. ``problem`` carries a Failure."""

    problem = Signal(object)

    def __init__(self, shown: LatentScatter, jobs: Jobs) -> None:
        super().__init__(shown)
        self._map, self._jobs = shown, jobs
        self._waits_for = 0
        self.worker = ProjectionWorker(self)
        self.worker.projected.connect(self._projected)
        self.worker.failed.connect(self._failed)
        shown.projection_wanted.connect(self._wanted)

    @Slot(str)
    def _wanted(self, method: str) -> None:
        if method in _METHODS and self._map.latents is not None:
            self._waits_for = next_request()
            self.worker.submit(ProjectRequest(self._waits_for, _METHODS[method], self._map.latents.means))
        else:
            self.cancel()

    def cancel(self) -> None:
        """Wait for nothing any more."""
        self._waits_for = 0
        self.worker.cancel()
        self._jobs.tell(self, None, self.cancel)

    @Slot(object)
    def _projected(self, projected: Projected) -> None:
        if projected.request == self._waits_for:
            self._map.set_projection(projected)
            self._jobs.tell(self, ("t-SNE", projected.done) if projected.done < 1 else None, self._map.stop_projection)

    @Slot(object)
    def _failed(self, failure: Failure) -> None:
        if isinstance(failure, RequestFailure) and failure.request != self._waits_for:
            return  # nobody waits for it any more
        self._map.stop_projection()
        self.problem.emit(failure)

    def shutdown(self) -> bool:
        """End the thread; return whether it ended in time."""
        return self.worker.stop()

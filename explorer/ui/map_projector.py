"""Principal components and t-SNE of the means: asked for, taken as they come, and kept while the model stays."""

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from explorer.latent_messages import Projected
from explorer.messages import Floats
from explorer.ui.map_planes import NeighbourPlane, Plane, PrincipalPlane
from explorer.ui.map_progress import MapProgress

NAMES = {"pca": "PCA", "tsne": "t-SNE"}


class MapProjector(QObject):
    """``wanted`` carries a method to be computed elsewhere, "" to stop; ``found`` the Plane that is to be shown now.

    ``given_up`` tells that there will be none.
    """

    wanted = Signal(str)
    found = Signal(object)
    given_up = Signal()

    def __init__(self, progress: MapProgress) -> None:
        super().__init__(progress)
        self._progress = progress
        progress.cancelled.connect(self.cancel)
        self._means: Floats | None = None
        self._has_prior = False
        self._kept: dict[str, Plane] = {}
        self.waiting = ""

    def set_means(self, means: Floats | None, *, has_prior: bool) -> None:
        """Begin anew with means (items, latent)."""
        self.leave()
        self._means, self._has_prior, self._kept = means, has_prior, {}

    def want(self, method: str) -> None:
        """Show a projection: at once where it is known, else when it comes."""
        self.leave()
        if method in self._kept:
            self.found.emit(self._kept[method])
            return
        self.waiting = method
        self._progress.begin(NAMES[method])
        self.wanted.emit(method)

    def take(self, projected: Projected) -> None:
        """Take a projection, whole or on its way; what nobody waits for is dropped."""
        if projected.method != self.waiting or self._means is None or len(projected.positions) != len(self._means):
            return
        plane = self._plane(projected)
        if projected.done >= 1:
            self._kept[projected.method] = plane
            self.waiting = ""
            self._progress.end()
        else:
            self._progress.tell(projected.done)
        self.found.emit(plane)

    def _plane(self, projected: Projected) -> Plane:
        assert self._means is not None
        if projected.method == "tsne":
            everything = np.ones(len(self._means), bool)
            return NeighbourPlane(projected.positions, self._means, everything)
        shares = [f" · {share * 100:.0f} % of the variance" for share in projected.explained] or ["", ""]
        names = (f"principal component 1{shares[0]}", f"principal component 2{shares[-1]}")
        return PrincipalPlane(projected.center, projected.components, names, self._has_prior)

    def leave(self) -> None:
        """Wait no longer."""
        if self.waiting:
            self.waiting = ""
            self._progress.end()
            self.wanted.emit("")

    @Slot()
    def cancel(self) -> None:
        """Stop what is being computed."""
        if self.waiting:
            self.leave()
            self.given_up.emit()

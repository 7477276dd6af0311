"""The head of the map: in which plane the latent space is looked at, and what is drawn."""

from PySide6.QtWidgets import QHBoxLayout, QWidget

from explorer.ui import theme
from explorer.ui.map_choice import MapChoice
from explorer.ui.map_planes import LinePlane, Plane

_PLANES = (
    ("axes", "z₀ × z₁", "Two dimensions of z as axes; click again to choose which"),
    ("pca", "PCA", "The two principal components of the means: the directions in which they spread most"),
    (
        "tsne",
        "t-SNE",
        "An embedding that keeps neighbours together; its distances and axes mean nothing, and every place stands for "
        "the item nearest to it",
    ),
)
_LOOKS = (
    ("points", "points", "Each item as a point"),
    ("density", "density", "How many items there are in each place, smoothed"),
    (
        "grid",
        "decoded grid",
        "What the decoder makes of each place that is seen; the other dimensions as on the sliders",
    ),
)
_NO_GRID = "A place in a t-SNE embedding has no z to decode; choose two dimensions or PCA"
_NO_PLANE = "A model with one dimension has no plane to decode"


class MapHead(QWidget):
    """Two choices beside each other."""

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.GRID)
        self.planes, self.looks = MapChoice(_PLANES, "plane"), MapChoice(_LOOKS, "what is drawn")
        row.addWidget(self.planes)
        row.addWidget(self.looks)

    def fold(self, folded: bool) -> None:
        """Be two menus, or two rows of buttons."""
        self.planes.fold(folded)
        self.looks.fold(folded)

    def offer_projections(self, there: bool) -> None:
        """Offer PCA and t-SNE, or have only the axes: there is nothing to project."""
        for key in ("pca", "tsne"):
            self.planes.offer(key, there=there)

    def show_plane(self, plane: Plane, axes: str, look: str) -> None:
        """Show what the axes are called and what is drawn, and offer the decoded grid where a plane has one."""
        self.planes.set_text("axes", axes)
        problem = _NO_PLANE if isinstance(plane, LinePlane) else _NO_GRID
        self.looks.offer("grid", "" if plane.decodes else problem)
        self.looks.set_key(look)

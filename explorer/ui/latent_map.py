"""The latent map: where the encoder puts the data, and a cursor in it that can be walked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QPoint, Signal, Slot
from PySide6.QtGui import QResizeEvent

from explorer.latent_messages import MapItems, Projected
from explorer.messages import Floats, LatentMap, Pixels
from explorer.ui.export import ExportMenu
from explorer.ui.facts import spaced
from explorer.ui.map_axes import AxesChoice
from explorer.ui.map_canvas import MapCanvas
from explorer.ui.map_card import MapCard
from explorer.ui.map_colors import TERMS
from explorer.ui.map_export import MapExports
from explorer.ui.map_foot import MapFoot
from explorer.ui.map_hand import WALK, MapHand
from explorer.ui.map_head import MapHead
from explorer.ui.map_key import MapKey
from explorer.ui.map_planes import AxesPlane, LinePlane, NeighbourPlane, Plane
from explorer.ui.map_progress import MapProgress
from explorer.ui.map_projector import MapProjector
from explorer.ui.map_reactions import MapReactions
from explorer.ui.panel import Panel
from explorer.ui.plot_head import Title

EMPTY = "Open a VAE from the Models page to see where its encoder puts the data."
_MEANS = "Each point is the mean μ(x) of q(z|x) for one item of the data set"
_CODES = "Each point is the code of one item of the data set: this encoder is deterministic"
_FOLDED = 800  # pixels of the panel's width below which choices are menus


class LatentScatter(Panel):
    """Points, cursor and choices; z is always (latent,) in units of the prior.

    ``walked`` carries the z of a click or of a drag that ends with ``walk_ended``, ``second_picked`` that of a click
    with Shift; ``item_chosen`` the item that was clicked with Ctrl, ``selected`` the indices (items,) within a box or
    lasso. ``projection_wanted`` carries "pca", "tsne", or "" to stop; ``plane_wanted`` z (items, latent) and how many
    columns of pictures they are, for ``set_plane``.

    Attributes:
        provenance: what a file says of the model, asked when one is saved.
    """

    walked = Signal(object)
    walk_ended = Signal()
    item_chosen = Signal(int)
    second_picked = Signal(object)
    selected = Signal(object)
    projection_wanted = Signal(str)
    plane_wanted = Signal(object, int)

    def __init__(self) -> None:
        super().__init__()
        self.latents: LatentMap | None = None
        self.items: MapItems | None = None
        self.names: Sequence[str] = ()
        self.z: Floats = np.zeros(2, np.float32)
        self.axes = (0, 1)
        self.provenance: Callable[[], Mapping[str, object]] | None = None
        self._has_prior = False
        self._look = "points"
        self.canvas = MapCanvas()
        self.exports = ExportMenu(self)
        self._build()
        self.card, self.hand = MapCard(self.canvas), MapHand(self.canvas)
        self.projector = MapProjector(self.progress)
        self.reactions = MapReactions(self)
        self._connect()
        MapExports(self)
        self.clear()

    def _build(self) -> None:
        plain, self.title = self.title, Title("Latent space")
        self.title.setProperty("role", "title")
        self.title.setToolTip(_MEANS)
        self.title.setSizePolicy(plain.sizePolicy())
        self.head.replaceWidget(plain, self.title)
        plain.hide()  # it is deleted when the event loop runs again
        plain.deleteLater()
        self.choices = MapHead()
        self.planes, self.looks = self.choices.planes, self.choices.looks
        self.head.addWidget(self.choices)
        self.key, self.foot = MapKey(self.canvas, self.exports), MapFoot()
        self.body.addWidget(self.key)
        self.body.addWidget(self.canvas, 1)
        self.body.addWidget(self.foot)
        self.progress = MapProgress(self.canvas)
        self.axes_choice = AxesChoice(self)

    def _connect(self) -> None:
        self.planes.chosen.connect(self._choose_plane)
        self.looks.chosen.connect(self._choose_look)
        self.axes_choice.chosen.connect(self.set_axes)
        self.key.classes_changed.connect(self._classes_changed)
        self.key.tools.tool_chosen.connect(self.take_tool)
        self.key.tools.fit_wanted.connect(self.canvas.fit)
        self.key.tools.equal_wanted.connect(self.canvas.set_equal)
        self.hand.equal_wanted.connect(self.key.tools.equal.toggle)
        self.canvas.settled.connect(self._settled)
        self.projector.wanted.connect(self.projection_wanted)
        self.projector.found.connect(self._show_plane)
        self.projector.given_up.connect(self._back_to_axes)
        self.hand.tool_wanted.connect(self.take_tool)
        self.hand.menu_wanted.connect(self._menu)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold the choices into menus where there is little room."""
        self.choices.fold(self.width() < _FOLDED)

    # ---- the model ----

    def set_map(
        self,
        latent_map: LatentMap,
        names: Sequence[str],
        items_are: str = "images",
        levels: Sequence[int] = (),
        class_names: Sequence[str] = (),
    ) -> None:
        """Show the means of a model; its two most informative dimensions become the axes.

        Args:
            latent_map: means (items, latent) with their classes.
            names: of the dimensions.
            items_are: "images" or "points".
            levels: the sizes of a hierarchy.
            class_names: where classes have other names than their numbers.
        """
        self.latents, self.names, self.items = latent_map, list(names), None
        self._has_prior = len(latent_map.kl_per_dimension) > 0
        items, size = latent_map.means.shape
        kind = "test" if latent_map.split == "test" else "training"
        what = "q(z|x) means" if self._has_prior else "codes"
        self.title.setText(f"Latent space · {what} of {spaced(items)} {kind} {items_are}")
        self.title.setToolTip(_MEANS if self._has_prior else _CODES)
        self.z = np.zeros(size, np.float32)
        order = latent_map.order()
        self.axes = (order[0], order[1] if size > 1 else order[0])
        self.canvas.hint = ""
        self._enable(True)
        self.choices.offer_projections(size > 2)
        self.axes_choice.set_dimensions([(k, self._dimension(k, levels)) for k in order])
        self.projector.set_means(latent_map.means, has_prior=self._has_prior)
        self.canvas.forget()
        self.foot.begin("point" if items_are == "points" else "image")
        self.hand.can_escape = False
        self.take_tool(WALK)
        self.key.set_classes(latent_map.labels, class_names, list(TERMS) if self._has_prior else ["reconstruction"])
        self.planes.set_key("axes")
        self._show_plane(self._axes_plane(), move=False)
        self.set_cursor(self.z)

    def _dimension(self, k: int, levels: Sequence[int]) -> str:
        """Return what a dimension is called in the choice of axes."""
        assert self.latents is not None
        kl = self.latents.kl_per_dimension
        worth = f"   {kl[k]:.2f} nats" if len(kl) else ""
        level = f" · level {1 + int(np.searchsorted(np.cumsum(levels), k, 'right'))}" if len(levels) > 1 else ""
        return f"{self.names[k]}{worth}{level}"

    def clear(self, hint: str = EMPTY) -> None:
        """Show nothing but a hint of what to do next."""
        self.latents = self.items = None
        self.projector.set_means(None, has_prior=False)
        self.title.setText("Latent space")
        self.reactions.leave()
        self.canvas.forget()
        self.canvas.points.set_places(np.zeros((0, 2), np.float32))
        self.canvas.hint = hint
        self.key.set_classes(np.zeros(0, np.int64), ())
        self.foot.begin()
        self._enable(False)

    def _enable(self, there: bool) -> None:
        for part in (self.choices, self.key):
            part.setEnabled(there)

    def set_items(self, items: MapItems) -> None:
        """Take what the points are: pictures for the cards, terms and factors to colour by."""
        if self.latents is not None:
            self.items = items
            self.key.set_items(items)
            self.reactions.tell()

    # ---- planes ----

    def _axes_plane(self) -> Plane:
        assert self.latents is not None
        unit = " (σ of the prior)" if self._has_prior else " (σ of the codes)"
        first, second = (f"{self.names[k]}{unit}" for k in self.axes)
        if self.latents.means.shape[1] == 1:
            down = "class" if len(np.unique(self.latents.labels)) > 1 else "scattered"
            return LinePlane(self.latents.labels, (first, down))
        return AxesPlane(self.axes, (first, second), self._has_prior)

    @Slot(str)
    def _choose_plane(self, key: str) -> None:
        if self.latents is None:
            return
        if key != "axes":
            self.projector.want(key)
        elif self.canvas.plane.kind not in ("axes", "line"):
            self.projector.leave()
            self._show_plane(self._axes_plane())
        else:
            self.projector.leave()
            if self.axes_choice.isVisible():
                self.axes_choice.hide()
            elif self.latents.means.shape[1] > 1:
                self.axes_choice.set_axes(self.axes)
                self.axes_choice.open_below(self.planes)

    @Slot()
    def _back_to_axes(self) -> None:
        self.planes.set_key("axes")
        if self.latents is not None and self.canvas.plane.kind not in ("axes", "line"):
            self._show_plane(self._axes_plane())

    @Slot(object)
    def set_axes(self, axes: tuple[int, int]) -> None:
        """Put two dimensions on the axes; one that is on the other axis already changes places with this one's."""
        if self.latents is None or axes == self.axes:
            return
        if axes[0] == axes[1]:
            axes = self.axes[1], self.axes[0]
        self.axes = axes
        self.axes_choice.set_axes(axes)
        self.projector.leave()
        self.planes.set_key("axes")
        self._show_plane(self._axes_plane())

    @Slot(object)
    def _show_plane(self, plane: Plane, move: bool = True) -> None:
        if self.latents is None:
            return
        if isinstance(plane, NeighbourPlane):
            plane = replace(plane, shown=self.canvas.points.shown)
        self._set_look(self._look if plane.decodes or self._look != "grid" else "points")
        names = [self.names[k] for k in self.axes]
        self.choices.show_plane(plane, " × ".join(names if len(self.names) > 1 else names[:1]), self.canvas.look)
        self.reactions.leave()
        self.canvas.set_plane(plane, plane.positions(self.latents.means), move=move)
        self._place_marks()
        self.canvas.stale()

    def set_projection(self, projected: Projected) -> None:
        """Take a projection that was asked for, whole or on its way."""
        self.projector.take(projected)

    def stop_projection(self) -> None:
        """Wait no longer for a projection, because it failed: go back to two dimensions."""
        self.projector.cancel()

    # ---- looks ----

    @Slot(str)
    def _choose_look(self, key: str) -> None:
        self._look = key
        self._set_look(key)
        self._settled()

    def _set_look(self, look: str) -> None:
        self.reactions.leave()
        self.canvas.look = look
        self.key.set_dark(look == "grid")

    @Slot()
    def _settled(self) -> None:
        """Ask for the decoded grid of what is seen, and say what its colours stand for."""
        canvas = self.canvas
        if self.latents is None or canvas.moving:
            return
        self.key.show_range()
        if canvas.look == "grid" and canvas.plane.decodes and canvas.isVisible():
            asked = canvas.grid.ask(canvas.view, canvas.plane, self.z)
            if asked is not None:
                self.plane_wanted.emit(*asked)

    def set_plane(self, pixels: Pixels, z: Floats | None = None) -> None:
        """Show the pictures that ``plane_wanted`` asked for; ``z``, where given, tells which those are."""
        if self.canvas.grid.take(pixels, z):
            self.canvas.stale()

    def refresh_plane(self) -> None:
        """Ask for the decoded grid anew: the decoder is told another class."""
        self.canvas.grid.again()
        self._settled()

    @Slot()
    def _classes_changed(self) -> None:
        self.reactions.leave()
        if isinstance(self.canvas.plane, NeighbourPlane):
            self.canvas.plane = replace(self.canvas.plane, shown=self.canvas.points.shown)

    # ---- marks ----

    @property
    def cursor_at(self) -> tuple[float, float]:
        """Return where the cursor is, in the units of the axes."""
        return self.canvas.marks.places["cursor"]

    def _place_marks(self) -> None:
        if self.latents is not None:
            self.canvas.marks.place(self.canvas.plane, self.latents.means.shape[1])
            self.canvas.update()

    def set_cursor(self, z: Floats) -> None:
        """Put the cursor where z is, and the decoded grid through z."""
        if self.latents is None or len(z) != self.latents.means.shape[1]:
            return
        self.z = np.array(z, np.float32)
        self.canvas.marks.cursor = self.z
        self.canvas.marks.place_cursor(self.canvas.plane)
        self.canvas.update()
        if self.canvas.look == "grid":
            self.canvas.rest()

    def set_second(self, z: Floats | None) -> None:
        """Mark the other end of an interpolation."""
        self.canvas.marks.second = z
        self._place_marks()

    def set_posterior(self, mean: Floats | None, sigma: Floats | None) -> None:
        """Draw q(z|x) = N(mean, diag(sigma²)) of the chosen image, at 1 and 2 σ."""
        there = mean is not None and sigma is not None and len(sigma) == len(mean)
        self.canvas.marks.posterior = (mean, sigma) if there and mean is not None and sigma is not None else None
        self._place_marks()

    def set_path(self, zs: Floats | None) -> None:
        """Draw a way through z (places, latent)."""
        self.canvas.marks.path = zs
        self._place_marks()

    def set_mark(self, z: Floats | None) -> None:
        """Mark where the image is that was drawn or dropped."""
        self.canvas.marks.drawn = z
        self._place_marks()

    def set_saved(self, saved: Sequence[tuple[str, Floats]]) -> None:
        """Mark saved places with their names."""
        self.canvas.marks.saved = list(saved)
        self._place_marks()

    # ---- tools ----

    @Slot(str)
    def take_tool(self, tool: str) -> None:
        """Take "walk", "box" or "lasso" in hand."""
        self.hand.set_tool(tool)
        self.key.tools.show_tool(tool)
        self.foot.show_tool(tool)

    @Slot(QPoint)
    def _menu(self, at: QPoint) -> None:
        self.exports.popup(at)

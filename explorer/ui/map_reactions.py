"""What walking, picking, hovering and selecting in the map comes to: z, items, sets of items."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF, Slot

from explorer.nearest import Nearest
from explorer.ui.facts import spaced
from explorer.ui.map_card import describe
from explorer.ui.map_colors import Groups
from explorer.ui.map_planes import NeighbourPlane, Place
from explorer.ui.map_selection import inside

if TYPE_CHECKING:
    from explorer.ui.latent_map import LatentScatter

_NAMED = 2  # groups of a selection that are named in short
REACH = 8  # pixels around the mouse in which a point counts as meant
FARTHEST = 6.0  # σ of the prior that one can always walk to; farther out only as far as there are items
_NOTHING = np.zeros(0, np.int64)


class MapReactions(QObject):
    """Listens to the hand of a map, and speaks by the map's signals."""

    def __init__(self, shown: "LatentScatter") -> None:
        super().__init__(shown)
        self._map = shown
        self._finder: tuple[Nearest, NDArray[np.intp], tuple[int, float]] | None = None
        hand = shown.hand
        self._before: NDArray[np.float32] | None = None
        hand.walk_began.connect(self._begin)
        hand.walked.connect(self._walk)
        hand.walk_undone.connect(self._go_back)
        hand.walk_ended.connect(shown.walk_ended)
        hand.picked.connect(self._pick_second)
        hand.hovered.connect(self._hover)
        hand.chosen.connect(self._choose)
        hand.paired.connect(self._pair)
        hand.stepped.connect(self._step)
        hand.enclosed.connect(self._enclosed)
        hand.escaped.connect(self.clear_selection)

    def leave(self) -> None:
        """Hover over nothing: what is shown changes."""
        self._hover(None)

    # ---- finding ----

    def nearest(self, pixel: QPointF) -> tuple[int, float]:
        """Return the shown item nearest to a pixel, and how many pixels away it is; −1 where there is none."""
        canvas = self._map.canvas
        across, up = canvas.view.scale
        key = canvas.points.version, round(up / across, 6)
        if self._finder is None or self._finder[2] != key:
            chosen = canvas.points.visible
            stretched = canvas.points.places[chosen] * np.array([1.0, key[1]], np.float32)
            self._finder = Nearest(stretched), chosen, key
        finder, chosen, _ = self._finder
        x, y = canvas.view.place(pixel)
        found, distances = finder.query((x, y * key[1]), 1)
        if not len(found):
            return -1, np.inf
        return int(chosen[found[0]]), float(distances[0]) * across

    # ---- walking ----

    def _within_reach(self, place: Place) -> Place:
        """Return a place that is no farther out than a typed value or an item can be."""
        low, high = self._map.canvas.points.bounds
        x, y = np.clip(place, np.minimum(low, -FARTHEST), np.maximum(high, FARTHEST)).tolist()
        return x, y

    def _lift(self, place: Place) -> NDArray[np.float32]:
        shown = self._map
        return np.asarray(shown.canvas.plane.lift(np.array([self._within_reach(place)]), shown.z)[0], np.float32)

    @Slot()
    def _begin(self) -> None:
        """Remember where a walk began."""
        self._before = self._map.z.copy()

    @Slot()
    def _go_back(self) -> None:
        """Go back to where the last walk began: a double click fits, it does not walk."""
        if self._map.latents is not None and self._before is not None and len(self._before) == len(self._map.z):
            self._map.set_cursor(self._before)
            self._map.walked.emit(self._before)
            self._map.walk_ended.emit()

    @Slot(object)
    def _walk(self, place: Place) -> None:
        if self._map.latents is not None:
            z = self._lift(place)
            self._map.set_cursor(z)
            self._map.walked.emit(z)

    @Slot(object)
    def _pick_second(self, place: Place) -> None:
        if self._map.latents is not None:
            self._take_second(self._lift(place))

    def _take_second(self, z: NDArray[np.float32]) -> None:
        self._map.set_second(z)
        self._map.second_picked.emit(z)

    @Slot()
    def _pair(self) -> None:
        """Take the mean of the item under the mouse, else of that nearest to the cursor, as second place."""
        item = self._meant()
        if item >= 0 and self._map.latents is not None:
            self._take_second(self._map.latents.means[item].copy())

    @Slot(object)
    def _step(self, step: tuple[int, int, float]) -> None:
        """Walk by an arrow key: so many σ, or in an embedding to the next item that way; tell what is there."""
        columns, rows, length = step
        canvas = self._map.canvas
        at = canvas.marks.places.get("cursor")
        if at is None:
            return
        if isinstance(canvas.plane, NeighbourPlane):
            place = self._next(at, columns, rows)
        else:
            place = at[0] + columns * length, at[1] + rows * length
        self._walk(place)
        self._map.walk_ended.emit()
        self._hover(canvas.view.pixel(*canvas.marks.places["cursor"]))

    def _next(self, at: Place, columns: int, rows: int) -> Place:
        """Return where the nearest shown item is in a quarter of the plane."""
        places = self._map.canvas.points.places[self._map.canvas.points.visible]
        away = places - np.asarray(at, np.float32)
        along = away @ np.array([columns, rows], np.float32)
        aside = np.abs(away @ np.array([rows, columns], np.float32))
        there = np.flatnonzero((along > 1e-6) & (aside <= along))
        if not len(there):
            return at
        x, y = places[there[np.square(away[there]).sum(1).argmin()]].tolist()
        return x, y

    # ---- hovering ----

    @Slot(object)
    def _hover(self, pixel: QPointF | None) -> None:
        """Show what the point under the mouse is."""
        shown, canvas = self._map, self._map.canvas
        item = -1
        quiet = shown.latents is None or canvas.moving or shown.hand.busy or canvas.look == "density"
        if pixel is not None and not quiet and canvas.view.area.contains(pixel):
            found, pixels = self.nearest(pixel)
            item = found if pixels <= REACH else -1
        if item == canvas.hovered:
            return
        canvas.hovered = item
        canvas.update()
        self.tell()

    def tell(self) -> None:
        """Say on the card what is known of the item under the mouse."""
        shown, canvas = self._map, self._map.canvas
        item = canvas.hovered
        if item < 0 or shown.latents is None:
            shown.card.hide()
            return
        labels = shown.latents.labels
        key = shown.key
        name = key.class_name(int(labels[item]))
        said = describe(item, labels, name, shown.items, awaited=key.awaited, noun=key.classes.noun)
        at = canvas.marks.places.get("cursor")
        cursor = canvas.view.pixel(*at) if at is not None else None
        canvas.setAccessibleDescription(said.text)
        shown.card.point_at(said, canvas.view.pixel(*canvas.points.places[item].tolist()), cursor)

    def _meant(self) -> int:
        """Return the item under the mouse, else the one nearest to the cursor; −1 where there is none."""
        canvas = self._map.canvas
        item, at = canvas.hovered, canvas.marks.places.get("cursor")
        if item < 0 and not canvas.underMouse() and at is not None:
            item, _ = self.nearest(canvas.view.pixel(*at))
        return item

    @Slot()
    def _choose(self) -> None:
        item = self._meant()
        if item >= 0:
            self._map.item_chosen.emit(item)

    # ---- selecting ----

    @Slot(object)
    def _enclosed(self, corners: NDArray[np.float64]) -> None:
        """Select the points that are shown within a line."""
        points = self._map.canvas.points
        found = points.shown & inside(corners, points.places)
        if self._map.hand.adding:
            found[points.selected] = True
        self.select(np.flatnonzero(found).astype(np.int64))

    @Slot()
    def clear_selection(self) -> None:
        """Select nothing."""
        self.select(_NOTHING)

    def select(self, indices: NDArray[np.int64]) -> None:
        """Ring some items, say how many, and tell."""
        shown = self._map
        if shown.latents is None or (not len(indices) and not len(shown.canvas.points.selected)):
            return
        shown.canvas.points.select(indices)
        shown.canvas.stale()
        shown.hand.can_escape = len(indices) > 0
        if len(indices):
            of, each = (f" · {said}" if said else "" for said in shares(shown.key.groups, indices))
            shown.foot.count(f"{spaced(len(indices))} selected{of}", each.removeprefix(" · "))
        else:
            shown.foot.count("")
        shown.selected.emit(indices)


def shares(groups: Groups, indices: NDArray[np.int64]) -> tuple[str, str]:
    """Return of which groups some items are: the two that have most in short, and how many items each of all has.

    Both are "" where there is one group only.
    """
    if not len(groups.values) or bool((groups.values == groups.values[0]).all()):
        return "", ""
    numbers, counts = (found.tolist() for found in np.unique(groups.values[indices], return_counts=True))
    ordered = sorted(zip(counts, numbers, strict=True), key=lambda found: (-found[0], found[1]))
    if len(ordered) == 1:
        return f"all {groups.full_name(ordered[0][1])}", ""
    most = [f"{groups.name(k)} ({100 * count / len(indices):.0f} %)" for count, k in ordered[:_NAMED]]
    noun = groups.noun if groups.name(ordered[0][1])[-1:].isdecimal() else ""
    others = len(ordered) - _NAMED
    rest = f" and {others} other{'s' * (others > 1)}" if others > 0 else ""
    each = ", ".join(f"{groups.full_name(k)}: {spaced(count)}" for count, k in ordered)
    return f"{noun} {', '.join(most)}{rest}".strip(), each

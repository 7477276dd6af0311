"""The key of the map: what colours mean, by classes or by values, which classes are shown, and the map's tools."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from explorer.latent_messages import MapItems
from explorer.ui import map_colors, theme
from explorer.ui.export import ExportMenu
from explorer.ui.heat_strip import viridis
from explorer.ui.map_canvas import MapCanvas
from explorer.ui.map_color_bar import ColorBar
from explorer.ui.map_colors import CLASS, Groups
from explorer.ui.map_legend import MapLegend
from explorer.ui.map_planes import NeighbourPlane
from explorer.ui.map_tools import MapTools

_NOTHING = np.zeros(0, np.int64)


class MapKey(QWidget):
    """Colours and hides the points of a canvas; ``classes_changed`` when other classes are shown.

    Attributes:
        classes: of the points; ``groups`` are those of the legend: the classes, or the few values of a factor.
    """

    classes_changed = Signal()

    def __init__(self, canvas: MapCanvas, exports: ExportMenu) -> None:
        super().__init__()
        self._canvas = canvas
        self.classes = self.groups = Groups(CLASS, "class", _NOTHING)
        self._items: MapItems | None = None
        self._terms: Sequence[str] = ()
        self._dark = False
        self.coloring = map_colors.by_class(_NOTHING, theme.colors())
        self.legend, self.bar, self.tools = MapLegend(), ColorBar(), MapTools(exports)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.GRID)
        row.addWidget(self.bar)
        row.addWidget(self.legend, 1)
        row.addWidget(self.tools)
        self.tools.colored.connect(self.color_by)
        self.legend.changed.connect(self._hide)
        theme.current().changed.connect(self._recolor)

    def set_classes(self, labels: NDArray[np.int64], names: Sequence[str], terms: Sequence[str] = ()) -> None:
        """Begin anew with the classes (items,) of the points and their names.

        ``terms`` are those of the ELBO that such a model has, to be found later.
        """
        self.classes, self._items, self._terms = Groups(CLASS, "class", labels, names), None, terms
        self._several = len(labels) > 0 and bool((labels != labels[0]).any())
        self._canvas.points.set_shown(np.ones(len(labels), bool))
        self._tell_apart(self.classes, begins=True)
        self.tools.offer(map_colors.offered({}, {}), CLASS, "")
        self.color_by(CLASS)

    def _tell_apart(self, groups: Groups, *, begins: bool = False) -> None:
        """Show the entries of other groups; all of those are shown."""
        if groups is self.groups and not begins:
            return
        hidden = self.legend.hidden if groups.key == self.groups.key and not begins else set()
        self.groups = groups
        numbers, counts = (found.tolist() for found in np.unique(groups.values, return_counts=True))
        self.legend.set_classes(dict(zip(numbers, counts, strict=True)), groups.name, groups.full_name, hidden)
        self._hide()

    def class_name(self, k: int) -> str:
        """Return what a class is called where nothing around it says that it is one; "" where there is only one."""
        return self.classes.full_name(k) if self._several else ""

    @property
    def awaited(self) -> list[str]:
        """Return which terms of the ELBO are still being found."""
        return map_colors.awaited(self._items, self._terms)

    def set_items(self, items: MapItems) -> None:
        """Take what the points can be coloured by; a factor that is the same as the class gives it its name."""
        self._items = items
        labels = self.classes.values
        same = (key for key, values in items.factors.items() if np.array_equal(values, labels))
        noun = next(same, "class") if self._several else "class"
        if noun != self.classes.noun:
            self.classes = replace(self.classes, noun=noun)
        choices = map_colors.offered(items.terms, items.factors, noun)
        key = self.coloring.key if self.coloring.key in dict(choices) else CLASS
        self.tools.offer(choices, key, items.note, [map_colors.TERMS[term][0] for term in self.awaited])
        self.color_by(key)

    @Slot(str)
    def color_by(self, key: str) -> None:
        """Colour the points by their class, a factor, or a term of the ELBO."""
        factors = self._items.factors if self._items is not None else {}
        values = factors.get(key, self._items.terms.get(key) if self._items is not None else None)
        groups = self.classes
        if values is None or len(values) != len(groups.values):
            self.coloring = map_colors.by_class(groups.values, self._canvas.ink)
        elif key in factors and (found := map_colors.few(key, values)) is not None:
            groups = self.groups if self.groups.key == key else found
            self.coloring = map_colors.by_class(groups.values, self._canvas.ink, key)
        else:
            self.coloring = map_colors.by_value(key, np.asarray(values))
        self._tell_apart(groups)
        self.tools.show_color(self.coloring.key)
        self.legend.set_ink(self._canvas.ink, colored=self.coloring.by_class)
        self._canvas.points.set_colors(self.coloring)
        self._canvas.stale()
        self.show_range()

    def set_dark(self, dark: bool) -> None:
        """Take colours that are seen on a dark ground, whatever the theme."""
        if dark != self._dark:
            self._dark = dark
            self.color_by(self.coloring.key)
        self._canvas.stale()

    def show_range(self) -> None:
        """Show which values colours stand for, of what is seen now."""
        canvas, coloring = self._canvas, self.coloring
        if canvas.look == "density" and len(canvas.points.visible):
            high = float(canvas.points.density(canvas.view).max(initial=0.0))
            per = "unit²" if isinstance(canvas.plane, NeighbourPlane) else "σ²"
            self.bar.set_range(viridis(), 0.0, high, f"items per {per}", "the most that is seen")
        elif coloring.by_class or canvas.look == "density":
            self.bar.clear()
        else:
            said = "the 1st and the 99th percentile"
            self.bar.set_range(coloring.palette[:-1], coloring.low, coloring.high, coloring.title, said)

    @Slot()
    def _recolor(self) -> None:
        self.color_by(self.coloring.key)

    @Slot()
    def _hide(self) -> None:
        if len(self.groups.values):
            self._canvas.points.set_shown(~np.isin(self.groups.values, list(self.legend.hidden)))
            self._canvas.stale()
            self.classes_changed.emit()
            self.show_range()

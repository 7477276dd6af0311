"""Places that were given names, to be returned to."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from explorer import images
from explorer.errors import ExplorerError
from explorer.latent_messages import Sheet
from explorer.messages import Failure, Floats, OpenedModel
from explorer.saved_points import SavedPoint, SavedPoints
from explorer.ui.panel import button
from explorer.ui.saved_tiles import SavedTiles
from explorer.ui.sheet_mode import Places, SheetMode, plain, z_table

_HINT = (
    "No place is saved yet. Go somewhere by map or sliders and press + save this place (Ctrl+D): it is kept with this "
    "model, and a click brings you back."
)


def open_store(model: OpenedModel) -> SavedPoints:
    """Return what is saved of a model, read.

    Raises:
        RunError: it cannot be read.
    """
    store = SavedPoints(str(model.provenance.get("weights_sha256", "")), model.latent_size, model.card.name)
    store.refresh()
    return store


class SavedMode(SheetMode):
    """The saved places of a model; ``saved`` carries (name, z) of each whenever that may have changed."""

    key, title = "saved", "saved"
    tip = "Places that you gave names, to return to"
    saved = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.store: SavedPoints | None = None
        self._removed: list[SavedPoint] = []
        self._to_name = ""
        self.tiles = SavedTiles()
        self.tiles.clicked.connect(self._go)
        self.tiles.named.connect(self._rename)
        self.tiles.delete.connect(self._delete)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tiles)
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.save = button("+ save this place", "Keep where the sliders and the cursor are now, under a name (Ctrl+D)")
        self.rename = button("rename", "Give the marked place another name (F2, or a double click on it)")
        self.delete = button("delete", "Delete the marked place (Del)")
        self.back = button("bring back", "Bring back the place that was deleted last")
        self.save.clicked.connect(self.save_here)
        self.rename.clicked.connect(self._rename_marked)
        self.delete.clicked.connect(self._delete_marked)
        self.back.clicked.connect(self._bring_back)
        for widget in (self.save, self.rename, self.delete, self.back):
            row.addWidget(widget)
        self.exports.add("saved-points", "Saved points (PNG)", ".png", self._png)
        self.exports.add("saved-points-z", "z of every saved point (CSV)", ".csv", self._csv)
        self._enable()

    # ---- what is saved ----

    @property
    def points(self) -> list[tuple[str, Floats]]:
        """Return name and z (latent,) of each saved place, for the map."""
        return [] if self.store is None else [(point.name, point.z) for point in self.store.points]

    def set_model(self, model: OpenedModel | None, names: list[str], hint: str = "") -> None:
        """Begin anew with a model; without one say why."""
        super().set_model(model, names, hint)
        self.store, self._removed, self._to_name = None, [], ""
        if model is not None:
            try:
                self.store = open_store(model)
                self._tell_trouble()
            except ExplorerError as error:
                self.problem.emit(Failure(str(error)))
        self.tiles.clear(hint or _HINT)
        self._changed()

    def come_up(self) -> None:
        """Look whether another window saved something, and show it."""
        self.up = True
        if self.store is not None:
            self._do(self.store.refresh)

    def _do(self, what: Callable[[], object]) -> bool:
        """Do something to the store; return whether it went well, and say so if not."""
        try:
            what()
        except ExplorerError as error:
            self.problem.emit(Failure(str(error)))
            return False
        self._tell_trouble()
        self._changed()
        return True

    def _tell_trouble(self) -> None:
        if self.store is not None and self.store.trouble:
            self.problem.emit(Failure(self.store.trouble))
            self.store.trouble = ""

    def _changed(self) -> None:
        if self.store is not None and not self.store.points:
            self.forget()
            self.tiles.clear(_HINT)
        self._ask()
        self._enable()
        self.saved.emit(self.points)
        self.changed.emit()

    @Slot()
    def save_here(self) -> None:
        """Save where the sliders and the cursor are; its name can be typed at once where one sees it."""
        if self.store is None or self.z is None:
            return
        store, z, label = self.store, self.z, self.label
        taken = {point.name for point in store.points}
        name = next(name for name in (f"point {n}" for n in range(1, len(taken) + 2)) if name not in taken)

        def add() -> None:
            made = store.add_point(name, z, label)
            self._to_name = made.key if self.up else ""

        if self._do(add):
            self.status.emit(f"saved this place as {name}; it is among the saved ones below the map")

    @Slot(int, str)
    def _rename(self, index: int, name: str) -> None:
        store, points = self.store, self._shown_points
        if store is not None and index < len(points):
            self._do(lambda: store.rename(points[index].key, name))

    @Slot(int)
    def _delete(self, index: int) -> None:
        store, points = self.store, self._shown_points
        if store is not None and index < len(points) and self._do(lambda: store.remove(points[index].key)):
            self._removed.append(points[index])
            self._enable()
            self.status.emit(f"deleted {points[index].name}; bring back takes it back")

    @Slot()
    def _bring_back(self) -> None:
        store = self.store
        if store is not None and self._removed and self._do(lambda: store.put_back(self._removed[-1])):
            self._removed.pop()
            self._enable()

    @Slot()
    def _rename_marked(self) -> None:
        self.tiles.edit(self.tiles.grid.selected)

    @Slot()
    def _delete_marked(self) -> None:
        self._delete(self.tiles.grid.selected)

    def _enable(self) -> None:
        marked = 0 <= self.tiles.grid.selected < len(self._shown_points)
        self.save.setEnabled(self.store is not None)
        self.rename.setEnabled(marked)
        self.delete.setEnabled(marked)
        self.back.setVisible(bool(self._removed))

    # ---- showing ----

    @property
    def heading(self) -> str:
        """Return what the strip's title says."""
        count = len(self.points)
        return f"Saved places · {count}" if count else "Saved places"

    @property
    def _shown_points(self) -> tuple[SavedPoint, ...]:
        return () if self.shown is None else self.shown.about

    def wanted(self) -> Places | None:
        """Return the saved places."""
        points = () if self.store is None else self.store.points
        if not points or self.model is None:
            return None
        labels = tuple(self._class_of(point) for point in points) if self.model.classes else (0,)
        return Places(_stacked(points), labels, points)

    def _class_of(self, point: SavedPoint) -> int:
        """Return a class that the model has: a file may say anything."""
        assert self.model is not None
        return min(max(point.label, 0), self.model.classes - 1)

    def show_sheet(self, sheet: Sheet, places: Places) -> None:
        """Show the pictures and names."""
        points: tuple[SavedPoint, ...] = places.about
        self.tiles.set_tiles(sheet.pixels, [point.name for point in points])
        self._mark()
        new = [index for index, point in enumerate(points) if point.key == self._to_name]
        if new:
            self._to_name = ""
            self.tiles.edit(new[0])

    def set_place(self, z: Floats, label: int) -> None:
        """Take where the cursor is; nothing here follows it but the mark."""
        super().set_place(z, label)
        self._mark()

    def _mark(self) -> None:
        """Mark the saved place at which the cursor is."""
        if self.z is None or self.model is None:
            return
        told = self.label if self.model.classes else None
        here = [
            index for index, point in enumerate(self._shown_points)
            if (told is None or point.label == told) and (point.z == self.z).all()
        ]  # fmt: skip
        if self.tiles.grid.selected not in here:
            self.tiles.grid.select(here[0] if here else -1)
        self._enable()

    @Slot(int)
    def _go(self, index: int) -> None:
        if self.model is None or index >= len(self._shown_points):
            return
        point = self._shown_points[index]
        self.tiles.grid.select(index)
        if self.model.classes:
            self.classed.emit(self._class_of(point))
        self.went.emit(point.z.copy())
        self.released.emit()
        self._enable()

    # ---- taking home ----

    def _png(self) -> bytes:
        assert self.sheet is not None
        made = [{"name": point.name, "z": plain(point.z), "label": point.label} for point in self._shown_points]
        columns = min(self.tiles.grid.columns, len(made))
        return images.png_bytes(
            images.sheet(self.sheet.pixels, columns), self.provenance(made="saved points", points=made)
        )

    def _csv(self) -> bytes:
        points = self._shown_points
        return z_table(
            ["name", "class"], [[point.name for point in points], [point.label for point in points]], _stacked(points)
        )


def _stacked(points: tuple[SavedPoint, ...]) -> Floats:
    stacked: Floats = np.stack([point.z for point in points])
    return stacked

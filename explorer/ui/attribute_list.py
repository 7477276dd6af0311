"""The attribute vectors of a model: the one that is made just now, and those that were kept under a name."""

from collections.abc import Callable

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut, Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from explorer.errors import ExplorerError
from explorer.messages import Failure, Floats, OpenedModel
from explorer.saved_points import LONGEST_NAME, SavedDirection, SavedPoints
from explorer.ui.name_field import NameField
from explorer.ui.panel import button
from explorer.ui.saved_mode import open_store


class AttributeList(QWidget):
    """``chosen`` says that another direction is the one to be used; ``problem`` and ``status`` as of a Page.

    Attributes:
        name, note, direction: of the one that is chosen; the direction (latent,) is None where there is none.
    """

    chosen = Signal()
    problem = Signal(object)
    status = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.store: SavedPoints | None = None
        self._own: tuple[str, Floats | None, str] = ("A − B", None, "")
        self._removed: SavedDirection | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.box = QComboBox()
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.box.setMinimumWidth(110)
        self.box.setMaximumWidth(190)
        self.box.setToolTip("Which attribute: A − B as chosen here, or one that was kept. F2 renames, Del deletes it")
        self.box.setAccessibleName("attribute")
        self.box.activated.connect(self._chosen)
        self.keep = button("keep", "Keep this direction under a name, with this model")
        self.keep.clicked.connect(self._keep)
        self.rename = button("rename", "Give the kept attribute another name (F2)")
        self.rename.clicked.connect(self._edit)
        self.delete = button("delete", "Delete the kept attribute (Del)")
        self.delete.clicked.connect(self._delete)
        self.back = button("bring back", "Bring back the attribute that was deleted last")
        self.back.clicked.connect(self._bring_back)
        for widget in (self.box, self.keep, self.rename, self.delete, self.back):
            row.addWidget(widget)
        for keys, act in ((Qt.Key.Key_F2, self._edit), (Qt.Key.Key_Delete, self._delete)):
            QShortcut(QKeySequence(keys), self.box, act, context=Qt.ShortcutContext.WidgetShortcut)
        self.field = NameField(self)
        self.field.named.connect(self._named)
        self.field.left.connect(self.box.setFocus)
        self._show("")

    # ---- what is chosen ----

    @property
    def _saved(self) -> SavedDirection | None:
        """Return the kept one that is chosen, None where it is A − B."""
        key = self.box.currentData()
        known = () if self.store is None else self.store.directions
        return next((one for one in known if one.key == key), None)

    @property
    def name(self) -> str:
        """Return its name."""
        return self._own[0] if self._saved is None else self._saved.name

    @property
    def direction(self) -> Floats | None:
        """Return it, (latent,)."""
        return self._own[1] if self._saved is None else self._saved.direction

    @property
    def note(self) -> str:
        """Return what it was made of."""
        return self._own[2] if self._saved is None else self._saved.note

    def set_model(self, model: OpenedModel | None) -> None:
        """Show what is kept of a model."""
        self.store, self._own, self._removed = None, ("A − B", None, ""), None
        if model is not None:
            self._do(lambda: setattr(self, "store", open_store(model)))
        self._show("")

    def set_own(self, name: str, direction: Floats | None, note: str) -> None:
        """Take the direction of A and B, and choose it."""
        self._own = (name, direction, note)
        self._show("")

    def refresh(self) -> None:
        """Look whether another window has kept or deleted one."""
        store, key = self.store, self.box.currentData()
        if store is not None:
            self._do(store.refresh)
            self._show(key)

    def _show(self, key: str) -> None:
        self.box.clear()
        self.box.addItem(self._own[0], "")
        for one in () if self.store is None else self.store.directions:
            self.box.addItem(one.name, one.key)
            self.box.setItemData(self.box.count() - 1, one.note, Qt.ItemDataRole.ToolTipRole)
        self.box.setCurrentIndex(max(0, self.box.findData(key)))
        self._enable()

    def _enable(self) -> None:
        saved = self._saved is not None
        self.keep.setVisible(not saved)
        self.keep.setEnabled(self.store is not None and self.direction is not None)
        self.rename.setVisible(saved)
        self.delete.setVisible(saved)
        self.back.setVisible(self._removed is not None and not saved)

    @Slot()
    def _chosen(self) -> None:
        self._enable()
        self.chosen.emit()

    # ---- what is done ----

    def _do(self, what: Callable[[], object]) -> bool:
        try:
            what()
        except ExplorerError as error:
            self.problem.emit(Failure(str(error)))
            return False
        if self.store is not None and self.store.trouble:
            self.problem.emit(Failure(self.store.trouble))
            self.store.trouble = ""
        return True

    @Slot()
    def _keep(self) -> None:
        store, (name, direction, note) = self.store, self._own
        if store is None or direction is None:
            return
        if self._do(lambda: store.add_direction(name[:LONGEST_NAME], direction, note)):
            self._show(store.directions[-1].key)
            self.chosen.emit()
            self._edit()

    @Slot()
    def _edit(self) -> None:
        if self._saved is not None:
            self.field.ask(self._saved.name, self.box.geometry())

    @Slot(str)
    def _named(self, name: str) -> None:
        store, saved = self.store, self._saved
        if store is not None and saved is not None and self._do(lambda: store.rename(saved.key, name)):
            self._show(saved.key)
            self.chosen.emit()

    @Slot()
    def _delete(self) -> None:
        store, saved = self.store, self._saved
        if store is not None and saved is not None and self._do(lambda: store.remove(saved.key)):
            self._removed = saved
            self._show("")
            self.status.emit(f"deleted {saved.name}; bring back takes it back")
            self.chosen.emit()

    @Slot()
    def _bring_back(self) -> None:
        store, removed = self.store, self._removed
        if store is not None and removed is not None and self._do(lambda: store.put_back(removed)):
            self._removed = None
            self._show(removed.key)
            self.chosen.emit()

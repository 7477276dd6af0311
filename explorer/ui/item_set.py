"""A set of the map's items: a class, what was selected, or all the rest."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from explorer.ui.facts import spaced
from explorer.ui.panel import button, label

_CHOOSE, _REST, _SELECTION = "choose", "rest", "selection"
_MOST_CLASSES = 100
Items = NDArray[np.int64]


class ItemSet(QWidget):
    """Lets a person say which items; ``changed`` when they say so.

    Args:
        name: what the set is called, "A" or "B".
    """

    changed = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self._labels: Items = np.zeros(0, np.int64)
        self._selected: Items = np.zeros(0, np.int64)
        self._taken: Items = np.zeros(0, np.int64)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.box = QComboBox()
        self.box.setMinimumWidth(150)
        self.box.setToolTip(f"Which items of the map are in {name}: a class, what was selected, or all that are not in "
                            f"the other set")  # fmt: skip
        self.box.setAccessibleName(f"items of {name}")
        self.box.activated.connect(self.changed)
        self.take = button("← selection", f"Let {name} be the points that are selected in the map by box or lasso")
        self.take.setAccessibleName(f"selection as {name}")
        self.take.clicked.connect(self.take_selection)
        letter = label(name, "strong")
        letter.setFixedWidth(10)
        row.addWidget(letter)
        row.addWidget(self.box, 1)
        row.addWidget(self.take)
        self.set_labels(self._labels)

    def set_labels(self, labels: Items) -> None:
        """Begin anew with items of these classes, (items,); a negative one is none."""
        self._labels = labels
        self._selected = self._taken = np.zeros(0, np.int64)
        self.box.clear()
        self.box.addItem("choose …", _CHOOSE)
        known, counts = np.unique(labels, return_counts=True)
        if len(known) <= _MOST_CLASSES:
            for k, count in zip(known.tolist(), counts.tolist(), strict=True):
                if k >= 0:
                    self.box.addItem(f"class {k} · {spaced(count)}", k)
        self.box.addItem("all the rest", _REST)
        self.take.setEnabled(False)

    def set_selection(self, items: Items) -> None:
        """Offer the items that are selected in the map; what was taken before stays."""
        self._selected = np.unique(items)
        self.take.setEnabled(len(self._selected) > 0)

    @Slot()
    def take_selection(self) -> None:
        """Be what is selected in the map now."""
        self._taken = self._selected
        index = self.box.findData(_SELECTION)
        if index < 0:
            self.box.insertItem(1, "", _SELECTION)
            index = 1
        self.box.setItemText(index, f"selection · {spaced(len(self._taken))}")
        self.box.setCurrentIndex(index)
        self.changed.emit()

    def choose_rest(self) -> None:
        """Be all that is not in the other set, silently."""
        self.box.setCurrentIndex(self.box.findData(_REST))

    @property
    def chosen(self) -> bool:
        """Return whether it was said which items."""
        return bool(self.box.currentData() != _CHOOSE)

    def items(self, other: "ItemSet") -> Items:
        """Return the items, (0,) where it is not known which; all the rest is what is not in ``other``."""
        data = self.box.currentData()
        if data == _REST:
            if other.box.currentData() in {_REST, _CHOOSE}:
                return np.zeros(0, np.int64)
            return np.setdiff1d(np.arange(len(self._labels)), other.items(self))
        if data == _SELECTION:
            return self._taken
        return np.zeros(0, np.int64) if data == _CHOOSE else np.flatnonzero(self._labels == data)

    def words(self) -> str:
        """Return what it is in short: "class 4", "mostly class 4" of a selection, "rest"."""
        if self.box.currentData() == _SELECTION:
            return self._selection_words()
        return self.box.currentText().partition(" · ")[0].removeprefix("all the ")

    def _selection_words(self) -> str:
        """Return the class that at least half of what was selected is of; else how many items of how many classes."""
        known, counts = np.unique(self._labels[self._taken], return_counts=True)
        if len(known) and known[counts.argmax()] >= 0 and 2 * counts.max() >= counts.sum():
            return f"{'selected' if len(known) == 1 else 'mostly'} class {known[counts.argmax()]}"
        return f"{spaced(len(self._taken))} items" + (f" of {len(known)} classes" if len(known) > 1 else "")

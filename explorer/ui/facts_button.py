"""What is known of the open model, in a box that opens below a button."""

import math

from PySide6.QtCore import QPoint, Qt, Slot
from PySide6.QtWidgets import QFrame, QGridLayout, QToolButton

from explorer.messages import OpenedModel
from explorer.ui import theme
from explorer.ui.facts import beside_the_picture
from explorer.ui.panel import empty, label

_WIDTH = 260


def _values_of(model: OpenedModel) -> int:
    """Return D, the values of an item: pixels, or the two coordinates of a point."""
    return 2 if model.points else math.prod(model.image_shape)


class FactsButton(QToolButton):
    """Opens the figures of a model; disabled while there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "icon")
        self.setToolTip("What this model is: family, β, likelihood, ELBO and KL of the test items")
        self.setAccessibleName("about this model")
        self.popup = QFrame(self, Qt.WindowType.Popup)
        self.popup.setObjectName("panel")
        self._grid = QGridLayout(self.popup)
        self._grid.setContentsMargins(14, 12, 14, 12)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self.clicked.connect(self._open)
        self.set_model(None)
        theme.current().changed.connect(self._icon)
        self._icon()

    @Slot()
    def _icon(self) -> None:
        self.setIcon(theme.icon("info", theme.colors().muted))

    def set_model(self, model: OpenedModel | None) -> None:
        """Take the facts of a model."""
        self.popup.hide()
        empty(self._grid)
        self.setEnabled(model is not None)
        if model is None:
            return
        for line, (name, value, tip) in enumerate(beside_the_picture(model.card, _values_of(model))):
            shown = label(value, tabular=True, tip=tip)
            shown.setWordWrap(True)
            self._grid.addWidget(label(name, "muted", tip=tip), line, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(shown, line, 1)

    @Slot()
    def _open(self) -> None:
        self.popup.setFixedWidth(_WIDTH)
        self.popup.adjustSize()
        place = self.mapToGlobal(QPoint(self.width() - _WIDTH, self.height() + 2))
        room = self.screen().availableGeometry()
        place.setX(max(room.left(), min(place.x(), room.right() - _WIDTH)))
        self.popup.move(place)
        self.popup.show()
        self.popup.setFocus()

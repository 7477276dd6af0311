"""A choice that is a row of buttons where there is room, and a menu where there is not."""

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from explorer.ui.panel import Segmented


class MapChoice(QWidget):
    """One of a few; ``chosen`` carries its key, also when it was chosen already."""

    chosen = Signal(str)

    def __init__(self, choices: Sequence[tuple[str, str, str]], name: str) -> None:
        """Make it of (key, text, tooltip) triples; ``name`` is what a screen reader says."""
        super().__init__()
        self.row = Segmented(choices, name)
        self.folded = QToolButton()
        self.folded.setAccessibleName(name)
        self.folded.setToolTip(name)
        self.folded.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.folded)
        menu.setToolTipsVisible(True)
        self._actions: dict[str, QAction] = {}
        group = QActionGroup(self)
        for key, text, tip in choices:
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setToolTip(tip)
            action.setData(key)
            group.addAction(action)
            self._actions[key] = action
        group.triggered.connect(self._from_menu)
        self.folded.setMenu(menu)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.row)
        layout.addWidget(self.folded)
        self.folded.hide()
        self.row.chosen.connect(self._from_row)
        self._tips = {key: tip for key, _, tip in choices}
        self._show()

    @property
    def key(self) -> str:
        """Return what is chosen."""
        return self.row.key

    def set_key(self, key: str) -> None:
        """Show what is chosen, without telling."""
        self.row.buttons[key].setChecked(True)
        self._show()

    def set_text(self, key: str, text: str) -> None:
        """Call a choice otherwise."""
        self.row.buttons[key].setText(text)
        self.row.buttons[key].setAccessibleName(text)
        self._actions[key].setText(text)
        self._show()

    def offer(self, key: str, problem: str = "", *, there: bool = True) -> None:
        """Offer a choice, say why not in its tooltip, or have it not ``there`` at all."""
        button, action = self.row.buttons[key], self._actions[key]
        button.setEnabled(not problem)
        action.setEnabled(not problem)
        button.setToolTip(problem or self._tips[key])
        action.setToolTip(problem or self._tips[key])
        button.setVisible(there)
        action.setVisible(there)

    def fold(self, folded: bool) -> None:
        """Be a menu, or a row of buttons."""
        self.row.setVisible(not folded)
        self.folded.setVisible(folded)

    @property
    def room(self) -> int:
        """Return how many pixels the row of buttons takes."""
        return self.row.sizeHint().width()

    def _show(self) -> None:
        self._actions[self.key].setChecked(True)
        self.folded.setText(f"{self._actions[self.key].text()} ▾")

    @Slot(str)
    def _from_row(self, key: str) -> None:
        self._show()
        self.chosen.emit(key)

    @Slot(QAction)
    def _from_menu(self, action: QAction) -> None:
        self.set_key(str(action.data()))
        self.chosen.emit(self.key)

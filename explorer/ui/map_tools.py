"""The small tools of the map: what colours mean, how one selects, fit, and what can be saved."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QMenu, QToolButton, QWidget

from explorer.ui import theme
from explorer.ui.export import ExportMenu
from explorer.ui.map_colors import CLASS, brief
from explorer.ui.map_hand import BOX, LASSO, WALK

_TOOLS = (
    (WALK, "walk", "walk", "Click to decode the point there, drag to walk (W)"),
    (BOX, "box", "select a box", "Drag a box around points to select them; Shift adds to the selection (B)"),
    (LASSO, "lasso", "lasso", "Draw a line around points to select them; Shift adds to the selection (L)"),
)
_ICON = 18  # pixels


class MapTools(QWidget):
    """``colored`` carries a key to colour by, ``tool_chosen`` a tool, ``fit_wanted`` that all shall be seen.

    ``equal_wanted`` tells whether units shall be equally long both ways.
    """

    colored = Signal(str)
    tool_chosen = Signal(str)
    fit_wanted = Signal()
    equal_wanted = Signal(bool)

    def __init__(self, exports: ExportMenu) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self.color = QToolButton()
        self.color.setProperty("role", "link")
        self.color.setAccessibleName("colour by")
        self.color.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self.color)
        self._menu.setToolTipsVisible(True)
        self._group = QActionGroup(self._menu)
        self.color.setMenu(self._menu)
        row.addWidget(self.color)
        row.addSpacing(theme.GRID)
        self.tools: dict[str, QToolButton] = {}
        group = QButtonGroup(self)
        for key, icon, name, tip in _TOOLS:
            tool = self._made(icon, name, tip)
            tool.setCheckable(True)
            tool.setProperty("tool", key)
            tool.clicked.connect(self._take)
            group.addButton(tool)
            self.tools[key] = tool
        self.tools[WALK].setChecked(True)
        self.fit = self._made("fit", "fit", "Show all points (F, or a double click)")
        self.fit.clicked.connect(self.fit_wanted)
        self.more = self._made("more", "save the map", "Save the map or its latents")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMenu(exports)
        self.equal = self._made("equal", "equal units", "Make a unit across as long as one up: circles are round (E)")
        self.equal.setCheckable(True)
        self.equal.toggled.connect(self.equal_wanted)
        for tool in self._all:
            row.addWidget(tool)
        theme.current().changed.connect(self._icons)
        self._icons()
        self.offer([(CLASS, "class")], CLASS, "")

    def _made(self, icon: str, name: str, tip: str) -> QToolButton:
        made = QToolButton()
        made.setProperty("role", "icon")
        made.setProperty("icon_name", icon)
        made.setIconSize(QSize(_ICON, _ICON))
        made.setFixedSize(28, 26)
        made.setAccessibleName(name)
        made.setToolTip(tip)
        made.setStyleSheet("QToolButton:!hover:!focus { border-color: transparent }")
        return made

    @property
    def _all(self) -> list[QToolButton]:
        return [*self.tools.values(), self.equal, self.fit, self.more]

    @Slot()
    def _icons(self) -> None:
        accent = theme.colors().accent
        for tool in self._all:
            tool.setIcon(theme.icon(str(tool.property("icon_name")), None, accent))

    @Slot()
    def _take(self) -> None:
        self.tool_chosen.emit(str(self.sender().property("tool")))

    def show_tool(self, key: str) -> None:
        """Show which tool is in hand."""
        self.tools[key].setChecked(True)

    # ---- colours ----

    def offer(self, choices: Sequence[tuple[str, str]], chosen: str, note: str, coming: Sequence[str] = ()) -> None:
        """Offer (key, name) to colour by; names that are ``coming`` are being found, ``note`` says why some lack."""
        self._menu.clear()
        self._group.deleteLater()
        group = self._group = QActionGroup(self._menu)
        for key, name in choices:
            action = self._menu.addAction(name)
            action.setCheckable(True)
            action.setChecked(key == chosen)
            action.setData(key)
            group.addAction(action)
        group.triggered.connect(self._color)
        for name in coming:
            self._menu.addAction(f"{name} … (being found)").setEnabled(False)
        if note:
            self._menu.addSeparator()
            said = self._menu.addAction(brief(note))
            said.setToolTip(note)
            said.setEnabled(False)
        self._names = dict(choices)
        self.show_color(chosen)

    def show_color(self, key: str) -> None:
        """Show what points are coloured by."""
        self.color.setText(f"colour: {self._names.get(key, key)} ▾")
        self.color.setToolTip("What the colour of a point stands for: its class, a factor, a term of its ELBO")
        for action in self._menu.actions():
            action.setChecked(action.data() == key)

    @Slot(QAction)
    def _color(self, action: QAction) -> None:
        self.colored.emit(str(action.data()))

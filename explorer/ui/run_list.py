"""Earlier runs to choose from: those of the same data set first, each chosen one in a colour of its own."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QColor, QIcon, QPainter, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTreeWidget, QTreeWidgetItem

from explorer.messages import ModelCard
from explorer.ui import theme
from explorer.ui.facts import figures, made, standing, tags, told_apart
from explorer.ui.table_style import dress

_PATH = Qt.ItemDataRole.UserRole
_NAME, _FIGURE, _MADE = range(3)
_SWATCH = 14
_NARROW = 520  # pixels
COLORS = (4, 2, 9, 5, 3, 7, 6, 8, 0, 1)  # class colours, those like the curves of the run itself last
_COLOR_NAMES = ("blue", "amber", "red", "green", "violet", "brown", "plum", "sand", "grey", "teal")


def swatch(color: int | None, *, hollow: bool = False) -> QIcon:
    """Return an icon in a class colour, a ring where the curve is hidden; empty without a colour."""
    pixmap = QPixmap(QSize(2 * _SWATCH, 2 * _SWATCH))
    pixmap.fill(Qt.GlobalColor.transparent)
    if color is not None:
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tint = QColor(theme.colors().classes[color])
        painter.setPen(QPen(tint, 4))
        painter.setBrush(Qt.BrushStyle.NoBrush if hollow else tint)
        painter.drawRoundedRect(QRectF(3, 3, 2 * _SWATCH - 6, 2 * _SWATCH - 6), 7, 7)
        painter.end()
    pixmap.setDevicePixelRatio(2)
    return QIcon(pixmap)


class RunList(QTreeWidget):
    """Rows with a box to check; ``checked`` carries the path of a run and whether it is chosen.

    ``colored`` carries a path and the number of a class colour, ``hidden_`` a path and whether its curve is hidden.
    """

    checked = Signal(str, bool)
    colored = Signal(str, int)
    hidden_ = Signal(str, bool)

    def __init__(self) -> None:
        super().__init__()
        self._items: dict[str, QTreeWidgetItem] = {}
        self._looks: dict[str, tuple[int, bool]] = {}
        self._words: dict[str, str] = {}
        self._search = ""
        self.setColumnCount(3)
        self.setHeaderLabels(["Run", "Test", "Made"])
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setUniformRowHeights(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAccessibleName("earlier runs")
        self.setToolTip("Check a run to lay its curve over this one's; the right button hides it or changes its colour")
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._show_menu)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(_FIGURE, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_MADE, QHeaderView.ResizeMode.ResizeToContents)
        self.itemChanged.connect(self._changed)
        theme.current().changed.connect(self._recolor)
        self._recolor()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the dates out where names would have no room."""
        self.setColumnHidden(_MADE, event.size().width() < _NARROW)
        super().resizeEvent(event)

    def show_runs(self, groups: Sequence[tuple[str, Sequence[ModelCard]]], this: str) -> None:
        """Show groups of runs under their names; the one with the path ``this`` cannot be chosen."""
        at = self.verticalScrollBar().value()
        chosen = self.selectedItems()
        current = chosen[0].data(_NAME, _PATH) if chosen else None
        self.blockSignals(True)
        self.clear()
        self._items, self._words = {}, {}
        names = told_apart([card for _, cards in groups for card in cards])
        for name, cards in groups:
            if cards:
                self._add_group(name)
            for card in cards:
                self._add_run(card, names[card.path], this)
        if current in self._items:
            self.setCurrentItem(self._items[current])
        self.blockSignals(False)
        self._paint()
        self.search(self._search)
        self.verticalScrollBar().setValue(at)

    def _add_group(self, name: str) -> None:
        item = QTreeWidgetItem(self, [name])
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        item.setFirstColumnSpanned(True)
        item.setFont(_NAME, theme.font(12, bold=True))

    def _add_run(self, card: ModelCard, name: str, this: str) -> None:
        said = card.status if card.status not in {"", "finished"} else ""
        shown = "this one" if card.path == this else said
        item = QTreeWidgetItem(self, [f"{name} · {shown}" if shown else name, "", made(card)[:16]])
        item.setText(_FIGURE, figures(card) if card.metrics else "")
        item.setData(_NAME, _PATH, card.path)
        item.setToolTip(_NAME, "\n".join(filter(None, [card.title, " · ".join(tags(card)), standing(card), card.note])))
        item.setToolTip(_FIGURE, figures(card))
        item.setToolTip(_MADE, card.path)
        can_be = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        item.setFlags(can_be if card.path == this else can_be | Qt.ItemFlag.ItemIsUserCheckable)
        if card.path != this:
            item.setCheckState(_NAME, Qt.CheckState.Unchecked)
        self._items[card.path] = item
        self._words[card.path] = " ".join([item.text(_NAME), card.name, card.dataset, *tags(card), card.note]).lower()

    def set_looks(self, looks: Mapping[str, tuple[int, bool]]) -> None:
        """Check these runs, and show each in its class colour, hollow where it is hidden."""
        self._looks = dict(looks)
        self._paint()

    @Slot()
    def _recolor(self) -> None:
        dress(self)
        self._paint()

    def _paint(self) -> None:
        self.blockSignals(True)
        colors = theme.colors()
        for index in range(self.topLevelItemCount()):
            item = self.topLevelItem(index)
            assert item is not None
            path = item.data(_NAME, _PATH)
            item.setForeground(_NAME, QColor(colors.muted if path is None else colors.text))
            for column in (_FIGURE, _MADE):
                item.setForeground(column, QColor(colors.muted))
            look = self._looks.get(path)
            if path is not None:
                item.setIcon(_NAME, swatch(*look[:1], hollow=look[1]) if look else swatch(None))
            if item.flags() & Qt.ItemFlag.ItemIsUserCheckable:
                item.setCheckState(_NAME, Qt.CheckState.Checked if look else Qt.CheckState.Unchecked)
        self.blockSignals(False)
        self.viewport().update()

    @Slot(str)
    def search(self, text: str) -> None:
        """Show only runs whose name, data set, tags or note contain all words."""
        self._search = text
        words = text.lower().split()
        group: QTreeWidgetItem | None = None
        for index in range(self.topLevelItemCount()):
            item = self.topLevelItem(index)
            assert item is not None
            path = item.data(_NAME, _PATH)
            if path is None:
                group = item
                item.setHidden(True)
                continue
            fits = all(word in self._words[path] for word in words)
            item.setHidden(not fits)
            if fits and group is not None:
                group.setHidden(False)

    @property
    def shown_paths(self) -> list[str]:
        """Return the runs that the search leaves, in their order."""
        return [path for path, item in self._items.items() if not item.isHidden()]

    def item_of(self, path: str) -> QTreeWidgetItem:
        """Return the row of a run."""
        return self._items[path]

    @Slot(QTreeWidgetItem, int)
    def _changed(self, item: QTreeWidgetItem, column: int) -> None:
        path = item.data(_NAME, _PATH)
        on = item.checkState(_NAME) == Qt.CheckState.Checked
        if column == _NAME and path is not None and on != (path in self._looks):
            self.checked.emit(path, on)

    # ---- colours ----

    def menu_of(self, path: str) -> QMenu:
        """Return a menu to hide the curve of a chosen run or to change its colour."""
        color, hidden = self._looks[path]
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        hide = QAction("Hide its curve", menu, checkable=True, checked=hidden)
        hide.toggled.connect(lambda on: self.hidden_.emit(path, on))
        menu.addAction(hide)
        menu.addSeparator()
        group = QActionGroup(menu)
        for number in COLORS:
            action = QAction(swatch(number), _COLOR_NAMES[number], menu, checkable=True, checked=number == color)
            action.triggered.connect(lambda _on, number=number: self.colored.emit(path, number))
            group.addAction(action)
            menu.addAction(action)
        return menu

    @Slot(QPoint)
    def _show_menu(self, where: QPoint) -> None:
        item = self.itemAt(where)
        path = item.data(_NAME, _PATH) if item is not None else None
        if path in self._looks:
            self.menu_of(path).popup(self.viewport().mapToGlobal(where))

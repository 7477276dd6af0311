"""The cards of the Models page in as many columns as there is room for."""

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QScrollArea, QWidget

from explorer.messages import ModelCard
from explorer.ui.facts import told_apart
from explorer.ui.model_card import Card
from explorer.ui.panel import label

_CARD_WIDTH = 215


class CardGrid(QScrollArea):
    """Shows the cards it is given; one that did not change stays the same widget, so that nothing jumps.

    ``chosen`` and ``opened`` carry a ModelCard, ``menu_wanted`` one and where on the screen.
    """

    chosen = Signal(object)
    opened = Signal(object)
    menu_wanted = Signal(object, QPoint)

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[Card] = []
        self._made: dict[str, Card] = {}
        self._inside = QWidget()
        self._inside.setObjectName("scrolled")
        self._grid = QGridLayout(self._inside)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(12)
        self._nothing = label("No model fits. Clear the search, look at All, or train a model of your own.", "muted")
        self._nothing.setParent(self._inside)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(self._inside)

    def show_cards(self, models: Sequence[ModelCard], known: Sequence[ModelCard]) -> None:
        """Show models; ``known`` are all there are, whose cards are kept for when they are shown again."""
        names = told_apart(known)
        self.cards = [self._card_for(model, names[model.path]) for model in models]
        for path in self._made.keys() - names.keys():
            self._drop(self._made.pop(path))
        self._place()

    def _card_for(self, model: ModelCard, name: str) -> Card:
        made = self._made.get(model.path)
        if made is not None and (made.card, made.name) == (model, name):
            return made
        focused = made is not None and made.hasFocus()
        if made is not None:
            self._drop(made)
        made = self._made[model.path] = Card(model, name)
        made.setParent(self._inside)
        made.chosen.connect(self.chosen)
        made.opened.connect(self.opened)
        made.menu_wanted.connect(self.menu_wanted)
        if focused:
            made.setFocus()
        return made

    def _drop(self, card: Card) -> None:
        card.hide()
        card.deleteLater()

    def _place(self) -> None:
        columns = max(1, (self._inside.width() + self._grid.spacing()) // (_CARD_WIDTH + self._grid.spacing()))
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, 0)
        for row in range(self._grid.rowCount()):
            self._grid.setRowStretch(row, 0)
        while self._grid.takeAt(0) is not None:
            pass
        for index, card in enumerate(self.cards):
            self._grid.addWidget(card, index // columns, index % columns, Qt.AlignmentFlag.AlignTop)
        if not self.cards:
            self._grid.addWidget(self._nothing, 0, 0, Qt.AlignmentFlag.AlignTop)
        self._nothing.setVisible(not self.cards)
        for card in self._made.values():
            card.setVisible(card in self.cards)
        for column in range(columns):
            self._grid.setColumnStretch(column, 1)
        self._grid.setRowStretch(len(self.cards) // columns + 1, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the cards into as many columns as there is room for."""
        super().resizeEvent(event)
        # As wide with a scroll bar as without one: cards are as high as they are wide, and a bar that makes itself
        # unnecessary would come and go for ever.
        width = self.width() - self.verticalScrollBar().sizeHint().width()
        if width != self._inside.maximumWidth():
            self._inside.setFixedWidth(width)
            self._place()

    def mark(self, path: str) -> None:
        """Mark the card of a run as the chosen one."""
        for card in self.cards:
            card.select(card.card.path == path)

    def focus(self, path: str) -> None:
        """Give a card the keys, and bring it into view."""
        for card in self.cards:
            if card.card.path == path:
                card.setFocus()
                self.ensureWidgetVisible(card)

    def look_again(self) -> None:
        """Show the pictures that are there now."""
        for card in self.cards:
            card.preview.look_again()

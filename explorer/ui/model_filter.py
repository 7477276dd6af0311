"""What stands above the cards of the Models page: a search, the kinds of models, and ways to further ones."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from explorer.messages import ModelCard
from explorer.ui.facts import standing, tags
from explorer.ui.panel import Segmented, button

_ONE_ROW = 760  # pixels
_KINDS = {
    "all": ("All", "Every model"),
    "own": ("Yours", "The runs of your library, and those elsewhere that you opened"),
    "latent": ("VAE", "Models with a latent space"),
    "diffusion": ("Diffusion", "Models with a denoising chain"),
}


def _is(card: ModelCard, kind: str) -> bool:
    if kind == "own":
        return not card.bundled
    return kind in {"all", "latent" if card.latent else "diffusion" if card.family else ""}


def _words(card: ModelCard) -> str:
    """Return all that the search finds a model by."""
    return " ".join([card.title, card.name, card.dataset, *tags(card), standing(card), card.note]).lower()


class ModelFilter(QWidget):
    """Says which models fit what is searched for; ``changed`` when that may be others now.

    ``elsewhere`` asks for a run folder that lies elsewhere, ``train`` for the Train page.
    """

    changed = Signal()
    elsewhere = Signal()
    train = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 10, 0)
        self._rows.setSpacing(8)
        self._row = QHBoxLayout()
        self._row.setSpacing(10)
        self._rows.addLayout(self._row)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search models, data sets, notes…   Ctrl F")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("search models")
        self.search.setToolTip("Show only models whose name, data set, tags or note contain this; Esc clears it")
        self.search.setMinimumWidth(120)
        self.search.setMaximumWidth(300)
        self.search.textChanged.connect(self.changed)
        self._row.addWidget(self.search, 1)
        self.kind = Segmented(
            [(key, name, f"{tip}; how many of them fit the search") for key, (name, tip) in _KINDS.items()],
            "kind of model",
        )
        self.kind.chosen.connect(self.changed)
        self._row.addWidget(self.kind)
        self._row.addStretch(1)
        other = button(
            "Open a run folder…", "Show a run that lies elsewhere, such as one of vdx train --out; it stays on the list"
        )
        other.clicked.connect(self.elsewhere)
        self._row.addWidget(other)
        train = button("Train a model", "Go to the Train page", "primary")
        train.clicked.connect(self.train)
        self._row.addWidget(train)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the kinds a row of their own where one is too narrow for all."""
        wide = self.width() > _ONE_ROW
        if wide and self._row.indexOf(self.kind) < 0:
            self._row.insertWidget(1, self.kind)
        elif not wide and self._rows.indexOf(self.kind) < 0:
            self._rows.addWidget(self.kind, 0, Qt.AlignmentFlag.AlignLeft)

    def fitting(self, cards: Sequence[ModelCard]) -> list[ModelCard]:
        """Return the models that fit, and write how many of each kind the search leaves."""
        words = self.search.text().lower().split()
        found = [card for card in cards if all(word in _words(card) for word in words)]
        for key, (name, _tip) in _KINDS.items():
            self.kind.buttons[key].setText(f"{name} {sum(_is(card, key) for card in found)}")
        return [card for card in found if _is(card, self.kind.key)]

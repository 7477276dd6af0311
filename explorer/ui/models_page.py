"""The Models page: every model there is as a card, and what is known of the chosen one."""

from pathlib import Path

from PySide6.QtCore import QRectF, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPixmap, QShortcut
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from explorer import runs
from explorer.messages import ModelCard
from explorer.ui.export import ExportButton
from explorer.ui.facts import details, figures, tags
from explorer.ui.page import Page
from explorer.ui.panel import Panel, Segmented, button, empty, label

_CARD_WIDTH = 232


def _kind(card: ModelCard) -> str:
    return "latent" if card.latent else "diffusion" if card.family else ""


class Preview(QWidget):
    """The preview picture of a run, sharp, cut to a rounded rectangle that fills the width."""

    def __init__(self, folder: str, ratio: float) -> None:
        super().__init__()
        self._picture = QPixmap(str(Path(folder) / runs.PREVIEW))
        self._ratio = ratio
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(round(190 * ratio))

    def resizeEvent(self, event: object) -> None:
        """Keep the shape."""
        self.setFixedHeight(max(40, round(self.width() * self._ratio)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the upper part of the picture over the whole width."""
        painter = QPainter(self)
        where = QRectF(self.rect())
        outline = QPainterPath()
        outline.addRoundedRect(where, 4, 4)
        painter.setClipPath(outline)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        if not self._picture.isNull():
            width = self._picture.width()
            source = QRectF(0, 0, width, min(self._picture.height(), width * where.height() / where.width()))
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._picture.width() > 2 * self.width())
            painter.drawPixmap(where, self._picture, source)
        painter.end()


class Card(QFrame):
    """A model on the page; Return or a double click opens it."""

    chosen = Signal(object)
    opened = Signal(object)

    def __init__(self, card: ModelCard) -> None:
        super().__init__()
        self.card = card
        self.setObjectName("card")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(card.title)
        self.setToolTip(f"{card.title}\n{card.path}\nclick to choose, double click or Return to open")
        self.setMinimumWidth(200)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.setSpacing(5)
        layout.addWidget(Preview(card.path, 0.78))
        layout.addWidget(label(card.title, "strong"))
        line = label(figures(card), "muted", tabular=True)
        line.setWordWrap(bool(card.problem))
        layout.addWidget(line)
        row = QHBoxLayout()
        row.setSpacing(4)
        for mark in tags(card):
            row.addWidget(label(mark, "tag"))
        row.addStretch(1)
        layout.addLayout(row)

    def select(self, on: bool) -> None:
        """Mark the card."""
        self.setProperty("selected", on)
        self.style().polish(self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose it."""
        self.chosen.emit(self.card)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open it."""
        self.opened.emit(self.card)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space chooses, Return opens."""
        if event.key() == Qt.Key.Key_Space:
            self.chosen.emit(self.card)
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.opened.emit(self.card)
        else:
            super().keyPressEvent(event)


class ModelsPage(Page):
    """Cards, a search, and the details of one model; ``open_model`` carries its path and family."""

    open_model = Signal(str, str)
    show_training = Signal(str)
    train = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[Card] = []
        self._all: list[ModelCard] = []
        self.chosen: ModelCard | None = None
        outer = QHBoxLayout(self)
        outer.setContentsMargins(12, 12, 12, 12)
        outer.setSpacing(12)
        left = QVBoxLayout()
        left.setSpacing(12)
        left.addLayout(self._tools())
        self._inside = QWidget()
        self._inside.setObjectName("scrolled")
        self._grid = QGridLayout(self._inside)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(12)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self._inside)
        left.addWidget(area, 1)
        outer.addLayout(left, 1)
        self._details = Panel("Model")
        self._details.setFixedWidth(330)
        outer.addWidget(self._details)
        self.refresh()

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(10)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search models, data sets, tags…   Ctrl F")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("search models")
        self.search.setToolTip("Show only models whose name, data set or tags contain this")
        self.search.setFixedWidth(300)
        self.search.textChanged.connect(self._arrange)
        QShortcut(QKeySequence.StandardKey.Find, self, self.search.setFocus)
        row.addWidget(self.search)
        self.kind = Segmented(
            [
                ("all", "All", "Every model"),
                ("latent", "VAE", "Models with a latent space"),
                ("diffusion", "Diffusion", "Models with a denoising chain"),
            ],
            "kind of model",
        )
        self.kind.chosen.connect(self._arrange)
        row.addWidget(self.kind)
        row.addStretch(1)
        train = button("Train a model", "Go to the Train page", "primary")
        train.clicked.connect(self.train)
        row.addWidget(train)
        return row

    # ---- cards ----

    def shown(self) -> None:
        """Look for new runs."""
        if [runs.card(folder) for folder in runs.folders()] != self._all:
            self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Read the library again."""
        self._all = [runs.card(folder) for folder in runs.folders()]
        counts = {"all": len(self._all)}
        for key in ("latent", "diffusion"):
            counts[key] = sum(_kind(card) == key for card in self._all)
        for key, name in (("all", "All"), ("latent", "VAE"), ("diffusion", "Diffusion")):
            self.kind.buttons[key].setText(f"{name} {counts[key]}")
        self._arrange()
        same = [card for card in self._all if self.chosen is not None and card.path == self.chosen.path]
        if self._all:
            self.choose((same or self._all)[0])

    @Slot()
    def _arrange(self) -> None:
        words = self.search.text().lower().split()
        kind = self.kind.key
        empty(self._grid)
        self.cards = []
        for card in self._all:
            text = " ".join([card.title, card.name, card.dataset, *tags(card)]).lower()
            if kind in {"all", _kind(card)} and all(word in text for word in words):
                shown = Card(card)
                shown.chosen.connect(self.choose)
                shown.opened.connect(self._open)
                self.cards.append(shown)
        self._place()
        self._mark()

    def _place(self) -> None:
        columns = max(1, (self.width() - 330 - 36) // (_CARD_WIDTH + 12))
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, 0)
        for row in range(self._grid.rowCount()):
            self._grid.setRowStretch(row, 0)
        for index, card in enumerate(self.cards):
            self._grid.addWidget(card, index // columns, index % columns, Qt.AlignmentFlag.AlignTop)
        for column in range(columns):
            self._grid.setColumnStretch(column, 1)
        if not self.cards and self._grid.count() == 0:
            nothing = label("No model fits the search. Clear it, or train a model of your own.", "muted")
            self._grid.addWidget(nothing, 0, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.setRowStretch(len(self.cards) // columns + 1, 1)

    def resizeEvent(self, event: object) -> None:
        """Put the cards into as many columns as there is room for."""
        self._place()

    # ---- details ----

    @Slot(object)
    def choose(self, card: ModelCard) -> None:
        """Show what is known of a model."""
        self.chosen = card
        self._mark()
        self._details.title.setText(card.title)
        empty(self._details.body)
        self._details.body.addWidget(Preview(card.path, 1.0))
        facts = QWidget()
        grid = QGridLayout(facts)
        grid.setContentsMargins(0, 4, 0, 0)
        grid.setVerticalSpacing(7)
        for row, (name, value) in enumerate(details(card)):
            grid.addWidget(label(name, "muted"), row, 0, Qt.AlignmentFlag.AlignTop)
            shown = QLabel(value)
            shown.setWordWrap(True)
            shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(shown, row, 1)
        grid.setColumnStretch(1, 1)
        self._details.body.addWidget(facts)
        self._details.body.addStretch(1)
        self._details.body.addWidget(self._actions(card))

    def _actions(self, card: ModelCard) -> QWidget:
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.setContentsMargins(0, 0, 0, 0)
        text = "Explore" if card.latent else "Denoise"
        self.open_button = button(text, f"Open on the {'Latent' if card.latent else 'Diffusion'} page", "primary")
        self.open_button.setEnabled(not card.problem)
        self.open_button.clicked.connect(self._open_chosen)
        row.addWidget(self.open_button, 1)
        curves = button("Training", "Show its curves on the Train page")
        curves.setEnabled(not card.problem)
        curves.clicked.connect(self._show_training)
        row.addWidget(curves)
        self.export = ExportButton(self)
        self.export.add(f"{card.name}-samples", "Preview (PNG)", ".png", self._preview_png)
        self.export.setEnabled((Path(card.path) / runs.PREVIEW).is_file())
        row.addWidget(self.export)
        return foot

    def _preview_png(self) -> bytes:
        assert self.chosen is not None
        return (Path(self.chosen.path) / runs.PREVIEW).read_bytes()

    def _mark(self) -> None:
        for shown in self.cards:
            shown.select(self.chosen is not None and shown.card.path == self.chosen.path)

    @Slot(object)
    def _open(self, card: ModelCard) -> None:
        self.choose(card)
        if not card.problem:
            self.open_model.emit(card.path, card.family)

    @Slot()
    def _open_chosen(self) -> None:
        if self.chosen is not None:
            self._open(self.chosen)

    @Slot()
    def _show_training(self) -> None:
        if self.chosen is not None:
            self.show_training.emit(self.chosen.path)

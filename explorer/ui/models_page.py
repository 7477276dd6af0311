"""The Models page: every model there is as a card, and what is known of the chosen one."""

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QHideEvent, QKeyEvent, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout

from explorer import library, runs
from explorer.errors import ConfigError, ExplorerError, RunError
from explorer.messages import Failure, ModelCard
from explorer.ui.card_grid import CardGrid
from explorer.ui.export import ExportButton
from explorer.ui.facts import standing, tags
from explorer.ui.model_card import Card
from explorer.ui.model_details import ModelDetails
from explorer.ui.page import Page
from explorer.ui.panel import Segmented, button
from explorer.ui.run_actions import RunActions, move_to_trash, what_goes

_ONE_ROW = 1110  # pixels
_LOOK_MS = 2000
_LOOK_SHARE = 0.02  # of the time that may go into looking for changes in the library


_KINDS = {
    "all": ("All", "Every model"),
    "own": ("Yours", "The runs of your library"),
    "latent": ("VAE", "Models with a latent space"),
    "diffusion": ("Diffusion", "Models with a denoising chain"),
}


def _is(card: ModelCard, kind: str) -> bool:
    if kind == "own":
        return not card.bundled
    return kind in {"all", "latent" if card.latent else "diffusion" if card.family else ""}


def _library() -> list[ModelCard]:
    """Return a card of every run: the user's own, newest first, then the bundled ones."""
    return sorted((runs.card(folder) for folder in runs.folders()), key=lambda card: card.bundled)


def _words(card: ModelCard) -> str:
    """Return all that the search finds a model by."""
    return " ".join([card.title, card.name, card.dataset, *tags(card), standing(card), card.note]).lower()


class ModelsPage(Page):
    """Cards, a search, and the details of one model.

    ``open_model`` carries its path and family, ``show_training`` and ``settings_of`` the path of a run whose curves
    to show or whose settings to begin a new experiment with.
    """

    open_model = Signal(str, str)
    show_training = Signal(str)
    settings_of = Signal(str)
    train = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.chosen: ModelCard | None = None
        self._all: list[ModelCard] = []
        self._trash_failed = False
        self.actions_ = RunActions(self)
        self.actions_.annotate.connect(self._annotate)
        self.actions_.delete.connect(self._ask_delete)
        self.actions_.settings_of.connect(self.settings_of)
        self.actions_.problem.connect(self.problem)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(12, 12, 12, 12)
        outer.setSpacing(2)  # and the place of the cards' scroll bar
        left = QVBoxLayout()
        left.setSpacing(12)
        left.addLayout(self._tools())
        self.grid = CardGrid()
        self.grid.chosen.connect(self.choose)
        self.grid.opened.connect(self._open)
        self.grid.menu_wanted.connect(self._show_menu)
        left.addWidget(self.grid, 1)
        outer.addLayout(left, 1)
        self.details = ModelDetails(self, self.actions_)
        self.details.renamed.connect(self._keep_name)
        self.details.annotated.connect(self._keep_note)
        self.details.opened.connect(self._open_chosen)
        self.details.curves.connect(self._show_training)
        self.details.left.connect(self._focus_chosen)
        self.actions_.rename.connect(self.details.edit_name)
        self.details.question.answered.connect(self._delete)
        outer.addWidget(self.details)
        self._watch = QTimer(self)
        self._watch.timeout.connect(self.shown)
        self.refresh()

    def _tools(self) -> QVBoxLayout:
        self._rows = QVBoxLayout()
        self._rows.setContentsMargins(0, 0, 10, 0)
        self._rows.setSpacing(8)
        row = self._row = QHBoxLayout()
        row.setSpacing(10)
        self._rows.addLayout(row)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search models, data sets, notes…   Ctrl F")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("search models")
        self.search.setToolTip("Show only models whose name, data set, tags or note contain this; Esc clears it")
        self.search.setMinimumWidth(120)
        self.search.setMaximumWidth(300)
        self.search.textChanged.connect(self._arrange)
        QShortcut(QKeySequence.StandardKey.Find, self, self.search.setFocus)
        row.addWidget(self.search, 1)
        self.kind = Segmented(
            [(key, name, f"{tip}; how many of them fit the search") for key, (name, tip) in _KINDS.items()],
            "kind of model",
        )
        self.kind.chosen.connect(self._arrange)
        row.addWidget(self.kind)
        row.addStretch(1)
        elsewhere = button("Open a run folder…", "Show a run that lies elsewhere, such as one of vdx train --out")
        elsewhere.clicked.connect(self._ask_folder)
        row.addWidget(elsewhere)
        train = button("Train a model", "Go to the Train page", "primary")
        train.clicked.connect(self.train)
        row.addWidget(train)
        return self._rows

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the kinds a row of their own where one is too narrow for all."""
        wide = self.width() > _ONE_ROW
        if wide and self._row.indexOf(self.kind) < 0:
            self._row.insertWidget(1, self.kind)
        elif not wide and self._rows.indexOf(self.kind) < 0:
            self._rows.addWidget(self.kind, 0, Qt.AlignmentFlag.AlignLeft)

    @property
    def cards(self) -> list[Card]:
        """Return the cards that are shown."""
        return self.grid.cards

    @property
    def open_button(self) -> QPushButton:
        """Return the button that opens the chosen model."""
        return self.details.open_button

    @property
    def export(self) -> ExportButton:
        """Return what saves the chosen model's preview."""
        return self.details.export

    # ---- cards ----

    @Slot()
    def shown(self) -> None:
        """Look for new runs, and for what became of those that train."""
        began = time.perf_counter()
        if _library() != self._all:
            self.refresh()
        self.grid.look_again()
        # A library of hundreds, or on a slow disk, is looked at less often.
        self._watch.setInterval(max(_LOOK_MS, round(1000 * (time.perf_counter() - began) / _LOOK_SHARE)))

    def showEvent(self, event: QShowEvent) -> None:
        """Watch the library."""
        self._watch.start(_LOOK_MS)

    def hideEvent(self, event: QHideEvent) -> None:
        """Keep what is being typed, and let the library be."""
        self._watch.stop()
        self.details.finish_editing()

    @Slot()
    def refresh(self) -> None:
        """Read the library again; the search, the place in the list and what is being typed stay."""
        self._all = _library()
        self._arrange()
        same = [card for card in self._all if self.chosen is not None and card.path == self.chosen.path]
        if self._all:
            self.choose((same or self._all)[0])

    @Slot()
    def _arrange(self) -> None:
        words = self.search.text().lower().split()
        found = [card for card in self._all if all(word in _words(card) for word in words)]
        for key, (name, _tip) in _KINDS.items():
            self.kind.buttons[key].setText(f"{name} {sum(_is(card, key) for card in found)}")
        fitting = [card for card in found if _is(card, self.kind.key)]
        self.grid.show_cards(fitting, {card.path for card in self._all})
        self._mark()

    def _has_a_search(self) -> bool:
        return self.search.hasFocus() and bool(self.search.text())

    def event(self, event: QEvent) -> bool:
        """Claim Esc, which the window has a use for too, while there is a search to clear."""
        if event.type() == QEvent.Type.ShortcutOverride and self._has_a_search():
            assert isinstance(event, QKeyEvent)
            if event.key() == Qt.Key.Key_Escape:
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc clears the search."""
        if event.key() == Qt.Key.Key_Escape and self._has_a_search():
            self.search.clear()
        else:
            super().keyPressEvent(event)

    # ---- one model ----

    @Slot(object)
    def choose(self, card: ModelCard) -> None:
        """Show what is known of a model."""
        self.details.show_card(card)  # which first keeps what was typed about another
        self.chosen = next((now for now in self._all if now.path == card.path), card)
        self.details.show_card(self.chosen)
        self.actions_.show_card(self.chosen)
        self._mark()

    def _mark(self) -> None:
        self.grid.mark(self.chosen.path if self.chosen is not None else "")

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

    @Slot(object, QPoint)
    def _show_menu(self, card: ModelCard, where: QPoint) -> None:
        self.choose(card)
        menu = self.actions_.menu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(where)

    # ---- runs that lie elsewhere ----

    @Slot()
    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, f"The folder of a run, with its {runs.RECORD}")
        if chosen:
            self.open_folder(Path(chosen))

    def open_folder(self, folder: Path) -> None:
        """Show the run of any folder: its training, or where it was not trained here what it makes."""
        try:
            config = runs.read_config(folder)
        except ExplorerError as error:
            self.problem.emit(Failure(str(error)))
            return
        if config.model.family == "imported":
            self.open_model.emit(str(folder), config.model.family)
        else:
            self.show_training.emit(str(folder))

    # ---- names and notes ----

    @Slot()
    def _annotate(self) -> None:
        self.details.note.setFocus()

    @Slot(str, str)
    def _keep_name(self, path: str, title: str) -> None:
        self._keep(lambda: library.rename(Path(path), title))

    @Slot(str, str)
    def _keep_note(self, path: str, note: str) -> None:
        self._keep(lambda: library.annotate(Path(path), note))

    def _keep(self, write: Callable[[], None]) -> None:
        """Write what was typed; what cannot be is told, and stays to be typed over."""
        try:
            write()
        except ConfigError as error:
            self.details.complain(str(error))
        except RunError as error:
            self.problem.emit(Failure(str(error)))
        else:
            self.details.kept()
            self.refresh()

    # ---- deleting ----

    @Slot()
    def _ask_delete(self) -> None:
        if self.chosen is None:
            return
        self._trash_failed = False
        self.details.question.ask(what_goes(self.chosen), "Move to trash", "It can be taken back from the trash")

    @Slot(bool)
    def _delete(self, yes: bool) -> None:
        if not yes or self.chosen is None:
            self._focus_chosen()
            return
        folder = Path(self.chosen.path)
        try:
            if self._trash_failed:
                library.remove(folder)
            elif reason := move_to_trash(folder):
                self._trash_failed = True
                self.details.question.ask(
                    f"It cannot be moved to the trash ({reason}). Delete {folder} for good? This cannot be taken back.",
                    "Delete for good",
                    "Nothing of this run will be left",
                )
                return
        except RunError as error:
            self.problem.emit(Failure(str(error)))
        else:
            self.status.emit(f"deleted {folder}" if self._trash_failed else f"moved {folder} to the trash")
        self._choose_neighbour(folder)

    def _choose_neighbour(self, gone: Path) -> None:
        """Choose the card after the one that went, or the one before it; while there are any, one of the user's own."""
        before = [shown.card.path for shown in self.cards]
        at = before.index(str(gone)) if str(gone) in before else 0
        self.refresh()
        here = {shown.card.path: shown.card for shown in self.cards}
        following = [here[path] for path in [*before[at:], *reversed(before[:at])] if path in here]
        if following:
            self.choose(min(following, key=lambda card: card.bundled))
        self._focus_chosen()

    @Slot()
    def _focus_chosen(self) -> None:
        if self.chosen is not None:
            self.grid.focus(self.chosen.path)

    def shutdown(self) -> bool:
        """Keep what is being typed."""
        self._watch.stop()
        self.details.finish_editing()
        return True

"""The Models page: every model there is as a card, and what is known of the chosen one."""

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QHideEvent, QKeyEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout

from explorer import elsewhere, library, runs
from explorer.errors import ConfigError, ExplorerError, RunError
from explorer.messages import Failure, ModelCard
from explorer.ui.card_grid import CardGrid
from explorer.ui.export import ExportButton
from explorer.ui.model_card import Card
from explorer.ui.model_details import ModelDetails
from explorer.ui.model_filter import ModelFilter
from explorer.ui.page import Page
from explorer.ui.run_actions import RunActions, move_to_trash, what_goes

_LOOK_MS = 2000
_LOOK_SHARE = 0.02  # of the time that may go into looking for changes in the library


def _library() -> list[ModelCard]:
    """Return a card of every run: the user's own, newest first, then the bundled ones."""
    return sorted((runs.card(folder) for folder in runs.folders()), key=lambda card: card.bundled)


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
        self.actions_.forget.connect(self._forget)
        self.actions_.settings_of.connect(self.settings_of)
        self.actions_.problem.connect(self.problem)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(12, 12, 12, 12)
        outer.setSpacing(2)  # and the place of the cards' scroll bar
        left = QVBoxLayout()
        left.setSpacing(12)
        self.filter = ModelFilter()
        self.search, self.kind = self.filter.search, self.filter.kind
        self.filter.changed.connect(self._arrange)
        self.filter.elsewhere.connect(self._ask_folder)
        self.filter.train.connect(self.train)
        QShortcut(QKeySequence.StandardKey.Find, self, self.search.setFocus)
        left.addWidget(self.filter)
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
        self.grid.show_cards(self.filter.fitting(self._all), self._all)
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
            elsewhere.remember(folder)
        except ExplorerError as error:
            self.problem.emit(Failure(str(error)))
            return
        self.refresh()
        if config.model.family == "imported":
            self.open_model.emit(str(folder), config.model.family)
        else:
            self.show_training.emit(str(folder))

    @Slot()
    def _forget(self) -> None:
        """Take a run that lies elsewhere off the list; the folder stays as it is."""
        if self.chosen is None:
            return
        folder = Path(self.chosen.path)
        try:
            elsewhere.forget(folder)
        except ExplorerError as error:
            self.problem.emit(Failure(str(error)))
            return
        self.status.emit(f"{folder} is off the list, and as it was")
        self._choose_neighbour(folder)

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

"""What is known of the chosen model, its name and note to be edited in place, and what can be done with it."""

import contextlib
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from explorer import metrics, runs
from explorer.errors import RunError
from explorer.messages import Failure, ModelCard
from explorer.training_messages import Turned
from explorer.ui.export import ExportButton
from explorer.ui.facts import details
from explorer.ui.model_card import Preview
from explorer.ui.note_edit import NoteEdit
from explorer.ui.page import Page
from explorer.ui.panel import Panel, button, column, empty, label
from explorer.ui.question import Question
from explorer.ui.run_actions import RunActions

_WIDTH = 330
_MARGIN, _BAR = 12, 10  # the bar's width is the style sheet's


class ModelDetails(Panel):
    """The panel beside the cards.

    ``renamed`` and ``annotated`` carry the path of a run and its new title or note, ``left`` says that the keys are
    free again; ``opened`` and ``curves`` are for the shown model. ``question`` is put before a run is deleted.
    """

    renamed = Signal(str, str)
    annotated = Signal(str, str)
    opened = Signal()
    curves = Signal()
    left = Signal()

    def __init__(self, page: Page, actions: RunActions) -> None:
        super().__init__("Model")
        self.setFixedWidth(_WIDTH)
        self._page = page
        self._run_actions = actions
        self.card: ModelCard | None = None
        self._preview: Preview | None = None
        # The scroll bar stands in the right margin: a picture as high as it is wide must not change with it.
        outer = self.layout()
        assert outer is not None
        outer.setContentsMargins(_MARGIN, 10, _MARGIN - _BAR, _MARGIN)
        self.head.setContentsMargins(0, 0, _BAR, 0)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setWordWrap(True)
        self.title.installEventFilter(self)
        self._add_name()
        inside, self._facts = column()
        inside.setObjectName("scrolled")
        inside.setFixedWidth(_WIDTH - 2 * _MARGIN - 2)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        self.body.addWidget(area, 1)
        below = QVBoxLayout()
        below.setContentsMargins(0, 0, _BAR, 0)
        self.body.addLayout(below)
        self.note = NoteEdit()
        self.note.done.connect(self._keep_note)
        self.note.left.connect(self.left)
        below.addWidget(self.note)
        self.question = Question()
        below.addWidget(self.question)
        self._foot = QHBoxLayout()
        below.addLayout(self._foot)

    def _add_name(self) -> None:
        self.name = QLineEdit()
        self.name.setMaxLength(200)
        self.name.setAccessibleName("name of this run")
        self.name.setToolTip("Name shown on the card; Return keeps it, Esc takes it back")
        self.name.editingFinished.connect(self._keep_name)
        self.name.hide()
        self.head.addWidget(self.name, 1)
        self._complaint = label("", "problem")
        self._complaint.setTextFormat(Qt.TextFormat.PlainText)
        self._complaint.setWordWrap(True)
        self._complaint.hide()
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, _BAR, 0)
        row.addWidget(self._complaint)
        self.body.addLayout(row)

    # ---- showing ----

    def show_card(self, card: ModelCard) -> None:
        """Show a model; what is being typed about the same one stays."""
        if self.card is not None and card.path != self.card.path:
            self.finish_editing()
            self.question.hide()
        other = self.card is None or card.path != self.card.path
        if card == self.card:
            if self._preview is not None:
                self._preview.look_again()
            return
        self.card = card
        self.title.setText(card.title)
        own = not card.bundled and bool(card.config)
        self.title.setToolTip("F2 or a double click renames it" if own else "")
        self.note.setVisible(own)
        if other or not self.note.hasFocus():
            self._take_note_back()
        empty(self._facts)
        self._preview = None
        if (Path(card.path) / runs.PREVIEW).is_file():
            self._preview = Preview(card.path, 1.0)
            self._facts.addWidget(self._preview)
        self._facts.addWidget(_table(details(card, _turns(card))))
        self._facts.addStretch(1)
        if other:
            self._add_buttons(card)
        self._show_buttons(card)

    def _add_buttons(self, card: ModelCard) -> None:
        empty(self._foot)
        self.open_button = button("", "Open it on the Latent or the Diffusion page", "primary")
        self.open_button.clicked.connect(self.opened)
        self._foot.addWidget(self.open_button, 1)
        self.curves_button = button("Training", "Show its curves on the Train page")
        self.curves_button.clicked.connect(self.curves)
        self._foot.addWidget(self.curves_button)
        self.export = ExportButton(self._page)
        self.export.add(f"{card.name}-samples", "Preview (PNG)", ".png", self._preview_png)
        self._foot.addWidget(self.export)
        self.more = button("⋯", "Rename, duplicate, show the folder, delete")
        self.more.setAccessibleName("more actions")
        self.more.setMenu(self._run_actions.menu(self.more))
        self._foot.addWidget(self.more)

    def _show_buttons(self, card: ModelCard) -> None:
        # The buttons of a run stay when it changes: its note is written between the press on one and its release.
        text = "Explore" if card.latent else "Denoise" if card.family else "Open"
        self.open_button.setText(text)
        self.open_button.setAccessibleName(text)
        self.open_button.setEnabled(not card.problem)
        self.curves_button.setEnabled(bool(card.config))
        self.export.setEnabled((Path(card.path) / runs.PREVIEW).is_file())

    def _preview_png(self) -> bytes:
        assert self.card is not None
        return (Path(self.card.path) / runs.PREVIEW).read_bytes()

    # ---- the name ----

    def edit_name(self) -> None:
        """Let the name be typed over."""
        if self.card is None or self.card.bundled or not self.card.config:
            return
        self.title.hide()
        self.name.setText(self.card.title)
        self.name.show()
        self.name.setFocus()
        self.name.selectAll()

    @Slot()
    def _keep_name(self) -> None:
        # Hiding it takes the focus away, which says once more that the editing is finished.
        if self.name.isHidden() or self.card is None:
            return
        by_key = self.name.hasFocus()
        if self.name.text().strip() == self.card.title:
            self._leave_name()
        else:
            self.renamed.emit(self.card.path, self.name.text())
        if by_key and self.name.isHidden():
            self.left.emit()

    def _leave_name(self) -> None:
        self.name.hide()
        self.title.show()
        self.complain("")

    # ---- the note ----

    @Slot()
    def _keep_note(self) -> None:
        if self.card is not None and self.note.isVisibleTo(self) and self.note.toPlainText() != self.card.note:
            self.annotated.emit(self.card.path, self.note.toPlainText())

    def _take_note_back(self) -> None:
        self.note.setPlainText(self.card.note if self.card is not None else "")
        self.complain("")

    # ---- both ----

    def kept(self) -> None:
        """Take note that what was typed is written now."""
        self._leave_name()

    def complain(self, text: str) -> None:
        """Say in place what is wrong with the name or the note; an empty text takes it back."""
        self._complaint.setText(text)
        self._complaint.setVisible(bool(text))

    def finish_editing(self) -> None:
        """Keep what is being typed, before something else is shown."""
        self._keep_name()
        self._keep_note()
        if self._complaint.isVisibleTo(self):
            self._page.problem.emit(Failure(f"not kept: {self._complaint.text()}"))
        self._leave_name()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A double click on the name edits it."""
        if watched is self.title and event.type() == QEvent.Type.MouseButtonDblClick:
            self.edit_name()
        return super().eventFilter(watched, event)

    def _is_left_by_escape(self) -> bool:
        return self.question.isVisible() or self.name.isVisible() or self.note.hasFocus()

    def event(self, event: QEvent) -> bool:
        """Claim Esc, which the window has a use for too, while there is something here to take back."""
        if event.type() == QEvent.Type.ShortcutOverride and self._is_left_by_escape():
            assert isinstance(event, QKeyEvent)
            if event.key() == Qt.Key.Key_Escape:
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc keeps what would be deleted, and takes back what was typed."""
        if event.key() != Qt.Key.Key_Escape or not self._is_left_by_escape():
            super().keyPressEvent(event)
        elif self.question.isVisible():
            self.question.say_no()
        else:
            self._take_note_back()
            self._leave_name()
            self.left.emit()


def _turns(card: ModelCard) -> list[Turned]:
    if not card.bundled:
        with contextlib.suppress(RunError):  # its curves, which need the file, say what is wrong with it
            return metrics.turns(Path(card.path))
    return []


def _table(facts: list[tuple[str, str]]) -> QWidget:
    table = QWidget()
    grid = QGridLayout(table)
    grid.setContentsMargins(0, 4, 0, 0)
    grid.setVerticalSpacing(7)
    for row, (name, value) in enumerate(facts):
        grid.addWidget(label(name, "muted"), row, 0, Qt.AlignmentFlag.AlignTop)
        shown = QLabel(value)
        shown.setTextFormat(Qt.TextFormat.PlainText)
        shown.setWordWrap(True)
        shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        grid.addWidget(shown, row, 1)
    grid.setColumnStretch(1, 1)
    return table

"""What can be done with a run besides opening it: rename, note, duplicate, show the folder, delete."""

import contextlib
from pathlib import Path

from PySide6.QtCore import QFile, QObject, Qt, QUrl, Signal, Slot
from PySide6.QtGui import QAction, QDesktopServices, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from explorer import elsewhere, library, runs
from explorer.errors import ExplorerError, RunError
from explorer.messages import Failure, ModelCard

_BUNDLED = "it ships with the app and stays as it is; a new experiment with its settings is yours"
_DAMAGED = f"its {runs.RECORD} cannot be read"


class RunActions(QObject):
    """The actions for one model, with their keys; those that make no sense for it are disabled and say why.

    ``rename``, ``annotate``, ``forget`` and ``delete`` ask for it, ``settings_of`` carries the path of the run whose
    settings a new experiment should begin with, ``problem`` a Failure.
    """

    rename = Signal()
    annotate = Signal()
    forget = Signal()
    delete = Signal()
    settings_of = Signal(str)
    problem = Signal(object)

    def __init__(self, owner: QWidget) -> None:
        super().__init__(owner)
        self._card: ModelCard | None = None
        self._tips: dict[QAction, str] = {}
        self.renaming = self._add("Rename", "Change the name on the card", "F2")
        self.renaming.triggered.connect(self.rename)
        self.annotating = self._add("Edit note", "Write down what was tried and what came out")
        self.annotating.triggered.connect(self.annotate)
        self.duplicating = self._add("New experiment with these settings", "Bring its settings to the Train page")
        self.duplicating.triggered.connect(self._duplicate)
        self.revealing = self._add("Show in file manager", "Open the folder of this run")
        self.revealing.triggered.connect(self._reveal)
        self.forgetting = self._add("Take off the list", "Its folder lies elsewhere and stays as it is")
        self.forgetting.triggered.connect(self.forget)
        self.deleting = self._add("Move to trash…", "Delete this run; asks first", "Del")
        self.deleting.triggered.connect(self.delete)
        self.show_card(None)

    def _add(self, text: str, tip: str, keys: str = "") -> QAction:
        owner = self.parent()
        assert isinstance(owner, QWidget)
        action = QAction(text, self)
        self._tips[action] = tip
        if keys:
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        owner.addAction(action)
        return action

    def menu(self, parent: QWidget) -> QMenu:
        """Return a new menu of the actions."""
        made = QMenu(parent)
        made.setToolTipsVisible(True)
        made.addActions([self.renaming, self.annotating, self.duplicating, self.revealing])
        made.addSeparator()
        made.addActions([self.forgetting, self.deleting])
        return made

    def show_card(self, card: ModelCard | None) -> None:
        """Enable what can be done with a model."""
        self._card = card
        none = "" if card is not None else "choose a model first"
        bundled = _BUNDLED if card is not None and card.bundled else ""
        damaged = _DAMAGED if card is not None and not card.config else ""
        imported = "imported models cannot be trained" if card is not None and card.family == "imported" else ""
        training = "it is being trained: stop it first" if card is not None and card.status == "training" else ""
        self.forgetting.setVisible(card is not None and not elsewhere.is_own(Path(card.path)))
        for action, hindrance in (
            (self.renaming, none or bundled or damaged),
            (self.annotating, none or bundled or damaged),
            (self.duplicating, none or damaged or imported),
            (self.revealing, none),
            (self.forgetting, none),
            (self.deleting, none or bundled or training),
        ):
            action.setEnabled(not hindrance)
            action.setToolTip(f"Not possible: {hindrance}" if hindrance else self._tips[action])

    @Slot()
    def _duplicate(self) -> None:
        assert self._card is not None
        try:
            runs.read_config(Path(self._card.path))
        except ExplorerError as error:
            self.problem.emit(Failure(str(error)))
            return
        self.settings_of.emit(self._card.path)

    @Slot()
    def _reveal(self) -> None:
        assert self._card is not None
        folder = Path(self._card.path)
        if not folder.is_dir():
            self.problem.emit(Failure(f"{folder} is gone"))
        elif not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder.absolute()))):
            self.problem.emit(Failure(f"no file manager could be started; the folder is {folder.absolute()}"))


def what_goes(card: ModelCard) -> str:
    """Return what the deletion of a run would take, in words."""
    sizes = []
    for path in Path(card.path).rglob("*"):
        with contextlib.suppress(OSError):
            if not path.is_dir():
                sizes.append(path.lstat().st_size)
    many = "1 file" if len(sizes) == 1 else f"{len(sizes)} files"
    return f"Delete “{card.title}”? {many}, {sum(sizes) / 1e6:.1f} MB, in {card.path}"


def move_to_trash(folder: Path) -> str:
    """Move a run folder to the system's trash and return "", or why it could not be; then nothing is changed.

    Raises:
        RunError: it must not be deleted, or is gone already.
    """
    if not folder.is_dir():
        raise RunError(f"{folder} is gone already")
    with library.removing(folder):
        file = QFile(str(folder))
        return "" if file.moveToTrash() else file.errorString()

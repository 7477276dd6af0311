"""Undo and redo of every move in a latent space: where it was comes back to the last bit."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from explorer.messages import Floats

LIMIT = 500
_MOVE = 1  # commands with one id may be merged


@dataclass(frozen=True)
class Place:
    """Where one is: z (latent,), and the class that a conditional decoder is told."""

    z: Floats
    label: int = 0

    def __eq__(self, other: object) -> bool:
        """Return whether two places are the same to the last bit."""
        if not isinstance(other, Place):
            return NotImplemented
        return self.label == other.label and self.z.shape == other.z.shape and self.z.tobytes() == other.z.tobytes()

    __hash__ = None  # type: ignore[assignment]  # it holds an array


def _kept(place: Place) -> Place:
    """Return a copy that nobody else changes."""
    z = np.array(place.z, np.float32)
    z.setflags(write=False)
    return Place(z, place.label)


class _Move(QUndoCommand):
    """The way from one place to another; redone and undone by telling the history where it is now."""

    def __init__(self, history: "LatentHistory", before: Place, after: Place, drag: int, how: str) -> None:
        super().__init__(how)
        self._history, self._before, self._drag = history, before, drag
        self.after = after

    def id(self) -> int:
        return _MOVE

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, _Move) or other._drag != self._drag or other.text() != self.text():
            return False
        self.after = other.after
        return True

    def redo(self) -> None:
        self._history._arrive(self.after)

    def undo(self) -> None:
        self._history._arrive(self._before)


class LatentHistory(QObject):
    """The moves since a model was opened, the last 500 of them.

    What is recorded until ``settle`` is one move if it is of one kind: a drag is undone at once, however many pictures
    it passed. ``went`` carries the Place that undo or redo leads to, ``changed`` says that their texts are others.
    """

    went = Signal(object)
    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stack = QUndoStack(self)
        self._stack.setUndoLimit(LIMIT)
        self._stack.indexChanged.connect(self.changed)
        self._here: Place | None = None
        self._drag = 0
        self._recording = False

    def begin(self, place: Place | None = None) -> None:
        """Forget every move: a new model is open, and one is at ``place``; by default the first that is recorded."""
        self._here = None if place is None else _kept(place)
        self._drag += 1
        self._stack.clear()
        self.changed.emit()

    def record(self, place: Place, how: str) -> None:
        """Take down that one has come to a place.

        Args:
            place: where one is now; it is copied.
            how: in a word or two, such as "z₃" or "random": what the move is called where it can be undone.
        """
        if self._here is None:
            self._here = _kept(place)
            return
        if place == self._here:
            return
        before, after = self._here, _kept(place)
        self._recording = True
        try:
            self._stack.push(_Move(self, before, after, self._drag, how))
        finally:
            self._recording = False

    def settle(self) -> None:
        """Say that a drag has ended: what comes next is a move of its own."""
        self._drag += 1

    def _arrive(self, place: Place) -> None:
        self._here = place
        if not self._recording:
            self._drag += 1
            self.went.emit(Place(place.z.copy(), place.label))

    @property
    def here(self) -> Place | None:
        """Return the place that was recorded, or returned to, last."""
        return self._here

    @property
    def undo_text(self) -> str:
        """Return what would be undone, "" where there is nothing."""
        return self._stack.undoText()

    @property
    def redo_text(self) -> str:
        """Return what would be done again, "" where there is nothing."""
        return self._stack.redoText()

    def undo(self) -> None:
        """Go back to where one was before the last move."""
        self._stack.undo()

    def redo(self) -> None:
        """Go again where one was before the last undo."""
        self._stack.redo()

"""Reads the run that a page shows, one at a time; an earlier one is let go."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from explorer.workers.run_follower import RunFollower


class RunReader(QObject):
    """``happened`` carries tuples of messages, ``failed`` a Failure, and ``ended`` comes when all is read."""

    happened = Signal(object)
    failed = Signal(object)
    ended = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._follower: RunFollower | None = None
        self._ending: list[RunFollower] = []

    @property
    def reading(self) -> bool:
        """Return whether a run is being read, or followed while another process writes it."""
        return self._follower is not None

    def read(self, folder: Path) -> None:
        """Read a run from its beginning."""
        self.stop()
        self._follower = RunFollower(folder, self)
        self._follower.happened.connect(self._happened)
        self._follower.failed.connect(self._failed)
        self._follower.finished.connect(self._finished)
        self._follower.start()

    def stop(self) -> None:
        """Let go of the run; its thread ends by itself soon and is not waited for."""
        follower, self._follower = self._follower, None
        if follower is None:
            return
        for ended in [one for one in self._ending if one.isFinished()]:
            self._ending.remove(ended)
            ended.deleteLater()
        self._ending.append(follower)
        follower.requestInterruption()

    def shutdown(self) -> bool:
        """Let go of the run and wait; return whether every thread ended in time."""
        self.stop()
        ending, self._ending = self._ending, []
        ended = [follower.wait(10_000) for follower in ending]  # each of them
        return all(ended)

    @Slot(object)
    def _happened(self, messages: tuple[object, ...]) -> None:
        follower = self._follower
        if follower is not None and self.sender() is follower:
            self.happened.emit(messages)
            follower.taken()

    @Slot(object)
    def _failed(self, failure: object) -> None:
        if self.sender() is self._follower:
            self.failed.emit(failure)

    @Slot()
    def _finished(self) -> None:
        if self.sender() is self._follower:
            self.stop()
            self.ended.emit()

"""A run that is shown from its folder: what was written so far, and then what another process goes on writing."""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from explorer import locks, metrics, runs, snapshots
from explorer.errors import RunError
from explorer.files import MANIFEST
from explorer.training_messages import Followed, Measurement
from explorer.workers.thread import Worker, be_polite

_LOOK_SECONDS = 0.5
_NAP_SECONDS = 0.05  # between two looks at whether the thread should end
_BATCH = 1000  # messages in a tuple
_WAITING = 4  # tuples that may wait to be taken
_BEGINNING_SECONDS = 60.0  # that a process may take from making a run to training it

Signature = tuple[int, int, int]


class RunFollower(Worker):
    """Reads a run folder and emits ``happened`` with tuples of messages; it never writes.

    First what there is: Pictures, then Measurement and Turned in their order, then every Snapshot. As long as some
    process trains the run, what is new follows, within a second; the thread ends by itself after a last look when none
    does any more. Each tuple ends with a Followed; one that is ``anew`` stands at its beginning, too.

    The receiver calls ``taken`` for every tuple when it is done with it: a few wait at most, however long the run.
    A folder that disappears ends the thread with ``failed``.

    Args:
        folder: the run.
        parent: the thread's owner.
    """

    happened = Signal(object)

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("follower")
        self.folder = folder
        self._room = threading.Semaphore(_WAITING)
        self._tail = metrics.Tail(folder)
        self._epochs = 0
        self._step = 0
        self._total = 0
        self._read = 0.0
        self._writing = False
        self._told: Followed | None = None
        self._pictures: tuple[Signature | None, ...] = ()
        self._snapshots: dict[int, Signature | None] = {}

    def taken(self) -> None:
        """Make room for another tuple; safe from any thread."""
        self._room.release()

    # ---- in the thread ----

    def work(self) -> None:
        """Read what there is, and go on while it grows."""
        be_polite()
        self._epochs = runs.read_config(self.folder).training.epochs
        while not self.isInterruptionRequested():
            self._check_there()
            # Asked before looking: what a process writes before it ends is still read.
            self._writing = locks.is_written(self.folder)
            self._look()
            if not self._writing and not self._begins():
                return
            self._nap()

    def _begins(self) -> bool:
        """Return whether a process may be about to train: `vdx train` makes the run and then loads torch and data."""
        record = self.folder / runs.RECORD
        with contextlib.suppress(OSError):
            young = time.time() - record.stat().st_mtime < _BEGINNING_SECONDS
            return young and "status" not in runs.read_record(self.folder)
        return False

    def _check_there(self) -> None:
        if not (self.folder / runs.RECORD).is_file():
            raise RunError(f"{self.folder} is gone; what was read of it stays here until another run is shown")

    def _nap(self) -> None:
        until = time.monotonic() + _LOOK_SECONDS
        while time.monotonic() < until and not self.isInterruptionRequested():
            time.sleep(_NAP_SECONDS)

    def _look(self) -> None:
        first = self._told is None
        if first:
            self._tell_pictures()
        while not self.isInterruptionRequested():
            found = self._tail.read(_BATCH)
            self._read = self._tail.share_read
            if self._tail.restarted:
                self._pictures, self._snapshots, self._step = (), {}, 0
            last = next((one for one in reversed(found) if isinstance(one, Measurement)), None)
            if last is not None:
                self._step = last.step
                self._total = round(self._epochs * last.step / last.epoch) if last.epoch > 0 else 0
            self._tell(found, anew=self._tail.restarted)
            if not self._tail.more:
                break
        if not first:
            self._tell_pictures()
        self._tell_snapshots()
        self._check_there()

    def _tell(self, messages: Iterable[object], *, anew: bool = False) -> None:
        """Emit messages and how the run stands; nothing where there is nothing new to say."""
        state = Followed(str(self.folder), self._writing, self._step, self._total, self._read)
        told = (*messages, state)
        if anew:
            told = (dataclasses.replace(state, anew=True), *told)
        if len(told) == 1 and state == self._told:
            return
        while not self._room.acquire(timeout=_NAP_SECONDS):
            if self.isInterruptionRequested():
                return
        self._told = state
        self.happened.emit(told)

    def _tell_pictures(self) -> None:
        # Both files: pictures are replaced before the manifest that vouches for them.
        found = tuple(_signature(self.folder / name) for name in (runs.PICTURES, MANIFEST))
        if found == self._pictures:
            return
        self._pictures = found
        pictures = runs.read_pictures(self.folder)
        if pictures is not None:
            self._tell([pictures])

    def _tell_snapshots(self) -> None:
        for step in snapshots.steps(self.folder):
            if self.isInterruptionRequested():
                return
            found = _signature(snapshots.path(self.folder, step))
            if found is None or found == self._snapshots.get(step):
                continue
            self._snapshots[step] = found
            with contextlib.suppress(RunError):  # damaged, or thinned out meanwhile: the others are worth showing
                self._tell([snapshots.read(self.folder, step)])


def _signature(path: Path) -> Signature | None:
    """Return what changes when a file is written again, None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size

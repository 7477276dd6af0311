"""Training in the background of the window: it can be paused, slowed, stepped, and its knobs turned."""

import os
import threading
import time
from pathlib import Path
from weakref import WeakSet

from PySide6.QtCore import QObject, Signal
from shiboken6 import isValid

from explorer.config import RunConfig
from explorer.training_messages import Knobs, StorageTrouble, TrainingEnded, TrainingStarted
from explorer.workers.thread import Worker, be_polite

_PUBLISH_SECONDS = 0.04
_LOOK_SECONDS = 0.03  # between two looks at whether a pause is over
_AT_ONCE = (TrainingStarted, StorageTrouble, TrainingEnded)  # nothing may follow them for a while


class TrainingThread(Worker):
    """Runs one experiment and emits ``happened`` with a tuple of messages, 25 times a second at most.

    ``made`` carries the folder of a new run as soon as it is there, whatever becomes of the training.

    Args:
        what: the settings of a new run, for which a folder is made in the library; or the folder of a run to go on
            with from its newest valid checkpoint.
        parent: the thread's owner.
    """

    happened = Signal(object)
    made = Signal(str)

    def __init__(self, what: RunConfig | Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.what = what
        _made.add(self)
        self.setObjectName("training")
        self._lock = threading.Lock()
        self._paused = False
        self._steps = 0
        self._delay = 0.0
        self._knobs: Knobs | None = None
        self._waiting: list[object] = []
        self._in_a_hurry = False

    # ---- from the window's thread ----

    @property
    def paused(self) -> bool:
        """Return whether training waits."""
        return self._paused

    @property
    def slowed(self) -> bool:
        """Return whether there is a wait after every step."""
        return self._delay > 0

    @property
    def steered(self) -> bool:
        """Return whether somebody has turned the knobs: from then on the run's own turns are not replayed."""
        return self._knobs is not None

    def pause(self, paused: bool) -> None:
        """Wait after the step that is being taken, or go on."""
        with self._lock:
            self._paused, self._steps = paused, 0

    def step(self) -> None:
        """Take one more step and wait again."""
        with self._lock:
            self._paused = True
            self._steps += 1

    def slow_down(self, seconds: float) -> None:
        """Wait so long after every step; 0 is full speed."""
        self._delay = seconds

    def turn(self, knobs: Knobs) -> None:
        """Turn the knobs, from the next step on."""
        self._knobs = knobs

    def stop(self, milliseconds: int = 10_000) -> bool:
        """End the training soon, for the window closes: it saves what it learned, and looks at nothing any more."""
        self._in_a_hurry = True
        return super().stop(milliseconds)

    # ---- in the thread ----

    def _should_stop(self) -> bool:
        until = time.monotonic() + self._delay
        while not self.isInterruptionRequested():
            with self._lock:
                if self._paused and self._steps > 0:
                    self._steps -= 1
                    return False
                if not self._paused and time.monotonic() >= until:
                    return False
            self._publish()
            time.sleep(_LOOK_SECONDS)
        return True

    def _publish(self) -> None:
        if self._waiting:
            self.happened.emit(tuple(self._waiting))
            self._waiting = []

    def work(self) -> None:
        """Train until done or interrupted; whatever happens, the loop saves first."""
        be_polite()
        import torch

        from explorer.training.loop import train
        from explorer.training.prepare import new_run

        if self._in_a_hurry:  # the window was closed while torch was loaded
            return
        torch.set_num_threads(_threads())
        resume = isinstance(self.what, Path)
        if isinstance(self.what, Path):
            folder = self.what
        else:
            folder = new_run(self.what, command="window")
            self.made.emit(str(folder))
        published = 0.0
        try:
            messages = train(
                folder,
                should_stop=self._should_stop,
                knobs=lambda: self._knobs,
                resume=resume,
                patient=True,
                closely=lambda: self._paused or self._delay > 0,
            )
            for message in messages:
                self._waiting.append(message)
                now = time.monotonic()
                if now - published >= _PUBLISH_SECONDS or isinstance(message, _AT_ONCE):
                    self._publish()
                    published = now
                if self._in_a_hurry:
                    messages.close()
        finally:
            self._publish()  # what was measured before an error, too


_made: WeakSet[TrainingThread] = WeakSet()


def under_way() -> bool:
    """Return whether a training of this process is under way, from whichever page it was started."""
    return any(isValid(thread) and thread.isRunning() for thread in list(_made))


def _threads() -> int:
    """Return how many threads a step may use: what OMP_NUM_THREADS says, else the cores that this process may use."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

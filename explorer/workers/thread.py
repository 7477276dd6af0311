"""What every worker thread of the app is: interruptible, never terminated, and it always says how it ended."""

import contextlib
import os
import sys
import threading

from PySide6.QtCore import QObject, QThread, Signal

from explorer.errors import ExplorerError
from explorer.logs import as_failure, log
from explorer.messages import Failure

_STACK = 16 * 1024 * 1024  # macOS gives a thread 512 KB, too little for torch


class Worker(QThread):
    """A thread that runs ``work`` once; whatever escapes it becomes a ``failed`` signal with a Failure."""

    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setStackSize(_STACK)

    def work(self) -> None:
        """Do what the thread is for; subclasses say what."""
        raise NotImplementedError

    def run(self) -> None:
        """Run ``work`` and report what went wrong, once."""
        try:
            self.work()
        except Exception as error:  # noqa: BLE001  # the one place where everything is caught
            self.failed.emit(failure(error))

    def stop(self, milliseconds: int = 10_000) -> bool:
        """Ask the thread to end and wait for it; return whether it did in time."""
        self.requestInterruption()
        return self.wait(milliseconds)


def failure(error: BaseException) -> Failure:
    """Return an exception as words for the error bar; the traceback goes to the log and into the details."""
    found = as_failure(error)
    if isinstance(error, ExplorerError):
        log.warning("%s", found.text)  # not the error itself: it holds its frames, and they the memory of a training
    else:
        log.error("unexpected error in a worker", exc_info=error)
    return found


def be_polite() -> None:
    """Lower this thread's priority, so that the window stays smooth while it works; call it before torch starts."""
    if sys.platform.startswith("linux"):
        this = threading.get_native_id()
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, this, max(10, os.getpriority(os.PRIO_PROCESS, this)))
    else:
        thread = QThread.currentThread()
        if isinstance(thread, QThread):
            thread.setPriority(QThread.Priority.LowPriority)

"""The log file, and hooks that write uncaught exceptions to it and tell them to the window."""

import logging
import logging.handlers
import sys
import threading
import traceback
import weakref
from collections.abc import Callable
from types import TracebackType

from explorer import paths
from explorer.errors import ExplorerError
from explorer.messages import Failure

_FORMAT = "%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"
log = logging.getLogger("explorer")
_listeners: list[weakref.WeakMethod[Callable[[Failure], None]]] = []


def start(*, verbose: bool = False) -> None:
    """Send the log to a rotating file of 1 MB, three deep, and uncaught exceptions to the log and the window.

    A log that cannot be written is no reason not to start: then only warnings go to the terminal.
    """
    root = logging.getLogger("explorer")
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    if root.handlers:
        return
    try:
        paths.log_file().parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = logging.handlers.RotatingFileHandler(
            paths.log_file(), maxBytes=1_000_000, backupCount=3, encoding="utf-8"
        )
    except OSError:
        handler = logging.StreamHandler()
        handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter(_FORMAT))
    root.addHandler(handler)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def listen(listener: Callable[[Failure], None]) -> None:
    """Have uncaught exceptions told to this method instead of an earlier one, in whichever thread they happen.

    It is not kept alive by that.
    """
    _listeners[:] = [weakref.WeakMethod(listener)]


def as_failure(error: BaseException) -> Failure:
    """Return an exception as words for the error bar, with its traceback for details."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, ExplorerError):
        return Failure(str(error), details)
    return Failure(f"something unexpected happened ({type(error).__name__}: {error}); the log has the details", details)


def _note(error: BaseException) -> None:
    log.critical("uncaught exception", exc_info=error)
    for known in _listeners:
        listener = known()
        if listener is not None:
            listener(as_failure(error))


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        _note(error)
    sys.__excepthook__(kind, error, trace)


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _note(args.exc_value)
    threading.__excepthook__(args)

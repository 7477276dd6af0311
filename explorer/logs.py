"""The log file, and hooks that write uncaught exceptions to it."""

import logging
import logging.handlers
import sys
import threading
from types import TracebackType

from explorer import paths

_FORMAT = "%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"
log = logging.getLogger("explorer")


def start(*, verbose: bool = False) -> None:
    """Send the log to a rotating file of 1 MB, three deep, and uncaught exceptions to the log.

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


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        log.critical("uncaught exception", exc_info=(kind, error, trace))
    sys.__excepthook__(kind, error, trace)


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        log.critical("uncaught exception", exc_info=(args.exc_type, args.exc_value, args.exc_traceback))
    threading.__excepthook__(args)

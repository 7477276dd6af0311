"""One run is trained by one process: a lock on its folder, which the system frees however its holder ends."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from explorer.errors import RunError
from explorer.logs import log

LOCK = ".lock"
_PATIENCE = 1.0  # seconds: somebody who looks holds the lock for a moment, too
_LOOK = 0.02


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold a run folder for writing, until the end of the block or of the process, even by SIGKILL.

    The file of the lock stays: its being there means nothing, and removing it would let two hold it.

    Raises:
        RunError: another process, or another thread of this one, holds it; or the folder cannot be written.
    """
    if not folder.is_dir():  # the lock would make it
        raise RunError(f"there is no run folder {folder}; `vdx list` shows those there are")
    lock = FileLock(folder / LOCK, thread_local=False)  # a generator may end in another thread
    try:
        lock.acquire(timeout=_PATIENCE, poll_interval=_LOOK)
    except Timeout as error:
        raise RunError(
            f"{folder} is being trained by another process or window; stop it there first, or start a new run"
        ) from error
    except NotImplementedError:  # some network folders have no locks
        log.warning("%s cannot be locked here: do not train it twice at once", folder)
    except OSError as error:
        raise RunError(f"{folder} cannot be written ({error.strerror}); choose a folder you may write to") from error
    try:
        yield
    finally:
        lock.release()


def is_written(folder: Path) -> bool:
    """Return whether some process or thread holds a run folder for writing; nothing is made or changed."""
    path = folder / LOCK
    if not path.is_file():
        return False
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=_LOOK, poll_interval=_LOOK / 4)  # waits for others who look
    except Timeout:
        return True
    except (OSError, NotImplementedError):  # a folder that cannot be written, and so is not
        return False
    lock.release()
    return False

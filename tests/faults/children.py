"""Processes that may be killed: forked in milliseconds from one helper that has imported torch once."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "pytest", "pytestqt.qtbot", "sklearn.datasets", "torch._dynamo", "explorer.training.loop",
        "explorer.inference.session", "explorer.ui.main_window", "explorer.ui.train_page",
    ]
)  # fmt: skip


def _begin(told: Connection, work: Callable[..., object], *arguments: object) -> None:
    import torch

    torch.set_num_threads(1)  # a forked process has none of its parent's threads
    work(told.send, *arguments)


def barrier(parties: int) -> Any:
    """Return what lets so many processes begin at the same moment."""
    return _CONTEXT.Barrier(parties)


class Child:
    """A process that runs ``work(say, *arguments)``; what it says can be heard, also after its death.

    Its environment is the helper's: pass paths, and set VDX_HOME there where it matters.
    """

    def __init__(self, work: Callable[..., object], *arguments: object) -> None:
        self._said, told = _CONTEXT.Pipe(duplex=False)
        self.process = _CONTEXT.Process(target=_begin, args=(told, work, *arguments))
        self.process.start()
        told.close()

    def hear(self, seconds: float = 60) -> Any:
        """Return the next thing that is said; EOFError when there will be no more."""
        if not self._said.poll(seconds):
            raise TimeoutError(f"the child said nothing for {seconds} s")
        return self._said.recv()

    def rest(self) -> list[Any]:
        """Return all that was said and not heard yet; waits for the end of the process."""
        found = []
        while True:
            try:
                found.append(self.hear())
            except (EOFError, OSError):
                return found

    def kill(self) -> list[Any]:
        """Send SIGKILL, wait for the death and return what was said before."""
        self.process.kill()
        self.process.join(60)
        return self.rest()

    def end(self, seconds: float = 60) -> list[Any]:
        """Wait until the process has ended by itself, without an error, and return what it said."""
        said = self.rest()
        self.process.join(seconds)
        assert self.process.exitcode == 0, f"exit code {self.process.exitcode} after saying {said}"
        return said

"""Processes that train together, without a launcher and in milliseconds."""

import contextlib
import os
import socket
import warnings
from collections.abc import Callable, Iterator

from explorer.training.distributed import Together
from explorer.training.launch import launched
from explorer.training.ranks import Ranks
from tests.faults.children import Child

Say = Callable[[object], None]


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def as_rank(rank: int, ranks: int, port: int) -> None:
    """Tell this process what a launcher would."""
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(ranks), "LOCAL_WORLD_SIZE": str(ranks),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip


def together(rank: int, ranks: int, port: int) -> Together:
    """Make this process one of the ranks, and return their team."""
    warnings.simplefilter("error")
    as_rank(rank, ranks, port)
    launch = launched()
    assert launch is not None
    return Together(Ranks(launch))


@contextlib.contextmanager
def pair(work: Callable[..., object], *arguments: object, ranks: int = 2) -> Iterator[list[Child]]:
    """Start ``work(say, rank, ranks, port, *arguments)`` in processes of its own, and leave none of them behind."""
    port = free_port()
    children = [Child(work, rank, ranks, port, *arguments) for rank in range(ranks)]
    try:
        yield children
    finally:
        for child in children:
            child.process.kill()

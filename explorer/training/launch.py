"""What a launcher such as torchrun told this process, and which run its earlier attempts made."""

import hashlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from explorer import runs
from explorer.errors import ConfigError, RunError

_NEEDED = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
_NO_JOB = "none"  # torchrun's --rdzv-id where none was given


@dataclass(frozen=True)
class Launch:
    """This process among the ``ranks`` of a training, of which ``local_ranks`` run on this machine.

    ``job`` and ``agent`` are what is the same in a restarted attempt: the job's name, and the process that starts this
    one, with the time it began, since numbers of processes are used again. ``torchrun`` says whether that one restarts
    processes that fail.
    """

    rank: int
    ranks: int
    local_rank: int
    local_ranks: int
    job: str
    agent: str
    restarts: int
    torchrun: bool

    def mark(self) -> dict[str, str]:
        """Return what ``run.json`` remembers of the launch; hashed, since names of machines are nobody's business."""
        return {"job": _hashed(self.job), "agent": _hashed(f"{self.job} {self.agent}")}

    def made(self, record: Mapping[str, Any]) -> bool:
        """Return whether an earlier attempt of this launch made the run of a record."""
        mark, mine = record.get("launch"), self.mark()
        if not self.torchrun or not isinstance(mark, dict):
            return False
        moved = self.restarts > 0 and self.job != _NO_JOB and mark.get("job") == mine["job"]  # to another machine
        return moved or mark.get("agent") == mine["agent"]

    def earlier(self, out: Path | None) -> Path | None:
        """Return the run that an earlier attempt of this launch made, in ``out`` or in the library; None if none is.

        On several machines a launcher counts only the restarts of its own, so every attempt has to look.
        """
        for folder in runs.folders() if out is None else [out]:
            try:
                if self.made(runs.read_record(folder)):
                    return folder
            except RunError:
                continue
        return None


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _agent() -> str:
    """Return what no other launcher is called, on this machine or another, now or later."""
    parent = os.getppid()
    try:
        began = psutil.Process(parent).create_time()
    except psutil.Error:  # it is gone just now, or nobody may look
        began = 0.0
    return f"{socket.gethostname()}:{parent}:{began:.2f}"


def launched(environment: Mapping[str, str] = os.environ) -> Launch | None:
    """Return what the launcher said, or None where there is none.

    Raises:
        ConfigError: it said half of it, or what cannot be.
    """
    if "WORLD_SIZE" not in environment:
        return None
    missing = [name for name in _NEEDED if not environment.get(name)]
    if missing:
        raise ConfigError(
            f"WORLD_SIZE is set, but {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not; "
            f"start with torchrun, which sets them all, or unset WORLD_SIZE to train in one process"
        )

    def number(name: str, default: str = "0", low: int = 0, high: int = 1_000_000) -> int:
        text = environment.get(name, default)
        if not text.isascii() or not text.isdigit() or not low <= int(text[:9]) <= high:
            raise ConfigError(f"{name} = {text[:40]!r} is not from {low} to {high}; start with torchrun, which sets it")
        return int(text)

    ranks = number("WORLD_SIZE", low=1)
    local_rank = number("LOCAL_RANK", high=ranks - 1)
    number("MASTER_PORT", high=65_535)
    return Launch(
        rank=number("RANK", high=ranks - 1),
        ranks=ranks,
        local_rank=local_rank,
        local_ranks=number("LOCAL_WORLD_SIZE", str(local_rank + 1), local_rank + 1, ranks),
        job=environment.get("TORCHELASTIC_RUN_ID", _NO_JOB),
        agent=_agent(),
        restarts=number("TORCHELASTIC_RESTART_COUNT"),
        torchrun="TORCHELASTIC_RUN_ID" in environment,
    )

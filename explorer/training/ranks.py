"""The processes of a training, and what they say to each other: gloo between CPUs, NCCL between CUDA devices.

What travels are tensors and JSON: nothing is ever unpickled.
"""

import contextlib
import datetime
import json
import time
import uuid
from collections.abc import Iterable, Iterator

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from explorer import errors
from explorer.config import TrainingConfig
from explorer.errors import ConfigError, DeviceError, ExplorerError, TrainingError
from explorer.models import devices
from explorer.training.launch import Launch

_PATIENCE = datetime.timedelta(days=2)  # rank 0 may evaluate, or wait for somebody to free its disk
_MEETING = datetime.timedelta(minutes=10)  # until all processes are there; machines of a cluster start one by one
_LOOK = 0.05  # seconds
_MESSAGE = 4096


class LostRankError(TrainingError):
    """Another process of the training has ended; where it could, it said why."""


@contextlib.contextmanager
def connected() -> Iterator[None]:
    """Raise LostRankError where torch says that a connection broke."""
    try:
        yield
    except RuntimeError as error:
        words = str(error).lower()
        lost = isinstance(error, dist.DistError) or any(word in words for word in ("gloo", "nccl", "connection"))
        if not lost or isinstance(error, torch.OutOfMemoryError):
            raise
        raise LostRankError(
            "another process of this training has ended, so this one ends; what is saved stands"
        ) from error


def _meet(store: Store, rank: int, ranks: int) -> Store:
    """Return a store for the processes of this attempt alone.

    A launcher that starts all processes again gives them the store of the attempt before, with the addresses of the
    dead. So rank 0 names the attempt anew, each of the others signs under the name that it finds, and the one is valid
    under which rank 0 has seen that very signature.
    """
    name = signature = uuid.uuid4().hex
    if rank == 0:
        store.set("vdx/attempt", name)
        signed = [f"vdx/{name}/{other}" for other in range(1, ranks)]
        store.wait(signed, _MEETING)
        store.set(f"vdx/{name}/seen", " ".join(store.get(key).decode() for key in signed))
    else:
        deadline = time.monotonic() + _MEETING.total_seconds()
        while True:
            name = store.get("vdx/attempt").decode()
            store.set(f"vdx/{name}/{rank}", signature)
            if store.check([f"vdx/{name}/seen"]) and signature in store.get(f"vdx/{name}/seen").decode().split():
                break
            if time.monotonic() > deadline:
                raise LostRankError("rank 0 of this training did not come")
            time.sleep(_LOOK)
    return PrefixStore(f"vdx/{name}", store)


def _disagreement(said: list[dict[str, str]], facts: Iterable[str]) -> ExplorerError | None:
    """Return what is wrong by what each rank said."""
    for rank, words in enumerate(said):
        if words["text"]:
            kind: type[ExplorerError] = getattr(errors, words["kind"], TrainingError)
            return kind(f"rank {rank}: {words['text']}")
        for name in facts:
            if words[name] != said[0][name]:
                return ConfigError(
                    f"the {name} of rank {rank} is {words[name]:.80}, that of rank 0 {said[0][name]:.80}; "
                    f"a training needs the same on all machines"
                )
    return None


class Ranks:
    """The processes of a training, this one among them.

    Args:
        launch: what the launcher said.

    Raises:
        LostRankError: the others did not come.
    """

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self.rank, self.count = launch.rank, launch.ranks
        self.cuda: dist.ProcessGroup | None = None
        with connected():
            store, _, _ = next(rendezvous("env://", timeout=_MEETING))
            store.set_timeout(_MEETING)
            mine = _meet(store, self.rank, self.count)
            dist.init_process_group("gloo", store=mine, rank=self.rank, world_size=self.count, timeout=_PATIENCE)

    def leave(self) -> None:
        """Let go of the others: who waits for this process will know that it is gone."""
        if dist.is_initialized():
            dist.destroy_process_group()

    def use_cuda(self) -> None:
        """Let tensors of CUDA devices travel, too; all ranks call it at the same time."""
        self.cuda = dist.new_group(backend="nccl", timeout=_PATIENCE)

    # ---- words ----

    def share(self, text: str = "") -> str:
        """Return the text of rank 0 on every rank."""
        content = torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8) if text else torch.zeros(0).byte()
        length = torch.tensor([len(content)])
        with connected():
            dist.broadcast(length, 0)
            if self.rank:
                content = torch.empty(int(length), dtype=torch.uint8)
            if len(content):
                dist.broadcast(content, 0)
        return bytes(content.numpy()).decode()

    def agree(self, problem: ExplorerError | None = None, **facts: str) -> None:
        """See that no rank has a problem and all state the same facts; else rank 0 raises what is wrong.

        Raises:
            ExplorerError: on rank 0, of the kind that the problem is.
            LostRankError: on the others, which need not say it again.
        """
        found = self._gather(
            json.dumps({"kind": type(problem).__name__, "text": str(problem)[:900] if problem else "", **facts})
        )
        wrong = _disagreement(found, facts)
        if wrong is not None:
            raise (problem or wrong) if self.rank == 0 else LostRankError("rank 0 says why")

    def _gather(self, text: str) -> list[dict[str, str]]:
        """Return what every rank says, JSON of at most 4096 bytes."""
        mine = torch.zeros(_MESSAGE, dtype=torch.uint8)
        content = text.encode()[:_MESSAGE]
        mine[: len(content)] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        every = [torch.empty_like(mine) for _ in range(self.count)]
        with connected():
            dist.all_gather(every, mine)
        return [json.loads(bytes(one.numpy()).rstrip(b"\0")) for one in every]

    def wait(self) -> None:
        """Return when all ranks are here."""
        with connected():
            dist.barrier()

    # ---- numbers ----

    def _group(self, tensor: Tensor) -> dist.ProcessGroup | None:
        return self.cuda if tensor.is_cuda else None

    def summed(self, tensor: Tensor) -> Tensor:
        """Return the sum over all ranks, in the place of the tensor."""
        with connected():
            dist.all_reduce(tensor, group=self._group(tensor))
        return tensor

    def copy(self, tensor: Tensor) -> None:
        """Give a tensor the values it has on rank 0."""
        flat = tensor.detach().contiguous()
        with connected():
            dist.broadcast(flat, 0, group=self._group(flat))
        if self.rank and flat.data_ptr() != tensor.data_ptr():
            tensor.detach().copy_(flat)

    # ---- devices ----

    def device(self, wanted: str) -> torch.device:
        """Return the device of this process: of CUDA, a card for each process of a machine.

        Raises:
            DeviceError: there are not so many, or the device cannot train with others.
        """
        cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
        here = self.launch.local_ranks
        if wanted == "mps":
            raise DeviceError(f"{self.count} processes cannot train together on mps; set training.device=cpu")
        if wanted == "cpu" or (wanted == "auto" and not cards):
            return torch.device("cpu")
        if not cards:
            return devices.resolve(wanted)  # says what there is
        if wanted in {"auto", "cuda"}:
            if cards < here:
                raise DeviceError(
                    f"{here} processes on a machine with {cards} CUDA device{'s' if cards > 1 else ''}; start with "
                    f"--nproc-per-node {cards}, or set training.device=cpu"
                )
            wanted = f"cuda:{self.launch.local_rank}"
        elif here > 1:
            raise DeviceError(f"{here} processes of a machine cannot share {wanted}; set training.device=cuda or cpu")
        device = devices.resolve(wanted)
        torch.cuda.set_device(device)
        return device

    def check(self, settings: TrainingConfig) -> None:
        """Raise ConfigError or DeviceError where a training with these settings cannot be shared."""
        if settings.batch_size < self.count:
            raise ConfigError(
                f"training.batch_size = {settings.batch_size} is the batch of all ranks together, and there are "
                f"{self.count}; set it to {self.count} at least"
            )
        self.device(settings.device)

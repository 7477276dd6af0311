"""What is drawn at random for a batch, and what is summed over it: the same on one process and on many."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


class Draws:
    """The random numbers of whole batches, from one seeded generator.

    The first dimension of a draw goes with the items of the batch. With ``times`` > 1 it holds the whole batch that
    often, as ``LatentModel.forward`` wants several samples of z.

    Args:
        generator: on the device of the values.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator
        self._device = generator.device

    def normal(self, items: int, *shape: int, times: int = 1) -> Tensor:
        """Return numbers of N(0, 1), shape (times · items, *shape)."""
        return torch.randn(times * items, *shape, generator=self.generator, device=self._device)

    def uniform(self, items: int, *shape: int) -> Tensor:
        """Return numbers in [0, 1), shape (items, *shape)."""
        return torch.rand(items, *shape, generator=self.generator, device=self._device)

    def whole(self, items: int, low: int, high: int) -> Tensor:
        """Return whole numbers low … high − 1, shape (items,)."""
        return torch.randint(low, high, (items,), generator=self.generator, device=self._device)

    def places(self, items: int, each: int, count: int) -> Tensor:
        """Return ``count`` random places, among ``each`` of every item, numbered from 0 at the first item here.

        Those outside 0 … items · each − 1 belong to items that another process has.
        """
        return torch.randint(items * each, (count,), generator=self.generator, device=self._device)

    def total(self, part: Tensor) -> Tensor:
        """Return the sum over the whole batch of what ``part`` is the sum of over the items here; no gradient."""
        return part


@dataclass(frozen=True)
class Shard:
    """The items of a batch that one of several processes works on: ``count`` from number ``first`` on.

    A process that gets none of a small batch takes its first item along all the same, ``taken`` = 1, so that it takes
    part in every sum, and adds zeros.
    """

    items: int
    first: int
    count: int

    @classmethod
    def of(cls, items: int, rank: int, ranks: int) -> "Shard":
        """Return the part of process ``rank`` of ``ranks``; sizes differ by one at most, the larger first."""
        size, larger = divmod(items, ranks)
        first = rank * size + min(rank, larger)
        count = size + (rank < larger)
        return cls(items, first if count else 0, count)

    @property
    def taken(self) -> int:
        """Return how many items go through the network."""
        return max(1, self.count)

    def rows(self, whole: Tensor, times: int = 1) -> Tensor:
        """Return the rows that go with the items of this part, of a tensor that holds the batch ``times`` times."""
        if times == 1:
            return whole[self.first : self.first + self.taken]
        parts = whole.reshape(times, self.items, *whole.shape[1:])
        return parts[:, self.first : self.first + self.taken].flatten(0, 1)


class ShardDraws(Draws):
    """The rows of one process of what is drawn for a whole batch.

    Every process draws for the whole batch, from generators that stand alike: so the same seed trains the same model on
    any number of processes, and the numbers that are thrown away cost little beside a network.

    Args:
        generator: on the device of the values.
        shard: which part of the batch is here.
        summed: returns the sum of a tensor over all processes.
    """

    def __init__(self, generator: torch.Generator, shard: Shard, summed: Callable[[Tensor], Tensor]) -> None:
        super().__init__(generator)
        self.shard = shard
        self._summed = summed

    def normal(self, items: int, *shape: int, times: int = 1) -> Tensor:
        """Return the rows of this process, (times · items, *shape); ``items`` are those here."""
        return self.shard.rows(super().normal(self.shard.items, *shape, times=times), times)

    def uniform(self, items: int, *shape: int) -> Tensor:
        """Return the rows of this process, (items, *shape); ``items`` are those here."""
        return self.shard.rows(super().uniform(self.shard.items, *shape))

    def whole(self, items: int, low: int, high: int) -> Tensor:
        """Return the numbers of this process, (items,); ``items`` are those here."""
        return self.shard.rows(super().whole(self.shard.items, low, high))

    def places(self, items: int, each: int, count: int) -> Tensor:
        """Return places among all items of the batch, numbered from 0 at the first item of this process."""
        return super().places(self.shard.items, each, count) - self.shard.first * each

    def total(self, part: Tensor) -> Tensor:
        """Return the sum of the parts of all processes; that of a process without items counts as zero."""
        return self._summed(part.detach().clone() if self.shard.count else torch.zeros_like(part))

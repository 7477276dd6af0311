"""What was painted, to go back to: a small history of code maps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explorer.latent_messages import CodeMap

Codes = NDArray[np.int64]
_MOST = 200


@dataclass(frozen=True)
class Painting:
    """A map of codes (rows, columns) and what it was before anything was painted."""

    codes: Codes
    base: CodeMap

    @property
    def untouched(self) -> bool:
        """Return whether nothing is painted."""
        return np.array_equal(self.codes, self.base.codes)


class CodeHistory:
    """Paintings in the order they were made, and which of them is shown."""

    def __init__(self) -> None:
        self._made: list[Painting] = []
        self._at = -1

    @property
    def now(self) -> Painting | None:
        """Return the painting that is shown; None while there is none."""
        return self._made[self._at] if self._made else None

    @property
    def can_undo(self) -> bool:
        """Return whether there is one before it."""
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        """Return whether one was undone."""
        return self._at < len(self._made) - 1

    def clear(self) -> None:
        """Forget all."""
        self._made, self._at = [], -1

    def begin(self, base: CodeMap) -> None:
        """Go on from another map; an untouched one before it is forgotten, what was painted stays to go back to."""
        if self.now is not None and self.now.untouched:
            del self._made[self._at :]
            self._at -= 1
        self._add(Painting(base.codes, base))

    def record(self, codes: Codes) -> None:
        """Take note of what was painted; what was undone before is forgotten."""
        assert self.now is not None
        if not np.array_equal(codes, self.now.codes):
            self._add(Painting(codes, self.now.base))

    def _add(self, painting: Painting) -> None:
        self._made = [*self._made[: self._at + 1], painting][-_MOST:]
        self._at = len(self._made) - 1

    def undo(self) -> Painting | None:
        """Go back by one and return it; None where there is none before."""
        if not self.can_undo:
            return None
        self._at -= 1
        return self.now

    def redo(self) -> Painting | None:
        """Go on by one that was undone and return it."""
        if not self.can_redo:
            return None
        self._at += 1
        return self.now

"""A mailbox in which only the newest request of each kind waits."""

import threading
from collections.abc import Sequence


class Latest:
    """Requests by type; a newer one replaces an older one that was not taken yet.

    Args:
        order: the kinds, most urgent first.
    """

    def __init__(self, order: Sequence[type]) -> None:
        self._order = tuple(order)
        self._waiting: dict[type, object] = {}
        self._changed = threading.Condition()
        self._closed = False

    def submit(self, request: object, instead_of: Sequence[type] = ()) -> None:
        """Leave a request, and forget those of other kinds that it makes pointless; safe from any thread."""
        with self._changed:
            for kind in instead_of:
                self._waiting.pop(kind, None)
            self._waiting[type(request)] = request
            self._changed.notify()

    def close(self) -> None:
        """Wake whoever waits: there will be no more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, wait: bool) -> object | None:
        """Return the most urgent request, or None: at once if not ``wait``, else when the mailbox is closed."""
        with self._changed:
            while wait and not self._waiting and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            kind = next((kind for kind in self._order if kind in self._waiting), None)
            return None if kind is None else self._waiting.pop(kind)

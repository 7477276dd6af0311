"""A model session behind a mailbox: the newest request of each kind is answered, older ones are forgotten."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from explorer.messages import (
    DecodeRequest,
    DenoiseRequest,
    Frame,
    Frames,
    NoiseRequest,
    TraverseRequest,
)
from explorer.workers.latest import Latest
from explorer.workers.thread import Worker, failure

if TYPE_CHECKING:
    from explorer.inference.session import ModelSession

_PUBLISH_SECONDS = 1 / 30


@dataclass(frozen=True)
class OpenRequest:
    """Open a model by name or run folder; ``request`` numbers it."""

    request: int
    name: str


@dataclass(frozen=True)
class StopChain:
    """Stop the chain that is being computed; its frames so far stay valid."""


_ORDER = (OpenRequest, StopChain, DecodeRequest, NoiseRequest, DenoiseRequest, TraverseRequest)
_INSTEAD_OF = {StopChain: (DenoiseRequest,), OpenRequest: _ORDER[1:]}


class SessionWorker(Worker):
    """Answers requests by signals that carry one message each.

    ``opened`` an OpenedModel, ``gallery`` a Gallery, ``decoded`` a Decoded, ``traversed`` a Traversal, ``noised`` a
    Noised, ``frames`` a Frames, at most thirty times a second, and ``failed`` a Failure. A failed request does not
    end the thread.
    """

    opened = Signal(object)
    gallery = Signal(object)
    decoded = Signal(object)
    traversed = Signal(object)
    noised = Signal(object)
    frames = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("session")
        self._mailbox = Latest(_ORDER)
        self._session: ModelSession | None = None
        self._stopped = False
        self._chain: Iterator[Frame] | None = None
        self._chain_request = DenoiseRequest(0, 0, 0)
        self._chain_steps: tuple[int, ...] = ()
        self._computed: list[Frame] = []
        self._published = 0.0

    def submit(self, request: object) -> None:
        """Leave a request; the thread starts with the first one, and does not start again once it was stopped.

        An answer that was under way when the window closed may still lead a page to ask for more.
        """
        if self._stopped:
            return
        self._mailbox.submit(request, _INSTEAD_OF.get(type(request), ()))
        if not self.isRunning():
            self.start()

    def stop(self, milliseconds: int = 10_000) -> bool:
        """End the thread for good, after the step it is in, and return whether it did in time."""
        self._stopped = True
        self._mailbox.close()
        return super().stop(milliseconds)

    def work(self) -> None:
        """Answer until closed; between two requests go on with the chain, if there is one."""
        import torch

        torch.set_num_threads(1)  # a decode is too small for two, and training may want the other core
        while not self.isInterruptionRequested():
            request = self._mailbox.take(wait=self._chain is None)
            try:
                if request is not None:
                    self._answer(request)
                elif self._chain is not None:
                    self._advance()
            except Exception as error:  # noqa: BLE001  # this request failed, the next one may not
                self._chain = None
                self.failed.emit(failure(error))

    def _answer(self, request: object) -> None:
        if isinstance(request, OpenRequest):
            from explorer.inference.session import ModelSession

            self._chain, self._computed = None, []
            self._session = ModelSession.open(request.name)
            self.opened.emit(self._session.opened(request.request))
            if not self._session.card.latent:
                self.gallery.emit(self._session.gallery())
            return
        if isinstance(request, StopChain):
            self._publish(done=False)
            self._chain = None
            return
        if self._session is None:
            return
        if isinstance(request, DecodeRequest):
            self.decoded.emit(self._session.decoded(request))
        elif isinstance(request, TraverseRequest):
            self.traversed.emit(self._session.traverse(request))
        elif isinstance(request, NoiseRequest):
            self.noised.emit(self._session.noised(request))
        elif isinstance(request, DenoiseRequest):
            self._computed, self._chain_request = [], request
            self._chain_steps = (*self._session.chain_steps(request), 0)
            self._chain = self._session.denoise(request)

    def _advance(self) -> None:
        assert self._chain is not None
        frame = next(self._chain, None)
        if frame is not None:
            self._computed.append(frame)
        done = frame is None or frame.t == 0
        if done:
            self._chain = None
        if done or time.monotonic() - self._published >= _PUBLISH_SECONDS:
            self._publish(done)

    def _publish(self, done: bool) -> None:
        if not self._computed:
            return
        self.frames.emit(Frames(self._chain_request.request, tuple(self._computed), done, self._chain_steps))
        self._computed, self._published = [], time.monotonic()

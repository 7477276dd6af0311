"""A model session behind a mailbox: the newest request of each kind is answered, older ones are forgotten."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from explorer.chain_messages import (
    BoundFound,
    BoundRequest,
    BoundStep,
    RaceFrames,
    RaceRequest,
    RequestFailure,
    Returned,
    ReturnRequest,
    Rivals,
    StopBound,
)
from explorer.latent_messages import Decoded, DecodeRequest, Traversal, TraverseRequest
from explorer.messages import DenoiseRequest, Frames, Gallery, Noised, NoiseRequest, OpenedModel
from explorer.workers.chain_jobs import BoundJob, ChainJob, Job, RaceJob, ReturnJob
from explorer.workers.latest import Latest
from explorer.workers.thread import Worker, failure

if TYPE_CHECKING:
    from explorer.inference.session import ModelSession


@dataclass(frozen=True)
class OpenRequest:
    """Open a model by name or run folder; ``request`` numbers it."""

    request: int
    name: str


@dataclass(frozen=True)
class StopChain:
    """Stop the chain, race or way back that is being computed; its frames so far stay valid."""


_CHAINS = (DenoiseRequest, RaceRequest, ReturnRequest)
_ORDER = (
    OpenRequest, StopChain, StopBound, DecodeRequest, NoiseRequest, *_CHAINS, BoundRequest, TraverseRequest,
)  # fmt: skip
_INSTEAD_OF: dict[type, tuple[type, ...]] = {
    StopChain: _CHAINS,
    StopBound: (BoundRequest,),
    OpenRequest: _ORDER[1:],
    **{kind: tuple(other for other in _CHAINS if other is not kind) for kind in _CHAINS},
}


class SessionWorker(Worker):
    """Answers requests by signals that carry one message each.

    ``opened`` an OpenedModel, ``gallery`` a Gallery, ``decoded`` a Decoded, ``traversed`` a Traversal, ``noised`` a
    Noised, ``frames`` a Frames, ``raced`` a RaceFrames, ``returned`` a Returned, these three at most thirty times a
    second; ``rivals`` a Rivals, ``bound`` a BoundStep or BoundFound, and ``failed`` a RequestFailure. A failed request
    does not end the thread.

    One chain, race or way back is computed at a time, a newer one instead of it; the bound only while there is none.
    """

    opened = Signal(object)
    gallery = Signal(object)
    decoded = Signal(object)
    traversed = Signal(object)
    noised = Signal(object)
    frames = Signal(object)
    raced = Signal(object)
    returned = Signal(object)
    rivals = Signal(object)
    bound = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("session")
        self._mailbox = Latest(_ORDER)
        self._session: ModelSession | None = None
        self._others: dict[str, ModelSession] = {}
        self._stopped = False
        self._chain: Job | None = None
        self._behind: Job | None = None
        self._signals = {
            OpenedModel: self.opened, Gallery: self.gallery, Decoded: self.decoded, Traversal: self.traversed,
            Noised: self.noised, Frames: self.frames, RaceFrames: self.raced, Returned: self.returned,
            Rivals: self.rivals, BoundStep: self.bound, BoundFound: self.bound,
        }  # fmt: skip

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
        """Answer until closed; between two requests go on with the long work, if there is any."""
        import torch

        torch.set_num_threads(1)  # a decode is too small for two, and training may want the other core
        while not self.isInterruptionRequested():
            job = self._chain or self._behind
            request = self._mailbox.take(wait=job is None)
            number = getattr(request, "request", 0)
            try:
                if request is not None:
                    self._answer(request)
                elif job is not None:
                    number = job.request
                    self._advance(job)
            except Exception as error:  # noqa: BLE001  # this request failed, the next one may not
                self._forget(number)
                told = failure(error)
                self.failed.emit(RequestFailure(told.text, told.details, number))

    def _tell(self, message: object | None) -> None:
        if message is not None:
            self._signals[type(message)].emit(message)

    def _answer(self, request: object) -> None:
        if isinstance(request, OpenRequest):
            self._open(request)
        elif isinstance(request, StopChain):
            self._end_chain()
        elif isinstance(request, StopBound):
            self._behind = None
        elif self._session is not None:
            self._answer_with(self._session, request)

    def _open(self, request: OpenRequest) -> None:
        from explorer.inference import chains, stored_bound
        from explorer.inference.session import ModelSession

        self._chain = self._behind = None
        self._others.clear()
        session = self._session = ModelSession.open(request.name)
        self._tell(session.opened(request.request))
        if not session.card.latent:
            self._tell(session.gallery())
            self._tell(Rivals(request.request, chains.rivals(session)))
            found = stored_bound.stored(session)
            self._tell(None if found is None else BoundFound(0, found))

    def _answer_with(self, session: "ModelSession", request: object) -> None:
        if isinstance(request, DecodeRequest):
            self._tell(session.decoded(request))
        elif isinstance(request, TraverseRequest):
            self._tell(session.traverse(request))
        elif isinstance(request, NoiseRequest):
            self._tell(session.noised(request))
        elif isinstance(request, BoundRequest):
            self._behind = BoundJob(request, session)
        else:
            self._end_chain()
            if isinstance(request, DenoiseRequest):
                self._chain = ChainJob(request, session)
            elif isinstance(request, RaceRequest):
                self._chain = RaceJob(request, self._session_of)
            elif isinstance(request, ReturnRequest):
                self._chain = ReturnJob(request, session)

    def _session_of(self, path: str) -> "ModelSession":
        """Return a session on a model that races; it stays open until another model is the page's."""
        from explorer.inference.session import ModelSession

        assert self._session is not None
        if path == str(self._session.folder):
            return self._session
        if path not in self._others:
            self._others[path] = ModelSession.open(path)
        return self._others[path]

    def _end_chain(self) -> None:
        if self._chain is not None:
            job, self._chain = self._chain, None
            self._tell(job.rest())

    def _advance(self, job: Job) -> None:
        self._tell(job.advance())
        if job.done:
            self._forget(job.request)

    def _forget(self, request: int) -> None:
        """Drop the long work of a request."""
        if self._chain is not None and self._chain.request == request:
            self._chain = None
        if self._behind is not None and self._behind.request == request:
            self._behind = None

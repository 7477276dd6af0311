"""A model session behind a mailbox: the newest request of each kind is answered, older ones are forgotten."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from explorer.chain_messages import (
    BoundFound,
    BoundRequest,
    BoundStep,
    Browsed,
    BrowseRequest,
    DataPoints,
    DistanceRequest,
    Distances,
    Field,
    FieldRequest,
    Noised,
    NoiseRequest,
    RaceFrames,
    RaceRequest,
    RequestFailure,
    Returned,
    ReturnRequest,
    Rivals,
    Schedules,
    StopBound,
)
from explorer.latent_messages import (
    CodebookFound,
    CodebookRequest,
    CodeMap,
    CodesRequest,
    Decoded,
    DecodeRequest,
    Encoded,
    EncodeRequest,
    ItemsRequest,
    MapItems,
    PaintRequest,
    PlaneRequest,
    PriorRequest,
    PriorSamples,
    Sheet,
    SheetRequest,
    StripRequest,
)
from explorer.messages import DenoiseRequest, Frames, Gallery, OpenedModel
from explorer.workers.chain_jobs import BoundJob, ChainJob, Job, NoiseJob, RaceJob, ReturnJob
from explorer.workers.latent_jobs import PartsJob, answered, of_this_model
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
_SHEETS = (StripRequest, SheetRequest, PriorRequest, PlaneRequest, CodebookRequest, ItemsRequest)
# Long work, the most urgent first; of the kinds of a line one is done at a time.
_LINES: tuple[tuple[type, ...], ...] = ((NoiseRequest,), _CHAINS, *((kind,) for kind in _SHEETS), (BoundRequest,))
_LINE = {kind: line for line, kinds in enumerate(_LINES) for kind in kinds}
_ORDER = (
    OpenRequest, StopChain, StopBound, DecodeRequest, EncodeRequest, PaintRequest, CodesRequest, *_LINE,
    FieldRequest, DistanceRequest, BrowseRequest,
)  # fmt: skip
_INSTEAD_OF: dict[type, tuple[type, ...]] = {
    StopChain: _CHAINS,
    StopBound: (BoundRequest,),
    OpenRequest: _ORDER[1:],
    **{kind: tuple(other for other in _CHAINS if other is not kind) for kind in _CHAINS},
}
_JOBS: "dict[type, Callable[[Any, ModelSession], Job]]" = {
    NoiseRequest: NoiseJob, DenoiseRequest: ChainJob, ReturnRequest: ReturnJob, **dict.fromkeys(_SHEETS, PartsJob),
    BoundRequest: BoundJob,
}  # fmt: skip


class SessionWorker(Worker):
    """Answers requests by signals that carry one message each.

    ``opened`` an OpenedModel, ``gallery`` a Gallery, ``noised`` a Noised, ``schedules`` a Schedules, ``browsed`` a
    Browsed, ``frames`` a Frames, ``raced`` a RaceFrames, ``returned`` a Returned, these three at most thirty times a
    second; ``rivals`` a Rivals, ``bound`` a BoundStep or BoundFound, of points ``data_points`` a DataPoints, ``field``
    a Field and ``distances`` a Distances. Of a latent space ``decoded`` a Decoded, ``sheeted`` a Sheet, ``drawn``
    PriorSamples, ``encoded`` an Encoded, ``itemized`` MapItems, ``coded`` a CodeMap and ``codebook`` a CodebookFound.
    And ``failed`` a RequestFailure: a failed request does not end the thread.

    Long work is done in small parts, and requests are answered between two of them. Of each kind there is one at a
    time, a newer one instead of it; chain, race and way back are one kind. The more urgent kind comes first, the bound
    last. What was asked of one model is forgotten when another is opened.
    """

    opened = Signal(object)
    gallery = Signal(object)
    decoded = Signal(object)
    noised = Signal(object)
    schedules = Signal(object)
    browsed = Signal(object)
    frames = Signal(object)
    raced = Signal(object)
    returned = Signal(object)
    rivals = Signal(object)
    bound = Signal(object)
    data_points = Signal(object)
    field = Signal(object)
    distances = Signal(object)
    sheeted = Signal(object)
    drawn = Signal(object)
    encoded = Signal(object)
    itemized = Signal(object)
    coded = Signal(object)
    codebook = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("session")
        self._mailbox = Latest(_ORDER)
        self._session: ModelSession | None = None
        self._others: dict[str, ModelSession] = {}
        self._stopped = False
        self._jobs: dict[int, Job] = {}  # by line
        self._signals = {
            OpenedModel: self.opened, Gallery: self.gallery, Decoded: self.decoded, Noised: self.noised,
            Schedules: self.schedules, Browsed: self.browsed, Frames: self.frames, RaceFrames: self.raced,
            Returned: self.returned, Rivals: self.rivals, BoundStep: self.bound, BoundFound: self.bound,
            DataPoints: self.data_points, Field: self.field, Distances: self.distances, Sheet: self.sheeted,
            PriorSamples: self.drawn, Encoded: self.encoded, MapItems: self.itemized, CodeMap: self.coded,
            CodebookFound: self.codebook,
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

    @property
    def busy(self) -> bool:
        """Return whether long work is under way."""
        return bool(self._jobs)

    def work(self) -> None:
        """Answer until closed; between two requests go on with the long work, if there is any."""
        import torch

        torch.set_num_threads(1)  # a decode is too small for two, and training may want the other core
        while not self.isInterruptionRequested():
            request = self._mailbox.take(wait=not self._jobs)
            number = getattr(request, "request", 0)
            try:
                if request is not None:
                    self._answer(request)
                elif self._jobs:
                    line = min(self._jobs)
                    number = self._jobs[line].request
                    self._advance(line)
            except Exception as error:  # noqa: BLE001  # this request failed, the next one may not
                told = failure(error)
                self.failed.emit(RequestFailure(told.text, told.details, number))

    def _tell(self, message: object | None) -> None:
        if message is not None:
            self._signals[type(message)].emit(message)

    def _answer(self, request: object) -> None:
        if isinstance(request, OpenRequest):
            self._open(request)
        elif isinstance(request, StopChain):
            self._end(_LINE[DenoiseRequest])
        elif isinstance(request, StopBound):
            self._end(_LINE[BoundRequest])
        elif self._session is not None:
            self._answer_with(self._session, request)

    def _open(self, request: OpenRequest) -> None:
        from explorer.inference import chains, forward, score_field, stored_bound
        from explorer.inference.session import ModelSession

        self._jobs.clear()
        self._others.clear()
        session = self._session = ModelSession.open(request.name)
        self._tell(session.opened(request.request))
        if not session.card.latent:
            self._tell(forward.schedules(session, request.request))
            self._tell(session.gallery())
            self._tell(Rivals(request.request, chains.rivals(session)))
            found = stored_bound.stored(session)
            self._tell(None if found is None else BoundFound(0, found))
            if session.points:
                self._tell(score_field.data_points(session, request.request))

    def _answer_with(self, session: "ModelSession", request: object) -> None:
        if not of_this_model(request, session):
            return
        if type(request) in _LINE:
            self._begin(request, session)
        elif isinstance(request, BrowseRequest):
            from explorer.inference.forward import browsed

            self._tell(browsed(session, request))
        elif isinstance(request, FieldRequest):
            from explorer.inference.score_field import score_field

            self._tell(score_field(session, request))
        elif isinstance(request, DistanceRequest):
            from explorer.inference.score_field import distances

            self._tell(distances(session, request))
        else:
            self._tell(answered(request, session))

    def _begin(self, request: object, session: "ModelSession") -> None:
        """Begin long work, instead of what its line was doing."""
        line = _LINE[type(request)]
        self._end(line)
        if isinstance(request, RaceRequest):
            self._jobs[line] = RaceJob(request, self._session_of)
        else:
            self._jobs[line] = _JOBS[type(request)](request, session)

    def _session_of(self, path: str) -> "ModelSession":
        """Return a session on a model that races; it stays open until another model is the page's."""
        from explorer.inference.session import ModelSession

        assert self._session is not None
        if path == str(self._session.folder):
            return self._session
        if path not in self._others:
            self._others[path] = ModelSession.open(path)
        return self._others[path]

    def _end(self, line: int) -> None:
        """Stop the long work of a line, if there is any, and tell what it has done."""
        job = self._jobs.pop(line, None)
        if job is not None:
            self._tell(job.rest())

    def _advance(self, line: int) -> None:
        job, over = self._jobs[line], True  # what fails is over
        try:
            self._tell(job.advance())
            over = job.done
        finally:
            if over:
                del self._jobs[line]

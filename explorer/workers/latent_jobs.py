"""What the Latent page asks of a session: short answers, and long ones in small parts."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from explorer.latent_messages import (
    CodebookRequest,
    CodesRequest,
    DecodeRequest,
    EncodeRequest,
    ItemsRequest,
    PaintRequest,
    PriorRequest,
    SheetRequest,
)
from explorer.workers.chain_jobs import Job

if TYPE_CHECKING:
    from explorer.inference.latents import Pace
    from explorer.inference.session import ModelSession

Long = SheetRequest | PriorRequest | ItemsRequest | CodebookRequest
_END = object()


def of_this_model(request: object, session: "ModelSession") -> bool:
    """Return whether a request's z have the dimensions of the model.

    They have not where a slider was moved while another model was being opened; nobody waits for that picture.
    """
    z = getattr(request, "z", None)
    return z is None or z.shape[-1] == session.latent_size


def answered(request: object, session: "ModelSession") -> object | None:
    """Return the answer to a short request; None to what is none."""
    from explorer.inference import codes, latents

    if isinstance(request, DecodeRequest):
        return session.decoded(request)
    if isinstance(request, EncodeRequest):
        return latents.encoded(session, request)
    if isinstance(request, CodesRequest):
        return codes.code_map(session, request)
    if isinstance(request, PaintRequest):
        return codes.painted(session, request)
    return None


class PartsJob(Job):
    """A sheet, draws from the prior, the map's items or the codebook; gives the message that answers the request.

    A part is as many items as take about four milliseconds here: the picture under the cursor waits for one at most.
    """

    def __init__(self, request: Long, session: "ModelSession") -> None:
        from explorer.inference.latents import Pace

        super().__init__(request.request)
        self._pace = Pace()
        # What others do on a busy machine is no reason for smaller parts, which only cost more.
        self._clock = time.thread_time if session.device.type == "cpu" else time.perf_counter
        self._parts = _parts(request, session, self._pace)

    def advance(self) -> object | None:
        """Do the next part."""
        began = self._clock()
        message = next(self._parts, _END)
        self._pace.took(self._clock() - began)
        self.done = message is _END
        return None if self.done else message


def _parts(request: Long, session: "ModelSession", pace: "Pace") -> Iterator[object | None]:
    from explorer.inference import codes, latents

    if isinstance(request, SheetRequest):
        return latents.sheet(session, request, pace)
    if isinstance(request, PriorRequest):
        return latents.samples(session, request, pace)
    if isinstance(request, ItemsRequest):
        return latents.items(session, request, pace)
    return codes.codebook_parts(session, request, pace)

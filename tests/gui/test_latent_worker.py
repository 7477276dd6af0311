"""What the Latent page asks of the session: the picture under the cursor hardly waits, the newest request wins."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QObject, Slot
from pytestqt.qtbot import QtBot

from explorer.chain_messages import RequestFailure
from explorer.data.catalog import load
from explorer.inference import latents
from explorer.inference.session import ModelSession
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
from explorer.messages import OpenedModel
from explorer.walks import prior
from explorer.workers import latent_jobs
from explorer.workers.session_worker import OpenRequest, SessionWorker

Trained = Callable[[str], Path]
Until = Callable[[Callable[[], bool]], None]


class Asker(QObject):
    """A worker and what it has said, in order; on each picture the next z may be asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.worker = SessionWorker()
        self.said: list[Any] = []
        self.to_ask: list[DecodeRequest] = []
        self.happened: list[tuple[str, int]] = []
        for signal in ("opened", "decoded", "sheeted", "drawn", "encoded", "itemized", "coded", "codebook", "failed"):
            getattr(self.worker, signal).connect(self.take)

    @Slot(object)
    def take(self, message: object) -> None:
        self.said.append(message)
        if isinstance(message, Decoded) and self.to_ask:
            self.ask()

    def ask(self) -> None:
        request = self.to_ask.pop(0)
        self.worker.submit(request)
        self.happened.append(("asked", request.request))

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.said if isinstance(message, kind)]


class Clock:
    """What stands for the module time: it goes on when it is told to."""

    now = 0.0

    def thread_time(self) -> float:
        return self.now

    perf_counter = thread_time


@pytest.fixture
def asker(qtbot: QtBot) -> Iterator[Asker]:
    made = Asker()
    yield made
    assert made.worker.stop()


@pytest.fixture
def opened(asker: Asker, trained: Trained, until: Until) -> Callable[[str], Asker]:
    """Return the asker with a model open."""

    def get(preset: str) -> Asker:
        asker.worker.submit(OpenRequest(1, str(trained(preset))))
        until(lambda: bool(asker.of(OpenedModel)))
        return asker

    return get


def test_a_picture_waits_for_one_part_of_a_sheet_at_most(
    opened: Callable[[str], Asker], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker = opened("digits-vae")
    clock, happened, answering = Clock(), asker.happened, [False]
    real_decode, real_decoded = ModelSession.decode, ModelSession.decoded

    def decode(session: ModelSession, z: np.ndarray, label: Any = 0) -> Any:
        if not answering[0]:
            happened.append(("part", len(z)))
            clock.now += 1e-3 * len(z)  # a large model: a millisecond a picture
            time.sleep(1e-3 * len(z))
        return real_decode(session, z, label)

    def decoded(session: ModelSession, request: DecodeRequest) -> Decoded:
        happened.append(("answer", request.request))
        answering[0] = True
        found = real_decoded(session, request)
        answering[0] = False
        return found

    monkeypatch.setattr(latent_jobs, "time", clock)
    monkeypatch.setattr(ModelSession, "decode", decode)
    monkeypatch.setattr(ModelSession, "decoded", decoded)
    z = prior(2000, 2, 0)
    asker.worker.submit(StripRequest(2, z))
    until(lambda: len(happened) > 5)
    asker.to_ask = [DecodeRequest(number, z[number : number + 1]) for number in range(10, 110)]
    asker.ask()
    until(lambda: bool(asker.of(Sheet)) and len(asker.of(Decoded)) == 100)
    assert [message.request for message in asker.of(Decoded)] == list(range(10, 110))
    while_it_was_made = asker.said[: asker.said.index(asker.of(Sheet)[0])]
    assert sum(isinstance(message, Decoded) for message in while_it_was_made) >= 3
    for number in range(10, 110):
        waited = happened[happened.index(("asked", number)) : happened.index(("answer", number))]
        assert sum(what == "part" for what, _ in waited) <= 1
    sizes = [size for what, size in happened if what == "part"]
    assert sum(sizes) == 2000 and set(sizes[4:-1]) == {4}, "a part is four milliseconds"
    monkeypatch.undo()
    session = asker.worker._session
    assert session is not None
    assert np.abs(asker.of(Sheet)[0].pixels.astype(int) - session.decode(z)).max() <= 1


def test_of_each_kind_the_newest_wins_and_kinds_do_not_disturb_each_other(
    opened: Callable[[str], Asker], until: Until
) -> None:
    asker = opened("digits-vae")
    many, few = prior(40_000, 2, 0), prior(30, 2, 1)
    asker.worker.submit(StripRequest(2, many))
    asker.worker.submit(PlaneRequest(3, many))
    until(lambda: asker.worker.busy)
    asker.worker.submit(StripRequest(4, few))
    asker.worker.submit(PlaneRequest(5, few[:7]))
    asker.worker.submit(SheetRequest(6, few[:3]))
    asker.worker.submit(PriorRequest(7, 9, 0))
    until(lambda: len(asker.of(Sheet)) == 3 and bool(asker.of(PriorSamples)) and not asker.worker.busy)
    assert sorted(sheet.request.request for sheet in asker.of(Sheet)) == [4, 5, 6]
    assert [len(sheet.pixels) for sheet in sorted(asker.of(Sheet), key=lambda sheet: sheet.request.request)] == [
        30,
        7,
        3,
    ]
    assert type(asker.of(Sheet)[0].request) is StripRequest, "the strip comes before the plane"
    assert len(asker.of(PriorSamples)) == 1 and not asker.of(RequestFailure)


def test_opening_another_model_forgets_what_was_asked_of_the_first(
    opened: Callable[[str], Asker], trained: Trained, until: Until
) -> None:
    asker = opened("digits-vae")
    many = prior(60_000, 2, 0)
    for request in (StripRequest(2, many), PlaneRequest(3, many), ItemsRequest(4), PriorRequest(5, 60_000, 0)):
        asker.worker.submit(request)
    until(lambda: asker.worker.busy)
    asker.worker.submit(OpenRequest(6, str(trained("digits-beta-vae"))))
    asker.worker.submit(DecodeRequest(7, many[:1]))  # of the model before: nobody waits for it
    asker.worker.submit(StripRequest(8, many))
    until(lambda: len(asker.of(OpenedModel)) == 2)
    place = asker.said.index(asker.of(OpenedModel)[1])
    asker.worker.submit(DecodeRequest(9, np.zeros((1, 10), np.float32)))
    asker.worker.submit(ItemsRequest(10))
    until(lambda: len([found for found in asker.said[place:] if isinstance(found, MapItems)]) == 3)
    after = asker.said[place + 1 :]
    assert [type(message) for message in after] == [Decoded, MapItems, MapItems, MapItems]
    assert after[0].request == 9 and {found.request for found in after[1:]} == {10}
    assert not asker.of(RequestFailure) and not asker.worker.busy


def test_items_come_at_once_and_their_terms_later_while_pictures_come_in_between(
    opened: Callable[[str], Asker], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker = opened("digits-conditional")
    monkeypatch.setattr(latents, "_MOST_ITEMS", 4)  # else so small a model is through before a picture is asked for
    asker.worker.submit(ItemsRequest(2))
    until(lambda: bool(asker.of(MapItems)))
    asker.to_ask = [
        DecodeRequest(number, np.zeros((1, asker.of(OpenedModel)[0].latent_size), np.float32), 3)
        for number in range(4, 9)
    ]
    asker.worker.submit(DecodeRequest(3, asker.to_ask[0].z, 3))
    until(lambda: len(asker.of(MapItems)) == 3)
    first, second, third = asker.of(MapItems)
    assert not first.terms and not len(first.sigma) and not second.terms and len(second.sigma)
    assert set(third.terms) == {"reconstruction", "kl", "elbo"}
    kinds = [type(message) for message in asker.said]
    assert kinds[-1] is MapItems and kinds.count(Decoded) == 6


def test_a_request_that_fails_says_its_number_and_the_others_go_on(
    opened: Callable[[str], Asker], until: Until
) -> None:
    asker = opened("digits-conditional")
    size = asker.of(OpenedModel)[0].latent_size
    asker.worker.submit(PlaneRequest(2, prior(3000, size, 0), (1,)))
    asker.worker.submit(StripRequest(3, prior(4, size, 0), (99,)))
    asker.worker.submit(PriorRequest(4, 3, 0, label=44))
    asker.worker.submit(EncodeRequest(5, np.zeros((1, 3, 3, 1), np.uint8)))
    asker.worker.submit(CodebookRequest(6))
    asker.worker.submit(CodesRequest(7, np.zeros((1, 8, 8, 1), np.uint8)))
    until(lambda: bool(asker.of(Sheet)) and len(asker.of(RequestFailure)) == 5)
    failures = {failure.request: failure.text for failure in asker.of(RequestFailure)}
    assert sorted(failures) == [3, 4, 5, 6, 7] and "no class 99" in failures[3] and "codebook" in failures[6]
    assert asker.of(Sheet)[0].request.request == 2 and not asker.worker.busy
    asker.worker.submit(StripRequest(8, prior(4, size, 0), (2,)))
    until(lambda: len(asker.of(Sheet)) == 2)


def test_codes_are_answered(opened: Callable[[str], Asker], until: Until) -> None:
    asker = opened("digits-vq")
    pixels = load("digits").split("test")[0][:1]
    asker.worker.submit(CodebookRequest(2))
    asker.worker.submit(CodesRequest(3, pixels))
    until(lambda: bool(asker.of(CodebookFound)) and bool(asker.of(CodeMap)))
    codes = asker.of(CodeMap)[0].codes
    asker.worker.submit(PaintRequest(4, codes))
    asker.worker.submit(EncodeRequest(5, pixels))
    asker.worker.submit(PriorRequest(6, 20, 3, 0.7))
    until(lambda: len(asker.of(CodeMap)) == 2 and bool(asker.of(Encoded)) and bool(asker.of(PriorSamples)))
    painted, encoded = asker.of(CodeMap)[1], asker.of(Encoded)[0]
    assert np.array_equal(painted.pixels, encoded.reconstruction) and np.allclose(painted.nats, encoded.kl, rtol=1e-4)
    assert not asker.of(RequestFailure)


def test_it_ends_in_the_middle_of_long_work(opened: Callable[[str], Asker], until: Until) -> None:
    asker = opened("digits-vq")
    for request in (StripRequest(2, prior(50_000, 10, 0)), ItemsRequest(3), CodebookRequest(4)):
        asker.worker.submit(request)
    until(lambda: asker.worker.busy)
    assert asker.worker.stop(), "after the part it is in"
    said = len(asker.said)
    asker.worker.submit(DecodeRequest(5, np.zeros((1, 10), np.float32)))
    assert not asker.worker.isRunning() and len(asker.said) == said

"""Projections in the background: progress, cancel, and that the newest request wins."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QObject, Slot
from pytestqt.qtbot import QtBot

from explorer.chain_messages import RequestFailure
from explorer.latent_messages import Projected, ProjectRequest
from explorer.messages import Floats
from explorer.workers import projection_worker
from explorer.workers.projection_worker import ProjectionWorker

Until = Callable[[Callable[[], bool]], None]


class Asker(QObject):
    """A worker and what it has said."""

    def __init__(self) -> None:
        super().__init__()
        self.worker = ProjectionWorker()
        self.said: list[Any] = []
        self.worker.projected.connect(self.take)
        self.worker.failed.connect(self.take)

    @Slot(object)
    def take(self, message: object) -> None:
        self.said.append(message)

    def of(self, request: int) -> list[Any]:
        return [message for message in self.said if message.request == request]


@pytest.fixture
def asker(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asker]:
    monkeypatch.setattr(projection_worker, "_TELL_SECONDS", 0.0)
    made = Asker()
    yield made
    assert made.worker.stop()


def items(count: int) -> Floats:
    return np.random.default_rng(0).standard_normal((count, 5)).astype(np.float32)


def test_both_methods_are_answered(asker: Asker, until: Until) -> None:
    asker.worker.submit(ProjectRequest(1, "pca", items(300)))
    until(lambda: len(asker.said) == 1)
    assert asker.said[0].method == "pca" and asker.said[0].done == 1
    asker.worker.submit(ProjectRequest(2, "tsne", items(60)))
    until(lambda: asker.said[-1].done == 1 and asker.said[-1].request == 2)
    shares = [message.done for message in asker.of(2)]
    assert shares == sorted(shares) and len(shares) > 50
    assert not np.array_equal(asker.of(2)[0].positions, asker.of(2)[-1].positions)


def test_cancel_ends_it_and_the_next_one_is_answered(asker: Asker, until: Until) -> None:
    asker.worker.submit(ProjectRequest(1, "tsne", items(2000)))
    until(lambda: len(asker.said) > 12)
    asker.worker.cancel()
    asker.worker.submit(ProjectRequest(2, "pca", items(10)))
    until(lambda: bool(asker.of(2)))
    assert isinstance(asker.said[-1], Projected) and asker.said[-1].request == 2
    assert asker.of(1)[-1].done < 1 and asker.worker.isRunning()


def test_a_newer_request_wins(asker: Asker, until: Until) -> None:
    asker.worker.submit(ProjectRequest(1, "tsne", items(2000)))
    until(lambda: len(asker.said) > 3)
    for number in (2, 3, 4):
        asker.worker.submit(ProjectRequest(number, "tsne", items(40), seed=number))
    until(lambda: bool(asker.of(4)) and asker.of(4)[-1].done == 1)
    assert asker.of(1)[-1].done < 1 and len(asker.of(4)) > 50
    assert not any(message.done == 1 for message in asker.said if message.request in {1})


def test_what_fails_says_its_number(asker: Asker, until: Until) -> None:
    asker.worker.submit(ProjectRequest(7, "tsne", np.full((30, 2), np.nan, np.float32)))
    until(lambda: bool(asker.said))
    assert isinstance(asker.said[0], RequestFailure) and asker.said[0].request == 7 and "finite" in asker.said[0].text
    asker.worker.submit(ProjectRequest(8, "pca", items(5)))
    until(lambda: bool(asker.of(8)))


def test_it_ends_in_the_middle_and_does_not_start_again(asker: Asker, until: Until) -> None:
    asker.worker.submit(ProjectRequest(1, "tsne", items(4000)))
    until(lambda: len(asker.said) > 20)
    assert asker.worker.stop()
    asker.worker.submit(ProjectRequest(2, "pca", items(5)))
    assert not asker.worker.isRunning() and not asker.of(2)

"""Work beside the window: the newest job is done, and one that fails does not end the others."""

import threading
from collections.abc import Callable, Iterator

import pytest
from pytestqt.qtbot import QtBot

from explorer.errors import DataError
from explorer.messages import Failure
from explorer.workers.aside import Aside

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def aside(qtbot: QtBot) -> Iterator[Aside]:
    made = Aside("test")
    yield made
    assert made.stop()


def test_a_job_that_was_not_begun_gives_way_to_a_newer_one(aside: Aside, until: Until) -> None:
    done: list[tuple[int, object]] = []
    aside.done.connect(lambda job, made: done.append((job, made)))
    go, begun = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        assert go.wait(30)
        return "first"

    first = aside.submit(slow)
    assert begun.wait(30)
    numbers = [aside.submit(lambda k=k: k) for k in range(20)]  # type: ignore[misc]
    go.set()
    until(lambda: len(done) == 2)
    assert done == [(first, "first"), (numbers[-1], 19)]


def test_a_failure_is_told_in_words_and_the_next_job_is_done(aside: Aside, until: Until) -> None:
    failures: list[Failure] = []
    done: list[object] = []
    aside.failed.connect(failures.append)
    aside.done.connect(lambda _, made: done.append(made))

    def bad() -> None:
        raise DataError("cat.png is damaged; choose another")

    aside.submit(bad)
    until(lambda: bool(failures))
    assert failures[0].text == "cat.png is damaged; choose another"
    aside.submit(lambda: "well")
    until(lambda: done == ["well"])


def test_after_the_end_nothing_is_begun(qtbot: QtBot) -> None:
    aside, begun = Aside("test"), threading.Event()
    assert aside.stop()
    aside.submit(begun.set)
    assert not aside.isRunning() and not begun.is_set()

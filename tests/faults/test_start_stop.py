"""A thousand quick starts and stops of the training thread, from the page: nothing grows."""

import gc
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from explorer import metrics, runs
from explorer.settings import load_settings, with_settings
from explorer.training_messages import Measurement, Progress, TrainingEnded, TrainingStarted
from explorer.ui.app import make_application
from explorer.ui.train_page import TrainPage
from tests.conftest import TINY

WARM, CYCLES, REAL = 50, 1000, 30
MOST_GROWTH = 20_000_000  # bytes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads, files and memory in /proc"),
]


@dataclass(frozen=True)
class Held:
    """What this process holds."""

    threads: int
    files: int
    children: int
    objects: int
    memory: int

    @classmethod
    def now(cls, page: TrainPage) -> "Held":
        """Count, after a collection."""
        children = len(page.findChildren(QObject))  # first: Python meets some of them here
        gc.collect()
        here = Path("/proc/self")
        return cls(
            len(list((here / "task").iterdir())),
            len(os.listdir(here / "fd")),  # noqa: PTH208  # iterdir would hold one more
            children,
            sum(issubclass(type(known), QObject) for known in gc.get_objects()),
            int((here / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
        )

    def assert_no_more_than(self, before: "Held", middle: "Held", cycles: int) -> None:
        """Fail where something has grown; a few objects are made late, but not one for every start.

        What leaks memory does so in both halves; the allocator of a process that did much before grows in steps.
        """
        assert self.threads <= before.threads
        assert self.files <= before.files
        assert self.children <= before.children
        assert self.objects - before.objects < cycles // 2
        assert min(self.memory - middle.memory, middle.memory - before.memory) < MOST_GROWTH // 2


@pytest.fixture
def page(qtbot: QtBot) -> TrainPage:
    """Return a page of its own: in the window every run that has ended would be one more card on the Models page."""
    make_application("dark")
    made = TrainPage()
    qtbot.addWidget(made, before_close_func=TrainPage.shutdown)
    made.resize(1100, 700)
    made.show()
    made.form.set_config(with_settings(load_settings("points-vae"), [*TINY["points-vae"], "training.epochs=100000"]))
    return made


def wait_for(condition: Callable[[], bool]) -> None:
    """Let the window work until the condition holds; pytest-qt's own wait makes objects that would be counted."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        QApplication.processEvents()
        time.sleep(0.001)


def start_and_stop(page: TrainPage, moment: float) -> None:
    """Start, stop so many seconds later, or as soon as it trains, and wait until the page is ready again."""
    page._start_anew()
    assert page.running
    if moment > 0:
        stop = time.monotonic() + moment
        wait_for(lambda: time.monotonic() > stop)
    else:
        wait_for(lambda: page.progress is not None or not page.running)
    page.cancel_job()
    wait_for(lambda: not page.running)


def pretend(folder: Path, *, should_stop: Callable[[], bool], **_: object) -> Iterator[object]:
    """Train nothing, but tell as much as a training does."""
    yield TrainingStarted(str(folder), "cpu", "float32", 0, 10**6, 10)
    step = 0
    while not should_stop():
        step += 1
        measurement = Measurement(step, step / 10, 0.1, "train", {"elbo": -1.0, "kl": 0.5, "reconstruction": -0.5})
        yield Progress(measurement, 10**6, 10**5, 100.0, 10.0)
        time.sleep(0.001)
    yield TrainingEnded(str(folder), "stopped", step, {"seconds": 0.1})


def test_a_thousand_starts_leave_nothing_behind(
    page: TrainPage, monkeypatch: pytest.MonkeyPatch, new_run: Callable[..., Path]
) -> None:
    folder = new_run("points-vae")
    monkeypatch.setattr("explorer.training.loop.train", pretend)
    monkeypatch.setattr("explorer.training.prepare.new_run", lambda *_, **__: folder)
    moments = random.Random(0)
    held: list[Held] = []
    for cycle in range(WARM + CYCLES):
        if cycle in (WARM, WARM + CYCLES // 2):
            held.append(Held.now(page))
        start_and_stop(page, moments.choice([0, 0, moments.uniform(0, 0.01)]))
    Held.now(page).assert_no_more_than(*held, CYCLES)


def test_thirty_real_starts_leave_runs_that_can_go_on(page: TrainPage, home: Path) -> None:
    moments = random.Random(1)
    held: list[Held] = []
    for cycle in range(5 + REAL):
        if cycle in (5, 5 + REAL // 2):
            held.append(Held.now(page))
        start_and_stop(page, moments.choice([0, moments.uniform(0, 0.1)]))
    Held.now(page).assert_no_more_than(*held, REAL)
    made = [path.parent for path in (home / "runs").glob("*/run.json")]
    assert len(made) == 5 + REAL
    for folder in made:  # before the first step there is nothing to go on from
        begun = any(one.step for one in metrics.measurements(folder))
        assert not runs.card(folder).problem and (runs.checkpoint_folders(folder) or not begun)

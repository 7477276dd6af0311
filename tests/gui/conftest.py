"""A window for each test, and no thread that outlives it."""

import gc
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QThread
from pytestqt.qtbot import QtBot

from explorer.messages import Failure
from explorer.ui.app import make_application
from explorer.ui.main_window import MainWindow

PATIENCE = 60_000


@pytest.fixture(autouse=True)
def no_dangling_thread() -> Iterator[None]:
    """Fail a test that leaves a QThread running."""
    yield
    running = [thread for thread in gc.get_objects() if issubclass(type(thread), QThread) and _running(thread)]
    for thread in running:
        thread.requestInterruption()
        thread.wait(5000)
    assert not running, f"threads left running: {[thread.objectName() for thread in running]}"


def _running(thread: QThread) -> bool:
    try:
        return thread.isRunning()
    except RuntimeError:  # the C++ half is gone already
        return False


@pytest.fixture
def problems() -> list[Failure]:
    """Return the list that a window's problems are collected in."""
    return []


@pytest.fixture
def window(qtbot: QtBot, problems: list[Failure]) -> Iterator[MainWindow]:
    """Return a shown window without the device look-up; it is closed at the end of the test."""
    make_application("dark")
    shown = MainWindow(warm_up=False)
    shown.resize(1440, 900)
    real = shown.messages.tell
    shown.messages.tell = lambda failure: (problems.append(failure), real(failure))[0]  # type: ignore[method-assign]
    shown.show()
    qtbot.waitExposed(shown)
    yield shown
    shown.close()
    shown.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # or every later theme is put on it, too


@pytest.fixture
def until(qtbot: QtBot) -> Callable[[Callable[[], bool]], None]:
    """Return a wait for a condition, a minute at most."""

    def wait(condition: Callable[[], bool]) -> None:
        qtbot.waitUntil(condition, timeout=PATIENCE)

    return wait

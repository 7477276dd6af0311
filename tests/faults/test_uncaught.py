"""An exception nobody expects, in a worker, a slot or a timer: told with details, in the log, and all goes on."""

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QPlainTextEdit
from pytestqt.qtbot import QtBot

from explorer import logs, paths
from explorer.inference.session import ModelSession
from explorer.latent_messages import Decoded, DecodeRequest
from explorer.messages import Failure
from explorer.settings import load_settings
from explorer.ui.latent_page import LatentPage
from explorer.ui.main_window import MainWindow
from explorer.ui.train_page import TrainPage
from explorer.workers.session_worker import OpenRequest, SessionWorker
from tests.faults.children import Child

Until = Callable[[Callable[[], bool]], None]
WORDS = "a mistake of the programmer"


@pytest.fixture
def log_file(home: Path) -> Iterator[Path]:
    """Start the log as the app does, with its hooks, and return its file."""
    log, hooks = logging.getLogger("explorer"), (sys.excepthook, threading.excepthook)
    others, log.handlers = log.handlers, []  # another test may have started the log of its own home
    logs.start()
    yield paths.log_file()
    for handler in log.handlers:
        handler.close()
    log.handlers = others
    sys.excepthook, threading.excepthook = hooks


def broken(*_: object, **__: object) -> None:
    raise ZeroDivisionError(WORDS)


def details(window: MainWindow) -> str:
    shown = window.messages.findChild(QPlainTextEdit)
    assert isinstance(shown, QPlainTextEdit)
    return shown.toPlainText()


class Slots(QObject):
    """Slots that fail, as those of a page would."""

    pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.pressed.connect(self.fail)
        self.timer = QTimer(self, interval=20)
        self.timer.timeout.connect(self.fail)

    @Slot()
    def fail(self) -> None:
        """Fail."""
        broken()


# ---- in workers ----------------------------------------------------------------------------------------------------


def test_in_a_request_the_next_one_is_answered(
    trained: Callable[[str], Path], until: Until, log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = SessionWorker()
    failures: list[Failure] = []
    answers: list[Decoded] = []

    class Taker(QObject):
        @Slot(object)
        def fail(self, failure: Failure) -> None:
            failures.append(failure)

        @Slot(object)
        def take(self, decoded: Decoded) -> None:
            answers.append(decoded)

    taker = Taker()
    worker.failed.connect(taker.fail)
    worker.decoded.connect(taker.take)
    monkeypatch.setattr(ModelSession, "decoded", broken)
    worker.submit(OpenRequest(1, str(trained("digits-vae"))))
    worker.submit(DecodeRequest(2, np.zeros((1, 2), np.float32)))
    until(lambda: bool(failures))
    assert WORDS in failures[0].text and "in broken" in failures[0].details
    monkeypatch.undo()
    worker.submit(DecodeRequest(3, np.zeros((1, 2), np.float32)))
    until(lambda: bool(answers))
    assert answers[0].request == 3 and worker.isRunning() and len(failures) == 1
    assert worker.stop()
    text = log_file.read_text()
    assert text.count("Traceback") == 1 and WORDS in text and "in broken" in text


def test_in_opening_a_model_the_next_one_opens(
    trained: Callable[[str], Path], window: MainWindow, until: Until, log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelSession, "opened", broken)
    window.open_model(str(trained("digits-vae")), "vae")
    until(window.messages.isVisible)
    assert WORDS in window.messages.text.text() and "in broken" in details(window)
    monkeypatch.undo()
    window.open_model(str(trained("digits-vae")), "vae")
    page = window.page("latent")
    assert isinstance(page, LatentPage)
    until(lambda: page.decoded is not None)
    assert "in broken" in log_file.read_text()


def test_in_training_the_next_one_trains(
    window: MainWindow, qtbot: QtBot, until: Until, log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = window.show_page("train")
    assert isinstance(page, TrainPage)
    page.form.set_config(load_settings("digits-vae"))
    for address, text in {"model.hidden_units": "16", "training.device": "cpu", "training.epochs": "2"}.items():
        page.form.set_value(address, text)
    monkeypatch.setattr("explorer.training.trainer.Trainer.train_step", broken)
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)
    assert WORDS in window.messages.text.text() and "in broken" in details(window)
    assert "in broken" in log_file.read_text()
    monkeypatch.undo()
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)
    assert "finished" in page.state.line.text()


# ---- in slots ------------------------------------------------------------------------------------------------------


@pytest.fixture
def slots(log_file: Path, monkeypatch: pytest.MonkeyPatch) -> Slots:
    """Return slots whose exceptions go where those of the app go, not to pytest-qt."""
    monkeypatch.setattr(sys, "excepthook", logs._uncaught)
    return Slots()


def test_in_a_slot_it_is_told_with_details(
    window: MainWindow, slots: Slots, log_file: Path, until: Until, problems: list[Failure]
) -> None:
    slots.pressed.emit()
    until(window.messages.isVisible)
    assert WORDS in problems[0].text and "in fail" in problems[0].details
    window.messages._toggle.click()
    assert details(window) == problems[0].details
    assert log_file.read_text().count("Traceback") == 1
    window.show_page("latent")
    assert window.stack.currentWidget() is window.page("latent"), "the app goes on"


def test_a_timer_that_fails_again_and_again_can_be_read_and_dismissed(
    window: MainWindow, slots: Slots, until: Until, log_file: Path
) -> None:
    slots.timer.start()
    until(window.messages.isVisible)
    window.messages._toggle.click()
    failed = log_file.read_text().count("Traceback")
    until(lambda: log_file.read_text().count("Traceback") > failed + 3)
    assert window.messages.findChild(QPlainTextEdit).isVisible(), "the details stay open"
    window.messages.dismiss.click()
    failed = log_file.read_text().count("Traceback")
    until(lambda: log_file.read_text().count("Traceback") > failed + 3)
    slots.timer.stop()
    assert not window.messages.isVisible(), "what was dismissed does not come back at once"
    window.messages._heard(Failure("something else"))
    until(window.messages.isVisible)


def test_in_a_plain_thread_it_reaches_the_window(
    window: MainWindow, slots: Slots, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = threading.Thread(target=broken)
    monkeypatch.setattr(threading, "excepthook", logs._uncaught_in_thread)
    thread.start()
    thread.join()
    until(window.messages.isVisible)
    assert WORDS in window.messages.text.text()


def test_without_a_window_it_is_in_the_log_only(log_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs._listeners.clear()
    try:
        broken()
    except ZeroDivisionError as error:
        logs._uncaught(type(error), error, error.__traceback__)
    assert "in broken" in log_file.read_text() and WORDS in capsys.readouterr().err
    logs._uncaught(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert log_file.read_text().count("CRITICAL") == 1


def run_the_app_with_failing_slots(say: Callable[[object], None], home: Path) -> None:
    """Run the app as its command does, let a timer, a slot and a thread fail, and say what the window shows."""
    os.environ |= {"VDX_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}
    sys.stderr = (home.parent / "stderr").open("w")
    logs.start()
    from explorer.ui.app import make_application

    application = make_application("dark")
    window = MainWindow(warm_up=False, remember=False)
    window.show()
    slots = Slots()

    def fail_in_a_thread() -> None:
        thread = threading.Thread(target=broken)
        thread.start()
        thread.join()

    def look_and_close() -> None:
        say((window.messages.isVisible(), window.messages.text.text(), details(window)))
        window.show_page("diffusion")
        say(window.stack.currentWidget() is window.page("diffusion"))
        window.close()

    QTimer.singleShot(0, slots.fail)
    QTimer.singleShot(50, slots.pressed.emit)
    QTimer.singleShot(100, fail_in_a_thread)
    QTimer.singleShot(200, look_and_close)
    say(application.exec())


def test_the_app_itself_goes_on_and_ends_with_0(home: Path) -> None:
    (visible, text, details_), went_on, code = Child(run_the_app_with_failing_slots, home).end()
    assert visible and WORDS in text and "Traceback" in details_ and went_on and code == 0
    logged = (home / "explorer.log").read_text()
    assert logged.count("uncaught exception") == 3 and logged.count(WORDS) == 3

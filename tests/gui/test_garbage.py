"""Cyclic garbage is collected, and only by the GUI thread."""

import gc
import threading
from collections.abc import Callable

from explorer.ui.garbage import GuiGarbage
from explorer.ui.main_window import MainWindow


class Cycle:
    """An object in a cycle that notes which thread destroys it."""

    ends: list[str] = []  # noqa: RUF012  # shared on purpose

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        Cycle.ends.append(threading.current_thread().name)


def test_cycles_are_collected_by_the_gui_thread_only(window: MainWindow, until: Callable[..., None]) -> None:
    assert not gc.isenabled()
    Cycle.ends.clear()
    worker = threading.Thread(target=lambda: [Cycle() for _ in range(5000)], name="worker")
    worker.start()
    worker.join()
    assert Cycle.ends == [], "no collection in the worker"
    until(lambda: len(Cycle.ends) == 5000)
    assert set(Cycle.ends) == {threading.main_thread().name}


def test_there_is_one_collector(window: MainWindow) -> None:
    from PySide6.QtWidgets import QApplication

    application = QApplication.instance()
    assert application is not None and len(application.findChildren(GuiGarbage)) == 1

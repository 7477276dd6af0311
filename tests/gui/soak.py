"""Run by test_soak.py in a process of its own: a minute of training in a real window, curves redrawn at 20 Hz."""

import json
import resource
import sys
from pathlib import Path

from PySide6.QtCore import QElapsedTimer, Qt, QTimer, qInstallMessageHandler
from PySide6.QtTest import QTest

from explorer.settings import load_settings
from explorer.ui.app import make_application
from explorer.ui.main_window import MainWindow
from explorer.ui.train_page import TrainPage


class Soak:
    """Trains for a while and notes how often curves were drawn, how the clock beat, and what memory was taken."""

    def __init__(self, seconds: float) -> None:
        self.drawn, self.beats, self.memory = 0, [], []
        self.window = MainWindow()
        self.window.show()
        assert QTest.qWaitForWindowExposed(self.window)
        page = self.window.show_page("train")
        assert isinstance(page, TrainPage)
        self.page = page
        page.form.set_config(load_settings("digits-vae"))
        for address, text in {"epochs": "1000000", "log_every": "5", "device": "cpu"}.items():
            page.form.set_value(f"training.{address}", text)
        QTest.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
        page.own.redraw_timer.setInterval(50)
        self._real = page.views.curves.redraw
        page.views.curves.redraw = self._counted  # type: ignore[method-assign]
        self.clock = QElapsedTimer()
        self.heart = QTimer(interval=10, timerType=Qt.TimerType.PreciseTimer)
        self.heart.timeout.connect(self._beat)
        self.look = QTimer(interval=5000)
        self.look.timeout.connect(self._look)
        self.begin = QTimer(interval=50)
        self.begin.timeout.connect(self._begin)
        self.begin.start()
        self.seconds = seconds

    def _counted(self, last_epoch: float | None = None) -> None:
        self.drawn += self.page.views.curves._stale
        self._real(last_epoch)

    def _begin(self) -> None:
        if self.page.progress is not None:
            self.begin.stop()
            self.drawn = 0
            self.clock.start()
            self.heart.start()
            self.look.start()
            QTimer.singleShot(int(self.seconds * 1000), self.window.close)

    def _beat(self) -> None:
        self.beats.append(self.clock.restart())

    def _look(self) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.memory.append(pages * resource.getpagesize() / 1e6)

    def report(self) -> dict[str, object]:
        """Return what was seen."""
        beats = sorted(self.beats)
        return {
            "drawn_hz": self.drawn / self.seconds,
            "steps": self.page.progress.measurement.step if self.page.progress else 0,
            "beat_p99_ms": beats[int(0.99 * len(beats))],
            "beat_max_ms": beats[-1],
            "memory_mb": self.memory,
            "saved": self.page.folder is not None and (self.page.folder / "manifest.json").is_file(),
        }


if __name__ == "__main__":
    said: list[str] = []
    qInstallMessageHandler(lambda kind, context, text: said.append(text))
    application = make_application("dark")
    soak = Soak(float(sys.argv[1]))
    application.exec()
    print(json.dumps({**soak.report(), "said": said}))

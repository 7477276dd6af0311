"""From process start to first paint: the app against a bare PySide6 + pyqtgraph window, A B A B."""

import json
import os
import sys
import time

from measuring import child, median, screen


def report(start: float) -> None:
    """Print the time since ``start`` and whether torch is loaded, and leave."""
    print(json.dumps({"ms": (time.time() - start) * 1000, "torch": "torch" in sys.modules}), flush=True)
    os._exit(0)


def bare(start: float) -> None:
    """Show a window with one empty plot and report its first paint."""
    import pyqtgraph as pg
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    application = QApplication([])

    class Plot(pg.PlotWidget):
        def paintEvent(self, event: object) -> None:
            super().paintEvent(event)
            QTimer.singleShot(0, lambda: report(start))

    plot = Plot()
    plot.resize(1440, 900)
    plot.show()
    application.exec()


def app(start: float) -> None:
    """Show the app's window and report its first paint."""
    from PySide6.QtCore import QTimer
    from PySide6.QtGui import QPaintEvent

    from explorer import logs
    from explorer.ui.app import make_application
    from explorer.ui.main_window import MainWindow

    class Window(MainWindow):
        def paintEvent(self, event: QPaintEvent) -> None:
            super().paintEvent(event)
            QTimer.singleShot(0, lambda: report(start))

    logs.start()
    application = make_application("dark")
    window = Window()
    window.show()
    application.exec()


def main() -> None:
    """Compare."""
    times: dict[str, list[float]] = {"bare": [], "app": []}
    with screen() as environment:
        for attempt in range(9):
            for kind, measured in times.items():
                found = child(__file__, kind, repr(time.time()), env=environment)
                if found["torch"]:
                    raise SystemExit("torch was imported before the first paint")
                if attempt > 0:  # the first one fills the disk cache
                    measured.append(found["ms"])
    ours, theirs = median(times["app"]), median(times["bare"])
    print(f"first paint: app {ours:.0f} ms, bare {theirs:.0f} ms, ratio {ours / theirs:.2f} (wanted <= 1.40), no torch")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        {"bare": bare, "app": app}[sys.argv[1]](float(sys.argv[2]))
    else:
        main()

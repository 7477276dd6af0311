"""A day's training as curves: how long a redraw takes after 2 million points, and what memory they take."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import child, median, screen

if TYPE_CHECKING:
    from explorer.ui.curve_plot import CurvePlot

POINTS, REDRAWS, SIZE = 2_000_000, 60, (1100, 520)
KINDS = ("new points", "smoothed", "log axes", "zoomed in", "panned", "with gaps")


def memory() -> float:
    """Return the resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


class Training:
    """Two curves that grow as those of a training do."""

    def __init__(self) -> None:
        import numpy as np

        from explorer.ui.series import Series

        self.curves = {"train": Series(), "test": Series()}
        self._epochs = {"train": 0.0, "test": 0.0}
        self._random = np.random.default_rng(0)

    def append(self, split: str, count: int) -> float:
        """Append points to a curve, one by one, and return the seconds that took."""
        values = self._random.normal(-120, 1, count).tolist()
        began = time.perf_counter()
        for value in values:
            self._epochs[split] += 30 / POINTS
            self.curves[split].append(self._epochs[split], value)
        return time.perf_counter() - began

    def tear(self) -> None:
        """Make one in a thousand points of the longer curve a gap."""
        import numpy as np

        series = self.curves["train"]
        x, y = series.x, np.where(self._random.random(len(series)) < 0.001, np.nan, series.y)
        series.clear()
        series.extend(x, y)

    def redraw(self, plot: "CurvePlot", new: int) -> tuple[float, float]:
        """Append some points, draw everything, and return the milliseconds passed, and those computed."""
        self.append("train", new)
        began, busy = time.perf_counter(), time.thread_time()
        for split, series in self.curves.items():
            plot.set_curve(split, series.x, series.y, "{:.2f}")
        plot.fit(30)
        plot.plot.viewport().repaint()
        return (time.perf_counter() - began) * 1000, (time.thread_time() - busy) * 1000


def measure() -> None:
    """Append the points, redraw in every way a person may look at them, and print milliseconds and megabytes."""
    from PySide6.QtTest import QTest

    from explorer.ui.app import make_application
    from explorer.ui.curve_plot import CurvePlot

    application = make_application("dark")
    plot = CurvePlot("ELBO (nats per image)", "epoch", tools=True, log_of="−ELBO (nats per image)")
    plot.add_curve("train", "train", "accent")
    plot.add_curve("test", "test", "second")
    plot.resize(*SIZE)
    plot.show()
    QTest.qWaitForWindowExposed(plot)
    training = Training()
    training.append("test", 20_000)
    memories, seconds = [], 0.0
    for _ in range(4):
        seconds += training.append("train", POINTS // 4)
        training.redraw(plot, 1)
        memories.append(memory())
    found: dict[str, object] = {"memory": memories, "append": seconds / POINTS * 1e6}
    for kind in KINDS:
        plot.set_smoothing(0.0 if kind == "new points" else 0.99)
        plot.set_log_x(kind == "log axes")
        plot.set_log_y(kind == "log axes")
        if kind == "with gaps":
            training.tear()
            plot.show_all()
        took = []
        for turn in range(REDRAWS):
            if kind in {"zoomed in", "panned"}:
                plot.plot.view.setXRange(5 + 0.01 * turn * (kind == "panned"), 6 + 0.01 * turn, padding=0)
                plot.plot.view.sigRangeChangedManually.emit([True, True])
            took.append(training.redraw(plot, 50))
            application.processEvents()
        found[kind] = took[5:]
    memories.append(memory())
    plot.close()
    print(json.dumps(found))


def main() -> None:
    """Report."""
    with screen() as environment:
        found = child(__file__, "measure", env=environment)
    for kind in KINDS:
        wall, busy = zip(*found[kind], strict=True)
        spent = f"{median(list(busy)):.1f} ms of it computing"  # the rest: other programs had the processor
        print(f"{kind}: median {median(list(wall)):.1f} ms (wanted < 50), {spent}, worst {max(wall):.1f} ms")
    *growing, end = (f"{value:.0f}" for value in found["memory"])
    print(f"memory at each quarter of {POINTS:,} points: {', '.join(growing)} MB; {end} MB after all this looking")
    print(f"{found['append']:.1f} µs to append a point")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        measure()
    else:
        main()

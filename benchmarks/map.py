"""The latent map: a pan's painted frame, a hit test, hiding a class; beside pyqtgraph's ScatterPlotItem."""

import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from measuring import child, median, percentile, screen

if TYPE_CHECKING:
    from explorer.messages import LatentMap

COUNTS = (10_000, 70_000, 1_000_000)
SIZE, FRAMES, SLOW_FRAMES = (945, 540), 60, 12
KINDS = ("map", "density", "scatter item")
FRAME, HIT = 16.7, 2.0  # ms wanted: 60 frames a second, and a hit test at 70 000 points
Times = list[tuple[float, float]]  # ms that passed, and ms of them computing: the rest had other programs


def made(count: int) -> "LatentMap":
    """Return a map of ten classes in four dimensions."""
    import numpy as np

    from explorer.messages import LatentMap

    random = np.random.default_rng(0)
    labels = random.integers(0, 10, count)
    means = (random.normal(size=(10, 4))[labels] + 0.5 * random.normal(size=(count, 4))).astype(np.float32)
    return LatentMap(means, labels, np.array([2.0, 1.5, 1.0, 0.5], np.float32), "test")


def timed(turns: int, act: Callable[[int], object]) -> Times:
    """Return what each of some turns took; the first is for warming up."""
    took = []
    for turn in range(turns + 1):
        began, busy = time.perf_counter(), time.thread_time()
        act(turn)
        took.append(((time.perf_counter() - began) * 1000, (time.thread_time() - busy) * 1000))
    return took[1:]


def measure_map(count: int, look: str) -> dict[str, Times]:
    """Open, pan, walk, ask what is under the mouse, hide and show classes."""
    import numpy as np
    from PySide6.QtCore import QPointF
    from PySide6.QtTest import QTest

    from explorer.ui.app import make_application
    from explorer.ui.latent_map import LatentScatter

    application = make_application("dark")
    shown = LatentScatter()
    shown.resize(*SIZE)
    shown.show()
    QTest.qWaitForWindowExposed(shown)
    canvas, latents = shown.canvas, made(count)

    def painted(_done: object) -> None:
        canvas.repaint()

    def pan(turn: int) -> None:
        painted(canvas.set_view(canvas.view.moved(3 * (-1) ** (turn // 10), 1)))

    found = {"open": timed(3, lambda _: painted(shown.set_map(latents, ["z₀", "z₁", "z₂", "z₃"])))}
    shown.looks.row.choose(look)
    application.processEvents()
    found["pan"] = timed(FRAMES, pan)
    found["walk"] = timed(FRAMES, lambda turn: painted(shown.set_cursor(np.full(4, turn / FRAMES, np.float32))))
    found["hit"] = timed(200, lambda turn: shown.reactions.nearest(QPointF(60 + 4 * turn, 40 + turn)))
    found["hide a class"] = timed(20, lambda turn: painted(shown.key.legend.toggle(turn % 10)))
    shown.close()
    return found


def measure_item(count: int) -> dict[str, Times]:
    """Pan a ScatterPlotItem of the same points, colours and size."""
    import pyqtgraph as pg
    from PySide6.QtGui import QColor
    from PySide6.QtTest import QTest

    from explorer.ui import theme
    from explorer.ui.app import make_application
    from explorer.ui.map_raster import dot_size
    from explorer.ui.plot_style import dress

    application = make_application("dark")
    plot = pg.PlotWidget()
    dress(plot)
    latents = made(count)
    brushes = [pg.mkBrush(QColor(color)) for color in theme.colors().classes]
    item = pg.ScatterPlotItem(pxMode=True, size=max(2, dot_size(count)), pen=None)
    item.setData(x=latents.means[:, 0], y=latents.means[:, 1], brush=[brushes[k] for k in latents.labels.tolist()])
    plot.addItem(item)
    plot.resize(SIZE[0] - 24, SIZE[1] - 110)
    plot.show()
    QTest.qWaitForWindowExposed(plot)
    application.processEvents()
    view = plot.getPlotItem().getViewBox()

    def pan(turn: int) -> None:
        view.translateBy(x=0.02 * (-1) ** (turn // 10), y=0.005)
        plot.viewport().repaint()

    found = timed(FRAMES if count < 500_000 else SLOW_FRAMES, pan)
    plot.close()
    return {"pan": found}


def main() -> None:
    """Compare, turn by turn: A B C A B C."""
    found: dict[tuple[str, int], dict[str, Times]] = {}
    with screen() as environment:
        for _ in range(2):
            for count in COUNTS:
                for kind in KINDS:
                    times = found.setdefault((kind, count), {})
                    for what, took in child(__file__, kind, str(count), env=environment).items():
                        times.setdefault(what, []).extend(took)
    print(f"{'ms: median, p95; of it computing':<34}" + "".join(f"{count:>24,}" for count in COUNTS))
    for kind in KINDS:
        for what in found[kind, COUNTS[0]]:
            cells = []
            for count in COUNTS:
                wall, busy = (list(part) for part in zip(*found[kind, count][what], strict=True))
                cells.append(f"{median(wall):.2f}, {percentile(wall, 0.95):.2f}; {median(busy):.2f}")
            print(f"{f'{kind}: {what}':<34}" + "".join(f"{cell:>24}" for cell in cells))
    for count in COUNTS:
        item, ours = (median([busy for _, busy in found[kind, count]["pan"]]) for kind in ("scatter item", "map"))
        times = f"{item / ours:.1f} times as fast as ScatterPlotItem"
        print(f"pan of {count:,} points: {times}, {ours:.1f} ms computing a frame (wanted <= {FRAME})")
    hit = percentile([busy for _, busy in found["map", 70_000]["hit"]], 0.95)
    print(f"hit test at 70,000 points: p95 {hit:.2f} ms computing (wanted < {HIT})")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        kind, count = sys.argv[1], int(sys.argv[2])
        looks = {"map": "points", "density": "density"}
        print(json.dumps(measure_map(count, looks[kind]) if kind in looks else measure_item(count)))
    else:
        main()

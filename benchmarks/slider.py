"""From a slider's valueChanged to the painted picture, in a real window; and from opening a model to its first picture.

Of 28×28 and 64×64 pictures: idle, while the terms of the map's items are still being found, and while a training runs.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from measuring import child, percentile, screen

if TYPE_CHECKING:
    from explorer.ui.latent_page import LatentPage

MODELS = {"mnist-vae": "28×28", "sprites-beta-vae": "64×64"}
KINDS = ("idle", "terms", "training")
MOVES, WARM = 600, 60
WANTED, OPEN = 16.7, 300.0  # ms


def measure(model: str, kind: str) -> None:
    """Open a model, drag a slider at 60 moves a second for some seconds, and print what each move took."""
    from PySide6.QtCore import QEventLoop
    from PySide6.QtTest import QTest

    from explorer.settings import load_settings
    from explorer.ui.app import make_application
    from explorer.ui.latent_page import LatentPage
    from explorer.ui.main_window import MainWindow
    from explorer.ui.train_page import TrainPage

    application = make_application("dark")
    window = MainWindow()
    window.show()
    QTest.qWaitForWindowExposed(window)

    def turn(milliseconds: int = 20) -> None:
        application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, milliseconds)

    if kind == "training":
        train = window.page("train")
        assert isinstance(train, TrainPage)
        train.form.set_config(load_settings("digits-beta-vae"))
        train.form.set_value("training.epochs", "100000")
        train.start()
        while train.progress is None:
            turn()
    page = window.page("latent")
    assert isinstance(page, LatentPage)
    window.open_model("digits-vae-2d", "vae")  # torch is ready and the page was laid out once
    while page.decoded is None or page.worker.busy:
        turn()
    painted = [False]
    page.picture.painted.connect(lambda: painted.__setitem__(0, True))
    began = time.perf_counter()
    window.open_model(model, "vae")
    while page.model is None or page.model.card.name != model:
        turn(5)
    painted[0] = False
    while not painted[0] or page.decoded is None:
        turn(5)
    opened = (time.perf_counter() - began) * 1000
    while kind != "terms" and page.worker.busy:
        turn()
    took = drag(page, painted, turn)
    window.close()
    print(json.dumps({"ms": took[WARM:], "open": opened}))


def drag(page: "LatentPage", painted: list[bool], turn: Callable[[int], None]) -> list[float]:
    """Drag a slider to and fro and return the milliseconds until each place's picture was painted."""
    import numpy as np

    slider = page.sliders.sliders[page.map.axes[0]]
    took: list[float] = []
    until = time.perf_counter()
    for move in range(MOVES):
        painted[0] = False
        began = time.perf_counter()
        slider.setValue(2.9 * np.sin((move + 1) / 40))
        while not painted[0] or page.decoded is None or not np.array_equal(page.decoded.z[0], page.sliders.z):
            turn(5)
        took.append((time.perf_counter() - began) * 1000)
        until += 1 / 60
        while time.perf_counter() < until:
            turn(1)
        until = max(until, time.perf_counter())
    return took


def main() -> None:
    """Compare."""
    with screen() as environment:
        for model, size in MODELS.items():
            times: dict[str, list[float]] = {kind: [] for kind in KINDS}
            opened: list[float] = []
            for _ in range(2):
                for kind, measured in times.items():
                    found = child(__file__, model, kind, env=environment)
                    measured.extend(found["ms"])
                    if kind != "training":
                        opened.append(found["open"])
            print(f"{size}, {model}: first picture {min(opened):.0f} ms after opening (wanted < {OPEN:.0f})")
            for kind, measured in times.items():
                middle, high, worst = (percentile(measured, share) for share in (0.5, 0.95, 1.0))
                print(f"  {kind}: median {middle:.1f} ms, p95 {high:.1f} ms (wanted <= {WANTED}), worst {worst:.1f} ms")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measure(sys.argv[1], sys.argv[2])
    else:
        main()

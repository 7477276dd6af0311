"""From a slider's valueChanged to the painted picture, idle and while a training runs, in a real window."""

import json
import sys
import time

from measuring import child, percentile, screen


def measure(training: bool) -> None:
    """Drag a slider at 60 moves a second for some seconds and print what each move took."""
    import numpy as np
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
    if training:
        train = window.page("train")
        assert isinstance(train, TrainPage)
        train.form.set_config(load_settings("digits-beta-vae"))
        train.form.set_value("training.epochs", "100000")
        train.start()
        while train.progress is None:
            application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
    window.open_model("digits-beta-vae", "vae")
    page = window.page("latent")
    assert isinstance(page, LatentPage)
    while page.traversal is None:
        application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
    slider = page.sliders.sliders[page.map.axes[0]]
    painted = [False]
    page.picture.painted.connect(lambda: painted.__setitem__(0, True))
    took: list[float] = []
    until = time.perf_counter()
    for move in range(600):
        slider.setValue(3 * np.sin((move + 1) / 40))
        began, painted[0] = time.perf_counter(), False
        while not painted[0] or page.decoded is None or not np.array_equal(page.decoded.z[0], page.sliders.z):
            application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
        took.append((time.perf_counter() - began) * 1000)
        until += 1 / 60
        while time.perf_counter() < until:
            application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 1)
        until = max(until, time.perf_counter())
    window.close()
    print(json.dumps({"ms": took[60:]}))


def main() -> None:
    """Compare."""
    times: dict[str, list[float]] = {"idle": [], "training": []}
    with screen() as environment:
        for _ in range(2):
            for kind, measured in times.items():
                measured.extend(child(__file__, kind, env=environment)["ms"])
    for kind, measured in times.items():
        middle, high, worst = (percentile(measured, share) for share in (0.5, 0.95, 1.0))
        print(f"{kind}: median {middle:.1f} ms, p95 {high:.1f} ms (wanted <= 16.7), worst {worst:.1f} ms")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        measure(sys.argv[1] == "training")
    else:
        main()

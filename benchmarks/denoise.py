"""What the Diffusion page costs a chain, how smooth the window stays meanwhile, and how fast 1000 frames are scrubbed.

``python benchmarks/denoise.py [MODEL ...]``: the session's thread does in turns of half a second the bare sampling
loop, during which the window has nothing new to show, and the page's chain, which is played while it is computed. The
ratio is that of the medians of seconds a step.
"""

import json
import sys
import time
from collections.abc import Callable

from measuring import child, median, percentile, screen

SECONDS = 30.0
TURN_SECONDS = 0.5
SCRUBS = 400


class Heart:
    """A timer of 10 ms in the GUI thread that notes how late it beats."""

    def __init__(self) -> None:
        from PySide6.QtCore import QElapsedTimer, Qt, QTimer

        self.beats: list[int] = []
        self._clock = QElapsedTimer()
        self._timer = QTimer(interval=10, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    def _beat(self) -> None:
        self.beats.append(self._clock.restart())

    def start(self) -> None:
        """Begin to listen."""
        self._clock.start()
        self._timer.start()

    def stop(self) -> None:
        """Stop listening."""
        self._timer.stop()


class Turns:
    """Lets the session's thread do the bare loop and the page's chain in turns; notes the seconds a step of each."""

    def __init__(self, worker: object, count: int) -> None:
        from explorer.messages import DenoiseRequest

        self.seconds: dict[str, list[float]] = {"bare": [], "page": []}
        self._worker, self._real = worker, worker._advance  # type: ignore[attr-defined]
        self._request = DenoiseRequest(0, count, 42)
        self._states: object = iter(())
        self._name, self._until, self._began, self._steps = "page", 0.0, 0.0, 0
        worker._advance = self.advance  # type: ignore[attr-defined]

    def advance(self, job: object) -> None:
        """Do one step of whose turn it is."""
        now = time.perf_counter()
        if now >= self._until:
            if self._steps > 2:
                self.seconds[self._name].append((now - self._began) / self._steps)
            self._name = "bare" if self._name == "page" else "page"
            self._until, self._steps = now + TURN_SECONDS, -1
        if self._steps == 0:  # the step before was the first after the other one's turn
            self._began = time.perf_counter()
        self._steps += 1
        if self._name == "page":
            self._real(job)
        elif next(self._states, None) is None:  # type: ignore[call-overload]
            from explorer.inference.trajectories import chain

            session = self._worker._session  # type: ignore[attr-defined]
            self._states = chain(session.diffusion(), self._request, session.device)


def chain(model: str) -> None:
    """Compare the bare loop and the page; print seconds a step of each turn, and the beats while the page ran."""
    from PySide6.QtCore import QEventLoop, QTimer
    from PySide6.QtTest import QTest

    from explorer import images
    from explorer.ui.app import make_application
    from explorer.ui.diffusion_page import DiffusionPage
    from explorer.ui.main_window import MainWindow

    application = make_application("dark")
    window = MainWindow(remember=False)
    window.resize(1440, 900)
    window.show()
    QTest.qWaitForWindowExposed(window)

    def until(done: Callable[[], bool]) -> None:
        loop, timer = QEventLoop(), QTimer(interval=20)
        timer.timeout.connect(lambda: loop.quit() if done() else None)
        timer.start()
        loop.exec()

    until(lambda: window.report is not None)
    window.open_model(model, "ddpm")
    page = window.page("diffusion")
    assert isinstance(page, DiffusionPage)
    until(lambda: page.reverse.film.complete and not page.running)
    heart, turns, began = (
        Heart(),
        Turns(page.worker, images.CLOUD if page.reverse.model.points else 16),
        time.perf_counter(),
    )
    heart.start()
    busy = time.thread_time()
    while time.perf_counter() - began < SECONDS:
        page.reverse.run()
        until(lambda: page.reverse.film.complete and not page.running)
    heart.stop()
    busy = (time.thread_time() - busy) / (time.perf_counter() - began)
    window.close()
    application.processEvents()
    print(json.dumps({**turns.seconds, "beats": heart.beats, "busy": busy}))


def scrub() -> None:
    """Drag through 1000 stored frames of 64 pictures; print what each move took until all was painted."""
    import numpy as np
    from PySide6.QtCore import QEventLoop
    from PySide6.QtTest import QTest

    from explorer.messages import Frame, Frames, StepCoefficients
    from explorer.ui.app import make_application
    from explorer.ui.diffusion_page import DiffusionPage
    from explorer.ui.main_window import MainWindow

    application = make_application("dark")
    window = MainWindow(warm_up=False, remember=False)
    window.resize(1440, 900)
    window.show()
    QTest.qWaitForWindowExposed(window)

    def events() -> None:
        application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)

    window.open_model("digits-ddpm", "ddpm")
    page = window.page("diffusion")
    assert isinstance(page, DiffusionPage)
    reverse = page.reverse
    while reverse.model is None or not reverse.frames:
        events()
    reverse.cancel()
    random = np.random.default_rng(0)
    some = [random.integers(0, 256, (64, 28, 28, 1), dtype=np.uint8) for _ in range(9)]
    last = len(reverse.model.schedule.beta) - 1  # type: ignore[union-attr]
    t = [round(last * (999 - place) / 999) for place in range(1000)]
    number = 10**6
    frames = tuple(
        Frame(number, at, some[n % 9], some[(n + 3) % 9], some[(n + 5) % 9], StepCoefficients(0.1, 0.9, 0.1, at - 1))
        for n, at in enumerate(t)
    )
    reverse._clear()
    reverse._chain = number
    reverse._got_frames(Frames(number, frames, True, tuple(t)))
    reverse.player.pause()
    painted = [False]
    reverse.view.items.painted.connect(lambda: painted.__setitem__(0, True))
    took: list[float] = []
    for move in range(SCRUBS):
        place = int((np.sin(move / 30) + 1) / 2 * 999)
        place += place == reverse.player.position
        began, painted[0] = time.perf_counter(), False
        reverse.player.slider.setValue(place)
        while not painted[0]:
            events()
        events()
        took.append((time.perf_counter() - began) * 1000)
    window.close()
    print(json.dumps({"ms": took[40:]}))


def main(models: list[str]) -> None:
    """Compare."""
    with screen() as environment:
        for model in models:
            found = child(__file__, "chain", model, env=environment)
            bare, page = (1000 * median(found[name]) for name in ("bare", "page"))
            late = percentile(found["beats"], 0.99)
            print(
                f"{model}: {bare:.2f} ms a step bare, {page:.2f} under the page: × {page / bare:.3f} (wanted <= 1.05); "
                f"the window's thread is busy {found['busy']:.1%}, its heartbeat p99 {late} ms (wanted <= 40), "
                f"worst {max(found['beats'])} ms"
            )
        took = child(__file__, "scrub", env=environment)["ms"]
    middle, high, worst = (percentile(took, share) for share in (0.5, 0.95, 1.0))
    print(f"scrubbing 1000 frames: median {middle:.1f} ms, p95 {high:.1f} ms (wanted <= 16.7), worst {worst:.1f} ms")


if __name__ == "__main__":
    if sys.argv[1:2] == ["chain"]:
        chain(sys.argv[2])
    elif sys.argv[1:2] == ["scrub"]:
        scrub()
    else:
        main(sys.argv[1:] or ["digits-ddpm", "mnist-ddpm", "two-moons-eps"])

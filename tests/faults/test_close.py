"""A window closed while it works, at twenty random moments: exit 0 within ten seconds, nothing said, all kept."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from explorer import files, metrics, runs
from explorer.models import weights
from explorer.training import looking, publish
from explorer.training.loop import train
from explorer.training_messages import Progress, Snapshot

SCRIPT = """
import sys
import time
from PySide6.QtCore import QTimer
from explorer.settings import load_settings
from explorer.ui.app import make_application
from explorer.ui.main_window import MainWindow

kind, name, since, delay = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
application = make_application("dark")
window = MainWindow()
window.show()
if kind == "training":
    page = window.show_page("train")
    page.form.set_config(load_settings(name))
    page.form.set_value("training.epochs", "100000")
    page.form.set_value("training.device", "cpu")
    page.form.set_value("training.log_every", "1")
    page.start()
    busy = lambda: page.progress is not None
else:
    page = window.page("diffusion")
    window.open_model(name, "ddpm")
    busy = lambda: bool(page.frames)

def close():
    print(time.process_time(), flush=True)
    window.close()

def look():
    if busy():
        looking.stop()
        QTimer.singleShot(delay, close)

if since == "start":
    QTimer.singleShot(delay, close)
else:
    looking = QTimer(interval=10)
    looking.timeout.connect(look)
    looking.start()
sys.exit(application.exec())
"""
SECONDS_TO_CLOSE, HUNG_SECONDS = 10, 120


@dataclass(frozen=True)
class Moment:
    """``delay`` milliseconds after the window's start, or after the first result of what it is busy with."""

    kind: str
    name: str
    since: str
    delay: int


def moments() -> list[Moment]:
    """Return twenty: of each kind some while torch is loaded and the work begins, most in the middle of the work."""
    drawn = random.Random(2026)
    kinds = [("training", "digits-vae")] * 7 + [("training", "points-ddpm")] * 7 + [("sampling", "digits-ddpm")] * 6
    found = []
    for number, (kind, name) in enumerate(kinds):
        since, longest = ("start", 2500) if number % 3 == 0 else ("work", 700)
        found.append(Moment(kind, name, since, drawn.randrange(1, longest)))
    return found


def close_at(moment: Moment, home: Path) -> str:
    """Open the app, close it at the moment, and return what was wrong with that, or nothing.

    The seconds are those that the app itself computes for: on a busy machine the clock on the wall says little.
    """
    home.mkdir(parents=True)
    with (home / "stderr").open("w+") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", SCRIPT, moment.kind, moment.name, moment.since, str(moment.delay)],
            env={**os.environ, "VDX_HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        hung = threading.Timer(HUNG_SECONDS, process.kill)
        hung.start()
        assert process.stdout is not None
        with process.stdout:
            closing = process.stdout.read().split()  # to the end of the process
        _, status, used = os.wait4(process.pid, 0)
        hung.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        stderr.seek(0)
        said = stderr.read()
    if (process.returncode, said) != (0, "") or len(closing) != 1:
        return f"exit code {process.returncode}, it said {said!r}, closing at {closing}"
    seconds = used.ru_utime + used.ru_stime - float(closing[0])
    return "" if seconds < SECONDS_TO_CLOSE else f"it took {seconds:.1f} s to close"


def test_a_training_that_is_closed_draws_no_picture_more(
    new_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures of a diffusion model can take minutes: on Stop they are drawn, on closing the window they are not."""
    folder = new_run("digits-ddpm", "training.log_every=1")
    drawn: list[int] = []
    real = looking.make_pictures
    monkeypatch.setattr(looking, "make_pictures", lambda *rest, **more: (drawn.append(1), real(*rest, **more))[1])
    monkeypatch.setattr(publish, "make_pictures", lambda *_: drawn.append(99))
    messages = train(folder)
    told = []
    for message in messages:
        told.append(message)
        if isinstance(message, Progress) and message.measurement.step == 3:
            messages.close()
    assert len(drawn) == 1, "before the first step, for the time machine"
    assert runs.read_record(folder)["status"] == "stopped" and int(runs.checkpoint_folders(folder)[0].name) == 3
    shown, [first] = runs.read_pictures(folder), [message for message in told if isinstance(message, Snapshot)]
    assert shown is not None and np.array_equal(shown.samples, first.samples)
    newest = files.read_verified(runs.checkpoint_folders(folder)[0], weights.EMA_FILE)
    assert files.read_verified(folder, runs.WEIGHTS) == newest, "and the weights are those of now"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", sorted({(moment.kind, moment.name) for moment in moments()}))
def test_closing_at_any_moment_ends_cleanly(home: Path, kind: tuple[str, str]) -> None:
    chosen = [moment for moment in moments() if (moment.kind, moment.name) == kind]
    homes = {moment: home / str(number) for number, moment in enumerate(chosen)}
    assert len(homes) in {6, 7}
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(close_at, homes, homes.values()))
    assert not [f"{moment}: {wrong}" for moment, wrong in zip(homes, found, strict=True) if wrong]
    for moment, place in homes.items():
        measured = list((place / "runs").glob("*/metrics.jsonl"))
        assert measured or moment.kind == "sampling" or moment.since == "start"
        for folder in (path.parent for path in measured):
            began = any(one.step for one in metrics.measurements(folder))  # else there is nothing to keep
            assert runs.checkpoint_folders(folder) or not began, f"{moment}: no checkpoint"
            assert (folder / files.MANIFEST).is_file() and runs.read_record(folder)["status"] == "stopped", moment
            assert not list(folder.rglob("*.partial"))

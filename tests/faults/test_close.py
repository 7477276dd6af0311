"""A window that is closed while it works: exit 0 within seconds, nothing said, a checkpoint kept."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from PySide6.QtCore import QTimer
from explorer.settings import load_settings
from explorer.ui.app import make_application
from explorer.ui.main_window import MainWindow

application = make_application("dark")
window = MainWindow()
window.show()
if sys.argv[1] == "training":
    page = window.show_page("train")
    page.form.set_config(load_settings(sys.argv[2]))
    page.form.set_value("training.epochs", "100000")
    page.form.set_value("training.device", "cpu")
    page.start()
else:
    window.open_model(sys.argv[2], "ddpm")
QTimer.singleShot(int(sys.argv[3]), window.close)
sys.exit(application.exec())
"""


@pytest.mark.parametrize("what", ["training digits-vae", "training digits-ddpm", "sampling digits-ddpm"])
def test_closing_at_any_moment_ends_cleanly(home: Path, what: str) -> None:
    kind, name = what.split()
    moments = random.Random(what)
    for attempt in range(4):
        delay = moments.randrange(1, 6000)
        where = home / f"{attempt}"
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", SCRIPT, kind, name, str(delay)],
            env={**os.environ, "VDX_HOME": str(where)},
            capture_output=True,
            text=True,
            timeout=delay / 1000 + 25,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), f"closed after {delay} ms"
        begun = list((where / "runs").glob("*/metrics.jsonl"))
        if begun:
            assert list(begun[0].parent.glob("checkpoints/*/manifest.json")), f"no checkpoint after {delay} ms"
            assert (begun[0].parent / "manifest.json").is_file()

"""What the benchmarks share: a screen to draw on, child processes that report JSON, medians."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


@contextmanager
def screen() -> Iterator[dict[str, str]]:
    """Yield an environment with a display: the one there is, or a virtual one."""
    if os.environ.get("DISPLAY"):
        yield dict(os.environ)
        return
    from tests.screen import virtual_screen

    with virtual_screen() as environment:
        yield environment


def child(script: str, *arguments: str, env: dict[str, str]) -> dict[str, Any]:
    """Run a script with arguments in a process of its own and return the JSON object it prints last."""
    done = subprocess.run(
        [sys.executable, script, *arguments], env=env, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode != 0:
        raise SystemExit(f"{script} {' '.join(arguments)} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def median(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

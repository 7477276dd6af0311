"""What checkpoints cost at the usual interval, as a share of the training time.

Each model trains for a while with a checkpoint every second; the time of one, settling and writing with fsync, is held
against the usual interval. The clock of the loop sees all of it: nothing is written in the background.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring import child, median, percentile
from training import loop

PRESETS = ("digits-vae", "digits-beta-vae", "digits-ddpm")
SECONDS = 25.0


def measure(preset: str) -> None:
    """Print how long each checkpoint took."""
    from explorer.training import checkpoints
    from explorer.training.looking import Looks

    taken: list[float] = []
    settling: list[float] = []

    def timed(function: Callable[..., Any], times: list[float]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            began = time.perf_counter()
            found = function(*arguments)
            times.append(time.perf_counter() - began)
            return found

        return call

    checkpoints.save = timed(checkpoints.save, taken)
    Looks.settle = timed(Looks.settle, settling)  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        steps = loop(preset, Path(folder) / "run", "training.checkpoint_seconds=1", "training.log_every=1")
        began = time.perf_counter()
        while time.perf_counter() - began < SECONDS:
            next(steps)
        steps.close()  # type: ignore[attr-defined]
        size = sum(path.stat().st_size for path in (Path(folder) / "run" / "checkpoints").rglob("*")) // 2
    print(json.dumps({"seconds": [sum(both) for both in zip(taken, settling, strict=True)], "size": size}))


def main() -> None:
    """Compare."""
    from explorer.config import TrainingConfig

    interval = TrainingConfig().checkpoint_seconds
    with tempfile.TemporaryDirectory() as home:
        for preset in sys.argv[1:] or PRESETS:
            found = child(__file__, "measure", preset, env={**os.environ, "VDX_HOME": home})
            seconds = found["seconds"]
            print(
                f"{preset}: a checkpoint of {found['size'] / 1e6:.1f} MB takes {median(seconds) * 1000:.0f} ms "
                f"(p90 {percentile(seconds, 0.9) * 1000:.0f}, {len(seconds)} of them), "
                f"{100 * median(seconds) / interval:.2f} % of {interval:.0f} s (wanted < 2 %)",
                flush=True,
            )


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "measure":
        measure(sys.argv[2])
    else:
        main()

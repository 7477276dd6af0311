"""``metrics.jsonl``, a line for every measurement and event of a training; a torn line is passed over."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from explorer.errors import RunError
from explorer.files import write_atomically
from explorer.messages import Knobs, Measurement, Split, Turned

METRICS = "metrics.jsonl"


def append(folder: Path, measurement: Measurement) -> None:
    """Append one line to ``metrics.jsonl``."""
    line: dict[str, Any] = {
        "step": measurement.step,
        "epoch": measurement.epoch,
        "seconds": measurement.seconds,
        "split": measurement.split,
        **measurement.values,
    }
    if measurement.kl_per_dimension:
        line["kl_per_dimension"] = list(measurement.kl_per_dimension)
    if measurement.per_t:
        line["per_t"] = list(measurement.per_t)
    _write(folder, line)


def append_turn(folder: Path, turned: Turned) -> None:
    """Append an event to ``metrics.jsonl``: the knobs were turned."""
    knobs = turned.knobs
    _write(
        folder, {"event": "knobs", "step": turned.step, "epoch": turned.epoch, "beta": knobs.beta, "rate": knobs.rate}
    )


def _write(folder: Path, line: Mapping[str, Any]) -> None:
    try:
        with (folder / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    except OSError as error:
        raise RunError(f"{folder / METRICS} cannot be written ({error.strerror}); free some space") from error


_NO_MEASUREMENT = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


def _parse_measurement(line: str) -> Measurement:
    fields = json.loads(line)
    kl, per_t = (tuple(float(value) for value in fields.pop(name, ())) for name in ("kl_per_dimension", "per_t"))
    step, epoch, seconds = int(fields.pop("step")), float(fields.pop("epoch")), float(fields.pop("seconds"))
    split: Split = {"train": "train", "test": "test"}[fields.pop("split")]  # type: ignore[assignment]
    values = {key: float(value) for key, value in fields.items()}
    return Measurement(step, epoch, seconds, split, values, kl, per_t)


def measurements(folder: Path) -> Iterator[Measurement]:
    """Yield the lines of ``metrics.jsonl``; a torn line, as a kill leaves it at the end, is passed over."""
    path = folder / METRICS
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                yield _parse_measurement(line)
            except _NO_MEASUREMENT:
                continue


def _parse_turn(line: str) -> Turned:
    fields = json.loads(line)
    if fields["event"] != "knobs":
        raise ValueError("another event")
    beta = fields["beta"]
    return Turned(
        int(fields["step"]), float(fields["epoch"]), Knobs(None if beta is None else float(beta), float(fields["rate"]))
    )


def turns(folder: Path) -> list[Turned]:
    """Return how the knobs were turned while the run was trained."""
    found = []
    with contextlib.suppress(OSError):
        for line in (folder / METRICS).read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(*_NO_MEASUREMENT):
                found.append(_parse_turn(line))
    return found


def _step_of(line: str) -> int:
    try:
        return _parse_measurement(line).step
    except _NO_MEASUREMENT:
        return _parse_turn(line).step


def cut(folder: Path, step: int) -> None:
    """Forget measurements after ``step``: a resumed run makes them again."""
    path = folder / METRICS
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(*_NO_MEASUREMENT):
            if _step_of(line) <= step:
                kept.append(line + "\n")
    write_atomically(path, "".join(kept).encode())

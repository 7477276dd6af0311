"""``metrics.jsonl``, a line for every measurement and event of a training; a torn line is passed over."""

import contextlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from explorer.errors import RunError
from explorer.files import write_atomically
from explorer.messages import Split
from explorer.training_messages import Knobs, Measurement, Turned

METRICS = "metrics.jsonl"
_LONGEST_LINE = 1 << 20  # bytes; a line of 512 dimensions has six thousand
_MOST_BYTES = 2 << 20  # that one look reads, so that a reader of garbage can still be stopped
_MARK = 96  # bytes before the place that was read to, to see whether the file is still the same


def figures_of(measurement: Measurement) -> dict[str, float]:
    """Return the figures of a look at the test items, named as in ``run.json``."""
    from explorer.config import ACTIVE_NATS  # pydantic is not needed to open the window

    figures = {f"test_{name}": value for name, value in measurement.values.items()}
    if measurement.kl_per_dimension and "perplexity" not in measurement.values:  # places of codes are not dimensions
        figures["active_dimensions"] = sum(kl >= ACTIVE_NATS for kl in measurement.kl_per_dimension)
    return figures


# ---- writing -------------------------------------------------------------------------------------------------------


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
    path = folder / METRICS
    size = path.stat().st_size if path.exists() else 0
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    except OSError as error:
        with contextlib.suppress(OSError):
            os.truncate(path, size)  # a torn line would spoil the next one
        raise RunError(f"{path} cannot be written ({error.strerror}); free some space") from error


# ---- lines ---------------------------------------------------------------------------------------------------------


_NO_LINE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


def _fields(line: bytes) -> dict[str, Any]:
    fields = json.loads(line.decode("utf-8", "replace"))
    if not isinstance(fields, dict):
        raise TypeError("a line is an object")
    return fields


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not a number")
    return number


def _measurement(fields: dict[str, Any]) -> Measurement:
    kl, per_t = (tuple(_number(value) for value in fields.pop(name, ())) for name in ("kl_per_dimension", "per_t"))
    step, epoch, seconds = int(fields.pop("step")), _number(fields.pop("epoch")), _number(fields.pop("seconds"))
    split: Split = {"train": "train", "test": "test"}[fields.pop("split")]  # type: ignore[assignment]
    numbers = {key: float(value) for key, value in fields.items()}
    values = {key: value for key, value in numbers.items() if math.isfinite(value)}  # no curve goes through the others
    return Measurement(step, epoch, seconds, split, values, kl, per_t)


def _turn(fields: Mapping[str, Any]) -> Turned:
    beta = fields["beta"]
    knobs = Knobs(None if beta is None else _number(beta), _number(fields["rate"]))
    return Turned(int(fields["step"]), _number(fields["epoch"]), knobs)


def _parse(line: bytes) -> Measurement | Turned | None:
    """Return what a line says, None where it is torn, odd, or an event of another kind."""
    try:
        fields = _fields(line)
        if "event" not in fields:
            return _measurement(fields)
        return _turn(fields) if fields["event"] == "knobs" else None
    except _NO_LINE:
        return None


# ---- reading -------------------------------------------------------------------------------------------------------


class Tail:
    """Reads a ``metrics.jsonl`` as it grows, a part at a time, in bounded memory.

    A line is taken when its end is there; until then it is left for the next time. Lines that are no measurement and
    no turn of the knobs are passed over. A file that was cut or replaced, as a resumed run does it, is read again from
    its beginning.

    Attributes:
        restarted: whether the last ``read`` began again, so that what was read before no longer holds.
        more: whether the last ``read`` ended because of its limits and not because of the file's end.
    """

    def __init__(self, folder: Path) -> None:
        self.restarted = False
        self.more = False
        self._path = folder / METRICS
        self._file: tuple[int, int] | None = None  # device and number of the file on it
        self._offset = 0
        self._mark = b""
        self._size = 0
        self._within_a_long_line = False

    @property
    def share_read(self) -> float:
        """Return how much of the file was read, 0 to 1; 1 where there is nothing to read."""
        return min(1.0, self._offset / self._size) if self._size else 1.0

    def read(self, most: int = 1000) -> list[Measurement | Turned]:
        """Return what was appended since the last time, at most ``most`` of it.

        Raises:
            RunError: the file is there and cannot be read. One that is missing is as good as an empty one.
        """
        self.restarted = self.more = False
        try:
            if self._path.is_fifo():  # to open it would be to wait for ever
                raise RunError(f"{self._path} is no plain file; restore it from a copy")
            # Opened anew every time: on Windows a file that is held open cannot be replaced.
            with self._path.open("rb") as file:
                self._find_the_place(file)
                return self._read_on(file, most)
        except (FileNotFoundError, NotADirectoryError):
            return []  # between two names, or gone with its folder: who reads on will see
        except OSError as error:
            raise RunError(f"{self._path} cannot be read ({error.strerror}); check its permissions") from error

    def _find_the_place(self, file: BinaryIO) -> None:
        status = os.fstat(file.fileno())
        this = (status.st_dev, status.st_ino)
        file.seek(self._offset - len(self._mark))
        # A new file may have the number of the old one, so what stands before the place is looked at too.
        same = this == self._file and self._offset <= status.st_size and file.read(len(self._mark)) == self._mark
        if not same:
            self.restarted = self._file is not None
            self._offset, self._mark, self._within_a_long_line = 0, b"", False
            file.seek(0)
        self._file, self._size = this, status.st_size

    def _read_on(self, file: BinaryIO, most: int) -> list[Measurement | Turned]:
        found: list[Measurement | Turned] = []
        left = _MOST_BYTES
        while len(found) < most and left > 0:
            line = file.readline(_LONGEST_LINE)
            whole = line.endswith(b"\n")
            if not whole and len(line) < _LONGEST_LINE:  # nothing more, or a line that is being written
                return found
            self._offset += len(line)
            self._mark = (self._mark + line)[-_MARK:]
            left -= len(line)
            if whole and not self._within_a_long_line and (said := _parse(line)) is not None:
                found.append(said)
            self._within_a_long_line = not whole
        self.more = self._offset < self._size
        return found


def _everything(folder: Path) -> Iterator[Measurement | Turned]:
    tail = Tail(folder)
    yield from tail.read()
    while tail.more:
        yield from tail.read()


def measurements(folder: Path) -> Iterator[Measurement]:
    """Yield the measurements of ``metrics.jsonl``; a torn line, as a kill leaves it at the end, is passed over."""
    return (found for found in _everything(folder) if isinstance(found, Measurement))


def turns(folder: Path) -> list[Turned]:
    """Return how the knobs were turned while the run was trained; measurements are passed over unread."""
    path = folder / METRICS
    if not path.is_file():
        return []
    try:
        with path.open("rb") as file:
            lines = iter(lambda: file.readline(_LONGEST_LINE), b"")
            found = [_parse(line) for line in lines if b'"event"' in line and line.endswith(b"\n")]
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    return [turned for turned in found if isinstance(turned, Turned)]


# ---- cutting -------------------------------------------------------------------------------------------------------


def _is_kept(line: bytes, step: int, knobs: Knobs | None) -> bool:
    """Return whether a line is a measurement or an event, of whatever kind, up to ``step``, and agrees with knobs."""
    try:
        fields = _fields(line)
        if not line.endswith(b"\n") or int(fields["step"]) > step:
            return False
        if "event" not in fields:
            _measurement(fields)  # raises where it is none
        elif knobs is not None and fields["event"] == "knobs":
            turned = _turn(fields)
            return turned.step < step or turned.knobs == knobs
    except _NO_LINE:
        return False
    return True


def _lines(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.readline(_LONGEST_LINE), b"")


def cut(folder: Path, step: int, knobs: Knobs | None = None) -> None:
    """Forget measurements and events after ``step``: a resumed run makes them again.

    Args:
        folder: the run's.
        step: how many steps the run has taken.
        knobs: how they stand after them, where that is known: a turn at ``step`` itself that set others had no effect
            yet, and is forgotten too.

    Raises:
        RunError: the file cannot be read or written.
    """
    path = folder / METRICS
    if not path.is_file():
        return
    try:
        kept = end = 0  # bytes that stay, and bytes there are up to here
        scattered = False  # whether lines that stay come after others that do not
        with path.open("rb") as file:
            for line in _lines(file):
                end += len(line)
                if _is_kept(line, step, knobs):
                    kept += len(line)
                    scattered = scattered or kept != end
            if scattered:
                file.seek(0)
                content = b"".join(line for line in _lines(file) if _is_kept(line, step, knobs))
        if scattered:
            write_atomically(path, content)
        elif kept != end:
            # Usually it is the end that goes. To cut it off takes no room for a second file, even on a full disk.
            os.truncate(path, kept)
    except OSError as error:
        raise RunError(f"{path} cannot be cut to step {step} ({error.strerror}); check its permissions") from error

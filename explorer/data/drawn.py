"""Data sets that a person has drawn or brought: points (x, y) in CSV files of their own, found by name.

They are kept as they were drawn, in any units; a model gets them about zero mean and of unit scale, as all points.
"""

import re
import unicodedata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explorer import files, paths
from explorer.errors import DataError, RunError

Points = NDArray[np.float32]
LEAST, MOST = 30, 20_000  # points
LONGEST_NAME = 40
_LARGEST = 2_000_000  # bytes of a file: some hundred a point
_FARTHEST = 1e6
_HEAD = "x,y"


def folder() -> Path:
    """Return where they are kept."""
    return paths.data_sets() / "drawn"


def names() -> list[str]:
    """Return the names of those there are, in alphabetical order."""
    try:
        found = sorted(path.stem for path in folder().glob("*.csv"))
    except OSError:
        return []
    return [name for name in found if name == plain_name(name)]


def plain_name(text: str) -> str:
    """Return what a data set that a person calls ``text`` is named: small letters, digits and hyphens; maybe empty."""
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
    name = re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:LONGEST_NAME].strip("-")
    if name in files.RESERVED or name in {"true", "false", "inf", "nan"} or name[:1].isdigit():
        return f"points-{name}"[:LONGEST_NAME].strip("-")  # the command line would read a number or a truth
    return name


def path_of(name: str) -> Path:
    """Return the file of a data set.

    Raises:
        DataError: nothing can have that name.
    """
    if not name:
        raise DataError(f"data.drawn is empty; {_known()}")
    if name != plain_name(name):
        raise DataError(f"data.drawn = {name[:60]!r} cannot be the name of a drawn data set; {_known()}")
    return folder() / f"{name}.csv"


def _known() -> str:
    found = names()
    if not found:
        return "draw one on the Diffusion page first, with a model of points open"
    return f"there are: {', '.join(found[:12])}{' …' if len(found) > 12 else ''}"


def available(name: str) -> bool:
    """Return whether a data set of that name is on this machine."""
    try:
        return path_of(name).is_file()
    except (DataError, OSError):
        return False


def read(name: str) -> Points:
    """Return a drawn data set as it was drawn, (points, 2).

    Raises:
        DataError: there is none of that name, or its file cannot be used.
    """
    path = path_of(name)
    if not path.is_file():
        raise DataError(f"there is no drawn data set {name}: {path} is gone or never was; {_known()}")
    return read_csv(path)


def read_csv(path: Path) -> Points:
    """Return the points of a table with a row ``x,y`` for each of them, with or without a line of names above.

    Numbers may also be apart by semicolons, tabs or spaces.

    Raises:
        DataError: no readable text, not two finite numbers in each row, too few or many points, or all at one place.
    """
    try:
        if not path.is_file():
            raise DataError(f"{path} is missing or is no plain file; choose a CSV file of points")
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); choose a file you may read") from error
    if len(content) > _LARGEST:
        raise DataError(f"{path} is larger than {_LARGEST // 1_000_000} MB; keep at most {MOST} rows of x,y")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text in UTF-8; save it as CSV with a row x,y for each point") from error
    told = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if len(told) > MOST + 1:  # one may name the columns
        raise DataError(f"{path} has {len(told)} rows; keep at most {MOST} of x,y")
    rows = [(number, _row(line)) for number, line in told]
    if rows and rows[0][1] is None:  # the names of the columns
        del rows[0]
    wrong = next((number for number, row in rows if row is None), None)
    if wrong is not None:
        raise DataError(f"{path}, line {wrong}: not two numbers x,y up to {_FARTHEST:g}; mend the line or take it out")
    return checked(np.array([row for _, row in rows], np.float64).reshape(-1, 2), str(path))


def _row(line: str) -> tuple[float, float] | None:
    words = re.split(r"[,;\t ]+", line.strip())
    try:
        x, y = map(float, words)
    except ValueError:
        return None
    return (x, y) if abs(x) <= _FARTHEST and abs(y) <= _FARTHEST else None


def checked(points: NDArray[np.floating], what: str = "the drawing") -> Points:
    """Return points (points, 2) that a model can learn from, float32.

    Raises:
        DataError: too few or too many, numbers that are not finite, or all at one place; it names ``what``.
    """
    values = np.asarray(points, np.float64)
    if values.ndim != 2 or values.shape[1] != 2 or not np.isfinite(values).all():
        raise DataError(f"{what} is not made of finite points (x, y); draw it again")
    if not LEAST <= len(values) <= MOST:
        raise DataError(f"{what} has {len(values)} points; {LEAST} to {MOST} can be learned from")
    if not _scale(values) > 1e-6 * max(1.0, float(np.abs(values).max())):
        raise DataError(f"{what} has all its points at one place; spread them")
    return values.astype(np.float32)


def _scale(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(values.var(axis=0).mean()))


def standardized(points: NDArray[np.floating]) -> Points:
    """Return points (points, 2) moved to zero mean and scaled, both axes alike, to a mean variance of 1."""
    values = np.asarray(points, np.float64)
    moved: Points = ((values - values.mean(axis=0)) / _scale(values)).astype(np.float32)
    return moved


def load(name: str) -> tuple[Points, int]:
    """Return a drawn data set as models get it: standardized, in a shuffled order, a sixth of it at the end for tests.

    Returns:
        Points (points, 2), and how many of them are for training.

    Raises:
        DataError: as ``read``.
    """
    points = standardized(read(name))
    order = np.random.RandomState(0).permutation(len(points))  # a stroke is drawn from one end to the other
    return points[order], len(points) - max(1, len(points) // 6)


def keep(text: str, points: NDArray[np.floating]) -> str:
    """Save points (points, 2) under a new name and return it: no data set changes once a model has learned from it.

    Args:
        text: what the person calls it; a number is added where there is one of that name with other points.
        points: in any units.

    Raises:
        DataError: the points cannot be learned from.
        RunError: the file cannot be written.
    """
    values = checked(points)
    content = "\n".join([_HEAD, *(f"{x:.6g},{y:.6g}" for x, y in values.tolist()), ""]).encode()
    stem = plain_name(text) or "drawing"
    number = 1
    while True:
        name = stem if number == 1 else f"{stem[: LONGEST_NAME - 6].strip('-')}-{number}"
        path = folder() / f"{name}.csv"
        try:
            if not path.exists():
                folder().mkdir(parents=True, exist_ok=True)
                files.write_atomically(path, content)
                return name
            if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
                return name
        except OSError as error:
            raise RunError(f"{path} cannot be written ({error.strerror}); make room or mend the folder") from error
        number += 1

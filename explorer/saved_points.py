"""Places and directions in a latent space that a person has given names, kept for each model in the user's data folder.

One JSON file a model, named after the SHA-256 of its weights: a copy of a run, or a run with another name, has the same
points. Every change reads the file, changes it and writes it whole, under a lock: two windows keep each other's points.
"""

import contextlib
import dataclasses
import math
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from explorer import paths
from explorer.errors import ExplorerError, RunError
from explorer.files import as_json, parse_json, write_atomically
from explorer.messages import Floats

SCHEMA_VERSION = 1
LONGEST_NAME = 60  # letters
_LARGEST = 4_000_000  # bytes
_PATIENCE = 2.0  # seconds
_FOLDER, _LOCK = "saved", ".lock"


@dataclass(frozen=True)
class SavedPoint:
    """A place z (latent,) with a name; ``label`` is the class that a conditional model was told there."""

    key: str
    name: str
    z: Floats
    label: int
    made: str


@dataclass(frozen=True)
class SavedDirection:
    """A direction (latent,) with a name, such as an attribute vector; ``note`` says what it was made of."""

    key: str
    name: str
    direction: Floats
    note: str
    made: str


Saved = SavedPoint | SavedDirection


@dataclass(frozen=True)
class _Content:
    points: tuple[SavedPoint, ...] = ()
    directions: tuple[SavedDirection, ...] = ()
    lost: int = 0  # entries that are none

    def __iter__(self) -> Iterator[Saved]:
        yield from self.points
        yield from self.directions


def saved_folder() -> Path:
    """Return the folder that keeps what is saved, a file for each model."""
    return paths.data_home() / _FOLDER


class SavedPoints:
    """What is saved of one model.

    Attributes:
        points: the places, in the order they were saved, as of the last look.
        directions: the directions.
        trouble: what was wrong with the file, and where it is kept as it was; "" if nothing was.

    Args:
        weights_sha256: of the model's weights, in hexadecimal.
        latent: the dimensions of its latent space.
        model: its name, for a person who reads the file.

    Raises:
        RunError: ``weights_sha256`` is none.
    """

    def __init__(self, weights_sha256: str, latent: int, model: str = "") -> None:
        if not re.fullmatch(r"[0-9a-f]{64}", weights_sha256):
            raise RunError("this model does not say what weights it has, so no points of it can be kept; open it again")
        self._sha256, self._latent, self._model = weights_sha256, latent, model
        self.points: tuple[SavedPoint, ...] = ()
        self.directions: tuple[SavedDirection, ...] = ()
        self.trouble = ""

    @property
    def path(self) -> Path:
        """Return the file."""
        return saved_folder() / f"{self._sha256}.json"

    def refresh(self) -> None:
        """Look at the file again: another window may have written it.

        Raises:
            RunError: it cannot be read, or a newer version of the app wrote it; what was known stays.
        """
        try:
            content = self._read()
        except _DamagedError:
            with self._alone():
                content = self._read_or_mend()
        self._know(content)

    def add_point(self, name: str, z: Floats, label: int = 0) -> SavedPoint:
        """Save the place z (latent,) under a name.

        Raises:
            ExplorerError: no name, or one that is too long.
            RunError: the file cannot be read or written; nothing is changed.
        """
        made = SavedPoint(uuid.uuid4().hex, clean_name(name), _vector(z, self._latent), int(label), _now())
        self.put_back(made)
        return made

    def add_direction(self, name: str, direction: Floats, note: str = "") -> SavedDirection:
        """Save a direction (latent,) under a name; errors as of ``add_point``."""
        vector = _vector(direction, self._latent)
        made = SavedDirection(uuid.uuid4().hex, clean_name(name), vector, note, _now())
        self.put_back(made)
        return made

    def put_back(self, item: Saved) -> None:
        """Save something that was there before, at the end; one that is there already stays as it is."""
        self._change(lambda items: items if any(one.key == item.key for one in items) else [*items, item])

    def rename(self, key: str, name: str) -> None:
        """Give another name to what has a key; one that another window has deleted stays deleted.

        Raises:
            ExplorerError: no name, or one that is too long.
            RunError: the file cannot be read or written.
        """
        name = clean_name(name)
        self._change(lambda items: [dataclasses.replace(one, name=name) if one.key == key else one for one in items])

    def remove(self, key: str) -> None:
        """Delete what has a key.

        Raises:
            RunError: the file cannot be read or written.
        """
        self._change(lambda items: [one for one in items if one.key != key])

    # ---- the file ----

    def _know(self, content: _Content) -> None:
        self.points, self.directions = content.points, content.directions

    def _change(self, change: Callable[[list[Saved]], list[Saved]]) -> None:
        with self._alone():
            items = change(list(self._read_or_mend()))
            content = _Content(
                tuple(one for one in items if isinstance(one, SavedPoint)),
                tuple(one for one in items if isinstance(one, SavedDirection)),
            )
            self._write(content)
        self._know(content)

    def _read(self) -> _Content:
        try:
            if not self.path.exists():
                return _Content()
            if self.path.stat().st_size > _LARGEST:
                raise _DamagedError
            text = self.path.read_bytes()
        except OSError as error:
            raise RunError(f"{self.path} cannot be read ({error.strerror}); check its permissions") from error
        try:
            record = parse_json(text, str(self.path))
        except RunError as error:
            raise _DamagedError from error
        if not isinstance(record, dict) or not isinstance(record.get("schema_version"), int):
            raise _DamagedError
        if record["schema_version"] > SCHEMA_VERSION:
            raise RunError(f"{self.path} was written by a newer version of the app; update the app to use it")
        content = _content(record, self._latent)
        if content.lost:
            raise _DamagedError(content)
        return content

    def _read_or_mend(self) -> _Content:
        """Return what can be read; a damaged file is put aside and what was whole in it written anew."""
        try:
            return self._read()
        except _DamagedError as error:
            whole = error.args[0] if error.args else _Content()
        aside = self._put_aside()
        count = len(whole.points) + len(whole.directions)
        rest = f"the {count} that were whole are here" if count else "none of its points could be read"
        self.trouble = f"the file of saved points was damaged: {rest}, and it is kept as {aside}"
        if count:
            self._write(whole)
        return whole

    def _put_aside(self) -> Path:
        number = 1
        while (aside := self.path.with_name(f"{self.path.stem}.damaged-{number}.json")).exists():
            number += 1
        try:
            self.path.replace(aside)
        except OSError as error:
            raise RunError(f"{self.path} is damaged and cannot be put aside ({error.strerror}); remove it") from error
        return aside

    def _write(self, content: _Content) -> None:
        record = {
            "schema_version": SCHEMA_VERSION, "weights_sha256": self._sha256, "model": self._model,
            "points": [_plain(one) for one in content.points],
            "directions": [_plain(one) for one in content.directions],
        }  # fmt: skip
        text = as_json(record)
        if len(text) > _LARGEST:
            raise RunError(f"{self.path.name} would hold more saved points than it can; delete some of them first")
        write_atomically(self.path, text)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other windows from changing the file meanwhile."""
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{folder} cannot be made ({error.strerror}); choose a folder you may write to") from error
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(FileLock(folder / _LOCK, timeout=_PATIENCE, thread_local=False))
            except Timeout as error:
                raise RunError(f"another window is writing to {folder}; try again in a moment") from error
            except (OSError, NotImplementedError):  # no locks there, or not writable: then the write will say so
                pass
            yield


class _DamagedError(Exception):
    """A file that is not what was written; its argument is what was whole in it, if anything was."""


def clean_name(name: str) -> str:
    """Return a name on one line without blanks at its ends.

    Raises:
        ExplorerError: nothing is left of it, or it is too long.
    """
    clean = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    if not 1 <= len(clean) <= LONGEST_NAME:
        raise ExplorerError(f"a name has 1 to {LONGEST_NAME} letters; this one has {len(clean)}")
    return clean


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _vector(values: object, latent: int) -> Floats:
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is told below
        vector: Floats = np.array(values, np.float32)
    if vector.shape != (latent,) or not np.isfinite(vector).all():
        raise ExplorerError(f"only {latent} finite numbers are a place in this latent space; go to another place")
    vector.setflags(write=False)
    return vector


def _plain(item: Saved) -> dict[str, Any]:
    """Return an entry of the file; a float32 that is written as a double is read back as the same float32."""
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(item).items()
    }  # fmt: skip


def _content(record: Mapping[str, Any], latent: int) -> _Content:
    lost = 0
    found: list[Saved] = []
    for kind, section in ((SavedPoint, "points"), (SavedDirection, "directions")):
        entries = record.get(section, [])
        for entry in entries if isinstance(entries, list) else [None]:
            try:
                found.append(_item(kind, entry, latent))
            except (KeyError, TypeError, ValueError, OverflowError, ExplorerError):
                lost += 1
    return _Content(
        tuple(one for one in found if isinstance(one, SavedPoint)),
        tuple(one for one in found if isinstance(one, SavedDirection)),
        lost,
    )


def _item(kind: type[SavedPoint] | type[SavedDirection], entry: Any, latent: int) -> Saved:
    """Return one entry; KeyError, TypeError, ValueError or ExplorerError where it is none."""
    texts = [entry[name] for name in ("key", "name", "made")]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError
    key, name, made = texts
    vector = entry["z" if kind is SavedPoint else "direction"]
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in vector):
        raise ValueError
    if kind is SavedPoint:
        return SavedPoint(key, clean_name(name), _vector(vector, latent), int(entry["label"]), made)
    return SavedDirection(key, clean_name(name), _vector(vector, latent), str(entry["note"]), made)

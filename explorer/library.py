"""What a person does with their runs: give them names and notes, and delete them."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from explorer import locks, runs
from explorer.errors import ConfigError, RunError


def rename(folder: Path, title: str) -> None:
    """Give a run another title; its folder keeps its name, so that whatever points to it stays right.

    Raises:
        ConfigError: a title that ``RunConfig`` does not take.
        RunError: the record cannot be read or written.
    """
    from explorer.config import RunConfig
    from explorer.settings import validate

    title = title.strip()
    try:
        validate({"title": title}, "title")
    except ConfigError as error:
        [most] = [
            limit.max_length for limit in RunConfig.model_fields["title"].metadata if hasattr(limit, "max_length")
        ]
        raise ConfigError(f"a name is one line of 1 to {most} letters; this one has {len(title)}") from error

    def retitled(record: dict[str, Any]) -> dict[str, Any]:
        config = record.get("config")
        if not isinstance(config, dict):
            raise RunError(f"{folder / runs.RECORD} holds no settings; restore it from a copy")
        return {"config": {**config, "title": title}}

    runs.update_record(folder, retitled)  # a resume may change other settings at the same time


def annotate(folder: Path, note: str) -> None:
    """Write a note about a run into its record; an empty one is none.

    Raises:
        ConfigError: a note that is too long.
        RunError: the record cannot be read or written.
    """
    note = "".join(letter for letter in note.strip() if letter in "\n\t" or ord(letter) >= 32)
    if len(note) > runs.LONGEST_NOTE:
        raise ConfigError(f"a note holds {runs.LONGEST_NOTE} letters and this one has {len(note)}; shorten it")
    runs.update_record(folder, note=note)


def check_removable(folder: Path) -> None:
    """Raise RunError if a run must not be deleted: it is bundled, or some process trains it."""
    if runs.is_bundled(folder):
        raise RunError(f"{folder.name} is a bundled model, which stays")
    if locks.is_written(folder):
        raise RunError(f"{folder.name} is being trained; stop it first")


@contextlib.contextmanager
def removing(folder: Path) -> Iterator[None]:
    """Keep everybody from training a run until the end of the block, which deletes it.

    Not on Windows, where a file that is open cannot be deleted. A folder that is not there or cannot be written cannot
    be trained either: then the deletion says what is wrong.

    Raises:
        RunError: it must not be deleted.
    """
    check_removable(folder)
    with locks.writing(folder) if os.name != "nt" and os.access(folder, os.W_OK) else contextlib.nullcontext():
        yield


def remove(folder: Path) -> None:
    """Delete a run folder for good; the window asks first, and prefers the system's trash.

    Raises:
        RunError: it must not be deleted, or a part of it could not be.
    """
    try:
        with removing(folder):
            if folder.is_symlink():
                folder.unlink()
                return
            for path in folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif path.name != locks.LOCK:  # it is held until nothing is left to be trained
                    path.unlink()
            shutil.rmtree(folder)
    except OSError as error:
        raise RunError(f"{folder} could not be deleted wholly ({error.strerror}); check its permissions") from error

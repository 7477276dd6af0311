"""The run folder, which *is* the model: create, list, find, record, measure, and write so that a kill loses nothing.

A folder holds ``run.json`` (schema version, configuration, data fingerprint, versions, timings, figures),
``metrics.jsonl``, ``checkpoints/``, and once there is something to open ``weights.safetensors``, ``preview.png``,
``pictures.npz``, ``latents.npz`` and a ``manifest.json`` with the SHA-256 of each, written last.
"""

import contextlib
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from explorer import elsewhere, files, locks, paths
from explorer.errors import ConfigError, RunError
from explorer.files import (
    MANIFEST,
    RESERVED,
    as_json,
    check_place,
    read_json,
    sweep_partials,
    write_atomically,
)
from explorer.messages import ModelCard, Status
from explorer.training_messages import Pictures
from explorer.version import VERSION

if TYPE_CHECKING:
    from explorer.config import RunConfig

LONGEST_NOTE = 4000  # letters
SCHEMA_VERSION = 1
RECORD = "run.json"
WEIGHTS = "weights.safetensors"
PREVIEW = "preview.png"
PICTURES = "pictures.npz"
LATENTS = "latents.npz"
CHECKPOINTS = "checkpoints"
_RECORD_LOCK = ".run.json.lock"
_PATIENCE = 2.0  # seconds
_LABELS = {
    "autoencoder": "Autoencoder", "conditional": "Conditional VAE", "hierarchical": "Hierarchical VAE", "vq": "VQ-VAE",
    "imported": "DDPM, imported",
}  # fmt: skip


# ---- records -------------------------------------------------------------------------------------------------------


def read_record(folder: Path) -> dict[str, Any]:
    """Return the record of a run folder, ``run.json``.

    Raises:
        RunError: no such folder, no record, or one written by a newer version of the app.
    """
    try:
        there = folder.is_dir()
    except OSError as error:
        raise _not_seen(folder, error) from error
    if not there:
        raise RunError(f"there is no run folder {folder}; `vdx list` shows those there are")
    record = read_json(folder / RECORD)
    version = record.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RunError(f"{folder / RECORD} has no schema version; it is not a run of this app")
    if version > SCHEMA_VERSION:
        raise RunError(f"{folder} was written by a newer version (schema {version}); update the app to open it")
    return record


def read_config(folder: Path) -> "RunConfig":
    """Return the validated configuration of a run folder; RunError names what is wrong with it."""
    from explorer.settings import validate

    settings = read_record(folder).get("config")
    try:
        return validate(settings if isinstance(settings, dict) else {}, str(folder / RECORD))
    except ConfigError as error:
        raise RunError(str(error)) from error


def update_record(
    folder: Path, change: Callable[[dict[str, Any]], Mapping[str, Any]] | None = None, /, **changes: Any
) -> None:
    """Change entries of ``run.json``.

    Args:
        folder: of the run.
        change: gives further entries, made from the record as it is while nobody else changes it.
        changes: entries that do not depend on what was there.

    Raises:
        RunError: it cannot be read or written; it is as it was.
    """
    with _alone(folder):
        record = read_record(folder)
        made = change(record) if change is not None else {}
        write_atomically(folder / RECORD, as_json({**record, **made, **changes}))


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep others from changing the record meanwhile: a run may be renamed while its training writes how it ended."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError, NotImplementedError, Timeout):  # then the write will say what is wrong
            held.enter_context(FileLock(folder / _RECORD_LOCK, timeout=_PATIENCE, thread_local=False))
        yield


def create(config: "RunConfig", folder: Path | None = None, *, command: str = "") -> Path:
    """Make the folder of a new run and return it; without ``folder``, one in the library named after the title.

    Raises:
        RunError: the folder holds something already, or cannot be made or written.
    """
    record = {
        "schema_version": SCHEMA_VERSION,
        "app_version": VERSION,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": command,
        "config": config.model_dump(mode="json"),
        "metrics": {},
    }
    if folder is None:
        folder = _new_folder(config.title)
        try:
            write_atomically(folder / RECORD, as_json(record))
        except RunError:
            folder.rmdir()
            raise
        return folder
    check_free(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_made(folder, error) from error
    with locks.writing(folder):
        check_free(folder)  # somebody else may have made a run there meanwhile
        write_atomically(folder / RECORD, as_json(record))
    return folder


def check_free(folder: Path) -> None:
    """Raise RunError if a run cannot be made in ``folder``: something is there, or ``check_place`` says why."""
    check_place(folder)
    try:
        if folder.exists() and any(path.name != locks.LOCK for path in folder.iterdir()):
            raise RunError(f"{folder} is not empty; choose another --out, or continue it with --resume {folder}")
    except OSError as error:
        raise _not_made(folder, error) from error


def _not_made(folder: Path, error: OSError) -> RunError:
    return RunError(f"{folder} cannot be made ({error.strerror}); choose a folder you may write to")


def _not_seen(path: Path, error: OSError) -> RunError:
    return RunError(f"{str(path)[:60]} cannot be looked at ({error.strerror}); give a run folder you may read")


def slug(title: str) -> str:
    """Return a folder name made of a title: small letters, digits and dashes, short, and safe on every system."""
    plain = title.replace("β", "beta").lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-") or "run"
    return f"{name}-run" if name in RESERVED else name


def _new_folder(title: str) -> Path:
    """Make a folder in the library that nobody else has, and return it."""
    base = f"{slug(title)}-{time.strftime('%Y-%m-%d')}"
    number = 1
    while True:
        folder = paths.library() / (base if number == 1 else f"{base}-{number}")
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()  # two processes cannot both succeed
            return folder
        except OSError as error:
            if not isinstance(error, FileExistsError) or not folder.parent.is_dir():
                raise _not_made(folder, error) from error
            number += 1


# ---- listing -------------------------------------------------------------------------------------------------------


def card(folder: Path) -> ModelCard:
    """Return what is known about a run folder without loading weights; a damaged one says so in ``problem``."""
    bundled = is_bundled(folder)
    try:
        record = read_record(folder)
    except RunError as error:
        return ModelCard(folder.name, folder.name, "", "", "", str(folder), bundled, {}, {}, "", 0, str(error))
    config = _section(record, "config")
    model = _section(config, "model")
    figures = {key: value for key, value in _section(record, "metrics").items() if _is_number(value)}
    parameters = record.get("parameters")
    note = record.get("note")
    saved = bool(checkpoint_folders(folder))
    status = _status(folder, record)
    return ModelCard(
        name=folder.name,
        title=str(config.get("title", folder.name)),
        family=str(model.get("family", "")),
        label=_label(model),
        dataset=str(_section(config, "data").get("name", "")),
        path=str(folder),
        bundled=bundled,
        metrics=figures,
        config=config,
        created=str(record.get("created", "")),
        parameters=parameters if isinstance(parameters, int) and not isinstance(parameters, bool) else 0,
        problem="" if saved or (folder / MANIFEST).is_file() else _nothing_saved(status),
        status=status,
        resumable=saved and status in {"interrupted", "stopped", "failed"},
        note=note[:LONGEST_NOTE] if isinstance(note, str) else "",
    )


def is_bundled(folder: Path) -> bool:
    """Return whether a run ships with the app."""
    return folder.resolve().parent == paths.bundled_models().resolve()


def _status(folder: Path, record: Mapping[str, Any]) -> Status:
    said = record.get("status")
    if said == "training":
        return "training" if locks.is_written(folder) else "interrupted"
    return said if said in ("stopped", "finished", "failed") else ""  # a tuple: what it says may be anything


def _nothing_saved(status: Status) -> str:
    return {
        "training": "training; nothing saved yet",
        "interrupted": "interrupted before its first checkpoint; start it anew with these settings",
        "failed": "ended with an error before its first checkpoint; start it anew with other settings",
    }.get(status, "nothing saved yet: train it to its first checkpoint")


def _section(mapping: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = mapping.get(name)
    return value if isinstance(value, dict) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _label(model: Mapping[str, Any]) -> str:
    family = str(model.get("family", ""))
    if family == "vae":
        return "VAE" if model.get("beta", 1.0) == 1 and model.get("beta_is") != "beta_norm" else "β-VAE"
    if family == "hierarchical" and model.get("inference") == "ladder":
        return "Ladder VAE"
    return _LABELS.get(family, family.upper())


def folders() -> list[Path]:
    """Return every run folder: the bundled ones by name, then the user's own, newest first.

    The user's are those of the library, also one that has lost its record, so that it can be looked at and deleted; and
    those elsewhere that were opened.
    """
    bundled = sorted(path.parent for path in paths.bundled_models().glob(f"*/{RECORD}"))
    own = {path.parent for name in (RECORD, MANIFEST, CHECKPOINTS) for path in paths.library().glob(f"*/{name}")}
    own |= {folder for folder in elsewhere.folders() if (folder / RECORD).is_file() and not elsewhere.is_own(folder)}
    return bundled + sorted(own, key=_made, reverse=True)


def _made(folder: Path) -> tuple[str, str]:
    """Return when a run was made, as text that sorts, and its name for those of the same second."""
    try:
        return str(read_record(folder).get("created", "")), folder.name
    except RunError:
        return "", folder.name


def find(name: str | Path) -> Path:
    """Return the run folder of a model's name or path.

    Raises:
        RunError: there is none; the message lists the models there are.
    """
    path = Path(name)
    try:
        if (path / RECORD).is_file():
            return path
    except OSError as error:
        raise _not_seen(path, error) from error
    known = folders()
    for folder in known:
        if folder.name == str(name):
            return folder
    from explorer.settings import nearest

    names = [folder.name for folder in known]
    meant = nearest(str(name), names)
    raise RunError(
        f"there is no model {name}; {f'{meant} ' if meant else ''}give a run folder or one of: {', '.join(names)}"
    )


def read_pictures(folder: Path) -> Pictures | None:
    """Return the pictures saved with a model, or None where there are none or they are damaged."""
    try:
        found = files.read_arrays(folder, PICTURES, ("originals", "reconstructions", "samples"))
    except RunError:
        return None
    if any(array.dtype.name != "uint8" or array.ndim != 4 or array.shape[-1] not in {1, 3} for array in found.values()):
        return None
    return Pictures(0, **found)


# ---- checkpoints ---------------------------------------------------------------------------------------------------


def checkpoint_folder(folder: Path, step: int) -> Path:
    """Return the folder of the checkpoint made after ``step`` steps."""
    return folder / CHECKPOINTS / f"{step:08d}"


def checkpoint_folders(folder: Path) -> list[Path]:
    """Return the checkpoints of a run that were written to their end, newest first."""
    found = (folder / CHECKPOINTS).glob(f"*/{MANIFEST}")
    return sorted(
        (path.parent for path in found if path.parent.name.isdigit()), key=lambda p: int(p.name), reverse=True
    )


def sweep_checkpoints(folder: Path, keep: int = 2) -> None:
    """Remove all but the newest ``keep`` whole checkpoints, and what a kill left half-written."""
    kept = set(checkpoint_folders(folder)[:keep])
    for path in (folder / CHECKPOINTS).glob("*"):
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)
    sweep_partials(folder)

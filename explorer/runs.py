"""The run folder, which *is* the model: create, list, find, record, measure, and write so that a kill loses nothing.

A folder holds ``run.json`` (schema version, configuration, data fingerprint, versions, timings, figures),
``metrics.jsonl``, ``checkpoints/``, and once there is something to open ``weights.safetensors``, ``preview.png``,
``pictures.npz``, ``latents.npz`` and a ``manifest.json`` with the SHA-256 of each, written last.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import paths
from explorer.errors import ConfigError, RunError
from explorer.messages import Measurement, ModelCard

if TYPE_CHECKING:
    from explorer.config import RunConfig

SCHEMA_VERSION = 1
RECORD = "run.json"
METRICS = "metrics.jsonl"
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
PREVIEW = "preview.png"
PICTURES = "pictures.npz"
LATENTS = "latents.npz"
CHECKPOINTS = "checkpoints"
_LARGEST_RECORD = 4_000_000
_RESERVED = {"con", "prn", "aux", "nul", *(f"com{i}" for i in range(10)), *(f"lpt{i}" for i in range(10))}


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that after a kill or power cut there is the old file or the new one, whole.

    Raises:
        RunError: the disk is full or the folder is not writable; the old file is as it was.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise RunError(f"{path} cannot be written ({error.strerror}); free some space or choose another folder") from error


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder to sync it
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, names: Iterable[str]) -> None:
    """Record the SHA-256 of the named files of ``folder`` in its manifest: from now on they belong together."""
    listing = {name: digest(folder / name) for name in sorted(names)}
    write_atomically(folder / MANIFEST, _as_json({"sha256": listing}))


def read_verified(folder: Path, name: str) -> bytes:
    """Return the bytes of a file of ``folder`` after comparing them with the manifest.

    Raises:
        RunError: no manifest, a file that is missing or no plain file, or one that is not what was written.
    """
    listing = _read_json(folder / MANIFEST).get("sha256")
    expected = listing.get(name) if isinstance(listing, dict) else None
    if not isinstance(expected, str):
        raise RunError(f"{folder / MANIFEST} does not list {name}; restore the folder from a copy or train it again")
    path = folder / name
    if not path.is_file():
        raise RunError(f"{path} is missing or is no plain file; restore it from a copy or train the model again")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise RunError(f"{path} is damaged: its SHA-256 is not the manifest's; restore it from a copy or train again")
    return content


def _as_json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _read_json(path: Path) -> dict[str, Any]:
    from explorer.config import parse_json

    try:
        if not path.is_file():
            raise RunError(f"{path} is missing; choose another run or train this one again")
        if path.stat().st_size > _LARGEST_RECORD:
            raise RunError(f"{path} is larger than {_LARGEST_RECORD // 1_000_000} MB, too large for what it should be")
        content = path.read_bytes()
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    try:
        value = parse_json(content, str(path))
    except ConfigError as error:
        raise RunError(str(error)) from error
    if not isinstance(value, dict):
        raise RunError(f"{path} does not hold a JSON object; restore it from a copy")
    return value


# ---- records -------------------------------------------------------------------------------------------------------


def read_record(folder: Path) -> dict[str, Any]:
    """Return the record of a run folder, ``run.json``.

    Raises:
        RunError: no such folder, no record, or one written by a newer version of the app.
    """
    if not folder.is_dir():
        raise RunError(f"there is no run folder {folder}; `vdx list` shows those there are")
    record = _read_json(folder / RECORD)
    version = record.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RunError(f"{folder / RECORD} has no schema version; it is not a run of this app")
    if version > SCHEMA_VERSION:
        raise RunError(f"{folder} was written by a newer version (schema {version}); update the app to open it")
    return record


def read_config(folder: Path) -> "RunConfig":
    """Return the validated configuration of a run folder; RunError names what is wrong with it."""
    from explorer.config import validate

    settings = read_record(folder).get("config")
    try:
        return validate(settings if isinstance(settings, dict) else {}, str(folder / RECORD))
    except ConfigError as error:
        raise RunError(str(error)) from error


def update_record(folder: Path, **changes: Any) -> None:
    """Change entries of ``run.json``."""
    write_atomically(folder / RECORD, _as_json({**read_record(folder), **changes}))


def create(config: "RunConfig", folder: Path | None = None, *, command: str = "") -> Path:
    """Make the folder of a new run and return it; without ``folder``, one in the library named after the title.

    Raises:
        RunError: the folder holds something already, or cannot be made or written.
    """
    from explorer import __version__

    folder = folder if folder is not None else _free_folder(config.title)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(f"{folder} is not empty; choose another --out, or continue it with --resume {folder}")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be made ({error.strerror}); choose a folder you may write to") from error
    record = {
        "schema_version": SCHEMA_VERSION,
        "app_version": __version__,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": command,
        "config": config.model_dump(mode="json"),
        "metrics": {},
    }
    write_atomically(folder / RECORD, _as_json(record))
    return folder


def slug(title: str) -> str:
    """Return a folder name made of a title: small letters, digits and dashes, short, and safe on every system."""
    plain = title.replace("β", "beta").lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-") or "run"
    return f"{name}-run" if name in _RESERVED else name


def _free_folder(title: str) -> Path:
    base = f"{slug(title)}-{time.strftime('%Y-%m-%d')}"
    number = 1
    while (folder := paths.library() / (base if number == 1 else f"{base}-{number}")).exists():
        number += 1
    return folder


# ---- listing -------------------------------------------------------------------------------------------------------


def card(folder: Path) -> ModelCard:
    """Return what is known about a run folder without loading weights; a damaged one says so in ``problem``."""
    bundled = folder.resolve().parent == paths.bundled_models().resolve()
    try:
        record = read_record(folder)
    except RunError as error:
        return ModelCard(folder.name, folder.name, "", "", "", str(folder), bundled, {}, {}, "", 0, str(error))
    config = record.get("config") if isinstance(record.get("config"), dict) else {}
    model = _section(config, "model")
    finite = {key: value for key, value in _section(record, "metrics").items() if isinstance(value, int | float)}
    ready = (folder / MANIFEST).is_file() or bool(checkpoint_folders(folder))
    return ModelCard(
        name=folder.name,
        title=str(config.get("title", folder.name)),
        family=str(model.get("family", "")),
        label=_label(model),
        dataset=str(_section(config, "data").get("name", "")),
        path=str(folder),
        bundled=bundled,
        metrics=finite,
        config=config,
        created=str(record.get("created", "")),
        parameters=int(record.get("parameters", 0)),
        problem="" if ready else "nothing saved yet: train it to its first checkpoint",
    )


def _section(mapping: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    value = (mapping or {}).get(name)
    return value if isinstance(value, dict) else {}


def _label(model: Mapping[str, Any]) -> str:
    if model.get("family") == "vae":
        return "VAE" if model.get("beta", 1.0) == 1 else "β-VAE"
    return str(model.get("family", "")).upper()


def folders() -> list[Path]:
    """Return every run folder: the bundled ones by name, then the user's own, newest first."""
    bundled = sorted(path.parent for path in paths.bundled_models().glob(f"*/{RECORD}"))
    own = sorted(
        (path.parent for path in paths.library().glob(f"*/{RECORD}")), key=lambda path: path.stat().st_mtime, reverse=True
    )
    return bundled + own


def find(name: str | Path) -> Path:
    """Return the run folder of a model's name or path.

    Raises:
        RunError: there is none; the message lists the models there are.
    """
    path = Path(name)
    if (path / RECORD).is_file():
        return path
    known = folders()
    for folder in known:
        if folder.name == str(name):
            return folder
    names = ", ".join(folder.name for folder in known)
    raise RunError(f"there is no model {name}; give a run folder or one of: {names}")


# ---- metrics.jsonl -------------------------------------------------------------------------------------------------


def append_measurement(folder: Path, measurement: Measurement) -> None:
    """Append one line to ``metrics.jsonl``."""
    line = {
        "step": measurement.step,
        "epoch": round(measurement.epoch, 6),
        "seconds": round(measurement.seconds, 3),
        "split": measurement.split,
        **measurement.values,
    }
    if measurement.kl_per_dimension:
        line["kl_per_dimension"] = list(measurement.kl_per_dimension)
    try:
        with (folder / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    except OSError as error:
        raise RunError(f"{folder / METRICS} cannot be written ({error.strerror}); free some space") from error


def _parse_measurement(line: str) -> Measurement:
    fields = json.loads(line)
    kl = tuple(float(value) for value in fields.pop("kl_per_dimension", ()))
    head = {name: fields.pop(name) for name in ("step", "epoch", "seconds", "split")}
    return Measurement(**head, values={key: float(value) for key, value in fields.items()}, kl_per_dimension=kl)


def measurements(folder: Path) -> Iterator[Measurement]:
    """Yield the lines of ``metrics.jsonl``; a torn line, as a kill leaves it at the end, is passed over."""
    path = folder / METRICS
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                yield _parse_measurement(line)
            except (ValueError, TypeError, KeyError, AttributeError):
                continue


def cut_measurements(folder: Path, step: int) -> None:
    """Forget measurements after ``step``: a resumed run makes them again."""
    path = folder / METRICS
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
            if _parse_measurement(line).step <= step:
                kept.append(line + "\n")
    write_atomically(path, "".join(kept).encode())


# ---- checkpoints ---------------------------------------------------------------------------------------------------


def checkpoint_folder(folder: Path, step: int) -> Path:
    """Return the folder of the checkpoint made after ``step`` steps."""
    return folder / CHECKPOINTS / f"{step:08d}"


def checkpoint_folders(folder: Path) -> list[Path]:
    """Return the checkpoints of a run that were written to their end, newest first."""
    found = (folder / CHECKPOINTS).glob(f"*/{MANIFEST}")
    return sorted((path.parent for path in found if path.parent.name.isdigit()), reverse=True)


def sweep_checkpoints(folder: Path, keep: int = 2) -> None:
    """Remove all but the newest ``keep`` whole checkpoints, and what a kill left half-written."""
    kept = set(checkpoint_folders(folder)[:keep])
    for path in (folder / CHECKPOINTS).glob("*"):
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)

"""Checkpoints: all that a run needs to go on as if it had never stopped, bit for bit on a CPU."""

import base64
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from explorer import files, runs
from explorer.errors import RunError
from explorer.models import weights
from explorer.training.trainer import Trainer
from explorer.training_messages import Knobs

OPTIMIZER_FILE = "optimizer.safetensors"
STATE_FILE = "state.json"
_OPTIMIZER_PARTS = ("exp_avg", "exp_avg_sq", "step")


def _optimizer_tensors(trainer: Trainer) -> dict[str, Tensor]:
    state = trainer.optimizer.state_dict()["state"]
    return {f"{index}.{part}": entry[part] for index, entry in state.items() for part in _OPTIMIZER_PARTS}


def _expected_optimizer(trainer: Trainer) -> dict[str, Tensor]:
    scalar = torch.empty((), device="meta")
    return {
        f"{index}.{part}": scalar if part == "step" else parameter
        for index, parameter in enumerate(trainer.parameters)
        for part in _OPTIMIZER_PARTS
    }


def _encode(state: Tensor) -> str:
    return base64.b64encode(state.cpu().numpy().tobytes()).decode()


def _decode(text: str) -> Tensor:
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)


def save(trainer: Trainer, folder: Path, seconds: float) -> Path:
    """Write a checkpoint of a run after the trainer's step, keep the newest two, and return its folder.

    The manifest comes last: a folder without one does not count, so a kill at any moment loses nothing older.

    Raises:
        RunError: the disk is full or the folder is not writable; older checkpoints are as they were.
    """
    place = runs.checkpoint_folder(folder, trainer.step)
    if (place / files.MANIFEST).is_file():
        return place
    contents = _contents(trainer, seconds)
    try:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for name, content in contents.items():
            files.write_atomically(place / name, content)
        files.write_manifest(place, contents)
    except OSError as error:
        raise RunError(
            f"{place} cannot be made ({error.strerror}); free some space or change its permissions"
        ) from error
    except RunError:
        shutil.rmtree(place, ignore_errors=True)  # what it has of a full disk others can use
        raise
    runs.sweep_checkpoints(folder)
    return place


def _contents(trainer: Trainer, seconds: float) -> dict[str, bytes]:
    """Return the files of a checkpoint by their names."""
    state: dict[str, Any] = {
        "step": trainer.step,
        "seconds": seconds,
        "precision": trainer.precision,
        "knobs": dataclasses.asdict(trainer.knobs),
        "noise": _encode(trainer.generator.get_state()),
        "cpu": _encode(torch.get_rng_state()),
    }
    if trainer.device.type == "cuda":
        state["cuda"] = _encode(torch.cuda.get_rng_state(trainer.device))
    contents = {
        weights.MODEL_FILE: weights.to_bytes(trainer.model.state_dict()),
        OPTIMIZER_FILE: weights.to_bytes(_optimizer_tensors(trainer)),
    }
    if trainer.ema is not None:
        state["ema_updates"] = trainer.ema.updates
        contents[weights.EMA_FILE] = weights.to_bytes(trainer.ema.model.state_dict())
    contents[STATE_FILE] = json.dumps(state).encode()
    return contents


@dataclasses.dataclass(frozen=True)
class Restored:
    """What a trainer was restored from: the checkpoint's name, the newer ones that were damaged, seconds trained."""

    name: str
    passed_over: tuple[str, ...]
    seconds: float


def restore(trainer: Trainer, folder: Path) -> Restored:
    """Bring a fresh trainer to the newest valid checkpoint of a run; newer ones, which are damaged, are removed.

    Raises:
        RunError: there is none; then all are left as they are.
    """
    problem: RunError | None = None
    damaged: list[Path] = []
    for place in runs.checkpoint_folders(folder):
        try:
            seconds = _restore_from(trainer, place)
        except RunError as error:
            problem = problem or error
            damaged.append(place)
            continue
        for other in damaged:  # or they would hold the places of good ones
            shutil.rmtree(other, ignore_errors=True)
        return Restored(place.name, tuple(other.name for other in damaged), seconds)
    raise problem or RunError(f"{folder} has no checkpoint; train a step first, or start a new run")


def _knobs(found: dict[str, Any]) -> Knobs:
    beta = found.get("beta")
    return Knobs(None if beta is None else float(beta), float(found.get("rate", 1.0)))


def _restore_from(trainer: Trainer, place: Path) -> float:
    def tensors(name: str, expected: dict[str, Tensor]) -> dict[str, Tensor]:
        return weights.read_file(place, name, expected)

    try:
        state = files.parse_json(files.read_verified(place, STATE_FILE), str(place / STATE_FILE))
        model_state = tensors(weights.MODEL_FILE, trainer.model.state_dict())
        moments = tensors(OPTIMIZER_FILE, _expected_optimizer(trainer))
        averaged = tensors(weights.EMA_FILE, trainer.model.state_dict()) if trainer.ema is not None else None
        step, seconds = int(state["step"]), float(state["seconds"])
        noise, cpu, precision = _decode(state["noise"]), _decode(state["cpu"]), str(state["precision"])
        cuda = _decode(state["cuda"]) if "cuda" in state and trainer.device.type == "cuda" else None
        ema_updates = int(state.get("ema_updates", 0))
        knobs = _knobs(state.get("knobs", {}))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise RunError(f"{place / STATE_FILE} is not a checkpoint's state ({error})") from error
    trainer.model.load_state_dict(model_state)
    if trainer.ema is not None and averaged is not None:
        trainer.ema.model.load_state_dict(averaged)
        trainer.ema.updates = ema_updates
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in moments.items():
        index, part = name.split(".", 1)
        # In the memory layout of its weight: the fused optimizer walks through both at once.
        weight = trainer.parameters[int(index)]
        laid_out = tensor if part == "step" else torch.empty_like(weight, device="cpu").copy_(tensor)
        entries.setdefault(int(index), {})[part] = laid_out
    trainer.optimizer.load_state_dict({**trainer.optimizer.state_dict(), "state": entries})
    if noise.shape == trainer.generator.get_state().shape:
        trainer.generator.set_state(noise)  # a run moved to another kind of device gets fresh noise instead
    torch.set_rng_state(cpu)
    if cuda is not None:
        torch.cuda.set_rng_state(cuda, trainer.device)
    trainer.step, trainer.precision, trainer.knobs = step, precision, knobs
    return seconds

"""Weights as safetensors: written from a model, and read only after header, names, shapes and bytes were checked."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from explorer import files, runs
from explorer.config import RunConfig
from explorer.errors import ConfigError, RunError
from explorer.models.build import Model, check_size

LARGEST_HEADER = 10_000_000
_ENTRY, _METADATA = 300, 100_000  # bytes of a header: of each tensor, beside its name; of anything else
MODEL_FILE = "model.safetensors"
EMA_FILE = "ema.safetensors"
_DTYPES = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64, "U8": torch.uint8}


def to_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Return named tensors as the bytes of a safetensors file."""
    return save_safetensors({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def _header(content: bytes, what: str) -> dict[str, object]:
    length = int.from_bytes(content[:8], "little")
    if len(content) < 9 or length > min(len(content) - 8, LARGEST_HEADER):
        raise RunError(f"{what} is no safetensors file: its header is cut or too long; restore it from a copy")
    try:
        header = files.parse_json(content[8 : 8 + length].decode(), what)
    except (UnicodeDecodeError, RunError) as error:
        raise RunError(f"{what} has an unreadable header; restore it from a copy") from error
    if not isinstance(header, dict):
        raise RunError(f"{what} has a header that is no JSON object; restore it from a copy")
    header.pop("__metadata__", None)
    return header


def read(content: bytes, expected: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file after comparing its header with the tensors that are expected.

    Args:
        content: the whole file; user files are never mapped into memory, so one that shrinks cannot kill the process.
        expected: name to a tensor (on any device, "meta" too) of the shape and type it must have.
        what: the file's name, for messages.

    Raises:
        RunError: a broken file, a missing or extra name, another shape or type, or a number that is not finite.
    """
    header = _header(content, what)
    missing, extra = sorted(expected.keys() - header.keys()), sorted(header.keys() - expected.keys())
    if missing or extra:
        names = [f"lacks {name}" for name in missing[:2]] + [f"has an unknown {name[:60]!r}" for name in extra[:2]]
        raise RunError(f"{what} does not fit its configuration: it {', '.join(names)}; train it again")
    for name, wanted in expected.items():
        entry = header[name] if isinstance(header[name], dict) else {}
        assert isinstance(entry, dict)
        dtype, shape = str(entry.get("dtype")), entry.get("shape")
        if shape != list(wanted.shape) or _DTYPES.get(dtype) != wanted.dtype:
            raise RunError(
                f"{what} does not fit its configuration: {name} is {dtype:.20} {shape!s:.60}, "
                f"not {wanted.dtype} {list(wanted.shape)}; train it again"
            )
    try:
        tensors = load_safetensors(content)
    except SafetensorError as error:
        raise RunError(f"{what} is damaged ({error}); restore it from a copy") from error
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise RunError(f"{what} holds numbers that are not finite in {name}; train the model again")
    return tensors


def read_file(folder: Path, name: str, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a file that the manifest of ``folder`` vouches for; arguments and errors as in ``read``.

    A file that is larger than the expected tensors can make it is refused before it is read.
    """
    sizes = [tensor.numel() * tensor.element_size() + len(key) + _ENTRY for key, tensor in expected.items()]
    return read(files.read_verified(folder, name, sum(sizes) + _METADATA), expected, str(folder / name))


def load_model(folder: Path, config: RunConfig) -> tuple[Model, str]:
    """Return the model of a run folder on the CPU, and the SHA-256 of its weights: what was published, if that is
    whole, else the newest valid checkpoint (averaged weights where there are some).

    Raises:
        RunError: nothing in the folder can be opened; the message is about what should have been.
    """
    try:
        model = check_size(config)
    except ConfigError as error:
        raise RunError(f"{folder / runs.RECORD}: {error}") from error
    candidates = [(folder, runs.WEIGHTS)]
    for checkpoint in runs.checkpoint_folders(folder):
        averaged = (checkpoint / EMA_FILE).is_file()
        candidates.append((checkpoint, EMA_FILE if averaged else MODEL_FILE))
    first_problem: RunError | None = None
    for place, name in candidates:
        try:
            model.load_state_dict(read_file(place, name, model.state_dict()), assign=True)
        except RunError as error:
            first_problem = first_problem or error
            continue
        listing = json.loads((place / files.MANIFEST).read_bytes())["sha256"]
        return model.eval().requires_grad_(False), str(listing[name])
    assert first_problem is not None
    raise first_problem

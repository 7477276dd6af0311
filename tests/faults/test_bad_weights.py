"""Weights that nobody should trust: each is refused with a RunError that names the file, and nothing is loaded."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from explorer import files, runs
from explorer.errors import RunError
from explorer.inference.session import ModelSession


def packed(header: object, body: bytes = b"\0" * 16) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def entry(**changes: object) -> dict[str, object]:
    return {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16], **changes}}


def changed(content: bytes, change: Callable[[dict[str, torch.Tensor]], object]) -> bytes:
    tensors = load(content)
    change(tensors)
    return save(tensors)


def first(tensors: dict[str, torch.Tensor]) -> str:
    return sorted(tensors)[0]


BAD: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda good: b"",
    "seven bytes": lambda good: b"1234567",
    "header length 2^63": lambda good: (2**63).to_bytes(8, "little") + good[8:],
    "header past the end": lambda good: len(good).to_bytes(8, "little") + good[8:],
    "header not UTF-8": lambda good: packed(b"\xff\xfe{}"),
    "array header": lambda good: packed([1, 2]),
    "100 MB header": lambda good: packed(b" " * 100_000_000),
    "deep JSON": lambda good: packed(b"[" * 100_000),
    "duplicate key": lambda good: packed(b'{"a":{},"a":{}}'),
    "overlap": lambda good: packed({**entry(), "b": {"dtype": "F32", "shape": [4], "data_offsets": [8, 24]}}),
    "gap": lambda good: packed(entry(data_offsets=[4, 20])),
    "trailing bytes": lambda good: good + b"\0",
    "shape overflow": lambda good: packed(entry(shape=[2**62, 4])),
    "shape (0, 2^62)": lambda good: packed(entry(shape=[0, 2**62])),
    "unknown dtype": lambda good: packed(entry(dtype="F7")),
    "path as a name": lambda good: packed({"../../x": entry()["a"]}),
    "empty name": lambda good: packed({"": entry()["a"]}),
    "no tensors": lambda good: packed({}, b""),
    "missing key": lambda good: changed(good, lambda t: t.pop(first(t))),
    "extra key": lambda good: changed(good, lambda t: t.update(extra=torch.zeros(1))),
    "wrong shape": lambda good: changed(good, lambda t: t.update({first(t): torch.zeros(3, 3)})),
    "float64": lambda good: changed(good, lambda t: t.update({first(t): t[first(t)].double()})),
    "NaN": lambda good: changed(good, lambda t: t[first(t)].fill_(float("nan"))),
    "pickle": lambda good: pickle.dumps({"a": np.zeros(3)}),
}


@pytest.fixture
def victim(trained: Callable[[str], Path], tmp_path: Path) -> Path:
    folder = tmp_path / "victim"
    copytree(trained("digits-vae"), folder)
    for checkpoint in runs.checkpoint_folders(folder):
        (checkpoint / files.MANIFEST).unlink()
    return folder


@pytest.mark.parametrize("kind", BAD)
def test_hostile_weights_are_refused(victim: Path, kind: str) -> None:
    weights = victim / runs.WEIGHTS
    weights.write_bytes(BAD[kind](weights.read_bytes()))
    with pytest.raises(RunError, match=r"weights\.safetensors"):
        ModelSession.open(victim, "cpu")
    files.write_manifest(victim, [runs.WEIGHTS])  # even when the manifest vouches for them
    with pytest.raises(RunError, match=r"weights\.safetensors"):
        ModelSession.open(victim, "cpu")


def test_weights_that_are_no_plain_file(victim: Path) -> None:
    weights = victim / runs.WEIGHTS
    weights.unlink()
    for make in (weights.mkdir, lambda: os.mkfifo(weights), lambda: weights.symlink_to("nowhere")):
        make()
        with pytest.raises(RunError, match="no plain file"):
            ModelSession.open(victim, "cpu")
        weights.rmdir() if weights.is_dir() else weights.unlink()


@pytest.mark.parametrize("preset", ["digits-vae", "digits-ddpm"])
def test_a_config_that_asks_for_too_much_is_refused(
    trained: Callable[[str], Path], tmp_path: Path, preset: str
) -> None:
    folder = tmp_path / "huge"
    copytree(trained(preset), folder)
    record = runs.read_record(folder)
    huge = {"hidden_units": 4096, "hidden_layers": 8} if preset == "digits-vae" else {
        "channels": 1024, "multipliers": [16, 16, 16, 16], "residual_blocks": 8,
    }  # fmt: skip
    record["config"]["model"] |= huge
    (folder / runs.RECORD).write_text(json.dumps(record))
    with pytest.raises(RunError, match=r"ask for|does not fit"):
        ModelSession.open(folder, "cpu")
    record["config"]["model"]["channels"] = 10**9
    (folder / runs.RECORD).write_text(json.dumps(record))
    with pytest.raises(RunError, match="channels"):
        ModelSession.open(folder, "cpu")


def test_a_killed_run_opens_from_its_checkpoint(trained: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    copytree(trained("digits-vae"), folder)
    (folder / files.MANIFEST).unlink()
    session = ModelSession.open(folder, "cpu")
    z = np.zeros((1, 2), np.float32)
    assert np.array_equal(session.decode(z), ModelSession.open(trained("digits-vae"), "cpu").decode(z))
    assert session.latents().means.shape == (1500, 2), "the map is made from the data"

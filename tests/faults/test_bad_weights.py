"""Weights that nobody should trust: each is refused by name and with a remedy, before memory is taken, and nothing is
written. The numbers are those of the list of bad inputs that the app must survive.
"""

import json
import os
import pickle
import random
import resource
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from explorer import files, metrics, runs
from explorer.cli import main
from explorer.errors import RunError
from explorer.inference.session import ModelSession
from explorer.messages import Failure
from explorer.models import weights
from explorer.models.build import check_size
from explorer.ui.latent_page import LatentPage
from explorer.ui.main_window import MainWindow
from explorer.ui.models_page import ModelsPage
from explorer.ui.train_page import TrainPage
from tests.faults.children import Child

Trained = Callable[[str], Path]
ROOM = 48_000_000  # bytes; half of the 100 MB header
REMEDY = r"restore|train|choose"


def packed(header: object, body: bytes = b"\0" * 16) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def entry(**changes: object) -> dict[str, object]:
    return {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16], **changes}}


def reheaded(content: bytes, change: Callable[[dict[str, dict[str, object]]], object]) -> bytes:
    """Return a good file with its header changed, so that names, and often shapes, are those expected."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    change(header)
    return packed(header, content[8 + length :])


def changed(content: bytes, change: Callable[[dict[str, torch.Tensor]], object]) -> bytes:
    tensors = load(content)
    change(tensors)
    return save(tensors)


def first(tensors: dict[str, torch.Tensor]) -> str:
    return sorted(tensors)[0]


def overlapping(header: dict[str, dict[str, object]]) -> None:
    a, b = sorted(header)[:2]
    header[a]["data_offsets"] = header[b]["data_offsets"]


def doubled(content: bytes) -> bytes:
    """Return a good file whose header names its first tensor twice."""
    length = int.from_bytes(content[:8], "little")
    text = content[8 : 8 + length].rstrip()
    name, value = next(iter(json.loads(text).items()))
    return packed(text[:-1] + f",{json.dumps(name)}:{json.dumps(value)}}}".encode(), content[8 + length :])


BAD: dict[str, Callable[[bytes], bytes]] = {
    "1 empty": lambda good: b"",
    "2 seven bytes": lambda good: b"1234567",
    "3 header length 2^63": lambda good: (2**63).to_bytes(8, "little") + good[8:],
    "4 header past the end": lambda good: len(good).to_bytes(8, "little") + good[8:],
    "5 header not UTF-8": lambda good: packed(b"\xff\xfe{}"),
    "6 array header": lambda good: packed([1, 2]),
    "7 100 MB header": lambda good: packed(b" " * 100_000_000),
    "8 deep JSON": lambda good: packed(b"[" * 30_000),
    "8 deep JSON in a tensor": lambda good: packed(b'{"a":' * 10_000),
    "9 duplicate key": doubled,
    "10 overlap": lambda good: reheaded(good, overlapping),
    "11 gap": lambda good: reheaded(good, lambda h: h[max(h)].update(data_offsets=[4, 20])),
    "12 trailing bytes": lambda good: good + b"\0",
    "13 shape overflow": lambda good: packed(entry(shape=[2**62, 4])),
    "13 shape overflow of a tensor that should be": lambda good: reheaded(
        good, lambda h: h[max(h)].update(shape=[2**62, 4])
    ),
    "14 shape (0, 2^62)": lambda good: reheaded(
        good, lambda h: h[max(h)].update(shape=[0, 2**62], data_offsets=[0, 0])
    ),
    "15 unknown dtype": lambda good: reheaded(good, lambda h: h[max(h)].update(dtype="F7")),
    "16 path as a name": lambda good: reheaded(good, lambda h: h.update({"../../x": h.pop(max(h))})),
    "17 empty name": lambda good: reheaded(good, lambda h: h.update({"": h.pop(max(h))})),
    "18 no tensors": lambda good: packed({}, b""),
    "19 missing key": lambda good: changed(good, lambda t: t.pop(first(t))),
    "19 extra key": lambda good: changed(good, lambda t: t.update(extra=torch.zeros(1))),
    "20 right keys, wrong shape": lambda good: changed(good, lambda t: t.update({first(t): torch.zeros(3, 3)})),
    "20 right keys, all transposed": lambda good: changed(
        good, lambda t: t.update({name: one.T.contiguous() for name, one in t.items() if one.dim() == 2})
    ),
    "21 float64": lambda good: changed(good, lambda t: t.update({first(t): t[first(t)].double()})),
    "22 NaN": lambda good: changed(good, lambda t: t[first(t)].fill_(float("nan"))),
    "22 one infinity": lambda good: changed(good, lambda t: t[first(t)].view(-1)[-1:].fill_(float("inf"))),
    "24 pickle": lambda good: pickle.dumps({"a": np.zeros(3)}),
    "24 a torch checkpoint's zip": lambda good: b"PK\x03\x04" + good,
    "an entry that is no object": lambda good: reheaded(good, lambda h: h.update({max(h): 7})),
    "a name of a lone surrogate": lambda good: packed(b'{"\\ud800": {}}'),
}


@pytest.fixture
def victim(trained: Trained, tmp_path: Path) -> Path:
    """Return a small run that has nothing but its published weights."""
    folder = tmp_path / "victim"
    copytree(trained("digits-vae"), folder)
    for checkpoint in runs.checkpoint_folders(folder):
        (checkpoint / files.MANIFEST).unlink()
    return folder


def tree(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.rglob("*")}


@pytest.mark.parametrize("kind", BAD)
def test_hostile_weights_are_refused(victim: Path, kind: str) -> None:
    path = victim / runs.WEIGHTS
    path.write_bytes(BAD[kind](path.read_bytes()))
    for vouched in (False, True):  # even when the manifest vouches for them
        if vouched:
            files.write_manifest(victim, [runs.WEIGHTS])
        before = tree(victim)
        with pytest.raises(RunError, match=rf"weights\.safetensors.*({REMEDY})") as caught:
            ModelSession.open(victim, "cpu")
        assert len(str(caught.value)) < 500 and str(caught.value).isprintable()
        assert tree(victim) == before, "nothing is written"


def open_in_little_room(say: Callable[[object], None], folders: list[Path]) -> None:
    """Open folders one after the other with room for a small model and no more, and say what came of it."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    for folder in folders:
        try:
            ModelSession.open(folder, "cpu")
            say("opened")
        except Exception as error:  # noqa: BLE001  # which one is the question
            say(type(error).__name__)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads what memory is taken from /proc")
def test_they_are_refused_before_memory_is_taken(victim: Path, tmp_path: Path) -> None:
    good = (victim / runs.WEIGHTS).read_bytes()
    folders = [victim]
    for number, make in enumerate([*BAD.values(), lambda good: good]):
        folder = tmp_path / "memory" / str(number)
        copytree(victim, folder)
        (folder / runs.WEIGHTS).write_bytes(make(good))
        files.write_manifest(folder, [runs.WEIGHTS])
        folders.append(folder)
    os.truncate(folders[-1] / runs.WEIGHTS, 2**40)  # a hole of a terabyte
    for number, model in enumerate(({"hidden_units": 4096, "hidden_layers": 8}, {"hidden_units": 10**9})):
        folder = tmp_path / "memory" / f"23 {number}"
        copytree(victim, folder)
        record = runs.read_record(folder)
        record["config"]["model"] |= model
        (folder / runs.RECORD).write_text(json.dumps(record))
        folders.append(folder)
    assert Child(open_in_little_room, folders).end() == ["opened"] + ["RunError"] * (len(folders) - 1)


@pytest.mark.parametrize("name", [runs.WEIGHTS, files.MANIFEST, runs.RECORD])
def test_25_and_26_what_is_no_plain_file(victim: Path, name: str) -> None:
    path = victim / name
    path.unlink()
    loop = victim / "loop"
    loop.symlink_to("loop")
    kinds = (path.mkdir, lambda: os.mkfifo(path), lambda: path.symlink_to("nowhere"), lambda: path.symlink_to("loop"))
    for make in kinds:
        make()
        with pytest.raises(RunError, match=r"no plain file|is missing|there is no model"):
            ModelSession.open(victim, "cpu")
        assert isinstance(runs.card(victim).problem, str), "and the list of models goes on"
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.mark.parametrize("name", [runs.PREVIEW, runs.PICTURES, runs.LATENTS, metrics.METRICS])
@pytest.mark.parametrize("kind", ["a directory", "a FIFO", "a dangling symlink"])
def test_26_what_is_shown_of_a_run_is_no_plain_file(
    victim: Path,
    home: Path,
    window: MainWindow,
    until: Callable[[Callable[[], bool]], None],
    problems: list[Failure],
    name: str,
    kind: str,
) -> None:
    """To open a FIFO is to wait for ever: the window would stand still, or never close."""
    path = home / "runs" / "victim" / name
    path.parent.parent.mkdir(parents=True)
    victim.rename(path.parent)
    path.unlink()
    if kind == "a directory":
        path.mkdir()
    elif kind == "a FIFO":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere")
    models, page = window.page("models"), window.show_page("train")
    assert isinstance(models, ModelsPage) and isinstance(page, TrainPage)
    models.refresh()
    page.show_run(path.parent)
    until(lambda: not page.reader.reading)
    assert all(str(path) in failure.text for failure in problems)
    assert len(problems) <= (name == metrics.METRICS)
    session = ModelSession.open(path.parent, "cpu")
    assert session.latents().means.shape == (1500, 2)


@pytest.mark.parametrize("preset", ["digits-vae", "digits-ddpm"])
def test_23_a_config_that_asks_for_too_much_is_refused(trained: Trained, tmp_path: Path, preset: str) -> None:
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


def test_any_header_is_refused_or_read_and_nothing_else(victim: Path) -> None:
    """Flip bits of the header as if the manifest vouched for them: a typed error, or tensors as they are expected."""
    good = (victim / runs.WEIGHTS).read_bytes()
    expected = check_size(runs.read_config(victim)).state_dict()
    length = 8 + int.from_bytes(good[:8], "little")
    flips = random.Random(1)
    refused = 0
    for _ in range(1500):
        content = bytearray(good)
        for _ in range(flips.choice((1, 1, 2, 5))):
            content[flips.randrange(length)] ^= 1 << flips.randrange(8)
        try:
            found = weights.read(bytes(content), expected, "here")
        except RunError:
            refused += 1
            continue
        assert {name: (one.shape, one.dtype) for name, one in found.items()} == {
            name: (one.shape, one.dtype) for name, one in expected.items()
        }
        assert all(bool(torch.isfinite(one).all()) for one in found.values())
    assert refused > 1000


# ---- as a person meets them ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["1 empty", "3 header length 2^63", "16 path as a name", "22 NaN", "24 pickle"])
def test_the_command_line_says_so_in_one_line(
    victim: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    path = victim / runs.WEIGHTS
    path.write_bytes(BAD[kind](path.read_bytes()))
    files.write_manifest(victim, [runs.WEIGHTS])
    before = tree(victim)
    for command in ("sample", "traverse"):
        out = tmp_path / "out.png"
        assert main([command, str(victim), "--out", str(out), "--device", "cpu"]) == 1
        said = capsys.readouterr()
        assert said.err.startswith("vdx: ") and said.err.count("\n") == 1 and "weights.safetensors" in said.err
        assert not said.out and not out.exists()
    assert tree(victim) == before


def test_the_window_says_so_and_goes_on(
    victim: Path,
    trained: Trained,
    window: MainWindow,
    problems: list[Failure],
    until: Callable[[Callable[[], bool]], None],
) -> None:
    path = victim / runs.WEIGHTS
    good = path.read_bytes()
    for kind in ("1 empty", "10 overlap", "24 pickle"):
        path.write_bytes(BAD[kind](good))
        files.write_manifest(victim, [runs.WEIGHTS])
        told = len(problems)
        window.open_model(str(victim), "vae")
        until(lambda told=told: len(problems) > told)
        assert "weights.safetensors" in problems[-1].text and window.messages.isVisible()
    window.open_model(str(trained("digits-vae")), "vae")
    page = window.page("latent")
    assert isinstance(page, LatentPage)
    until(lambda: page.decoded is not None)
    assert len(problems) == 3


# ---- what else happens to weights ----------------------------------------------------------------------------------


def decode_after_truncation(say: Callable[[object], None], folder: Path) -> None:
    """Open a model, then cut every file of its folder to nothing, and decode."""
    session = ModelSession.open(folder, "cpu")
    z = np.random.default_rng(0).standard_normal((20, session.latent_size)).astype(np.float32)
    say(session.decode(z))
    for path in folder.rglob("*"):
        if path.is_file():
            os.truncate(path, 0)
    say(session.decode(z))
    say([np.isfinite(weight.numpy()).all() for weight in session.model.state_dict().values()])


def test_weights_that_shrink_while_they_are_open_change_nothing(victim: Path) -> None:
    before, after, finite = Child(decode_after_truncation, victim).end()
    assert np.array_equal(before, after) and all(finite)


def test_a_killed_run_opens_from_its_checkpoint(trained: Trained, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    copytree(trained("digits-vae"), folder)
    (folder / files.MANIFEST).unlink()
    session = ModelSession.open(folder, "cpu")
    z = np.zeros((1, 2), np.float32)
    assert np.array_equal(session.decode(z), ModelSession.open(trained("digits-vae"), "cpu").decode(z))
    assert session.latents().means.shape == (1500, 2), "the map is made from the data"

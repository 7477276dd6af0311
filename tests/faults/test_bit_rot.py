"""Truncation and bit rot of any file of a run: refused, or equal to what was written; never silently other weights.

What is promised, file by file. Weights, optimizer, averages, states and archives are compared with a SHA-256: a
damaged one is refused, and an older checkpoint or the data set takes its place where there is one. ``run.json`` has no
checksum, because people may edit it: a flipped bit may change a title, a figure or a setting that is shown, but what is
loaded are the original weights or nothing. ``metrics.jsonl`` has none either: a damaged line is passed over or shows
another number, and learning does not read it.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree, rmtree

import numpy as np
import pytest
import torch
from torch import Tensor

from explorer import files, metrics, runs
from explorer.errors import ExplorerError, RunError
from explorer.inference.session import ModelSession
from explorer.settings import load_settings, with_settings
from explorer.training import checkpoints
from explorer.training.loop import train
from explorer.training.trainer import Trainer
from explorer.training_messages import TrainingEnded
from tests.conftest import TINY

PRESETS = ("digits-vae", "points-ddpm")
Original = tuple[Path, dict[str, Tensor], dict[int, dict[str, Tensor]]]


def known(trainer: Trainer) -> dict[str, Tensor]:
    """Return all that a trainer knows, by name."""
    found = {f"model.{name}": tensor for name, tensor in trainer.model.state_dict().items()}
    if trainer.ema is not None:
        found |= {f"ema.{name}": tensor for name, tensor in trainer.ema.model.state_dict().items()}
        found["ema updates"] = torch.tensor(trainer.ema.updates)
    for index, entry in trainer.optimizer.state_dict()["state"].items():
        found |= {f"optimizer.{index}.{part}": value for part, value in entry.items()}
    found["noise"], found["step"] = trainer.generator.get_state(), torch.tensor(trainer.step)
    return {name: tensor.clone() for name, tensor in found.items()}


def equal(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.fixture(scope="module", params=PRESETS)
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Original:
    """Return a finished run with two checkpoints, the weights it opens with, and what is known at each checkpoint."""
    config = with_settings(load_settings(request.param), TINY[request.param])
    folder = runs.create(config, tmp_path_factory.mktemp("rot") / "run")
    list(train(folder, should_stop=lambda: True))
    ended = list(train(folder, resume=True))[-1]
    assert isinstance(ended, TrainingEnded)
    states = {}
    for place in runs.checkpoint_folders(folder):
        single = tmp_path_factory.mktemp("single") / "run"
        copytree(folder, single)
        runs.checkpoint_folders(single)[0].parent.rename(single / "away")
        copytree(place, runs.checkpoint_folder(single, int(place.name)))
        trainer = Trainer(config, torch.device("cpu"))
        checkpoints.restore(trainer, single)
        states[trainer.step] = known(trainer)
    assert set(states) == {1, ended.step}
    return folder, dict(ModelSession.open(folder, "cpu").model.state_dict()), states


def damages(content: bytes, seed: str, count: int) -> Iterator[bytes]:
    """Yield the content cut at many lengths, among them the first and last, and with one or a few bits flipped."""
    chosen = random.Random(seed)
    last = len(content)
    lengths = {0, 1, 2, 7, 8, 9, last - 1, last - 2, *(chosen.randrange(last) for _ in range(count))}
    yield from (content[:length] for length in sorted(lengths) if 0 <= length < last)
    for _ in range(count):
        changed = bytearray(content)
        for _ in range(chosen.choice((1, 1, 1, 3, 8))):
            changed[chosen.randrange(last)] ^= 1 << chosen.randrange(8)
        yield bytes(changed)
    hole = chosen.randrange(last)
    yield content[:hole] + b"\0" * (last - hole)  # as a power cut leaves a file on some systems


def test_opening_and_resuming_refuse_or_find_what_was_written(original: Original, tmp_path: Path) -> None:
    folder, published, states = original
    config = runs.read_config(folder)
    victim = tmp_path / "victim"
    trainer = Trainer(config, torch.device("cpu"))
    held = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]  # those of locks are empty
    names = sorted(str(path.relative_to(folder)) for path in held)
    opened, went_on, fell_back = 0, 0, 0
    for name in names:
        content = (folder / name).read_bytes()
        for damaged in damages(content, name, 12):
            copytree(folder, victim)
            (victim / name).write_bytes(damaged)
            assert isinstance(runs.card(victim).problem, str)
            try:
                session = ModelSession.open(victim, "cpu")
                assert equal(dict(session.model.state_dict()), published), f"{name}: other weights"
                opened += 1
            except ExplorerError:
                assert name == runs.RECORD, f"{name}: a checkpoint or the published weights are still good"
            checkpoints.restore(trainer, victim)
            assert equal(known(trainer), states[trainer.step]), f"{name}: another state"
            went_on += 1
            fell_back += trainer.step == 1
            rmtree(victim)
    assert opened > 150 and went_on > 200 and fell_back > 50


def test_a_refused_checkpoint_leaves_the_trainer_as_it_was(original: Original, tmp_path: Path) -> None:
    folder, _, states = original
    victim = tmp_path / "victim"
    copytree(folder, victim)
    newest, older = runs.checkpoint_folders(victim)
    rmtree(older)
    trainer = Trainer(runs.read_config(folder), torch.device("cpu"))
    before = known(trainer)
    for path in sorted(newest.iterdir()):
        content = path.read_bytes()
        for damaged in damages(content, path.name, 8):
            path.write_bytes(damaged)
            try:
                checkpoints.restore(trainer, victim)
            except RunError as error:
                assert str(newest) in str(error)
                assert equal(known(trainer), before), f"{path.name}: a state that was half restored"
            else:  # a manifest without its last newline
                assert path.name == files.MANIFEST and equal(known(trainer), states[trainer.step])
                trainer = Trainer(runs.read_config(folder), torch.device("cpu"))
        path.write_bytes(content)
    checkpoints.restore(trainer, victim)
    assert equal(known(trainer), states[trainer.step])


def test_every_bit_of_the_weights_counts(original: Original, tmp_path: Path) -> None:
    folder, *_ = original
    victim = tmp_path / "victim"
    victim.mkdir()
    for name in (runs.WEIGHTS, files.MANIFEST):
        (victim / name).write_bytes((folder / name).read_bytes())
    path = victim / runs.WEIGHTS
    content = path.read_bytes()
    for bit in random.Random(3).sample(range(8 * len(content)), min(3000, 8 * len(content))):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(RunError, match="SHA-256"):
            files.read_verified(victim, runs.WEIGHTS)
    path.write_bytes(content)
    listing = victim / files.MANIFEST
    text = listing.read_bytes()
    for length in range(len(text) - 1):  # without its last newline it is still all there
        listing.write_bytes(text[:length])
        with pytest.raises(RunError):
            files.read_verified(victim, runs.WEIGHTS)
    for bit in range(8 * len(text)):
        changed = bytearray(text)
        changed[bit // 8] ^= 1 << bit % 8
        listing.write_bytes(changed)
        try:
            assert files.read_verified(victim, runs.WEIGHTS) == content
        except RunError:
            continue


def test_a_record_is_refused_or_leads_to_the_same_weights(original: Original, tmp_path: Path) -> None:
    folder, published, _ = original
    victim = tmp_path / "victim"
    copytree(folder, victim)
    path = victim / runs.RECORD
    content = path.read_bytes()
    for length in range(len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(RunError, match=r"run\.json"):
            runs.read_config(victim)
    flips = random.Random(11)
    opened = 0
    for _ in range(400):
        changed = bytearray(content)
        changed[flips.randrange(len(content))] ^= 1 << flips.randrange(8)
        path.write_bytes(changed)
        runs.card(victim)
        try:
            session = ModelSession.open(victim, "cpu")
        except ExplorerError:
            continue
        assert equal(dict(session.model.state_dict()), published)
        opened += 1
    assert 0 < opened < 400


def test_damaged_archives_are_left_out(original: Original, tmp_path: Path) -> None:
    folder, *_ = original
    victim = tmp_path / "victim"
    copytree(folder, victim)
    session = ModelSession.open(folder, "cpu")
    pictures, latents = runs.read_pictures(folder), session.latents() if session.latent_size else None
    assert pictures is not None
    for name in (runs.PICTURES, runs.LATENTS):
        if not (folder / name).is_file():
            continue
        content = (folder / name).read_bytes()
        for damaged in damages(content, name, 20):
            (victim / name).write_bytes(damaged)
            if name == runs.PICTURES:
                assert runs.read_pictures(victim) is None, "or they would be those of another model"
                continue
            found = ModelSession.open(victim, "cpu").latents()
            assert latents is not None and np.allclose(found.means, latents.means, rtol=1e-3, atol=1e-4)
            assert np.array_equal(found.labels, latents.labels)
        (victim / name).write_bytes(content)


# ---- metrics.jsonl -------------------------------------------------------------------------------------------------


@pytest.fixture
def measured(new_run: Callable[..., Path]) -> Path:
    """Return a run that was stopped after 7 steps, every one of them measured."""
    folder = new_run("points-vae", "training.log_every=1", "training.batch_size=200")
    asked: list[int] = []

    def seventh() -> bool:
        asked.append(1)
        return len(asked) == 4

    list(train(folder, should_stop=seventh))
    return folder


def test_a_run_whose_measurements_are_torn_goes_on(measured: Path, tmp_path: Path) -> None:
    content = (measured / metrics.METRICS).read_bytes()
    whole = list(metrics.measurements(measured))
    ends = [position for position, byte in enumerate(content) if byte == ord("\n")]
    reference = tmp_path / "reference"
    copytree(measured, reference)
    list(train(reference, resume=True))
    victim = tmp_path / "victim"
    for length in range(len(content) + 1):
        (measured / metrics.METRICS).write_bytes(content[:length])
        seen = list(metrics.measurements(measured))
        assert seen == whole[: sum(end < length for end in ends)]
        ModelSession.open(measured, "cpu")
        if length % 60 and length not in {len(content) - 1, len(content)}:
            continue
        copytree(measured, victim)
        list(train(victim, resume=True))
        assert (victim / runs.WEIGHTS).read_bytes() == (reference / runs.WEIGHTS).read_bytes()
        again = list(metrics.measurements(victim))
        assert [found.step for found in again] == sorted(found.step for found in again)
        assert [m.values for m in again if m.step > 4] == [
            m.values for m in metrics.measurements(reference) if m.step > 4
        ], "and nothing is lost that comes after the tear"
        rmtree(victim)


def test_rotten_measurements_harm_nothing_but_themselves(measured: Path, tmp_path: Path) -> None:
    content = (measured / metrics.METRICS).read_bytes()
    reference, victim = tmp_path / "reference", tmp_path / "victim"
    copytree(measured, reference)
    list(train(reference, resume=True))
    for number, damaged in enumerate(damages(content, "metrics", 200)):
        (measured / metrics.METRICS).write_bytes(damaged)
        for found in metrics.measurements(measured):
            assert isinstance(found.step, int)
        metrics.turns(measured)
        if number % 20 == 0:
            copytree(measured, victim)
            list(train(victim, resume=True))
            assert (victim / runs.WEIGHTS).read_bytes() == (reference / runs.WEIGHTS).read_bytes()
            rmtree(victim)

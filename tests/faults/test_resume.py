"""Stop and resume, each part in a process of its own: N + N steps are 2N steps to the bit, whatever the family."""

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from explorer import files, metrics, runs
from explorer.data import drawn
from explorer.errors import DataError
from explorer.training import checkpoints
from explorer.training.loop import train
from explorer.training.trainer import Trainer
from explorer.training_messages import Knobs
from tests.faults.children import Child

Say = Callable[[object], None]
_SMALL = ["training.epochs=3", "training.log_every=1"]
KINDS = {  # preset and changes
    "VAE": ("digits-vae", ["training.batch_size=250"]),
    "β-VAE": ("digits-beta-vae", ["training.batch_size=250", "training.precision=float32"]),
    "autoencoder": ("digits-autoencoder", ["training.batch_size=250", "training.schedule=cosine"]),
    "conditional": ("digits-conditional", ["training.batch_size=250", "model.prior=learned"]),
    "ladder": ("digits-ladder", ["training.batch_size=250", "model.warm_up_epochs=2"]),
    "VQ": ("digits-vq", ["training.batch_size=250"]),
    "points": ("points-vae", ["training.batch_size=128", "training.gradient_clip=1"]),
    "DDPM with averages": ("points-ddpm", ["training.batch_size=128", "model.ema_decay=0.99"]),
    "U-Net with dropout": ("digits-ddpm", ["training.batch_size=500", "model.dropout=0.3", "model.told=class"]),
    "bfloat16": ("digits-vae", ["training.batch_size=250", "training.precision=bfloat16"]),
}
TURNS = {2: Knobs(20.0, 1.0), 7: Knobs(20.0, 0.1), 8: Knobs(1.0, 1.0)}  # by step, as somebody at the window would


def train_from(say: Say, folder: Path, first: int, stop: int, turned: bool) -> None:
    """Train from step ``first`` to step ``stop``; say a digest of every batch, in order."""
    real = Trainer.train_step
    taken = first

    def step(self: Trainer, values: object, labels: object = None) -> object:
        nonlocal taken
        taken += 1
        say(hashlib.sha256(values.numpy().tobytes()).hexdigest())
        return real(self, values, labels)

    def knobs() -> Knobs | None:
        known = [at for at in TURNS if at <= taken]
        return TURNS[max(known)] if known and turned else None

    Trainer.train_step = step
    list(train(folder, resume=first > 0, should_stop=lambda: taken >= stop, knobs=knobs))


def all_that_is_known(folder: Path) -> dict[str, object]:
    """Return the newest checkpoint, what is published, and the curves; without the clock."""
    newest = runs.checkpoint_folders(folder)[0]
    found: dict[str, object] = {path.name: path.read_bytes() for path in newest.iterdir()}
    del found[files.MANIFEST]  # of the clock too
    state = json.loads(found.pop(checkpoints.STATE_FILE))
    assert state.pop("seconds") > 0
    names = [name for name in (runs.WEIGHTS, runs.LATENTS, runs.PICTURES, runs.PREVIEW) if (folder / name).is_file()]
    found |= {f"published {name}": (folder / name).read_bytes() for name in names}
    curve = [(m.step, m.values, m.kl_per_dimension) for m in metrics.measurements(folder) if m.split == "train"]
    return {**found, "state": state, "step": newest.name, "curve": curve, "turns": metrics.turns(folder)}


@pytest.mark.parametrize("kind", KINDS)
def test_parts_in_processes_of_their_own_are_the_whole(new_run: Callable[..., Path], kind: str) -> None:
    preset, changes = KINDS[kind]
    whole, parts = (new_run(preset, *_SMALL, *changes) for _ in range(2))
    total = 3 * (6 if "250" in changes[0] else 5 if "128" in changes[0] else 3)
    turned = kind not in {"VAE", "autoencoder"}
    seen = Child(train_from, whole, 0, total, turned).end()
    assert len(seen) == total and len(set(seen)) == total
    stops = sorted(random.Random(kind).sample(range(1, total), 3))
    seen_in_parts = []
    for first, stop in zip([0, *stops], [*stops, total], strict=True):
        seen_in_parts += Child(train_from, parts, first, stop, turned).end()
        assert int(runs.checkpoint_folders(parts)[0].name) == stop
    assert seen_in_parts == seen, "the order of the batches"
    left, right = all_that_is_known(whole), all_that_is_known(parts)
    assert left.keys() == right.keys()
    for name in left:
        assert left[name] == right[name], name
    assert len(left["turns"]) == turned * sum(step < total for step in TURNS)


def test_data_that_changed_under_a_run_are_refused_and_the_old_ones_go_on(new_run: Callable[..., Path]) -> None:
    line = np.stack([np.linspace(-2, 2, 120), np.linspace(1, -1, 120)], axis=1)
    name = drawn.keep("line", line)
    changes = ["data.name=drawn", f"data.drawn={name}", "data.items=0", "training.batch_size=50", "training.epochs=4"]
    whole, parts = (new_run("points-ddpm", *changes) for _ in range(2))
    list(train(whole))
    steps = iter(range(100))
    list(train(parts, should_stop=lambda: next(steps) >= 2))
    before, record = runs.checkpoint_folders(parts), runs.read_record(parts)
    old = drawn.path_of(name).read_bytes()
    drawn.path_of(name).write_text("\n".join(f"{x},{y}" for x, y in 1.5 * line**2 + line))
    with pytest.raises(DataError, match="line has changed since this run learned from it; bring the old data back"):
        list(train(parts, resume=True))
    assert runs.checkpoint_folders(parts) == before and runs.read_record(parts) == record
    drawn.path_of(name).write_bytes(old)
    list(train(parts, resume=True))
    assert (parts / runs.WEIGHTS).read_bytes() == (whole / runs.WEIGHTS).read_bytes()

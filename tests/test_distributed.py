"""The losses of one process, from many: what is drawn, sharded, summed and copied."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer import runs
from explorer.config import RunConfig
from explorer.data.catalog import load
from explorer.messages import Floats
from explorer.settings import load_settings, with_settings
from explorer.training import checkpoints
from explorer.training.distributed import ALONE, Alone
from explorer.training.draws import Draws, Shard, ShardDraws
from explorer.training.looking import items_of
from explorer.training.objectives import Average
from explorer.training_messages import Knobs
from tests.conftest import TINY
from tests.ranks import Say, pair, together

FAMILIES = {  # with the capacity where KLs of parts of a batch lie on both sides of it
    "vae": ("digits-vae", "training.gradient_clip=1", "model.warm_up_epochs=1"),
    "samples": ("digits-vae", "model.samples=3", "model.binarization=dynamic"),
    "capacity": ("digits-beta-vae", "model.capacity=0.2", "model.beta=20", "model.capacity_epochs=0"),
    "conditional": ("digits-conditional", "model.prior=learned"),
    "ladder": ("digits-ladder", "model.inference=ladder"),
    "bottom-up": ("digits-ladder", "model.inference=bottom-up"),
    "vq": ("digits-vq", "model.reseed_below=0.3", "model.decay=0.9"),
    "vq-loss": ("digits-vq", "model.codebook=loss", "model.reseed_below=0"),
    "autoencoder": ("digits-autoencoder",),
    "points": ("points-ddpm",),
    "ddpm": ("digits-ddpm", "model.told=class", "model.variance=learned", "training.gradient_clip=1"),
    "bound": ("digits-ddpm", "model.loss=bound", "model.variance=learned", "training.learning_rate=1e-4"),
}
SIZES = [64, 65, 7, 64, 1, 64, 2, 65, 64, 64] * 2  # of 20 batches: uneven, and of one item for two ranks
FIXED = ["training.precision=float32", "training.learning_rate=1e-3"]


def settings(family: str) -> RunConfig:
    preset, *changes = FAMILIES[family]
    return with_settings(load_settings(preset), [*TINY[preset], *FIXED, *changes])


def losses(config: RunConfig, team: Alone) -> tuple[list[dict[str, Any]], Floats]:
    """Return the figures of each of 20 steps, and the weights, averaged weights and buffers after them."""
    data = load(config.data)
    images, labels = items_of(data, "train", config, team.device("cpu"))
    if images.dtype == torch.uint8:  # noise has no two equal patches, of which rounding would choose a codebook's code
        images = torch.randint(0, 256, images.shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    trainer = team.trainer(config, team.device("cpu"), 10)
    team.connect(trainer, data)
    found, first = [], 0
    for size in SIZES:
        chosen = torch.arange(first, first + size) % len(images)
        first += size
        average = Average()
        average.add(trainer.train_step(images[chosen], labels[chosen] if trainer.model.classes else None), size)
        team.merge(average)
        named, per_dimension = average.values()
        found.append({**named, "per_dimension": per_dimension})
    models = [trainer.model, *([trainer.ema.model] if trainer.ema is not None else [])]
    tensors = [tensor.flatten() for model in models for tensor in model.state_dict().values()]
    return found, torch.cat(tensors).numpy()


# ---- the same training ---------------------------------------------------------------------------------------------


def train_families(say: Say, *place: int) -> None:
    team = together(*place)
    for family in FAMILIES:
        say((family, *losses(settings(family), team)))
    team.ranks.leave()


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one() -> None:
    """20 steps of every family, of batches that do not divide evenly: the figures and then the weights are the same."""
    with pair(train_families) as children:
        for family in FAMILIES:
            told = [child.hear(120) for child in children]
            figures, weights = losses(settings(family), ALONE)
            for name, shared_figures, shared_weights in told:
                assert name == family
                for step, (ours, theirs) in enumerate(zip(figures, shared_figures, strict=True)):
                    near = min(1e-3, 1e-5 * 4**step)  # training makes more and more of what rounding left different
                    expected = {key: pytest.approx(value, rel=near, abs=near / 10) for key, value in ours.items()}
                    assert theirs == expected, (family, step)
                # Not one by one: where a gradient is 0 up to rounding, Adam takes whole steps of it.
                assert np.linalg.norm(weights - shared_weights) < 0.01 * np.linalg.norm(weights), family
            assert told[0][1] == told[1][1] and np.array_equal(told[0][2], told[1][2]), "to the bit on all ranks"


def resume_in_the_middle(say: Say, rank: int, ranks: int, port: int, folder: str) -> None:
    team, config = together(rank, ranks, port), settings("points")
    data = load(config.data)
    images, _ = items_of(data, "train", config, team.device("cpu"))
    trainer = team.trainer(config, team.device("cpu"), 10)
    team.connect(trainer, data)
    for step in range(6):
        if step == 3 and rank == 0:
            trainer.turn(Knobs(None, 0.5))
            checkpoints.save(trainer, Path(folder), 1.0)
        elif step == 3:
            trainer.turn(Knobs(None, 0.5))
        trainer.train_step(images[step * 50 : step * 50 + 50])
    again = team.trainer(config.model_copy(), team.device("cpu"), 10)
    if rank == 0:
        checkpoints.restore(again, Path(folder))
    team.connect(again, data)
    start = again.step, again.knobs
    for step in range(3, 6):
        again.train_step(images[step * 50 : step * 50 + 50])
    same = all(
        torch.equal(ours, theirs)
        for one, other in ((trainer.model, again.model), (trainer.sampled, again.sampled))
        for ours, theirs in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )
    say((start, same))
    team.ranks.leave()


def test_ranks_resume_what_rank_0_has_restored_to_the_bit(tmp_path: Path) -> None:
    runs.create(settings("points"), tmp_path / "run")
    with pair(resume_in_the_middle, str(tmp_path / "run")) as children:  # of three or more the order of sums varies
        for child in children:
            assert child.hear(60) == ((3, Knobs(None, 0.5)), True)


@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
@pytest.mark.parametrize("items", [1, 4, 5, 64])
def test_shards_are_the_whole_batch(items: int, ranks: int) -> None:
    shards = [Shard.of(items, rank, ranks) for rank in range(ranks)]
    taken = [number for shard in shards for number in range(shard.first, shard.first + shard.count)]
    assert taken == list(range(items))
    assert max(shard.count for shard in shards) - min(shard.count for shard in shards) <= 1
    assert all(0 <= shard.first < shard.first + shard.taken <= items for shard in shards)

    def seeded() -> torch.Generator:
        return torch.Generator().manual_seed(3)

    draws = [ShardDraws(seeded(), shard, lambda part: part) for shard in shards]
    one = Draws(seeded())
    for times in (1, 3):
        whole = one.normal(items, 2, times=times).reshape(times, items, 2)
        parts = [
            draw.normal(shard.taken, 2, times=times).reshape(times, -1, 2)
            for draw, shard in zip(draws, shards, strict=True)
        ]
        for part, shard in zip(parts, shards, strict=True):
            assert torch.equal(part, whole[:, shard.first : shard.first + shard.taken])
    places = one.places(items, 4, 9)
    for draw, shard in zip(draws, shards, strict=True):
        assert torch.equal(draw.places(shard.taken, 4, 9) + 4 * shard.first, places)
        ones = torch.ones(2)
        assert torch.equal(draw.total(ones), ones if shard.count else 0 * ones)

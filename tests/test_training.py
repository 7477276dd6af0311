"""The loop: it learns, it stops and resumes to the bit, it saves, and it says what went wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer import files, locks, metrics, runs
from explorer.cli import main
from explorer.errors import ConfigError, DeviceError, RunError, TrainingError
from explorer.training import checkpoints
from explorer.training.ema import EMA
from explorer.training.loop import train
from explorer.training_messages import Pictures, Progress, Snapshot, TrainingEnded, TrainingStarted

NewRun = Callable[..., Path]


def everything(folder: Path) -> dict[str, bytes]:
    """Return the newest checkpoint's files, which hold all that training knows; without the clock."""
    newest = runs.checkpoint_folders(folder)[0]
    found = {path.name: path.read_bytes() for path in newest.iterdir() if path.name != files.MANIFEST}
    state = json.loads(found.pop(checkpoints.STATE_FILE))
    state.pop("seconds")
    return {**found, "state": json.dumps(state).encode()}


@pytest.mark.parametrize("preset", ["digits-vae", "digits-beta-vae", "digits-ddpm"])
def test_n_plus_n_steps_are_2n_steps_to_the_bit(new_run: NewRun, preset: str) -> None:
    fixed = ["training.precision=float32", "training.epochs=2"]
    fixed += ["model.dropout=0.3"] if preset == "digits-ddpm" else []
    whole, halves = new_run(preset, *fixed), new_run(preset, *fixed)
    list(train(whole))
    asked = 0

    def after_some_steps() -> bool:
        nonlocal asked
        asked += 1
        return asked == 31  # in the middle of the second epoch

    first = list(train(halves, should_stop=after_some_steps))
    assert isinstance(first[-1], TrainingEnded) and first[-1].reason == "stopped" and first[-1].step == 31
    again = list(train(halves, resume=True))
    assert isinstance(again[0], TrainingStarted) and again[0].step == 31
    assert isinstance(again[-1], TrainingEnded) and again[-1].reason == "finished"
    left, right = everything(whole), everything(halves)
    assert left.keys() == right.keys()
    for name in left:
        assert left[name] == right[name], name
    assert (whole / runs.WEIGHTS).read_bytes() == (halves / runs.WEIGHTS).read_bytes()
    steps = [found.step for found in metrics.measurements(halves)]
    assert steps == sorted(steps)


def test_same_seed_same_weights_other_seed_other_weights(new_run: NewRun) -> None:
    made = []
    for seed in (0, 0, 1):
        folder = new_run("digits-vae", f"training.seed={seed}", "training.epochs=1")
        list(train(folder))
        made.append((folder / runs.WEIGHTS).read_bytes())
    assert made[0] == made[1] != made[2]


def test_it_learns_and_tells(new_run: NewRun) -> None:
    folder = new_run("digits-vae", "training.epochs=12", "model.hidden_units=64")
    messages = list(train(folder))
    assert isinstance(messages[0], TrainingStarted) and isinstance(messages[-1], TrainingEnded)
    told = [message.measurement for message in messages if isinstance(message, Progress)]
    assert told == list(metrics.measurements(folder)), "what is told is what is written"
    for split in ("train", "test"):
        elbo = [found.values["elbo"] for found in told if found.split == split]
        assert elbo[-1] > elbo[0] + 2
        assert all(np.isclose(f.values["elbo"], f.values["reconstruction"] - f.values["kl"], rtol=1e-5) for f in told)
    assert messages[-1].metrics["test_elbo"] == [found for found in told if found.split == "test"][-1].values["elbo"]
    pictures = [message for message in messages if isinstance(message, Pictures)][-1]
    error = np.abs(pictures.originals.astype(float) - pictures.reconstructions).mean()
    mean_image = pictures.originals.mean(0, keepdims=True)
    assert error < np.abs(pictures.originals - mean_image).mean(), "better than guessing the average image"


def test_a_ddpm_learns(new_run: NewRun) -> None:
    folder = new_run("digits-ddpm", "training.epochs=6", "training.learning_rate=3e-3")
    loss = [
        m.measurement.values["loss"] for m in train(folder) if isinstance(m, Progress) and m.measurement.split == "test"
    ]
    assert loss[-1] < 0.75 * loss[0] and loss[-1] < 0.6


def test_the_run_folder_is_complete(trained: Callable[[str], Path]) -> None:
    folder = trained("digits-vae")
    for name in (runs.RECORD, metrics.METRICS, runs.WEIGHTS, runs.PREVIEW, runs.PICTURES, runs.LATENTS, files.MANIFEST):
        assert (folder / name).is_file(), name
    for name in (runs.WEIGHTS, runs.PREVIEW, runs.PICTURES, runs.LATENTS):
        files.read_verified(folder, name)
    record = runs.read_record(folder)
    assert record["parameters"] > 0 and record["status"] == "finished" and len(record["data_sha256"]) == 64
    assert not list(folder.rglob("*.partial"))


def test_only_two_checkpoints_stay(new_run: NewRun) -> None:
    folder = new_run("digits-vae", "training.epochs=1")
    for wanted in range(1, 5):
        list(train(folder, should_stop=lambda: True, resume=wanted > 1))
    assert [int(path.name) for path in runs.checkpoint_folders(folder)] == [4, 3]


def test_checkpoints_come_by_the_clock(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = new_run("digits-vae", "training.epochs=2", "training.checkpoint_seconds=60")
    saved: list[int] = []
    real = checkpoints.save
    monkeypatch.setattr(checkpoints, "save", lambda trainer, *rest: (saved.append(trainer.step), real(trainer, *rest)))
    now = [0.0]

    def clock() -> float:
        now[0] += 3.0
        return now[0]

    monkeypatch.setattr("explorer.training.loop.time.monotonic", clock)
    list(train(folder))
    assert len(saved) >= 2 and saved[-1] == 48


def test_a_closed_generator_keeps_what_was_learned(new_run: NewRun) -> None:
    folder = new_run("digits-vae")
    loop = train(folder)
    for message in loop:
        if isinstance(message, Progress):
            break
    loop.close()
    assert runs.checkpoint_folders(folder) and not runs.card(folder).problem


@pytest.mark.filterwarnings("ignore:.*overflow.*")
def test_a_loss_that_is_no_number_ends_it_and_keeps_the_last_checkpoint(new_run: NewRun) -> None:
    folder = new_run("digits-vae", "training.epochs=1")
    list(train(folder, should_stop=lambda: True))
    before = everything(folder)
    from explorer.settings import with_settings

    config = with_settings(runs.read_config(folder), ["training.learning_rate=1e9", "training.epochs=50"])
    runs.update_record(folder, config=config.model_dump(mode="json"))
    with pytest.raises(TrainingError, match="learning_rate"):
        list(train(folder, resume=True))
    assert everything(folder) == before
    assert all(np.isfinite(value) for found in metrics.measurements(folder) for value in found.values.values())


def test_out_of_memory_suggests_a_smaller_batch(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("explorer.training.trainer.Trainer.train_step", full)
    with pytest.raises(TrainingError, match=r"training\.batch_size=32"):
        list(train(new_run("digits-vae")))


def test_an_absent_device_is_named_before_training(new_run: NewRun) -> None:
    with pytest.raises(DeviceError, match=r"cuda:99.*cpu"):
        list(train(new_run("digits-vae", "training.device=cuda:99")))


def test_resume_without_a_checkpoint_says_so(new_run: NewRun) -> None:
    with pytest.raises(RunError, match="no checkpoint"):
        list(train(new_run("digits-vae"), resume=True))


def test_a_trained_run_is_not_begun_anew(new_run: NewRun) -> None:
    folder = new_run("digits-vae", "training.epochs=1")
    list(train(folder, should_stop=lambda: True))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match=r"has checkpoints; go on with --resume"):
        next(train(folder))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_run_that_was_closed_before_its_first_step_can_be_begun_anew(new_run: NewRun) -> None:
    folder = new_run("digits-vae", "training.epochs=1")
    loop = train(folder)
    while not isinstance(next(loop), Snapshot):
        pass
    loop.close()
    assert not runs.checkpoint_folders(folder)
    ended = list(train(folder))[-1]
    assert isinstance(ended, TrainingEnded) and ended.reason == "finished"


def test_settings_of_a_run_that_another_trains_are_left_alone(
    new_run: NewRun, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_PATIENCE", 0.05)
    folder = new_run("digits-vae", "training.epochs=1")
    list(train(folder, should_stop=lambda: True))
    before = (folder / runs.RECORD).read_bytes()
    words = ["train", "--resume", str(folder), "--set", "training.epochs=2"]
    with locks.writing(folder):
        assert main(words) == 2
    assert "is being trained by another process" in capsys.readouterr().err
    assert (folder / runs.RECORD).read_bytes() == before
    assert main(words) == 0 and runs.read_config(folder).training.epochs == 2


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(new_run: NewRun) -> None:
    folder = new_run("digits-vae", "training.epochs=1")
    for resume in (False, True):
        list(train(folder, should_stop=lambda: True, resume=resume))
    newest = runs.checkpoint_folders(folder)[0] / "model.safetensors"
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(bytes(content))
    started = next(train(folder, resume=True))
    assert isinstance(started, TrainingStarted) and started.step == 1
    assert (started.resumed_from, started.passed_over) == ("00000001", ("00000002",)), "and it is said"
    assert [int(path.name) for path in runs.checkpoint_folders(folder)] == [1], "the damaged one is gone"


def test_where_a_run_goes_on_is_said(new_run: NewRun) -> None:
    folder = new_run("digits-vae", "training.epochs=1")
    started = next(train(folder, should_stop=lambda: True))
    assert isinstance(started, TrainingStarted) and (started.resumed_from, started.passed_over) == ("", ())
    list(train(folder, should_stop=lambda: True))
    started = next(train(folder, resume=True))
    assert isinstance(started, TrainingStarted) and (started.resumed_from, started.passed_over) == ("00000001", ())


def test_damaged_checkpoints_stay_where_there_is_no_other(new_run: NewRun) -> None:
    folder = new_run("digits-vae", "training.epochs=1")
    for resume in (False, True):
        list(train(folder, should_stop=lambda: True, resume=resume))
    for place in runs.checkpoint_folders(folder):
        (place / checkpoints.STATE_FILE).write_bytes(b"{}")
    with pytest.raises(RunError, match="00000002"):
        next(train(folder, resume=True))
    assert [int(path.name) for path in runs.checkpoint_folders(folder)] == [2, 1], "somebody may mend one"


def test_an_impossible_run_leaves_no_folder(tmp_path: Path) -> None:
    from explorer.settings import load_settings, with_settings
    from explorer.training.prepare import new_run as prepared

    for preset, change in (
        ("digits-vae", "training.device=cuda:99"),
        ("digits-ddpm", "model.multipliers=[16,16,16,16]"),
    ):
        changes = [change, *(["model.channels=1024"] if preset == "digits-ddpm" else [])]
        with pytest.raises((DeviceError, ConfigError)):
            prepared(with_settings(load_settings(preset), changes), tmp_path / "r")
        assert not (tmp_path / "r").exists()


def test_a_finished_run_that_is_resumed_adds_nothing(new_run: NewRun) -> None:
    folder = new_run("digits-vae", "training.epochs=1")
    list(train(folder))
    before = list(metrics.measurements(folder))
    ended = list(train(folder, resume=True))[-1]
    assert isinstance(ended, TrainingEnded) and "test_elbo" in ended.metrics
    assert list(metrics.measurements(folder)) == before


def test_average_follows_the_weights() -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 1)
    average = EMA(model, 0.9)
    by_hand = [weight.detach().clone() for weight in model.parameters()]
    for update in range(1, 200):
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(torch.randn_like(weight))
        average.update(model)
        decay = min(0.9, (1 + update) / (10 + update))
        by_hand = [
            decay * old + (1 - decay) * new.detach() for old, new in zip(by_hand, model.parameters(), strict=True)
        ]
    for ours, theirs in zip(average.model.parameters(), by_hand, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-4)
    assert not any(weight.requires_grad for weight in average.model.parameters())


def test_precision_is_settled_once_and_kept(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.models.devices._has_bfloat16", lambda device: False)
    folder = new_run("digits-beta-vae", "training.precision=auto", "training.epochs=1")
    started = next(iter(train(folder)))
    assert isinstance(started, TrainingStarted) and started.precision == "float32"
    folder = new_run("digits-beta-vae", "training.precision=bfloat16", "training.epochs=1")
    list(train(folder, should_stop=lambda: True))
    again = next(iter(train(folder, resume=True)))
    assert isinstance(again, TrainingStarted) and again.precision == "bfloat16"

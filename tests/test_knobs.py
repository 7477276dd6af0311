"""Knobs that are turned while a model trains: applied from the next step, written down, resumed and replayed."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from explorer import metrics, runs
from explorer.config import Turn, parse_turns, turns_text
from explorer.errors import ConfigError
from explorer.settings import load_settings, typed, with_settings
from explorer.training.loop import train
from explorer.training.trainer import Trainer
from explorer.training_messages import Knobs, Progress, TrainingEnded, TrainingStarted, Turned

Runs = Callable[..., Path]
EPOCHS = ("training.batch_size=250", "training.log_every=1", "training.epochs=2")  # 6 steps an epoch


class Hand:
    """Turns the knobs at given steps, as somebody at the window would."""

    def __init__(self, turns: dict[int, Knobs]) -> None:
        self.turns, self.asked = turns, 0

    def __call__(self) -> Knobs | None:
        known = [step for step in self.turns if step <= self.asked]
        self.asked += 1
        return self.turns[max(known)] if known else None


TURNS = {2: Knobs(20.0, 1.0), 5: Knobs(20.0, 0.1), 9: Knobs(4.0, 2.0)}


def weights(folder: Path) -> bytes:
    return (folder / runs.WEIGHTS).read_bytes()


def test_a_turn_is_applied_told_and_written(new_run: Runs) -> None:
    folder = new_run("digits-vae", *EPOCHS)
    told = list(train(folder, knobs=Hand(TURNS)))
    turned = [message for message in told if isinstance(message, Turned)]
    assert [(t.step, t.knobs) for t in turned] == list(TURNS.items())
    assert turned == metrics.turns(folder) and turned[1].epoch == pytest.approx(5 / 6, abs=1e-6)
    measured = [m.measurement for m in told if isinstance(m, Progress) and m.measurement.split == "train"]
    for one in measured:
        beta = 1.0 if one.step <= 2 else 20.0 if one.step <= 9 else 4.0
        expected = beta * one.values["kl"] - one.values["reconstruction"]
        assert one.values["objective"] == pytest.approx(expected, rel=1e-4)
    assert list(metrics.measurements(folder)) == [m.measurement for m in told if isinstance(m, Progress)]
    plain = new_run("digits-vae", *EPOCHS)
    list(train(plain))
    assert weights(plain) != weights(folder) and not metrics.turns(plain)


def test_the_rate_is_a_factor_of_the_schedules(new_run: Runs) -> None:
    for schedule in ("constant", "cosine"):
        config = with_settings(
            load_settings("digits-vae"), [f"training.schedule={schedule}", "training.precision=float32"]
        )
        from explorer.data.batches import to_tensor
        from explorer.data.catalog import load

        values = to_tensor(load("digits").split("train")[0][:8])
        rates = []
        for factor in (1.0, 0.25):
            import torch

            trainer = Trainer(config, torch.device("cpu"), 10)
            trainer.step = 100
            trainer.knobs = Knobs(None, factor)
            trainer.train_step(values)
            rates.append(trainer.optimizer.param_groups[0]["lr"])
        assert rates[1] == pytest.approx(rates[0] / 4) and rates[0] > 0


def test_a_run_can_be_replayed_to_the_bit(new_run: Runs) -> None:
    first = new_run("digits-vae", *EPOCHS)
    list(train(first, knobs=Hand(TURNS)))
    text = turns_text(Turn(t.step, t.knobs.beta, t.knobs.rate) for t in metrics.turns(first))
    again = new_run("digits-vae", *EPOCHS, f'training.turns="{text}"')
    list(train(again))
    assert weights(again) == weights(first) and metrics.turns(again) == metrics.turns(first)


def test_a_resumed_run_goes_on_as_the_knobs_stood(new_run: Runs) -> None:
    whole, halves = new_run("digits-vae", *EPOCHS), new_run("digits-vae", *EPOCHS)
    turns = {2: Knobs(20.0, 0.1)}
    list(train(whole, knobs=Hand(turns)))
    asked: list[int] = []

    def after_some_steps() -> bool:
        asked.append(1)
        return len(asked) == 7

    stopped = list(train(halves, should_stop=after_some_steps, knobs=Hand(turns)))[-1]
    assert isinstance(stopped, TrainingEnded) and stopped.step == 7
    later = Turned(11, 2.0, Knobs(1.0, 1.0))  # of steps that a kill lost: they are taken again
    metrics.append_turn(halves, later)
    list(train(halves, resume=True))
    assert weights(halves) == weights(whole)
    assert [t.step for t in metrics.turns(halves)] == [2]


def test_a_turn_that_a_kill_took_back_is_not_told(new_run: Runs) -> None:
    """Turned at the very step of the checkpoint, and killed before it had an effect."""
    folder, paid = new_run("digits-vae", *EPOCHS), Knobs(20.0, 0.1)
    list(train(folder, should_stop=lambda: True, knobs=lambda: paid))
    kept = metrics.turns(folder)
    assert [(turned.step, turned.knobs) for turned in kept] == [(0, paid)]
    metrics.append_turn(folder, Turned(1, 1 / 6, Knobs(1.0, 1.0)))
    loop = train(folder, resume=True)
    started = next(loop)
    assert isinstance(started, TrainingStarted) and started.step == 1 and started.knobs == paid
    assert metrics.turns(folder) == kept
    list(loop)
    assert metrics.turns(folder) == kept


def test_a_turn_that_the_checkpoint_has_stays(new_run: Runs) -> None:
    folder, turned = new_run("digits-vae", *EPOCHS), Knobs(20.0, 0.1)
    loop = train(folder, knobs=Hand({2: turned}))
    assert next(message for message in loop if isinstance(message, Turned)).step == 2
    loop.close()  # saves before the next step
    started = next(train(folder, resume=True))
    assert isinstance(started, TrainingStarted) and (started.step, started.knobs) == (2, turned)
    assert [(one.step, one.knobs) for one in metrics.turns(folder)] == [(2, turned)]


def test_a_pause_is_no_training_time(new_run: Runs) -> None:
    folder, waited = new_run("digits-vae", *EPOCHS), 0.0

    def wait() -> bool:
        nonlocal waited
        began = time.monotonic()
        time.sleep(0.1)
        waited += time.monotonic() - began
        return False

    began = time.monotonic()
    ended = list(train(folder, should_stop=wait))[-1]
    whole = time.monotonic() - began
    assert isinstance(ended, TrainingEnded) and ended.step == 12
    assert waited > 1 and ended.metrics["seconds"] <= whole - waited + 0.2


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "5",
        "5 beta",
        "5 gamma=1",
        "5 beta=-1",
        "5 rate=0",
        "5 beta=1e9",
        "-5 rate=1",
        "5 rate=0.009",
        "5 rate=11",
    ],
)
def test_turns_that_cannot_be_are_named(text: str) -> None:
    with pytest.raises(ConfigError, match=r"training\.turns"):
        with_settings(load_settings("digits-vae"), [f'training.turns="{text}"'])


def test_turns_are_read_as_they_are_written() -> None:
    turns = (Turn(3, None, 0.5), Turn(7, 0.0, 1.0), Turn(120, 12.5, 2.0))
    assert parse_turns(turns_text(turns)) == turns and parse_turns("") == ()
    assert parse_turns(" 9 rate=2 ;; 3 beta=4 ") == (Turn(3, 4.0, 1.0), Turn(9, None, 2.0))


def test_a_rate_of_an_earlier_version_stays_readable_and_cannot_be_chosen_anew(new_run: Runs) -> None:
    """Rates from 0 to 1000 were accepted before the knob had a range: such a run opens, resumes and replays."""
    folder, old = new_run("digits-vae", *EPOCHS), "3 rate=100.0; 5 rate=0.001"
    config = runs.read_record(folder)["config"]
    runs.update_record(folder, config={**config, "training": {**config["training"], "turns": old}})
    read = runs.read_config(folder)
    assert [turn.rate for turn in parse_turns(read.training.turns)] == [100.0, 0.001]
    assert with_settings(read, ["training.epochs=3"]).training.turns == old, "as --resume does"
    again, wrong = typed(read, {"training.epochs": "4", "training.turns": old})
    assert again is not None and again.training.epochs == 4 and not wrong, "as the form does"
    for new in ("3 rate=100", "5 rate=0.001"):
        with pytest.raises(ConfigError, match=r"is not from 0\.01 to 10"):
            with_settings(read, [f'training.turns="{new}"'])
        nothing, wrong = typed(read, {"training.turns": new})
        assert nothing is None and "is not from 0.01 to 10" in wrong["training.turns"]
    for never in ("3 rate=0", "3 rate=1001", "3 rate=1e999"):
        with pytest.raises(ValueError, match="rate = "):
            parse_turns(never)

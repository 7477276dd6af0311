"""The collapse watch: it names what has collapsed, since when and why, and is calm where it should be."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from explorer import runs
from explorer.collapse import CollapseWatch, Finding
from explorer.config import ACTIVE_NATS, RunConfig
from explorer.pressure import beta_in_force
from explorer.settings import load_settings, with_settings
from explorer.training.loop import train
from explorer.training_messages import Knobs, Progress

LIVE, DEAD = 0.5, 0.001


def settings(preset: str = "digits-beta-vae", *changes: str) -> RunConfig:
    return with_settings(load_settings(preset), ["training.epochs=30", *changes])


class History:
    """A made history: one look an epoch, from epoch 1 on."""

    def __init__(self, config: RunConfig, names: Sequence[str] = ()) -> None:
        self.watch = CollapseWatch(config, names)
        self.epoch = 0

    def go(self, epochs: int, kl: Sequence[float], beta: float = 4.0) -> "History":
        for _ in range(epochs):
            self.epoch += 1
            self.watch.add(float(self.epoch), kl, beta)
        return self

    @property
    def first(self) -> Finding:
        return self.watch.findings()[0]

    @property
    def texts(self) -> str:
        return " | ".join(finding.text for finding in self.watch.findings())


def kls(live: Sequence[int], size: int = 10) -> list[float]:
    return [LIVE if k in live else DEAD for k in range(size)]


ALL = range(10)


def test_the_beginning_is_calm() -> None:
    history = History(settings())
    assert history.first.severity == "wait"
    for _ in range(10):
        history.go(1, kls([]))
        assert history.first.severity == "wait" and len(history.watch.findings()) == 1
    assert history.go(2, kls([])).first.severity == "bad"


def test_a_warm_up_is_calm_to_its_end() -> None:
    history = History(settings("digits-beta-vae", "model.warm_up_epochs=25"))
    for epoch in range(1, 25):
        history.go(1, kls(ALL if epoch < 10 else []), 4.0 * epoch / 25)
        assert history.first.severity == "wait"
    assert "until epoch 25" in history.first.text
    assert history.go(1, kls([]), 4.0).first.severity == "bad"


def test_all_collapsed_is_bad_and_says_since_when() -> None:
    history = History(settings()).go(20, kls(ALL)).go(5, kls([]))
    assert history.first.severity == "bad" and history.first.dimensions == tuple(ALL)
    assert history.first.epoch == 21 and "All 10 dimensions have collapsed since epoch 21" in history.first.text
    advice = " ".join(history.first.advice)
    assert "Lower β" in advice and "KL warm-up 6 (model.warm_up_epochs)" in advice
    assert "σ below" in advice and "(model.sigma)" in advice, "the form's words first"


def test_never_awake_is_said_otherwise() -> None:
    history = History(settings("digits-vae", "model.beta=1")).go(20, [DEAD, DEAD], 1.0)
    assert history.first.severity == "bad" and "woken up" in history.first.text and history.first.epoch is None
    assert not any("Lower β" in advice for advice in history.first.advice)  # it is 1 already
    assert any("Hidden units 128 (model.hidden_units)" in advice for advice in history.first.advice)


def test_pruning_is_what_beta_is_for() -> None:
    history = History(settings()).go(5, kls(ALL)).go(25, kls(range(5)))
    found = history.watch.findings()
    assert {finding.severity for finding in found} == {"good"}
    assert found[0].text == "5 of 10 dimensions are in use; β = 4 prunes the rest, that is what β is for."
    assert found[0].dimensions == (5, 6, 7, 8, 9) and "Latent size 5 (model.latent_size)" in " ".join(found[0].advice)
    assert "pruned, as it is meant to be" in history.texts


def test_nearly_nothing_left_is_worth_a_word() -> None:
    assert History(settings()).go(30, kls([3])).first.severity == "warn"
    assert History(settings()).go(30, kls([3, 4, 7])).first.severity == "good"


def test_with_beta_1_a_lost_dimension_is_a_collapse() -> None:
    history = History(settings("digits-beta-vae", "model.beta=1")).go(20, kls(ALL), 1.0).go(6, kls(range(9)), 1.0)
    assert history.first.severity == "warn" and history.first.dimensions == (9,)
    assert history.first.text == "z9 collapsed at epoch 21." and history.first.epoch == 21


def test_a_turn_of_beta_is_named_as_what_it_came_after() -> None:
    history = History(settings()).go(14, kls(ALL)).go(1, kls(ALL), 20.0).go(5, kls(range(6)), 20.0)
    assert history.first.severity == "warn"
    assert history.first.text == "z6, z7, z8 and z9 collapsed at epoch 16 after β was turned from 4 to 20."
    history.go(1, kls(range(6)), 4.0)
    assert "again" in history.first.advice[0]
    history.go(4, kls(ALL), 4.0)
    assert history.first.severity == "good"
    assert "z6, z7, z8 and z9 came back at epoch 22 after β was turned from 20 to 4." in history.texts


def test_a_hand_that_moves_slowly_is_one_turn() -> None:
    history = History(settings()).go(14, kls(ALL))
    for beta in (6.0, 11.0, 20.0):
        history.go(1, kls(ALL), beta)
    history.go(4, kls(range(6)), 20.0)
    assert "after β was turned from 4 to 20" in history.first.text


def test_a_turn_long_ago_explains_nothing() -> None:
    history = History(settings()).go(14, kls(ALL)).go(60, kls(ALL), 20.0).go(5, kls(range(6)), 20.0)
    assert "turned" not in history.texts and "z6, z7, z8 and z9 collapsed at epoch 75" in history.texts


def test_a_turn_ends_the_waiting() -> None:
    history = History(settings("digits-beta-vae", "model.warm_up_epochs=25"))
    for epoch in range(1, 8):
        history.go(1, kls(ALL), 4.0 * epoch / 25)
    history.go(6, kls([]), 1000.0)
    assert history.first.severity == "bad" and "from 1.12 to 1000" in history.first.text


def test_two_looks_are_no_collapse_and_noise_does_not_flicker() -> None:
    history = History(settings("digits-beta-vae", "model.beta=1")).go(20, kls(ALL), 1.0)
    history.go(2, kls([]), 1.0).go(1, kls(ALL), 1.0)
    assert history.first.severity == "good"
    random = np.random.default_rng(0)
    said = set()
    for _ in range(400):  # a dimension that hangs at the threshold
        history.go(1, [*[LIVE] * 9, ACTIVE_NATS * (1 + 0.4 * random.standard_normal())], 1.0)
        said.add(len(history.watch.findings()))
    changes = [finding for finding in history.watch.findings() if 9 in finding.dimensions]
    assert len(said) <= 2 and len(changes) <= 2


def test_a_late_riser_is_named() -> None:
    history = History(settings()).go(20, kls(range(4))).go(5, kls(range(5)))
    assert "z4 woke up at epoch 21." in history.texts and history.first.severity == "good"


def test_a_capacity_is_named_as_what_holds_the_rest_down() -> None:
    history = History(settings("digits-beta-vae", "model.capacity=3", "model.capacity_epochs=5")).go(20, kls(range(6)))
    assert history.first.severity == "good" and "C = 3 nats" in history.first.text


def test_a_level_that_is_not_in_use() -> None:
    config = settings("digits-ladder", "model.warm_up_epochs=0", "model.inference=bottom-up")
    names = [f"a{k}" for k in range(8)] + [f"b{k}" for k in range(4)]
    history = History(config, names).go(20, kls(range(8), 12), 1.0)
    assert history.first.severity == "warn" and history.first.dimensions == (8, 9, 10, 11)
    assert "Level 2 of 2" in history.first.text and "ladder" in history.first.advice[0]
    history.go(5, kls(range(9), 12), 1.0)
    assert "Level" not in history.texts and "b0 woke up" in history.texts


def test_one_dimension() -> None:
    config = settings("digits-vae", "model.latent_size=1")
    assert (
        History(config).go(20, [LIVE], 1.0).first.text == "The dimension is in use: it tells at least 0.01 nats of x."
    )
    assert "The only dimension has collapsed" in History(config).go(20, [LIVE], 1.0).go(5, [DEAD], 1.0).first.text


def codes(config: RunConfig, *perplexities: float) -> CollapseWatch:
    watch = CollapseWatch(config)
    for epoch, perplexity in enumerate(perplexities, 1):
        watch.add(float(epoch), [2.0] * 16, 1.0, perplexity)
    return watch


def test_codebooks() -> None:
    config = settings("digits-vq")  # 32 codes
    assert codes(config, *[15.0] * 5).findings()[0].severity == "wait"
    assert codes(config, *[15.0] * 20).findings()[0].severity == "good"
    gone = codes(config, *[15.0] * 20, *[1.01] * 4).findings()[0]
    assert gone.severity == "bad" and "since epoch 21" in gone.text and "1.0 of 32" in gone.text
    few = codes(settings("digits-vq", "model.reseed_below=0", "model.codebook=loss"), *[4.0] * 20).findings()[0]
    assert few.severity == "warn"
    assert "Re-seed below 0.05" in few.advice[0] and "Codebook by ema" in few.advice[1]
    assert "Codebook size 16" in " ".join(few.advice)
    back = codes(config, *[15.0] * 20, *[2.0] * 4, *[15.0] * 4).findings()
    assert {one.severity for one in back} == {"good"} and "came back into use at epoch 25" in back[1].text


def test_families_without_anything_to_collapse() -> None:
    for preset in ("digits-autoencoder", "points-ddpm"):
        watch = CollapseWatch(load_settings(preset))
        watch.add(1.0, [0.1, 0.2], 1.0)
        assert not watch.watches and watch.findings() == ()


def test_lines_of_another_model_are_passed_over() -> None:
    history = History(settings()).go(20, kls(ALL)).go(5, [DEAD] * 3).go(5, [])
    assert history.first.severity == "good"


def test_memory_does_not_grow() -> None:
    history = History(settings())

    def size() -> int:
        switches = history.watch._dimensions
        return sum(sys.getsizeof(getattr(one, name)) for one in switches for name in one.__slots__) + len(switches)

    history.go(100, kls(ALL))
    before = size()
    for _ in range(50):
        history.go(10, kls([])).go(10, kls(ALL), 2.0)
    assert size() < before + 10 * 200 and len(history.watch.findings()) <= 3


def test_a_real_beta_vae_collapses_at_beta_1000_and_comes_back(new_run: Callable[..., Path]) -> None:
    folder = new_run(
        "digits-beta-vae", "model.network=mlp", "model.hidden_layers=1", "model.hidden_units=32", "model.latent_size=4",
        "model.sigma=0.05", "training.learning_rate=3e-3", "training.log_every=6", "training.epochs=14",
    )  # fmt: skip
    config = runs.read_config(folder)
    watch, asked, turned, said = CollapseWatch(config), [0], {120: 1000.0, 204: 1.0}, {}
    per_epoch = 24

    def hand() -> Knobs | None:
        passed = [step for step in turned if step <= asked[0]]
        asked[0] += 1
        return Knobs(turned[max(passed)], 1.0) if passed else None

    for message in train(folder, knobs=hand):
        if isinstance(message, Progress):
            measured = message.measurement
            passed = [step for step in turned if step < measured.step]
            beta = beta_in_force(config, (1, 8, 8), measured.epoch, turned[max(passed)] if passed else None)
            watch.add(measured.epoch, measured.kl_per_dimension, beta)
            said[measured.step] = watch.findings()
    before, worst, after = (said[step] for step in (120, 204, 14 * per_epoch))
    assert [finding.severity for finding in before] == ["good"] and "All 4" in before[0].text
    assert worst[0].severity == "bad" and "after β was turned from 4 to 1000" in worst[0].text
    assert worst[0].epoch is not None and 120 / per_epoch < worst[0].epoch < 204 / per_epoch
    back = next(finding for finding in after if "came back" in finding.text)
    assert len(back.dimensions) >= 2 and "after β was turned from 1000 to 1" in back.text
    assert back.epoch is not None and back.epoch > 204 / per_epoch

"""The ledger: every number of real runs is explained, and the sums are sums."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from explorer import ledger, metrics, runs
from explorer.config import RunConfig
from explorer.data.catalog import CATALOG
from explorer.pressure import beta_in_force
from explorer.settings import load_settings, with_settings
from explorer.training.loop import train
from explorer.training.trainer import Trainer
from explorer.training_messages import Measurement

PRESETS = (
    "digits-vae", "digits-beta-vae", "digits-autoencoder", "digits-conditional", "digits-ladder", "digits-vq",
    "points-vae", "points-ddpm", "digits-ddpm",
)  # fmt: skip
NO_ROWS = {"kl", "commitment"}  # of a measurement, where a family's row has them with a sign or a weight


def account(config: RunConfig, measurement: Measurement) -> tuple[tuple[ledger.Row, ...], dict[str, float], float]:
    shape = CATALOG[config.data.name].shape
    beta = beta_in_force(config, shape, measurement.epoch)
    return ledger.rows(config, shape), dict(ledger.amounts(config, shape, measurement, beta)), beta


def check(folder: Path) -> None:
    config, sums = runs.read_config(folder), 0
    for measurement in metrics.measurements(folder):
        rows, amounts, beta = account(config, measurement)
        keys = {row.key for row in rows}
        assert len(keys) == len(rows) and measurement.values.keys() - NO_ROWS <= keys
        for row in rows:
            balance = ledger.balances(row, amounts)
            assert balance is not False, (row.key, amounts)
            sums += balance is True
        if "weighted" in amounts and not getattr(config.model, "capacity", 0):
            warming_up = getattr(config.model, "warm_up_epochs", 0) > 0 and measurement.split == "train"
            assert warming_up or not ledger.remark(config, measurement, beta)
    assert sums > 0


@pytest.mark.parametrize("preset", PRESETS)
def test_the_sums_of_every_family_agree(trained: Callable[[str], Path], preset: str) -> None:
    check(trained(preset))


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("digits-vq", ["model.codebook=loss", "model.commitment=1", "training.epochs=1"]),
        ("digits-beta-vae", ["model.capacity=5", "model.capacity_epochs=1", "training.epochs=1"]),
        ("digits-beta-vae", ["model.beta=0.5", "model.beta_is=beta_norm", "training.epochs=1"]),
        ("digits-vae", ["model.samples=3", "model.binarization=dynamic", "training.epochs=1"]),
        ("digits-beta-vae", ["model.warm_up_epochs=1", "model.beta=20", "training.epochs=1"]),
        ("points-ddpm", ["model.variance=learned", "training.epochs=1"]),
        ("points-ddpm", ["model.loss=bound", "training.epochs=1"]),
    ],
)
def test_the_sums_of_other_objectives_agree(new_run: Callable[..., Path], preset: str, changes: list[str]) -> None:
    folder = new_run(preset, *changes)
    for _ in train(folder):
        pass
    if "model.loss=bound" in changes:  # minimized is one number, and the loss is another
        rows, amounts, _ = account(runs.read_config(folder), list(metrics.measurements(folder))[-1])
        assert {"loss", "objective"} <= amounts.keys() and not any(row.parts for row in rows)
    else:
        check(folder)


def test_a_sum_that_is_wrong_is_seen() -> None:
    config, shape = load_settings("digits-vae"), (1, 8, 8)
    values = {"elbo": -30.0, "reconstruction": -20.0, "kl": 10.0, "objective": 30.0}
    rows = {row.key: row for row in ledger.rows(config, shape)}

    def balance(key: str, **others: float) -> bool | None:
        measurement = Measurement(1, 1.0, 1.0, "test", {**values, **others})
        return ledger.balances(rows[key], ledger.amounts(config, shape, measurement, 1.0))

    assert balance("elbo") is True and balance("objective") is True
    assert balance("elbo", elbo=-29.9) is False
    assert ledger.balances(rows["elbo"], {"elbo": -30.0}) is None
    assert ledger.balances(rows["reconstruction"], values) is None


def test_beta_that_moved_is_paid_as_it_was_and_said() -> None:
    config, shape = load_settings("digits-beta-vae"), (1, 8, 8)
    values = {"elbo": -12.0, "reconstruction": -10.0, "kl": 2.0, "objective": 30.0}  # 20 nats for a KL of 2: β was 10
    measurement = Measurement(1, 1.0, 1.0, "train", values)
    assert ledger.amounts(config, shape, measurement, 20.0)["weighted"] == 20.0
    assert "on average it was 10" in ledger.remark(config, measurement, 20.0)
    assert ledger.amounts(config, shape, measurement, 10.0)["weighted"] == 20.0
    assert ledger.remark(config, measurement, 10.0) == ""


def bits(preset: str, *changes: str) -> list[ledger.Row]:
    config = with_settings(load_settings(preset), changes)
    return [row for row in ledger.rows(config, CATALOG[config.data.name].shape) if row.key == "bits"]


def test_bits_are_shown_only_of_discrete_values() -> None:
    assert not bits("digits-vae") and not bits("digits-beta-vae") and not bits("points-vae")
    assert not bits("points-ddpm") and not bits("digits-autoencoder", "model.binarization=static")
    for binarization in ("static", "dynamic"):
        assert bits("digits-vae", f"model.binarization={binarization}")[0].unit == "bits per pixel"
        assert bits("digits-vq", f"model.binarization={binarization}")
    assert bits("digits-ddpm")[0].unit == "bits per value"


def test_bits_are_nats_over_d_ln_2() -> None:
    config = with_settings(load_settings("digits-vae"), ["model.binarization=static"])
    one_bit = -64 * math.log(2)  # an image of fair coins
    measured = Measurement(1, 1.0, 1.0, "test", {"elbo": one_bit, "reconstruction": one_bit, "kl": 0.0})
    assert ledger.amounts(config, (1, 8, 8), measured, 1.0)["bits"] == pytest.approx(1.0)
    bound = Measurement(1, 1.0, 1.0, "test", {"loss": 0.1, "bound": 3072 * math.log(2) * 3, "bound_error": 1.0})
    assert ledger.amounts(load_settings("digits-ddpm"), (3, 32, 32), bound, 1.0)["bits"] == pytest.approx(3.0)


def test_what_the_elbo_is_depends_on_the_likelihood() -> None:
    def said(preset: str, *changes: str) -> str:
        config = with_settings(load_settings(preset), changes)
        shape = CATALOG[config.data.name].shape
        return next(row.meaning for row in ledger.rows(config, shape) if row.key == "elbo")

    assert "not ln p of a grey image" in said("digits-vae")
    assert "density" in said("digits-beta-vae") and "density" in said("points-vae")
    assert "black-or-white" in said("digits-vae", "model.binarization=dynamic")
    assert "all 64 pixels" in ledger.convention(load_settings("digits-vae"), (1, 8, 8))
    assert "both coordinates" in ledger.convention(load_settings("points-vae"), (2, 1, 1))


@pytest.mark.parametrize(
    "changes",
    [[], ["model.beta=0.5", "model.beta_is=beta_norm"], ["model.warm_up_epochs=8"]],
)
def test_beta_in_force_is_the_trainers(changes: list[str]) -> None:
    import torch

    for preset in ("digits-beta-vae", "digits-ladder", "digits-conditional", "digits-autoencoder"):
        kept = changes if preset != "digits-autoencoder" else []
        config = with_settings(load_settings(preset), kept)
        trainer = Trainer(config, torch.device("cpu"), per_epoch=10)
        for step in (0, 5, 40, 200):
            trainer.step = step
            found = beta_in_force(config, (1, 8, 8), step / 10)
            assert found == pytest.approx(trainer.pressure().beta)
        assert beta_in_force(config, (1, 8, 8), 1.0, 7.0) == (7.0 if hasattr(config.model, "beta") else 1.0)

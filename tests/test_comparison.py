"""Runs side by side: what differs, which figures are of the same thing, and curves in a bounded number of points."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import comparison, metrics, runs
from explorer.comparison import Subject, differences, final_figures, read_curve
from explorer.errors import RunError
from explorer.settings import load_settings, setting_names, with_settings
from explorer.training_messages import Knobs, Measurement, Turned

Runs = Callable[..., Path]


def made(preset: str, *changes: str, **figures: float) -> Subject:
    return Subject(preset, with_settings(load_settings(preset), changes), figures)


def found(*subjects: Subject) -> dict[str, tuple[object, ...]]:
    return {one.address: one.values for one in differences(subjects)}


def figures_of(*subjects: Subject) -> dict[str, comparison.FinalFigure]:
    return {one.key: one for one in final_figures(subjects)}


# ---- settings ------------------------------------------------------------------------------------------------------


def test_only_settings_that_differ_are_told() -> None:
    base = made("digits-beta-vae")
    assert not found(base, base, base)
    one, other = made("digits-beta-vae", "model.beta=1"), made("digits-beta-vae", "model.beta=20", "training.seed=7")
    assert found(one, other) == {"model.beta": (1.0, 20.0), "training.seed": (one.config.training.seed, 7)}
    [beta, _] = differences([one, other])
    assert beta.label == "β" and "KL term" in beta.meaning and not beta.chosen


def test_a_setting_that_a_family_lacks_is_none() -> None:
    vae, ddpm = made("digits-vae"), made("digits-ddpm")
    values = found(vae, ddpm)
    assert values["model.family"] == ("vae", "ddpm")
    assert values["model.beta"] == (1.0, None) and values["model.timesteps"][0] is None
    assert list(values) == [name for name in setting_names() if name in values], "in the order of the form"


def test_a_setting_that_does_nothing_is_no_difference() -> None:
    bernoulli, other = made("digits-vae", "model.sigma=0.2"), made("digits-vae", "model.sigma=0.9")
    assert not found(bernoulli, other), "σ of a Bernoulli decoder"
    gaussian = made("digits-vae", "model.likelihood=gaussian", "model.sigma=0.9")
    values = found(bernoulli, gaussian)
    assert values["model.sigma"] == (None, 0.9) and values["model.binarization"][1] is None


def test_turned_knobs_are_a_difference() -> None:
    plain = made("digits-vae")
    turned = replace(plain, turned="β 20 at epoch 3")
    assert found(plain, turned) == {"turned": (None, "β 20 at epoch 3")}
    assert not found(turned, replace(turned)), "turned alike is no difference"


def test_turns_are_told_once_whether_they_were_or_are_to_be() -> None:
    plan = "5 beta=20.0 rate=1.0"
    plain, planned = made("digits-vae"), made("digits-vae", f'training.turns="{plan}"')
    assert found(plain, planned) == {"turned": (None, f"to come: {plan}")}
    replayed = replace(planned, turned="β 20 at epoch 0.2")
    assert found(plain, replayed) == {"turned": (None, "β 20 at epoch 0.2")}


# ---- figures -------------------------------------------------------------------------------------------------------


def test_the_best_figure_is_marked_where_there_is_a_better() -> None:
    one = made("digits-vae", test_elbo=-24.4, test_kl=2.8, test_reconstruction=-21.6, seconds=7.0, epochs=30.0)
    other = made("digits-beta-vae", "model.likelihood=bernoulli", test_elbo=-20.1, test_kl=9.0, seconds=36.0)
    rows = figures_of(one, other)
    assert rows["test_elbo"].values == (-24.4, -20.1) and rows["test_elbo"].best == 1
    assert not rows["test_elbo"].caution and rows["test_elbo"].unit == "nats per item"
    assert all(rows[key].best is None for key in ("test_kl", "seconds", "epochs", "test_reconstruction"))
    assert rows["epochs"].values == (30.0, None) and "test_loss" not in rows
    assert figures_of(one, one)["test_elbo"].best is None, "a tie has no best"


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (["data.name=digits"], ["data.name=mnist"], "different data sets"),
        (["data.name=sprites", "data.subset=shape=0"], ["data.name=sprites"], "different data sets"),
        (["model.likelihood=bernoulli"], ["model.likelihood=gaussian"], "density"),
        (["model.binarization=static"], ["model.binarization=none"], "binarized"),
        (["model.family=conditional"], ["model.family=vae"], "given its class"),
        (["model.family=vae"], ["model.family=vae", "model.beta=9", "model.latent_size=5"], ""),
        (["model.family=vae"], ["model.family=hierarchical"], ""),
        (["model.likelihood=gaussian", "model.sigma=0.1"], ["model.likelihood=gaussian", "model.sigma=0.5"], ""),
    ],
)
def test_bounds_are_compared_only_where_they_are_of_the_same_x(one: list[str], other: list[str], why: str) -> None:
    row = figures_of(made("digits-vae", *one, test_elbo=-20.0), made("digits-vae", *other, test_elbo=-19.0))[
        "test_elbo"
    ]
    assert (why in row.caution if why else not row.caution) and row.best == (None if why else 1)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (["model.predicts=v"], "predict different things"),
        (["model.schedule=linear"], "noise schedules"),
        (["model.timesteps=50"], "noise schedules"),
        (["model.told=nothing"], "given its class"),
        (["model.channels=16", "training.seed=5"], ""),
    ],
)
def test_losses_are_compared_only_where_they_are_of_the_same_task(changes: list[str], why: str) -> None:
    row = figures_of(made("digits-ddpm", test_loss=0.2), made("digits-ddpm", *changes, test_loss=0.1))["test_loss"]
    assert (why in row.caution if why else not row.caution) and row.best == (None if why else 1)


def test_bounds_of_x_and_of_x_given_its_class_are_not_compared() -> None:
    def bounds(**of: float) -> comparison.FinalFigure:
        ones = [made("digits-ddpm", f"model.told={name.split('_')[0]}", test_bound=bound) for name, bound in of.items()]
        return figures_of(*ones)["test_bound"]

    assert bounds(nothing=90.0, nothing_more=89.0).best == 1 and bounds(class_=80.0, class_more=79.0).best == 1
    row = bounds(nothing=90.0, class_=80.0)
    assert row.best is None and "given its class" in row.caution


def test_runs_without_a_figure_do_not_hinder_the_others() -> None:
    vae, better, ddpm = (
        made("digits-vae", test_elbo=-24.0),
        made("digits-vae", test_elbo=-22.0),
        made("digits-ddpm", test_loss=0.1),
    )
    rows = figures_of(vae, ddpm, better)
    assert rows["test_elbo"].best == 2 and rows["test_elbo"].values == (-24.0, None, -22.0)
    assert rows["test_loss"].best is None, "nothing to compare with"


def test_reconstructions_of_autoencoders_are_compared() -> None:
    one, other = (made("digits-autoencoder", test_reconstruction=value) for value in (-22.0, -21.0))
    assert figures_of(one, other)["test_reconstruction"].best == 1


def test_the_table_as_csv_reads_back() -> None:
    one = replace(made("digits-vae", test_elbo=-24.4), name='a "quoted", name', path="/runs/one")
    other = made("digits-ddpm", test_loss=0.125)
    rows = list(csv.reader(io.StringIO(comparison.csv_bytes([one, other]).decode())))
    assert rows[0] == ["kind", "name", "unit", 'a "quoted", name', "digits-ddpm", "caution"]
    assert all(len(row) == 6 for row in rows)
    table = {row[1]: row for row in rows}
    assert table["folder"][3:5] == ["one", ""] and float(table["test_elbo"][3]) == -24.4
    assert table["model.beta"][3:5] == ["1.0", ""] and table["test_elbo"][4] == ""


# ---- curves --------------------------------------------------------------------------------------------------------


def measurement(step: int, split: str = "train", **values: float) -> Measurement:
    return Measurement(step, step / 24, 0.1 * step, split, values or {"elbo": -30.0 + step / 10}, (1.0, 0.001))  # type: ignore[arg-type]


def test_a_bundled_run_has_its_curve() -> None:
    folder = runs.find("digits-beta-vae")
    curve = read_curve(folder)
    assert curve is not None and curve.figure == "elbo"
    for split, points in (("train", curve.train), ("test", curve.test)):
        measured = [found for found in metrics.measurements(folder) if found.split == split]
        assert points.tolist() == [[m.epoch for m in measured], [m.values["elbo"] for m in measured]]
    card = runs.card(folder)
    assert curve.latest["test_elbo"] == card.metrics["test_elbo"]
    assert curve.latest["active_dimensions"] == card.metrics["active_dimensions"]
    loss = read_curve(runs.find("digits-ddpm"))
    assert loss is not None and loss.figure == "loss" and loss.test.shape[1] > 1
    objective = read_curve(runs.find("mnist-autoencoder"))
    assert objective is not None and objective.figure == "objective"


def test_a_run_without_measurements_has_none(new_run: Runs) -> None:
    folder = new_run("digits-vae")
    assert read_curve(folder) is None
    (folder / metrics.METRICS).write_text("garbage\n")
    assert read_curve(folder) is None
    (folder / metrics.METRICS).unlink()
    (folder / metrics.METRICS).mkdir()
    with pytest.raises(RunError, match=r"metrics\.jsonl"):
        read_curve(folder)


def test_turns_and_latest_figures_come_with_the_curve(new_run: Runs) -> None:
    folder = new_run("digits-vae")
    metrics.append(folder, measurement(5))
    turned = Turned(6, 0.25, Knobs(20.0, 1.0))
    metrics.append_turn(folder, turned)
    metrics.append(folder, measurement(24, "test", elbo=-25.0, kl=1.0))
    metrics.append(folder, measurement(30))
    curve = read_curve(folder)
    assert curve is not None and curve.turned == (turned,) and curve.test.tolist() == [[1.0], [-25.0]]
    assert curve.latest == {"test_elbo": -25.0, "test_kl": 1.0, "active_dimensions": 1, "epochs": 1.25, "seconds": 3.0}
    begun = comparison.with_curve(made("digits-vae"), curve, "β 20")
    assert begun.figures == curve.latest and begun.turned == "β 20"
    ended = comparison.with_curve(made("digits-vae", test_elbo=-1.0), curve)
    assert ended.figures == {"test_elbo": -1.0}, "final ones stand"


def test_a_long_curve_has_few_points_and_the_same_average(new_run: Runs) -> None:
    folder = new_run("digits-vae")
    noise = np.random.default_rng(0).normal(size=20_011)
    lines = [{"step": n, "epoch": n / 100, "seconds": 1.0, "split": "train", "elbo": y} for n, y in enumerate(noise)]
    (folder / metrics.METRICS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    curve = read_curve(folder)
    assert curve is not None and 500 < curve.train.shape[1] <= 2001
    x, y = curve.train
    assert np.all(np.diff(x) > 0) and 0 <= x[0] < 0.2 and x[-1] > 199.9
    assert y.mean() == pytest.approx(noise.mean(), abs=0.002), "a point is an average over as many items"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=200), st.integers(1, 8))
def test_thinning_keeps_the_order_and_the_mean_of_whole_points(values: list[float], most: int) -> None:
    thinned = comparison._Thinned(most)
    for x, y in enumerate(values):
        thinned.add(float(x), y)
    points = thinned.points()
    assert 1 <= points.shape[1] <= 2 * most and np.all(np.diff(points[0]) > 0)
    if len(values) < 2 * most:
        assert points[1].tolist() == values


def test_reading_stops_when_asked(new_run: Runs) -> None:
    folder = new_run("digits-vae")
    metrics.append(folder, measurement(5))
    assert read_curve(folder, lambda: True) is None


def test_a_subject_is_what_the_record_says(home: Path) -> None:
    from explorer import paths

    folder = paths.library() / "one"
    shutil.copytree(runs.find("digits-beta-vae"), folder)
    card = runs.card(folder)
    one = comparison.subject(card)
    assert (one.name, one.parameters, one.path) == (card.title, card.parameters, str(folder))
    assert one.config == runs.read_config(folder) and one.figures == card.metrics
    (folder / runs.RECORD).write_text("{")
    with pytest.raises(RunError):
        comparison.subject(card)

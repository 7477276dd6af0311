"""Runs side by side: the settings in which they differ, their final figures, and a curve of each to lay over another.

Figures are compared only where they are of the same thing. A loss of ε is no smaller or larger than one of v, and a
density of grey values is no better or worse than a probability of black-or-white ones: then it is said why.
"""

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer import metrics, runs
from explorer.config import ACTIVE_NATS, ConditionalConfig, DiffusionConfig, RunConfig
from explorer.messages import ModelCard
from explorer.setting import choices, condition, hints
from explorer.settings import setting_names
from explorer.training_messages import Measurement, Turned

Points = NDArray[np.float64]

_MOST_POINTS = 1000
_TURNED, _PLANNED = "turned", "training.turns"
_GIVEN = "one is of x alone, the other of x given its class"


@dataclass(frozen=True)
class Subject:
    """A run, or an experiment that has not begun, as it is compared.

    Attributes:
        name: what it is called.
        config: its settings.
        figures: final figures as in ``run.json``; of a run that is not at its end the latest ones.
        parameters: how many weights it has, 0 where that is not known.
        turned: how its knobs were turned while it was trained, in words.
        path: its folder, "" of an experiment.
    """

    name: str
    config: RunConfig
    figures: Mapping[str, float] = field(default_factory=dict)
    parameters: int = 0
    turned: str = ""
    path: str = ""


def subject(card: ModelCard) -> Subject:
    """Return a run as it is compared.

    Raises:
        RunError: its settings cannot be read.
    """
    config = runs.read_config(Path(card.path))
    return Subject(card.title, config, card.metrics, card.parameters, path=card.path)


# ---- settings ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """A setting in which runs differ; a value is None where the run's family does not have it or it does nothing."""

    address: str
    label: str
    meaning: str
    values: tuple[Any, ...]
    chosen: bool = False  # of some that are offered


def differences(subjects: Sequence[Subject]) -> list[Difference]:
    """Return the settings that are not the same in all subjects, in the order of the form."""
    found = []
    for address in setting_names():
        section_name, _, name = address.partition(".")
        if not name or address == _PLANNED:
            continue  # the title is what they are called; turns are told below, those that were and those to come
        values: list[Any] = []
        label, meaning, chosen = address, "", False
        for one in subjects:
            section = getattr(one.config, section_name)
            declared = type(section).model_fields.get(name)
            if declared is None:
                values.append(None)
                continue
            label = str(hints(declared).get("label", address))
            chosen = bool(choices(declared))
            unit = hints(declared).get("unit")
            meaning = (declared.description or "") + (f" In {unit}." if unit else "")
            values.append(getattr(section, name) if _matters(section, name) else None)
        if any(value != values[0] for value in values):
            found.append(Difference(address, label, meaning, tuple(values), chosen))
    turned = tuple(_turned(one) for one in subjects)
    if any(value != turned[0] for value in turned):
        meaning = "How β and the learning rate were turned while it trained, or are to be."
        found.append(Difference(_TURNED, "Turned", meaning, turned))
    return found


def _turned(one: Subject) -> str | None:
    """Return how the knobs were turned, else how they are to be turned, by step."""
    planned = one.config.training.turns
    return one.turned or (f"to come: {planned}" if planned else None)


def _matters(section: Any, name: str) -> bool:
    """Return whether a setting does anything beside the others of its section."""
    needed = condition(type(section).model_fields[name])
    return needed is None or getattr(section, needed[0]) in needed[1]


# ---- figures -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FinalFigure:
    """A final figure of every run; ``best`` is the place of the best one, None where there is no better or worse.

    ``caution`` says why the numbers must not be compared, "" where they may be.
    """

    key: str
    label: str
    unit: str
    meaning: str
    values: tuple[float | None, ...]
    best: int | None = None
    caution: str = ""


@dataclass(frozen=True)
class _Kind:
    label: str
    unit: str
    meaning: str
    better: Callable[[Iterable[float]], float] | None = None
    of: str = ""  # what makes two of them comparable: "likelihood", "loss" or "data"


_NATS = "nats per item"
_KINDS = {
    "test_elbo": _Kind("ELBO", _NATS, "E_q[ln p(x|z)] − KL on test items, always with β = 1.", max, "likelihood"),
    "test_bound": _Kind("Bound", _NATS, "−ELBO of the whole chain on test items; less is better.", min, "data"),
    "test_bound_error": _Kind("± of the bound", _NATS, "Standard error of the bound."),
    "test_loss": _Kind("Loss", "per value", "Mean squared error of what the network predicts.", min, "loss"),
    "test_reconstruction": _Kind("Reconstruction", _NATS, "E_q[ln p(x|z)] on test items.", None, "likelihood"),
    "test_kl": _Kind("KL", _NATS, "KL(q(z|x) ‖ p(z)) on test items; of a VQ-VAE −ln p(k) of its codes."),
    "test_objective": _Kind("Objective", "as minimized", "What was minimized, with β and all else that was added."),
    "active_dimensions": _Kind(
        "Active dimensions", "", f"Latent dimensions with a KL of {ACTIVE_NATS:g} nats or more."
    ),
    "test_perplexity": _Kind("Perplexity", "codes", "exp of the entropy of how often each code is used."),
    "test_commitment": _Kind("Commitment", "", "‖z_e − sg[e]‖², how far the encoder's outputs are from their codes."),
    "epochs": _Kind("Epochs", "", "Passes over the training items."),
    "seconds": _Kind("Training time", "s", "On the machine that trained it, pauses not counted."),
    "parameters": _Kind("Parameters", "", "Weights that are learned."),
}


def final_figures(subjects: Sequence[Subject]) -> list[FinalFigure]:
    """Return the figures that some subject has, with the best of each where the numbers are of the same thing."""
    found = []
    for key, kind in _KINDS.items():
        values = tuple(_figure(one, key) for one in subjects)
        there = [one for one, value in zip(subjects, values, strict=True) if value is not None]
        if not there:
            continue
        caution = _caution(kind.of, [one.config for one in there])
        better = kind.better
        if key == "test_reconstruction" and all(one.config.model.family == "autoencoder" for one in there):
            better = max  # with a KL beside it, more of the one is paid with more of the other
        best = None if caution or better is None else _best(values, better)
        found.append(FinalFigure(key, kind.label, kind.unit, kind.meaning, values, best, caution))
    return found


def _figure(one: Subject, key: str) -> float | None:
    if key == "parameters":
        return float(one.parameters) or None
    value = one.figures.get(key)
    return value if value is not None and math.isfinite(value) else None


def _best(values: Sequence[float | None], better: Callable[[Iterable[float]], float]) -> int | None:
    there = [value for value in values if value is not None]
    best = better(there)
    return values.index(best) if there.count(best) == 1 and len(there) > 1 else None


def _caution(kind: str, configs: Sequence[RunConfig]) -> str:
    """Return why figures of a kind, of runs with these settings, are not of the same thing; "" if they are."""
    if not kind or len(configs) < 2:
        return ""
    if _differ(configs, lambda c: (c.data.name, c.data.subset if c.data.name == "sprites" else "", _which(c))):
        return "different data sets"
    if kind == "likelihood":
        return _likelihood_caution(configs)
    if _differ(configs, lambda c: getattr(c.model, "told", "nothing")):
        return _GIVEN
    return _loss_caution(configs) if kind == "loss" else ""


def _loss_caution(configs: Sequence[RunConfig]) -> str:
    if _differ(configs, lambda c: getattr(c.model, "predicts", "")):
        return "the networks predict different things"
    if _differ(configs, lambda c: [getattr(c.model, name, "") for name in ("timesteps", "schedule")] + _betas(c)):
        return "different noise schedules"
    return ""


def _likelihood_caution(configs: Sequence[RunConfig]) -> str:
    if _differ(configs, lambda c: getattr(c.model, "likelihood", "")):
        return "one is a probability, the other a density"
    bernoulli = getattr(configs[0].model, "likelihood", "") == "bernoulli"
    if bernoulli and _differ(configs, lambda c: getattr(c.model, "binarization", "")):
        return "differently binarized images"
    if _differ(configs, lambda c: isinstance(c.model, ConditionalConfig)):
        return _GIVEN
    return ""


def _differ(configs: Sequence[RunConfig], what: Callable[[RunConfig], object]) -> bool:
    return any(what(config) != what(configs[0]) for config in configs)


def _which(config: RunConfig) -> str:
    """Return which of the data sets that have the same name in the catalog it is."""
    return {"mixture": config.data.mixture, "drawn": config.data.drawn}.get(config.data.name, "")


def _betas(config: RunConfig) -> list[object]:
    model = config.model
    return [model.betas] if isinstance(model, DiffusionConfig) and model.schedule == "custom" else []


def csv_bytes(subjects: Sequence[Subject]) -> bytes:
    """Return figures and differing settings of subjects as a CSV table, a column for each, in UTF-8."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["kind", "name", "unit", *(one.name for one in subjects), "caution"])
    table.writerow(["run", "folder", "", *(Path(one.path).name for one in subjects), ""])
    for figure in final_figures(subjects):
        values = ("" if value is None else repr(value) for value in figure.values)
        table.writerow(["figure", figure.key, figure.unit, *values, figure.caution])
    for one in differences(subjects):
        table.writerow(["setting", one.address, "", *("" if value is None else value for value in one.values), ""])
    return text.getvalue().encode()


# ---- curves --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunCurve:
    """The curve of a run, in a bounded number of points.

    Attributes:
        figure: what it is of: ``elbo``, ``loss``, or the ``objective`` of an autoencoder.
        train, test: epochs and values, (2, points) each.
        latest: figures of the last look at the test items, named as in ``run.json``.
        turned: how the knobs were turned.
    """

    figure: str
    train: Points
    test: Points
    latest: Mapping[str, float]
    turned: tuple[Turned, ...]


def read_curve(folder: Path, should_stop: Callable[[], bool] = lambda: False) -> RunCurve | None:
    """Return the curve of a run; None where nothing was measured yet, or it was asked to stop.

    Raises:
        RunError: the file is there and cannot be read.
    """
    tail = metrics.Tail(folder)
    curves: dict[tuple[str, str], _Thinned] = {}
    latest: dict[str, float] = {}
    turned: list[Turned] = []
    last: Measurement | None = None
    while not should_stop():
        for said in tail.read():
            if isinstance(said, Turned):
                turned.append(said)
                continue
            last = said
            name = _name(said.values)
            if name:
                curves.setdefault((said.split, name), _Thinned()).add(said.epoch, said.values[name])
            if said.split == "test":
                latest = metrics.figures_of(said)
        if not tail.more:
            break
    if last is None or not curves or should_stop():
        return None
    _, name = next(iter(curves))
    latest |= {"epochs": last.epoch, "seconds": last.seconds}
    train, test = (curves.get((split, name), _Thinned()).points() for split in ("train", "test"))
    return RunCurve(name, train, test, latest, tuple(turned))


def with_curve(one: Subject, curve: RunCurve, turned: str = "") -> Subject:
    """Return a subject with how its knobs were turned, and with the latest figures where none are final."""
    return replace(one, figures=one.figures or curve.latest, turned=turned)


def _name(values: Mapping[str, float]) -> str:
    return next((name for name in ("elbo", "loss", "objective") if name in values), "")


class _Thinned:
    """A curve in bounded memory: when there are too many points, neighbours become their average.

    Points of a training curve are averages over the items since the last one, so the average of two is one over as
    many items more.
    """

    def __init__(self, most: int = _MOST_POINTS) -> None:
        self._most = most
        self._each = 1  # measurements in a point
        self._points: list[tuple[float, float]] = []
        self._waiting: list[tuple[float, float]] = []

    def add(self, x: float, y: float) -> None:
        before = (self._waiting or self._points or [(-math.inf, 0.0)])[-1]
        if x < before[0]:
            return  # of steps that were taken twice
        self._waiting.append((x, y))
        if len(self._waiting) < self._each:
            return
        self._points.append(_average(self._waiting))
        self._waiting = []
        if len(self._points) == 2 * self._most:
            self._points = [_average(self._points[at : at + 2]) for at in range(0, len(self._points), 2)]
            self._each *= 2

    def points(self) -> Points:
        rest = [_average(self._waiting)] if self._waiting else []
        return np.array([*self._points, *rest], np.float64).reshape(-1, 2).T


def _average(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)

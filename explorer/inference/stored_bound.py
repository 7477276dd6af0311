"""The bound per t of a model for the Diffusion page: evaluated once, then kept for as long as its weights are."""

import contextlib
import dataclasses
import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from explorer import paths
from explorer.errors import RunError
from explorer.figures import Evaluation, Figure
from explorer.files import as_json, read_json, write_atomically
from explorer.inference.evaluation import evaluate as evaluated
from explorer.inference.plan import Plan
from explorer.inference.session import ModelSession
from explorer.messages import Step

_ITEMS, _TIMES = 128, 48  # of pictures: a standard error of some percent after half a minute on one thread
_POINTS = 1000


def plan(session: ModelSession) -> Plan:
    """Return what is looked at: few pictures at many t; of points, which are quick, more at every t."""
    if session.points:
        return Plan(session.data, limit=_POINTS, times=0)
    return Plan(session.data, limit=_ITEMS, times=_TIMES)


def evaluate(session: ModelSession) -> Iterator[Step | Evaluation]:
    """Yield a ``Step`` after every batch and the ``Evaluation`` last, which is kept too.

    Raises:
        RunError, DataError: as ``explorer.inference.evaluation.evaluate``.
    """
    for step in evaluated(session, plan(session)):
        if isinstance(step, Evaluation):
            with contextlib.suppress(RunError, OSError, ValueError):  # then it is evaluated again next time
                place = _place(session)
                place.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(place, as_json(dataclasses.asdict(step)))
        yield step


def stored(session: ModelSession) -> Evaluation | None:
    """Return what was found before for these weights; None where there is nothing, or nothing that can be read."""
    try:
        return _evaluation(read_json(_place(session)))
    except (RunError, KeyError, TypeError, ValueError, AttributeError):
        return None


def _place(session: ModelSession) -> Path:
    asked = f"{session.weights_sha256} {plan(session)!r}"
    return paths.data_home() / "bounds" / f"{hashlib.sha256(asked.encode()).hexdigest()[:32]}.json"


def _evaluation(saved: dict[str, Any]) -> Evaluation:
    """Return the evaluation of a record; KeyError, TypeError or ValueError where it is none."""
    figures = {str(name): Figure(**figure) for name, figure in saved["figures"].items()}
    if not all(math.isfinite(figure.value) for figure in figures.values()):
        raise ValueError("a figure is not finite")
    t, steps = (tuple(int(value) for value in saved[name]) for name in ("t", "steps"))
    per_t = {
        str(name): tuple(None if value is None else float(value) for value in curve)
        for name, curve in saved["per_t"].items()
    }
    if "bound" not in figures or any(len(curve) != len(t) for curve in [steps, *per_t.values()]):
        raise ValueError("the curves do not fit each other")
    return Evaluation(
        str(saved["model"]), str(saved["family"]), str(saved["data"]), saved["split"], int(saved["items"]),
        int(saved["iwae_samples"]), int(saved["seed"]), figures, t=t, steps=steps, per_t=per_t,
    )  # fmt: skip

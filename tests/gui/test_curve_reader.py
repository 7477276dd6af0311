"""Curves of earlier runs read beside the window."""

from collections.abc import Callable
from pathlib import Path

import pytest

from explorer import comparison, metrics
from explorer.training_messages import Measurement
from explorer.ui.app import make_application
from explorer.workers import curve_reader
from explorer.workers.curve_reader import CurveReader, stamp


def test_what_is_written_while_a_curve_is_read_makes_its_stamp_an_old_one(
    new_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_application("dark")
    folder = new_run("digits-vae")
    metrics.append(folder, Measurement(1, 0.1, 0.1, "train", {"elbo": -1.0}))
    before = stamp(str(folder))

    def read_while_it_grows(path: Path, should_stop: Callable[[], bool]) -> comparison.RunCurve | None:
        found = comparison.read_curve(path, should_stop)
        metrics.append(path, Measurement(2, 0.2, 0.2, "train", {"elbo": -2.0}))
        return found

    monkeypatch.setattr(curve_reader, "read_curve", read_while_it_grows)
    monkeypatch.setattr(curve_reader, "be_polite", lambda: None)  # it is this thread that works
    told: list[tuple[object, ...]] = []
    reader = CurveReader([str(folder)])
    reader.curve.connect(lambda *said: told.append(said))
    reader.work()
    [(path, curve, found)] = told
    assert path == str(folder) and isinstance(curve, comparison.RunCurve)
    assert found == before != stamp(str(folder))

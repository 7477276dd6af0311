"""A loss, or weights, that are no numbers: training ends with the reason, and what was saved while finite stands."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from explorer import files, metrics, runs
from explorer.errors import TrainingError
from explorer.inference.session import ModelSession
from explorer.messages import Failure
from explorer.models import weights
from explorer.settings import load_settings, with_settings
from explorer.training.loop import train
from explorer.training.trainer import Trainer
from explorer.training_messages import Progress, TrainingEnded
from explorer.ui.main_window import MainWindow
from explorer.ui.train_page import TrainPage

Until = Callable[[Callable[[], bool]], None]
pytestmark = pytest.mark.filterwarnings("ignore:.*overflow.*")


def checkpoint_bytes(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(place.iterdir())}


def assert_finite(folder: Path) -> None:
    """Fail unless every checkpoint and what is published hold finite numbers, and the curves are readable."""
    for place in runs.checkpoint_folders(folder):
        for path in place.glob("*.safetensors"):
            for tensor in weights.load_safetensors(files.read_verified(place, path.name)).values():
                assert bool(torch.isfinite(tensor).all()), path
    session = ModelSession.open(folder, "cpu")
    assert all(bool(torch.isfinite(tensor).all()) for tensor in session.model.state_dict().values())
    lines = (folder / metrics.METRICS).read_text().splitlines()
    found = list(metrics.measurements(folder))
    assert len(found) + len(metrics.turns(folder)) == len(lines)
    assert all(math.isfinite(value) for one in found for value in one.values.values())


@pytest.mark.parametrize(
    "preset", ["digits-vae", "digits-beta-vae", "digits-autoencoder", "digits-conditional", "digits-ladder",
               "digits-vq", "digits-ddpm", "points-ddpm"],
)  # fmt: skip
def test_a_rate_that_explodes_leaves_the_last_checkpoint(new_run: Callable[..., Path], preset: str) -> None:
    folder = new_run(preset, "training.precision=float32")
    stopped = list(train(folder, should_stop=lambda: True))[-1]
    assert isinstance(stopped, TrainingEnded)
    [before] = runs.checkpoint_folders(folder)
    content, published = checkpoint_bytes(before), (folder / runs.WEIGHTS).read_bytes()
    config = with_settings(runs.read_config(folder), ["training.learning_rate=1e9", "training.epochs=40"])
    runs.update_record(folder, config=config.model_dump(mode="json"))
    with pytest.raises(
        TrainingError, match=r"no number after step \d+.*stands.*training\.learning_rate \(now 1e\+09\)"
    ):
        list(train(folder, resume=True))
    assert checkpoint_bytes(before) == content and (folder / runs.WEIGHTS).read_bytes() == published
    assert_finite(folder)
    assert json.loads((folder / runs.RECORD).read_text())["status"] == "failed"
    config = with_settings(config, ["training.learning_rate=1e-4", "training.epochs=1"])
    runs.update_record(folder, config=config.model_dump(mode="json"))
    ended = list(train(folder, resume=True))[-1]
    assert isinstance(ended, TrainingEnded) and ended.reason == "finished", "it can go on from there"
    assert_finite(folder)


@pytest.mark.parametrize("when", ["the clock saves", "it is stopped", "it ends", "the generator is closed"])
@pytest.mark.parametrize("what", ["a weight", "a moment of the optimizer"])
def test_a_step_that_breaks_the_weights_is_not_saved(
    new_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, when: str, what: str
) -> None:
    """Break the weights in a step whose loss was still finite: only the next loss would show it."""
    folder = new_run("points-ddpm", "training.log_every=1", "training.batch_size=60")  # 10 steps an epoch, 20 in all
    list(train(folder, should_stop=lambda: True))
    [before] = runs.checkpoint_folders(folder)
    broken_at = 20 if when == "it ends" else 5
    real = Trainer.train_step

    def step(self: Trainer, *rest: object) -> object:
        result = real(self, *rest)
        if self.step == broken_at:
            with torch.no_grad():
                weight = self.parameters[-1]
                (weight if what == "a weight" else self.optimizer.state[weight]["exp_avg_sq"]).fill_(math.inf)
        return result

    monkeypatch.setattr(Trainer, "train_step", step)
    taken = [1]

    def stop() -> bool:
        taken[0] += 1
        return when == "it is stopped" and taken[0] == broken_at

    if when == "the clock saves":
        config = runs.read_config(folder)
        impatient = config.training.model_copy(update={"checkpoint_seconds": 0.0})
        monkeypatch.setattr("explorer.runs.read_config", lambda _: config.model_copy(update={"training": impatient}))
    loop = train(folder, resume=True, should_stop=stop)
    if when == "the generator is closed":
        for message in loop:
            if isinstance(message, Progress) and message.measurement.step == broken_at:
                break
        with pytest.raises(TrainingError, match="no number"):
            loop.close()
    else:
        with pytest.raises(TrainingError, match="no number"):
            list(loop)
    monkeypatch.undo()
    assert_finite(folder)
    newest = runs.checkpoint_folders(folder)[0]
    assert newest == before or (when == "the clock saves" and int(newest.name) == broken_at - 1)


def test_the_window_keeps_the_curves_and_starts_again(
    window: MainWindow, qtbot: QtBot, until: Until, problems: list[Failure], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = window.show_page("train")
    assert isinstance(page, TrainPage)
    page.form.set_config(load_settings("digits-vae"))
    for address, text in {
        "model.hidden_units": "16", "training.device": "cpu", "training.epochs": "2", "training.log_every": "1",
        "training.precision": "float32",
    }.items():  # fmt: skip
        page.form.set_value(address, text)
    real = Trainer.train_step

    def step(self: Trainer, *rest: object) -> object:
        if self.step == 11:
            with torch.no_grad():
                self.parameters[0].fill_(math.nan)
        return real(self, *rest)

    monkeypatch.setattr(Trainer, "train_step", step)
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)
    assert "no number after step 12" in problems[-1].text and "learning_rate" in problems[-1].text
    assert window.messages.isVisible() and "error" in page.state.line.text()
    drawn = page.views.curves.elbo._curves["train"].getData()[1]
    assert len(drawn) == 11 and np.isfinite(drawn).all(), "the curves stand, to the last step before"
    assert page.folder is not None
    failed = page.folder
    monkeypatch.undo()
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)
    assert page.folder not in {failed, None} and "finished" in page.state.line.text() and len(problems) == 1

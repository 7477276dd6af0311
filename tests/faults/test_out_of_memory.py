"""No memory left while a model trains: it ends with a smaller batch suggested, its memory is free, all goes on."""

import gc
import resource
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from explorer import metrics, runs
from explorer.errors import TrainingError
from explorer.inference.session import ModelSession
from explorer.messages import Failure
from explorer.settings import load_settings
from explorer.training.loop import train
from explorer.training.trainer import Trainer
from explorer.training_messages import TrainingEnded
from explorer.ui.main_window import MainWindow
from explorer.ui.train_page import TrainPage
from tests.faults.children import Child

NewRun = Callable[..., Path]
ERRORS = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    "cpu": RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried"),
    "numpy": MemoryError("Unable to allocate 1. GiB"),
}


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Exception], list[weakref.ref[torch.nn.Module]]]:
    """Return a maker of full memory: an error in the step after so many; the list it returns fills with the models."""

    def inject(after: int, error: Exception) -> list[weakref.ref[torch.nn.Module]]:
        models: list[weakref.ref[torch.nn.Module]] = []
        real = Trainer.train_step

        def step(self: Trainer, *rest: object) -> object:
            if self.step == after:
                models.append(weakref.ref(self.model))
                raise type(error)(*error.args)
            return real(self, *rest)

        monkeypatch.setattr(Trainer, "train_step", step)
        return models

    return inject


@pytest.mark.parametrize("kind", ERRORS)
def test_what_was_saved_stands_and_memory_is_free(
    new_run: NewRun, full: Callable[..., list[weakref.ref[torch.nn.Module]]], kind: str
) -> None:
    folder = new_run("points-vae", "training.log_every=1", "training.batch_size=60")
    list(train(folder, should_stop=lambda: True))
    saved = {path: path.read_bytes() for path in runs.checkpoint_folders(folder)[0].iterdir()}
    models = full(7, ERRORS[kind])
    with pytest.raises(TrainingError, match=r"no memory left.*training\.batch_size=30 or a smaller model"):
        list(train(folder, resume=True))
    assert all(path.read_bytes() == content for path, content in saved.items())
    assert [int(place.name) for place in runs.checkpoint_folders(folder)] == [1]
    assert [found.step for found in metrics.measurements(folder) if found.split == "train"] == [1, 2, 3, 4, 5, 6, 7]
    ModelSession.open(folder, "cpu")
    gc.collect()
    assert len(models) == 1 and models[0]() is None
    assert runs.read_record(folder)["status"] == "failed"


def test_other_errors_are_not_called_so(new_run: NewRun, full: Callable[..., object]) -> None:
    full(1, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1"):
        list(train(new_run("points-vae")))


BIG = ("model.hidden_units=256", "training.epochs=1")


def train_in_little_room(say: Callable[[object], None], folder: Path) -> None:
    """Train with 64 MB more than there is; say the error, then train something small in the same room."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + 64_000_000
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    try:
        list(train(folder))
    except TrainingError as error:
        say(str(error))
    config = runs.read_config(folder)
    small = config.training.model_copy(update={"batch_size": 500})
    changed = config.model_copy(update={"training": small}).model_dump(mode="json")
    runs.update_record(folder, config=changed)
    say(list(train(folder))[-1].reason)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads what memory is taken from /proc")
def test_a_real_lack_of_memory(new_run: NewRun) -> None:
    folder = new_run("points-vae", "data.items=60000", "training.batch_size=60000", *BIG)
    error, ended = Child(train_in_little_room, folder).end()
    assert "training.batch_size=30000" in error and ended == "finished"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_real_lack_of_memory_on_cuda(new_run: NewRun) -> None:
    gigabyte = 1e9 / torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(gigabyte)
    before = torch.cuda.memory_allocated()
    changes = ("model.hidden_units=4096", "data.items=65536", "training.epochs=1", "training.device=cuda")
    try:
        with pytest.raises(TrainingError, match=r"no memory left.*training\.batch_size=32768"):
            list(train(new_run("points-vae", *changes, "training.batch_size=65536")))
        gc.collect()
        assert torch.cuda.memory_allocated() <= before
        ended = list(train(new_run("points-vae", *changes, "training.batch_size=512")))[-1]
        assert isinstance(ended, TrainingEnded)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def test_the_window_trains_again(
    window: MainWindow,
    qtbot: QtBot,
    until: Callable[[Callable[[], bool]], None],
    problems: list[Failure],
    full: Callable[..., list[weakref.ref[torch.nn.Module]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = window.show_page("train")
    assert isinstance(page, TrainPage)
    page.form.set_config(load_settings("digits-vae"))
    for address, text in {"model.hidden_units": "16", "training.device": "cpu", "training.epochs": "2"}.items():
        page.form.set_value(address, text)
    models = full(30, ERRORS["cuda"])
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)
    assert "training.batch_size=32" in problems[-1].text and window.messages.isVisible()
    gc.collect()
    assert len(models) == 1 and models[0]() is None, "the window holds on to nothing of it"
    monkeypatch.undo()
    page.form.set_value("training.batch_size", "32")
    qtbot.mouseClick(page.live.start, Qt.MouseButton.LeftButton)
    until(lambda: not page.running)
    assert "finished" in page.state.line.text() and len(problems) == 1


def test_a_batch_of_one_is_not_halved(new_run: NewRun, full: Callable[..., object]) -> None:
    full(1, ERRORS["cuda"])
    with pytest.raises(TrainingError, match="no memory left") as caught:
        list(train(new_run("points-vae", "training.batch_size=1")))
    assert "batch_size" not in str(caught.value) and "smaller model" in str(caught.value)

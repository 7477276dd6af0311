"""One run, one writer: between processes, between threads, and whatever became of the last one."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from explorer import locks, paths, runs
from explorer.errors import RunError
from explorer.settings import load_settings
from explorer.training.loop import train
from explorer.training_messages import TrainingEnded
from tests.faults.children import Child

NewRun = Callable[..., Path]
Say = Callable[[object], None]


def hold(say: Say, folder: Path) -> None:
    """Hold a folder until killed."""
    with locks.writing(folder):
        say("held")
        threading.Event().wait()


def create_some(say: Say, home: Path, count: int) -> None:
    """Make runs of the same title in the library of ``home``; say their folders."""
    paths.data_home = lambda: home
    say("ready")
    for _ in range(count):
        say(str(runs.create(load_settings("digits-vae"))))


def create_there(say: Say, folder: Path) -> None:
    """Make a run in a folder; say whether that was possible."""
    say("ready")
    try:
        runs.create(load_settings("digits-vae"), folder)
        say("made")
    except RunError as error:
        say(str(error))


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    with locks.writing(tmp_path):
        assert locks.is_written(tmp_path)
        with pytest.raises(RunError, match=f"{tmp_path.name} is being trained"), locks.writing(tmp_path):
            pytest.fail("two at once")
        assert locks.is_written(tmp_path), "who did not get it did not free it"
    assert not locks.is_written(tmp_path)
    with locks.writing(tmp_path):
        pass


def test_another_process_holds_it_until_it_is_killed(tmp_path: Path) -> None:
    child = Child(hold, tmp_path)
    assert child.hear() == "held"
    assert locks.is_written(tmp_path)
    with pytest.raises(RunError, match="is being trained"), locks.writing(tmp_path):
        pytest.fail("two at once")
    child.kill()
    assert (tmp_path / locks.LOCK).exists() and not locks.is_written(tmp_path), "a file that is left means nothing"
    with locks.writing(tmp_path):
        pass


def test_it_is_freed_by_an_error_and_by_another_thread(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locks.writing(tmp_path):
        raise ZeroDivisionError
    assert not locks.is_written(tmp_path)
    holder = locks.writing(tmp_path)
    holder.__enter__()
    ender = threading.Thread(target=holder.__exit__, args=(None, None, None))
    ender.start()
    ender.join()
    assert not locks.is_written(tmp_path)


def test_looking_makes_nothing(tmp_path: Path) -> None:
    assert not locks.is_written(tmp_path) and not locks.is_written(tmp_path / "nowhere")
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == []
    bundled = runs.find("digits-vae-2d")
    assert not runs.card(bundled).problem and not locks.is_written(bundled)
    assert not (bundled / locks.LOCK).exists()


def test_many_who_look_do_not_take_each_other_for_a_writer(tmp_path: Path) -> None:
    with locks.writing(tmp_path):
        pass
    found: list[bool] = []
    threads = [
        threading.Thread(target=lambda: found.extend(locks.is_written(tmp_path) for _ in range(50))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    with locks.writing(tmp_path):
        pass  # and a writer gets it between them
    for thread in threads:
        thread.join()
    assert len(found) == 200 and sum(found) < 100


def test_a_folder_that_cannot_be_locked_is_trained_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def without(*_: object, **__: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(locks.FileLock, "acquire", without)
    with locks.writing(tmp_path):
        assert not locks.is_written(tmp_path)
    assert "cannot be locked" in caplog.text


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no run folder .*gone"), locks.writing(tmp_path / "gone"):
        pytest.fail("there is no such folder")
    with pytest.raises(RunError, match=r"no run folder .*gone"):
        list(train(tmp_path / "gone", resume=True))
    assert not (tmp_path / "gone").exists()


def test_a_run_that_is_trained_is_not_trained_again(new_run: NewRun) -> None:
    folder = new_run("digits-vae", "training.epochs=1")
    first = train(folder)
    next(first)
    assert locks.is_written(folder)
    with pytest.raises(RunError, match="is being trained"):
        next(train(folder))
    last = list(first)[-1]
    assert isinstance(last, TrainingEnded) and not locks.is_written(folder)


def test_a_training_that_fails_frees_its_folder(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = new_run("digits-vae", "training.epochs=1")

    def broken(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as broken_trainer, pytest.raises(Exception, match="no memory left"):
        broken_trainer.setattr("explorer.training.trainer.Trainer.train_step", broken)
        list(train(folder))
    assert not locks.is_written(folder)
    list(train(folder))


def test_runs_of_one_title_made_at_once_have_folders_of_their_own(home: Path) -> None:
    children = [Child(create_some, home, 25) for _ in range(3)]
    made = [folder for child in children for folder in child.end() if folder != "ready"]
    assert len(made) == len(set(made)) == 75
    assert all(runs.card(Path(folder)).title for folder in made)


def test_one_folder_is_given_to_one_run(tmp_path: Path) -> None:
    for attempt in range(5):
        folder = tmp_path / f"out{attempt}"
        said = [child.end()[-1] for child in [Child(create_there, folder) for _ in range(2)]]
        assert sorted(said)[1] == "made" and "not empty" in sorted(said)[0]


def test_a_lock_is_no_content(tmp_path: Path) -> None:
    with locks.writing(tmp_path):
        pass
    folder = tmp_path / "run"
    folder.mkdir()
    with locks.writing(folder):
        pass
    runs.check_free(folder)
    assert runs.create(load_settings("digits-vae"), folder) == folder
    with pytest.raises(RunError, match="not empty"):
        runs.check_free(folder)

"""``vdx train`` in many processes: one run, one voice, and nothing lost when a process dies."""

import contextlib
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from explorer import metrics, paths, runs
from explorer.cli import main
from explorer.commands import training
from explorer.errors import ConfigError
from explorer.settings import load_settings
from explorer.training.launch import launched
from explorer.training.loop import train
from explorer.training_messages import TrainingStarted
from tests.conftest import TINY
from tests.faults.children import Child
from tests.ranks import Say, as_rank, pair

# ---- the command ---------------------------------------------------------------------------------------------------


def run_command(say: Say, rank: int, ranks: int, port: int, home: str, words: list[str], dies_at: int = 0) -> None:
    """Run ``vdx`` and say the exit code and what it printed; or die when asked to stop for the so-manieth time."""
    as_rank(rank, ranks, port)
    os.environ["VDX_HOME"] = f"{home}{rank}"  # as on two machines
    if dies_at and rank == 1:
        asked = 0

        def die() -> bool:
            nonlocal asked
            asked += 1
            if asked == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return False

        training._stoppable = lambda: contextlib.nullcontext(die)  # type: ignore[assignment]
    out, err = io.StringIO(), io.StringIO()
    say(os.getpid())
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    say((code, out.getvalue(), err.getvalue()))


def small(out: Path, *changes: str) -> list[str]:
    sets = [*TINY["digits-vae"], "training.log_every=1", "training.epochs=1", *changes]
    return ["train", "digits-vae", *(word for change in sets for word in ("--set", change)), "--out", str(out)]


def outcomes(children: list[Child]) -> list[tuple[int, str, str]]:
    return [child.hear(60) for child in children]


def values(folder: Path) -> list[dict[str, float]]:
    return [dict(found.values) for found in metrics.measurements(folder)]


def trained_steps(folder: Path) -> list[int]:
    return [found.step for found in metrics.measurements(folder) if found.split == "train"]


def test_a_run_of_two_processes_is_a_run(tmp_path: Path, new_run: Callable[..., Path]) -> None:
    """The same folder, the same curves; rank 0 alone speaks and writes."""
    turns = 'training.turns="7 beta=4; 12 rate=0.5"'
    with pair(run_command, str(tmp_path / "home"), small(tmp_path / "two", turns)) as children:
        for child in children:
            child.hear()
        (code, out, err), other = outcomes(children)
    assert other == (0, "", "")
    assert code == 0 and "finished after 24 steps" in out and "on 2 × cpu" in err
    alone = new_run("digits-vae", "training.log_every=1", "training.epochs=1", turns)
    list(train(alone))
    assert metrics.turns(tmp_path / "two") == metrics.turns(alone) != []
    ours, theirs = values(alone), values(tmp_path / "two")
    assert len(ours) == 25, "24 steps and a look at the test split"
    for one, other_one in zip(ours, theirs, strict=True):
        assert other_one == {name: pytest.approx(value, rel=1e-3, abs=1e-4) for name, value in one.items()}
    assert {path.name for path in (tmp_path / "two").iterdir()} == {path.name for path in alone.iterdir()}
    record = runs.read_record(tmp_path / "two")
    assert not (tmp_path / "home1" / "runs").exists(), "the other rank needs no folder of its own"
    assert (
        record["device"] == "2 × CPU · 1 thread"
        and record["status"] == "finished"
        and runs.card(tmp_path / "two").problem == ""
    )


def test_any_rank_can_stop_all(tmp_path: Path) -> None:
    words = small(tmp_path / "run", "training.epochs=10000")
    with pair(run_command, str(tmp_path / "home"), words) as children:
        asked = [child.hear() for child in children][1]
        until(lambda: len(values(tmp_path / "run")) > 3)
        os.kill(asked, signal.SIGTERM)
        (code, out, _), other = outcomes(children)
    assert other == (0, "", "")
    assert code == 130 and "stopped after" in out and "-m explorer train --resume" in out
    step = int(out.split("stopped after ")[1].split()[0])
    assert int(runs.checkpoint_folders(tmp_path / "run")[0].name) == step
    resumed = next(train(tmp_path / "run", resume=True))
    assert isinstance(resumed, TrainingStarted) and resumed.step == step


@pytest.mark.parametrize(
    ("code", "words", "changes"),
    [
        (2, "training.batch_size = 1 is the batch of all ranks", ["training.batch_size=1"]),
        (2, "cannot train together on mps", ["training.device=mps"]),
        (2, "there is no device cuda:7", ["training.device=cuda:7"]),
        (2, "there is no setting", ["model.nonsense=1"]),
        (1, "training.learning_rate", ["training.learning_rate=1e9", "training.epochs=20"]),
    ],
)
def test_a_mistake_is_said_once_and_ends_all(tmp_path: Path, code: int, words: str, changes: list[str]) -> None:
    with pair(run_command, str(tmp_path / "home"), small(tmp_path / "run", *changes)) as children:
        for child in children:
            child.hear()
        first, other = outcomes(children)
    assert first[0] == code and words in first[2].splitlines()[-1] and "Traceback" not in first[2]
    assert other == (1, "", "")
    assert code == 1 or not (tmp_path / "run").exists()


def test_a_lost_rank_ends_the_others_and_what_is_saved_stands(tmp_path: Path) -> None:
    words = small(tmp_path / "run", "training.epochs=10000")
    with pair(run_command, str(tmp_path / "home"), words, 9) as children:
        children[0].hear()
        code, _, err = children[0].hear(60)
    assert code == 1 and "another process of this training has ended" in err and "Traceback" not in err
    assert runs.read_record(tmp_path / "run")["status"] == "training", "not ended: a launcher may start it again"


# ---- the launcher --------------------------------------------------------------------------------------------------

TOLD = {
    "RANK": "1",
    "LOCAL_RANK": "1",
    "WORLD_SIZE": "4",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "a",
    "MASTER_PORT": "1",
}
TORCHRUN = {**TOLD, "RANK": "0", "LOCAL_RANK": "0", "TORCHELASTIC_RUN_ID": "job"}


def test_what_a_launcher_says_is_read() -> None:
    assert launched({}) is None
    launch = launched(TOLD)
    assert launch is not None and (launch.rank, launch.ranks, launch.local_rank, launch.local_ranks) == (1, 4, 1, 2)
    assert not launch.torchrun


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"RANK": ""}, "RANK is not"),
        ({"RANK": "", "MASTER_ADDR": ""}, "RANK, MASTER_ADDR are not"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE"),
        ({"WORLD_SIZE": "0"}, "from 1"),
        ({"RANK": "4"}, "from 0 to 3"),
        ({"RANK": "-1"}, "RANK"),
        ({"LOCAL_WORLD_SIZE": "1"}, "LOCAL_WORLD_SIZE"),
        ({"MASTER_PORT": "70000"}, "MASTER_PORT"),
        ({"RANK": "9" * 5000}, "RANK"),
    ],
)
def test_a_launcher_that_says_nonsense_is_answered(change: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        launched({**TOLD, **change})


def test_an_attempt_finds_the_run_of_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = launched(TORCHRUN)
    assert first is not None and first.earlier(None) is None and first.earlier(tmp_path / "out") is None
    config = load_settings("digits-vae")
    here, out = runs.create(config), runs.create(config, tmp_path / "out")
    for folder in (here, out):
        runs.update_record(folder, launch=first.mark())
    assert first.earlier(None) == here and first.earlier(out) == out
    assert socket.gethostname() not in (out / runs.RECORD).read_text()
    other_job = launched({**TORCHRUN, "TORCHELASTIC_RUN_ID": "another"})
    assert other_job is not None and other_job.earlier(out) is None
    with monkeypatch.context() as later:
        later.setattr(psutil.Process, "create_time", lambda _process: 1.0)
        reused = launched(TORCHRUN)
        assert reused is not None and reused.earlier(out) is None, "another launcher with the number of the first"
    again = launched(TORCHRUN)
    assert again is not None and again.earlier(out) == out
    monkeypatch.setattr(os, "getppid", lambda: 1)  # another launcher
    same_job = launched(TORCHRUN)
    moved = launched({**TORCHRUN, "TORCHELASTIC_RESTART_COUNT": "1"})
    assert same_job is not None and same_job.earlier(out) is None, "a job of the same name, begun anew"
    assert moved is not None and moved.earlier(out) == out, "restarted on another machine"


def test_what_an_attempt_left_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**TORCHRUN, "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"}.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "run"
    words = small(folder, "training.epochs=2")
    with monkeypatch.context() as stopping:
        stopping.setattr(training, "_stoppable", lambda: contextlib.nullcontext(lambda: True))
        assert main(words) == 0, "stopped is no failure, which torchrun would mend by starting again"
    assert "stopped after 1 steps" in capsys.readouterr().out
    assert main(words) == 0 and "was stopped by an earlier attempt" in capsys.readouterr().out
    runs.update_record(folder, status="failed")
    assert main(words) == 2 and "failed in an earlier attempt" in capsys.readouterr().err
    runs.update_record(folder, status="training")  # as a kill leaves it
    assert main(words) == 0 and "resumed from checkpoint 00000001 (step 1)" in capsys.readouterr().err
    assert trained_steps(folder) == list(range(1, 49))
    shutil.rmtree(folder / runs.CHECKPOINTS)
    runs.update_record(folder, status="training")
    assert main(words) == 0 and "resumed" not in capsys.readouterr().err
    assert trained_steps(folder) == list(range(1, 49))


@contextlib.contextmanager
def torchrun(home: Path, words: list[str], restarts: int = 0) -> Iterator["subprocess.Popen[str]"]:
    """Start the command under torchrun, and leave nothing of it behind."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    launcher = subprocess.Popen(
        [*command, f"--max-restarts={restarts}", "-m", "explorer", *words],
        env={**os.environ, "VDX_HOME": str(home), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield launcher
    finally:
        if launcher.poll() is None:
            for process in [*psutil.Process(launcher.pid).children(recursive=True), launcher]:
                process.kill()
            launcher.communicate()


def rank_process(launcher: "subprocess.Popen[str]", rank: int) -> psutil.Process:
    """Return the process of a rank."""
    for process in psutil.Process(launcher.pid).children():
        with contextlib.suppress(psutil.Error):  # one that ends just now
            if process.environ().get("RANK") == str(rank):
                return process
    raise AssertionError(f"there is no rank {rank}")


def until(condition: Callable[[], object], seconds: float = 100) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


@pytest.mark.slow
def test_torchrun_starts_a_killed_rank_again_and_no_step_is_missing(home: Path) -> None:
    """First another rank, then the one that writes; without --out the run has to be found again."""
    changes = ["model.hidden_units=256", "training.batch_size=500", "training.epochs=170", "training.log_every=5"]
    changes += ["training.checkpoint_seconds=1"]

    def newest() -> int:
        found = [int(place.name) for run in paths.library().glob("*") for place in runs.checkpoint_folders(run)]
        return max(found, default=0)

    with torchrun(home, small(home, *changes)[:-2], restarts=2) as launcher:
        before = 0
        for rank in (1, 0):
            until(lambda: newest() > before)  # noqa: B023
            before = newest()
            rank_process(launcher, rank).kill()
        out, _ = launcher.communicate(timeout=200)
    assert launcher.returncode == 0, out
    (folder,) = paths.library().iterdir()
    assert out.count("resumed from checkpoint") == 2 and "finished after 510 steps" in out
    assert runs.read_record(folder)["status"] == "finished"
    assert trained_steps(folder) == list(range(5, 511, 5))


@pytest.mark.slow
def test_a_signal_to_torchrun_stops_all_ranks_and_keeps(home: Path, tmp_path: Path) -> None:
    with torchrun(home, small(tmp_path / "run", "training.epochs=10000")) as launcher:
        until(lambda: len(values(tmp_path / "run")) > 3)
        launcher.send_signal(signal.SIGTERM)
        out, _ = launcher.communicate(timeout=100)
    assert out.count("stopped after") == 1 and "vdx:" not in out, out
    assert runs.read_record(tmp_path / "run")["status"] == "stopped"
    resumed = next(train(tmp_path / "run", resume=True))
    assert isinstance(resumed, TrainingStarted) and resumed.step >= 3

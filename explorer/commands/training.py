"""``vdx train``: a preset, a settings file, or a run to go on with; in one process, or in many under torchrun."""

import argparse
import contextlib
import json
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

from explorer import locks, metrics, runs, snapshots
from explorer.commands.shared import arguments, bar, keep_data
from explorer.errors import ConfigError, ExplorerError
from explorer.training_messages import Progress, StorageTrouble, TrainingEnded, TrainingStarted, headline

if TYPE_CHECKING:
    from explorer.config import RunConfig
    from explorer.training.distributed import Alone
    from explorer.training.launch import Launch
    from explorer.training.ranks import Ranks

Check = Callable[["RunConfig"], None]
_ENDED = {"finished", "stopped"}


class _Job(NamedTuple):
    """A run folder to train, and whether it goes on from a checkpoint."""

    folder: Path
    resume: bool


# ---- what to train -------------------------------------------------------------------------------------------------


def _prepare(options: argparse.Namespace, launch: "Launch | None", check: Check) -> _Job | None:
    """Return what to train; None where an earlier attempt of the same launch has done it.

    Args:
        options: of the command line.
        launch: what the launcher said, if there is one.
        check: raises where settings cannot be trained here; asked before anything is written.
    """
    earlier = launch.earlier(options.resume or options.out) if launch is not None else None
    if earlier is not None:
        return _again(earlier, check)
    job = _new(options, check) if options.resume is None else _resumed(options, check)
    if launch is not None and launch.torchrun:
        with locks.writing(job.folder):  # a run that somebody else trains keeps the mark of whom it has
            runs.update_record(job.folder, launch=launch.mark(), status="training")
    return job


def _again(folder: Path, check: Check) -> _Job | None:
    """Go on with what an attempt left that was cut short."""
    status = runs.read_record(folder).get("status")
    if status in _ENDED:
        print(f"{folder} was {status} by an earlier attempt; to train it on: vdx train --resume {_quoted(folder)}")
        return None
    if status == "failed":
        raise ConfigError(f"{folder} failed in an earlier attempt, and would again; change its settings")
    check(runs.read_config(folder))
    if runs.checkpoint_folders(folder):
        return _Job(folder, resume=True)
    with locks.writing(folder):
        metrics.cut(folder, -1)
        snapshots.cut(folder, -1)
    return _Job(folder, resume=False)


def _new(options: argparse.Namespace, check: Check) -> _Job:
    from explorer.settings import load_settings, titled, with_settings
    from explorer.training.prepare import new_run

    if options.settings is None:
        raise ConfigError("name a preset or a .toml file, or give --resume DIR")
    preset = load_settings(options.settings)
    config = titled(with_settings(preset, _changes(options), strict=True), preset)
    keep_data(options, config.data.name)
    check(config)
    named = Path(options.settings).name  # in whose folder the file lies is nobody's business
    command = "vdx " + " ".join(_quoted(word) for word in ["train", named, *_spread(options)])
    return _Job(new_run(config, options.out, command=command), resume=False)


def _changes(options: argparse.Namespace) -> list[str]:
    changes = [*options.set, *([f'training.device="{options.device}"'] if options.device else [])]
    return changes + ([f"data.name={options.data}"] if options.data else [])


def _resumed(options: argparse.Namespace, check: Check) -> _Job:
    from explorer.models import devices
    from explorer.settings import with_settings

    if (options.settings, options.out, options.data, options.data_dir) != (None,) * 4:
        raise ConfigError("--resume goes on with a run as it is: leave out the preset, --out, --data and --data-dir")
    before = runs.read_config(options.resume)
    config = with_settings(before, _changes(options))
    if (config.data, config.model) != (before.data, before.model):
        raise ConfigError(
            "--resume can change the title and training settings only; start a new run for another model or data set"
        )
    if (config.training.batch_size, config.training.precision) != (
        before.training.batch_size,
        before.training.precision,
    ):
        raise ConfigError("--resume goes on with the batches and the precision of the run: leave those settings out")
    devices.resolve(config.training.device)
    if not runs.checkpoint_folders(options.resume):
        raise ConfigError(f"{options.resume} has no checkpoint to go on from; start a new run")
    with locks.writing(options.resume):  # a run that somebody else trains keeps its settings
        check(config)
        if config != before:
            wanted: dict[str, object] = {"training": config.training.model_dump(mode="json")}
            wanted |= {"title": config.title} if config.title != before.title else {}  # or as it was renamed meanwhile
            runs.update_record(options.resume, lambda record: {"config": {**record["config"], **wanted}})
    return _Job(options.resume, resume=True)


def _spread(options: argparse.Namespace) -> list[str]:
    words = [word for change in options.set for word in ("--set", change)]
    words += ["--data", options.data] if options.data else []
    words += ["--data-dir", "FOLDER"] if options.data_dir else []  # whose folder it was is nobody's business
    return words + (["--device", options.device] if options.device else [])


def _quoted(word: str | Path) -> str:
    return shlex.quote(str(word))


# ---- who trains it -------------------------------------------------------------------------------------------------


def train(options: argparse.Namespace) -> int:
    """Train a preset or a settings file, or go on with a run: alone, or as one process of those of a launcher."""
    from explorer.training.launch import launched

    launch = launched()
    if launch is not None and launch.ranks > 1:
        return _train_together(options, launch)
    with arguments():
        job = _prepare(options, launch, _anything)
    if job is None:
        return 0
    from explorer.training.distributed import ALONE

    return _code(_run(job, ALONE), launch)


def _anything(_config: "RunConfig") -> None:
    """Any settings can be trained by one process."""


def _code(ended: TrainingEnded, launch: "Launch | None") -> int:
    """Return the exit code: 0 finished, 130 stopped. For torchrun both are 0: it starts again what ends otherwise."""
    return 130 if ended.reason == "stopped" and (launch is None or not launch.torchrun) else 0


def _train_together(options: argparse.Namespace, launch: "Launch") -> int:
    from explorer.training.ranks import LostRankError, Ranks

    ranks = Ranks(launch)
    try:
        return _lead(options, ranks) if ranks.rank == 0 else _assist(options, ranks)
    except LostRankError:
        if ranks.rank == 0:
            raise
        return 1  # one message is enough
    finally:
        ranks.leave()


def _lead(options: argparse.Namespace, ranks: "Ranks") -> int:
    """Be rank 0: prepare the run, train it and write."""
    from explorer.training.distributed import Together
    from explorer.training.ranks import LostRankError

    def check(config: "RunConfig") -> None:
        ranks.check(config.training)
        ranks.share(config.model_dump_json())
        ranks.agree()

    with arguments():
        job = _prepare(options, ranks.launch, check)
    if job is None:
        ranks.share()
        return 0
    ended = _run(job, Together(ranks))
    with contextlib.suppress(LostRankError):  # who is gone now is not missed
        ranks.wait()
    return _code(ended, ranks.launch)


def _assist(options: argparse.Namespace, ranks: "Ranks") -> int:
    """Be another rank: train along, and read and write nothing of the run, which may be on another machine."""
    from explorer.settings import validate
    from explorer.training.distributed import Together, assist

    settings = ranks.share()
    if not settings:
        return 0
    config = validate(json.loads(settings), "the run of rank 0")
    problem = None
    if ranks.launch.local_rank == 0:
        try:
            keep_data(options, config.data.name)
        except ExplorerError as error:
            problem = error
    ranks.agree(problem)
    with _stoppable() as stopped:
        assist(Together(ranks), config, stopped)
        ranks.wait()
    return 0


@contextlib.contextmanager
def _stoppable() -> Iterator[Callable[[], bool]]:
    """Take SIGINT and SIGTERM as the wish to stop and keep what was learned; yield the question whether it was said."""
    said = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal said
        said = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: said
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(job: _Job, team: "Alone") -> TrainingEnded:
    """Train in this process what ``job`` says, and print what happens."""
    from explorer.training.loop import train as train_run

    with _stoppable() as stopped:
        messages = train_run(job.folder, should_stop=stopped, resume=job.resume, patient=True, team=team)
        ended = _follow(messages, team.count)
    figures = ", ".join(f"{name} {value:.4g}" for name, value in ended.metrics.items())
    print(f"{ended.reason} after {ended.step} steps: {figures}")
    print(f"saved in {job.folder}")
    if ended.reason == "stopped":
        command = "vdx train" if team.count == 1 else "torchrun … -m explorer train"
        print(f"go on with: {command} --resume {_quoted(job.folder)}")
    return ended


# ---- what is said --------------------------------------------------------------------------------------------------


def _follow(messages: Iterator[object], ranks: int) -> TrainingEnded:
    ended: TrainingEnded | None = None
    progress = None
    shown: dict[str, str] = {}
    for message in messages:
        if isinstance(message, TrainingStarted):
            print(_beginning(message, ranks), file=sys.stderr)
            progress = bar(message.total_steps, "step")
            progress.update(message.step)
        elif isinstance(message, StorageTrouble) and progress is not None:
            progress.clear()
            print(f"vdx: {message.text or 'the run folder can be written again; training goes on'}", file=sys.stderr)
        elif isinstance(message, Progress) and progress is not None:
            name = headline(message.measurement.values)
            shown[f"{message.measurement.split} {name}"] = f"{message.measurement.values[name]:.3f}"
            progress.set_postfix(shown, refresh=False)
            progress.update(message.measurement.step - progress.n)
        elif isinstance(message, TrainingEnded):
            ended = message
    if progress is not None:
        progress.close()
    assert ended is not None
    return ended


def _beginning(started: TrainingStarted, ranks: int) -> str:
    """Return what is trained where, and from which checkpoint on."""
    where = started.device if ranks == 1 else f"{ranks} × {started.device.split(':')[0]}"
    text = f"training {started.parameters:,} parameters on {where}, {started.precision}"
    if started.resumed_from:
        text += f"\nresumed from checkpoint {started.resumed_from} (step {started.step})"
        if started.passed_over:
            were = "was" if len(started.passed_over) == 1 else "were"
            text += f"; {', '.join(started.passed_over)} {were} damaged and passed over"
    return text

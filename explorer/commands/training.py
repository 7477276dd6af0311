"""``vdx train``: a preset, a settings file, or a run to go on with."""

import argparse
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from explorer import runs
from explorer.commands.shared import arguments, bar, keep_data
from explorer.errors import ConfigError
from explorer.messages import Progress, TrainingEnded, TrainingStarted, headline


def _prepare(options: argparse.Namespace) -> tuple[Path, bool]:
    """Return the run folder to train and whether it is resumed."""
    from explorer.models import devices
    from explorer.settings import load_settings, with_settings
    from explorer.training.prepare import new_run

    changes = [*options.set, *([f'training.device="{options.device}"'] if options.device else [])]
    changes += [f"data.name={options.data}"] if options.data else []
    if options.resume is None:
        if options.settings is None:
            raise ConfigError("name a preset or a .toml file, or give --resume DIR")
        preset = load_settings(options.settings)
        config = with_settings(preset, changes, strict=True)
        if (config.data, config.model) != (preset.data, preset.model) and config.title == preset.title:
            config = config.model_copy(update={"title": f"{preset.title[:70]}, changed"})
        keep_data(options, config.data.name)
        command = "vdx " + " ".join(_quoted(word) for word in ["train", options.settings, *_spread(options)])
        return new_run(config, options.out, command=command), False
    if (options.settings, options.out, options.data, options.data_dir) != (None,) * 4:
        raise ConfigError("--resume goes on with a run as it is: leave out the preset, --out, --data and --data-dir")
    before = runs.read_config(options.resume)
    config = with_settings(before, changes)
    if (config.data, config.model) != (before.data, before.model):
        raise ConfigError("--resume can change training settings only; start a new run for another model or data set")
    if (config.training.batch_size, config.training.precision) != (
        before.training.batch_size,
        before.training.precision,
    ):
        raise ConfigError("--resume goes on with the batches and the precision of the run: leave those settings out")
    devices.resolve(config.training.device)
    if not runs.checkpoint_folders(options.resume):
        raise ConfigError(f"{options.resume} has no checkpoint to go on from; start a new run")
    if config != before:
        runs.update_record(options.resume, config=config.model_dump(mode="json"))
    return options.resume, True


def _spread(options: argparse.Namespace) -> list[str]:
    words = [word for change in options.set for word in ("--set", change)]
    words += ["--data", options.data] if options.data else []
    words += ["--data-dir", "FOLDER"] if options.data_dir else []  # whose folder it was is nobody's business
    return words + (["--device", options.device] if options.device else [])


def _quoted(word: str) -> str:
    import shlex

    return shlex.quote(word)


def train(options: argparse.Namespace) -> int:
    """Train a preset or a settings file, or go on with a run."""
    with arguments():
        folder, resume = _prepare(options)
    from explorer.training.loop import train as train_run

    interrupted = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True

    before = signal.signal(signal.SIGINT, stop)
    try:
        ended = _follow(train_run(folder, should_stop=lambda: interrupted, resume=resume))
    finally:
        signal.signal(signal.SIGINT, before)
    figures = ", ".join(f"{name} {value:.4g}" for name, value in ended.metrics.items())
    print(f"{ended.reason} after {ended.step} steps: {figures}")
    print(f"saved in {folder}")
    if ended.reason == "stopped":
        print(f"go on with: vdx train --resume {_quoted(str(folder))}")
        return 130
    return 0


def _follow(messages: Iterator[object]) -> TrainingEnded:
    ended: TrainingEnded | None = None
    progress = None
    shown: dict[str, str] = {}
    for message in messages:
        if isinstance(message, TrainingStarted):
            again = f", resumed at step {message.step}" if message.step else ""
            print(
                f"training {message.parameters:,} parameters on {message.device}, {message.precision}{again}",
                file=sys.stderr,
            )
            progress = bar(message.total_steps, "step")
            progress.update(message.step)
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

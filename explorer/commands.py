"""The commands of ``vdx`` other than the window: each checks its arguments, works with a progress bar, and prints."""

import argparse
import contextlib
import json
import platform
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from explorer import images, runs
from explorer.errors import ConfigError, ExplorerError
from explorer.messages import DenoiseRequest, Pixels, Progress, TrainingEnded, TrainingStarted, TraverseRequest
from explorer.version import VERSION

_GIF_FRAMES = 60
_STRIP_FRAMES = 10


def run(options: argparse.Namespace) -> int:
    """Run the command that was parsed and return the exit code."""
    command: Callable[[argparse.Namespace], int] = {
        "train": _train,
        "sample": _sample,
        "traverse": _traverse,
        "denoise": _denoise,
        "list": _list,
        "doctor": _doctor,
        "screenshot": _screenshot,
    }[options.command]
    return command(options)


@contextlib.contextmanager
def _arguments() -> Iterator[None]:
    """Turn whatever is wrong before the work begins into a bad argument."""
    try:
        yield
    except ExplorerError as error:
        raise ConfigError(str(error)) from error


def _bar(total: float, unit: str) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, unit=unit, file=sys.stderr, leave=False, disable=None, dynamic_ncols=True)


# ---- train ---------------------------------------------------------------------------------------------------------


def _prepare(options: argparse.Namespace) -> tuple[Path, bool]:
    """Return the run folder to train and whether it is resumed."""
    from explorer.models import devices
    from explorer.settings import load_settings, with_settings
    from explorer.training.prepare import new_run

    changes = [*options.set, *([f'training.device="{options.device}"'] if options.device else [])]
    if options.resume is None:
        if options.settings is None:
            raise ConfigError("name a preset or a .toml file, or give --resume DIR")
        config = with_settings(load_settings(options.settings), changes)
        command = "vdx " + " ".join(_quoted(word) for word in ["train", options.settings, *_spread(options)])
        return new_run(config, options.out, command=command), False
    if options.settings is not None or options.out is not None:
        raise ConfigError("--resume goes on with a run as it is: leave out the preset and --out")
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
    return words + (["--device", options.device] if options.device else [])


def _quoted(word: str) -> str:
    import shlex

    return shlex.quote(word)


def _train(options: argparse.Namespace) -> int:
    with _arguments():
        folder, resume = _prepare(options)
    from explorer.training.loop import train

    interrupted = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True

    before = signal.signal(signal.SIGINT, stop)
    try:
        ended = _follow(train(folder, should_stop=lambda: interrupted, resume=resume))
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
    bar = None
    shown: dict[str, str] = {}
    for message in messages:
        if isinstance(message, TrainingStarted):
            again = f", resumed at step {message.step}" if message.step else ""
            print(
                f"training {message.parameters:,} parameters on {message.device}, {message.precision}{again}",
                file=sys.stderr,
            )
            bar = _bar(message.total_steps, "step")
            bar.update(message.step)
        elif isinstance(message, Progress) and bar is not None:
            name = "elbo" if "elbo" in message.measurement.values else "loss"
            shown[f"{message.measurement.split} {name}"] = f"{message.measurement.values[name]:.3f}"
            bar.set_postfix(shown, refresh=False)
            bar.update(message.measurement.step - bar.n)
        elif isinstance(message, TrainingEnded):
            ended = message
    if bar is not None:
        bar.close()
    assert ended is not None
    return ended


# ---- pictures ------------------------------------------------------------------------------------------------------


def _open(options: argparse.Namespace, *endings: str) -> Any:
    from explorer.inference.session import ModelSession

    with _arguments():
        images.check_writable(options.out, endings)
        runs.find(options.model)
    return ModelSession.open(options.model, options.device)


def _say(path: Path) -> int:
    print(f"wrote {path}")
    return 0


def _sample(options: argparse.Namespace) -> int:
    session = _open(options, ".png")
    bar = None
    for done, total, pixels in session.sample(options.count, options.seed):
        bar = bar or _bar(total, "step")
        bar.update(done - bar.n)
        if pixels is not None:
            bar.close()
            provenance = session.provenance(command="sample", count=options.count, seed=options.seed)
            images.write_picture(options.out, images.png_bytes(images.sheet(pixels), provenance))
    return _say(options.out)


def _traverse(options: argparse.Namespace) -> int:
    session = _open(options, ".gif", ".png")
    if not session.latent_size:
        raise ConfigError(f"{options.model} has no latent space to traverse: it is a {session.card.label}")
    order = tuple(int(k) for k in np.argsort(-session.latents().kl_per_dimension))[:16]
    animated = options.out.suffix.lower() == ".gif"
    request = TraverseRequest(0, np.zeros(session.latent_size, np.float32), order, steps=25 if animated else 11)
    rows = session.traverse(request).pixels.reshape(len(order), request.steps, *session.image_shape)
    if animated:
        content = images.gif_bytes(images.swing(rows), hold=50)
    else:
        flat = rows.reshape(-1, *session.image_shape)
        provenance = session.provenance(command="traverse", dimensions=order, extent=request.extent)
        content = images.png_bytes(images.sheet(flat, request.steps), provenance)
    images.write_picture(options.out, content)
    return _say(options.out)


def _denoise(options: argparse.Namespace) -> int:
    session = _open(options, ".gif", ".png")
    if session.latent_size:
        raise ConfigError(f"{options.model} has no chain to denoise: it is a {session.card.label}")
    animated = options.out.suffix.lower() == ".gif"
    total = len(session.schedule().beta) - 1
    shown = set(np.linspace(0, total, _GIF_FRAMES if animated else _STRIP_FRAMES).round().astype(int).tolist())
    kept: list[Pixels] = []
    with _bar(total, "step") as bar:
        for frame in session.denoise(DenoiseRequest(0, options.count, options.seed)):
            bar.update(total - frame.t - bar.n)
            if frame.t in shown:
                kept.append(frame.x_t)
    if animated:
        content = images.gif_bytes([images.sheet(pixels) for pixels in kept])
    else:
        strip = np.stack(kept, axis=1).reshape(-1, *session.image_shape)
        provenance = session.provenance(command="denoise", count=options.count, seed=options.seed)
        content = images.png_bytes(images.sheet(strip, len(kept)), provenance)
    images.write_picture(options.out, content)
    return _say(options.out)


# ---- looking -------------------------------------------------------------------------------------------------------


def _listing() -> dict[str, Any]:
    from explorer.data.catalog import CATALOG

    cards = [runs.card(folder) for folder in runs.folders()]
    names = ("name", "family", "dataset", "path", "bundled", "metrics")
    return {
        "models": [{name: getattr(card, name) for name in names} for card in cards],
        "datasets": [
            {
                "name": name,
                "kind": entry.kind,
                "shape": list(entry.shape),
                "items": entry.items,
                "available": entry.available(),
            }
            for name, entry in CATALOG.items()
        ],
    }


def _list(options: argparse.Namespace) -> int:
    found = _listing()
    if options.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
        return 0
    print("models")
    for model in found["models"]:
        figures = ", ".join(f"{name} {value:.4g}" for name, value in model["metrics"].items() if "test" in name)
        whose = "bundled" if model["bundled"] else model["path"]
        print(f"  {model['name']:28} {model['family']:6} {model['dataset']:8} {whose}  {figures}")
    print("data sets")
    for data in found["datasets"]:
        print(f"  {data['name']:28} {data['kind']:6} {data['items']} items of {'×'.join(map(str, data['shape']))}")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from explorer.doctor import examine

    findings = examine()
    healthy = all(finding["ok"] for finding in findings)
    if options.json:
        print(json.dumps({"ok": healthy, "version": VERSION, "findings": findings}, indent=1, ensure_ascii=False))
    else:
        print(f"vdx {VERSION} on Python {platform.python_version()}, {platform.platform()}")
        for finding in findings:
            print(f"  {'ok ' if finding['ok'] else 'BAD'} {finding['name']}: {finding['text']}")
    return 0 if healthy else 1


def _screenshot(options: argparse.Namespace) -> int:
    with _arguments():
        images.check_writable(options.out, (".png",))
        if options.model is not None:
            runs.find(options.model)
    from explorer.ui.screenshot import render

    render(options.page, options.model, options.theme, options.size, options.out)
    return _say(options.out)

"""The command line ``vdx``: what may be asked, and how mistakes are answered. The work is in ``commands``."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from explorer import logs
from explorer.errors import ConfigError, DeviceError, ExplorerError
from explorer.version import VERSION

PAGES = ("models", "train", "latent", "diffusion")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no whole number") from error


def _count(text: str) -> int:
    value = _whole(text)
    if not 1 <= value <= 4096:
        raise argparse.ArgumentTypeError(f"{value} is not from 1 to 4096")
    return value


def _items(text: str) -> int:
    value = _whole(text)
    if not 0 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{value} is not from 0 to 1 000 000")
    return value


def _seed(text: str) -> int:
    value = _whole(text)
    if not 0 <= value < 2**63:
        raise argparse.ArgumentTypeError("a seed is from 0 to 2^63 − 1")
    return value


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is no size; write it as 1440x900") from error
    if not (900 <= width <= 7680 and 600 <= height <= 4320):
        raise argparse.ArgumentTypeError(f"{text} is not between 900x600 and 7680x4320")
    return width, height


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number") from error


def _add_sampling(command: argparse.ArgumentParser) -> None:
    """Add how a diffusion model is sampled; the meaning and range of each is in ``config.Sampling``."""
    chain = command.add_argument_group("of diffusion models")
    chain.add_argument("--sampler", choices=("ddpm", "ddim"), help="ancestral or DDIM (ddpm)")
    chain.add_argument("--steps", type=_whole, metavar="S", help="how many of the T steps to visit; 0 is all (0)")
    chain.add_argument(
        "--spacing", choices=("trailing", "leading"), help="fewer steps begin at T or end at 1 (trailing)"
    )
    chain.add_argument("--eta", type=_number, help="η of DDIM, from 0 (deterministic) to 1 (0)")
    chain.add_argument("--guidance", type=_number, metavar="W", help="weight of the class; 0 asks for none (1)")
    chain.add_argument("--no-clip", action="store_false", dest="clip", default=None, help="do not keep x̂₀ in [−1, 1]")


def _describe_import(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=Path, metavar="FOLDER", help="what save_pretrained of its pipeline wrote")
    command.add_argument("--title", metavar="T", help="what to call it; default: the folder's name")
    command.add_argument("--data", metavar="NAME", help="the data set it was trained on, if it is one of vdx list")
    command.add_argument("--out", type=Path, metavar="DIR", help="the run folder to make; default: in your library")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps; draws the preview")


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = _Parser(prog="vdx", description="Understand variational autoencoders and diffusion models by touching them.")
    top.add_argument("--version", action="version", version=f"vdx {VERSION}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    gui = commands.add_parser("gui", help="open the window (the default)")
    gui.add_argument("--theme", choices=("system", "dark", "light"), default=None, help="colours; kept for next time")

    train = commands.add_parser(
        "train", help="train a preset or a settings file",
        description="Train a preset or a settings file; on N devices or processes with "
        "torchrun --nproc-per-node N -m explorer train …. Ctrl-C or SIGTERM stops and keeps what was learned.",
    )  # fmt: skip
    train.add_argument("settings", nargs="?", metavar="PRESET|FILE.toml", help="what to train")
    train.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting: model.beta=4")
    train.add_argument("--device", help="auto, cpu, cuda, cuda:N or mps; the same as --set training.device=…")
    train.add_argument("--data", metavar="NAME", help="the data set; the same as --set data.name=…")
    train.add_argument(
        "--data-dir", type=Path, metavar="FOLDER", help="where the files of mnist or cifar10 are; needed once"
    )
    train.add_argument("--out", type=Path, metavar="DIR", help="the run folder to make; default: one in your library")
    train.add_argument("--resume", type=Path, metavar="DIR", help="go on from a run folder's newest valid checkpoint")

    _describe_import(commands.add_parser("import", help="take in a DDPM that the library diffusers saved"))

    sample = commands.add_parser("sample", help="draw pictures from a model")
    sample.add_argument("-n", "--count", type=_count, help="how many (64; 2000 points)")
    traverse = commands.add_parser("traverse", help="move one latent dimension at a time")
    denoise = commands.add_parser("denoise", help="show the reverse diffusion chain")
    denoise.add_argument("-n", "--count", type=_count, help="how many (16; 2000 points)")
    for command, what, endings in (
        (sample, "PNG", ".png"), (traverse, "GIF or PNG", ".gif"), (denoise, "GIF or PNG", ".gif"),
    ):  # fmt: skip
        command.add_argument("model", metavar="MODEL", help="a model's name (vdx list) or a run folder")
        command.add_argument(
            "--out", type=Path, default=Path(f"{command.prog.split()[-1]}{endings}"), help=f"the {what} to write"
        )
        command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    for command in (sample, denoise):
        command.add_argument("--seed", type=_seed, default=0, help="same seed, same pictures (0)")
    for command in (sample, traverse, denoise):
        command.add_argument(
            "--class", type=_whole, dest="label", metavar="C", help="the class of all (else each in turn)"
        )
    for command in (sample, denoise):
        _add_sampling(command)
    denoise.add_argument("--from", type=_whole, dest="start", metavar="T", help="start at t = T from an image")
    denoise.add_argument("--invert", action="store_true", help="start at the noise that DDIM inversion finds")
    sample.add_argument("--towards", type=_seed, metavar="SEED", help="of diffusion models: the noise to end at")
    denoise.add_argument("--image", type=_whole, metavar="N", help="the test image to start from (0)")

    evaluate = commands.add_parser("evaluate", help="bounds and estimates of ln p(x) and more, on data")
    evaluate.add_argument("model", metavar="MODEL", help="a model's name (vdx list) or a run folder")
    evaluate.add_argument("--data", metavar="NAME", help="the data set; default: what the model was trained on")
    evaluate.add_argument(
        "--data-dir", type=Path, metavar="FOLDER", help="where the files of mnist or cifar10 are; needed once"
    )
    evaluate.add_argument("--split", choices=("test", "train"), default="test")
    evaluate.add_argument("--limit", type=_items, default=0, metavar="N", help="the first N items only; 0 is all (0)")
    evaluate.add_argument("--iwae", type=_items, metavar="K", help="importance samples; 0 for none (50)")
    evaluate.add_argument(
        "--times",
        type=_items,
        metavar="K",
        help="of diffusion models: at how many t each item is looked at; 0 is all (20)",
    )
    evaluate.add_argument("--seed", type=_seed, default=0, help="same seed, same numbers (0)")
    evaluate.add_argument("--mig", action="store_true", help="insist on the mutual information gap")
    evaluate.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")

    listing = commands.add_parser("list", help="list models and data sets")
    doctor = commands.add_parser("doctor", help="check this installation")
    for command in (listing, doctor, evaluate):
        command.add_argument("--json", action="store_true", help="print JSON")

    screenshot = commands.add_parser("screenshot", help="render a page of the app to a PNG, without a screen")
    screenshot.add_argument("page", choices=PAGES)
    screenshot.add_argument("--model", metavar="NAME", help="the model to show")
    screenshot.add_argument("--theme", choices=("dark", "light"), default="dark")
    screenshot.add_argument("--size", type=_size, default=(1440, 900), metavar="WxH")
    screenshot.add_argument("--out", type=Path, default=Path("screenshot.png"))
    return top


def _torch_before_qt() -> None:
    """Load torch's DLLs before Qt's on Windows: the other way round torch can fail with WinError 1114."""
    if sys.platform == "win32":
        import ctypes
        import importlib.util

        spec = importlib.util.find_spec("torch")
        if spec is not None and spec.origin is not None:
            folder = Path(spec.origin).parent / "lib"
            os.add_dll_directory(str(folder))
            ctypes.WinDLL(str(folder / "c10.dll"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 2 bad arguments, 130 interrupted."""
    options = parser().parse_args(arguments)
    logs.start()
    try:
        if options.command in {None, "gui"}:
            _torch_before_qt()
            from explorer.ui.app import run

            return run(getattr(options, "theme", None))
        from explorer import commands

        return commands.run(options)
    except (ConfigError, DeviceError) as error:
        print(f"vdx: {error}", file=sys.stderr)
        return 2
    except ExplorerError as error:
        print(f"vdx: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `vdx list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130

"""The commands of ``vdx`` other than the window: each checks its arguments, works with a progress bar, and prints."""

import argparse
from collections.abc import Callable


def run(options: argparse.Namespace) -> int:
    """Run the command that was parsed and return the exit code."""
    from explorer.commands import evaluation, importing, looking, pictures, training

    command: Callable[[argparse.Namespace], int] = {
        "train": training.train,
        "import": importing.import_model,
        "evaluate": evaluation.evaluate,
        "sample": pictures.sample,
        "traverse": pictures.traverse,
        "denoise": pictures.denoise,
        "list": looking.list_all,
        "doctor": looking.doctor,
        "screenshot": looking.screenshot,
    }[options.command]
    return command(options)

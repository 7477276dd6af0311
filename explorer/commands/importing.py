"""``vdx import``: a DDPM that the library diffusers saved becomes a model of the app."""

import argparse
from pathlib import Path

from explorer.commands.shared import arguments, bar
from explorer.messages import Step


def import_model(options: argparse.Namespace) -> int:
    """Read a folder of diffusers and write it as a run folder."""
    from explorer.training import importing

    with arguments():
        found = importing.read(options.folder, options.data, options.title, options.out, options.device)
    saved: Path | None = None
    progress = None
    for message in importing.save(found, command="vdx import FOLDER"):  # whose folder it was is nobody's business
        if isinstance(message, Step):
            progress = progress or bar(message.total, "step")
            progress.update(message.done - progress.n)
        else:
            saved = message
    if progress is not None:
        progress.close()
    shape, steps = "×".join(map(str, found.model.shape)), found.model.schedule.timesteps
    print(f"imported {found.parameters:,} parameters that make pictures of {shape} in {steps} steps")
    print(f"saved in {saved}")
    return 0

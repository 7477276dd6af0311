"""VAE & Diffusion Explorer: understand variational autoencoders and diffusion models by touching them.

In a notebook::

    import explorer
    session = explorer.open_model("digits-beta-vae")
    pictures = session.decode(z)                     # (items, height, width, channels), uint8
    for message in explorer.train("digits-vae", {"training.epochs": 5}, out="r1"):
        print(message)
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.version import VERSION

if TYPE_CHECKING:
    from explorer.inference.session import ModelSession

__version__ = VERSION
__all__ = ["__version__", "open_model", "train"]


def open_model(name: str | Path, device: str = "auto") -> "ModelSession":
    """Return a session on a bundled model, one of the user's own, or a run folder; RunError if there is none."""
    from explorer.inference.session import ModelSession

    return ModelSession.open(name, device)


def train(preset: str, settings: Mapping[str, Any] | None = None, out: str | Path | None = None) -> Iterator[Any]:
    """Train a preset or TOML file, changed by ``settings``, and yield messages of its progress.

    The run is written to ``out``, or to a new folder of the user's library. Errors as in ``explorer.errors``.
    """
    from explorer.settings import load_settings, with_settings
    from explorer.training.loop import train as train_run
    from explorer.training.prepare import new_run

    assignments = [f"{name}={json.dumps(value)}" for name, value in (settings or {}).items()]
    config = with_settings(load_settings(preset), assignments)
    return train_run(new_run(config, None if out is None else Path(out)))

"""What the commands share: bad arguments, progress bars, data folders, and opening a model."""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from explorer import images, runs
from explorer.errors import ConfigError, ExplorerError

if TYPE_CHECKING:
    from explorer.inference.session import ModelSession


@contextlib.contextmanager
def arguments() -> Iterator[None]:
    """Turn whatever is wrong before the work begins into a bad argument."""
    try:
        yield
    except ExplorerError as error:
        raise ConfigError(str(error)) from error


def bar(total: float, unit: str) -> Any:
    """Return a progress bar on the error stream; silent where that is no terminal."""
    from tqdm import tqdm

    return tqdm(total=total, unit=unit, file=sys.stderr, leave=False, disable=None, dynamic_ncols=True)


def open_model(options: argparse.Namespace, *endings: str) -> "ModelSession":
    """Return the session of ``options.model`` after seeing that ``options.out`` can be written."""
    from explorer.inference.session import ModelSession

    with arguments():
        if endings:
            images.check_writable(options.out, endings)
        runs.find(options.model)
    return ModelSession.open(options.model, options.device)


def keep_data(options: argparse.Namespace, name: str) -> None:
    """Take the data set of ``--data-dir`` into the app's keeping; DataError if it is none."""
    if options.data_dir is not None:
        from explorer.data.catalog import bring

        bring(name, options.data_dir)

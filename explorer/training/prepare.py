"""What is checked before a run folder is made, so that a mistake leaves nothing behind."""

from pathlib import Path

from explorer import paths, runs
from explorer.config import ImportedConfig, RunConfig
from explorer.data.catalog import load
from explorer.errors import ConfigError
from explorer.files import check_place
from explorer.models import devices
from explorer.models.build import check_size


def new_run(config: RunConfig, folder: Path | None = None, *, command: str = "") -> Path:
    """Return the folder of a new run whose device, data and network are known to be possible here.

    Raises:
        DeviceError, DataError, ConfigError, RunError: what is not, before anything is written.
    """
    if isinstance(config.model, ImportedConfig):
        raise ConfigError("an imported model cannot be trained here; set model.family, for example to ddpm")
    if folder is not None:
        runs.check_free(folder)
    else:
        check_place(paths.library())
    devices.resolve(config.training.device)
    check_size(config)
    data, batch = load(config.data), config.training.batch_size
    if batch > data.train_items:
        raise ConfigError(
            f"training.batch_size = {batch} is more than the {data.train_items} training items of {data.name}; "
            f"set it to {data.train_items} or less"
        )
    return runs.create(config, folder, command=command)

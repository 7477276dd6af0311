"""From a folder of diffusers to a run folder: all is read and checked first, and pictures drawn, then it is written."""

import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from explorer import runs
from explorer.config import DataConfig, RunConfig
from explorer.errors import RunError
from explorer.messages import Step
from explorer.models import devices
from explorer.models.build import check_size
from explorer.models.diffusers_folder import Described, read_description, read_weights
from explorer.models.diffusion import Diffusion
from explorer.models.imported import library
from explorer.settings import validate, with_data
from explorer.training.publish import chain_pictures, publish, sample_chain

_MOST_PICTURES, _FEWEST_PICTURES = 16, 4
_LARGE = 64 * 64  # pixels, beyond which fewer pictures are drawn
_STEPS = 20


@dataclass(frozen=True)
class Import:
    """A folder of diffusers that was read whole; nothing of it is written yet.

    Attributes:
        config: the settings of the run that it becomes.
        model: the network with its weights, on the device.
        described: what its JSON files say.
        out: the run folder to make; None for one in the library.
        device: where pictures are drawn.
    """

    config: RunConfig
    model: Diffusion
    described: Described
    out: Path | None
    device: torch.device

    @property
    def parameters(self) -> int:
        """Return the number of trained numbers."""
        return sum(tensor.numel() for tensor in self.model.parameters())


def read(
    folder: Path, data: str | None = None, title: str | None = None, out: Path | None = None, device: str = "auto"
) -> Import:
    """Read a DDPM that diffusers saved, and write nothing.

    Args:
        folder: what ``save_pretrained`` of a DDPMPipeline or DDIMPipeline has written.
        data: the data set of the catalog that the model was trained on; its pictures have the model's shape.
        title: what the run is called; the folder's name by default.
        out: the run folder to make.
        device: where pictures are drawn: auto, cpu, cuda, cuda:N or mps.

    Raises:
        RunError: a file that is missing, damaged or hostile, or ``out`` holds something.
        ConfigError: a model that is not supported, a data set of another shape, or no diffusers installed.
        DeviceError: this machine does not have the device.
    """
    place = devices.resolve(device)
    if out is not None:
        runs.check_free(out)
    described = read_description(folder)
    settings = {
        "title": title if title is not None else _title(folder),
        "data": with_data(DataConfig(name="none"), data),
        "model": described.config,
    }
    config = validate(settings, "import")
    model = check_size(config)
    assert isinstance(model, Diffusion)
    read_weights(described.weights, model)
    with devices.lock(place):
        model = model.eval().requires_grad_(False).to(place)
    return Import(config, model, described, out, place)


def _title(folder: Path) -> str:
    plain = "".join(letter for letter in folder.resolve().name if ord(letter) >= 32)
    return plain.encode(errors="replace").decode()[:80] or "Imported"


def save(found: Import, command: str = "") -> Iterator[Step | Path]:
    """Draw a few pictures with a model that was read, then write its run folder; yield each step, last the folder.

    Raises:
        RunError: the model makes no pictures, or the disk is full or the folder not writable; nothing is left then.
    """
    model, device = found.model, found.device
    count = _MOST_PICTURES if model.shape[1] * model.shape[2] <= _LARGE else _FEWEST_PICTURES
    states = sample_chain(model, device, count, _STEPS)
    total = min(_STEPS, model.schedule.timesteps)
    done = 0
    while True:
        with devices.lock(device):
            state = next(states, None)
        if state is None:
            break
        yield Step(done, total)
        done, last = done + 1, state.x_t
    if not bool(torch.isfinite(last).all()):
        raise RunError(f"{found.described.weights} makes pictures that are no numbers; choose another model")
    yield _write(found, last, command)


def _write(found: Import, samples: torch.Tensor, command: str) -> Path:
    pipeline, network, scheduler = found.described.classes
    folder = runs.create(found.config, found.out, command=command)
    try:
        publish(folder, found.model, None, 0, found.device, chain_pictures(samples, 0))
        runs.update_record(
            folder,
            metrics={},
            status="finished",
            parameters=found.parameters,
            imported={"pipeline": pipeline, "unet": network, "scheduler": scheduler},
            versions={
                "python": platform.python_version(),
                "torch": torch.__version__,
                "diffusers": str(library().__version__),
            },
        )
    except BaseException:  # Ctrl+C too
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder

"""From a trained model to what the explorer opens: weights, pictures, the latent map, and the manifest last."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from explorer import files, images, runs
from explorer.data.batches import to_tensor, to_unit
from explorer.data.catalog import Dataset
from explorer.messages import Pixels
from explorer.models import weights
from explorer.models.build import Model
from explorer.models.diffusion import Diffusion
from explorer.models.latent import LatentModel
from explorer.models.noise import NoiseSource
from explorer.models.posterior import latent_map
from explorer.models.prior import prior_labels, prior_pictures
from explorer.models.samplers import ChainState, Denoiser, ddim
from explorer.models.schedules import spaced_steps
from explorer.models.vq_vae import VQVAE
from explorer.training_messages import Pictures

_SHOWN = 16
_SAMPLES = 64
_PREVIEW_STEPS = 50
_SEED = 0


def _shown(values: Tensor) -> Pixels:
    """Return items in [0, 1] as pixels, or points as one picture of them all."""
    array = values.float().cpu().numpy().transpose(0, 2, 3, 1)
    return images.of_points(array.reshape(-1, 2))[None] if array.shape[1:] == (1, 1, 2) else images.from_unit(array)


def sample_chain(
    model: Diffusion, device: torch.device, samples: int = _SAMPLES, steps: int = _PREVIEW_STEPS
) -> Iterator[ChainState]:
    """Yield the chain of DDIM (η = 0) that ends in the samples shown of a model, on a fixed seed.

    Args:
        model: the model whose pictures are wanted; one that is told classes goes through them in turn.
        device: where the model is.
        samples: how many to draw of pictures; of points it is always as many as make a cloud.
        steps: how many of the T steps to visit; all, where there are fewer.
    """
    noise = NoiseSource(_SEED, images.CLOUD if model.points else samples)
    visited = spaced_steps(model.schedule.timesteps, min(steps, model.schedule.timesteps))
    denoise = Denoiser(model, prior_labels(model, noise.count, device), clip=model.clips)
    yield from ddim(denoise, noise.draw(model.shape, device), noise, visited)


def chain_pictures(samples: Tensor, step: int) -> Pictures:
    """Return the pictures of a diffusion model, which reconstructs nothing, from samples (batch, C, H, W)."""
    shown = _shown(samples if samples.shape[1:] == (2, 1, 1) else (samples + 1) / 2)
    nothing = np.zeros((0, *shown.shape[1:]), np.uint8)
    return Pictures(step, nothing, nothing, shown)


@torch.inference_mode()
def make_pictures(
    model: Model, data: Dataset | None, step: int, device: torch.device, samples: int = _SAMPLES
) -> Pictures:
    """Return test images, their reconstructions and samples on a fixed seed; of points, a picture of each set.

    Images are encoded as they are: black-or-white draws belong to training and evaluation.

    Args:
        model: the model whose pictures are wanted.
        data: where the test items are, which a diffusion model does not need; samples of a conditional model go
            through its classes in turn.
        step: the training step they belong to.
        device: where the model is.
        samples: how many samples to draw. Diffusion draws them by 50 steps of DDIM (η = 0).
    """
    if isinstance(model, Diffusion):
        [last] = deque(sample_chain(model, device, samples), maxlen=1)
        return chain_pictures(last.x_t, step)
    assert data is not None
    values, labels = data.split("test")
    points = values.dtype != np.uint8
    noise = NoiseSource(_SEED, images.CLOUD if points else samples)
    count = images.CLOUD if points else _SHOWN
    shown, told = to_unit(to_tensor(values[:count], device)), torch.from_numpy(labels[:count]).to(device)
    again = model.picture(model.encode(shown, told)[0], told)
    if isinstance(model, VQVAE):
        again = model.reconstruction(shown)
    return Pictures(step, _shown(shown), _shown(again), _shown(prior_pictures(model, noise, device)))


def publish(
    folder: Path, model: Model, data: Dataset | None, step: int, device: torch.device, pictures: Pictures | None = None
) -> Pictures:
    """Write what the explorer opens into a run folder and return the pictures: those given, else drawn now.

    Arguments as in ``make_pictures``.

    Raises:
        RunError: the disk is full or the folder is not writable.
    """
    pictures = pictures or make_pictures(model, data, step, device)
    state = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    contents = {
        runs.WEIGHTS: weights.to_bytes(state),
        runs.PREVIEW: images.png_bytes(images.sheet(pictures.samples, wanted=48)),
        runs.PICTURES: files.as_npz(
            originals=pictures.originals, reconstructions=pictures.reconstructions, samples=pictures.samples
        ),
    }
    if isinstance(model, LatentModel):
        assert data is not None
        found = latent_map(model, data, device)
        contents[runs.LATENTS] = files.as_npz(
            means=found.means.astype(np.float16),  # a thousandth of σ is more than a screen shows
            labels=found.labels,
            kl_per_dimension=found.kl_per_dimension,
            split=np.array(found.split),
        )
    for name, content in contents.items():
        files.write_atomically(folder / name, content)
    files.write_manifest(folder, contents)
    return pictures

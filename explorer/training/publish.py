"""From a trained model to what the explorer opens: weights, pictures, the latent map, and the manifest last."""

import io
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from explorer import files, images, runs
from explorer.data.batches import to_pixels, to_unit
from explorer.data.catalog import Dataset
from explorer.messages import Pictures
from explorer.models import weights
from explorer.models.build import Model
from explorer.models.chain import NoiseSource, reverse_chain
from explorer.models.diffusion import Diffusion, spaced_steps
from explorer.models.posterior import latent_map
from explorer.models.vae import VAE

_SHOWN = 16
_SAMPLES = 64
_PREVIEW_STEPS = 50
_SEED = 0


def as_bytes(values: Tensor) -> Tensor:
    """Return [0, 1] floats as a uint8 tensor, rounded."""
    return (values.clamp(0, 1) * 255).round().byte()


@torch.inference_mode()
def make_pictures(model: Model, test: Tensor, step: int, samples: int = _SAMPLES) -> Pictures:
    """Return test images, their reconstructions and samples on a fixed seed.

    Args:
        model: the model whose pictures are wanted.
        test: test images as bytes on the model's device, shape (items, channels, height, width).
        step: the training step they belong to.
        samples: how many samples to draw. Diffusion draws them by 50 steps of DDIM (η = 0).
    """
    noise = NoiseSource(_SEED, samples)
    if isinstance(model, Diffusion):
        state = None
        steps = spaced_steps(model.schedule.timesteps, min(_PREVIEW_STEPS, model.schedule.timesteps))
        for state in reverse_chain(model, noise, test.device, steps, eta=0.0):  # noqa: B007  # the last one is x_0
            pass
        assert state is not None
        nothing = np.zeros((0, *to_pixels(test[:1]).shape[1:]), np.uint8)
        return Pictures(step, nothing, nothing, to_pixels(as_bytes((state.x_t + 1) / 2)))
    shown = test[:_SHOWN]
    mean, _ = model.encode(to_unit(shown))
    drawn = model.picture(noise.draw((model.latent_size,), test.device))
    return Pictures(step, to_pixels(shown), to_pixels(as_bytes(model.picture(mean))), to_pixels(as_bytes(drawn)))


def _npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # the stub takes allow_pickle for an array
    return buffer.getvalue()


def publish(folder: Path, model: Model, data: Dataset, test: Tensor, step: int) -> Pictures:
    """Write what the explorer opens into a run folder and return the pictures.

    Raises:
        RunError: the disk is full or the folder is not writable.
    """
    pictures = make_pictures(model, test, step)
    state = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    contents = {
        runs.WEIGHTS: weights.to_bytes(state),
        runs.PREVIEW: images.png_bytes(images.sheet(pictures.samples, wanted=48)),
        runs.PICTURES: _npz(
            originals=pictures.originals, reconstructions=pictures.reconstructions, samples=pictures.samples
        ),
    }
    if isinstance(model, VAE):
        found = latent_map(model, data, test.device)
        contents[runs.LATENTS] = _npz(
            means=found.means.astype(np.float32),
            labels=found.labels,
            kl_per_dimension=found.kl_per_dimension,
            split=np.array(found.split),
        )
    for name, content in contents.items():
        files.write_atomically(folder / name, content)
    files.write_manifest(folder, contents)
    return pictures

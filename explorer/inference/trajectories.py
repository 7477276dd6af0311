"""The reverse process as frames that can be shown."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer import images
from explorer.config import Sampling
from explorer.data.batches import to_signed, to_tensor
from explorer.errors import ConfigError, DataError
from explorer.messages import DenoiseRequest, Floats, Frame, Pixels, Values
from explorer.models import devices
from explorer.models.diffusion import Diffusion
from explorer.models.noise import NoiseSource, slerp
from explorer.models.prior import prior_labels
from explorer.models.samplers import ChainState, Denoiser, ancestral, ddim, ddim_inversion
from explorer.models.samplers import noised as noised_to
from explorer.models.schedules import spaced_steps

Items = NDArray[Any]
_NOISE_LIMIT = 3.0  # ε is shown over three standard deviations


def _shown(values: Tensor, limit: float = 1.0) -> Pixels:
    """Return what is shown of a batch: a picture of each item, or one picture of all the points."""
    array = values.cpu().numpy().transpose(0, 2, 3, 1)
    if array.shape[1:] == (1, 1, 2):
        return images.of_points(array.reshape(-1, 2))[None]
    return images.from_signed(array, limit)


def visited_steps(model: Diffusion, sampling: Sampling | None = None, start: int = 0) -> list[int]:
    """Return the t's that a chain visits, falling, spread evenly from T or from ``start``, where that is > 0.

    Raises:
        ConfigError: more steps than the chain has, or a start outside it.
    """
    sampling, total = sampling or Sampling(), model.schedule.timesteps
    if not 0 <= start <= total:
        raise ConfigError(f"a chain of {total} steps cannot start at t = {start}; choose 1 to {total}")
    if sampling.steps > total:
        raise ConfigError(f"the chain has {total} steps, not {sampling.steps}; ask for {total} or fewer, or 0 for all")
    first = start or total
    return spaced_steps(first, min(sampling.steps or first, first), sampling.spacing if not start else "trailing")


def check_sampling(model: Diffusion, sampling: Sampling, name: str) -> None:
    """Raise ConfigError if a model cannot be asked so: a class that it is not told, guidance, too many steps."""
    visited_steps(model, sampling)
    if model.points and not sampling.clip:
        raise ConfigError(f"{name} is of points, whose x̂₀ is never clipped; leave that out")
    if model.classes and not model.guidable and sampling.guidance != 1:
        raise ConfigError(f"{name} never learned without its class, which guidance needs; leave guidance at 1")
    if not model.classes and (sampling.label is not None or sampling.guidance != 1):
        raise ConfigError(f"{name} is told no class; leave out the class and guidance")
    if sampling.label is not None and not 0 <= sampling.label < model.classes:
        raise ConfigError(f"{name} has no class {sampling.label}; its classes are 0 to {model.classes - 1}")


def chain(
    model: Diffusion, request: DenoiseRequest, device: torch.device, values: Values | None = None
) -> Iterator[ChainState]:
    """Return the states of the chain that a request asks for.

    Args:
        model: the model.
        request: how many, the seed, how to sample, and where to start.
        device: where the model is.
        values: the images to start from, where the request has a start.

    Raises:
        ConfigError: as ``visited_steps``.
        DataError: there is no image of that number.
    """
    steps = visited_steps(model, request.sampling, request.start)
    if model.points and request.image:
        raise DataError(f"points have no image {request.image}; leave it out, and all of them are noised")
    chosen: Values | None = None
    if request.start or request.invert:
        assert values is not None
        cloud = (request.count, *values.shape[1:])  # over and over, where more points are wanted than there are
        chosen = np.resize(values, cloud) if model.points else item(values, request.image)
    return _chain(model, request, device, steps, chosen)


def _chain(
    model: Diffusion, request: DenoiseRequest, device: torch.device, steps: list[int], chosen: Values | None
) -> Iterator[ChainState]:
    noise = NoiseSource(request.seed, request.count)
    denoise = denoiser(model, request, device)
    if chosen is None:
        x_t = noise.draw(model.shape, device)
    else:
        x0 = to_signed(to_tensor(chosen, device)).expand(request.count, -1, -1, -1)
        if request.invert:
            *_, last = ddim_inversion(replace(denoise, clip=False), x0, steps)
            x_t = last.x_t
        else:
            x_t = noised_to(model, x0, request.start, noise)
    if request.towards is not None:
        other = NoiseSource(request.towards, 1).draw(model.shape, device)
        shares = np.linspace(0, 1, max(2, request.count))[: request.count]
        x_t = torch.cat([slerp(x_t[:1], other, float(share)) for share in shares])
    yield from descent(denoise, x_t, noise, steps, request.sampling)


def denoiser(model: Diffusion, request: DenoiseRequest, device: torch.device) -> Denoiser:
    """Return the model as the sampler of a request asks it."""
    sampling = request.sampling or Sampling(clip=model.clips)
    return Denoiser(model, prior_labels(model, request.count, device, sampling.label), sampling.guidance, sampling.clip)


def descent(
    denoise: Denoiser, x_t: Tensor, noise: NoiseSource, steps: list[int], sampling: Sampling | None
) -> Iterator[ChainState]:
    """Return the states of the sampler that is asked for, from x_t (batch, C, H, W) at the first of ``steps`` to 0."""
    if sampling is not None and sampling.sampler == "ddim":
        return ddim(denoise, x_t, noise, steps, sampling.eta)
    return ancestral(denoise, x_t, noise, steps)


def denoise(
    model: Diffusion, request: DenoiseRequest, device: torch.device, values: Values | None = None
) -> Iterator[Frame]:
    """Return the chain of a request as frames, from its first t to 0; points share one picture. As ``chain``."""
    return _frames(chain(model, request, device, values), request, device)


def _frames(states: Iterator[ChainState], request: DenoiseRequest, device: torch.device) -> Iterator[Frame]:
    while True:
        with devices.lock(device):
            state = next(states, None)
            if state is None:
                return
            frame = shown(state, request.request)
        yield frame


def shown(state: ChainState, request: int) -> Frame:
    """Return a state of a chain as it is shown, numbered by its request."""
    values = (state.x_t, state.x0_hat, state.eps_hat)
    points: Floats | None = None
    if state.x_t.shape[1:] == (2, 1, 1):
        points = torch.stack(values).flatten(2).float().cpu().numpy()
        x_t, x0_hat, eps_hat = (images.of_points(cloud)[None] for cloud in points)
    else:
        x_t, x0_hat, eps_hat = _shown(values[0]), _shown(values[1]), _shown(values[2], _NOISE_LIMIT)
    return Frame(request, state.t, x_t, x0_hat, eps_hat, state.step, points)


def item(values: Items, index: int) -> Items:
    """Return the test item of a number, or its class, as an array of one; DataError if there is none."""
    if not 0 <= index < len(values):
        raise DataError(f"there is no test image {index}; there are 0 to {len(values) - 1}")
    return values[index : index + 1]

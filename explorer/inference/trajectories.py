"""The forward and reverse process as frames that can be shown."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from explorer import images
from explorer.data.batches import to_signed, to_tensor
from explorer.errors import DataError
from explorer.messages import DenoiseRequest, Frame, Noised, NoiseRequest, Pixels, Values
from explorer.models import devices
from explorer.models.chain import NoiseSource, reverse_chain
from explorer.models.diffusion import Diffusion, forward_marginal

_POINTS = 2000
_NOISE_LIMIT = 3.0  # ε is shown over three standard deviations


def _shown(values: Tensor, limit: float = 1.0) -> Pixels:
    """Return what is shown of a batch: a picture of each item, or one picture of all the points."""
    array = values.cpu().numpy().transpose(0, 2, 3, 1)
    if array.shape[1:] == (1, 1, 2):
        return images.of_points(array.reshape(-1, 2))[None]
    return images.from_signed(array, limit)


def denoise(model: Diffusion, request: DenoiseRequest, device: torch.device) -> Iterator[Frame]:
    """Yield the ancestral chain t = T..0 of ``request.count`` items as frames; points share one picture."""
    chain = reverse_chain(model, NoiseSource(request.seed, request.count), device)
    while True:
        with devices.lock(device):
            state = next(chain, None)
            if state is None:
                return
            shown = _shown(state.x_t), _shown(state.x0_hat), _shown(state.eps_hat, _NOISE_LIMIT)
        yield Frame(request.request, state.t, *shown, state.step)


def noised(model: Diffusion, request: NoiseRequest, values: Values) -> Noised:
    """Return x_t = √ᾱ_t x_0 + √(1−ᾱ_t) ε for every t = 0..T, with one ε for all; of one image, or of all points.

    Args:
        model: whose schedule is used.
        request: which of ``values``, and the seed of ε.
        values: the images to choose from, (items, height, width, channels), or points.

    Raises:
        DataError: there is no image of that number.
    """
    if not 0 <= request.index < len(values):
        raise DataError(f"there is no test image {request.index}; there are 0 to {len(values) - 1}")
    chosen = values[:_POINTS] if model.points else values[request.index : request.index + 1]
    x0 = to_signed(to_tensor(chosen))
    noise = NoiseSource(request.seed, len(x0)).draw(x0.shape[1:])
    alpha_bar = model.schedule.alpha_bar
    if model.points:
        frames = np.concatenate([_shown(forward_marginal(x0, noise, at)) for at in alpha_bar])
    else:
        frames = _shown(forward_marginal(x0.expand(len(alpha_bar), -1, -1, -1), noise, alpha_bar))
    return Noised(request.request, request.index, frames, _shown(noise, _NOISE_LIMIT)[0])

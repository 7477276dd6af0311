"""What goes into a model besides latents: items as x, and the classes it is told; wrong ones are named."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from explorer.data.batches import to_tensor, to_unit
from explorer.errors import RunError
from explorer.messages import Values

if TYPE_CHECKING:
    from explorer.inference.session import ModelSession


def model_input(session: "ModelSession", values: Values) -> Tensor:
    """Return items (items, height, width, channels) as x (items, channels, height, width) of a VAE, on its device.

    Raises:
        RunError: they are not what the model encodes: uint8 pixels of its shape, or float32 points (items, 1, 1, 2).
    """
    name, (channels, height, width) = session.card.name, session.model.shape
    if not isinstance(values, np.ndarray) or values.dtype != (np.float32 if session.points else np.uint8):
        raise RunError(f"{name} encodes {'float32 points' if session.points else 'uint8 pixels'} in an array")
    if values.shape[1:] != (height, width, channels):
        raise RunError(f"{name} encodes items of {(height, width, channels)}, not {values.shape[1:]}")
    return to_unit(to_tensor(values, session.device))


def told(session: "ModelSession", labels: ArrayLike, count: int) -> Tensor | None:
    """Return the classes (count,) that the model is told: of each item, or one for all; None if it is told none.

    Raises:
        RunError: a class that the model does not have, or not as many as items.
    """
    if not session.model.classes:
        return None
    given = np.asarray(labels, np.int64)
    for label in np.unique(given):
        session.check_label(int(label))
    if given.shape not in {(), (1,), (count,)}:
        raise RunError(f"{session.card.name} is told the class of each of {count} items, not of {given.size}")
    return torch.from_numpy(np.broadcast_to(given, (count,)).copy()).to(session.device)

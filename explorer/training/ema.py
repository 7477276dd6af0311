"""The exponential moving average of weights that diffusion samples are drawn with; Ho et al. 2020, App. B."""

import copy

import torch

from explorer.models.build import Model


class EMA:
    """Averaged copy of a model. The decay warms up as (1 + n)/(10 + n), so that early steps do not linger.

    Args:
        model: the model that is trained.
        decay: the decay reached in the end, in [0, 1).
    """

    def __init__(self, model: Model, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: Model) -> None:
        """Move the average a step towards the model's weights now."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), 1 - decay)

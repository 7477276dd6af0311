"""The reverse chain, step by step, and the noise it is fed: the same seed is the same picture on every device."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.data.seeds import derived_seed
from explorer.messages import StepCoefficients
from explorer.models.diffusion import Diffusion, reverse_step


class NoiseSource:
    """Standard normal noise for ``count`` items, drawn on the CPU, one generator per item.

    An item's noise depends on (seed, its number) alone, not on how many others are drawn with it.
    """

    def __init__(self, seed: int, count: int, first: int = 0) -> None:
        self._generators = [
            torch.Generator().manual_seed(derived_seed(seed, index)) for index in range(first, first + count)
        ]

    def draw(self, shape: Sequence[int], device: torch.device | str = "cpu") -> Tensor:
        """Return the next noise, shape (count, *shape)."""
        return torch.stack([torch.randn(*shape, generator=generator) for generator in self._generators]).to(device)


@dataclass(frozen=True)
class ChainState:
    """The chain at t: x_t, the guesses x̂₀ and ε̂ made there (at t = 0: x_0 and zeros), and the step that follows."""

    t: int
    x_t: Tensor
    x0_hat: Tensor
    eps_hat: Tensor
    step: StepCoefficients | None


@torch.inference_mode()
def reverse_chain(
    model: Diffusion, noise: NoiseSource, device: torch.device, steps: Sequence[int] | None = None, eta: float = 1.0
) -> Iterator[ChainState]:
    """Yield the reverse chain from x_T = noise to x_0: one state per step and a last one at t = 0.

    Args:
        model: predicts ε.
        noise: gives x_T and the noise of each step.
        device: where the model is.
        steps: the t's to visit, falling; all of T..1 by default.
        eta: 1 is ancestral DDPM sampling with variance β̃_t (on all steps), 0 is deterministic DDIM.
    """
    visited = list(steps or range(model.schedule.timesteps, 0, -1))
    x_t = noise.draw(model.shape, device)
    for t, to in zip(visited, [*visited[1:], 0], strict=True):
        x0_hat, eps_hat = model.guess(x_t, t)
        step = reverse_step(model.schedule, t, to, eta)
        yield ChainState(t, x_t, x0_hat, eps_hat, step)
        x_t = step.x0 * x0_hat + step.x_t * x_t
        if step.sigma > 0:
            x_t = x_t + step.sigma * noise.draw(model.shape, device)
    yield ChainState(0, x_t, x_t, torch.zeros_like(x_t), None)

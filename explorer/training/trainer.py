"""Everything that changes while a model trains, and one step of it."""

import copy

import torch
from torch import Tensor

from explorer.config import DdpmConfig, RunConfig
from explorer.models import devices
from explorer.models.build import Model, build
from explorer.models.diffusion import Diffusion
from explorer.training.ema import EMA
from explorer.training.objectives import Average, Terms, terms

_EVALUATION_SEED = 1234567  # the test curve always uses the same noise, so that it moves only when the model does


class Trainer:
    """A model, its optimizer, its averaged weights and its noise.

    Args:
        config: the run's settings.
        shape: (channels, height, width) of an image.
        device: where to train.
    """

    def __init__(self, config: RunConfig, shape: tuple[int, int, int], device: torch.device) -> None:
        self.config = config
        self.device = device
        torch.manual_seed(config.training.seed)  # first weights and dropout
        self.model: Model = build(config, shape).to(device)
        self.generator = torch.Generator(device).manual_seed(config.training.seed)
        self.alpha_bar: Tensor | None = None
        self.ema: EMA | None = None
        if isinstance(config.model, DdpmConfig):
            assert isinstance(self.model, Diffusion)
            self.alpha_bar = self.model.schedule.alpha_bar.float().to(device)
            self.ema = EMA(self.model, config.model.ema_decay) if config.model.ema_decay > 0 else None
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), lr=config.training.learning_rate, fused=device.type in {"cpu", "cuda"}
        )
        self.precision = "float32"
        self.step = 0

    @property
    def beta(self) -> float:
        """Return β of a VAE; 1 for other families."""
        return getattr(self.config.model, "beta", 1.0)

    @property
    def sampled(self) -> Model:
        """Return the model that pictures are drawn with: the averaged one where there is one."""
        return self.ema.model if self.ema is not None else self.model

    def train_step(self, images: Tensor) -> Terms:
        """Take one optimizer step on a batch of bytes and return its terms."""
        result = self._forward(self.model, images, self.generator, self.precision)
        self.optimizer.zero_grad(set_to_none=True)
        result.loss.backward()  # type: ignore[no-untyped-call]
        if self.config.training.gradient_clip > 0:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.training.gradient_clip)
        self.optimizer.step()
        if self.ema is not None:
            self.ema.update(self.model)
        self.step += 1
        return result

    def _forward(self, model: Model, images: Tensor, generator: torch.Generator, precision: str) -> Terms:
        if precision == "float32":  # the context alone costs a hundredth of a small model's step
            return terms(model, self.alpha_bar, images, generator)
        with devices.autocast(self.device):
            return terms(model, self.alpha_bar, images, generator)

    @torch.no_grad()
    def evaluate(self, images: Tensor, batch_size: int = 512) -> Average:
        """Return the terms averaged over ``images``, always with the same noise."""
        generator = torch.Generator(self.device).manual_seed(_EVALUATION_SEED)
        found = Average()
        self.model.eval()
        for batch in torch.split(images, batch_size):
            found.add(self._forward(self.sampled, batch, generator, self.precision), len(batch))
        self.model.train()
        return found

    def choose_precision(self, images: Tensor) -> None:
        """Settle float32 or bfloat16 for this run; an "auto" setting times both on a copy."""
        trial = copy.deepcopy(self.model)
        generator = torch.Generator(self.device).manual_seed(0)

        def step(precision: str) -> None:
            state = torch.get_rng_state()
            self._forward(trial, images, generator, precision).loss.backward()  # type: ignore[no-untyped-call]
            torch.set_rng_state(state)

        self.precision = devices.choose_precision(self.config.training.precision, self.device, step)

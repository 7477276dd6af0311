"""Everything that changes while a model trains, and one step of it."""

import copy
import math

import torch
from torch import Tensor

from explorer.config import DdpmConfig, RunConfig, parse_turns
from explorer.data.catalog import CATALOG
from explorer.models import devices
from explorer.models.build import Model, build
from explorer.models.latent import LatentModel
from explorer.pressure import beta_in_force
from explorer.training.draws import Draws
from explorer.training.ema import EMA
from explorer.training.objectives import Average, Pressure, Terms, terms
from explorer.training_messages import Knobs

_EVALUATION_SEED = 1234567  # the test curve always uses the same noise, so that it moves only when the model does


class Trainer:
    """A model, its optimizer, its averaged weights and its noise.

    Args:
        config: the run's settings.
        device: where to train.
        per_epoch: steps in an epoch, which warm-ups are counted in.
    """

    def __init__(self, config: RunConfig, device: torch.device, per_epoch: int = 1) -> None:
        self.config = config
        self.device = device
        self.per_epoch = per_epoch
        self._shape = CATALOG[config.data.name].shape
        torch.manual_seed(config.training.seed)  # first weights and dropout
        self.model: Model = build(config).to(device)
        if isinstance(self.model, LatentModel):
            # Encoders and decoders whose channels lie side by side train up to twice as fast, on CPUs too; a U-Net with
            # attention trains slower.
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in the stubs
        self.generator = torch.Generator(device).manual_seed(config.training.seed)
        self.ema: EMA | None = None
        if isinstance(config.model, DdpmConfig) and config.model.ema_decay > 0:
            self.ema = EMA(self.model, config.model.ema_decay)
        self.parameters = [weight for weight in self.model.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.Adam(
            self.parameters, lr=config.training.learning_rate, fused=device.type in {"cpu", "cuda"}
        )
        self.precision = "float32"
        self.step = 0
        self.knobs = Knobs()
        self.draws = Draws(self.generator)
        self._planned = parse_turns(config.training.turns)

    def turn(self, wanted: Knobs | None) -> bool:
        """Turn the knobs to what is wanted now, or to what the run's settings say for this step; return if they moved.

        Args:
            wanted: where the knobs shall be; None where nobody wants anything.
        """
        planned = [turn for turn in self._planned if turn.step == self.step]
        if wanted is None and planned:
            wanted = Knobs(planned[-1].beta, planned[-1].rate)
        if wanted is None or wanted == self.knobs:
            return False
        self.knobs = wanted
        return True

    def pressure(self) -> Pressure:
        """Return how the KL is weighted at this step: β after its warm-up, and the capacity where there is one."""
        model = self.config.model
        epoch, capacity = self.step / self.per_epoch, getattr(model, "capacity", 0.0)
        beta = beta_in_force(self.config, self._shape, epoch, self.knobs.beta)
        if capacity <= 0:
            return Pressure(beta)
        grows = getattr(model, "capacity_epochs", 0.0)
        return Pressure(beta, capacity * min(1.0, epoch / grows) if grows > 0 else capacity)

    def _set_rate(self) -> None:
        """Set the learning rate of this step: as it is, or along half a cosine to 0; Loshchilov & Hutter 2017."""
        settings = self.config.training
        rate = settings.learning_rate * self.knobs.rate
        if settings.schedule == "cosine":  # without restarts
            share = min(1.0, self.step / (self.per_epoch * settings.epochs))
            rate *= 0.5 * (1 + math.cos(math.pi * share))
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def is_finite(self) -> bool:
        """Return whether weights and moments are numbers: a gradient breaks them a step before a loss shows it."""
        moments = [entry[part] for entry in self.optimizer.state.values() for part in ("exp_avg", "exp_avg_sq")]
        known = [*self.model.state_dict().values(), *moments]
        largest = torch._foreach_norm([one for one in known if one.is_floating_point()], math.inf)
        return bool(torch.stack([one.float() for one in largest]).isfinite().all())

    @property
    def sampled(self) -> Model:
        """Return the model that pictures are drawn with: the averaged one where there is one."""
        return self.ema.model if self.ema is not None else self.model

    def train_step(self, values: Tensor, labels: Tensor | None = None) -> Terms:
        """Take one optimizer step on a batch of bytes or points and return its terms."""
        self._set_rate()
        result = self.forward(self.model, values, labels, self.draws, self.precision)
        self._learn(result.loss)
        return result

    def _learn(self, loss: Tensor) -> None:
        """Move the weights, and their average, a step down the loss."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.config.training.gradient_clip > 0:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.config.training.gradient_clip)
        self.optimizer.step()
        if self.ema is not None:
            self.ema.update(self.model)
        self.step += 1

    def forward(self, model: Model, values: Tensor, labels: Tensor | None, draws: Draws, precision: str) -> Terms:
        """Return the terms of a batch at this step's pressure."""
        if precision == "float32":  # the context alone costs a hundredth of a small model's step
            return terms(model, values, labels, draws, self.pressure(), self.config.model)
        with devices.autocast(self.device):
            return terms(model, values, labels, draws, self.pressure(), self.config.model)

    @torch.no_grad()
    def evaluate(self, values: Tensor, labels: Tensor | None = None, batch_size: int = 512) -> Average:
        """Return the terms averaged over ``values``, always with the same noise."""
        draws = Draws(torch.Generator(self.device).manual_seed(_EVALUATION_SEED))
        found = Average()
        self.model.eval()
        for first in range(0, len(values), batch_size):
            part = values[first : first + batch_size]
            told = None if labels is None else labels[first : first + batch_size]
            found.add(self.forward(self.sampled, part, told, draws, self.precision), len(part))
        self.model.train()
        return found

    def choose_precision(self, values: Tensor, labels: Tensor | None = None) -> None:
        """Settle float32 or bfloat16 for this run; an "auto" setting times both on a copy."""
        trial = copy.deepcopy(self.model)
        draws = Draws(torch.Generator(self.device).manual_seed(0))

        def step(precision: str) -> None:
            state = torch.get_rng_state()
            self.forward(trial, values, labels, draws, precision).loss.backward()  # type: ignore[no-untyped-call]
            torch.set_rng_state(state)

        self.precision = devices.choose_precision(self.config.training.precision, self.device, step)

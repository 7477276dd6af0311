"""Denoising diffusion: a network, the process it was trained under, and what its answers mean; Ho et al. 2020."""

import math

import torch
from torch import Tensor, nn

from explorer.config import DdpmConfig, DiffusionConfig, Prediction, ReverseVariance
from explorer.models.layers import mlp, sinusoidal_embedding
from explorer.models.parameterization import Coefficients
from explorer.models.schedules import NoiseSchedule, build_schedule

_FREQUENCIES = (2.0, 4.0, 8.0)  # of coordinates of unit scale
_POINT = (2, 1, 1)
_TABLES = ("signal", "noise", "mean_x0", "mean_x_t", "posterior", "log_beta", "log_posterior")


class PointNetwork(nn.Module):
    """Fully connected layers that predict a point-shaped quantity from x_t, t and the class.

    Beside the values they are given their sines and cosines: without these a network of few inputs learns fine detail
    late or never (Tancik et al. 2020, arXiv:2006.10739).

    Args:
        config: the model section of a run.
        shape: (2, 1, 1) for points; any shape is flattened.
        classes: how many classes the network is told; 0 for none.
    """

    def __init__(self, config: DdpmConfig, shape: tuple[int, int, int], classes: int = 0) -> None:
        super().__init__()
        self.outputs = (outputs(config) * shape[0], *shape[1:])
        self.time_size = 32
        self.classes = nn.Embedding(classes + 1, self.time_size) if classes else None
        told = math.prod(shape) * (1 + 2 * len(_FREQUENCIES)) + self.time_size * (2 if classes else 1)
        self.layers = mlp([told, *[config.hidden_units] * config.hidden_layers, math.prod(self.outputs)])

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return a quantity shaped as x (twice the channels if the variance is learned), float32, for steps t."""
        flat = x.flatten(1)
        waves = [wave(frequency * flat) for frequency in _FREQUENCIES for wave in (torch.sin, torch.cos)]
        told = [flat, *waves, sinusoidal_embedding(t, self.time_size).to(x)]
        if self.classes is not None:
            told.append(self.classes(labels))
        answer: Tensor = self.layers(torch.cat(told, dim=1)).reshape(-1, *self.outputs).float()
        return answer


def outputs(config: DiffusionConfig) -> int:
    """Return how many numbers the network gives for each value: one more where the variance is learned."""
    return 2 if config.variance == "learned" else 1


class Diffusion(nn.Module):
    """A network that predicts one of μ̃, x_0, ε and v from (x_t, t), with the process it was trained under.

    Args:
        network: maps x_t (batch, C, H, W), t (batch,) and classes (batch,) or None to what is predicted, shaped as x_t;
            to twice the channels if the variance is learned.
        schedule: β_t and ᾱ_t.
        shape: (channels, height, width) of an item.
        predicts: what the network is asked for.
        variance: the variance of a reverse step.
        classes: how many classes the network is told; class number ``classes`` then means that it is told none.
        guidable: whether it has learned what to say when it is told none, which guidance needs.
        clips: whether x̂_0 is kept in [−1, 1] in sampling unless asked otherwise; never that of points.
    """

    def __init__(
        self,
        network: nn.Module,
        schedule: NoiseSchedule,
        shape: tuple[int, int, int],
        predicts: Prediction = "eps",
        variance: ReverseVariance = "posterior",
        classes: int = 0,
        guidable: bool = True,
        clips: bool = True,
    ) -> None:
        super().__init__()
        self.guidable = guidable and classes > 0
        self.clips = clips and shape != _POINT
        self.network = network
        self.schedule = schedule
        self.shape = shape
        self.predicts: Prediction = predicts
        self.variance: ReverseVariance = variance
        self.classes = classes
        bar, before, beta = schedule.alpha_bar, schedule.before, schedule.beta
        exact = {
            "signal": bar.sqrt(),
            "noise": (1 - bar).sqrt(),
            "mean_x0": before.sqrt() * beta / (1 - bar),
            "mean_x_t": (1 - beta).sqrt() * (1 - before) / (1 - bar),
            "posterior": schedule.posterior_variance,
            "log_beta": beta.log(),
            "log_posterior": schedule.reverse_variance.log(),
        }
        self._numbers: dict[str, list[float]] = {name: exact[name].tolist() for name in _TABLES[:4]}
        for name in _TABLES:  # computed exactly, cast once
            self.register_buffer(f"_{name}", exact[name].float(), persistent=False)

    def forward(self, x_t: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return what the network says of x_t (batch, C, H, W) at t (batch,): see ``split``."""
        if not self.classes:
            alone: Tensor = self.network(x_t, t)
            return alone
        if labels is None:
            labels = torch.full((len(x_t),), self.classes, device=x_t.device)
        told: Tensor = self.network(x_t, t, labels)
        return told

    def split(self, said: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the predicted quantity, and where the variance is learned v: ln σ² = v ln β_t + (1−v) ln β̃_t.

        Nichol & Dhariwal 2021, eq. 15; the network's second half says 2v − 1.
        """
        if self.variance != "learned":
            return said, None
        quantity, spread = said.chunk(2, dim=1)
        return quantity, (spread + 1) / 2

    def coefficients(self, t: Tensor) -> Coefficients:
        """Return the coefficients of each item's t (batch,), shape (batch, 1, 1, 1), float32."""
        return Coefficients(*(self.at(name, t) for name in _TABLES[:4]))

    def coefficients_at(self, t: int) -> Coefficients:
        """Return the coefficients of one t, as exact numbers."""
        return Coefficients(*(numbers[t] for numbers in self._numbers.values()))

    def at(self, name: str, t: Tensor) -> Tensor:
        """Return a table's entry for each item's t (batch,), shape (batch, 1, 1, 1), float32.

        Tables are those of ``Coefficients``, and "posterior" (β̃_t), "log_beta" and "log_posterior".
        """
        table: Tensor = getattr(self, f"_{name}")
        return table[t][:, None, None, None]

    @property
    def points(self) -> bool:
        """Return whether items are points rather than pictures: their coordinates have no [−1, 1] to be clipped to."""
        return self.shape == _POINT


def build_process(config: DiffusionConfig, network: nn.Module, shape: tuple[int, int, int], classes: int) -> Diffusion:
    """Return a network together with the process that a model section asks for."""
    guidable = getattr(config, "class_dropout", 0.0) > 0
    clips = getattr(config, "clip", True)
    return Diffusion(network, build_schedule(config), shape, config.predicts, config.variance, classes, guidable, clips)

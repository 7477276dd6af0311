"""What every model with a latent space has in common: p(x|z), and latents in units of the prior."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from explorer.config import LatentConfig
from explorer.models.gaussian import (
    bernoulli_log_likelihood,
    gaussian_log_likelihood,
    kl_from_standard_normal,
    log_ratio_to_standard_normal,
    reparameterize,
)

Shape = tuple[int, int, int]


class Likelihood(nn.Module):
    """p(x|z) from the decoder's output: Bernoulli with its logits, or Gaussian with its mean and σ.

    Args:
        config: the model section of a run.
    """

    def __init__(self, config: LatentConfig) -> None:
        super().__init__()
        self.bernoulli = config.likelihood == "bernoulli"
        self.log_sigma: nn.Parameter | None = None
        if not self.bernoulli and config.sigma_is == "learned":
            self.log_sigma = nn.Parameter(torch.tensor(math.log(config.sigma)))
        self._fixed = config.sigma

    @property
    def sigma(self) -> float | Tensor:
        """Return σ of the Gaussian decoder, in units of x; a tensor of one number where it is learned."""
        return self._fixed if self.log_sigma is None else self.log_sigma.exp()

    def log_prob(self, x: Tensor, parameters: Tensor) -> Tensor:
        """Return ln p(x|z) in nats per item, shape (batch,), for the decoder's output, shaped as x."""
        if self.bernoulli:
            return bernoulli_log_likelihood(x, parameters)
        return gaussian_log_likelihood(x, parameters, self.sigma)

    def log_prob_of_pairs(self, x: Tensor, parameters: Tensor) -> Tensor:
        """Return ln p(x_i|z_j) in nats of every item with every decoder output, shape (items, outputs)."""
        flat, outputs = x.flatten(1), parameters.flatten(1)
        if self.bernoulli:  # Σ x ln π + (1−x) ln(1−π) = Σ x·logit − ln(1 + e^logit)
            return flat @ outputs.T - softplus(outputs).sum(1)
        return torch.stack([self.log_prob(one.expand_as(parameters), parameters) for one in x])

    def mean(self, parameters: Tensor) -> Tensor:
        """Return E[x|z], shaped as x; for a Bernoulli decoder that is π(z), in [0, 1]."""
        return parameters.sigmoid() if self.bernoulli else parameters


class LatentModel(nn.Module):
    """A model that encodes x in [0, 1] (or points) into latents and decodes them.

    Outside the model, latents z are in units of its prior: z ~ N(0, I), so that a slider means the same everywhere. An
    autoencoder and a VQ-VAE have no such prior; their z is in units of the data's codes. A subclass says what
    ``encode`` and ``decode`` do.

    Args:
        config: the model section of a run.
        shape: (channels, height, width) of an item.
        levels: the number of latent dimensions of each level, from the picture up.
        classes: the number of classes the model is told; 0 where it is told none.
    """

    has_kl = True

    def __init__(self, config: LatentConfig, shape: Shape, levels: tuple[int, ...], classes: int = 0) -> None:
        super().__init__()
        self.config = config
        self.shape = shape
        self.levels = levels
        self.latent_size = sum(levels)
        self.classes = classes
        self.likelihood = Likelihood(config)

    def encode(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return μ and ln σ² of q(z|x), each (batch, latent) float32, for x (batch, channels, height, width).

        ``labels`` (batch,) are the classes, for a conditional model. Where the encoder is deterministic σ is 0.
        """
        raise NotImplementedError

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the parameters of p(x|z), shaped as x: logits of π (Bernoulli) or the mean f(z) (Gaussian)."""
        raise NotImplementedError

    def picture(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return E[x|z], shaped as x."""
        return self.likelihood.mean(self.decode(z, labels))

    def log_likelihood(self, x: Tensor, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return ln p(x|z) in nats per item, shape (batch,)."""
        return self.likelihood.log_prob(x, self.decode(z, labels))

    def forward(
        self, x: Tensor, labels: Tensor | None, noise: Tensor, *, sampled_kl: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return ln p(x|z) and the KL per dimension for z drawn with ``noise`` from q(z|x).

        Args:
            x: shape (batch, channels, height, width).
            labels: classes (batch,), for a conditional model.
            noise: ε, shape (M · batch, latent): M samples of z per item, the whole batch M times.
            sampled_kl: ln q(z) − ln p(z) at the samples instead of KL(q ‖ p), which importance weights need.

        Returns:
            Shapes (M · batch,) and (M · batch, latent), in nats.
        """
        mean, log_var = self.encode(x, labels)
        if len(noise) > len(x):
            x, mean, log_var, labels = repeated(len(noise) // len(x), x, mean, log_var, labels)
        z = reparameterize(mean, log_var, noise)
        kl = log_ratio_to_standard_normal(z, log_var, noise) if sampled_kl else kl_from_standard_normal(mean, log_var)
        return self.log_likelihood(x, z, labels), kl

    def settle(self, x: Tensor) -> None:
        """Look at data x once training is done (or a picture is wanted); a model without a prior finds its units."""


def repeated(times: int, *tensors: Tensor | None) -> list[Tensor]:
    """Return each tensor with its whole batch repeated ``times`` times; None stays None."""
    return [
        None if tensor is None else tensor.repeat(times, *[1] * (tensor.dim() - 1))  # type: ignore[misc]
        for tensor in tensors
    ]

"""The variational autoencoder with a diagonal Gaussian encoder; Kingma & Welling 2014 (arXiv:1312.6114)."""

import torch
from torch import Tensor, nn

from explorer.config import ConditionalConfig, VaeConfig
from explorer.models.gaussian import in_units_of
from explorer.models.latent import LatentModel, Shape
from explorer.models.networks import decoder, encoder


class VAE(LatentModel):
    """Encoder q(z|x) = N(μ(x), diag σ²(x)) and decoder p(x|z), Bernoulli or Gaussian, for x in [0, 1].

    Args:
        config: the model section of a run.
        shape: (channels, height, width) of an item.
    """

    def __init__(self, config: VaeConfig, shape: Shape) -> None:
        super().__init__(config, shape, (config.latent_size,))
        self.encoder = encoder(config, shape, 2 * config.latent_size)
        self.decoder = decoder(config, shape, config.latent_size)

    def encode(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return μ and ln σ² of q(z|x), each (batch, latent) float32, for x (batch, channels, height, width)."""
        mean, log_var = self.encoder(x).float().chunk(2, dim=1)
        return mean, log_var

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the parameters of p(x|z), shaped as x: logits of π (Bernoulli) or the mean f(z) (Gaussian)."""
        parameters: Tensor = self.decoder(z).float()
        return parameters


class ConditionalVAE(LatentModel):
    """A VAE that is told the class c: q(z|x,c), p(x|z,c) and the prior N(0, I) or a learned p(z|c).

    Sohn et al. 2015, "Learning Structured Output Representation using Deep Conditional Generative Models". The encoder
    sees the class as one more image plane, learned per class; the decoder sees it one-hot beside z.

    Args:
        config: the model section of a run.
        shape: (channels, height, width) of an item.
        classes: the number of classes, at least 1.
    """

    def __init__(self, config: ConditionalConfig, shape: Shape, classes: int) -> None:
        super().__init__(config, shape, (config.latent_size,), classes)
        channels, height, width = shape
        self.plane = nn.Embedding(classes, height * width)
        self.encoder = encoder(config, (channels + 1, height, width), 2 * config.latent_size)
        self.decoder = decoder(config, shape, config.latent_size + classes)
        self.prior: nn.Embedding | None = None
        if config.prior == "learned":
            self.prior = nn.Embedding(classes, 2 * config.latent_size)
            nn.init.zeros_(self.prior.weight)  # training starts at N(0, I)

    def prior_of(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return μ and ln σ² of p(z|c), each (batch, latent), in the model's own units."""
        if self.prior is None:
            zero = torch.zeros(len(labels), self.latent_size, device=labels.device)
            return zero, zero
        mean, log_var = self.prior(labels).float().chunk(2, dim=1)
        return mean, log_var

    def encode(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return μ and ln σ² of q(z|x,c) in units of p(z|c), each (batch, latent) float32."""
        assert labels is not None
        plane = self.plane(labels).reshape(-1, 1, *x.shape[2:]).to(x)
        mean, log_var = self.encoder(torch.cat([x, plane], dim=1)).float().chunk(2, dim=1)
        return (mean, log_var) if self.prior is None else in_units_of(mean, log_var, *self.prior_of(labels))

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the parameters of p(x|z,c), shaped as x, for z in units of p(z|c)."""
        assert labels is not None
        if self.prior is not None:
            mean, log_var = self.prior_of(labels)
            z = mean + (0.5 * log_var).exp() * z
        told = nn.functional.one_hot(labels, self.classes).to(z)
        parameters: Tensor = self.decoder(torch.cat([z, told], dim=1)).float()
        return parameters

"""The deterministic autoencoder: a code for each item, no prior. With linear networks it spans the PCA subspace."""

import torch
from torch import Tensor

from explorer.config import AutoencoderConfig
from explorer.models.latent import LatentModel, Shape
from explorer.models.networks import decoder, encoder

_DETERMINISTIC = -torch.inf


class Autoencoder(LatentModel):
    """x ↦ code ↦ x̂. It has no prior, so z is measured in standard deviations of the data's codes about their mean.

    ``center`` and ``scale`` (latent,), found by ``settle``, are those units; training does not use them.
    """

    has_kl = False
    center: Tensor
    scale: Tensor

    def __init__(self, config: AutoencoderConfig, shape: Shape) -> None:
        super().__init__(config, shape, (config.latent_size,))
        self.encoder = encoder(config, shape, config.latent_size)
        self.decoder = decoder(config, shape, config.latent_size)
        self.register_buffer("center", torch.zeros(config.latent_size))
        self.register_buffer("scale", torch.ones(config.latent_size))

    def encode(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the codes in the units above, (batch, latent) float32, and ln σ² = −∞."""
        z = (self.encoder(x).float() - self.center) / self.scale
        return z, torch.full_like(z, _DETERMINISTIC)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the parameters of p(x|z), shaped as x."""
        parameters: Tensor = self.decoder(z * self.scale + self.center).float()
        return parameters

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return ln p(x|code(x)) in nats per item, shape (batch,): minus the loss."""
        return self.likelihood.log_prob(x, self.decoder(self.encoder(x)).float())

    @torch.no_grad()
    def settle(self, x: Tensor) -> None:
        """Take mean and standard deviation of the codes of x as the units of z."""
        codes = self.encoder(x).float()
        self.center.copy_(codes.mean(0))
        self.scale.copy_(codes.std(0, correction=0).clamp_min(1e-6))

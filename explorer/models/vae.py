"""The variational autoencoder with a diagonal Gaussian encoder; Kingma & Welling 2014 (arXiv:1312.6114)."""

import math

from torch import Tensor, nn

from explorer.config import VaeConfig
from explorer.models.gaussian import (
    bernoulli_log_likelihood,
    gaussian_log_likelihood,
    kl_from_standard_normal,
    reparameterize,
)
from explorer.models.layers import ConvDecoder, ConvEncoder, mlp


class VAE(nn.Module):
    """Encoder q(z|x) = N(μ(x), diag σ²(x)) and decoder p(x|z), Bernoulli or Gaussian, for x in [0, 1].

    Args:
        config: the model section of a run.
        shape: (channels, height, width) of an image.
    """

    def __init__(self, config: VaeConfig, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.config = config
        self.shape = shape
        self.latent_size = config.latent_size
        outputs = 2 * config.latent_size
        if config.network == "mlp":
            hidden = [config.hidden_units] * config.hidden_layers
            pixels = math.prod(shape)
            self.encoder: nn.Module = nn.Sequential(nn.Flatten(), mlp([pixels, *hidden, outputs]))
            self.decoder: nn.Module = nn.Sequential(
                mlp([config.latent_size, *reversed(hidden), pixels]), nn.Unflatten(1, shape)
            )
        else:
            self.encoder = ConvEncoder(shape, config.channels, config.hidden_units, outputs)
            self.decoder = ConvDecoder(shape, config.channels, config.hidden_units, config.latent_size)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return μ and ln σ² of q(z|x), each (batch, latent) float32, for x (batch, channels, height, width)."""
        mean, log_var = self.encoder(x).float().chunk(2, dim=1)
        return mean, log_var

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return μ of q(z|x) and KL(q(z|x) ‖ N(0, I)) per dimension in nats, each (batch, latent)."""
        mean, log_var = self.encode(x)
        return mean, kl_from_standard_normal(mean, log_var)

    def decode(self, z: Tensor) -> Tensor:
        """Return the parameters of p(x|z), shaped as x: logits of π (Bernoulli) or the mean f(z) (Gaussian)."""
        parameters: Tensor = self.decoder(z).float()
        return parameters

    def picture(self, z: Tensor) -> Tensor:
        """Return E[x|z], shaped as x; for a Bernoulli decoder that is π(z), in [0, 1]."""
        parameters = self.decode(z)
        return parameters.sigmoid() if self.config.likelihood == "bernoulli" else parameters

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """Return ln p(x|z) in nats per item, shape (batch,)."""
        parameters = self.decode(z)
        if self.config.likelihood == "bernoulli":
            return bernoulli_log_likelihood(x, parameters)
        return gaussian_log_likelihood(x, parameters, self.config.sigma)

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return ln p(x|z) (batch,), μ and ln σ² for z drawn with ``noise`` (batch, latent)."""
        mean, log_var = self.encode(x)
        return self.log_likelihood(x, reparameterize(mean, log_var, noise)), mean, log_var

"""The vector-quantized VAE; van den Oord et al. 2017 (arXiv:1711.00937), with a prior over codes that it can sample."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.config import VqConfig
from explorer.fit import grid_sizes
from explorer.models.code_prior import AutoregressivePrior, CategoricalPrior, CodePrior, code_nats, sample_codes
from explorer.models.codebook import Codebook, straight_through
from explorer.models.latent import LatentModel, Shape
from explorer.models.networks import grid_decoder, grid_encoder

_MOST_AXES = 10
_SETTLED = 1000


@dataclass(frozen=True)
class Quantized:
    """One pass: ln p(x|z_q) (batch,), −ln p(k) per place (batch, places), the two distances (batch,), codes and z_e.

    ``codes`` are (batch, places), the encoder's outputs ``z_e`` (batch · places, width).
    """

    log_likelihood: Tensor
    code_nats: Tensor
    commitment: Tensor
    codebook_loss: Tensor
    codes: Tensor
    z_e: Tensor


class VQVAE(LatentModel):
    """Encoder to a grid of vectors, each replaced by the nearest code, and a decoder of the codes.

    q(k|x) is one point, so its KL to the prior over codes is −ln p(k), in nats: the ELBO is a true bound.

    A grid of codes has no sliders. For walking, z are coordinates along the principal components of the data's code
    maps, in standard deviations (found by ``settle``); what is decoded are always the nearest codes.

    Args:
        config: the model section of a run.
        shape: (channels, height, width) of an item.
    """

    center: Tensor
    axes: Tensor
    scale: Tensor

    def __init__(self, config: VqConfig, shape: Shape) -> None:
        self.grid = grid_sizes(shape, config.downsamplings)[-1]
        self.places = math.prod(self.grid)
        flat = self.places * config.code_size
        size = min(_MOST_AXES, flat)
        super().__init__(config, shape, (size,))
        self.commitment = config.commitment
        self.by_average = config.codebook == "ema"
        self.encoder = grid_encoder(config, shape, config.downsamplings, config.code_size)
        self.decoder = grid_decoder(config, shape, config.downsamplings, config.code_size)
        self.codebook = Codebook(
            config.codebook_size, config.code_size,
            by_average=self.by_average, decay=config.decay, reseed_below=config.reseed_below,
        )  # fmt: skip
        self.code_prior: CodePrior
        if config.prior == "categorical":
            self.code_prior = CategoricalPrior(self.places, config.codebook_size)
        else:
            self.code_prior = AutoregressivePrior(
                self.places, config.codebook_size, config.prior_units, config.prior_layers
            )
        self.register_buffer("center", torch.zeros(flat))
        self.register_buffer("axes", torch.eye(size, flat))
        self.register_buffer("scale", torch.ones(size))

    def _vectors(self, x: Tensor) -> Tensor:
        """Return the encoder's outputs (batch · places, code size), the places of an item in raster order."""
        grid: Tensor = self.encoder(x).float()
        return grid.flatten(2).transpose(1, 2).reshape(-1, self.codebook.vectors.shape[1])

    def _from_vectors(self, vectors: Tensor) -> Tensor:
        grid = vectors.reshape(-1, self.places, vectors.shape[1]).transpose(1, 2)
        parameters: Tensor = self.decoder(grid.reshape(len(grid), -1, *self.grid)).float()
        return parameters

    def quantize(self, x: Tensor) -> Quantized:
        """Encode, quantize, decode.

        Args:
            x: shape (batch, channels, height, width).
        """
        z_e = self._vectors(x)
        codes = self.codebook.nearest(z_e)
        z_q = self.codebook.vectors[codes]
        log_likelihood = self.likelihood.log_prob(x, self._from_vectors(straight_through(z_e, z_q)))
        commitment = (z_e - z_q.detach()).square().reshape(len(x), -1).sum(1)
        codebook_loss = (z_e.detach() - z_q).square().reshape(len(x), -1).sum(1)
        grid = codes.reshape(len(x), -1)
        nats = code_nats(self.code_prior, grid)
        return Quantized(log_likelihood, nats, commitment, codebook_loss, grid, z_e.detach())

    def codes(self, x: Tensor) -> Tensor:
        """Return the codes of x, (batch, places) int64 in raster order."""
        return self.codebook.nearest(self._vectors(x)).reshape(len(x), -1)

    def from_codes(self, codes: Tensor) -> Tensor:
        """Return E[x|k] for codes (batch, places), shaped as x."""
        return self.likelihood.mean(self._from_vectors(self.codebook.vectors[codes.flatten()]))

    def reconstruction(self, x: Tensor) -> Tensor:
        """Return E[x|k(x)], shaped as x."""
        return self.from_codes(self.codes(x))

    def sample(self, uniform: Tensor) -> Tensor:
        """Return pictures of codes drawn from the prior with ``uniform`` in [0, 1), shape (batch, places)."""
        return self.from_codes(sample_codes(self.code_prior, uniform))

    # ---- walking ----

    def encode(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the coordinates of the code maps of x along the principal components, and ln σ² = −∞."""
        z = self.coordinates(self.codes(x))
        return z, torch.full_like(z, -torch.inf)

    def coordinates(self, codes: Tensor) -> Tensor:
        """Return where codes (batch, places) are along the principal components, (batch, latent)."""
        quantized = self.codebook.vectors[codes.flatten()].reshape(len(codes), -1)
        return (quantized - self.center) @ self.axes.T / self.scale

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the parameters of p(x|k), shaped as x, for the codes nearest to the code map at z."""
        return self._from_vectors(self.codebook.vectors[self.codes_at(z).flatten()])

    def codes_at(self, z: Tensor) -> Tensor:
        """Return the codes nearest to the code map at z (batch, latent), (batch, places) int64 in raster order."""
        vectors = (z * self.scale) @ self.axes + self.center
        return self.codebook.nearest(vectors.reshape(-1, self.codebook.vectors.shape[1])).reshape(len(z), self.places)

    @torch.no_grad()
    def settle(self, x: Tensor) -> None:
        """Find mean, principal axes and standard deviations of the code maps of x (1000 items at most)."""
        maps = self.codebook.vectors[self.codes(x[:_SETTLED]).flatten()].reshape(-1, len(self.center))
        if not bool(maps.isfinite().all()):
            return  # the loop says so; there are no axes to find
        centred = (maps - maps.mean(0)).cpu().double()
        size = min(len(self.scale), len(maps))
        values, left = torch.linalg.eigh(centred @ centred.T / len(maps))  # items × items: maps may be far wider
        spread = values[-size:].flip(0).clamp_min(1e-12).sqrt()
        axes = left[:, -size:].flip(1).T @ centred / (spread[:, None] * math.sqrt(len(maps)))
        sign = axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()  # eigenvectors know no sign: choose one
        self.center.copy_(maps.mean(0))
        self.axes[:size].copy_(axes * sign)
        self.scale[:size].copy_(spread)

"""Hierarchical VAEs, p(x|z₁) p(z₁|z₂) … p(z_L), with bottom-up or ladder inference; Sønderby et al. 2016."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from explorer.config import HierarchicalConfig
from explorer.models.gaussian import (
    in_units_of,
    kl_from_standard_normal,
    log_ratio_to_standard_normal,
    merged,
    reparameterize,
)
from explorer.models.latent import LatentModel, Shape, repeated
from explorer.models.layers import mlp
from explorer.models.networks import decoder, encoder

Gaussian = tuple[Tensor, Tensor]
_WIDEST = 8.0


def _gaussian(output: Tensor) -> Gaussian:
    """Return μ and ln σ² of a network's output; ln σ² bends smoothly into (−8, 8), or levels chase each other away."""
    mean, log_var = output.float().chunk(2, dim=1)
    return mean, _WIDEST * torch.tanh(log_var / _WIDEST)


class HierarchicalVAE(LatentModel):
    """L ≥ 2 levels of Gaussian latents; ``levels`` are their sizes, z₁ (next to the picture) first.

    Bottom-up inference is q(z₁|x) q(z₂|z₁) … q(z_L|z_{L−1}). Ladder inference goes up without noise and then down,
    merging at each level what the picture says with what the prior p(z_l|z_{l+1}) says, by their precisions.

    Outside, z is the concatenation of all levels, each in units of its prior given the level above: a level mixer needs
    no more than to exchange columns, and z ~ N(0, I) samples the model.

    Args:
        config: the model section of a run.
        shape: (channels, height, width) of an item.
    """

    def __init__(self, config: HierarchicalConfig, shape: Shape) -> None:
        super().__init__(config, shape, config.latent_sizes)
        sizes, hidden = config.latent_sizes, config.hidden_units
        self.ladder = config.inference == "ladder"
        self.decoder = decoder(config, shape, sizes[0])
        self.priors = nn.ModuleList(mlp([above, hidden, hidden, 2 * here]) for here, above in pairwise(sizes))
        if self.ladder:
            self.encoder = encoder(config, shape, hidden)
            self.up = nn.ModuleList(nn.Sequential(nn.SiLU(), mlp([hidden, hidden, hidden])) for _ in sizes[1:])
            self.heads = nn.ModuleList(nn.Sequential(nn.SiLU(), nn.Linear(hidden, 2 * size)) for size in sizes)
        else:
            self.encoder = encoder(config, shape, 2 * sizes[0])
            self.up = nn.ModuleList(mlp([below, hidden, hidden, 2 * here]) for below, here in pairwise(sizes))

    def prior(self, level: int, above: Tensor | None, like: Tensor) -> Gaussian:
        """Return μ and ln σ² of p(z_level|z_{level+1}); N(0, I) at the top, where there is nothing above."""
        if above is None:
            zero = torch.zeros(len(like), self.levels[level], device=like.device)
            return zero, zero
        return _gaussian(self.priors[level](above))

    def _inferred(self, x: Tensor, noise: list[Tensor] | None) -> list[tuple[Tensor, Gaussian, Gaussian]]:
        """Return (z, q, p) of each level from z₁ up; without noise z is the mean of q."""
        return self._down(x, noise) if self.ladder else self._upwards(x, noise)

    def _draw(self, q: Gaussian, noise: list[Tensor] | None, level: int) -> Tensor:
        return q[0] if noise is None else reparameterize(*q, noise[level])

    def _upwards(self, x: Tensor, noise: list[Tensor] | None) -> list[tuple[Tensor, Gaussian, Gaussian]]:
        q = _gaussian(self._fit(self.encoder(x), noise))
        zs, qs = [self._draw(q, noise, 0)], [q]
        for level, network in enumerate(self.up, start=1):
            qs.append(_gaussian(network(zs[-1])))
            zs.append(self._draw(qs[-1], noise, level))
        aboves: list[Tensor | None] = [*zs[1:], None]
        ps = [self.prior(level, above, zs[0]) for level, above in enumerate(aboves)]
        return list(zip(zs, qs, ps, strict=True))

    def _down(self, x: Tensor, noise: list[Tensor] | None) -> list[tuple[Tensor, Gaussian, Gaussian]]:
        features = [self._fit(self.encoder(x), noise)]
        for network in self.up:
            features.append(network(features[-1]))
        found: list[tuple[Tensor, Gaussian, Gaussian]] = []
        above: Tensor | None = None
        for level in reversed(range(len(self.levels))):
            said, p = _gaussian(self.heads[level](features[level])), self.prior(level, above, features[0])
            q = said if above is None else merged(*said, *p)
            above = self._draw(q, noise, level)
            found.insert(0, (above, q, p))
        return found

    def _fit(self, features: Tensor, noise: list[Tensor] | None) -> Tensor:
        """Repeat what the encoder said of x when there are several samples of z for it."""
        times = 1 if noise is None else len(noise[0]) // len(features)
        return features if times == 1 else repeated(times, features)[0]

    def encode(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return μ and ln σ² of each level in units of its prior, all levels side by side, (batch, latent).

        Levels see the means, not draws, of those they depend on.
        """
        units = [in_units_of(*q, *p) for _, q, p in self._inferred(x, None)]
        return torch.cat([mean for mean, _ in units], dim=1), torch.cat([log_var for _, log_var in units], dim=1)

    def draw(self, x: Tensor, noise: Tensor) -> Tensor:
        """Return z ~ q(z|x), every level drawn given those it depends on, in units of its prior (batch, latent).

        Args:
            x: shape (batch, channels, height, width).
            noise: ε, shape (batch, latent), as ``forward`` takes it; decoding z is what that decodes.
        """
        found = self._inferred(x, list(torch.split(noise, list(self.levels), dim=1)))
        return torch.cat([in_units_of(z, q[1], *p)[0] for z, q, p in found], dim=1)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the parameters of p(x|z₁), where z₁ is what z makes of the levels from the top down."""
        above: Tensor | None = None
        for level, units in reversed(list(enumerate(torch.split(z, list(self.levels), dim=1)))):
            mean, log_var = self.prior(level, above, z)
            above = mean + (0.5 * log_var).exp() * units
        parameters: Tensor = self.decoder(above).float()
        return parameters

    def forward(
        self, x: Tensor, labels: Tensor | None, noise: Tensor, *, sampled_kl: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return ln p(x|z₁) and the KL per dimension, all levels side by side; see ``LatentModel.forward``.

        With bottom-up inference only the top level's KL has a closed form, given the level below it; the others are
        ln q(z_l|·) − ln p(z_l|z_{l+1}) at the draw, an unbiased sample whose sum over levels is the KL of the whole.
        """
        parts = list(torch.split(noise, list(self.levels), dim=1))
        found = self._inferred(x, parts)
        kls = []
        for level, (z, q, p) in enumerate(found):
            if sampled_kl or not (self.ladder or level == len(found) - 1):
                units, log_var = in_units_of(z, q[1], *p)
                kls.append(log_ratio_to_standard_normal(units, log_var, parts[level]))
            else:
                kls.append(kl_from_standard_normal(*in_units_of(*q, *p)))
        if len(noise) > len(x):
            x = repeated(len(noise) // len(x), x)[0]
        return self.likelihood.log_prob(x, self.decoder(found[0][0]).float()), torch.cat(kls, dim=1)

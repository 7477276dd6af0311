"""Priors over the codes of a VQ-VAE, so that it can be sampled: each place for itself, or a causal transformer."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

_COLDEST = 1e-6


class CategoricalPrior(nn.Module):
    """p(k) = Π_i p_i(k_i): a table of logits for each place of the grid.

    Args:
        places: codes per item.
        codes: size of the codebook.
    """

    def __init__(self, places: int, codes: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(places, codes))

    def forward(self, codes: Tensor) -> Tensor:
        """Return logits (batch, places, codes); what is in ``codes`` (batch, places) does not matter."""
        return self.logits.expand(len(codes), -1, -1)


class _Block(nn.Module):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.heads = units // 16
        self.norm = nn.LayerNorm(units)
        self.to_qkv = nn.Linear(units, 3 * units)
        self.out = nn.Linear(units, units)
        self.feed = nn.Sequential(
            nn.LayerNorm(units), nn.Linear(units, 4 * units), nn.GELU(), nn.Linear(4 * units, units)
        )

    def forward(self, x: Tensor) -> Tensor:
        batch, places, units = x.shape
        q, k, v = self.to_qkv(self.norm(x)).reshape(batch, places, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, places, units)
        x = x + self.out(mixed)
        out: Tensor = x + self.feed(x)
        return out


class AutoregressivePrior(nn.Module):
    """p(k) = Π_i p(k_i | k_1 … k_{i−1}) in raster order, by a causal transformer; Vaswani et al. 2017.

    Args:
        places: codes per item.
        codes: size of the codebook.
        units: width, a multiple of 16.
        layers: number of blocks.
    """

    def __init__(self, places: int, codes: int, units: int, layers: int) -> None:
        super().__init__()
        self.start = codes  # one more token stands before the first place
        self.tokens = nn.Embedding(codes + 1, units)
        self.places = nn.Parameter(0.02 * torch.randn(places, units))
        self.blocks = nn.Sequential(*[_Block(units) for _ in range(layers)])
        self.head = nn.Sequential(nn.LayerNorm(units), nn.Linear(units, codes))

    def forward(self, codes: Tensor) -> Tensor:
        """Return logits (batch, places, codes) of each place given those before it, for ``codes`` (batch, places)."""
        first = codes.new_full((len(codes), 1), self.start)
        before = torch.cat([first, codes[:, :-1]], dim=1)
        logits: Tensor = self.head(self.blocks(self.tokens(before) + self.places[: codes.shape[1]]))
        return logits


CodePrior = CategoricalPrior | AutoregressivePrior


def code_nats(prior: CodePrior, codes: Tensor) -> Tensor:
    """Return −ln p(k_i | …) of each place in nats, (batch, places), for codes (batch, places)."""
    log_p: Tensor = prior(codes).float().log_softmax(2)
    return -log_p.gather(2, codes[:, :, None])[:, :, 0]


def sample_codes(prior: CodePrior, uniform: Tensor, temperature: float = 1.0) -> Tensor:
    """Return codes (batch, places) drawn from the prior with ``uniform``; see ``codes_by_place``."""
    *_, codes = codes_by_place(prior, uniform, temperature)
    return codes


def codes_by_place(prior: CodePrior, uniform: Tensor, temperature: float = 1.0) -> Iterator[Tensor]:
    """Draw codes (batch, places) by inverting each place's distribution at ``uniform``; yield them after every place.

    What is yielded is always the same tensor, filled up to a place.

    Args:
        prior: p over the codes.
        uniform: one number in [0, 1) for each place of each item, shape (batch, places).
        temperature: τ >= 0 that divides the logits: p^(1/τ), normalized. 1 is the prior, 0 its most likely codes.
    """
    codes = torch.zeros(uniform.shape, dtype=torch.int64, device=uniform.device)
    for place in range(uniform.shape[1]):
        with torch.no_grad():
            logits = prior(codes[:, : place + 1])[:, place].float()
            reached = (logits / max(temperature, _COLDEST)).softmax(1).cumsum(1)
            drawn = torch.searchsorted(reached, uniform[:, place, None].contiguous(), right=True)[:, 0]
            codes[:, place] = drawn.clamp(max=logits.shape[1] - 1)  # rounding may leave the last sum below 1
        yield codes

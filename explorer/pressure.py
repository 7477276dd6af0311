"""How the KL of a model is weighted while it trains: β, its warm-up, and β_norm."""

import math

from explorer.config import HierarchicalConfig, RunConfig

Shape = tuple[int, int, int]


def full_beta(config: RunConfig, shape: Shape) -> float:
    """Return β itself, also where it is given as β_norm = β·K/D (Higgins et al. 2017, §4.2); 1 without a KL term.

    Args:
        config: the run's settings.
        shape: (channels, height, width) of an item, D values.
    """
    model = config.model
    beta = float(getattr(model, "beta", 1.0))
    if getattr(model, "beta_is", "beta") == "beta_norm":
        latents = sum(model.latent_sizes) if isinstance(model, HierarchicalConfig) else getattr(model, "latent_size", 1)
        beta *= math.prod(shape) / latents
    return beta


def beta_in_force(config: RunConfig, shape: Shape, epoch: float, turned: float | None = None) -> float:
    """Return β at an epoch: what it was turned to, else the run's own after its warm-up; 1 without a KL term.

    Args:
        config: the run's settings; β_norm becomes β = β_norm·D/K (Higgins et al. 2017, §4.2).
        shape: (channels, height, width) of an item.
        epoch: passes over the data so far.
        turned: β as the knobs stand, None where it was never turned.
    """
    if turned is not None and hasattr(config.model, "beta"):
        return turned
    warm_up = float(getattr(config.model, "warm_up_epochs", 0.0))
    beta = full_beta(config, shape)
    return beta * min(1.0, epoch / warm_up) if warm_up > 0 else beta

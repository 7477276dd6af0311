"""What to try when latents or codes are not used: advice from a run's settings, the most promising first."""

from explorer.config import RunConfig, VqConfig


def _field(config: RunConfig, name: str, default: float = 0.0) -> float:
    return float(getattr(config.model, name, default))


def slower_warm_up(config: RunConfig) -> str:
    """Return how β should rise from 0 in another run."""
    now = _field(config, "warm_up_epochs")
    epochs = 2 * now if now > 0 else max(2, round(config.training.epochs / 5))
    return f"let β rise {'more slowly ' if now > 0 else ''}from 0, with model.warm_up_epochs={epochs:g}"


def against_collapse(config: RunConfig, beta: float) -> tuple[str, ...]:
    """Return what helps against posterior collapse.

    Args:
        config: the run's settings.
        beta: β in force.
    """
    said = []
    if beta > 1:
        said.append(f"Lower β, also while it trains: now it is {beta:g}, and 1 is the VAE.")
    said.append(f"In another run, {slower_warm_up(config)}.")
    if getattr(config.model, "likelihood", "") == "gaussian" and getattr(config.model, "sigma_is", "") == "fixed":
        sigma = _field(config, "sigma", 1.0)
        said.append(f"Let the reconstruction weigh more: model.sigma below {sigma:g}, or model.sigma_is=learned.")
    capacity = _field(config, "capacity")
    if capacity > 0:
        said.append(f"Let z tell more: model.capacity above {capacity:g} nats.")
    else:
        said.append("Hold the KL at a value instead of pressing it to 0: model.capacity=10 nats (Burgess et al. 2018).")
    weaker = _weaker_decoder(config)
    if weaker:
        said.append(f"A weaker decoder needs z more: {weaker}.")
    return (*said, _slower(config))


def _slower(config: RunConfig) -> str:
    return f"A lower learning rate, also while it trains: {config.training.learning_rate / 3:.1g}."


def _weaker_decoder(config: RunConfig) -> str:
    network = getattr(config.model, "network", "")
    channels, units = (max(1, int(_field(config, name)) // 2) for name in ("channels", "hidden_units"))
    return {
        "residual": "model.network=convolutional",
        "convolutional": f"model.channels={channels}",
        "mlp": f"model.hidden_units={units}",
    }.get(network, "")


def against_unused_codes(config: RunConfig, perplexity: float) -> tuple[str, ...]:
    """Return what helps a codebook of which little is used.

    Args:
        config: the settings of a VQ-VAE.
        perplexity: of the codes used.
    """
    model, said = config.model, []
    assert isinstance(model, VqConfig)
    if model.reseed_below == 0:
        said.append("Re-seed codes that nobody uses at encoder outputs: model.reseed_below=0.05.")
    if model.codebook == "loss":
        said.append("Let the codes follow moving averages of what they stand for: model.codebook=ema.")
    elif model.decay > 0.95:
        said.append(f"Let the codes follow faster: model.decay=0.95; now it is {model.decay:g}.")
    if model.commitment > 0:
        said.append(f"Tie the encoder less to the codes it has: model.commitment below {model.commitment:g}.")
    enough = 2 ** round(2 * perplexity).bit_length()
    if enough < model.codebook_size:
        said.append(f"If the reconstructions are good, fewer codes are enough: model.codebook_size={enough}.")
    return (*said, _slower(config))

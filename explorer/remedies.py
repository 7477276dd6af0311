"""What to try when latents or codes are not used: advice from a run's settings, the most promising first."""

from explorer.config import RunConfig, VqConfig
from explorer.setting import hints
from explorer.settings import settings_of


def set_to(config: RunConfig, address: str, words: str) -> str:
    """Return a setting as the form calls it, what it should be, and its address: "KL warm-up 80 (model.warm_up…)"."""
    return f"{hints(settings_of(config)[address])['label']} {words} ({address})"


def _field(config: RunConfig, name: str, default: float = 0.0) -> float:
    return float(getattr(config.model, name, default))


def slower_warm_up(config: RunConfig) -> str:
    """Return how β should rise from 0 in another run."""
    now = _field(config, "warm_up_epochs")
    epochs = 2 * now if now > 0 else max(2, round(config.training.epochs / 5))
    slowly = "more slowly " if now > 0 else ""
    return f"let β rise {slowly}from 0: {set_to(config, 'model.warm_up_epochs', f'{epochs:g}')}"


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
        smaller = set_to(config, "model.sigma", f"below {sigma:g}")
        learned = set_to(config, "model.sigma_is", "learned")
        said.append(f"Let the reconstruction weigh more: {smaller}, or {learned}.")
    capacity = _field(config, "capacity")
    if capacity > 0:
        said.append(f"Let z tell more: {set_to(config, 'model.capacity', f'above {capacity:g} nats')}.")
    else:
        held = set_to(config, "model.capacity", "10 nats")
        said.append(f"Hold the KL at a value instead of pressing it to 0, as Burgess et al. 2018: {held}.")
    weaker = _weaker_decoder(config)
    if weaker:
        said.append(f"A weaker decoder needs z more: {weaker}.")
    return (*said, _slower(config))


def _slower(config: RunConfig) -> str:
    lower = set_to(config, "training.learning_rate", f"{config.training.learning_rate / 3:.1g}")
    return f"Smaller steps, also while it trains: {lower}."


def _weaker_decoder(config: RunConfig) -> str:
    network = getattr(config.model, "network", "")
    channels, units = (max(1, int(_field(config, name)) // 2) for name in ("channels", "hidden_units"))
    weaker = {
        "residual": ("model.network", "convolutional"),
        "convolutional": ("model.channels", f"{channels}"),
        "mlp": ("model.hidden_units", f"{units}"),
    }.get(network)
    return set_to(config, *weaker) if weaker else ""


def against_unused_codes(config: RunConfig, perplexity: float) -> tuple[str, ...]:
    """Return what helps a codebook of which little is used.

    Args:
        config: the settings of a VQ-VAE.
        perplexity: of the codes used.
    """
    model, said = config.model, []
    assert isinstance(model, VqConfig)
    if model.reseed_below == 0:
        reseed = set_to(config, "model.reseed_below", "0.05")
        said.append(f"Let codes that nobody uses begin anew at encoder outputs: {reseed}.")
    if model.codebook == "loss":
        averages = set_to(config, "model.codebook", "ema")
        said.append(f"Let the codes follow moving averages of what they stand for: {averages}.")
    elif model.decay > 0.95:
        said.append(f"Let the codes follow faster: {set_to(config, 'model.decay', '0.95')}; now it is {model.decay:g}.")
    if model.commitment > 0:
        less = set_to(config, "model.commitment", f"below {model.commitment:g}")
        said.append(f"Tie the encoder less to the codes it has: {less}.")
    enough = 2 ** round(2 * perplexity).bit_length()
    if enough < model.codebook_size:
        fewer = set_to(config, "model.codebook_size", f"{enough}")
        said.append(f"If the reconstructions are good, fewer codes are enough: {fewer}.")
    return (*said, _slower(config))

"""What is said of a model in words and figures: on its card, in its details, on the Latent page."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from explorer.messages import ModelCard
from explorer.training_messages import Turned, squared_error

_NAN = float("nan")
_LONGEST_WAY = 4  # values of a knob that are named one by one
_PREDICTS = {"mean": "μ̃ (A)", "x0": "x₀ (B)", "eps": "ε (C)", "v": "v"}


def plain(value: object) -> str:
    """Return a value of a run.json, which may be anything, as people write it."""
    return f"{value:g}" if isinstance(value, float | int) and not isinstance(value, bool) else str(value)[:20]


def signed(value: float) -> str:
    """Return a number with two decimals and a real minus sign."""
    return f"{value:.2f}".replace("-", "−")


def spaced(number: int) -> str:
    """Return a whole number in groups of three digits."""
    return f"{number:,}".replace(",", " ")


def byte_size(size: int) -> str:
    """Return bytes as people read them, such as "1.2 GB"."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _section(card: ModelCard, name: str) -> Mapping[str, Any]:
    section = card.config.get(name)
    return section if isinstance(section, Mapping) else {}


def figures(card: ModelCard) -> str:
    """Return the figures of a model in one line."""
    metrics, predicts = card.metrics, _section(card, "model").get("predicts", "eps")
    if card.problem:
        return card.problem
    if not metrics:
        return "trained elsewhere" if card.family == "imported" else standing(card) or "not trained to an end yet"
    if "test_elbo" in metrics:
        text = f"ELBO {metrics['test_elbo']:.1f} · KL {metrics.get('test_kl', _NAN):.1f} nats"
    elif card.latent:
        text = f"ln p(x|z) {metrics.get('test_reconstruction', _NAN):.1f} nats"
    else:
        text = f"{squared_error(str(predicts))} {metrics.get('test_loss', _NAN):.3g}"
    return text.replace("-", "−")


def standing(card: ModelCard) -> str:
    """Return how the training of a run stands, "" where it came to its end."""
    planned, done = _section(card, "training").get("epochs"), ""
    if "epochs" in card.metrics:
        done = f" after {card.metrics['epochs']:.4g} of {plain(planned)} epochs"
    said = {
        "training": "is being trained now",
        "interrupted": "interrupted",
        "stopped": f"stopped{done}",
        "failed": "ended with an error; what was saved before it stands",
    }.get(card.status, "")
    return f"{said}; can be resumed" if card.resumable and card.status != "failed" else said


def made(card: ModelCard) -> str:
    """Return when a run was made, to the second and in this machine's time: runs of one name are told apart by it."""
    try:
        return datetime.fromisoformat(card.created).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):  # a record may say anything
        return card.created[:20]


def told_apart(cards: Sequence[ModelCard]) -> dict[str, str]:
    """Return what to call each model, by its path: its title, and of several of one title also when it was made.

    The time of day where all were made on one day, else the date, as exact as it takes; at last the folder's name. A
    bundled model that has the title of a run of one's own says that it is bundled.
    """
    own = {card.title for card in cards if not card.bundled}
    same: dict[str, list[ModelCard]] = {}
    for card in cards:
        title = f"{card.title} · bundled" if card.bundled and card.title in own else card.title
        same.setdefault(title, []).append(card)
    names: dict[str, str] = {}
    for title, group in same.items():
        times = [made(card) for card in group]
        of_a_day = len({time[:10] for time in times}) == 1
        begin = 11 if of_a_day and all(len(time) > 11 for time in times) else 0
        marks = next(
            (cut for end in (10, 16, 19) if len(set(cut := [time[begin:end] for time in times])) == len(group)),
            [card.name for card in group],
        )
        for card, mark in zip(group, marks, strict=True):
            names[card.path] = f"{title} · {mark}" if len(group) > 1 else title
    return names


def latents(card: ModelCard) -> str:
    """Return what the latents of a model are, such as "10-d" or "64 codes"."""
    model = _section(card, "model")
    if card.family == "vq":
        return f"{plain(model.get('codebook_size', '?'))} codes"
    if card.family == "hierarchical":
        sizes = model.get("latent_sizes")
        return " + ".join(plain(size) for size in sizes) + "-d" if isinstance(sizes, list | tuple) else "?"
    return f"{plain(model.get('latent_size', '?'))}-d"


def _predicts(model: Mapping[str, Any]) -> str:
    """Return the symbol of what a diffusion model's network is asked for."""
    return _PREDICTS.get(str(model.get("predicts", "eps")), "?")


def tags(card: ModelCard) -> list[str]:
    """Return the marks of a card: family, what is special about it, whose it is, and a training that did not end."""
    model = _section(card, "model")
    marks = [card.label or "damaged"]
    if card.latent:
        marks.append(latents(card))
        if card.label == "β-VAE" or model.get("beta", 1) != 1:
            name = "β_norm" if model.get("beta_is") == "beta_norm" else "β"
            marks.append(f"{name} = {plain(model.get('beta', 1))}")
    elif card.family:
        marks.append(f"{_predicts(model)} · T = {plain(model.get('timesteps', '?'))}")
    marks.append("bundled" if card.bundled else "yours")
    return [*marks, card.status] if card.status not in {"", "finished"} else marks


def _likelihood(model: Mapping[str, Any]) -> str:
    if model.get("likelihood") == "gaussian":
        return f"Gaussian, σ {'learned' if model.get('sigma_is') == 'learned' else '= ' + plain(model.get('sigma'))}"
    binarization = model.get("binarization", "none")
    return "Bernoulli" if binarization == "none" else f"Bernoulli, {plain(binarization)}"


def _way(values: Sequence[str]) -> str:
    """Return where a knob went, "" where it stayed; of a long way only its ends."""
    way = [value for before, value in zip(["", *values], values, strict=False) if value != before]
    return "" if len(way) < 2 else " → ".join(way if len(way) <= _LONGEST_WAY else [way[0], "…", way[-1]])


def turned(card: ModelCard, turns: Sequence[Turned]) -> str:
    """Return how the knobs of a run were turned while it trained, "" where they stayed as its settings say."""
    model = _section(card, "model")
    name, unit = ("β_norm", "β ") if model.get("beta_is") == "beta_norm" else ("β", "")  # the knob is always β itself
    own = plain(model.get("beta", 1))
    betas = _way([own, *(own if turn.knobs.beta is None else f"{unit}{turn.knobs.beta:g}" for turn in turns)])
    rates = _way(["1", *(f"{turn.knobs.rate:g}" for turn in turns)])
    said = [f"{name} {betas}" if betas else "", f"lr × {rates}" if rates else ""]
    return ", ".join([*filter(None, said), "turned while it trained"]) if any(said) else ""


def details(card: ModelCard, turns: Sequence[Turned] = ()) -> list[tuple[str, str]]:
    """Return what is known of a model and of how its knobs were turned, for the panel beside the cards."""
    if not card.config:
        return [("Problem", card.problem), ("Folder", card.path)]
    model, metrics = _section(card, "model"), card.metrics
    network = f"{plain(model.get('network', 'unet'))} · {spaced(card.parameters)} parameters"
    if card.latent:
        active = f" · {metrics['active_dimensions']:.0f} active" if "active_dimensions" in metrics else ""
        special = [("p(x|z)", _likelihood(model)), ("Network", network), ("Latents", f"{latents(card)}{active}")]
    else:
        schedule = f"{plain(model.get('schedule'))} · T = {plain(model.get('timesteps'))}"
        special = [("Predicts", _predicts(model)), ("Network", network), ("Schedule", schedule)]
    trained = f"{card.dataset} · {metrics['epochs']:.0f} epochs" if "epochs" in metrics else card.dataset
    if card.family == "imported":
        trained = "elsewhere" if card.dataset == "none" else f"{card.dataset}, elsewhere"
    now, knobs = card.problem or standing(card), turned(card, turns)
    return [
        *([("Training", now)] if now else []),
        ("Family", card.label),
        *special,
        ("Trained on", trained),
        *([("Knobs", knobs)] if knobs else []),
        *([("Test", figures(card))] if metrics and not card.problem and card.family != "imported" else []),
        ("Made", made(card)),
        ("Folder", card.name),
    ]


def beside_the_picture(card: ModelCard, values: int) -> list[tuple[str, str, str]]:
    """Return name, value and tooltip of what the Latent page says of a model whose items have ``values`` values."""
    model, metrics = _section(card, "model"), card.metrics
    facts = [("Model", card.title, ""), ("Family", card.label, "")]
    beta, sizes = model.get("beta"), model.get("latent_sizes") or [model.get("latent_size")]
    if isinstance(beta, float | int) and all(isinstance(size, int) for size in sizes):
        size, tip = sum(sizes), "Weight of the KL term in training"
        norm = beta if model.get("beta_is") == "beta_norm" else beta * size / values
        facts.append(("β", f"{norm * values / size:.4g}", tip))
        facts.append(("β_norm", f"{norm:.3g}", f"β·K/D, free of sizes: K = {size} latents, D = {values} values"))
    facts.append(("p(x|z)", _likelihood(model), "The decoder's likelihood"))
    if "test_elbo" in metrics:
        facts.append(("ELBO", signed(metrics["test_elbo"]), "Test items, nats per item, β = 1"))
        tip = "−ln p(k) of the codes" if card.family == "vq" else "KL(q(z|x) ‖ p(z))"
        facts.append(("KL", signed(metrics.get("test_kl", _NAN)), f"{tip}, test items, nats"))
    else:
        facts.append(("ln p(x|z)", signed(metrics.get("test_reconstruction", _NAN)), "Test items, nats per item"))
    if "test_perplexity" in metrics:
        used = f"{metrics['test_perplexity']:.1f} of {plain(model.get('codebook_size'))}"
        facts.append(("Perplexity", used, "exp of the entropy of how often each code is used"))
    return facts

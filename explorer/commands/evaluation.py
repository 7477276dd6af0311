"""``vdx evaluate``: the figures of a model on data, as a table or JSON."""

import argparse
import dataclasses
import json

from explorer.commands.shared import arguments, bar, keep_data, open_model
from explorer.errors import ConfigError
from explorer.figures import Evaluation
from explorer.messages import Step

_ROWS = 11


def evaluate(options: argparse.Namespace) -> int:
    """Evaluate a model and print its figures with units and conventions."""
    from explorer.config import DataConfig
    from explorer.inference.evaluation import evaluate as measure
    from explorer.inference.plan import Plan, check
    from explorer.settings import with_data

    session = open_model(options)
    with arguments():
        keep_data(options, options.data or session.data.name)
        data: DataConfig = with_data(session.data, options.data)
        _check_options(options, session.latent_size > 0)
        iwae, times = (
            default if given is None else given for given, default in ((options.iwae, 50), (options.times, 20))
        )
        plan = Plan(data, options.split, options.limit, iwae, options.seed, options.mig, times)
        check(session, plan)
    found: Evaluation | None = None
    progress = None
    for message in measure(session, plan):
        if isinstance(message, Step):
            progress = progress or bar(message.total, "batch")
            progress.update(message.done - progress.n)
        else:
            found = message
    if progress is not None:
        progress.close()
    assert found is not None
    print(
        json.dumps(dataclasses.asdict(found), indent=1, ensure_ascii=False, allow_nan=False)
        if options.json
        else _table(found)
    )
    return 0


def _check_options(options: argparse.Namespace, latent: bool) -> None:
    if latent and options.times is not None:
        raise ConfigError("--times is for diffusion models, and this model has a latent space; leave it out")
    if not latent and options.iwae is not None:
        raise ConfigError("--iwae is for models with a latent space, and this is a diffusion model; leave it out")


def _table(found: Evaluation) -> str:
    lines = [f"{found.model} ({found.family}) on {found.items} {found.split} items of {found.data}, seed {found.seed}"]
    for name, figure in found.figures.items():
        error = f" ± {figure.error:.3g}" if figure.error is not None else ""
        lines.append(f"  {name:18} {figure.value:10.4f}{error:10} {figure.unit:15} {figure.meaning}")
    if len(found.kl_per_level) > 1:
        levels = ", ".join(f"z{level} {kl:.3f}" for level, kl in enumerate(found.kl_per_level, start=1))
        lines.append(f"  KL per level       {levels} nats per item")
    if found.kl_per_dimension:
        shown = " ".join(f"{kl:.2f}" for kl in found.kl_per_dimension)
        what = "−ln p(k) per place" if found.family == "vq" else "KL per dimension"
        lines.append(f"  {what:18} {shown} nats per item")
    lines += _curves(found)
    lines.append("  ± is the standard error over items")
    return "\n".join(lines)


def _curves(found: Evaluation) -> list[str]:
    """Return a few lines of the curves over t, from noise to picture."""
    if not found.t:
        return []
    shown = (
        range(len(found.t))
        if len(found.t) <= _ROWS
        else [round(i * (len(found.t) - 1) / (_ROWS - 1)) for i in range(_ROWS)]
    )
    lines = ["  " + " ".join(f"{name:>18}" for name in ("t", "of steps", *found.per_t))]
    for place in reversed(shown):
        values = (curve[place] for curve in found.per_t.values())
        numbers = " ".join(f"{'—':>18}" if value is None else f"{value:18.5f}" for value in values)
        lines.append(f"  {found.t[place]:18} {found.steps[place]:18} {numbers}")
    return lines

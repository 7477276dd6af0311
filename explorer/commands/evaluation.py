"""``vdx evaluate``: the figures of a model on data, as a table or JSON."""

import argparse
import dataclasses
import json

from explorer.commands.shared import arguments, bar, keep_data, open_model
from explorer.messages import Evaluation, Step


def evaluate(options: argparse.Namespace) -> int:
    """Evaluate a model and print its figures with units and conventions."""
    from explorer.config import DataConfig
    from explorer.inference import evaluation
    from explorer.settings import with_data

    session = open_model(options)
    with arguments():
        keep_data(options, options.data or session.data.name)
        data: DataConfig = with_data(session.data, options.data)
        plan = evaluation.Plan(data, options.split, options.limit, options.iwae, options.seed, options.mig)
        evaluation.check(session, plan)
    found: Evaluation | None = None
    progress = None
    for message in evaluation.evaluate(session, plan):
        if isinstance(message, Step):
            progress = progress or bar(message.total, "batch")
            progress.update(message.done - progress.n)
        else:
            found = message
    if progress is not None:
        progress.close()
    assert found is not None
    print(json.dumps(dataclasses.asdict(found), indent=1, ensure_ascii=False) if options.json else _table(found))
    return 0


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
    lines.append("  ± is the standard error over items")
    return "\n".join(lines)

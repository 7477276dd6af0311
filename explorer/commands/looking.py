"""``vdx list``, ``doctor`` and ``screenshot``: what there is, and whether it works."""

import argparse
import json
import platform
import textwrap
from typing import Any

from explorer import images, runs
from explorer.commands.shared import arguments
from explorer.version import VERSION


def _listing() -> dict[str, Any]:
    from explorer.data import drawn
    from explorer.data.catalog import CATALOG
    from explorer.settings import preset_names

    cards = [runs.card(folder) for folder in runs.folders()]
    names = ("name", "family", "dataset", "path", "bundled", "metrics")
    return {
        "presets": preset_names(),
        "models": [{name: getattr(card, name) for name in names} for card in cards],
        "datasets": [
            {
                "name": name,
                "kind": entry.kind,
                "shape": list(entry.shape),
                "items": entry.items,
                "available": entry.available(),
            }
            for name, entry in CATALOG.items()
            if entry.available() or name not in {"drawn", "none"}
        ],
        "drawn": drawn.names(),
    }


def list_all(options: argparse.Namespace) -> int:
    """Print models and data sets."""
    found = _listing()
    if options.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
        return 0
    print("models")
    for model in found["models"]:
        figures = ", ".join(f"{name} {value:.4g}" for name, value in model["metrics"].items() if "test" in name)
        whose = "bundled" if model["bundled"] else model["path"]
        print(f"  {model['name']:28} {model['family']:12} {model['dataset']:8} {whose}  {figures}")
    print("presets to train")
    print(textwrap.fill(", ".join(found["presets"]), 100, initial_indent="  ", subsequent_indent="  "))
    print("data sets")
    for data in found["datasets"]:
        where = "" if data["available"] else "  not on this machine: bring it with --data-dir"
        shape = "×".join(map(str, data["shape"]))
        print(f"  {data['name']:28} {data['kind']:6} {data['items']} items of {shape}{where}")
    if found["drawn"]:
        print("drawn by you, for --data drawn --set data.drawn=NAME")
        print(textwrap.fill(", ".join(found["drawn"]), 100, initial_indent="  ", subsequent_indent="  "))
    return 0


def doctor(options: argparse.Namespace) -> int:
    """Check the installation."""
    from explorer.doctor import examine

    findings = examine()
    healthy = all(finding["ok"] for finding in findings)
    if options.json:
        print(json.dumps({"ok": healthy, "version": VERSION, "findings": findings}, indent=1, ensure_ascii=False))
    else:
        print(f"vdx {VERSION} on Python {platform.python_version()}, {platform.platform()}")
        for finding in findings:
            print(f"  {'ok ' if finding['ok'] else 'BAD'} {finding['name']}: {finding['text']}")
    return 0 if healthy else 1


def screenshot(options: argparse.Namespace) -> int:
    """Render a page to a PNG."""
    with arguments():
        images.check_writable(options.out, (".png",))
        if options.model is not None:
            runs.find(options.model)
    from explorer.ui.screenshot import render

    render(options.page, options.model, options.theme, options.size, options.out)
    print(f"wrote {options.out}")
    return 0

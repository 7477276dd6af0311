"""``vdx sample``, ``traverse`` and ``denoise``: pictures from a model, with their provenance."""

import argparse
from pathlib import Path

import numpy as np

from explorer import images
from explorer.commands.shared import arguments, bar, open_model
from explorer.errors import ConfigError
from explorer.messages import DenoiseRequest, Pixels, TraverseRequest

_GIF_FRAMES = 60
_STRIP_FRAMES = 10


def _say(path: Path) -> int:
    print(f"wrote {path}")
    return 0


def sample(options: argparse.Namespace) -> int:
    """Draw pictures into a PNG."""
    session = open_model(options, ".png")
    with arguments():
        drawing = session.sample(options.count, options.seed, options.label)
        session.check_label(options.label)
    progress = None
    for done, total, pixels in drawing:
        progress = progress or bar(total, "step")
        progress.update(done - progress.n)
        if pixels is not None:
            progress.close()
            provenance = session.provenance(
                command="sample", count=options.count, seed=options.seed, label=options.label
            )
            images.write_picture(options.out, images.png_bytes(images.sheet(pixels), provenance))
    return _say(options.out)


def traverse(options: argparse.Namespace) -> int:
    """Move one latent dimension at a time, into a PNG or GIF."""
    session = open_model(options, ".gif", ".png")
    if not session.latent_size:
        raise ConfigError(f"{options.model} has no latent space to traverse: it is a {session.card.label}")
    with arguments():
        session.check_label(options.label)
    found = session.latents()
    order = found.order()[:16]
    animated = options.out.suffix.lower() == ".gif"
    steps = 25 if animated else 11
    request = TraverseRequest(
        0, np.zeros(session.latent_size, np.float32), order, steps=steps, label=options.label or 0
    )
    rows = session.traverse(request).pixels.reshape(len(order), request.steps, *session.image_shape)
    if animated:
        content = images.gif_bytes(images.swing(rows), hold=50)
    else:
        flat = rows.reshape(-1, *session.image_shape)
        provenance = session.provenance(
            command="traverse", dimensions=order, extent=request.extent, label=options.label
        )
        content = images.png_bytes(images.sheet(flat, request.steps), provenance)
    images.write_picture(options.out, content)
    return _say(options.out)


def denoise(options: argparse.Namespace) -> int:
    """Show the reverse chain, as a film strip (PNG) or a GIF."""
    session = open_model(options, ".gif", ".png")
    if session.latent_size:
        raise ConfigError(f"{options.model} has no chain to denoise: it is a {session.card.label}")
    animated = options.out.suffix.lower() == ".gif"
    total = len(session.schedule().beta) - 1
    shown = set(np.linspace(0, total, _GIF_FRAMES if animated else _STRIP_FRAMES).round().astype(int).tolist())
    kept: list[Pixels] = []
    with bar(total, "step") as progress:
        for frame in session.denoise(DenoiseRequest(0, options.count, options.seed)):
            progress.update(total - frame.t - progress.n)
            if frame.t in shown:
                kept.append(frame.x_t)
    if animated:
        content = images.gif_bytes([images.sheet(pixels) for pixels in kept])
    else:
        strip = np.stack(kept, axis=1).reshape(-1, *session.image_shape)
        provenance = session.provenance(command="denoise", count=options.count, seed=options.seed)
        content = images.png_bytes(images.sheet(strip, len(kept)), provenance)
    images.write_picture(options.out, content)
    return _say(options.out)

"""``vdx sample``, ``traverse`` and ``denoise``: pictures from a model, with their provenance."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from explorer import images
from explorer.commands.shared import arguments, bar, open_model
from explorer.config import Sampling
from explorer.errors import ConfigError
from explorer.messages import DenoiseRequest, Pixels
from explorer.settings import explain

if TYPE_CHECKING:
    from explorer.inference.session import ModelSession

_GIF_FRAMES = 60
_STRIP_FRAMES = 10
_EXTENT = 3.0  # of a traversal, in units of the prior


def _say(path: Path) -> int:
    print(f"wrote {path}")
    return 0


def sample(options: argparse.Namespace) -> int:
    """Draw pictures into a PNG."""
    session = open_model(options, ".png")
    with arguments():
        sampling = _sampling(options, session.clips)
        if session.latent_size:
            if sampling != Sampling(label=sampling.label) or options.towards is not None:
                raise ConfigError(f"{options.model} has no chain to set: leave out all but the class, count and seed")
            session.check_label(sampling.label)
        else:
            session.check_sampling(sampling)
        drawing = session.sample(_count(options, session), options.seed, sampling, options.towards)
    progress = None
    for done, total, pixels in drawing:
        progress = progress or bar(total, "step")
        progress.update(done - progress.n)
        if pixels is not None:
            progress.close()
            how = {"label": options.label} if session.latent_size else sampling.model_dump()
            how |= {"towards": options.towards} if options.towards is not None else {}
            provenance = session.provenance(command="sample", count=_count(options, session), seed=options.seed, **how)
            images.write_picture(options.out, images.png_bytes(images.sheet(pixels), provenance))
    return _say(options.out)


def traverse(options: argparse.Namespace) -> int:
    """Move one latent dimension at a time, into a PNG or GIF."""
    session = open_model(options, ".gif", ".png")
    if not session.latent_size:
        raise ConfigError(f"{options.model} has no latent space to traverse: it is a {session.card.label}")
    with arguments():
        session.check_label(options.label)
    order = session.latents().order()[:16]
    animated = options.out.suffix.lower() == ".gif"
    steps = 25 if animated else 11
    z = np.zeros(session.latent_size, np.float32)
    flat = session.traverse(z, order, _EXTENT, steps, options.label or 0)
    if animated:
        content = images.gif_bytes(images.swing(flat.reshape(len(order), steps, *session.image_shape)), hold=50)
    else:
        provenance = session.provenance(command="traverse", dimensions=order, extent=_EXTENT, label=options.label)
        content = images.png_bytes(images.sheet(flat, steps), provenance)
    images.write_picture(options.out, content)
    return _say(options.out)


def denoise(options: argparse.Namespace) -> int:
    """Show the reverse chain, as a film strip (PNG) or a GIF."""
    session = open_model(options, ".gif", ".png")
    if session.latent_size:
        raise ConfigError(f"{options.model} has no chain to denoise: it is a {session.card.label}")
    animated = options.out.suffix.lower() == ".gif"
    with arguments():
        if options.start == 0:
            raise ConfigError("--from 0 is the image itself; start at 1 or later")
        if options.image is not None and not (options.start or options.invert):
            raise ConfigError("--image is where --from T or --invert starts: say which, for example --from 250")
        if options.invert and options.start:
            raise ConfigError("--from noises the image and --invert walks it up: leave one of them out")
        sampling = _sampling(options, session.clips)
        asked = DenoiseRequest(
            0, _count(options, session), options.seed, sampling, options.image or 0, options.start or 0, options.invert
        )
        request = session.settled(asked)
        steps = session.chain_steps(request)
        frames = session.denoise(request)
    kept_frames = _GIF_FRAMES if animated else _STRIP_FRAMES
    shown = set(np.linspace(0, len(steps), min(kept_frames, len(steps) + 1)).round().astype(int).tolist())
    kept: list[Pixels] = []
    with bar(len(steps), "step") as progress:
        for done, frame in enumerate(frames):
            progress.update(done - progress.n)
            if done in shown:
                kept.append(frame.x_t)
    if animated:
        content = images.gif_bytes([images.sheet(pixels) for pixels in kept])
    else:
        strip = np.stack(kept, axis=1).reshape(-1, *session.image_shape)
        begins = {"image": request.image, "start": request.start, "invert": request.invert}
        assert request.sampling is not None  # it is settled
        how = request.sampling.model_dump()
        start = begins if request.start or request.invert else {}
        provenance = session.provenance(
            command="denoise", count=_count(options, session), seed=options.seed, **how, **start
        )
        content = images.png_bytes(images.sheet(strip, len(kept)), provenance)
    images.write_picture(options.out, content)
    return _say(options.out)


def _sampling(options: argparse.Namespace, clips: bool) -> Sampling:
    """Return how to sample, as the options say; ConfigError names one that is out of range or that does nothing."""
    given = {name: getattr(options, name) for name in Sampling.model_fields if getattr(options, name) is not None}
    given.setdefault("clip", clips)
    try:
        sampling = Sampling.model_validate(given)
    except ValidationError as error:
        raise ConfigError(explain(error)) from error
    if options.eta is not None and sampling.sampler != "ddim":
        raise ConfigError("--eta is a setting of DDIM: add --sampler ddim")
    if options.spacing is not None and not sampling.steps:
        raise ConfigError("--spacing says which of the steps are visited: add --steps")
    return sampling


def _count(options: argparse.Namespace, session: "ModelSession") -> int:
    """Return how many are wanted; points make no picture unless they are many."""
    return options.count or (images.CLOUD if session.points else {"sample": 64, "denoise": 16}[options.command])

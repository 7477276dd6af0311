"""Which settings of an experiment do not go together: known without loading the data or building the network.

A form shows it at each of the settings as soon as they are chosen; the command line says it before anything is written.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from explorer.config import (
    ConditionalConfig,
    DataConfig,
    DdpmConfig,
    DiffusionConfig,
    ImportedConfig,
    RunConfig,
    VqConfig,
)
from explorer.data import drawn
from explorer.data.catalog import CATALOG, Entry
from explorer.data.points import parse_mixture
from explorer.data.sprites import parse_subset
from explorer.errors import DataError

_WRITTEN = {"mixture": "mixture", "sprites": "subset", "drawn": "drawn"}
MOST_PLACES = 1024  # of a grid of codes
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Misfit:
    """Settings that do not go together.

    Attributes:
        addresses: of the settings.
        problem: why, in words.
        remedies: settings with the values that would do, (address, value) each.
        otherwise: what else would do, in words; "" where there is nothing else.
    """

    addresses: tuple[str, ...]
    problem: str
    remedies: tuple[tuple[str, Any], ...] = ()
    otherwise: str = ""

    @property
    def text(self) -> str:
        """Return what is wrong and how to mend it, with the settings by their addresses."""
        settings = " and ".join(f"{address}={value}" for address, value in self.remedies)
        return self.said(f"set {settings}" if settings else "")

    def said(self, remedy: str) -> str:
        """Return what is wrong, and how to mend it: by what else would do, or by ``remedy`` unless it is empty."""
        mend = " or ".join(filter(None, [remedy, self.otherwise]))
        return f"{self.problem}; {mend}" if mend else self.problem


def misfits(config: RunConfig) -> list[Misfit]:
    """Return what does not go together in an experiment; nothing where all does."""
    if isinstance(config.model, ImportedConfig):
        return []  # it is not trained here
    if config.data.name == "none":
        return [Misfit(("data.name",), "there is nothing to learn from", otherwise="choose a data set")]
    return [*_of_data(config.data), *of_model(config), *_of_batch(config)]


def _of_data(data: DataConfig) -> Iterator[Misfit]:
    """What is written about the data in words of its own, and no data can be made of."""
    try:
        if data.name == "mixture":
            parse_mixture(data.mixture)
        elif data.name == "sprites":
            parse_subset(data.subset)
        elif data.name == "drawn" and not drawn.available(data.drawn):
            drawn.read(data.drawn)
    except DataError as error:
        problem, _, remedy = str(error).partition("; ")
        yield Misfit((f"data.{_WRITTEN[data.name]}",), problem, otherwise=remedy)


def of_model(config: RunConfig) -> Iterator[Misfit]:
    """Yield what does not go together in model and data set, however the training goes."""
    model, entry = config.model, CATALOG[config.data.name]
    if isinstance(model, DdpmConfig):
        yield from _of_ddpm(model, config.data.name, entry)
    if isinstance(model, DiffusionConfig):
        return
    if isinstance(model, ConditionalConfig) and entry.classes < 1:
        problem = f"{config.data.name} has no classes, which a conditional VAE needs"
        yield Misfit(("data.name", "model.family"), problem, (("model.family", "vae"),), "choose another data set")
    if isinstance(model, VqConfig):
        places = math.prod(grid_sizes(entry.shape, model.downsamplings)[-1])
        if places > MOST_PLACES:
            problem = f"that is a grid of {places} codes, the most is {MOST_PLACES}"
            yield Misfit(("data.name", "model.downsamplings"), problem, otherwise="set model.downsamplings higher")
    if entry.kind == "points":
        mend: list[tuple[str, Any]] = []
        mend += [("model.likelihood", "gaussian")] if getattr(model, "likelihood", "") == "bernoulli" else []
        mend += [("model.network", "mlp")] if model.network in {"convolutional", "residual"} else []
        if mend:
            problem = f"{config.data.name} are points, not pictures in [0, 1]"
            yield Misfit(("data.name", *(address for address, _ in mend)), problem, tuple(mend))


def _of_ddpm(model: DdpmConfig, data: str, entry: Entry) -> Iterator[Misfit]:
    if model.told == "class" and entry.classes < 1:
        problem = f"{data} has no classes to be told"
        yield Misfit(("data.name", "model.told"), problem, (("model.told", "nothing"),), "choose another data set")
    if model.schedule == "custom" and len(model.betas) > model.timesteps:
        problem = f"model.betas has {len(model.betas)} numbers for {model.timesteps} steps"
        yield Misfit(("model.betas", "model.timesteps"), problem, otherwise=f"write {model.timesteps} or fewer")
    if model.network == "mlp":
        return
    if entry.kind == "points":
        problem = f"{data} are points, which a U-Net cannot hold"
        yield Misfit(("data.name", "model.network"), problem, (("model.network", "mlp"),))
        return
    side, halvings = min(entry.shape[1:]), len(model.multipliers) - 1
    most = side.bit_length()
    if halvings >= most:
        problem = f"model.multipliers halves the image {halvings} times, and {data} is {side} pixels wide"
        yield Misfit(("data.name", "model.multipliers"), problem, otherwise=f"write at most {most} of them")


def _of_batch(config: RunConfig) -> Iterator[Misfit]:
    """A batch that is larger than all training items; of what is drawn by hand their number is not known here."""
    most, batch = CATALOG[config.data.name].most_train_items(config.data.items), config.training.batch_size
    if most and batch > most:
        problem = f"training.batch_size = {batch} is more than the {most} training items of {config.data.name}"
        of_items = ("data.items",) if config.data.items else ("data.name",)
        yield Misfit((*of_items, "training.batch_size"), problem, otherwise=f"set it to {most} or less")


def grid_sizes(shape: Shape, downsamplings: int) -> list[tuple[int, int]]:
    """Return (height, width) from an image to its grid of codes, halved and rounded up at each step."""
    sizes = [shape[1:]]
    for _ in range(downsamplings):
        height, width = sizes[-1]
        sizes.append((-(-height // 2), -(-width // 2)))
    return sizes

"""What the points of the map are coloured by: their class, a factor, a term of their ELBO."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from explorer.latent_messages import MapItems
from explorer.ui import theme
from explorer.ui.heat_strip import viridis
from explorer.ui.plot_style import number

CLASS = "class"
_LEVELS = 255  # of the colours of a value; one more stands for "not known"
_ROBUST = (1.0, 99.0)  # per cent of the values that a colour is kept for
_MOST_GROUPS = 10  # values of a factor that have a colour each; of more there is a bar
# What the terms of the ELBO are called on the screen, and their symbol.
TERMS = {
    "reconstruction": ("reconstruction", "ln p(x|z)", "nats"),
    "kl": ("KL", "KL(q(z|x) ‖ p(z))", "nats"),
    "elbo": ("ELBO", "ln p(x|z) − KL", "nats"),
}


@dataclass(frozen=True)
class Coloring:
    """A colour for each item: ``palette`` (colours, 3), and which of them an item has, (items,).

    Of a value ``low`` and ``high`` are the ends of the colour bar, the 1st and 99th percentile: a few outliers do not
    take the colours from all others. ``by_class`` says that colours stand for classes, or for the few values of a
    factor: there is no such bar.
    """

    key: str
    palette: NDArray[np.uint8]
    which: NDArray[np.uint8]
    low: float = 0.0
    high: float = 0.0
    by_class: bool = False

    @property
    def title(self) -> str:
        """Return what is coloured, with its unit."""
        name, symbol, unit = TERMS.get(self.key, (self.key, "", ""))
        return f"{name} {symbol}, {unit}".strip() if symbol else name


@dataclass(frozen=True)
class Groups:
    """What the legend tells apart: ``values`` (items,), each the number of a group, and their ``names``.

    ``noun`` is what they are groups of: "class", or the factor that has few values.
    """

    key: str
    noun: str
    values: NDArray[np.int64]
    names: Sequence[str] = ()

    def name(self, k: int) -> str:
        """Return what a group is called."""
        return self.names[k] if 0 <= k < len(self.names) else str(k)

    def full_name(self, k: int) -> str:
        """Return what a group is called where nothing around it says what it is one of."""
        name = self.name(k)
        return f"{self.noun} {name}" if name[-1:].isdecimal() else name


def few(key: str, values: NDArray[np.floating]) -> Groups | None:
    """Return the groups that the values (items,) of a factor make; None where there are too many for a colour each."""
    found, numbers = np.unique(values, return_inverse=True)
    if not 0 < len(found) <= _MOST_GROUPS or not np.isfinite(found).all():
        return None
    return Groups(key, key, numbers.astype(np.int64), [number(value, "{:g}") for value in found.tolist()])


def rgb(color: str) -> NDArray[np.uint8]:
    """Return a colour #rrggbb as three bytes."""
    found = QColor(color)
    return np.array([found.red(), found.green(), found.blue()], np.uint8)


def class_color(label: int, colors: theme.Colors) -> str:
    """Return the colour of a class as #rrggbb."""
    return colors.classes[label % len(colors.classes)]


def by_class(labels: NDArray[np.int64], ink: theme.Colors, key: str = CLASS) -> Coloring:
    """Return the colours of classes (items,), or of the groups of another ``key``."""
    colors = ink.classes
    palette = np.stack([rgb(color) for color in colors])
    return Coloring(key, palette, (labels % len(colors)).astype(np.uint8), by_class=True)


def by_value(key: str, values: NDArray[np.floating]) -> Coloring:
    """Return the colours of values (items,) from viridis' dark to its light end; muted where they are not finite."""
    known = np.isfinite(values)
    low, high = np.percentile(values[known], _ROBUST).tolist() if known.any() else (0.0, 0.0)
    if high <= low and known.any():  # most items have the same
        low, high = float(values[known].min()), float(values[known].max())
    span = high - low if high > low else 1.0
    shares = np.clip((np.where(known, values, low) - low) / span, 0.0, 1.0)
    which = np.where(known, np.rint(shares * (_LEVELS - 1)), _LEVELS).astype(np.uint8)
    steps = np.rint(np.linspace(0, len(viridis()) - 1, _LEVELS)).astype(int)
    palette = np.concatenate([viridis()[steps], rgb(theme.colors().muted)[None]])
    return Coloring(key, palette, which, low, high)


def offered(
    terms: Mapping[str, NDArray[np.floating]], factors: Mapping[str, NDArray[np.floating]], noun: str = "class"
) -> list[tuple[str, str]]:
    """Return key and name of what points can be coloured by; ``noun`` is what classes are, maybe one of the factors."""
    named = [(key, name) for key, (name, _, _) in TERMS.items() if key in terms]
    return [(CLASS, noun), *((key, key) for key in factors if key != noun), *named]


def awaited(items: MapItems | None, terms: Sequence[str]) -> list[str]:
    """Return which of the ``terms`` of the ELBO are still being found."""
    coming = items is not None and len(items.values) > 0 and not items.terms and not items.note
    return list(terms) if coming else []


def brief(note: str) -> str:
    """Return what a note says before it says more exactly, or how to mend it."""
    return note.partition(": ")[0].partition("; ")[0]

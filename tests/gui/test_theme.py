"""The colours: ten classes that everybody can tell apart, on both grounds."""

import numpy as np
import pytest
from numpy.typing import NDArray

from explorer.ui import theme
from explorer.ui.theme import Colors

Floats = NDArray[np.float64]

# Linear RGB as a person of each kind of sight has it; Machado, Oliveira & Fernandes 2009, severity 1.
SIGHTS = {
    "usual": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def linear(colors: tuple[str, ...]) -> Floats:
    """Return sRGB colours as linear light, (colours, 3)."""
    values = np.array([list(bytes.fromhex(color[1:])) for color in colors]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(light: Floats) -> Floats:
    """Return linear RGB as CIE L*a*b*, D65."""
    ratio = light @ _TO_XYZ.T / _TO_XYZ.sum(1)
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


def nearest(colors: tuple[str, ...], sight: str) -> float:
    """Return the least ΔE*ab between any two colours, as they are seen."""
    seen = lab(np.clip(linear(colors) @ SIGHTS[sight].T, 0, 1))
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    return float(apart[np.triu_indices(len(colors), 1)].min())


def test_the_measure_knows_what_cannot_be_told_apart() -> None:
    assert nearest(("#ff0000", "#ff0000"), "usual") == 0
    assert nearest(("#000000", "#ffffff"), "usual") == pytest.approx(100, abs=0.1)
    assert nearest(("#a9b8b6", "#8f95a5"), "deuteranopia") < 16 < nearest(("#4477aa", "#eecc66"), "deuteranopia")


@pytest.mark.parametrize("colors", [theme.DARK, theme.LIGHT], ids=["dark", "light"])
def test_classes_are_told_apart_by_everybody(colors: Colors) -> None:
    assert len(set(colors.classes)) == 10
    assert nearest(colors.classes, "usual") > 25
    for sight in ("deuteranopia", "protanopia"):
        assert nearest(colors.classes, sight) > 15


@pytest.mark.parametrize("colors", [theme.DARK, theme.LIGHT], ids=["dark", "light"])
def test_classes_and_words_stand_out_from_their_ground(colors: Colors) -> None:
    def contrast(color: str, ground: str) -> float:
        one, other = sorted(float(light @ _TO_XYZ[1]) for light in linear((color, ground)))
        return (other + 0.05) / (one + 0.05)

    assert all(contrast(color, colors.panel) > 2.5 for color in colors.classes)
    assert contrast(colors.text, colors.panel) > 10
    assert all(contrast(colors.muted, ground) > 4.5 for ground in (colors.panel, colors.window, colors.field))

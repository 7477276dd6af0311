"""The colours of the codes of a codebook: codes whose vectors are near each other look alike."""

import numpy as np
from numpy.typing import NDArray

from explorer.messages import Floats

Colors = NDArray[np.uint8]

_LIGHTNESS, _CHROMA = 0.74, 0.15
_TO_LMS = np.array(
    ((1.0, 0.3963377774, 0.2158037573), (1.0, -0.1055613458, -0.0638541728), (1.0, -0.0894841775, -1.2914855480))
)
_TO_RGB = np.array(
    (
        (4.0767416621, -3.3077115913, 0.2309699292),
        (-1.2684380046, 2.6097574011, -0.3413193965),
        (-0.0041960863, -0.7034186147, 1.7076147010),
    )
)


def code_colors(positions: Floats) -> Colors:
    """Return a colour for each code, (codes, 3), for where the codes are on two axes, (codes, 2).

    The two axes are those of colour at one lightness in Oklab (Ottosson 2020), so that colours differ for the eye as
    vectors do. What is far out is drawn in: one odd code does not make all others grey.
    """
    where = np.asarray(positions, np.float64)
    if not len(where):
        return np.zeros((0, 3), np.uint8)
    where = np.nan_to_num(where - where.mean(axis=0))
    radius = np.hypot(*where.T)
    usual = max(float(np.median(radius)), 1e-12)
    drawn = where / np.maximum(radius, 1e-12)[:, None] * np.tanh(radius / (1.5 * usual))[:, None]
    lab = np.column_stack([np.full(len(drawn), _LIGHTNESS), _CHROMA * drawn])
    linear = np.clip(((lab @ _TO_LMS.T) ** 3) @ _TO_RGB.T, 0.0, 1.0)
    shown = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    colors: Colors = np.rint(shown * 255).astype(np.uint8)
    return colors

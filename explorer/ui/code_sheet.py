"""A map of codes as a picture in a file: what it decodes to, the original, and the map in its colours."""

from collections.abc import Callable

from explorer import images
from explorer.latent_messages import CodeMap
from explorer.messages import Pixels
from explorer.ui.code_colors import Colors

_LARGE = 256  # pixels of each of the pictures


def code_sheet(original: Pixels, colors: Colors) -> Callable[[CodeMap], Pixels]:
    """Return what puts a map, what it decodes to and the original beside each other, in any thread.

    Args:
        original: the image that was encoded, (1, height, width, channels), or (0, …) where there was none.
        colors: of the codes, (codes, 3).
    """

    def sheet(found: CodeMap) -> Pixels:
        pictures = [images.sheet(one[None], 1, _LARGE) for one in (*found.pixels, *original)]
        colored = [one.repeat(3 // one.shape[-1], axis=-1) for one in pictures]
        cells = images.enlarge(colors[found.codes], images.factor_for(len(found.codes), _LARGE))
        return images.beside([*colored, cells], gap=8)

    return sheet

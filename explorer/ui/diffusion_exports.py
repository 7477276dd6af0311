"""What can be taken home from the Diffusion page: pictures with their provenance, and the chain as a film."""

import time
from typing import TYPE_CHECKING

import numpy as np

from explorer import images
from explorer.messages import Pixels

if TYPE_CHECKING:
    from explorer.ui.diffusion_page import DiffusionPage

_GIF_FRAMES = 60


class DiffusionExports:
    """Fills the Export menu of a page, and makes the files from what the page shows."""

    def __init__(self, page: "DiffusionPage") -> None:
        self._page = page
        export = page.controls.export
        export.add("picture", "Followed picture (PNG)", ".png", self._picture_png)
        export.add("samples", "All pictures (PNG)", ".png", self._items_png)
        export.add("chain", "Film strip (PNG)", ".png", self._strip_png)
        export.add("chain-animation", "The chain (GIF)", ".gif", self._chain_gif)

    def _provenance(self, what: str) -> dict[str, object]:
        assert self._page.model is not None
        made: dict[str, object] = {**self._page.model.provenance, "made": what, "t": self._page.t}
        if self._page.forward:
            assert self._page.noised is not None
            made |= {"process": "forward", "image": self._page.noised.index, "seed": self._page.noised.seed}
        else:
            made |= {"process": "reverse", "item": self._page.followed, "seed": self._page.sampled_seed}
            made |= self._page.sampled_how.model_dump()
        return {**made, "time": time.strftime("%Y-%m-%dT%H:%M:%S")}

    def _picture_png(self) -> bytes:
        return images.png_bytes(images.sheet(self._page.view.picture.pixels, wanted=512), self._provenance("picture"))

    def _items_png(self) -> bytes:
        return images.png_bytes(images.sheet(self._page.view.items.pixels), self._provenance("pictures"))

    def _strip_png(self) -> bytes:
        strip = self._page.view.strip.pixels
        return images.png_bytes(images.sheet(strip, len(strip)), self._provenance("film strip"))

    def _film(self) -> list[Pixels]:
        if self._page.forward:
            assert self._page.noised is not None
            film: list[Pixels] = [picture[None] for picture in self._page.noised.x_t]
        else:
            film = [frame.x_t for frame in self._page.frames]
        kept = np.unique(np.linspace(0, len(film) - 1, min(_GIF_FRAMES, len(film))).round().astype(int))
        return [film[index] for index in kept]

    def _chain_gif(self) -> bytes:
        return images.gif_bytes([images.sheet(pixels) for pixels in self._film()])

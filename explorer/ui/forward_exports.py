"""What is taken home from the forward process: pictures, the strip of both ways, films, and where they come from."""

from typing import TYPE_CHECKING

import numpy as np

from explorer import images
from explorer.animations import Reel
from explorer.errors import ExplorerError
from explorer.messages import Pixels
from explorer.ui.forward_panes import CHAIN, shown

if TYPE_CHECKING:
    from explorer.ui.forward_view import ForwardView

_COMING = "the chain is still being computed step by step; save again in a moment"


class ForwardExports:
    """Fills the menu of the mode."""

    def __init__(self, view: "ForwardView") -> None:
        self._view = view
        add = view.exports.add
        add("picture", "Noised picture, by the jump (PNG)", ".png", self._picture)
        add("steps", "Noised picture, step by step (PNG)", ".png", self._steps)
        add("panes", "All panes beside each other (PNG)", ".png", self._panes)
        add("chain", "Film strip of both ways (PNG)", ".png", self._strip)
        view.films.add("x_t", "Film of xₜ", self._reel)
        view.films.add("ways", "Film of x₀ and all ways", self._ways)

    def made(self, what: str) -> dict[str, object]:
        """Return what a file says of itself: model, schedule, t, seed, and where the item comes from."""
        view = self._view
        if view.noised is None:
            return {}
        known = {"image": view.noised.index} if view.source.kind == "data" and not view.points else {}
        other = {"beside": view.other.name} if view.other.name else {}
        return view.provenance(
            made=what, process="forward", t=view.t, seed=view.noised.seed, schedule=view.own_name, **known,
            **view.source.told, **other,
        )  # fmt: skip

    def _picture(self) -> bytes:
        return images.png_bytes(images.sheet(self._view.view.picture.pixels, wanted=512), self.made("picture"))

    def _steps(self) -> bytes:
        told = {**self.made("picture"), "t": self._chain_t(), "way": "step by step"}
        return images.png_bytes(images.sheet(self._view.view.panes[CHAIN][1].pixels, wanted=512), told)

    def _chain_t(self) -> int:
        """Return the t of the chain's pane, which is not that of the others where not every step is kept."""
        there = self._view.chain_t
        if there is None:
            raise ExplorerError(_COMING)
        return there

    def _panes(self) -> bytes:
        panes = self._view.view
        told = {**self.made("panes"), "t_step_by_step": self._chain_t(), "middle": panes.middle}
        return images.png_bytes(panes.whole(), told)

    def _strip(self) -> bytes:
        strip = self._view.view.strip
        made = {**self.made("film strip"), "t": strip.marks, "rows": [name for name, _, _ in strip.rows]}
        return images.png_bytes(strip.sheet(), made)

    def _reel(self) -> Reel:
        return self._film("x_t")

    def _ways(self) -> Reel:
        if self._view.noised is None or not self._view.noised.done:
            raise ExplorerError(_COMING)
        return self._film("ways")

    def _film(self, key: str) -> Reel:
        """Return a film over all t; it holds what is shown now, whatever is chosen while it is being made."""
        view = self._view
        assert view.noised is not None
        noised, made, points = view.noised, self.made("film"), view.points
        own, other = view.schedule.alpha_bar, view.other.schedule

        def picture(t: int) -> Pixels:
            jump = noised.jump(float(own[t]))
            if key == "x_t":
                return images.poster(shown(jump, points=points))
            ways = [noised.x0, jump, noised.chain[noised.place(t)].astype(np.float32)]
            ways += [] if other is None else [noised.jump(float(other.alpha_bar[t]))]
            return images.beside([images.sheet(shown(way, points=points), wanted=256) for way in ways], 8)

        def told(t: int) -> dict[str, object]:
            steps = {"t_step_by_step": noised.t[noised.place(t)]} if key == "ways" else {}
            return {**made, "shows": key, "t": t, **steps}

        return Reel(noised.total + 1, picture, told)

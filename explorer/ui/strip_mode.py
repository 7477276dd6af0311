"""One way to look at a latent space in the strip below the map: what the Latent page knows of each of them."""

import itertools
import time

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from explorer.latent_messages import CodebookFound, CodeMap, Encoded, MapItems, PriorSamples, Sheet
from explorer.messages import Floats, OpenedModel
from explorer.ui.export import ExportMenu
from explorer.ui.film_menu import FilmMenu

_numbers = itertools.count(1)


def next_request() -> int:
    """Return the number of a new request; no two of the page have the same."""
    return next(_numbers)


class StripMode(QWidget):
    """A mode of the strip: its pictures, and in ``bar`` its controls for the strip's title row.

    It takes values and emits values. ``asked`` carries a request for the session; only the mode that is shown asks, and
    it asks for sheets by StripRequest with a number of ``next_request``. ``went`` carries the z (latent,) that page,
    map and sliders are to go to, ``classed``, just before it, the class that goes with it; ``released`` ends the moves
    of one drag. ``path`` carries the z (places, latent) to draw as a line in the map, or None; ``changed`` says that
    what can be exported or animated, or what the strip is called, has changed. ``status`` and ``problem`` are as of a
    Page.

    Attributes:
        key: what the mode is called in code, ``title`` on its button, ``tip`` the button's tooltip.
    """

    asked = Signal(object)
    went = Signal(object)
    classed = Signal(int)
    released = Signal()
    path = Signal(object)
    changed = Signal()
    status = Signal(str)
    problem = Signal(object)
    key, title, tip = "", "", ""

    def __init__(self) -> None:
        super().__init__()
        self.model: OpenedModel | None = None
        self.names: list[str] = []
        self.z: Floats | None = None
        self.label = 0
        self.bar = QWidget()
        self.exports = ExportMenu(self)
        self.films = FilmMenu(self.exports)

    # ---- what the page tells it ----

    @classmethod
    def fits(cls, model: OpenedModel) -> bool:
        """Return whether there is such a view of this model; its button is hidden where there is not."""
        return model.latents is not None

    def set_model(self, model: OpenedModel | None, names: list[str], hint: str = "") -> None:
        """Begin anew with a model whose dimensions have these names; without one say why."""
        self.model, self.names, self.z, self.label = model, names, None, 0
        self.bar.setEnabled(model is not None)

    def set_items(self, items: MapItems) -> None:
        """Take what the points of the map are."""

    def set_place(self, z: Floats, label: int) -> None:
        """Take where sliders and cursor are; it comes at every move, so what is to be asked is asked a little later."""
        self.z, self.label = z, label

    def take_sheet(self, sheet: Sheet) -> None:
        """Take the pictures of a StripRequest; of an older one of its own, or of another mode, none of its business."""

    def take_samples(self, samples: PriorSamples) -> None:
        """Take what was drawn from the prior."""

    def take_encoded(self, encoded: Encoded) -> None:
        """Take the image that was encoded last: drawn, dropped, or chosen in the map."""

    def take_codes(self, found: CodeMap) -> None:
        """Take a map of codes that was encoded or painted."""

    def take_codebook(self, found: CodebookFound) -> None:
        """Take the codebook."""

    def take_selection(self, items: NDArray[np.int64]) -> None:
        """Take the items of the map that were selected by box or lasso."""

    def take_second(self, z: Floats | None) -> None:
        """Take the second place that was picked in the map, to interpolate to."""

    def come_up(self) -> None:
        """Do what is due when it is shown: ask for what is missing."""

    def go_down(self) -> None:
        """Do what is due when another mode is shown: nothing moves, no line in the map."""
        self.path.emit(None)

    # ---- what the strip asks it ----

    @property
    def uses_second(self) -> bool:
        """Return whether it does something with the second place of the map, which is marked there only then."""
        return type(self).take_second is not StripMode.take_second

    @property
    def heading(self) -> str:
        """Return what the strip's title says while it is shown."""
        return self.title.capitalize()

    @property
    def exportable(self) -> bool:
        """Return whether there is anything to save."""
        return False

    @property
    def animates(self) -> bool:
        """Return whether there is something to swing through now."""
        return False

    @property
    def swinging(self) -> bool:
        """Return whether it swings."""
        return False

    def animate(self, on: bool) -> None:
        """Begin or end the swing."""

    # ---- helpers ----

    def provenance(self, **made: object) -> dict[str, object]:
        """Return what a picture of the open model says of itself."""
        assert self.model is not None
        return {**self.model.provenance, **made, "time": time.strftime("%Y-%m-%dT%H:%M:%S")}

    def shutdown(self) -> bool:
        """End the thread of a film that is being saved; return whether it ended in time."""
        return self.films.stop()

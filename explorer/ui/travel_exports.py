"""What can be taken home from the time machine: map and pictures of a moment, and the whole travel as a film."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from explorer import images
from explorer.animations import Reel
from explorer.training_messages import Snapshot
from explorer.ui import theme
from explorer.ui.export import ExportMenu
from explorer.ui.film_menu import FilmMenu
from explorer.ui.travel_pictures import TravelPictures

if TYPE_CHECKING:
    from explorer.ui.time_machine import TimeMachine


class TravelExports:
    """Fills the Export menu of a time machine, and makes the files from its snapshots.

    Attributes:
        films: makes the film beside the window.
    """

    def __init__(self, machine: "TimeMachine", provenance: Callable[[], Mapping[str, object]]) -> None:
        self._machine, self._provenance = machine, provenance
        menu = machine.export.menu()
        assert isinstance(menu, ExportMenu)
        menu.add("latent-map", "Latent map (PNG)", ".png", self.map_png)
        menu.add("samples", "Samples (PNG)", ".png", self.samples_png)
        menu.add("traversals", "Traversals (PNG)", ".png", self.traversals_png)
        self._of_latents, _, self._of_rows = menu.actions()
        self.films = FilmMenu(menu)
        self.films.add("travel", "The whole travel", self.reel)

    def offer(self, snapshot: Snapshot) -> None:
        """Offer what a snapshot has."""
        self._of_latents.setVisible(snapshot.means.size > 0)
        self._of_rows.setVisible(len(snapshot.traversal) > 0)

    def _told(self, what: str, moment: Snapshot) -> dict[str, object]:
        return {**self._provenance(), "made": what, "step": moment.step, "epoch": round(moment.epoch, 6)}

    @property
    def _pictures(self) -> TravelPictures:
        return TravelPictures(self._machine.map.look, theme.colors())

    def map_png(self) -> bytes:
        """Return the map of the moment that is shown."""
        moment, pictures = self._machine.moment, self._pictures
        told = {**self._told("latent map", moment), "axes": list(pictures.look.names)}
        return images.png_bytes(pictures.map(moment), told)

    def samples_png(self) -> bytes:
        """Return the samples of the moment that is shown."""
        moment = self._machine.moment
        return images.png_bytes(images.sheet(moment.samples), self._told("samples", moment))

    def traversals_png(self) -> bytes:
        """Return the traversals of the moment that is shown, a row each."""
        moment = self._machine.moment
        rows, dimensions = self._machine.travel.rows_of(moment)
        told = {**self._told("traversals", moment), "dimensions": list(dimensions)}
        return images.png_bytes(images.sheet(rows.reshape(-1, *rows.shape[2:]), rows.shape[1]), told)

    def reel(self) -> Reel:
        """Return the travel as it is now, as a film: map and samples side by side, a picture for each snapshot."""
        moments, pictures = list(self._machine.travel), self._pictures
        told = [self._told("travel", moment) for moment in moments]
        return Reel(len(moments), lambda place: pictures.frame(moments[place]), lambda place: told[place])

"""A mode of the strip that shows what certain z decode to: it asks for them a little after they changed, and swings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QTimer, Slot

from explorer import images
from explorer.animations import Reel
from explorer.latent_messages import Sheet, StripRequest
from explorer.messages import Floats, OpenedModel, Pixels
from explorer.ui.asking import Asking
from explorer.ui.figure import rows_of
from explorer.ui.strip_mode import StripMode, next_request

SWING_MS = 90


@dataclass(frozen=True)
class Places:
    """What a mode wants to see: z (items, latent), their classes as of a SheetRequest, and what they are to the mode.

    ``about`` comes back with the pictures, so that those of an earlier wish are shown as what they are.
    """

    z: Floats
    labels: tuple[int, ...]
    about: Any = None


class SheetMode(StripMode):
    """Subclasses say what they want to see, and show it.

    Attributes:
        shown: what the pictures are of that are shown; None while there are none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shown: Places | None = None
        self.sheet: Sheet | None = None
        self.up = False
        self._waiting: dict[int, Places] = {}
        self._settled = Asking(self)
        self._settled.due.connect(self._ask)
        self._swing = QTimer(self, interval=SWING_MS)
        self._swing.timeout.connect(self._swing_on)
        self._place = 0

    # ---- for subclasses ----

    def wanted(self) -> Places | None:
        """Return what is to be seen now; None for nothing."""
        raise NotImplementedError

    def show_sheet(self, sheet: Sheet, places: Places) -> None:
        """Show pictures that came."""
        raise NotImplementedError

    @property
    def steps(self) -> int:
        """Return how many places a swing goes through, from end to end; 0 where there is nothing to swing."""
        return 0

    def show_step(self, step: int) -> None:
        """Show one place of the swing; −1 when it is over."""

    # ---- asking ----

    def set_model(self, model: OpenedModel | None, names: list[str], hint: str = "") -> None:
        """Begin anew with a model; without one say why."""
        super().set_model(model, names, hint)
        self.forget()

    def forget(self) -> None:
        """Show nothing, wait for nothing."""
        self._settled.forget()
        self._waiting.clear()
        self.shown = self.sheet = None
        self.animate(False)

    def ask_soon(self) -> None:
        """Ask when the place has settled for a moment, while this mode is shown."""
        if self.up:
            self._settled.soon()

    @Slot()
    def _ask(self) -> None:
        places = self.wanted() if self.up and self.model is not None else None
        if places is not None and len(places.z):
            number = next_request()
            self._waiting[number] = places
            self._settled.asked()
            self.asked.emit(StripRequest(number, places.z, places.labels))

    def take_sheet(self, sheet: Sheet) -> None:
        """Show the pictures of a request of its own that is newer than what is shown."""
        number = sheet.request.request
        places = self._waiting.get(number) if isinstance(sheet.request, StripRequest) else None
        if places is None:
            return
        self._waiting = {other: waits for other, waits in self._waiting.items() if other > number}
        if not self._waiting:
            self._settled.answered()
        self.sheet, self.shown = sheet, places
        self.show_sheet(sheet, places)
        self.changed.emit()

    def come_up(self) -> None:
        """Ask for what is missing."""
        self.up = True
        self._ask()

    def go_down(self) -> None:
        """Ask and move no more."""
        self.up = False
        self._settled.forget()
        self._waiting.clear()
        self.animate(False)
        super().go_down()

    # ---- swinging ----

    @property
    def animates(self) -> bool:
        """Return whether there is something to swing through now."""
        return self.shown is not None and self.steps > 1

    @property
    def swinging(self) -> bool:
        """Return whether it swings."""
        return self._swing.isActive()

    def animate(self, on: bool) -> None:
        """Begin or end the swing."""
        if on and self.animates and not self.swinging:
            self._place = 0
            self._swing.start()
            self.show_step(0)
            self.changed.emit()
        elif not on and self.swinging:
            self._swing.stop()
            self.show_step(-1)
            self.changed.emit()

    @Slot()
    def _swing_on(self) -> None:
        turn = 2 * (self.steps - 1)
        if turn < 2:
            self.animate(False)
            return
        self._place = (self._place + 1) % turn
        self.show_step(min(self._place, turn - self._place))

    # ---- taking home ----

    @property
    def exportable(self) -> bool:
        """Return whether there is anything to save."""
        return self.shown is not None

    def table(self, header: Sequence[str], columns: Sequence[Sequence[object]]) -> bytes:
        """Return the z that are shown as CSV: after columns of the mode's own, one for each dimension."""
        assert self.shown is not None
        return z_table(header, columns, self.shown.z)


def swing_order(steps: int) -> list[int]:
    """Return the steps as a film goes through them: forth, and back without showing the ends twice."""
    return [*range(steps), *range(steps - 2, 0, -1)]


def swing_reel(rows: Pixels, made: dict[str, object], wanted: int = 128) -> Reel:
    """Return the film of rows (rows, steps, height, width, channels) that swings through the steps and back.

    Args:
        rows: the pictures; a picture of the film has all rows of one step.
        made: the provenance.
        wanted: about how wide a picture becomes, in pixels.
    """
    order = swing_order(rows.shape[1])
    return Reel(len(order), lambda place: images.sheet(rows[:, order[place]], wanted=wanted), lambda _: made)


def z_table(header: Sequence[str], columns: Sequence[Sequence[object]], z: Floats) -> bytes:
    """Return z (items, latent) as CSV, after columns (items,) with a header; numbers read back as the same float32."""
    titles = [*header, *(f"z{k}" for k in range(z.shape[1]))]
    numbers = [[f"{value:.9g}" for value in row] for row in z]
    return rows_of([titles, *([*own, *row] for *own, row in zip(*columns, numbers, strict=True))])


def plain(z: Floats) -> list[float]:
    """Return a z (latent,) for provenance: as few digits as tell the same float32."""
    return [float(np.format_float_positional(value, unique=True)) for value in np.asarray(z, np.float32)]

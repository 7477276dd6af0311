"""A mode that plays one chain: frames come in, are kept, and can be scrubbed back to at once."""

from PySide6.QtCore import Slot

from explorer.messages import DenoiseRequest, Frame, Frames, OpenedModel
from explorer.ui.chain_mode import ChainMode
from explorer.ui.film import Film
from explorer.ui.player import Player
from explorer.workers.session_worker import SessionWorker


class FilmMode(ChainMode):
    """Subclasses say what to ask for and how to show a frame."""

    def __init__(self, worker: SessionWorker) -> None:
        super().__init__(worker)
        self.film = Film()
        self.followed = 0
        self._chain = 0  # the request whose frames are shown, also after it was cancelled
        self._return_to: int | None = None
        self._plays_on = True  # when the first frames come
        self.player: Player = Player()
        self.player.moved.connect(self._moved)
        worker.frames.connect(self._got_frames)

    # ---- for subclasses ----

    def show_frame(self, position: int) -> None:
        """Show the frame at a position of the film, which is there."""
        raise NotImplementedError

    def film_cleared(self) -> None:
        """Show that there is no frame any more."""

    # ---- what is known ----

    @property
    def frames(self) -> list[Frame]:
        """Return the frames that are kept so far."""
        return self.film.frames

    @property
    def exportable(self) -> bool:
        """Return whether there is anything to save."""
        return len(self.film) > 0

    @property
    def t(self) -> int:
        """Return the t that is shown; T before there is any."""
        position = self.player.position
        if position < len(self.film.frames):
            return self.film.frames[position].t
        return 0 if self.model is None or self.model.schedule is None else len(self.model.schedule.beta) - 1

    # ---- asking ----

    def set_model(self, model: OpenedModel | None, hint: str = "") -> None:
        """Begin anew with a model; without one say why."""
        super().set_model(model, hint)
        self.followed = 0
        self._clear()

    def _clear(self) -> None:
        self.film, self._chain, self._return_to = Film(), 0, None
        self.player.pause()
        self.player.set_positions(0)
        self.film_cleared()

    def start(self, request: DenoiseRequest, *, keep: bool) -> None:
        """Ask for a chain; with ``keep`` the t and the item that are looked at stay, and whether it plays."""
        at = self._return_to if self._return_to is not None else self.t if len(self.film) else None
        at = at if keep else None
        self._plays_on = at is None or self.player.playing or (self._plays_on and not len(self.film) and self.running)
        followed = min(self.followed, request.count - 1) if keep else 0
        self._clear()
        self.followed, self._return_to, self._chain = followed, at, request.request
        self.ask(request, request.request)

    def end(self) -> None:
        """Wait for nothing any more; the film stays as it is."""
        super().end()
        self._return_to = None
        self.player.set_positions(len(self.film.t) or len(self.film), len(self.film))

    # ---- answers ----

    @Slot(object)
    def _got_frames(self, message: Frames) -> None:
        if message.request != self._chain:
            return
        first = not len(self.film)
        self.film.add(message)
        self.player.set_positions(len(message.t), len(self.film), coming=self.running and not message.done)
        if message.done:
            self.arrived()
        elif self.running:
            self.tell_job(f"denoising · t = {self.film.frames[-1].t}", len(self.film) / len(message.t))
        if first:
            self.changed.emit()
        if first and self._return_to is None:
            self.player.go_to(0)
        elif self._return_to is not None and (first or self.player.playing == self._plays_on):
            self._go_back()
        else:
            self._return_to = None  # it was played or paused by hand since
        if first and self._plays_on:
            self.player.start()
        self.grew()

    def grew(self) -> None:
        """Show that there are more frames; the one that is shown stays."""

    def _go_back(self) -> None:
        """Show the frame at the t that was looked at, or the one after it, once it is computed."""
        assert self._return_to is not None
        reached = self.film.place(self._return_to)
        if reached is not None:
            self._return_to = None
        self.player.go_to(len(self.film) - 1 if reached is None else reached)

    @Slot(int)
    def _moved(self, position: int) -> None:
        if position < len(self.film):
            self.show_frame(position)
            self.player.where.setText(f"t = {self.t}")

    @Slot(int)
    def go_to_t(self, t: int) -> None:
        """Show the frame at t, if it is computed."""
        place = self.film.place(t)
        if place is not None:
            self.player.pause()
            self.player.go_to(place)

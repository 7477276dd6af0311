"""Race: up to four samplers, settings or models from the same starting noise, side by side at the same noise level."""

from functools import partial

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout

from explorer import images
from explorer.animations import Reel
from explorer.chain_messages import MOST_LANES, Lane, RaceFrames, RaceRequest, Rival, Rivals
from explorer.messages import Frame, OpenedModel, Pixels
from explorer.ui import theme
from explorer.ui.chain_mode import ChainMode, next_number
from explorer.ui.curve_plot import CurvePlot
from explorer.ui.film import megabytes
from explorer.ui.panel import Segmented, label
from explorer.ui.player import Player
from explorer.ui.race_film import RaceFilm
from explorer.ui.race_lane import LETTERS, ROLES, RaceLane
from explorer.ui.race_presets import presets
from explorer.ui.reverse_view import PANES
from explorer.ui.seed_field import SeedField
from explorer.workers.session_worker import SessionWorker

_COUNTS = (1, 4, 9, 16)
_REDRAW_MS = 500  # of the curves, while it runs
_WIDE = 1200  # pixels
_HATS = ["DejaVu Sans", "Segoe UI", "Helvetica Neue", "Arial"]  # Inter puts the hat of ε̂ beside the letter
_SHOWS = (
    ("x_t", "xₜ", "Show what the chains hold"),
    ("x0_hat", "x̂₀", "Show the guessed clean items"),
    ("eps_hat", "ε̂", "Show the guessed noise"),
)
_HINT = "Press Race, or choose one above."


class RaceView(ChainMode):
    """All lanes on one clock, that of the noise level; a change in one runs the race again, from the same noise."""

    run_text, run_tip = "Race", "Run all lanes from the same starting noise (Ctrl+Return)"

    def __init__(self, worker: SessionWorker) -> None:
        super().__init__(worker)
        self.film = RaceFilm()
        self.rivals: tuple[Rival, ...] = ()
        self.lanes: list[RaceLane] = []
        self.followed: int | None = None
        self._race, self._asked = 0, RaceRequest(0, (), 0, 0)
        self._presets: dict[str, tuple[Lane, ...]] = {}
        worker.raced.connect(self._got_frames)
        worker.rivals.connect(self._got_rivals)
        self._redraw = QTimer(self, singleShot=True, interval=_REDRAW_MS)
        self._redraw.timeout.connect(self._draw_curves)
        self._build_bar()
        self._build()
        self._add_exports()

    def _build_bar(self) -> None:
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        self.preset = QComboBox()
        self.preset.setToolTip("Races that are worth running; every lane can be changed after it")
        self.preset.setAccessibleName("race")
        self.preset.activated.connect(self._preset_chosen)
        self.shows = Segmented(_SHOWS, "what the lanes show")
        self.shows.choose("x0_hat")
        hat = theme.font()
        hat.setFamilies(_HATS)
        self.shows.buttons["eps_hat"].setFont(hat)
        self.shows.chosen.connect(self._show_again)
        self.count = QComboBox()
        for count in _COUNTS:
            self.count.addItem(f"{count} sample{'s' if count > 1 else ''}", count)
        self.count.setCurrentIndex(1)
        self.count.setToolTip("How many each lane draws")
        self.count.setAccessibleName("number of samples")
        self.count.activated.connect(self._changed)
        self.seed = SeedField()
        self.seed.changed.connect(self._changed)
        self.add = QToolButton()
        self.add.setText("+ lane")
        self.add.setToolTip(f"Add a lane like the last one; {MOST_LANES} at most")
        self.add.clicked.connect(self._add_lane)
        for widget in (self.preset, self.shows, self.count, self.seed, self.add):
            row.addWidget(widget)

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(12)
        middle = QHBoxLayout()
        middle.setSpacing(12)
        self._columns = QHBoxLayout()
        self._columns.setSpacing(12)
        middle.addLayout(self._columns, 1)
        self.away = CurvePlot(
            "x̂₀ away from A's (RMS)", "t",
            "Root mean square difference of the guessed clean items of a lane to those of lane A at the same noise "
            "level: per value of [−1, 1] of pictures, the distance of points",
            empty_text="Appears when two lanes have run",
        )  # fmt: skip
        for number in range(1, MOST_LANES):
            self.away.add_curve(LETTERS[number], LETTERS[number], ROLES[number])
        self.memory = label("", "muted", tabular=True, tip="What the frames take in memory; 128 MB at most")
        self.away.body.addWidget(self.memory)
        self.away.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        middle.addWidget(self.away)
        outer.addLayout(middle, 1)
        self.player: Player = Player()
        self.player.ends.setText("same noise → each its own")
        self.player.moved.connect(self._moved)
        outer.addWidget(self.player)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the lanes their room."""
        super().resizeEvent(event)
        self.away.setFixedWidth(310 if self.width() >= _WIDE else 230)

    # ---- opening ----

    @property
    def exportable(self) -> bool:
        """Return whether there is anything to save."""
        return len(self.film) > 0

    def set_model(self, model: OpenedModel | None, hint: str = "") -> None:
        """Begin anew with a model; without one say why."""
        super().set_model(model, hint)
        self.rivals = ()
        self.bar.setEnabled(False)  # until it is known who can race
        self._set_lanes(())
        self.count.setVisible(model is None or not model.points)
        self._clear(hint)

    @Slot(object)
    def _got_rivals(self, message: Rivals) -> None:
        if self.model is None or message.request != self.model.request:
            return
        self.rivals = message.rivals
        self._presets = presets(message.rivals)
        self.preset.clear()
        self.preset.addItems(list(self._presets))
        self.bar.setEnabled(True)
        self._set_lanes(next(iter(self._presets.values())))
        self._clear(_HINT)
        self.changed.emit()

    def _clear(self, hint: str) -> None:
        self.film, self._race, self.followed = RaceFilm(), 0, None
        self.player.pause()
        self.player.set_positions(0)
        self.player.where.setText("")
        self.memory.setText("")
        for lane in self.lanes:
            lane.clear(hint)
        self._draw_curves()

    # ---- lanes ----

    def _set_lanes(self, wanted: tuple[Lane, ...]) -> None:
        while len(self.lanes) > len(wanted):
            lane = self.lanes.pop()
            self._columns.removeWidget(lane)
            lane.hide()
            lane.deleteLater()
        while len(self.lanes) < len(wanted):
            made = RaceLane()
            made.changed.connect(self._changed)
            made.dropped.connect(self._drop_lane)
            made.clicked.connect(self._follow)
            self._columns.addWidget(made, 1)
            self.lanes.append(made)
        for number, (lane, asked) in enumerate(zip(self.lanes, wanted, strict=True)):
            lane.set_number(number)
            lane.set_rivals(self.rivals)
            lane.set_lane(asked)
            lane.drop.setVisible(len(wanted) > 2)
        self.add.setEnabled(0 < len(wanted) < MOST_LANES)
        for number in range(1, MOST_LANES):
            self.away.legend.set_shown(LETTERS[number], number < len(wanted))

    @property
    def asked(self) -> tuple[Lane, ...]:
        """Return the lanes as they are set now."""
        return tuple(lane.lane for lane in self.lanes)

    @Slot()
    def _add_lane(self) -> None:
        self._set_lanes((*self.asked, self.asked[-1]))
        self._changed()

    @Slot()
    def _drop_lane(self) -> None:
        gone = self.lanes.index(self.sender())  # type: ignore[arg-type]
        self._set_lanes(tuple(lane for number, lane in enumerate(self.asked) if number != gone))
        self._changed()

    @Slot(int)
    def _preset_chosen(self, _index: int) -> None:
        self._set_lanes(self._presets[self.preset.currentText()])
        self.run()

    @Slot()
    def _changed(self) -> None:
        if self._race:  # it has run: one sees what the change does
            self.run()
        else:
            self.changed.emit()

    # ---- running ----

    def run(self) -> None:
        """Run all lanes from the same starting noise."""
        if self.model is None or not self.lanes:
            return
        count = images.CLOUD if self.model.points else int(self.count.currentData())
        followed = self.followed if self.followed is not None and self.followed < count else None
        self.seed.remember(self.seed.seed)
        self._clear("")
        self.followed, self._race = followed, next_number()
        self._asked = RaceRequest(self._race, self.asked, count, self.seed.seed)
        self.ask(self._asked, self._race)

    def end(self) -> None:
        """Wait for nothing any more; what there is stays."""
        super().end()
        self.player.set_positions(len(self.film.levels), len(self.film))

    @Slot(object)
    def _got_frames(self, message: RaceFrames) -> None:
        if message.request != self._race:
            return
        if not self.film.chains:
            self.film = RaceFilm(message.chains)
        first = len(self.film) == 0
        self.film.add(message)
        ready, total = len(self.film), len(self.film.levels)
        self.player.set_positions(total, ready, coming=self.running and not message.done)
        if message.done:
            self.arrived()
        elif self.running:
            self.tell_job("racing", ready / total)
        if first and ready:
            self.changed.emit()
            self.player.go_to(0)
            self.player.start()
        every = max(chain.every for chain in self.film.chains)
        self.memory.setText(megabytes(self.film.bytes, every))
        if not self._redraw.isActive():
            self._redraw.start()

    # ---- showing ----

    @Slot(int)
    def _moved(self, position: int) -> None:
        if position >= len(self.film):
            return
        key = self.shows.key
        first = self.film.frame(0, position)
        for number, lane in enumerate(self.lanes[: len(self.film.chains)]):
            frame = self.film.frame(number, position)
            difference = _difference(frame, first, key, self.followed) if number else None
            title = "difference to A" if frame.points is None else "way from A's points"
            lane.show_pictures(_pictures(frame, key, self.followed), difference, title)
            calls, all_calls = self.film.calls(number, position), self.film.chains[number].calls[-1]
            lane.where.setText(f"t = {frame.t} · {calls} of {all_calls} calls · {self.film.seconds[number]:.1f} s")
        if not self._redraw.isActive():
            self.away.set_cursor(first.t)
        self.player.where.setText(f"ᾱ = {self.film.levels[position]:.3f}")

    @Slot()
    def _show_again(self) -> None:
        if len(self.film):
            self._moved(self.player.position)

    @Slot(int)
    def _follow(self, item: int) -> None:
        self.followed = item if self.followed is None else None
        self._show_again()

    @Slot()
    def _draw_curves(self) -> None:
        for number in range(1, MOST_LANES):
            t, away = self.film.away(number) if number < len(self.film.chains) else ([], [])
            self.away.set_curve(LETTERS[number], t, away, "")
        if len(self.film):
            self.away.set_cursor(self.film.frame(0, self.player.position).t)

    # ---- export ----

    def _add_exports(self) -> None:
        self.exports.add("race", "All lanes (PNG)", ".png", self._race_png)
        self.films.add("race", "Film of all lanes", partial(self._reel, differences=False))
        self.films.add("race-differences", "Film of all lanes and differences", partial(self._reel, differences=True))

    def _made(self, what: str) -> dict[str, object]:
        lanes = [{"model": lane.model.rsplit("/", 1)[-1], **lane.sampling.model_dump()} for lane in self._asked.lanes]
        return self.provenance(
            made=what, process="race", seed=self._asked.seed, lanes=lanes, shows=self.shows.key, item=self.followed
        )

    def _race_png(self) -> bytes:
        position = self.player.position
        sheet = _sheet(self.film, position, self.shows.key, self.followed, differences=True)
        return images.png_bytes(sheet, {**self._made("race"), "alpha_bar": self.film.levels[position]})

    def _reel(self, *, differences: bool) -> Reel:
        film, key, followed, made = self.film, self.shows.key, self.followed, self._made("race film")
        return Reel(
            len(film), lambda place: _sheet(film, place, key, followed, differences=differences),
            lambda place: {**made, "alpha_bar": film.levels[place]},
        )  # fmt: skip


def _pictures(frame: Frame, key: str, item: int | None) -> Pixels:
    pictures: Pixels = getattr(frame, key)
    return pictures if item is None else pictures[item : item + 1]


def _difference(frame: Frame, first: Frame, key: str, item: int | None) -> Pixels:
    if frame.points is not None and first.points is not None:
        which = PANES.index(key)
        return images.displacement(first.points[which], frame.points[which])[None]
    return images.difference(_pictures(first, key, item), _pictures(frame, key, item))


def _sheet(film: RaceFilm, position: int, key: str, item: int | None, *, differences: bool) -> Pixels:
    """Return what all lanes show at a position, and below it how they differ from the first; in any thread."""
    frames = [film.frame(number, position) for number in range(len(film.chains))]
    rows = [images.beside([images.poster(_pictures(frame, key, item)) for frame in frames], 8)]
    if differences:
        parts = [images.poster(_difference(frame, frames[0], key, item)) for frame in frames]
        rows.append(images.beside(parts, 8))
    return images.below(rows, 8)

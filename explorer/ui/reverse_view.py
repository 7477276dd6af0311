"""Reverse p: noise becomes a picture, with x_t, x̂₀ and ε̂ on one clock."""

from functools import partial

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QStackedWidget, QVBoxLayout

from explorer import images
from explorer.animations import Reel
from explorer.chain_messages import BoundFound, BoundRequest, BoundStep, StopBound
from explorer.config import Sampling
from explorer.messages import DenoiseRequest, Frame, OpenedModel, Pixels
from explorer.ui.bound_panel import BoundPanel
from explorer.ui.chain_mode import next_number
from explorer.ui.chain_view import ChainView, spread_marks
from explorer.ui.distance_panel import DistancePanel, PlotStack
from explorer.ui.film_mode import FilmMode
from explorer.ui.hierarchy_view import HierarchyView
from explorer.ui.panel import EPS_HAT, button
from explorer.ui.points_view import PointsView
from explorer.ui.sampling_controls import SamplingControls
from explorer.ui.seed_field import SeedField
from explorer.ui.step_panel import StepPanel
from explorer.workers.session_worker import SessionWorker

COUNTS = (1, 4, 9, 16, 25, 36, 64)
PANES = ("x_t", "x0_hat", "eps_hat")
_WHOLE_GAP = 8


def _words(*, points: bool) -> list[tuple[str, str, str]]:
    item, items = ("points", "points") if points else ("picture", "image")
    return [
        ("x<sub>t</sub> what the chain holds", f"The {item} at step t: signal and noise", "x_t"),
        (
            f"x̂₀(x<sub>t</sub>, t) guessed {items}",
            f"The clean {items} that the network's answer means: the mean of all that could be in xₜ"
            + ("" if points else "; kept in [−1, 1] where it is clipped"),
            "x̂₀",
        ),
        (
            f"{EPS_HAT}(x<sub>t</sub>, t) guessed noise",
            "The noise that xₜ and x̂₀ leave over: (xₜ − √ᾱₜ·x̂₀)/√(1−ᾱₜ)"
            + ("" if points else ", from −3 (black) to 3 (white)"),
            "ε̂",
        ),
    ]


class ReverseView(FilmMode):
    """The chain of one batch; every frame that is computed can be scrubbed back to."""

    def __init__(self, worker: SessionWorker) -> None:
        super().__init__(worker)
        self.sampled_seed = 0
        self.sampled_how = Sampling()
        self.point = 0  # the one of a cloud that is followed
        self._bound = 0
        worker.bound.connect(self._got_bound)
        self._build_bar()
        self._build()
        self._add_exports()

    def _build_bar(self) -> None:
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        self.sampling = SamplingControls()
        self.sampling.changed.connect(self._setting_changed)
        self.count = QComboBox()
        for count in COUNTS:
            self.count.addItem(f"{count} sample{'s' if count > 1 else ''}", count)
        self.count.setCurrentIndex(COUNTS.index(16))
        self.count.setToolTip("How many to draw at once; the first ones stay the same")
        self.count.setAccessibleName("number of samples")
        self.count.activated.connect(self._setting_changed)
        self.seed = SeedField()
        self.seed.changed.connect(self._seed_changed)
        for widget in (self.sampling, self.count, self.seed):
            row.addWidget(widget)

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(12)
        middle = QHBoxLayout()
        middle.setSpacing(12)
        self.hierarchy = HierarchyView()
        self.hierarchy.went_to.connect(self.go_to_t)
        self.view = ChainView(("Whole chain", "The chosen one along the chain, and all to choose from"), self.hierarchy)
        self.view.went_to.connect(self.go_to_t)
        self.view.item_chosen.connect(self.follow)
        self.view.look_changed.connect(self._look_again)
        self.bound = BoundPanel()
        self.bound.wanted.connect(self.evaluate)
        self.bound.unwanted.connect(self._stop_bound)
        self.distance = DistancePanel(self.worker)
        self.below = PlotStack(self.bound, self.distance)
        self.distance.other.connect(self._show_bound)
        self.to_distance = button("distance ›", "Show the distance to the data over t in this place", "link")
        self.to_distance.clicked.connect(self._show_distance)
        self.bound.head.addWidget(self.to_distance)
        self.step = StepPanel(self.below)
        self.plane = PointsView(self.worker)
        self.plane.point_chosen.connect(self._follow_point)
        self.plane.score.other.connect(self.show_strip)
        self.to_plane = button("particles ›", "Show all points in the plane, and the score field", "link")
        self.to_plane.clicked.connect(self.show_plane)
        self.view.strip_panel.head.addWidget(self.to_plane)
        self.sights = QStackedWidget()
        self.sights.addWidget(self.view)
        self.sights.addWidget(self.plane)
        middle.addWidget(self.sights, 1)
        middle.addWidget(self.step)
        outer.addLayout(middle, 1)
        outer.addWidget(self.player)
        self._strip_of: object = None

    # ---- opening ----

    def set_model(self, model: OpenedModel | None, hint: str = "") -> None:
        """Begin anew with a model; without one say why."""
        if model is not None and model.schedule is not None:
            self.step.set_schedule(model.schedule, points=model.points)
        super().set_model(model, hint)
        self.view.clear(hint)
        points = model is not None and model.points
        self.plane.open(opened=points)
        for switch in (self.to_plane, self.to_distance):
            switch.setVisible(points)
        for action in self._plane_actions:
            action.setVisible(points)
        self.point = 0
        (self.show_plane if points else self.show_strip)()
        (self._show_distance if points else self._show_bound)()
        self._bound = 0
        self.bound.clear()
        self.hierarchy.set_evaluation(None)
        if model is None or model.schedule is None:
            return
        self.sampling.set_model(len(model.schedule.beta) - 1, model)
        self.count.setVisible(not model.points)
        self.view.set_alone(model.points)
        self.view.set_words(_words(points=model.points), "" if model.points else "click one to follow it")
        self.player.ends.setText("noise T → 0 points" if model.points else "noise T → 0 image")

    def come_up(self) -> None:
        """Draw a first batch."""
        if self.model is not None and not len(self.film) and not self.running:
            self.run()

    # ---- asking ----

    def run(self) -> None:
        """Run the chain from noise."""
        self._start(keep=False)

    def _start(self, *, keep: bool) -> None:
        if self.model is None:
            return
        self.sampled_seed, self.sampled_how = self.seed.seed, self.sampling.sampling
        self.seed.remember(self.sampled_seed)
        count = images.CLOUD if self.model.points else int(self.count.currentData())
        self.start(DenoiseRequest(next_number(), count, self.sampled_seed, self.sampled_how), keep=keep)

    @Slot()
    def _setting_changed(self) -> None:
        self._start(keep=True)  # from the same noise: one sees only what the setting does

    @Slot()
    def _seed_changed(self) -> None:
        if self.seed.seed != self.sampled_seed:
            self._start(keep=False)

    # ---- the bound ----

    @Slot()
    def evaluate(self) -> None:
        """Evaluate the bound in the background."""
        if self.model is not None:
            self._bound = next_number()
            self.bound.set_running(0.0)
            self.worker.submit(BoundRequest(self._bound))

    @Slot()
    def _stop_bound(self) -> None:
        self._bound = 0
        self.bound.set_running(None)
        self.worker.submit(StopBound())

    def failed(self, request: int) -> bool:
        """Take note that a request has failed; return whether it waited for that."""
        if request == self._bound != 0:
            self._bound = 0
            self.bound.set_running(None)
            return True
        if self.plane.score.failed(request) or self.distance.failed(request):
            return True
        return super().failed(request)

    @Slot(object)
    def _got_bound(self, message: BoundStep | BoundFound) -> None:
        if isinstance(message, BoundStep):
            if message.request == self._bound:
                self.bound.set_running(message.share)
        elif message.request in {0, self._bound} and self.model is not None:
            self._bound = 0
            self.bound.set_evaluation(message.evaluation)
            self.hierarchy.set_evaluation(message.evaluation)

    # ---- showing ----

    def film_cleared(self) -> None:
        """Say what to do."""
        self._strip_of = None
        hint = "" if self.running else "Press Sample to run the chain from noise."
        self.view.clear(hint)
        self.plane.clear(hint)
        self.distance.clear()
        self.step.numbers.say_item("")
        if self.model is not None:
            self.step.show_step(self.t, None)
            self.player.where.setText(f"t = {self.t}")

    def show_frame(self, position: int) -> None:
        """Show the frame at a position of the film."""
        frame, one = self.film.frames[position], slice(self.followed, self.followed + 1)
        self.view.show_panes([getattr(frame, name)[one] for name in PANES])
        self.view.show_items(frame.x_t, self.followed)
        self._show_strip(frame.t)
        if frame.points is not None:
            self.plane.show_frame(self.film.frames, position, self.point, self.sampled_how, gently=self.running)
            self.step.numbers.say_item(self.plane.told())
        self.step.show_step(frame.t, frame.step, at_leisure=self.running and self.player.playing)

    def grew(self) -> None:
        """Show how much there is."""
        self.view.memory.setText(self.film.memory())
        self.plane.memory.setText(self.film.memory())
        if len(self.film):
            self._show_strip(self.t)

    def _show_strip(self, t: int) -> None:
        marks = [mark for mark in spread_marks(self.film.t)[::-1] if mark >= self.film.frames[-1].t]
        shown = (marks, self.followed, self.view.shows_strip, self._chain)
        if shown != self._strip_of:
            self._strip_of = shown
            pictures = self.film.strip(marks, self.followed)
            if self.view.shows_strip:
                self.view.set_strip(marks, pictures)
            else:
                assert self.model is not None and self.model.schedule is not None
                self.hierarchy.set_latents(marks, pictures, len(self.model.schedule.beta) - 1)
        if self.view.shows_strip:
            self.view.mark(t)
        else:
            self.hierarchy.mark(t)

    @Slot()
    def _look_again(self) -> None:
        if len(self.film):
            self._show_strip(self.t)

    @Slot(int)
    def follow(self, item: int) -> None:
        """Show another item of the batch large."""
        self.followed = item
        if len(self.film):
            self.show_frame(self.player.position)

    # ---- points ----

    @Slot()
    def show_plane(self) -> None:
        """Show the points in the plane."""
        self.sights.setCurrentWidget(self.plane)

    @Slot()
    def show_strip(self) -> None:
        """Show the chain as pictures."""
        self.sights.setCurrentWidget(self.view)

    @Slot(int)
    def _follow_point(self, point: int) -> None:
        self.point = point
        self.show_frame(self.player.position)

    @Slot()
    def _show_bound(self) -> None:
        self.below.setCurrentWidget(self.bound)

    @Slot()
    def _show_distance(self) -> None:
        self.below.setCurrentWidget(self.distance)

    def end(self) -> None:
        """Wait for nothing any more; of points, measure what there is."""
        super().end()
        self._measure()

    def arrived(self) -> None:
        """Take note that the chain is there; of points, measure it."""
        super().arrived()
        self._measure()

    def _measure(self) -> None:
        if self.model is not None and self.model.points and len(self.film):
            self.distance.measure(self.film.frames, self.sampled_how, known=len(self.plane.data) > 0)
            self.show_frame(self.player.position)  # with the field of this t, that had to wait

    # ---- export ----

    def _add_exports(self) -> None:
        self._plane_actions = self.plane.add_exports(self.exports, self.films, self._made)
        add = self.exports.add
        add("picture", "Followed picture (PNG)", ".png", self._picture_png)
        add("samples", "All pictures (PNG)", ".png", self._items_png)
        add("chain", "Film strip (PNG)", ".png", self._strip_png)
        self.exports.addSeparator()
        for key, text in zip(PANES, ("xₜ, all pictures", "x̂₀, all pictures", "ε̂, all pictures"), strict=True):
            self.films.add(key, f"Film of {text}", partial(self._reel, key))
        self.films.add("whole", "Film of the followed: xₜ, x̂₀, ε̂", partial(self._reel, "whole"))

    def _made(self, what: str, t: int) -> dict[str, object]:
        how = self.sampled_how.model_dump()
        return self.provenance(
            made=what, process="reverse", t=t, item=self.followed, seed=self.sampled_seed, **how
        )  # fmt: skip

    def _picture_png(self) -> bytes:
        return images.png_bytes(images.sheet(self.view.picture.pixels, wanted=512), self._made("picture", self.t))

    def _items_png(self) -> bytes:
        return images.png_bytes(images.poster(self.view.items.pixels), self._made("pictures", self.t))

    def _strip_png(self) -> bytes:
        marks = [mark for mark in spread_marks(self.film.t)[::-1] if mark >= self.film.frames[-1].t]
        strip = self.film.strip(marks, self.followed)
        return images.png_bytes(images.sheet(strip, len(strip)), {**self._made("film strip", self.t), "t": marks})

    def _reel(self, key: str) -> Reel:
        frames, followed = tuple(self.film.frames), self.followed
        made = self._made("film", 0)

        def picture(place: int) -> Pixels:
            return whole(frames[place], followed) if key == "whole" else images.poster(getattr(frames[place], key))

        return Reel(len(frames), picture, lambda place: {**made, "shows": key, "t": frames[place].t})


def whole(frame: Frame, item: int) -> Pixels:
    """Return the three panes of an item beside each other, each about 256 pixels wide."""
    parts = [getattr(frame, name)[item : item + 1] for name in PANES]
    return images.beside([images.sheet(part, wanted=256) for part in parts], _WHOLE_GAP)

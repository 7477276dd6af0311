"""Forward q: an image drowns in noise, at once by the closed form and step by step."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from explorer import images
from explorer.chain_messages import Browsed, Noised, NoiseRequest, Schedules
from explorer.messages import Floats, Frames, Gallery, OpenedModel, Pixels, Schedule
from explorer.ui.chain_mode import ChainMode, next_number
from explorer.ui.chain_view import spread_marks
from explorer.ui.drop import accept_pictures
from explorer.ui.film import megabytes
from explorer.ui.forward_aside import ForwardAside
from explorer.ui.forward_exports import ForwardExports
from explorer.ui.forward_panes import ROW, ForwardPanes, shown
from explorer.ui.image_source import OWN, ImageSource, Sample, Source, from_data
from explorer.ui.other_schedule import TIP, OtherSchedule
from explorer.ui.panel import label
from explorer.ui.pixel_histogram import PixelHistogram, Steps
from explorer.ui.player import Player
from explorer.ui.seed_field import SeedField
from explorer.workers.session_worker import SessionWorker

_NOISE_LIMIT = 3.0  # ε is shown over three standard deviations
_WIDE = 1250  # pixels


class ForwardView(ChainMode):
    """The forward process of one image, or of all points, at any t."""

    def __init__(self, worker: SessionWorker) -> None:
        super().__init__(worker)
        self.noised: Noised | None = None
        self.gallery: Gallery | None = None
        self.source = from_data(0)  # what is shown
        self.own_name = ""  # of the model's schedule
        self._wanted = self.source  # what was asked for last
        self._sources: dict[int, Source] = {}  # what was asked for and may still be answered, by request
        self._given: Source | None = None  # the last that is not of the data set; it stays among those to choose from
        self._asked = 0
        worker.gallery.connect(self._got_gallery)
        worker.schedules.connect(self._got_schedules)
        worker.noised.connect(self._got_noised)
        worker.browsed.connect(self._got_browsed)
        worker.frames.connect(self._got_frames)
        self.saves = ForwardExports(self)
        self._build_bar()
        self._build()

    def _build_bar(self) -> None:
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        self.seed = SeedField()
        self.seed.changed.connect(self._ask)
        self.other = OtherSchedule()
        self.other.changed.connect(self._other_chosen)
        row.addWidget(self.seed)
        row.addWidget(label("schedule", "muted", tip=TIP))
        row.addWidget(self.other)

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(12)
        middle = QHBoxLayout()
        middle.setSpacing(12)
        self.histogram = PixelHistogram()
        self.images = ImageSource()
        self.images.picked.connect(self.take)
        self.images.asked.connect(self.worker.submit)
        self.images.problem.connect(self.problem)
        self.view = ForwardPanes(self.histogram, self.images)
        self.view.went_to.connect(self._go_to_t)
        self.view.item_chosen.connect(self._item_chosen)
        self.view.middle_changed.connect(self._show)
        self.step = ForwardAside()
        self.step.went.connect(self._go_to_t)
        self.player: Player = Player()
        self.player.moved.connect(self._moved)
        middle.addWidget(self.view, 1)
        middle.addWidget(self.step)
        outer.addLayout(middle, 1)
        outer.addWidget(self.player)
        for plot in (self.histogram, *self.step.schedule.plots.values()):
            plot.provenance = partial(self.saves.made, "plot")
        self.drop = accept_pictures(self, self.images.read, "Drop a picture to noise it")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the pictures their room."""
        super().resizeEvent(event)
        self.histogram.setFixedWidth(330 if self.width() >= _WIDE else 236)
        self.step.setFixedWidth(310 if self.width() >= _WIDE else 270)
        self.images.set_narrow(self.width() < _WIDE)

    @property
    def exportable(self) -> bool:
        """Return whether there is anything to save."""
        return self.noised is not None

    @property
    def runs(self) -> bool:
        """Return whether there is something to start by hand: it answers at once."""
        return False

    @property
    def t(self) -> int:
        """Return the t that is shown."""
        return self.player.position

    def offer_samples(self, sample_of: Callable[[], Sample | None]) -> None:
        """Take who knows the sample that the reverse chain made last."""
        self.images.sample_of = sample_of
        self.images.look_for_samples()

    # ---- opening ----

    def set_model(self, model: OpenedModel | None, hint: str = "") -> None:
        """Begin anew with a model; without one say why."""
        super().set_model(model, hint)
        self.noised, self.gallery, self._asked, self._given, self._sources = None, None, 0, None, {}
        self.source = self._wanted = from_data(0)
        self.own_name = ""
        self.other.offer("", {})
        self.view.clear(hint)
        self.histogram.clear()
        self.images.set_model(model)
        self.player.pause()
        self.player.set_positions(0)
        if model is None or model.schedule is None:
            return
        self.view.set_kind(points=model.points)
        self.player.ends.setText("points 0 → T noise" if model.points else "image 0 → T noise")
        self.step.set_schedule(model.schedule)
        self.step.show_t(0)

    def come_up(self) -> None:
        """Noise the first image."""
        self.images.look_for_samples()
        if self.noised is None:
            self._ask()

    def go_down(self) -> None:
        """Stand still, and put the windows away."""
        super().go_down()
        self.images.browser.close()
        self.images.pad.close()

    def shutdown(self) -> bool:
        """End the thread that reads pictures; return whether it ended in time."""
        return self.images.shutdown()

    def failed(self, request: int) -> bool:
        """Take note that a request has failed; return whether it waited for that."""
        return request == self._asked != 0 or self.images.browser.failed(request)

    # ---- asking ----

    @Slot()
    def _ask(self) -> None:
        if self.model is not None and self.gallery is not None:
            self._asked = next_number()
            self.seed.remember(self.seed.seed)
            wanted = self._sources[self._asked] = self._wanted
            self.worker.submit(NoiseRequest(self._asked, max(wanted.index, 0), self.seed.seed, wanted.values))

    @Slot(int)
    def choose(self, image: int) -> None:
        """Noise another test image."""
        self.take(self._of_gallery(image))

    def _of_gallery(self, image: int) -> Source:
        """Return an item of the gallery as a source: of the data set, or of the model where there are no data."""
        assert self.gallery is not None
        labels = self.gallery.labels
        klass = int(labels[image]) if image < len(labels) else None
        return from_data(image, klass, points=self.points, own=self.gallery.own)

    @Slot(object)
    def take(self, source: Source) -> None:
        """Noise an item from wherever it comes."""
        self.images.stop_reading()
        self._wanted = source
        self._ask()

    @Slot(int)
    def _item_chosen(self, place: int) -> None:
        if self._given is None:
            self.choose(place)
        elif place == 0:
            self.take(self._given)
        else:
            self.choose(place - 1)

    # ---- answers ----

    @Slot(object)
    def _got_gallery(self, gallery: Gallery) -> None:
        self.gallery = gallery
        self.images.set_own(gallery.own)
        self.view.name_items(OWN if gallery.own else "test images")
        if self._wanted.kind == "data" and self._wanted.index == 0:
            self._wanted = self._of_gallery(0)
        if self.isVisible():
            self._ask()

    @Slot(object)
    def _got_schedules(self, message: Schedules) -> None:
        self.own_name = message.own
        self.other.offer(message.own, message.others)

    @Slot(object)
    def _got_browsed(self, message: Browsed) -> None:
        self.images.take_browsed(message)

    @Slot(object)
    def _got_frames(self, message: Frames) -> None:
        if message.done and self.isVisible():
            self.images.look_for_samples()

    @Slot(object)
    def _got_noised(self, message: Noised) -> None:
        if message.request not in self._sources or self.gallery is None:
            return
        self._sources = {number: source for number, source in self._sources.items() if number >= message.request}
        first = self.noised is None
        self.noised, self.source = message, self._sources[message.request]
        if self.source.kind != "data" and not self.points:
            self._given = self.source
        self.images.show_source(self.source)
        self.histogram.set_item(message.x0, points=self.points)
        self._show_items()
        self._show_strip()
        size = megabytes(message.chain.nbytes, message.every)
        self.view.memory.setText(size if message.every > 1 or message.chain.nbytes >= 10e6 else "")
        self.player.set_positions(message.total + 1)
        self.player.go_to(message.total // 4 if first else self.player.position)
        self.changed.emit()

    # ---- showing ----

    @property
    def points(self) -> bool:
        """Return whether points are noised."""
        return self.model is not None and self.model.points

    @property
    def schedule(self) -> Schedule:
        """Return the schedule of the model."""
        assert self.model is not None and self.model.schedule is not None
        return self.model.schedule

    def _shown(self, values: Floats, limit: float = 1.0) -> Pixels:
        return shown(values, points=self.points, limit=limit)

    @Slot()
    def _other_chosen(self) -> None:
        name = self.other.name
        self.view.set_other(name)
        self.histogram.set_other(name)
        if self.model is not None and self.model.schedule is not None:
            self.step.set_schedule(self.model.schedule, name, self.other.schedule)
        self._show_strip()
        self._show()

    def _show_items(self) -> None:
        assert self.gallery is not None
        pictures, at = self.gallery.pixels[:ROW], self.source.index
        if self._given is not None:
            pictures = np.concatenate([np.asarray(self._given.values), pictures[: ROW - 1]])
            at = 0 if self.source is self._given else at + 1
        self.view.show_items(pictures, at if at < len(pictures) else -1)

    def _show_strip(self) -> None:
        noised = self.noised
        if noised is None:
            return
        marks = spread_marks(noised.t if noised.done else range(noised.total + 1))
        own, other = self.schedule.alpha_bar, self.other.schedule
        rows = [("jump", "accent", self._along(marks, own))]
        if noised.done:
            chain = np.concatenate([self._shown(noised.chain[noised.place(t)].astype(np.float32)) for t in marks])
            rows.append(("steps", "good", chain))
        if other is not None:
            rows.append((self.other.name, "second", self._along(marks, other.alpha_bar)))
        self.view.strip.show_rows(marks, rows)
        self.view.strip.mark(self.t)

    def _along(self, marks: list[int], alpha_bar: "np.ndarray") -> Pixels:
        assert self.noised is not None
        return np.concatenate([self._shown(self.noised.jump(float(alpha_bar[t]))) for t in marks])

    @Slot(int)
    def _moved(self, t: int) -> None:
        self._show()
        self.player.where.setText(f"t = {t}")

    @Slot()
    def _show(self) -> None:
        noised = self.noised
        if noised is None:
            return
        t, own, other = self.t, self.schedule.alpha_bar, self.other.schedule
        bar = float(own[t])
        jump, steps = noised.jump(bar), self._steps()
        beside = None if other is None else noised.jump(float(other.alpha_bar[t]))
        self.view.show_panes(
            [
                self._shown(jump),
                self._middle(steps),
                None if steps is None else self._shown(steps.x_t),
                self._shown(jump if beside is None else beside),
            ],
            [f"√ᾱ {math.sqrt(bar):.2f}", "", "", "" if other is None else f"√ᾱ {math.sqrt(other.alpha_bar[t]):.2f}"],
        )
        self.histogram.show_values(bar, jump, steps, beside)
        self.view.strip.mark(t)
        self.step.show_t(t)

    @property
    def chain_t(self) -> int | None:
        """Return the t of the chain's pane: the last that is kept, not after t; None where it is not computed yet."""
        assert self.noised is not None
        there = self.noised.t[self.noised.place(self.t)]
        return there if self.t - there < self.noised.every else None

    def _steps(self) -> Steps | None:
        """Return what the chain's pane shows; None where it is not computed yet."""
        there, noised = self.chain_t, self.noised
        if there is None or noised is None:
            return None
        self.view.name_chain(there, kept=there == self.t)
        bar = float(self.schedule.alpha_bar[there])
        return Steps(bar, noised.chain[noised.place(there)].astype(np.float32), noised.jump(bar))

    def _middle(self, steps: Steps | None) -> Pixels | None:
        """Return what is wanted in the middle pane."""
        assert self.noised is not None
        if self.view.middle == "noise":
            return self._shown(self.noised.eps, _NOISE_LIMIT)
        if self.view.middle == "clean":
            return self._shown(self.noised.x0)
        if steps is None:
            return None
        if self.points:
            return images.displacement(steps.jump, steps.x_t)[None]
        return images.difference(images.from_signed(steps.jump, 3.0)[None], images.from_signed(steps.x_t, 3.0)[None])

    @Slot(int)
    def _go_to_t(self, t: int) -> None:
        self.player.pause()
        self.player.go_to(t)

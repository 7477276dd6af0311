"""Forward q: an image drowns in noise."""

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from explorer import images
from explorer.animations import Reel
from explorer.messages import Gallery, Noised, NoiseRequest, OpenedModel, Pixels
from explorer.ui.chain_mode import ChainMode, next_number
from explorer.ui.chain_view import ROW, ChainView, spread_marks
from explorer.ui.player import Player
from explorer.ui.seed_field import SeedField
from explorer.ui.step_panel import RatioPlot, StepPanel
from explorer.workers.session_worker import SessionWorker


def _words(*, points: bool) -> list[tuple[str, str, str]]:
    item = "points" if points else "image"
    return [
        (f"x<sub>t</sub> {item} and noise", "x_t = √ᾱ_t·x₀ + √(1−ᾱ_t)·ε, drawn at once from q(x_t|x₀)", "x_t"),
        (f"x₀ the clean {item}", "All test points" if points else "A test image; choose another below", "x₀"),
        (
            "ε the noise mixed in",
            "ε ~ N(0, I), the same at every t" + ("" if points else ", shown from −3 (black) to 3 (white)"), "ε",
        ),
    ]  # fmt: skip


class ForwardView(ChainMode):
    """The forward process of one test image, or of all points, at any t."""

    def __init__(self, worker: SessionWorker) -> None:
        super().__init__(worker)
        self.noised: Noised | None = None
        self.gallery: Gallery | None = None
        self.chosen = 0
        self._asked = 0
        worker.gallery.connect(self._got_gallery)
        worker.noised.connect(self._got_noised)
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(0, 0, 0, 0)
        self.seed = SeedField()
        self.seed.changed.connect(self._ask)
        row.addWidget(self.seed)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(12)
        middle = QHBoxLayout()
        middle.setSpacing(12)
        self.view = ChainView(("Whole chain", "What is chosen along the chain, and all to choose from"))
        self.view.went_to.connect(self._go_to_t)
        self.view.item_chosen.connect(self.choose)
        self.ratio = RatioPlot()
        self.step = StepPanel(self.ratio)
        self.player: Player = Player()
        self.player.moved.connect(self._moved)
        middle.addWidget(self.view, 1)
        middle.addWidget(self.step)
        outer.addLayout(middle, 1)
        outer.addWidget(self.player)
        self._add_exports()

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

    # ---- opening ----

    def set_model(self, model: OpenedModel | None, hint: str = "") -> None:
        """Begin anew with a model; without one say why."""
        super().set_model(model, hint)
        self.noised, self.gallery, self.chosen, self._asked = None, None, 0, 0
        self.view.clear(hint)
        self.player.pause()
        self.player.set_positions(0)
        if model is None or model.schedule is None:
            return
        self.view.set_alone(model.points)
        self.view.set_words(_words(points=model.points), "" if model.points else "test images · click one to noise it")
        self.player.ends.setText("points 0 → T noise" if model.points else "image 0 → T noise")
        self.step.set_schedule(model.schedule, points=model.points)
        self.ratio.set_schedule(model.schedule)

    def come_up(self) -> None:
        """Noise the first image."""
        if self.noised is None:
            self._ask()

    def failed(self, request: int) -> bool:
        """Take note that a request has failed; return whether it waited for that."""
        return request == self._asked != 0

    # ---- asking ----

    @Slot()
    def _ask(self) -> None:
        if self.model is not None and self.gallery is not None:
            self._asked = next_number()
            self.seed.remember(self.seed.seed)
            self.worker.submit(NoiseRequest(self._asked, self.chosen, self.seed.seed))

    @Slot(int)
    def choose(self, image: int) -> None:
        """Noise another image."""
        self.chosen = image
        self._ask()

    # ---- answers ----

    @Slot(object)
    def _got_gallery(self, gallery: Gallery) -> None:
        self.gallery = gallery
        if self.isVisible():
            self._ask()

    @Slot(object)
    def _got_noised(self, message: Noised) -> None:
        if message.request != self._asked or self.gallery is None:
            return
        first = self.noised is None
        self.noised = message
        total = len(message.x_t)
        marks = spread_marks(range(total))
        self.view.set_strip(marks, message.x_t[marks])
        self.view.show_items(self.gallery.pixels[:ROW], message.index)
        self.player.set_positions(total)
        self.player.go_to(total // 4 if first else self.player.position)
        self.changed.emit()

    # ---- showing ----

    @Slot(int)
    def _moved(self, t: int) -> None:
        if self.noised is None or self.gallery is None:
            return
        clean = self.gallery.pixels[self.noised.index : self.noised.index + 1]
        self.view.show_panes((self.noised.x_t[t : t + 1], clean, self.noised.eps[None]))
        self.view.mark(t)
        self.step.show_step(t, None, forward=True)
        self.player.where.setText(f"t = {t}")

    @Slot(int)
    def _go_to_t(self, t: int) -> None:
        self.player.pause()
        self.player.go_to(t)

    # ---- export ----

    def _add_exports(self) -> None:
        add = self.exports.add
        add("picture", "Noised picture (PNG)", ".png", self._picture_png)
        add("samples", "All pictures (PNG)", ".png", self._items_png)
        add("chain", "Film strip (PNG)", ".png", self._strip_png)
        self.films.add("x_t", "Film of x_t", self._reel)

    def _made(self, what: str, t: int) -> dict[str, object]:
        assert self.noised is not None
        image, seed = self.noised.index, self.noised.seed
        return self.provenance(made=what, process="forward", t=t, image=image, seed=seed)

    def _picture_png(self) -> bytes:
        return images.png_bytes(images.sheet(self.view.picture.pixels, wanted=512), self._made("picture", self.t))

    def _items_png(self) -> bytes:
        return images.png_bytes(images.poster(self.view.items.pixels), self._made("pictures", self.t))

    def _strip_png(self) -> bytes:
        strip = self.view.strip.pixels
        return images.png_bytes(images.sheet(strip, len(strip)), self._made("film strip", self.t))

    def _reel(self) -> Reel:
        assert self.noised is not None
        pictures, made = self.noised.x_t, self._made("film", 0)

        def picture(t: int) -> Pixels:
            return images.poster(pictures[t : t + 1])

        return Reel(len(pictures), picture, lambda t: {**made, "t": t})

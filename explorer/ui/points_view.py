"""A chain of points: all of them in the plane with their trails, and the score field that moves them."""

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction, QFont, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QSizePolicy, QWidget

from explorer import images
from explorer.animations import Reel
from explorer.chain_messages import DataPoints
from explorer.config import Sampling
from explorer.messages import Floats, Frame, Pixels
from explorer.ui import theme
from explorer.ui.export import ExportMenu
from explorer.ui.figure import rows_of
from explorer.ui.film_menu import FilmMenu
from explorer.ui.panel import EPS_HAT, Panel, Segmented, label
from explorer.ui.plot_style import number
from explorer.ui.points_canvas import NOTHING, Cloud, CloudCanvas, CloudPainter, Look, square_page
from explorer.ui.score_panel import ScorePanel
from explorer.workers.session_worker import SessionWorker

Made = Callable[[str, int], dict[str, object]]
_WIDE = 440  # pixels of a panel
TRAILS = (0, 5, 20, 100)  # steps
_LOOKS = [
    ("points", "points", "Each point a dot, with its trail"),
    ("density", "density", "Contours that hold 25, 50, 75 and 95 % of the points: a Gaussian kernel 0.13 wide"),
    ("both", "both", "Dots and contours"),
]
_WHICH = [
    ("x_t", "xₜ", "x_t: what the chain holds"),
    ("x0_hat", "x̂₀", "x̂₀(x_t, t): the clean points that the network's answers mean, each the mean of what it could be"),
    ("eps_hat", "ε̂", "ε̂(x_t, t): the noise that x_t and x̂₀ leave over, (x_t − √ᾱ_t·x̂₀)/√(1−ᾱ_t)"),
]
_CALLED = {"x_t": "particles", "x0_hat": "guesses x̂₀", "eps_hat": "guesses ε̂"}


def cloud_at(
    frames: Sequence[Frame], place: int, which: int, steps: int, followed: int, data: Floats, look: Look
) -> Cloud:
    """Return what is painted of a chain at a place of its frames.

    Args:
        frames: of points.
        place: of the one that is shown.
        which: 0 x_t, 1 x̂₀, 2 ε̂. Of the last frame, where nothing is guessed, there is no ε̂.
        steps: of the trails.
        followed: the point whose whole way is shown; −1 for none.
        data: what lies behind, (points, 2).
        look: as in Cloud.
    """
    clouds = [_points(frame)[which] for frame in frames[max(0, place - steps) : place + 1]]
    way = NOTHING
    if followed >= 0:
        way = np.stack([_points(frame)[which, followed] for frame in frames[: place + 1]])
    if which == 2 and frames[place].t == 0:
        return Cloud(data=data, look=look)
    return Cloud(clouds[-1], np.stack(clouds), way, followed, data, look)


def _points(frame: Frame) -> Floats:
    assert frame.points is not None, "only frames of points come here"
    return frame.points


class PointsView(QWidget):
    """Shows what it is given; ``point_chosen`` carries the number of a point to follow, ``changed`` another look."""

    point_chosen = Signal(int)
    changed = Signal()

    def __init__(self, worker: SessionWorker) -> None:
        super().__init__()
        self.data = NOTHING
        self._shown: tuple[Sequence[Frame], int, int] = ((), 0, 0)
        self._how = Sampling()
        self._title = ""
        worker.data_points.connect(self._got_data)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        self.left = Panel("Particles", "All points of the chain, from the same noise, each on its own way")
        self.look = Segmented(_LOOKS, "how the points are shown")
        self.look.chosen.connect(self._show_again)
        self.left.head.addWidget(self.look)
        self.canvas = CloudCanvas()
        self.canvas.chosen.connect(self.point_chosen)
        self.left.body.addWidget(self.canvas, 1)
        self.left.body.addLayout(self._foot())
        for made in (self.look, self.which):
            made.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.score = ScorePanel(worker)
        for panel in (self.left, self.score):  # the two planes side by side at one height
            panel.title.setMinimumHeight(self.look.sizeHint().height())
        self.score.foot.setMinimumHeight(self.which.sizeHint().height())
        row.addWidget(self.left, 1)
        row.addWidget(self.score, 1)

    def _foot(self) -> QHBoxLayout:
        foot = QHBoxLayout()
        foot.setSpacing(10)
        self.which = Segmented(_WHICH, "what of the chain is shown")
        self.which.buttons["eps_hat"].setFont(QFont(["DejaVu Sans", "Segoe UI", "Helvetica Neue", "Arial"]))
        self.which.chosen.connect(self._show_again)
        self.trails = QComboBox()
        for steps in TRAILS:
            self.trails.addItem(f"trails: {steps}" if steps else "no trails", steps)
        self.trails.setCurrentIndex(TRAILS.index(20))
        self.trails.setToolTip("How many of the last steps are drawn behind each point")
        self.trails.setAccessibleName("length of the trails")
        self.trails.activated.connect(self._show_again)
        self.behind = QCheckBox("data")
        self.behind.setToolTip("The training points behind all, and their contours: what the chain shall arrive at")
        self.behind.toggled.connect(self._show_again)
        self.memory = label("", "muted", tabular=True, tip="What the frames take in memory; 256 MB at most")
        for widget in (self.which, self.trails, self.behind):
            foot.addWidget(widget)
        foot.addStretch(1)
        foot.addWidget(self.memory)
        return foot

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say less where there is less room."""
        super().resizeEvent(event)
        if len(self._shown[0]):
            self._write()

    # ---- what it is told ----

    def open(self, *, opened: bool) -> None:
        """Begin anew: with another model, or with none."""
        self.data = NOTHING
        self.behind.setEnabled(False)
        self.score.clear(opened=opened)
        self.clear("")

    @Slot(object)
    def _got_data(self, message: DataPoints) -> None:
        self.data = message.points
        known = len(message.points) > 0
        self.behind.setEnabled(known)
        self.behind.setToolTip(
            "The training points behind all, and their contours: what the chain shall arrive at"
            if known
            else f"There is nothing to show: {message.problem}"
        )
        self._show_again()

    def clear(self, hint: str) -> None:
        """Show no particles but a hint of what to do next."""
        self._shown = ((), 0, 0)
        self.left.title.setText("Particles")
        self.memory.setText("")
        self.canvas.say(hint)

    def show_frame(
        self, frames: Sequence[Frame], place: int, followed: int, how: Sampling, *, gently: bool = False
    ) -> None:
        """Show the frame at a place; ``how`` it was sampled, ``gently`` as in ScorePanel."""
        self._shown, self._how = (frames, place, followed), how
        self.canvas.show_cloud(self._cloud(frames, place))
        self._write()
        frame = frames[place]
        here = _points(frame)[0, followed][None] if followed >= 0 else NOTHING
        self.score.show_at(frame.t, how, here, gently=gently)

    def _cloud(self, frames: Sequence[Frame], place: int) -> Cloud:
        which = list(_CALLED).index(self.which.key)
        data = self.data if self.behind.isChecked() and which < 2 else NOTHING
        look = cast(Look, self.look.key)
        return cloud_at(frames, place, which, int(self.trails.currentData()), self._shown[2], data, look)

    def _write(self) -> None:
        frames, place, _ = self._shown
        steps = int(self.trails.currentData())
        number_of = f"{len(_points(frames[place])[0]):,}".replace(",", " ")
        trailing = f", trails of the last {steps} steps" if steps and self.look.key == "points" else ""
        self._title = f"{number_of} {_CALLED[self.which.key]}{trailing}"
        wide = self.left.width() >= _WIDE
        self.left.title.setText(self._title if wide else self._title.partition(",")[0])
        self.memory.setVisible(wide)

    @Slot()
    def _show_again(self) -> None:
        frames, place, _ = self._shown
        if len(frames):
            self.canvas.show_cloud(self._cloud(frames, place))
            self._write()
        self.changed.emit()

    def told(self) -> str:
        """Return where the followed point is, as rich text."""
        frames, place, followed = self._shown
        if not len(frames):
            return ""
        if followed < 0:
            return "click a particle to follow it"
        x_t, x0_hat, eps_hat = (
            f"{name} = ({number(float(at[0]), '{:.2f}')}, {number(float(at[1]), '{:.2f}')})"
            for name, at in zip(("x<sub>t</sub>", "x̂₀", EPS_HAT), _points(frames[place])[:, followed], strict=True)
        )
        guessed = f"<br>{x0_hat} &nbsp;{eps_hat}" if frames[place].t else ""
        return f"particle {followed + 1}: {x_t}{guessed}"

    # ---- files ----

    def add_exports(self, exports: ExportMenu, films: FilmMenu, made: Made) -> list[QAction]:
        """Offer what can be saved, and return the entries; ``made`` says of a thing and a t where it comes from."""
        before = len(exports.actions())

        def particles() -> bytes:
            return images.png_bytes(self.particles(), {**made("particles", self.t), "shows": self.which.key})

        def field() -> bytes:
            return images.png_bytes(self.score.pixels(), self._made_of_field(made))

        exports.add("particles", "Particles as shown (PNG)", ".png", particles)
        exports.add("field", "Score field (PNG)", ".png", field)
        exports.add("points", "Points at this t (CSV)", ".csv", self.table)
        exports.add("field table", "Score field (CSV)", ".csv", self.field_table)
        films.add("particles", "Film of the particles as shown", lambda: self.reel(made))
        exports.addSeparator()
        return exports.actions()[before:]

    def _made_of_field(self, made: Made) -> dict[str, object]:
        field = self.score.computed()  # which may be of another t than the particles, and of a class not asked for
        return {**made("score field", field.t), **({} if field.label is None else {"label": field.label})}

    @property
    def t(self) -> int:
        """Return the t that is shown."""
        frames, place, _ = self._shown
        return frames[place].t

    def particles(self) -> Pixels:
        """Return the particles as they are shown, as a picture (height, width, 3)."""
        frames, place, _ = self._shown
        painter = CloudPainter()
        cloud = self._cloud(frames, place)
        return square_page(
            lambda brush, page: painter.paint(cloud, brush, page),
            f"{self._title} · t = {frames[place].t}",
            2,
        )

    def table(self) -> bytes:
        """Return the coordinates at the t that is shown as CSV."""
        frames, place, _ = self._shown
        names = [f"{name}_{axis}" for name in _CALLED for axis in (1, 2)]
        values = np.concatenate(list(_points(frames[place])), axis=1).tolist()
        rows = [[point + 1, frames[place].t, *row] for point, row in enumerate(values)]
        return rows_of([["particle", "t", *names], *rows])

    def field_table(self) -> bytes:
        """Return the score field that is shown as CSV; RunError while there is none."""
        field = self.score.computed()
        exact = field.exact if len(field.exact) else np.full_like(field.learned, np.nan)
        values = np.concatenate([field.places, field.learned, exact], axis=1).tolist()
        names = ["x_1", "x_2", "learned_1", "learned_2", "exact_1", "exact_2"]
        return rows_of([["t", *names], *([field.t, *row] for row in values)])

    def reel(self, made: Made) -> Reel:
        """Return the film of the particles as they are shown now; ``made`` as in ``add_exports``."""
        frames, _, followed = self._shown
        colors = theme.colors()  # one look, whatever theme is turned on while it is saved
        kept, painter = tuple(frames), CloudPainter(colors)
        which, steps = list(_CALLED).index(self.which.key), int(self.trails.currentData())
        data = self.data if self.behind.isChecked() and which < 2 else NOTHING
        told = {**made("film of particles", 0), "shows": self.which.key}
        look, title = cast(Look, self.look.key), self._title

        def picture(place: int) -> Pixels:
            cloud = cloud_at(kept, place, which, steps, followed, data, look)
            called = f"{title} · t = {kept[place].t}"
            return square_page(lambda brush, page: painter.paint(cloud, brush, page), called, colors=colors)

        return Reel(len(kept), picture, lambda place: {**told, "t": kept[place].t})

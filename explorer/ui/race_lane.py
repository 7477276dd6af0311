"""One lane of a race: a model, how it is sampled, what it shows now, and how that differs from the first lane."""

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QFrame, QSizePolicy, QToolButton, QVBoxLayout
from superqt import QElidingLabel

from explorer.chain_messages import Lane, Rival
from explorer.config import Sampling
from explorer.messages import Pixels
from explorer.ui import theme
from explorer.ui.panel import Panel, button, label
from explorer.ui.picture_grid import PictureGrid
from explorer.ui.sampling_controls import SamplingControls

LETTERS = "ABCD"
ROLES = ("muted", "accent", "second", "good")  # colours of the lanes' curves


def in_short(sampling: Sampling, rival: Rival) -> str:
    """Return a way of sampling in a few words, without what goes without saying."""
    steps = sampling.steps or rival.timesteps
    parts = [sampling.sampler.upper(), f"{steps} steps"]
    if sampling.sampler == "ddim":
        parts.append(f"η {sampling.eta:g}")
    if rival.classes:
        parts += [] if sampling.label is None else [f"class {sampling.label}"]
        parts.append("no class" if sampling.guidance == 0 else f"w {sampling.guidance:g}")
    if sampling.clip != rival.clips:
        parts.append("clipped" if sampling.clip else "not clipped")
    return " · ".join(parts)


class LaneSettings(QFrame):
    """What opens below a lane's button: its model, and how it is sampled. ``changed`` follows every edit."""

    changed = Signal()

    def __init__(self, parent: QFrame) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("panel")
        self._rivals: Sequence[Rival] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(theme.GRID)
        self.model = QComboBox()
        self.model.setToolTip("Which model runs in this lane: the open one, or another of the same shape")
        self.model.setAccessibleName("model of the lane")
        self.model.activated.connect(self._model_chosen)
        self.sampling = SamplingControls(stacked=True)
        self.sampling.changed.connect(self.changed)
        column.addWidget(self.model)
        column.addWidget(self.sampling)

    def set_rivals(self, rivals: Sequence[Rival]) -> None:
        """Offer the models there are; the first is the open one."""
        self._rivals = rivals
        self.model.clear()
        for rival in rivals:
            self.model.addItem(rival.title, rival.path)
        self._model_told()

    @property
    def rival(self) -> Rival | None:
        """Return the model that is chosen."""
        place = self.model.currentIndex()
        return self._rivals[place] if 0 <= place < len(self._rivals) else None

    def choose(self, lane: Lane) -> None:
        """Ask for this, without ``changed``."""
        self.model.setCurrentIndex(max(0, self.model.findData(lane.model)))
        self._model_told()
        self.sampling.set_sampling(lane.sampling)

    @Slot()
    def _model_chosen(self) -> None:
        self._model_told()
        self.changed.emit()

    def _model_told(self) -> None:
        if self.rival is not None:
            self.sampling.set_model(self.rival.timesteps, self.rival)
            self.adjustSize()


class RaceLane(Panel):
    """``changed`` when another model or setting is chosen, ``dropped`` when it shall go, ``clicked`` with an item."""

    changed = Signal()
    dropped = Signal()
    clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.settings = LaneSettings(self)
        self.settings.changed.connect(self._edited)
        self.model = QElidingLabel()
        self.model.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.drop = QToolButton()
        self.drop.setProperty("role", "icon")
        self.drop.setToolTip("Take this lane out")
        self.drop.setAccessibleName("take this lane out")
        self.drop.clicked.connect(self.dropped)
        self.title.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.head.setStretchFactor(self.title, 0)
        self.head.addWidget(self.model, 1)
        self.head.addWidget(self.drop)
        self.how = button("", "Model, sampler, steps, η, class, guidance and clipping of this lane")
        self.how.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.how.clicked.connect(self._open)
        self.where = QElidingLabel()
        self.where.setProperty("role", "muted")
        self.where.setFont(theme.font(12, tabular=True))
        self.where.setToolTip("How often the network was asked for each item so far, and the seconds it took in all")
        self.picture = PictureGrid("", gap=4, selectable=True)
        self.picture.setToolTip("Click a picture to see it alone; click it again to see all")
        self.picture.clicked.connect(self.clicked)
        self.difference_title = label("", "muted")
        self.difference = PictureGrid("", gap=4)
        self.body.setSpacing(6)
        self.body.addWidget(self.how)
        self.body.addWidget(self.where)
        self.body.addWidget(self.picture, 3)
        self.body.addWidget(self.difference_title)
        self.body.addWidget(self.difference, 2)
        theme.current().changed.connect(self._paint)
        self._number = 0
        self._paint()

    def set_number(self, number: int) -> None:
        """Be lane A, B, C or D."""
        self._number = number
        name = LETTERS[number]
        self.picture.setAccessibleName(f"lane {name}")
        self.difference.setAccessibleName(f"difference of lane {name} to lane A")
        self._paint()

    @Slot()
    def _paint(self) -> None:
        color = getattr(theme.colors(), "text" if self._number == 0 else ROLES[self._number])
        self.title.setText(f"<span style='color:{color}'><b>{LETTERS[self._number]}</b></span>")
        self.drop.setIcon(theme.icon("close"))

    # ---- settings ----

    def set_rivals(self, rivals: Sequence[Rival]) -> None:
        """Offer the models there are; the first is the open one."""
        self.settings.set_rivals(rivals)

    @property
    def lane(self) -> Lane:
        """Return what is asked for."""
        return Lane(str(self.settings.model.currentData()), self.settings.sampling.sampling)

    def set_lane(self, lane: Lane) -> None:
        """Ask for this, without ``changed``."""
        self.settings.choose(lane)
        self._write()

    @Slot()
    def _open(self) -> None:
        self.settings.adjustSize()
        place = self.how.mapToGlobal(QPoint(0, self.how.height() + 2))
        room = self.screen().availableGeometry()
        place.setX(max(room.left(), min(place.x(), room.right() - self.settings.width())))
        self.settings.move(place)
        self.settings.show()
        self.settings.model.setFocus()

    @Slot()
    def _edited(self) -> None:
        self._write()
        self.changed.emit()

    def _write(self) -> None:
        rival = self.settings.rival
        if rival is not None:
            said = in_short(self.lane.sampling, rival)
            self.how.setText(f"{said} ▾")
            self.how.setAccessibleName(f"settings of lane {LETTERS[self._number]}: {said}")
            self.how.setToolTip(f"{said}. Click to change model, sampler, steps, η, class, guidance or clipping")
            self.model.setText(rival.title)
            self.model.setToolTip(rival.title)

    # ---- showing ----

    def clear(self, hint: str) -> None:
        """Show nothing but a hint."""
        self.picture.clear(hint)
        self.difference.clear("")
        self.difference_title.setText("")
        self.where.setText("")

    def show_pictures(self, pictures: Pixels, difference: Pixels | None, title: str) -> None:
        """Show items, and how they differ from those of lane A; None for A itself."""
        self.picture.set_pixels(pictures)
        self.difference_title.setText("" if difference is None else title)
        if difference is None:
            self.difference.clear("The others are held against A.")
        else:
            self.difference.set_pixels(difference)

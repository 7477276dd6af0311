"""One lane of a race: a model, how it is sampled, what it shows now, and how that differs from the first lane."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QSizePolicy, QToolButton
from superqt import QElidingLabel

from explorer.chain_messages import Lane, Rival
from explorer.messages import Pixels
from explorer.ui import theme
from explorer.ui.panel import Panel, label
from explorer.ui.picture_grid import PictureGrid
from explorer.ui.sampling_button import SamplingButton

LETTERS = "ABCD"
ROLES = ("muted", "accent", "second", "good")  # colours of the lanes' curves


class RaceLane(Panel):
    """``changed`` when another model or setting is chosen, ``dropped`` when it shall go, ``clicked`` with an item."""

    changed = Signal()
    dropped = Signal()
    clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self._rivals: Sequence[Rival] = ()
        self.title_of_model = QElidingLabel()
        self.title_of_model.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.drop = QToolButton()
        self.drop.setProperty("role", "icon")
        self.drop.setToolTip("Take this lane out")
        self.drop.setAccessibleName("take this lane out")
        self.drop.clicked.connect(self.dropped)
        self.title.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.head.setStretchFactor(self.title, 0)
        self.head.addWidget(self.title_of_model, 1)
        self.head.addWidget(self.drop)
        self.how = SamplingButton()
        self.how.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.how.changed.connect(self.changed)
        self.model = QComboBox()
        self.model.setToolTip("Which model runs in this lane: the open one, or another of the same shape")
        self.model.setAccessibleName("model of the lane")
        self.model.activated.connect(self._model_chosen)
        self.how.column.insertWidget(0, self.model)
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
        self._rivals = rivals
        self.model.clear()
        for rival in rivals:
            self.model.addItem(rival.title, rival.path)
        self._model_told()

    @property
    def lane(self) -> Lane:
        """Return what is asked for."""
        return Lane(str(self.model.currentData()), self.how.sampling)

    def set_lane(self, lane: Lane) -> None:
        """Ask for this, without ``changed``."""
        self.model.setCurrentIndex(max(0, self.model.findData(lane.model)))
        self._model_told()
        self.how.set_sampling(lane.sampling)

    @Slot()
    def _model_chosen(self) -> None:
        self._model_told()
        self.changed.emit()

    def _model_told(self) -> None:
        place = self.model.currentIndex()
        if 0 <= place < len(self._rivals):
            rival = self._rivals[place]
            self.how.set_model(rival.timesteps, rival)
            self.title_of_model.setText(rival.title)
            self.title_of_model.setToolTip(rival.title)

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

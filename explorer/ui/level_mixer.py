"""The levels of a hierarchy, the top one first: what each costs, and where each comes from."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from explorer.config import ACTIVE_NATS
from explorer.messages import Floats
from explorer.ui import theme
from explorer.ui.panel import Segmented, label
from explorer.walks import subscript

SOURCES = ("a", "b", "prior", "here")
_HIGH, _APART = 27, 4  # pixels of a row, and to the next
_CHOICES = (
    ("a", "A", "Take this level from A"),
    ("b", "B", "Take this level from B"),
    ("prior", "prior", "Draw this level from its prior, given the level above: N(0, I) in the units of z"),
    ("here", "here", "Leave this level as it is on the sliders"),
)
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def level_name(level: int) -> str:
    """Return the name of a level, z¹ for the one next to the picture, whose number is 0."""
    return "z" + str(level + 1).translate(_SUPERSCRIPTS)


class LevelBar(QWidget):
    """The KL of a level as a bar, made of a piece for each of its dimensions, on a scale that all levels share."""

    def __init__(self) -> None:
        super().__init__()
        self.kl: Floats = np.zeros(0, np.float32)
        self._most = 1.0
        self.setMinimumWidth(110)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        theme.current().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Return a modest size: the layout decides."""
        return QSize(140, _HIGH)

    @property
    def text(self) -> str:
        """Return the KL of the level in words."""
        return f"{float(self.kl.sum()):.1f} nats"

    def set_kl(self, name: str, kl: Floats, most: float) -> None:
        """Show the KL of each dimension (dimensions,), in nats; ``most`` is that of the largest level."""
        self.kl, self._most = kl, max(most, 1e-6)
        active = int((kl >= ACTIVE_NATS).sum())
        each = ", ".join(f"{name}{subscript(int(k))} {kl[k]:.2f}" for k in np.argsort(-kl, kind="stable")[:12])
        more = ", …" if len(kl) > 12 else ""
        self.setToolTip(
            f"KL of q(z|x) to the prior in level {name}, averaged over the map's items: {self.text}, "
            f"{active} of {len(kl)} dimensions active.\n{each}{more}"
        )
        self.setAccessibleName(f"KL of level {name}: {self.text}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the bar, the nats beside it."""
        colors = theme.colors()
        painter = QPainter(self)
        painter.setFont(theme.font(12, tabular=True))
        room = painter.fontMetrics().horizontalAdvance("00.0 nats") + 6
        width, height = max(1.0, self.width() - room - 2.0), 12.0
        top, left = (self.height() - height) / 2, 0.0
        painter.fillRect(QRectF(0, top, width, height), QColor(colors.faint))
        for place, share in enumerate(np.sort(self.kl)[::-1] / self._most * width):
            color = QColor(colors.accent)
            color.setAlphaF(1.0 if place % 2 == 0 else 0.72)
            painter.fillRect(QRectF(left, top, float(share), height), color)
            left += float(share)
        painter.setPen(QColor(colors.muted))
        beside = QRectF(width + 6, 0, room, self.height())
        painter.drawText(beside, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), self.text)
        painter.end()


class LevelMixer(QScrollArea):
    """A row for each level; ``chosen`` carries a level and where it is to come from, ``resampled`` a level."""

    chosen = Signal(int, str)
    resampled = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.bars: list[LevelBar] = []
        self.sources: list[Segmented] = []
        self.dice: list[QToolButton] = []
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(2 * _HIGH)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setAccessibleName("level mixer")
        theme.current().changed.connect(self._icons)

    def set_levels(self, levels: Sequence[int], kl: Floats) -> None:
        """Make the rows of levels of these sizes, z¹ first; ``kl`` (latent,) of each dimension in nats."""
        self.bars, self.sources, self.dice = [], [], []
        inside = QWidget()
        inside.setObjectName("scrolled")
        outer = QVBoxLayout(inside)
        outer.setContentsMargins(0, 0, 4, 0)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(_APART)
        outer.addLayout(grid)
        outer.addStretch(1)
        parts = np.split(kl, np.cumsum(levels)[:-1]) if len(kl) else [np.zeros(size, np.float32) for size in levels]
        most = max(float(part.sum()) for part in parts)
        for level, part in enumerate(parts):
            self._add_row(grid, len(parts) - 1 - level, level, part, most)
        self.setWidget(inside)
        self._icons()
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return what shows all levels."""
        inside = self.widget()
        return QSize(400, 2 * _HIGH if inside is None else inside.sizeHint().height())

    def _add_row(self, grid: QGridLayout, row: int, level: int, kl: Floats, most: float) -> None:
        name, bar = level_name(level), LevelBar()
        bar.set_kl(name, kl, most)
        source = Segmented(_CHOICES, f"where level {name} comes from")
        source.choose("here")
        source.setFixedHeight(_HIGH)
        dice = QToolButton()
        dice.setProperty("role", "icon")
        dice.setFixedSize(_HIGH, _HIGH)
        dice.setToolTip(f"Draw level {name} anew from its prior; the other levels stay as they are")
        dice.setAccessibleName(f"draw level {name} anew")
        source.chosen.connect(lambda key, level=level: self.chosen.emit(level, key))
        dice.clicked.connect(lambda _checked=False, level=level: self.resampled.emit(level))
        where = " (next to the picture)" if level == 0 else ""
        tip = f"Level {level + 1}{where}: {len(kl)} dimensions, in units of their prior given the level above"
        grid.addWidget(label(f"{name} · {len(kl)}-d", tip=tip), row, 0)
        for column, widget in enumerate((bar, source, dice), start=1):
            grid.addWidget(widget, row, column)
        self.bars.append(bar)
        self.sources.append(source)
        self.dice.append(dice)

    @property
    def stops(self) -> list[QWidget]:
        """Return what Tab stops at, from the top level down."""
        rows = zip(reversed(self.sources), reversed(self.dice), strict=True)
        return [stop for source, dice in rows for stop in (*source.buttons.values(), dice)]

    def choose(self, choices: Sequence[str]) -> None:
        """Show where each level comes from."""
        for source, key in zip(self.sources, choices, strict=True):
            source.buttons[key].setChecked(True)

    def allow(self, key: str, *, allowed: bool) -> None:
        """Say whether levels can come from somewhere."""
        for source in self.sources:
            source.buttons[key].setEnabled(allowed)

    @Slot()
    def _icons(self) -> None:
        for dice in self.dice:
            dice.setIcon(theme.icon("dice", theme.colors().text))

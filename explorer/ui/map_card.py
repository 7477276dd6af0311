"""The card beside the mouse: what the point is that is under it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from explorer import images
from explorer.latent_messages import MapItems
from explorer.messages import Pixels
from explorer.ui import theme
from explorer.ui.facts import spaced
from explorer.ui.map_colors import TERMS, brief, class_color
from explorer.ui.picture_grid import to_image
from explorer.ui.plot_style import number

_PAD, _LINE, _GAP, _APART = 10, 17, 16, 14  # pixels
_SIDE = 84  # of the picture
_FONT = 12
_MOST_FACTORS = 6
_COMING = "… (being found)"


@dataclass(frozen=True)
class Described:
    """An item in words: what heads the card, names with values, and its picture where there is one."""

    title: str
    color: str
    lines: Sequence[tuple[str, str]]
    picture: Pixels | None = None

    @property
    def text(self) -> str:
        """Return all of it in one line."""
        return ", ".join([self.title, *(f"{name} {value}".strip() for name, value in self.lines)])


def describe(
    index: int,
    labels: NDArray[np.int64],
    name: str,
    items: MapItems | None,
    *,
    awaited: Sequence[str] = (),
    noun: str = "class",
) -> Described:
    """Return what is known of an item.

    Args:
        index: of the item.
        labels: the classes (items,).
        name: what its class is called, "" where there is one class only.
        items: what the points are.
        awaited: the terms of its ELBO that are still being found.
        noun: what classes are; a factor of that name is said already.
    """
    title = f"{name} · item {spaced(index)}" if name else f"item {spaced(index)}"
    color = class_color(int(labels[index]), theme.colors())
    if items is None:
        return Described(title, color, ())
    lines = []
    if len(items.values) and items.values.dtype.kind == "f" and items.values[index].size == 2:
        x, y = (number(value, "{:.2f}") for value in items.values[index].ravel().tolist())
        lines.append(("x", f"({x}, {y})"))
    for key, (called, _, unit) in TERMS.items():
        shown = "ln p(x|z)" if key == "reconstruction" else called
        if key in awaited:
            lines.append((shown, _COMING))
        elif key in items.terms:
            lines.append((shown, f"{number(float(items.terms[key][index]), '{:.1f}')} {unit}"))
    factors = [(key, number(float(values[index]), "{:g}")) for key, values in items.factors.items()]
    factors = [(key, value) for key, value in factors if key != noun]
    lines += factors[:_MOST_FACTORS]
    if items.note and not items.terms:
        lines.append((brief(items.note), ""))
    return Described(title, color, lines, items.pixels[index] if len(items.pixels) > index else None)


class MapCard(QWidget):
    """A sheet that lets the mouse through; beside a point and never over it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.shown: Described | None = None
        self._image: QImage | None = None
        self.hide()

    def point_at(self, described: Described, pixel: QPointF, cursor: QPointF | None = None) -> None:
        """Show what an item is beside a pixel of the parent, and where there is room not over the cursor's."""
        self.shown = described
        self._image = to_image(described.picture) if described.picture is not None else None
        self.setGeometry(self._place(pixel, cursor))
        self.setAccessibleName(described.text)
        self.show()
        self.raise_()
        self.update()

    # ---- geometry ----

    def _place(self, pixel: QPointF, cursor: QPointF | None) -> QRect:
        """Return where it goes: right or left of a pixel, else above or below it, and never beyond the parent."""
        size, whole = self._size(), self._over.rect()
        x, y = round(pixel.x()), round(pixel.y())
        wide, high = size.width(), size.height()
        middle = min(max(4, y - high // 2), whole.height() - high - 4)
        beside = min(max(4, x - wide // 2), whole.width() - wide - 4)
        places = [
            QRect(QPoint(x + _GAP, middle), size),
            QRect(QPoint(x - _GAP - wide, middle), size),
            QRect(QPoint(beside, y - _GAP - high), size),
            QRect(QPoint(beside, y + _GAP), size),
        ]
        fitting = [place for place in places if whole.contains(place)] or places[-1:]
        free = [place for place in fitting if cursor is None or not place.contains(cursor.toPoint())]
        return (free or fitting)[0]

    def _picture_size(self) -> QSize:
        """Return the size of the picture: a whole number of pixels for each of its own, where it is small."""
        if self._image is None:
            return QSize(0, 0)
        side = max(self._image.width(), self._image.height())
        factor = images.factor_for(side, _SIDE) if side <= _SIDE else _SIDE / side
        return QSize(round(self._image.width() * factor), round(self._image.height() * factor))

    def _widths(self) -> tuple[int, int]:
        assert self.shown is not None
        plain, strong = (QFontMetrics(theme.font(_FONT, bold=bold, tabular=True)) for bold in (False, True))
        names = max((plain.horizontalAdvance(name) for name, _ in self.shown.lines), default=0)
        values = max((strong.horizontalAdvance(value) for _, value in self.shown.lines), default=0)
        return names + 3, values + 3

    def _size(self) -> QSize:
        assert self.shown is not None
        title = QFontMetrics(theme.font(_FONT, bold=True, tabular=True)).horizontalAdvance(self.shown.title) + 16
        picture = self._picture_size()
        text = max(title, sum(self._widths()) + (_APART if self.shown.lines else 0))
        beside = picture.width() + _PAD if picture.width() else 0
        high = max(picture.height(), _LINE * (1 + len(self.shown.lines)))
        return QSize(min(text, 320) + beside + 2 * _PAD, high + 2 * _PAD - 2)

    # ---- painting ----

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint picture and lines."""
        if self.shown is None:
            return
        colors = theme.colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colors.border), 1))
        painter.setBrush(QColor(colors.chrome))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        left = _PAD
        if self._image is not None:
            size = self._picture_size()
            sharp = size.width() >= self._image.width()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not sharp)
            painter.drawImage(QRect(_PAD, _PAD - 1, size.width(), size.height()), self._image)
            left += size.width() + _PAD
        line = QRect(left, _PAD - 1, self.width() - left - _PAD, _LINE)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.shown.color))
        painter.drawEllipse(QPointF(line.left() + 4, line.center().y() + 0.5), 4, 4)
        start, end = Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.setFont(theme.font(_FONT, bold=True, tabular=True))
        painter.setPen(QColor(colors.text))
        painter.drawText(line.adjusted(14, 0, 0, 0), start, self.shown.title)
        for name, value in self.shown.lines:
            line = line.translated(0, _LINE)
            painter.setFont(theme.font(_FONT, tabular=True))
            painter.setPen(QColor(colors.muted))
            shown = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, line.width())
            painter.drawText(line, start, shown)
            if value != _COMING:
                painter.setFont(theme.font(_FONT, bold=True, tabular=True))
                painter.setPen(QColor(colors.text))
            painter.drawText(line, end, value)
        painter.end()

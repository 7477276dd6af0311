"""Pictures of moments of a training, painted from numbers alone: the map, the samples, and both side by side."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from explorer import images
from explorer.messages import Pixels
from explorer.training_messages import Snapshot
from explorer.ui import theme
from explorer.ui.facts import spaced
from explorer.ui.figure import Axis, paint_axes, place
from explorer.ui.picture_grid import to_image
from explorer.ui.probe_look import ProbeLook
from explorer.ui.probe_map import CIRCLES

_MARGIN, _HEAD, _TICKS = 16, 34, 46
_MAP, _FILM = 480, 380  # pixels of a side: of the map as a picture, of each half of the film
_DOT = 2.2


def moment_text(snapshot: Snapshot) -> str:
    """Return when a snapshot was taken."""
    return f"epoch {snapshot.epoch:.1f} · step {spaced(snapshot.step)}"


@dataclass(frozen=True)
class TravelPictures:
    """Paints moments, in any thread.

    Attributes:
        look: how the map is looked at; of no use where a model has no latent space.
        colors: of the theme.
    """

    look: ProbeLook
    colors: theme.Colors

    def map(self, snapshot: Snapshot) -> Pixels:
        """Return the map at a moment, for print: twice as many pixels as on the screen."""

        def paint(painter: QPainter) -> None:
            self._caption(painter, moment_text(snapshot), _MARGIN + _TICKS)
            self._map(painter, QRectF(_MARGIN + _TICKS, _MARGIN + _HEAD, _MAP, _MAP), snapshot)

        side = _MAP + 2 * _MARGIN + _TICKS
        return self._page(side, side + _HEAD, 2, paint)

    def frame(self, snapshot: Snapshot) -> Pixels:
        """Return a picture of the film: map and samples side by side, or samples alone."""
        latent = snapshot.means.size > 0
        left = _MARGIN + (_TICKS if latent else 0)
        top = _MARGIN + _HEAD

        def paint(painter: QPainter) -> None:
            self._caption(painter, moment_text(snapshot), left)
            beside = left
            if latent:
                self._map(painter, QRectF(left, top, _FILM, _FILM), snapshot)
                beside += _FILM + _MARGIN
            _paint_samples(painter, QRectF(beside, top, _FILM, _FILM), snapshot.samples)

        width = left + _FILM + _MARGIN + (_FILM + _MARGIN if latent else 0)
        return self._page(width, top + _FILM + (_TICKS if latent else _MARGIN), 1, paint)

    # ---- parts ----

    def _page(self, width: int, height: int, scale: int, paint: Callable[[QPainter], None]) -> Pixels:
        """Return what is painted as a picture (height · scale, width · scale, 3)."""
        image = QImage(width * scale, height * scale, QImage.Format.Format_RGB888)
        image.setDevicePixelRatio(scale)
        image.fill(QColor(self.colors.panel))
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        try:
            paint(painter)
        finally:
            painter.end()  # before the image goes, whatever happens
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()

    def _caption(self, painter: QPainter, text: str, left: float) -> None:
        painter.setFont(theme.font(14, bold=True, tabular=True))
        painter.setPen(QColor(self.colors.text))
        painter.drawText(QPointF(left, _MARGIN + 14), text)

    def _map(self, painter: QPainter, area: QRectF, snapshot: Snapshot) -> None:
        """Paint a moment of the map on its fixed axes, with the classes that are shown."""
        look, extent = self.look, self.look.extent
        found = [int(k) for k in np.unique(snapshot.labels)]
        across = Axis(-extent, extent, look.names[0])
        up = Axis(-extent, extent, look.names[1])
        if look.heights is not None:
            bands = [(float(place_), str(k)) for place_, k in enumerate(found)] if len(found) > 1 else []
            up = Axis(-0.6, max(1, len(found)) - 0.4, look.names[1], ticks=bands)
        paint_axes(painter, area, across, up, colors=self.colors)
        above = QRectF(area.left() - 208, area.top() - 26, 200, 16)
        painter.drawText(above, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, look.names[1])
        painter.save()
        painter.setClipRect(area)
        x, y = look.places_of(snapshot.means)
        columns = place(across, x, area.left(), area.right())
        rows = place(up, y, area.bottom(), area.top())
        painter.setPen(Qt.PenStyle.NoPen)
        brushes = [QColor(color) for color in self.colors.classes]
        for column, row, k in zip(columns.tolist(), rows.tolist(), snapshot.labels.tolist(), strict=True):
            if k not in look.hidden:
                painter.setBrush(brushes[k % len(brushes)])
                painter.drawEllipse(QPointF(column, row), _DOT, _DOT)
        if look.prior:
            for radius in CIRCLES:
                self._prior(painter, area, radius)
        painter.restore()

    def _prior(self, painter: QPainter, area: QRectF, radius: float) -> None:
        """Paint where the prior's radius·σ is: a circle, or two lines where there is one dimension."""
        alone = self.look.heights is not None
        wide, middle = radius / self.look.extent * area.width() / 2, area.center()
        painter.setPen(QPen(QColor(self.colors.muted), 0.7))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setFont(theme.font(10))
        at = QPointF(middle.x() + wide, area.bottom() - 3) if alone else QPointF(middle.x(), middle.y() - wide - 3)
        painter.drawText(at, f" {radius:g}σ")
        if not alone:
            painter.drawEllipse(middle, wide, wide)
            return
        for x in (middle.x() - wide, middle.x() + wide):
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))


def _paint_samples(painter: QPainter, area: QRectF, pixels: Pixels) -> None:
    """Paint pictures as one sheet, as large as fits, in the middle of an area."""
    image = to_image(images.tile(pixels))
    scale = min(area.width() / image.width(), area.height() / image.height())
    size = QRectF(0, 0, image.width() * scale, image.height() * scale)
    size.moveCenter(area.center())
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 1)
    painter.drawImage(size, image)

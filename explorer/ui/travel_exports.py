"""What can be taken home from the time machine: map and pictures of a moment, and the whole travel as a film."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from explorer import images
from explorer.messages import Pixels, Snapshot
from explorer.ui import theme
from explorer.ui.figure import Axis, paint_axes, place
from explorer.ui.picture_grid import to_image
from explorer.ui.probe_map import CIRCLES, ProbeMap

if TYPE_CHECKING:
    from explorer.ui.time_machine import TimeMachine

_MARGIN, _HEAD, _TICKS = 16, 34, 46
_MAP, _FILM = 480, 380  # pixels of a side: of the map as a picture, of each half of the film
_DOT = 2.2
_MOST_FRAMES = 64
_EACH_MS = 125


def moment_text(snapshot: Snapshot) -> str:
    """Return when a snapshot was taken."""
    return f"epoch {snapshot.epoch:.1f} · step {snapshot.step:,}".replace(",", " ")


def _page(width: int, height: int, scale: int, paint: Callable[[QPainter], None]) -> Pixels:
    """Return what is painted as a picture (height · scale, width · scale, 3)."""
    image = QImage(width * scale, height * scale, QImage.Format.Format_RGB888)
    image.setDevicePixelRatio(scale)
    image.fill(QColor(theme.colors().panel))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    try:
        paint(painter)
    finally:
        painter.end()  # before the image goes, whatever happens
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def paint_map(painter: QPainter, area: QRectF, shown: ProbeMap, snapshot: Snapshot) -> None:
    """Paint a moment of the map on its fixed axes, with the classes that are shown."""
    extent, colors = shown.extent, theme.colors()
    names = shown.axis_names
    found = [int(k) for k in np.unique(snapshot.labels)]
    across = Axis(-extent, extent, names[0])
    up = Axis(-extent, extent, names[1])
    if shown.alone:
        bands = [(float(place_), str(k)) for place_, k in enumerate(found)] if len(found) > 1 else []
        up = Axis(-0.6, max(1, len(found)) - 0.4, names[1], ticks=bands)
    paint_axes(painter, area, across, up)
    above = QRectF(area.left() - 208, area.top() - 26, 200, 16)
    painter.drawText(above, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, names[1])
    painter.save()
    painter.setClipRect(area)
    x, y = shown.places_of(snapshot.means)
    columns = place(across, x, area.left(), area.right())
    rows = place(up, y, area.bottom(), area.top())
    painter.setPen(Qt.PenStyle.NoPen)
    brushes = [QColor(color) for color in colors.classes]
    for column, row, k in zip(columns.tolist(), rows.tolist(), snapshot.labels.tolist(), strict=True):
        if k not in shown.hidden:
            painter.setBrush(brushes[k % len(brushes)])
            painter.drawEllipse(QPointF(column, row), _DOT, _DOT)
    if shown.prior:
        for radius in CIRCLES:
            _paint_prior(painter, area, radius, extent, alone=shown.alone)
    painter.restore()


def _paint_prior(painter: QPainter, area: QRectF, radius: float, extent: float, *, alone: bool) -> None:
    """Paint where the prior's radius·σ is: a circle, or two lines where there is one dimension."""
    wide, middle = radius / extent * area.width() / 2, area.center()
    painter.setPen(QPen(QColor(theme.colors().muted), 0.7))
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


def _caption(painter: QPainter, text: str, left: float = _MARGIN) -> None:
    painter.setFont(theme.font(14, bold=True, tabular=True))
    painter.setPen(QColor(theme.colors().text))
    painter.drawText(QPointF(left, _MARGIN + 14), text)


class TravelExports:
    """Fills the Export menu of a time machine, and makes the files from its snapshots."""

    def __init__(self, machine: "TimeMachine", provenance: Callable[[], Mapping[str, object]]) -> None:
        self._machine, self._provenance = machine, provenance
        export = machine.export
        export.add("latent-map", "Latent map (PNG)", ".png", self.map_png)
        self._of_latents = [export.menu().actions()[-1]]
        export.add("samples", "Samples (PNG)", ".png", self.samples_png)
        export.add("traversals", "Traversals (PNG)", ".png", self.traversals_png)
        self._of_rows = export.menu().actions()[-1]
        export.add("travel", "The whole travel (GIF)", ".gif", self.film_gif)

    def offer(self, snapshot: Snapshot) -> None:
        """Offer what a snapshot has."""
        for action in self._of_latents:
            action.setVisible(snapshot.means.size > 0)
        self._of_rows.setVisible(len(snapshot.traversal) > 0)

    def _told(self, what: str) -> dict[str, object]:
        moment = self._machine.moment
        return {**self._provenance(), "made": what, "step": moment.step, "epoch": round(moment.epoch, 6)}

    def map_png(self) -> bytes:
        """Return the map of the moment that is shown."""
        snapshot = self._machine.moment

        def paint(painter: QPainter) -> None:
            _caption(painter, moment_text(snapshot), _MARGIN + _TICKS)
            area = QRectF(_MARGIN + _TICKS, _MARGIN + _HEAD, _MAP, _MAP)
            paint_map(painter, area, self._machine.map, snapshot)

        side = _MAP + 2 * _MARGIN + _TICKS
        picture = _page(side, side + _HEAD, 2, paint)
        axes = self._machine.map.axis_names
        return images.png_bytes(picture, {**self._told("latent map"), "axes": list(axes)})

    def samples_png(self) -> bytes:
        """Return the samples of the moment that is shown."""
        return images.png_bytes(images.sheet(self._machine.moment.samples), self._told("samples"))

    def traversals_png(self) -> bytes:
        """Return the traversals of the moment that is shown, a row each."""
        rows, dimensions = self._machine.travel.rows_of(self._machine.moment)
        told = {**self._told("traversals"), "dimensions": list(dimensions)}
        return images.png_bytes(images.sheet(rows.reshape(-1, *rows.shape[2:]), rows.shape[1]), told)

    def film_gif(self) -> bytes:
        """Return the travel: map and samples side by side, a frame for each snapshot, or for so many of them."""
        travel = self._machine.travel
        kept = np.unique(np.linspace(0, len(travel) - 1, min(_MOST_FRAMES, len(travel))).round().astype(int))
        return images.gif_bytes([self._frame(travel[int(at)]) for at in kept], _EACH_MS)

    def _frame(self, snapshot: Snapshot) -> Pixels:
        latent = snapshot.means.size > 0
        left = _MARGIN + (_TICKS if latent else 0)
        top = _MARGIN + _HEAD

        def paint(painter: QPainter) -> None:
            _caption(painter, moment_text(snapshot), left)
            beside = left
            if latent:
                paint_map(painter, QRectF(left, top, _FILM, _FILM), self._machine.map, snapshot)
                beside += _FILM + _MARGIN
            _paint_samples(painter, QRectF(beside, top, _FILM, _FILM), snapshot.samples)

        width = left + _FILM + _MARGIN + (_FILM + _MARGIN if latent else 0)
        return _page(width, top + _FILM + (_TICKS if latent else _MARGIN), 1, paint)

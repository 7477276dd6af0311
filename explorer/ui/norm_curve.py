"""How long z is along a way through the latent space, beside how long draws of the prior are."""

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.messages import Floats, LatentMap
from explorer.ui import theme
from explorer.ui.plot_style import color_of

_LEFT, _RIGHT, _TOP, _BOTTOM = 26, 8, 18, 15
_WIDTH = 230


@dataclass(frozen=True)
class Typical:
    """Between which lengths about 95 % of what is usual lie, and their middle; ``name`` says what is usual."""

    low: float
    middle: float
    high: float
    name: str


def typical_norm(latents: LatentMap) -> Typical:
    """Return how long draws of N(0, I) are: χ distributed with d degrees of freedom, near √d.

    Where there is no prior, how long the data's codes are.
    """
    size = latents.means.shape[1]
    if not len(latents.kl_per_dimension):
        norms = np.linalg.norm(latents.means.astype(np.float64), axis=1)
        low, middle, high = (float(value) for value in np.quantile(norms, (0.025, 0.5, 0.975)))
        return Typical(low, middle, high, f"data {middle:.1f}")
    mean = math.sqrt(2) * math.exp(math.lgamma((size + 1) / 2) - math.lgamma(size / 2))
    spread = math.sqrt(max(0.0, size - mean**2))
    return Typical(max(0.0, mean - 2 * spread), math.sqrt(size), mean + 2 * spread, f"√{size} = {math.sqrt(size):.1f}")


class NormCurve(QWidget):
    """Curves of ‖z‖ over λ, in front of what is typical."""

    def __init__(self) -> None:
        super().__init__()
        self.ways: dict[str, tuple[str, Floats]] = {}
        self._typical: Typical | None = None
        self._at = -1.0
        self.setAccessibleName("length of z along the way")
        self.setFixedWidth(_WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        theme.current().changed.connect(self.update)

    def set_ways(self, ways: dict[str, tuple[str, Floats]], typical: Typical) -> None:
        """Show the lengths of z (places, latent) along ways, by name with a colour; ``typical`` behind them."""
        self.ways = {name: (color, np.linalg.norm(z.astype(np.float64), axis=1)) for name, (color, z) in ways.items()}
        self._typical = typical
        lowest = "; ".join(f"{name}: {norms.min():.2f} to {norms.max():.2f}" for name, (_, norms) in self.ways.items())
        prior = "√" in typical.name
        usual = "draws of N(0, I) have length √d, nearly all of them" if prior else "the data's codes are as long"
        self.setToolTip(
            f"‖z‖ from A (λ = 0) to B (λ = 1). The band: {usual} ({typical.low:.1f} to {typical.high:.1f}). A straight "
            f"line cuts through where hardly any are; the great circle keeps the length. {lowest}"
        )
        self.setAccessibleDescription(lowest)
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self.ways, self._typical = {}, None
        self.setToolTip("")
        self.update()

    def set_at(self, share: float) -> None:
        """Mark λ = ``share``; less than 0 marks nothing."""
        if share != self._at:
            self._at = share
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint band, curves, axes and legend."""
        if not self.ways or self._typical is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(11, tabular=True))
        area = QRectF(self.rect()).adjusted(_LEFT, _TOP, -_RIGHT, -_BOTTOM)
        top = max(self._typical.high, *(float(norms.max()) for _, norms in self.ways.values()), 1e-6) * 1.08
        self._paint_typical(painter, area, top, self._typical)
        for color, norms in self.ways.values():
            points = [
                QPointF(area.left() + area.width() * share, area.bottom() - area.height() * float(norm) / top)
                for share, norm in zip(np.linspace(0, 1, len(norms)), norms, strict=True)
            ]
            painter.setPen(QPen(QColor(color_of(color)), 1.6))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolyline(QPolygonF(points))
        self._paint_frame(painter, area, top)
        painter.end()

    def _paint_typical(self, painter: QPainter, area: QRectF, top: float, typical: Typical) -> None:
        colors = theme.colors()
        scale = area.height() / top
        high, middle, low = (area.bottom() - value * scale for value in (typical.high, typical.middle, typical.low))
        painter.fillRect(QRectF(area.left(), high, area.width(), low - high), QColor(colors.faint))
        painter.setPen(QPen(QColor(colors.muted), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(area.left(), middle), QPointF(area.right(), middle))

    def _paint_frame(self, painter: QPainter, area: QRectF, top: float) -> None:
        colors = theme.colors()
        painter.setPen(QPen(QColor(colors.border), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        if self._at >= 0:
            painter.setPen(QPen(QColor(colors.text), 1))
            x = area.left() + area.width() * min(1.0, self._at)
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.setPen(QColor(colors.muted))
        right, middle = Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, area.bottom() - 8, _LEFT - 5, 14), right | middle, "0")
        painter.drawText(QRectF(0, area.top() - 2, _LEFT - 5, 14), right | middle, f"{top:.1f}")
        foot = QRectF(area.left(), area.bottom() + 1, area.width(), _BOTTOM - 1)
        painter.drawText(foot, Qt.AlignmentFlag.AlignLeft | middle, "A")
        painter.drawText(foot, Qt.AlignmentFlag.AlignHCenter | middle, "λ")
        painter.drawText(foot, right | middle, "B")
        painter.drawText(QRectF(0, 0, area.left() + 20, _TOP - 3), Qt.AlignmentFlag.AlignLeft | middle, "‖z‖")
        x, usual = area.right(), "" if self._typical is None else f"┄ {self._typical.name}"
        entries = [(usual, colors.muted), *((name, color_of(color)) for name, (color, _) in self.ways.items())]
        for name, color in reversed(entries):
            width = painter.fontMetrics().horizontalAdvance(name)
            painter.setPen(QColor(color))
            painter.drawText(QRectF(x - width, 0, width + 2, _TOP - 3), middle, name)
            x -= width + 10

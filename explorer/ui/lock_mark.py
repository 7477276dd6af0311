"""A small lock, open or closed."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from explorer.ui import theme


def paint_lock(painter: QPainter, center: QPointF, *, closed: bool) -> None:
    """Paint a lock about 9 pixels wide; an open one has its shackle up and is muted."""
    colors = theme.colors()
    color = QColor(colors.accent if closed else colors.muted)
    painter.setPen(QPen(color, 1.4))
    painter.setBrush(color if closed else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(center.x() - 4.5, center.y() - 1, 9, 7), 1.5, 1.5)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    shackle = QRectF(center.x() - 3, center.y() - (6 if closed else 7.5), 6, 8)
    painter.drawArc(shackle, 0 if closed else 20 * 16, (180 if closed else 160) * 16)

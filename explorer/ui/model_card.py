"""A model on the Models page: its preview, its name, its figures and what is special about it."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget
from superqt import QElidingLabel

from explorer import runs
from explorer.messages import ModelCard
from explorer.ui import theme
from explorer.ui.facts import figures, made, standing, tags
from explorer.ui.panel import label

_BETWEEN_TAGS = 4  # pixels


class Preview(QWidget):
    """The preview picture of a run, sharp, cut to a rounded rectangle that fills the width."""

    def __init__(self, folder: str, ratio: float) -> None:
        super().__init__()
        self._path = Path(folder) / runs.PREVIEW
        self._picture = self._read()
        self._written = self._stamp()
        self._ratio = ratio
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(round(190 * ratio))

    def _read(self) -> QPixmap:
        return QPixmap(str(self._path)) if self._path.is_file() else QPixmap()

    def _stamp(self) -> int:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0

    def look_again(self) -> None:
        """Show the picture that is there now; a run that trains draws new ones."""
        if self._stamp() != self._written:
            self._picture, self._written = self._read(), self._stamp()
            self.update()

    def resizeEvent(self, event: object) -> None:
        """Keep the shape."""
        self.setFixedHeight(max(40, round(self.width() * self._ratio)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the upper part of the picture over the whole width."""
        painter = QPainter(self)
        where = QRectF(self.rect())
        outline = QPainterPath()
        outline.addRoundedRect(where, 4, 4)
        painter.setClipPath(outline)
        if self._picture.isNull():
            colors = theme.colors()
            painter.fillRect(self.rect(), QColor(colors.field))
            painter.setPen(QColor(colors.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "no picture yet")
        else:
            width = self._picture.width()
            source = QRectF(0, 0, width, min(self._picture.height(), width * where.height() / where.width()))
            painter.fillRect(self.rect(), Qt.GlobalColor.black)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._picture.width() > 2 * self.width())
            painter.drawPixmap(where, self._picture, source)
        painter.end()


class _Tags(QWidget):
    """Marks in a row, as many as there is room for: the last ones go first, and none is cut."""

    def __init__(self, marks: Sequence[str]) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(_BETWEEN_TAGS)
        self._labels = [label(mark, "tag") for mark in marks]
        for mark in self._labels:
            row.addWidget(mark)
        row.addStretch(1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show what fits."""
        right = 0
        for index, mark in enumerate(self._labels):
            right += mark.sizeHint().width() + (_BETWEEN_TAGS if index else 0)
            mark.setVisible(right <= self.width())


class Card(QFrame):
    """A model on the page; Return or a double click opens it, the right button asks for a menu."""

    chosen = Signal(object)
    opened = Signal(object)
    menu_wanted = Signal(object, QPoint)

    def __init__(self, card: ModelCard, name: str = "") -> None:
        """Make it; ``name`` is what it is called where the title alone would not tell it from others."""
        super().__init__()
        self.card, self.name = card, name or card.title
        self.setObjectName("card")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(self.name)
        said = [card.title, " · ".join(tags(card)), f"made {made(card)}" if card.created else "", card.path]
        self.setToolTip("\n".join([*filter(None, said), "click to choose, double click or Return to open"]))
        self.setMinimumWidth(200)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.setSpacing(5)
        self.preview = Preview(card.path, 0.78)
        layout.addWidget(self.preview)
        title = QElidingLabel()
        title.setTextFormat(Qt.TextFormat.PlainText)
        title.setProperty("role", "strong")
        title.setText(card.title)
        self._status = label(tip=standing(card))
        head = QHBoxLayout()
        head.addWidget(title, 1)
        head.addWidget(self._status)
        layout.addLayout(head)
        line = label(figures(card) if card.config else "cannot be read; its details say why", "muted", tabular=True)
        line.setWordWrap(bool(card.problem) or not card.metrics)
        layout.addWidget(line)
        apart = self.name.removeprefix(card.title).removeprefix(" · ")  # first, or it would be what is cut off
        layout.addWidget(_Tags([*filter(None, [apart]), *(mark for mark in tags(card) if mark != card.status)]))
        self._color()

    def _color(self) -> None:
        if self.card.status in {"", "finished"}:
            return
        colors = theme.colors()
        color = {"training": colors.good, "failed": colors.bad}.get(self.card.status, colors.second)
        self._status.setText(f"<span style='color:{color}'>● {self.card.status}</span>")

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._color()
        super().changeEvent(event)

    def select(self, on: bool) -> None:
        """Mark the card."""
        self.setProperty("selected", on)
        self.style().polish(self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose it."""
        self.chosen.emit(self.card)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open it."""
        self.opened.emit(self.card)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with it."""
        self.menu_wanted.emit(self.card, event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space chooses, Return opens."""
        if event.key() == Qt.Key.Key_Space:
            self.chosen.emit(self.card)
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.opened.emit(self.card)
        else:
            super().keyPressEvent(event)

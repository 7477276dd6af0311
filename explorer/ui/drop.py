"""Pictures that are dropped on a widget or pasted into it."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPen,
    QShortcut,
)
from PySide6.QtWidgets import QWidget

from explorer.ui import theme

PASTED = "pasted picture.png"


class _Invitation(QWidget):
    """Laid over a widget while something is dragged over it."""

    def __init__(self, over: QWidget, text: str) -> None:
        super().__init__(over)
        self._text = text
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Dim what lies below and say what a drop does."""
        colors = theme.colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = QColor(colors.panel)
        ground.setAlpha(215)
        painter.setBrush(ground)
        painter.setPen(QPen(QColor(colors.accent), 2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(2, 2, -2, -2), theme.RADIUS, theme.RADIUS)
        painter.setPen(QColor(colors.text))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._text)
        painter.end()


class PictureDrop(QObject):
    """Watches a widget for pictures; it lives as long as the widget."""

    def __init__(self, widget: QWidget, on_path: Callable[[Path], object], text: str) -> None:
        super().__init__(widget)
        self._widget = widget
        self._on_path = on_path
        self._invitation = _Invitation(widget, text)
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)
        self.paste_keys = QShortcut(QKeySequence(QKeySequence.StandardKey.Paste), widget)
        self.paste_keys.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.paste_keys.activated.connect(self.paste)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take what is dragged over the widget, if it is a picture."""
        if isinstance(event, QDragEnterEvent):
            if _has_picture(event.mimeData()):
                event.acceptProposedAction()
                self._invitation.setGeometry(self._widget.rect())
                self._invitation.raise_()
                self._invitation.show()
            return True
        if event.type() == QEvent.Type.DragLeave:
            self._invitation.hide()
            return True
        if isinstance(event, QDropEvent) and event.type() == QEvent.Type.Drop:
            self._invitation.hide()
            event.acceptProposedAction()
            self._take(event.mimeData())
            return True
        return super().eventFilter(watched, event)

    def paste(self) -> None:
        """Take the picture of the clipboard; without one nothing happens."""
        data: QMimeData | None = QGuiApplication.clipboard().mimeData()  # None where it is empty
        if data is not None:
            self._take(data)

    def _take(self, data: QMimeData) -> None:
        paths = _files(data)
        if paths:
            self._on_path(paths[0])
        elif data.hasImage():
            image = data.imageData()
            if isinstance(image, QImage) and not image.isNull():
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder) / PASTED
                    image.save(str(path))
                    self._on_path(path)


def accept_pictures(
    widget: QWidget, on_path: Callable[[Path], object], text: str = "Drop a picture here"
) -> PictureDrop:
    """Let picture files and pictures be dropped on a widget, or pasted with Ctrl+V while it or a child has the focus.

    Args:
        widget: where; of two that lie in each other only one can be pasted into.
        on_path: called with the file before this returns to Qt; what is no file is one for the time of the call.
        text: what is written over the widget while something is dragged over it.
    """
    return PictureDrop(widget, on_path, text)


def _files(data: QMimeData) -> list[Path]:
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def _has_picture(data: QMimeData) -> bool:
    return data.hasImage() or bool(_files(data))

"""The decoded picture and what is beside it, in as much room as the sliders leave."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui.picture_grid import PictureGrid

SMALLEST = 96  # pixels of the picture
_GAP = 10  # pixels between the picture and what is beside it


class DecodedTop(QWidget):
    """The picture, and what is beside it; it gives way down to the smallest picture.

    It lays them out itself: a picture of fixed size would not let the panel become lower again.
    """

    def __init__(self, picture: PictureGrid, beside: QWidget) -> None:
        super().__init__()
        self._picture, self._beside = picture, beside
        self._side = SMALLEST
        for widget in (picture, beside):
            widget.setParent(self)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setMinimumHeight(SMALLEST)

    def sizeHint(self) -> QSize:
        """Return the size that is wanted."""
        return QSize(SMALLEST * 3, self._side)

    def want(self, side: int) -> None:
        """Take the side of the picture that there is room for."""
        self._side = side
        self.setMaximumHeight(side)
        self.updateGeometry()
        self.arrange()

    def arrange(self) -> None:
        """Put the picture at the left, the other in the rest; the picture alone takes all."""
        side = min(self.height(), self._side)
        alone = self._beside.isHidden()
        self._picture.setGeometry(0, 0, self.width() if alone else side, side)
        self._beside.setGeometry(side + _GAP, 0, max(0, self.width() - side - _GAP), side)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange them anew."""
        self.arrange()

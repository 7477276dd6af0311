"""What is said in the middle of a plot as long as there is nothing to show."""

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

_MARGINS = 24


class PlotHint(QLabel):
    """A few words in the middle of a plot, whose axes are hidden meanwhile.

    Args:
        plot: the widget that it lies on.
        item: the plot, with its axes.
        text: what will appear here; "" for plots that say nothing.
    """

    def __init__(self, plot: QWidget, item: pg.PlotItem, text: str) -> None:
        super().__init__(plot)
        self.setProperty("role", "muted")
        self._plot, self._item, self._text = plot, item, text
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWordWrap(True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def set_text(self, text: str) -> None:
        """Let something else be said from the next ``say`` on."""
        self._text = text

    def place(self) -> None:
        """Lie in the middle of a plot of another size."""
        self.setGeometry(self._plot.rect().adjusted(_MARGINS, 0, -_MARGINS, 0))

    def say(self, *, empty: bool, instead: str = "") -> None:
        """Say what will appear, or ``instead`` of it why nothing can be seen, if the plot is ``empty``."""
        self.setText(instead or self._text)
        self.setVisible(empty and bool(self.text()))
        for name in ("left", "bottom"):  # an axis from 0 to 1 would only look like one of something
            self._item.getAxis(name).setOpacity(0.0 if empty and self._text else 1.0)

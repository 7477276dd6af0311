"""The head of a plot: its title, its legend beside or below it, its tools."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel

from explorer.ui import theme
from explorer.ui.panel import Panel
from explorer.ui.plot_legend import Legend
from explorer.ui.plot_tools import PlotTools

_MARGINS = 24
_TO_RETURN = 24  # pixels of room to spare before the legend goes back beside the title


class Title(QLabel):
    """A title that ends in "…" where there is no room for all of it."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint as much as fits; a title with markup is painted as it is."""
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        if text == self.text() or "<" in text:
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setPen(self.palette().windowText().color())
        painter.drawText(self.rect(), self.alignment(), text)
        painter.end()


class PlotHead:
    """Fills the head of a panel; what is added to the panel's head later goes between legend and tools.

    Args:
        panel: whose title is written here.
        tip: what the title's symbols mean.
        tools: the menu at the right, or None.
    """

    def __init__(self, panel: Panel, tip: str, tools: PlotTools | None) -> None:
        self._panel, self._tools = panel, tools
        plain, self.title = panel.title, Title(panel.title.text())
        self.title.setProperty("role", "title")
        self.title.setToolTip(tip)
        self.title.setSizePolicy(plain.sizePolicy())
        panel.head.replaceWidget(plain, self.title)
        panel.title = self.title
        plain.hide()  # it is deleted when the event loop runs again
        plain.deleteLater()
        self.legend = Legend()
        beside = QHBoxLayout()
        beside.setSpacing(theme.GRID)
        beside.addWidget(self.legend)
        panel.head.addLayout(beside)
        if tools is not None:
            panel.head.addWidget(tools)
        panel.head = beside
        self._plain, self.turned = self.title.text(), False  # whether the title is of something else than the values

    def arrange(self) -> None:
        """Put the legend where there is room for it."""
        panel, legend = self._panel, self.legend
        room = panel.width() - _MARGINS
        beside = room - self.title.sizeHint().width() - theme.GRID
        beside -= 0 if self._tools is None else self._tools.width() + theme.GRID
        below = panel.body.indexOf(legend) >= 0
        # Values have more and fewer digits while they change: the legend must not go to and fro.
        wanted = legend.needed > 0 and legend.needed + (_TO_RETURN if below else 0) > beside
        if wanted != below:
            if wanted:
                panel.body.insertWidget(0, legend, 0, Qt.AlignmentFlag.AlignLeft)
            else:
                panel.head.insertWidget(0, legend)
        legend.arrange(room if wanted else beside)

    @property
    def plain(self) -> str:
        """Return what the values are, whatever a log axis shows of them."""
        return self._plain if self.turned else self.title.text()

    def write(self, title: str, instead: str) -> None:
        """Write the title, or ``instead`` of it where the axis shows something else."""
        self._plain, self.turned = title, bool(instead)
        self.title.setText(instead or title)

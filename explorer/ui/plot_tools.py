"""The quiet button in the head of a plot: log axes, smoothing, fit, and what can be saved."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal, SignalInstance, Slot
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget, QWidgetAction

from explorer.ui import theme
from explorer.ui.curve import SMOOTHEST, Scale
from explorer.ui.export import ExportMenu
from explorer.ui.filled_slider import FilledSlider
from explorer.ui.panel import label

_LOG_X_TIP = (
    "Count the horizontal axis in powers of ten: the start takes as much room as the end. What is at 0 is left out"
)
_LOG_Y_TIP = "Count the vertical axis in powers of ten: equal ratios take equal room"
_SMOOTHING_TIP = (
    "Exponential moving average with weight w, corrected for its start: m_i = w·m_{i−1} + (1 − w)·y_i, divided by "
    "1 − wⁱ. The values themselves stay faint behind it"
)


class PlotTools(QToolButton):
    """A button "⋯" with a menu of what can be saved, before it what can be chosen once there are looks to choose."""

    log_x_chosen = Signal(bool)
    log_y_chosen = Signal(bool)
    smoothing_chosen = Signal(float)
    fit_chosen = Signal()

    def __init__(self, owner: QWidget) -> None:
        """Make it for a plot, whose page tells what was saved."""
        super().__init__(owner)
        self.setProperty("role", "icon")
        self.setStyleSheet("QToolButton:!hover:!focus { border-color: transparent }")
        self.setToolTip("Save this plot")
        self.setAccessibleName("plot tools")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setFixedSize(26, 24)
        self.exports = ExportMenu(self)
        self.exports.setToolTipsVisible(True)
        self.setMenu(self.exports)
        self.log_x = self._choice("Log x axis", _LOG_X_TIP, self.log_x_chosen)
        self.log_y = self._choice("Log y axis", _LOG_Y_TIP, self.log_y_chosen)
        self.smoothing = FilledSlider()
        self._looks = [
            self.log_x,
            self.log_y,
            self.exports.addSeparator(),
            self._smoothing_row(),
            self.exports.addSeparator(),
            self._fit(),
            self.exports.addSeparator(),
        ]
        for action in self._looks:
            action.setVisible(False)
        theme.current().changed.connect(self._paint_icon)
        self._paint_icon()

    def show_looks(self) -> None:
        """Offer log axes, smoothing and fit: there is a curve."""
        self.setToolTip("Log axes, smoothing, export")
        for action in self._looks:
            action.setVisible(True)

    def _fit(self) -> QAction:
        fit = self.exports.addAction("Fit")
        fit.setToolTip("Show all values again (double click)")
        fit.triggered.connect(self.fit_chosen)
        return fit

    def _choice(self, text: str, tip: str, chosen: SignalInstance) -> QAction:
        action = self.exports.addAction(text)
        action.setCheckable(True)
        action.setToolTip(tip)
        action.toggled.connect(chosen)
        action.toggled.connect(self._paint_icon)
        return action

    def _smoothing_row(self) -> QWidgetAction:
        row = QWidget()
        row.setToolTip(_SMOOTHING_TIP)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(26, 4, 12, 4)  # below the names of the entries
        layout.addWidget(label("Smoothing"))
        self.smoothing.setRange(0.0, SMOOTHEST)
        self.smoothing.setSingleStep(0.01)
        self.smoothing.setPageStep(0.1)
        self.smoothing.setAccessibleName("smoothing")
        self.smoothing.setToolTip(_SMOOTHING_TIP)
        self.smoothing.setFixedWidth(120)
        self.smoothing.valueChanged.connect(self._smoothing_moved)
        self.smoothing.installEventFilter(self)
        layout.addWidget(self.smoothing)
        self._weight = label("0.00", "muted", tabular=True)
        layout.addWidget(self._weight)
        row.setFocusProxy(self.smoothing)
        row.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # or the menu's keys would pass it over
        action = QWidgetAction(self.exports)
        action.setDefaultWidget(row)
        self.exports.addAction(action)
        return action

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let Up and Down go on to the next entry of the menu, though the slider has the keys."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            way = {Qt.Key.Key_Up: False, Qt.Key.Key_Down: True}.get(Qt.Key(event.key()))
            if way is not None:
                self.exports.setFocus()
                return bool(self.exports.focusNextPrevChild(way))
        return bool(super().eventFilter(watched, event))

    @Slot(float)
    def _smoothing_moved(self, weight: float) -> None:
        self._weight.setText(f"{weight:.2f}")
        self._paint_icon()
        self.smoothing_chosen.emit(round(float(weight), 4))

    def offer_log_y(self, problem: str) -> None:
        """Say whether a log y axis can be chosen, and if not why; what is on can always be turned off."""
        self.log_y.setEnabled(not problem or self.log_y.isChecked())
        self.log_y.setToolTip(problem or _LOG_Y_TIP)

    def show_scale(self, scale: Scale) -> None:
        """Show what is chosen, whoever chose it."""
        self.log_x.setChecked(scale.log_x)
        self.log_y.setChecked(scale.log_y)
        if round(float(self.smoothing.value()), 4) != round(scale.smoothing, 4):
            self.smoothing.setValue(scale.smoothing)

    @Slot()
    def _paint_icon(self) -> None:
        """Show in the accent colour that the plot does not show plain values on plain axes."""
        changed = self.log_x.isChecked() or self.log_y.isChecked() or self.smoothing.value() > 0
        self.setIcon(theme.icon("more", theme.colors().accent if changed else None))

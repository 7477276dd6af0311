"""The off-data gauge: how far a z is from where the encoder puts data, as a bar and in one sentence."""

from functools import partial

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from explorer.messages import Floats
from explorer.off_data import AT_A_CODE, Level, OffData, Verdict
from explorer.ui import theme
from explorer.ui.panel import label
from explorer.workers.aside import Aside

_JUDGE_MS = 33  # thirty times a second is enough to read along
_TIP = (
    "Off-data gauge: the distance from z to the nearest code of the data, beside the distances of the data's own draws "
    "z ~ q(z|x) (their codes, where the encoder draws none) from the nearest code of another item. Far from all of "
    "them the decoder was never trained, and its picture means nothing. Dimensions that the encoder does not use count "
    "little."
)


def _color(level: Level) -> QColor:
    colors = theme.colors()
    return QColor({"on": colors.good, "edge": colors.second, "off": colors.bad}[level])


class _Bar(QWidget):
    """A line from near to far with a knob where z is; half of the data's own draws lie left of the tick."""

    def __init__(self) -> None:
        super().__init__()
        self.verdict: Verdict | None = None
        self.setFixedHeight(12)
        self.setToolTip(_TIP)

    def sizeHint(self) -> QSize:
        return QSize(160, 12)

    @staticmethod
    def place(ratio: float) -> float:
        """Return where a ratio is on the line, 0 to 1; the usual distance at a half, the farther the closer to 1."""
        return min(1.0, ratio / (ratio + 1)) if np.isfinite(ratio) else 1.0

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors, middle, width = theme.colors(), self.height() / 2, self.width() - 12.0
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colors.faint))
        painter.drawRoundedRect(QRectF(6, middle - 2, width, 4), 2, 2)
        if self.verdict is not None:
            here, color = 6 + width * self.place(self.verdict.ratio), _color(self.verdict.level)
            painter.setBrush(color)
            painter.drawRoundedRect(QRectF(6, middle - 2, here - 6, 4), 2, 2)
            painter.setPen(QPen(QColor(colors.muted), 1))
            painter.drawLine(QPointF(6 + width / 2, middle - 5), QPointF(6 + width / 2, middle + 5))
            painter.setPen(QPen(QColor(colors.panel), 1.5))
            painter.setBrush(color)
            painter.drawEllipse(QPointF(here, middle), 5, 5)
        painter.end()


class DataGauge(QWidget):
    """Says how far z is from the data; ``set_z`` may come at every move.

    The distances of the data are found in a thread of its own; ``shutdown`` ends it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.verdict: Verdict | None = None
        self._judge: OffData | None = None
        self._z: Floats | None = None
        self._job = -1
        self._low = False
        self._aside = Aside("off-data gauge", self)
        self._aside.done.connect(self._found)
        self._soon = QTimer(self, singleShot=True, interval=_JUDGE_MS)
        self._soon.timeout.connect(self._tell)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self._bar = _Bar()
        self.words = label("", "note", tip=_TIP)
        self.words.setWordWrap(True)
        self.words.setAccessibleName("distance from the data")
        layout.addWidget(self._bar)
        layout.addWidget(self.words)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._keep_lines()
        theme.current().changed.connect(self._write)

    def _keep_lines(self) -> None:
        """Keep the room of two lines, so that nothing below jumps while one walks."""
        self.words.ensurePolished()
        self.words.setFixedHeight((1 if self._low else 2) * self.words.fontMetrics().lineSpacing() + 2)

    def set_low(self, low: bool) -> None:
        """Say it in one line, which ends in … where it is too long; the tooltip says it in full."""
        if low != self._low:
            self._low = low
            self.words.setWordWrap(not low)
            self._keep_lines()
            self._write()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say as much as there is room for."""
        super().resizeEvent(event)
        if self._low:
            self._write()

    def set_data(self, means: Floats | None, sigma: Floats | None = None) -> None:
        """Take μ and σ of q(z|x) of the data (items, latent), or no μ where there is no model.

        Args:
            means: μ.
            sigma: σ; (0, latent) where there is none: the encoder is deterministic, or σ cannot be found. None until
                it is known: without it every distance would be judged wrongly, so nothing is said before.
        """
        self._job = -1
        if means is None or not len(means):
            self._judge = self.verdict = None
            self._write()
            return
        if self._judge is not None and len(self._judge.weights) != means.shape[1]:
            self._judge = self.verdict = None
        if sigma is None:
            self._judge = self.verdict = None
            self._job = 0
        else:
            self._job = self._aside.submit(partial(OffData, means, sigma))
        self._write()

    @Slot(int, object)
    def _found(self, job: int, judge: OffData) -> None:
        if job == self._job:
            self._judge = judge
            self._tell()

    def set_z(self, z: Floats) -> None:
        """Judge z (latent,), at most thirty times a second; the newest wins."""
        self._z = z
        if not self._soon.isActive():
            self._soon.start()

    @Slot()
    def _tell(self) -> None:
        if self._judge is not None and self._z is not None and len(self._z) == len(self._judge.weights):
            self.verdict = self._judge.judge(self._z)
            self._write()

    @Slot()
    def _write(self) -> None:
        verdict = self._bar.verdict = self.verdict
        self._bar.update()
        if verdict is None:
            told = "no data to compare z with" if self._job < 0 else "measuring how far the data are apart …"
            self.words.setText(told)
            self.words.setAccessibleDescription(told)
            for widget in (self._bar, self.words):
                widget.setToolTip(_TIP)
            return
        told = verdict.words[:1].upper() + verdict.words[1:]
        if verdict.level == "on" and verdict.ratio >= AT_A_CODE:
            told += f" ({verdict.ratio:.2f} times the usual distance)"
        self.words.setAccessibleDescription(told)
        full = told
        if self._low:
            metrics = self.words.fontMetrics()
            told = metrics.elidedText(
                told, Qt.TextElideMode.ElideRight, self.width() - metrics.horizontalAdvance("●  ")
            )
        self.words.setText(f"<span style='color:{_color(verdict.level).name()}'>●</span> {told}")
        now = f"Here: {verdict.ratio:.2f} times the usual distance; {100 * verdict.share:.1f} % lie farther out."
        for widget in (self._bar, self.words):
            widget.setToolTip(f"{full}.\n{_TIP}\n{now}")

    def shutdown(self) -> bool:
        """End the thread; return whether it ended in time."""
        self._soon.stop()
        return self._aside.stop()

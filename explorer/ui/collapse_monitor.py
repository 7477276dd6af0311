"""What the collapse watch found: one line, and all of it below when the line is clicked."""

import html
import math

from PySide6.QtCore import QSize, QSizeF, Qt, Slot
from PySide6.QtGui import QColor, QFontMetrics, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QTextBrowser, QVBoxLayout, QWidget

from explorer.collapse import CollapseWatch, Finding, Severity, levels_of
from explorer.config import RunConfig
from explorer.training_messages import Measurement
from explorer.ui import theme
from explorer.ui.panel import Panel, button
from explorer.walks import dimension_names

_TIP = (
    "Posterior collapse: KL(q(z_k|x) ‖ p(z_k)) near 0, so that z_k tells nothing of x. Click to see all that was found "
    "and what to try"
)
_MARKS: dict[Severity, str] = {
    "wait": "…",
    "good": "well",
    "warn": "look",
    "bad": "collapsed",
}  # for who sees no colour
_DOT, _GAP = 9, 8
_TALLEST = 180  # pixels; a longer list scrolls
_LIST = "margin-top:3px; margin-bottom:0; margin-left:24px; -qt-list-indent:0"


def color_of(severity: Severity) -> str:
    """Return the colour of a finding."""
    colors = theme.colors()
    return {"wait": colors.muted, "good": colors.good, "warn": colors.second, "bad": colors.bad}[severity]


class FindingLine(QPushButton):
    """The gravest finding in one line: a dot in its colour, and as much of the sentence as there is room for."""

    def __init__(self) -> None:
        super().__init__()
        self.setCheckable(True)
        self.setProperty("role", "link")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._finding = Finding("wait", "")
        self._others = 0
        theme.current().changed.connect(self.update)

    def say(self, findings: tuple[Finding, ...]) -> None:
        """Show the first finding and how many more there are."""
        self._finding, self._others = findings[0], len(findings) - 1
        self.setToolTip(f"{self._finding.text}\n\n{_TIP}")
        self.setAccessibleName(f"{_MARKS[self._finding.severity]}: {self._finding.text}")
        self.update()

    def sizeHint(self) -> QSize:
        """Return the height of a line; the width is what the layout gives."""
        return QSize(160, 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint dot, sentence, and a triangle that says whether the rest is open."""
        colors, finding = theme.colors(), self._finding
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() // 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(color_of(finding.severity)))
        painter.drawEllipse(0, middle - _DOT // 2, _DOT, _DOT)
        more = f"{self._others} more " if self._others else ""
        end = f"{more}{'▾' if self.isChecked() else '▸'}"
        bold = finding.severity in {"warn", "bad"}
        font = theme.font(bold=bold)
        painter.setFont(theme.font(12))
        painter.setPen(QColor(colors.accent if self.hasFocus() or self.underMouse() else colors.muted))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, end)
        room = self.rect().adjusted(_DOT + _GAP, 0, -painter.fontMetrics().horizontalAdvance(end) - 12, 0)
        painter.setFont(font)
        painter.setPen(QColor(colors.text if bold else colors.muted))
        text = QFontMetrics(font).elidedText(finding.text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()


class FindingsList(Panel):
    """All findings with what to try; the text can be selected and copied."""

    def __init__(self) -> None:
        super().__init__("Collapse", _TIP)
        self._findings: tuple[Finding, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.copy = button("Copy", "Copy the findings as text")
        self.copy.clicked.connect(self._copy)
        self.head.addWidget(self.copy)
        self.shown = QTextBrowser()
        self.shown.setFrameShape(QTextBrowser.Shape.NoFrame)
        self.shown.setAccessibleName("collapse findings")
        self.shown.viewport().setAutoFillBackground(False)
        self.shown.document().setDocumentMargin(0)
        self.shown.document().documentLayout().documentSizeChanged.connect(self._fit)
        self.body.addWidget(self.shown)
        theme.current().changed.connect(self._write)

    def say(self, findings: tuple[Finding, ...]) -> None:
        """Show findings; the same ones leave a selection as it is."""
        if findings != self._findings:
            self._findings = findings
            self._write()

    @Slot(QSizeF)
    def _fit(self, size: QSizeF) -> None:
        """Take no more room than the text needs: the curves above want it."""
        self.shown.setFixedHeight(min(_TALLEST, math.ceil(size.height()) + 2))

    @Slot()
    def _write(self) -> None:
        muted = theme.colors().muted
        parts = []
        for finding in self._findings:
            dot = f"<span style='color:{color_of(finding.severity)}'>●</span>"
            advice = "".join(f"<li style='margin-bottom:3px'>{html.escape(one)}</li>" for one in finding.advice)
            listed = f"<ul style='{_LIST}; color:{muted}'>{advice}</ul>" if advice else ""
            parts.append(f"<p style='margin-top:0; margin-bottom:0'>{dot} {html.escape(finding.text)}</p>{listed}")
        self.shown.setHtml("<p style='margin:0; font-size:5px'>&nbsp;</p>".join(parts))

    def text(self) -> str:
        """Return the findings as text."""
        lines = []
        for finding in self._findings:
            lines.append(f"[{_MARKS[finding.severity]}] {finding.text}")
            lines += [f"  - {one}" for one in finding.advice]
        return "\n".join(lines)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text())


class CollapseMonitor(QWidget):
    """Watches a training for collapse: a line, and a list that opens below it. Hidden where nothing can collapse."""

    def __init__(self) -> None:
        super().__init__()
        self._watch: CollapseWatch | None = None
        self._config: RunConfig | None = None
        self._stale = False
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.GRID)
        self.line = FindingLine()
        self.list = FindingsList()
        self.list.hide()
        self.line.toggled.connect(self.list.setVisible)
        row = QHBoxLayout()
        row.setContentsMargins(4, 0, 4, 0)
        row.addWidget(self.line)
        layout.addLayout(row)
        layout.addWidget(self.list)
        self.hide()

    def lay_out(self, config: RunConfig) -> None:
        """Watch a run of these settings from its beginning."""
        self._config = config
        self.clear()

    def clear(self) -> None:
        """Forget what was seen."""
        if self._config is None:
            return
        self._watch = CollapseWatch(self._config, dimension_names(levels_of(self._config.model)))
        self._stale = True
        self.redraw()

    def add(self, measurement: Measurement, beta: float) -> None:
        """Take note of a measurement of either split; ``beta`` is β in force at it."""
        if self._watch is not None:
            perplexity = measurement.values.get("perplexity")
            self._watch.add(measurement.epoch, measurement.kl_per_dimension, beta, perplexity)
            self._stale = True

    def findings(self) -> tuple[Finding, ...]:
        """Return what is found so far, the gravest first."""
        return () if self._watch is None else self._watch.findings()

    def redraw(self) -> None:
        """Show what is new since the last time."""
        if not self._stale:
            return
        self._stale = False
        findings = self.findings()
        self.setVisible(bool(findings))
        if findings:
            self.line.say(findings)
            self.list.say(findings)

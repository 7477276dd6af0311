"""The collapse monitor: a line that says the gravest, and a list that opens with what to try."""

from collections.abc import Iterable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from explorer.settings import load_settings
from explorer.training_messages import Measurement
from explorer.ui import theme
from explorer.ui.app import make_application
from explorer.ui.collapse_monitor import CollapseMonitor


@pytest.fixture
def monitor(qtbot: QtBot) -> CollapseMonitor:
    make_application("dark")
    holder = QWidget()
    made = CollapseMonitor()
    layout = QVBoxLayout(holder)
    layout.addWidget(made)
    layout.addStretch(1)
    qtbot.addWidget(holder)
    holder.resize(740, 400)
    holder.show()
    made._holder = holder  # type: ignore[attr-defined]  # kept as long as what is in it
    return made


def feed(monitor: CollapseMonitor, first: int, last: int, live: Iterable[int], beta: float) -> None:
    for epoch in range(first, last):
        kl = tuple(0.5 if k in live else 0.001 for k in range(10))
        monitor.add(Measurement(epoch, float(epoch), 1.0, "train", {}, kl), beta)
    monitor.redraw()


def test_it_says_what_has_collapsed_and_what_to_try(monitor: CollapseMonitor, qtbot: QtBot) -> None:
    monitor.lay_out(load_settings("digits-beta-vae"))
    assert monitor.isVisible() and monitor.line.accessibleName().startswith("…")
    feed(monitor, 1, 15, range(10), 4.0)
    assert monitor.line.accessibleName().startswith("well: All 10")
    feed(monitor, 15, 20, range(6), 20.0)
    assert "look: z₆, z₇, z₈ and z₉ collapsed at epoch 15 after β" in monitor.line.accessibleName()
    assert not monitor.list.isVisible()
    qtbot.mouseClick(monitor.line, Qt.MouseButton.LeftButton)
    assert monitor.list.isVisible()
    shown = monitor.list.shown.toPlainText()
    assert "Lower β" in shown and "6 of 10 dimensions are in use" in shown
    monitor.list.copy.click()
    copied = QGuiApplication.clipboard().text()
    assert copied.startswith("[look] z₆") and "  - Lower β" in copied and "[well] 6 of 10" in copied


def test_the_same_findings_leave_a_selection_alone(monitor: CollapseMonitor) -> None:
    monitor.lay_out(load_settings("digits-beta-vae"))
    feed(monitor, 1, 20, range(6), 4.0)
    monitor.list.shown.selectAll()
    feed(monitor, 20, 21, range(6), 4.0)
    assert monitor.list.shown.textCursor().hasSelection()
    feed(monitor, 21, 26, [], 4.0)
    assert not monitor.list.shown.textCursor().hasSelection()


def test_it_is_hidden_where_nothing_can_collapse(monitor: CollapseMonitor) -> None:
    monitor.lay_out(load_settings("points-ddpm"))
    assert not monitor.isVisible() and monitor.findings() == ()
    monitor.lay_out(load_settings("digits-vq"))
    assert monitor.isVisible()


def test_a_new_run_starts_anew(monitor: CollapseMonitor) -> None:
    monitor.lay_out(load_settings("digits-beta-vae"))
    feed(monitor, 1, 20, [], 4.0)
    assert monitor.findings()[0].severity == "bad"
    monitor.clear()
    assert monitor.findings()[0].severity == "wait"


def test_it_is_painted_in_both_themes(monitor: CollapseMonitor) -> None:
    monitor.lay_out(load_settings("digits-beta-vae"))
    feed(monitor, 1, 20, [], 4.0)
    monitor.line.setChecked(True)
    before = monitor.grab().toImage()
    theme.current().apply("light")
    assert monitor.grab().toImage() != before

"""The knobs of a training: what is typed is one turn, and what cannot be is said where it is."""

import math
from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from explorer.config import MOST_BETA, RATES, parse_turns
from explorer.training_messages import Knobs
from explorer.ui.app import make_application
from explorer.ui.knob_field import KnobField
from explorer.ui.live_controls import LiveControls


@pytest.fixture
def live(qtbot: QtBot) -> Iterator[LiveControls]:
    make_application("dark")
    page = QWidget()
    qtbot.addWidget(page)
    page.resize(280, 300)
    made = LiveControls(page)
    QVBoxLayout(page).addWidget(made)
    page.show()
    qtbot.waitExposed(page)
    page.activateWindow()
    made.show_state(running=True, waiting=False)
    made.set_knobs(Knobs(), 4.0)
    yield made


def type_over(qtbot: QtBot, field: KnobField, text: str, key: Qt.Key = Qt.Key.Key_Return) -> None:
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, key)


def test_a_typed_number_is_one_turn_and_moves_its_slider(live: LiveControls, qtbot: QtBot) -> None:
    turned: list[Knobs] = []
    live.turned.connect(turned.append)
    type_over(qtbot, live._beta_value, "2,345")
    assert turned == [Knobs(2.345, 1.0)]
    assert live._largest * live.beta.value() ** 2 == pytest.approx(2.345, rel=1e-3)
    type_over(qtbot, live._rate_value, "0.037")
    assert turned[1:] == [Knobs(2.345, 0.037)]
    assert live.rate.value() == pytest.approx(math.log10(0.037), abs=1e-3)
    type_over(qtbot, live._beta_value, "900")
    assert turned[2:] == [Knobs(900.0, 0.037)] and live.beta.value() < 1.0001 and live._largest == MOST_BETA
    type_over(qtbot, live._beta_value, "900")
    assert len(turned) == 3, "the same again is no turn"


@pytest.mark.parametrize("text", ["-1", "x", "1e4", "nan", "", "inf"])
def test_what_cannot_be_is_said_in_place_and_turns_nothing(live: LiveControls, qtbot: QtBot, text: str) -> None:
    turned: list[Knobs] = []
    live.turned.connect(turned.append)
    type_over(qtbot, live._beta_value, text or " ")
    assert not turned and live.knobs == Knobs()
    assert live._complaint.isVisible() and "β must be from 0 to 1000" in live._complaint.text()
    qtbot.keyClick(live._beta_value, Qt.Key.Key_Escape)
    assert live._beta_value.text() == "4" and not live._complaint.isVisible()


def test_a_replay_does_not_write_over_what_is_typed(live: LiveControls, qtbot: QtBot) -> None:
    field = live._beta_value
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "12")
    live.follow(Knobs(20.0, 1.0))
    assert field.text() == "12" and live.knobs == Knobs(20.0, 1.0)
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == "20"


def test_sliders_fields_and_the_setting_have_one_range(live: LiveControls) -> None:
    low, high = (10 ** float(end) for end in live.rate.ends())
    assert (low, high) == pytest.approx(RATES)
    for rate in RATES:
        assert parse_turns(f"3 rate={rate}", typed=True)[0].rate == rate
    for beyond in (RATES[0] * 0.99, RATES[1] * 1.01):
        with pytest.raises(ValueError, match="is not from"):
            parse_turns(f"3 rate={beyond}", typed=True)
    assert parse_turns(f"3 beta={MOST_BETA}")[0].beta == MOST_BETA

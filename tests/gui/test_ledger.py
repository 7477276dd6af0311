"""The ledger as a table: every number where it belongs, sums that are checked, text that can be taken along."""

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from explorer.config import RunConfig
from explorer.data.catalog import CATALOG
from explorer.settings import load_settings, with_settings
from explorer.training_messages import Measurement
from explorer.ui import theme
from explorer.ui.app import make_application
from explorer.ui.ledger import LedgerView

VAE = {"elbo": -30.5, "reconstruction": -20.25, "kl": 10.25, "objective": 61.25}  # β = 4


@pytest.fixture
def view(qtbot: QtBot) -> LedgerView:
    make_application("dark")
    made = LedgerView()
    qtbot.addWidget(made)
    made.resize(740, 800)
    made.show()
    return made


def lay_out(view: LedgerView, preset: str, *changes: str) -> RunConfig:
    config = with_settings(load_settings(preset), changes)
    view.lay_out(config, CATALOG[config.data.name].shape)
    return config


def measured(values: dict[str, float], split: str = "train") -> Measurement:
    return Measurement(540, 12.0, 10.0, split, values)  # type: ignore[arg-type]


def cell(view: LedgerView, key: str, split: str) -> str:
    return view._cells[key, split].text()


def test_it_reads_like_an_account(view: LedgerView) -> None:
    lay_out(view, "digits-beta-vae")
    assert {label.text() for label in view._cells.values()} == {"–"}
    view.show_numbers(measured(VAE), measured({**VAE, "elbo": -31.5}, "test"), 4.0)
    numbers = [cell(view, row.key, "train") for row in view.rows]
    assert numbers == ["−20.25", "−10.25", "−30.50", "20.25", "41.00", "61.25"]
    assert cell(view, "elbo", "test") == "−31.50"
    assert "β = 4" in view._names["weighted"].text() and view.remark.isHidden()
    assert "does not add up" in view.check.text()  # −20.25 − 10.25 is not −31.5
    view.show_numbers(measured(VAE), None, 4.0)
    assert view.check.text().endswith("adds up") and cell(view, "elbo", "test") == "–"


def test_beta_that_moved_is_said(view: LedgerView) -> None:
    lay_out(view, "digits-beta-vae")
    view.show_numbers(measured(VAE), None, 20.0)
    assert view.remark.isVisible() and "on average it was 4" in view.remark.text()
    assert cell(view, "weighted", "train") == "41.00" and view.check.text().endswith("adds up")
    view.show_numbers(measured({**VAE, "objective": 225.25}), measured(VAE, "test"), 20.0)
    assert view.remark.text() == "When the test items were looked at β was 4, and now it is 20."
    view.clear()
    assert cell(view, "elbo", "train") == "–" and not view.check.text() and not view.copy.isEnabled()


@pytest.mark.parametrize(
    "preset",
    [
        "digits-vae",
        "digits-autoencoder",
        "digits-conditional",
        "digits-ladder",
        "digits-vq",
        "points-ddpm",
        "digits-ddpm",
    ],
)
def test_every_family_has_its_rows_and_explains_them(view: LedgerView, preset: str) -> None:
    lay_out(view, preset)
    assert len(view.rows) >= 2
    for row in view.rows:
        assert row.meaning and view._names[row.key].text()
        assert row.formula or row.parts
    assert view.convention.text()


def test_it_can_be_copied(view: LedgerView) -> None:
    lay_out(view, "digits-beta-vae")
    view.show_numbers(measured(VAE), None, 4.0)
    view.copy.click()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t") == ["term", "train", "test", "unit", "meaning"]
    elbo = next(line.split("\t") for line in lines if line.startswith("= ELBO"))
    assert elbo[1:4] == ["−30.50", "–", "nats per image"]
    assert "averaged over images" in lines[-1]


def test_numbers_that_are_the_same_leave_a_selection_alone(view: LedgerView) -> None:
    lay_out(view, "digits-beta-vae")
    view.show_numbers(measured(VAE), None, 4.0)
    chosen = view._cells["elbo", "train"]
    chosen.setSelection(0, 3)
    view.show_numbers(measured({**VAE, "kl": 10.2500001}), None, 4.0)
    assert chosen.selectedText() == "−30"


def test_a_narrow_table_has_its_units_in_words(view: LedgerView, qtbot: QtBot) -> None:
    lay_out(view, "digits-vae", "model.binarization=static")
    assert all(unit.isVisible() for unit in view._units)
    view.resize(420, 560)
    qtbot.waitUntil(lambda: not view._units[0].isVisible())
    assert view._meanings[0].text().startswith("nats per image · ")
    theme.current().apply("light")
    view.grab()


def test_another_family_gets_other_rows(view: LedgerView) -> None:
    lay_out(view, "digits-vq")
    assert "perplexity" in view._names
    lay_out(view, "points-ddpm")
    assert "perplexity" not in view._names and "bound" in view._names
    view.show_numbers(measured({"loss": 0.5}), measured({"loss": 0.25, "bound": 3.0, "bound_error": 0.1}, "test"), 1.0)
    assert cell(view, "objective", "train") == "0.5000" and cell(view, "bound", "test") == "3.00"

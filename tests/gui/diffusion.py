"""What the tests of the Diffusion page share: opening a model on it, choosing in its boxes."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QComboBox

from explorer.ui.diffusion_page import DiffusionPage
from explorer.ui.main_window import MainWindow

Until = Callable[[Callable[[], bool]], None]
Trained = Callable[[str], Path]


def opened(window: MainWindow, until: Until, name: str | Path) -> DiffusionPage:
    """Open a model and wait for its first chain, its pictures and who can race against it."""
    window.open_model(str(name), "ddpm")
    made = window.page("diffusion")
    assert isinstance(made, DiffusionPage)
    until(lambda: made.reverse.film.complete and not made.running and bool(made.race.rivals))
    made.reverse.player.pause()
    return made


def choose(box: QComboBox, data: object) -> None:
    """Choose an entry of a combo box as a user does."""
    box.setCurrentIndex(box.findData(data))
    box.activated.emit(box.currentIndex())

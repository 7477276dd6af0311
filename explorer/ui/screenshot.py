"""Render a page of the real window to a picture, without a screen."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from explorer import runs
from explorer.errors import ConfigError, ExplorerError, RunError
from explorer.images import write_picture

_PATIENCE = 120.0


def render(page: str, model: str | None, theme: str, size: tuple[int, int], out: Path) -> None:
    """Write a picture of a page that shows a model.

    Args:
        page: models, train, latent or diffusion.
        model: its name or folder; by default the first one that the page can show.
        theme: dark or light.
        size: width and height in pixels.
        out: the PNG to write.

    Raises:
        ConfigError: the model does not belong on that page.
        ExplorerError: the page did not come to rest, or the file cannot be written.
    """
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    folder = _folder_for(page, model)
    from PySide6.QtCore import QBuffer, QIODevice

    from explorer.ui.app import make_application
    from explorer.ui.main_window import MainWindow

    make_application("light" if theme == "light" else "dark")
    window = MainWindow(remember=False)
    try:
        window.resize(*size)
        window.show()
        _wait(lambda: window.report is not None, "torch did not load")
        _SHOW[page](window, folder)
        window.resize(*size)
        _wait(_for_a_moment(0.5), "")
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        window.grab().save(buffer, "PNG")
        write_picture(out, bytes(buffer.data().data()))
    finally:
        window.close()


def _folder_for(page: str, model: str | None) -> Path:
    wanted = {"latent": True, "diffusion": False}.get(page)
    if model is not None:
        folder = runs.find(model)
        card = runs.card(folder)
        if wanted not in {None, card.latent}:
            raise ConfigError(f"{model} is a {card.label}; the {page} page shows other models, see vdx list")
        return folder
    preferred = [folder for folder in runs.folders() if wanted in {None, runs.card(folder).latent}]
    if not preferred:
        raise RunError(f"there is no model for the {page} page; train one first")
    return preferred[0]


def _wait(done: Callable[[], bool], complaint: str) -> None:
    from PySide6.QtCore import QCoreApplication, QEventLoop
    from PySide6.QtWidgets import QApplication

    from explorer.ui.message_bar import MessageBar

    until = time.monotonic() + _PATIENCE
    while not done():
        if time.monotonic() > until:
            raise ExplorerError(f"{complaint} within {_PATIENCE:.0f} s; see the log")
        for bar in (widget for widget in QApplication.allWidgets() if isinstance(widget, MessageBar)):
            if bar.isVisible():
                raise ExplorerError(bar.text.text())
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        time.sleep(0.005)


def _for_a_moment(seconds: float) -> Callable[[], bool]:
    until = time.monotonic() + seconds
    return lambda: time.monotonic() > until


def _models(window: object, folder: Path) -> None:
    from explorer.ui.main_window import MainWindow
    from explorer.ui.models_page import ModelsPage

    assert isinstance(window, MainWindow)
    page = window.show_page("models")
    assert isinstance(page, ModelsPage)
    page.choose(runs.card(folder))


def _train(window: object, folder: Path) -> None:
    from explorer.ui.main_window import MainWindow
    from explorer.ui.train_page import TrainPage

    assert isinstance(window, MainWindow)
    window.show_training(str(folder))
    page = window.page("train")
    assert isinstance(page, TrainPage)
    _wait(lambda: not page.reader.reading, "the run was not read")


def _latent(window: object, folder: Path) -> None:
    from explorer.ui.latent_page import LatentPage
    from explorer.ui.main_window import MainWindow

    assert isinstance(window, MainWindow)
    window.open_model(str(folder), "vae")
    page = window.page("latent")
    assert isinstance(page, LatentPage)
    _wait(lambda: page.items is not None and page.decoded is not None, "the model did not open")
    page.choose_item(0)
    _wait(lambda: page.strip.mode.exportable and page.hand.gauge.verdict is not None, "the strip has no pictures")
    _wait(_for_a_moment(0.5), "")


def _diffusion(window: object, folder: Path) -> None:
    from explorer.ui.diffusion_page import DiffusionPage
    from explorer.ui.main_window import MainWindow

    assert isinstance(window, MainWindow)
    window.open_model(str(folder), "ddpm")
    page = window.page("diffusion")
    assert isinstance(page, DiffusionPage)
    _wait(lambda: bool(page.frames) and not page.running, "the chain did not end")
    page.reverse.player.pause()
    page.reverse.player.go_to(round(0.72 * (len(page.frames) - 1)))


_SHOW: dict[str, Callable[[object, Path], None]] = {
    "models": _models,
    "train": _train,
    "latent": _latent,
    "diffusion": _diffusion,
}

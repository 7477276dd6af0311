"""Start the application."""

import os
import signal
import sys

import pyqtgraph as pg
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from explorer.ui import theme
from explorer.ui.garbage import GuiGarbage
from explorer.ui.main_window import MainWindow, settings


def make_application(choice: theme.ThemeChoice) -> QApplication:
    """Return the QApplication, dressed; one that exists already is used."""
    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    application.setApplicationName("vae-diffusion-explorer")
    application.setApplicationDisplayName("VAE & Diffusion Explorer")
    pg.setConfigOptions(imageAxisOrder="row-major", antialias=False, useOpenGL=False)
    if not application.findChildren(GuiGarbage):
        GuiGarbage(application)
    theme.prepare(application)
    theme.current().apply(choice)
    return application


def run(choice: str | None) -> int:
    """Open the window and return the exit code once it is closed; a theme that is given is remembered."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("QT_QPA_PLATFORM")
    ):
        sys.stderr.write("vdx: there is no screen; set DISPLAY, or use the commands that need none (vdx --help)\n")
        return 1
    remembered = choice or settings().value("theme", "system")
    application = make_application(remembered if remembered in {"dark", "light"} else "system")
    if choice is not None:
        settings().setValue("theme", choice)
    window = MainWindow()
    signal.signal(signal.SIGINT, lambda *_: window.close())
    signal.signal(signal.SIGTERM, lambda *_: window.close())
    awake = QTimer()  # lets Python see signals while Qt's loop runs
    awake.start(200)
    awake.timeout.connect(_nothing)
    window.show()
    return application.exec()


def _nothing() -> None:
    """Do nothing, in Python."""

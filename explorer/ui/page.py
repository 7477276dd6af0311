"""What the window knows of every page."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget


class Page(QWidget):
    """A page of the window.

    ``problem`` carries a Failure for the message bar, ``status`` a line for the status bar, ``subject`` what the header
    shows beside the app's name, ``job`` a tuple (text, share done from 0 to 1) or None when there is none any more.
    """

    problem = Signal(object)
    status = Signal(str)
    subject = Signal(str)
    job = Signal(object)

    def shown(self) -> None:
        """Do what is due when the page comes up."""

    def cancel_job(self) -> None:
        """End the background job of this page."""

    def shutdown(self) -> bool:
        """End the page's threads and return whether they ended in time."""
        return True

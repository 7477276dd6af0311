"""The window of tests/gui, for faults that a person sees."""

from tests.gui.conftest import no_dangling_thread, problems, until, window

__all__ = ["no_dangling_thread", "problems", "until", "window"]

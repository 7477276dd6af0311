"""Which schedule is held beside the model's own."""

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox

from explorer.messages import Schedule

TIP = (
    "Show the jump under another schedule beside it, at the same t and with the same ε. It is a look at q only: the "
    "model stays as it was trained, with its own schedule"
)


class OtherSchedule(QComboBox):
    """A box of the schedules there are; ``changed`` when another one, or none, is wanted."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._schedules: dict[str, Schedule] = {}
        self.setToolTip(TIP)
        self.setAccessibleName("another schedule to show beside the model's")
        self.currentIndexChanged.connect(self.changed)
        self.offer("", {})

    def offer(self, own: str, others: Mapping[str, Schedule]) -> None:
        """Take what the model's schedule is called, and the others; none of them is wanted at first."""
        self._schedules = dict(others)
        self.blockSignals(True)
        self.clear()
        self.addItem(f"{own}, its own" if own else "its own only", "")
        for name in others:
            self.addItem(name, name)
        self.blockSignals(False)
        self.changed.emit()

    @property
    def name(self) -> str:
        """Return the name of the schedule that is wanted, "" for none."""
        return str(self.currentData() or "")

    @property
    def schedule(self) -> Schedule | None:
        """Return the schedule that is wanted; None for none."""
        return self._schedules.get(self.name)

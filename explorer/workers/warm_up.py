"""Load torch while the window is already on screen."""

import importlib.util
import sys
from pathlib import Path

from PySide6.QtCore import QLibrary, Signal

from explorer.workers.thread import Worker, be_polite


class WarmUp(Worker):
    """Imports torch and emits ``ready`` with a DeviceReport.

    Loading the big shared library first, through Qt, keeps the interpreter lock free meanwhile: 65 ms of stalled
    window instead of 150 to 310.
    """

    ready = Signal(object)

    def work(self) -> None:
        """Load, import, look at the devices."""
        be_polite()
        spec = importlib.util.find_spec("torch")
        if spec is not None and spec.origin is not None and sys.platform.startswith("linux"):
            library = Path(spec.origin).parent / "lib" / "libtorch_cpu.so"
            if library.is_file():
                QLibrary(str(library)).load()
        from explorer.models import devices

        self.ready.emit(devices.report())

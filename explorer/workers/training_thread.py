"""Training in the background of the window."""

import os
import time

from PySide6.QtCore import QObject, Signal

from explorer.config import RunConfig
from explorer.messages import TrainingEnded, TrainingStarted
from explorer.workers.thread import Worker, be_polite

_PUBLISH_SECONDS = 0.04


class TrainingThread(Worker):
    """Runs one experiment and emits ``happened`` with a tuple of messages, 25 times a second at most.

    Args:
        config: what to train; a new run folder is made for it in the library.
        parent: the thread's owner.
    """

    happened = Signal(object)

    def __init__(self, config: RunConfig, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.config = config
        self.setObjectName("training")

    def work(self) -> None:
        """Train until done or interrupted; whatever happens, the loop saves first."""
        be_polite()
        import torch

        from explorer.training.loop import train
        from explorer.training.prepare import new_run

        torch.set_num_threads(max(1, os.cpu_count() or 1))
        folder = new_run(self.config, command="window")
        waiting: list[object] = []
        published = 0.0
        for message in train(folder, should_stop=self.isInterruptionRequested):
            waiting.append(message)
            now = time.monotonic()
            if now - published >= _PUBLISH_SECONDS or isinstance(message, TrainingStarted | TrainingEnded):
                self.happened.emit(tuple(waiting))
                waiting, published = [], now
        if waiting:
            self.happened.emit(tuple(waiting))

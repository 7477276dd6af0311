"""A model of points that is trained in place on what was drawn: started, followed, stopped, ended with the window."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from explorer.config import RunConfig
from explorer.errors import ExplorerError
from explorer.messages import Failure
from explorer.settings import load_settings, with_settings
from explorer.training_messages import Pictures, Progress, StorageTrouble, TrainingEnded, TrainingStarted
from explorer.workers.training_thread import TrainingThread, under_way

_LARGEST_BATCH = 512
STEPS = {"quick": 2000, "good": 4000, "fine": 10_000}


def settings_for(name: str, points: int, predicts: str, steps: int) -> RunConfig:
    """Return the settings of a model of a drawn data set: those of the preset of points, for about so many steps.

    Args:
        name: of the data set.
        points: how many it has.
        predicts: what the network is asked for.
        steps: of training.

    Raises:
        ExplorerError: the settings do not fit each other.
    """
    train = points - max(1, points // 6)
    batch = 2 ** min(_LARGEST_BATCH.bit_length() - 1, train.bit_length() - 1)
    epochs = max(1, round(steps / -(-train // batch)))
    return with_settings(
        load_settings("points-ddpm"),
        [
            f"title={name} DDPM", "data.name=drawn", f"data.drawn={name}", f"model.predicts={predicts}",
            f"training.batch_size={batch}", f"training.epochs={epochs}",
        ],
    )  # fmt: skip


class DrawnTraining(QObject):
    """Trains one model at a time in a thread of its own.

    ``progress`` carries a Progress, ``pictures`` a Pictures, ``trained`` the folder of a model that can be opened,
    whether it was trained to its end or stopped, ``problem`` a Failure, ``ended`` that nothing is under way any more.
    """

    progress = Signal(object)
    pictures = Signal(object)
    trained = Signal(str)
    problem = Signal(object)
    ended = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.thread_: TrainingThread | None = None
        self.folder: Path | None = None
        self._saved = ""

    @property
    def running(self) -> bool:
        """Return whether a model is being trained."""
        return self.thread_ is not None

    def start(self, config: RunConfig) -> None:
        """Train a model.

        Raises:
            ExplorerError: another training is under way in this window.
        """
        if under_way():
            raise ExplorerError("another training is under way; wait until it ends, or stop it on the Train page")
        self.folder, self._saved = None, ""
        thread = self.thread_ = TrainingThread(config, self)
        thread.happened.connect(self._happened)
        thread.failed.connect(self.problem)
        thread.finished.connect(self._finished)
        thread.start()

    def stop(self) -> None:
        """Stop soon; what was learned is saved and can be opened."""
        if self.thread_ is not None:
            self.thread_.requestInterruption()

    @Slot(object)
    def _happened(self, messages: tuple[object, ...]) -> None:
        for message in messages:
            if isinstance(message, TrainingStarted):
                self.folder = Path(message.folder)
            elif isinstance(message, Progress):
                self.progress.emit(message)
            elif isinstance(message, Pictures):
                self.pictures.emit(message)
            elif isinstance(message, StorageTrouble):
                self.problem.emit(Failure(message.text))
            elif isinstance(message, TrainingEnded):
                self._saved = message.folder

    @Slot()
    def _finished(self) -> None:
        if self.thread_ is not None:
            self.thread_.deleteLater()
        self.thread_ = None
        self.ended.emit()
        if self._saved:
            self.trained.emit(self._saved)

    def shutdown(self) -> bool:
        """End the training, which saves first; return whether it ended in time."""
        return self.thread_ is None or self.thread_.stop()

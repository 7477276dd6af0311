"""A way of sampling in a few words on a button, with all settings below it when it is pressed."""

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout

from explorer.chain_messages import Rival
from explorer.config import Sampling
from explorer.messages import OpenedModel
from explorer.ui import theme
from explorer.ui.sampling_controls import EACH, SamplingControls


def in_short(sampling: Sampling, timesteps: int, model: OpenedModel | Rival) -> str:
    """Return a way of sampling in a few words, without what goes without saying."""
    parts = [f"{sampling.sampler.upper()} {sampling.steps or timesteps}"]
    if sampling.sampler == "ddim":
        parts.append(f"η {sampling.eta:g}")
    if model.classes:
        parts += [] if sampling.label is None else [f"class {sampling.label}"]
        parts += ["no class"] if sampling.guidance == 0 else [f"w {sampling.guidance:g}"] if model.guidable else []
    if sampling.clip != model.clips:
        parts.append("clipped" if sampling.clip else "not clipped")
    return " · ".join(parts)


class SamplingButton(QPushButton):
    """``changed`` follows every edit; ``column`` of what opens takes further widgets above the settings.

    Args:
        each: as of SamplingControls.
    """

    changed = Signal()

    def __init__(self, each: tuple[str, str] = EACH) -> None:
        super().__init__()
        self.setToolTip("Sampler, steps, η, class, guidance and clipping; open a model first")
        self._model: OpenedModel | Rival | None = None
        self._timesteps = 0
        self.popup = QFrame(self, Qt.WindowType.Popup)
        self.popup.setObjectName("panel")
        self.column = QVBoxLayout(self.popup)
        self.column.setContentsMargins(12, 12, 12, 12)
        self.column.setSpacing(theme.GRID)
        self.controls = SamplingControls(each, stacked=True)
        self.controls.changed.connect(self._edited)
        self.column.addWidget(self.controls)
        self.clicked.connect(self._open)

    def set_model(self, timesteps: int, model: OpenedModel | Rival) -> None:
        """Offer what a model of T = ``timesteps`` can do; what still fits is kept."""
        self._timesteps, self._model = timesteps, model
        self.controls.set_model(timesteps, model)
        self._write()

    @property
    def sampling(self) -> Sampling:
        """Return what is chosen."""
        return self.controls.sampling

    def set_sampling(self, sampling: Sampling) -> None:
        """Choose what fits the model of this way of sampling, without ``changed``."""
        self.controls.set_sampling(sampling)
        self._write()

    @Slot()
    def _edited(self) -> None:
        self._write()
        self.popup.adjustSize()
        self.changed.emit()

    def _write(self) -> None:
        if self._model is not None:
            said = in_short(self.sampling, self._timesteps, self._model)
            self.setText(f"{said} ▾")
            self.setAccessibleName(f"how to sample: {said}")
            self.setToolTip(f"{said}: sampler and steps first. Click to change them, η, class, guidance or clipping")

    @Slot()
    def _open(self) -> None:
        self.popup.adjustSize()
        place = self.mapToGlobal(QPoint(0, self.height() + 2))
        room = self.screen().availableGeometry()
        place.setX(max(room.left(), min(place.x(), room.right() - self.popup.width())))
        self.popup.move(place)
        self.popup.show()
        self.popup.setFocus()

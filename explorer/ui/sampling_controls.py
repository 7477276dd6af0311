"""How samples are drawn: sampler, steps, η, class, guidance and clipping, each shown only where it means something."""

import math

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from explorer.chain_messages import Rival
from explorer.config import Sampling
from explorer.messages import OpenedModel
from explorer.ui.panel import Segmented, label

STEPS = (500, 250, 100, 50, 20, 10, 5)
_ALL, _NO_CLASS = -1, -2
_CLASS = "The class asked for; {each}; no class: the model is told none"
EACH = ("each class", "each class: one after the other")
_SAMPLERS = (
    ("ddpm", "DDPM", "The chain as it was learned, with fresh noise in every step: Ho et al. 2020"),
    ("ddim", "DDIM", "Without fresh noise (η = 0) or with less of it; does well with few steps: Song et al. 2021"),
)


def _tip(name: str) -> str:
    return str(Sampling.model_fields[name].description)


class NumberField(QWidget):
    """A name and a number from 0 to ``largest``; ``changed`` when another number is entered."""

    changed = Signal()

    def __init__(self, setting: str, name: str, largest: float, usual: float) -> None:
        super().__init__()
        self._largest = largest
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.line = QLineEdit(f"{usual:g}")
        self.line.setFixedWidth(46)
        self.line.setToolTip(f"{_tip(setting)} From 0 to {largest:g}.")
        self.line.setAccessibleName(name)
        self.line.editingFinished.connect(self._entered)
        self._value = usual
        row.addWidget(label(name, "muted", tip=_tip(setting)))
        row.addWidget(self.line)

    @property
    def value(self) -> float:
        """Return the number."""
        return self._value

    def set_value(self, value: float) -> None:
        """Enter a number."""
        self.line.setText(f"{value:g}")
        self._entered()

    @Slot()
    def _entered(self) -> None:
        try:
            value = float(self.line.text().replace(",", "."))
        except ValueError:
            value = self._value
        before, self._value = self._value, min(self._largest, max(0.0, value)) if math.isfinite(value) else self._value
        self.line.setText(f"{self._value:g}")
        if self._value != before:
            self.changed.emit()


class SamplingControls(QWidget):
    """Says how to sample; ``changed`` follows every edit.

    Args:
        each: what it is called, and means, that no one class is asked for.
        stacked: in two rows instead of one.
    """

    changed = Signal()

    def __init__(self, each: tuple[str, str] = EACH, *, stacked: bool = False) -> None:
        super().__init__()
        self._each = each
        self.sampler = Segmented(_SAMPLERS, "sampler")
        self.sampler.chosen.connect(self._edited)
        self.steps = self._box("steps", "How many of the T steps are visited, evenly spread")
        self.eta = NumberField("eta", "η", 1.0, 0.0)
        self.label = self._box("class", _CLASS.format(each=each[1]))
        self.guidance = NumberField("guidance", "guidance", 50.0, 1.0)
        self.clip = QCheckBox("clip x̂₀")
        self.clip.setChecked(True)
        self.clip.setToolTip(_tip("clip"))
        self.clip.toggled.connect(self._edited)
        for number in (self.eta, self.guidance):
            number.changed.connect(self._edited)
        parts = (self.sampler, self.steps, self.eta, self.label, self.guidance, self.clip)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for part in (parts[:3], parts[3:]) if stacked else (parts,):
            row = QHBoxLayout()
            row.setSpacing(8)
            for widget in part:
                row.addWidget(widget)
            if stacked:
                row.addStretch(1)
            column.addLayout(row)
        self.set_model(1000, None)

    def _box(self, name: str, tip: str) -> QComboBox:
        made = QComboBox()
        made.setToolTip(tip)
        made.setAccessibleName(name)
        made.activated.connect(self._edited)
        return made

    def set_model(self, timesteps: int, model: OpenedModel | Rival | None) -> None:
        """Offer what a model of T = ``timesteps`` can do; what still fits is kept."""
        classes = 0 if model is None else model.classes
        self._guidable = model is not None and model.guidable
        steps, asked = self.steps.currentData(), self.label.currentData()
        self.steps.clear()
        self.steps.addItem(f"all {timesteps} steps", 0)
        for count in STEPS:
            if count < timesteps:
                self.steps.addItem(f"{count} steps", count)
        self.steps.setCurrentIndex(max(0, self.steps.findData(steps)))
        self.label.clear()
        if classes:
            self.label.addItem(self._each[0], _ALL)
            if self._guidable:
                self.label.addItem("no class", _NO_CLASS)
            for index in range(classes):
                self.label.addItem(f"class {index}", index)
            self.label.setCurrentIndex(max(0, self.label.findData(asked)))
        self._told = classes > 0
        self.clip.blockSignals(True)
        self.clip.setChecked(model is None or model.clips)
        self.clip.blockSignals(False)
        self.clip.setVisible(model is None or not model.points)
        self._show()

    def _show(self) -> None:
        self.label.setVisible(self._told)
        self.guidance.setVisible(self._guidable and self.label.currentData() != _NO_CLASS)
        self.eta.setVisible(self.sampler.key == "ddim")

    @Slot()
    def _edited(self) -> None:
        self._show()
        self.changed.emit()

    def set_sampling(self, sampling: Sampling) -> None:
        """Choose what fits the model of this way of sampling, without ``changed``."""
        before = self.blockSignals(True)
        self.sampler.choose(sampling.sampler)
        if sampling.steps and self.steps.findData(sampling.steps) < 0:
            self.steps.addItem(f"{sampling.steps} steps", sampling.steps)
        self.steps.setCurrentIndex(max(0, self.steps.findData(sampling.steps)))
        self.eta.set_value(sampling.eta)
        if self._told:
            asked = _ALL if sampling.label is None else sampling.label
            asked = _NO_CLASS if sampling.guidance == 0 else asked
            self.label.setCurrentIndex(max(0, self.label.findData(asked)))
            self.guidance.set_value(sampling.guidance or 1.0)
        self.clip.setChecked(sampling.clip or self.clip.isHidden())
        self._show()
        self.blockSignals(before)

    @property
    def sampling(self) -> Sampling:
        """Return what is chosen; settings that are not shown are as usual."""
        asked = self.label.currentData() if self._told else None
        guidance = self.guidance.value if self._guidable else 1.0
        return Sampling(
            sampler="ddim" if self.sampler.key == "ddim" else "ddpm",
            steps=self.steps.currentData(),
            eta=self.eta.value if self.sampler.key == "ddim" else 0.0,
            label=asked if asked is not None and asked >= 0 else None,
            guidance=0.0 if asked == _NO_CLASS else guidance,
            clip=self.clip.isChecked(),
        )

"""A form made from the settings of ``config``: one row a setting, nothing written twice."""

import json
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QFormLayout, QLabel, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from explorer.config import MODEL_SECTIONS, DataConfig, FamilyName, RunConfig, TrainingConfig
from explorer.errors import ConfigError
from explorer.settings import load_settings, preset_names, with_settings
from explorer.ui.panel import button, column, empty, label

_NAMES = {
    "autoencoder": "Autoencoder", "vae": "VAE, β-VAE", "conditional": "Conditional VAE", "vq": "VQ-VAE",
    "hierarchical": "Hierarchical VAE", "ddpm": "DDPM", "mlp": "MLP", "unet": "U-Net", "bernoulli": "Bernoulli",
    "gaussian": "Gaussian", "cpu": "CPU", "cuda": "CUDA", "mps": "MPS", "ema": "moving average",
    "beta": "β itself", "beta_norm": "β_norm", "digits": "Digits · 1 797", "mnist": "MNIST · 70 000",
    "sprites": "Sprites · drawn", "cifar10": "CIFAR-10 · 60 000", "nothing": "no class", "class": "its class",
    "mean": "the mean μ̃ (A)", "x0": "the clean x₀ (B)", "eps": "the noise ε (C)", "v": "v", "simple": "simple",
    "posterior": "β̃_t, of the posterior", "bound": "the bound",
}  # fmt: skip


_LABEL_WIDTH = 96
_FIRST = "digits-beta-vae"


def shown_value(value: Any) -> str:
    """Return a setting's value as people write it."""
    if isinstance(value, tuple | list):
        return ", ".join(str(part) for part in value)
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)


def _hints(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


class ConfigForm(QWidget):
    """Shows and edits a RunConfig; ``changed`` follows every edit."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._config = load_settings(_FIRST)
        self._editors: dict[str, QComboBox | QLineEdit] = {}
        self._rows: dict[str, tuple[QWidget, FieldInfo]] = {}
        self._more_open = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        self._top = self._form()
        self.preset = QComboBox()
        self.preset.setToolTip("Settings known to work; every one can be changed below")
        self.preset.setAccessibleName("Preset")
        self.preset.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.preset.setMinimumContentsLength(8)
        for name in preset_names():
            self.preset.addItem(load_settings(name).title, name)
        self.preset.setCurrentIndex(self.preset.findData(_FIRST))
        self.preset.activated.connect(self._use_preset)
        first = label("Preset", "muted")
        first.setMinimumWidth(_LABEL_WIDTH)
        self._top.addRow(first, self.preset)
        holder = QWidget()
        holder.setLayout(self._top)
        layout.addWidget(holder)
        inside, self._body = column(margins=0)
        inside.setObjectName("scrolled")
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        layout.addWidget(area, 1)
        self._complaint = QLabel("")
        self._complaint.setWordWrap(True)
        self._complaint.hide()
        layout.addWidget(self._complaint)
        self._use_preset()

    def _form(self) -> QFormLayout:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 4, 0)
        form.setVerticalSpacing(7)
        form.setHorizontalSpacing(12)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        return form

    # ---- showing ----

    @Slot()
    def _use_preset(self) -> None:
        self.set_config(load_settings(self.preset.currentData()))

    def set_config(self, config: RunConfig) -> None:
        """Show these settings."""
        self._config = config
        index = next((i for i in range(self.preset.count()) if self._preset(i) == config), None)
        self.preset.setCurrentIndex(-1 if index is None else index)
        self._rebuild()

    def _preset(self, index: int) -> RunConfig:
        return load_settings(self.preset.itemData(index))

    def _rebuild(self) -> None:
        empty(self._body)
        self._editors, self._rows = {}, {}
        usual, more = self._form(), self._form()
        sections: list[tuple[str, BaseModel, type[BaseModel]]] = [
            ("data", self._config.data, DataConfig),
            ("model", self._config.model, MODEL_SECTIONS[self._config.model.family]),
            ("training", self._config.training, TrainingConfig),
        ]
        for name, section, kind in sections:
            for key, field in sorted(kind.model_fields.items(), key=lambda item: item[0] not in {"family", "name"}):
                form = more if _hints(field).get("advanced") else usual
                self._add_row(form, f"{name}.{key}", field, getattr(section, key))
        for form in (usual, more):
            holder = QWidget()
            holder.setLayout(form)
            self._body.addWidget(holder)
            if form is usual:
                fold = button("▸ More settings", "Settings that rarely need a change", "link")
                fold.setCheckable(True)
                self._body.addWidget(fold)
            else:
                self._fold(fold, holder)
        self._body.addStretch(1)
        self._show_rows()
        self._complain("")
        self.changed.emit()

    def _fold(self, fold: Any, holder: QWidget) -> None:
        def turn(open_: bool) -> None:
            self._more_open = open_
            fold.setText(f"{'▾' if open_ else '▸'} More settings")
            holder.setVisible(open_)

        fold.toggled.connect(turn)
        fold.setChecked(self._more_open)
        turn(self._more_open)

    def _add_row(self, form: QFormLayout, address: str, field: FieldInfo, value: Any) -> None:
        hints = _hints(field)
        tip = f"{field.description}  ({address})"
        editor = self._editor(address, field, value)
        editor.setToolTip(tip)
        editor.setAccessibleName(str(hints["label"]))
        unit = f", {hints['unit']}" if "unit" in hints else ""
        name = label(f"{hints['label']}{unit}", "muted", tip=tip)
        name.setMinimumWidth(_LABEL_WIDTH)
        name.setBuddy(editor)
        form.addRow(name, editor)
        self._editors[address] = editor
        self._rows[address] = (name, field)

    def _editor(self, address: str, field: FieldInfo, value: Any) -> QComboBox | QLineEdit:
        hints = _hints(field)
        choices: tuple[str, ...] = hints.get("choices", ())
        if get_origin(field.annotation) is Literal:
            choices = tuple(choice for choice in get_args(field.annotation) if choice not in hints.get("hidden", ()))
        if address == "model.family":
            choices = get_args(FamilyName)
        if choices:
            box = QComboBox()
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(6)
            for choice in choices if value in choices else (*choices, str(value)):  # a run's device may be cuda:1
                box.addItem(_NAMES.get(choice, choice), choice)
            box.setCurrentIndex(max(0, box.findData(value)))
            box.activated.connect(self._edited)
            return box
        line = QLineEdit(shown_value(value))
        line.editingFinished.connect(self._edited)
        return line

    def _show_rows(self) -> None:
        for address, (name, field) in self._rows.items():
            condition = _hints(field).get("only_if")
            if condition is None:
                continue
            key, wanted = condition
            values = wanted if isinstance(wanted, tuple) else (wanted,)
            here = self._text(f"{address.split('.')[0]}.{key}") in values
            name.setVisible(here)
            self._editors[address].setVisible(here)

    # ---- editing ----

    def _text(self, address: str) -> str:
        editor = self._editors[address]
        return str(editor.currentData()) if isinstance(editor, QComboBox) else editor.text()

    def _assignments(self) -> list[str]:
        found = []
        for address in self._editors:
            text = self._text(address)
            if self._rows[address][1].annotation is str:
                found.append(f"{address}={json.dumps(text)}")
            else:
                listed = address in {"model.multipliers", "model.latent_sizes", "model.betas"}
                found.append(f"{address}=[{text}]" if listed else f"{address}={text}")
        return found

    @Slot()
    def _edited(self) -> None:
        if self._text("model.family") != self._config.model.family:
            self._use_family(self._text("model.family"))
            return
        self._show_rows()
        try:
            self._config = self.config()
            self._complain("")
        except ConfigError as error:
            self._complain(str(error))
        self.changed.emit()

    def _use_family(self, family: str) -> None:
        try:
            self.set_config(with_settings(self._config, [f"model.family={family}"]))
        except ConfigError as error:
            self.set_config(self._config)
            self._complain(str(error))

    def _complain(self, text: str) -> None:
        self._complaint.setText(text.removeprefix("settings: "))
        self._complaint.setVisible(bool(text))
        for address, editor in self._editors.items():
            if isinstance(editor, QLineEdit):
                editor.setProperty("invalid", bool(text) and address in text)
                editor.style().polish(editor)

    def config(self) -> RunConfig:
        """Return the settings as they are in the form.

        Raises:
            ConfigError: one is out of range or no number; the message names it.
        """
        title = self.preset.currentText() if self.preset.currentIndex() >= 0 else self._config.title
        return with_settings(self._config, [f"title={json.dumps(title)}", *self._assignments()])

    @property
    def data_name(self) -> str:
        """Return the data set that is chosen."""
        return self._text("data.name")

    def set_value(self, address: str, text: str) -> None:
        """Edit one setting as a person would: choose it or type it."""
        editor = self._editors[address]
        if isinstance(editor, QComboBox):
            editor.setCurrentIndex(editor.findData(text))
        else:
            editor.setText(text)
        self._edited()

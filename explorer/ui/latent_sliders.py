"""One slider per latent dimension, sorted by KL, in units of the prior's σ."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from explorer.config import ACTIVE_NATS
from explorer.messages import Floats
from explorer.ui.facts import signed
from explorer.ui.filled_slider import FilledSlider
from explorer.ui.panel import button, column, empty, label

EXTENT = 3.0


def subscript(number: int) -> str:
    """Return a number in subscript digits."""
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


class LatentSliders(QWidget):
    """The sliders of a model; ``moved`` carries z, shape (latent,), after every move by hand."""

    moved = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.sliders: list[FilledSlider] = []
        self._values: list[QLabel] = []
        self._names: Sequence[str] = ()
        self._z: Floats = np.zeros(0, np.float32)
        self._random = np.random.default_rng()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        head = QHBoxLayout()
        self._title = label("z, sorted by KL", "title", tip="Latent dimensions, the most informative first")
        head.addWidget(self._title)
        head.addStretch(1)
        self.zero = button("0", "Bring every slider to 0, the mean of N(0, I)")
        self.random = button(
            "random", "Draw z ~ N(0, I): the prior of a VAE; about the data's codes where there is no prior"
        )
        self.zero.clicked.connect(self._to_zero)
        self.random.clicked.connect(self._to_random)
        for made in (self.zero, self.random):
            made.setEnabled(False)
        head.addWidget(self.zero)
        head.addWidget(self.random)
        layout.addLayout(head)
        inside, self._rows = column()
        inside.setObjectName("scrolled")
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout.addWidget(area, 1)

    @property
    def z(self) -> Floats:
        """Return z as the sliders stand, shape (latent,)."""
        return self._z.copy()

    def set_model(self, names: Sequence[str], kl_per_dimension: Sequence[float]) -> None:
        """Make sliders for a model.

        Args:
            names: of the dimensions, such as "z₃".
            kl_per_dimension: their average KL in nats, or nothing where the encoder is deterministic.
        """
        self._names = names
        empty(self._rows)
        for made in (self.zero, self.random):
            made.setEnabled(True)
        size = len(names)
        self._title.setText("z, sorted by KL" if len(kl_per_dimension) else "z, in σ of the data's codes")
        self._z = np.zeros(size, np.float32)
        self.sliders, self._values = [self._slider() for _ in range(size)], [QLabel()] * size
        order = np.argsort(-np.asarray(kl_per_dimension), kind="stable") if len(kl_per_dimension) else range(size)
        active = [int(k) for k in order if not len(kl_per_dimension) or kl_per_dimension[k] >= ACTIVE_NATS]
        inactive = [int(k) for k in order if int(k) not in active]
        self._rows.addWidget(self._group(active, kl_per_dimension))
        if inactive:
            fold = button("", "Dimensions whose q(z|x) is the prior: the decoder has learned to ignore them", "link")
            fold.setCheckable(True)
            group = self._group(inactive, kl_per_dimension)
            text = f"{len(inactive)} inactive dimension{'s' if len(inactive) > 1 else ''} (KL < {ACTIVE_NATS})"
            fold.setText(f"▸ {text}")
            fold.setAccessibleName(text)
            group.hide()

            def turn(open_: bool) -> None:
                fold.setText(f"{'▾' if open_ else '▸'} {text}")
                group.setVisible(open_)

            fold.toggled.connect(turn)
            self._rows.addWidget(fold)
            self._rows.addWidget(group)
        self._rows.addStretch(1)

    def _slider(self) -> FilledSlider:
        made = FilledSlider()
        made.setRange(-EXTENT, EXTENT)
        made.setSingleStep(0.1)
        made.setPageStep(0.5)
        return made

    def _group(self, dimensions: Sequence[int], kl: Sequence[float]) -> QWidget:
        widget = QWidget()
        grid = QGridLayout(widget)
        grid.setContentsMargins(0, 0, 4, 0)
        grid.setVerticalSpacing(6)
        for row, k in enumerate(dimensions):
            unit = " nats" if row == 0 and len(kl) and kl[k] >= ACTIVE_NATS else ""
            if len(kl):
                name = label(f"{self._names[k]} {kl[k]:.{1 if kl[k] >= 0.1 else 2}f}{unit}", "muted")
                tip = f"Dimension {k}, in standard deviations of the prior; its KL is {kl[k]:.3f} nats on average"
            else:
                name = label(self._names[k], "muted")
                tip = f"Dimension {k}, in standard deviations of the data's codes about their mean"
            slider, value = self.sliders[k], label("0.00", tabular=True)
            slider.setToolTip(f"{tip}. Drag, arrow keys, or right click for 0")
            slider.setAccessibleName(f"latent dimension {k}")
            name.setToolTip(tip)
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setMinimumWidth(40)
            slider.setProperty("dimension", k)
            slider.valueChanged.connect(self._slid)
            self._values[k] = value
            grid.addWidget(name, row, 0)
            grid.addWidget(slider, row, 1)
            grid.addWidget(value, row, 2)
        grid.setColumnMinimumWidth(0, 74)
        grid.setColumnStretch(1, 1)
        return widget

    def _slid(self, value: float) -> None:
        k = int(self.sender().property("dimension"))
        self._z[k] = value
        self._values[k].setText(signed(value))
        self.moved.emit(self.z)

    def set_z(self, z: Floats) -> None:
        """Move the sliders to z without emitting ``moved``; what lies outside −3..3 is kept in z all the same."""
        for k, value in enumerate(np.asarray(z, np.float32)):
            self.sliders[k].blockSignals(True)
            self.sliders[k].setValue(float(value))
            self.sliders[k].blockSignals(False)
            self._values[k].setText(signed(float(value)))
        self._z = np.asarray(z, np.float32).copy()

    def _to_zero(self) -> None:
        self.set_z(np.zeros_like(self._z))
        self.moved.emit(self.z)

    def _to_random(self) -> None:
        self.set_z(np.clip(self._random.standard_normal(len(self._z)), -EXTENT, EXTENT).astype(np.float32))
        self.moved.emit(self.z)

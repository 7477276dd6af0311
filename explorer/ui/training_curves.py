"""The curves of a training run: ELBO, its two parts and the KL bars, or a diffusion model's loss."""

from collections import defaultdict

import numpy as np
from PySide6.QtWidgets import QGridLayout, QWidget

from explorer.config import ACTIVE_NATS
from explorer.messages import Measurement, Turned, has_latents
from explorer.ui.curve_plot import CurvePlot
from explorer.ui.panel import EPS_HAT, label

_ELBO_TIP = (
    "ELBO = E_q[ln p(x|z)] − KL(q(z|x) ‖ p(z)), a lower bound of ln p(x), in nats per image, summed over pixels, "
    "constants included. Always the true bound, whatever β is"
)

_ERRORS = {"mean": "‖μ̃ − μ‖²", "x0": "‖x₀ − x̂₀‖²", "eps": f"‖ε − {EPS_HAT}‖²", "v": "‖v − v̂‖²"}


class TrainingCurves(QWidget):
    """Collects measurements and draws them when asked; drawing never happens per step."""

    def __init__(self) -> None:
        super().__init__()
        self.family = ""
        self._loss_name = "loss"
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(12)
        self.elbo = CurvePlot("ELBO (nats per image)", "epoch", _ELBO_TIP)
        self.elbo.add_curve("train", "train", "accent")
        self.elbo.add_curve("test", "test", "second")
        self.loss = CurvePlot(
            "Loss",
            "epoch",
            "Mean squared error of what the network is asked for; at 1 a network of ε or v has no idea",
        )
        self.loss.add_curve("train", "train", "accent")
        self.loss.add_curve("test", "test", "second")
        self.parts = CurvePlot(
            "Its parts (nats)",
            "epoch",
            "−E_q[ln p(x|z)]: how badly x is rebuilt. KL: how much z tells of x. Training images; dashed: test images",
        )
        self.parts.add_curve("reconstruction", "−E[ln p]", "good")
        self.parts.add_curve("kl", "KL", "bad")
        self.parts.add_curve("test reconstruction", "", "good", dashed=True)
        self.parts.add_curve("test kl", "", "bad", dashed=True)
        self.bars = CurvePlot(
            "KL per dimension (nats)",
            "latent dimension, sorted",
            "Average KL(q(z_k|x) ‖ p(z_k)); one near 0 is ignored",
        )
        self._active = label("", "strong", tabular=True)
        self.bars.head.addWidget(self._active)
        self.bars.plot.setMouseEnabled(False, False)
        grid.addWidget(self.elbo, 0, 0, 1, 2)
        grid.addWidget(self.loss, 0, 0, 2, 2)
        grid.addWidget(self.parts, 1, 0)
        grid.addWidget(self.bars, 1, 1)
        grid.setRowStretch(0, 4)
        grid.setRowStretch(1, 3)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        self.clear()

    def set_family(self, family: str, predicts: str = "eps") -> None:
        """Show the plots that a family has; ``predicts`` is what a diffusion network is asked for."""
        self.family = family
        bound = has_latents(family) and family != "autoencoder"
        for plot in (self.elbo, self.parts, self.bars):
            plot.setVisible(bound)
        self.loss.setVisible(not bound)
        codes = family == "vq"
        self.bars.title.setText("−ln p(k) per place of the grid (nats)" if codes else "KL per dimension (nats)")
        self.bars.plot.getPlotItem().setLabel("bottom", "place, sorted" if codes else "latent dimension, sorted")
        self._loss_name = "objective" if family == "autoencoder" else "loss"
        diffusion = f"Loss {_ERRORS[predicts]} per value"
        self.loss.title.setText("−ln p(x|z) (nats per item)" if family == "autoencoder" else diffusion)

    def clear(self) -> None:
        """Forget all measurements."""
        self._epochs: dict[str, list[float]] = defaultdict(list)
        self._values: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._kl: tuple[float, ...] = ()
        self._stale = True
        for plot in (self.elbo, self.loss, self.parts):
            plot.forget_zoom()
            plot.clear_marks()
        self.redraw()

    def add(self, measurement: Measurement) -> None:
        """Take note of a measurement."""
        self._epochs[measurement.split].append(measurement.epoch)
        for name, value in measurement.values.items():
            self._values[measurement.split, name].append(value)
        if measurement.kl_per_dimension:
            self._kl = measurement.kl_per_dimension
        self._stale = True

    def mark(self, turned: Turned) -> None:
        """Draw where the knobs were turned."""
        said = [] if turned.knobs.beta is None else [f"β {turned.knobs.beta:g}"]
        said += [f"lr × {turned.knobs.rate:g}"] if turned.knobs.rate != 1 or not said else []
        for plot in (self.elbo, self.loss, self.parts):
            plot.add_mark(turned.epoch, " · ".join(said))

    def redraw(self, last_epoch: float | None = None) -> None:
        """Draw what is new since the last time, on an axis up to ``last_epoch`` (what there is by default)."""
        if not self._stale:
            return
        self._stale = False
        for split in ("train", "test"):
            epochs = self._epochs[split]
            self.elbo.set_curve(split, *self._series(epochs, split, "elbo"), "{:.2f}")
            self.loss.set_curve(split, *self._series(epochs, split, self._loss_name), "{:.4f}")
        for split, prefix in (("train", ""), ("test", "test ")):
            at, reconstruction = self._series(self._epochs[split], split, "reconstruction")
            self.parts.set_curve(f"{prefix}reconstruction", at, -reconstruction, "{:.2f}")
            self.parts.set_curve(f"{prefix}kl", *self._series(self._epochs[split], split, "kl"), "{:.2f}")
        right = last_epoch or max(
            (self._epochs[split][-1] for split in self._epochs if self._epochs[split]), default=1.0
        )
        for plot in (self.elbo, self.loss, self.parts):
            plot.fit(right)
        self._draw_bars()

    def _series(self, epochs: list[float], split: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        values = np.asarray(self._values[split, name], float)
        return np.asarray(epochs, float)[: len(values)], values

    def _draw_bars(self) -> None:
        order = np.argsort(-np.asarray(self._kl), kind="stable")
        heights = [self._kl[k] for k in order]
        active = [height >= ACTIVE_NATS for height in heights]
        letter = "" if self.family == "vq" else "z"
        self.bars.set_bars(heights, [f"{letter}{k}" for k in order], active)
        codes = self._values["test", "perplexity"] or self._values["train", "perplexity"]
        said = f"perplexity {codes[-1]:.1f}" if codes else f"{sum(active)} of {len(active)} active"
        self._active.setText(said if active else "")

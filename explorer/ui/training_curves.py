"""The curves of a training run: ELBO, its parts and the KL bars, or a diffusion model's loss, also by t, and bound."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from explorer.collapse import levels_of
from explorer.config import ACTIVE_NATS, DdpmConfig, ModelConfig
from explorer.messages import has_latents
from explorer.training_messages import Measurement, Turned, squared_error
from explorer.ui.curve_plot import CurvePlot
from explorer.ui.panel import EPS_HAT, label
from explorer.ui.series import Series
from explorer.walks import dimension_names

_ELBO_TIP = (
    "ELBO = E_q[ln p(x|z)] − KL(q(z|x) ‖ p(z)), a lower bound of ln p(x), in nats per item, summed over its "
    "pixels or coordinates, constants included. Always the true bound, whatever β is"
)
_PARTS_TIP = "−E_q[ln p(x|z)]: how badly x is rebuilt. KL: how much z tells of x. Training items; dashed: test items"
_LOSS_TIP = "Mean squared error of what the network is asked for; at 1 a network of ε or v has no idea"
_BY_T_TIP = "The same error at every noise level, on fixed test items and noise: where it is hard, where it improves"
_BOUND_TIP = "−ELBO of the chain: an upper bound of −ln p(x), estimated on a few test items with fixed noise"
_BARS_TIP = f"Average KL(q(z_k|x) ‖ p(z_k)); one below {ACTIVE_NATS:g} nats, the dashed line, is ignored"
_PLACES_TIP = "−ln p(k) under the prior over codes: what it costs to tell the code of each place of the grid"
_LEAST_RANGE = 5 * ACTIVE_NATS  # of the bars, so that collapsed dimensions look collapsed
_WAITING = "Start a training: its curve appears here."


def words_of(turned: Turned) -> str:
    """Return how the knobs stand after a turn, as a mark says it."""
    said = [] if turned.knobs.beta is None else [f"β {turned.knobs.beta:g}"]
    said += [f"lr × {turned.knobs.rate:g}"] if turned.knobs.rate != 1 or not said else []
    return " · ".join(said)


class TrainingCurves(QWidget):
    """Collects measurements and draws them when asked; drawing never happens per step.

    Args:
        provenance: says which run and step the curves are of.
    """

    def __init__(self, provenance: Callable[[], Mapping[str, object]]) -> None:
        super().__init__()
        self.family = ""
        self._names: list[str] = []
        self._loss_name = "loss"
        self._timesteps = 1
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)

        def plot(title: str, bottom: str, tip: str, empty: str = _WAITING) -> CurvePlot:
            return CurvePlot(title, bottom, tip, tools=True, empty_text=empty, provenance=provenance)

        self.elbo = plot("ELBO", "epoch", _ELBO_TIP)
        self.loss = plot("Loss", "epoch", _LOSS_TIP)
        for whole in (self.elbo, self.loss):
            whole.add_curve("train", "train", "accent")
            whole.add_curve("test", "test", "second")
        self.parts = plot("Its parts (nats)", "epoch", _PARTS_TIP)
        self.parts.add_curve("reconstruction", "−E[ln p]", "good")
        self.parts.add_curve("kl", "KL", "bad")
        self.parts.add_curve("test reconstruction", "test −E[ln p]", "good", dashed=True)
        self.parts.add_curve("test kl", "test KL", "bad", dashed=True)
        self.bars = CurvePlot("KL per dimension (nats)", "latent dimension, sorted", _BARS_TIP)
        self._active = label("", "strong", tabular=True)
        self.bars.head.addWidget(self._active)
        self.bars.plot.setMouseEnabled(False, False)
        self.by_t = plot(
            "Loss by t", "t", _BY_T_TIP, empty="The loss at every noise level comes with the first test look."
        )
        self.by_t.add_curve("first", "first look", "muted", dashed=True)
        self.by_t.legend.add("first", "first look", "muted", dashed=True)
        self.by_t.add_curve("now", "now", "accent")
        self.bound = plot("Bound", "epoch", _BOUND_TIP, empty="The variational bound is estimated now and then.")
        self.bound.add_curve("test", "test", "second")
        for whole in (self.elbo, self.loss):
            layout.addWidget(whole, 4)
        row = QHBoxLayout()
        row.setSpacing(12)
        for part in (self.parts, self.bars, self.by_t, self.bound):
            row.addWidget(part, 1)
        layout.addLayout(row, 3)
        self._over_epochs = (self.elbo, self.loss, self.parts, self.bound)
        self.clear()

    @property
    def headline(self) -> tuple[CurvePlot, str]:
        """Return the plot of the one curve that stands for all, over which earlier runs are laid, and its name."""
        return (self.elbo, "elbo") if self._has_bound else (self.loss, self._loss_name)

    @property
    def _has_bound(self) -> bool:
        return has_latents(self.family) and self.family != "autoencoder"

    def set_family(self, model: ModelConfig, item: str) -> None:
        """Show the plots that a model's family has; ``item`` is what one of its data is called, such as "image"."""
        self.family = model.family
        self._names = dimension_names(levels_of(model))
        diffusion = not has_latents(self.family)
        for plot in (self.elbo, self.parts, self.bars):
            plot.setVisible(self._has_bound)
        self.loss.setVisible(not self._has_bound)
        for plot in (self.by_t, self.bound):
            plot.setVisible(diffusion)
        codes = self.family == "vq"
        self.bars.set_title("−ln p(k) per place of the grid (nats)" if codes else "KL per dimension (nats)")
        for widget in (self.bars.title, self.bars.plot):
            widget.setToolTip(_PLACES_TIP if codes else _BARS_TIP)
        self.bars.plot.getPlotItem().setLabel("bottom", "place, sorted" if codes else "latent dimension, sorted")
        self._loss_name = "objective" if self.family == "autoencoder" else "loss"
        unit = f"(nats per {item})"
        self.elbo.set_title(f"ELBO {unit}", f"−ELBO {unit}")
        self.bound.set_title(f"Bound {unit}")
        self.loss.set_title(f"Loss {_error(model)} per value" if diffusion else f"−ln p(x|z) {unit}")
        self._timesteps = getattr(model, "timesteps", 1)

    def clear(self) -> None:
        """Forget all measurements."""
        self._series: dict[tuple[str, str], Series] = defaultdict(Series)
        self._kl: tuple[float, ...] = ()
        self._by_t: list[tuple[float, ...]] = []
        self._last_epoch = self._right = 0.0
        self._stale = True
        for plot in self._over_epochs:
            plot.forget_zoom()
            plot.clear_marks()
        self.by_t.forget_zoom()
        self.redraw()

    def add(self, measurement: Measurement) -> None:
        """Take note of a measurement."""
        for name, value in measurement.values.items():
            self._series[measurement.split, name].append(measurement.epoch, value)
        if measurement.kl_per_dimension:
            self._kl = measurement.kl_per_dimension
        if measurement.per_t:
            self._by_t = [*self._by_t[:1], measurement.per_t]
        self._last_epoch = max(self._last_epoch, measurement.epoch)
        self._stale = True

    def rewind(self, epoch: float, turns: Iterable[Turned]) -> None:
        """Forget what was measured after an epoch; ``turns`` are those that stay."""
        for key, series in self._series.items():
            keep = int(np.searchsorted(series.x, epoch, "right"))
            kept = Series()
            kept.extend(series.x[:keep], series.y[:keep])
            self._series[key] = kept
        self._last_epoch, self._stale = epoch, True
        for plot in self._over_epochs:
            plot.clear_marks()
        for turned in turns:
            self.mark(turned)

    def mark(self, turned: Turned) -> None:
        """Draw where the knobs were turned."""
        for plot in self._over_epochs:
            plot.add_mark(turned.epoch, words_of(turned))

    def redraw(self, last_epoch: float | None = None) -> None:
        """Draw what is new since the last time, on an axis up to ``last_epoch`` (what there is by default)."""
        right = last_epoch or self._last_epoch or 1.0
        if not self._stale:
            if right != self._right:
                self._fit(right)
            return
        self._stale = False
        for split in ("train", "test"):
            for plot, name, number in ((self.elbo, "elbo", "{:.2f}"), (self.loss, self._loss_name, "{:.4f}")):
                series = self._series[split, name]
                plot.set_curve(split, series.x, series.y, number)
        for split, prefix in (("train", ""), ("test", "test ")):
            reconstruction, kl = self._series[split, "reconstruction"], self._series[split, "kl"]
            self.parts.set_curve(f"{prefix}reconstruction", reconstruction.x, -reconstruction.y, "{:.2f}")
            self.parts.set_curve(f"{prefix}kl", kl.x, kl.y, "{:.2f}")
        bound = self._series["test", "bound"]
        self.bound.set_curve("test", bound.x, bound.y, "{:.1f}")
        self._fit(right)
        self._draw_by_t()
        self._draw_bars()

    def _fit(self, right: float) -> None:
        self._right = right
        for plot in self._over_epochs:
            plot.fit(right)

    def _draw_by_t(self) -> None:
        """Draw the loss in the middle of each part of 1..T."""
        for key, losses in (("first", self._by_t[:1]), ("now", self._by_t[-1:])):
            values = np.asarray(losses[0] if losses else (), float)
            width = self._timesteps / max(1, len(values))
            self.by_t.set_curve(key, (np.arange(len(values)) + 0.5) * width, values, "")
        self.by_t.fit(float(self._timesteps))

    def _draw_bars(self) -> None:
        order = np.argsort(-np.asarray(self._kl), kind="stable")
        heights = [self._kl[k] for k in order]
        active = [height >= ACTIVE_NATS for height in heights]
        known = len(self._names) == len(order)  # places have numbers
        names = [self._names[k] if known else str(k) for k in order]
        threshold = None if self.family == "vq" else ACTIVE_NATS
        self.bars.set_bars(heights, names, active, least=_LEAST_RANGE, threshold=threshold)
        codes = self._series["test", "perplexity"] or self._series["train", "perplexity"]
        said = f"perplexity {codes.last:.1f}" if len(codes) else f"{sum(active)} of {len(active)} active"
        self._active.setText(said if active else "")


def _error(model: ModelConfig) -> str:
    predicts = model.predicts if isinstance(model, DdpmConfig) else "eps"
    return squared_error(predicts).replace("ε̂", EPS_HAT)

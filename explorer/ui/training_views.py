"""The middle of the Train page: curves, dimensions, ledger, time machine and comparison, one at a time."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from explorer import metrics, runs
from explorer.collapse import levels_of
from explorer.config import RunConfig
from explorer.data.catalog import CATALOG
from explorer.ledger import items_are
from explorer.messages import Split
from explorer.pressure import beta_in_force
from explorer.training_messages import Measurement, Snapshot, Turned
from explorer.ui.collapse_monitor import CollapseMonitor
from explorer.ui.compare_panel import ComparePanel
from explorer.ui.heat_strip import HeatStrip
from explorer.ui.ledger import LedgerView
from explorer.ui.page import Page
from explorer.ui.panel import Segmented
from explorer.ui.setting_row import set_state
from explorer.ui.time_machine import TimeMachine
from explorer.ui.training_curves import TrainingCurves, words_of
from explorer.walks import dimension_names

VIEWS = (
    ("curves", "Curves", "ELBO, its parts and the KL of each dimension; or a diffusion model's loss"),
    ("dimensions", "Dimensions", "The KL of every dimension over the epochs"),
    ("ledger", "Ledger", "What each number is, in which unit, and how they add up"),
    ("travel", "Time machine", "The latent map, the samples and traversals at every epoch"),
    ("compare", "Compare", "Earlier runs beside this one: curves, settings that differ, final figures"),
    ("now", "Pictures", "What the model makes now"),
)
_ALONE = frozenset({"travel", "compare"})  # these need the room of what the model makes now
_OF_DIMENSIONS = (
    "KL per dimension over the epochs (nats)",
    "KL(q(z_k|x) ‖ p(z_k)) averaged over test and training items: what each dimension tells of x, over time",
    "kl-per-dimension",
)
_OF_PLACES = (
    "−ln p(k) per place over the epochs (nats)",
    "−ln p(k) under the prior over codes, averaged over test and training items: what it costs to tell the code of "
    "each place of the grid, counted row by row",
    "nats-per-place",
)


def horizon(done: float, planned: float) -> float:
    """Return up to which epoch an axis goes while a training is under way: the planned one, once it is not far away.

    Else ten times as far as it is now, as a round number that stays a while: of the first epochs of thousands one would
    see nothing.
    """
    if done <= 0 or 10 * done >= planned:
        return planned
    power = 10.0 ** math.floor(math.log10(10 * done))
    return min(planned, next(factor * power for factor in (1, 2, 5, 10) if factor * power >= 10 * done * (1 - 1e-9)))


class TrainingViews(QWidget):
    """Takes what a training tells and shows it in the view that is chosen; ``alone`` says whether it wants the room.

    Args:
        page: whose views they are.
        provenance: says which run and step they show.
    """

    alone = Signal(bool)

    def __init__(self, page: Page, provenance: Callable[[], Mapping[str, object]]) -> None:
        super().__init__()
        self.turns: list[Turned] = []
        self._config: RunConfig | None = None
        self._newest: dict[Split, Measurement] = {}
        self._figures_stale = False
        self._parameters = 0
        self._last_epoch: float | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        self.chooser = Segmented(VIEWS, "what is shown of the training")
        self.chooser.chosen.connect(self._show)
        row = QHBoxLayout()
        row.addWidget(self.chooser)
        row.addStretch(1)
        layout.addLayout(row)
        self.curves = TrainingCurves(provenance)
        self.dimensions = HeatStrip(
            *_OF_DIMENSIONS[:2], empty_text="Start a training: a column for every measurement.", provenance=provenance
        )
        self.ledger = LedgerView()
        self.travel = TimeMachine(page, provenance)
        self.compare = ComparePanel(page)
        self.compare.overlays_changed.connect(self._lay_over)
        self._overlaid: set[str] = set()
        self._stack = QStackedWidget()
        self._views: dict[str, QWidget] = {
            "curves": self.curves,
            "dimensions": self.dimensions,
            "ledger": self.ledger,
            "travel": self.travel,
            "compare": self.compare,
        }
        for view in self._views.values():
            self._stack.addWidget(view)
        self.chooser.buttons["now"].hide()  # it is beside the others, where there is room
        layout.addWidget(self._stack, 1)
        self.monitor = CollapseMonitor()
        layout.addWidget(self.monitor)

    def lay_out(self, config: RunConfig) -> None:
        """Show what a run of these settings has."""
        self._config = config
        shape = CATALOG[config.data.name].shape
        self.curves.set_family(config.model, items_are(shape)[:-1])
        levels = levels_of(config.model)
        codes = config.model.family == "vq"
        self.dimensions.set_title(*(_OF_PLACES if codes else _OF_DIMENSIONS))
        self.dimensions.names(dimension_names(levels), "place" if codes else "")
        per_dimension = bool(levels) or codes
        self.chooser.buttons["dimensions"].setVisible(per_dimension)
        if not per_dimension and self.chooser.key == "dimensions":
            self.chooser.choose("curves")
        self.ledger.lay_out(config, shape)
        self.travel.lay_out(config.model.family, levels)
        self.monitor.lay_out(config)
        self.compare.show_subject(config)
        self._lay_over()

    def set_run(self, folder: Path) -> None:
        """Say which run it is that is shown."""
        if self._config is not None:
            self.compare.show_subject(self._config, folder)
            self._lay_over()

    def _is_comparable(self, folder: str) -> bool:
        """Return whether the curve of a run is of the same quantity: of the same data, by the same likelihood."""
        assert self._config is not None
        other, this = runs.card(Path(folder)).config, self._config.model_dump(mode="json")
        told = ("family", "predicts") if self._config.model.family == "ddpm" else ("likelihood", "binarization")
        return other.get("data", {}).get("name") == self._config.data.name and all(
            other.get("model", {}).get(key) == this["model"].get(key) for key in told
        )

    def set_figures(self, figures: Mapping[str, float], parameters: int) -> None:
        """Say how the run that is shown ended, or stands now."""
        self._figures_stale, self._parameters = False, parameters
        self.compare.show_figures(figures, parameters, tuple(self.turns))

    @Slot()
    def _lay_over(self) -> None:
        """Draw the curves of the runs that are compared behind this one's: of the test split where there is one."""
        plot, figure = self.curves.headline
        for other in (self.curves.elbo, self.curves.loss):
            for key in self._overlaid:
                other.remove_overlay(key)
        self._overlaid = set()
        for overlay in self.compare.overlays():
            if overlay.figure == figure and self._is_comparable(overlay.key):
                x, y = overlay.test if overlay.test.shape[1] else overlay.train
                plot.set_overlay(overlay.key, overlay.name, overlay.color, x, y)
                self._overlaid.add(overlay.key)
        self.redraw(self._last_epoch)

    def clear(self) -> None:
        """Forget the run that was shown."""
        self.turns, self._newest = [], {}
        self._figures_stale, self._parameters = False, 0
        self.curves.clear()
        self.dimensions.clear()
        self.ledger.clear()
        self.travel.clear()
        self.monitor.clear()

    @property
    def newest(self) -> tuple[float, float] | None:
        """Return epoch and seconds of the newest measurement, None where there is none."""
        if not self._newest:
            return None
        last = max(self._newest.values(), key=lambda measurement: measurement.step)
        return last.epoch, last.seconds

    def rewind(self, step: int, total_steps: int) -> None:
        """Forget what comes after a step: the run was killed later and goes on from its checkpoint there."""
        if self._config is None or all(one.step <= step for one in self._newest.values()):
            return
        epoch = step * self._config.training.epochs / total_steps
        self.turns = [turn for turn in self.turns if turn.step <= step]
        self._newest = {}
        self.curves.rewind(epoch, self.turns)
        self.dimensions.clear_marks()
        for turn in self.turns:
            self.dimensions.add_mark(turn.epoch, words_of(turn))
        self.monitor.clear()
        self.redraw(self._last_epoch)

    def take(self, message: object) -> None:
        """Take note of what the training tells."""
        if isinstance(message, Measurement):
            self._measured(message)
        elif isinstance(message, Turned):
            self.turns.append(message)
            self.curves.mark(message)
            self.dimensions.add_mark(message.epoch, words_of(message))
        elif isinstance(message, Snapshot):
            self.travel.add(message)

    def _measured(self, measurement: Measurement) -> None:
        self._newest[measurement.split] = measurement
        self._figures_stale = measurement.split == "test" or self._figures_stale
        self.curves.add(measurement)
        if measurement.kl_per_dimension:
            self.dimensions.add(measurement.epoch, measurement.kl_per_dimension)
        self.monitor.add(measurement, self._beta_at(measurement))

    def _beta_at(self, measurement: Measurement) -> float:
        """Return β in force at a measurement: after its warm-up, or as the knobs stood."""
        assert self._config is not None
        turned = next((t.knobs.beta for t in reversed(self.turns) if t.step <= measurement.step), None)
        return beta_in_force(self._config, CATALOG[self._config.data.name].shape, measurement.epoch, turned)

    def redraw(self, last_epoch: float | None = None) -> None:
        """Draw what is new in the view that is shown.

        Args:
            last_epoch: the planned one, up to which the axis goes while a training is under way; else as far as it is.
        """
        self._last_epoch = last_epoch
        newest = self.newest
        right = horizon(newest[0] if newest is not None else 0.0, last_epoch) if last_epoch else None
        shown = self.chooser.key
        if shown not in _ALONE:
            self.monitor.redraw()
        if shown == "curves":
            self.curves.redraw(right)
        elif shown == "dimensions":
            self.dimensions.redraw(right)
        elif shown == "compare" and self._figures_stale:
            self._figures_stale = False
            last = self._newest["test"]
            figures = {**metrics.figures_of(last), "epochs": last.epoch, "seconds": last.seconds}
            self.set_figures(figures, self._parameters)
        elif shown == "ledger" and self._newest:
            train, test = self._newest.get("train"), self._newest.get("test")
            newer = max(self._newest.values(), key=lambda measurement: measurement.step)
            self.ledger.show_numbers(train, test, self._beta_at(newer))

    def choose(self, key: str) -> None:
        """Show a view, where the run has it."""
        if not self.chooser.buttons[key].isHidden():
            self.chooser.choose(key)

    # ---- what it makes now, where there is no room beside the views ----

    def holds(self, panel: QWidget) -> bool:
        """Return whether a panel is one of the views."""
        return self._views.get("now") is panel

    def take_in(self, panel: QWidget) -> None:
        """Make what the model makes now one of the views."""
        if not self.holds(panel):
            self._views["now"] = panel
            self._stack.addWidget(panel)
            self.chooser.buttons["now"].show()
            self._crowd(compact=True)

    def give_out(self, panel: QWidget) -> None:
        """Have it among the views no more."""
        if self.chooser.key == "now":
            self.chooser.choose("curves")
        self._stack.removeWidget(panel)
        del self._views["now"]
        self.chooser.buttons["now"].hide()
        self._crowd(compact=False)

    def _crowd(self, *, compact: bool) -> None:
        """Give the buttons of the views less room around their words, or as much as usual."""
        for made in self.chooser.buttons.values():
            set_state(made, "compact", compact)

    @property
    def alone_now(self) -> bool:
        """Return whether the view that is shown wants all the room."""
        return self.chooser.key in _ALONE

    @Slot(str)
    def _show(self, key: str) -> None:
        self._stack.setCurrentWidget(self._views[key])
        self.alone.emit(self.alone_now)
        self.monitor.setHidden(key in _ALONE or key == "now" or not self.monitor.findings())
        self.redraw(self._last_epoch)

    def shutdown(self) -> bool:
        """End what reads and what saves in the background; return whether it ended in time."""
        ended = [self.compare.shutdown(), self.travel.shutdown()]
        return all(ended)

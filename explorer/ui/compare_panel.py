"""Compare the experiment with earlier runs: their curves behind its own, final figures and settings that differ."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLineEdit, QSplitter, QVBoxLayout, QWidget

from explorer import comparison, runs
from explorer.comparison import Points, RunCurve, Subject
from explorer.config import RunConfig
from explorer.errors import ExplorerError
from explorer.messages import Failure, ModelCard
from explorer.training_messages import Turned
from explorer.ui.comparison_table import ComparisonTable
from explorer.ui.export import ExportMenu
from explorer.ui.facts import told_apart
from explorer.ui.page import Page
from explorer.ui.panel import Panel, button, label
from explorer.ui.run_list import COLORS, RunList
from explorer.ui.training_curves import words_of
from explorer.workers.curve_reader import CurveReader, stamp

_NONE_YET = "No earlier runs yet: every training of yours appears here. The bundled models can be compared, too."
_CHOOSE = "Check a run above: its curve is drawn behind this one's, and here stands what differs."


@dataclass(frozen=True)
class Overlay:
    """A curve of an earlier run to draw behind others.

    Attributes:
        key: the run's folder.
        name: its title.
        color: the number of a class colour of the theme.
        figure: what it is of: "elbo", "loss", or the "objective" of an autoencoder.
        train, test: epochs and values, (2, points) each.
    """

    key: str
    name: str
    color: int
    figure: str
    train: Points
    test: Points


@dataclass(frozen=True)
class _Chosen:
    subject: Subject
    color: int
    hidden: bool = False
    curve: RunCurve | None = None
    stamp: tuple[int, int] = (0, 0)  # of its metrics.jsonl before the curve was read


def _turns(turned: tuple[Turned, ...]) -> str:
    return "; ".join(f"{words_of(turn)} at epoch {turn.epoch:.4g}" for turn in turned)


class ComparePanel(QWidget):
    """A list of earlier runs to check, and a table of the checked ones beside this experiment.

    ``overlays_changed`` says that ``overlays`` returns others now.
    """

    overlays_changed = Signal()

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self._this = Subject("", RunConfig())
        self._chosen: dict[str, _Chosen] = {}
        self._cards: list[ModelCard] = []
        self._reader: CurveReader | None = None
        self._waiting: list[str] = []
        self._closed = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(12)
        self.splitter.addWidget(self._runs())
        self.splitter.addWidget(self._comparison())
        self.splitter.setStretchFactor(0, 2)
        self.splitter.setStretchFactor(1, 3)
        layout.addWidget(self.splitter)

    def _runs(self) -> Panel:
        panel = Panel("Earlier runs", "Check one to draw its curve behind this one's")
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search runs…")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("search earlier runs")
        self.search.setToolTip("Show only runs whose name, data set, tags or note contain this")
        self.search.setMaximumWidth(220)
        panel.head.addWidget(self.search, 1)
        self.list = RunList()
        self.search.textChanged.connect(self.list.search)
        self.list.checked.connect(self._check)
        self.list.colored.connect(self._color)
        self.list.hidden_.connect(self._hide)
        panel.body.addWidget(self.list, 1)
        self._empty = label(_NONE_YET, "muted")
        self._empty.setWordWrap(True)
        panel.body.addWidget(self._empty)
        panel.setMinimumHeight(150)
        return panel

    def _comparison(self) -> Panel:
        panel = Panel("Side by side", "This experiment and the runs that are checked")
        self.clear_button = button("Clear", "Uncheck all runs")
        self.clear_button.clicked.connect(self._uncheck_all)
        self.export = button("Export ▾", "Save the table")
        self.export.setAccessibleName("Export the comparison")
        self.exports = ExportMenu(self._page)
        self.exports.add("comparison", "Table (CSV)", ".csv", self._csv)
        self.export.setMenu(self.exports)
        for made in (self.clear_button, self.export):
            panel.head.addWidget(made)
        self.table = ComparisonTable()
        self.table.setToolTip("Ctrl+C copies the selected cells")
        panel.body.addWidget(self.table, 1)
        self._hint = label(_CHOOSE, "muted")
        self._hint.setWordWrap(True)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignTop)
        panel.body.addWidget(self._hint, 1)
        self.cautions = label("", "note")
        self.cautions.setWordWrap(True)
        panel.body.addWidget(self.cautions)
        panel.setMinimumHeight(150)
        return panel

    # ---- from the page ----

    def show_subject(self, config: RunConfig, folder: Path | None = None) -> None:
        """Say what the others are compared with: an experiment, or the run of a folder."""
        path = str(folder) if folder is not None else ""
        before = self._this
        if (path, config) == (before.path, before.config):
            return
        self._this = Subject(config.title, config, path=path)
        if folder is not None:
            card = runs.card(folder)
            self._this = replace(self._this, figures=card.metrics, parameters=card.parameters)
        if path != before.path or config.data.name != before.config.data.name:
            self._show_list()
            self._update()
        else:
            self._compare()

    def show_figures(self, figures: Mapping[str, float], parameters: int = 0, turned: tuple[Turned, ...] = ()) -> None:
        """Say how this one stands now, in figures named as in ``run.json``."""
        self._this = replace(self._this, figures=figures, parameters=parameters, turned=_turns(turned))
        self._compare()

    def overlays(self) -> list[Overlay]:
        """Return the curves to draw behind this one's; those hidden or not read yet are not among them."""
        return [
            Overlay(path, one.subject.name, one.color, one.curve.figure, one.curve.train, one.curve.test)
            for path, one in self._chosen.items()
            if one.curve is not None and not one.hidden and path != self._this.path
        ]

    def showEvent(self, event: QShowEvent) -> None:
        """Look for new runs, and for what became of the checked ones."""
        super().showEvent(event)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Read the library again; what is checked stays, as long as it is there."""
        self._cards = [card for card in map(runs.card, runs.folders()) if card.config and card.family != "imported"]
        there = {card.path: card for card in self._cards}
        gone = [path for path in self._chosen if path not in there and not Path(path, runs.RECORD).is_file()]
        for path in gone:
            del self._chosen[path]
        names = told_apart(self._cards)
        for path, one in self._chosen.items():
            card = there.get(path)
            if card is not None:
                changed = replace(one.subject, name=names[path], figures=card.metrics or one.subject.figures)
                self._chosen[path] = replace(one, subject=changed)
        self._show_list()
        self._read([path for path, one in self._chosen.items() if one.stamp != stamp(path)])
        self._update()

    def shutdown(self) -> bool:
        """End the reading."""
        self._closed, self._waiting = True, []
        return self._reader is None or self._reader.stop()

    # ---- the list ----

    def _show_list(self) -> None:
        data = self._this.config.data.name
        own = [card for card in self._cards if not card.bundled]
        groups = [
            (f"Your runs · {data}", [card for card in own if card.dataset == data]),
            ("Your runs · other data sets", [card for card in own if card.dataset != data]),
            (f"Bundled · {data}", [card for card in self._cards if card.bundled and card.dataset == data]),
            ("Bundled · other data sets", [card for card in self._cards if card.bundled and card.dataset != data]),
        ]
        self.list.show_runs(groups, self._this.path)
        self._empty.setVisible(not any(card.path != self._this.path for card in own))

    @Slot(str, bool)
    def _check(self, path: str, on: bool) -> None:
        if not on:
            self._chosen.pop(path, None)
        else:
            card = next(card for card in self._cards if card.path == path)
            try:
                subject = replace(comparison.subject(card), name=told_apart(self._cards)[path])
                self._chosen[path] = _Chosen(subject, self._free_color())
            except ExplorerError as error:
                self._page.problem.emit(Failure(str(error)))
            else:
                self._read([path])
        self._update()

    def _free_color(self) -> int:
        taken = [one.color for one in self._chosen.values()]
        return min(COLORS, key=taken.count)

    @Slot(str, int)
    def _color(self, path: str, color: int) -> None:
        self._chosen[path] = replace(self._chosen[path], color=color)
        self._update()

    @Slot(str, bool)
    def _hide(self, path: str, hidden: bool) -> None:
        self._chosen[path] = replace(self._chosen[path], hidden=hidden)
        self._update()

    @Slot()
    def _uncheck_all(self) -> None:
        self._chosen = {}
        self._update()

    # ---- curves ----

    def _read(self, paths: list[str]) -> None:
        self._waiting += [path for path in paths if path not in self._waiting]
        if not self._waiting or self._reader is not None or self._closed:
            return
        self._reader = CurveReader(self._waiting, self)
        self._waiting = []
        self._reader.curve.connect(self._curve_read)
        self._reader.failed.connect(self._page.problem)
        self._reader.finished.connect(self._reading_ended)
        self._reader.start()

    @Slot(str, object, object)
    def _curve_read(self, path: str, curve: RunCurve | None, before: tuple[int, int]) -> None:
        one = self._chosen.get(path)
        if one is None:  # it was unchecked meanwhile
            return
        if curve is not None:
            one = replace(one, subject=comparison.with_curve(one.subject, curve, _turns(curve.turned)))
        self._chosen[path] = replace(one, curve=curve, stamp=before)
        self._update()

    @Slot()
    def _reading_ended(self) -> None:
        if self._reader is not None:
            self._reader.deleteLater()
        self._reader = None
        self._read([])

    # ---- the table ----

    def _update(self) -> None:
        self.list.set_looks({path: (one.color, one.hidden) for path, one in self._chosen.items()})
        self._compare()
        self.overlays_changed.emit()

    def _compare(self) -> None:
        others = [one for path, one in self._chosen.items() if path != self._this.path]
        self.table.show_subjects([self._this, *(one.subject for one in others)], [None, *(one.color for one in others)])
        self.table.setVisible(bool(others))
        self._hint.setVisible(not others)
        self.cautions.setText("\n".join(f"* {caution}" for caution in self.table.cautions))
        self.cautions.setVisible(bool(others and self.table.cautions))
        self.export.setEnabled(bool(others))
        self.clear_button.setEnabled(bool(others))

    def _csv(self) -> bytes:
        others = [one.subject for path, one in self._chosen.items() if path != self._this.path]
        return comparison.csv_bytes([self._this, *others])

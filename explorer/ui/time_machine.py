"""The time machine: what a model was at every moment of its training, on axes that stay."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import QPointF, QRectF, Qt, Slot
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QGridLayout, QStackedLayout, QVBoxLayout, QWidget

from explorer.training_messages import Snapshot
from explorer.ui import theme
from explorer.ui.export import ExportButton
from explorer.ui.latent_sliders import EXTENT
from explorer.ui.page import Page
from explorer.ui.panel import Panel, label
from explorer.ui.picture_grid import PictureGrid
from explorer.ui.probe_map import ProbeMap
from explorer.ui.travel import Travel
from explorer.ui.travel_bar import TravelBar
from explorer.ui.travel_exports import TravelExports
from explorer.ui.travel_pictures import moment_text
from explorer.ui.traversal_strip import TraversalStrip
from explorer.walks import dimension_names

_NARROW = 560  # pixels; then the map has a row of its own, if there is the height for it
_HIGH = 1.1  # times as high as wide
_TICK_ROOM = 16
_WITH_PRIOR = {"vae", "conditional", "hierarchical"}
_HINT = (
    "Snapshots appear after each epoch: where the encoder puts the same items, what the decoder makes of each "
    "dimension, and samples on a fixed seed. Then travel through the training here."
)


class _Traversals(QWidget):
    """Rows of a traversal with their axis, −3 … 3, below each block."""

    def __init__(self) -> None:
        super().__init__()
        self.strip = TraversalStrip()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, _TICK_ROOM)
        layout.addWidget(self.strip)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Write −3, 0 and 3 below the columns where they are."""
        painter = QPainter(self)
        painter.setFont(theme.font(11, tabular=True))
        painter.setPen(QColor(theme.colors().muted))
        for grid in self.strip.grids:
            if not len(grid.pixels):
                continue
            sheet = grid.cell(0).translated(QPointF(grid.mapTo(self, QPointF(0, 0))))
            half = sheet.width() / grid.columns / 2
            for text, x in (
                (f"−{EXTENT:g}", sheet.left() + half),
                ("0", sheet.center().x()),
                (f"{EXTENT:g}", sheet.right() - half),
            ):
                where = QRectF(x - 20, sheet.bottom() + 1, 40, _TICK_ROOM - 2)
                painter.drawText(where, Qt.AlignmentFlag.AlignCenter, text)
        painter.end()


class TimeMachine(QWidget):
    """Travels through the snapshots of a run: latent map, samples and traversals at one moment, and a scrubber.

    Args:
        page: whose it is; problems with files are told there.
        provenance: says which run it is, for the files that are saved.

    Attributes:
        follow: whether the newest snapshot is shown as it comes: until somebody goes back, and again from *Latest*.
    """

    def __init__(self, page: Page, provenance: Callable[[], Mapping[str, object]]) -> None:
        super().__init__()
        self.travel = Travel()
        self.follow = True
        self._names: list[str] = []
        self._family = "vae"
        self._levels: tuple[int, ...] = ()
        self._stale = False
        self._narrow: bool | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.map = ProbeMap()
        self.samples = PictureGrid("samples at this moment")
        self._traversals = _Traversals()
        self.strip = self._traversals.strip
        self.bar = TravelBar()
        self.bar.moved.connect(self._moved)
        self.export = ExportButton(page)
        self.bar.foot.addWidget(self.export)
        self.exports = TravelExports(self, provenance)
        self.films = self.exports.films
        self.films.status.connect(page.status)
        self.films.problem.connect(page.problem)
        self._samples_panel = Panel("Samples", "What the model draws on the same seed at every moment")
        self._samples_panel.body.addWidget(self.samples, 1)
        self._rows_panel = Panel(
            f"Traversals, −{EXTENT:g} to {EXTENT:g}",
            "Each row moves one dimension of z in units of the prior's σ, the others stay at 0",
        )
        self._rows_panel.body.addWidget(self._traversals, 1)
        self._build()
        self.clear()

    def _build(self) -> None:
        self._stack = QStackedLayout(self)
        hint = label(_HINT, "muted")
        hint.setWordWrap(True)
        hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        nothing = Panel()
        nothing.head.setParent(None)
        nothing.body.setContentsMargins(32, 0, 32, 0)
        nothing.body.addWidget(hint)
        self._stack.addWidget(nothing)
        shown = QWidget()
        self._grid = QGridLayout(shown)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(12)
        self._stack.addWidget(shown)

    # ---- layout ----

    def lay_out(self, family: str, levels: tuple[int, ...] = ()) -> None:
        """Prepare for a run of a family.

        Args:
            family: its name in the settings.
            levels: dimensions of each level of a hierarchy; of a flat model they are found in its snapshots.
        """
        self._family, self._levels = family, levels
        self.clear()

    def _arrange(self) -> None:
        """Put the panels where they fit; what a model does not have is left out."""
        if not len(self.travel):
            return
        newest = self.travel[len(self.travel) - 1]
        narrow = self._narrow
        latent, rows = newest.means.size > 0, len(newest.traversal) > 0
        panels = (self.map, self._samples_panel, self._rows_panel, self.bar)
        for panel in panels:
            self._grid.removeWidget(panel)
        if not latent:
            self._grid.addWidget(self._samples_panel, 0, 0, 1, 2)
        elif narrow:
            self._grid.addWidget(self.map, 0, 0, 1, 2)
            self._grid.addWidget(self._samples_panel, 1, 0, 1, 1 if rows else 2)
            self._grid.addWidget(self._rows_panel, 1, 1)
        else:
            self._grid.addWidget(self.map, 0, 0)
            self._grid.addWidget(self._samples_panel, 0, 1)
            self._grid.addWidget(self._rows_panel, 1, 0, 1, 2)
        self.map.setVisible(latent)  # in the grid by now: without a parent it would be a window
        self._rows_panel.setVisible(rows)
        self._grid.addWidget(self.bar, 2, 0, 1, 2)
        self._grid.setColumnStretch(0, 1 if narrow else 3)
        self._grid.setColumnStretch(1, 1 if narrow else 2)
        self._grid.setRowStretch(0, 2)
        self._grid.setRowStretch(1, 1 if rows or (narrow and latent) else 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Rearrange where the size asks for it."""
        narrow = self.width() < _NARROW and self.height() >= _HIGH * self.width()
        if narrow != self._narrow:
            self._narrow = narrow
            self._arrange()

    # ---- snapshots ----

    def clear(self) -> None:
        """Forget all snapshots and say what will come."""
        self.bar.pause()
        self.bar.set_count(0)
        self.travel.clear()
        self.follow, self._names = True, []
        self.export.setEnabled(False)
        self._stack.setCurrentIndex(0)

    def add(self, snapshot: Snapshot) -> None:
        """Take a snapshot in; it is shown if the training is followed."""
        before = self.moment.step if len(self.travel) else 0
        self.travel.add(snapshot)
        last = len(self.travel) - 1
        self._prepare(snapshot)
        self.bar.set_count(len(self.travel), last if self.follow else self.travel.at_step(before))
        self._show()

    def _prepare(self, snapshot: Snapshot) -> None:
        size = snapshot.means.shape[1] if snapshot.means.size else 0
        known = size and len(self._names) == size
        if size and not known:
            levels = self._levels if sum(self._levels) == size else (size,)
            self._names = dimension_names(levels)
            self.map.lay_out(self._names, prior=self._family in _WITH_PRIOR)
        if size and not self.map.by_hand:
            self.map.set_axes(self.travel.widest(self.map.axes if known else None))
        if len(self.travel) == 1:
            self.exports.offer(snapshot)
            self.export.setEnabled(True)
            self._stack.setCurrentIndex(1)
            self._arrange()

    @property
    def moment(self) -> Snapshot:
        """Return the snapshot that is shown."""
        return self.travel[self.bar.position]

    @property
    def position(self) -> int:
        """Return which of the snapshots is shown, from 0."""
        return self.bar.position

    @Slot(int)
    def _moved(self, position: int) -> None:
        self.follow = self.bar.at_the_end
        self._show()

    def _show(self) -> None:
        """Draw the moment, or as soon as it can be seen."""
        self._stale = not self.isVisible()
        if self._stale or not len(self.travel):
            return
        snapshot = self.moment
        self.bar.where.setText(moment_text(snapshot))
        if snapshot.means.size:
            self.map.show_means(snapshot.means, snapshot.labels, self.travel.reach)
        self.samples.set_pixels(snapshot.samples)
        if len(snapshot.traversal):
            rows, dimensions = self.travel.rows_of(snapshot)
            self.strip.set_rows(rows, [self._name(k) for k in dimensions])
            self._traversals.update()

    def _name(self, k: int) -> str:
        return self._names[k] if k < len(self._names) else f"z{k}"

    # ---- events ----

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what came while it was hidden."""
        super().showEvent(event)
        if self._stale:
            self._show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Travel by the arrow keys, Home, End and Space."""
        if not self.bar.press(Qt.Key(event.key())):
            super().keyPressEvent(event)

    def shutdown(self) -> bool:
        """End the thread of a film that is being saved; return whether it ended in time."""
        self.bar.pause()
        return self.films.stop()

"""How far the particles of a chain are from the data, over t; and the plots over t that share one place."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QStackedWidget

from explorer.chain_messages import DistanceRequest, Distances
from explorer.config import Sampling
from explorer.messages import Frame
from explorer.ui.chain_mode import next_number
from explorer.ui.curve_plot import CurvePlot
from explorer.ui.panel import button
from explorer.workers.session_worker import SessionWorker

_TIP = (
    "The sliced 2-Wasserstein distance of the particles x_t to as many training points noised to the same t (t = 0: "
    "the points themselves): √ of the mean squared difference of sorted projections, over 64 directions. Dashed: that "
    "of other training points to these, which a perfect model has too; where there are fewer of them than two for each "
    "particle, of points drawn from them with replacement (Bonneel et al. 2015)"
)
_EMPTY = "Measured when the chain has arrived"
_NOT_KNOWN = "The training points are not on this machine as they were"
_AT_ONCE = 6  # frames: half a tenth of a second
_MOST = 250  # frames of a chain that are looked at


def spread_order(count: int, most: int) -> list[int]:
    """Return places 0..count−1 so that the first ones are spread over all, at most about ``most`` of them."""
    order: list[int] = []
    seen: set[int] = set()
    for places in [count - 1], *(range(0, count, step) for step in (64, 32, 16, 8, 4, 2, 1)):
        new = [place for place in places if place >= 0 and place not in seen]
        if order and len(order) + len(new) > most:
            new = new[:: -(-len(new) // max(1, most - len(order)))] if len(order) < most else []
        order += new
        seen.update(new)
    return order


class DistancePanel(CurvePlot):
    """Measures a chain that has been computed, a few frames at a time; ``other`` asks for the other plot here."""

    other = Signal()

    def __init__(self, worker: SessionWorker) -> None:
        super().__init__("Distance to the data (sliced W₂)", "t", _TIP, empty_text=_EMPTY)
        self.add_curve("distance", "particles", "good")
        self.set_log_y(True)
        self._worker = worker
        worker.distances.connect(self._got)
        switch = button("bound ›", "Show the bound per step in this place", "link")
        switch.clicked.connect(self.other)
        self.head.addWidget(switch)
        self._frames: Sequence[Frame] = ()
        self._how = Sampling()
        self._left: list[int] = []
        self._request = 0
        self._found: dict[int, tuple[float, float]] = {}

    def clear(self) -> None:
        """Forget the chain."""
        self._frames, self._left, self._request, self._found = (), [], 0, {}
        self.set_curve("distance", [], [], "{:.3f}")
        self.remove_overlay("floor")

    @property
    def measuring(self) -> bool:
        """Return whether there is more to come."""
        return self._request != 0

    @property
    def found(self) -> dict[int, tuple[float, float]]:
        """Return by t the distance of the particles and that of other data."""
        return dict(self._found)

    def measure(self, frames: Sequence[Frame], how: Sampling, *, known: bool = True) -> None:
        """Measure the frames of a chain that has arrived, or was cancelled; not where the data are not ``known``."""
        self.clear()
        self._hint.set_text(_EMPTY if known else _NOT_KNOWN)
        self._say()
        if not known:
            return
        self._frames, self._how, self._left = tuple(frames), how, spread_order(len(frames), _MOST)
        self._ask()

    def _ask(self) -> None:
        chosen, self._left = self._left[:_AT_ONCE], self._left[_AT_ONCE:]
        clouds = [cloud.points[0] for cloud in (self._frames[place] for place in chosen) if cloud.points is not None]
        if not clouds:
            self._request = 0
            return
        self._request = next_number()
        steps = tuple(self._frames[place].t for place in chosen)
        self._worker.submit(DistanceRequest(self._request, steps, np.stack(clouds), self._how))

    def failed(self, request: int) -> bool:
        """Take note that a request has failed; return whether it waited for that."""
        mine = request == self._request != 0
        if mine:
            self._request, self._left = 0, []
        return mine

    @Slot(object)
    def _got(self, message: Distances) -> None:
        if message.request != self._request:
            return
        pairs = zip(message.distance, message.floor, strict=True)
        self._found |= dict(zip(message.t, pairs, strict=True))
        t = np.array(sorted(self._found), np.float64)
        values = np.array([self._found[int(at)] for at in t])
        self.set_overlay("floor", "other data", "muted", t, values[:, 1])
        self.set_curve("distance", t, values[:, 0], "")
        self.legend.set_value("distance", f"{self._found[min(self._found)][0]:.3f}")
        self._ask()


class PlotStack(QStackedWidget):
    """Plots over t of which one is seen; all have their cursor at the same t."""

    def __init__(self, *plots: CurvePlot) -> None:
        super().__init__()
        for plot in plots:
            self.addWidget(plot)

    def set_cursor(self, t: float) -> None:
        """Put the cursors at t."""
        for index in range(self.count()):
            plot = self.widget(index)
            assert isinstance(plot, CurvePlot)
            plot.set_cursor(t)

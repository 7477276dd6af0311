"""The variational bound of a diffusion model per t, evaluated when it is asked for."""

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot

from explorer.figures import Evaluation
from explorer.ui.curve_plot import CurvePlot
from explorer.ui.panel import button, label

_TIP = (
    "The bound −ln p(x₀) ≤ L_T + Σ L_{t−1} + L_0, term by term: L_{t−1} = KL(q(x_{t−1}|x_t, x₀) ‖ p(x_{t−1}|x_t)), "
    "how far the learned step is from the best one; L_0 = −ln p(x₀|x₁). Most of it is paid at small t, for details"
)


class BoundPanel(CurvePlot):
    """The curve, the total, and a button to evaluate it; ``wanted`` asks for that, ``unwanted`` ends it."""

    wanted = Signal()
    unwanted = Signal()

    def __init__(self) -> None:
        super().__init__("Bound per step", "t", _TIP, empty_text="Not evaluated yet for this model")
        self.add_curve("term", "L", "good")
        self.legend.hide()
        self.set_log_y(True)
        self.total = label("", "strong", tabular=True)
        self.head.addWidget(self.total)
        self.compute = button(
            "Evaluate", "Look at test items at many t, in the background while no chain is computed; kept for next time"
        )
        self.compute.clicked.connect(self._clicked)
        self.body.addWidget(self.compute, 0, Qt.AlignmentFlag.AlignLeft)
        self._running = False
        self.evaluation: Evaluation | None = None

    def clear(self) -> None:
        """Forget the model."""
        self.evaluation = None
        self.set_running(None)
        self.set_title("Bound per step")
        self.total.setText("")
        self.set_curve("term", [], [], "")
        self.compute.show()

    def set_running(self, share: float | None) -> None:
        """Show how far the evaluation is; None where there is none."""
        self._running = share is not None
        self.compute.setText("Evaluate" if share is None else f"{share:.0%} · Cancel")

    def set_evaluation(self, evaluation: Evaluation) -> None:
        """Draw what was found."""
        self.evaluation = evaluation
        self.set_running(None)
        self.compute.hide()
        points = "bits_per_dim" not in evaluation.figures
        figure = evaluation.figures["bound" if points else "bits_per_dim"]
        self.set_title("Bound per step (nats)" if points else "Bound per step (bits/dim)")
        error = "" if figure.error is None else f" ± {figure.error:.2g}"
        self.total.setText(f"total {figure.value:.3g}")
        self.total.setToolTip(
            f"{figure.value:.4g}{error} {figure.unit}: {figure.meaning}; {evaluation.items} test items"
        )
        known = [(t, term) for t, term in zip(evaluation.t, evaluation.per_t["term"], strict=True) if term is not None]
        curve = np.array(known, np.float64).reshape(-1, 2)
        self.set_curve("term", curve[:, 0], curve[:, 1], "")

    @Slot()
    def _clicked(self) -> None:
        (self.unwanted if self._running else self.wanted).emit()

"""The chain drawn as a hierarchical VAE: latents z_T … z_1 and x, a fixed encoder above and a learned decoder below."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.figures import Evaluation
from explorer.messages import Pixels
from explorer.ui import theme
from explorer.ui.picture_grid import to_image

_ARROW = 54  # pixels between two latents, at least
_HEAD = 4
_LINE = 18
_TIP = (
    "A diffusion model is a hierarchical VAE with as many latents as steps: z_T … z_1 are x_T … x_1, as large as x. "
    "Its encoder q adds noise and has nothing to learn; its decoder p is the reverse step. Its ELBO is the bound: "
    "the KL of every level and the reconstruction term L_0. Click a latent to go to its t"
)


class HierarchyView(QWidget):
    """Latents of some t in a row, the noise at the left; ``went_to`` carries the t of one that was clicked."""

    went_to = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[int] = []
        self._images: list[QImage] = []
        self._top, self._selected = 0, -1
        self._evaluation: Evaluation | None = None
        self.setMinimumHeight(110)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setToolTip(_TIP)
        self.setAccessibleName("the chain as a hierarchical VAE")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.current().changed.connect(self.update)

    def set_latents(self, marks: Sequence[int], pictures: Pixels, top: int) -> None:
        """Show the latents z_t of some t, falling, of T = ``top``; (items, height, width, channels)."""
        self.marks, self._top = list(marks), top
        self._images = [to_image(picture) for picture in pictures]
        self.update()

    def set_evaluation(self, evaluation: Evaluation | None) -> None:
        """Write the KL of each group of levels below its arrow, where it is known."""
        self._evaluation = evaluation
        self.update()

    def mark(self, t: int) -> None:
        """Mark the latent that is nearest to t."""
        nearest = min(range(len(self.marks)), key=lambda place: abs(self.marks[place] - t), default=-1)
        if nearest != self._selected:
            self._selected = nearest
            self.update()

    # ---- what the levels cost ----

    def levels(self) -> list[float | None]:
        """Return Σ L_{t−1} of the steps between each latent and the next, in the evaluation's unit; None if unknown."""
        pairs = list(zip(self.marks, self.marks[1:], strict=False))
        found = self._evaluation
        if found is None:
            return [None] * len(pairs)
        terms = [
            (t, steps, term)
            for t, steps, term in zip(found.t, found.steps, found.per_t["term"], strict=True)
            if term is not None
        ]
        total: list[float | None] = []
        for above, below in pairs:
            inside = 0.0
            for t, steps, term in terms:  # a term stands for as many steps around its t: count those in (below, above]
                low, high = t - (steps - 1) / 2 - 0.5, t + (steps - 1) / 2 + 0.5
                inside += term * max(0.0, min(high, above + 0.5) - max(low, below + 0.5))
            total.append(inside)
        return total

    # ---- painting ----

    def _side(self) -> float:
        count = max(1, len(self._images))
        width = (self.width() - _ARROW * (count - 1) - 8) / count
        image = self._images[0]
        height = self.height() - 4 * _LINE - 8
        scale = max(0.05, min(width / image.width(), height / image.height()))
        return image.width() * scale

    def cell(self, place: int) -> QRectF:
        """Return where a latent is."""
        image, width = self._images[0], self._side()
        height = width * image.height() / image.width()
        count = len(self._images)
        step = width + _ARROW if count < 2 else (self.width() - 8 - width) / (count - 1)
        top = (self.height() - height) / 2 - _LINE / 2
        return QRectF(4 + place * step, top, width, height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint latents, arrows and what the levels cost."""
        if not self._images:
            return
        colors = theme.colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(11, tabular=True))
        for place, image in enumerate(self._images):
            where = self.cell(place)
            painter.drawImage(where, image)
            painter.setPen(QPen(QColor(colors.accent if place == self._selected else colors.border), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(where.adjusted(-1, -1, 1, 1), 4, 4)
            painter.setPen(QColor(colors.text if place == self._selected else colors.muted))
            below = QRectF(where.center().x() - 50, where.bottom() + 3, 100, _LINE)
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, self._name(self.marks[place]))
        for place, cost in enumerate(self.levels()):
            self._paint_between(painter, self.cell(place), self.cell(place + 1), cost)
        self._paint_words(painter)
        painter.end()

    @staticmethod
    def _name(t: int) -> str:
        return "x = z₀" if t == 0 else "z" + "".join(chr(0x2080 + int(digit)) for digit in str(t))

    def _paint_between(self, painter: QPainter, left: QRectF, right: QRectF, cost: float | None) -> None:
        colors = theme.colors()
        x0, x1, y = left.right() + 6, right.left() - 6, left.center().y()
        for height, color, reverse in ((y - 9, colors.muted, True), (y + 9, colors.accent, False)):
            painter.setPen(QPen(QColor(color), 1.5, Qt.PenStyle.DashLine if reverse else Qt.PenStyle.SolidLine))
            painter.drawLine(QPointF(x0, height), QPointF(x1, height))
            tip, back = (x0, _HEAD) if reverse else (x1, -_HEAD)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(color))
            painter.drawPolygon(
                QPolygonF([QPointF(tip, height), QPointF(tip + back * 1.6, height - _HEAD),
                           QPointF(tip + back * 1.6, height + _HEAD)])
            )  # fmt: skip
        middle = (x0 + x1) / 2
        painter.setPen(QColor(colors.muted))
        painter.drawText(QRectF(middle - 40, y - 9 - _LINE, 80, _LINE), Qt.AlignmentFlag.AlignCenter, "q")
        painter.setPen(QColor(colors.accent))
        said = "p" if cost is None else f"{cost:.2g}"
        painter.drawText(QRectF(middle - 40, y + 11, 80, _LINE), Qt.AlignmentFlag.AlignCenter, said)

    def _paint_words(self, painter: QPainter) -> None:
        colors = theme.colors()
        painter.setFont(theme.font(12))
        above = QRectF(4, 0, self.width() - 8, _LINE)
        painter.setPen(QColor(colors.muted))
        painter.drawText(
            above, Qt.AlignmentFlag.AlignRight, f"⟵  encoder q(zₜ|zₜ₋₁): fixed, {self._top} levels, adds noise"
        )
        painter.setPen(QColor(colors.accent))
        beneath = QRectF(4, self.height() - _LINE, self.width() - 8, _LINE)
        unit = ""
        if self._evaluation is not None:
            bits = "bits_per_dim" in self._evaluation.figures
            unit = f"; below its arrows Σ KL of the levels in {'bits/dim' if bits else 'nats'}, L₀ at the last"
        painter.drawText(beneath, Qt.AlignmentFlag.AlignLeft, f"decoder p(zₜ₋₁|zₜ): learned  ⟶{unit}")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the latent under the mouse."""
        for place in range(len(self._images)):
            if self.cell(place).adjusted(-3, -3, 3, _LINE).contains(event.position()):
                self.went_to.emit(self.marks[place])
                return

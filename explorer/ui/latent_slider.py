"""One latent dimension: its name, its slider, a lock, and its value, which can be typed."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QLineEdit, QWidget

from explorer.ui import theme
from explorer.ui.facts import signed
from explorer.ui.filled_slider import FilledSlider
from explorer.ui.lock_mark import paint_lock
from explorer.ui.setting_row import set_state
from explorer.ui.value_editor import LARGEST, ValueEditor, how_rare, read_value

_ANY = 1e6  # what a code may be, far outside the groove
_NAME, _LOCK, _VALUE, _GAP = 84, 16, 46, 6  # pixels across
_HEIGHT, _LOW_HEIGHT = 26, 22


class LatentSlider(FilledSlider):
    """A row of the sliders: the groove goes from −extent to extent, its value may lie beyond.

    ``let_go`` ends a move by hand, however many values it went through; ``lock_asked`` carries whether all are meant,
    ``said`` what is to be known of the value that was typed: what is wrong with it, or how far out it is.

    Args:
        dimension: which of z it is.
        extent: of the groove, in σ of the prior.
    """

    let_go = Signal()
    lock_asked = Signal(bool)
    said = Signal(str)

    def __init__(self, dimension: int, extent: float, parent: QWidget) -> None:
        super().__init__(parent=parent)
        self.dimension = dimension
        self.locked = False
        self.name, self.text, self.tip = "", "", ""
        self.band: tuple[float, float] | None = None  # μ, σ of the posterior that is shown
        self._extent = extent
        self._editor: ValueEditor | None = None
        self._pressed_keys = False
        self.setRange(-_ANY, _ANY)
        self.setSingleStep(0.1)
        self.setPageStep(0.5)
        self.setMouseTracking(True)
        self.setFixedHeight(_HEIGHT)

    def sizeHint(self) -> QSize:
        """Return the usual size of a row."""
        return QSize(320, _HEIGHT)

    def set_low(self, low: bool) -> None:
        """Take less room, so that more rows are seen."""
        self.setFixedHeight(_LOW_HEIGHT if low else _HEIGHT)

    def describe(self, name: str, text: str, tip: str) -> None:
        """Say what dimension it is: ``name`` such as "z₃", ``text`` is written beside the slider."""
        self.name, self.text, self.tip = name, text, tip
        self.setAccessibleName(f"latent dimension {text}")
        self._tell()

    def _tell(self) -> None:
        """Say in words what is painted."""
        told = ["locked"] if self.locked else []
        if abs(float(self.value())) > self._extent:
            told.append(self.explanation)
        self.setAccessibleDescription("; ".join([*told, self.tip]))

    @property
    def explanation(self) -> str:
        """Return what it means that the value lies beyond the groove, "" where it does not."""
        value = float(self.value())
        if abs(value) <= self._extent:
            return ""
        return f"{self.name} = {signed(value)} lies beyond the slider: {how_rare(value)}"

    def show_value(self, value: float) -> None:
        """Take a value without telling."""
        if value != self.value():
            self.blockSignals(True)
            self.setValue(value)
            self.blockSignals(False)
            self._tell()

    def set_locked(self, locked: bool) -> None:
        """Keep it where it is, or let it go again."""
        self.locked = locked
        self._tell()
        self.update()

    def set_band(self, band: tuple[float, float] | None) -> None:
        """Mark μ ± σ of a posterior, or none."""
        if band != self.band:
            self.band = band
            self.update()

    # ---- geometry ----

    def groove(self) -> tuple[float, float]:
        """Return where the groove begins and ends, in pixels from the left."""
        return _NAME + 8.0, self.width() - _VALUE - _LOCK - 2.0 * _GAP - 4.0

    def ends(self) -> tuple[float, float]:
        """Return the values at the two ends of the groove."""
        return -self._extent, self._extent

    def value_place(self) -> QRectF:
        """Return where the value is written."""
        return QRectF(self.width() - _VALUE, 0, _VALUE, self.height())

    def lock_place(self) -> QRectF:
        """Return where the lock is."""
        return QRectF(self.width() - _VALUE - _LOCK - _GAP, 0, _LOCK, self.height())

    # ---- moving ----

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step, go to an end or to 0, lock, or type."""
        if event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier):
            event.ignore()
            return
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_L:
            self.lock_asked.emit(bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
            return
        if key in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2}:
            self.edit()
            return
        wanted = self._wanted(key)
        if wanted is None:
            event.ignore()
        elif not self.locked:
            self._pressed_keys = True
            self.setValue(wanted)

    def _wanted(self, key: Qt.Key) -> float | None:
        value, low, high = float(self.value()), *self.ends()
        if key in {Qt.Key.Key_Home, Qt.Key.Key_End}:
            return low if key == Qt.Key.Key_Home else high
        if key in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_0}:
            return 0.0
        step, page = self.singleStep(), self.pageStep()
        moves = {
            Qt.Key.Key_Left: -step, Qt.Key.Key_Down: -step, Qt.Key.Key_Right: step, Qt.Key.Key_Up: step,
            Qt.Key.Key_PageDown: -page, Qt.Key.Key_PageUp: page,
        }  # fmt: skip
        if key not in moves:
            return None
        bound = max(high, abs(value))
        return round(min(bound, max(-bound, value + moves[key])), 6)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """A key that is held down is one move."""
        if not event.isAutoRepeat():
            self._end_keys()
        super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """End a move whose key is let go elsewhere."""
        self._end_keys()
        super().focusOutEvent(event)

    def _end_keys(self) -> None:
        if self._pressed_keys:
            self._pressed_keys = False
            self.let_go.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Lock, type, or bring the knob here."""
        where = event.position()
        if event.button() == Qt.MouseButton.LeftButton and self.lock_place().adjusted(-3, 0, 2, 0).contains(where):
            self.lock_asked.emit(bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif event.button() == Qt.MouseButton.LeftButton and self.value_place().contains(where):
            self.edit()
        elif not self.locked and (where.x() > _NAME - 4 or event.button() == Qt.MouseButton.RightButton):
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag, or show what a click would do here."""
        if self.isSliderDown():
            super().mouseMoveEvent(event)
            return
        self.setToolTip(self.tip_at(event.position()))
        over = self.lock_place().contains(event.position())
        typing = self.value_place().contains(event.position())
        shape = Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.IBeamCursor
        self.setCursor(shape if over or typing else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go: a drag, or a click that brought it to 0."""
        moved = self.isSliderDown() or (event.button() == Qt.MouseButton.RightButton and not self.locked)
        super().mouseReleaseEvent(event)
        if moved:
            self.let_go.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave it to the scroll area."""
        event.ignore()

    # ---- typing ----

    @Slot()
    def edit(self) -> None:
        """Let a value be typed: Enter takes it, Esc leaves."""
        if self.locked or self._editor is not None:
            return
        # Of the row's parent: it is higher than the row.
        editor = self._editor = ValueEditor(signed(float(self.value())), self.parentWidget())
        editor.setAccessibleName(f"value of {self.name}")
        editor.setToolTip(f"From −{LARGEST:g} to {LARGEST:g}, in σ. Enter takes it, Esc leaves")
        editor.setTextMargins(-6, 0, -6, 0)
        editor.setAlignment(Qt.AlignmentFlag.AlignRight)
        editor.setFont(theme.font(tabular=True))
        width, height = _VALUE + _LOCK + 2, editor.sizeHint().height()
        place, room = self.geometry(), self.parentWidget().height() - height
        top = max(0, min(place.center().y() - height // 2, room))  # that of the first and last row is seen in full, too
        editor.setGeometry(place.right() + 1 - width, top, width, height)
        editor.taken.connect(self._take)
        editor.textEdited.connect(self._retyped)
        editor.left.connect(self._leave)
        editor.show()
        editor.selectAll()
        editor.setFocus()

    @property
    def editor(self) -> QLineEdit | None:
        """Return the field that a value is typed into, while one is."""
        return self._editor

    @Slot()
    def _retyped(self) -> None:
        if self._editor is not None:
            set_state(self._editor, "invalid", False)
            self.said.emit("")

    @Slot()
    def _take(self) -> None:
        if self._editor is None:
            return
        value, problem = read_value(self._editor.text())
        if problem:
            set_state(self._editor, "invalid", True)
            self._editor.setAccessibleDescription(problem)
            self.said.emit(problem)
            return
        self._leave()
        self.setFocus()
        self.setValue(value)
        self._tell()
        self.let_go.emit()
        self.said.emit(self.explanation)

    @Slot()
    def _leave(self) -> None:
        editor, self._editor = self._editor, None
        if editor is not None:
            self.said.emit("")
            had_focus = editor.hasFocus()
            editor.hide()
            editor.deleteLater()
            if had_focus:
                self.setFocus()
            self.update()

    def hideEvent(self, event: QHideEvent) -> None:
        """Take the field away with the row: it is not inside it."""
        self._leave()
        super().hideEvent(event)

    # ---- looks ----

    def tip_at(self, where: QPointF) -> str:
        """Return what is said of a place in the row."""
        if self.lock_place().contains(where):
            words = "Unlock" if self.locked else "Lock"
            kept = "locked: random, 0, an image and the map leave it as it is"
            return f"{words} this dimension (L; Shift+L for all) – {kept}"
        if self.value_place().contains(where):
            return "Click, Enter or F2 to type a value; Enter takes it, Esc leaves"
        parts = [self.tip, self.explanation]
        if self.band is not None:
            mean, sigma = self.band
            parts.append(f"the image's q(z|x): μ = {signed(mean)}, σ = {signed(sigma)} (the band)")
        parts.append("Drag; arrows 0.1, Page Up and Down 0.5, Home and End, Delete or right click for 0, L locks")
        return "\n".join(part for part in parts if part)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint name, posterior, slider, lock and value."""
        colors = theme.colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font())
        painter.setPen(QColor(colors.text if self.hasFocus() else colors.muted))
        name = self.fontMetrics().elidedText(self.text, Qt.TextElideMode.ElideRight, _NAME)
        painter.drawText(QRectF(0, 0, _NAME, self.height()), Qt.AlignmentFlag.AlignVCenter, name)
        self._paint_band(painter)
        painter.end()
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_beyond(painter)
        if self.locked or self.underMouse() or self.hasFocus():
            paint_lock(painter, self.lock_place().center(), closed=self.locked)
        if self._editor is None:
            painter.setFont(theme.font(tabular=True))
            painter.setPen(QColor(colors.muted if self.locked else colors.text))
            flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(self.value_place(), flags, signed(float(self.value())))
        painter.end()

    def fill(self) -> QColor:
        """Return the colour of filling and knob: muted while it is locked."""
        return QColor(theme.colors().muted) if self.locked else super().fill()

    def _paint_band(self, painter: QPainter) -> None:
        if self.band is None:
            return
        mean, sigma = self.band
        left, right, middle = self._x(mean - sigma), self._x(mean + sigma), self.height() / 2
        color = QColor(theme.colors().second)
        painter.setPen(Qt.PenStyle.NoPen)
        color.setAlpha(90)
        painter.setBrush(color)
        painter.drawRoundedRect(QRectF(left, middle - 6, max(2.0, right - left), 12), 2, 2)
        color.setAlpha(255)
        painter.setBrush(color)
        painter.drawRect(QRectF(self._x(mean) - 0.75, middle - 8, 1.5, 16))

    def _paint_beyond(self, painter: QPainter) -> None:
        """Point out of the groove where the value lies."""
        value = float(self.value())
        if abs(value) <= self._extent:
            return
        way = 1 if value > 0 else -1
        tip, middle = self._x(value) + 13 * way, self.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.colors().second))
        corners = [QPointF(tip, middle), QPointF(tip - 5 * way, middle - 4), QPointF(tip - 5 * way, middle + 4)]
        painter.drawPolygon(QPolygonF(corners))

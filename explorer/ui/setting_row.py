"""One row of a form: the name of a setting, its editor, what is wrong with it, and the way back."""

import html
from collections.abc import Iterable
from typing import Any

from pydantic.fields import FieldInfo
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QColor, QContextMenuEvent, QGuiApplication, QKeyEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from explorer.setting import choices, hints, requirement, stepped
from explorer.ui import theme
from explorer.ui.panel import button, label

_NAMES = {
    "autoencoder": "Autoencoder", "vae": "VAE, β-VAE", "conditional": "Conditional VAE", "vq": "VQ-VAE",
    "hierarchical": "Hierarchical VAE", "ddpm": "DDPM", "mlp": "MLP", "unet": "U-Net", "bernoulli": "Bernoulli",
    "gaussian": "Gaussian", "cpu": "CPU", "cuda": "CUDA", "mps": "MPS", "ema": "moving average",
    "beta": "β itself", "beta_norm": "β_norm", "digits": "Digits · 1 797", "mnist": "MNIST · 70 000",
    "sprites": "Sprites · drawn", "cifar10": "CIFAR-10 · 60 000", "drawn": "Drawn by you",
    "nothing": "no class", "class": "its class",
    "mean": "the mean μ̃ (A)", "x0": "the clean x₀ (B)", "eps": "the noise ε (C)", "v": "v", "simple": "simple",
    "posterior": "β̃_t (posterior)", "bound": "the bound", "true": "yes", "false": "no",
}  # fmt: skip
LABEL_WIDTH = 104
_PAGE, _LEAP = 10, 3  # steps of an arrow key for a page; three of 1, 2, 5, 10 are ten times as much
_KEYS = {
    Qt.Key.Key_Up: (True, 1), Qt.Key.Key_Down: (False, 1),
    Qt.Key.Key_PageUp: (True, _PAGE), Qt.Key.Key_PageDown: (False, _PAGE),
}  # fmt: skip


def shown_value(value: Any) -> str:
    """Return a setting's value as people write it."""
    if isinstance(value, tuple | list):
        return ", ".join(shown_value(part) for part in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)


def choice_name(choice: str) -> str:
    """Return what a choice is called in a form."""
    return _NAMES.get(choice, choice)


def set_state(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet looks at, and show it."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


class ChoiceBox(QComboBox):
    """A box of choices that leaves the wheel to what it lies in, so that scrolling past changes nothing."""

    def __init__(self, offered: Iterable[str] = ()) -> None:
        super().__init__()
        self._offered = tuple(offered)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)

    def show_choice(self, choice: str) -> None:
        """Choose one; what is not offered is added for as long as it is chosen: a run's device may be cuda:1."""
        wanted = self._offered if choice in self._offered else (*self._offered, choice)
        if [self.itemData(index) for index in range(self.count())] != list(wanted):
            self.clear()
            for each in wanted:
                self.addItem(choice_name(each), each)
        self.setCurrentIndex(self.findData(choice))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave it to the scroll area."""
        event.ignore()

    def showPopup(self) -> None:
        """Show the choices in full, also where they are wider than the box."""
        view = self.view()
        view.setMinimumWidth(view.sizeHintForColumn(0) + 2 * theme.GRID)
        super().showPopup()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the choice, with an ellipsis where it is too long."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        if self.currentIndex() < 0:
            option.currentText = self.placeholderText()
        control, part = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(control, option, part, self).width() - 2
        option.currentText = self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideRight, room)
        painter = QStylePainter(self)
        painter.drawComplexControl(control, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()


class ValueField(QLineEdit):
    """A field for a number, a list or a text; arrow keys step a number, its unit is written at the right."""

    def __init__(self, field: FieldInfo) -> None:
        super().__init__()
        self._field = field
        self._unit = str(hints(field).get("unit", ""))
        if self._unit:
            self.setTextMargins(0, 0, self.fontMetrics().horizontalAdvance(self._unit) + theme.GRID, 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step a number up or down."""
        move = _KEYS.get(Qt.Key(event.key()))
        if move is None or self._field.annotation not in {int, float} or event.modifiers() & ~_KEYPAD:
            super().keyPressEvent(event)
            return
        try:
            value = float(self.text()) if self._field.annotation is float else int(self.text())
        except ValueError:
            return
        up, times = move
        known = hints(self._field)
        for _ in range(min(times, _LEAP) if known.get("log") or "factor" in known else times):
            value = stepped(self._field, value, up)
        self.setText(shown_value(value))
        self.editingFinished.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the unit beside what is typed."""
        super().paintEvent(event)
        if self._unit:
            painter = QPainter(self)
            painter.setPen(QColor(theme.colors().muted))
            inside = self.rect().adjusted(0, 0, -theme.GRID - 1, 0)
            painter.drawText(inside, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._unit)
            painter.end()


_KEYPAD = Qt.KeyboardModifier.KeypadModifier


class SettingRow(QWidget):
    """Shows one setting and lets a person change it; ``edited`` and ``reset_asked`` carry its address."""

    edited = Signal(str)
    reset_asked = Signal(str)

    def __init__(self, address: str, field: FieldInfo, offered: tuple[str, ...] = ()) -> None:
        """Make it; ``offered`` are the choices where they are not those of the field."""
        super().__init__()
        self.address, self.field = address, field
        self.problem = ""
        self.typing = False  # what is in the field is not finished
        self._was: str | None = None
        self._needs = ""
        self._taken = ""
        self._offered = offered or choices(field)
        self.editor: ChoiceBox | ValueField
        if self._offered:
            self.editor = ChoiceBox(self._offered)
            self.editor.activated.connect(self._finished)
        else:
            self.editor = ValueField(field)
            self.editor.editingFinished.connect(self._finished)
            self.editor.textEdited.connect(self._typed)
        self.editor.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)  # the row has one
        self._lay_out()
        self._describe()

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.GRID)
        grid.setVerticalSpacing(3)
        self._mark = QFrame()
        self._mark.setObjectName("changedMark")
        self._mark.setFixedSize(3, 14)
        self._mark.hide()
        self._name = label("", "muted")
        self._name.setWordWrap(True)
        self._name.setBuddy(self.editor)
        head = QWidget()
        head.setFixedWidth(LABEL_WIDTH)
        row = QHBoxLayout(head)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(5)
        row.addWidget(self._mark)
        row.addWidget(self._name, 1)
        self.editor.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.reset = button("↺", "", "link")
        self.reset.setFixedWidth(16)
        self.reset.clicked.connect(self._go_back)
        self.reset.hide()
        self.message = label("", "note")
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setWordWrap(True)
        self.message.hide()
        value = QHBoxLayout()
        value.setSpacing(4)
        value.addWidget(self.editor, 1)
        value.addWidget(self.reset)
        grid.addWidget(head, 0, 0)
        grid.addLayout(value, 0, 1)
        grid.addWidget(self.message, 1, 0, 1, 2)
        grid.setColumnStretch(1, 1)

    # ---- its value ----

    @property
    def text(self) -> str:
        """Return what is chosen or typed."""
        return str(self.editor.currentData()) if isinstance(self.editor, ChoiceBox) else self.editor.text()

    def set_value(self, value: Any) -> None:
        """Show a value; nothing is emitted."""
        self.set_text(shown_value(value))

    def set_text(self, text: str) -> None:
        """Choose or type; nothing is emitted."""
        if isinstance(self.editor, ChoiceBox):
            self.editor.show_choice(text)
        elif self.editor.text() != text:
            self.editor.setText(text)
        self._taken, self.typing = text, False

    @Slot()
    def _typed(self) -> None:
        self.typing = True
        if self.problem:  # a wrong value is told when it is finished, and taken back as soon as it is right
            self.edited.emit(self.address)

    @Slot()
    def _finished(self) -> None:
        if self.typing or self.text != self._taken:
            self._taken, self.typing = self.text, False
            self.edited.emit(self.address)

    @Slot()
    def _go_back(self) -> None:
        self.editor.setFocus()
        self.reset_asked.emit(self.address)

    # ---- what is said of it ----

    @property
    def name(self) -> str:
        """Return its name."""
        return str(hints(self.field)["label"])

    @property
    def advanced(self) -> bool:
        """Return whether it rarely needs a change."""
        return bool(hints(self.field).get("advanced"))

    @property
    def changed(self) -> bool:
        """Return whether it is shown as changed."""
        return self._was is not None

    def value_name(self, value: Any) -> str:
        """Return what one of its values is called."""
        return choice_name(shown_value(value)) if self._offered else shown_value(value)

    def matches(self, words: Iterable[str]) -> bool:
        """Return whether name, address, description or choices contain all words."""
        named = " ".join(f"{choice} {choice_name(choice)}" for choice in self._offered)
        text = f"{self.name} {self.address} {self.field.description} {named}".casefold()
        return all(word in text for word in words)

    def declare(self, field: FieldInfo) -> None:
        """Say of itself what another field says: a family describes itself."""
        self.field = field
        self._describe()

    def show_changed(self, was: str | None) -> None:
        """Mark it as changed from what it ``was``; None takes the mark away."""
        if was == self._was:
            return
        self._was = was
        self._mark.setVisible(was is not None)
        self.reset.setVisible(was is not None)
        set_state(self._name, "role", "muted" if was is None else "")
        self._describe()

    def show_problem(self, problem: str) -> None:
        """Say below the field what is wrong with it; an empty text says that nothing is."""
        if problem != self.problem:
            self.problem = problem
            set_state(self.editor, "invalid", bool(problem))
            self._describe()

    def show_needs(self, needs: str) -> None:
        """Disable it and say what it needs to matter; an empty text enables it."""
        if needs != self._needs:
            self._needs = needs
            self.editor.setEnabled(not needs)
            self._describe()

    def _describe(self) -> None:
        self._name.setText(self.name)
        said = self.problem or self._needs
        self.message.setText(said)
        self.message.setVisible(bool(said))
        set_state(self.message, "role", "problem" if self.problem else "note")
        changed = "" if self._was is None else f"changed: was {_short(self._was)}"
        must = "" if self._offered or self.field.annotation is str else f"{requirement(self.field)}; "
        parts = [f"{self.field.description}", f"{must}{self.address}", changed]
        tip = "".join(f"<p>{html.escape(part)}</p>" for part in parts if part)
        for widget in (self.editor, self._name, self._mark):
            widget.setToolTip(tip)
        self.editor.setAccessibleName(self.name)
        told = (said, changed, str(self.field.description))
        self.editor.setAccessibleDescription(". ".join(part for part in told if part))
        back = f"Back to {_short(self._was or '')}"
        self.reset.setToolTip(html.escape(back))
        self.reset.setAccessibleName(f"Reset {self.name}")
        self.reset.setAccessibleDescription(back)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer the way back and the words for the command line, besides what a field offers itself."""
        menu = self.editor.createStandardContextMenu() if isinstance(self.editor, QLineEdit) else QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if menu.actions():
            menu.addSeparator()
        if self._was is not None:
            menu.addAction(f"Reset to {_short(self._was)}", self._go_back)
        menu.addAction("Copy for the command line", self._copy)
        menu.popup(event.globalPos())

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(f'--set "{self.address}={self._taken}"')


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"

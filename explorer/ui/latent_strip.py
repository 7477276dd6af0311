"""The strip below the map: ways to look at the latent space about the place one is at, one of them at a time."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QApplication, QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QStackedWidget, QWidget

from explorer.latent_messages import CodebookFound, CodeMap, Encoded, MapItems, PriorSamples, Sheet
from explorer.messages import Floats, OpenedModel
from explorer.ui.codes_mode import CodesMode
from explorer.ui.interpolation_mode import InterpolationMode
from explorer.ui.panel import Panel, Segmented, button
from explorer.ui.plot_head import Title
from explorer.ui.saved_mode import SavedMode
from explorer.ui.strip_mode import StripMode

_TITLE_WIDTH = 110  # pixels that the title has at least while all modes have a button
_TALL = 200  # pixels: from this height on a mode whose controls are wide has a row of its own for them
_STILL, _MOVING = "▶ animate", "❚❚ animate"
_NO_MODEL = "Open a VAE from the Models page to see where it puts the data and to walk there."


class LatentStrip(Panel):
    """Shows one of the modes it is given, and passes on what they say; all of them know the place where one is.

    ``asked``, ``went``, ``classed``, ``released``, ``path`` and ``changed`` as of a StripMode; ``saved`` carries
    (name, z) of each saved place, ``second_moved`` the second place, or None where the mode that is shown uses none;
    ``job``, ``status`` and ``problem`` as of a Page, for films that are being saved.
    """

    asked = Signal(object)
    went = Signal(object)
    classed = Signal(int)
    released = Signal()
    path = Signal(object)
    changed = Signal()
    saved = Signal(object)
    second_moved = Signal(object)
    job = Signal(object)
    status = Signal(str)
    problem = Signal(object)

    def __init__(self, modes: Sequence[StripMode]) -> None:
        super().__init__()
        self.modes = {mode.key: mode for mode in modes}
        self.model: OpenedModel | None = None
        self._fit: list[str] = []
        self._place: tuple[Floats, int] | None = None
        self._second: Floats | None = None
        self._mode: StripMode | None = None
        self._add_title()
        self._bars = QWidget()
        self._bars.setMinimumWidth(1)  # it goes into a row of its own before it is too narrow
        self._bar_row = QHBoxLayout(self._bars)
        self._bar_row.setContentsMargins(0, 0, 0, 0)
        self._bar_row.addStretch(1)
        self.buttons = Segmented([(mode.key, mode.title, mode.tip) for mode in modes], "what the strip shows")
        self.buttons.setToolTip("What the strip shows (Ctrl+PgUp, Ctrl+PgDown)")
        self.buttons.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.buttons.chosen.connect(self.choose)
        self.box = QComboBox()  # instead of the buttons where the window is narrow
        self.box.setToolTip("What the strip shows (Ctrl+PgUp, Ctrl+PgDown)")
        self.box.setAccessibleName("what the strip shows")
        self.box.activated.connect(self._box_chosen)
        self.animate = button(_MOVING, "Swing through the pictures and back (Ctrl+Return)")
        self.animate.setAccessibleName("animate")
        self.animate.setCheckable(True)
        self.animate.ensurePolished()
        widest = self.animate.sizeHint().width()
        self.animate.setText(_STILL)
        self.animate.setFixedWidth(max(widest, self.animate.sizeHint().width()))  # nothing beside it moves
        self.animate.clicked.connect(self._animate)
        self.export = QPushButton("Export ▾")
        self.export.setToolTip("Save what the strip shows: pictures, films, the z")
        self.export.setAccessibleName("Export of the strip")
        self._stack = QStackedWidget()
        self.body.addWidget(self._stack, 1)
        for widget in (self._bars, self.buttons, self.box, self.animate, self.export):
            self.head.addWidget(widget)
        self.box.hide()
        for mode in modes:
            self._add(mode)
        self._order_tabs()
        QShortcut(QKeySequence("Ctrl+D"), self, self.save_place)
        QShortcut(QKeySequence("Ctrl+Return"), self, self.animate.click)
        QShortcut(QKeySequence("Ctrl+PgDown"), self, self.show_next)
        QShortcut(QKeySequence("Ctrl+PgUp"), self, self.show_previous)
        self.set_model(None, [], _NO_MODEL)

    def _add_title(self) -> None:
        plain, self.title = self.title, Title()
        self.title.setProperty("role", "title")
        self.title.setSizePolicy(plain.sizePolicy())
        self.head.replaceWidget(plain, self.title)
        plain.hide()
        plain.deleteLater()

    def _add(self, mode: StripMode) -> None:
        self._stack.addWidget(mode)
        mode.bar.hide()
        self._bar_row.insertWidget(self._bar_row.count() - 1, mode.bar)
        for mine, own in (
            (mode.asked, self.asked), (mode.went, self.went), (mode.classed, self.classed), (mode.path, self.path),
            (mode.released, self.released), (mode.status, self.status), (mode.problem, self.problem),
            (mode.films.job, self.job), (mode.films.status, self.status), (mode.films.problem, self.problem),
        ):  # fmt: skip
            mine.connect(own)
        mode.changed.connect(self._changed)
        if isinstance(mode, SavedMode):
            mode.saved.connect(self.saved)
        elif isinstance(mode, InterpolationMode):
            mode.second_moved.connect(self._second_moves)

    def _order_tabs(self) -> None:
        """Let Tab go as one reads: the controls of the mode, which mode, animate, Export, then the pictures."""
        parts = [*(mode.bar for mode in self.modes.values()), self.buttons, self.box, self.animate, self.export]
        stops = [stop for part in (*parts, *self.modes.values()) for stop in _stops(part)]
        for before, after in itertools.pairwise(stops):
            self.setTabOrder(before, after)

    # ---- modes ----

    @property
    def mode(self) -> StripMode:
        """Return the mode that is shown."""
        assert self._mode is not None
        return self._mode

    @Slot(str)
    def choose(self, key: str) -> None:
        """Show a mode."""
        mode = self.modes[key]
        if mode is not self._mode:
            had_keys = self._mode is not None and _has_focus(self._mode, self._mode.bar)
            if self._mode is not None:
                self._mode.animate(False)
                self._mode.go_down()
                self._mode.bar.hide()
            self._mode = mode
            self._stack.setCurrentWidget(mode)
            mode.bar.show()
            self.export.setMenu(mode.exports)
            self.buttons.buttons[key].setChecked(True)
            self.box.setCurrentIndex(self.box.findData(key))
            self._hand_place(mode)
            self._tell_second()
            if self.model is not None:
                mode.come_up()
            if had_keys:  # or they would go to whatever comes next in the window
                stops = [stop for stop in (*_stops(mode), *_stops(mode.bar)) if stop.isVisible() and stop.isEnabled()]
                next(iter(stops), self.export).setFocus()
        self._changed()

    @Slot()
    def _box_chosen(self) -> None:
        self.choose(str(self.box.currentData()))

    @Slot()
    def show_next(self) -> None:
        """Show the mode to the right of the one that is shown."""
        self._move_on(1)

    @Slot()
    def show_previous(self) -> None:
        """Show the mode to the left of the one that is shown."""
        self._move_on(-1)

    def _move_on(self, places: int) -> None:
        self.choose(self._fit[(self._fit.index(self.mode.key) + places) % len(self._fit)])

    def _hand_place(self, mode: StripMode) -> None:
        if self._place is not None:
            mode.set_place(*self._place)

    @Slot()
    def _changed(self) -> None:
        if self._mode is None:  # the first one is not chosen yet
            return
        mode = self._mode
        self.title.setText(mode.heading)
        self.title.setToolTip(f"{mode.heading}. {mode.tip}")
        self.export.setEnabled(self.model is not None and mode.exportable)
        self.animate.setEnabled(self.model is not None and mode.animates)
        self.animate.setChecked(mode.swinging)
        self.animate.setText(_MOVING if mode.swinging else _STILL)
        self._arrange()
        self.changed.emit()

    @Slot(bool)
    def _animate(self, on: bool) -> None:
        self.mode.animate(on)
        self._changed()

    # ---- what the page tells ----

    def set_model(self, model: OpenedModel | None, names: list[str], hint: str = "") -> None:
        """Begin anew with a model whose dimensions have these names; without one say why."""
        if self._mode is not None:
            self._mode.animate(False)
            self._mode.go_down()
        had_codes = self.model is not None and CodesMode.fits(self.model)
        self.model, self._place, self._second = model, None, None
        self._fit = [key for key, mode in self.modes.items() if model is None or mode.fits(model)]
        self.box.clear()
        for key, mode in self.modes.items():
            fits = key in self._fit
            self.buttons.buttons[key].setVisible(fits)
            mode.set_model(model if fits else None, names, hint or ("" if model is not None else _NO_MODEL))
            if fits:
                self.box.addItem(mode.title, key)
        self._tell_second()
        wanted = self._mode.key if self._mode is not None and self._mode.key in self._fit else self._fit[0]
        if model is not None and not had_codes and wanted == self._fit[0]:
            # Of a VQ-VAE the codes are what there is to see first; who goes on to another one keeps what is shown.
            wanted = next((key for key in self._fit if isinstance(self.modes[key], CodesMode)), wanted)
        if self._mode is self.modes[wanted]:
            self.box.setCurrentIndex(self.box.findData(wanted))
            if model is not None:
                self.mode.come_up()
            self._changed()
        else:
            self.choose(wanted)
        self._arrange()

    def set_items(self, items: MapItems) -> None:
        """Tell what the points of the map are."""
        for mode in self._fitting():
            mode.set_items(items)

    def set_place(self, z: Floats, label: int) -> None:
        """Tell where sliders and cursor are; it comes at every move, so only the mode that is shown is told at once."""
        self._place = (z, label)
        self.mode.set_place(z, label)

    def take_sheet(self, sheet: Sheet) -> None:
        """Pass pictures on."""
        self.mode.take_sheet(sheet)

    def take_samples(self, samples: PriorSamples) -> None:
        """Pass draws from the prior on."""
        self.mode.take_samples(samples)

    def take_encoded(self, encoded: Encoded) -> None:
        """Pass on the image that was encoded last."""
        for mode in self._fitting():
            mode.take_encoded(encoded)

    def take_codes(self, found: CodeMap) -> None:
        """Pass a map of codes on."""
        self.mode.take_codes(found)

    def take_codebook(self, found: CodebookFound) -> None:
        """Pass the codebook on."""
        self.mode.take_codebook(found)

    def selected(self, items: NDArray[np.int64]) -> None:
        """Tell which items of the map are selected."""
        for mode in self._fitting():
            mode.take_selection(items)

    def second(self, z: Floats | None) -> None:
        """Tell which second place was picked in the map; None takes it back.

        What lies between comes up, unless the mode that is shown takes a second place itself.
        """
        if self.model is None:
            return
        for mode in self._fitting():
            self._hand_place(mode)
            mode.take_second(z)
        between = next((mode.key for mode in self._fitting() if isinstance(mode, InterpolationMode)), None)
        self._second = z
        if z is not None and between is not None and not self.mode.uses_second:
            self.choose(between)
        else:
            self._tell_second()

    @Slot(object)
    def _second_moves(self, z: Floats | None) -> None:
        self._second = z
        self._tell_second()

    def _tell_second(self) -> None:
        self.second_moved.emit(self._second if self._mode is not None and self._mode.uses_second else None)

    def _fitting(self) -> list[StripMode]:
        return [self.modes[key] for key in self._fit] if self.model is not None else []

    @Slot()
    def save_place(self) -> None:
        """Save where sliders and cursor are, whichever mode is shown."""
        for mode in self._fitting():
            if isinstance(mode, SavedMode):
                self._hand_place(mode)
                mode.save_here()

    def cancel_job(self) -> None:
        """End the film that is being saved; nothing is written."""
        for mode in self.modes.values():
            mode.films.cancel()

    def shutdown(self) -> bool:
        """End what moves and the threads of films that are being saved; return whether they ended in time."""
        self.mode.animate(False)
        self.mode.go_down()
        ended = [mode.shutdown() for mode in self.modes.values()]
        return all(ended)

    # ---- one row or two ----

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Choose by a box where there is no room for the buttons."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        # Not the width of the title row: it is 0 while anything in it is to be laid out anew.
        outer = self.layout()
        margins = outer.contentsMargins() if outer is not None else self.contentsMargins()
        room = self.contentsRect().width() - margins.left() - margins.right() - 5 * self.head.spacing()
        room -= self.animate.width() + self.export.sizeHint().width()
        beside = self.buttons.sizeHint().width() + _TITLE_WIDTH
        bar = max((self.modes[key].bar.sizeHint().width() for key in self._fit), default=0)
        tall = self.height() >= _TALL and self._mode is not None
        if tall:  # the buttons are there for all modes alike, whatever their controls need
            bar = self.mode.bar.sizeHint().width()
        narrow = room < beside + (0 if tall else bar)
        self.buttons.setVisible(not narrow)
        self.box.setVisible(narrow)
        below = room < bar + (self.box.sizeHint().width() if narrow else beside)
        if below != (self.body.indexOf(self._bars) >= 0):
            if below:
                self.head.removeWidget(self._bars)
                self.body.insertWidget(0, self._bars)
            else:
                self.body.removeWidget(self._bars)
                self.head.insertWidget(1, self._bars)


def _has_focus(*parts: QWidget) -> bool:
    """Return whether one of the parts of the window has the keys."""
    focus = QApplication.focusWidget()
    return focus is not None and any(part is focus or part.isAncestorOf(focus) for part in parts)


def _stops(part: QWidget) -> list[QWidget]:
    """Return where Tab stops in a part of the window, itself included."""
    inside = [part, *part.findChildren(QWidget)]  # and what belongs to menus and lists, which are windows of their own
    own = [widget for widget in inside if widget.window() is part.window()]
    return [widget for widget in own if widget.focusPolicy() & Qt.FocusPolicy.TabFocus]

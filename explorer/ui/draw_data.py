"""Draw a data set of points, and train a model on it in place."""

from pathlib import Path

import numpy as np
from PySide6.QtCore import QStandardPaths, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QFileDialog, QGridLayout, QHBoxLayout, QLineEdit, QWidget

from explorer.data import drawn
from explorer.errors import ExplorerError
from explorer.messages import Failure, Floats
from explorer.training_messages import Pictures, Progress
from explorer.ui import theme
from explorer.ui.curve_plot import CurvePlot
from explorer.ui.drawn_training import STEPS, DrawnTraining, settings_for
from explorer.ui.facts import spaced
from explorer.ui.panel import Panel, Segmented, button, label
from explorer.ui.picture_grid import PictureGrid
from explorer.ui.point_pad import SIZES, PointPad
from explorer.ui.point_shapes import LONGEST_TEXT, SHAPES, letters, shape
from explorer.ui.setting_row import choice_name

_TOOLS = [
    ("spray", "spray", "Hold the button: points fall around the cursor"),
    ("line", "line", "Points along the way of the cursor"),
    ("eraser", "eraser", "Takes the points within its circle away"),
]
_SIZES = [(name, name, f"The tool reaches {size:g} units of the axes") for name, size in SIZES.items()]
_PREDICTS = ("eps", "x0", "v", "mean")
_OF_FILE, _SHAPE, _OWN = "file", "shape ", "own "
_NO_PICTURES = "Its samples appear here while it learns."


class DrawData(QWidget):
    """Drawing at the left, learning at the right; ``trained`` carries the run folder of the model, ``closed`` "back".

    ``job``, ``status`` and ``problem`` as of a Page.
    """

    trained = Signal(str)
    closed = Signal()
    job = Signal(object)
    status = Signal(str)
    problem = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.training = DrawnTraining(self)
        self.training.progress.connect(self._progressed)
        self.training.pictures.connect(self._pictured)
        self.training.trained.connect(self._trained)
        self.training.problem.connect(self.problem)
        self.training.ended.connect(self._ended)
        self._losses: tuple[list[float], list[float]] = ([], [])
        self._offered = ""  # the folder of a model that nobody has looked at
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self._drawing(), 1)
        row.addWidget(self._learning(), 1)
        for key, slot in (("Ctrl+Z", self.pad.undo), ("Ctrl+Shift+Z", self.pad.redo), ("Ctrl+Y", self.pad.redo)):
            QShortcut(QKeySequence(key), self, slot, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._show_count()

    # ---- layout ----

    def _drawing(self) -> Panel:
        panel = Panel("Draw a data set", "Each dot is a training point; models get them at zero mean and unit scale")
        self.tool = Segmented(_TOOLS, "drawing tool")
        self.tool.chosen.connect(self._choose_tool)
        self.reach = Segmented(_SIZES, "size of the tool")
        self.reach.chosen.connect(self._choose_tool)
        self.count = label("", "muted", tabular=True)
        panel.head.addWidget(self.count)
        tools = QHBoxLayout()
        tools.setSpacing(theme.GRID)
        self.pad = PointPad()
        self.pad.changed.connect(self._show_count)
        self.undo = button("Undo", "Take the last stroke back (Ctrl+Z)")
        self.redo = button("Redo", "Do the stroke again that was taken back (Ctrl+Y)")
        self.clear = button("Clear", "Take all points away; Undo brings them back")
        for made, slot in ((self.undo, self.pad.undo), (self.redo, self.pad.redo), (self.clear, self.pad.clear)):
            made.clicked.connect(slot)
        for widget in (self.tool, self.reach):
            tools.addWidget(widget)
        tools.addStretch(1)
        for each in (self.undo, self.redo, self.clear):
            tools.addWidget(each)
        panel.body.addLayout(tools)
        panel.body.addWidget(self.pad, 1)
        panel.body.addLayout(self._beginnings())
        self.reach.choose("medium")
        return panel

    def _beginnings(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(theme.GRID)
        self.begin = QComboBox()
        self.begin.setToolTip("Begin with a shape, with a data set that you have drawn before, or with a table of x,y")
        self.begin.setAccessibleName("begin with")
        self.begin.activated.connect(self._begin_with)
        self.text = QLineEdit()
        self.text.setPlaceholderText("or letters, Enter")
        self.text.setMaxLength(LONGEST_TEXT)
        self.text.setToolTip(f"Points that fill these letters, {LONGEST_TEXT} at most; press Enter")
        self.text.setAccessibleName("letters to begin with")
        self.text.returnPressed.connect(self._begin_with_letters)
        row.addWidget(self.begin, 1)
        row.addWidget(self.text, 1)
        return row

    def _learning(self) -> Panel:
        panel = Panel("Train on it", "A small network learns the drawing; it becomes a run like any other")
        back = button("Back to the model", "Close the drawing; it stays as it is")
        back.clicked.connect(self.closed)
        panel.head.addWidget(back)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        self.name = QLineEdit("drawing")
        self.name.setMaxLength(drawn.LONGEST_NAME)
        self.name.setToolTip("What the data set and its model are called; it is kept in your data folder")
        self.predicts = QComboBox()
        for key in _PREDICTS:
            self.predicts.addItem(choice_name(key), key)
        self.predicts.setToolTip("What the network is asked for; each can be computed from any other")
        self.steps = QComboBox()
        for name, steps in STEPS.items():
            self.steps.addItem(f"{name} · {spaced(steps)} steps", steps)
        self.steps.setToolTip("How long it learns: seconds, on any machine")
        for place, (name, widget) in enumerate(
            (("Name", self.name), ("Predicts", self.predicts), ("Training", self.steps))
        ):
            widget.setAccessibleName(name)
            grid.addWidget(label(name, "muted"), place, 0)
            grid.addWidget(widget, place, 1)
        grid.setColumnStretch(1, 1)
        panel.body.addLayout(grid)
        start = QHBoxLayout()
        self.start = button("Train on it", "Save the drawing and train a model on it (Ctrl+Return)", "primary")
        self.start.clicked.connect(self.run_or_stop)
        self.state = label("", "muted", tabular=True)
        self.open_trained = button("Open the trained model", "Look at the model that has learned the drawing")
        self.open_trained.clicked.connect(self._open_trained)
        start.addWidget(self.start)
        start.addWidget(self.open_trained)
        start.addWidget(self.state, 1)
        self.open_trained.hide()
        panel.body.addLayout(start)
        self.loss = CurvePlot(
            "Loss", "step", "The mean squared error of what is predicted, on the drawing's training points",
            empty_text="The loss appears here while it learns",
        )  # fmt: skip
        self.loss.add_curve("loss", "train", "accent")
        self.samples = PictureGrid("samples of the model that learns")
        self.samples.clear(_NO_PICTURES)
        lower = QHBoxLayout()
        lower.setSpacing(12)
        lower.addWidget(self.loss, 1)
        lower.addWidget(self.samples, 1)
        panel.body.addLayout(lower, 1)
        return panel

    # ---- drawing ----

    def come_up(self) -> None:
        """Look which drawings there are, and be ready to draw."""
        self.begin.clear()
        self.begin.addItem("begin with …", "")
        for key, name in SHAPES.items():
            self.begin.addItem(name, f"{_SHAPE}{key}")
        for name in drawn.names():
            self.begin.addItem(f"own: {name}", f"{_OWN}{name}")
        self.begin.addItem("a table of x,y (CSV)…", _OF_FILE)
        self.pad.setFocus()

    @Slot()
    def _choose_tool(self) -> None:
        self.pad.tool = self.tool.key  # type: ignore[assignment]  # the keys are the tools' names
        self.pad.radius = SIZES[self.reach.key]
        self.pad.update()

    @Slot()
    def _show_count(self) -> None:
        count = len(self.pad.points)
        few = f", {drawn.LEAST} at least" if count < drawn.LEAST else ", that is the most" if self.pad.full else ""
        self.count.setText(f"{spaced(count)} points{few}")
        self.undo.setEnabled(self.pad.can_undo)
        self.redo.setEnabled(self.pad.can_redo)
        self.clear.setEnabled(count > 0)
        self.start.setEnabled(self.training.running or count >= drawn.LEAST)

    @Slot(int)
    def _begin_with(self, index: int) -> None:
        what = str(self.begin.itemData(index))
        self.begin.setCurrentIndex(0)
        if what == _OF_FILE:
            self._ask_for_file()
        elif what.startswith(_SHAPE):
            self._set_points(shape(what.removeprefix(_SHAPE)), what.removeprefix(_SHAPE))
        elif what.startswith(_OWN):
            self.open_own(what.removeprefix(_OWN))

    def open_own(self, name: str) -> None:
        """Go on with a data set that was drawn before."""
        try:
            self._set_points(drawn.read(name), name)
        except ExplorerError as error:
            self.problem.emit(Failure(str(error)))

    def _ask_for_file(self) -> None:
        place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        chosen, _filter = QFileDialog.getOpenFileName(self, "Open a table of x,y", place, "Tables (*.csv *.txt *.tsv)")
        if chosen:
            self.open_table(Path(chosen))

    def open_table(self, path: Path) -> None:
        """Begin with the points of a table, moved and scaled so that they can be seen."""
        try:
            self._set_points(drawn.standardized(drawn.read_csv(path)), path.stem)
        except ExplorerError as error:
            self.problem.emit(Failure(str(error)))

    @Slot()
    def _begin_with_letters(self) -> None:
        made = letters(self.text.text())
        if len(made):
            self._set_points(made, self.text.text())

    def _set_points(self, points: Floats, name: str) -> None:
        self.pad.set_points(points)
        if not np.array_equal(self.pad.points, points):
            self.status.emit("moved and scaled into the plane, both axes alike: models get any drawing at unit scale")
        self.name.setText(drawn.plain_name(name) or "drawing")
        self.pad.setFocus()

    # ---- learning ----

    @Slot()
    def run_or_stop(self) -> None:
        """Train on the drawing, or stop."""
        if self.training.running:
            self.stop()
            return
        try:
            name = drawn.keep(self.name.text(), self.pad.points)
            config = settings_for(
                name, len(self.pad.points), str(self.predicts.currentData()), int(self.steps.currentData())
            )
            self.training.start(config)
        except ExplorerError as error:
            self.problem.emit(Failure(str(error)))
            return
        self._losses = ([], [])
        self.open_trained.hide()
        self.loss.set_curve("loss", [], [])
        self.samples.clear(_NO_PICTURES)
        self._say("starting…", -1.0)
        self._show_state()

    def stop(self) -> None:
        """Stop the training; what was learned is kept and opened."""
        self.training.stop()
        self.state.setText("stopping and saving…")

    def _say(self, text: str, share: float) -> None:
        self.state.setText(text)
        self.job.emit((f"training on the drawing · {text}", share))

    def _show_state(self) -> None:
        running = self.training.running
        self.start.setText("Stop" if running else "Train on it")
        self.start.setProperty("role", "" if running else "primary")
        self.start.style().polish(self.start)
        for widget in (self.name, self.predicts, self.steps):
            widget.setEnabled(not running)
        self._show_count()

    @Slot(object)
    def _progressed(self, progress: Progress) -> None:
        measured = progress.measurement
        if measured.split == "train" and "loss" in measured.values:
            self._losses[0].append(measured.step)
            self._losses[1].append(measured.values["loss"])
            self.loss.set_curve("loss", *self._losses, "{:.3f}")
        done = f"step {spaced(measured.step)} of {spaced(progress.total_steps)} · {progress.seconds_left:.0f} s left"
        self._say(done, measured.step / max(1, progress.total_steps))

    @Slot(object)
    def _pictured(self, pictures: Pictures) -> None:
        self.samples.set_pixels(pictures.samples)

    @Slot(str)
    def _trained(self, folder: str) -> None:
        self.status.emit(f"saved {folder}")
        self.trained.emit(folder)

    def offer(self, folder: str) -> None:
        """Offer a trained model instead of opening it: something else was looked at when it was ready."""
        self._offered = folder
        self.open_trained.show()
        self.status.emit(f"saved {folder}, the model of your drawing; “{self.open_trained.text()}” is at the drawing")

    @Slot()
    def _open_trained(self) -> None:
        self.open_trained.hide()
        self.trained.emit(self._offered)

    @Slot()
    def _ended(self) -> None:
        self.state.setText("")
        self.job.emit(None)
        self._show_state()

    def shutdown(self) -> bool:
        """End the training, which saves first; return whether it ended in time."""
        return self.training.shutdown()

"""Which item is noised: chosen from the data set, drawn, read from a file, or a sample of the model."""

import html
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPushButton, QWidget

from explorer.chain_messages import Browsed
from explorer.errors import ExplorerError
from explorer.given import on_paper, read_picture
from explorer.messages import Failure, OpenedModel, Pixels, Values
from explorer.ui.drop import PASTED
from explorer.ui.image_pad import ImagePad
from explorer.ui.item_browser import ItemBrowser
from explorer.ui.panel import button
from explorer.ui.plot_head import Title
from explorer.workers.aside import Aside

_FILES = "Pictures (*.png *.jpg *.jpeg *.gif *.bmp *.webp *.tif *.tiff *.ppm *.pgm *.ico *.tga);;All files (*)"
OWN = "samples of the model"  # where the data are not on this machine


@dataclass(frozen=True)
class Source:
    """An item to be noised: test image number ``index``, or ``values`` as NoiseRequest takes them.

    ``words`` say for people what it is, ``told`` for the provenance of a file: never where on this machine it lies.
    """

    kind: Literal["data", "drawn", "file", "sample"] = "data"
    index: int = 0
    words: str = ""
    values: Values | None = None
    told: dict[str, object] = field(default_factory=dict)


Sample = tuple[Values, str, dict[str, object]]


class ImageSource(QWidget):
    """Buttons that choose an item: ``picked`` carries a Source, ``asked`` a BrowseRequest, ``problem`` a Failure."""

    picked = Signal(object)
    asked = Signal(object)
    problem = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._model: OpenedModel | None = None
        self._file: tuple[str, Pixels] | None = None  # the name, and the picture as it is
        self._shown = Source()
        self._own = False
        self._job, self._reading = 0, ""  # the file that is read, by number and name
        self._reader = Aside("picture reader", self)
        self._reader.done.connect(self._read)
        self._reader.failed.connect(self._unread)
        self._narrow = False
        self.sample_of: Callable[[], Sample | None] = lambda: None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.said = Title("")
        self.said.setProperty("role", "muted")
        self.said.setMinimumWidth(60)
        self.inverted = button("inverted", "Dark on light paper was made light on dark, as the model's data are")
        self.inverted.setCheckable(True)
        self.inverted.setChecked(True)
        self.inverted.clicked.connect(self._take_file)
        self.browse = button("Browse…", "Choose from all test images, by class or number")
        self.draw = button("Draw…", "Draw an image with the mouse or a pen; xₜ follows while you draw")
        self.open = button("Open…", "Take a picture file; you can also drop one here, or paste it with Ctrl+V")
        self.sample = button("Sample", "")
        self.browse.clicked.connect(self._browse)
        self.draw.clicked.connect(self._draw)
        self.open.clicked.connect(self._open)
        self.sample.clicked.connect(self._sample)
        self.inverted.hide()
        self.menu = button("Image ▾", "Choose what is noised: a test image, a drawing, a file or a sample")
        self.menu.setMenu(QMenu(self.menu))
        self.menu.menu().aboutToShow.connect(self._fill_menu)
        for widget in (self.said, self.inverted, self.menu, *self.buttons):
            row.addWidget(widget)
        self.menu.hide()
        self.browser = ItemBrowser(self)
        self.browser.asked.connect(self.asked)
        self.browser.picked.connect(self._browsed)
        self.pad = ImagePad(self)
        self.pad.drawn.connect(self._drawn)
        self.look_for_samples()

    @property
    def buttons(self) -> tuple[QPushButton, ...]:
        """Return the buttons that choose."""
        return (self.browse, self.draw, self.open, self.sample)

    def set_narrow(self, narrow: bool) -> None:
        """Show one button with a menu instead of all of them, or not."""
        self._narrow = narrow
        self._arrange()

    def _arrange(self) -> None:
        images = self._model is not None and not self._model.points
        self.menu.setVisible(self._narrow and images)
        for each in (self.browse, self.draw, self.open):
            each.setHidden(self._narrow or not images)
        self.sample.setHidden(self._narrow and images)

    @Slot()
    def _fill_menu(self) -> None:
        menu = self.menu.menu()
        menu.clear()
        menu.setToolTipsVisible(True)
        for each in self.buttons:
            action = menu.addAction(each.text())
            action.setToolTip(each.toolTip())
            action.setEnabled(each.isEnabled())
            action.triggered.connect(each.click)

    def set_model(self, model: OpenedModel | None) -> None:
        """Take the model whose items are chosen."""
        self._model, self._file, self._shown = model, None, Source()
        self.stop_reading()
        self.browser.close()
        self.pad.close()
        images = model is not None and not model.points
        self._arrange()
        self.said.setText("")
        self.inverted.hide()
        self.browser.begin()
        if model is not None and images:
            self.pad.set_shape(model.image_shape)
        self.look_for_samples()

    @Slot()
    def look_for_samples(self) -> None:
        """Find out whether the model has made samples."""
        known = self.sample_of() is not None
        self.sample.setEnabled(known)
        self.sample.setToolTip(
            "Take the sample that is followed in Reverse p" if known else "Run the chain of Reverse p first"
        )

    def show_source(self, source: Source) -> None:
        """Say what is noised."""
        self._shown = source
        if not self._reading:
            self._say(source.words)
        paper = source.kind == "file" and self._file is not None and on_paper(self._file[1])
        grey = self._model is not None and self._model.image_shape[2] == 1
        self.inverted.setHidden(not (paper and grey))

    def _say(self, words: str) -> None:
        self.said.setText(words)
        self.said.setToolTip(f"What is noised: {html.escape(words)}")

    # ---- data set ----

    def set_own(self, own: bool) -> None:
        """Say whether what is chosen from are samples of the model, because the data are not on this machine."""
        self._own = own
        which = f"{OWN}: its data are not on this machine" if own else "test images, by class or number"
        self.browse.setToolTip(f"Choose from all {which}")

    @Slot()
    def _browse(self) -> None:
        self.browser.show()
        self.browser.activateWindow()
        self.browser.ask()

    def take_browsed(self, message: Browsed) -> None:
        """Take the images that were asked for."""
        self.browser.take(message)

    @Slot(int, int)
    def _browsed(self, index: int, klass: int) -> None:
        self.picked.emit(from_data(index, klass if klass >= 0 else None, own=self._own))

    # ---- drawing ----

    @Slot()
    def _draw(self) -> None:
        self.pad.show()
        self.pad.activateWindow()

    @Slot(object)
    def _drawn(self, pixels: Pixels) -> None:
        self.picked.emit(Source("drawn", -1, "drawing", pixels[None], {"source": "drawing"}))

    # ---- files ----

    @Slot()
    def _open(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Open a picture", "", _FILES)
        if chosen:
            self.read(Path(chosen))

    def read(self, path: Path) -> None:
        """Read a picture file beside the window and take it; what is wrong with it is told."""
        if self._model is None:
            return
        if self._model.points:
            self.problem.emit(Failure(f"{path.name} is a picture, and this model is of points; open one of images"))
            return
        self._reading = path.name
        self._say(f"reading {path.name} …")
        if path.name == PASTED:  # it is gone when this returns
            self._job = 0
            self._read(0, _read(path, self._model.image_shape))
        else:
            self._job = self._reader.submit(partial(_read, path, self._model.image_shape))

    @Slot(int, object)
    def _read(self, job: int, found: Pixels | Failure) -> None:
        if not self._reading or job != self._job:
            return
        if isinstance(found, Failure):
            self._unread(found)
        else:
            self._file = (self._reading, found)
            self.inverted.setChecked(True)
            self._take_file()

    @Slot(object)
    def _unread(self, failure: Failure) -> None:
        self.stop_reading()
        self.problem.emit(failure)

    def stop_reading(self) -> None:
        """Forget a file that is being read: something else is wanted now."""
        if self._reading:
            self._job, self._reading = 0, ""
            self._say(self._shown.words)

    def shutdown(self) -> bool:
        """End the thread that reads files; return whether it ended in time."""
        return self._reader.stop()

    @Slot()
    def _take_file(self) -> None:
        assert self._file is not None
        name, pixels = self._file
        inverted = pixels.shape[2] == 1 and on_paper(pixels) and self.inverted.isChecked()
        shown = 255 - pixels if inverted else pixels
        self.picked.emit(Source("file", -1, name, shown[None], {"source": "file", "file": name, "inverted": inverted}))

    # ---- samples ----

    @Slot()
    def _sample(self) -> None:
        found = self.sample_of()
        if found is not None:
            values, said, told = found
            self.picked.emit(Source("sample", -1, said, values, {"source": "sample", **told}))


def _read(path: Path, shape: tuple[int, int, int]) -> Pixels | Failure:
    """Return a picture as ``read_picture`` does, as dark or light as it is, or what is wrong with it."""
    try:
        return read_picture(path, shape, paper=False)
    except ExplorerError as error:
        return Failure(str(error))


def from_data(index: int, klass: int | None = None, *, points: bool = False, own: bool = False) -> Source:
    """Return a test image, or of ``points`` all of them, as a source.

    Args:
        index: of the image.
        klass: its class where that is known.
        points: whether the model is of points.
        own: whether they are samples of the model, because the data are not on this machine.
    """
    if points:
        said = OWN if own else "test points"
    else:
        said = (f"sample {index} of the model" if own else f"test image {index}") + (
            "" if klass is None else f", class {klass}"
        )
    return Source("data", index, said, None, {"source": OWN if own else "data set"})


def cloud(points: "np.ndarray") -> Values:
    """Return points (points, 2) as items (points, 1, 1, 2)."""
    return np.ascontiguousarray(points, np.float32)[:, None, None, :]

"""All test images, page by page, of one class or of all."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from explorer.chain_messages import Browsed, BrowseRequest
from explorer.ui.chain_mode import next_number
from explorer.ui.facts import spaced
from explorer.ui.panel import button, label
from explorer.ui.picture_grid import PictureGrid

COLUMNS, ROWS = 12, 6
_PAGE = COLUMNS * ROWS


class ItemBrowser(QDialog):
    """A window that stays while one looks: ``picked`` carries number and class (−1: not known), ``asked`` a request."""

    asked = Signal(object)
    picked = Signal(int, int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Test images")
        self.resize(720, 470)
        self.found: Browsed | None = None
        self._first, self._request = 0, 0
        self.classes = QComboBox()
        self.classes.setToolTip("Show one class only")
        self.classes.setAccessibleName("class")
        self.classes.activated.connect(self._class_chosen)
        self.number = QLineEdit()
        self.number.setFixedWidth(90)
        self.number.setPlaceholderText("number")
        self.number.setToolTip("Number of a test image, counted from 0; Return takes it")
        self.number.setAccessibleName("number of a test image")
        self.number.returnPressed.connect(self._number_entered)
        self.back = button("◂", "The images before (Page Up)")
        self.forth = button("▸", "The images after (Page Down)")
        self.back.clicked.connect(self._page_back)
        self.forth.clicked.connect(self._page_on)
        self.where = label("", "muted", tabular=True)
        self.grid = PictureGrid("test images", COLUMNS, gap=6, selectable=True)
        self.grid.setToolTip("Click an image, or go to it with the arrows, to noise it")
        self.grid.clicked.connect(self._clicked)
        for each in (self.back, self.forth):
            each.setAutoDefault(False)
            each.setFixedWidth(38)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.classes)
        row.addWidget(self.number)
        row.addStretch(1)
        for widget in (self.where, self.back, self.forth):
            row.addWidget(widget)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 14, 16, 16)
        outer.setSpacing(12)
        outer.addLayout(row)
        outer.addWidget(self.grid, 1)
        for key, turn in ((Qt.Key.Key_PageUp, self.back), (Qt.Key.Key_PageDown, self.forth)):
            turn.setShortcut(key)
        self.begin()

    def begin(self) -> None:
        """Forget what was shown: another model has other data."""
        self.found, self._first, self._request = None, 0, 0
        self.grid.clear("looking at the data set …")
        self.grid.select(-1)
        self.where.setText("")
        self.classes.clear()
        self.classes.addItem("all classes", None)

    def ask(self) -> None:
        """Ask for the page that is to be shown."""
        self._request = next_number()
        label_wanted = self.classes.currentData()
        self.asked.emit(BrowseRequest(self._request, self._first, _PAGE, label_wanted))

    def failed(self, request: int) -> bool:
        """Take note that a request has failed; return whether it waited for that."""
        if request != self._request or not request:
            return False
        self._request = 0
        self.grid.clear("The data set cannot be read.")
        return True

    def take(self, message: Browsed) -> None:
        """Show the images that were asked for."""
        if message.request.request != self._request:
            return
        self.found = message
        if self.classes.count() == 1 and len(message.classes) > 1:
            for known in message.classes:
                self.classes.addItem(f"class {known}", known)
        self.classes.setVisible(len(message.classes) > 1)
        self.grid.set_pixels(message.pixels, COLUMNS)
        self.grid.select(-1)
        last = self._first + len(message.pixels)
        shown = f"{spaced(self._first + 1)}–{spaced(last)}" if len(message.pixels) else "0"
        self.where.setText(f"{shown} of {spaced(message.fitting)}")
        self.back.setEnabled(self._first > 0)
        self.forth.setEnabled(last < message.fitting)

    @Slot()
    def _class_chosen(self) -> None:
        self._first = 0
        self.ask()

    @Slot()
    def _page_back(self) -> None:
        self._first = max(0, self._first - _PAGE)
        self.ask()

    @Slot()
    def _page_on(self) -> None:
        self._first += _PAGE
        self.ask()

    @Slot(int)
    def _clicked(self, place: int) -> None:
        assert self.found is not None
        self.grid.select(place)
        self.picked.emit(int(self.found.indices[place]), int(self.found.labels[place]))

    @Slot()
    def _number_entered(self) -> None:
        text = self.number.text().strip()
        if self.found is None or not text.isdecimal():
            return
        wanted = min(int(text[:12]), self.found.total - 1)
        self.number.setText(str(wanted))
        self.picked.emit(wanted, -1)

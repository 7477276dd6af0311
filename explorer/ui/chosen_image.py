"""The image that is looked at on the Latent page: chosen in the map, drawn, dropped or pasted; and its q(z|x)."""

from PySide6.QtCore import QObject, Signal, Slot

from explorer.latent_messages import Encoded, EncodeRequest
from explorer.messages import Values
from explorer.ui.strip_mode import next_request


class ChosenImage(QObject):
    """Asks for the posterior of one image at a time; only the newest request is answered.

    ``asked`` carries an EncodeRequest, ``found`` its Encoded. ``moves`` says whether the page goes to the z of the
    image that was found: to one that was drawn, or drawn anew from q(z|x), but not to one that it is at already.
    """

    asked = Signal(object)
    found = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.encoded: Encoded | None = None
        self.moves = False
        self._image: tuple[Values, int, int] | None = None
        self._waits_for = 0
        self._draws = 0

    def ask(self, values: Values, label: int, *, moves: bool, seed: int = -1, item: int = -1) -> None:
        """Ask for q(z|x) of an item (1, …); ``label``, ``seed`` and ``item`` as in an EncodeRequest."""
        self._waits_for, self.moves, self._image = next_request(), moves, (values, label, item)
        self.asked.emit(EncodeRequest(self._waits_for, values, label, seed, item))

    @Slot()
    def resample(self) -> None:
        """Ask for another draw z = μ + σ·ε of the same image."""
        if self._image is not None:
            self._draws += 1
            values, label, item = self._image
            self.ask(values, label, moves=True, seed=self._draws, item=item)

    def tell(self, label: int) -> None:
        """Ask for q(z|x, c) of the same image for another class; the page stays where it is, or goes if it was to."""
        if self._image is not None and self._image[1] != label:
            values, _, item = self._image
            answered = self.encoded is not None and self.encoded.request.request == self._waits_for
            self.ask(values, label, moves=self.moves and not answered, item=item)

    @Slot(object)
    def take(self, encoded: Encoded) -> None:
        """Take an answer; it counts if nothing else was asked since."""
        if encoded.request.request == self._waits_for:
            self.encoded = encoded
            self.found.emit(encoded)

    def dismiss(self) -> None:
        """Look at no image any more."""
        self.encoded, self._image, self._waits_for = None, None, 0

"""The image that was encoded last: beside its reconstruction, with the terms of its ELBO."""

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from explorer.latent_messages import Encoded
from explorer.ui import theme
from explorer.ui.facts import signed
from explorer.ui.panel import button, label
from explorer.ui.picture_grid import PictureGrid

_SIDE, _LOW = 46, 30  # pixels: of a picture, and of the line that is there instead in a low window
_HINT = "Ctrl+click an image in the map, draw or drop one"
_POINT_HINT = "Ctrl+click a point in the map"
_LIKELIHOOD = "Reconstruction term: the log-likelihood of the image under the decoder, at one z ~ q(z|x), in nats"
_KL = "KL(q(z|x) ‖ p(z)) of this image, in nats: what its code says more than the prior"
_CODES = "−ln p(k), in nats: what the prior over codes pays for the codes of this image"
_ELBO = "One sample of the ELBO, ln p(x|z) − KL, in nats: a lower bound of ln p(x) in the mean over ε (β = 1)"


def terms_of(encoded: Encoded, family: str) -> list[tuple[str, str, str]]:
    """Return name, value and meaning of each term; the ELBO of an autoencoder does not exist."""
    likelihood = ("ln p(x|z)", _tenths(encoded.log_likelihood), _LIKELIHOOD)
    if family == "autoencoder":
        return [likelihood]
    kl = ("−ln p(k)", _tenths(encoded.kl), _CODES) if family == "vq" else ("KL", _tenths(encoded.kl), _KL)
    if len(encoded.kl_per_dimension):
        k = int(encoded.kl_per_dimension.argmax())
        kl = (*kl[:2], f"{_KL}; most of it, {signed(float(encoded.kl_per_dimension[k]))}, in dimension {k}")
    return [likelihood, kl, ("ELBO", _tenths(encoded.elbo), _ELBO)]


def _tenths(nats: float) -> str:
    return f"{nats:.1f}".replace("-", "−")


def _in_short(terms: list[tuple[str, str, str]]) -> str:
    """Return the terms in one short line: the ELBO as what it is made of."""
    if len(terms) == 1:
        return f"ln p(x|z) {terms[0][1]} nats"
    return f"ELBO {terms[2][1]} = {terms[0][1]} − {terms[1][1]}"


class EncodeTerms(QWidget):
    """Original and reconstruction side by side, and the terms beside them; ``side`` is that of a picture."""

    def __init__(self, side: int = _SIDE) -> None:
        super().__init__()
        self.encoded: Encoded | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.original, self.reconstruction = PictureGrid("original"), PictureGrid("reconstruction")
        self.original.setToolTip("x: the image as the encoder sees it")
        self.reconstruction.setToolTip("E[x|z]: its reconstruction, at z = μ or at the z = μ + σ·ε that was drawn last")
        for picture in (self.original, self.reconstruction):
            picture.setFixedSize(side, side)
            row.addWidget(picture)
        column = QVBoxLayout()
        column.setSpacing(0)
        self.terms: list[tuple[QLabel, QLabel]] = []
        for _ in range(3):
            line = QHBoxLayout()
            line.setSpacing(6)
            name, value = label("", "note"), label("", "note", tabular=True)
            name.setFixedWidth(46)
            line.addWidget(name)
            line.addWidget(value, 1)
            self.terms.append((name, value))
            column.addLayout(line)
        row.addLayout(column, 1)

    def show_encoded(self, encoded: Encoded, family: str) -> None:
        """Show an image that was encoded by a model of a family."""
        self.encoded = encoded
        self.original.set_pixels(encoded.pixels)
        self.reconstruction.set_pixels(encoded.reconstruction)
        found = terms_of(encoded, family)
        for place, (name, value) in enumerate(self.terms):
            shown = place < len(found)
            name.setVisible(shown)
            value.setVisible(shown)
            text, number, tip = found[place] if shown else ("", "", "")
            name.setText(text)
            value.setText(f"{number} nats" if shown else "")
            for widget in (name, value):
                widget.setToolTip(tip)
            value.setAccessibleName(f"{text} in nats")


class EncodePanel(QWidget):
    """Says how to choose an image until one is encoded, in the same room, so that nothing jumps when it comes.

    ``resample_wanted`` asks for another ε, ``dismissed`` to forget the image.
    """

    resample_wanted = Signal()
    dismissed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._family, self._low = "", False
        self._encoded: Encoded | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.hint = label("", "note")
        self.hint.setWordWrap(True)
        row.addWidget(self.hint, 1)
        self.shown = EncodeTerms()
        row.addWidget(self.shown, 1)
        self.brief = label("", "note", tabular=True)
        row.addWidget(self.brief, 1)
        self.resample = button("resample ε", "Draw another ε ~ N(0, I) and go to z = μ + σ·ε of this image's q(z|x)")
        self.resample.clicked.connect(self.resample_wanted)
        self.close_image = QToolButton()
        self.close_image.setProperty("role", "icon")
        self.close_image.setFixedSize(22, 22)
        self.close_image.setToolTip("Put this image away: no posterior on sliders and map")
        self.close_image.setAccessibleName("put the image away")
        self.close_image.clicked.connect(self.dismissed)
        row.addWidget(self.resample, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.close_image, 0, Qt.AlignmentFlag.AlignTop)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme.current().changed.connect(self._icons)
        self._icons()
        self.hide()
        self._arrange()

    @Slot()
    def _icons(self) -> None:
        self.close_image.setIcon(theme.icon("close", theme.colors().muted))

    @property
    def encoded(self) -> Encoded | None:
        """Return what is shown."""
        return self._encoded

    def set_family(self, family: str, *, points: bool = False) -> None:
        """Take the family of the model, which says which terms there are, "" for none, and whether items are points."""
        self._family = family
        self.hint.setText(_POINT_HINT if points else _HINT)
        self.set_encoded(None)
        self.setVisible(bool(family))

    def set_low(self, low: bool) -> None:
        """Leave the pictures out where there is little room."""
        self._low = low
        self._arrange()

    def _arrange(self) -> None:
        there, low = self._encoded is not None, self._low
        self.hint.setVisible(not there)
        self.shown.setVisible(there and not low)
        self.brief.setVisible(there and low)
        self.close_image.setVisible(there)
        # A deterministic encoder has no ε.
        self.resample.setVisible(self._encoded is not None and bool(self._encoded.sigma.any()))
        self.setFixedHeight(_LOW if low else _SIDE)

    def set_encoded(self, encoded: Encoded | None) -> None:
        """Show an image that was encoded, or none."""
        self._encoded = encoded
        if encoded is not None:
            self.shown.show_encoded(encoded, self._family)
            found = terms_of(encoded, self._family)
            self.brief.setText(_in_short(found))
            self.brief.setToolTip("\n".join(f"{name} {value} nats: {tip}" for name, value, tip in found))
        self._arrange()

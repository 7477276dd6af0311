"""One mode of the strip on a small page of its own, answered by a real session, at once or when a test says so."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from explorer.inference import codes
from explorer.inference.session import ModelSession
from explorer.latent_messages import (
    CodebookFound,
    CodebookRequest,
    CodesRequest,
    Encoded,
    EncodeRequest,
    PaintRequest,
    Sheet,
    StripRequest,
)
from explorer.messages import Failure, Floats, Pixels
from explorer.ui.app import make_application
from explorer.ui.page import Page
from explorer.ui.panel import Panel
from explorer.ui.strip_mode import StripMode
from explorer.walks import dimension_names


@lru_cache(maxsize=1)
def codebook_of(session: ModelSession) -> CodebookFound:
    """Return the codebook of a session, decoded once."""
    return codes.codebook(session, CodebookRequest(0))


class ModePage(Page):
    """Goes where the mode says, and notes what it says; ``hold`` leaves its requests unanswered.

    Attributes:
        asked, went, told, paths: what the mode has emitted.
    """

    def __init__(self, mode: StripMode, session: ModelSession) -> None:
        super().__init__()
        self.mode, self.session = mode, session
        self.hold = False
        self.asked: list[object] = []
        self.went: list[Floats] = []
        self.told: list[int] = []
        self.paths: list[Floats | None] = []
        self.problems: list[Failure] = []
        panel = Panel(mode.title)
        panel.head.addWidget(mode.bar)
        panel.body.addWidget(mode, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(panel)
        mode.asked.connect(self._ask)
        mode.went.connect(self._go)
        mode.classed.connect(self.told.append)
        mode.path.connect(self.paths.append)
        mode.films.problem.connect(self.problems.append)
        self.problem.connect(self.problems.append)

    def open(self) -> None:
        """Open the model, show the mode, go to the first item of the map."""
        model = self.session.opened(1)
        assert model.latents is not None
        self.mode.set_model(model, dimension_names(model.levels))
        self.mode.set_place(model.latents.means[0], 0)
        self.mode.come_up()

    def kinds(self, kind: type) -> int:
        """Return how many requests of a kind were made."""
        return sum(isinstance(request, kind) for request in self.asked)

    def answer(self, request: object) -> None:
        """Answer a request."""
        if isinstance(request, CodesRequest):
            self.mode.take_codes(codes.code_map(self.session, request))
        elif isinstance(request, PaintRequest):
            self.mode.take_codes(codes.painted(self.session, request))
        elif isinstance(request, CodebookRequest):
            self.mode.take_codebook(replace(codebook_of(self.session), request=request.request))
        elif isinstance(request, StripRequest):
            labels = np.broadcast_to(request.labels, len(request.z))
            pixels = [self.session.decode(z[None], int(label)) for z, label in zip(request.z, labels, strict=True)]
            self.mode.take_sheet(Sheet(request, np.concatenate(pixels)))

    def _ask(self, request: object) -> None:
        self.asked.append(request)
        if not self.hold:
            self.answer(request)

    def _go(self, z: Floats) -> None:
        self.went.append(z)
        self.mode.set_place(z, self.told[-1] if self.told else self.mode.label)


def encoded(session: ModelSession, pixels: Pixels) -> Encoded:
    """Return where one picture (1, height, width, channels) is."""
    mean, sigma = session.encode(pixels)
    return Encoded(EncodeRequest(1, pixels), pixels, mean[0], sigma[0], mean[0], pixels, 0.0, np.zeros(0, "f4"), 0.0)


def shown_mode(qtbot: QtBot, mode: StripMode, session: ModelSession) -> Iterator[ModePage]:
    """Give the page, shown, without a model: what a fixture yields from."""
    make_application("dark")
    made = ModePage(mode, session)
    qtbot.addWidget(made)
    made.resize(1396, 244)
    made.show()
    qtbot.waitExposed(made)
    yield made
    mode.animate(False)
    mode.go_down()
    assert mode.shutdown()


def drag(widget: QWidget, *places: QPointF) -> None:
    """Press the left button at the first place, move over the others, let go at the last."""
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    kinds = [QEvent.Type.MouseButtonPress, *[QEvent.Type.MouseMove] * (len(places) - 1)]
    for kind, place in zip(kinds, places, strict=True):
        pressed = left if kind == QEvent.Type.MouseButtonPress else none
        _send(widget, kind, place, pressed, left)
    _send(widget, QEvent.Type.MouseButtonRelease, places[-1], left, none)


def _send(widget: QWidget, kind: QEvent.Type, place: QPointF, button: Qt.MouseButton, buttons: Qt.MouseButton) -> None:
    there = QPointF(widget.mapToGlobal(place.toPoint()))
    QApplication.sendEvent(widget, QMouseEvent(kind, place, there, button, buttons, Qt.KeyboardModifier.NoModifier))

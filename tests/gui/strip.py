"""The strip of the Latent page on a small page of its own, with a session that answers by a simple function of z."""

from collections.abc import Callable, Iterator

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QComboBox, QVBoxLayout
from pytestqt.qtbot import QtBot

from explorer.latent_messages import PriorRequest, PriorSamples, Sheet, StripRequest
from explorer.messages import Failure, Floats, LatentMap, ModelCard, OpenedModel, Pixels
from explorer.ui.app import make_application
from explorer.ui.attributes_mode import AttributesMode
from explorer.ui.interpolation_mode import InterpolationMode
from explorer.ui.latent_strip import LatentStrip
from explorer.ui.page import Page
from explorer.ui.samples_mode import SamplesMode
from explorer.ui.saved_mode import SavedMode
from explorer.ui.traversal_mode import TraversalMode
from explorer.walks import dimension_names, prior

Until = Callable[[Callable[[], bool]], None]
SIDE = 8


def fake_model(
    family: str = "vae",
    kl: tuple[float, ...] = (0.5, 2.0, 0.001, 1.0),
    classes: int = 0,
    levels: tuple[int, ...] = (),
    name: str = "fake",
) -> OpenedModel:
    """Return an open model of three classes of items; the mean of class k is k in every dimension."""
    latent = len(kl)
    labels = np.arange(300) % 3
    means = (np.random.default_rng(0).standard_normal((300, latent)) * 0.1 + labels[:, None]).astype(np.float32)
    known = np.zeros(0, np.float32) if family in {"autoencoder", "vq"} else np.array(kl, np.float32)
    card = ModelCard(name, name, family, family, "digits", f"/nowhere/{name}", False, {}, {"model": {}}, "", 1)
    told = {"app": "1", "model": name, "weights_sha256": f"{sum(map(ord, name)):064x}"}
    latents = LatentMap(means, labels, known, "test")
    return OpenedModel(
        1, card, (SIDE, SIDE, 1), latent, "cpu", told, latents, levels=levels or (latent,), classes=classes
    )


def pictures_of(z: Floats, labels: tuple[int, ...]) -> Pixels:
    """Return pictures that tell their z, in the first row, and their class, in the second."""
    pixels = np.zeros((len(z), SIDE, SIDE, 1), np.uint8)
    pixels[:, 0, : z.shape[1], 0] = np.clip(128 + 16 * z[:, :SIDE], 0, 255).astype(np.uint8)
    pixels[:, 1, 0, 0] = np.broadcast_to(labels, len(z))
    return pixels


class StripPage(Page):
    """Goes where the strip says, and notes what it says; ``hold`` leaves its requests unanswered."""

    def __init__(self) -> None:
        super().__init__()
        self.strip = LatentStrip(
            [TraversalMode(), InterpolationMode(), SamplesMode(), AttributesMode(), SavedMode()]
        )  # fmt: skip
        layout = QVBoxLayout(self)
        layout.addWidget(self.strip)
        self.hold = False
        self.asked: list[StripRequest | PriorRequest] = []
        self.went: list[Floats] = []
        self.paths: list[Floats | None] = []
        self.saved: list[list[tuple[str, Floats]]] = []
        self.problems: list[Failure] = []
        self.released = 0
        self.label = 0
        self.z: Floats = np.zeros(0, np.float32)
        self.strip.asked.connect(self._ask)
        self.strip.went.connect(self._go)
        self.strip.classed.connect(self._tell)
        self.strip.path.connect(self.paths.append)
        self.strip.saved.connect(self.saved.append)
        self.strip.released.connect(self._release)
        self.strip.problem.connect(self.problems.append)
        self.problem.connect(self.problems.append)

    def open(self, model: OpenedModel, z: Floats | None = None) -> None:
        """Show a model and go to a place, 0 by default."""
        self.model = model
        self.label = 0
        self.strip.set_model(model, dimension_names(model.levels))
        self.go(np.zeros(model.latent_size, np.float32) if z is None else z)

    def go(self, z: Floats, label: int | None = None) -> None:
        """Go to a place by hand."""
        self.z, self.label = z, self.label if label is None else label
        self.strip.set_place(z, self.label)

    def answer(self, request: StripRequest | PriorRequest) -> None:
        """Answer a request."""
        if isinstance(request, PriorRequest):
            z = prior(request.count, self.model.latent_size, request.seed, request.temperature)
            labels = np.arange(len(z)) % max(1, self.model.classes)
            labels = labels if request.label is None else np.full(len(z), request.label)
            pixels = pictures_of(z, tuple(labels.tolist()))
            self.strip.take_samples(PriorSamples(request, z, labels, pixels))
        else:
            self.strip.take_sheet(Sheet(request, pictures_of(request.z, request.labels)))

    def _ask(self, request: StripRequest | PriorRequest) -> None:
        self.asked.append(request)
        if not self.hold:
            self.answer(request)

    def _go(self, z: Floats) -> None:
        self.went.append(z)
        self.go(z)

    def _tell(self, label: int) -> None:
        self.label = label

    def _release(self) -> None:
        self.released += 1


def choose(box: QComboBox, data: object) -> None:
    """Choose what has some data, as a person does."""
    box.setCurrentIndex(box.findData(data))
    box.activated.emit(box.currentIndex())


def shown_page(qtbot: QtBot) -> Iterator[StripPage]:
    """Give the page, shown, without a model: what a fixture yields from."""
    make_application("dark")
    made = StripPage()
    made.resize(1340, 244)
    made.show()
    qtbot.waitExposed(made)
    yield made
    assert made.strip.shutdown()
    made.close()
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # or every later theme is put on it, too

"""Every family on the pages there are: the Latent page opens it, the Train page trains it, its card says what it is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from explorer import images
from explorer.inference.session import ModelSession
from explorer.messages import Failure
from explorer.ui.latent_page import LatentPage
from explorer.ui.main_window import MainWindow
from explorer.ui.models_page import ModelsPage
from explorer.ui.train_page import TrainPage
from explorer.walks import dimension_names

Until = Callable[[Callable[[], bool]], None]
Trained = Callable[[str], Path]
FAMILIES = {
    "digits-autoencoder": ("autoencoder", 2),
    "digits-conditional": ("conditional", 6),
    "digits-ladder": ("hierarchical", 12),
    "digits-vq": ("vq", 10),
    "points-vae": ("vae", 2),
}


def opened(window: MainWindow, until: Until, folder: Path, family: str) -> LatentPage:
    window.open_model(str(folder), family)
    page = window.page("latent")
    assert isinstance(page, LatentPage)
    until(lambda: page.decoded is not None and page.strip.mode.exportable)
    return page


@pytest.mark.parametrize("preset", FAMILIES)
def test_the_latent_page_opens_it(
    window: MainWindow, until: Until, trained: Trained, problems: list[Failure], preset: str
) -> None:
    family, size = FAMILIES[preset]
    page = opened(window, until, trained(preset), family)
    assert page.model is not None and page.model.latents is not None and not problems
    assert len(page.sliders.sliders) == size
    assert len(page.map.canvas.points.places) == len(page.model.latents.means)
    page.sliders.random.click()
    until(lambda: page.decoded is not None and np.array_equal(page.decoded.z[0], page.sliders.z))
    expected = ModelSession.open(trained(preset), "cpu").decode(page.sliders.z[None], page.label)
    assert int(np.abs(page.picture.pixels.astype(int) - expected).max()) <= 1
    page.choose_item(5)
    assert np.allclose(page.sliders.z, page.model.latents.means[5])
    title = page.sliders._title.text()
    assert title == (
        "z, in σ of the data's codes" if preset in {"digits-autoencoder", "digits-vq"} else "z, sorted by KL"
    )
    facts = {found.text() for found in page.findChildren(QLabel)}
    assert ("ELBO" in facts) == (preset != "digits-autoencoder")


def test_the_same_z_through_other_classes(
    window: MainWindow, until: Until, trained: Trained, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = trained("digits-conditional")
    page = opened(window, until, folder, "conditional")
    assert page.hand.class_box.isVisible() and page.hand.class_box.count() == 10
    page.sliders.random.click()
    until(lambda: page.decoded is not None and np.array_equal(page.decoded.z[0], page.sliders.z))
    z, before = page.sliders.z, page.picture.pixels.copy()
    for _ in range(7):
        qtbot.keyClick(page.hand.class_box, Qt.Key.Key_Down)
    assert page.label == 7
    expected = ModelSession.open(folder, "cpu").decode(z[None], 7)
    until(lambda: int(np.abs(page.picture.pixels.astype(int) - expected).max()) <= 1)
    assert np.array_equal(page.sliders.z, z) and not np.array_equal(page.picture.pixels, before)
    until(lambda: page.strip.mode.shown is not None and page.strip.mode.shown.labels[0] == 7)
    (tmp_path / "c.png").write_bytes(page._picture_png())
    assert images.read_provenance(tmp_path / "c.png")["label"] == 7
    page.choose_item(3)
    assert page.model is not None and page.model.latents is not None
    assert page.label == page.model.latents.labels[3], "an item brings its class along"
    opened(window, until, trained("digits-ladder"), "hierarchical")
    until(lambda: not page.hand.class_box.isVisible())


def test_levels_have_names_of_their_own() -> None:
    assert dimension_names((3,)) == ["z₀", "z₁", "z₂"]
    assert dimension_names((2, 1)) == ["z¹₀", "z¹₁", "z²₀"]


@pytest.mark.parametrize("preset", [*FAMILIES, "points-ddpm"])
def test_the_train_page_trains_it(window: MainWindow, until: Until, problems: list[Failure], preset: str) -> None:
    page = window.show_page("train")
    assert isinstance(page, TrainPage)
    page.form.preset.setCurrentIndex(page.form.preset.findData(preset))
    page.form._use_preset()
    page.form.set_value("training.epochs", "2")
    page.form.set_value("training.device", "cpu")
    page.form.set_value("training.log_every", "1")
    if preset.startswith("points"):
        page.form.set_value("data.items", "600")
    page.start()
    until(lambda: not page.running)
    assert not problems and page.folder is not None
    assert "finished" in page.state.line.text()
    assert len(page.now.samples.pixels) > 0
    bound = preset not in {"digits-autoencoder", "points-ddpm"}
    assert page.views.curves.elbo.isVisible() == bound and page.views.curves.loss.isVisible() != bound
    shown = page.views.curves.elbo if bound else page.views.curves.loss
    drawn = shown._curves["train"].yData
    assert drawn is not None and len(drawn) > 0 and np.isfinite(drawn).all()


def test_what_does_not_go_together_is_said(window: MainWindow, until: Until, problems: list[Failure]) -> None:
    page = window.show_page("train")
    assert isinstance(page, TrainPage)
    page.form.set_value("model.likelihood", "bernoulli")
    page.form.set_value("data.name", "two-moons")
    page.start()
    assert not page.running and not problems, "it is said in the form, and nothing is begun"
    assert page.form.rows["data.name"].problem.endswith("choose Likelihood = Gaussian and Network = MLP")
    assert page.state.line.text() == "not started: Data set, Likelihood and Network are marked in the form"


def test_settings_show_where_they_matter(window: MainWindow, until: Until) -> None:
    page = window.show_page("train")
    assert isinstance(page, TrainPage)
    form = page.form
    form.set_value("model.family", "vae")
    form.set_value("model.likelihood", "bernoulli")
    until(lambda: form.rows["training.epochs"].editor.isVisibleTo(form))
    binarization, sigma = form.rows["model.binarization"], form.rows["model.sigma"]
    assert binarization.isVisibleTo(form) and not sigma.isVisibleTo(form)
    form.set_value("model.likelihood", "gaussian")
    assert not binarization.isVisibleTo(form) and sigma.isVisibleTo(form)
    form.set_value("model.family", "hierarchical")
    assert form.config().model.latent_sizes == (16, 8)  # type: ignore[union-attr]
    form.set_value("model.latent_sizes", "6, 3, 2")
    assert form.config().model.latent_sizes == (6, 3, 2)  # type: ignore[union-attr]
    form.set_value("data.name", "sprites")
    until(lambda: form.rows["training.epochs"].editor.isVisibleTo(form))
    assert form.rows["data.subset"].editor.isVisibleTo(form)
    form.set_value("data.subset", "shape=0,2 scale=5")
    assert form.config().data.subset == "shape=0,2 scale=5"


def test_cards_say_what_a_model_is(window: MainWindow) -> None:
    page = window.show_page("models")
    assert isinstance(page, ModelsPage)
    names = {card.card.family for card in page.cards}
    assert {"vae", "ddpm"} <= names
    page.search.setText("β-VAE")
    assert page.cards and all("β" in card.card.label for card in page.cards)


def test_mnist_is_located_once(window: MainWindow, until: Until, problems: list[Failure], tmp_path: Path) -> None:
    from tests.test_known_data import small_mnist

    page = window.show_page("train")
    assert isinstance(page, TrainPage)
    page.form.set_value("data.name", "mnist")
    assert page.finder.isVisibleTo(page)
    page.finder.take(tmp_path)
    until(lambda: bool(problems) and page.finder.locate.isEnabled())
    assert "train-images-idx3-ubyte" in problems[-1].text and page.finder.isVisibleTo(page)
    page.finder.take(small_mnist(tmp_path / "source"))
    until(lambda: not page.finder.isVisibleTo(page))
    page.form.set_value("training.epochs", "1")
    page.form.set_value("training.device", "cpu")
    page.form.set_value("model.channels", "2")
    page.form.set_value("training.batch_size", "10")
    page.start()
    until(lambda: not page.running)
    assert "finished" in page.state.line.text()

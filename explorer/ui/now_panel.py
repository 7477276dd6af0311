"""What a model makes now: test images beside their reconstructions, and samples."""

from collections.abc import Callable, Mapping

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout

from explorer import images
from explorer.messages import Pixels, has_latents
from explorer.training_messages import Pictures
from explorer.ui.export import ExportButton
from explorer.ui.page import Page
from explorer.ui.panel import Panel, button, label
from explorer.ui.picture_grid import PictureGrid


class NowPanel(Panel):
    """Shows the pictures it is given; the last ones stay until others come.

    Args:
        page: whose panel it is.
        provenance: says which run and step the pictures are of.
    """

    def __init__(self, page: Page, provenance: Callable[[], Mapping[str, object]]) -> None:
        super().__init__(
            "What it makes now", "On fixed test images and a fixed seed, so that changes come from learning"
        )
        self._provenance = provenance
        self.setFixedWidth(300)
        self._originals_title = label("test images, rebuilt below", "muted")
        self.reconstructions = PictureGrid("test images and reconstructions", 4)
        self._samples_title = label("samples from the prior", "muted")
        self.samples = PictureGrid("samples")
        for grid in (self.reconstructions, self.samples):
            grid.align = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter
        self.body.addWidget(self._originals_title)
        self.body.addWidget(self.reconstructions, 1)
        self.body.addWidget(self._samples_title)
        self.body.addWidget(self.samples, 1)
        foot = QGridLayout()
        self.explore_button = button("Explore it →", "Open the trained model on its page")
        self.explore_button.setEnabled(False)
        self.export = ExportButton(page)
        self.export.add("samples", "Samples (PNG)", ".png", self._samples_png)
        self.export.add("reconstructions", "Test images and reconstructions (PNG)", ".png", self._reconstructions_png)
        foot.addWidget(self.explore_button, 0, 0)
        foot.addWidget(self.export, 0, 1)
        foot.setColumnStretch(0, 1)
        self.body.addLayout(foot)
        self.clear()

    def clear(self) -> None:
        """Show nothing but what will come."""
        self.reconstructions.clear("Start a training to see what the model makes of test images.")
        self.samples.clear("Its samples appear here.")
        self.export.setEnabled(False)

    def lay_out(self, family: str) -> None:
        """Name and show what a family makes."""
        latent = has_latents(family)
        self._originals_title.setVisible(latent)
        self.reconstructions.setVisible(latent)
        prior = "samples around the codes' mean" if family == "autoencoder" else "samples from the prior"
        self._samples_title.setText(prior if latent else "samples by 50 steps of DDIM")

    def show_pictures(self, pictures: Pictures) -> None:
        """Show what the model makes."""
        if len(pictures.originals):
            rows = [
                part[first : first + 4]
                for first in range(0, min(8, len(pictures.originals)), 4)
                for part in (pictures.originals, pictures.reconstructions)
            ]
            self.reconstructions.set_pixels(np.concatenate(rows), 4)
        else:
            self.reconstructions.clear("A diffusion model reconstructs nothing; its samples are below.")
        self.samples.set_pixels(pictures.samples[:64])
        self.export.setEnabled(True)

    def show_samples(self, samples: Pixels) -> None:
        """Show samples alone, as a snapshot of another process's run has them; test images stay as they are."""
        self.samples.set_pixels(samples)
        self.export.setEnabled(True)

    def _samples_png(self) -> bytes:
        return images.png_bytes(images.sheet(self.samples.pixels), {**self._provenance(), "made": "samples"})

    def _reconstructions_png(self) -> bytes:
        told = {**self._provenance(), "made": "reconstructions"}
        return images.png_bytes(images.sheet(self.reconstructions.pixels, 4), told)

"""A model that is open: pictures in, pictures out, NumPy only on both sides."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from explorer import images, runs
from explorer.data.batches import to_tensor, to_unit
from explorer.data.catalog import CATALOG, load
from explorer.errors import RunError
from explorer.inference import trajectories
from explorer.messages import (
    Decoded,
    DecodeRequest,
    DenoiseRequest,
    Floats,
    Frame,
    Gallery,
    LatentMap,
    ModelCard,
    Noised,
    NoiseRequest,
    OpenedModel,
    Pixels,
    Schedule,
    Split,
    Traversal,
    TraverseRequest,
)
from explorer.models import devices
from explorer.models.build import Model
from explorer.models.chain import NoiseSource
from explorer.models.diffusion import Diffusion
from explorer.models.posterior import latent_map
from explorer.models.vae import VAE
from explorer.models.weights import load_model
from explorer.version import VERSION

_BATCH = 256


class ModelSession:
    """A trained model on a device. Make one with ``ModelSession.open``."""

    def __init__(self, folder: Path, model: Model, card: ModelCard, weights_sha256: str, device: torch.device) -> None:
        self.folder = folder
        self.model = model
        self.card = card
        self.weights_sha256 = weights_sha256
        self.device = device

    @classmethod
    def open(cls, name: str | Path, device: str = "auto") -> "ModelSession":
        """Return a session on a model's name or run folder.

        Raises:
            RunError: no such model, or one whose files are missing, damaged or do not fit each other.
            DeviceError: this machine does not have the device.
        """
        folder = runs.find(name)
        place = devices.resolve(device)
        config = runs.read_config(folder)
        model, sha256 = load_model(folder, config, CATALOG[config.data.name].shape)
        with devices.lock(place):
            model = model.to(place)
        return cls(folder, model, runs.card(folder), sha256, place)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return (height, width, channels) of a picture."""
        channels, height, width = self.model.shape
        return height, width, channels

    def provenance(self, **settings: object) -> dict[str, object]:
        """Return what an exported picture says of itself: app, model, weights and the settings it was made with."""
        return {"app": VERSION, "model": self.card.name, "weights_sha256": self.weights_sha256, **settings}

    def _vae(self) -> VAE:
        if not isinstance(self.model, VAE):
            raise RunError(f"{self.card.name} has no latent space: it is a {self.card.label}; choose a VAE")
        return self.model

    def _diffusion(self) -> Diffusion:
        if not isinstance(self.model, Diffusion):
            raise RunError(f"{self.card.name} has no denoising chain: it is a {self.card.label}; choose a DDPM")
        return self.model

    # ---- VAE ----

    @property
    def latent_size(self) -> int:
        """Return the number of latent dimensions; 0 for a diffusion model."""
        return self.model.latent_size if isinstance(self.model, VAE) else 0

    @torch.inference_mode()
    def encode(self, pixels: Pixels) -> tuple[Floats, Floats]:
        """Return μ and σ of q(z|x), each (items, latent), for pixels (items, height, width, channels)."""
        model = self._vae()
        if pixels.shape[1:] != self.image_shape:
            raise RunError(f"{self.card.name} encodes pictures of {self.image_shape}, not {pixels.shape[1:]}")
        with devices.lock(self.device):
            mean, log_var = model.encode(to_unit(to_tensor(pixels, self.device)))
        return mean.cpu().numpy(), (0.5 * log_var).exp().cpu().numpy()

    @torch.inference_mode()
    def decode(self, z: Floats) -> Pixels:
        """Return the pictures E[x|z] (items, height, width, channels) of latents (items, latent)."""
        model = self._vae()
        latents = np.asarray(z, np.float32)
        if latents.ndim != 2 or latents.shape[1] != model.latent_size:
            wanted = f"(items, {model.latent_size})"
            raise RunError(f"{self.card.name} decodes latents of shape {wanted}, not {latents.shape}")
        with devices.lock(self.device):
            pictures = [model.picture(part.to(self.device)) for part in torch.split(torch.from_numpy(latents), _BATCH)]
            shown = torch.cat(pictures).cpu().numpy()
        return images.from_unit(shown.transpose(0, 2, 3, 1))

    def decoded(self, request: DecodeRequest) -> Decoded:
        """Return the answer to a request, with the time it took."""
        began = time.perf_counter()
        pixels = self.decode(request.z)
        return Decoded(request.request, request.z, pixels, (time.perf_counter() - began) * 1000)

    def traverse(self, request: TraverseRequest) -> Traversal:
        """Return the pictures along each of the request's dimensions; the others stay as in its z."""
        values = np.linspace(-request.extent, request.extent, request.steps, dtype=np.float32)
        rows = np.tile(np.asarray(request.z, np.float32), (len(request.dimensions), request.steps, 1))
        for row, dimension in zip(rows, request.dimensions, strict=True):
            row[:, dimension] = values
        return Traversal(request, self.decode(rows.reshape(-1, rows.shape[-1])))

    def latents(self) -> LatentMap:
        """Return the latent map: as saved with the model, else encoded now from the data set."""
        model = self._vae()
        try:
            saved = runs.read_arrays(self.folder, runs.LATENTS, ("means", "labels", "kl_per_dimension", "split"))
        except RunError:  # a run that was killed, or damaged: the data set still knows
            saved = {}
        if saved and saved["means"].shape[1:] == (model.latent_size,) == saved["kl_per_dimension"].shape:
            split: Split = "test" if str(saved.pop("split")) == "test" else "train"
            return LatentMap(**saved, split=split)
        with devices.lock(self.device):
            return latent_map(model, load(self.card.dataset), self.device)

    # ---- diffusion ----

    def schedule(self) -> Schedule:
        """Return ᾱ_t and β_t, t = 0..T."""
        schedule = self._diffusion().schedule
        return Schedule(schedule.alpha_bar.numpy(), schedule.beta.numpy())

    def denoise(self, request: DenoiseRequest) -> Iterator[Frame]:
        """Yield the reverse chain as frames t = T..0; the frame of t = 0 is the sample."""
        return trajectories.denoise(self._diffusion(), request, self.device)

    def noised(self, request: NoiseRequest) -> Noised:
        """Return the forward process of one test image, a picture for every t = 0..T."""
        pixels, _ = load(self.card.dataset).split("test")
        return trajectories.noised(self._diffusion(), request, pixels)

    # ---- both ----

    def gallery(self, count: int = 24) -> Gallery:
        """Return the first test images of the data set the model was trained on."""
        pixels, labels = load(self.card.dataset).split("test")
        return Gallery(pixels[:count], labels[:count])

    def sample(self, count: int, seed: int) -> Iterator[tuple[int, int, Pixels | None]]:
        """Draw ``count`` pictures, yielding (done, total, pictures); the pictures come with the last one.

        A VAE decodes z ~ N(0, I); a DDPM runs its whole reverse chain. The first n of more are always the same.
        """
        if isinstance(self.model, VAE):
            noise = NoiseSource(seed, count).draw((self.model.latent_size,)).numpy()
            yield count, count, self.decode(noise)
            return
        total = self.model.schedule.timesteps
        for frame in self.denoise(DenoiseRequest(0, count, seed)):
            yield total - frame.t, total, frame.x_t if frame.t == 0 else None

    def opened(self, request: int) -> OpenedModel:
        """Return all that a page needs to show this model."""
        vae = isinstance(self.model, VAE)
        return OpenedModel(
            request=request,
            card=self.card,
            image_shape=self.image_shape,
            latent_size=self.latent_size,
            device=devices.label(self.device),
            provenance=self.provenance(),
            latents=self.latents() if vae else None,
            schedule=None if vae else self.schedule(),
        )

"""A model that is open: pictures in, pictures out, NumPy only on both sides."""

import dataclasses
import functools
import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from explorer import files, images, runs, walks
from explorer.chain_messages import Noised, NoiseRequest
from explorer.config import DataConfig, Sampling
from explorer.data.catalog import CATALOG, here, load
from explorer.errors import DataError, RunError
from explorer.inference import trajectories
from explorer.inference.inputs import model_input, told
from explorer.latent_messages import Decoded, DecodeRequest
from explorer.messages import (
    DenoiseRequest,
    Floats,
    Frame,
    Gallery,
    LatentMap,
    OpenedModel,
    Pixels,
    Schedule,
    Split,
    Values,
)
from explorer.models import devices
from explorer.models.build import Model
from explorer.models.diffusion import Diffusion
from explorer.models.latent import LatentModel
from explorer.models.noise import NoiseSource
from explorer.models.posterior import latent_map
from explorer.models.prior import prior_pictures
from explorer.models.weights import load_model
from explorer.version import VERSION

_BATCH = 256
_OWN, _OWN_STEPS = 1000, 20


class ModelSession:
    """A trained model on a device. Make one with ``ModelSession.open``."""

    def __init__(self, folder: Path, model: Model, data: DataConfig, weights_sha256: str, device: torch.device) -> None:
        self.folder = folder
        self.data = data
        self.model = model
        self.card = runs.card(folder)
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
        model, sha256 = load_model(folder, config)
        with devices.lock(place):
            model = model.to(place)
        return cls(folder, model, config.data, sha256, place)

    @property
    def points(self) -> bool:
        """Return whether the model is of two-dimensional points, which are shown as dots in a picture."""
        return self.model.shape == (2, 1, 1)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return (height, width, channels) of a picture."""
        if self.points:
            return images.POINTS_SIDE, images.POINTS_SIDE, 1
        channels, height, width = self.model.shape
        return height, width, channels

    def provenance(self, **settings: object) -> dict[str, object]:
        """Return what an exported picture says of itself: app, model, weights and the settings it was made with."""
        model = {"model": self.card.name, "weights_sha256": self.weights_sha256, "data": self.data.name}
        return {"app": VERSION, **model, **settings}

    def latent_model(self) -> LatentModel:
        """Return the model; RunError if it has no latent space."""
        if not isinstance(self.model, LatentModel):
            raise RunError(f"{self.card.name} has no latent space: it is a {self.card.label}; choose a VAE")
        return self.model

    def diffusion(self) -> Diffusion:
        """Return the model; RunError if it has no denoising chain."""
        if not isinstance(self.model, Diffusion):
            raise RunError(f"{self.card.name} has no denoising chain: it is a {self.card.label}; choose a DDPM")
        return self.model

    # ---- latent spaces ----

    @property
    def latent_size(self) -> int:
        """Return the number of latent dimensions; 0 for a diffusion model."""
        return self.model.latent_size if isinstance(self.model, LatentModel) else 0

    def check_label(self, label: int | None) -> None:
        """Raise RunError if ``label`` is given and is no class that the model is told."""
        if label is None:
            return
        if not self.model.classes:
            raise RunError(f"{self.card.name} is told no class; leave it out")
        if not 0 <= label < self.model.classes:
            raise RunError(f"{self.card.name} has no class {label}; its classes are 0 to {self.model.classes - 1}")

    @torch.inference_mode()
    def encode(self, values: Values, labels: NDArray[np.int64] | None = None) -> tuple[Floats, Floats]:
        """Return μ and σ of q(z|x), each (items, latent), in units of the prior; σ is 0 for a deterministic encoder.

        Args:
            values: pixels (items, height, width, channels) uint8, or points (items, 1, 1, 2) float32.
            labels: their classes (items,), which a conditional model needs.

        Raises:
            RunError: no latent space, items of another shape, or classes missing.
        """
        model = self.latent_model()
        x = model_input(self, values)
        if model.classes and (labels is None or len(labels) != len(values)):
            raise RunError(f"{self.card.name} is conditional: give the class of each item, 0 to {model.classes - 1}")
        with devices.lock(self.device):
            mean, log_var = model.encode(x, told(self, 0 if labels is None else labels, len(x)))
        return mean.cpu().numpy(), (0.5 * log_var).exp().cpu().numpy()

    @torch.inference_mode()
    def decode_values(self, z: Floats, label: ArrayLike = 0) -> Floats:
        """Return E[x|z] (items, height, width, channels) in [0, 1], or points, of latents (items, latent)."""
        model = self.latent_model()
        latents = np.asarray(z, np.float32)
        if latents.ndim != 2 or latents.shape[1] != model.latent_size:
            wanted = f"(items, {model.latent_size})"
            raise RunError(f"{self.card.name} decodes latents of shape {wanted}, not {latents.shape}")
        classes = told(self, label, len(latents))
        with devices.lock(self.device):
            parts = [
                model.picture(part.to(self.device), label)
                for part, label in zip(
                    torch.split(torch.from_numpy(latents), _BATCH),
                    itertools.repeat(None) if classes is None else torch.split(classes, _BATCH),
                    strict=False,
                )
            ]
        values: Floats = torch.cat(parts).cpu().numpy().transpose(0, 2, 3, 1)
        return values

    def decode(self, z: Floats, label: ArrayLike = 0) -> Pixels:
        """Return the pictures E[x|z] (items, height, width, channels) of latents (items, latent).

        ``label`` is the class of all of them or of each, for a conditional model. A point is a dot before its data set.
        """
        return self.pictures(self.decode_values(z, label))

    def pictures(self, values: Floats) -> Pixels:
        """Return values of [0, 1] (items, height, width, channels), or points, as pictures."""
        if self.points:
            return images.of_each_point(values.reshape(-1, 2), self._background)
        return images.from_unit(values)

    @functools.cached_property
    def _background(self) -> Pixels:
        values = load(self.data).values if here(self.data) else self.test_items()[0]
        return images.of_points(values.astype(np.float32).reshape(-1, 2))

    def decoded(self, request: DecodeRequest) -> Decoded:
        """Return the answer to a request, with the time it took."""
        began = time.perf_counter()
        pixels = self.decode(request.z, request.label)
        return Decoded(request.request, request.z, pixels, (time.perf_counter() - began) * 1000, request.label)

    def traverse(
        self, z: Floats, dimensions: Sequence[int], extent: float = 3.0, steps: int = 11, label: ArrayLike = 0
    ) -> Pixels:
        """Return the pictures (dimensions · steps, height, width, channels) of ``walks.traverse``, row by row."""
        return self.decode(walks.traverse(z, dimensions, extent, steps), label)

    def latents(self) -> LatentMap:
        """Return the latent map: as saved with the model, else encoded from the data set, once."""
        return self._latents

    @functools.cached_property
    def _latents(self) -> LatentMap:
        model = self.latent_model()
        try:
            saved = files.read_arrays(self.folder, runs.LATENTS, ("means", "labels", "kl_per_dimension", "split"))
        except RunError:  # a run that was killed, or damaged: the data set still knows
            saved = {}
        size = (model.latent_size,)
        if saved and saved["means"].shape[1:] == size and saved["kl_per_dimension"].shape in {size, (0,)}:
            split: Split = "test" if str(saved.pop("split")) == "test" else "train"
            return LatentMap(**{**saved, "means": saved["means"].astype(np.float32)}, split=split)
        with devices.lock(self.device):
            return latent_map(model, load(self.data), self.device)

    # ---- diffusion ----

    def schedule(self) -> Schedule:
        """Return ᾱ_t and β_t, t = 0..T."""
        schedule = self.diffusion().schedule
        return Schedule(schedule.alpha_bar.numpy(), schedule.beta.numpy())

    @property
    def clips(self) -> bool:
        """Return whether x̂₀ is usually kept in [−1, 1] when this model is sampled; nothing else can be of points."""
        return not isinstance(self.model, Diffusion) or self.model.clips or self.points

    def check_sampling(self, sampling: Sampling) -> None:
        """Raise ConfigError if this model cannot be sampled so, RunError if it has no chain."""
        trajectories.check_sampling(self.diffusion(), sampling, self.card.name)

    def chain_steps(self, request: DenoiseRequest) -> list[int]:
        """Return the t's that the chain of a request visits before it arrives at 0; ConfigError as ``denoise``."""
        return trajectories.visited_steps(self.diffusion(), request.sampling, request.start)

    def settled(self, request: DenoiseRequest) -> DenoiseRequest:
        """Return the request with nothing left open: as the model is usually sampled, and a start image's own class.

        Raises:
            RunError: the model has no chain.
            ConfigError, DataError: it cannot be sampled so, or the image to start from is not there.
        """
        sampling = request.sampling or Sampling(clip=self.clips)
        self.check_sampling(sampling)
        begins = request.start or request.invert
        if begins and not self.points:
            label = trajectories.item(self.test_items()[1], request.image)
            if self.model.classes and sampling.label is None:
                sampling = sampling.model_copy(update={"label": int(label[0])})
        return dataclasses.replace(request, sampling=sampling)

    def denoise(self, request: DenoiseRequest) -> Iterator[Frame]:
        """Return the chain of a request as frames, from its first t to 0; the frame of t = 0 is the sample.

        Raises:
            ConfigError: this model cannot be sampled so.
            DataError: the image to start from is not there.
        """
        request = self.settled(request)
        values = self.test_items()[0] if request.start or request.invert else None
        return trajectories.denoise(self.diffusion(), request, self.device, values)

    def noised(self, request: NoiseRequest) -> Noised:
        """Return the forward process of an item, at once and step by step; errors as of ``forward.Noising``."""
        from explorer.inference import forward

        return forward.noised(self, request)

    # ---- both ----

    def test_items(self) -> tuple[Values, NDArray[np.int64]]:
        """Return test items and their classes; where the data are not on this machine, the samples saved with it."""
        of_data = self._data_items()
        if of_data is not None:
            return of_data
        if self.points:  # a drawing that was deleted or damaged since
            return self._own_points, np.zeros(len(self._own_points), np.int64)
        pictures = runs.read_pictures(self.folder)
        if pictures is None or not len(pictures.samples) or pictures.samples.shape[1:] != self.image_shape:
            raise RunError(f"{self.folder / runs.PICTURES} has no pictures to start from; import the model again")
        return pictures.samples, np.arange(len(pictures.samples)) % max(1, self.model.classes)  # as they are drawn

    def _data_items(self) -> tuple[Values, NDArray[np.int64]] | None:
        """Return the data set's test items and their classes; None where the data are not on this machine."""
        try:
            return load(self.data).split("test") if here(self.data) else None
        except DataError:
            if not self.points:
                raise
            return None

    @functools.cached_property
    def _own_points(self) -> Floats:
        """Return points that the model draws, (points, 1, 1, 2), in the place of data that are not there any more."""
        if isinstance(self.model, Diffusion):
            sampling = Sampling(sampler="ddim", steps=min(_OWN_STEPS, self.model.schedule.timesteps), clip=True)
            *_, last = trajectories.denoise(self.model, DenoiseRequest(0, _OWN, 0, sampling), self.device)
            assert last.points is not None
            return np.ascontiguousarray(last.points[0][:, None, None, :])
        with torch.inference_mode(), devices.lock(self.device):
            drawn = prior_pictures(self.model, NoiseSource(0, _OWN), self.device)
        return drawn.float().cpu().numpy().transpose(0, 2, 3, 1)

    def gallery(self, count: int = 24) -> Gallery:
        """Return the first test items of the data set the model was trained on; of points, one picture of them all.

        Where the data are not on this machine they are samples of its own.
        """
        values, labels = self.test_items()
        own = self._data_items() is None
        if self.points:
            cloud = images.of_points(values.astype(np.float32).reshape(-1, 2))[None]
            return Gallery(cloud, np.zeros(1, np.int64), own)
        return Gallery(values[:count].astype(np.uint8, copy=False), labels[:count], own)

    def sample(
        self, count: int, seed: int, sampling: Sampling | None = None, towards: int | None = None
    ) -> Iterator[tuple[int, int, Pixels | None]]:
        """Draw ``count`` pictures, yielding (done, total, pictures); the pictures come with the last one.

        A model with a latent space decodes z ~ p(z), of class ``sampling.label`` or of each class in turn where it is
        told classes; a diffusion model runs its chain. The first n of more are always the same. Points come as one
        picture of them all. With ``towards`` the pictures of a diffusion model lie between the noise of two seeds.

        Raises:
            RunError: a class that the model is not told, or ``towards`` for a model without a chain.
            ConfigError: this model cannot be sampled so.
        """
        wanted = sampling or Sampling(clip=self.clips)
        if isinstance(self.model, Diffusion):
            request = DenoiseRequest(0, count, seed, wanted, towards=towards)
            total = len(self.chain_steps(request))
            for done, frame in enumerate(self.denoise(request)):
                yield done, total, frame.x_t if frame.t == 0 else None
            return
        if towards is not None:
            raise RunError(f"{self.card.name} has no starting noise to turn into another; leave that out")
        label = wanted.label
        self.check_label(label)
        with torch.inference_mode(), devices.lock(self.device):
            drawn = prior_pictures(self.model, NoiseSource(seed, count), self.device, label)
        values = drawn.cpu().numpy().transpose(0, 2, 3, 1)
        yield count, count, images.of_points(values.reshape(-1, 2))[None] if self.points else images.from_unit(values)

    def opened(self, request: int) -> OpenedModel:
        """Return all that a page needs to show this model."""
        latent = isinstance(self.model, LatentModel)
        return OpenedModel(
            request=request,
            card=self.card,
            image_shape=self.image_shape,
            latent_size=self.latent_size,
            device=devices.label(self.device),
            provenance=self.provenance(),
            latents=self.latents() if latent else None,
            schedule=None if latent else self.schedule(),
            levels=self.model.levels if isinstance(self.model, LatentModel) else (),
            classes=self.model.classes,
            points=self.points,
            guidable=not latent and self.diffusion().guidable,
            clips=self.clips,
            class_names=CATALOG[self.data.name].class_names,
        )

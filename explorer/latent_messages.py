"""What crosses a thread between the Latent page and its model; see ``messages``.

z are latents in units of the prior, (latent,) for one item, (items, latent) for several. Pictures have the image shape
of the model, (height, width, channels); those of points are pictures of dots.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from explorer.messages import Floats, Pixels, Values

ProjectionMethod = Literal["pca", "tsne"]


# ---- decoding ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DecodeRequest:
    """Decode z, shape (items, latent), of class ``label`` where the model is told one."""

    request: int
    z: Floats
    label: int = 0


@dataclass(frozen=True)
class Decoded:
    """The picture (mean of p(x|z)) of each row of z, of class ``label`` where the model is told one."""

    request: int
    z: Floats
    pixels: Pixels
    milliseconds: float
    label: int = 0


@dataclass(frozen=True)
class SheetRequest:
    """Decode many z (items, latent); ``labels`` are the classes of all of them, or one class for all.

    Of each subclass only the newest is answered. Sheets are decoded in small parts: the picture under the cursor does
    not wait for them.
    """

    request: int
    z: Floats
    labels: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class PlaneRequest(SheetRequest):
    """The decoded grid behind the map."""


@dataclass(frozen=True)
class StripRequest(SheetRequest):
    """What the strip below the map shows; only the mode that is shown asks."""


@dataclass(frozen=True)
class Sheet:
    """The pictures of a SheetRequest, in its order."""

    request: SheetRequest
    pixels: Pixels


@dataclass(frozen=True)
class PriorRequest:
    """Draw ``count`` items from the prior, the spread of its noise times ``temperature`` (the paper's is 1).

    ``label`` is the class of all, None for each class in turn where the model is told one.
    """

    request: int
    count: int
    seed: int
    temperature: float = 1.0
    label: int | None = None


@dataclass(frozen=True)
class PriorSamples:
    """Pictures drawn from the prior, and where they are: z (count, latent), classes (count,), zeros without classes.

    Of a VQ-VAE z are the coordinates of the codes that were drawn: a few of many, so decoding z gives another picture.
    """

    request: PriorRequest
    z: Floats
    labels: NDArray[np.int64]
    pixels: Pixels


# ---- encoding ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EncodeRequest:
    """Encode one item, ``values`` (1, height, width, channels) uint8 or a point (1, 1, 1, 2) float32.

    ε of z = μ + σ·ε is seeded by ``seed``; −1 is ε = 0, the mean. ``label`` is the class a conditional model is told.
    ``item`` is its number in the map, −1 where it is none of the map's: its terms are those that the map has for it.
    """

    request: int
    values: Values
    label: int = 0
    seed: int = -1
    item: int = -1


@dataclass(frozen=True)
class Encoded:
    """Where q(z|x) of one item is, and the terms of its ELBO in nats.

    Attributes:
        request: what was asked.
        pixels: the item's picture, (1, height, width, channels).
        mean: μ (latent,).
        sigma: σ (latent,); 0 where the encoder is deterministic.
        z: μ + σ·ε (latent,), for the ε of the request.
        reconstruction: the picture E[x|z] of that z, (1, height, width, channels).
        log_likelihood: ln p(x|z) of a z ~ q(z|x): of that z, but of a draw where that z is the mean: ln p(x|μ) is more.
        kl_per_dimension: (latent,); (0,) where the encoder is deterministic.
        kl: their sum; of a VQ-VAE −ln p(k) of the codes; 0 for an autoencoder.
    """

    request: EncodeRequest
    pixels: Pixels
    mean: Floats
    sigma: Floats
    z: Floats
    reconstruction: Pixels
    log_likelihood: float
    kl_per_dimension: Floats
    kl: float

    @property
    def elbo(self) -> float:
        """Return ln p(x|z) − KL, one sample of the ELBO, in nats."""
        return self.log_likelihood - self.kl


# ---- the items of the map ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ItemsRequest:
    """Tell what the points of the map are: their pictures at once, then their terms."""

    request: int


@dataclass(frozen=True)
class MapItems:
    """What the points of the map are, in its order. Sent with the pictures at once, then with σ, then with the terms.

    σ is of the items as they are, as the map's means are. The terms are those of evaluation: of a model that was
    trained on items drawn black or white, they are of such a draw, always the same.

    Attributes:
        request: number of the request.
        values: the items themselves, as EncodeRequest wants them; (0, …) where the data set is not on this machine.
        pixels: their pictures (items, height, width, channels); (0, …) of points and without data.
        sigma: σ of q(z|x) (items, latent); (0, latent) until it is found, and where the encoder is deterministic.
        terms: name → one number for each item in nats: "reconstruction" (ln p(x|z) at one z ~ q(z|x)), "kl" and
            "elbo"; of an autoencoder, which has no KL, "reconstruction" alone. Empty until they are found.
        factors: name → the true factor of each item, where the data set knows them.
        note: why there are no pictures or terms, with the remedy; "" where there are.
    """

    request: int
    values: Values
    pixels: Pixels
    sigma: Floats
    terms: Mapping[str, Floats] = field(default_factory=dict)
    factors: Mapping[str, Floats] = field(default_factory=dict)
    note: str = ""


# ---- projections ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProjectRequest:
    """Project the means (items, latent) of the map to a plane."""

    request: int
    method: ProjectionMethod
    means: Floats
    perplexity: float = 30.0
    seed: int = 0


@dataclass(frozen=True)
class Projected:
    """Where the items are in the plane, (items, 2), ``done`` from 0 to 1: t-SNE is shown while it is found.

    Of PCA position = (z − center) @ components.T: ``components`` (2, latent) are orthonormal, ``explained`` is the
    share of the variance along each. Of t-SNE there is no such map: they are empty.
    """

    request: int
    method: ProjectionMethod
    positions: Floats
    done: float
    center: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    components: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    explained: tuple[float, ...] = ()


# ---- the codes of a VQ-VAE -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CodesRequest:
    """Encode one picture (1, height, width, channels) to its map of codes.

    With ``z`` (latent,) the map is that of the sliders: the codes nearest to it, which decoding z shows. ``pixels`` is
    then (0, height, width, channels).
    """

    request: int
    pixels: Pixels
    z: Floats | None = None


@dataclass(frozen=True)
class PaintRequest:
    """Decode a map of codes (rows, columns)."""

    request: int
    codes: NDArray[np.int64]


@dataclass(frozen=True)
class CodeMap:
    """A map of codes (rows, columns), what it decodes to (1, height, width, channels), its z and −ln p(k) in nats.

    ``original`` is the picture it was encoded from; (0, height, width, channels) where the codes were painted.
    ``place_nats`` (rows, columns) are −ln p(k_i|k_1…k_{i−1}) of each place in raster order; ``nats`` is their sum.
    """

    request: int
    codes: NDArray[np.int64]
    pixels: Pixels
    original: Pixels
    z: Floats
    nats: float
    place_nats: Floats


@dataclass(frozen=True)
class CodebookRequest:
    """Tell what the codes are and how often the map's items use them."""

    request: int


@dataclass(frozen=True)
class CodebookFound:
    """The codebook: ``usage`` (codes,) counts over the map's items, ``perplexity`` of that usage.

    ``pictures`` (codes, height, width, channels) show each code at every place of the map. ``positions`` (codes, 2) are
    the codes' vectors on their two principal axes: near codes look alike. Without data ``usage`` is (0,). It is sent
    several times: the pictures at once, then the usage as it is counted, ``done`` from 0 to 1.
    """

    request: int
    usage: NDArray[np.int64]
    perplexity: float
    pictures: Pixels
    positions: Floats
    done: float = 1.0

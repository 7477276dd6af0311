"""The planes a latent space is looked at in: two of its dimensions, two principal components, a t-SNE embedding."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from explorer.messages import Floats
from explorer.nearest import Nearest
from explorer.ui.probe_map import jittered

Place = tuple[float, float]
Points = NDArray[np.floating]


class Plane(Protocol):
    """Where z (latent,) is in the plane, and which z a place of the plane stands for."""

    @property
    def kind(self) -> str:
        """Return "axes", "line", "pca" or "tsne"."""
        ...

    @property
    def names(self) -> tuple[str, str]:
        """Return the names of the axes, with units."""
        ...

    @property
    def comparable(self) -> bool:
        """Return whether a unit across and one up mean the same."""
        ...

    @property
    def has_prior(self) -> bool:
        """Return whether z has the prior N(0, I), and it has contours in this plane."""
        ...

    @property
    def decodes(self) -> bool:
        """Return whether each place stands for a z of its own."""
        ...

    def positions(self, means: Floats) -> Points:
        """Return the places (items, 2) of the items whose means are (items, latent)."""
        ...

    def at(self, z: Floats) -> Place:
        """Return the place of one z (latent,)."""
        ...

    def lift(self, places: Points, z: Floats) -> Floats:
        """Return the z (items, latent) of places (items, 2), reached from z (latent,)."""
        ...

    def covariance(self, sigma: Floats) -> NDArray[np.float64] | None:
        """Return the covariance (2, 2) in the plane of a Gaussian with these σ (latent,); None where it has none."""
        ...


@dataclass(frozen=True)
class AxesPlane:
    """Two dimensions of z; the others stay as they are.

    ``names`` are those of the axes with their units, ``has_prior`` says whether z has the prior N(0, I).
    """

    axes: tuple[int, int]
    names: tuple[str, str]
    has_prior: bool = True
    kind: str = "axes"
    comparable: bool = True
    decodes: bool = True

    def positions(self, means: Floats) -> Points:
        """Return two columns of the means."""
        return np.ascontiguousarray(means[:, list(self.axes)])

    def at(self, z: Floats) -> Place:
        """Return two values of z."""
        return float(z[self.axes[0]]), float(z[self.axes[1]])

    def lift(self, places: Points, z: Floats) -> Floats:
        """Return copies of z with the two dimensions set."""
        lifted = np.tile(np.asarray(z, np.float32), (len(places), 1))
        lifted[:, list(self.axes)] = places
        return lifted

    def covariance(self, sigma: Floats) -> NDArray[np.float64]:
        """Return diag(σ²) of the two dimensions: q(z|x) has a diagonal covariance."""
        return np.diag(np.asarray(sigma, np.float64)[list(self.axes)] ** 2)


@dataclass(frozen=True)
class LinePlane:
    """The plane of a model with one dimension: z across, and up a band for each class in which items are scattered."""

    labels: NDArray[np.int64]
    names: tuple[str, str]
    has_prior: bool = False  # circles say nothing here
    kind: str = "line"
    comparable: bool = False
    decodes: bool = False

    @property
    def bands(self) -> NDArray[np.int64]:
        """Return the classes from below."""
        return np.unique(self.labels)

    def positions(self, means: Floats) -> Points:
        """Return z, and a place within the band of each item's class."""
        return np.stack([means[:, 0], jittered(self.labels).astype(np.float32)], 1)

    def at(self, z: Floats) -> Place:
        """Return z, in the middle of all bands."""
        return float(z[0]), (len(self.bands) - 1) / 2

    def lift(self, places: Points, z: Floats) -> Floats:
        """Return the first coordinates: the bands mean nothing."""
        return np.asarray(places[:, :1], np.float32)

    def covariance(self, sigma: Floats) -> NDArray[np.float64]:
        """Return σ² across, and 0 up."""
        return np.diag([float(sigma[0]) ** 2, 0.0])


@dataclass(frozen=True)
class PrincipalPlane:
    """The two principal components of the means: place = (z − center) @ components.T.

    A place stands for z moved within the plane only, what z is across it stays.
    """

    center: Floats
    components: Floats
    names: tuple[str, str]
    has_prior: bool = True
    kind: str = "pca"
    comparable: bool = True
    decodes: bool = True

    def positions(self, means: Floats) -> Points:
        """Return the means on the two components."""
        return np.asarray((means - self.center) @ self.components.T, np.float32)

    def at(self, z: Floats) -> Place:
        """Return z on the two components."""
        x, y = (np.asarray(z, np.float64) - self.center) @ self.components.T.astype(np.float64)
        return float(x), float(y)

    def lift(self, places: Points, z: Floats) -> Floats:
        """Return z + (place − place of z) @ components."""
        moves = np.asarray(places, np.float64) - self.at(z)
        return np.asarray(np.asarray(z, np.float64) + moves @ self.components, np.float32)

    def covariance(self, sigma: Floats) -> NDArray[np.float64]:
        """Return C diag(σ²) Cᵀ for the components C: a Gaussian that is projected is a Gaussian."""
        scaled = self.components.astype(np.float64) * np.asarray(sigma, np.float64)
        return np.asarray(scaled @ scaled.T)


@dataclass(frozen=True)
class NeighbourPlane:
    """A t-SNE embedding: there is no way back from a place to z, so the nearest item's z stands for it.

    Van der Maaten & Hinton 2008. ``places`` (items, 2) belong to ``means`` (items, latent); items that are not
    ``shown`` stand for no place.
    """

    places: Points
    means: Floats
    shown: NDArray[np.bool_]
    names: tuple[str, str] = ("t-SNE 1 (no unit)", "t-SNE 2 (no unit)")
    kind: str = "tsne"
    comparable: bool = True
    has_prior: bool = False
    decodes: bool = False

    def positions(self, means: Floats) -> Points:
        """Return where the embedding put the items."""
        return self.places

    @cached_property
    def _near_in_space(self) -> Nearest:  # when first asked: positions come many times before anybody clicks
        return Nearest(self.means)

    @cached_property
    def _near_in_plane(self) -> Nearest:
        return Nearest(np.where(self.shown[:, None], self.places, np.nan))

    def at(self, z: Floats) -> Place:
        """Return where the item is whose mean is nearest to z."""
        found, _ = self._near_in_space.query(z, 1)
        x, y = self.places[found[0]] if len(found) else (0.0, 0.0)
        return float(x), float(y)

    def lift(self, places: Points, z: Floats) -> Floats:
        """Return the means of the items nearest to the places; z where there is none."""
        found = [self._near_in_plane.query(place, 1)[0] for place in np.asarray(places)]
        return np.array([self.means[near[0]] if len(near) else z for near in found], np.float32)

    def covariance(self, sigma: Floats) -> None:
        """Return nothing: distances in a t-SNE embedding have no unit."""


def ellipse(center: Place, covariance: NDArray[np.float64], radius: float, points: int = 97) -> NDArray[np.float64]:
    """Return the contour (points, 2) at ``radius`` σ of a Gaussian in the plane: center + radius · L (cos t, sin t).

    L Lᵀ is the covariance; L comes from its eigenvectors, so that a σ of 0 is allowed.
    """
    values, vectors = np.linalg.eigh(covariance)
    turn = np.linspace(0, 2 * np.pi, points)
    circle = np.stack([np.cos(turn), np.sin(turn)], 1) * np.sqrt(np.clip(values, 0, None)) * radius
    return np.asarray(np.asarray(center) + circle @ vectors.T)

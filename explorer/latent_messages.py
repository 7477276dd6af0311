"""What crosses a thread between the Latent page and its model; see ``messages``."""

from dataclasses import dataclass

from explorer.messages import Floats, Pixels


@dataclass(frozen=True)
class DecodeRequest:
    """Decode z, shape (items, latent), of class ``label`` where the model is told one."""

    request: int
    z: Floats
    label: int = 0


@dataclass(frozen=True)
class TraverseRequest:
    """Decode copies of z (latent,) with one dimension moved from −extent to extent in ``steps``, a row each."""

    request: int
    z: Floats
    dimensions: tuple[int, ...]
    extent: float = 3.0
    steps: int = 11
    label: int = 0


@dataclass(frozen=True)
class Traversal:
    """The pictures of a traversal, row by row: (dimensions · steps, height, width, channels)."""

    request: TraverseRequest
    pixels: Pixels


@dataclass(frozen=True)
class Decoded:
    """The picture (mean of p(x|z)) of each row of z."""

    request: int
    z: Floats
    pixels: Pixels
    milliseconds: float

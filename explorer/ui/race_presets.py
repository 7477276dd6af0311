"""Races that are worth running, for the model that is open and those of the same shape."""

from collections.abc import Sequence

from explorer.chain_messages import MOST_LANES, Lane, Rival
from explorer.config import Sampling

_FEW = (1, 10, 25, 50)  # every so many-th step
_ETAS = (0.0, 0.3, 0.7, 1.0)
_GUIDANCES = (1.0, 2.0, 4.0, 8.0)
KINDS = {"mean": "μ̃ (A)", "x0": "x₀ (B)", "eps": "ε (C)", "v": "v"}


def presets(rivals: Sequence[Rival]) -> dict[str, tuple[Lane, ...]]:
    """Return the lanes of each race by its name; the first of ``rivals`` is the open model."""
    own = rivals[0]
    usual = Sampling(clip=own.clips)
    ddim = usual.model_copy(update={"sampler": "ddim"})
    few = max(1, own.timesteps // _FEW[1])
    shorter = list(dict.fromkeys(max(1, own.timesteps // every) for every in _FEW))

    def lanes(*ways: Sampling) -> tuple[Lane, ...]:
        return tuple(Lane(own.path, way) for way in ways)

    found = {
        "DDPM and DDIM": lanes(usual, ddim, ddim.model_copy(update={"steps": few})),
        "DDIM with fewer steps": lanes(*(ddim.model_copy(update={"steps": _all(own, count)}) for count in shorter)),
        "DDIM with more noise η": lanes(*(ddim.model_copy(update={"steps": few, "eta": eta}) for eta in _ETAS)),
    }
    if own.guidable:
        ways = (ddim.model_copy(update={"steps": few, "guidance": guidance}) for guidance in _GUIDANCES)
        found["Guidance"] = lanes(*ways)
    if not own.points:
        clipped = (ddim.model_copy(update={"steps": few, "clip": on}) for on in (True, False))
        found["x̂₀ clipped or not"] = lanes(*clipped)
    kinds = parameterizations(rivals)
    if len(kinds) > 1:
        found["Parameterizations"] = tuple(Lane(kind.path, ddim) for kind in kinds)
    return found


def _all(model: Rival, count: int) -> int:
    return 0 if count == model.timesteps else count


def parameterizations(rivals: Sequence[Rival]) -> list[Rival]:
    """Return models alike but for what their network predicts, one of each kind: A, B, C, v."""
    own = rivals[0]
    found = []
    for kind in KINDS:
        alike = (own.data, own.timesteps, own.classes, own.guidable)
        fits = [
            one
            for one in rivals
            if one.predicts == kind and (one.data, one.timesteps, one.classes, one.guidable) == alike
        ]
        found += fits[:1]
    return found[:MOST_LANES]

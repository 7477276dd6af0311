"""Every setting, once: its default, range, unit and meaning.

The form of the Train page, the command line's ``--set``, the TOML presets and ``run.json`` are all made from these
models. A setting is addressed as ``section.name``, for example ``model.beta`` or ``training.epochs``. The sections of
the families are in ``model_config``.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple

from pydantic import ValidationInfo, field_validator, model_validator

from explorer.diffusion_config import (
    DdpmConfig,
    DiffusionConfig,
    ImportedConfig,
    Prediction,
    ReverseVariance,
    Sampling,
)
from explorer.model_config import (
    MODEL_SECTIONS,
    MOST_BETA,
    AutoencoderConfig,
    ConditionalConfig,
    FamilyName,
    HierarchicalConfig,
    LatentConfig,
    ModelConfig,
    VaeConfig,
    VqConfig,
)
from explorer.setting import Section, setting

__all__ = [
    "ACTIVE_NATS", "MAX_SEED", "MODEL_SECTIONS", "MOST_BETA", "RATES", "AutoencoderConfig", "ConditionalConfig",
    "DataConfig", "DatasetName", "DdpmConfig", "DiffusionConfig", "FamilyName", "HierarchicalConfig",
    "ImportedConfig", "LatentConfig", "ModelConfig", "Prediction", "ReverseVariance", "RunConfig", "Sampling",
    "TrainingConfig", "Turn", "VaeConfig", "VqConfig", "parse_turns", "turns_text",
]  # fmt: skip

DatasetName = Literal[
    "digits", "mnist", "sprites", "cifar10",
    "two-moons", "swiss-roll", "gaussian-ring", "pinwheel", "checkerboard", "mixture",
    "drawn", "none",
]  # fmt: skip
MAX_SEED = 2**63 - 1
ACTIVE_NATS = 0.01  # a latent dimension whose average KL is below this is called inactive


class DataConfig(Section):
    """What is learned from."""

    name: Annotated[DatasetName, setting("Data set", "The images or points to learn from.", hidden=("none",))] = (
        "digits"
    )
    items: Annotated[
        int,
        setting(
            "Items", "How many training items: of sprites and points so many are drawn, of the others the first so "
            "many are taken; 0 is the usual number.", ge=0, le=800_000, advanced=True,
        ),
    ] = 0  # fmt: skip
    subset: Annotated[
        str,
        setting(
            "Factors", "Which values of the factors to draw, for example shape=0,2 scale=5 orientation=0-9; the "
            "factors are shape (3), scale (6), orientation (40), x (32), y (32). Empty draws all.",
            max_length=400, only_if=("name", "sprites"),
        ),
    ] = ""  # fmt: skip
    mixture: Annotated[
        str,
        setting(
            "Mixture", "The Gaussians to draw from, each as weight x y σ, separated by semicolons.",
            max_length=2000, only_if=("name", "mixture"),
        ),
    ] = "1 -1 -1 0.2; 1 1 -1 0.2; 1 0 1 0.4"  # fmt: skip
    drawn: Annotated[
        str,
        setting(
            "Drawing", "The name of a data set of points that you have drawn on the Diffusion page.",
            max_length=60, only_if=("name", "drawn"),
        ),
    ] = ""  # fmt: skip


class Turn(NamedTuple):
    """From ``step`` steps on β (None leaves it) and the factor of the learning rate are these."""

    step: int
    beta: float | None
    rate: float


RATES = (0.01, 10.0)  # the factor of the learning rate that can be chosen, from and to
_MOST_RATE = 1000.0  # that may be in runs which were made before there were RATES


def parse_turns(text: str, *, typed: bool = False) -> tuple[Turn, ...]:
    """Return the turns of a text such as ``"120 beta=20; 400 beta=4 rate=0.5"``, in order of their steps.

    Args:
        text: the turns, with semicolons between them.
        typed: somebody chooses them now, so that the rates must be in RATES; of a run they need only make sense.

    Raises:
        ValueError: a part that is no step with beta or rate, or a number that cannot be.
    """
    found = []
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        match = re.fullmatch(r"(\d{1,12})((?:\s+(?:beta|rate)=[\d.eE+-]+)+)", part)
        if match is None:
            raise ValueError(f"{part[:40]!r} is not a step with beta= or rate=; write 120 beta=20; 400 rate=0.5")
        given = dict(word.split("=") for word in match[2].split())
        beta, rate = (float(given[name]) if name in given else None for name in ("beta", "rate"))
        if beta is not None and not 0 <= beta <= MOST_BETA:
            raise ValueError(f"beta = {beta:g} is not from 0 to {MOST_BETA:g}")
        if rate is not None and typed and not RATES[0] <= rate <= RATES[1]:
            raise ValueError(f"rate = {rate:g} is not from {RATES[0]:g} to {RATES[1]:g}")
        if rate is not None and not 0 < rate <= _MOST_RATE:
            raise ValueError(f"rate = {rate:g} is not above 0 and at most {_MOST_RATE:g}")
        found.append(Turn(int(match[1]), beta, 1.0 if rate is None else rate))
    return tuple(sorted(found))


def turns_text(turns: Iterable[Turn]) -> str:
    """Return turns as ``parse_turns`` reads them."""
    return "; ".join(
        f"{t.step}" + (f" beta={t.beta!r}" if t.beta is not None else "") + f" rate={t.rate!r}" for t in turns
    )


class TrainingConfig(Section):
    """How it is learned."""

    epochs: Annotated[int, setting("Epochs", "Passes over the training items.", ge=1, le=1_000_000)] = 30
    batch_size: Annotated[int, setting("Batch", "Items in each step.", ge=1, le=65_536, factor=2)] = 64
    learning_rate: Annotated[
        float, setting("Learning rate", "Step size of the Adam optimizer.", gt=0, le=1e9, log=True)
    ] = 1e-3
    seed: Annotated[
        int, setting("Seed", "Same seed, machine and precision: same weights, to the bit on a CPU.", ge=0, le=MAX_SEED)
    ] = 0
    device: Annotated[
        str,
        setting(
            "Device", "auto takes CUDA if there is one, else MPS, else the CPU.",
            pattern=r"^(auto|cpu|mps|cuda(:\d{1,3})?)$", choices=("auto", "cpu", "cuda", "mps"),
            written="auto, cpu, mps, cuda or cuda:N",
        ),
    ] = "auto"  # fmt: skip
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        setting(
            "Precision", "bfloat16 autocast is faster on some machines; auto times one step of each and decides.",
            advanced=True,
        ),
    ] = "auto"  # fmt: skip
    schedule: Annotated[
        Literal["constant", "cosine"],
        setting("Rate falls", "Whether the learning rate stays, or falls to 0 along half a cosine.", advanced=True),
    ] = "constant"
    gradient_clip: Annotated[
        float,
        setting(
            "Gradient clip", "Largest norm of the whole gradient; 0 leaves it as it is.", ge=0, le=1e6, advanced=True
        ),
    ] = 0.0
    turns: Annotated[
        str,
        setting(
            "Turns", "Knobs turned while it trains, by step, as a run remembers them: 120 beta=20; 400 rate=0.5.",
            max_length=20_000, advanced=True,
        ),
    ] = ""  # fmt: skip
    log_every: Annotated[
        int,
        setting(
            "Log every", "Steps between two points of the training curves.",
            ge=1, le=100_000, advanced=True, unit="steps",
        ),
    ] = 20  # fmt: skip
    checkpoint_seconds: Annotated[
        float,
        setting(
            "Checkpoint every", "Time between two checkpoints; one more is saved at the end and on Stop.",
            ge=1, le=86_400, advanced=True, unit="s",
        ),
    ] = 60.0  # fmt: skip

    snapshots: Annotated[
        bool,
        setting(
            "Time machine", "Keep small snapshots of the model over training: where probe items lie in latent space, "
            "traversals and samples. At most 128, in about a fiftieth of the time.", advanced=True,
        ),
    ] = True  # fmt: skip
    tensorboard: Annotated[
        Literal["auto", "off"],
        setting(
            "TensorBoard", "auto writes event files beside metrics.jsonl where tensorboard is installed.",
            advanced=True,
        ),
    ] = "auto"  # fmt: skip

    @field_validator("turns")
    @classmethod
    def _readable(cls, value: str, info: ValidationInfo) -> str:
        parse_turns(value, typed=bool(info.context and info.context.get("typed")))
        return value


class RunConfig(Section):
    """One experiment: what is learned, by which model, and how."""

    title: Annotated[str, setting("Title", "Name shown on cards.", min_length=1, max_length=80)] = "Untitled"
    data: DataConfig = DataConfig()
    model: ModelConfig = VaeConfig()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="after")
    def _plain_title(self) -> "RunConfig":
        if any(ord(letter) < 32 for letter in self.title):
            raise ValueError("title: must not contain control characters")
        return self

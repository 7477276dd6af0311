"""The settings of diffusion models: the process, the networks that are trained here, and how samples are drawn."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from explorer.setting import Section, setting

Prediction = Literal["mean", "x0", "eps", "v"]
ReverseVariance = Literal["beta", "posterior", "learned"]


class _Process(Section):
    timesteps: Annotated[int, setting("T (steps)", "T, the number of noising steps.", ge=1, le=10_000)] = 1000
    schedule: Annotated[
        Literal["linear", "cosine", "sigmoid", "custom"],
        setting(
            "Schedule", "How β_t grows: linear (Ho et al. 2020), cosine (Nichol & Dhariwal 2021), along a sigmoid, or "
            "as you write it.",
        ),
    ] = "cosine"  # fmt: skip
    betas: Annotated[
        tuple[Annotated[float, Field(gt=0, lt=1)], ...],
        setting(
            "β_t", "β from t = 1 to T: T numbers, or fewer that are spread evenly and joined by straight lines.",
            min_length=1, max_length=10_000, only_if=("schedule", "custom"),
        ),
    ] = (1e-4, 0.02)  # fmt: skip
    predicts: Annotated[
        Prediction,
        setting(
            "Predicts", "What the network is asked for: the posterior mean μ̃ (A), the clean item x₀ (B), the noise ε "
            "(C), or v = √ᾱ ε − √(1−ᾱ) x₀ (Salimans & Ho 2022). Each can be computed from any other.",
        ),
    ] = "eps"  # fmt: skip
    variance: Annotated[
        ReverseVariance,
        setting(
            "σ_t²", "Variance of a reverse step: β_t, the posterior's β̃_t, or learned between the two by a second "
            "output and the hybrid loss (Nichol & Dhariwal 2021).",
        ),
    ] = "posterior"  # fmt: skip
    told: Annotated[
        Literal["nothing", "class"],
        setting("Told", "Whether the network is told the class of each item, so that it can be asked for one."),
    ] = "nothing"


class DdpmConfig(_Process):
    """A denoising diffusion probabilistic model; Ho et al. 2020."""

    family: Annotated[Literal["ddpm"], setting("Family", "Denoising diffusion model.")] = "ddpm"
    class_dropout: Annotated[
        float,
        setting(
            "Class hidden", "Share of items whose class is hidden in training, which guidance needs (Ho & Salimans "
            "2022).", ge=0, lt=1, step=0.05, only_if=("told", "class"),
        ),
    ] = 0.1  # fmt: skip
    loss: Annotated[
        Literal["simple", "bound"],
        setting(
            "Loss", "simple: the mean squared error of what is predicted; bound: each step as it counts in the bound.",
        ),
    ] = "simple"  # fmt: skip
    network: Annotated[
        Literal["unet", "mlp"], setting("Network", "A U-Net for images, fully connected layers for points.")
    ] = "unet"
    hidden_units: Annotated[
        int,
        setting("Hidden units", "Units in each of the MLP's hidden layers.", ge=1, le=4096, only_if=("network", "mlp")),
    ] = 128
    hidden_layers: Annotated[
        int, setting("Hidden layers", "Hidden layers of the MLP.", ge=1, le=16, only_if=("network", "mlp"))
    ] = 3
    channels: Annotated[
        int,
        setting(
            "Channels", "Channels of the U-Net at full resolution, a multiple of 4.",
            ge=4, le=1024, step=4, only_if=("network", "unet"),
        ),
    ] = 32  # fmt: skip
    multipliers: Annotated[
        tuple[Annotated[int, Field(ge=1, le=16)], ...],
        setting(
            "Multipliers", "Channel multiplier of each resolution; every further one halves the image.",
            min_length=1, max_length=6, advanced=True, only_if=("network", "unet"),
        ),
    ] = (1, 2)  # fmt: skip
    residual_blocks: Annotated[
        int,
        setting(
            "Residual blocks", "Residual blocks at each resolution.",
            ge=1, le=8, advanced=True, only_if=("network", "unet"),
        ),
    ] = 2  # fmt: skip
    attention_size: Annotated[
        int,
        setting(
            "Attention up to", "Self-attention where the image is at most this many pixels wide; 0 for none.",
            ge=0, le=64, advanced=True, unit="px", only_if=("network", "unet"),
        ),
    ] = 8  # fmt: skip
    dropout: Annotated[
        float,
        setting(
            "Dropout", "Share of activations dropped in each residual block while training.",
            ge=0, le=0.9, advanced=True, step=0.05, only_if=("network", "unet"),
        ),
    ] = 0.0  # fmt: skip
    ema_decay: Annotated[
        float,
        setting(
            "EMA decay", "Decay of the moving average of the weights that samples are drawn with; 0 for none.",
            ge=0, lt=1, advanced=True, step=0.001,
        ),
    ] = 0.999  # fmt: skip

    @field_validator("channels")
    @classmethod
    def _groups(cls, value: int) -> int:
        if value % 4:
            raise ValueError("must be a multiple of 4, for group normalization")
        return value


class ImportedConfig(_Process):
    """A denoising diffusion model that the library diffusers trained and this app imported."""

    family: Annotated[Literal["imported"], setting("Family", "Imported diffusion model.")] = "imported"
    clip: Annotated[bool, setting("Clip x̂₀", "Whether its own library keeps x̂₀ in [−1, 1] when it samples.")] = True
    unet: Annotated[
        str, setting("U-Net", "The configuration of diffusers' UNet2DModel, as JSON.", max_length=20_000)
    ] = "{}"


DiffusionConfig = DdpmConfig | ImportedConfig


class Sampling(Section):
    """How samples are drawn from a diffusion model."""

    sampler: Annotated[
        Literal["ddpm", "ddim"],
        setting("Sampler", "DDPM: the ancestral chain with the model's own variance; DDIM: Song et al. 2021."),
    ] = "ddpm"
    steps: Annotated[
        int,
        setting("Steps", "How many of the T steps are visited, evenly spread; 0 visits them all.", ge=0, le=10_000),
    ] = 0
    spacing: Annotated[
        Literal["trailing", "leading"],
        setting("Spacing", "Whether fewer steps begin at T (trailing) or end at 1 (leading).", advanced=True),
    ] = "trailing"
    eta: Annotated[
        float,
        setting(
            "η", "Noise of DDIM: 0 is deterministic, 1 is ancestral with the posterior's variance.",
            ge=0, le=1, step=0.1, only_if=("sampler", "ddim"),
        ),
    ] = 0.0  # fmt: skip
    label: Annotated[
        int | None,
        setting("Class", "The class asked for, of a model that is told classes; without one each in turn."),
    ] = None
    guidance: Annotated[
        float,
        setting(
            "Guidance w", "ε̂ = ε(∅) + w (ε(c) − ε(∅)): 1 is the plain conditional model, 0 knows no class, more makes "
            "the class plainer and the samples less varied (Ho & Salimans 2022).", ge=0, le=50, step=0.5,
        ),
    ] = 1.0  # fmt: skip
    clip: Annotated[bool, setting("Clip x̂₀", "Whether the guessed clean image is kept in [−1, 1] at every step.")] = (
        True
    )

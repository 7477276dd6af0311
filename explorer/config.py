"""Every setting, once: its default, range, unit and meaning.

The form of the Train page, the command line's ``--set``, the TOML presets and ``run.json`` are all made from these
models. A setting is addressed as ``section.name``, for example ``model.beta`` or ``training.epochs``.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

DatasetName = Literal["digits"]
FamilyName = Literal["vae", "ddpm"]
MAX_SEED = 2**63 - 1
ACTIVE_NATS = 0.01  # a latent dimension whose average KL is below this is called inactive


def _shown(label: str, **hints: object) -> dict[str, Any]:
    """Return what a form shows a setting by: its label and hints (``only_if``, ``advanced``, ``unit``, ``log``)."""
    return {"label": label, **hints}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=False, validate_default=True)


class DataConfig(_Section):
    """What is learned from."""

    name: Annotated[
        DatasetName, Field(description="The images to learn from.", json_schema_extra=_shown("Data set"))
    ] = "digits"


class VaeConfig(_Section):
    """A variational autoencoder with a diagonal Gaussian encoder; β ≠ 1 makes it a β-VAE."""

    family: Annotated[Literal["vae"], Field(description="VAE or β-VAE.", json_schema_extra=_shown("Family"))] = "vae"
    latent_size: Annotated[
        int,
        Field(
            ge=1,
            le=512,
            description="K, the number of dimensions of z.",
            json_schema_extra=_shown("Latent size"),
        ),
    ] = 2
    beta: Annotated[
        float,
        Field(
            ge=0,
            le=1000,
            description="β, the weight of the KL term in the objective; 1 is the VAE, more presses q(z|x) to p(z).",
            json_schema_extra=_shown("β", step=0.5),
        ),
    ] = 1.0
    likelihood: Annotated[
        Literal["bernoulli", "gaussian"],
        Field(
            description="p(x|z): Bernoulli(π(z)), grey values taken as probabilities, or Gaussian N(f(z), σ²I).",
            json_schema_extra=_shown("Likelihood"),
        ),
    ] = "bernoulli"
    sigma: Annotated[
        float,
        Field(
            ge=0.01,
            le=10,
            description="σ, the fixed standard deviation of the Gaussian decoder, for pixels in [0, 1].",
            json_schema_extra=_shown("σ", only_if=("likelihood", "gaussian"), step=0.05),
        ),
    ] = 0.2
    network: Annotated[
        Literal["mlp", "convolutional"],
        Field(
            description="Encoder and decoder: fully connected layers or convolutions.",
            json_schema_extra=_shown("Network"),
        ),
    ] = "mlp"
    hidden_units: Annotated[
        int,
        Field(
            ge=1,
            le=4096,
            description="Units in each fully connected hidden layer.",
            json_schema_extra=_shown("Hidden units", advanced=True),
        ),
    ] = 256
    hidden_layers: Annotated[
        int,
        Field(
            ge=1,
            le=8,
            description="Hidden layers of the fully connected encoder, and of the decoder.",
            json_schema_extra=_shown("Hidden layers", advanced=True, only_if=("network", "mlp")),
        ),
    ] = 2
    channels: Annotated[
        int,
        Field(
            ge=1,
            le=512,
            description="Channels of the first convolution; they double at each halving of the image.",
            json_schema_extra=_shown("Channels", advanced=True, only_if=("network", "convolutional")),
        ),
    ] = 32


class DdpmConfig(_Section):
    """A denoising diffusion probabilistic model (Ho et al. 2020) whose U-Net predicts the noise ε."""

    family: Annotated[
        Literal["ddpm"], Field(description="Denoising diffusion model.", json_schema_extra=_shown("Family"))
    ] = "ddpm"
    timesteps: Annotated[
        int,
        Field(
            ge=2,
            le=10_000,
            description="T, the number of noising steps of the chain.",
            json_schema_extra=_shown("T (steps)"),
        ),
    ] = 1000
    schedule: Annotated[
        Literal["linear", "cosine"],
        Field(
            description="How β_t grows: linear (Ho et al. 2020) or cosine (Nichol & Dhariwal 2021).",
            json_schema_extra=_shown("Schedule"),
        ),
    ] = "cosine"
    channels: Annotated[
        int,
        Field(
            ge=4,
            le=1024,
            description="Channels of the U-Net at full resolution, a multiple of 4.",
            json_schema_extra=_shown("Channels"),
        ),
    ] = 32
    multipliers: Annotated[
        tuple[Annotated[int, Field(ge=1, le=16)], ...],
        Field(
            min_length=1,
            max_length=6,
            description="Channel multiplier of each resolution; every further one halves the image.",
            json_schema_extra=_shown("Multipliers", advanced=True),
        ),
    ] = (1, 2)
    residual_blocks: Annotated[
        int,
        Field(
            ge=1,
            le=8,
            description="Residual blocks at each resolution.",
            json_schema_extra=_shown("Residual blocks", advanced=True),
        ),
    ] = 2
    attention_size: Annotated[
        int,
        Field(
            ge=0,
            le=64,
            description="Self-attention where the image is at most this many pixels wide; 0 for none.",
            json_schema_extra=_shown("Attention up to", advanced=True, unit="px"),
        ),
    ] = 8
    dropout: Annotated[
        float,
        Field(
            ge=0,
            le=0.9,
            description="Share of activations dropped in each residual block while training.",
            json_schema_extra=_shown("Dropout", advanced=True, step=0.05),
        ),
    ] = 0.0
    ema_decay: Annotated[
        float,
        Field(
            ge=0,
            lt=1,
            description="Decay of the moving average of the weights that samples are drawn with; 0 for none.",
            json_schema_extra=_shown("EMA decay", advanced=True, step=0.001),
        ),
    ] = 0.999

    @field_validator("channels")
    @classmethod
    def _groups(cls, value: int) -> int:
        if value % 4:
            raise ValueError("must be a multiple of 4, for group normalization")
        return value


ModelConfig = Annotated[VaeConfig | DdpmConfig, Field(discriminator="family")]


class TrainingConfig(_Section):
    """How it is learned."""

    epochs: Annotated[
        int,
        Field(ge=1, le=1_000_000, description="Passes over the training images.", json_schema_extra=_shown("Epochs")),
    ] = 30
    batch_size: Annotated[
        int, Field(ge=1, le=65_536, description="Images in each step.", json_schema_extra=_shown("Batch"))
    ] = 64
    learning_rate: Annotated[
        float,
        Field(
            gt=0,
            le=1e9,
            description="Step size of the Adam optimizer.",
            json_schema_extra=_shown("Learning rate", log=True),
        ),
    ] = 1e-3
    seed: Annotated[
        int,
        Field(
            ge=0,
            le=MAX_SEED,
            description="Same seed, machine and precision: same weights, to the bit on a CPU.",
            json_schema_extra=_shown("Seed"),
        ),
    ] = 0
    device: Annotated[
        str,
        Field(
            pattern=r"^(auto|cpu|mps|cuda(:\d{1,3})?)$",
            description="auto takes CUDA if there is one, else MPS, else the CPU.",
            json_schema_extra=_shown("Device", choices=("auto", "cpu", "cuda", "mps")),
        ),
    ] = "auto"
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        Field(
            description="bfloat16 autocast is faster on some machines; auto times one step of each and decides.",
            json_schema_extra=_shown("Precision", advanced=True),
        ),
    ] = "auto"
    gradient_clip: Annotated[
        float,
        Field(
            ge=0,
            le=1e6,
            description="Largest norm of the whole gradient; 0 leaves it as it is.",
            json_schema_extra=_shown("Gradient clip", advanced=True),
        ),
    ] = 0.0
    log_every: Annotated[
        int,
        Field(
            ge=1,
            le=100_000,
            description="Steps between two points of the training curves.",
            json_schema_extra=_shown("Log every", advanced=True, unit="steps"),
        ),
    ] = 20
    checkpoint_seconds: Annotated[
        float,
        Field(
            ge=1,
            le=86_400,
            description="Time between two checkpoints; one more is saved at the end and on Stop.",
            json_schema_extra=_shown("Checkpoint every", advanced=True, unit="s"),
        ),
    ] = 60.0


class RunConfig(_Section):
    """One experiment: what is learned, by which model, and how."""

    title: Annotated[
        str, Field(min_length=1, max_length=80, description="Name shown on cards.", json_schema_extra=_shown("Title"))
    ] = "Untitled"
    data: DataConfig = DataConfig()
    model: ModelConfig = VaeConfig()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="after")
    def _deep_enough(self) -> "RunConfig":
        if any(ord(letter) < 32 for letter in self.title):
            raise ValueError("title: must not contain control characters")
        return self


MODEL_SECTIONS: dict[str, type[VaeConfig] | type[DdpmConfig]] = {"vae": VaeConfig, "ddpm": DdpmConfig}

"""The settings of every family with a latent space, and the list of all families.

Families share groups of settings, so each is declared once.
"""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from explorer.diffusion_config import DdpmConfig, DiffusionConfig, ImportedConfig
from explorer.setting import Section, setting

MOST_BETA = 1000.0
_PIXELS_OF_CONVOLUTIONS = ("network", ("convolutional", "residual"))


class _Networks(Section):
    network: Annotated[
        Literal["linear", "mlp", "convolutional", "residual"],
        setting(
            "Network", "Encoder and decoder: one linear map, fully connected layers, convolutions, or residual ones."
        ),
    ] = "mlp"
    hidden_units: Annotated[
        int, setting("Hidden units", "Units in each fully connected hidden layer.", ge=1, le=4096, advanced=True)
    ] = 256
    hidden_layers: Annotated[
        int,
        setting(
            "Hidden layers", "Hidden layers of the fully connected encoder, and of the decoder.",
            ge=1, le=8, advanced=True, only_if=("network", "mlp"),
        ),
    ] = 2  # fmt: skip
    channels: Annotated[
        int,
        setting(
            "Channels", "Channels of the first convolution; they double at each halving of the image.",
            ge=1, le=512, advanced=True, only_if=_PIXELS_OF_CONVOLUTIONS,
        ),
    ] = 32  # fmt: skip


class _Likelihood(Section):
    likelihood: Annotated[
        Literal["bernoulli", "gaussian"],
        setting("Likelihood", "p(x|z): Bernoulli(π(z)) of pixels in [0, 1], or Gaussian N(f(z), σ²I)."),
    ] = "bernoulli"
    binarization: Annotated[
        Literal["none", "static", "dynamic"],
        setting(
            "Binarization",
            "Grey values taken as probabilities of white: none trains on them as they are (a relaxation), static draws "
            "black or white once, dynamic draws anew every time an image is used.",
            only_if=("likelihood", "bernoulli"),
        ),
    ] = "none"
    sigma: Annotated[
        float,
        setting(
            "σ", "σ, the standard deviation of the Gaussian decoder, for pixels in [0, 1]; where it is learned, the "
            "first value.", ge=0.01, le=10, only_if=("likelihood", "gaussian"), step=0.05,
        ),
    ] = 0.2  # fmt: skip
    sigma_is: Annotated[
        Literal["fixed", "learned"],
        setting("σ is", "Whether σ is fixed or one more weight that is learned.", only_if=("likelihood", "gaussian")),
    ] = "fixed"


class _KlTerm(Section):
    beta: Annotated[
        float,
        setting(
            "β", "Weight of the KL term in the objective; 1 is the VAE, more presses q(z|x) to p(z).",
            ge=0, le=MOST_BETA, step=0.5,
        ),
    ] = 1.0  # fmt: skip
    beta_is: Annotated[
        Literal["beta", "beta_norm"],
        setting(
            "β is", "Whether the number is β itself or the size-free β_norm = β·K/D of Higgins et al. 2017, with K "
            "latents and D pixel values.", advanced=True,
        ),
    ] = "beta"  # fmt: skip
    warm_up_epochs: Annotated[
        float,
        setting(
            "KL warm-up", "Epochs over which β rises from 0 to its value; 0 starts with all of it.",
            ge=0, le=100_000, advanced=True, unit="epochs",
        ),
    ] = 0.0  # fmt: skip
    capacity: Annotated[
        float,
        setting(
            "Capacity C", "Where the KL is held: the penalty becomes β·|KL − C| (Burgess et al. 2018); 0 is none.",
            ge=0, le=10_000, advanced=True, unit="nats",
        ),
    ] = 0.0  # fmt: skip
    capacity_epochs: Annotated[
        float,
        setting(
            "C grows over", "Epochs over which C rises from 0 to its value.",
            ge=0, le=100_000, advanced=True, unit="epochs",
        ),
    ] = 0.0  # fmt: skip
    samples: Annotated[
        int,
        setting("Samples of z", "M, the Monte Carlo samples of z per image in each step.", ge=1, le=256, advanced=True),
    ] = 1


class _Latent(Section):
    latent_size: Annotated[int, setting("Latent size", "K, the number of dimensions of z.", ge=1, le=512)] = 2


class VaeConfig(_Networks, _Likelihood, _KlTerm, _Latent):
    """A variational autoencoder with a diagonal Gaussian encoder; β ≠ 1 makes it a β-VAE."""

    family: Annotated[Literal["vae"], setting("Family", "VAE or β-VAE.")] = "vae"


class AutoencoderConfig(_Networks, _Likelihood, _Latent):
    """A deterministic autoencoder: a code for each image, no prior and no KL."""

    family: Annotated[Literal["autoencoder"], setting("Family", "Deterministic autoencoder.")] = "autoencoder"


class ConditionalConfig(_Networks, _Likelihood, _KlTerm, _Latent):
    """A conditional VAE: encoder and decoder are told the class c; Sohn et al. 2015."""

    family: Annotated[Literal["conditional"], setting("Family", "Conditional VAE.")] = "conditional"
    prior: Annotated[
        Literal["independent", "learned"],
        setting("Prior", "p(z) = N(0, I) for every class, or a learned p(z|c) = N(μ(c), diag σ²(c))."),
    ] = "independent"


class HierarchicalConfig(_Networks, _Likelihood, _KlTerm):
    """A VAE with several levels of latents, p(x|z₁) p(z₁|z₂) … p(z_L)."""

    family: Annotated[Literal["hierarchical"], setting("Family", "Hierarchical VAE.")] = "hierarchical"
    latent_sizes: Annotated[
        tuple[Annotated[int, Field(ge=1, le=512)], ...],
        setting("Latent sizes", "Dimensions of z₁, z₂, …, from the picture up.", min_length=2, max_length=8),
    ] = (16, 8)
    inference: Annotated[
        Literal["bottom-up", "ladder"],
        setting(
            "Inference",
            "bottom-up: q(z₁|x) q(z₂|z₁) …; ladder: from the top down, each level merges what the image says with what "
            "the prior says, weighted by their precisions (Sønderby et al. 2016).",
        ),
    ] = "ladder"


class VqConfig(_Networks, _Likelihood):
    """A VQ-VAE: each image becomes a grid of entries of a codebook; van den Oord et al. 2017."""

    family: Annotated[Literal["vq"], setting("Family", "Vector-quantized VAE.")] = "vq"
    network: Annotated[
        Literal["mlp", "convolutional", "residual"],
        setting("Network", "Encoder and decoder: fully connected layers, convolutions, or residual ones."),
    ] = "convolutional"
    codebook_size: Annotated[int, setting("Codebook size", "K, the number of codes.", ge=2, le=8192)] = 64
    code_size: Annotated[int, setting("Code size", "Dimensions of a code vector.", ge=1, le=512)] = 16
    downsamplings: Annotated[
        int, setting("Halvings", "How often the image is halved to the grid of codes.", ge=1, le=5)
    ] = 2
    codebook: Annotated[
        Literal["ema", "loss"],
        setting("Codebook by", "Codes follow a moving average of what they stand for, or the gradient of a loss."),
    ] = "ema"
    decay: Annotated[
        float,
        setting(
            "γ",
            "Decay of the moving averages: of the codebook, and of how often each code is used.",
            ge=0,
            lt=1,
            advanced=True,
        ),
    ] = 0.99
    commitment: Annotated[
        float,
        setting(
            "Commitment", "Weight of ‖z_e − sg[e]‖², which keeps the encoder near its codes.", ge=0, le=1000, step=0.05
        ),
    ] = 0.25
    reseed_below: Annotated[
        float,
        setting(
            "Re-seed below",
            "A code used less often than this share of its fair use is re-seeded at an encoder output; 0 never.",
            ge=0, lt=1, advanced=True,
        ),
    ] = 0.05  # fmt: skip
    prior: Annotated[
        Literal["autoregressive", "categorical"],
        setting("Prior over codes", "A small causal transformer over the grid, or each place for itself."),
    ] = "autoregressive"
    prior_units: Annotated[
        int,
        setting(
            "Prior units", "Width of the transformer, a multiple of 16.",
            ge=16, le=1024, step=16, advanced=True, only_if=("prior", "autoregressive"),
        ),
    ] = 64  # fmt: skip
    prior_layers: Annotated[
        int,
        setting(
            "Prior layers", "Layers of the transformer.", ge=1, le=16, advanced=True,
            only_if=("prior", "autoregressive"),
        ),
    ] = 2  # fmt: skip

    @field_validator("prior_units")
    @classmethod
    def _heads(cls, value: int) -> int:
        if value % 16:
            raise ValueError("must be a multiple of 16, for the heads of the transformer")
        return value


LatentConfig = VaeConfig | AutoencoderConfig | ConditionalConfig | HierarchicalConfig | VqConfig
ModelConfig = Annotated[LatentConfig | DiffusionConfig, Field(discriminator="family")]
FamilyName = Literal["autoencoder", "vae", "conditional", "hierarchical", "vq", "ddpm"]  # that can be trained
MODEL_SECTIONS: dict[str, type[LatentConfig | DiffusionConfig]] = {
    "autoencoder": AutoencoderConfig,
    "vae": VaeConfig,
    "conditional": ConditionalConfig,
    "hierarchical": HierarchicalConfig,
    "vq": VqConfig,
    "ddpm": DdpmConfig,
    "imported": ImportedConfig,
}

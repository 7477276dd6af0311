"""Networks that the library diffusers describes: its UNet2DModel, inside our own process."""

import inspect
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, ValidationError, field_validator, model_validator
from torch import Tensor, nn

from explorer.config import ImportedConfig
from explorer.errors import ConfigError, RunError
from explorer.files import parse_json
from explorer.models.diffusion import Diffusion, build_process, outputs
from explorer.setting import Section
from explorer.settings import explain

_Side = Annotated[int, Field(ge=1, le=256)]
_Groups = Annotated[int, Field(ge=1, le=4096)]
_DownBlock = Literal["DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D"]
_UpBlock = Literal["UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"]
_Resampling = Literal["conv", "resnet"]


class UnetSettings(Section):
    """What may be asked of diffusers' UNet2DModel here; names, meanings and defaults are the library's.

    Blocks with cross-attention, other embeddings of the time and classes are left out; sizes have bounds, so that
    no text can ask for a network that fits nowhere.
    """

    sample_size: tuple[_Side, _Side]
    in_channels: Literal[1, 3] = 3
    out_channels: Annotated[int, Field(ge=1, le=6)] = 3
    center_input_sample: bool = False
    time_embedding_type: Literal["positional"] = "positional"
    time_embedding_dim: Annotated[int, Field(ge=1, le=16_384)] | None = None
    freq_shift: Annotated[int, Field(ge=0, le=1)] = 0
    flip_sin_to_cos: bool = True
    down_block_types: Annotated[tuple[_DownBlock, ...], Field(min_length=1, max_length=8)] = (
        "DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D",
    )  # fmt: skip
    mid_block_type: Literal["UNetMidBlock2D"] | None = "UNetMidBlock2D"
    up_block_types: Annotated[tuple[_UpBlock, ...], Field(min_length=1, max_length=8)] = (
        "AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D",
    )  # fmt: skip
    block_out_channels: Annotated[
        tuple[Annotated[int, Field(ge=4, le=4096)], ...], Field(min_length=1, max_length=8)
    ] = (224, 448, 672, 896)
    layers_per_block: Annotated[int, Field(ge=1, le=8)] = 2
    mid_block_scale_factor: Annotated[float, Field(gt=0, le=1000)] = 1
    downsample_padding: Annotated[int, Field(ge=0, le=1)] = 1
    downsample_type: _Resampling = "conv"
    upsample_type: _Resampling = "conv"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    act_fn: Literal["silu", "swish", "mish", "gelu", "relu"] = "silu"
    attention_head_dim: _Groups | None = 8
    norm_num_groups: _Groups = 32
    attn_norm_num_groups: _Groups | None = None
    norm_eps: Annotated[float, Field(gt=0, le=1)] = 1e-5
    resnet_time_scale_shift: Literal["default", "scale_shift"] = "default"
    add_attention: bool = True
    class_embed_type: None = None
    num_class_embeds: None = None
    num_train_timesteps: Annotated[int, Field(ge=1, le=10_000)] | None = None

    @field_validator("sample_size", mode="before")
    @classmethod
    def _square(cls, value: object) -> object:
        return (value, value) if isinstance(value, int) else value

    @model_validator(mode="after")
    def _fits(self) -> "UnetSettings":
        blocks = len(self.block_out_channels)
        if not blocks == len(self.down_block_types) == len(self.up_block_types):
            raise ValueError("block_out_channels, down_block_types and up_block_types must be equally many")
        if any(side % 2 ** (blocks - 1) for side in self.sample_size):
            raise ValueError(
                f"sample_size must be a multiple of {2 ** (blocks - 1)}: {blocks} blocks halve it so often"
            )
        if self.attention_head_dim is not None and self.attention_head_dim > min(self._attended(), default=4096):
            raise ValueError("attention_head_dim must not be larger than the channels of a block with attention")
        return self

    def _attended(self) -> list[int]:
        """Return the channels of every block that has attention."""
        channels = self.block_out_channels
        found = [count for count, kind in zip(channels, self.down_block_types, strict=True) if "Attn" in kind]
        found += [count for count, kind in zip(channels[::-1], self.up_block_types, strict=True) if "Attn" in kind]
        return found + [channels[-1]] * (self.mid_block_type is not None and self.add_attention)


def read_settings(values: Mapping[str, Any], what: str) -> UnetSettings:
    """Return the checked settings of a UNet2DModel; private ones, "_…", are passed over.

    Raises:
        ConfigError: one that is unknown, out of range, or asks for what cannot be opened here, by its name.
    """
    given = {name: value for name, value in values.items() if not name.startswith("_")}
    for name in ("num_class_embeds", "class_embed_type"):
        if given.get(name) is not None:
            raise ConfigError(
                f"{what}: {name} = {repr(given[name])[:40]} makes it a model that is told classes, which cannot be "
                "imported; choose one that is not"
            )
    unknown = [name for name in given if name not in UnetSettings.model_fields]
    if unknown:
        raise ConfigError(f"{what}: unknown setting {unknown[0][:60]!r} of UNet2DModel; update the app, or choose "
                          "another model")  # fmt: skip
    try:
        return UnetSettings.model_validate(given)
    except ValidationError as error:
        raise ConfigError(f"{what}: {explain(error)}; this U-Net cannot be opened here, choose another") from error


def as_text(settings: UnetSettings) -> str:
    """Return settings as the JSON of ``ImportedConfig.unet``: those that were given, the library knows the others."""
    return json.dumps(settings.model_dump(mode="json", exclude_unset=True))


def _settings_of(config: ImportedConfig) -> UnetSettings:
    what = "model.unet"
    try:
        values = parse_json(config.unet, what)
    except RunError as error:
        raise ConfigError(str(error)) from error
    if not isinstance(values, dict):
        raise ConfigError(f"{what} is no JSON object; import the model again")
    return read_settings(values, what)


def item_shape(config: ImportedConfig) -> tuple[int, int, int]:
    """Return (channels, height, width) of the pictures of an imported model; ConfigError as ``build_imported``."""
    settings = _settings_of(config)
    return (settings.in_channels, *settings.sample_size)


def library() -> Any:
    """Return the module diffusers, which is loaded by the first call.

    Raises:
        ConfigError: it is not installed, or cannot be loaded.
    """
    try:
        import diffusers

        _ = diffusers.UNet2DModel  # the library loads its parts when they are first asked for
    except (ImportError, RuntimeError) as error:
        raise ConfigError(
            f"imported models need the library diffusers, which cannot be loaded ({str(error)[:200]}); "
            'install it with: pip install "vae-diffusion-explorer[diffusers]"'
        ) from error
    return diffusers


class DiffusersNetwork(nn.Module):
    """diffusers' UNet2DModel as ``Diffusion`` asks a network.

    Args:
        settings: what the U-Net is made of.

    Raises:
        ConfigError: diffusers is not installed, too old for a setting, or refuses a combination of them.
    """

    def __init__(self, settings: UnetSettings) -> None:
        super().__init__()
        maker = library().UNet2DModel
        given = settings.model_dump(exclude_unset=True)
        unknown = given.keys() - inspect.signature(maker.__init__).parameters.keys()
        if unknown:
            raise ConfigError(f"the installed diffusers does not know {min(unknown)} of a UNet2DModel; update it")
        try:
            self.unet: nn.Module = maker(**given)
        except (ValueError, TypeError, RuntimeError) as error:
            raise ConfigError(f"diffusers refuses this U-Net ({error}); choose another model") from error

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return what the U-Net says of x (batch, C, H, W) at t (batch,), 1..T; diffusers counts them from 0."""
        said: Tensor = self.unet(x, t - 1).sample.float()
        return said


def build_imported(config: ImportedConfig) -> Diffusion:
    """Return a freshly initialized network of an imported model with its process; on "meta" it takes no memory.

    Raises:
        ConfigError: diffusers is missing, the text of the U-Net is wrong, or it does not go with the variance.
    """
    settings = _settings_of(config)
    if settings.out_channels != settings.in_channels * outputs(config):
        raise ConfigError(
            f"the U-Net has {settings.out_channels} output channels for {settings.in_channels} of input, and the "
            f"variance is {config.variance}; a learned variance needs twice as many, another one equally many"
        )
    network = DiffusersNetwork(settings)
    return build_process(config, network, (settings.in_channels, *settings.sample_size), 0)


def load_unet(model: Diffusion, tensors: Mapping[str, Tensor]) -> None:
    """Take over the tensors of a UNet2DModel by the names that diffusers gives them, already checked."""
    assert isinstance(model.network, DiffusersNetwork)
    model.network.unet.load_state_dict(dict(tensors), assign=True)


def unet_tensors(model: Diffusion) -> dict[str, torch.Tensor]:
    """Return the tensors of an imported model's U-Net by the names that diffusers gives them."""
    assert isinstance(model.network, DiffusersNetwork)
    return model.network.unet.state_dict()

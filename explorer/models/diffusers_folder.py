"""A folder in which the library diffusers saved a DDPM: read without trusting it, and said in our own settings."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field, ValidationError
from torch import Tensor

from explorer.config import ImportedConfig, Prediction, ReverseVariance
from explorer.errors import ConfigError, RunError
from explorer.files import parse_json
from explorer.models import weights
from explorer.models.diffusion import Diffusion
from explorer.models.imported import as_text, library, load_unet, read_settings, unet_tensors
from explorer.models.schedules import LEAST_SIGNAL, build_schedule
from explorer.setting import Section
from explorer.settings import explain

PIPELINES = ("DDPMPipeline", "DDIMPipeline")
SCHEDULERS = ("DDPMScheduler", "DDIMScheduler")
_WEIGHTS = "diffusion_pytorch_model.safetensors"
_PICKLED = "diffusion_pytorch_model.bin"
_LARGEST_JSON = 1_000_000
_LEAST_BETA = 1e-7  # below it 1 − β is 1 in float32, in which diffusers computes
_Beta = Annotated[float, Field(gt=_LEAST_BETA, lt=1)]
_PREDICTS: dict[str, Prediction] = {"epsilon": "eps", "sample": "x0", "v_prediction": "v"}
_VARIANCE: dict[str, ReverseVariance] = {
    "fixed_small": "posterior", "fixed_small_log": "posterior", "fixed_large": "beta", "fixed_large_log": "beta",
    "learned_range": "learned",
}  # fmt: skip
# Options that change what a sample is and that our samplers have not; any other value than this one is refused.
_REQUIRED = {
    "thresholding": False, "rescale_betas_zero_snr": False, "set_alpha_to_one": True, "clip_sample_range": 1.0,
    "predict_epsilon": True,
}  # fmt: skip
# Options that say which steps are visited, which is chosen anew for every sample, or that belong to another option.
_IDLE = {"timestep_spacing", "steps_offset", "dynamic_thresholding_ratio", "sample_max_value", "tensor_format"}
# Attention as old versions of diffusers named it, after what it is called now.
_OLD_NAMES = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}


class _SchedulerSettings(Section):
    """What is understood of diffusers' DDPMScheduler and DDIMScheduler; names and defaults are the library's."""

    num_train_timesteps: Annotated[int, Field(ge=1, le=10_000)] = 1000
    beta_start: _Beta = 0.0001
    beta_end: _Beta = 0.02
    beta_schedule: Literal["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"] = "linear"
    trained_betas: Annotated[tuple[_Beta, ...], Field(min_length=1, max_length=10_000)] | None = None
    variance_type: Literal["fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", "learned_range"] = (
        "fixed_small"
    )
    prediction_type: Literal["epsilon", "sample", "v_prediction"] = "epsilon"
    clip_sample: bool = True


@dataclass(frozen=True)
class Described:
    """What the JSON files of a folder say.

    Attributes:
        config: the model section of a run.
        classes: the names of the pipeline, network and scheduler.
        weights: the file with the weights, which is there.
    """

    config: ImportedConfig
    classes: tuple[str, str, str]
    weights: Path


# ---- files ---------------------------------------------------------------------------------------------------------


def _size(path: Path) -> int:
    try:
        if not path.is_file():
            raise RunError(
                f"{path} is missing or is no plain file; give a folder that diffusers' save_pretrained has written"
            )
        return path.stat().st_size
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}); check its permissions") from error


def _content(path: Path, limit: int) -> bytes:
    """Return the bytes of a plain file; RunError if it is none, or has more than ``limit`` of them."""
    size = _size(path)
    if size > limit:
        raise RunError(f"{path} has {size:,} bytes, more than the {limit:,} it can need; give another folder")
    try:
        with path.open("rb") as file:
            return file.read(size)  # what is added meanwhile is not read
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}); check its permissions") from error


def _json(path: Path, known: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """Return the class that a JSON file names and its settings; ConfigError if it is not a known one."""
    values = parse_json(_content(path, _LARGEST_JSON), str(path))
    if not isinstance(values, dict):
        raise RunError(f"{path} does not hold a JSON object; restore it from a copy")
    name = values.get("_class_name")
    if name not in known:
        raise ConfigError(
            f"{path}: _class_name = {str(name)[:60]!r} cannot be imported; choose a model with {' or '.join(known)}"
        )
    return str(name), values


def _part(folder: Path, name: str) -> Path:
    """Return the folder of a part of the pipeline: of its own, or the pipeline's, as the first versions had it."""
    return folder / name if (folder / name).exists() or not (folder / _WEIGHTS).exists() else folder


def read_description(folder: Path) -> Described:
    """Return what the JSON files of a folder of diffusers say, in our own settings.

    Raises:
        RunError: a file that is missing, no plain file, too large or unreadable.
        ConfigError: another kind of model, a setting or option that is not supported, or no diffusers installed.
    """
    try:
        return _description(folder)
    except RecursionError as error:
        raise RunError(f"a JSON file in {folder} is too deep to be read; restore it from a copy") from error


def _description(folder: Path) -> Described:
    try:
        if not folder.is_dir():
            raise RunError(f"there is no folder {folder}; give one that diffusers' save_pretrained has written")
    except OSError as error:
        raise RunError(f"{folder} cannot be read ({error.strerror}); check its permissions") from error
    pipeline, _ = _json(folder / "model_index.json", PIPELINES)
    unet_place = _part(folder, "unet")
    network, unet = _json(unet_place / "config.json", ("UNet2DModel",))
    scheduler_file = _part(folder, "scheduler") / "scheduler_config.json"
    scheduler, options = _json(scheduler_file, SCHEDULERS)
    file = unet_place / _WEIGHTS
    if not file.exists() and (unet_place / _PICKLED).exists():
        raise RunError(
            f"{unet_place / _PICKLED} is pickled and can run any code, so it is never opened; "
            f"save the pipeline with safe_serialization=True, which writes {_WEIGHTS}"
        )
    _size(file)
    text = as_text(read_settings(unet, str(unet_place / "config.json")))
    config = _process(options, text, scheduler, str(scheduler_file))
    return Described(config, (pipeline, network, scheduler), file)


def read_weights(file: Path, model: Diffusion) -> None:
    """Read the weights of a UNet2DModel into a model that was built for them, on "meta" or with memory.

    Raises:
        RunError: a broken file, other names, shapes or types than the model has, or a number that is not finite.
    """
    expected = unet_tensors(model)
    most = sum(tensor.numel() * tensor.element_size() for tensor in expected.values()) + weights.LARGEST_HEADER
    content = _content(file, most)
    try:
        tensors = _read(content, expected, str(file))
    except RunError as error:
        raise RunError(f"{error}, or save the pipeline again, in float32") from error
    load_unet(model, tensors)


def _read(content: bytes, expected: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    try:
        return weights.read(content, expected, what)
    except RunError:
        now = {_old_name(name): name for name in expected}
        with contextlib.suppress(RunError):  # what is said is about the names of today
            found = weights.read(content, {old: expected[name] for old, name in now.items()}, what)
            return {now[old]: tensor for old, tensor in found.items()}
        raise


def _old_name(name: str) -> str:
    for now, before in _OLD_NAMES.items():
        name = name.replace(now, before)
    return name


# ---- the process ---------------------------------------------------------------------------------------------------


def _process(options: Mapping[str, Any], unet: str, scheduler: str, what: str) -> ImportedConfig:
    """Return the model section of a run with the process of a scheduler."""
    given = {name: value for name, value in options.items() if not name.startswith("_")}
    if given.get("clip_sample") is False:
        given.pop("clip_sample_range", None)  # it acts on what is clipped
    for name, needed in _REQUIRED.items():
        if given.pop(name, None) not in (None, needed):
            shown = f"{name} = {repr(options[name])[:40]}"
            raise ConfigError(f"{what}: unsupported scheduler option {shown}; choose a model where it is {needed}")
    unknown = [name for name in given if name not in _SchedulerSettings.model_fields and name not in _IDLE]
    if unknown:
        name = unknown[0] if unknown[0].isidentifier() else repr(unknown[0])
        shown = f"{name[:60]} = {repr(given[unknown[0]])[:40]}"
        raise ConfigError(f"{what}: unsupported scheduler option {shown}; update the app, or choose another model")
    try:
        settings = _SchedulerSettings.model_validate({k: v for k, v in given.items() if k not in _IDLE})
    except ValidationError as error:
        raise ConfigError(f"{what}: unsupported scheduler option {explain(error)}; choose another model") from error
    betas = _betas(settings, scheduler, what)
    shared: dict[str, Any] = {
        "clip": settings.clip_sample,
        "unet": unet,
        "timesteps": settings.num_train_timesteps,
        "predicts": _PREDICTS[settings.prediction_type],
        "variance": _VARIANCE[settings.variance_type],
    }
    return _shortest(shared, betas, what)


def _betas(settings: _SchedulerSettings, scheduler: str, what: str) -> Tensor:
    """Return β_1..β_T as diffusers computes them, shape (T,), float32."""
    if settings.trained_betas is not None and len(settings.trained_betas) != settings.num_train_timesteps:
        raise ConfigError(
            f"{what}: trained_betas has {len(settings.trained_betas)} numbers for num_train_timesteps = "
            f"{settings.num_train_timesteps}; they must be equally many"
        )
    names = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas")
    try:
        made = getattr(library(), scheduler)(**{name: getattr(settings, name) for name in names})
    except (ValueError, TypeError, RuntimeError) as error:  # NotImplementedError is a RuntimeError
        raise ConfigError(
            f"{what}: {scheduler} has no beta_schedule = {settings.beta_schedule}; choose another model"
        ) from error
    betas: Tensor = made.betas
    if float(betas.min()) < 0.9 * _LEAST_BETA or float(torch.cumprod(1 - betas.double(), 0)[-1]) < LEAST_SIGNAL:
        raise ConfigError(
            f"{what}: its betas go from {float(betas.min()):g} to {float(betas.max()):g}, where a step does nothing or "
            "leaves nothing of the image; choose another model"
        )
    return betas


def _shortest(shared: Mapping[str, Any], betas: Tensor, what: str) -> ImportedConfig:
    """Return the settings with the shortest way to write these β: a name, the two ends of a line, or all of them.

    A shorter way counts if it is as close as float32, in which diffusers computes β, can tell.
    """
    numbers = [float(str(beta)) for beta in betas.numpy()]  # str: 0.02, not 0.019999999552965164
    close = 4e-7 * max(numbers)
    ways: list[dict[str, Any]] = [{"schedule": "custom", "betas": numbers}]
    if len(numbers) > 2:
        ways = [{"schedule": "custom", "betas": [numbers[0], numbers[-1]]}, {"schedule": "cosine"}, *ways]
    for way in ways:
        config = ImportedConfig(**shared, **way)
        with contextlib.suppress(ConfigError):  # a line between the ends of a curve may leave no signal
            if np.allclose(build_schedule(config).beta[1:], betas.double(), rtol=1e-6, atol=close):
                return config
    raise ConfigError(f"{what}: the betas cannot be written down; choose another model")

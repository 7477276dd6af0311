"""Settings from texts and files: presets, TOML, ``--set``, JSON; and errors that name the setting and the remedy."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from explorer import paths
from explorer.config import MODEL_SECTIONS, DataConfig, FamilyName, RunConfig, TrainingConfig
from explorer.errors import ConfigError


def validate(settings: Mapping[str, Any], what: str) -> RunConfig:
    """Return the validated configuration; ConfigError names a wrong setting and its range."""
    try:
        return RunConfig.model_validate(settings)
    except ValidationError as error:
        raise ConfigError(f"{what}: {explain(error)}") from error


def explain(error: ValidationError) -> str:
    """Return the first complaints of a validation error as one line: setting, value, what is allowed."""
    complaints = []
    for item in error.errors(include_url=False)[:3]:
        where = ".".join(str(part) for part in item["loc"] if str(part) not in MODEL_SECTIONS)
        if item["type"] == "extra_forbidden":
            complaints.append(_unknown(where, [str(part) for part in item["loc"]]))
            continue
        value = repr(item.get("input"))
        value = value if len(value) <= 40 else value[:37] + "…"
        message = item["msg"].removeprefix("Value error, ").removeprefix("Input ")
        complaints.append(f"{where} = {value}: {message}" if where else message)
    return "; ".join(complaints)


def _unknown(where: str, location: list[str]) -> str:
    if where in setting_names():
        owners = [name for name, section in MODEL_SECTIONS.items() if location[-1] in section.model_fields]
        return f"{where} is a setting of {' and '.join(owners)}, and model.family is {location[1]}"
    return f"there is no setting {where}; {_nearest(where)}"


def _nearest(where: str) -> str:
    known = setting_names()
    close = difflib.get_close_matches(where, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"settings are {', '.join(known)}"


def setting_names() -> list[str]:
    """Return every setting's address, each once."""
    names = [f"data.{name}" for name in DataConfig.model_fields]
    for section in MODEL_SECTIONS.values():
        names += [f"model.{name}" for name in section.model_fields]
    names += [f"training.{name}" for name in TrainingConfig.model_fields]
    return ["title", *dict.fromkeys(names)]


def _parse_value(text: str) -> Any:
    number = r"\d{1,9}(?:\.\d{0,12})?(?:[eE][+-]?\d{1,2})?"
    if re.fullmatch(rf"\s*{number}(\s*,\s*{number})+\s*", text):  # 8,4 is as good as [8, 4]
        text = f"[{text}]"
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, ValueError, RecursionError):
        return text


def with_settings(config: RunConfig, assignments: Iterable[str], *, strict: bool = False) -> RunConfig:
    """Return ``config`` with settings changed by texts such as ``"model.beta=4"``.

    A new ``model.family`` keeps those settings of the old family that the new one also has.

    Args:
        config: the settings before.
        assignments: the changes.
        strict: refuse a setting that matters only where another one has a value that it does not have.

    Raises:
        ConfigError: an assignment without ``=``, an unknown setting or a value out of range.
    """
    settings = config.model_dump()
    parsed: list[tuple[list[str], Any]] = []
    for assignment in assignments:
        address, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--set {assignment}: write it as setting=value, for example model.beta=4")
        parsed.append((address.strip().split("."), _parse_value(text.strip())))
    # A change of family comes first, so that the new family's settings may follow in any order.
    parsed.sort(key=lambda item: item[0] != ["model", "family"])
    for address_parts, value in parsed:
        _assign(settings, address_parts, value)
    changed = validate(settings, "settings")
    if strict:
        for address_parts, _ in parsed:
            _check_it_matters(changed, address_parts)
    return changed


def _check_it_matters(config: RunConfig, address: list[str]) -> None:
    if len(address) != 2:
        return
    section = getattr(config, address[0])
    hints = type(section).model_fields[address[1]].json_schema_extra
    condition = hints.get("only_if") if isinstance(hints, dict) else None
    if condition is None:
        return
    other, wanted = condition
    values = wanted if isinstance(wanted, tuple) else (wanted,)
    if getattr(section, str(other)) not in values:
        now = getattr(section, str(other))
        needed = " or ".join(map(str, values))
        raise ConfigError(
            f"{'.'.join(address)} matters only where {address[0]}.{other} is {needed}, and it is {now}; leave it out"
        )


def with_data(data: DataConfig, name: str | None) -> DataConfig:
    """Return the settings of the data set ``name``, or ``data`` itself where there is no name.

    Raises:
        ConfigError: there is no such data set.
    """
    if name is None or name == data.name:
        return data
    try:
        return DataConfig.model_validate({"name": name})
    except ValidationError as error:
        raise ConfigError(f"--data {name}: {explain(error)}") from error


def _assign(settings: dict[str, Any], address: list[str], value: Any) -> None:
    name = ".".join(address)
    if name not in setting_names():
        raise ConfigError(f"there is no setting {name}; {_nearest(name)}")
    if address == ["model", "family"]:
        if value not in get_args(FamilyName):
            why = "imported models cannot be trained; " if value == "imported" else ""
            raise ConfigError(f"model.family = {value!r}: {why}families are {', '.join(get_args(FamilyName))}")
        old, new = MODEL_SECTIONS[settings["model"]["family"]].model_fields, MODEL_SECTIONS[value].model_fields
        # A setting of the same name may have other choices: a VAE's networks are not a DDPM's.
        same = {key for key in old.keys() & new.keys() if old[key].annotation == new[key].annotation}
        kept = {key: was for key, was in settings["model"].items() if key in same}
        settings["model"] = {**kept, "family": value}
        return
    target = settings
    for part in address[:-1]:
        target = target[part]
    target[address[-1]] = value


def preset_names() -> list[str]:
    """Return the names of the presets that ship with the app, in alphabetical order."""
    return sorted(path.stem for path in (paths.resources() / "presets").glob("*.toml"))


def load_settings(name_or_file: str) -> RunConfig:
    """Return the configuration of a preset, or of a TOML file given by its path.

    Raises:
        ConfigError: no such preset or file, text that is no TOML, or a setting that is unknown or out of range.
    """
    if name_or_file in preset_names():
        path = paths.resources() / "presets" / f"{name_or_file}.toml"
    else:
        path = Path(name_or_file)
        if path.suffix != ".toml":
            raise ConfigError(
                f"there is no preset {name_or_file}; presets are {', '.join(preset_names())}, or give a .toml file"
            )
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); give the path of a settings file") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not readable TOML ({error}); compare it with a preset") from error
    return validate(settings, str(path))

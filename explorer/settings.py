"""Settings from texts and files: presets, TOML, ``--set``, JSON; and errors that name the setting and the remedy."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from explorer import paths
from explorer.config import MODEL_SECTIONS, DataConfig, FamilyName, RunConfig, TrainingConfig
from explorer.errors import ConfigError
from explorer.setting import choices, condition, either, hints, is_list, requirement, span

_OUT_OF_RANGE = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}
_NO_SECTION = {"model_type", "model_attributes_type"}
_SECTIONS: dict[str, type[BaseModel]] = {"data": DataConfig, "training": TrainingConfig, "title": RunConfig}


def validate(settings: Mapping[str, Any], what: str, *, turns_typed: bool = False) -> RunConfig:
    """Return the validated configuration; ConfigError names a wrong setting and its range.

    With ``turns_typed`` somebody chooses ``training.turns`` now, see ``parse_turns``.
    """
    try:
        return RunConfig.model_validate(settings, context={"typed": turns_typed})
    except ValidationError as error:
        raise ConfigError(f"{what}: {explain(error)}") from error


def explain(error: ValidationError) -> str:
    """Return the first complaints of a validation error as one line: setting, value, what is allowed."""
    complaints = []
    for item in error.errors(include_url=False)[:3]:
        where = ".".join(_place(item))
        if item["type"] == "extra_forbidden":
            complaints.append(_unknown(where, [str(part) for part in item["loc"]]))
            continue
        said = f"{_words(item)}{_meant(item)}"
        complaints.append(f"{where} = {_shown(item.get('input'))}: {said}" if where else said)
    return "; ".join(complaints)


def _shown(value: object) -> str:
    try:
        shown = repr(value)
    except ValueError:  # Python does not print a whole number of more than 4300 digits
        return "a number of thousands of digits"
    return shown if len(shown) <= 40 else f"{shown[:37]}…"


def _meant(item: ErrorDetails) -> str:
    field, given = _field(item), item.get("input")
    meant = nearest(given, choices(field)) if field is not None and isinstance(given, str) else ""
    return f"; {meant}" if meant else ""


def _place(item: ErrorDetails) -> list[str]:
    return [str(part) for part in item["loc"] if str(part) not in MODEL_SECTIONS]


def _field(item: ErrorDetails) -> FieldInfo | None:
    """Return the setting that a complaint is about; None where it is about none or one that does not exist."""
    location = [str(part) for part in item["loc"]]
    section = _SECTIONS.get(location[0]) if location else None
    if location[:1] == ["model"] and len(location) > 1:
        section = MODEL_SECTIONS.get(location.pop(1))
    name = location[0] if section is RunConfig else location[1] if len(location) > 1 else ""
    return None if section is None else section.model_fields.get(name)


def _words(item: ErrorDetails) -> str:
    """Return what is said of a wrong value: what it must be, as the setting was declared."""
    field = _field(item)
    if item["type"].startswith("union_tag"):
        return f"must have a family: {either(get_args(FamilyName))}"
    if item["type"] in _NO_SECTION:
        return "must be a section of settings"
    if field is None or item["type"] == "value_error":
        return item["msg"].removeprefix("Value error, ").removeprefix("Input ")
    one = item["type"] in _OUT_OF_RANGE and not is_list(field)
    return f"must be {span(field) if one else requirement(field)}"


def _unknown(where: str, location: list[str]) -> str:
    if where in setting_names():
        owners = [name for name, section in MODEL_SECTIONS.items() if location[-1] in section.model_fields]
        return f"{where} is a setting of {' and '.join(owners)}, and model.family is {location[1]}"
    return f"there is no setting {where}; {_nearest_setting(where)}"


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the question whether another of the ``known`` words was meant; empty where none is near."""
    close = difflib.get_close_matches(word[:80], list(known), n=1, cutoff=cutoff)
    return f"did you mean {close[0]}?" if close else ""


def _nearest_setting(where: str) -> str:
    section, _, name = where.rpartition(".")
    known = setting_names()
    own = [address for address in known if address.startswith(f"{section}.")]
    for addresses in (own, known):
        names = {address.rpartition(".")[2]: address for address in addresses}
        short = {"".join(word[0] for word in full.split("_")): full for full in names if "_" in full}  # lr, bs
        close = [short[name]] if name in short else difflib.get_close_matches(name[:80], names, n=1)
        if close:
            return f"did you mean {names[close[0]]}?"
    listed = own or known
    return f"settings are {', '.join(listed[:12])}{' …' if len(listed) > 12 else ''}"


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


def _typed_value(text: str, field: FieldInfo) -> Any:
    """Return what a person means who types ``text`` in a form: texts are texts, and −1 000 is a number."""
    if field.annotation is str:
        return text
    text = re.sub(r"(?<=\d)[ \u00a0\u202f](?=\d{3})", "", text.replace("−", "-")).strip()
    return _parse_value(f"[{text.removeprefix('[').removesuffix(']')}]" if is_list(field) else text)


def typed(config: RunConfig, texts: Mapping[str, str]) -> tuple[RunConfig | None, dict[str, str]]:
    """Return settings changed by what was typed in a form, and for each wrong one what is wrong, in words.

    Args:
        config: the settings before; they are of the family that ``texts`` says.
        texts: by address; every one must exist.

    Returns:
        The settings, None where one is wrong; and by address such words as "β must be from 0 to 1000; you typed −3".
    """
    settings, fields = config.model_dump(), settings_of(config)
    for address, text in texts.items():
        section, name = address.split(".")
        settings[section][name] = _typed_value(text, fields[address])
    try:
        new_turns = texts.get("training.turns", config.training.turns) != config.training.turns
        return RunConfig.model_validate(settings, context={"typed": new_turns}), {}
    except ValidationError as error:
        wrong: dict[str, str] = {}
        for item in error.errors(include_url=False):
            address = ".".join(_place(item)[:2])
            if address in fields:
                wrong.setdefault(address, _complaint(item, fields[address], texts.get(address, "")))
            else:  # a whole section is wrong: its first setting says so
                wrong.setdefault(next(known for known in fields if known.startswith(address)), _words(item))
        return None, wrong


def _complaint(item: ErrorDetails, field: FieldInfo, text: str) -> str:
    name, words = hints(field)["label"], _words(item)
    shown = text if len(text) <= 30 else f"{text[:20]}… ({len(text)} letters)"
    said = f"you typed {shown}" if text.strip() else "nothing is typed"
    return f"{name} {words}; {said}" if words.startswith("must ") else f"{name}: {words}"


def settings_of(config: RunConfig) -> dict[str, FieldInfo]:
    """Return the settings of an experiment by address, in the order of a form."""
    found: dict[str, FieldInfo] = {}
    for name, section in (("data", DataConfig), ("model", type(config.model)), ("training", TrainingConfig)):
        fields = section.model_fields
        first = [key for key in fields if key in {"family", "name"}]  # they decide what the others mean
        found |= {f"{name}.{key}": fields[key] for key in (*first, *(key for key in fields if key not in first))}
    return found


def value_of(config: RunConfig, address: str) -> Any:
    """Return one setting by its address, such as ``"model.beta"``."""
    section, name = address.split(".")
    return getattr(getattr(config, section), name)


def titled(config: RunConfig, origin: RunConfig) -> RunConfig:
    """Return ``config`` under a title that says so where it is not the data or model that the title was given to."""
    if config.title != origin.title or (config.data, config.model) == (origin.data, origin.model):
        return config
    return config.model_copy(update={"title": f"{origin.title.removesuffix(', changed')[:70]}, changed"})


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
    changed = validate(settings, "settings", turns_typed=(["training", "turns"] in [address for address, _ in parsed]))
    if strict:
        for address_parts, _ in parsed:
            _check_it_matters(changed, address_parts)
    return changed


def _check_it_matters(config: RunConfig, address: list[str]) -> None:
    if len(address) != 2:
        return
    section = getattr(config, address[0])
    found = condition(type(section).model_fields[address[1]])
    if found is None:
        return
    other, values = found
    now = getattr(section, other)
    if now not in values:
        raise ConfigError(
            f"{'.'.join(address)} matters only where {address[0]}.{other} is {' or '.join(values)}, and it is {now}; "
            "leave it out"
        )


def with_data(data: DataConfig, name: str | None) -> DataConfig:
    """Return the settings of the data set ``name``, or ``data`` itself where there is no name.

    Raises:
        ConfigError: there is no such data set.
    """
    if name is None or name == data.name:
        return data
    return validate({"data": {"name": name}}, f"--data {name[:80]}").data


def _assign(settings: dict[str, Any], address: list[str], value: Any) -> None:
    name = ".".join(address)
    if name not in setting_names():
        raise ConfigError(f"there is no setting {name}; {_nearest_setting(name)}")
    if address == ["model", "family"]:
        if value not in get_args(FamilyName):
            why = "imported models cannot be trained; " if value == "imported" else ""
            families = get_args(FamilyName)
            why += f"{meant} " if (meant := nearest(str(value), families)) else ""
            raise ConfigError(f"model.family = {str(value)[:40]!r}: {why}families are {', '.join(families)}")
        old, new = MODEL_SECTIONS[settings["model"]["family"]].model_fields, MODEL_SECTIONS[value].model_fields
        # A setting of the same name may have other choices: a VAE's networks are not a DDPM's.
        same = {key for key in old.keys() & new.keys() if old[key].annotation == new[key].annotation}
        kept = {key: was for key, was in settings["model"].items() if key in same} | {"family": value}
        try:
            MODEL_SECTIONS[value].model_validate(kept)
        except ValidationError as error:  # 30 channels are none of a U-Net
            kept = {key: was for key, was in kept.items() if key not in {item["loc"][0] for item in error.errors()}}
        settings["model"] = kept
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
            meant = nearest(name_or_file, preset_names())
            raise ConfigError(
                f"there is no preset {name_or_file[:80]}; {f'{meant} ' if meant else ''}"
                f"presets are {', '.join(preset_names())}, or give a .toml file"
            )
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); give the path of a settings file") from error
    except (ValueError, RecursionError) as error:
        why = str(error).partition(";")[0]
        raise ConfigError(f"{path} is not readable TOML ({why}); compare it with a preset") from error
    return validate(settings, str(path))

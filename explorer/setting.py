"""How a setting is declared: default, range, unit, meaning and how a form shows it, all in one place."""

import math
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo


class Section(BaseModel):
    """A group of settings; unknown names, infinities, not-a-numbers and truths for numbers are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=False, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _no_truth(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        numbers = {name for name, field in cls.model_fields.items() if field.annotation in {int, float}}
        # Or true would be 1; as a text it is refused by name, like every other word.
        return {
            name: str(value).lower() if isinstance(value, bool) and name in numbers else value
            for name, value in given.items()
        }


def setting(
    label: str,
    description: str,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
    **hints: object,
) -> Any:
    """Return the annotation of a setting.

    Args:
        label: its name in a form.
        description: what it does, in words.
        ge, gt, le, lt: its range.
        min_length, max_length: how many letters or entries it may have.
        pattern: the regular expression that a text must match.
        hints: how a form shows it: ``only_if`` (other setting, value or values), ``advanced``, ``unit``, ``choices``,
            ``hidden`` (choices that are not offered), ``written`` (what a pattern takes, in words), and how the arrow
            keys move a number: by ``step``, by ``factor``, or with ``log`` along 1, 2, 5, 10.
    """
    limits = {
        "ge": ge, "gt": gt, "le": le, "lt": lt, "min_length": min_length, "max_length": max_length, "pattern": pattern,
    }  # fmt: skip
    given: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
    return Field(description=description, json_schema_extra={"label": label, **hints}, **given)  # type: ignore[dict-item]


# ---- what was declared ---------------------------------------------------------------------------------------------


def hints(field: FieldInfo) -> dict[str, Any]:
    """Return the hints that a setting was declared with; ``label`` is among them."""
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def condition(field: FieldInfo) -> tuple[str, tuple[str, ...]] | None:
    """Return the other setting of the section, and its values, with which this one matters; None if it always does."""
    given = hints(field).get("only_if")
    if given is None:
        return None
    other, wanted = given
    return str(other), wanted if isinstance(wanted, tuple) else (wanted,)


def choices(field: FieldInfo) -> tuple[str, ...]:
    """Return what can be chosen for a setting; empty for one that is written."""
    if field.annotation is bool:
        return "true", "false"
    if get_origin(field.annotation) is Literal:
        hidden = hints(field).get("hidden", ())
        return tuple(choice for choice in get_args(field.annotation) if choice not in hidden)
    return tuple(hints(field).get("choices", ()))


def is_list(field: FieldInfo) -> bool:
    """Return whether a setting is several numbers."""
    return get_origin(field.annotation) is tuple


class Limits(NamedTuple):
    """A range; ``open_low`` and ``open_high`` say that its ends do not belong to it."""

    low: float | None
    high: float | None
    open_low: bool = False
    open_high: bool = False

    def hold(self, value: float) -> bool:
        """Return whether a number is in the range; what is no number is in none that has an end."""
        high_enough = self.low is None or (value > self.low if self.open_low else value >= self.low)
        return high_enough and (self.high is None or (value < self.high if self.open_high else value <= self.high))

    def __str__(self) -> str:
        """Return the range in words, such as "from 0 to below 1"; empty where there is none."""
        high = "" if self.high is None else f"{'below' if self.open_high else 'at most'} {counted(self.high)}"
        if self.low is None:
            return high
        if self.open_low:
            return f"above {counted(self.low)}" + (f", {high}" if high else "")
        return f"from {counted(self.low)}" + (f" to {high.removeprefix('at most ')}" if high else "")


def limits(field: FieldInfo) -> Limits:
    """Return the range of a number, or of each number of a list."""
    found = field.metadata
    if is_list(field):
        inner = get_args(field.annotation)[0]  # Annotated[int, Field(ge=1)]
        found = [item for info in getattr(inner, "__metadata__", ()) for item in info.metadata]
    low, above = _bound(found, "ge"), _bound(found, "gt")
    high, below = _bound(found, "le"), _bound(found, "lt")
    return Limits(above if low is None else low, below if high is None else high, above is not None, below is not None)


def _bound(metadata: list[Any], name: str) -> Any:
    return next((getattr(item, name) for item in metadata if hasattr(item, name)), None)


def requirement(field: FieldInfo) -> str:
    """Return what a setting must be, in words: "a whole number from 1 to 65 536"."""
    if offered := hints(field).get("written") or either(choices(field)):
        return str(offered)
    least, most = _bound(field.metadata, "min_length"), _bound(field.metadata, "max_length")
    if field.annotation is str:
        return f"a text of {counted(least or 0)} to {counted(most)} letters" if most else "a text"
    if not is_list(field):
        return f"{'a whole number' if field.annotation is int else 'a number'} {span(field)}".strip()
    whole = "whole " if get_args(get_args(field.annotation)[0])[:1] == (int,) else ""
    count = f"{counted(least or 0)} to {counted(most)} " if most else ""
    return f"{count}{whole}numbers with commas between them, each {span(field)}"


def span(field: FieldInfo) -> str:
    """Return the range of a number with its unit, such as "from 1 to 86 400 s"; empty where there is none."""
    unit = hints(field).get("unit", "")
    return f"{limits(field)} {unit}".strip() if str(limits(field)) else ""


def either(words: tuple[str, ...]) -> str:
    """Return words as a choice: "a, b or c"."""
    return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def counted(number: float) -> str:
    """Return a number, a long one with its thousands apart, such as "65 536", by spaces at which no line breaks."""
    if not float(number).is_integer():
        return f"{number:g}"
    return f"{int(number):,}".replace(",", "\u00a0") if abs(number) >= 10_000 else str(int(number))


# ---- the next value --------------------------------------------------------------------------------------------------


def stepped(field: FieldInfo, value: float, up: bool) -> float:
    """Return the next larger or smaller number that an arrow key gives, within the range of a setting.

    By its ``step``, by its ``factor``, with ``log`` along 1, 2, 5, 10; else whole numbers by a tenth or less of
    themselves, shares by 0.01 and other numbers by 1. A number at its end stays, and so does one that is out of range.
    """
    known, bounds = hints(field), limits(field)
    if not bounds.hold(value):
        return value
    if known.get("log"):
        found = _on_ladder(value, up)
    elif "factor" in known:
        found = value * known["factor"] if up else value / known["factor"]
    else:
        step = known["step"] if "step" in known else _usual_step(field, value, up)
        found = value + step if up else value - step
    found = int(found) if field.annotation is int else float(round(found, 12))
    if bounds.hold(found):
        return found
    end = bounds.high if up else bounds.low
    if end is None or not bounds.hold(end):
        return value
    return int(end) if field.annotation is int else float(end)


def _usual_step(field: FieldInfo, value: float, up: bool) -> float:
    if field.annotation is int:
        digits = len(str(abs(int(value) if up else int(value) - 1)))
        return int(10 ** max(0, digits - 2))  # 99 → 100 → 110 and back
    high = limits(field).high
    return 0.01 if high is not None and high <= 1 else 1.0


def _on_ladder(value: float, up: bool) -> float:
    """Return the next of …, 0.1, 0.2, 0.5, 1, 2, 5, … above or below a positive number."""
    if value <= 0:
        return value
    decade = math.floor(math.log10(value))
    rungs = [float(f"{digit}e{power}") for power in (decade - 1, decade, decade + 1) for digit in (1, 2, 5)]
    beyond = [rung for rung in rungs if (rung > value * 1.0001 if up else rung < value * 0.9999)]
    return min(beyond) if up else max(beyond)

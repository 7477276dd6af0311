"""How a setting is declared: default, range, unit, meaning and how a form shows it, all in one place."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A group of settings; unknown names, infinities and not-a-numbers are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=False, validate_default=True)


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
            ``step``, ``log``.
    """
    limits = {
        "ge": ge, "gt": gt, "le": le, "lt": lt, "min_length": min_length, "max_length": max_length, "pattern": pattern,
    }  # fmt: skip
    given: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
    return Field(description=description, json_schema_extra={"label": label, **hints}, **given)  # type: ignore[dict-item]

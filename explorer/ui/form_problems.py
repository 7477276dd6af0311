"""What is wrong in a form, in words: beside its settings, in one line, and in short."""

from collections.abc import Mapping, Sequence

from explorer.config import RunConfig
from explorer.fit import misfits
from explorer.ui.setting_row import SettingRow

_TOLD = 3  # wrong settings that one error names


def of_misfits(config: RunConfig, rows: Mapping[str, SettingRow]) -> dict[str, str]:
    """Return what is to be said at settings that are right each by itself, and do not go together."""
    found: dict[str, str] = {}
    for misfit in misfits(config):
        ways = [f"{rows[address].name} = {rows[address].value_name(value)}" for address, value in misfit.remedies]
        said = misfit.said(f"choose {' and '.join(ways)}" if ways else "")
        for address in misfit.addresses:
            found.setdefault(address, said)
    return found


def in_full(wrong: Sequence[SettingRow]) -> str:
    """Return what is wrong with some settings as one error says it."""
    told = list(dict.fromkeys(row.problem for row in wrong))
    return "; ".join(told[:_TOLD]) + (f"; and {len(told) - _TOLD} more" if len(told) > _TOLD else "")


def in_short(wrong: Sequence[SettingRow]) -> str:
    """Return which settings are wrong; what is wrong with them stands beside them."""
    names = [row.name for row in wrong]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{listed} {'is' if len(names) == 1 else 'are'} marked in the form"

"""What a change set did to one thing, in values that can be put into words."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from models.changes.change_set import Touch
from models.common.text import Text


@dataclasses.dataclass(frozen=True, slots=True)
class Changed:
    """`units` are those that come into it: who takes over, who had it, who leads or reviews from now on.

    `to` is the new date, where the date moved.
    """

    what: Touch
    was_due_on: dt.date | None = None
    to: dt.date | None = None
    units: tuple[Text, ...] = ()
    because: str = ""
    role: str = ""
    was_called: Text | None = None


def meaning_of(
    what: Touch, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, names: Mapping[str, Text]
) -> Changed:
    """From what is stored of it; `names` are those of the plan's units, by their codes."""
    return Changed(what, **_facts(what, before or {}, after or {}, names))


def _facts(  # noqa: PLR0911  (for each what is stored of it)
    what: Touch, before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[str, Text]
) -> dict[str, Any]:
    match what:
        case Touch.DUE_MOVED:
            was, to = (dt.date.fromisoformat(one["due_on"]) for one in (before, after))
            return {"was_due_on": was, "to": to}
        case Touch.ISSUED:
            return {"units": _named([before.get("from")], names)}
        case Touch.WITHDRAWN:
            return {"because": after["because"], "units": _named(after["to"], names)}
        case Touch.REVIEWER_MOVED:
            return {"units": _named([after["unit"]], names)}
        case Touch.ROLE_MOVED:
            return {"role": after["role"]}
        case Touch.LEADS_NO_MORE:
            return {"units": _named([after["lead"]], names)}
        case Touch.CLOSED:
            return {"units": _named(after["to"], names)}
        case Touch.RENAMED:
            return {"was_called": Text(before["zh"], before["en"])}
    return {}


def _named(codes: Iterable[str | None], names: Mapping[str, Text]) -> tuple[Text, ...]:
    return tuple(names[code] for code in codes if code)

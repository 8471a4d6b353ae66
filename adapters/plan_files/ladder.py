"""The steps of a ladder, of the plan or of one requirement."""

from typing import Any

from adapters.plan_files.entries import words_of
from adapters.plan_files.names import claim
from adapters.yaml_nodes import Place

LADDER_WORDS = {
    "anchor": ("issued", "due", "submitted"),
    "condition": ("unsigned", "open", "unreviewed"),
    "order": ("blue", "yellow", "red"),
}
LADDER_AUDIENCE = ("unit", "lead", "office", "leader", "reviewer")


def ladder_of(place: Place) -> tuple[dict[str, Any], ...]:
    """The steps in their order; empty where none is given."""
    taken: dict[str, int] = {}
    return tuple(_step(item, taken) for item in place.items())


def _step(place: Place, taken: dict[str, int]) -> dict[str, Any]:
    fields = place.fields("code", "anchor", "offset", "working", "condition", "audience", optional=("order", "every"))
    step: dict[str, Any] = {
        "code": claim(fields["code"], taken, "step"),
        "offset": fields["offset"].integer(-365, 365) or 0,
        "working": fields["working"].flag(),
        "audience": list(words_of(fields["audience"], LADDER_AUDIENCE)),
    }
    if fields["every"].given:
        step["every"] = fields["every"].integer(1, 260)
    return step | {key: fields[key].one_of(words) for key, words in LADDER_WORDS.items() if fields[key].given}

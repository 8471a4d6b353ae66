"""A plan's stored content read back: the document that it was made from."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter

from models.plan.document import PlanDocument

_READER = TypeAdapter(PlanDocument)
Lister = Callable[[Any], Any]


def document_of(content: Mapping[str, Any]) -> PlanDocument:
    """The document of which `models.loading.content_of` made this content. What it does not say has its usual value."""
    listed = _lister(PlanDocument)
    return _READER.validate_python(listed(content) if listed else content)


@functools.cache
def _lister(kind: Any) -> Lister | None:
    """Lists of entries are stored by their codes; this makes them lists again. None where there can be none."""
    if get_origin(kind) is UnionType:
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
    if dataclasses.is_dataclass(kind):
        return _of_fields({name: found for name, one in get_type_hints(kind).items() if (found := _lister(one))})
    if get_origin(kind) is tuple:
        return _of_entries(_lister(get_args(kind)[0]))
    return None


def _of_fields(listers: Mapping[str, Lister]) -> Lister | None:
    def listed(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        said = {name: found(value[name]) for name, found in listers.items() if name in value}
        return {**value, **said} if said else value

    return listed if listers else None


def _of_entries(lister: Lister | None) -> Lister:
    def listed(value: Any) -> Any:
        if value is None:
            return None
        return [lister(one) for one in _entries(value)] if lister else _entries(value)

    return listed


def stated(content: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """The areas and measures that the content states: the code of the area, and of the measure or ""."""
    found = set()
    for area in _entries(content["areas"]):
        found |= {(area["code"], ""), *((area["code"], one["code"]) for one in _entries(area["measures"]))}
    return frozenset(found)


def _entries(stored: Any) -> list[Any]:
    """Of a list that is stored by codes, which a list of nothing is as well."""
    return [*(stored.values() if isinstance(stored, Mapping) else stored)]

"""A plan's stored content read back: the document that it was made from."""

import dataclasses
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter

from models.plan.document import PlanDocument

_READER = TypeAdapter(PlanDocument)


def document_of(content: Mapping[str, Any]) -> PlanDocument:
    """The document of which `models.loading.content_of` made this content. What it does not say has its usual value."""
    return _READER.validate_python(_listed(PlanDocument, content))


def _listed(kind: Any, value: Any) -> Any:
    """Lists of entries are stored by their codes; here they are lists again."""
    if get_origin(kind) is UnionType:
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
    if dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
        kinds = get_type_hints(kind)
        return {name: _listed(kinds[name], one) for name, one in value.items()}
    if get_origin(kind) is tuple and value is not None:
        entries = value.values() if isinstance(value, Mapping) else value
        return [_listed(get_args(kind)[0], one) for one in entries]
    return value

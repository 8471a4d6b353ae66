"""The schemas for editors say what the reader takes: the same keys at each place, and no example is called wrong."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from adapters.plan_files.reader import FILES, read_plan
from adapters.plan_files.schemas import SCHEMAS, schema_of
from adapters.yaml_nodes import Place
from tests.conftest import REAL, ROOT, TINY
from tests.deploy.test_cli import done

PLANS = sorted(path.parent for path in [REAL / "plan.yaml", *TINY.parent.glob("*/plan.yaml")])
Keys = tuple[frozenset[str], frozenset[str]]  # those that are needed, and the others
Taken = dict[str, set[Keys]]


class Editor(yaml.SafeLoader):
    """YAML 1.2, as editors read it: a date is a text."""


Editor.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith("timestamp")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): with_text_keys(one) for key, one in value.items()}
    return [with_text_keys(one) for one in value] if isinstance(value, list) else value


def content(file: Path) -> Any:
    return with_text_keys(yaml.load(file.read_text("utf-8"), Loader=Editor))


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Taken:
    """What the reader takes at each path, while it reads all examples."""
    found: Taken = defaultdict(set)
    read = Place.fields

    def fields(place: Place, *required: str, optional: Sequence[str] = ()) -> dict[str, Place]:
        path = in_levels(re.sub(r"\[\d+\]", "[]", place.field))
        found[f"{place.file.removesuffix('.yaml')}:{path}"].add((frozenset(required), frozenset(optional)))
        return read(place, *required, optional=optional)

    monkeypatch.setattr(Place, "fields", fields)
    for folder in PLANS:
        read_plan(folder)
    return found


def in_levels(path: str) -> str:
    """The same place, whichever level of measures it stands in."""
    return re.sub(r"(\.measures\[\])+", ".measures[]", path)


def said(schema: dict[str, Any], path: str) -> Iterator[tuple[str, Keys]]:
    """The keys that a schema has at each path."""
    for one in schema.get("anyOf", ()):
        yield from said(one, path)
    if "items" in schema:
        yield from said(schema["items"], f"{path}[]")
    if "properties" in schema:
        needed = frozenset(schema["required"])
        yield path, (needed, frozenset(schema["properties"]) - needed)
        for name, one in schema["properties"].items():
            yield from said(one, f"{path}.{name}".replace(":.", ":"))


def test_the_schemas_have_the_keys_that_the_reader_takes(taken: Taken) -> None:
    schemas: Taken = defaultdict(set)
    for file, schema in SCHEMAS.items():
        for path, keys in said(schema, f"{file}:"):
            schemas[in_levels(path)].add(keys)
    more = {path: keys for path, keys in taken.items() if keys - schemas[path]}
    assert more == {}, "the reader takes what no schema says"
    is_text = {(frozenset({"zh"}), frozenset({"en"}))}  # each text is read alike, in one language or two
    unread = {path: keys - taken[path] for path, keys in schemas.items() if keys - taken[path] - is_text}
    assert unread == {}, "a schema says what the reader does not take, or what no example has"


@pytest.mark.parametrize("folder", PLANS, ids=lambda folder: folder.name)
def test_every_example_is_what_its_schema_says(folder: Path) -> None:
    for file in (one for one in FILES if (folder / one).exists()):
        schema = schema_of(file.removesuffix(".yaml"))
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(content(folder / file), schema)


@pytest.mark.parametrize(
    ("file", "path", "value"),
    [
        ("units", ("units", 0, "kind"), "ministry"),
        ("units", ("units", 0, "colour"), "red"),
        ("areas", ("areas", 0, "measures", 0, "due"), "soon"),
        ("areas", ("areas", 0, "responsible"), "edu"),
        ("requirements", ("requirements", 0, "due"), {"soon": "2023-01-31"}),
        ("plan", ("starts",), "2022"),
        ("plan", ("code",), "小方案"),
    ],
)
def test_a_schema_finds_what_is_wrong(file: str, path: tuple[Any, ...], value: Any) -> None:
    whole = content(TINY / f"{file}.yaml")
    *steps, last = path
    place = whole
    for step in steps:
        place = place[step]
    place[last] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(whole, schema_of(file))


def test_they_are_published_and_printed() -> None:
    published = {one.name.removesuffix(".schema.json"): one for one in (ROOT / "plans" / "schema").iterdir()}
    assert published.keys() == SCHEMAS.keys()
    for file, path in published.items():
        assert path.read_text("utf-8") == done("plan", "schema", file)
    assert json.loads(done("plan", "schema")) == {file: schema_of(file) for file in SCHEMAS}

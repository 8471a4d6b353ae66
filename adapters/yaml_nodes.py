"""YAML whose every value knows its file, line and path, read so that no file can hang or crash a reader.

It works on the parser's events: PyYAML's own composer recurses without a bound and unfolds aliases lazily.
"""

import dataclasses
import datetime as dt
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import yaml

Option = TypeVar("Option", bound=StrEnum)

SIZE_LIMIT = 20_000_000
NODE_LIMIT = 1_000_000  # counted with every alias written out; 38,600 townships are 400,000
DEPTH_LIMIT = 30
# What libyaml says from PyYAML 6.0.4 on: it reads ahead, and may come to a bound of its own first.
TOO_DEEP = "exceeded maximum nesting depth"
MAX_SHOWN_CHARACTERS = 60

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
CODE_PATTERN = "[a-zA-Z][a-zA-Z0-9.-]{0,39}"
_CODE = re.compile(CODE_PATTERN, re.ASCII)
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UNREADABLE = re.compile("[^\n\r\t\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def shown(value: str, most: int = MAX_SHOWN_CHARACTERS) -> str:
    """`value` as it can stand inside one line of a message."""
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value[: most + 1])
    return line if len(line) <= most else line[: most - 1] + "…"


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file; `expected` is a template that `facts` fill in.

    `line` is 0 where the file itself is the matter, `value` is None where something is missing.
    """

    file: str
    line: int
    field: str
    value: str | None
    expected: str
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        path = f"{self.field}: " if self.field else ""
        value = "nothing" if self.value is None else f'"{self.value}"'
        return f"{place}: {path}{value} – {self.expected.format(**self.facts)}"


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """A value of the file; `size` counts what hangs on it."""

    line: int
    size: int


@dataclasses.dataclass(frozen=True, slots=True)
class ScalarNode(Node):
    text: str
    plain: bool

    @property
    def kind(self) -> str:
        """What YAML takes the text for: str, int, float, bool, null, timestamp …"""
        return _kind(self.text) if self.plain else "str"


@dataclasses.dataclass(frozen=True, slots=True)
class SequenceNode(Node):
    items: tuple[Node, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class MappingNode(Node):
    items: tuple[tuple[Node, Node], ...]


@functools.cache
def _resolver() -> yaml.resolver.Resolver:
    return yaml.resolver.Resolver()


def _kind(text: str) -> str:
    resolver: Any = _resolver()  # PyYAML's stubs leave `resolve` untyped
    return str(resolver.resolve(yaml.ScalarNode, text, (True, False))).rpartition(":")[2]


class UnreadableError(Exception):
    """The rest of the file cannot be read from that line on. `value` quotes the file, which may hold a secret."""

    def __init__(self, line: int, value: str | None, expected: str, **facts: Any) -> None:
        super().__init__(expected)
        self.line, self.value, self.expected, self.facts = line, value, expected, facts


def read_yaml(path: Path, problems: list[Problem]) -> "Place | None":
    """The root of the file, or None when it cannot be read, which `problems` then says."""
    try:
        root = compose(_decode(_content(path)))
    except UnreadableError as error:
        value = None if error.value is None else shown(error.value)
        problems.append(Problem(path.name, error.line, "", value, error.expected, error.facts))
        return None
    return Place(path.name, "", root.line if root else 1, root, problems)


def compose(text: str) -> Node | None:
    """The root of the one document in a text, None where there is none. Raises UnreadableError."""
    return _Composer(text).document()


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise UnreadableError(0, None, "expected this file in the folder of the plan")
        with path.open("rb") as file:
            size = path.stat().st_size
            content = b"" if size > SIZE_LIMIT else file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise UnreadableError(0, error.strerror, "expected a file that can be read") from None
    if max(size, len(content)) > SIZE_LIMIT:
        raise UnreadableError(
            0, f"{size} bytes", "expected a file of at most {limit} MB", limit=SIZE_LIMIT // 1_000_000
        )
    return content


def _decode(content: bytes) -> str:
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = f"\\x{content[error.start]:02x}"
        raise UnreadableError(
            line, byte, "expected text in UTF-8, and byte {offset} of the file is not", offset=error.start
        ) from None
    if found := _UNREADABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise UnreadableError(line, found[0], "expected text without control characters")
    return text


class _Composer:
    """Makes nodes of events, and stops at what is too deep, too much or never ends."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self.anchors: dict[str, Node] = {}
        self.size = 0

    def document(self) -> Node | None:
        """The one document of the file, None when there is none."""
        try:
            next(self.events)
            if isinstance(next(self.events), yaml.StreamEndEvent):
                return None
            root = self._node(next(self.events), 0)
            next(self.events)
            after = next(self.events)
        except yaml.MarkedYAMLError as error:
            if error.problem == TOO_DEEP:
                raise _too_deep(1 + (error.problem_mark.line if error.problem_mark else 0)) from None
            raise self._syntax(error) from None
        except yaml.YAMLError as error:
            raise UnreadableError(1, None, "expected sound YAML ({reason})", reason=str(error)) from None
        if not isinstance(after, yaml.StreamEndEvent):
            raise UnreadableError(_line(after), "---", "expected one document in the file")
        return root

    def _syntax(self, error: yaml.MarkedYAMLError) -> UnreadableError:
        mark = error.problem_mark or error.context_mark
        number = mark.line if mark else 0
        text = self.lines[number].strip() if number < len(self.lines) else ""
        reason = error.problem or error.context
        return UnreadableError(number + 1, text, "expected sound YAML ({reason})", reason=reason)

    def _node(self, event: Any, depth: int) -> Node:
        line = _line(event)
        if depth > DEPTH_LIMIT:
            raise _too_deep(line)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag is not None:
            raise UnreadableError(line, event.tag, "expected a value without a tag")
        self._count(1, line, None)
        node = self._value(event, line, depth)
        if event.anchor is not None:
            # Only now: an alias inside its own anchor would never end.
            self.anchors[event.anchor] = node
        return node

    def _value(self, event: Any, line: int, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return ScalarNode(line, 1, event.value, bool(event.implicit[0]))
        if isinstance(event, yaml.SequenceStartEvent):
            items = tuple(self._until(yaml.SequenceEndEvent, depth))
            return SequenceNode(line, 1 + sum(item.size for item in items), items)
        flat = list(self._until(yaml.MappingEndEvent, depth))
        pairs = tuple(zip(flat[::2], flat[1::2], strict=True))
        return MappingNode(line, 1 + sum(item.size for item in flat), pairs)

    def _until(self, end: type[Any], depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self.events), end):
            yield self._node(event, depth + 1)

    def _alias(self, event: Any) -> Node:
        node = self.anchors.get(event.anchor)
        if node is None:
            raise UnreadableError(
                _line(event), "*" + event.anchor, "expected an alias of an anchor that is complete above it"
            )
        self._count(node.size, _line(event), "*" + event.anchor)
        return node

    def _count(self, size: int, line: int, value: str | None) -> None:
        self.size += size
        if self.size > NODE_LIMIT:
            raise UnreadableError(
                line, value, "expected at most {limit} values, with aliases written out", limit=NODE_LIMIT
            )


def _too_deep(line: int) -> UnreadableError:
    return UnreadableError(line, None, "expected at most {limit} levels", limit=DEPTH_LIMIT)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, and how to read it.

    Every read tells `problems` what is wrong and then returns a placeholder, so that reading goes
    on and finds the rest. A place without a node is a key that is absent; where the key was needed,
    that has been told already, so it reads as the placeholder and says nothing.
    """

    file: str
    field: str
    line: int
    node: Node | None
    problems: list[Problem]

    def problem(self, expected: str, **facts: Any) -> None:
        """Tell what was expected here."""
        self.problems.append(Problem(self.file, self.line, self.field, self.shown, expected, facts))

    @property
    def shown(self) -> str | None:
        match self.node:
            case ScalarNode(text=text):
                return shown(text)
            case SequenceNode():
                return "[…]"
            case MappingNode():
                return "{…}"
        return None

    @property
    def given(self) -> bool:
        return self.node is not None

    @property
    def raw(self) -> str | None:
        """The bare text of a single value, None for all else; tells nothing."""
        return self.node.text if isinstance(self.node, ScalarNode) else None

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, SequenceNode)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, MappingNode)

    def _child(self, step: str, node: Node | None) -> "Place":
        line = self.line if node is None else node.line
        return Place(self.file, (self.field + step).removeprefix("."), line, node, self.problems)

    def entries(self) -> dict[str, tuple["Place", "Place"]]:
        """The places of key and value for each key of a mapping."""
        if not isinstance(self.node, MappingNode):
            if self.given:
                self.problem("expected a mapping")
            return {}
        found: dict[str, tuple[Place, Place]] = {}
        for key, value in self.node.items:
            name = key.text if isinstance(key, ScalarNode) else "?"
            key_place = self._child(f".{shown(name)}", key)
            if not isinstance(key, ScalarNode):
                key_place.problem("expected a plain word as key")
            elif name in found:
                first = found[name][0].line
                key_place.problem("expected each key once; it is also on line {line}", line=first)
            else:
                found[name] = key_place, self._child(f".{shown(name)}", value)
        return found

    def fields(self, *required: str, optional: Sequence[str] = ()) -> dict[str, "Place"]:
        """A place for each of the keys; those that are missing or unknown are told."""
        entries = self.entries()
        known = (*required, *optional)
        for name, (_, value) in entries.items():
            if name not in known:
                value.problem("expected one of the keys {keys}", keys=", ".join(known))
        places = {name: self._child(f".{name}", None) for name in known}
        places |= {name: value for name, (_, value) in entries.items() if name in known}
        if isinstance(self.node, MappingNode):
            for name in required:
                if name not in entries:
                    places[name].problem('expected the key "{key}"', key=name)
        for name in optional:
            if isinstance(node := places[name].node, ScalarNode) and node.kind == "null":
                places[name] = self._child(f".{name}", None)
        return places

    def items(self, most: int = NODE_LIMIT) -> list["Place"]:
        """The places of a list's items, of which there must be one at least."""
        if not isinstance(self.node, SequenceNode):
            if self.given:
                self.problem("expected a list")
            return []
        if not self.node.items:
            self.problem("expected at least one item")
        if len(self.node.items) > most:
            self.problem("expected at most {most} items", most=most)
        return [self._child(f"[{i}]", item) for i, item in enumerate(self.node.items[:most])]

    def quiet_items(self) -> list["Place"]:
        """The places of a list's items, none where it is no list; tells nothing."""
        items = self.node.items if isinstance(self.node, SequenceNode) else ()
        return [self._child(f"[{i}]", item) for i, item in enumerate(items)]

    def quiet_entries(self) -> dict[str, "Place"]:
        """The places of a mapping's values, none where it is no mapping; tells nothing."""
        items = self.node.items if isinstance(self.node, MappingNode) else ()
        return {key.text: self._child(f".{shown(key.text)}", one) for key, one in items if isinstance(key, ScalarNode)}

    def word(self) -> str | None:
        """The bare text of a single value, whatever YAML takes it for."""
        if self.given and self.raw is None:
            self.problem("expected a single value")
        return self.raw

    def text(self, default: str = "") -> str:
        """Words for a reader, never empty."""
        word = self.word()
        if word is None or not isinstance(self.node, ScalarNode):
            return default
        if not word.strip():
            self.problem("expected text that is not empty")
        elif self.node.kind != "str":
            self.problem("expected text (YAML reads this as {kind}: put it in quotes)", kind=self.node.kind)
        elif _CONTROL.search(word):
            self.problem("expected text without tabs and control characters")
        else:
            return word.strip()
        return default

    def code(self) -> str:
        """A short ASCII name, "" when it is not one."""
        word = self.word()
        if word is None or _CODE.fullmatch(word):
            return word or ""
        self.problem("expected a code: a letter, then up to 39 letters, digits, dots and hyphens")
        return ""

    def integer(self, least: int, most: int) -> int | None:
        """A whole number within the bounds, None when it is not one."""
        word = self.word()
        if word is None:
            return None
        whole = isinstance(self.node, ScalarNode) and self.node.plain and _INTEGER.fullmatch(word)
        if whole and least <= int(word) <= most:
            return int(word)
        self.problem("expected a whole number from {least} to {most}", least=least, most=most)
        return None

    def number(self) -> float:
        word = self.word()
        if word is not None:
            if isinstance(self.node, ScalarNode) and self.node.plain and _NUMBER.fullmatch(word):
                return float(word)
            self.problem("expected a number")
        return 0.0

    def flag(self, *, default: bool = False) -> bool:
        word = self.word()
        if word is None:
            return default
        if isinstance(self.node, ScalarNode) and self.node.plain and word in ("true", "false"):
            return word == "true"
        self.problem("expected true or false")
        return default

    def date(self) -> dt.date | None:
        """A day, None when it is not one."""
        word = self.word()
        if word is None:
            return None
        if not _DATE.fullmatch(word):
            self.problem("expected a date such as 2023-01-31")
            return None
        try:
            return dt.date.fromisoformat(word)
        except ValueError:
            self.problem("expected a date that the calendar has")
            return None

    def one_of(self, words: Sequence[str]) -> str:
        """One of the words, "" when it is none."""
        word = self.word()
        if word is not None and word not in words:
            self.problem("expected one of {words}", words=", ".join(words))
            return ""
        return word or ""

    def choice(self, options: type[Option], default: Option | None = None) -> Option:
        word = self.one_of([option.value for option in options])
        return options(word) if word else default or next(iter(options))

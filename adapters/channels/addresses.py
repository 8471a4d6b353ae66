"""The file of addresses, by which each unit is reached: read and checked."""

import dataclasses
import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs

from adapters.language import N_
from adapters.yaml_nodes import MappingNode, Node, ScalarNode, UnreadableError, compose
from models.common.errors import RefusedError

DEFAULT = "default"
MAX_BYTES = 10_000_000  # 38,600 townships with a robot each are 6 MB
MAX_UNITS = 100_000  # of all plans together
TOKEN_ALONE = N_("feishu://TOKEN, or feishu://SECRET@TOKEN where the robot has a signing secret; lark:// likewise")
EXPECTED = "mailbox, slack:C0123ABC (the id of a channel), or an Apprise URL such as dingtalk://…"

# Only ids: a channel's name can be posted to, but its history cannot be read back by it.
HIDDEN = "****"  # in the place of what is secret
EXPECTED_OF_PEOPLE = N_(
    "slack:C0123ABC (the id of a channel), or a group robot: dingtalk://…, wecombot://…, feishu://… or lark://…"
)
# Services whose host the address does not say: whoever keeps a register cannot have Duban ask any other machine.
SCHEMES_OF_PEOPLE = frozenset({"dingtalk", "wecombot", "feishu", "lark"})

_SLACK = re.compile(r"slack:(?P<channel>[CGD][A-Z0-9]{2,})")
_SIGNING_ROBOT = re.compile(r"(feishu|lark)://(?P<host>[^/?]*)(?P<path>[^?]*)(\?(?P<query>.*))?", re.IGNORECASE)
_SECRETS = {"secret", "sign", "sign_secret", "signing_secret", "key", "password", "pass"}
_APPRISE = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://\S+")


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Address:
    """One way to reach a unit. Its text form leaves out what is secret in it."""

    kind: Literal["mailbox", "slack", "apprise"]
    target: str = ""

    def __repr__(self) -> str:
        return f"Address({self})"

    def __str__(self) -> str:
        if self.kind == "apprise":
            return f"apprise:{_masked(self.target)}"
        return f"slack:{self.target}" if self.kind == "slack" else self.kind


MAILBOX = Address("mailbox")


@dataclasses.dataclass(frozen=True, slots=True)
class Addresses:
    """Every unit's address; a unit that is not named has the default, and that is the mailbox."""

    by_unit: Mapping[str, Address] = dataclasses.field(default_factory=dict)

    def of(self, unit_code: str) -> Address:
        return self.by_unit.get(unit_code) or self.by_unit.get(DEFAULT) or MAILBOX


def read_addresses(path: Path | None) -> Addresses:
    """The addresses in the file; all mailbox when no file is set.

    A file that is set and not there is refused: notices would silently go nowhere.
    """
    if path is None:
        return Addresses()
    try:
        there = path.stat()
    except OSError:  # said below
        return _read(path, 0, 0)
    return _read(path, there.st_mtime_ns, there.st_size)


@functools.lru_cache(maxsize=4)  # thousands of units take seconds to parse, and every delivery asks
def _read(path: Path, _changed_at: int, _size: int) -> Addresses:
    root = _parse(path)
    if root is None or (isinstance(root, ScalarNode) and root.kind == "null"):
        return Addresses()
    if not isinstance(root, MappingNode):
        raise _refused(path, root.line, "not a list of units", "lines like `edu: slack:C0123ABC`")
    found: dict[str, Address] = {}
    for key, value in root.items:
        code = _unit_code(path, key)
        if code in found:
            raise _refused(path, key.line, f"{code} is there twice", "each unit once")
        found[code] = _address(path, code, value)
    return Addresses(found)


def _parse(path: Path) -> Node | None:
    """The YAML as nodes, which know their lines and whether a key came twice."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = _not_too_much(path, content).decode("utf-8-sig")
    except OSError as error:
        raise RefusedError(
            "{file}: cannot be read ({why}); expected the file of addresses", file=path, why=error.strerror
        ) from None
    except UnicodeDecodeError:
        raise RefusedError("{file}: not text in UTF-8; expected the file of addresses", file=path) from None
    try:
        return compose(text)
    except UnreadableError as error:
        # The error's own text and its chain quote the line, and the line may hold a secret.
        raise _refused(path, error.line, "not readable as YAML", "lines like `edu: mailbox`") from None


def _not_too_much(path: Path, content: bytes) -> bytes:
    """The content, if it can be read in a moment: asked before anything is made of it."""
    if len(content) > MAX_BYTES:
        raise RefusedError("{file}: too long; expected at most {limit} bytes", file=path, limit=MAX_BYTES)
    lines = (line.lstrip() for line in content.splitlines())
    # An entry stands on a line of its own, or has a comma behind it.
    entries = sum(1 for line in lines if line and not line.startswith(b"#")) + content.count(b",")
    if entries > MAX_UNITS:
        raise RefusedError("{file}: too many entries; expected at most {limit} units", file=path, limit=MAX_UNITS)
    return content


def _unit_code(path: Path, key: Node) -> str:
    if not isinstance(key, ScalarNode) or not re.fullmatch(r"[A-Za-z0-9_.-]+", key.text):
        raise _refused(path, key.line, "not a unit's code", "the short code of a unit, or `default`")
    return key.text


def _address(path: Path, code: str, value: Node) -> Address:
    text = value.text.strip() if isinstance(value, ScalarNode) else ""
    address = address_in(text)
    if address is not None:
        return address
    expected = TOKEN_ALONE if _holds_what_is_dropped(text) else EXPECTED
    raise _refused(path, value.line, f"{code} has no usable address ({_masked(text)})", expected)


def address_in(text: str) -> Address | None:
    """The address that a text is, None where it is none."""
    if text == "mailbox":
        return MAILBOX
    if slack := _SLACK.fullmatch(text):
        return Address("slack", slack["channel"])
    is_url = _APPRISE.fullmatch(text) and not _holds_what_is_dropped(text)
    return Address("apprise", text) if is_url else None


def address_of_person(text: str) -> Address | None:
    """The address that a text is, of those that people may register by themselves; None for every other."""
    address = address_in(text)
    if address is None or address.kind == "mailbox":
        return None
    return address if address.kind == "slack" or service_of(address) in SCHEMES_OF_PEOPLE else None


def service_of(address: Address) -> str:
    """The service that carries it: `slack`, `dingtalk` …"""
    return address.kind if address.kind != "apprise" else address.target.partition("://")[0].lower()


def shown_address(text: str) -> str:
    """An address without what is secret in it: `slack:C0123ABC`, `dingtalk://****`."""
    address = address_in(text)
    return str(address).removeprefix("apprise:") if address else _masked(text)


def _holds_what_is_dropped(text: str) -> bool:
    """Whether it is a robot's, with the secret where nobody looks for it: each post would be refused for good."""
    found = _SIGNING_ROBOT.fullmatch(text)
    if found is None:
        return False
    return bool(":" in found["host"] or found["path"].strip("/") or _SECRETS & parse_qs(found["query"] or "").keys())


def _masked(text: str) -> str:
    """What kind of address it is, and nothing of what it holds."""
    scheme = re.match(r"([a-z][a-z0-9+.]{0,19})(://|:)", text)
    return f"{scheme[1]}{scheme[2]}{HIDDEN}" if scheme else HIDDEN if text else "empty"


def _refused(path: Path, line: int, what: str, expected: str) -> RefusedError:
    return RefusedError(
        "{file}, line {line}: {what}; expected {expected}", file=path, line=line, what=what, expected=expected
    )

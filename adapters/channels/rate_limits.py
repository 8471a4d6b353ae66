"""How fast each channel may be written to: the limits of the services, read as data."""

import dataclasses
import datetime as dt
import functools
import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.channels.addresses import Address, service_of
from models.common.errors import RefusedError
from models.delivery.rate_limit import Destination

OURS = Path(__file__).with_name("channel_limits.toml")
DEFAULT = "default"
FIELDS = ("apart_s", "rest_s")
EXPECTED = "tables such as [dingtalk] with apart_s and rest_s, seconds from 0 to 3600"
LONGEST_S = 3600


@dataclasses.dataclass(frozen=True, slots=True)
class Limit:
    """`apart`: from one post's answer to the next post. `rest`: after a refusal that does not say how long."""

    apart: dt.timedelta
    rest: dt.timedelta


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """The limit of each service, by the scheme of its addresses."""

    by_service: Mapping[str, Limit]

    def of(self, address: Address) -> Limit:
        return self.by_service.get(service_of(address)) or self.by_service[DEFAULT]

    def destination_of(self, address: Address) -> Destination:
        """The destination of an address; its name is a hash, so that no secret is stored."""
        if address.kind == "mailbox":
            return Destination("")
        named = hashlib.sha256(f"{address.kind}:{address.target}".encode()).hexdigest()
        return Destination(named, self.of(address).apart)


@functools.cache
def read_limits(own: Path | None = None) -> Limits:
    """The limits that come with Duban, and what a file of the office's own says otherwise. Raises RefusedError."""
    tables = _parse(OURS)
    for service, said in (_parse(own) if own else {}).items():
        tables[service] = {**tables.get(service, tables[DEFAULT]), **said}
    return Limits(
        {service: Limit(*(dt.timedelta(seconds=said[name]) for name in FIELDS)) for service, said in tables.items()}
    )


def _parse(path: Path) -> dict[str, dict[str, float]]:
    try:
        tables: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RefusedError(
            "{file}: cannot be read ({why}); expected {expected}", file=path, why=error.strerror, expected=EXPECTED
        ) from None
    except ValueError as error:
        raise RefusedError("{file}: {what}; expected {expected}", file=path, what=error, expected=EXPECTED) from None
    for service, said in tables.items():
        if not isinstance(said, dict) or not all(map(_is_right, said.items())):
            raise RefusedError("{file}: {what}; expected {expected}", file=path, what=f"[{service}]", expected=EXPECTED)
    return tables


def _is_right(entry: tuple[str, Any]) -> bool:
    name, seconds = entry
    return name in FIELDS and type(seconds) in {int, float} and 0 <= seconds <= LONGEST_S

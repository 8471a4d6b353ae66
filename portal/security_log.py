"""What a security officer asks for: who was refused, from where, and at which door. One JSON object a line, in UTC.

The instants are the machine's own, not those of a clock that a rehearsal moves: attackers do not keep to it.
Nothing here is secret: no token, no cookie, no text that somebody typed.
"""

import datetime as dt
import json
import logging
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from adapters.folders import private_log

log = logging.getLogger("duban.security")

FILE_BYTES, FILES = 10 * 1024 * 1024, 10
# Of a refusal that no page has named more closely.
BY_STATUS = {
    400: "unreadable request",
    401: "not come in",
    403: "forged form",
    404: "no such thing",
    405: "no such method",
    408: "slow body",
    410: "link refused",
    413: "too large",
    422: "refused",
    429: "too many requests",
    500: "failed",
}


def note(event: str, **facts: Any) -> None:
    """Write down one event; `facts` that are None are left out."""
    log.info(event, extra={"facts": {name: fact for name, fact in facts.items() if fact is not None}})


class Lines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        at = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")
        return json.dumps({"time": at, "event": record.getMessage(), **getattr(record, "facts", {})})


class _PrivateFiles(RotatingFileHandler):
    """The newest file and nine older ones, for ourselves alone."""

    def _open(self) -> TextIOWrapper:
        private_log(Path(self.baseFilename)).close()
        return super()._open()


def to_file(path: Path) -> logging.Handler:
    """Write the events to this file from now on. Two portals must not share one."""
    handler = _PrivateFiles(path, maxBytes=FILE_BYTES, backupCount=FILES - 1, encoding="utf-8")
    handler.setFormatter(Lines())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    return handler

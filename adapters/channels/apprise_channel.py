"""Every service but Slack, through Apprise. An address is a URL that often holds a secret: never logged."""

import asyncio
import datetime as dt
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from adapters.channels import robots
from adapters.channels.types import Outcome, Post, Receipt, Trace, without_markup

# What Apprise's plugins log of a failure. With a status the service has answered; without, the connection failed.
STATUS = re.compile(r"\berror[=: ]+(\d{3})\b")
NEVER_LEFT = re.compile(
    r"NewConnectionError|ConnectTimeout|NameResolutionError|Failed to establish|Connection refused|ProxyError|SSLError"
)
TOO_MANY, SERVER_ERROR = 429, 500


class AppriseChannel:
    """One Apprise URL with one recipient for each address: with several, one failure would repeat it to the others."""

    def __init__(self, timeout_s: int) -> None:
        self._timeout_s = timeout_s

    def escape(self, text: str) -> str:
        """For whatever stands behind the address: many take Markdown in plain text, and some take tags."""
        return without_markup(text)

    async def send(self, target: str, post: Post) -> Receipt:
        return await asyncio.to_thread(self._send, target, post)

    def _send(self, target: str, post: Post) -> Receipt:
        import apprise  # noqa: PLC0415 - it loads its plugins, and most offices do not need it

        _hush()
        # One thread, so that `Channels` alone decides how much goes on at once.
        asset = apprise.AppriseAsset(async_mode=False, secure_logging=True)
        try:
            service = apprise.Apprise.instantiate(target, asset=asset)
            if service is None:
                return Receipt(Outcome.PERMANENT, "Apprise does not accept this address")
            if robot := robots.robot_of(service):
                return robots.send(robot, service, post, self._timeout_s)
            # An address can ask for retries of its own, and to call a failure a success (`optional`).
            service.retry, service.optional = 0, False
            service.socket_connect_timeout = service.socket_read_timeout = float(self._timeout_s)
            box = apprise.Apprise(asset=asset)
            box.add(service)
            with TRAIL.followed() as said:
                sent = box.notify(
                    body=self.escape(post.body),
                    title=self.escape(post.subject),
                    body_format=apprise.NotifyFormat.TEXT,
                )
        except Exception as error:  # noqa: BLE001 - over a hundred plugins, each with its own; the text may hold the URL
            return Receipt(Outcome.AMBIGUOUS, f"Apprise failed: {type(error).__name__}")
        return Receipt(Outcome.SENT, "taken by the service") if sent else _refusal("\n".join(said))

    async def look_up(self, target: str, key: str, since: dt.datetime | None) -> Trace:  # noqa: ARG002 - the protocol's
        return Trace.UNTRACEABLE


def _refusal(said: str) -> Receipt:
    """Why a send was refused. Apprise says it only in its log."""
    statuses = [int(status) for status in STATUS.findall(said)]
    if statuses and statuses[-1] < SERVER_ERROR:
        too_many = statuses[-1] == TOO_MANY
        return Receipt(Outcome.TEMPORARY, f"the service answered with status {statuses[-1]}", too_many=too_many)
    if not statuses and NEVER_LEFT.search(said):
        return Receipt(Outcome.TEMPORARY, "the service cannot be reached")
    return Receipt(Outcome.AMBIGUOUS, "not taken by the service; Apprise does not say why, and it may have arrived")


class _Trail(logging.Handler):
    """Collects what a thread logs meanwhile, and keeps it from all other log handlers."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._of_thread = threading.local()

    @contextmanager
    def followed(self) -> Iterator[list[str]]:
        lines: list[str] = []
        self._of_thread.lines = lines
        try:
            yield lines
        finally:
            self._of_thread.lines = None

    def emit(self, record: logging.LogRecord) -> None:
        lines = getattr(self._of_thread, "lines", None)
        if lines is not None:
            lines.append(record.getMessage())


TRAIL = _Trail()


def _hush() -> None:
    """Apprise logs hosts and addresses, urllib3 and httpx the path that holds a robot's token."""
    logger = logging.getLogger("apprise")
    logger.handlers, logger.propagate = [TRAIL], False
    logger.setLevel(logging.DEBUG)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    logging.getLogger("httpx").setLevel(logging.WARNING)

"""How a notice leaves: what every channel offers, and which one serves an address."""

import asyncio
import dataclasses
import datetime as dt
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, Self

from adapters.addresses import Address
from adapters.language import N_, Language
from adapters.settings import Settings

if TYPE_CHECKING:
    from adapters.slack import Slack


@dataclasses.dataclass(frozen=True, slots=True)
class Labels:
    """The words around the buttons of a post, for people to read; English unless made for a language."""

    open: str = N_("Open")
    sign: str = N_("Sign for all")
    rest: str = N_("(cut here, too long for Slack: press “Open” for the rest)")

    @classmethod
    def of(cls, language: Language) -> Self:
        return cls(*(language.gettext(str(field.default)) for field in dataclasses.fields(cls)))


@dataclasses.dataclass(frozen=True, slots=True)
class Post:
    """What is sent: plain text, and the key by which it can be found again.

    Where the channel has buttons, `link` is where the button *Open* leads, and `sign` is what the button
    *Sign for all* sends back: the letter's key, or empty where there is nothing to sign for.
    """

    key: str
    subject: str
    body: str
    link: str = dataclasses.field(default="", repr=False)  # holds a secret: never logged, never stored
    sign: str = ""
    labels: Labels = Labels()


class Outcome(StrEnum):
    SENT = "sent"
    TEMPORARY = "temporary"  # not sent; the same may work later
    PERMANENT = "permanent"  # not sent; it never will be, until a person changes something
    AMBIGUOUS = "ambiguous"  # it may have been sent: look it up before sending it again


class Trace(StrEnum):
    """What a channel's history says of a post."""

    SENT = "sent"
    ABSENT = "absent"
    UNTRACEABLE = "untraceable"  # the channel cannot tell, today or later
    LATER = "later"  # it cannot tell now
    TOO_MANY = "too_many"  # it cannot tell now, and wants to be asked nothing for a while


@dataclasses.dataclass(frozen=True, slots=True)
class Receipt:
    """How one send ended. `detail` is for the office to read and holds no secret.

    `too_many`: the service wants no more posts, for `retry_after_s` where it says how long.
    """

    outcome: Outcome
    detail: str
    external_id: str = ""
    retry_after_s: float | None = None
    too_many: bool = False


class Channel(Protocol):
    """A service that carries notices. Whatever happens outside becomes a receipt, never an exception."""

    async def send(self, target: str, post: Post) -> Receipt:
        """Send once, without retries of its own."""

    async def look_up(self, target: str, key: str, since: dt.datetime | None) -> Trace:
        """Whether the post with this key arrived. It was not sent before `since`, where that is known."""


class Mailbox:
    """The mailbox in the database: what the caller has stored has arrived."""

    async def send(self, target: str, post: Post) -> Receipt:  # noqa: ARG002 - the protocol's
        return Receipt(Outcome.SENT, "kept in the mailbox")

    async def look_up(self, target: str, key: str, since: dt.datetime | None) -> Trace:  # noqa: ARG002 - the protocol's
        return Trace.SENT


LONGEST_S = 120.0  # from the first byte to the last: a service that drips one at a time would hold a delivery for ever


@dataclasses.dataclass(frozen=True, slots=True)
class Channels:
    """One channel for each kind of address. They serve while they are open: `async with channels`."""

    mailbox: Channel
    slack: "Slack"
    apprise: Channel
    longest_s: float = LONGEST_S

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        # They import this module for its types.
        from adapters.apprise_channel import AppriseChannel  # noqa: PLC0415
        from adapters.slack import Slack  # noqa: PLC0415

        token = settings.slack_token.get_secret_value() if settings.slack_token else ""
        timeout_s = settings.send_timeout_s
        return cls(Mailbox(), Slack(token, settings.slack_api_url, timeout_s), AppriseChannel(timeout_s))

    async def __aenter__(self) -> Self:
        await self.slack.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.slack.__aexit__(*failure)

    async def send(self, address: Address, post: Post) -> Receipt:
        try:
            async with asyncio.timeout(self.longest_s):
                return await self._of(address).send(address.target, post)
        except TimeoutError:
            return Receipt(Outcome.AMBIGUOUS, f"no whole answer within {self.longest_s:g} s")

    async def look_up(self, address: Address, key: str, since: dt.datetime | None) -> Trace:
        try:
            async with asyncio.timeout(self.longest_s):
                return await self._of(address).look_up(address.target, key, since)
        except TimeoutError:
            return Trace.LATER

    def _of(self, address: Address) -> Channel:
        match address.kind:
            case "mailbox":
                return self.mailbox
            case "slack":
                return self.slack
            case "apprise":
                return self.apprise

"""Which channel serves an address."""

import asyncio
import dataclasses
import datetime as dt
from typing import Self

from adapters.channels.addresses import Address
from adapters.channels.apprise_channel import AppriseChannel
from adapters.channels.slack import Slack
from adapters.channels.types import Channel, Outcome, Post, Receipt, Trace
from adapters.settings import Settings


class Mailbox:
    """The mailbox in the database: a letter that is stored has arrived."""

    def escape(self, text: str) -> str:
        """As it is: pages and commands know how to show text."""
        return text

    async def send(self, target: str, post: Post) -> Receipt:  # noqa: ARG002 - the protocol's
        return Receipt(Outcome.SENT, "kept in the mailbox")

    async def look_up(self, target: str, key: str, since: dt.datetime | None) -> Trace:  # noqa: ARG002 - the protocol's
        return Trace.SENT


LONGEST_S = 120.0  # for one whole exchange: a service that sends a byte at a time would hold a delivery for ever


@dataclasses.dataclass(frozen=True, slots=True)
class Channels:
    """One channel for each kind of address. They serve while they are open: `async with channels`."""

    mailbox: Channel
    slack: Slack
    apprise: Channel
    longest_s: float = LONGEST_S

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
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

"""Slack's channel for tests that ask one thing after another."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import TypeVar

from adapters.channels.slack import Slack
from adapters.channels.types import Post, Receipt, Trace

T = TypeVar("T")


class SlackCaller:
    """Each call opens the channel, asks, and closes it."""

    def __init__(self, token: str, api_url: str, timeout_s: int) -> None:
        self._slack = Slack(token, api_url, timeout_s)

    def send(self, target: str, post: Post) -> Receipt:
        return self._asked(lambda: self._slack.send(target, post))

    def look_up(self, target: str, key: str, since: dt.datetime | None) -> Trace:
        return self._asked(lambda: self._slack.look_up(target, key, since))

    def _asked(self, call: Callable[[], Awaitable[T]]) -> T:
        async def ask() -> T:
            async with self._slack:
                return await call()

        return asyncio.run(ask())

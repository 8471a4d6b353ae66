"""A Slack that does nothing but take posts and enforce its limit, in a process of its own: fast enough to be no bound.

`python -m benchmarks.processes.slack_process` says its port on the first line. `GET /figures` tells what has come in
since the last time this was asked, as JSON; `GET /limit?SECONDS` sets how far apart the posts of a channel have to be.
"""

import asyncio
import json
import math
import re
import sys
import time
from collections import Counter
from typing import Any

CHANNEL = re.compile(rb'"channel": ?"(\w+)"')
CLOSES = re.compile(rb"connection: *close", re.IGNORECASE)
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
TAKEN = b'{"ok":true,"channel":"C","ts":"1700000000.000100","message":{"text":"x"}}'
LIMITED = b'{"ok":false,"error":"ratelimited"}'


class Desk:
    """What has come in. `apart_s`: 0 for no limit."""

    def __init__(self) -> None:
        self.apart_s = 0.0
        self.forget()

    def forget(self) -> None:
        self.posts: Counter[bytes] = Counter()
        self.limited: Counter[bytes] = Counter()
        self.last: dict[bytes, float] = {}
        self.begun = self.ended = 0.0

    def post(self, channel: bytes) -> float:
        """Take a post; returns the seconds to wait where it comes too early."""
        now = time.monotonic()
        wait = self.last.get(channel, -math.inf) + self.apart_s - now
        if wait > 0:
            self.limited[channel] += 1
            return wait
        self.begun = self.begun or now
        self.ended = self.last[channel] = now
        self.posts[channel] += 1
        return 0.0

    def figures(self) -> dict[str, Any]:
        told = {
            "posts": self.posts.total(),
            "channels": len(self.posts),
            "seconds": self.ended - self.begun,
            "limited": self.limited.total(),
            "limited_most": max(self.limited.values(), default=0),
        }
        self.forget()
        return told


class Line(asyncio.Protocol):
    """Requests and their answers; the line stays open for the next, as Slack's does, unless the client wants none."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._got = desk, b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        length = LENGTH.search(head) if end else None
        if end and len(body) >= int(length[1] if length else 0):
            self._got = b""
            self._answer(head, body)
            if CLOSES.search(head):
                self._transport.close()

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET /figures"):
            return self._say(200, json.dumps(self._desk.figures()).encode())
        if head.startswith(b"GET /limit?"):
            self._desk.apart_s = float(head.split(b" ")[1].partition(b"?")[2])
            return self._say(200, b"{}")
        channel = CHANNEL.search(body)
        wait = self._desk.post(channel[1] if channel else b"")
        return self._say(429, LIMITED, math.ceil(wait)) if wait else self._say(200, TAKEN)

    def _say(self, status: int, body: bytes, retry_after: int = 0) -> None:
        more = f"Retry-After: {retry_after}\r\n" if retry_after else ""
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}"
        self._transport.write(f"{head}\r\n".encode() + body)


async def serve() -> None:
    desk = Desk()
    server = await asyncio.get_running_loop().create_server(lambda: Line(desk), "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())

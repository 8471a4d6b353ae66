"""How fast letters leave: beside what Slack's limit allows, and beside a bare loop of its own client.

A township a letter, each asked for one thing, from the outbox in a real PostgreSQL through claiming, writing and
settling; Slack is a process of its own that takes posts and enforces its limit (benchmarks/processes/slack_process.py).
Two bare loops post the same texts, made beforehand, with `slack_sdk`, as many at once, and do nothing else: its usual
client in threads, and its client for asyncio, as we use it, with lines that stay open.

`python -m benchmarks.delivery [--small]` shows the figures; it is a measurement and no test.
"""

import asyncio
import dataclasses
import datetime as dt
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import click
import httpx
from slack_sdk import WebClient
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import select

from adapters.channels.slack import EVENT_TYPE, _blocks
from adapters.channels.types import Post
from adapters.database.sessions import transaction
from adapters.gc import gc_frozen
from adapters.settings import override
from benchmarks import ground, national
from benchmarks.report import Figure, at_least, for_information, no_more_than, show
from models.loading import load_plan
from models.outbox.message import Attempt, Message
from models.plan.document import PlanDocument
from models.plan.unit import Unit
from services.letters.delivery import MAX_SENDS_AT_ONCE, Delivered, deliver
from services.scope import by_program

NOW = national.issued_at() + dt.timedelta(hours=2)
LIMIT_S = 1.0
SHARE_OF_LIMIT, SHARE_OF_BARE = 0.95, 0.8
AGAIN = """
TRUNCATE attempt, attempt_message, pace CASCADE;
DELETE FROM access;
UPDATE message SET status = 'pending', tries = 0, unsure = 0, next_try_at = created_at;
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Size:
    """Letters on each of so many channels, and letters without a limit, so many rounds."""

    few: tuple[int, int]
    many: tuple[int, int]
    free: int
    rounds: int


# Half a minute on each: of a few seconds the first, in which all channels are free at once, would be a fifth.
FULL = Size(few=(40, 30), many=(2000, 30), free=3000, rounds=5)
SMALL = Size(few=(40, 8), many=(400, 3), free=600, rounds=1)


@click.command(help=__doc__)
@click.option("--small", is_flag=True, help="a short run")
@click.option("--json", "as_json", is_flag=True, help="the figures as JSON on the last line")
def main(*, small: bool, as_json: bool) -> None:
    found = list(_measured(SMALL if small else FULL))
    if as_json:
        ground.say(json.dumps([dataclasses.asdict(one) for one in found]))
    else:
        show(found)


def figures(*, small: bool = False) -> list[Figure]:
    """The figures, measured in a process of their own: nothing of the caller's lies in its memory."""
    command = [sys.executable, "-m", "benchmarks.delivery", "--json", *(["--small"] if small else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[2:])} failed:\n{done.stdout}{done.stderr}")
    return [Figure(**one) for one in json.loads(done.stdout.splitlines()[-1])]


def _measured(size: Size) -> Iterator[Figure]:
    townships = max(size.few[0] * size.few[1], size.many[0] * size.many[1], size.free)
    with ground.furnished(NOW) as home, _slack() as slack:
        ground.create("delivery")
        _store(townships)
        override(DUBAN_SLACK_TOKEN="xoxb-benchmark", DUBAN_SLACK_API_URL=f"{slack}/api/", NO_PROXY="127.0.0.1")
        _deliver(home, 100, 100)  # a first one, which is not counted: imports, connections, statements
        _told(slack)
        yield from _within_the_limit(home, slack, *size.few)
        yield from _within_the_limit(home, slack, *size.many)
        yield from _without_a_limit(home, slack, size.free, size.rounds)


def _within_the_limit(home: Path, slack: str, channels: int, each: int) -> Iterator[Figure]:
    ground.say(f"{each} letters on each of {channels} channels, one a second on each…")
    httpx.get(f"{slack}/limit?{LIMIT_S}")
    done, seconds = _deliver(home, channels * each, channels)
    told = _told(slack)
    httpx.get(f"{slack}/limit?0")
    ground.say(f"  {done}; {told}; {seconds:.1f} s in all")
    _check(told["posts"], channels * each - done.failed)
    # The first posts of all channels may come at once, and so many more each second.
    rate = (told["posts"] - channels) / told["seconds"]
    name = f"delivery, {channels} channels of one a second"
    yield at_least(SHARE_OF_LIMIT, name, rate, "letters/s", floor=channels / LIMIT_S)
    yield no_more_than(1, f"{name}, 429s on one channel at most", told["limited_most"], "answers")


def _without_a_limit(home: Path, slack: str, letters: int, rounds: int) -> Iterator[Figure]:
    ground.say(
        f"{letters} letters without a limit, in turn with a bare loop of slack_sdk at {MAX_SENDS_AT_ONCE} at once…"
    )
    ours, bare, bare_async = [], [], []
    for _ in range(rounds):
        done, seconds = _deliver(home, letters, letters)
        _check(_told(slack)["posts"], letters)
        _check(done.letters, letters)
        ours.append(letters / seconds)
        calls = _calls(letters)
        bare.append(letters / _timed(lambda calls=calls: _post_all(slack, calls)))  # type: ignore[misc]
        _check(_told(slack)["posts"], letters)
        bare_async.append(letters / _timed(lambda calls=calls: asyncio.run(_post_all_async(slack, calls))))  # type: ignore[misc]
        _check(_told(slack)["posts"], letters)
        ground.say(f"  ours {ours[-1]:.0f}/s, bare {bare[-1]:.0f}/s, bare in asyncio {bare_async[-1]:.0f}/s")
    name, rate = "delivery without a limit", statistics.median(ours)
    yield at_least(SHARE_OF_BARE, name, rate, "letters/s", floor=statistics.median(bare))
    yield for_information(
        f"{name}, beside slack_sdk in asyncio", rate, "letters/s", floor=statistics.median(bare_async)
    )


def _deliver(home: Path, letters: int, channels: int) -> tuple[Delivered, float]:
    """Send the first so many townships their letter, spread over so many channels."""
    with ground.connected() as connection:
        connection.execute(AGAIN)
        connection.execute(
            "UPDATE message SET status = 'dropped'"
            " WHERE recipient_id NOT IN (SELECT recipient_id FROM message ORDER BY recipient_id LIMIT %s)",
            [letters],
        )
    ground.tidy()
    file = home / f"addresses-{letters}-{channels}.yaml"
    with transaction() as session:
        codes = session.scalars(
            select(Unit.code).join(Message, Message.recipient_id == Unit.id).order_by(Unit.id).limit(letters)
        ).all()
    if not file.exists():  # an office's file does not change from tick to tick either
        file.write_text(
            "".join(f"{code}: slack:C{number % channels:05}\n" for number, code in enumerate(codes)), "utf-8"
        )
    override(DUBAN_ADDRESSES_FILE=str(file))
    started = time.perf_counter()
    done = deliver(by_program(national.CODE, NOW))
    return done, time.perf_counter() - started


def _calls(letters: int) -> list[dict[str, Any]]:
    """What was sent last, as calls of Slack's client."""
    with transaction() as session:
        rows = session.execute(select(Attempt.key, Attempt.subject, Attempt.body).limit(letters)).all()
    return [
        {
            "channel": f"C{number:05}",
            "text": f"{row.subject}\n{row.body}".strip(),
            "blocks": _blocks(Post(row.key, row.subject, row.body)),
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": row.key}},
            "unfurl_links": False,
            "unfurl_media": False,
        }
        for number, row in enumerate(rows)
    ]


def _post_all(slack: str, calls: Sequence[dict[str, Any]]) -> None:
    client = WebClient("xoxb-benchmark", base_url=f"{slack}/api/", retry_handlers=[])
    client.proxy = None
    with ThreadPoolExecutor(MAX_SENDS_AT_ONCE) as pool:
        for answer in pool.map(lambda call: client.chat_postMessage(**call), calls):
            answer.validate()  # type: ignore[no-untyped-call]


async def _post_all_async(slack: str, calls: Sequence[dict[str, Any]]) -> None:
    turns = asyncio.Semaphore(MAX_SENDS_AT_ONCE)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        client = AsyncWebClient("xoxb-benchmark", base_url=f"{slack}/api/", session=session, retry_handlers=[])
        client.proxy = None

        async def post(call: dict[str, Any]) -> None:
            async with turns:
                await client.chat_postMessage(**call)

        await asyncio.gather(*map(post, calls))


@gc_frozen()  # as ours is; what else lies in this process is no matter of theirs
def _timed(act: Callable[[], None]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _told(slack: str) -> dict[str, Any]:
    told: dict[str, Any] = httpx.get(f"{slack}/figures").json()
    return told


def _check(found: int, expected: int) -> None:
    if found != expected:
        raise RuntimeError(f"{found} letters arrived, and {expected} were to")


def _store(townships: int) -> None:
    with transaction() as session:
        load_plan(session, _document(townships), actor=national.PROGRAM, at=national.issued_at())
    ground.say(f"Issuing {national.issue():,} assignments…")


def _document(townships: int) -> PlanDocument:
    """The national plan with one measure."""
    whole = national.document(townships)
    [area, *_] = whole.areas
    return dataclasses.replace(whole, areas=(dataclasses.replace(area, measures=area.measures[:1]),))


@contextmanager
def _slack() -> Iterator[str]:
    """The address of a Slack of our own."""
    command = [sys.executable, "-m", "benchmarks.processes.slack_process"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


if __name__ == "__main__":
    main()

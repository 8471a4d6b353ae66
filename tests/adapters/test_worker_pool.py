"""Lanes side by side: order and rest within one, none waits for another, and nothing that goes wrong is lost."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.channels.worker_pool import Job, JobResult, SerialWorkers


@asynccontextmanager
async def noted(notes: list[str]) -> AsyncIterator[None]:
    notes.append("opened")
    yield
    notes.append("closed")


def act(name: str, notes: list[str], *, takes_s: float = 0.0, rest_s: float = 0.0) -> Job[str]:
    async def run() -> JobResult[str]:
        notes.append(f"{name} begins")
        await asyncio.sleep(takes_s)
        notes.append(f"{name} ends")
        return JobResult(name, rest_s)

    return run


def fetched(lanes: SerialWorkers[str], count: int) -> list[str]:
    found: list[str] = []
    deadline = time.monotonic() + 20
    while len(found) < count:
        assert time.monotonic() < deadline
        found += lanes.fetch(0.5)
    return found


def test_one_lane_keeps_its_order_and_holds_up_no_other() -> None:
    notes: list[str] = []
    with SerialWorkers[str](4, noted(notes)) as lanes:
        lanes.add([("slow", act("s1", notes, takes_s=0.3), 0.0), ("slow", act("s2", notes), 0.0)])
        lanes.add([("quick", act(f"q{number}", notes), 0.0) for number in range(3)])
        assert fetched(lanes, 5) == ["q0", "q1", "q2", "s1", "s2"]
        assert lanes.under_way == 0
    assert notes.index("s1 ends") < notes.index("s2 begins")
    assert (notes[0], notes[-1]) == ("opened", "closed")


def test_a_lane_rests_and_waits_for_its_instant() -> None:
    notes: list[str] = []
    started = time.monotonic()
    with SerialWorkers[str](4, noted(notes)) as lanes:
        lanes.add([("a", act("a1", notes, rest_s=0.4), 0.0), ("a", act("a2", notes), 0.0)])
        lanes.add([("b", act("b1", notes), started + 0.2)])
        assert fetched(lanes, 3) == ["a1", "b1", "a2"]
    assert time.monotonic() - started >= 0.4


def test_when_a_lane_ends_counts_the_instants_that_its_acts_wait_for() -> None:
    notes: list[str] = []
    with SerialWorkers[str](4, noted(notes)) as lanes:
        now = time.monotonic()
        assert 0 <= lanes.ends_at("a", 2) - (now + 2) < 1
        lanes.add([("a", act("a1", notes), now + 60), ("a", act("a2", notes), 0.0)])
        assert lanes.ends_at("a", 2) == now + 64


def test_acts_that_hang_keep_no_other_waiting() -> None:
    notes: list[str] = []
    with SerialWorkers[str](2, noted(notes), quick_s=0.1) as lanes:
        lanes.add([(f"hanging {number}", act("hanging", notes, takes_s=3), 0.0) for number in range(6)])
        lanes.add([("quick", act("quick", notes), 0.0)])
        assert fetched(lanes, 1) == ["quick"]
        assert notes.count("hanging begins") == 6
        assert "hanging ends" not in notes


def test_no_more_are_under_way_at_once_than_were_allowed() -> None:
    notes: list[str] = []
    with SerialWorkers[str](2, noted(notes)) as lanes:
        lanes.add([(str(number), act(str(number), notes, takes_s=0.05), 0.0) for number in range(6)])
        fetched(lanes, 6)
    under_way, most = 0, 0
    for note in notes:
        under_way += note.endswith("begins") - note.endswith("ends")
        most = max(most, under_way)
    assert most == 2


def test_at_the_end_what_is_under_way_is_waited_for_and_the_rest_is_dropped() -> None:
    notes: list[str] = []
    with SerialWorkers[str](4, noted(notes)) as lanes:
        lanes.add([("a", act("a1", notes, takes_s=0.3), 0.0), ("a", act("a2", notes), 0.0)])
        lanes.add([("b", act("b1", notes), time.monotonic() + 60)])
        while "a1 begins" not in notes:
            time.sleep(0.01)
    assert notes == ["opened", "a1 begins", "a1 ends", "closed"]


def test_what_an_act_raises_is_raised_where_its_result_is_fetched() -> None:
    async def fail() -> JobResult[str]:
        raise ValueError("of this act")

    notes: list[str] = []
    with SerialWorkers[str](4, noted(notes)) as lanes:
        lanes.add([("a", fail, 0.0)])
        with pytest.raises(ValueError, match="of this act"):
            lanes.fetch(20)
    assert notes == ["opened", "closed"]


def test_so_is_what_stands_in_the_way_of_beginning() -> None:
    @asynccontextmanager
    async def closed() -> AsyncIterator[None]:
        raise OSError("no way out")
        yield

    with pytest.raises(OSError, match="no way out"), SerialWorkers[str](4, closed()):
        pass

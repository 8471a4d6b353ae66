"""Jobs of many destinations side by side, in order within each: a slow destination does not hold up the others."""

import asyncio
import dataclasses
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, ExitStack
from queue import Empty, SimpleQueue
from typing import Generic, Self, TypeVar

from anyio.from_thread import start_blocking_portal

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class JobResult(Generic[T]):
    """The result of one job, and for how many seconds its destination has to be left alone afterwards."""

    result: T
    rest_s: float = 0.0


Job = Callable[[], Awaitable[JobResult[T]]]

QUICK_S = 5.0
MAX_SLOW_JOBS = 512  # each may hold a socket, and a process has often no more than 1,024


@dataclasses.dataclass(slots=True, eq=False)
class _Worker(Generic[T]):
    acts: deque[tuple[float, Job[T]]] = dataclasses.field(default_factory=deque)
    free_at: float = 0.0
    work: asyncio.Task[None] | None = None
    is_acting: bool = False


class SerialWorkers(Generic[T]):
    """Runs the jobs of each destination one after another, with pauses between, and those of different ones at once.

    `at_once` acts are under way at a time, beside `MAX_SLOW_JOBS` that take longer than `quick_s`: hundreds that hang
    keep no other waiting. The acts run in an event loop of their own, in a thread, with `around` open around all of
    them; what they ask of `asyncio.to_thread` has a thread for each. Instants are `time.monotonic()`.
    `with SerialWorkers(…)` waits at its end for what is under way, and drops the rest.
    """

    def __init__(self, at_once: int, around: AbstractAsyncContextManager[object], quick_s: float = QUICK_S) -> None:
        self._at_once, self._quick_s, self._around = at_once, quick_s, around
        self._turns, self._slow = asyncio.Semaphore(at_once), set[_Worker[T]]()
        self._lanes: dict[str, _Worker[T]] = {}
        self._ended: SimpleQueue[T | BaseException] = SimpleQueue()
        self.under_way = 0  # jobs whose result was not fetched yet; only for the thread that adds and fetches

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._loop = stack.enter_context(start_blocking_portal("asyncio"))
            self._loop.call(self._have_threads)
            stack.enter_context(self._loop.wrap_async_context_manager(self._around))
            stack.callback(self._loop.call, self._finish)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_failure: object) -> None:
        self._stack.close()

    def add(self, acts: Iterable[tuple[str, Job[T], float]]) -> None:
        """Add jobs: the name of the destination, the job, and the instant before which it must not run."""
        lanes = []
        for name, act, not_before in acts:
            self.under_way += 1
            lane = self._lanes.setdefault(name, _Worker())
            lane.acts.append((not_before, act))
            lanes.append(lane)
        self._loop.start_task_soon(self._wake, lanes)

    def ends_at(self, name: str, each_s: float) -> float:
        """The instant at which a destination has no jobs left, if each takes `each_s` with the pause after it.

        The job that runs there now, or the pause, counts as one more.
        """
        end = time.monotonic() + each_s
        lane = self._lanes.get(name)
        for not_before, _ in list(lane.acts) if lane else ():  # a copy: the loop's thread takes from it
            end = max(end, not_before) + each_s
        return end

    def fetch(self, within_s: float) -> list[T]:
        """The results of jobs that end within this time; sooner when none is left. Raises what a job raised."""
        deadline = time.monotonic() + within_s
        found: list[T] = []
        while self.under_way:
            try:
                ended = self._ended.get(timeout=max(deadline - time.monotonic(), 0))
            except Empty:
                break
            self.under_way -= 1
            if isinstance(ended, BaseException):
                raise ended
            found.append(ended)
        return found

    # In the loop's thread

    def _have_threads(self) -> None:
        threads = ThreadPoolExecutor(self._at_once + MAX_SLOW_JOBS, thread_name_prefix="lane")
        asyncio.get_running_loop().set_default_executor(threads)

    async def _finish(self) -> None:
        works = [lane.work for lane in self._lanes.values() if lane.work]
        for lane in self._lanes.values():
            lane.acts.clear()
            if lane.work and not lane.is_acting:
                lane.work.cancel()
        await asyncio.gather(*works, return_exceptions=True)

    def _wake(self, lanes: Sequence[_Worker[T]]) -> None:
        for lane in lanes:
            if not lane.work:
                lane.work = asyncio.create_task(self._work_through(lane))

    async def _work_through(self, lane: _Worker[T]) -> None:
        while lane.acts:
            not_before, act = lane.acts[0]
            wait_s = max(lane.free_at, not_before) - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            await self._turns.acquire()
            slow = asyncio.get_running_loop().call_later(self._quick_s, self._pass_by, lane)
            lane.acts.popleft()
            lane.is_acting = True
            self._ended.put(await self._ended_of(lane, act))
            lane.is_acting = False
            slow.cancel()
            if lane in self._slow:
                self._slow.remove(lane)
            else:
                self._turns.release()
        lane.work = None

    def _pass_by(self, lane: _Worker[T]) -> None:
        """Give the place of a job that takes long to another one."""
        if len(self._slow) < MAX_SLOW_JOBS:
            self._slow.add(lane)
            self._turns.release()

    async def _ended_of(self, lane: _Worker[T], act: Job[T]) -> T | BaseException:
        rest_s = 0.0
        try:
            done = await act()
            rest_s = done.rest_s
        except BaseException as error:  # noqa: BLE001 - it is raised where the results are fetched
            return error
        finally:
            lane.free_at = time.monotonic() + rest_s
        return done.result

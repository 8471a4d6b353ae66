"""Channels side by side, each at its own pace: what is slow on one holds up no other."""

import dataclasses
import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """What came of one act, and how long its lane has to rest then."""

    result: T
    rest_s: float = 0.0


@dataclasses.dataclass(slots=True)
class _Lane(Generic[T]):
    free_at: float = 0.0
    acts: deque[tuple[float, Callable[[], Done[T]]]] = dataclasses.field(default_factory=deque)
    busy: bool = False


class Lanes(Generic[T]):
    """Runs acts: those of one lane one after another, each when the one before has ended and rested; lanes at once.

    Instants are `time.monotonic()`. `with Lanes(…)` waits at its end for what is under way, and drops the rest.
    """

    def __init__(self, at_once: int) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="lane")
        self._lanes: dict[str, _Lane[T]] = {}
        self._due: list[tuple[float, int, _Lane[T]]] = []
        self._number = itertools.count()  # so that lanes that are due at once keep their order
        self._changed = threading.Condition()
        self._ended: SimpleQueue[T | BaseException] = SimpleQueue()
        self._is_open = True
        self._dispatcher = threading.Thread(target=self._dispatch, name="lanes")
        self.under_way = 0  # acts whose result was not fetched yet; only for the thread that adds and fetches

    def __enter__(self) -> Self:
        self._dispatcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._is_open = False
            self._changed.notify()
        self._dispatcher.join()
        self._pool.shutdown(cancel_futures=True)

    def add(self, name: str, act: Callable[[], Done[T]], not_before: float = 0.0) -> None:
        """Put an act at the end of its lane."""
        self.under_way += 1
        with self._changed:
            lane = self._lanes.setdefault(name, _Lane())
            lane.acts.append((not_before, act))
            self._line_up(lane)

    def waiting(self, name: str) -> int:
        """How many acts of a lane have not begun."""
        with self._changed:
            lane = self._lanes.get(name)
            return len(lane.acts) if lane else 0

    def fetch(self, within_s: float) -> list[T]:
        """What ends within this time; sooner when nothing is under way. Raises what an act raised."""
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

    def _line_up(self, lane: _Lane[T]) -> None:
        if lane.acts and not lane.busy:
            lane.busy = True
            heapq.heappush(self._due, (max(lane.free_at, lane.acts[0][0]), next(self._number), lane))
            self._changed.notify()

    def _dispatch(self) -> None:
        while lane := self._next():
            self._pool.submit(self._run, lane)

    def _next(self) -> _Lane[T] | None:
        """The lane whose turn it is; None when all is over."""
        with self._changed:
            while self._is_open:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)
            return None

    def _run(self, lane: _Lane[T]) -> None:
        with self._changed:
            _, act = lane.acts.popleft()
        rest_s = 0.0
        try:
            done = act()
            ended: T | BaseException = done.result
            rest_s = done.rest_s
        except BaseException as error:  # noqa: BLE001 - it is raised where the results are fetched
            ended = error
        with self._changed:
            lane.free_at = time.monotonic() + rest_s
            lane.busy = False
            self._line_up(lane)
        self._ended.put(ended)

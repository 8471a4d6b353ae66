"""How much may be under way at once: of one unit, and in all."""

import asyncio
import contextvars
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from models.common.errors import RefusedError

WAIT_S, LOOK_S = 20, 0.02
T = TypeVar("T")


class Turns:
    """So many of one, such as a unit, and so many in all. Who comes beyond that waits a little, then is told."""

    def __init__(self, of_one: int, in_all: int) -> None:
        self._of_one, self._in_all = of_one, in_all
        self._under_way: Counter[Hashable] = Counter()
        self._alone = threading.Lock()

    @asynccontextmanager
    async def turn(self, who: Hashable) -> AsyncIterator[None]:
        """Raises RefusedError where too much is under way for longer than somebody waits."""
        if not await self.take(who):
            raise RefusedError("other files are still on their way; send this again in a few minutes")
        try:
            yield
        finally:
            self.give_back(who)

    async def take(self, who: Hashable) -> bool:
        """Wait for a turn, and say whether there was one; whoever takes one gives it back."""
        deadline = time.monotonic() + WAIT_S
        while not self._took(who):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(LOOK_S)
        return True

    def give_back(self, who: Hashable) -> None:
        with self._alone:
            self._under_way[who] -= 1
            if not self._under_way[who]:
                del self._under_way[who]

    def _took(self, who: Hashable) -> bool:
        with self._alone:
            is_free = self._under_way[who] < self._of_one and self._under_way.total() < self._in_all
            if is_free:
                self._under_way[who] += 1
            return is_free


class UnderWay:
    """How many bytes are on their way, of one and in all: each of several might find room for itself alone."""

    def __init__(self) -> None:
        self._coming: Counter[Hashable] = Counter()
        self._alone = threading.Lock()

    @contextmanager
    def coming(self, who: Hashable, size: int) -> Iterator[None]:
        """So many bytes of one come in meanwhile."""
        with self._alone:
            self._coming[who] += size
        try:
            yield
        finally:
            with self._alone:
                self._coming[who] -= size
                if not self._coming[who]:
                    del self._coming[who]

    def of(self, who: Hashable) -> int:
        with self._alone:
            return self._coming[who]

    def in_all(self) -> int:
        with self._alone:
            return self._coming.total()


class Aside:
    """Threads for long work, so that it takes none of those in which pages are made."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="aside")

    async def run(self, work: Callable[[], T]) -> T:
        """Run it in one of these threads, with the context of the caller."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._pool, context.run, work)

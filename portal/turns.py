"""How much may be under way at once: of one unit, and in all."""

import asyncio
import contextvars
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from models.common.errors import RefusedError

WAIT_S, LOOK_S = 20, 0.05
T = TypeVar("T")


class Turns:
    """So many of one unit, and so many in all. Who comes beyond that waits a little, then is asked to come again."""

    def __init__(self, of_one: int, in_all: int) -> None:
        self._of_one, self._in_all = of_one, in_all
        self._under_way: Counter[int] = Counter()
        self._alone = threading.Lock()

    @asynccontextmanager
    async def turn(self, unit_id: int) -> AsyncIterator[None]:
        """Raises RefusedError where too much is under way for longer than somebody waits."""
        deadline = time.monotonic() + WAIT_S
        while not self._took(unit_id):
            if time.monotonic() > deadline:
                raise RefusedError("other files are still on their way; send this again in a few minutes")
            await asyncio.sleep(LOOK_S)
        try:
            yield
        finally:
            with self._alone:
                self._under_way[unit_id] -= 1

    def _took(self, unit_id: int) -> bool:
        with self._alone:
            is_free = self._under_way[unit_id] < self._of_one and self._under_way.total() < self._in_all
            self._under_way[unit_id] += is_free
            return is_free


class Aside:
    """Threads for long work, so that it takes none of those in which pages are made."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="aside")

    async def run(self, work: Callable[[], T]) -> T:
        """Run it in one of these threads, with the context of the caller."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._pool, context.run, work)

"""Answers that are kept while nothing they depend on has changed."""

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """Keeps a number of answers, and drops the least recently used. One is worked out once, whoever waits for it.

    `stamp` says on what an answer rests; it is taken before the answer is worked out, so that an answer
    may be newer than its stamp and is never older.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._places: OrderedDict[Hashable, _Place[T]] = OrderedDict()
        self._lock = threading.Lock()
        self._ticks = itertools.count()

    def get(self, key: Hashable, stamp: str, make: Callable[[], T]) -> T:
        came = next(self._ticks)
        place = self._place(key)
        with place.lock:
            # An answer whose computation began after this call is new enough for it.
            if place.answer is not None and (place.stamp == stamp or place.begun > came):
                return place.answer[0]
            begun = next(self._ticks)
            place.answer = (make(),)
            place.stamp, place.begun = stamp, begun
            return place.answer[0]

    def _place(self, key: Hashable) -> "_Place[T]":
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
            while len(self._places) > self._most:
                self._places.popitem(last=False)
            return place


class _Place(Generic[T]):
    """Where one answer is kept. The lock is its own: nobody waits for another answer."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.answer: tuple[T] | None = None
        self.stamp = ""
        self.begun = -1

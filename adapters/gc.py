"""Keeps Python's garbage collector from searching objects that live as long as the process."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_at_work = 0


@contextmanager
def gc_frozen() -> Iterator[None]:
    """For work that makes very many small things: what was there before is left alone until its end.

    The collector comes the more often the more is made, and goes through all that there is: with Prefect and
    SQLAlchemy imported that is several hundred thousand things that live as long as the process, and costs as much
    time as the work itself. Cycles that are made meanwhile are still found. It also serves as a decorator.

    Of threads at work at once the first begins and the last ends it: each freezing anew, they would set aside for
    good what the others had just thrown away, and a notice to each township came to gigabytes.
    """
    global _at_work  # noqa: PLW0603  (the collector is the process's, too)
    with _lock:
        _at_work += 1
        if _at_work == 1:
            gc.collect(1)  # collect first, so that garbage is not frozen as well
            gc.freeze()
    try:
        yield
    finally:
        with _lock:
            _at_work -= 1
            if not _at_work:
                gc.unfreeze()

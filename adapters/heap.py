"""The garbage collector of Python, told what it need not look through again and again."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heap_at_rest() -> Iterator[None]:
    """For work that makes very many small things: what was there before is left alone until its end.

    The collector comes the more often the more is made, and goes through all that there is: with Prefect and
    SQLAlchemy imported that is several hundred thousand things that live as long as the process, and costs as much
    time as the work itself. Cycles that are made meanwhile are still found. It also serves as a decorator.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()

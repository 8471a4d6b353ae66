"""What was there before is left alone, and what is made meanwhile is still collected."""

import gc
import weakref

import pytest

from adapters.gc import gc_frozen


class Thing:
    """Can be in a cycle, and watched."""

    def __init__(self) -> None:
        self.itself = self


def test_what_was_there_is_left_alone_and_what_is_made_meanwhile_is_collected() -> None:
    before = Thing()
    old = weakref.ref(before)
    with gc_frozen():
        new = weakref.ref(Thing())
        del before
        gc.collect()
        assert old() is not None
        assert new() is None
    gc.collect()
    assert old() is None


def test_what_one_throws_away_is_not_set_aside_by_the_next_at_work_beside_it() -> None:
    with gc_frozen():
        thrown_away = weakref.ref(Thing())
        with gc_frozen():  # a second one, that begins and ends while the first is at work
            gc.collect()
            assert thrown_away() is None
        assert gc.get_freeze_count() > 0, "the first is still at work"
    assert gc.get_freeze_count() == 0


def test_after_an_error_everything_is_collected_again() -> None:
    @gc_frozen()
    def fail() -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        fail()
    assert gc.get_freeze_count() == 0

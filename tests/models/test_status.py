"""The life of an assignment: every move that exists, and none that does not."""

import itertools

import pytest

from models.common.status import CLOSED, MOVES, OWED, Status, may_correct, may_move

ALLOWED = {
    "issued": "acknowledged submitted waived",
    "acknowledged": "submitted waived",
    "submitted": "accepted returned waived",
    "returned": "submitted waived",
    "accepted": "",
    "waived": "",
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(Status, Status)))
def test_moves(before: Status, after: Status) -> None:
    assert may_move(before, after) is (after.value in ALLOWED[before].split())


CORRECTED = {
    "submitted": "acknowledged returned",
    "accepted": "submitted",
    "waived": "issued acknowledged submitted returned",
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(Status, Status)))
def test_moves_back_exist_for_corrections_alone(before: Status, after: Status) -> None:
    assert may_correct(before, after) is (after.value in CORRECTED.get(before, "").split())
    assert not (may_correct(before, after) and may_move(before, after)) or after is Status.RETURNED


def test_what_is_closed_stays_closed_and_what_is_open_can_be_waived() -> None:
    assert {status for status in Status if not MOVES[status]} == CLOSED
    assert all(may_move(status, Status.WAIVED) is status.is_open for status in Status)


def test_a_unit_owes_what_is_open_and_not_in_review() -> None:
    assert set(Status) - CLOSED - OWED == {Status.SUBMITTED}
    assert [status for status in Status if status.is_owed] == [Status.ISSUED, Status.ACKNOWLEDGED, Status.RETURNED]

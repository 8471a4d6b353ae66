"""The life of an assignment: its statuses and which moves exist. Overdue is not a status: it follows from the dates."""

from enum import StrEnum


class Status(StrEnum):
    ISSUED = "issued"
    ACKNOWLEDGED = "acknowledged"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    WAIVED = "waived"

    @property
    def is_open(self) -> bool:
        """Not at its end yet."""
        return self not in CLOSED

    @property
    def is_owed(self) -> bool:
        """The unit has to act; a submitted one waits for its reviewer."""
        return self in OWED


CLOSED = frozenset({Status.ACCEPTED, Status.WAIVED})
OWED = frozenset({Status.ISSUED, Status.ACKNOWLEDGED, Status.RETURNED})

# Submitting implies signing, so `issued` may go straight to `submitted`.
MOVES: dict[Status, frozenset[Status]] = {
    Status.ISSUED: frozenset({Status.ACKNOWLEDGED, Status.SUBMITTED, Status.WAIVED}),
    Status.ACKNOWLEDGED: frozenset({Status.SUBMITTED, Status.WAIVED}),
    Status.SUBMITTED: frozenset({Status.ACCEPTED, Status.RETURNED, Status.WAIVED}),
    Status.RETURNED: frozenset({Status.SUBMITTED, Status.WAIVED}),
    Status.ACCEPTED: frozenset(),
    Status.WAIVED: frozenset(),
}

# Moves back, by a correction alone: a hand-in is withdrawn, an acceptance taken back, a waiver undone.
CORRECTIONS: dict[Status, frozenset[Status]] = {
    Status.SUBMITTED: frozenset({Status.ACKNOWLEDGED, Status.RETURNED}),
    Status.ACCEPTED: frozenset({Status.SUBMITTED}),
    Status.WAIVED: frozenset({Status.ISSUED, Status.ACKNOWLEDGED, Status.SUBMITTED, Status.RETURNED}),
}


def may_move(before: Status, after: Status) -> bool:
    return after in MOVES[before]


def may_correct(before: Status, after: Status) -> bool:
    return after in CORRECTIONS.get(before, frozenset())

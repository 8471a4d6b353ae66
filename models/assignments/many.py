"""Many assignments moved at once, as `move` and `move_due` do one: a statement for all, however many they are."""

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.assignments.assignment import Assignment
from models.common.base import any_of_many, as_array, as_recordset
from models.common.event import Actor, EventKind
from models.common.status import Status
from models.dates.instants import first_round_on
from models.dates.workdays import Settled
from models.plan.area import Role
from models.plan.ladder import LadderState, next_look
from models.plan.plan import Plan
from models.plan.requirement import Ladders, Requirement

# The rows of `alike` say what all assignments of a number have in common; `ids` and `numbers` go side by side.
# Entries are written before the rows are: who works on one of them waits from then on alone.
TOLD = """
WITH alike AS (
    SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS alike (
        number bigint, due_before date, due_on date, due_provisional boolean, next_action_at timestamptz
    )
), told AS (
    SELECT id, alike.* FROM unnest(CAST(:ids AS bigint[]), CAST(:numbers AS bigint[])) AS one (id, number)
    JOIN alike USING (number)
)
"""
NOTE_DUE = text(
    TOLD
    + """
INSERT INTO event (
    at, plan_id, assignment_id, kind, actor, actor_unit_id, run, address, access_id, due_before, due_after, why
)
SELECT :at, :plan_id, id, 'due_moved', :actor, :actor_unit_id, :run, :address, :access_id, due_before, due_on, :why
FROM told ORDER BY id
"""
)
MOVE_DUE = text(
    TOLD
    + """
UPDATE assignment SET
    due_on = told.due_on, due_provisional = told.due_provisional, next_action_at = told.next_action_at,
    done_until = GREATEST(done_until, :today)
FROM told WHERE assignment.id = told.id
"""
)
NOTE_WAIVED = text("""
INSERT INTO event (
    at, plan_id, assignment_id, kind, actor, actor_unit_id, run, address, access_id, status_before, status_after,
    due_before, due_after, why
)
SELECT :at, :plan_id, id, 'moved', :actor, :actor_unit_id, :run, :address, :access_id, status, 'waived', due_on,
       due_on, :why
FROM assignment WHERE id = ANY(CAST(:ids AS bigint[])) AND status NOT IN ('accepted', 'waived') ORDER BY id
""")
WAIVE = text("""
UPDATE assignment SET status = 'waived', next_action_at = NULL, done_until = GREATEST(done_until, :today)
WHERE id = ANY(CAST(:ids AS bigint[])) AND status NOT IN ('accepted', 'waived')
""")
SET_ROLES = text("""
UPDATE assignment SET role = given.role
FROM json_to_recordset(CAST(:rows AS json)) AS given (id bigint, role text)
WHERE assignment.id = given.id
""")
NOTE = text("""
INSERT INTO event (
    at, plan_id, assignment_id, kind, actor, actor_unit_id, run, address, access_id, why, detail
)
SELECT :at, :plan_id, id, :kind, :actor, :actor_unit_id, :run, :address, :access_id, :why, alike.detail
FROM unnest(CAST(:ids AS bigint[]), CAST(:numbers AS bigint[])) AS one (id, number)
JOIN json_to_recordset(CAST(:rows AS json)) AS alike (number bigint, detail jsonb) USING (number)
ORDER BY id
""")


_encoded = json.JSONEncoder(ensure_ascii=False).encode


def _common(plan: Plan, actor: Actor, at: dt.datetime, why: str) -> dict[str, Any]:
    return {
        "at": at,
        "plan_id": plan.id,
        "actor": actor.name,
        "actor_unit_id": actor.unit_id,
        "run": actor.run,
        "address": actor.address,
        "access_id": actor.access,
        "why": why,
    }


class Moves:
    """What happens to many assignments: `note` appends their entries, `write` then moves them.

    Past the session: assignments that it has read stay as they were.
    """

    def __init__(self, session: Session, plan: Plan, *, actor: Actor, at: dt.datetime, why: str) -> None:
        self._session, self._plan, self._today = session, plan, plan.day_of(at)
        self._common = _common(plan, actor, at, why)
        self._waived: list[int] = []
        self._dates: dict[int, Settled] = {}
        self._roles: dict[int, Role] = {}
        self._told: dict[str, Any] = {}

    def waive(self, assignment_id: int) -> None:
        """End an open one that nobody asks for any longer."""
        self._waived.append(assignment_id)

    def move_due(self, assignment_id: int, to: Settled) -> None:
        """Change the date in force."""
        self._dates[assignment_id] = to

    def set_role(self, assignment_id: int, role: Role) -> None:
        """Who changes a role writes it into the journal."""
        self._roles[assignment_id] = role

    def note(self) -> None:
        if self._waived:
            self._session.execute(NOTE_WAIVED, {"ids": as_array(self._waived)} | self._common)
        if self._dates:
            self._told = self._alike()
            self._session.execute(NOTE_DUE, self._told | self._common)

    def write(self) -> None:
        if self._roles:
            self._session.execute(SET_ROLES, as_recordset(("id", "role"), self._roles.items()))
        if self._waived:
            self._session.execute(WAIVE, {"ids": as_array(self._waived), "today": self._today})
        if self._dates:
            self._session.execute(MOVE_DUE, self._told | {"today": self._today})

    def _alike(self) -> dict[str, Any]:
        """Those that stand alike and get the same date are looked at once."""
        alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for id_, *standing in self._session.execute(_standings(self._dates)):
            alike[*standing, self._dates[id_]].append(id_)
        ladders = Ladders(self._session, self._plan)
        rows = [self._row(number, ladders, *facts) for number, facts in enumerate(alike)]
        names = ("number", "due_before", "due_on", "due_provisional", "next_action_at")
        return as_recordset(names, rows) | _side_by_side(alike.values())

    def _row(
        self,
        number: int,
        ladders: Ladders,
        status: Status,
        issued_on: dt.date,
        due_before: dt.date,
        submitted_on: dt.date | None,
        done_until: dt.date,
        needs_attention: str,
        phase_id: int,
        ladder_id: int | None,
        to: Settled,
    ) -> tuple[Any, ...]:
        """What those of one number have in common; the steps of the ladder up to today are void."""
        plan, look_on = self._plan, None
        if status.is_open and not needs_attention:
            state = LadderState(status, issued_on, to.on, submitted_on, max(done_until, self._today))
            steps, live_from = ladders.of(phase_id, ladder_id), plan.go_live_on or dt.date.min
            look_on = next_look(steps, state, plan.work_calendar, live_from)
        return number, due_before, to.on, to.provisional, look_on and first_round_on(look_on, plan.timezone)


def _side_by_side(groups: Iterable[Sequence[int]]) -> dict[str, str]:
    """The ids of all groups, and to each the number of its group."""
    some = list(groups)
    numbers = (number for number, ids in enumerate(some) for _ in ids)
    return {"ids": as_array(one for ids in some for one in ids), "numbers": as_array(numbers)}


def _standings(dates: Mapping[int, Settled]) -> Any:
    return (
        select(
            Assignment.id,
            Assignment.status,
            Assignment.issued_on,
            Assignment.due_on,
            Assignment.submitted_on,
            Assignment.done_until,
            Assignment.needs_attention,
            Requirement.phase_id,
            Requirement.ladder_id,
        )
        .join(Requirement, Requirement.id == Assignment.requirement_id)
        .where(any_of_many(Assignment.id, dates))
    )


def note_many(
    session: Session,
    plan: Plan,
    kind: EventKind,
    details: Mapping[int, Mapping[str, Any]],
    *,
    actor: Actor,
    at: dt.datetime,
    why: str,
) -> None:
    """Append an entry for each assignment, by its id, with what it says besides."""
    if not details:
        return
    alike: dict[str, list[int]] = defaultdict(list)
    for one, detail in details.items():
        alike[_encoded(detail)].append(one)
    rows = [(number, json.loads(detail)) for number, detail in enumerate(alike)]
    given = as_recordset(("number", "detail"), rows) | _side_by_side(alike.values()) | {"kind": kind.value}
    session.execute(NOTE, given | _common(plan, actor, at, why))

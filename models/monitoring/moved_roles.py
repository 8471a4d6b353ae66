"""Who led and in which role, before change sets moved it: read from the journal, for whoever looks back."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.assignments.reviewer import lead_over
from models.common.base import AnyRow
from models.common.event import Event, EventKind
from models.common.status import CLOSED
from models.monitoring.replay import Moved
from models.plan.area import Role
from models.plan.plan import Plan

Leads = Mapping[int, Sequence[tuple[Moved, int | None]]]
Roles = Mapping[int, Sequence[tuple[Moved, Role]]]


@dataclasses.dataclass(frozen=True, slots=True)
class MovedRoles:
    """For each requirement who led it until when, for each assignment which role it had until when; oldest first."""

    leads: Leads
    roles: Roles

    def leads_before(self, row: AnyRow) -> tuple[tuple[Moved, int | None], ...]:
        """Which unit led the item of an assignment, as `lead_over` has it, until each entry by which that changed."""
        leads, roles = self.leads.get(row.requirement_id, ()), self.roles.get(row.id, ())
        moves = sorted({move for move, _ in (*leads, *roles)})

        def until(move: Moved) -> int | None:
            role = next((before for moved, before in roles if moved >= move), row.role)
            lead = next((before for moved, before in leads if moved >= move), row.lead_id)
            return lead_over(role, row.unit_id, lead)

        return tuple((move, until(move)) for move in moves)

    def was_led(self, row: AnyRow) -> bool:
        """Whether the unit led it when its work was finished: nobody takes that from what is done."""
        return row.status in CLOSED and any(unit == row.unit_id for _, unit in self.leads.get(row.requirement_id, ()))


def moves_of_roles(session: Session, plan: Plan) -> MovedRoles:
    query = (
        select(Event.id, Event.at, Event.assignment_id, Event.detail)
        .where(Event.plan_id == plan.id, Event.kind == EventKind.PLAN_CHANGED)
        .order_by(Event.id)
    )
    leads: dict[int, list[tuple[Moved, int | None]]] = defaultdict(list)
    roles: dict[int, list[tuple[Moved, Role]]] = defaultdict(list)
    for id_, at, assignment_id, detail in session.execute(query):
        for requirement_id, before, _ in detail.get("leads", ()):
            leads[requirement_id].append((Moved(id_, at), before))
        if "role_before" in detail:
            roles[assignment_id].append((Moved(id_, at), Role(detail["role_before"])))
    return MovedRoles(leads, roles)

"""Metrics of the program itself. They may be read every few seconds: each is answered from a small index."""

import dataclasses
import datetime as dt
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.monitoring.alerts import GRACE, last_round

# What is late depends on the plan's time zone; everything else is one question for all plans.
PLANS = text("SELECT id, timezone FROM plan")
METRICS = text("""
WITH round AS (
    SELECT * FROM unnest(CAST(:plan_id AS bigint[]), CAST(:due_by AS timestamptz[])) AS round (plan_id, due_by)
), due AS (
    SELECT phase.plan_id, count(*) AS due,
           count(*) FILTER (WHERE next_action_at <= due_by AND opened_at <= due_by) AS late
    FROM assignment
    JOIN requirement ON requirement.id = assignment.requirement_id
    JOIN phase ON phase.id = requirement.phase_id
    JOIN round ON round.plan_id = phase.plan_id
    WHERE next_action_at <= :at
    GROUP BY phase.plan_id
), set_aside AS (
    SELECT phase.plan_id, count(*) AS set_aside
    FROM assignment
    JOIN requirement ON requirement.id = assignment.requirement_id
    JOIN phase ON phase.id = requirement.phase_id
    WHERE needs_attention <> ''
    GROUP BY phase.plan_id
), unsent AS (
    SELECT unit.plan_id, count(*) FILTER (WHERE status = 'pending') AS pending,
           count(*) FILTER (WHERE status = 'sending') AS sending, min(created_at) AS oldest_unsent_at
    FROM message JOIN unit ON unit.id = message.recipient_id
    WHERE status IN ('pending', 'sending')
    GROUP BY unit.plan_id
), dead AS (
    SELECT unit.plan_id, count(*) AS dead
    FROM message JOIN unit ON unit.id = message.recipient_id
    WHERE status = 'dead'
    GROUP BY unit.plan_id
), patrols AS (
    SELECT plan_id, count(*) AS patrols, sum(fired) AS fired, sum(letters) AS letters, sum(failed) AS failed,
           max(started_at) AS last_patrol_at
    FROM patrol_round
    GROUP BY plan_id
)
SELECT plan.code, coalesce(due, 0) AS due, coalesce(late, 0) AS late, coalesce(set_aside, 0) AS set_aside,
       coalesce(pending, 0) AS pending, coalesce(sending, 0) AS sending, coalesce(dead, 0) AS dead,
       coalesce(patrols, 0) AS patrols, coalesce(fired, 0) AS fired, coalesce(letters, 0) AS letters,
       coalesce(failed, 0) AS failed, oldest_unsent_at, last_patrol_at, whole.ended_at,
       whole.ended_at - whole.started_at AS patrol_took
FROM plan
LEFT JOIN due ON due.plan_id = plan.id
LEFT JOIN set_aside ON set_aside.plan_id = plan.id
LEFT JOIN unsent ON unsent.plan_id = plan.id
LEFT JOIN dead ON dead.plan_id = plan.id
LEFT JOIN patrols ON patrols.plan_id = plan.id
LEFT JOIN LATERAL (
    SELECT started_at, ended_at FROM patrol_round
    WHERE plan_id = plan.id AND ended_at IS NOT NULL
    ORDER BY started_at DESC LIMIT 1
) AS whole ON true
ORDER BY plan.code
""")


@dataclasses.dataclass(frozen=True, slots=True)
class PlanMetrics:
    """Of one plan. `due` and `late` count assignments that wait for patrol; `letters`, `failed` and `fired` are what
    all patrols did together. The instants and `patrol_took` are None where there is none.
    """

    plan: str
    due: int
    late: int
    set_aside: int
    pending: int
    sending: int
    dead: int
    patrols: int
    fired: int
    letters: int
    failed: int
    oldest_unsent_at: dt.datetime | None
    last_patrol_at: dt.datetime | None
    last_patrol_ended_at: dt.datetime | None
    patrol_took: dt.timedelta | None


def plan_metrics(session: Session, at: dt.datetime) -> list[PlanMetrics]:
    """The figures of all plans at this instant."""
    plans = session.execute(PLANS).all()
    asked: dict[str, Any] = {
        "at": at,
        "plan_id": [plan.id for plan in plans],
        "due_by": [last_round(at - GRACE, plan.timezone) for plan in plans],
    }
    return [PlanMetrics(*row) for row in session.execute(METRICS, asked)]
